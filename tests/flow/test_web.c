/* SPDX-License-Identifier: Apache-2.0 */
/* Does the server find the right row, keep to the order of a request, and say what went wrong? */

#include "tests/support/gate.h"
#include "tests/support/web_case.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- routes ---- */

static void test_web__gives_parameters_and_query_decoded(void **state)
{
	struct http_answer answer = ask("GET /v1/DEFAULT/things/d%C3%A4%20+?q=a+b%26 HTTP/1.1\r\n"
					"Host: example.com:8443\r\n\r\n");

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer_member(&answer, "tenant"), "DEFAULT");
	assert_string_equal(answer_member(&answer, "thing"), "d\xc3\xa4 +");
	assert_string_equal(answer_member(&answer, "query"), "a b&");
	assert_string_equal(answer_member(&answer, "path"), "/v1/DEFAULT/things/d%C3%A4%20+");
	assert_string_equal(answer_member(&answer, "base"), "http://example.com:8443");
	assert_string_equal(answer_member(&answer, "remote"), "127.0.0.1");
	assert_null(answer_member(&answer, "peer"));
	assert_string_equal(http_header(arena, &answer, "Content-Type"), "application/json");
	assert_string_equal(http_header(arena, &answer, "Cache-Control"), "no-store");
	assert_string_equal(http_header(arena, &answer, "X-Content-Type-Options"), "nosniff");
	assert_non_null(http_header(arena, &answer, "Content-Length"));
}

