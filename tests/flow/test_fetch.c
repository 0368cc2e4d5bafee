/* SPDX-License-Identifier: Apache-2.0 */
/* Does the client bound what comes back, continue files at the right byte, and say what went wrong? */

#include "common/clock.h"
#include "common/fetch.h"
#include "tests/support/canned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static struct fetch *fetch;
static struct canned *canned;
static struct err err;

static void start_fetch(const struct fetch_settings *settings)
{
	fetch_free(fetch);
	fetch = NULL;
	if (!fetch_new(settings, &fetch, &err))
		fail_msg("%s", err.text);
}

static int begin(void **state)
{
	static const struct fetch_settings usual = {.timeout_ms = 1000};

	(void)state;
	arena = arena_new(32 * 1024 * 1024);
	err_clear(&err);
	start_fetch(&usual);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fetch_free(fetch);
	fetch = NULL;
	if (canned)
		canned_free(canned);
	canned = NULL;
	arena_free(arena);
	return 0;
}

static void answers(const char *const *list)
{
	if (canned)
		canned_free(canned);
	canned = canned_new(list);
}

#define ANSWER(...)                                                    \
	do {                                                           \
		static const char *const list[] = {__VA_ARGS__, NULL}; \
		answers(list);                                         \
	} while (0)

static const char *url(void)
{
	return arena_printf(arena, "http://127.0.0.1:%u/x%%20y?q=1", canned_port(canned));
}

static bool get(size_t max, struct fetch_answer *answer)
{
	err_clear(&err);
	return fetch_exchange(fetch, arena, "GET", url(), NULL, NULL, bytes_of(NULL, 0), max,
			      answer, &err);
}

static bool json(const char *method, const struct doc *body, const struct doc **out)
{
	err_clear(&err);
	return fetch_json(fetch, arena, method, url(), body, out, &err);
}

static void expect_sent(const char *words)
{
	if (!strstr(canned_request(canned), words))
		fail_msg("%s is missing in %s", words, canned_request(canned));
}

static void expect_not_sent(const char *words)
{
	if (strstr(canned_request(canned), words))
		fail_msg("%s stands in %s", words, canned_request(canned));
}

/* ---- exchanges ---- */

static void test_fetch_exchange__takes_any_status_for_an_answer(void **state)
{
	struct fetch_answer answer;

	(void)state;
	ANSWER("HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\nX-Request-Id: r-1\r\n"
	       "Retry-After: 17\r\nContent-Length: 5\r\n\r\nlater",
	       "HTTP/1.1 204 Nothing\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n");
	assert_true(get(100, &answer));
	assert_int_equal(answer.status, 503);
	assert_string_equal(answer.content_type, "text/plain");
	assert_string_equal(answer.request_id, "r-1");
	assert_int_equal(answer.retry_after_s, 17);
	assert_int_equal(answer.content_length, 5);
	assert_int_equal(answer.body.size, 5);
	assert_memory_equal(answer.body.data, "later", 5);
	assert_true(get(100, &answer));
	assert_int_equal(answer.status, 204);
	assert_null(answer.content_type);
	assert_int_equal(answer.retry_after_s, 0);
	assert_int_equal(answer.body.size, 0);
}

static void test_fetch_exchange__sends_what_it_was_told_and_no_more(void **state)
{
	static const char *const headers[] = {"X-One: 1", "X-Two: 2", NULL};
	static const struct fetch_settings settings = {.authorization = "Bearer first",
						       .user_agent = "tester/1"};
	struct fetch_answer answer;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	start_fetch(&settings);
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_true(fetch_exchange(fetch, arena, "PUT", url(), headers, "text/x",
				   bytes_of_text("hello"), 100, &answer, &err));
	unsetenv("http_proxy");
	expect_sent("PUT /x%20y?q=1 HTTP/1.1\r\n");
	expect_sent("\r\nX-One: 1\r\n");
	expect_sent("\r\nX-Two: 2\r\n");
	expect_sent("\r\nUser-Agent: tester/1\r\n");
	expect_sent("\r\nAuthorization: Bearer first\r\n");
	expect_sent("\r\nContent-Type: text/x\r\n");
	expect_sent("\r\nContent-Length: 5\r\n");
	expect_sent("\r\n\r\nhello");
	expect_not_sent("Expect:");
	fetch_authorize(fetch, NULL);
	assert_true(fetch_exchange(fetch, arena, "POST", url(), NULL, NULL, bytes_of(NULL, 0), 100,
				   &answer, &err));
	expect_sent("POST /x%20y?q=1 HTTP/1.1\r\n");
	expect_sent("\r\nContent-Length: 0\r\n");
	expect_not_sent("Authorization:");
	expect_not_sent("Content-Type:");
	expect_not_sent("X-One");
	fetch_authorize(fetch, "Bearer second");
	assert_true(get(100, &answer));
	expect_sent("\r\nAuthorization: Bearer second\r\n");
}

