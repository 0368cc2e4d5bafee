/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who there is and what is in force: trust documents under the pinned roots, and directory
 * statements under the personal keys of two admins. Admins are those the trust document names, and those whom
 * earlier statements made admins; so a verifier walks root, admin, role, signature.
 */

#include "common/wire/directory.h"
#include "common/encode.h"
#include "common/file.h"
#include "common/wire/keeper.h"
#include "policy/ruleset.h"
#include "service/keeper/keeper.h"
#include "service/keeper/sequencer.h"

#include <string.h>

enum { CMS_SIGNERS_MAX = 16, CMS_BYTES_MAX = 16 * 1024, PIN_FILE_MAX = 64 * 1024 };

struct put_request {
	const char *request;
	const char *what;
	struct sha256_hex sha256;
	const struct doc *cms;
};

struct put_work {
	struct keeper *keeper;
	struct act act;
	struct sha256_hex sha256;
	struct bytes document;
	struct bytes cms[CMS_SIGNERS_MAX];
	size_t cms_count;
	struct event_id event;
	bool before;
	struct trust trust;	    /* put trust: the new one */
	struct directory statement; /* put directory */
	struct event *events;	    /* the statement's and one for each act */
	const char *admins[CMS_SIGNERS_MAX];
	size_t admin_count;
	const char *refused; /* code of a refusal */
};

static bool read_put(const struct act *act, const struct doc *request, struct put_work *work,
		     struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct put_request),
		DOC_TEXT(struct put_request, what, 1, 20),
		DOC_SHA256(struct put_request, sha256),
		DOC_LIST(struct put_request, cms, 1, CMS_SIGNERS_MAX),
	};
	struct put_request asked;

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &asked, err))
		return false;
	work->act = *act;
	work->sha256 = asked.sha256;
	work->cms_count = doc_size(asked.cms);
	for (size_t i = 0; i < work->cms_count; i++) {
		const char *text = doc_text(doc_at(asked.cms, i));
		if (!text || strlen(text) > CMS_BYTES_MAX)
			return err_fail(err, E_DOC_FIELD,
					"cms must be a list of base64 texts of "
					"at most %d bytes",
					CMS_BYTES_MAX);
		if (!decode_base64(act->arena, text, &work->cms[i], err))
			return false;
	}
	return true;
}

static bool store_signatures(struct put_work *work, struct db_tx *tx, const char *role_word,
			     enum sign_role role, struct err *err)
{
	for (size_t i = 0; i < work->cms_count; i++) {
		struct sign_cert signer;
		if (!sign_cms_check(work->act.arena, work->cms[i], work->document, role, 0, &signer,
				    err) ||
		    !db_run(tx, STMT_DOCUMENT_SIGNATURE_PUT,
			    DB(db_text(work->sha256.text), db_text(role_word),
			       db_text(signer.key_id.text), db_bytes(work->cms[i])),
			    NULL, err))
			return false;
	}
	return true;
}

static bool answer(struct put_work *work, struct doc *reply, struct err *err)
{
	doc_set_bool(reply, "before", work->before);
	return keeper_finish(work->keeper, &work->event, reply, err);
}

/* ---- trust ---- */

static bool find_trust_event(struct put_work *work, struct db_tx *tx, struct err *err)
{
	struct db_row row;

	if (!db_opt(tx, STMT_TRUST_EVENT_FIND, DB(db_text(work->sha256.text)), &work->before, &row,
		    err))
		return false;
	return !work->before || id_uuid_read(db_get_text(&row, "event"), work->event.text, err);
}

static bool accept_trust(struct put_work *work, struct err *err)
{
	struct arena *arena = work->act.arena;
	struct trust current;
	struct trust_pin pin;
	struct bytes file;
	struct err none = {0};

	bool has_current = keeper_trust_get(work->keeper, arena, &current, NULL, &none);
	return file_read(arena, work->keeper->settings.pin, PIN_FILE_MAX, &file, err) &&
	       trust_pin_parse(arena, file, &pin, err) &&
	       trust_accept(arena, &pin, has_current ? &current : NULL, work->document, work->cms,
			    work->cms_count, work->act.at, &work->trust, err);
}

