/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time challenges and the signatures that answer them. The keeper says what is signed: it
 * gathers the facts, asks policy whether this person may, and writes the statement. One challenge takes
 * one answer, and the answer counts only if what was shown is still what is there.
 */

#include "common/wire/keeper.h"
#include "common/wire/statement.h"
#include "policy/signatures.h"
#include "service/keeper/credential.h"
#include "service/keeper/gather.h"
#include "service/keeper/sequencer.h"

#include <string.h>

enum { CMS_MAX = 16 * 1024 };

/* ---- what would be signed ---- */

/* The gate whose facts tell about the object: a record's are its release's. */
static bool subject_of(struct db_tx *tx, const struct facts_object *object, const char **gate,
		       const char **subject, struct err *err)
{
	struct db_row row;
	bool found;

	*gate = strcmp(object->kind, "campaign") == 0 ? "campaign" : "release";
	*subject = object->id;
	if (strcmp(object->kind, "record") != 0)
		return true;
	if (!db_opt(tx, STMT_GATHER_RECORD_RELEASE, DB(db_text(object->id)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_GATE_SUBJECT, "there is no record %.36s", object->id);
	*subject = db_get_text(&row, "release");
	return true;
}

/* The digest of what is shown for this meaning. */
static bool shown_digest(struct db_tx *tx, const struct gathered *gathered, const char *meaning,
			 const struct facts_object *object, struct sha256_hex *out, struct err *err)
{
	const struct facts *facts = &gathered->facts;
	struct bytes document;

	if (strcmp(object->kind, "release") == 0)
		return keeper_store_document(tx, CONTENT_TYPE, gathered->content, out, err);
	if (strcmp(meaning, "resumed") == 0) {
		struct hold hold = {.campaign = facts->campaign->id,
				    .number = gathered->held_number,
				    .plan_sha256 = facts->campaign->plan_sha256};
		return hold_write(db_arena(tx), &hold, &document, err) &&
		       keeper_store_document(tx, HOLD_TYPE, document, out, err);
	}
	if (strcmp(object->kind, "campaign") == 0) {
		*out = facts->campaign->plan_sha256;
		return true;
	}
	for (size_t i = 0; i < facts->record_count; i++) {
		if (facts->records[i].current && strcmp(facts->records[i].id, object->id) == 0) {
			*out = facts->records[i].sha256;
			return true;
		}
	}
	return err_fail(err, E_GATE_SUBJECT, "there is no record %.36s", object->id);
}

/* May they, and what would they sign: asked when the challenge is made and when it is answered. */
static bool judge(struct keeper *keeper, struct db_tx *tx, clock_us at, const char *person,
		  const char *meaning, const struct facts_object *object, struct gathered *gathered,
		  struct sha256_hex *digest, struct err *err)
{
	const char *gate;
	const char *subject;

	return subject_of(tx, object, &gate, &subject, err) &&
	       gather_facts(keeper, tx, gate, subject, person, at, gathered, err) &&
	       policy_may_sign(db_arena(tx), gathered->bytes, person, meaning, object, err) &&
	       shown_digest(tx, gathered, meaning, object, digest, err);
}

/* ---- challenge ---- */

struct challenge_request {
	const char *request;
	const char *person;
	const char *meaning;
	const struct doc *object;
	const char *reason;
};

struct object_request {
	const char *kind;
	const char *id;
};

struct challenge_work {
	struct keeper *keeper;
	struct act act;
	struct challenge_request asked;
	struct facts_object object;
	struct statement statement;
	struct bytes document;
};

static bool read_object(struct arena *arena, const struct doc *doc, struct facts_object *out,
			struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_WORD(struct object_request, kind, facts_objects),
		DOC_TEXT(struct object_request, id, ID_UUID_BYTES, ID_UUID_BYTES),
	};
	struct object_request object;

	if (!doc_read(arena, doc, fields, DOC_COUNT(fields), &object, err))
		return false;
	if (!id_uuid_valid(object.id))
		return err_fail(err, E_ID, "object.id must be an id as the service gave it");
	*out = (struct facts_object){.kind = object.kind, .id = object.id};
	return true;
}

static bool record_challenge(struct db_tx *tx, struct challenge_work *work,
			     const struct sha256_hex *document, struct err *err)
{
	const struct statement *statement = &work->statement;
	struct doc *data = doc_object(work->act.arena);
	struct doc *object = doc_object(work->act.arena);

	doc_set_text(object, "kind", statement->object.kind);
	doc_set_text(object, "id", statement->object.id);
	doc_set_text(data, "challenge", statement->challenge);
	doc_set_text(data, "meaning", statement->meaning);
	doc_set(data, "object", object);
	doc_set_text(data, "statement_sha256", document->text);
	struct event event = audit_event(EV_CHALLENGE_GIVEN, data);
	audit_stream(&event, STREAM_PERSON, statement->person);
	return audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err) &&
	       db_run(tx, STMT_CHALLENGE_INSERT,
		      DB(db_text(statement->challenge), db_text(statement->person),
			 db_text(document->text), db_time(statement->expires_at)),
		      NULL, err);
}

