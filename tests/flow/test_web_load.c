/* SPDX-License-Identifier: Apache-2.0 */
/* Do many requests at once get their own answers, also when clients leave? */

#include "tests/support/gate.h"
#include "tests/support/web_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- many at once ---- */

static void test_web__keeps_64_connections_alive(void **state)
{
	enum { CONNECTIONS = 64, ROUNDS = 20 };
	int sockets[CONNECTIONS];

	(void)state;
	for (int i = 0; i < CONNECTIONS; i++)
		sockets[i] = http_connect(web_port(web));
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CONNECTIONS; i++)
			assert_true(http_send_text(
				sockets[i],
				arena_printf(arena,
					     "GET /v1/t/things/%d-%d HTTP/1.1\r\n" HOST "\r\n",
					     round, i)));
		for (int i = 0; i < CONNECTIONS; i++) {
			struct http_answer answer = http_read(sockets[i], arena, false, NULL);
			assert_int_equal(answer.status, 200);
			assert_string_equal(answer_member(&answer, "thing"),
					    arena_printf(arena, "%d-%d", round, i));
		}
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close(sockets[i]);
}

static void test_web__answers_pipelined_requests_in_order(void **state)
{
	int socket = http_connect(web_port(web));

	(void)state;
	http_send_text(socket, arena_printf(arena, "%s%s%s", post("/json", JSON_TYPE, "{\"n\":1}"),
					    "GET /v1/a/things/2 HTTP/1.1\r\n" HOST "\r\n",
					    post("/json", JSON_TYPE, "{\"n\":3}")));
	struct http_answer answer = http_read(socket, arena, false, NULL);
	assert_int_equal(doc_int(doc_get(doc_of(&answer), "n"), 0), 1);
	answer = http_read(socket, arena, false, NULL);
	assert_string_equal(answer_member(&answer, "thing"), "2");
	answer = http_read(socket, arena, false, NULL);
	assert_int_equal(doc_int(doc_get(doc_of(&answer), "n"), 0), 3);
	close(socket);
}

static void test_web__batches_what_waits(void **state)
{
	enum { REQUESTS = 100 };
	int sockets[REQUESTS];

	(void)state;
	gate_shut();
	for (int i = 0; i < REQUESTS; i++) {
		sockets[i] = http_connect(web_port(web));
		const char *query = i % 10 == 9 ? "&no=1" : "";
		http_send_text(
			sockets[i],
			arena_printf(arena, "GET /hot?q=%d%s HTTP/1.1\r\n" HOST "\r\n", i, query));
		if (i == 0)
			gate_await(1);
	}
	clock_sleep(200 * 1000);
	gate_open();
	for (int i = 0; i < REQUESTS; i++) {
		struct http_answer answer = http_read(sockets[i], arena, false, NULL);
		if (i % 10 == 9)
			expect_problem(&answer, 409, "database.duplicate");
		else
			assert_string_equal(answer_member(&answer, "query"),
					    arena_printf(arena, "%d", i));
		close(sockets[i]);
	}
	assert_true(web_batches(web) >= 2);
	assert_true(web_batches(web) <= 5);
}

static void test_web__batches_bodies_after_permission(void **state)
{
	struct http_answer answer = ask(post("/hot", JSON_TYPE, "{\"n\":1}"));

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_int_equal(doc_int(doc_get(doc_of(&answer), "n"), 0), 1);
	expect_trace("identify permit call");
	answer = ask(post("/hot", JSON_TYPE, "{"));
	expect_problem(&answer, 400, "document.syntax");
	answer = ask(post("/hot", JSON_TYPE "Authorization: guest\r\n", "{}"));
	expect_problem(&answer, 403, "access.denied");
}

static void test_web__says_busy_when_too_many_wait(void **state)
{
	struct web_settings settings = web_case_settings;
	int sockets[3];
	struct http_answer answer;

	(void)state;
	web_free(web);
	settings.workers = 1;
	settings.queue_max = 2;
	web_case_start(&settings);
	gate_shut();
	sockets[0] = http_connect(web_port(web));
	http_send_text(sockets[0], "GET /gated HTTP/1.1\r\n" HOST "\r\n");
	gate_await(1);
	for (int i = 1; i < 3; i++) {
		sockets[i] = http_connect(web_port(web));
		http_send_text(sockets[i], "GET /gated HTTP/1.1\r\n" HOST "\r\n");
	}
	clock_sleep(100 * 1000);
	answer = ask("GET /gated HTTP/1.1\r\n" HOST "\r\n");
	expect_problem(&answer, 503, "http.busy");
	assert_string_equal(http_header(arena, &answer, "Retry-After"), "1");
	answer = ask(post("/json", JSON_TYPE, "{}"));
	expect_problem(&answer, 503, "http.busy");
	/* A hot route has its own queue. */
	gate_open();
	for (int i = 0; i < 3; i++) {
		answer = http_read(sockets[i], arena, false, NULL);
		assert_int_equal(answer.status, 200);
		close(sockets[i]);
	}
}

static void test_web__survives_clients_that_leave_while_it_works(void **state)
{
	enum { LEAVERS = 8 };

	(void)state;
	gate_shut();
	for (int i = 0; i < LEAVERS; i++) {
		int socket = http_connect(web_port(web));
		http_send_text(socket, i % 2 ? "GET /gated HTTP/1.1\r\n" HOST "\r\n"
					     : "GET /hot HTTP/1.1\r\n" HOST "\r\n");
		if (i < 2)
			gate_await((size_t)i + 1);
		struct linger hard = {.l_onoff = 1};
		if (i % 4 < 2)
			setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		clock_sleep(20 * 1000);
		close(socket);
	}
	gate_open();
	struct http_answer answer = ask("GET /v1/x/things/y HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(answer.status, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, web_case_begin, web_case_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_web__keeps_64_connections_alive),
		TEST(test_web__answers_pipelined_requests_in_order),
		TEST(test_web__batches_what_waits),
		TEST(test_web__batches_bodies_after_permission),
		TEST(test_web__says_busy_when_too_many_wait),
		TEST(test_web__survives_clients_that_leave_while_it_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