static bool trust_work(struct db_tx *tx, void *context, struct err *err)
{
	struct put_work *work = context;
	struct doc *data = doc_object(work->act.arena);
	struct db_rows raised;

	if (!keeper_load_document(tx, work->sha256.text, TRUST_TYPE, &work->document, err) ||
	    !find_trust_event(work, tx, err))
		return false;
	if (work->before)
		return true;
	if (!accept_trust(work, err))
		return false;
	doc_set_text(data, "slot", work->trust.slot);
	doc_set_int(data, "version", work->trust.version);
	doc_set_text(data, "sha256", work->sha256.text);
	struct event event = audit_event(EV_TRUST_ADOPTED, data);
	audit_stream(&event, STREAM_TRUST, work->trust.slot);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_TRUST_INSERT,
		      DB(db_text(work->trust.slot), db_int(work->trust.version),
			 db_text(work->sha256.text), db_text(event.id.text)),
		      NULL, err) &&
	       store_signatures(work, tx, "root", SIGN_ROOT, err) &&
	       db_many(tx, STMT_EPOCH_RAISE_ALL, DB_NOTHING, &raised, err);
}

bool verb_put_trust(struct keeper *keeper, const struct act *act, const struct doc *request,
		    struct doc *reply, struct err *err)
{
	struct put_work *work = arena_alloc(act->arena, sizeof(*work));

	work->keeper = keeper;
	return read_put(act, request, work, err) &&
	       db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, trust_work, work, err) &&
	       keeper_trust_load(keeper, err) && answer(work, reply, err);
}

/* ---- two admins ---- */

/* Whose personal key signed: an admin of the trust document, or one made by earlier statements. */
static bool admin_of(struct put_work *work, struct db_tx *tx, const struct trust *trust,
		     const struct sign_cert *signer, const char **out, struct err *err)
{
	const struct trust_entry *entry;
	struct err none = {0};
	struct db_row row;
	bool found;

	*out = NULL;
	if (trust_find_key(trust, TRUST_ADMIN, &signer->key_id, NULL, NULL, work->act.at, &entry,
			   &none) &&
	    entry->person) {
		if (!db_one(tx, STMT_DIRECTORY_HAS_LEFT, DB(db_text(entry->person)), &row, err))
			return false;
		*out = db_get_bool(&row, "gone") ? NULL : entry->person;
		return true;
	}
	if (!db_opt(tx, STMT_DIRECTORY_ADMIN_FIND, DB(db_text(signer->key_id.text)), &found, &row,
		    err))
		return false;
	if (found)
		*out = db_get_text(&row, "person");
	return true;
}

static bool check_admins(struct put_work *work, struct db_tx *tx, struct err *err)
{
	struct trust trust;

	if (!keeper_trust_refresh(work->keeper, tx, err) ||
	    !keeper_trust_get(work->keeper, work->act.arena, &trust, NULL, err))
		return false;
	if (work->act.at >= trust.expires_at)
		return err_fail(err, E_TRUST_EXPIRED, NULL);
	work->admin_count = 0;
	for (size_t i = 0; i < work->cms_count; i++) {
		struct sign_cert signer;
		const char *admin;
		bool again = false;
		if (!sign_cms_check(work->act.arena, work->cms[i], work->document, SIGN_PERSON,
				    work->act.at, &signer, err) ||
		    !admin_of(work, tx, &trust, &signer, &admin, err))
			return false;
		for (size_t a = 0; admin && a < work->admin_count; a++)
			again = again || strcmp(work->admins[a], admin) == 0;
		if (admin && !again)
			work->admins[work->admin_count++] = admin;
	}
	if (work->admin_count < 2)
		return err_fail(err, E_DIRECTORY_ADMINS,
				"the statement carries the keys of %zu admins; two different "
				"admins must sign it",
				work->admin_count);
	return true;
}

