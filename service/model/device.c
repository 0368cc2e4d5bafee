/* SPDX-License-Identifier: Apache-2.0 */
/* Which units are there, what did they last say, and with what may they speak? For people. */

#include "service/model/device.h"

#include "common/log.h"
#include "common/sign.h"
#include "service/model/directory.h"
#include "service/model/meter.h"

/* ---- looking ---- */

static struct device device_of(const struct db_row *row)
{
	return (struct device){
		.id = db_get_text(row, "id"),
		.product = db_get_text(row, "product"),
		.serial = db_get_text(row, "serial"),
		.hardware = db_get_text(row, "hardware"),
		.market = db_get_text(row, "market"),
		.site = db_get_text(row, "site"),
		.assurance = db_get_text(row, "assurance"),
		.revoked = db_get_bool(row, "revoked"),
		.seen_at = db_get_time(row, "seen_at"),
	};
}

struct list_work {
	const struct page *page;
	struct device *at;
	size_t count;
	bool more;
};

static bool list_work(struct db_tx *tx, void *context, struct err *err)
{
	struct list_work *work = context;
	struct db_rows rows;

	if (!db_many(tx, STMT_DEVICE_LIST,
		     DB(db_text(work->page->after), db_int(work->page->limit + 1)), &rows, err))
		return false;
	work->more = rows.count > (size_t)work->page->limit;
	work->count = work->more ? (size_t)work->page->limit : rows.count;
	work->at = arena_array(db_arena(tx), work->count, sizeof(*work->at));
	for (size_t i = 0; i < work->count; i++) {
		struct db_row row = db_row_at(&rows, i);
		work->at[i] = device_of(&row);
	}
	return true;
}

bool device_list(struct model *model, struct arena *arena, const struct page *page,
		 const struct device **out, size_t *count, bool *more, struct err *err)
{
	struct list_work work = {.page = page};

	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, list_work, &work, err))
		return false;
	*out = work.at;
	*count = work.count;
	*more = work.more;
	return true;
}

struct get_work {
	const char *id;
	struct device device;
	struct device_deployment *deployments;
	size_t count;
};

static bool list_deployments(struct db_tx *tx, struct get_work *work, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_DEVICE_DEPLOYMENTS_LIST, DB(db_text(work->id)), &rows, err))
		return false;
	work->deployments = arena_array(db_arena(tx), rows.count, sizeof(*work->deployments));
	work->count = rows.count;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		work->deployments[i] = (struct device_deployment){
			.campaign = db_get_text(&row, "campaign"),
			.release = db_get_text(&row, "release"),
			.state = db_get_text(&row, "state"),
			.basis = db_get_text(&row, "basis"),
			.code = db_get_text(&row, "code"),
			.action = db_get_int(&row, "action_id"),
			.attempt = db_get_int(&row, "attempt"),
			.offered_at = db_get_time(&row, "offered_at"),
			.changed_at = db_get_time(&row, "changed_at"),
			.ended_at = db_get_time(&row, "ended_at"),
		};
	}
	return true;
}

static bool get_work(struct db_tx *tx, void *context, struct err *err)
{
	struct get_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DEVICE_FIND, DB(db_text(work->id)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_DEVICE_UNKNOWN, NULL);
	work->device = device_of(&row);
	const char *attributes = db_get_text(&row, "attributes");
	if (attributes &&
	    !doc_parse(db_arena(tx), bytes_of_text(attributes), &work->device.attributes, err))
		return false;
	return list_deployments(tx, work, err);
}

bool device_get(struct model *model, struct arena *arena, const char *id, struct device *out,
		const struct device_deployment **deployments, size_t *count, struct err *err)
{
	struct get_work work = {.id = id};

	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, get_work, &work, err))
		return false;
	*out = work.device;
	*deployments = work.deployments;
	*count = work.count;
	return true;
}

/* ---- access ---- */

struct access_work {
	struct model *model;
	const struct act *act;
	const char *id;
	struct sha256_hex digest;
	clock_us expires_at; /* of a token; 0: a certificate */
};

