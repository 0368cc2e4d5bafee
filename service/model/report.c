/* SPDX-License-Identifier: Apache-2.0 */
/* What do devices say, and what becomes of their deployments? For the feedback of every protocol. */

#include "service/model/report.h"

#include <stdlib.h>
#include <string.h>

/* Bits of deployment.kinds: one for each execution, and one for a late report that was recorded. */
enum { KIND_LATE = 1 << 8 };

struct batch {
	struct model *model;
	struct arena *arena;
	struct report **reports; /* by device and action; in the order of coming within these */
	size_t count;
	struct deployment *deployments;
	size_t deployment_count;
	bool *counted; /* deployments whose count is to be stored */
};

/* ---- one report ---- */

static enum dispatch_event event_of(const struct ddi_feedback *feedback, bool proves)
{
	switch (feedback->execution) {
	case DDI_CLOSED:
		if (feedback->finished == DDI_FAILURE)
			return DISPATCH_GAVE_UP;
		return proves ? DISPATCH_SAID_DONE : DISPATCH_CLAIMED;
	case DDI_DOWNLOAD:
		return DISPATCH_DOWNLOADING;
	case DDI_DOWNLOADED:
		return DISPATCH_DOWNLOADED;
	case DDI_PROCEEDING:
		return DISPATCH_PROCEEDING;
	case DDI_CANCELED:
	case DDI_SCHEDULED:
	case DDI_REJECTED:
	case DDI_RESUMED:
	case DDI_EXECUTIONS:
		break;
	}
	return DISPATCH_REMARK;
}

/* The feedback that follows a signed report of the same end says nothing new. */
static bool agrees(const struct ddi_feedback *feedback, enum deployment_state state)
{
	if (feedback->execution != DDI_CLOSED)
		return false;
	if (feedback->finished == DDI_FAILURE)
		return state == DEPLOYMENT_FAILED || state == DEPLOYMENT_ROLLED_BACK ||
		       state == DEPLOYMENT_REJECTED;
	return state == DEPLOYMENT_CONFIRMED;
}

static bool take_late(struct db_tx *tx, const struct batch *batch, const struct report *report,
		      struct deployment *deployment, struct err *err)
{
	const struct dispatch_change change = {
		.to = deployment->state,
		.report = ddi_execution_word(report->feedback->execution),
		.late = true,
	};

	if (agrees(report->feedback, deployment->state) || deployment->kinds & KIND_LATE)
		return true;
	deployment->kinds |= KIND_LATE;
	return dispatch_move(tx, batch->model, &report->act, deployment, &change, err);
}

/* Why it ended, in the words of errors and devices alike; NULL: it did not. */
static const char *code_of(const struct report *report, enum deployment_state to)
{
	if (to == DEPLOYMENT_UNPROVEN)
		return "device.nothing-fetched";
	if (to != DEPLOYMENT_FAILED)
		return NULL;
	return report->feedback->code ? arena_printf(report->act.arena, "device.code-%lld",
						     (long long)report->feedback->code)
				      : "device.said-failure";
}

static bool take_one(struct db_tx *tx, const struct batch *batch, const struct report *report,
		     struct deployment *deployment, bool *counted, struct err *err)
{
	int64_t kind = INT64_C(1) << report->feedback->execution;

	if (deployment->attempt == 0)
		return true; /* it speaks of an offer it never fetched */
	if (deployment_ended(deployment->state))
		return take_late(tx, batch, report, deployment, err);
	struct dispatch_change change = {
		.to = dispatch_next(deployment->state,
				    event_of(report->feedback, deployment->proves)),
		.report = ddi_execution_word(report->feedback->execution),
	};
	if (change.to == deployment->state && deployment->kinds & kind) {
		deployment->progress++;
		*counted = true;
		return true;
	}
	deployment->kinds |= kind;
	change.basis = change.to == DEPLOYMENT_CONFIRMED ? "claim" : NULL;
	change.code = code_of(report, change.to);
	*counted = false;
	return dispatch_move(tx, batch->model, &report->act, deployment, &change, err);
}

/* ---- many ---- */

static int compare_reports(const void *left, const void *right)
{
	const struct report *a = *(struct report *const *)left;
	const struct report *b = *(struct report *const *)right;
	int order = strcmp(a->act.actor, b->act.actor);

	if (order != 0)
		return order;
	if (a->action != b->action)
		return a->action < b->action ? -1 : 1;
	return a < b ? -1 : 1; /* they stand in one array */
}

