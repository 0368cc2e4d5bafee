/* SPDX-License-Identifier: Apache-2.0 */
/* A small program behind a real server, for the tests of the server. */

#include "tests/support/web_case.h"
#include "tests/support/gate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct arena *arena;
struct web *web;
static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static char trace[4096];

/* ---- the program behind the server ---- */

static void note(const char *words)
{
	pthread_mutex_lock(&trace_lock);
	size_t used = strlen(trace);
	snprintf(trace + used, sizeof(trace) - used, "%s%s", used ? " " : "", words);
	pthread_mutex_unlock(&trace_lock);
}

void web_case_trace_clear(void)
{
	pthread_mutex_lock(&trace_lock);
	trace[0] = '\0';
	pthread_mutex_unlock(&trace_lock);
}

void expect_trace(const char *words)
{
	pthread_mutex_lock(&trace_lock);
	char seen[sizeof(trace)];
	memcpy(seen, trace, sizeof(trace));
	pthread_mutex_unlock(&trace_lock);
	assert_string_equal(seen, words);
}

static bool identify(struct request *request, const struct route *route, struct err *err)
{
	const char *who = web_header(request, "Authorization");

	(void)route;
	note("identify");
	if (who && strcmp(who, "nobody") == 0)
		return err_fail(err, E_UNIDENTIFIED, NULL);
	web_set_actor(request, who ? who : "somebody");
	return true;
}

static bool permit(struct request *request, const struct route *route, struct err *err)
{
	note("permit");
	assert_int_equal(route->permission, WEB_CASE_PERMISSION);
	if (strcmp(web_actor(request), "guest") == 0)
		return err_fail(err, E_DENIED, NULL);
	return true;
}

static void refused(struct request *request, const struct route *route, const struct err *err)
{
	(void)request;
	(void)route;
	note("refused:");
	note(err_code_text(err->code));
}

static bool thing_get(struct request *request, struct reply *reply, struct err *err)
{
	struct doc *doc = doc_object(web_arena(request));

	(void)err;
	note("call");
	doc_set_text(doc, "tenant", web_param(request, "tenant"));
	doc_set_text(doc, "thing", web_param(request, "thing"));
	doc_set_text(doc, "query", web_query(request, "q"));
	doc_set_text(doc, "path", web_path(request));
	doc_set_text(doc, "base", web_base_url(request));
	doc_set_text(doc, "remote", web_remote(request));
	doc_set_text(doc, "id", web_request_id(request));
	doc_set_text(doc, "peer", web_peer(request));
	reply->doc = doc;
	return true;
}

static bool echo_json(struct request *request, struct reply *reply, struct err *err)
{
	(void)err;
	note("call");
	reply->doc = web_doc(request);
	return true;
}

static bool echo_raw(struct request *request, struct reply *reply, struct err *err)
{
	(void)err;
	reply->bytes = web_raw(request);
	reply->content_type = "application/octet-stream";
	reply->no_body_type = true;
	return true;
}

static bool nothing(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)reply;
	(void)err;
	return true;
}

static bool nothing_foreign(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)err;
	reply->no_body_type = true;
	return true;
}

static bool conflict(struct request *request, struct reply *reply, struct err *err)
{
	struct doc *members = doc_object(web_arena(request));

	doc_set_int(members, "missing", 3);
	doc_set_text(members, "status", "not yours to set");
	reply->problem_members = members;
	reply->retry_after_s = 7;
	return err_fail(err, E_DB_REFUSED, "the campaign is \"held\" by \xc3\xa4 \x01 \xff");
}

static bool broken(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)reply;
	return err_fail(err, E_DB, "the inner secret of a statement");
}

static bool silent(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)reply;
	(void)err;
	return false;
}

static bool teapot(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	reply->status = 429;
	reply->cache_control = "max-age=5";
	return err_fail(err, E_BUSY, "too often");
}

static bool created(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)err;
	reply->status = 201;
	reply->location = "/v1/things/x";
	reply->cache_control = "no-cache";
	return true;
}

static bool split_header(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)err;
	reply->location = "/x\r\nSet-Cookie: a=b";
	return true;
}

static bool gated(struct request *request, struct reply *reply, struct err *err)
{
	gate_pass();
	return thing_get(request, reply, err);
}

