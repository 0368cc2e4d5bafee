/* SPDX-License-Identifier: Apache-2.0 */
/* What all handlers say in the same way: acts, pages, sealed answers, answers given before. */

#include "service/api/reply.h"

#include "common/log.h"
#include "common/text.h"
#include "service/model/idempotency.h"

#include <string.h>

struct model *api_model(struct request *request)
{
	struct service *service = web_app(request);

	return service->model;
}

const struct actor *api_actor(struct request *request)
{
	return web_actor(request);
}

struct act api_act(struct request *request)
{
	const struct actor *actor = web_actor(request);

	return (struct act){
		.actor_kind = actor ? actor->kind : ACTOR_NONE,
		.actor = actor ? actor->id : "-",
		.auth = actor ? actor->auth : NULL,
		.at = web_now(request),
		.request = web_request_id(request),
		.arena = web_arena(request),
	};
}

/* ---- lists ---- */

bool api_page(struct request *request, size_t after_max, struct page *out, struct err *err)
{
	const char *after = web_query(request, "after");
	const char *limit = web_query(request, "limit");
	long long number = PAGE_DEFAULT;

	if (after && *after && !id_name_valid(after, after_max))
		return err_fail(err, E_INPUT, "after must be the last id of the page before");
	if (limit && !text_int(limit, 1, PAGE_MAX, &number))
		return err_fail(err, E_INPUT, "limit must be a number from 1 to %d", PAGE_MAX);
	*out = (struct page){.after = after ? after : "", .limit = number};
	return true;
}

void api_list(struct request *request, struct reply *reply, const struct doc *items, bool more)
{
	struct doc *answer = doc_object(web_arena(request));

	doc_set(answer, "items", items);
	doc_set_bool(answer, "more", more);
	reply->doc = answer;
}

/* ---- parameters ---- */

bool api_uuid(struct request *request, const char *param, const char **out, struct err *err)
{
	const char *text = web_param(request, param);

	if (!text || !id_uuid_valid(text))
		return err_fail(err, E_ID, "%s must be an id as the service gave it", param);
	*out = text;
	return true;
}

bool api_sha256(struct request *request, const char *param, struct sha256_hex *out, struct err *err)
{
	const char *text = web_param(request, param);

	return id_sha256_read(text ? text : "", out, err);
}

bool api_nothing(struct request *request, struct err *err)
{
	static const struct doc_field none[] = {{0}};
	int nothing;

	return doc_read(web_arena(request), web_doc(request), none, 0, &nothing, err);
}

/* ---- sealed acts ---- */

void api_place(struct doc *answer, const struct keeper_place *place)
{
	doc_set_text(answer, "event", place->event.text);
	doc_set_int(answer, "index", place->index);
	if (place->before)
		doc_set_bool(answer, "before", true);
}

bool api_unsealed(struct request *request, struct reply *reply, const struct keeper_place *place)
{
	if (place->event.text[0]) {
		struct doc *members = doc_object(web_arena(request));
		doc_set_text(members, "event", place->event.text);
		reply->problem_members = members;
		reply->retry_after_s = 1;
	}
	return false;
}

/* ---- once ---- */

/* What makes two requests the same: method is of the route, as the path is. */
static bool describe(struct request *request, struct bytes *out, struct err *err)
{
	struct arena *arena = web_arena(request);
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "path", web_path(request));
	doc_set(doc, "body", web_doc(request));
	return doc_canonical(arena, doc, out, err);
}

static void answer_before(struct request *request, struct reply *reply,
			  const struct idempotency *is)
{
	struct arena *arena = web_arena(request);
	struct doc *answer = doc_object(arena);
	size_t count;
	const struct doc_pair *pairs = doc_members(arena, is->answer, &count);

	for (size_t i = 0; i < count; i++)
		doc_set(answer, pairs[i].key, pairs[i].value);
	doc_set_bool(answer, "before", true);
	reply->status = is->status;
	reply->doc = answer;
}

/* What was done stays done: that its answer cannot be kept only costs the repeat. */
static void keep(struct request *request, const struct reply *reply, const struct idempotency *is,
		 bool good, const struct err *cause)
{
	struct act act = api_act(request);
	struct model *model = api_model(request);
	struct event_id event = {0};
	struct err err = {0};
	bool kept;
	const char *waits = doc_get_text(reply->problem_members, "event");

	if (good && reply->doc)
		kept = idempotency_answer(model, &act, is, reply->status, reply->doc, &err);
	else if (!good && cause->code == E_LEDGER_NOT_SEALED && waits &&
		 id_uuid_read(waits, event.text, &err))
		kept = idempotency_wait(model, &act, is, &event, &err);
	else
		kept = idempotency_forget(model, &act, is, &err);
	if (!kept)
		log_warn("answer-not-kept", LOG_TEXT("request", act.request), LOG_ERR(&err));
}

static bool finish(struct request *request, struct reply *reply, struct idempotency *is,
		   struct err *err)
{
	struct act act = api_act(request);

	if (is->state == IDEMPOTENCY_UNSEALED &&
	    !idempotency_finish(api_model(request), &act, is, err)) {
		struct keeper_place place = {.event = is->unsealed};
		return api_unsealed(request, reply, &place);
	}
	answer_before(request, reply, is);
	return true;
}

bool api_once(struct request *request, struct reply *reply, web_handler work, struct err *err)
{
	const char *key = web_header(request, "Idempotency-Key");
	const struct actor *actor = api_actor(request);
	struct act act = api_act(request);
	struct idempotency is;
	struct bytes described;

	if (!key || !actor || actor->kind != ACTOR_PERSON)
		return work(request, reply, err);
	if (!describe(request, &described, err) ||
	    !idempotency_begin(api_model(request), &act, key, described, &is, err))
		return false;
	if (is.state != IDEMPOTENCY_FRESH)
		return finish(request, reply, &is, err);
	bool good = work(request, reply, err);
	keep(request, reply, &is, good, err);
	return good;
}
