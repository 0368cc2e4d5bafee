/* SPDX-License-Identifier: Apache-2.0 */
/* Does the server read bodies as they come, bounded, and stand hostile ones? */

#include "tests/support/process.h"
#include "tests/support/web_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- bodies ---- */

static void test_web__takes_json_and_nothing_else(void **state)
{
	static const char *const types[] = {"Content-Type: application/json\r\n",
					    "content-type: Application/JSON; charset=utf-8\r\n",
					    "Content-Type: application/json;charset=UTF-8\r\n"};
	struct http_answer answer;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		answer = ask(post("/json", types[i], "{\"b\":[1,null],\"a\":\"x\"}\n"));
		assert_int_equal(answer.status, 200);
		assert_memory_equal(answer.body.data, "{\"a\":\"x\",\"b\":[1,null]}", 22);
	}
	answer = ask(post("/json", "Content-Type: text/plain\r\n", "{}"));
	expect_problem(&answer, 415, "http.body-type");
	answer = ask(post("/json", "Content-Type: application/jsonp\r\n", "{}"));
	expect_problem(&answer, 415, "http.body-type");
	answer = ask(post("/json", "", "{}"));
	expect_problem(&answer, 415, "http.body-type");
	answer = ask(post("/json", JSON_TYPE, ""));
	expect_problem(&answer, 400, "document.syntax");
	answer = ask(post("/nothing", "", "x"));
	expect_problem(&answer, 413, "http.body-too-large");
}

static void test_web__stands_hostile_bodies(void **state)
{
	char *deep = arena_alloc(arena, WEB_CASE_BODY_MAX);
	memset(deep, '[', WEB_CASE_BODY_MAX - 1);
	const char *const bodies[] = {
		deep,
		"{\"a\":1e999999}",
		"{\"a\":1,\"a\":2}",
		"{\"a\":",
		"\xef\xbb\xbf{}",
		"{\"a\":\"\xff\xfe\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":99999999999999999999999999}",
		"{\"a\":1}{\"b\":2}",
		"nonsense",
		"{'a':1}",
	};
	struct http_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		answer = ask(post("/json", JSON_TYPE, bodies[i]));
		if (answer.status != 400 && answer.status != 413)
			fail_msg("body %zu: status %d", i, answer.status);
	}
	answer = ask("POST /json HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 4\r\n\r\n{}\0\0");
	answer = ask(post("/json", JSON_TYPE, "{}"));
	assert_int_equal(answer.status, 200);
}

static void test_web__stands_hostile_framing(void **state)
{
	static const char *const heads[] = {
		"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
		"Content-Length: -1\r\n\r\n",
		"Content-Length: 2x\r\n\r\n{}",
		"Content-Length: 99999999999999999999999\r\n\r\n",
		"Content-Length: 0x2\r\n\r\n{}",
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
		"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int socket = http_connect(web_port(web));
		http_send_text(socket,
			       arena_printf(arena, "POST /json HTTP/1.1\r\n" HOST JSON_TYPE "%s",
					    heads[i]));
		struct http_answer answer = http_read(socket, arena, false, NULL);
		if (answer.status != 400 && answer.status != 413)
			fail_msg("framing %zu: status %d", i, answer.status);
		/* What follows on such a connection is never taken for a request. */
		assert_true(http_closes(socket));
		close(socket);
	}
	struct http_answer answer =
		ask("GET /v1/x/things/y HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
	expect_problem(&answer, 400, "input.invalid");
	answer = ask("GET /v1/x/things/y HTTP/1.1\r\nHost: a/../\"b\r\n\r\n");
	expect_problem(&answer, 400, "input.invalid");
}

static void test_web__refuses_bodies_over_the_maximum(void **state)
{
	int socket = http_connect(web_port(web));
	struct http_answer answer;

	(void)state;
	http_send_text(socket, "POST /json HTTP/1.1\r\n" HOST JSON_TYPE
			       "Content-Length: 9000000000000000\r\n\r\n");
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 413, "http.body-too-large");
	assert_true(http_closes(socket));
	close(socket);
	/* Chunked: known only while it comes; the connection lives on. */
	socket = http_connect(web_port(web));
	http_send_text(socket, "POST /json HTTP/1.1\r\n" HOST JSON_TYPE
			       "Transfer-Encoding: chunked\r\n\r\n");
	char chunk[1024];
	memset(chunk, ' ', sizeof(chunk));
	for (int i = 0; i < 200; i++) {
		assert_true(http_send_text(socket, "400\r\n"));
		assert_true(http_send(socket, chunk, sizeof(chunk)));
		assert_true(http_send_text(socket, "\r\n"));
	}
	http_send_text(socket, "0\r\n\r\n");
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 413, "http.body-too-large");
	http_send_text(socket, "GET /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	answer = http_read(socket, arena, false, NULL);
	assert_int_equal(answer.status, 200);
	close(socket);
}

