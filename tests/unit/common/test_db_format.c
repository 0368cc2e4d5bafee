/* SPDX-License-Identifier: Apache-2.0 */
/* Are arrays and times written and read as PostgreSQL's manual says, without asking a server? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db_format.h"

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_db_format_texts__quotes_every_item(void **state)
{
	(void)state;
	const char *const items[] = {"a", "", NULL, "NULL", "q\"b\\s", "{,}"};
	assert_string_equal(db_format_texts(arena, items, 6),
			    "{\"a\",\"\",NULL,\"NULL\",\"q\\\"b\\\\s\",\"{,}\"}");
	assert_string_equal(db_format_texts(arena, NULL, 0), "{}");
}

static void test_db_format_ints__writes_the_whole_range(void **state)
{
	(void)state;
	const int64_t items[] = {INT64_MIN, INT64_MIN, 0, INT64_MAX};
	assert_string_equal(db_format_ints(arena, items, 4),
			    "{-9223372036854775808,-9223372036854775808,0,9223372036854775807}");
	assert_string_equal(db_format_ints(arena, NULL, 0), "{}");
}

static void test_db_format_blobs__writes_hex(void **state)
{
	(void)state;
	const struct bytes items[] = {bytes_of("\0\xff\\", 3), bytes_of(NULL, 0), bytes_of("", 0)};
	assert_string_equal(db_format_blobs(arena, items, 3), "{\"\\\\x00ff5c\",NULL,\"\\\\x\"}");
	assert_string_equal(db_format_blobs(arena, NULL, 0), "{}");
}

static void test_db_format_read_time__reads_what_a_utc_session_writes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		clock_us at;
	} cases[] = {
		{"1970-01-01 00:00:00+00", 0},
		{"1970-01-01 00:00:00.000001+00", 1},
		{"1969-12-31 23:59:59.999999+00", -1},
		{"2026-11-23 06:07:03.123456+00", 1795414023123456},
		{"2026-11-23 06:07:03.1+00", 1795414023100000},
		{"2000-02-29 12:00:00+00", 951825600000000},
		{"1900-03-01 00:00:00+00", -2203891200000000},
		{"0001-01-01 00:00:00+00", -62135596800000000},
		{"9999-12-31 23:59:59.999999+00", 253402300799999999},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clock_us at = 42;
		assert_true(db_format_read_time(cases[i].text, &at));
		assert_true(at == cases[i].at);
	}
}

static void test_db_format_read_time__refuses_the_rest(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"infinity",
		"-infinity",
		"10000-01-01 00:00:00+00",
		"0001-01-01 00:00:00+00 BC",
		"0000-01-01 00:00:00+00",
		"2026-13-01 00:00:00+00",
		"2026-00-01 00:00:00+00",
		"2026-01-00 00:00:00+00",
		"2026-01-01T00:00:00+00",
		"2026-01-01 00:00:00",
		"2026-01-01 00:00:00+01",
		"2026-01-01 00:00:00.+00",
		"2026-01-01 00:00:00.1234567+00",
		"2026-01-01 00:00",
		"2026-01-0",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		clock_us at = 42;
		assert_false(db_format_read_time(bad[i], &at));
		assert_int_equal(at, 42);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_db_format_texts__quotes_every_item),
		TEST(test_db_format_ints__writes_the_whole_range),
		TEST(test_db_format_blobs__writes_hex),
		TEST(test_db_format_read_time__reads_what_a_utc_session_writes),
		TEST(test_db_format_read_time__refuses_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