static void test_fetch_exchange__refuses_headers_with_line_ends(void **state)
{
	static const char *const headers[] = {"X-One: 1\r\nX-Two: 2", NULL};
	struct fetch_answer answer;

	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_false(fetch_exchange(fetch, arena, "GET", url(), headers, NULL, bytes_of(NULL, 0),
				    100, &answer, &err));
	assert_int_equal(err.code, E_INPUT);
	err_clear(&err);
	fetch_authorize(fetch, "Bearer a\nX-Evil: 1");
	assert_false(get(100, &answer));
	assert_int_equal(err.code, E_INPUT);
	assert_int_equal(canned_served(canned), 0);
}

static void test_fetch_exchange__bounds_the_answer(void **state)
{
	struct fetch_answer answer = {.status = 7};

	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
	       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
	assert_false(get(10, &answer));
	assert_int_equal(err.code, E_FETCH_LIMIT);
	assert_false(get(10, &answer));
	assert_int_equal(err.code, E_FETCH_LIMIT);
	assert_int_equal(answer.status, 7);
	assert_true(get(11, &answer));
	/* An arena with too little left is a limit too, not the end of the program. */
	struct arena *small = arena_new(64 * 1024);
	err_clear(&err);
	assert_false(fetch_exchange(fetch, small, "GET", url(), NULL, NULL, bytes_of(NULL, 0), 100,
				    &answer, &err));
	assert_int_equal(err.code, E_FETCH_LIMIT);
	arena_free(small);
}

static void test_fetch_exchange__goes_nowhere_else(void **state)
{
	static const char *const odd[] = {"file:///etc/passwd",
					  "ftp://127.0.0.1/x",
					  "gopher://127.0.0.1/x",
					  "dict://127.0.0.1/x",
					  "",
					  "http://",
					  "http://a b/"};
	struct fetch_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		err_clear(&err);
		if (fetch_exchange(fetch, arena, "GET", odd[i], NULL, NULL, bytes_of(NULL, 0), 9999,
				   &answer, &err))
			fail_msg("%s was fetched", odd[i]);
		assert_int_equal(err.code, E_INPUT);
	}
	ANSWER("HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
	assert_true(get(100, &answer));
	assert_int_equal(answer.status, 302);
	assert_int_equal(canned_served(canned), 1);
}

static void test_fetch_exchange__gives_up_in_time(void **state)
{
	struct fetch_answer answer;
	clock_us before = clock_boot();

	(void)state;
	ANSWER(CANNED_STALL, CANNED_STALL "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
	assert_false(get(100, &answer));
	assert_int_equal(err.code, E_FETCH);
	assert_false(get(100, &answer));
	assert_int_equal(err.code, E_FETCH);
	assert_true(clock_boot() - before < 10 * CLOCK_SECOND);
	/* Nobody listens. */
	uint16_t port = canned_port(canned);
	canned_free(canned);
	canned = NULL;
	err_clear(&err);
	assert_false(fetch_exchange(fetch, arena, "GET",
				    arena_printf(arena, "http://127.0.0.1:%u/secret?token=1", port),
				    NULL, NULL, bytes_of(NULL, 0), 100, &answer, &err));
	assert_int_equal(err.code, E_FETCH);
	assert_null(strstr(err.text, "token"));
}

static void test_fetch_new__wants_certificate_and_key_together(void **state)
{
	static const struct fetch_settings half = {.certificate = "/x"};
	struct fetch *other = NULL;

	(void)state;
	assert_false(fetch_new(&half, &other, &err));
	assert_int_equal(err.code, E_CONFIG);
	assert_null(other);
}

static void test_fetch_segment__escapes_all_but_the_unreserved(void **state)
{
	(void)state;
	assert_string_equal(fetch_segment(arena, "aZ09-._~"), "aZ09-._~");
	assert_string_equal(fetch_segment(arena, "a/b c%?#&+"), "a%2Fb%20c%25%3F%23%26%2B");
	assert_string_equal(fetch_segment(arena, "\xc3\xa4"), "%C3%A4");
	assert_string_equal(fetch_segment(arena, ""), "");
}

/* ---- documents ---- */

static void test_fetch_json__sends_and_reads_documents(void **state)
{
	struct doc *body = doc_object(arena);
	const struct doc *doc = NULL;

	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
	       "HTTP/1.1 204 Nothing\r\n\r\n",
	       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{\"a\"");
	doc_set_int(body, "b", 2);
	doc_set_text(body, "a", "x");
	assert_true(json("POST", body, &doc));
	assert_int_equal(doc_int(doc_get(doc, "a"), 0), 1);
	expect_sent("\r\nContent-Type: application/json\r\n");
	expect_sent("\r\nAccept: application/json");
	expect_sent("\r\n\r\n{\"a\":\"x\",\"b\":2}");
	assert_true(json("GET", NULL, &doc));
	assert_null(doc);
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_DOC_SYNTAX);
}

