/* SPDX-License-Identifier: Apache-2.0 */
/* Do files cross in both directions between our client and our server, also when the server goes? */

#include "common/digest.h"
#include "common/fetch.h"
#include "common/file.h"
#include "tests/support/web_case.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1024 * 1024, FILE_BYTES = 48 * MIB + 3, RESTARTS = 2 };

static char folder[] = "/tmp/test-fetch-file-XXXXXX";
static char path[64];
static unsigned char *bytes;
static struct web_settings settings;
static struct fetch *fetch;

/* ---- the program behind the server ---- */

static bool file_get(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	reply->file = open(path, O_RDONLY | O_CLOEXEC);
	reply->file_bytes = FILE_BYTES;
	return reply->file > 0 || err_fail(err, E_FILE, NULL);
}

static uint64_t taken;

static bool sink_begin(struct request *request, void **state, struct err *err)
{
	(void)request;
	(void)state;
	(void)err;
	taken = 0;
	return true;
}

static bool sink_data(struct request *request, void *state, struct bytes piece, struct err *err)
{
	(void)request;
	(void)state;
	if (taken + piece.size > FILE_BYTES || memcmp(bytes + taken, piece.data, piece.size) != 0)
		return err_fail(err, E_INPUT, "these are not the bytes");
	taken += piece.size;
	return true;
}

static bool sink_end(struct request *request, void *state, struct reply *reply, struct err *err)
{
	struct doc *doc = doc_object(web_arena(request));

	(void)state;
	(void)err;
	doc_set_int(doc, "taken", (int64_t)taken);
	reply->doc = doc;
	reply->status = 201;
	return true;
}

static void sink_abort(struct request *request, void *state)
{
	(void)request;
	(void)state;
}

static const struct web_sink sink = {sink_begin, sink_data, sink_end, sink_abort};

static const struct route routes[] = {
	{.method = WEB_GET, .pattern = "/file", .permission = 1, .handler = file_get},
	{.method = WEB_POST,
	 .pattern = "/file",
	 .permission = 1,
	 .body = WEB_BODY_STREAM,
	 .body_max = FILE_BYTES,
	 .sink = &sink},
};

static int begin_all(void **state)
{
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	bytes = malloc(FILE_BYTES);
	assert_non_null(bytes);
	random_fill(bytes, FILE_BYTES);
	assert_true(file_replace(path, bytes_of(bytes, FILE_BYTES), 0600, &err));
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	free(bytes);
	unlink(path);
	return rmdir(folder);
}

static int begin(void **state)
{
	static const struct fetch_settings usual = {.timeout_ms = 10 * 1000};
	struct err err = {0};

	(void)state;
	arena = arena_new(64 * MIB);
	settings = web_case_settings;
	settings.routes = routes;
	settings.route_count = sizeof(routes) / sizeof(routes[0]);
	web_case_start(&settings);
	settings.port = web_port(web);
	return fetch_new(&usual, &fetch, &err) ? 0 : -1;
}

static int end(void **state)
{
	fetch_free(fetch);
	return web_case_end(state);
}

static const char *url(void)
{
	return arena_printf(arena, "http://127.0.0.1:%u/file", settings.port);
}

/* ---- downloads ---- */

struct bank {
	uint64_t have;
	uint64_t stop_at;    /* refuse from here on; UINT64_MAX: never */
	uint64_t restart_at; /* here the server goes; 0: never */
	size_t restarts;
	bool wrong;
};

/* web_free gives our running answer its grace, and then cuts it. The second time the server stays
 * away. */
static void restart(struct bank *bank)
{
	web_free(web);
	web = NULL;
	if (++bank->restarts < RESTARTS)
		web_case_start(&settings);
	bank->restart_at = bank->restarts < RESTARTS ? bank->restart_at + 16 * MIB : 0;
}

static bool bank_write(void *context, struct bytes piece, struct err *err)
{
	struct bank *bank = context;

	if (bank->have >= bank->stop_at)
		return err_fail(err, E_FILE_LIMIT, "enough for now");
	if (memcmp(bytes + bank->have, piece.data, piece.size) != 0)
		bank->wrong = true;
	bank->have += piece.size;
	if (bank->restart_at && bank->have >= bank->restart_at)
		restart(bank);
	return true;
}

