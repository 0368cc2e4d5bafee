/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about how far a long step has come? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/ctl/terminal.h"

#include <string.h>

#define MIB (UINT64_C(1024) * 1024)

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_progress_words__tells_percent_bytes_and_time(void **state)
{
	static const struct {
		uint64_t done, total;
		clock_us elapsed;
		const char *words;
	} cases[] = {
		{0, 46 * MIB, 0, "a  0 %  0.0 of 46.0 MiB"},
		{0, 46 * MIB, 5 * CLOCK_SECOND, "a  0 %  0.0 of 46.0 MiB"},
		{23 * MIB, 46 * MIB, CLOCK_SECOND / 2, "a  50 %  23.0 of 46.0 MiB"},
		{20 * MIB, 40 * MIB, 2 * CLOCK_SECOND,
		 "a  50 %  20.0 of 40.0 MiB  10.0 MiB/s, 2 s left"},
		{46 * MIB - 1, 46 * MIB, 0, "a  99 %  46.0 of 46.0 MiB"},
		{46 * MIB, 46 * MIB, 2 * CLOCK_SECOND, "a  100 %  46.0 of 46.0 MiB  23.0 MiB/s"},
		{5, 10, 0, "a  50 %  5 of 10 bytes"},
		{0, 0, 0, "a  100 %  0 of 0 bytes"},
		{UINT64_MAX / 2, UINT64_MAX, 0, "a  50 %  8796093022208.0 of 17592186044416.0 MiB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
			progress_words(arena, "a", cases[i].done, cases[i].total, cases[i].elapsed),
			cases[i].words);
}

static void test_progress_words__shows_names_without_their_control_characters(void **state)
{
	(void)state;
	assert_null(strchr(progress_words(arena, "a\033[2J", 1, 2, 0), '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress_words__tells_percent_bytes_and_time),
		cmocka_unit_test(test_progress_words__shows_names_without_their_control_characters),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
