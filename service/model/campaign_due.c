/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from the state of campaigns without anybody asking? For the timer, and for the
 * moment of starting. Each step finds its own work, so that a crash or a second instance does no harm.
 */

#include "common/log.h"
#include "common/text.h"
#include "service/model/campaign.h"
#include "service/model/dispatch.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_BYTES = PLAN_TARGETS_MAX * (ID_DEVICE_MAX + 12) };

struct due_work {
	struct model *model;
	const struct act *act;
	const char *campaign;
};

/* ---- sets of deployments ---- */

static int compare_devices(const void *left, const void *right)
{
	const struct db_row *a = left;
	const struct db_row *b = right;
	return strcmp(db_get_text(a, "device"), db_get_text(b, "device"));
}

/* One event for all of them: how many, and the digest of "device action\n" in order of device. */
static bool record_batch(struct db_tx *tx, const struct due_work *work, const struct db_rows *rows,
			 const char *what, struct err *err)
{
	struct db_row *sorted = arena_array(db_arena(tx), rows->count, sizeof(*sorted));
	struct doc *data = doc_object(work->act->arena);
	struct text lines;

	for (size_t i = 0; i < rows->count; i++)
		sorted[i] = db_row_at(rows, i);
	qsort(sorted, rows->count, sizeof(*sorted), compare_devices);
	text_init(&lines, db_arena(tx), LINES_BYTES);
	for (size_t i = 0; i < rows->count; i++)
		text_addf(&lines, "%s %lld\n", db_get_text(&sorted[i], "device"),
			  (long long)db_get_int(&sorted[i], "action_id"));
	doc_set_text(data, "to", what);
	doc_set_int(data, "count", (int64_t)rows->count);
	doc_set_text(data, "digest", digest_sha256_hex(text_bytes(&lines)).text);
	struct event event = audit_event(EV_BATCH_TAKEN, data);
	audit_stream(&event, STREAM_CAMPAIGN, work->campaign);
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err);
}

static bool deploy_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct due_work *work = context;
	struct db_row row;
	struct db_rows rows;

	if (!db_one(tx, STMT_CAMPAIGN_DEPLOYMENTS_MISSING, DB(db_text(work->campaign)), &row, err))
		return false;
	if (db_get_int(&row, "n") == 0)
		return true;
	if (!db_many(tx, STMT_CAMPAIGN_DEPLOYMENTS_CREATE, DB(db_text(work->campaign)), &rows, err))
		return false;
	if (rows.count == 0) {
		db_mark_recorded(tx); /* somebody else was faster: nothing changed */
		return true;
	}
	return record_batch(tx, work, &rows, "queued", err);
}

bool campaign_deploy(struct model *model, const struct act *act, const char *campaign,
		     struct err *err)
{
	struct due_work work = {.model = model, .act = act, .campaign = campaign};

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, deploy_work, &work, err);
}

static bool cancel_queued_work(struct db_tx *tx, void *context, struct err *err)
{
	struct due_work *work = context;
	struct db_rows rows;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CAMPAIGN_LEFT_FIND, DB_NOTHING, &found, &row, err) || !found)
		return err->code == E_NONE;
	work->campaign = db_get_text(&row, "campaign");
	if (!db_many(tx, STMT_CAMPAIGN_CANCEL_QUEUED,
		     DB(db_text(work->campaign), db_time(work->act->at)), &rows, err))
		return false;
	if (rows.count == 0) {
		db_mark_recorded(tx);
		return true;
	}
	return record_batch(tx, work, &rows, "canceled", err);
}

/* ---- offers of campaigns that ended ---- */

static bool cancel_offered_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct due_work *work = context;
	struct db_rows rows;

	if (!db_many(tx, STMT_CAMPAIGN_LEFT_LIST, DB_NOTHING, &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct deployment deployment = dispatch_deployment_of(&row);
		const struct dispatch_change change = {
			.to = dispatch_next(deployment.state, DISPATCH_CALLED_OFF),
			.code = "campaign.ended"};
		if (!dispatch_move(tx, work->model, work->act, &deployment, &change, err))
			return false;
	}
	return true;
}

