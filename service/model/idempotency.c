/* SPDX-License-Identifier: Apache-2.0 */
/* Was this request sent before, and what was the answer? */

#include "service/model/idempotency.h"

#include <string.h>

/* Stands in the column body while only the event is known. */
#define UNSEALED "unsealed"

static bool key_valid(const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < length; i++) {
		if (key[i] < 0x21 || key[i] > 0x7e)
			return false;
	}
	return length >= 1 && length <= IDEMPOTENCY_KEY_MAX;
}

struct begin_work {
	const struct act *act;
	struct idempotency is;
	const char *body;
	struct sha256_hex found;
	bool fresh, answered;
};

static bool begin_work(struct db_tx *tx, void *context, struct err *err)
{
	struct begin_work *work = context;
	const struct idempotency *is = &work->is;
	struct db_row row;
	bool known;

	work->answered = false;
	if (!db_opt(tx, STMT_IDEMPOTENCY_BEGIN,
		    DB(db_text(is->person), db_text(is->key), db_text(is->request.text),
		       db_time(work->act->at),
		       db_time(work->act->at - IDEMPOTENCY_LOST_S * CLOCK_SECOND)),
		    &work->fresh, &row, err))
		return false;
	if (work->fresh)
		return true;
	if (!db_opt(tx, STMT_IDEMPOTENCY_FIND, DB(db_text(is->person), db_text(is->key)), &known,
		    &row, err))
		return false;
	/* It was there a moment ago, and was refused meanwhile. */
	if (!known)
		return err_fail(err, E_IDEMPOTENCY_RUNNING, NULL);
	work->answered = !db_get_null(&row, "status");
	work->is.status = (int)db_get_int(&row, "status");
	work->body = db_get_text(&row, "body");
	return id_sha256_read(db_get_text(&row, "request_sha256"), &work->found, err);
}

static bool read_answer(const struct act *act, struct begin_work *work, struct err *err)
{
	if (!work->body || !doc_parse(act->arena, bytes_of_text(work->body), &work->is.answer, err))
		return err_fail(err, E_BUG, "the stored answer cannot be read");
	const char *event = doc_get_text(work->is.answer, UNSEALED);
	if (!event) {
		work->is.state = IDEMPOTENCY_DONE;
		return true;
	}
	work->is.state = IDEMPOTENCY_UNSEALED;
	return id_uuid_read(event, work->is.unsealed.text, err);
}

bool idempotency_begin(struct model *model, const struct act *act, const char *key,
		       struct bytes request, struct idempotency *out, struct err *err)
{
	struct begin_work work = {.act = act, .is = {.person = act->actor, .key = key}};
	struct sha256 digest =
		digest_hmac(bytes_of(model->digest_key, sizeof(model->digest_key)), request);

	if (!key_valid(key))
		return err_fail(err, E_INPUT, "Idempotency-Key takes 1 to %d printable characters",
				IDEMPOTENCY_KEY_MAX);
	work.is.request = digest_hex(&digest);
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, begin_work, &work, err))
		return false;
	if (!work.fresh) {
		if (strcmp(work.found.text, work.is.request.text) != 0)
			return err_fail(err, E_IDEMPOTENCY_OTHER, NULL);
		if (!work.answered)
			return err_fail(err, E_IDEMPOTENCY_RUNNING, NULL);
		if (!read_answer(act, &work, err))
			return false;
	}
	*out = work.is;
	return true;
}

/* ---- answers ---- */

struct answer_work {
	const struct idempotency *is;
	int status;
	const char *body;
};

static bool answer_work(struct db_tx *tx, void *context, struct err *err)
{
	struct answer_work *work = context;

	return db_run(tx, STMT_IDEMPOTENCY_ANSWER,
		      DB(db_text(work->is->person), db_text(work->is->key), db_int(work->status),
			 db_text(work->body)),
		      NULL, err);
}

bool idempotency_answer(struct model *model, const struct act *act, const struct idempotency *is,
			int status, const struct doc *answer, struct err *err)
{
	struct answer_work work = {.is = is, .status = status};
	struct bytes body;

	if (!doc_canonical(act->arena, answer, &body, err))
		return false;
	work.body = arena_text_of(act->arena, body);
	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, answer_work, &work, err);
}

bool idempotency_wait(struct model *model, const struct act *act, const struct idempotency *is,
		      const struct event_id *event, struct err *err)
{
	struct doc *answer = doc_object(act->arena);

	doc_set_text(answer, UNSEALED, event->text);
	return idempotency_answer(model, act, is, 503, answer, err);
}

/* ---- an act that waited for its seal ---- */

struct event_work {
	const struct event_id *event;
	struct bytes bytes;
};

static bool event_work(struct db_tx *tx, void *context, struct err *err)
{
	struct event_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_IDEMPOTENCY_EVENT, DB(db_text(work->event->text)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_BUG, "the event of an act that was done is gone");
	work->bytes = db_get_bytes(&row, "bytes");
	return true;
}

static bool describe_act(struct model *model, const struct act *act, const struct event_id *event,
			 int64_t index, const struct doc **out, struct err *err)
{
	struct event_work work = {.event = event};
	struct doc *answer = doc_object(act->arena);
	struct event_view view;
	size_t count;

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, event_work, &work, err) ||
	    !event_read(act->arena, work.bytes, &view, err))
		return false;
	const struct doc_pair *pairs = doc_members(act->arena, view.event.data, &count);
	for (size_t i = 0; i < count; i++)
		doc_set(answer, pairs[i].key, pairs[i].value);
	for (size_t i = 0; i < view.event.stream_count; i++) {
		enum stream_kind kind = view.event.streams[i].kind;
		if (kind == STREAM_RELEASE || kind == STREAM_CAMPAIGN)
			doc_set_text(answer, stream_kind_text(kind), view.event.streams[i].id);
	}
	doc_set_text(answer, "event", event->text);
	doc_set_int(answer, "index", index);
	*out = answer;
	return true;
}

bool idempotency_finish(struct model *model, const struct act *act, struct idempotency *is,
			struct err *err)
{
	const struct doc *answer;
	int64_t index;

	if (!keeper_call_seal(model, act, &is->unsealed, 1, &index, err) ||
	    !describe_act(model, act, &is->unsealed, index, &answer, err) ||
	    !idempotency_answer(model, act, is, 200, answer, err))
		return false;
	is->state = IDEMPOTENCY_DONE;
	is->status = 200;
	is->answer = answer;
	return true;
}

/* ---- forgetting ---- */

static bool forget_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct idempotency *is = context;

	return db_run(tx, STMT_IDEMPOTENCY_FORGET, DB(db_text(is->person), db_text(is->key)), NULL,
		      err);
}

bool idempotency_forget(struct model *model, const struct act *act, const struct idempotency *is,
			struct err *err)
{
	struct idempotency copy = *is;

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, forget_work, &copy, err);
}

static bool sweep_work(struct db_tx *tx, void *context, struct err *err)
{
	const clock_us *before = context;

	return db_run(tx, STMT_IDEMPOTENCY_SWEEP, DB(db_time(*before)), NULL, err);
}

bool idempotency_sweep(struct model *model, struct arena *arena, clock_us at, struct err *err)
{
	clock_us before = at - IDEMPOTENCY_HOURS * 3600 * CLOCK_SECOND;

	return db_transact(model->pool, arena, DB_READ_COMMITTED, sweep_work, &before, err);
}