static void test_web__answers_404_405_and_400_for_addresses_it_does_not_serve(void **state)
{
	struct http_answer answer;

	(void)state;
	answer = ask("GET /v1/x/Things/y HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 404, "http.no-such-route");
	answer = ask("GET /v1/x/things/ HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 404, "http.no-such-route");
	answer = ask("PATCH /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 405, "http.method");
	assert_string_equal(http_header(arena, &answer, "Allow"), "GET, HEAD, PUT");
	answer = ask("GET /v1/x/things/%00 HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 400, "http.address");
	answer = ask("GET /v1/x/things/a%2Fb HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 400, "http.address");
	expect_trace("");
}

static void test_web__bounds_address_and_headers(void **state)
{
	char *long_text = arena_alloc(arena, 40000);
	struct http_answer answer;

	(void)state;
	memset(long_text, 'a', 39999);
	answer = ask(arena_printf(arena, "GET /%.5000s HTTP/1.1\r\n" HOST "\r\n", long_text));
	expect_problem(&answer, 414, "http.address-too-long");
	answer = ask(arena_printf(arena, "GET / HTTP/1.1\r\n" HOST "X: %s\r\n\r\n", long_text));
	assert_int_equal(answer.status, 431);
	answer = ask(arena_printf(arena, "GET /%s HTTP/1.1\r\n" HOST "\r\n", long_text));
	assert_int_equal(answer.status, 414);
}

static void test_web__serves_head_by_the_get_route(void **state)
{
	int socket = http_connect(web_port(web));
	struct http_answer answer;

	(void)state;
	http_send_text(socket, "HEAD /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	answer = http_read(socket, arena, true, NULL);
	assert_int_equal(answer.status, 200);
	const char *length = http_header(arena, &answer, "Content-Length");
	http_send_text(socket, "GET /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	answer = http_read(socket, arena, false, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(http_header(arena, &answer, "Content-Length"), length);
	close(socket);
}

static void test_web__takes_a_wellformed_request_id_and_draws_one_otherwise(void **state)
{
	static const char *const odd[] = {
		"", "a b", "a/b", "\"x\"",
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffff"
		"ffgggg5"};
	struct http_answer answer;

	(void)state;
	answer = ask("GET /v1/x/things/y HTTP/1.1\r\n" HOST "X-Request-Id: job-17:a.b_c\r\n\r\n");
	assert_string_equal(answer_member(&answer, "id"), "job-17:a.b_c");
	assert_string_equal(http_header(arena, &answer, "X-Request-Id"), "job-17:a.b_c");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		answer = ask(arena_printf(
			arena, "GET /v1/x/things/y HTTP/1.1\r\n" HOST "X-Request-Id: %s\r\n\r\n",
			odd[i]));
		assert_true(id_uuid_valid(answer_member(&answer, "id")));
	}
}

/* ---- order ---- */

static void test_web__identifies_then_permits_then_reads_then_calls(void **state)
{
	struct http_answer answer = ask(post("/json", JSON_TYPE, "{\"a\":1}"));

	(void)state;
	assert_int_equal(answer.status, 200);
	expect_trace("identify permit call");
}

static void test_web__refuses_before_it_reads_the_body(void **state)
{
	int socket = http_connect(web_port(web));
	struct http_answer answer;

	(void)state;
	/* None of the promised megabyte is ever sent. */
	http_send_text(socket, "POST /raw HTTP/1.1\r\n" HOST "Authorization: nobody\r\n"
			       "Content-Length: 1000000\r\n\r\n");
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 401, "access.unidentified");
	assert_string_equal(http_header(arena, &answer, "WWW-Authenticate"), "Bearer");
	assert_true(http_closes(socket));
	close(socket);
	expect_trace("identify refused: access.unidentified");
	web_case_trace_clear();
	answer = ask("GET /v1/x/things/y HTTP/1.1\r\n" HOST "Authorization: guest\r\n\r\n");
	expect_problem(&answer, 403, "access.denied");
	expect_trace("identify permit refused: access.denied");
}

static void test_web__keeps_the_connection_after_a_refused_short_body(void **state)
{
	int socket = http_connect(web_port(web));
	struct http_answer answer;

	(void)state;
	for (int i = 0; i < 3; i++) {
		http_send_text(socket, post("/json", JSON_TYPE "Authorization: guest\r\n", "{}"));
		answer = http_read(socket, arena, false, NULL);
		expect_problem(&answer, 403, "access.denied");
		http_send_text(socket, post("/nix", JSON_TYPE, "{}"));
		answer = http_read(socket, arena, false, NULL);
		expect_problem(&answer, 404, "http.no-such-route");
	}
	close(socket);
}

/* ---- problems and replies ---- */

static void test_web__tells_problems_with_all_their_members(void **state)
{
	struct http_answer answer = ask("GET /conflict HTTP/1.1\r\n" HOST "\r\n");

	(void)state;
	expect_problem(&answer, 409, "database.refused");
	assert_string_equal(answer_member(&answer, "title"), "Conflict");
	assert_string_equal(answer_member(&answer, "detail"),
			    "the campaign is \"held\" by \xc3\xa4 ? ?");
	assert_int_equal(doc_int(doc_get(doc_of(&answer), "missing"), 0), 3);
	assert_string_equal(http_header(arena, &answer, "Retry-After"), "7");
	assert_string_equal(http_header(arena, &answer, "Cache-Control"), "no-store");
	expect_trace("identify permit refused: database.refused");
}

static void test_web__does_not_tell_inner_troubles(void **state)
{
	struct http_answer answer = ask("GET /broken HTTP/1.1\r\n" HOST "\r\n");

	(void)state;
	expect_problem(&answer, 500, "database.failed");
	assert_null(strstr(arena_text_of(arena, answer.body), "secret"));
	answer = ask("GET /silent HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 500, "internal.bug");
	answer = ask("GET /split HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 500, "internal.bug");
	assert_null(http_header(arena, &answer, "Set-Cookie"));
}

static void test_web__sends_the_status_and_headers_of_the_reply(void **state)
{
	struct http_answer answer = ask("GET /teapot HTTP/1.1\r\n" HOST "\r\n");

	(void)state;
	expect_problem(&answer, 429, "http.busy");
	answer = ask(post("/created", "", ""));
	assert_int_equal(answer.status, 201);
	assert_string_equal(http_header(arena, &answer, "Location"), "/v1/things/x");
	assert_string_equal(http_header(arena, &answer, "Cache-Control"), "no-cache");
	answer = ask(post("/nothing", "", ""));
	assert_int_equal(answer.status, 204);
	answer = ask(post("/nothing-foreign", "", ""));
	assert_int_equal(answer.status, 200);
	assert_string_equal(http_header(arena, &answer, "Content-Length"), "0");
}

/* ---- start and stop ---- */

static void *free_it(void *at)
{
	web_free(at);
	return NULL;
}

static void test_web_free__ends_what_runs_and_takes_no_more(void **state)
{
	int socket = http_connect(web_port(web));
	int idle = http_connect(web_port(web));
	pthread_t stopper;

	(void)state;
	http_send_text(idle, "GET /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_read(idle, arena, false, NULL).status, 200);
	gate_shut();
	http_send_text(socket, "GET /gated?q=last HTTP/1.1\r\n" HOST "\r\n");
	gate_await(1);
	pthread_create(&stopper, NULL, free_it, web);
	clock_sleep(100 * 1000);
	http_send_text(idle, "GET /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	struct http_answer answer = http_read(idle, arena, false, NULL);
	expect_problem(&answer, 503, "http.busy");
	gate_open();
	answer = http_read(socket, arena, false, NULL);
	assert_string_equal(answer_member(&answer, "query"), "last");
	pthread_join(stopper, NULL);
	assert_true(http_closes(socket));
	assert_true(http_closes(idle));
	close(socket);
	close(idle);
	web_case_start(&web_case_settings);
}

static bool unused(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)reply;
	(void)err;
	return true;
}

static void test_web_new__refuses_settings_that_cannot_work(void **state)
{
	static const struct route unguarded[] = {
		{.method = WEB_GET, .pattern = "/", .handler = unused}};
	struct web_settings settings = web_case_settings;
	struct web *other = NULL;
	struct err err = {0};

	(void)state;
	settings.port = web_port(web);
	assert_false(web_new(&settings, &other, &err));
	assert_int_equal(err.code, E_CONFIG);
	err_clear(&err);
	settings = web_case_settings;
	settings.listen = "localhost";
	assert_false(web_new(&settings, &other, &err));
	err_clear(&err);
	settings = web_case_settings;
	settings.routes = unguarded;
	settings.route_count = 1;
	assert_false(web_new(&settings, &other, &err));
	assert_int_equal(err.code, E_BUG);
	err_clear(&err);
	settings = web_case_settings;
	settings.client_authority = "/nonexistent";
	assert_false(web_new(&settings, &other, &err));
	assert_int_equal(err.code, E_CONFIG);
	err_clear(&err);
	settings = web_case_settings;
	settings.tls_certificate = settings.tls_key = "/dev/null";
	assert_false(web_new(&settings, &other, &err));
	assert_null(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, web_case_begin, web_case_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_web__gives_parameters_and_query_decoded),
		TEST(test_web__answers_404_405_and_400_for_addresses_it_does_not_serve),
		TEST(test_web__bounds_address_and_headers),
		TEST(test_web__serves_head_by_the_get_route),
		TEST(test_web__takes_a_wellformed_request_id_and_draws_one_otherwise),
		TEST(test_web__identifies_then_permits_then_reads_then_calls),
		TEST(test_web__refuses_before_it_reads_the_body),
		TEST(test_web__keeps_the_connection_after_a_refused_short_body),
		TEST(test_web__tells_problems_with_all_their_members),
		TEST(test_web__does_not_tell_inner_troubles),
		TEST(test_web__sends_the_status_and_headers_of_the_reply),
		TEST(test_web_free__ends_what_runs_and_takes_no_more),
		TEST(test_web_new__refuses_settings_that_cannot_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