/* ---- ends ---- */

struct end_work {
	struct model *model;
	const struct act *act;
	const char *campaign, *how, *reason;
};

static bool end_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct end_work *work = context;
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "how", work->how);
	struct event event = audit_event(EV_CAMPAIGN_ENDED, data);
	event.reason = work->reason;
	audit_stream(&event, STREAM_CAMPAIGN, work->campaign);
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err) &&
	       db_run(tx, STMT_CAMPAIGN_END_INSERT,
		      DB(db_text(work->campaign), db_text(work->how), db_text(work->act->actor),
			 db_text(work->reason), db_text(event.id.text)),
		      NULL, err);
}

static bool end_campaign(struct model *model, const struct act *act, const char *campaign,
			 const char *how, const char *reason, struct err *err)
{
	struct end_work work = {model, act, campaign, how, reason};

	if (db_transact(model->pool, act->arena, DB_READ_COMMITTED, end_work, &work, err))
		return true;
	if (err->code != E_DB_DUPLICATE)
		return false;
	err_clear(err); /* somebody ended it meanwhile */
	return true;
}

/* ---- what is due ---- */

struct found_work {
	const char **unfinished, **finished, **over;
	size_t unfinished_count, finished_count, over_count;
	clock_us at;
};

static const char **list_ids(struct db_tx *tx, const struct db_rows *rows)
{
	const char **ids = arena_array(db_arena(tx), rows->count, sizeof(*ids));

	for (size_t i = 0; i < rows->count; i++) {
		struct db_row row = db_row_at(rows, i);
		ids[i] = db_get_text(&row, "id");
	}
	return ids;
}

static bool found_work(struct db_tx *tx, void *context, struct err *err)
{
	struct found_work *work = context;
	struct db_rows rows;

	if (!db_many(tx, STMT_CAMPAIGN_UNFINISHED_LIST, DB_NOTHING, &rows, err))
		return false;
	work->unfinished = list_ids(tx, &rows);
	work->unfinished_count = rows.count;
	if (!db_many(tx, STMT_CAMPAIGN_FINISHED_LIST, DB_NOTHING, &rows, err))
		return false;
	work->finished = list_ids(tx, &rows);
	work->finished_count = rows.count;
	if (!db_many(tx, STMT_CAMPAIGN_OVER_LIST, DB(db_time(work->at)), &rows, err))
		return false;
	work->over = list_ids(tx, &rows);
	work->over_count = rows.count;
	return true;
}

/* Remembers the first failure and goes on. */
static void note(bool good, const struct err *one, struct err *first)
{
	if (!good && first->code == E_NONE)
		*first = *one;
}

bool campaign_due(struct model *model, const struct act *act, struct err *err)
{
	struct found_work found = {.at = act->at};
	struct due_work due = {.model = model, .act = act};
	struct err first = {0};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, found_work, &found, err))
		return false;
	for (size_t i = 0; i < found.unfinished_count; i++) {
		struct err one = {0};
		note(campaign_deploy(model, act, found.unfinished[i], &one), &one, &first);
	}
	for (size_t i = 0; i < found.finished_count; i++) {
		struct err one = {0};
		note(end_campaign(model, act, found.finished[i], "completed",
				  "every deployment has ended", &one),
		     &one, &first);
	}
	for (size_t i = 0; i < found.over_count; i++) {
		struct err one = {0};
		note(end_campaign(model, act, found.over[i], "expired",
				  "the time of its plan is over", &one),
		     &one, &first);
	}
	struct err one = {0};
	note(db_transact(model->pool, act->arena, DB_READ_COMMITTED, cancel_queued_work, &due,
			 &one),
	     &one, &first);
	err_clear(&one);
	note(db_transact(model->pool, act->arena, DB_READ_COMMITTED, cancel_offered_work, &due,
			 &one),
	     &one, &first);
	if (first.code == E_NONE)
		return true;
	*err = first;
	return false;
}