static void test_fetch_json__turns_problems_into_errors(void **state)
{
	const struct doc *doc = NULL;

	(void)state;
	ANSWER("HTTP/1.1 403 No\r\nContent-Type: application/problem+json\r\nContent-Length: 61\r\n\r\n"
	       "{\"code\":\"access.denied\",\"detail\":\"not you\",\"status\":403,\"n\":1}"
	       /* one byte more than announced: it is cut off, and the document with it */,
	       "HTTP/1.1 403 No\r\nContent-Type: application/problem+json\r\nContent-Length: 62\r\n\r\n"
	       "{\"code\":\"access.denied\",\"detail\":\"not you\",\"status\":403,\"n\":1}",
	       "HTTP/1.1 409 No\r\nContent-Type: application/problem+json; x=y\r\nContent-Length: 41\r\n\r\n"
	       "{\"code\":\"of.tomorrow\",\"detail\":\"too new\"}",
	       "HTTP/1.1 502 No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<h1>",
	       "HTTP/1.1 302 There\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n",
	       "HTTP/1.1 401 No\r\nContent-Type: application/problem+json\r\nContent-Length: 30\r\n\r\n"
	       "{\"code\":\"access.unidentified\"}");
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_FETCH);
	assert_null(doc);
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_DENIED);
	assert_string_equal(err.text, "not you");
	assert_int_equal(doc_int(doc_get(doc, "n"), 0), 1);
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_FETCH);
	assert_non_null(strstr(err.text, "409"));
	assert_non_null(strstr(err.text, "too new"));
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_FETCH);
	assert_non_null(strstr(err.text, "502"));
	assert_null(doc);
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_FETCH);
	assert_false(json("GET", NULL, &doc));
	assert_int_equal(err.code, E_UNIDENTIFIED);
	assert_string_equal(err.text, err_code_sentence(E_UNIDENTIFIED));
}

/* ---- downloads that go wrong; those that go well stand in test_fetch_file.c ---- */

static char collected[256];

static bool collect(void *context, struct bytes piece, struct err *why)
{
	size_t used = strlen(collected);

	if (context)
		return err_fail(why, E_FILE_LIMIT, "the bank is full");
	assert_true(used + piece.size < sizeof(collected));
	memcpy(collected + used, piece.data, piece.size);
	collected[used + piece.size] = '\0';
	return true;
}

static bool download(uint64_t offset, uint64_t expected, struct fetch_answer *answer)
{
	err_clear(&err);
	collected[0] = '\0';
	return fetch_download(fetch, arena, url(), offset, expected, collect, NULL, answer, &err);
}

static void expect_download(uint64_t offset, uint64_t expected, enum err_code code,
			    const char *bytes)
{
	struct fetch_answer answer = {0};

	if (download(offset, expected, &answer) != (code == E_NONE))
		fail_msg("%s", err.text);
	assert_int_equal(err.code, code);
	assert_string_equal(collected, bytes);
}

static void test_fetch_download__takes_a_file_and_its_rest(void **state)
{
	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
	       "HTTP/1.1 206 Part\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789",
	       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n0\r\n\r\n");
	expect_download(0, 10, E_NONE, "0123456789");
	expect_not_sent("Range:");
	expect_download(4, 10, E_NONE, "456789");
	expect_sent("\r\nRange: bytes=4-\r\n");
	expect_download(0, 0, E_NONE, "");
	expect_download(0, UINT64_MAX, E_NONE, "012");
	assert_int_equal(canned_served(canned), 4);
	/* All there, or more than all: nothing to ask for. */
	expect_download(10, 10, E_NONE, "");
	expect_download(11, 10, E_INPUT, "");
	assert_int_equal(canned_served(canned), 4);
}

