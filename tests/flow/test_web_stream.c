/* SPDX-License-Identifier: Apache-2.0 */
/* Do uploads reach their sink piece by piece, or its abort, and downloads every range of a file? */

#include "tests/support/gate.h"
#include "tests/support/web_case.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MIB = 1024 * 1024,
	STREAM_MAX = 80 * MIB,
	FILE_BYTES = 3 * MIB + 17,
	GROWTH_MAX = 24 * MIB,
};

/* ---- a sink that checks order and counts ---- */

static size_t begun, ended, aborted, pieces;
static uint64_t received, wrong;
static bool begin_refuses, data_refuses, end_refuses, sink_waits;

static unsigned char pattern_at(uint64_t at)
{
	return (unsigned char)(at * 31 + (at >> 13));
}

static bool sink_begin(struct request *request, void **state, struct err *err)
{
	if (begin_refuses)
		return err_fail(err, E_DB_REFUSED, "no upload now");
	received = wrong = 0;
	pieces = 0;
	*state = request;
	gate_count(&begun);
	return true;
}

static bool sink_data(struct request *request, void *state, struct bytes piece, struct err *err)
{
	assert_ptr_equal(state, request);
	for (size_t i = 0; i < piece.size; i += 997)
		wrong += piece.data[i] != pattern_at(received + i);
	received += piece.size;
	gate_count(&pieces);
	if (sink_waits)
		gate_pass();
	if (data_refuses && pieces == 2)
		return err_fail(err, E_FILE_LIMIT, "the disk is full");
	return true;
}

static bool sink_end(struct request *request, void *state, struct reply *reply, struct err *err)
{
	struct doc *doc = doc_object(web_arena(request));

	assert_ptr_equal(state, request);
	gate_count(&ended);
	if (end_refuses)
		return err_fail(err, E_SIGNATURE, NULL);
	doc_set_int(doc, "received", (int64_t)received);
	reply->doc = doc;
	reply->status = 201;
	return true;
}

static void sink_abort(struct request *request, void *state)
{
	assert_ptr_equal(state, request);
	assert_non_null(web_arena(request));
	(void)web_header(request, "Host"); /* may be gone with the connection, but may be asked */
	gate_count(&aborted);
}

static const struct web_sink sink = {sink_begin, sink_data, sink_end, sink_abort};

/* ---- a file ---- */

static char file_path[] = "/tmp/test-web-stream-XXXXXX";
static uint64_t file_bytes = FILE_BYTES;

static bool file_get(struct request *request, struct reply *reply, struct err *err)
{
	if (web_query(request, "wait"))
		gate_pass();
	reply->file = open(file_path, O_RDONLY | O_CLOEXEC);
	if (reply->file < 0)
		return err_fail(err, E_FILE, NULL);
	reply->file_bytes = file_bytes;
	reply->etag = "0123abcd";
	reply->filename = "firm\"ware.bin";
	return !web_query(request, "no") || err_fail(err, E_ROUTE, "not for you");
}

static bool tagged_get(struct request *request, struct reply *reply, struct err *err)
{
	(void)err;
	reply->doc = doc_object(web_arena(request));
	reply->etag = "W/\"v7\"";
	return true;
}

#define ROW(m, p, ...)                                                                        \
	{                                                                                     \
		.method = (m), .pattern = (p), .permission = WEB_CASE_PERMISSION, __VA_ARGS__ \
	}
static const struct route routes[] = {
	ROW(WEB_PUT, "/stream", .body = WEB_BODY_STREAM, .body_max = STREAM_MAX, .sink = &sink),
	ROW(WEB_GET, "/file", .handler = file_get),
	ROW(WEB_GET, "/tagged", .handler = tagged_get),
};

static int file_make(void **state)
{
	unsigned char *bytes = malloc(FILE_BYTES);
	int fd = mkstemp(file_path);

	(void)state;
	assert_true(fd >= 0);
	assert_non_null(bytes);
	for (size_t i = 0; i < FILE_BYTES; i++)
		bytes[i] = pattern_at(i);
	assert_int_equal(write(fd, bytes, FILE_BYTES), FILE_BYTES);
	close(fd);
	free(bytes);
	return 0;
}

