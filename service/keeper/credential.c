/* SPDX-License-Identifier: Apache-2.0 */
/* Who is it, and is it their password: login, and setting a password with an invitation. */

#include "service/keeper/credential.h"

#include "common/wire/keeper.h"
#include "service/keeper/limits.h"
#include "service/keeper/sequencer.h"

struct finding {
	const char *person;
	struct credential *out;
};

static bool find_work(struct db_tx *tx, void *context, struct err *err)
{
	struct finding *finding = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CREDENTIAL_FIND, DB(db_text(finding->person)), &found, &row, err))
		return false;
	*finding->out = (struct credential){.known = found, .person = finding->person};
	if (found) {
		finding->out->name = db_get_text(&row, "name");
		finding->out->password = db_get_text(&row, "password");
	}
	return true;
}

bool credential_find(struct keeper *keeper, struct arena *arena, const char *person,
		     struct credential *out, struct err *err)
{
	struct finding finding = {.person = person, .out = out};

	return db_transact(keeper->pool, arena, DB_READ_COMMITTED, find_work, &finding, err);
}

bool credential_check(struct keeper *keeper, const struct credential *credential,
		      const char *password, bool *matches, struct err *err)
{
	if (!limits_password_begin(keeper->limits, err))
		return false;
	*matches = digest_password_matches(credential->password, password) && credential->known;
	limits_password_end(keeper->limits);
	return true;
}

/* ---- login ---- */

struct login_request {
	const char *request;
	const char *person;
	const char *password;
	const char *remote;
};

struct login_work {
	struct keeper *keeper;
	struct act act;
	bool matches;
	struct doc *roles;
};

/* The event of either outcome, in the person's stream, and what they may do. */
static bool login_work(struct db_tx *tx, void *context, struct err *err)
{
	struct login_work *work = context;
	struct arena *arena = work->act.arena;
	struct doc *data = doc_object(arena);
	struct db_rows rows;

	struct event event = audit_event(work->matches ? EV_LOGIN_DONE : EV_LOGIN_REFUSED, data);
	audit_stream(&event, STREAM_PERSON, work->act.actor);
	if (!work->matches) {
		event.outcome = OUTCOME_REFUSED;
		event.code = err_code_text(E_LOGIN);
		doc_set_text(data, "code", event.code);
	}
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	if (!db_many(tx, STMT_CREDENTIAL_ROLES, DB(db_text(work->act.actor)), &rows, err))
		return false;
	work->roles = doc_array(arena);
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct doc *role = doc_object(arena);
		doc_set_text(role, "role", db_get_text(&row, "role"));
		doc_set_text(role, "product", db_get_text(&row, "product"));
		doc_add(work->roles, role);
	}
	return true;
}

bool verb_login(struct keeper *keeper, const struct act *act, const struct doc *request,
		struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct login_request),
		DOC_TEXT(struct login_request, person, 1, ID_NAME_MAX),
		DOC_TEXT(struct login_request, password, 1, PASSWORD_MAX),
		DOC_TEXT(struct login_request, remote, 0, 64),
	};
	struct login_request asked;
	struct credential credential;
	struct login_work work = {.keeper = keeper, .act = *act};

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &asked, err) ||
	    !credential_find(keeper, act->arena, asked.person, &credential, err) ||
	    !credential_check(keeper, &credential, asked.password, &work.matches, err))
		return false;
	/* Nobody was identified: the service counts such refusals by source. */
	if (!credential.known)
		return err_fail(err, E_LOGIN, NULL);
	work.act.actor_kind = ACTOR_PERSON;
	work.act.actor = credential.person;
	work.act.auth = "password";
	if (!db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, login_work, &work, err))
		return false;
	sequencer_wake(keeper->sequencer);
	if (!work.matches)
		return err_fail(err, E_LOGIN, NULL);
	doc_set_text(reply, "person", credential.person);
	doc_set_text(reply, "name", credential.name);
	doc_set(reply, "roles", work.roles);
	return true;
}

/* ---- a first password ---- */

struct password_request {
	const char *request;
	const char *what;
	const char *person;
	const char *token;
	const char *password;
};

struct password_work {
	struct keeper *keeper;
	struct act act;
	const char *stored;
	struct sha256_hex token;
	struct event_id event;
};

static bool password_work(struct db_tx *tx, void *context, struct err *err)
{
	struct password_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_CREDENTIAL_INVITE_TAKE,
		    DB(db_text(work->act.actor), db_text(work->token.text), db_text(work->stored),
		       db_time(work->act.at)),
		    &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_INVITE, NULL);
	struct event event = audit_event(EV_PASSWORD_SET, NULL);
	audit_stream(&event, STREAM_PERSON, work->act.actor);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return true;
}

bool verb_put_password(struct keeper *keeper, const struct act *act, const struct doc *request,
		       struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct password_request),
		DOC_TEXT(struct password_request, what, 1, 20),
		DOC_TEXT(struct password_request, person, 1, ID_NAME_MAX),
		DOC_TEXT(struct password_request, token, 1, 128),
		DOC_TEXT(struct password_request, password, PASSWORD_MIN, PASSWORD_MAX),
	};
	struct password_request asked;
	struct password_work work = {.keeper = keeper, .act = *act};
	char *stored = NULL;

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &asked, err) ||
	    !limits_password_begin(keeper->limits, err))
		return false;
	bool made = digest_password(act->arena, asked.password, &stored, err);
	limits_password_end(keeper->limits);
	if (!made)
		return false;
	work.stored = stored;
	work.token = digest_sha256_hex(bytes_of_text(asked.token));
	work.act.actor_kind = ACTOR_PERSON;
	work.act.actor = asked.person;
	work.act.auth = "invitation";
	return db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, password_work, &work,
			   err) &&
	       keeper_finish(keeper, &work.event, reply, err);
}
