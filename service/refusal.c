/* SPDX-License-Identifier: Apache-2.0 */
/* Who was turned away, and how does that come to stand in the record? */

#include "service/refusal.h"

#include "common/encode.h"
#include "common/log.h"
#include "service/model/meter.h"
#include "service/service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_BYTES = 16, EVENTS_AT_ONCE = 100 };
#define MINUTE (60 * CLOCK_SECOND)

struct counted {
	clock_us minute;
	int64_t count;
	char source[2 * SOURCE_BYTES + 1];
	const char *codes[REFUSAL_CODES]; /* texts of errors.def, for ever */
	size_t code_count;
};

struct refusals {
	struct model *model;
	pthread_mutex_t lock;
	struct counted *table; /* REFUSAL_SOURCES + 1: the last is for others */
	size_t used;
};

struct refusals *refusals_new(struct model *model)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (!refusals)
		abort();
	refusals->table = calloc(REFUSAL_SOURCES + 1, sizeof(*refusals->table));
	if (!refusals->table)
		abort();
	refusals->model = model;
	pthread_mutex_init(&refusals->lock, NULL);
	return refusals;
}

void refusals_free(struct refusals *refusals)
{
	if (!refusals)
		return;
	pthread_mutex_destroy(&refusals->lock);
	free(refusals->table);
	free(refusals);
}

/* ---- counting ---- */

static void source_of(const struct model *model, const char *remote, char out[2 * SOURCE_BYTES + 1])
{
	struct sha256 digest = digest_hmac(bytes_of(model->digest_key, sizeof(model->digest_key)),
					   bytes_of_text(remote));
	encode_hex_to(digest.at, SOURCE_BYTES, out);
}

static struct counted *row_of(struct refusals *refusals, const char *source, clock_us minute)
{
	struct counted *row;

	for (size_t i = 0; i < refusals->used; i++) {
		row = &refusals->table[i];
		if (row->minute == minute && strcmp(row->source, source) == 0)
			return row;
	}
	if (refusals->used < REFUSAL_SOURCES) {
		row = &refusals->table[refusals->used++];
		*row = (struct counted){.minute = minute};
		memcpy(row->source, source, strlen(source) + 1);
		return row;
	}
	row = &refusals->table[REFUSAL_SOURCES];
	if (row->count == 0) {
		*row = (struct counted){.minute = minute};
		memcpy(row->source, "others", sizeof("others"));
	}
	return row;
}

void refusals_count(struct refusals *refusals, const char *source, const char *code, clock_us at)
{
	char name[2 * SOURCE_BYTES + 1];
	size_t i = 0;

	source_of(refusals->model, source, name);
	pthread_mutex_lock(&refusals->lock);
	struct counted *row = row_of(refusals, name, at - at % MINUTE);
	row->count++;
	while (i < row->code_count && strcmp(row->codes[i], code) != 0)
		i++;
	if (i == row->code_count && i < REFUSAL_CODES)
		row->codes[row->code_count++] = code;
	pthread_mutex_unlock(&refusals->lock);
}

/* ---- writing what was counted ---- */

struct count_work {
	struct refusals *refusals;
	struct act act;
	const struct counted *rows;
	size_t count;
};

static bool count_work(struct db_tx *tx, void *context, struct err *err)
{
	struct count_work *work = context;
	struct event *events = arena_array(work->act.arena, work->count, sizeof(*events));

	for (size_t i = 0; i < work->count; i++) {
		const struct counted *row = &work->rows[i];
		struct doc *data = doc_object(work->act.arena);
		struct doc *codes = doc_array(work->act.arena);
		for (size_t c = 0; c < row->code_count; c++)
			doc_add_text(codes, row->codes[c]);
		doc_set_text(data, "source", row->source);
		doc_set_time(data, "minute", row->minute);
		doc_set_int(data, "count", row->count);
		doc_set(data, "codes", codes);
		events[i] = audit_event(EV_ACCESS_COUNTED, data);
		events[i].outcome = OUTCOME_REFUSED;
		audit_stream(&events[i], STREAM_SYSTEM, "service");
	}
	return audit_append_all(tx, &work->refusals->model->writer, &work->act, events, work->count,
				err);
}