static bool access_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct access_work *work = context;
	bool token = work->expires_at != 0;
	struct doc *data = doc_object(work->act->arena);
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DEVICE_FIND, DB(db_text(work->id)), &found, &row, err))
		return false;
	if (!found || db_get_bool(&row, "revoked"))
		return err_fail(err, E_DEVICE_UNKNOWN,
				found ? "This device is revoked" : "There is no such device");
	doc_set_text(data, token ? "token_sha256" : "certificate_sha256", work->digest.text);
	struct event event = audit_event(EV_DEVICE_ACCESS_SET, data);
	audit_stream(&event, STREAM_DEVICE, work->id);
	if (!audit_append(tx, &work->model->writer, work->act, &event, NULL, err))
		return false;
	if (token)
		return db_run(tx, STMT_DEVICE_TOKEN_PUT,
			      DB(db_text(work->id), db_text(work->digest.text),
				 db_time(work->expires_at)),
			      NULL, err);
	return db_run(tx, STMT_DEVICE_CERTIFICATE_PUT,
		      DB(db_text(work->id), db_text(work->digest.text)), NULL, err);
}

/* That there is such a device, and that the person holds a role for its product that gives access. */
static bool demand_scope(struct model *model, const struct act *act, const char *id,
			 struct err *err)
{
	static const char *const roles[] = {"support", "admin", NULL};
	struct get_work work = {.id = id};

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, get_work, &work, err) &&
	       directory_demand_role(model, act, roles, work.device.product, err);
}

bool device_give_token(struct model *model, const struct act *act, const char *id,
		       const char **token, clock_us *expires_at, struct err *err)
{
	const char *fresh = random_token(act->arena, DEVICE_TOKEN_BYTES);
	struct access_work work = {
		.model = model,
		.act = act,
		.id = id,
		.digest = digest_sha256_hex(bytes_of_text(fresh)),
		.expires_at = act->at + DEVICE_TOKEN_DAYS * 24 * 3600 * CLOCK_SECOND,
	};

	if (!demand_scope(model, act, id, err) ||
	    !db_transact(model->pool, act->arena, DB_READ_COMMITTED, access_work, &work, err))
		return false;
	*token = fresh;
	*expires_at = work.expires_at;
	return true;
}

bool device_register_certificate(struct model *model, const struct act *act, const char *id,
				 struct bytes certificate, struct sha256_hex *out, struct err *err)
{
	struct access_work work = {.model = model, .act = act, .id = id};
	struct sign_cert cert;

	if (!sign_cert_read(act->arena, certificate, &cert, err) ||
	    !demand_scope(model, act, id, err))
		return false;
	work.digest = digest_sha256_hex(cert.der);
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, access_work, &work, err)) {
		if (err->code == E_DB_DUPLICATE) {
			err_clear(err);
			err_set(err, E_DEVICE_TAKEN, NULL);
		}
		return false;
	}
	*out = work.digest;
	return true;
}

/* ---- refusals ---- */

struct refusal_work {
	struct model *model;
	const struct act *act;
	const char *route;
	const char *code;
	int64_t omitted;
};

static bool refusal_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct refusal_work *work = context;
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "route", work->route);
	doc_set_text(data, "code", work->code);
	meter_note(data, work->omitted);
	struct event event = audit_event(EV_DEVICE_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = work->code;
	audit_stream(&event, STREAM_DEVICE, work->act->actor);
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err);
}

void device_refused(struct model *model, const struct act *act, const char *route,
		    const struct err *cause)
{
	struct refusal_work work = {
		.model = model, .act = act, .route = route, .code = err_code_text(cause->code)};
	struct err err = {0};

	if (!meter_refusal(model, act->actor, &work.omitted))
		return;
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, refusal_work, &work, &err))
		log_error("refusal-not-recorded", LOG_TEXT("device", act->actor),
			  LOG_TEXT("route", route), LOG_TEXT("refused", work.code), LOG_ERR(&err));
}
