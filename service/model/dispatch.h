/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_DISPATCH_H
#define SERVICE_MODEL_DISPATCH_H

/*
 * What is a device due, and what may it fetch: the verbs under every device protocol. The caller
 * has found out that the device is who it says (act->actor); no verb works for another one.
 *
 * An attempt begins when the device fetches the offer (dispatch_offer) and ends by what it reports
 * (report.h, proof.h). A device works at one attempt at a time. While the gate is closed nothing is
 * offered and no first byte is given, not even again: E_OFFER_WITHHELD, which devices see as 404.
 *
 * Actions are the numbers that device protocols use for deployments: per device, from 11.
 */

#include "common/wire/manifest.h"
#include "service/model/dispatch_states.h"
#include "service/model/gate_watch.h"
#include "service/model/model.h"

enum { DISPATCH_BATCH_MAX = 1000, DISPATCH_ACTION_MAX = 2147483647 };

/* A row of table deployment. */
struct deployment {
	const char *campaign;
	const char *device;
	int64_t action;
	enum deployment_state state;
	int64_t attempt;  /* 0: never offered */
	int64_t progress; /* reports since the last event */
	int64_t kinds;	  /* bits: kinds of report seen in this attempt */
	bool over;	  /* the campaign has ended */
	bool proves;	  /* this device confirms by signed report only */
};
struct deployment dispatch_deployment_of(const struct db_row *row);
/* "11": E_ACTION_UNKNOWN for anything that is no action's number. */
MUST_CHECK bool dispatch_action_read(const char *text, int64_t *out, struct err *err);

/* ---- poll: many devices at once ---- */
struct dispatch_poll {
	const char *device;
	clock_us at;
	/* found */
	int64_t action; /* 0: nothing to show */
	int64_t attempt;
	bool wanted; /* attributes */
};
/* Notes that they were seen. count up to DISPATCH_BATCH_MAX; a device may be there twice. */
MUST_CHECK bool dispatch_poll(struct model *model, struct arena *arena, struct device_gate *gate,
			      struct dispatch_poll *polls, size_t count, struct err *err);

/* ---- the offer ---- */
struct dispatch_artifact {
	const char *name;
	int64_t size_bytes;
	const char *sha256, *sha1, *md5;
};
struct dispatch_offer {
	struct deployment deployment;
	struct manifest manifest;
	const struct dispatch_artifact *artifacts;
	size_t artifact_count;
};
/* Begins the attempt, or repeats the offer of the one under way. E_ACTION_UNKNOWN, E_OFFER_WITHHELD. */
MUST_CHECK bool dispatch_offer(struct model *model, const struct act *act, int64_t action,
			       struct dispatch_offer *out, struct err *err);

/* ---- bytes ---- */
struct dispatch_file {
	struct manifest_artifact artifact;
	bool begins; /* the deployment still is offered: call dispatch_download before the bytes go out */
};
/* Which stored artifact this name of the device's offer means; changes nothing. E_ACTION_UNKNOWN,
 * E_OFFER_WITHHELD. */
MUST_CHECK bool dispatch_find_file(struct model *model, const struct act *act, int64_t action,
				   const char *name, struct dispatch_file *out, struct err *err);
/* The first bytes are asked for: offered goes to downloading; later than that nothing changes. */
MUST_CHECK bool dispatch_download(struct model *model, const struct act *act, int64_t action,
				  struct err *err);

/* ---- what the device says of itself ---- */
struct ddi_config;
enum { DISPATCH_ATTRIBUTES_BYTES = 64 * 1024 };
/* E_ATTRIBUTES_LIMIT: what would be kept is over DISPATCH_ATTRIBUTES_BYTES or DDI_ATTRIBUTES_MAX. */
MUST_CHECK bool dispatch_attributes(struct model *model, const struct act *act,
				    const struct ddi_config *config, struct err *err);

/* ---- for report.c, proof.c and campaign.c ---- */
struct dispatch_change {
	enum deployment_state to;
	const char *basis;	  /* "proof", "claim" of an end that has one; else NULL */
	const char *code;	  /* why it failed; NULL: as it was */
	const char *proof_sha256; /* a signed report says so: it replaces what was only said */
	const char *report;	  /* the kind of report that says so, or NULL */
	bool late;		  /* it came after the end and changes nothing */
};
/* Appends the event (deployment.ended when it ends, else deployment.moved) and changes the row, and
 * *deployment with it; kinds are stored as they stand there. */
MUST_CHECK bool dispatch_move(struct db_tx *tx, const struct model *model, const struct act *act,
			      struct deployment *deployment, const struct dispatch_change *change,
			      struct err *err);
/* The event alone, for those who append several. */
struct event dispatch_event_of(struct arena *arena, const struct deployment *from,
			       const struct dispatch_change *change);
MUST_CHECK bool dispatch_move_row(struct db_tx *tx, clock_us at, struct deployment *deployment,
				  const struct dispatch_change *change, struct err *err);
/* The manifest of the sealed release that a campaign carries; row: of dispatch_release_get. */
MUST_CHECK bool dispatch_manifest(struct db_tx *tx, const char *campaign, struct manifest *out,
				  struct db_row *row, struct err *err);

#endif