static int file_remove(void **state)
{
	(void)state;
	return unlink(file_path);
}

static int begin(void **state)
{
	struct web_settings settings = web_case_settings;

	(void)state;
	arena = arena_new(512 * (size_t)MIB);
	begun = ended = aborted = 0;
	begin_refuses = data_refuses = end_refuses = sink_waits = false;
	file_bytes = FILE_BYTES;
	settings.routes = routes;
	settings.route_count = sizeof(routes) / sizeof(routes[0]);
	web_case_start(&settings);
	return 0;
}

/* ---- uploads ---- */

/* How many of the bytes could be sent before the server closed. */
static uint64_t send_pattern(int socket, uint64_t from, uint64_t to)
{
	static unsigned char bytes[64 * 1024];

	while (from < to) {
		size_t size = to - from < sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);
		for (size_t i = 0; i < size; i++)
			bytes[i] = pattern_at(from + i);
		if (!http_send(socket, bytes, size))
			break;
		from += size;
	}
	return from;
}

static int put(const char *headers)
{
	int socket = http_connect(web_port(web));

	http_send_text(socket,
		       arena_printf(arena, "PUT /stream HTTP/1.1\r\n" HOST "%s\r\n", headers));
	return socket;
}

static size_t resident_bytes(void)
{
	unsigned long total = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
	(void)fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_web_stream__passes_64_mib_without_keeping_them(void **state)
{
	int socket = put("Content-Length: 67108864\r\n");
	size_t before = resident_bytes(), after;

	(void)state;
	assert_int_equal(send_pattern(socket, 0, 64 * MIB), 64 * MIB);
	struct http_answer answer = http_read(socket, arena, false, NULL);
	after = resident_bytes();
	assert_int_equal(answer.status, 201);
	assert_int_equal(doc_int(doc_get(doc_of(&answer), "received"), 0), 64 * MIB);
	assert_int_equal(wrong, 0);
	assert_true(after < before + GROWTH_MAX);
	assert_int_equal(ended, 1);
	assert_int_equal(aborted, 0);
	/* The connection lives on. */
	http_send_text(socket, "GET /tagged HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_read(socket, arena, false, NULL).status, 200);
	close(socket);
}

static void test_web_stream__does_not_read_on_while_the_sink_is_busy(void **state)
{
	int socket = put("Content-Length: 67108864\r\n");
	struct timeval brief = {.tv_usec = 300 * 1000};
	struct linger hard = {.l_onoff = 1};
	uint64_t sent;

	(void)state;
	sink_waits = true;
	gate_shut();
	setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	/* The kernel's buffers fill up, then sending blocks: that is what we want of it. */
	sent = send_pattern(socket, 0, 64 * MIB);
	assert_true(sent < 32 * MIB);
	assert_int_equal(gate_counted(&pieces), 1);
	setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(socket);
	gate_open();
	gate_await_count(&aborted, 1);
	assert_int_equal(ended, 0);
}

static void test_web_stream__takes_chunks_and_no_body_at_all(void **state)
{
	static const char chunk_head[] = "10000\r\n";
	int socket = put("Transfer-Encoding: chunked\r\n");

	(void)state;
	for (uint64_t at = 0; at < 48 * 65536; at += 65536) {
		assert_true(http_send_text(socket, chunk_head));
		assert_int_equal(send_pattern(socket, at, at + 65536), at + 65536);
		assert_true(http_send_text(socket, "\r\n"));
	}
	assert_true(http_send_text(socket, "0\r\n\r\n"));
	struct http_answer answer = http_read(socket, arena, false, NULL);
	assert_int_equal(answer.status, 201);
	assert_int_equal(doc_int(doc_get(doc_of(&answer), "received"), 0), 48 * 65536);
	assert_int_equal(wrong, 0);
	close(socket);
	answer = ask("PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
	assert_int_equal(answer.status, 201);
	assert_int_equal(begun, 2);
	assert_int_equal(ended, 2);
	assert_int_equal(pieces, 0);
}

static void test_web_stream__aborts_when_the_client_leaves(void **state)
{
	int socket = put("Content-Length: 67108864\r\n");

	(void)state;
	send_pattern(socket, 0, 5 * MIB);
	/* An end that arrives together with the last bytes libmicrohttpd notices only when the
	 * connection has been idle for a minute (see web.c): too long for a test. */
	gate_await_count(&pieces, 19);
	clock_sleep(200 * 1000);
	close(socket);
	gate_await_count(&aborted, 1);
	assert_int_equal(ended, 0);
	socket = put("Transfer-Encoding: chunked\r\n");
	http_send_text(socket, "5\r\nhello\r\nzz");
	struct http_answer answer = http_read(socket, arena, false, NULL);
	assert_int_equal(answer.status, 400);
	gate_await_count(&aborted, 2);
	assert_int_equal(ended, 0);
	close(socket);
}

static void test_web_stream__aborts_when_too_much_comes(void **state)
{
	int socket = put("Content-Length: 83886081\r\n");
	struct http_answer answer = http_read(socket, arena, false, NULL);

	(void)state;
	expect_problem(&answer, 413, "http.body-too-large");
	assert_int_equal(begun, 0);
	close(socket);
	socket = put("Transfer-Encoding: chunked\r\n");
	for (uint64_t at = 0; at <= STREAM_MAX; at += 1048576) {
		http_send_text(socket, "100000\r\n");
		send_pattern(socket, at, at + 1048576);
		http_send_text(socket, "\r\n");
	}
	http_send_text(socket, "0\r\n\r\n");
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 413, "http.body-too-large");
	assert_int_equal(begun, 1);
	assert_int_equal(aborted, 1);
	assert_int_equal(ended, 0);
	close(socket);
}

static void test_web_stream__answers_what_the_sink_refused(void **state)
{
	struct http_answer answer;
	int socket;

	(void)state;
	begin_refuses = true;
	socket = put("Content-Length: 67108864\r\n");
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 409, "database.refused");
	close(socket);
	begin_refuses = false;
	data_refuses = true;
	socket = put("Content-Length: 8388608\r\n");
	assert_int_equal(send_pattern(socket, 0, 8 * MIB), 8 * MIB);
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 413, "file.too-large");
	assert_int_equal(aborted, 1);
	assert_int_equal(ended, 0);
	data_refuses = false;
	end_refuses = true;
	http_send_text(socket, "PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
	answer = http_read(socket, arena, false, NULL);
	expect_problem(&answer, 422, "signature.invalid");
	assert_int_equal(ended, 1);
	assert_int_equal(aborted, 1);
	close(socket);
}

static void test_web_stream__a_refused_client_reads_why_while_it_sends(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		int socket = put("Content-Length: 67108864\r\nAuthorization: nobody\r\n");
		char more;
		/* Sends on regardless. A reset could overtake the answer: there must be none. */
		assert_int_equal(send_pattern(socket, 0, 2 * MIB), 2 * MIB);
		struct http_answer answer = http_read(socket, arena, false, NULL);
		expect_problem(&answer, 401, "access.unidentified");
		assert_int_equal(recv(socket, &more, 1, 0), 0);
		close(socket);
	}
	assert_int_equal(begun, 0);
}

