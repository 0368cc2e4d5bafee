/* SPDX-License-Identifier: Apache-2.0 */
/* How does a campaign begin, open, close and end? Showing one stands in campaign_view.c. */

#include "service/model/campaign.h"

#include "common/log.h"
#include "service/model/directory.h"

#include <stdlib.h>
#include <string.h>

static const char *const managers[] = {"release_manager", NULL};
static const char *const holders[] = {"release_manager", "qa", "support", NULL};

/* ---- common steps ---- */

struct find_work {
	const char *campaign;
	const char *product, *state;
};

static bool find_work(struct db_tx *tx, void *context, struct err *err)
{
	struct find_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CAMPAIGN_FIND, DB(db_text(work->campaign)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_CAMPAIGN_UNKNOWN, NULL);
	work->product = db_get_text(&row, "product");
	work->state = db_get_text(&row, "state");
	return true;
}

/* That there is such a campaign, and that the person holds one of these roles for its product. */
static bool demand(struct model *model, const struct act *act, const char *campaign,
		   const char *const *roles, struct err *err)
{
	struct find_work work = {.campaign = campaign};

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, find_work, &work, err) &&
	       directory_demand_role(model, act, roles, work.product, err);
}

struct refusal {
	struct model *model;
	const struct act *act;
	const char *campaign, *what, *code;
};

static bool refusal_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct refusal *refusal = context;
	struct doc *data = doc_object(refusal->act->arena);

	doc_set_text(data, "act", refusal->what);
	doc_set_text(data, "code", refusal->code);
	struct event event = audit_event(EV_CAMPAIGN_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = refusal->code;
	audit_stream(&event, STREAM_CAMPAIGN, refusal->campaign);
	return audit_append(tx, &refusal->model->writer, refusal->act, &event, NULL, err);
}

/* For `return`: what was refused, and not what failed because something was away. */
static bool refused(struct model *model, const struct act *act, const char *campaign,
		    const char *what, const struct err *cause)
{
	enum err_kind kind = err_code_kind(cause->code);
	struct refusal refusal = {model, act, campaign, what, err_code_text(cause->code)};
	struct err err = {0};

	if (kind != ERR_CONFLICT && kind != ERR_DENIED && kind != ERR_BROKEN_EVIDENCE &&
	    kind != ERR_UNKNOWN)
		return false;
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, refusal_work, &refusal, &err))
		log_error("refusal-not-recorded", LOG_TEXT("campaign", campaign),
			  LOG_TEXT("refused", refusal.code), LOG_ERR(&err));
	return false;
}

/* ---- drafting ---- */

struct draft_work {
	struct model *model;
	const struct act *act;
	const struct campaign_order *order;
	const char **devices; /* sorted */
	char campaign[ID_UUID_BYTES + 1];
	struct plan plan;
	struct bytes document;
	struct sha256_hex sha256;
};

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool sort_devices(struct draft_work *work, struct err *err)
{
	size_t count = work->order->device_count;

	if (count < 1 || count > PLAN_TARGETS_MAX)
		return err_fail(err, E_INPUT, "a campaign has 1 to %d devices", PLAN_TARGETS_MAX);
	work->devices = arena_array(work->act->arena, count, sizeof(*work->devices));
	for (size_t i = 0; i < count; i++)
		work->devices[i] = work->order->devices[i];
	qsort(work->devices, count, sizeof(*work->devices), compare_texts);
	for (size_t i = 0; i < count; i++) {
		if (!id_name_valid(work->devices[i], ID_DEVICE_MAX))
			return err_fail(err, E_ID, "devices are named by their ids");
		if (i > 0 && strcmp(work->devices[i - 1], work->devices[i]) == 0)
			return err_fail(err, E_INPUT, "the device %.100s is named twice",
					work->devices[i]);
	}
	return true;
}

static bool plan_release(struct db_tx *tx, struct draft_work *work, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CAMPAIGN_RELEASE_FIND, DB(db_text(work->order->release)), &found, &row,
		    err))
		return false;
	if (!found)
		return err_fail(err, E_RELEASE_UNKNOWN,
				"There is no sealed release of this id that is not withdrawn");
	work->plan.product = db_get_text(&row, "product");
	work->plan.release = db_get_text(&row, "release");
	return id_sha256_read(db_get_text(&row, "manifest_sha256"), &work->plan.manifest_sha256,
			      err);
}