static bool lock(struct db_tx *tx, struct batch *batch, struct err *err)
{
	const char **devices = arena_array(batch->arena, batch->count, sizeof(*devices));
	int64_t *actions = arena_array(batch->arena, batch->count, sizeof(*actions));
	size_t wanted = 0;
	struct db_rows rows;

	for (size_t i = 0; i < batch->count; i++) {
		const struct report *report = batch->reports[i];
		if (wanted > 0 && actions[wanted - 1] == report->action &&
		    strcmp(devices[wanted - 1], report->act.actor) == 0)
			continue;
		devices[wanted] = report->act.actor;
		actions[wanted++] = report->action;
	}
	if (!db_many(tx, STMT_DISPATCH_REPORTS_LOCK,
		     DB(db_texts(devices, wanted), db_ints(actions, wanted)), &rows, err))
		return false;
	batch->deployment_count = rows.count;
	batch->deployments = arena_array(batch->arena, rows.count, sizeof(*batch->deployments));
	batch->counted = arena_array(batch->arena, rows.count, sizeof(*batch->counted));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		batch->deployments[i] = dispatch_deployment_of(&row);
	}
	return true;
}

static bool store_counts(struct db_tx *tx, const struct batch *batch, struct err *err)
{
	size_t count = 0;
	const char **campaigns =
		arena_array(batch->arena, batch->deployment_count, sizeof(*campaigns));
	const char **devices = arena_array(batch->arena, batch->deployment_count, sizeof(*devices));
	int64_t *counts = arena_array(batch->arena, batch->deployment_count, sizeof(*counts));

	for (size_t i = 0; i < batch->deployment_count; i++) {
		if (!batch->counted[i])
			continue;
		campaigns[count] = batch->deployments[i].campaign;
		devices[count] = batch->deployments[i].device;
		counts[count++] = batch->deployments[i].progress;
	}
	return count == 0 || db_run(tx, STMT_DISPATCH_PROGRESS_PUT,
				    DB(db_texts(campaigns, count), db_texts(devices, count),
				       db_ints(counts, count)),
				    NULL, err);
}

/* Both are in the order of device and action. */
static bool batch_work(struct db_tx *tx, void *context, struct err *err)
{
	struct batch *batch = context;
	size_t at = 0;

	if (!lock(tx, batch, err))
		return false;
	for (size_t i = 0; i < batch->count; i++) {
		struct report *report = batch->reports[i];
		const char *device = report->act.actor;
		while (at < batch->deployment_count) {
			int order = strcmp(batch->deployments[at].device, device);
			if (order > 0 ||
			    (order == 0 && batch->deployments[at].action >= report->action))
				break;
			at++;
		}
		err_clear(&report->err);
		report->ok = at < batch->deployment_count &&
			     strcmp(batch->deployments[at].device, device) == 0 &&
			     batch->deployments[at].action == report->action;
		if (!report->ok)
			err_set(&report->err, E_ACTION_UNKNOWN, NULL);
		else if (!take_one(tx, batch, report, &batch->deployments[at], &batch->counted[at],
				   err))
			return false;
	}
	return store_counts(tx, batch, err);
}

static bool run(struct model *model, struct arena *arena, struct report **reports, size_t count,
		struct err *err)
{
	struct batch batch = {.model = model, .arena = arena, .reports = reports, .count = count};

	return db_transact(model->pool, arena, DB_READ_COMMITTED, batch_work, &batch, err);
}

void report_take(struct model *model, struct arena *arena, struct report *reports, size_t count)
{
	struct report **sorted = arena_array(arena, count, sizeof(struct report *));
	struct err err = {0};

	for (size_t i = 0; i < count; i++)
		sorted[i] = &reports[i];
	qsort(sorted, count, sizeof(struct report *), compare_reports);
	if (count == 0 || run(model, arena, sorted, count, &err))
		return;
	bool away = err_code_kind(err.code) == ERR_UNAVAILABLE;
	for (size_t i = 0; i < count; i++) {
		struct report *report = sorted[i];
		/* One of them may have spoilt it for all. */
		struct err own = {0};
		if (!away && count > 1 && run(model, arena, &report, 1, &own))
			continue;
		report->ok = false;
		report->err = away || count == 1 ? err : own;
	}
}