static bool check_number(struct put_work *work, struct db_tx *tx, struct err *err)
{
	char zeros[65];
	struct db_row row;
	bool found;

	memset(zeros, '0', 64);
	zeros[64] = 0;
	if (!db_opt(tx, STMT_DIRECTORY_NEWEST, DB_NOTHING, &found, &row, err))
		return false;
	int64_t next = found ? db_get_int(&row, "number") + 1 : 1;
	const char *previous = found ? db_get_text(&row, "sha256") : zeros;
	if (work->statement.number != next || strcmp(work->statement.previous.text, previous) != 0)
		return err_fail(err, E_DIRECTORY_NUMBER,
				"the next statement has number %lld and previous %.64s",
				(long long)next, previous);
	return true;
}

/* ---- the acts ---- */

static struct doc *act_data(struct put_work *work, const struct directory_act *one)
{
	struct doc *data = doc_object(work->act.arena);

	doc_set_text(data, "statement", work->sha256.text);
	doc_set_text(data, "act", directory_kind_word((enum directory_kind)one->kind));
	return data;
}

/* The event of each act, in the stream of what it is about. */
static struct event act_event(struct put_work *work, const struct directory_act *one)
{
	struct doc *data = act_data(work, one);
	struct event event;

	switch ((enum directory_kind)one->kind) {
	case DIRECTORY_PRODUCT_PUT:
		event = audit_event(EV_PRODUCT_CHANGED, data);
		audit_stream(&event, STREAM_PRODUCT, one->product);
		break;
	case DIRECTORY_RULESET_ADOPT:
		doc_set_text(data, "name", one->name);
		doc_set_text(data, "sha256", one->sha256.text);
		event = audit_event(EV_RULESET_ADOPTED, data);
		audit_stream(&event, STREAM_POLICY, one->name);
		break;
	case DIRECTORY_DEVICE_REGISTER:
	case DIRECTORY_DEVICE_REVOKE:
		event = audit_event(one->kind == DIRECTORY_DEVICE_REGISTER ? EV_DEVICE_REGISTERED
									   : EV_DEVICE_REVOKED,
				    data);
		audit_stream(&event, STREAM_DEVICE, one->device);
		break;
	case DIRECTORY_KEY_REVOKE:
		doc_set_text(data, "key_id", one->key_id.text);
		event = audit_event(EV_DIRECTORY_ACTED, data);
		audit_stream(&event, STREAM_POLICY, "directory");
		break;
	case DIRECTORY_PERSON_ADD:
	case DIRECTORY_PERSON_INVITE:
	case DIRECTORY_PERSON_LEAVE:
	case DIRECTORY_ROLE_GRANT:
	case DIRECTORY_ROLE_REVOKE:
	case DIRECTORY_KEY_ENROL:
	case DIRECTORY_KINDS:
	default:
		event = audit_event(EV_PERSON_CHANGED, data);
		audit_stream(&event, STREAM_PERSON, one->person);
		break;
	}
	return event;
}

static bool enrol_key(struct put_work *work, struct db_tx *tx, const struct directory_act *one,
		      const char *event, struct err *err)
{
	struct sign_cert cert;

	if (!sign_cert_read(work->act.arena, one->certificate, &cert, err))
		return false;
	if (cert.role != SIGN_PERSON || !cert.email_protection || cert.authority)
		return err_fail(err, E_DIRECTORY_ACT,
				"the certificate of %.64s is not one for a personal key",
				one->person);
	return db_run(tx, STMT_PERSONAL_KEY_INSERT,
		      DB(db_text(cert.key_id.text), db_text(one->person),
			 db_bytes(one->certificate), db_text(event)),
		      NULL, err);
}

static bool adopt_ruleset(struct put_work *work, struct db_tx *tx, const struct directory_act *one,
			  const char *event, struct err *err)
{
	struct ruleset ruleset;
	struct bytes bytes;

	if (!keeper_load_document(tx, one->sha256.text, "countersign.ruleset.v1", &bytes, err) ||
	    !ruleset_read(work->act.arena, bytes, &ruleset, err))
		return false;
	if (strcmp(ruleset.name, one->name) != 0)
		return err_fail(err, E_DIRECTORY_ACT, "the ruleset of that digest is called %.64s",
				ruleset.name);
	return db_run(tx, STMT_RULESET_INSERT,
		      DB(db_text(one->name), db_text(one->sha256.text), db_text(event),
			 db_time(work->act.at)),
		      NULL, err);
}

