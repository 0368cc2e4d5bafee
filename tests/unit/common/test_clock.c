/* SPDX-License-Identifier: Apache-2.0 */
/* Are instants written and read in the one form, against the calendar of the C library? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

static void test_clock_format__agrees_with_the_calendar_of_the_c_library(void **state)
{
	(void)state;
	/* A step of a day, an hour and some, so that every time of day comes up too. */
	for (clock_us at = 0; at <= LAST; at += INT64_C(90061) * CLOCK_SECOND + 7) {
		char form[64];
		char expected[80];
		struct tm tm;
		time_t seconds = (time_t)(at / CLOCK_SECOND);
		clock_us back = -1;
		struct err err = {0};

		gmtime_r(&seconds, &tm);
		strftime(form, sizeof(form), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(expected, sizeof(expected), "%s.%06dZ", form, (int)(at % CLOCK_SECOND));
		struct clock_text text = clock_format(at);
		if (strcmp(text.text, expected) != 0)
			fail_msg("%s is not %s", text.text, expected);
		if (!clock_parse(text.text, &back, &err) || back != at)
			fail_msg("%s came back as another instant", text.text);
	}
}

static void test_clock_format__stays_inside_its_range(void **state)
{
	(void)state;
	assert_string_equal(clock_format(0).text, "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_format(-1).text, "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_format(INT64_MIN).text, "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_format(LAST).text, "9999-12-31T23:59:59.999999Z");
	assert_string_equal(clock_format(INT64_MAX).text, "9999-12-31T23:59:59.999999Z");
}

static void test_clock_parse__reads_days_that_exist(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
	} right[] = {
		{"1970-01-01T00:00:00.000000Z", 0},
		{"1972-02-29T00:00:00.000000Z", 68169600},
		{"2000-02-29T12:34:56.000000Z", 951827696},
		{"2026-11-23T06:07:03.000000Z", 1795414023},
		{"2100-02-28T23:59:59.000000Z", 4107542399},
		{"2400-02-29T00:00:00.000000Z", 13574563200},
	};
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct err err = {0};
		clock_us out = -1;
		assert_true(clock_parse(right[i].text, &out, &err));
		assert_int_equal(out, right[i].seconds * CLOCK_SECOND);
	}
}

static void test_clock_parse__refuses_everything_else(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"2026-11-23",
		"2026-11-23T06:07:03Z",
		"2026-11-23T06:07:03.123Z",
		"2026-11-23T06:07:03.1234567Z",
		"2026-11-23T06:07:03.123456",
		"2026-11-23T06:07:03.123456z",
		"2026-11-23t06:07:03.123456Z",
		"2026-11-23 06:07:03.123456Z",
		"2026-11-23T06:07:03,123456Z",
		"2026-11-23T06:07:03.123456+00:00",
		"2026-11-23T06:07:03.123456Z ",
		" 2026-11-23T06:07:03.12345Z",
		"+026-11-23T06:07:03.123456Z",
		"2026-00-23T06:07:03.123456Z",
		"2026-13-23T06:07:03.123456Z",
		"2026-11-00T06:07:03.123456Z",
		"2026-11-31T06:07:03.123456Z",
		"2026-02-29T06:07:03.123456Z",
		"2100-02-29T06:07:03.123456Z",
		"2000-02-30T06:07:03.123456Z",
		"2026-11-23T24:00:00.000000Z",
		"2026-11-23T06:60:03.123456Z",
		"2016-12-31T23:59:60.000000Z",
		"1969-12-31T23:59:59.999999Z",
		"0000-01-01T00:00:00.000000Z",
		"2026-11-23T06:07:03.12345\xc2\xb2",
	};
	clock_us out = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (clock_parse(wrong[i], &out, &err))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, E_INPUT);
	}
	struct err err = {0};
	assert_false(clock_parse(NULL, &out, &err));
	assert_int_equal(out, 7);
}

static void test_clock_now__is_the_wall_clock_and_goes_on(void **state)
{
	(void)state;
	clock_us outside = (clock_us)time(NULL) * CLOCK_SECOND;
	clock_us now = clock_now();
	assert_true(now > outside - 2 * CLOCK_SECOND && now < outside + 5 * CLOCK_SECOND);
	clock_us boot = clock_boot();
	clock_sleep(3000);
	assert_true(clock_now() >= now + 3000);
	assert_true(clock_boot() >= boot + 3000);
	clock_sleep(-1);
}

static void test_clock_set_for_test__moves_now_and_lets_it_run(void **state)
{
	(void)state;
	clock_us chosen = INT64_C(4000000000) * CLOCK_SECOND;
	clock_us boot = clock_boot();

	clock_set_for_test(chosen);
	clock_us first = clock_now();
	clock_sleep(2000);
	clock_us second = clock_now();
	clock_set_for_test(0);
	assert_true(first >= chosen && first < chosen + 10 * CLOCK_SECOND);
	assert_true(second >= first + 2000);
	assert_true(clock_now() < chosen);
	assert_true(clock_boot() - boot < 10 * CLOCK_SECOND);
}

static void test_clock_state__is_one_of_three_words(void **state)
{
	(void)state;
	const char *word = clock_state();
	assert_true(strcmp(word, "synchronized") == 0 || strcmp(word, "unsynchronized") == 0 ||
		    strcmp(word, "unknown") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_format__agrees_with_the_calendar_of_the_c_library),
		cmocka_unit_test(test_clock_format__stays_inside_its_range),
		cmocka_unit_test(test_clock_parse__reads_days_that_exist),
		cmocka_unit_test(test_clock_parse__refuses_everything_else),
		cmocka_unit_test(test_clock_now__is_the_wall_clock_and_goes_on),
		cmocka_unit_test(test_clock_set_for_test__moves_now_and_lets_it_run),
		cmocka_unit_test(test_clock_state__is_one_of_three_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
