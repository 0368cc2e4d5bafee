/* SPDX-License-Identifier: Apache-2.0 */
/* What is there to see of a release? For everybody who works on one. */

#include "common/wire/content.h"
#include "service/model/release.h"

#include <string.h>

static struct release release_of(const struct db_row *row)
{
	return (struct release){
		.id = db_get_text(row, "id"),
		.product = db_get_text(row, "product"),
		.version = db_get_text(row, "version"),
		.sequence = db_get_int(row, "sequence"),
		.state = db_get_text(row, "state"),
		.manifest_sha256 = db_get_text(row, "manifest_sha256"),
		.drafted_by = db_get_text(row, "drafted_by"),
		.drafted_at = db_get_time(row, "drafted_at"),
	};
}

/* ---- the list ---- */

struct list_work {
	const struct page *page;
	struct release *at;
	size_t count;
	bool more;
};

static bool list_work(struct db_tx *tx, void *context, struct err *err)
{
	struct list_work *work = context;
	const char *after = work->page->after[0] ? work->page->after : NULL;
	size_t limit = (size_t)work->page->limit;
	struct db_rows rows;

	if (!db_many(tx, STMT_RELEASE_LIST, DB(db_text(after), db_int(work->page->limit + 1)),
		     &rows, err))
		return false;
	work->more = rows.count > limit;
	work->count = work->more ? limit : rows.count;
	work->at = arena_array(db_arena(tx), work->count + 1, sizeof(*work->at));
	for (size_t i = 0; i < work->count; i++) {
		struct db_row row = db_row_at(&rows, i);
		work->at[i] = release_of(&row);
	}
	return true;
}

bool release_list(struct model *model, const struct act *act, const struct page *page,
		  const struct release **out, size_t *count, bool *more, struct err *err)
{
	struct list_work work = {.page = page};

	if (page->after[0] && !id_uuid_valid(page->after))
		return err_fail(err, E_INPUT, "after must be the last id of the page before");
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, list_work, &work, err))
		return false;
	*out = work.at;
	*count = work.count;
	*more = work.more;
	return true;
}

/* ---- one release ---- */

struct view_work {
	const char *release;
	bool found;
	struct release_view view;
};

static bool read_records(struct view_work *work, struct db_tx *tx, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_RELEASE_RECORDS, DB(db_text(work->release)), &rows, err))
		return false;
	struct release_record *records =
		arena_array(db_arena(tx), rows.count + 1, sizeof(*records));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		records[i] = (struct release_record){
			.id = db_get_text(&row, "id"),
			.version = db_get_int(&row, "version"),
			.kind = db_get_text(&row, "kind"),
			.sha256 = db_get_text(&row, "sha256"),
			.added_by = db_get_text(&row, "added_by"),
			.current = db_get_bool(&row, "current"),
		};
	}
	work->view.records = records;
	work->view.record_count = rows.count;
	return true;
}

static bool read_signatures(struct view_work *work, struct db_tx *tx, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_RELEASE_SIGNATURES, DB(db_text(work->release)), &rows, err))
		return false;
	struct release_signature *signatures =
		arena_array(db_arena(tx), rows.count + 1, sizeof(*signatures));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		signatures[i] = (struct release_signature){
			.id = db_get_text(&row, "id"),
			.person = db_get_text(&row, "person"),
			.meaning = db_get_text(&row, "meaning"),
			.strength = db_get_text(&row, "strength"),
			.object_kind = db_get_text(&row, "object_kind"),
			.object_id = db_get_text(&row, "object_id"),
			.sha256 = db_get_text(&row, "sha256"),
			.statement_sha256 = db_get_text(&row, "statement_sha256"),
			.signed_at = db_get_time(&row, "signed_at"),
		};
	}
	work->view.signatures = signatures;
	work->view.signature_count = rows.count;
	return true;
}

static bool read_history(struct view_work *work, struct db_tx *tx, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_RELEASE_HISTORY, DB(db_text(work->release)), &rows, err))
		return false;
	struct release_event *history = arena_array(db_arena(tx), rows.count + 1, sizeof(*history));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		history[i] = (struct release_event){
			.event = db_get_text(&row, "event"),
			.kind = db_get_text(&row, "kind"),
			.index = db_get_int(&row, "index"),
			.sealed_at = db_get_time(&row, "sealed_at"),
			.commit = db_get_text(&row, "commit_id"),
		};
	}
	work->view.history = history;
	work->view.history_count = rows.count;
	return true;
}

static bool read_rulesets(struct view_work *work, struct db_tx *tx, struct content *content,
			  struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_RELEASE_RULESETS, DB(db_text(work->view.release.product)), &rows,
		     err))
		return false;
	struct content_ruleset *rulesets =
		arena_array(db_arena(tx), rows.count + 1, sizeof(*rulesets));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		rulesets[i].name = db_get_text(&row, "name");
		if (!id_sha256_read(db_get_text(&row, "sha256"), &rulesets[i].sha256, err))
			return false;
	}
	content->rulesets = rulesets;
	content->ruleset_count = rows.count;
	return true;
}

/* What an approval would cover now. For show: the keeper computes it again from what is sealed. */
static bool compute_content(struct view_work *work, struct db_tx *tx, const char *author_cms,
			    struct err *err)
{
	struct release_view *view = &work->view;
	struct content content = {
		.release = work->release,
		.product = view->release.product,
		.version = view->release.version,
		.sequence = view->release.sequence,
	};
	struct content_record *records =
		arena_array(db_arena(tx), view->record_count + 1, sizeof(*records));
	struct bytes bytes;

	for (size_t i = 0; i < view->record_count; i++) {
		const struct release_record *one = &view->records[i];
		struct content_record *to = &records[content.record_count];
		if (!one->current)
			continue;
		*to = (struct content_record){
			.id = one->id, .version = one->version, .kind = one->kind};
		if (!id_sha256_read(one->sha256, &to->sha256, err))
			return false;
		content.record_count++;
	}
	content.records = records;
	if (!id_sha256_read(view->release.manifest_sha256, &content.manifest_sha256, err) ||
	    !id_sha256_read(author_cms, &content.author_cms_sha256, err) ||
	    !read_rulesets(work, tx, &content, err) ||
	    !content_write(db_arena(tx), &content, &bytes, err))
		return false;
	view->content_sha256 = digest_sha256_hex(bytes);
	return true;
}

static bool view_work(struct db_tx *tx, void *context, struct err *err)
{
	struct view_work *work = context;
	struct db_row row;

	work->view = (struct release_view){0};
	if (!db_opt(tx, STMT_RELEASE_FIND, DB(db_text(work->release)), &work->found, &row, err))
		return false;
	if (!work->found)
		return true;
	work->view.release = release_of(&row);
	const char *author_cms = db_get_text(&row, "author_cms_sha256");
	return manifest_parse(db_arena(tx), db_get_bytes(&row, "manifest"), &work->view.manifest,
			      err) &&
	       read_records(work, tx, err) && read_signatures(work, tx, err) &&
	       read_history(work, tx, err) &&
	       (!author_cms || compute_content(work, tx, author_cms, err));
}

bool release_get(struct model *model, const struct act *act, const char *release,
		 struct release_view *out, struct err *err)
{
	struct view_work work = {.release = release};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, view_work, &work, err))
		return false;
	if (!work.found)
		return err_fail(err, E_RELEASE_UNKNOWN, NULL);
	*out = work.view;
	return true;
}