/* ---- files ---- */

static struct http_answer get(const char *headers)
{
	return ask(arena_printf(arena, "GET /file HTTP/1.1\r\n" HOST "%s\r\n", headers));
}

static void expect_part(const struct http_answer *answer, int status, uint64_t first, uint64_t size)
{
	assert_int_equal(answer->status, status);
	assert_int_equal(answer->body.size, size);
	assert_false(answer->cut);
	for (size_t i = 0; i < size; i++) {
		if (answer->body.data[i] != pattern_at(first + i))
			fail_msg("byte %zu is not the one of the file", i);
	}
	assert_string_equal(http_header(arena, answer, "ETag"), "\"0123abcd\"");
	assert_string_equal(http_header(arena, answer, "Accept-Ranges"), "bytes");
}

static void test_web_file__sends_all_with_its_headers(void **state)
{
	struct http_answer answer = get("");

	(void)state;
	expect_part(&answer, 200, 0, FILE_BYTES);
	assert_string_equal(http_header(arena, &answer, "Content-Type"),
			    "application/octet-stream");
	assert_string_equal(http_header(arena, &answer, "Content-Disposition"),
			    "attachment; filename=\"firm_ware.bin\"");
	assert_null(http_header(arena, &answer, "Content-Range"));
	answer = ask("HEAD /file HTTP/1.1\r\n" HOST "Range: bytes=1-2\r\n\r\n");
	assert_int_equal(answer.status, 200);
	assert_string_equal(http_header(arena, &answer, "Content-Length"), "3145745");
	assert_int_equal(answer.body.size, 0);
}

