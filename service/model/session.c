/* SPDX-License-Identifier: Apache-2.0 */
/* Who is this? For identify: people by session, devices by token or certificate. */

#include "service/model/session.h"

#include "common/log.h"

#include <string.h>

/* ---- logging in and out ---- */

struct login_work {
	struct sha256_hex token;
	const char *person;
	clock_us expires_at;
};

static bool login_work(struct db_tx *tx, void *context, struct err *err)
{
	struct login_work *work = context;

	return db_run(
		tx, STMT_SESSION_INSERT,
		DB(db_text(work->token.text), db_text(work->person), db_time(work->expires_at)),
		NULL, err);
}

static bool ask_login(struct model *model, const struct act *act, const struct doc *members,
		      const struct doc **reply, struct err *err)
{
	if (!keeper_load_begin(model, err))
		return false;
	bool good = keeper_call(model, act, "login", members, reply, err);
	keeper_load_end(model);
	return good;
}

bool session_login(struct model *model, const struct act *act, const char *person,
		   const char *password, const char *remote, struct session_login *out,
		   struct err *err)
{
	struct doc *members = doc_object(act->arena);
	const struct doc *reply;
	struct session_login login = {0};

	doc_set_text(members, "person", person);
	doc_set_text(members, "password", password);
	doc_set_text(members, "remote", remote);
	if (!ask_login(model, act, members, &reply, err))
		return false;
	login.person = doc_get_text(reply, "person");
	login.name = doc_get_text(reply, "name");
	login.roles = doc_get(reply, "roles");
	if (!login.person || !login.name || !login.roles)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer names no person");
	login.token = random_token(act->arena, SESSION_TOKEN_BYTES);
	login.expires_at = act->at + SESSION_HOURS * 3600 * CLOCK_SECOND;
	struct login_work work = {
		.token = digest_sha256_hex(bytes_of_text(login.token)),
		.person = login.person,
		.expires_at = login.expires_at,
	};
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, login_work, &work, err))
		return false;
	*out = login;
	return true;
}

static bool end_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct sha256_hex *token = context;

	return db_run(tx, STMT_SESSION_END, DB(db_text(token->text)), NULL, err);
}

bool session_end(struct model *model, const struct act *act, const char *token, struct err *err)
{
	struct sha256_hex digest = digest_sha256_hex(bytes_of_text(token));

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, end_work, &digest, err);
}

static bool end_all_work(struct db_tx *tx, void *context, struct err *err)
{
	const char *const *person = context;

	return db_run(tx, STMT_SESSION_END_ALL, DB(db_text(*person)), NULL, err);
}

/* Also when the seal is late: the password is set all the same. */
static void end_all(struct model *model, const struct act *act, const char *person)
{
	struct err err = {0};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, end_all_work, &person, &err))
		log_error("sessions-not-ended", LOG_TEXT("person", person), LOG_ERR(&err));
}

bool session_set_password(struct model *model, const struct act *act, const char *person,
			  const char *token, const char *password, struct keeper_place *place,
			  struct err *err)
{
	struct doc *members = doc_object(act->arena);

	doc_set_text(members, "what", "password");
	doc_set_text(members, "person", person);
	doc_set_text(members, "token", token);
	doc_set_text(members, "password", password);
	*place = (struct keeper_place){0};
	if (!keeper_load_begin(model, err))
		return false;
	bool good = keeper_call_regulated(model, act, "put", members, NULL, place, err);
	keeper_load_end(model);
	if (place->event.text[0])
		end_all(model, act, person);
	return good;
}

/* ---- who asks ---- */

struct find_work {
	struct sha256_hex token;
	clock_us at;
	struct session_person person;
};

static bool find_work(struct db_tx *tx, void *context, struct err *err)
{
	struct find_work *work = context;
	struct db_row row;

	if (!db_opt(tx, STMT_SESSION_FIND, DB(db_text(work->token.text), db_time(work->at)),
		    &work->person.found, &row, err))
		return false;
	if (work->person.found) {
		work->person.id = db_get_text(&row, "id");
		work->person.name = db_get_text(&row, "name");
		work->person.grants = db_get_text(&row, "grants");
	}
	return true;
}

bool session_of_token(struct model *model, struct arena *arena, const char *token, clock_us at,
		      struct session_person *out, struct err *err)
{
	struct find_work work = {.at = at};

	if (strlen(token) > SESSION_TOKEN_TEXT_MAX) {
		*out = (struct session_person){0};
		return true;
	}
	work.token = digest_sha256_hex(bytes_of_text(token));
	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, find_work, &work, err))
		return false;
	*out = work.person;
	return true;
}

struct device_work {
	const char *device;
	clock_us at;
	const char *token_sha256, *certificate_sha256; /* NULL: has none */
};

static bool device_work(struct db_tx *tx, void *context, struct err *err)
{
	struct device_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_SESSION_DEVICE_FIND, DB(db_text(work->device), db_time(work->at)),
		    &found, &row, err))
		return false;
	work->token_sha256 = found ? db_get_text(&row, "token_sha256") : NULL;
	work->certificate_sha256 = found ? db_get_text(&row, "certificate_sha256") : NULL;
	return true;
}

/* As long for a device without the thing as for one that has it. */
static bool same_digest(const char *stored, const struct sha256_hex *shown)
{
	static const char nothing[65] = "";
	bool same = digest_equal(stored ? stored : nothing, shown->text, 64);

	return same && stored;
}

bool session_device(struct model *model, struct arena *arena, const char *device, const char *token,
		    const struct sha256_hex *certificate, clock_us at, const char **auth,
		    struct err *err)
{
	struct device_work work = {.device = device, .at = at};

	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, device_work, &work, err))
		return false;
	*auth = NULL;
	if (token && strlen(token) <= SESSION_TOKEN_TEXT_MAX) {
		struct sha256_hex digest = digest_sha256_hex(bytes_of_text(token));
		if (same_digest(work.token_sha256, &digest))
			*auth = "token";
	}
	if (!*auth && certificate && same_digest(work.certificate_sha256, certificate))
		*auth = "certificate";
	return true;
}

/* ---- now and then ---- */

static bool sweep_work(struct db_tx *tx, void *context, struct err *err)
{
	const clock_us *at = context;

	return db_run(tx, STMT_SESSION_SWEEP, DB(db_time(*at)), NULL, err);
}

bool session_sweep(struct model *model, struct arena *arena, clock_us at, struct err *err)
{
	return db_transact(model->pool, arena, DB_READ_COMMITTED, sweep_work, &at, err);
}
