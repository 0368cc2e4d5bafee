/* SPDX-License-Identifier: Apache-2.0 */
/* Does an address lead to the row it names, with parameters that are safe to use? */

#include "common/web_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static bool handler(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)reply;
	(void)err;
	return true;
}

static void batch(void *app, struct web_item *items, size_t count)
{
	(void)app;
	(void)items;
	(void)count;
}

static const struct route rows[] = {
	{.method = WEB_GET, .pattern = "/", .permission = 1, .handler = handler},
	{.method = WEB_GET, .pattern = "/v1/things", .permission = 1, .handler = handler},
	{.method = WEB_POST, .pattern = "/v1/things", .permission = 1, .handler = handler},
	{.method = WEB_GET, .pattern = "/v1/things/search", .permission = 1, .handler = handler},
	{.method = WEB_GET, .pattern = "/v1/things/{thing}", .permission = 1, .handler = handler},
	{.method = WEB_DELETE,
	 .pattern = "/v1/things/{thing}",
	 .permission = 1,
	 .handler = handler},
	{.method = WEB_PUT,
	 .pattern = "/{tenant}/controller/v1/{id}/configData",
	 .permission = 1,
	 .handler = handler},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct web_pattern patterns[ROWS];

static int compile_all(void **state)
{
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		assert_true(web_route_compile(&rows[i], &patterns[i], &err));
	return 0;
}

/* The index of the row, -1 for none. */
static int row_of(const char *method_text, const char *address, struct web_target *target,
		  unsigned *allowed)
{
	enum web_method method = WEB_GET;
	bool known = web_route_method(method_text, &method);
	struct err err = {0};

	if (!web_route_split(arena, address, target, &err))
		fail_msg("%s: %s", address, err.text);
	const struct web_pattern *found =
		web_route_find(patterns, ROWS, known, method, target, allowed);
	return found ? (int)(found - patterns) : -1;
}

static void test_web_route_find__finds_the_first_row_of_path_and_method(void **state)
{
	static const struct {
		const char *method, *address;
		int row;
	} cases[] = {
		{"GET", "/", 0},
		{"GET", "/?x=1", 0},
		{"GET", "/v1/things", 1},
		{"HEAD", "/v1/things", 1},
		{"POST", "/v1/things", 2},
		{"GET", "/v1/things/search", 3},
		{"GET", "/v1/things/searches", 4},
		{"GET", "/v1/things/%73earch", 3},
		{"DELETE", "/v1/things/search", 5},
		{"PUT", "/DEFAULT/controller/v1/dev-1/configData", 6},
	};
	struct web_target target;
	unsigned allowed;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(row_of(cases[i].method, cases[i].address, &target, &allowed),
				 cases[i].row);
}

static void test_web_route_find__knows_no_other_paths(void **state)
{
	static const char *const addresses[] = {
		"/v1",
		"/v1/",
		"/v1/things/",
		"//v1/things",
		"/v1//things",
		"/V1/things",
		"/v1/thing",
		"/v1/things/a/b",
		"/v1/things/search/",
		"/x/controller/v1/a/configdata",
		"/x/controller/v1//configData",
		"//",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18",
	};
	struct web_target target;
	unsigned allowed;

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		assert_int_equal(row_of("GET", addresses[i], &target, &allowed), -1);
		assert_int_equal(allowed, 0);
	}
}

static void test_web_route_allow__names_the_methods_of_a_known_path(void **state)
{
	struct web_target target;
	unsigned allowed;

	(void)state;
	assert_int_equal(row_of("PATCH", "/v1/things", &target, &allowed), -1);
	assert_string_equal(web_route_allow(arena, allowed), "GET, HEAD, POST");
	assert_int_equal(row_of("get", "/v1/things/x", &target, &allowed), -1);
	assert_string_equal(web_route_allow(arena, allowed), "GET, HEAD, DELETE");
	assert_int_equal(row_of("GET", "/DEFAULT/controller/v1/a/configData", &target, &allowed),
			 -1);
	assert_string_equal(web_route_allow(arena, allowed), "PUT");
}

static void test_web_route_param__gives_decoded_segments(void **state)
{
	struct web_target target;
	unsigned allowed;

	(void)state;
	assert_int_equal(row_of("PUT", "/DEFAULT/controller/v1/d%C3%A4+%20%25/configData?a=b",
				&target, &allowed),
			 6);
	assert_string_equal(web_route_param(&patterns[6], &target, "tenant"), "DEFAULT");
	assert_string_equal(web_route_param(&patterns[6], &target, "id"), "d\xc3\xa4+ %");
	assert_null(web_route_param(&patterns[6], &target, "configData"));
	assert_null(web_route_param(&patterns[6], &target, "i"));
	assert_string_equal(target.path, "/DEFAULT/controller/v1/d%C3%A4+%20%25/configData");
}