static bool challenge_work(struct db_tx *tx, void *context, struct err *err)
{
	struct challenge_work *work = context;
	struct gathered gathered;
	struct credential person;
	struct sha256_hex shown;
	struct sha256_hex stored;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CREDENTIAL_FIND, DB(db_text(work->asked.person)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_SIGN_INACTIVE, NULL);
	person.name = db_get_text(&row, "name");
	if (!judge(work->keeper, tx, work->act.at, work->asked.person, work->asked.meaning,
		   &work->object, &gathered, &shown, err))
		return false;
	char *ids = arena_alloc(work->act.arena, 2 * (ID_UUID_BYTES + 1));
	id_uuid_draw(ids);
	id_uuid_draw(ids + ID_UUID_BYTES + 1);
	work->statement = (struct statement){
		.id = ids,
		.challenge = ids + ID_UUID_BYTES + 1,
		.person = work->asked.person,
		.name = person.name,
		.meaning = work->asked.meaning,
		.object = {.kind = work->object.kind, .id = work->object.id},
		.sha256 = shown,
		.reason = work->asked.reason,
		.at = work->act.at,
		.expires_at = work->act.at + KEEPER_CHALLENGE_S * CLOCK_SECOND,
	};
	return statement_write(work->act.arena, &work->statement, &work->document, err) &&
	       keeper_store_document(tx, STATEMENT_TYPE, work->document, &stored, err) &&
	       record_challenge(tx, work, &stored, err);
}

bool verb_challenge(struct keeper *keeper, const struct act *act, const struct doc *request,
		    struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct challenge_request),
		DOC_TEXT(struct challenge_request, person, 1, ID_NAME_MAX),
		DOC_WORD(struct challenge_request, meaning, facts_meanings),
		DOC_OBJECT(struct challenge_request, object),
		DOC_TEXT(struct challenge_request, reason, 0, REASON_MAX),
	};
	struct challenge_work work = {.keeper = keeper, .act = *act};

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work.asked, err) ||
	    !read_object(act->arena, work.asked.object, &work.object, err) ||
	    !db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, challenge_work, &work, err))
		return false;
	sequencer_wake(keeper->sequencer);
	doc_set_text(reply, "challenge", work.statement.challenge);
	doc_set_bytes(reply, "statement", work.document);
	doc_set_time(reply, "expires_at", work.statement.expires_at);
	return true;
}

/* ---- sign ---- */

struct sign_request {
	const char *request;
	const char *challenge;
	const char *password;
	struct bytes cms;
};

struct sign_work {
	struct keeper *keeper;
	struct act act;
	struct sign_request asked;
	struct statement statement;
	struct bytes document;
	struct sha256_hex document_sha256;
	const char *strength;
	struct sha256_hex key_id; /* empty: password */
	struct err refusal;	  /* of a wrong answer */
	struct event_id event;
};