static void test_fetch_download__refuses_what_does_not_continue_the_file(void **state)
{
	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
	       "HTTP/1.1 206 Part\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\n3456789",
	       "HTTP/1.1 206 Part\r\nContent-Range: bytes 4-9/11\r\nContent-Length: 6\r\n\r\n456789",
	       "HTTP/1.1 206 Part\r\nContent-Range: bytes 4-8/10\r\nContent-Length: 5\r\n\r\n45678",
	       "HTTP/1.1 206 Part\r\nContent-Range: bytes 4-9/*\r\nContent-Length: 6\r\n\r\n456789",
	       "HTTP/1.1 206 Part\r\nContent-Length: 6\r\n\r\n456789",
	       "HTTP/1.1 206 Part\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 5\r\n\r\n45678");
	for (int i = 0; i < 7; i++)
		expect_download(4, 10, i < 6 ? E_FETCH_RANGE : E_FETCH, "");
	assert_int_equal(canned_served(canned), 7);
	ANSWER("HTTP/1.1 206 Part\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789",
	       "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789A",
	       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n012345678");
	for (int i = 0; i < 3; i++)
		expect_download(0, 10, E_FETCH, "");
}

static void test_fetch_download__notices_too_little_and_too_much(void **state)
{
	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123",
	       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n0\r\n\r\n",
	       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n",
	       "HTTP/1.1 200 OK\r\n\r\n0123");
	for (int i = 0; i < 4; i++)
		expect_download(0, 10, E_FETCH, "0123");
	ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789A\r\n0\r\n\r\n",
	       "HTTP/1.1 200 OK\r\n\r\n0123456789A");
	for (int i = 0; i < 2; i++)
		expect_download(0, 10, E_FETCH_LIMIT, "");
}

static void test_fetch_download__tells_a_refusal_and_keeps_it_from_the_sink(void **state)
{
	struct fetch_answer answer = {0};

	(void)state;
	ANSWER("HTTP/1.1 404 No\r\nContent-Type: application/problem+json\r\nContent-Length: 30\r\n\r\n"
	       "{\"code\":\"http.no-such-route\"}\n",
	       "HTTP/1.1 503 No\r\nRetry-After: 30\r\nContent-Length: 4\r\n\r\nbusy",
	       "HTTP/1.1 416 No\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n");
	expect_download(0, 10, E_ROUTE, "");
	assert_false(download(4, 10, &answer));
	assert_int_equal(err.code, E_FETCH);
	assert_int_equal(answer.status, 503);
	assert_int_equal(answer.retry_after_s, 30);
	assert_string_equal(collected, "");
	assert_false(download(9, 10, &answer));
	assert_int_equal(err.code, E_FETCH);
	assert_int_equal(answer.status, 416);
}

static void test_fetch_download__stops_when_the_sink_does(void **state)
{
	struct fetch_answer answer = {0};

	(void)state;
	ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	assert_false(fetch_download(fetch, arena, url(), 0, 10, collect, &answer, &answer, &err));
	assert_int_equal(err.code, E_FILE_LIMIT);
	assert_string_equal(err.text, "the bank is full");
}

static void test_fetch_download__gives_up_when_nothing_moves(void **state)
{
	clock_us before = clock_boot();

	(void)state;
	ANSWER(CANNED_STALL "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123");
	expect_download(0, 10, E_FETCH, "0123");
	assert_true(clock_boot() - before < 8 * CLOCK_SECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fetch_exchange__takes_any_status_for_an_answer),
		TEST(test_fetch_exchange__sends_what_it_was_told_and_no_more),
		TEST(test_fetch_exchange__refuses_headers_with_line_ends),
		TEST(test_fetch_exchange__bounds_the_answer),
		TEST(test_fetch_exchange__goes_nowhere_else),
		TEST(test_fetch_exchange__gives_up_in_time),
		TEST(test_fetch_new__wants_certificate_and_key_together),
		TEST(test_fetch_segment__escapes_all_but_the_unreserved),
		TEST(test_fetch_json__sends_and_reads_documents),
		TEST(test_fetch_json__turns_problems_into_errors),
		TEST(test_fetch_download__takes_a_file_and_its_rest),
		TEST(test_fetch_download__refuses_what_does_not_continue_the_file),
		TEST(test_fetch_download__notices_too_little_and_too_much),
		TEST(test_fetch_download__tells_a_refusal_and_keeps_it_from_the_sink),
		TEST(test_fetch_download__stops_when_the_sink_does),
		TEST(test_fetch_download__gives_up_when_nothing_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