static void test_web_route_split__decodes_the_query(void **state)
{
	static const struct {
		const char *name, *value;
	} pairs[] = {{"a", "1"}, {"b b", "x y"}, {"c", ""}, {"d", "="}, {"", "e"}, {"a", "2"}};
	struct web_target target;
	struct err err = {0};

	(void)state;
	assert_true(web_route_split(arena, "/?a=1&b+b=x+%79&&c&d=%3D&=e&a=2", &target, &err));
	assert_int_equal(target.pair_count, sizeof(pairs) / sizeof(pairs[0]));
	for (size_t i = 0; i < target.pair_count; i++) {
		assert_string_equal(target.pairs[i].name, pairs[i].name);
		assert_string_equal(target.pairs[i].value, pairs[i].value);
	}
}

static void test_web_route_split__refuses_what_is_not_safe_to_use(void **state)
{
	static const char *const addresses[] = {
		"",
		"*",
		"v1/things",
		"http://other/v1/things",
		"/a%00b",
		"/a%0ab",
		"/a%7f",
		"/a%1Fb",
		"/a%2Fb",
		"/a%2fb",
		"/..",
		"/a/../b",
		"/%2e%2e/b",
		"/.",
		"/a%",
		"/a%4",
		"/a%zz",
		"/a%4g",
		"/a%-1",
		"/a% 1",
		"/a b",
		"/a\tb",
		"/a\x80",
		"/\xc3\xa4",
		"/%ff",
		"/%c3",
		"/%c0%af",
		"/%ed%a0%80",
		"/%f5%80%80%80",
		"/x?a=%00",
		"/x?%0d%0a=1",
		"/x?a=%ff",
		"/x?a=%4",
		"/x?a=\x01",
	};
	struct web_target target;

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct err err = {0};
		if (web_route_split(arena, addresses[i], &target, &err))
			fail_msg("%s was taken", addresses[i]);
		assert_int_equal(err.code, E_URL);
	}
}

static void test_web_route_split__bounds_length_and_count(void **state)
{
	char address[WEB_URL_MAX + 2];
	struct web_target target;
	struct err err = {0};

	(void)state;
	memset(address, 'a', sizeof(address));
	address[0] = '/';
	address[WEB_URL_MAX] = '\0';
	assert_true(web_route_split(arena, address, &target, &err));
	address[WEB_URL_MAX] = 'a';
	address[WEB_URL_MAX + 1] = '\0';
	assert_false(web_route_split(arena, address, &target, &err));
	assert_int_equal(err.code, E_URL_LIMIT);
	err_clear(&err);
	address[1] = '?';
	for (size_t i = 2; i < 2 + 2 * (WEB_PAIRS_MAX + 1); i += 2) {
		address[i] = 'q';
		address[i + 1] = '&';
	}
	address[2 + 2 * WEB_PAIRS_MAX] = '\0';
	assert_true(web_route_split(arena, address, &target, &err));
	assert_int_equal(target.pair_count, WEB_PAIRS_MAX);
	address[2 + 2 * WEB_PAIRS_MAX] = 'q';
	address[3 + 2 * WEB_PAIRS_MAX] = '\0';
	assert_false(web_route_split(arena, address, &target, &err));
	assert_int_equal(err.code, E_URL);
}

static void test_web_route_compile__refuses_rows_that_are_defects(void **state)
{
	static const struct web_sink half = {0};
	static const struct route wrong[] = {
		{.pattern = "/a", .handler = handler},
		{.pattern = "a", .permission = 1, .handler = handler},
		{.pattern = "", .permission = 1, .handler = handler},
		{.pattern = "/a//b", .permission = 1, .handler = handler},
		{.pattern = "/a/", .permission = 1, .handler = handler},
		{.pattern = "/{a", .permission = 1, .handler = handler},
		{.pattern = "/{}", .permission = 1, .handler = handler},
		{.pattern = "/a{b}", .permission = 1, .handler = handler},
		{.pattern = "/a", .permission = 1},
		{.pattern = "/a", .permission = 1, .handler = handler, .batch = batch},
		{.pattern = "/a", .permission = 1, .handler = handler, .body = WEB_BODY_JSON},
		{.pattern = "/a", .permission = 1, .handler = handler, .body_max = 5},
		{.pattern = "/a", .permission = 1, .sink = &half},
		{.pattern = "/a",
		 .permission = 1,
		 .sink = &half,
		 .body = WEB_BODY_STREAM,
		 .body_max = 1},
		{.pattern = "/a",
		 .permission = 1,
		 .handler = handler,
		 .body = WEB_BODY_FOREIGN,
		 .body_max = WEB_COLLECT_MAX + 1},
	};
	struct web_pattern pattern;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (web_route_compile(&wrong[i], &pattern, &err))
			fail_msg("row %zu was taken", i);
		assert_int_equal(err.code, E_BUG);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_web_route_find__finds_the_first_row_of_path_and_method),
		TEST(test_web_route_find__knows_no_other_paths),
		TEST(test_web_route_allow__names_the_methods_of_a_known_path),
		TEST(test_web_route_param__gives_decoded_segments),
		TEST(test_web_route_split__decodes_the_query),
		TEST(test_web_route_split__refuses_what_is_not_safe_to_use),
		TEST(test_web_route_split__bounds_length_and_count),
		TEST(test_web_route_compile__refuses_rows_that_are_defects),
	};
	return cmocka_run_group_tests(tests, compile_all, NULL);
}