/* Takes rows that are due out of the table, at most EVENTS_AT_ONCE. */
static size_t take_due(struct refusals *refusals, struct counted *out, clock_us at, bool all)
{
	size_t taken = 0;
	struct counted *others = &refusals->table[REFUSAL_SOURCES];

	pthread_mutex_lock(&refusals->lock);
	for (size_t i = 0; i < refusals->used && taken < EVENTS_AT_ONCE;) {
		if (!all && refusals->table[i].minute + MINUTE > at) {
			i++;
			continue;
		}
		out[taken++] = refusals->table[i];
		refusals->table[i] = refusals->table[--refusals->used];
	}
	if (taken < EVENTS_AT_ONCE && others->count > 0 && (all || others->minute + MINUTE <= at)) {
		out[taken++] = *others;
		others->count = 0;
	}
	pthread_mutex_unlock(&refusals->lock);
	return taken;
}

/* Puts back what could not be written; with a full table it is lost to all but the log. */
static void give_back(struct refusals *refusals, const struct counted *rows, size_t count)
{
	size_t lost = 0;

	pthread_mutex_lock(&refusals->lock);
	for (size_t i = 0; i < count; i++) {
		if (refusals->used < REFUSAL_SOURCES)
			refusals->table[refusals->used++] = rows[i];
		else
			lost++;
	}
	pthread_mutex_unlock(&refusals->lock);
	if (lost)
		log_error("refusals-not-recorded", LOG_INT("sources", (int64_t)lost));
}

bool refusals_write(struct refusals *refusals, struct arena *arena, clock_us at, bool all,
		    struct err *err)
{
	struct counted *rows = arena_array(arena, EVENTS_AT_ONCE, sizeof(*rows));
	size_t count;

	while ((count = take_due(refusals, rows, at, all)) > 0) {
		struct count_work work = {
			.refusals = refusals,
			.act = {.actor_kind = ACTOR_SERVICE,
				.actor = refusals->model->writer.name,
				.at = at,
				.request = "timer",
				.arena = arena},
			.rows = rows,
			.count = count,
		};
		if (!db_transact(refusals->model->pool, arena, DB_READ_COMMITTED, count_work, &work,
				 err)) {
			give_back(refusals, rows, count);
			return false;
		}
	}
	return true;
}

/* ---- of one request ---- */

struct refuse_work {
	struct model *model;
	struct act act;
	const char *route;
	const char *code;
	int64_t omitted;
};

static bool refuse_work(struct db_tx *tx, void *context, struct err *err)
{
	struct refuse_work *work = context;
	bool device = work->act.actor_kind == ACTOR_DEVICE;
	struct doc *data = doc_object(work->act.arena);

	doc_set_text(data, "route", work->route);
	doc_set_text(data, "code", work->code);
	meter_note(data, work->omitted);
	struct event event = audit_event(device ? EV_DEVICE_REFUSED : EV_ACCESS_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = work->code;
	audit_stream(&event, device ? STREAM_DEVICE : STREAM_PERSON, work->act.actor);
	return audit_append(tx, &work->model->writer, &work->act, &event, NULL, err);
}

static void record_refusal(struct request *request, const struct route *route,
			   const struct actor *actor, const struct err *cause)
{
	struct service *service = web_app(request);
	static const char *const methods[] = {"GET", "PUT", "POST", "DELETE"};
	struct err err = {0};
	struct refuse_work work = {
		.model = service->model,
		.act = {.actor_kind = actor->kind,
			.actor = actor->id,
			.auth = actor->auth,
			.at = web_now(request),
			.request = web_request_id(request),
			.arena = web_arena(request)},
		.code = err_code_text(cause->code),
	};

	if (!meter_refusal(service->model, actor->id, &work.omitted))
		return;
	work.route = arena_printf(work.act.arena, "%s %s", methods[route->method], route->pattern);
	if (!db_transact(service->model->pool, work.act.arena, DB_READ_COMMITTED, refuse_work,
			 &work, &err))
		log_error("refusal-not-recorded", LOG_TEXT("actor", actor->id),
			  LOG_TEXT("route", work.route), LOG_TEXT("refused", work.code),
			  LOG_ERR(&err));
}

void refusal_take(struct request *request, const struct route *route, const struct err *err)
{
	struct service *service = web_app(request);
	const struct actor *actor = web_actor(request);
	enum err_kind kind = err_code_kind(err->code);

	log_info("refused", LOG_TEXT("route", route->pattern),
		 LOG_TEXT("actor", actor ? actor->id : "-"),
		 LOG_TEXT("remote", web_remote(request)),
		 LOG_TEXT("request", web_request_id(request)), LOG_ERR(err));
	if (kind != ERR_UNIDENTIFIED && kind != ERR_DENIED)
		return;
	if (!actor)
		refusals_count(service->refusals, web_remote(request), err_code_text(err->code),
			       web_now(request));
	else
		record_refusal(request, route, actor, err);
}
