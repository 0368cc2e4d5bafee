/* SPDX-License-Identifier: Apache-2.0 */
/* How do campaigns stand? For people. */

#include "service/model/campaign.h"

static struct campaign campaign_of(const struct db_row *row)
{
	return (struct campaign){
		.id = db_get_text(row, "id"),
		.name = db_get_text(row, "name"),
		.product = db_get_text(row, "product"),
		.release = db_get_text(row, "release"),
		.state = db_get_text(row, "state"),
		.plan_sha256 = db_get_text(row, "plan_sha256"),
		.drafted_by = db_get_text(row, "drafted_by"),
		.drafted_at = db_get_time(row, "drafted_at"),
	};
}

/* How many of the rows are of this page; one more was asked for. */
static size_t page_size(const struct db_rows *rows, const struct page *page, bool *more)
{
	*more = rows->count > (size_t)page->limit;
	return *more ? (size_t)page->limit : rows->count;
}

/* ---- one ---- */

struct get_work {
	const char *campaign;
	struct campaign_view view;
};

static bool read_counts(struct db_tx *tx, struct get_work *work, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_CAMPAIGN_COUNTS, DB(db_text(work->campaign)), &rows, err))
		return false;
	struct campaign_count *at = arena_array(db_arena(tx), rows.count, sizeof(*at));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		at[i] = (struct campaign_count){.state = db_get_text(&row, "state"),
						.n = db_get_int(&row, "n")};
	}
	work->view.counts = at;
	work->view.count_count = rows.count;
	return true;
}

static bool read_holds(struct db_tx *tx, struct get_work *work, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_CAMPAIGN_HOLDS_LIST, DB(db_text(work->campaign)), &rows, err))
		return false;
	struct campaign_hold_view *at = arena_array(db_arena(tx), rows.count, sizeof(*at));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		at[i] = (struct campaign_hold_view){.number = db_get_int(&row, "number"),
						    .by = db_get_text(&row, "held_by"),
						    .reason = db_get_text(&row, "reason"),
						    .at = db_get_time(&row, "held_at"),
						    .released = db_get_bool(&row, "released")};
	}
	work->view.holds = at;
	work->view.hold_count = rows.count;
	return true;
}

static bool get_work(struct db_tx *tx, void *context, struct err *err)
{
	struct get_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CAMPAIGN_FIND, DB(db_text(work->campaign)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_CAMPAIGN_UNKNOWN, NULL);
	work->view.campaign = campaign_of(&row);
	work->view.permit_number = db_get_int(&row, "permit_number");
	work->view.permit_not_after = db_get_time(&row, "permit_not_after");
	return read_counts(tx, work, err) && read_holds(tx, work, err);
}

bool campaign_get(struct model *model, struct arena *arena, const char *campaign,
		  struct campaign_view *out, struct err *err)
{
	struct get_work work = {.campaign = campaign};

	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, get_work, &work, err))
		return false;
	*out = work.view;
	return true;
}

/* ---- many ---- */

struct list_work {
	const struct page *page;
	struct campaign *at;
	size_t count;
	bool more;
};

static bool list_work(struct db_tx *tx, void *context, struct err *err)
{
	struct list_work *work = context;
	struct db_rows rows;

	if (!db_many(tx, STMT_CAMPAIGN_LIST,
		     DB(db_text(work->page->after), db_int(work->page->limit + 1)), &rows, err))
		return false;
	work->count = page_size(&rows, work->page, &work->more);
	work->at = arena_array(db_arena(tx), work->count, sizeof(*work->at));
	for (size_t i = 0; i < work->count; i++) {
		struct db_row row = db_row_at(&rows, i);
		work->at[i] = campaign_of(&row);
	}
	return true;
}

bool campaign_list(struct model *model, struct arena *arena, const struct page *page,
		   const struct campaign **out, size_t *count, bool *more, struct err *err)
{
	struct list_work work = {.page = page};

	if (page->after[0] && !id_uuid_valid(page->after))
		return err_fail(err, E_INPUT, "after must be the last id of the page before");
	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, list_work, &work, err))
		return false;
	*out = work.at;
	*count = work.count;
	*more = work.more;
	return true;
}

/* ---- its devices ---- */

struct devices_work {
	const char *campaign;
	const struct page *page;
	struct campaign_deployment *at;
	size_t count;
	bool more;
};

static bool devices_work(struct db_tx *tx, void *context, struct err *err)
{
	struct devices_work *work = context;
	struct db_rows rows;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CAMPAIGN_FIND, DB(db_text(work->campaign)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_CAMPAIGN_UNKNOWN, NULL);
	if (!db_many(tx, STMT_CAMPAIGN_DEPLOYMENTS_LIST,
		     DB(db_text(work->campaign), db_text(work->page->after),
			db_int(work->page->limit + 1)),
		     &rows, err))
		return false;
	work->count = page_size(&rows, work->page, &work->more);
	work->at = arena_array(db_arena(tx), work->count, sizeof(*work->at));
	for (size_t i = 0; i < work->count; i++) {
		row = db_row_at(&rows, i);
		work->at[i] = (struct campaign_deployment){
			.device = db_get_text(&row, "device"),
			.serial = db_get_text(&row, "serial"),
			.state = db_get_text(&row, "state"),
			.basis = db_get_text(&row, "basis"),
			.code = db_get_text(&row, "code"),
			.action = db_get_int(&row, "action_id"),
			.attempt = db_get_int(&row, "attempt"),
			.progress = db_get_int(&row, "progress"),
			.offered_at = db_get_time(&row, "offered_at"),
			.changed_at = db_get_time(&row, "changed_at"),
			.ended_at = db_get_time(&row, "ended_at"),
		};
	}
	return true;
}

bool campaign_devices(struct model *model, struct arena *arena, const char *campaign,
		      const struct page *page, const struct campaign_deployment **out,
		      size_t *count, bool *more, struct err *err)
{
	struct devices_work work = {.campaign = campaign, .page = page};

	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, devices_work, &work, err))
		return false;
	*out = work.at;
	*count = work.count;
	*more = work.more;
	return true;
}