static bool register_device(struct db_tx *tx, const struct directory_act *one, const char *event,
			    struct err *err)
{
	struct bytes none = {0};

	return db_run(tx, STMT_DEVICE_INSERT,
		      DB(db_text(one->device), db_text(one->product), db_text(one->serial),
			 db_text(one->device_hardware), db_text(one->market), db_text(one->site),
			 db_text(one->assurance),
			 db_bytes(one->report_key.size ? one->report_key : none), db_text(event)),
		      NULL, err);
}

/* An update that touches nothing is an act that cannot be done. */
static bool demand_change(int64_t changed, const char *what, struct err *err)
{
	if (changed > 0)
		return true;
	return err_fail(err, E_DIRECTORY_ACT, "there is no such %s, or it ended before", what);
}

static bool do_act(struct put_work *work, struct db_tx *tx, const struct directory_act *one,
		   const char *event, struct err *err)
{
	int64_t changed = 0;

	switch ((enum directory_kind)one->kind) {
	case DIRECTORY_PERSON_ADD:
		return db_run(tx, STMT_PERSON_INSERT,
			      DB(db_text(one->person), db_text(one->name),
				 db_text(one->organisation), db_text(event)),
			      NULL, err);
	case DIRECTORY_PERSON_INVITE:
		return db_run(tx, STMT_CREDENTIAL_INVITE_PUT,
			      DB(db_text(one->person), db_text(one->token_sha256.text),
				 db_time(one->expires_at)),
			      NULL, err);
	case DIRECTORY_PERSON_LEAVE:
		return db_run(tx, STMT_PERSON_LEAVE, DB(db_text(one->person), db_text(event)),
			      &changed, err) &&
		       demand_change(changed, "person", err);
	case DIRECTORY_ROLE_GRANT:
		return db_run(tx, STMT_ROLE_INSERT,
			      DB(db_text(one->person), db_text(one->role), db_text(one->product),
				 db_text(event)),
			      NULL, err);
	case DIRECTORY_ROLE_REVOKE:
		return db_run(tx, STMT_ROLE_REVOKE,
			      DB(db_text(one->person), db_text(one->role), db_text(one->product),
				 db_text(event)),
			      &changed, err) &&
		       demand_change(changed, "role", err);
	case DIRECTORY_KEY_ENROL:
		return enrol_key(work, tx, one, event, err);
	case DIRECTORY_KEY_REVOKE:
		return db_run(tx, STMT_PERSONAL_KEY_REVOKE,
			      DB(db_text(one->key_id.text), db_text(event)), &changed, err) &&
		       demand_change(changed, "key", err);
	case DIRECTORY_PRODUCT_PUT:
		return db_run(tx, STMT_PRODUCT_PUT,
			      DB(db_text(one->product), db_text(one->name),
				 db_texts(one->hardware.at, one->hardware.count),
				 db_texts(one->rulesets.at, one->rulesets.count), db_text(event)),
			      NULL, err);
	case DIRECTORY_RULESET_ADOPT:
		return adopt_ruleset(work, tx, one, event, err);
	case DIRECTORY_DEVICE_REGISTER:
		return register_device(tx, one, event, err);
	case DIRECTORY_DEVICE_REVOKE:
		return db_run(tx, STMT_DEVICE_REVOKE, DB(db_text(one->device), db_text(event)),
			      &changed, err) &&
		       demand_change(changed, "device", err);
	case DIRECTORY_KINDS:
	default:
		return err_fail(err, E_BUG, "an act of no kind");
	}
}

/* The statement's own event first, then one per act; all streams are locked in order. */
static bool record_acts(struct put_work *work, struct db_tx *tx, struct event **out,
			struct err *err)
{
	const struct directory *statement = &work->statement;
	struct doc *data = doc_object(work->act.arena);
	struct doc *admins = doc_array(work->act.arena);
	struct event *events =
		arena_array(work->act.arena, statement->act_count + 1, sizeof(*events));