static void test_web__reads_chunked_bodies_cut_anywhere(void **state)
{
	static const char text[] =
		"POST /raw HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n";

	(void)state;
	for (size_t step = 1; step < 40; step += 3) {
		int socket = http_connect(web_port(web));
		for (size_t at = 0; at < sizeof(text) - 1; at += step) {
			size_t left = sizeof(text) - 1 - at;
			assert_true(http_send(socket, text + at, left < step ? left : step));
			if (step < 8)
				clock_sleep(500);
		}
		struct http_answer answer = http_read(socket, arena, false, NULL);
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body.size, 16);
		assert_memory_equal(answer.body.data, "hello 0123456789", 16);
		close(socket);
	}
}

static void test_web__answers_100_continue_only_to_those_who_may(void **state)
{
	static const char head[] = "POST /raw HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
				   "Expect: 100-continue\r\n";
	int socket = http_connect(web_port(web));
	int continues = 0;
	struct http_answer answer;
	char go_on[64] = "";

	(void)state;
	http_send_text(socket, arena_printf(arena, "%s\r\n", head));
	/* The 100 comes without a byte of the body. */
	for (size_t got = 0; got < 25; got++)
		assert_int_equal(read(socket, go_on + got, 1), 1);
	assert_string_equal(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
	http_send_text(socket, "hello");
	answer = http_read(socket, arena, false, &continues);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body.size, 5);
	close(socket);
	socket = http_connect(web_port(web));
	http_send_text(socket, arena_printf(arena, "%sAuthorization: guest\r\n\r\n", head));
	answer = http_read(socket, arena, false, &continues);
	expect_problem(&answer, 403, "access.denied");
	assert_int_equal(continues, 0);
	close(socket);
}

static void test_web__works_with_curl(void **state)
{
	char url[64];
	char output[4096];
	int code = -1;

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/json", web_port(web));
	const char *const expecting[] = {"curl",
					 "-sS",
					 "-i",
					 "-H",
					 "Expect: 100-continue",
					 "-H",
					 "Content-Type: application/json",
					 "-d",
					 "{\"a\": 1}",
					 url,
					 NULL};
	assert_true(process_run(expecting, NULL, &code, output, sizeof(output)));
	assert_int_equal(code, 0);
	assert_non_null(strstr(output, "100 Continue"));
	assert_non_null(strstr(output, "{\"a\":1}"));
	const char *const chunked[] = {"curl",
				       "-sS",
				       "-H",
				       "Transfer-Encoding: chunked",
				       "-H",
				       "Content-Type: application/json",
				       "--data-binary",
				       "@-",
				       url,
				       NULL};
	assert_true(process_run(chunked, "{\"from\":\"stdin\"}\n", &code, output, sizeof(output)));
	assert_int_equal(code, 0);
	assert_string_equal(output, "{\"from\":\"stdin\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, web_case_begin, web_case_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_web__takes_json_and_nothing_else),
		TEST(test_web__stands_hostile_bodies),
		TEST(test_web__stands_hostile_framing),
		TEST(test_web__refuses_bodies_over_the_maximum),
		TEST(test_web__reads_chunked_bodies_cut_anywhere),
		TEST(test_web__answers_100_continue_only_to_those_who_may),
		TEST(test_web__works_with_curl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
