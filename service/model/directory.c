/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there, what is in force, and how does a new statement of either reach the keeper? */

#include "service/model/directory.h"

#include "service/model/document.h"

#include <string.h>

/* ---- what comes next ---- */

static bool next_work(struct db_tx *tx, void *context, struct err *err)
{
	struct directory_next *next = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DIRECTORY_LAST, DB_NOTHING, &found, &row, err))
		return false;
	memset(next->previous.text, '0', 64);
	next->previous.text[64] = '\0';
	next->number = 1;
	if (!found)
		return true;
	next->number = db_get_int(&row, "number") + 1;
	return id_sha256_read(db_get_text(&row, "sha256"), &next->previous, err);
}

bool directory_next_get(struct model *model, const struct act *act, struct directory_next *out,
			struct err *err)
{
	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, next_work, out, err);
}

/* ---- putting ---- */

/* The keeper is asked first whether it is there: else nothing is stored. */
static bool put(struct model *model, const struct act *act, const char *what, const char *type,
		struct bytes document, const struct doc *cms, struct keeper_place *place,
		struct err *err)
{
	struct doc *members = doc_object(act->arena);
	struct sha256_hex digest;

	*place = (struct keeper_place){0};
	if (!keeper_call_ready(model, act, err) ||
	    !document_store(model, act, type, document, &digest, err))
		return false;
	doc_set_text(members, "what", what);
	doc_set_text(members, "sha256", digest.text);
	doc_set(members, "cms", cms);
	return keeper_call_sealed(model, act, "put", members, NULL, place, err);
}

bool directory_put(struct model *model, const struct act *act, struct bytes document,
		   const struct doc *cms, int64_t *number, struct keeper_place *place,
		   struct err *err)
{
	struct directory statement;

	*place = (struct keeper_place){0};
	if (!directory_parse(act->arena, document, &statement, err) ||
	    !put(model, act, "directory", DIRECTORY_TYPE, document, cms, place, err))
		return false;
	*number = statement.number;
	return true;
}

bool directory_trust_put(struct model *model, const struct act *act, struct bytes document,
			 const struct doc *cms, int64_t *version, struct keeper_place *place,
			 struct err *err)
{
	struct trust trust;

	*place = (struct keeper_place){0};
	if (!trust_parse(act->arena, document, &trust, err) ||
	    !put(model, act, "trust", TRUST_TYPE, document, cms, place, err))
		return false;
	*version = trust.version;
	return true;
}

/* ---- trust in force ---- */

struct trust_work {
	bool found;
	struct bytes document;
	struct bytes *cms;
	size_t cms_count;
};

static bool trust_work(struct db_tx *tx, void *context, struct err *err)
{
	struct trust_work *work = context;
	struct db_row row;
	struct db_rows rows;

	if (!db_opt(tx, STMT_TRUST_NEWEST, DB_NOTHING, &work->found, &row, err))
		return false;
	if (!work->found)
		return true;
	work->document = db_get_bytes(&row, "bytes");
	if (!db_many(tx, STMT_DOCUMENT_SIGNATURES_LIST,
		     DB(db_text(db_get_text(&row, "sha256")), db_text("root")), &rows, err))
		return false;
	work->cms_count = rows.count;
	work->cms = arena_array(db_arena(tx), rows.count + 1, sizeof(*work->cms));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row one = db_row_at(&rows, i);
		work->cms[i] = db_get_bytes(&one, "signature");
	}
	return true;
}

bool directory_trust_get(struct model *model, const struct act *act, struct directory_trust *out,
			 struct err *err)
{
	struct trust_work work = {0};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, trust_work, &work, err))
		return false;
	if (!work.found)
		return err_fail(err, E_TRUST_MISSING, NULL);
	struct directory_trust result = {.cms = work.cms, .cms_count = work.cms_count};
	if (!trust_parse(act->arena, work.document, &result.trust, err))
		return false;
	*out = result;
	return true;
}

/* ---- people ---- */

struct persons_work {
	const struct page *page;
	struct directory_person *at;
	size_t count;
	bool more;
};

static bool persons_work(struct db_tx *tx, void *context, struct err *err)
{
	struct persons_work *work = context;
	struct db_rows rows;
	size_t limit = (size_t)work->page->limit;

	if (!db_many(tx, STMT_DIRECTORY_PERSONS_LIST,
		     DB(db_text(work->page->after), db_int(work->page->limit + 1)), &rows, err))
		return false;
	work->more = rows.count > limit;
	work->count = work->more ? limit : rows.count;
	work->at = arena_array(db_arena(tx), work->count + 1, sizeof(*work->at));
	for (size_t i = 0; i < work->count; i++) {
		struct db_row row = db_row_at(&rows, i);
		work->at[i] = (struct directory_person){
			.id = db_get_text(&row, "id"),
			.name = db_get_text(&row, "name"),
			.organisation = db_get_text(&row, "organisation"),
			.active = db_get_bool(&row, "active"),
			.grants = db_get_text(&row, "grants"),
			.keys = db_get_text(&row, "keys"),
		};
	}
	return true;
}

bool directory_persons_list(struct model *model, const struct act *act, const struct page *page,
			    const struct directory_person **out, size_t *count, bool *more,
			    struct err *err)
{
	struct persons_work work = {.page = page};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, persons_work, &work, err))
		return false;
	*out = work.at;
	*count = work.count;
	*more = work.more;
	return true;
}

/* ---- roles ---- */

struct role_work {
	const char *person;
	const char *const *roles;
	size_t count;
	const char *product;
	bool held;
};

static bool role_work(struct db_tx *tx, void *context, struct err *err)
{
	struct role_work *work = context;
	struct db_row row;

	if (!db_one(tx, STMT_DIRECTORY_ROLE_HELD,
		    DB(db_text(work->person), db_texts(work->roles, work->count),
		       db_text(work->product)),
		    &row, err))
		return false;
	work->held = db_get_bool(&row, "held");
	return true;
}

bool directory_demand_role(struct model *model, const struct act *act, const char *const *roles,
			   const char *product, struct err *err)
{
	struct role_work work = {.person = act->actor, .roles = roles, .product = product};

	while (roles[work.count])
		work.count++;
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, role_work, &work, err))
		return false;
	if (!work.held)
		return err_fail(err, E_DENIED,
				"You do not hold the role %s for product %.64s; ask an administrator",
				roles[0], product);
	return true;
}