static void test_web_file__sends_one_range(void **state)
{
	static const struct {
		const char *range;
		uint64_t first, size;
	} cases[] = {
		{"bytes=0-0", 0, 1},
		{"bytes=5-9", 5, 5},
		{"Bytes=4095-4097", 4095, 3},
		{"bytes=3145000-", 3145000, 745},
		{"bytes=3145744-", 3145744, 1},
		{"bytes=3145740-99999999999999999999999", 3145740, 5},
		{"bytes=-1", 3145744, 1},
		{"bytes=-3145745", 0, 3145745},
		{"bytes=-99999999999999999999", 0, 3145745},
		{"bytes=0-", 0, 3145745},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer answer =
			get(arena_printf(arena, "Range: %s\r\n", cases[i].range));
		expect_part(&answer, 206, cases[i].first, cases[i].size);
		assert_string_equal(
			http_header(arena, &answer, "Content-Range"),
			arena_printf(arena, "bytes %llu-%llu/3145745",
				     (unsigned long long)cases[i].first,
				     (unsigned long long)(cases[i].first + cases[i].size - 1)));
	}
}

static void test_web_file__refuses_ranges_outside_and_overlooks_nonsense(void **state)
{
	static const char *const outside[] = {"bytes=3145745-", "bytes=3145745-3145746", "bytes=-0",
					      "bytes=99999999999999999999-"};
	static const char *const nonsense[] = {"bytes=5-4",	"bytes=-",    "bytes=a-b",
					       "bytes=1-2,4-5", "lines=1-2",  "bytes=1",
					       "bytes 1-2",	"bytes=1-2x", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		struct http_answer answer = get(arena_printf(arena, "Range: %s\r\n", outside[i]));
		expect_problem(&answer, 416, "http.range");
		assert_string_equal(http_header(arena, &answer, "Content-Range"),
				    "bytes */3145745");
	}
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct http_answer answer = get(arena_printf(arena, "Range: %s\r\n", nonsense[i]));
		expect_part(&answer, 200, 0, FILE_BYTES);
	}
}

static void test_web_file__honours_conditions(void **state)
{
	struct http_answer answer;

	(void)state;
	answer = get("Range: bytes=1-2\r\nIf-Range: \"0123abcd\"\r\n");
	expect_part(&answer, 206, 1, 2);
	answer = get("Range: bytes=1-2\r\nIf-Range: 0123abcd\r\n");
	expect_part(&answer, 206, 1, 2);
	answer = get("Range: bytes=1-2\r\nIf-Range: \"other\"\r\n");
	expect_part(&answer, 200, 0, FILE_BYTES);
	answer = get("Range: bytes=1-2\r\nIf-Range: Sat, 29 Oct 1994 19:43:31 GMT\r\n");
	expect_part(&answer, 200, 0, FILE_BYTES);
	answer = get("Range: bytes=1-2\r\nIf-Match: 0123abcd\r\n");
	expect_part(&answer, 206, 1, 2);
	answer = get("If-Match: \"a\", \"0123abcd\"\r\nRange: bytes=1-2\r\n");
	expect_part(&answer, 206, 1, 2);
	answer = get("If-Match: *\r\nRange: bytes=1-2\r\n");
	expect_part(&answer, 206, 1, 2);
	answer = get("If-Match: \"other\"\r\n");
	expect_problem(&answer, 412, "http.precondition");
	answer = get("If-None-Match: W/\"0123abcd\"\r\nRange: bytes=1-2\r\n");
	assert_int_equal(answer.status, 304);
	assert_string_equal(http_header(arena, &answer, "ETag"), "\"0123abcd\"");
	answer = ask("GET /tagged HTTP/1.1\r\n" HOST "If-None-Match: \"v7\"\r\n\r\n");
	assert_int_equal(answer.status, 304);
	answer = ask("GET /tagged HTTP/1.1\r\n" HOST "If-None-Match: \"v8\"\r\n\r\n");
	assert_int_equal(answer.status, 200);
	assert_string_equal(http_header(arena, &answer, "ETag"), "W/\"v7\"");
}

