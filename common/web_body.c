/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies, never longer than their route allows. Short ones are collected and, as JSON, parsed;
 * streams go to a sink in pieces, and no more is read while a worker has a piece. What is too long
 * is thrown away as it comes: libmicrohttpd can answer before a body or after it, not inside it.
 */

#include "common/web_internal.h"

#include <stdlib.h>
#include <strings.h>

enum { FIRST_BYTES = 4096 };

static bool type_is_json(const char *type)
{
	static const char json[] = "application/json";

	if (!type || strncasecmp(type, json, sizeof(json) - 1) != 0)
		return false;
	char after = type[sizeof(json) - 1];
	return after == '\0' || after == ';' || after == ' ';
}

static bool over_limit(const struct route *route, struct err *err)
{
	if (route->body == WEB_BODY_NONE)
		return err_fail(err, E_BODY_LIMIT, "this address takes no body");
	return err_fail(err, E_BODY_LIMIT, "this address takes at most %llu bytes",
			(unsigned long long)route->body_max);
}

bool web_body_accept(struct request *request, struct err *err)
{
	const struct route *route = request->pattern->route;

	if (route->body == WEB_BODY_JSON && request->has_body &&
	    !type_is_json(web_header(request, "Content-Type")))
		return err_fail(err, E_BODY_TYPE, NULL);
	if (request->content_length != UINT64_MAX && request->content_length > route->body_max)
		return over_limit(route, err);
	if (route->body != WEB_BODY_STREAM)
		return true;
	request->sink_open =
		web_settled(request, route->sink->begin(request, &request->sink_state, err), err);
	return request->sink_open;
}

/* The buffer doubles, so that a long Content-Length alone costs us nothing. */
static bool buffer_grow(struct request *request, size_t need)
{
	size_t size = request->buffer_size ? request->buffer_size : FIRST_BYTES;

	while (size < need)
		size *= 2;
	if (size == request->buffer_size)
		return true;
	unsigned char *buffer = realloc(request->buffer, size);
	if (!buffer)
		return false;
	request->buffer = buffer;
	request->buffer_size = size;
	return true;
}

enum web_take web_body_take(struct request *request, const void *data, size_t size)
{
	const struct route *route = request->pattern ? request->pattern->route : NULL;
	bool wanted = route && request->stage == STAGE_CALL && !request->over;

	if (wanted && route->body == WEB_BODY_STREAM && request->buffer_used > 0 &&
	    request->buffer_used + size > WEB_PIECE_BYTES)
		return TAKE_HOLD;
	request->received += size;
	if (wanted && request->received > route->body_max) {
		request->over = true;
		request->buffer_used = 0;
	}
	if (!wanted || request->over) {
		uint64_t most = (route ? route->body_max : 0) + WEB_DRAIN_MAX;
		bool endless = request->content_length == UINT64_MAX && request->received > most;
		return endless ? TAKE_DROP : TAKE_DONE;
	}
	if (!buffer_grow(request, request->buffer_used + size))
		return TAKE_DROP;
	memcpy(request->buffer + request->buffer_used, data, size);
	request->buffer_used += size;
	return TAKE_DONE;
}

bool web_body_pass(struct request *request, struct err *err)
{
	struct bytes piece = bytes_of(request->buffer, request->buffer_used);
	const struct web_sink *sink = request->pattern->route->sink;

	request->buffer_used = 0;
	return piece.size == 0 ||
	       web_settled(request, sink->data(request, request->sink_state, piece, err), err);
}

bool web_body_finish(struct request *request, struct err *err)
{
	const struct route *route = request->pattern->route;

	if (request->over)
		return over_limit(route, err);
	switch (route->body) {
	case WEB_BODY_JSON:
		if (request->buffer_used == 0)
			return err_fail(err, E_DOC_SYNTAX, "the body is empty; send JSON");
		return doc_parse(request->arena, web_raw(request), &request->doc, err);
	case WEB_BODY_STREAM:
		return web_body_pass(request, err);
	case WEB_BODY_NONE:
	case WEB_BODY_FOREIGN:
		break;
	}
	return true;
}

void web_body_abort(struct request *request)
{
	if (!request->sink_open)
		return;
	request->sink_open = false;
	request->pattern->route->sink->abort(request, request->sink_state);
}