/* The challenge as it stands, read also when it is refused: spent or over. Locks its row. */
static bool take_challenge(struct sign_work *work, struct db_tx *tx, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CHALLENGE_GET, DB(db_text(work->asked.challenge)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_CHALLENGE_UNKNOWN, NULL);
	work->document = db_get_bytes(&row, "statement");
	work->document_sha256 = digest_sha256_hex(work->document);
	if (strcmp(work->document_sha256.text, db_get_text(&row, "statement_sha256")) != 0)
		return err_fail(err, E_SIGNATURE, "the stored statement was changed");
	if (!statement_parse(work->act.arena, work->document, &work->statement, err))
		return false;
	if (db_get_bool(&row, "used"))
		return err_fail(err, E_CHALLENGE_USED, NULL);
	if (work->act.at >= db_get_time(&row, "expires_at"))
		return err_fail(err, E_CHALLENGE_EXPIRED, NULL);
	return true;
}

static bool read_challenge_work(struct db_tx *tx, void *context, struct err *err)
{
	return take_challenge(context, tx, err);
}

/* ---- is it really this person ---- */

static bool check_password(struct sign_work *work, struct err *err)
{
	struct credential credential;
	bool matches;

	if (!credential_find(work->keeper, work->act.arena, work->statement.person, &credential,
			     err) ||
	    !credential_check(work->keeper, &credential, work->asked.password, &matches, err))
		return false;
	work->strength = "keeper-checked";
	work->act.auth = "password";
	if (!matches)
		err_set(&work->refusal, E_CHALLENGE_ANSWER, NULL);
	return true;
}

static bool find_key_work(struct db_tx *tx, void *context, struct err *err)
{
	struct sign_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_PERSONAL_KEY_FIND,
		    DB(db_text(work->key_id.text), db_text(work->statement.person)), &found, &row,
		    err))
		return false;
	if (!found)
		err_set(&work->refusal, E_PERSONAL_KEY, NULL);
	return true;
}

static bool check_personal_key(struct sign_work *work, struct err *err)
{
	struct sign_cert signer;

	work->strength = "personal-key";
	work->act.auth = "personal-key";
	if (!sign_cms_check(work->act.arena, work->asked.cms, work->document, SIGN_PERSON,
			    work->act.at, &signer, &work->refusal))
		return true;
	work->key_id = signer.key_id;
	return db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED, find_key_work,
			   work, err);
}

/* ---- writing it down ---- */

/* No answer counts any more, right or wrong. */
static bool spent(enum err_code code)
{
	return code == E_CHALLENGE_USED || code == E_CHALLENGE_EXPIRED;
}

static bool refuse_work(struct db_tx *tx, void *context, struct err *err)
{
	struct sign_work *work = context;
	struct doc *data = doc_object(work->act.arena);

	doc_set_text(data, "challenge", work->asked.challenge);
	doc_set_text(data, "code", err_code_text(work->refusal.code));
	struct event event = audit_event(EV_SIGNATURE_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = err_code_text(work->refusal.code);
	audit_stream(&event, STREAM_PERSON, work->statement.person);
	return audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err) &&
	       (spent(work->refusal.code) ||
		db_run(tx, STMT_CHALLENGE_WRONG,
		       DB(db_text(work->asked.challenge), db_int(KEEPER_CHALLENGE_FAILURES),
			  db_time(work->act.at)),
		       NULL, err));
}