static bool plan_targets(struct db_tx *tx, struct draft_work *work, struct err *err)
{
	size_t count = work->order->device_count;
	struct plan_target *at = arena_array(db_arena(tx), count, sizeof(*at));
	struct db_rows rows;

	if (!db_many(tx, STMT_CAMPAIGN_TARGETS_LIST, DB(db_texts(work->devices, count)), &rows,
		     err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct db_row row = {0};
		bool known = i < rows.count;
		if (known) {
			row = db_row_at(&rows, i);
			known = strcmp(db_get_text(&row, "id"), work->devices[i]) == 0 &&
				!db_get_bool(&row, "revoked") &&
				strcmp(db_get_text(&row, "product"), work->plan.product) == 0;
		}
		if (!known)
			return err_fail(err, E_CAMPAIGN_DEVICES,
					"the device %.100s is not registered, is revoked, or is "
					"no %.60s",
					work->devices[i], work->plan.product);
		at[i] = (struct plan_target){.device = db_get_text(&row, "id"),
					     .hardware = db_get_text(&row, "hardware"),
					     .market = db_get_text(&row, "market"),
					     .site = db_get_text(&row, "site")};
	}
	work->plan.targets = at;
	work->plan.target_count = count;
	return true;
}

static bool write_plan(struct draft_work *work, struct err *err)
{
	static const struct plan_wave all = {.name = "all", .percent = 100};
	const struct campaign_order *order = work->order;
	struct plan *plan = &work->plan;

	plan->campaign = work->campaign;
	plan->name = order->name;
	plan->waves = &all;
	plan->wave_count = 1;
	plan->not_before = order->not_before ? order->not_before : work->act->at;
	plan->not_after = order->not_after
				  ? order->not_after
				  : plan->not_before + CAMPAIGN_DAYS * 24 * 3600 * CLOCK_SECOND;
	if (!plan_write(work->act->arena, plan, &work->document, err))
		return false;
	work->sha256 = digest_sha256_hex(work->document);
	return true;
}

static bool record_draft(struct db_tx *tx, const struct draft_work *work, struct err *err)
{
	const struct plan *plan = &work->plan;
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "release", plan->release);
	doc_set_text(data, "plan_sha256", work->sha256.text);
	doc_set_int(data, "targets", (int64_t)plan->target_count);
	struct event event = audit_event(EV_CAMPAIGN_DRAFTED, data);
	audit_stream(&event, STREAM_CAMPAIGN, work->campaign);
	return db_run(tx, STMT_DOCUMENT_PUT,
		      DB(db_text(work->sha256.text), db_text(PLAN_TYPE), db_bytes(work->document)),
		      NULL, err) &&
	       audit_append(tx, &work->model->writer, work->act, &event, NULL, err) &&
	       db_run(tx, STMT_CAMPAIGN_INSERT,
		      DB(db_text(work->campaign), db_text(plan->name), db_text(plan->product),
			 db_text(plan->release), db_text(work->sha256.text),
			 db_text(work->act->actor), db_time(plan->not_after)),
		      NULL, err);
}

static bool look_work(struct db_tx *tx, void *context, struct err *err)
{
	struct draft_work *work = context;

	return plan_release(tx, work, err) && plan_targets(tx, work, err);
}

static bool draft_work(struct db_tx *tx, void *context, struct err *err)
{
	struct draft_work *work = context;

	return look_work(tx, work, err) && write_plan(work, err) && record_draft(tx, work, err);
}

bool campaign_draft(struct model *model, const struct act *act, const struct campaign_order *order,
		    struct campaign_drafted *out, struct keeper_place *place, struct err *err)
{
	struct draft_work *work = arena_alloc(act->arena, sizeof(*work));
	struct doc *members = doc_object(act->arena);

	*place = (struct keeper_place){0};
	*work = (struct draft_work){.model = model, .act = act, .order = order};
	id_uuid_draw(work->campaign);
	if (!sort_devices(work, err) ||
	    !db_transact(model->pool, act->arena, DB_READ_COMMITTED, look_work, work, err) ||
	    !directory_demand_role(model, act, managers, work->plan.product, err) ||
	    !keeper_call_ready(model, act, err) ||
	    !db_transact(model->pool, act->arena, DB_READ_COMMITTED, draft_work, work, err))
		return false;
	doc_set_text(members, "what", "plan");
	doc_set_text(members, "campaign", work->campaign);
	if (!keeper_call_regulated(model, act, "put", members, NULL, place, err))
		return refused(model, act, work->campaign, "submit", err);
	*out = (struct campaign_drafted){
		.campaign = work->campaign, .plan = work->document, .plan_sha256 = work->sha256};
	return true;
}

/* ---- opening ---- */

static bool ask_open(struct model *model, const struct act *act, const char *campaign,
		     const char *what, const char *signature, struct keeper_place *place,
		     struct err *err)
{
	struct doc *members = doc_object(act->arena);

	*place = (struct keeper_place){0};
	if (!demand(model, act, campaign, managers, err))
		return false;
	doc_set_text(members, "act", what);
	doc_set_text(members, "campaign", campaign);
	if (signature)
		doc_set_text(members, "signature", signature);
	return keeper_call_regulated(model, act, "open", members, NULL, place, err) ||
	       refused(model, act, campaign, what, err);
}

bool campaign_start(struct model *model, const struct act *act, const char *campaign,
		    struct keeper_place *place, struct err *err)
{
	struct err later = {0};

