/* SPDX-License-Identifier: Apache-2.0 */
/* How does a release begin, get its seal, and end? Showing one stands in release_view.c. */

#include "service/model/release.h"

#include "common/sign.h"
#include "service/model/artifact.h"
#include "service/model/directory.h"

#include <string.h>

/* ---- drafting ---- */

struct draft {
	struct model *model;
	struct act act;
	struct bytes bytes, cms;
	struct sha256_hex sha256;
	struct manifest manifest;
	struct sha256_hex author_key;
	char release[ID_UUID_BYTES + 1];
	struct release_drafted drafted;
	enum err_code refused;
};

static bool check_author(struct draft *draft, struct err *err)
{
	struct directory_trust trust;
	const struct trust_entry *entry;
	struct sign_cert signer;

	if (!directory_trust_get(draft->model, &draft->act, &trust, err) ||
	    !sign_cms_check(draft->act.arena, draft->cms, draft->bytes, SIGN_AUTHOR, draft->act.at,
			    &signer, err) ||
	    !trust_find_key(&trust.trust, TRUST_AUTHOR, &signer.key_id, draft->manifest.product,
			    NULL, draft->act.at, &entry, err))
		return false;
	draft->author_key = signer.key_id;
	return true;
}

static bool refuse_work(struct db_tx *tx, void *context, struct err *err)
{
	struct draft *draft = context;
	struct doc *data = doc_object(draft->act.arena);

	doc_set_text(data, "manifest_sha256", draft->sha256.text);
	doc_set_text(data, "code", err_code_text(draft->refused));
	struct event event = audit_event(EV_RELEASE_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = err_code_text(draft->refused);
	audit_stream(&event, STREAM_RELEASE, draft->release);
	return audit_append(tx, &draft->model->writer, &draft->act, &event, NULL, err);
}

/* A signature that does not hold is worth remembering; the draft that never was has an id for it. */
static bool demand_author(struct draft *draft, struct err *err)
{
	struct err failed = {0};

	if (check_author(draft, err))
		return true;
	if (err_code_kind(err->code) != ERR_BROKEN_EVIDENCE)
		return false;
	draft->refused = err->code;
	if (!db_transact(draft->model->pool, draft->act.arena, DB_READ_COMMITTED, refuse_work,
			 draft, &failed))
		*err = failed;
	return false;
}

static bool check_artifacts(struct draft *draft, struct err *err)
{
	for (size_t i = 0; i < draft->manifest.artifact_count; i++) {
		const struct manifest_artifact *one = &draft->manifest.artifacts[i];
		struct artifact stored;
		if (!artifact_check(draft->model, &draft->act, one->sha256.text, &stored, err)) {
			err_prefix(err, "%.80s", one->name);
			return false;
		}
		if (stored.size_bytes != one->size_bytes)
			return err_fail(err, E_RELEASE_MANIFEST,
					"the manifest gives %.80s another size than it has",
					one->name);
	}
	return true;
}

static bool record_draft(struct draft *draft, struct db_tx *tx, struct err *err)
{
	const struct manifest *manifest = &draft->manifest;
	struct doc *data = doc_object(draft->act.arena);

	doc_set_text(data, "product", manifest->product);
	doc_set_text(data, "version", manifest->version);
	doc_set_int(data, "sequence", manifest->sequence);
	doc_set_text(data, "manifest_sha256", draft->sha256.text);
	struct event event = audit_event(EV_RELEASE_DRAFTED, data);
	audit_stream(&event, STREAM_RELEASE, draft->release);
	audit_stream(&event, STREAM_PRODUCT, manifest->product);
	return audit_append(tx, &draft->model->writer, &draft->act, &event, NULL, err) &&
	       db_run(tx, STMT_RELEASE_INSERT,
		      DB(db_text(draft->release), db_text(manifest->product),
			 db_text(manifest->version), db_int(manifest->sequence),
			 db_text(draft->sha256.text), db_text(draft->act.actor)),
		      NULL, err);
}

static bool draft_work(struct db_tx *tx, void *context, struct err *err)
{
	struct draft *draft = context;
	struct db_row row;
	bool found;

	if (!db_one(tx, STMT_RELEASE_PRODUCT_EXISTS, DB(db_text(draft->manifest.product)), &row,
		    err))
		return false;
	if (!db_get_bool(&row, "known"))
		return err_fail(err, E_RELEASE_MANIFEST,
				"there is no product %.64s; two admins put it first",
				draft->manifest.product);
	if (!db_run(tx, STMT_DOCUMENT_PUT,
		    DB(db_text(draft->sha256.text), db_text(MANIFEST_TYPE), db_bytes(draft->bytes)),
		    NULL, err) ||
	    !db_run(tx, STMT_DOCUMENT_SIGNATURE_PUT,
		    DB(db_text(draft->sha256.text), db_text("author"),
		       db_text(draft->author_key.text), db_bytes(draft->cms)),
		    NULL, err) ||
	    !db_opt(tx, STMT_RELEASE_BY_MANIFEST, DB(db_text(draft->sha256.text)), &found, &row,
		    err))
		return false;
	draft->drafted.before = found;
	draft->drafted.release = found ? db_get_text(&row, "id") : draft->release;
	return found || record_draft(draft, tx, err);
}

bool release_draft(struct model *model, const struct act *act, struct bytes manifest,
		   struct bytes author_cms, struct release_drafted *out, struct err *err)
{
	static const char *const roles[] = {"author", NULL};
	struct draft *draft = arena_alloc(act->arena, sizeof(*draft));

	*draft = (struct draft){.model = model, .act = *act, .bytes = manifest, .cms = author_cms};
	draft->sha256 = digest_sha256_hex(manifest);
	id_uuid_draw(draft->release);
	if (!manifest_parse(act->arena, manifest, &draft->manifest, err) ||
	    !directory_demand_role(model, act, roles, draft->manifest.product, err) ||
	    !demand_author(draft, err) || !check_artifacts(draft, err) ||
	    !db_transact(model->pool, act->arena, DB_SERIALIZABLE, draft_work, draft, err))
		return false;
	*out = draft->drafted;
	return true;
}

/* ---- its product ---- */

struct find_work {
	const char *release;
	bool found;
	const char *product;
};

static bool find_work(struct db_tx *tx, void *context, struct err *err)
{
	struct find_work *work = context;
	struct db_row row;

	if (!db_opt(tx, STMT_RELEASE_FIND, DB(db_text(work->release)), &work->found, &row, err))
		return false;
	work->product = work->found ? db_get_text(&row, "product") : NULL;
	return true;
}

/* That there is such a release, and that the person holds one of these roles for its product. */
static bool demand_role(struct model *model, const struct act *act, const char *release,
			const char *const *roles, struct err *err)
{
	struct find_work work = {.release = release};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, find_work, &work, err))
		return false;
	if (!work.found)
		return err_fail(err, E_RELEASE_UNKNOWN, NULL);
	return directory_demand_role(model, act, roles, work.product, err);
}