static bool record_signature(struct sign_work *work, struct db_tx *tx,
			     const struct gathered *gathered, struct err *err)
{
	const struct statement *statement = &work->statement;
	const char *key_id = work->key_id.text[0] ? work->key_id.text : NULL;
	bool campaign = strcmp(gathered->facts.gate, "campaign") == 0;
	struct doc *data = doc_object(work->act.arena);
	struct doc *object = doc_object(work->act.arena);

	doc_set_text(object, "kind", statement->object.kind);
	doc_set_text(object, "id", statement->object.id);
	doc_set_text(data, "signature", statement->id);
	doc_set_text(data, "challenge", statement->challenge);
	doc_set_text(data, "meaning", statement->meaning);
	doc_set(data, "object", object);
	doc_set_text(data, "sha256", statement->sha256.text);
	doc_set_text(data, "statement_sha256", work->document_sha256.text);
	doc_set_text(data, "strength", work->strength);
	if (key_id)
		doc_set_text(data, "key_id", key_id);
	struct event event = audit_event(EV_SIGNATURE_GIVEN, data);
	event.reason = statement->reason[0] ? statement->reason : NULL;
	audit_stream(&event, campaign ? STREAM_CAMPAIGN : STREAM_RELEASE,
		     gathered->facts.subject.id);
	audit_stream(&event, STREAM_PERSON, statement->person);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_SIGNATURE_INSERT,
		      DB(db_text(statement->id), db_text(statement->challenge),
			 db_text(statement->person), db_text(statement->meaning),
			 db_text(statement->object.kind), db_text(statement->object.id),
			 db_text(statement->sha256.text), db_text(work->document_sha256.text),
			 db_text(work->strength), db_text(key_id), db_time(work->act.at),
			 db_text(event.id.text), db_bytes(work->asked.cms)),
		      NULL, err) &&
	       (!key_id || db_run(tx, STMT_DOCUMENT_SIGNATURE_PUT,
				  DB(db_text(work->document_sha256.text), db_text("person"),
				     db_text(key_id), db_bytes(work->asked.cms)),
				  NULL, err));
}

/* Everything is asked again: the challenge, the person, and whether what was shown still stands. */
static bool sign_work(struct db_tx *tx, void *context, struct err *err)
{
	struct sign_work *work = context;
	struct facts_object object;
	struct gathered gathered;
	struct sha256_hex shown;

	if (!take_challenge(work, tx, err))
		return false;
	object = (struct facts_object){.kind = work->statement.object.kind,
				       .id = work->statement.object.id};
	if (!judge(work->keeper, tx, work->act.at, work->statement.person, work->statement.meaning,
		   &object, &gathered, &shown, err))
		return false;
	if (strcmp(shown.text, work->statement.sha256.text) != 0)
		return err_fail(err, E_CHALLENGE_STALE, NULL);
	return db_run(tx, STMT_CHALLENGE_USE,
		      DB(db_text(work->asked.challenge), db_time(work->act.at)), NULL, err) &&
	       record_signature(work, tx, &gathered, err);
}

/* A refusal of somebody whose challenge it is becomes an event. */
static bool refuse(struct sign_work *work, struct err *err)
{
	struct err failed = {0};

	if (!db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED, refuse_work, work,
			 &failed)) {
		*err = failed;
		return false;
	}
	sequencer_wake(work->keeper->sequencer);
	*err = work->refusal;
	return false;
}

bool verb_sign(struct keeper *keeper, const struct act *act, const struct doc *request,
	       struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct sign_request),
		DOC_TEXT(struct sign_request, challenge, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_TEXT_OPT(struct sign_request, password, 1, PASSWORD_MAX),
		DOC_BYTES_OPT(struct sign_request, cms, CMS_MAX),
	};
	struct sign_work *work = arena_alloc(act->arena, sizeof(*work));

	work->keeper = keeper;
	work->act = *act;
	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work->asked, err))
		return false;
	if (!id_uuid_valid(work->asked.challenge))
		return err_fail(err, E_ID, "challenge must be an id as the service gave it");
	if (!work->asked.password == !work->asked.cms.size)
		return err_fail(err, E_DOC_FIELD, "send either password or cms");
	bool taken = db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, read_challenge_work,
				 work, &work->refusal);
	work->act.actor_kind = ACTOR_PERSON;
	work->act.actor = work->statement.person;
	if (!taken && spent(work->refusal.code))
		return refuse(work, err);
	if (!taken) {
		*err = work->refusal;
		return false;
	}
	if (!(work->asked.password ? check_password(work, err) : check_personal_key(work, err)))
		return false;
	if (work->refusal.code != E_NONE)
		return refuse(work, err);
	if (!db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, sign_work, work,
			 &work->refusal)) {
		enum err_kind kind = err_code_kind(work->refusal.code);
		if (kind == ERR_DENIED || kind == ERR_CONFLICT)
			return refuse(work, err);
		*err = work->refusal;
		return false;
	}
	doc_set_text(reply, "signature", work->statement.id);
	doc_set_text(reply, "strength", work->strength);
	return keeper_finish(keeper, &work->event, reply, err);
}
