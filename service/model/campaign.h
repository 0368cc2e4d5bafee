/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_CAMPAIGN_H
#define SERVICE_MODEL_CAMPAIGN_H

/*
 * Campaigns. What opens (submitting, starting, resuming) is asked of the keeper, which checks and
 * records it; what closes (holding, aborting) is done here at commit and waits for nobody. Each verb
 * asks for the person's role for the campaign's product. A refusal of the keeper is recorded as
 * campaign.refused.
 *
 * States (view campaign_state): draft, submitted, running, held; then aborted, withdrawn, rejected,
 * expired, completed for ever.
 */

#include "common/wire/plan.h"
#include "service/model/keeper_call.h"

enum { CAMPAIGN_DAYS = 30 }; /* of a plan that states no end */

/* ---- drafting ---- */
struct campaign_order {
	const char *name;
	const char *release;
	const char *const *devices; /* any order; each once */
	size_t device_count;
	clock_us not_before, not_after; /* 0: now; CAMPAIGN_DAYS later */
};
struct campaign_drafted {
	const char *campaign;
	struct bytes plan; /* what the release manager signs */
	struct sha256_hex plan_sha256;
};
/* Makes the plan from what the directory says of these devices, keeps the draft and hands the plan
 * to the keeper. Regulated. When the keeper refuses the plan the draft stays, and leads nowhere.
 * E_RELEASE_UNKNOWN: no sealed release; E_CAMPAIGN_DEVICES, E_PLAN. */
MUST_CHECK bool campaign_draft(struct model *model, const struct act *act,
			       const struct campaign_order *order, struct campaign_drafted *out,
			       struct keeper_place *place, struct err *err);

/* ---- opening: regulated ---- */
MUST_CHECK bool campaign_start(struct model *model, const struct act *act, const char *campaign,
			       struct keeper_place *place, struct err *err);
MUST_CHECK bool campaign_resume(struct model *model, const struct act *act, const char *campaign,
				const char *signature, struct keeper_place *place, struct err *err);

/* ---- closing: at commit ---- */
/* A signature that resumes covers all holds there are when it is given. E_CAMPAIGN_STATE: not submitted yet, or ended. */
MUST_CHECK bool campaign_put_hold(struct model *model, const struct act *act, const char *campaign,
				  const char *reason, int64_t *number, struct event_id *event,
				  struct err *err);
/* A second time says before. */
MUST_CHECK bool campaign_abort(struct model *model, const struct act *act, const char *campaign,
			       const char *reason, struct keeper_place *place, struct err *err);

/* ---- looking (campaign_view.c) ---- */
struct campaign {
	const char *id, *name, *product, *release, *state, *plan_sha256, *drafted_by;
	clock_us drafted_at;
};
struct campaign_count {
	const char *state;
	int64_t n;
};
struct campaign_hold_view {
	int64_t number;
	const char *by, *reason;
	clock_us at;
	bool released;
};
struct campaign_view {
	struct campaign campaign;
	const struct campaign_count *counts; /* of deployments */
	size_t count_count;
	const struct campaign_hold_view *holds; /* newest first */
	size_t hold_count;
	int64_t permit_number; /* of the live permit; 0: none */
	clock_us permit_not_after;
};
struct campaign_deployment {
	const char *device, *serial, *state, *basis, *code;
	int64_t action, attempt, progress;
	clock_us offered_at, changed_at, ended_at; /* 0: not yet */
};
/* E_CAMPAIGN_UNKNOWN */
MUST_CHECK bool campaign_get(struct model *model, struct arena *arena, const char *campaign,
			     struct campaign_view *out, struct err *err);
MUST_CHECK bool campaign_list(struct model *model, struct arena *arena, const struct page *page,
			      const struct campaign **out, size_t *count, bool *more,
			      struct err *err);
MUST_CHECK bool campaign_devices(struct model *model, struct arena *arena, const char *campaign,
				 const struct page *page, const struct campaign_deployment **out,
				 size_t *count, bool *more, struct err *err);

/* ---- what follows by itself (campaign_due.c): for jobs.c, and campaign_start ---- */
/* Makes the deployments that are missing for the campaign's targets; nothing missing is fine. One
 * event, deployment.batch, with their number and digest: SHA-256 over "device action\n" of each in
 * order of device. */
MUST_CHECK bool campaign_deploy(struct model *model, const struct act *act, const char *campaign,
				struct err *err);
/* For every campaign: missing deployments, plans that are over, work that is done, deployments that
 * nobody begun of campaigns that ended. Goes on past what fails; the first failure is told. */
MUST_CHECK bool campaign_due(struct model *model, const struct act *act, struct err *err);

#endif