static void test_web_file__is_not_sent_when_the_handler_refuses_or_it_is_short(void **state)
{
	struct http_answer answer = ask("GET /file?no=1 HTTP/1.1\r\n" HOST "\r\n");

	(void)state;
	expect_problem(&answer, 404, "http.no-such-route");
	file_bytes = FILE_BYTES + 1;
	answer = get("");
	expect_problem(&answer, 500, "file.access");
	file_bytes = 0;
	answer = get("");
	expect_part(&answer, 200, 0, 0);
	answer = get("Range: bytes=0-\r\n");
	expect_problem(&answer, 416, "http.range");
}

static void test_web_file__sends_many_that_waited(void **state)
{
	enum { CLIENTS = 8 };
	int sockets[CLIENTS];

	(void)state;
	gate_shut();
	for (int i = 0; i < CLIENTS; i++) {
		sockets[i] = http_connect(web_port(web));
		http_send_text(sockets[i], arena_printf(arena,
							"GET /file?wait=1 HTTP/1.1\r\n" HOST
							"Range: bytes=%d-\r\n\r\n",
							i * 1000));
	}
	gate_await(CLIENTS);
	gate_open();
	for (int i = 0; i < CLIENTS; i++) {
		struct http_answer answer = http_read(sockets[i], arena, false, NULL);
		expect_part(&answer, 206, (uint64_t)i * 1000, FILE_BYTES - (uint64_t)i * 1000);
		close(sockets[i]);
	}
}

static size_t open_files(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_web_file__leaves_no_descriptor_open(void **state)
{
	static const char *const heads[] = {"", "Range: bytes=5-9\r\n", "Range: bytes=9999999-\r\n",
					    "If-None-Match: *\r\n", "If-Match: x\r\n"};
	size_t before = 0;

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
			(void)get(heads[i]);
		(void)ask("GET /file?no=1 HTTP/1.1\r\n" HOST "\r\n");
		(void)ask("HEAD /file HTTP/1.1\r\n" HOST "\r\n");
		clock_sleep(100 * 1000);
		if (round == 0)
			before = open_files();
	}
	assert_int_equal(open_files(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, web_case_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_web_stream__passes_64_mib_without_keeping_them),
		TEST(test_web_stream__does_not_read_on_while_the_sink_is_busy),
		TEST(test_web_stream__takes_chunks_and_no_body_at_all),
		TEST(test_web_stream__aborts_when_the_client_leaves),
		TEST(test_web_stream__aborts_when_too_much_comes),
		TEST(test_web_stream__answers_what_the_sink_refused),
		TEST(test_web_stream__a_refused_client_reads_why_while_it_sends),
		TEST(test_web_file__sends_all_with_its_headers),
		TEST(test_web_file__sends_one_range),
		TEST(test_web_file__refuses_ranges_outside_and_overlooks_nonsense),
		TEST(test_web_file__honours_conditions),
		TEST(test_web_file__is_not_sent_when_the_handler_refuses_or_it_is_short),
		TEST(test_web_file__sends_many_that_waited),
		TEST(test_web_file__leaves_no_descriptor_open),
	};
	return cmocka_run_group_tests(tests, file_make, file_remove);
}