static void batch(void *app, struct web_item *items, size_t count)
{
	assert_ptr_equal(app, &web);
	gate_pass();
	for (size_t i = 0; i < count; i++) {
		items[i].ok = thing_get(items[i].request, &items[i].reply, &items[i].err);
		if (web_query(items[i].request, "no"))
			items[i].ok = err_fail(&items[i].err, E_DB_DUPLICATE, NULL);
		if (web_doc(items[i].request))
			items[i].reply.doc = web_doc(items[i].request);
	}
}

#define ROW(m, p, ...)                                                                        \
	{                                                                                     \
		.method = (m), .pattern = (p), .permission = WEB_CASE_PERMISSION, __VA_ARGS__ \
	}
static const struct route routes[] = {
	ROW(WEB_GET, "/v1/{tenant}/things/{thing}", .handler = thing_get),
	ROW(WEB_PUT, "/v1/{tenant}/things/{thing}", .body = WEB_BODY_JSON,
	    .body_max = WEB_CASE_BODY_MAX, .handler = echo_json),
	ROW(WEB_POST, "/json", .body = WEB_BODY_JSON, .body_max = WEB_CASE_BODY_MAX,
	    .handler = echo_json),
	ROW(WEB_POST, "/raw", .body = WEB_BODY_FOREIGN, .body_max = 1024 * 1024,
	    .handler = echo_raw),
	ROW(WEB_POST, "/nothing", .handler = nothing),
	ROW(WEB_POST, "/nothing-foreign", .handler = nothing_foreign),
	ROW(WEB_GET, "/conflict", .handler = conflict),
	ROW(WEB_GET, "/broken", .handler = broken),
	ROW(WEB_GET, "/silent", .handler = silent),
	ROW(WEB_GET, "/teapot", .handler = teapot),
	ROW(WEB_POST, "/created", .handler = created),
	ROW(WEB_GET, "/split", .handler = split_header),
	ROW(WEB_GET, "/gated", .handler = gated),
	ROW(WEB_GET, "/hot", .batch = batch),
	ROW(WEB_POST, "/hot", .body = WEB_BODY_JSON, .body_max = WEB_CASE_BODY_MAX, .batch = batch),
};

const struct web_settings web_case_settings = {
	.routes = routes,
	.route_count = sizeof(routes) / sizeof(routes[0]),
	.app = &web,
	.identify = identify,
	.permit = permit,
	.refused = refused,
};

void web_case_start(const struct web_settings *settings)
{
	struct err err = {0};

	if (!web_new(settings, &web, &err))
		fail_msg("%s", err.text);
}

int web_case_begin(void **state)
{
	(void)state;
	arena = arena_new(256 * 1024 * 1024);
	web_case_trace_clear();
	web_case_start(&web_case_settings);
	return 0;
}

int web_case_end(void **state)
{
	(void)state;
	gate_open();
	web_free(web);
	web = NULL;
	arena_free(arena);
	return 0;
}

/* ---- asking ---- */

struct http_answer ask(const char *text)
{
	return http_ask(arena, web_port(web), text);
}

const struct doc *doc_of(const struct http_answer *answer)
{
	const struct doc *doc = NULL;
	struct err err = {0};

	if (!doc_parse(arena, answer->body, &doc, &err))
		fail_msg("%s", err.text);
	return doc;
}

const char *answer_member(const struct http_answer *answer, const char *key)
{
	return doc_get_text(doc_of(answer), key);
}

void expect_problem(const struct http_answer *answer, int status, const char *code)
{
	assert_int_equal(answer->status, status);
	assert_false(answer->cut);
	assert_string_equal(http_header(arena, answer, "Content-Type"), "application/problem+json");
	assert_string_equal(answer_member(answer, "code"), code);
	assert_string_equal(answer_member(answer, "type"), "about:blank");
	assert_int_equal(doc_int(doc_get(doc_of(answer), "status"), 0), status);
	assert_non_null(answer_member(answer, "title"));
	assert_non_null(answer_member(answer, "detail"));
	assert_string_equal(answer_member(answer, "request_id"),
			    http_header(arena, answer, "X-Request-Id"));
}

const char *post(const char *path, const char *headers, const char *body)
{
	return arena_printf(arena, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n%s\r\n%s",
			    path, strlen(body), headers, body);
}