static void test_fetch_download__continues_where_it_was_stopped(void **state)
{
	struct bank bank = {0};
	struct fetch_answer answer;

	(void)state;
	for (uint64_t stop = 1; bank.have < FILE_BYTES; stop += 11 * MIB) {
		struct err err = {0};
		bank.stop_at = stop;
		if (fetch_download(fetch, arena, url(), bank.have, FILE_BYTES, bank_write, &bank,
				   &answer, &err))
			break;
		assert_int_equal(err.code, E_FILE_LIMIT);
	}
	assert_int_equal(bank.have, FILE_BYTES);
	assert_false(bank.wrong);
}

static void test_fetch_download__survives_restarts_of_the_server(void **state)
{
	struct bank bank = {.stop_at = UINT64_MAX, .restart_at = 4 * MIB};
	struct fetch_answer answer;
	size_t failures = 0;

	(void)state;
	while (failures < 2 * RESTARTS) {
		struct err err = {0};
		if (fetch_download(fetch, arena, url(), bank.have, FILE_BYTES, bank_write, &bank,
				   &answer, &err))
			break;
		assert_int_equal(err.code, E_FETCH);
		/* The last time it comes back only after it was found away. */
		if (++failures > RESTARTS && !web)
			web_case_start(&settings);
	}
	assert_int_equal(failures, RESTARTS + 1);
	assert_int_equal(bank.restarts, RESTARTS);
	assert_int_equal(bank.have, FILE_BYTES);
	assert_false(bank.wrong);
}

/* ---- uploads ---- */

static void count_progress(void *context, uint64_t done, uint64_t total)
{
	uint64_t *last = context;

	assert_int_equal(total, FILE_BYTES);
	assert_true(done > *last && done <= total);
	*last = done;
}

static void test_fetch_upload__sends_the_file_and_tells_how_far_it_is(void **state)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct fetch_answer answer;
	struct err err = {0};
	uint64_t last = 0;

	(void)state;
	assert_true(fetch_upload(fetch, arena, "POST", url(), "application/octet-stream", file,
				 FILE_BYTES, count_progress, &last, &answer, &err));
	assert_int_equal(answer.status, 201);
	assert_string_equal(answer.content_type, "application/json");
	assert_int_equal(last, FILE_BYTES);
	assert_int_equal(taken, FILE_BYTES);
	close(file);
}

static void test_fetch_upload__does_not_pretend_a_short_file_is_whole(void **state)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct fetch_answer answer;
	struct err err = {0};

	(void)state;
	assert_int_equal(truncate(path, FILE_BYTES / 2), 0);
	assert_false(fetch_upload(fetch, arena, "POST", url(), NULL, file, FILE_BYTES, NULL, NULL,
				  &answer, &err));
	assert_int_equal(err.code, E_FILE);
	close(file);
	err_clear(&err);
	assert_true(file_replace(path, bytes_of(bytes, FILE_BYTES), 0600, &err));
}

static void test_fetch_upload__reads_an_early_refusal(void **state)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct fetch_answer answer;
	struct err err = {0};

	(void)state;
	fetch_authorize(fetch, "nobody");
	assert_true(fetch_upload(fetch, arena, "POST", url(), NULL, file, FILE_BYTES, NULL, NULL,
				 &answer, &err));
	assert_int_equal(answer.status, 401);
	fetch_authorize(fetch, NULL);
	assert_true(fetch_upload(fetch, arena, "POST", url(), NULL, file, FILE_BYTES, NULL, NULL,
				 &answer, &err));
	assert_int_equal(answer.status, 201);
	close(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fetch_download__continues_where_it_was_stopped),
		TEST(test_fetch_download__survives_restarts_of_the_server),
		TEST(test_fetch_upload__sends_the_file_and_tells_how_far_it_is),
		TEST(test_fetch_upload__does_not_pretend_a_short_file_is_whole),
		TEST(test_fetch_upload__reads_an_early_refusal),
	};
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