	for (size_t i = 0; i < work->admin_count; i++)
		doc_add_text(admins, work->admins[i]);
	doc_set_int(data, "number", statement->number);
	doc_set_text(data, "sha256", work->sha256.text);
	doc_set(data, "admins", admins);
	doc_set_int(data, "acts", (int64_t)statement->act_count);
	events[0] = audit_event(EV_DIRECTORY_ACTED, data);
	events[0].reason = statement->reason;
	audit_stream(&events[0], STREAM_POLICY, "directory");
	for (size_t i = 0; i < statement->act_count; i++)
		events[i + 1] = act_event(work, &statement->acts[i]);
	if (!audit_append_all(tx, &work->keeper->writer, &work->act, events,
			      statement->act_count + 1, err))
		return false;
	*out = events;
	return true;
}

static bool directory_work(struct db_tx *tx, void *context, struct err *err)
{
	struct put_work *work = context;
	struct event *events;
	struct db_rows raised;
	struct db_row row;

	if (!keeper_load_document(tx, work->sha256.text, DIRECTORY_TYPE, &work->document, err) ||
	    !db_opt(tx, STMT_DIRECTORY_FIND, DB(db_text(work->sha256.text)), &work->before, &row,
		    err))
		return false;
	if (work->before)
		return id_uuid_read(db_get_text(&row, "event"), work->event.text, err);
	if (!directory_parse(work->act.arena, work->document, &work->statement, err) ||
	    !check_number(work, tx, err) || !check_admins(work, tx, err) ||
	    !record_acts(work, tx, &events, err))
		return false;
	for (size_t i = 0; i < work->statement.act_count; i++) {
		if (!do_act(work, tx, &work->statement.acts[i], events[i + 1].id.text, err)) {
			err_prefix(err, "act %zu", i + 1);
			return false;
		}
	}
	work->event = events[0].id;
	work->events = events;
	return db_run(tx, STMT_DIRECTORY_INSERT,
		      DB(db_int(work->statement.number), db_text(work->sha256.text),
			 db_text(events[0].id.text)),
		      NULL, err) &&
	       store_signatures(work, tx, "person", SIGN_PERSON, err) &&
	       db_many(tx, STMT_EPOCH_RAISE_ALL, DB_NOTHING, &raised, err);
}

static bool refusal_work(struct db_tx *tx, void *context, struct err *err)
{
	struct put_work *work = context;
	struct doc *data = doc_object(work->act.arena);
	struct event event = audit_event(EV_DIRECTORY_REFUSED, data);

	doc_set_text(data, "sha256", work->sha256.text);
	doc_set_text(data, "code", work->refused);
	event.outcome = OUTCOME_REFUSED;
	event.code = work->refused;
	audit_stream(&event, STREAM_SYSTEM, "keeper");
	return audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err);
}

/* An act whose event was set aside is not done, though its statement stands. */
static bool await_acts(struct put_work *work, struct err *err)
{
	for (size_t i = 0; i < work->statement.act_count; i++) {
		struct sequencer_place place;
		if (!sequencer_wait(work->keeper->sequencer, &work->events[i + 1].id,
				    KEEPER_SEAL_WAIT_MS, work->act.arena, &place, err)) {
			err_prefix(err, "act %zu", i + 1);
			return false;
		}
	}
	return true;
}

bool verb_put_directory(struct keeper *keeper, const struct act *act, const struct doc *request,
			struct doc *reply, struct err *err)
{
	struct put_work *work = arena_alloc(act->arena, sizeof(*work));
	struct err unwritten = {0};

	work->keeper = keeper;
	if (!read_put(act, request, work, err))
		return false;
	if (!db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, directory_work, work, err)) {
		work->refused = err_code_text(err->code);
		if (db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, refusal_work, work,
				&unwritten))
			sequencer_wake(keeper->sequencer);
		return false;
	}
	if (!work->before)
		doc_set_int(reply, "number", work->statement.number);
	return answer(work, reply, err) && (work->before || await_acts(work, err));
}