	if (!ask_open(model, act, campaign, "start", NULL, place, err))
		return false;
	/* The campaign runs; what fails here is made up for within seconds (campaign_due). */
	if (!campaign_deploy(model, act, campaign, &later))
		log_warn("deployments-later", LOG_TEXT("campaign", campaign), LOG_ERR(&later));
	return true;
}

bool campaign_resume(struct model *model, const struct act *act, const char *campaign,
		     const char *signature, struct keeper_place *place, struct err *err)
{
	return ask_open(model, act, campaign, "resume", signature, place, err);
}

/* ---- closing ---- */

struct close_work {
	struct model *model;
	const struct act *act;
	struct find_work found;
	const char *reason;
	int64_t number;
	struct keeper_place place;
};

static bool hold_work(struct db_tx *tx, void *context, struct err *err)
{
	struct close_work *work = context;
	struct doc *data = doc_object(work->act->arena);
	const char *campaign = work->found.campaign;
	struct db_row row;

	if (!find_work(tx, &work->found, err))
		return false;
	if (strcmp(work->found.state, "submitted") != 0 &&
	    strcmp(work->found.state, "running") != 0 && strcmp(work->found.state, "held") != 0)
		return err_fail(err, E_CAMPAIGN_STATE, "A campaign that is %s cannot be held",
				work->found.state);
	if (!db_one(tx, STMT_CAMPAIGN_HOLD_NUMBER, DB(db_text(campaign)), &row, err))
		return false;
	work->number = db_get_int(&row, "number");
	doc_set_int(data, "number", work->number);
	struct event event = audit_event(EV_CAMPAIGN_HELD, data);
	event.reason = work->reason;
	audit_stream(&event, STREAM_CAMPAIGN, campaign);
	if (!audit_append(tx, &work->model->writer, work->act, &event, NULL, err))
		return false;
	work->place.event = event.id;
	return db_run(tx, STMT_CAMPAIGN_HOLD_INSERT,
		      DB(db_text(campaign), db_int(work->number), db_text(work->act->actor),
			 db_text(work->reason), db_text(event.id.text)),
		      NULL, err);
}

bool campaign_put_hold(struct model *model, const struct act *act, const char *campaign,
		       const char *reason, int64_t *number, struct event_id *event, struct err *err)
{
	enum { TRIES = 8 }; /* against others who hold at the same moment */
	struct close_work work = {
		.model = model, .act = act, .found = {.campaign = campaign}, .reason = reason};
	bool held = false;

	if (!demand(model, act, campaign, holders, err))
		return false;
	for (int i = 0; i < TRIES && !held; i++) {
		err_clear(err);
		held = db_transact(model->pool, act->arena, DB_READ_COMMITTED, hold_work, &work,
				   err);
		/* The number was taken, by key or as the guard of the table says it. */
		if (!held && err->code != E_DB_DUPLICATE && err->code != E_DB_REFUSED)
			return false;
	}
	if (!held)
		return false;
	*number = work.number;
	*event = work.place.event;
	return true;
}

static bool abort_work(struct db_tx *tx, void *context, struct err *err)
{
	struct close_work *work = context;
	struct doc *data = doc_object(work->act->arena);
	const char *campaign = work->found.campaign;
	struct db_row row;
	bool ended;

	if (!db_opt(tx, STMT_CAMPAIGN_END_FIND, DB(db_text(campaign)), &ended, &row, err))
		return false;
	if (ended && strcmp(db_get_text(&row, "how"), "aborted") != 0)
		return err_fail(err, E_CAMPAIGN_STATE, "The campaign has ended already: it is %s",
				db_get_text(&row, "how"));
	work->place.before = ended;
	if (ended)
		return id_uuid_read(db_get_text(&row, "event"), work->place.event.text, err);
	doc_set_text(data, "how", "aborted");
	struct event event = audit_event(EV_CAMPAIGN_ENDED, data);
	event.reason = work->reason;
	audit_stream(&event, STREAM_CAMPAIGN, campaign);
	if (!audit_append(tx, &work->model->writer, work->act, &event, NULL, err))
		return false;
	work->place.event = event.id;
	return db_run(tx, STMT_CAMPAIGN_END_INSERT,
		      DB(db_text(campaign), db_text("aborted"), db_text(work->act->actor),
			 db_text(work->reason), db_text(event.id.text)),
		      NULL, err);
}

bool campaign_abort(struct model *model, const struct act *act, const char *campaign,
		    const char *reason, struct keeper_place *place, struct err *err)
{
	struct close_work work = {
		.model = model, .act = act, .found = {.campaign = campaign}, .reason = reason};

	if (!demand(model, act, campaign, managers, err))
		return false;
	bool done = db_transact(model->pool, act->arena, DB_READ_COMMITTED, abort_work, &work, err);
	if (!done && err->code == E_DB_DUPLICATE) {
		/* Somebody ended it between our look and our insert: look again. */
		err_clear(err);
		done = db_transact(model->pool, act->arena, DB_READ_COMMITTED, abort_work, &work,
				   err);
	}
	if (!done)
		return false;
	*place = work.place;
	return true;
}
