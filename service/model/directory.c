/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there, what is in force, and how does a new statement of either reach the keeper? */

#include "service/model/directory.h"

#include "common/encode.h"
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

struct putting {
	struct model *model;
	const struct act *act;
	struct bytes document;
	const struct doc *cms; /* base64 texts */
	struct sha256_hex signers[DIRECTORY_CMS_MAX];
	size_t count;
	bool enrolled; /* one of the signers is a live personal key */
};

/* Whose keys signed. Anybody may call these addresses, so nothing is stored before that is known. */
static bool read_signers(struct putting *putting, enum sign_role role, struct err *err)
{
	struct arena *arena = putting->act->arena;

	putting->count = doc_size(putting->cms);
	for (size_t i = 0; i < putting->count; i++) {
		const char *text = doc_text(doc_at(putting->cms, i));
		struct sign_cert signer;
		struct bytes cms;
		if (!text)
			return err_fail(err, E_DOC_FIELD, "cms must be a list of base64 texts");
		if (!decode_base64(arena, text, &cms, err) ||
		    !sign_cms_check(arena, cms, putting->document, role, 0, &signer, err))
			return false;
		putting->signers[i] = signer.key_id;
	}
	return true;
}

/* The keeper is asked first whether it is there: else nothing is stored. */
static bool put(struct putting *putting, const char *what, const char *type,
		struct keeper_place *place, struct err *err)
{
	struct doc *members = doc_object(putting->act->arena);
	struct sha256_hex digest;

	if (!keeper_call_ready(putting->model, putting->act, err) ||
	    !document_store(putting->model, putting->act, type, putting->document, &digest, err))
		return false;
	doc_set_text(members, "what", what);
	doc_set_text(members, "sha256", digest.text);
	doc_set(members, "cms", putting->cms);
	return keeper_call_sealed(putting->model, putting->act, "put", members, NULL, place, err);
}

static bool enrolled_work(struct db_tx *tx, void *context, struct err *err)
{
	struct putting *putting = context;
	const char **keys = arena_array(db_arena(tx), putting->count, sizeof(*keys));
	struct db_row row;

	for (size_t i = 0; i < putting->count; i++)
		keys[i] = putting->signers[i].text;
	if (!db_one(tx, STMT_DIRECTORY_KEYS_KNOWN, DB(db_texts(keys, putting->count)), &row, err))
		return false;
	putting->enrolled = db_get_bool(&row, "known");
	return true;
}

/* That one key at least is of somebody who could be an admin; the keeper looks properly. */
static bool demand_known_signer(struct putting *putting, struct err *err)
{
	struct directory_trust trust;
	const struct trust_entry *entry;

	if (!directory_trust_get(putting->model, putting->act, &trust, err) ||
	    !db_transact(putting->model->pool, putting->act->arena, DB_READ_COMMITTED,
			 enrolled_work, putting, err))
		return false;
	bool known = putting->enrolled;
	for (size_t i = 0; i < putting->count && !known; i++) {
		struct err none = {0};
		known = trust_find_key(&trust.trust, TRUST_ADMIN, &putting->signers[i], NULL, NULL,
				       putting->act->at, &entry, &none);
	}
	if (!known)
		return err_fail(err, E_DIRECTORY_ADMINS, NULL);
	return true;
}

bool directory_put(struct model *model, const struct act *act, struct bytes document,
		   const struct doc *cms, int64_t *number, struct keeper_place *place,
		   struct err *err)
{
	struct putting putting = {.model = model, .act = act, .document = document, .cms = cms};
	struct directory statement;

	*place = (struct keeper_place){0};
	if (!directory_parse(act->arena, document, &statement, err) ||
	    !read_signers(&putting, SIGN_PERSON, err) || !demand_known_signer(&putting, err) ||
	    !put(&putting, "directory", DIRECTORY_TYPE, place, err))
		return false;
	*number = statement.number;
	return true;
}

/* That one of the roots in force signed; before the first document anybody's roots will do. */
static bool demand_root(struct putting *putting, struct err *err)
{
	struct directory_trust current;
	struct err none = {0};

	if (!directory_trust_get(putting->model, putting->act, &current, &none)) {
		if (none.code == E_TRUST_MISSING)
			return true;
		*err = none;
		return false;
	}
	for (size_t i = 0; i < putting->count; i++) {
		for (size_t r = 0; r < current.trust.roots.key_count; r++) {
			struct sha256_hex root = sign_key_id(current.trust.roots.keys[r]);
			if (strcmp(root.text, putting->signers[i].text) == 0)
				return true;
		}
	}
	return err_fail(err, E_TRUST_QUORUM, NULL);
}

bool directory_trust_put(struct model *model, const struct act *act, struct bytes document,
			 const struct doc *cms, int64_t *version, struct keeper_place *place,
			 struct err *err)
{
	struct putting putting = {.model = model, .act = act, .document = document, .cms = cms};
	struct trust trust;

	*place = (struct keeper_place){0};
	if (!trust_parse(act->arena, document, &trust, err) ||
	    !read_signers(&putting, SIGN_ROOT, err) || !demand_root(&putting, err) ||
	    !put(&putting, "trust", TRUST_TYPE, place, err))
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
		return err_fail(
			err, E_DENIED,
			"You do not hold the role %s for product %.64s; ask an administrator",
			roles[0], product);
	return true;
}