/* ---- sealing ---- */

bool release_seal(struct model *model, const struct act *act, const char *release,
		  struct keeper_place *place, struct err *err)
{
	static const char *const roles[] = {"author", NULL};
	struct doc *members = doc_object(act->arena);

	*place = (struct keeper_place){0};
	doc_set_text(members, "what", "seal-release");
	doc_set_text(members, "release", release);
	return demand_role(model, act, release, roles, err) &&
	       keeper_call_regulated(model, act, "put", members, NULL, place, err);
}

/* ---- withdrawing ---- */

struct withdraw_work {
	struct model *model;
	const struct act *act;
	const char *release;
	const char *reason;
	struct keeper_place place;
};

static bool withdraw_work(struct db_tx *tx, void *context, struct err *err)
{
	struct withdraw_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_RELEASE_WITHDRAWAL_FIND, DB(db_text(work->release)), &found, &row,
		    err))
		return false;
	work->place.before = found;
	if (found)
		return id_uuid_read(db_get_text(&row, "event"), work->place.event.text, err);
	struct event event = audit_event(EV_RELEASE_WITHDRAWN, NULL);
	event.reason = work->reason;
	audit_stream(&event, STREAM_RELEASE, work->release);
	if (!audit_append(tx, &work->model->writer, work->act, &event, NULL, err))
		return false;
	work->place.event = event.id;
	return db_run(tx, STMT_RELEASE_WITHDRAW,
		      DB(db_text(work->release), db_text(work->act->actor), db_text(work->reason),
			 db_text(event.id.text)),
		      NULL, err);
}

bool release_withdraw(struct model *model, const struct act *act, const char *release,
		      const char *reason, struct keeper_place *place, struct err *err)
{
	static const char *const roles[] = {"qa", "release_manager", NULL};
	struct withdraw_work work = {
		.model = model, .act = act, .release = release, .reason = reason};

	if (!demand_role(model, act, release, roles, err) ||
	    !db_transact(model->pool, act->arena, DB_SERIALIZABLE, withdraw_work, &work, err))
		return false;
	*place = work.place;
	return true;
}
