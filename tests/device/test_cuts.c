/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a power cut at any instant leave a bank that boots and a true report? A sample of the instants;
 * tests/long/test_all_cuts.c takes every one.
 */

#include "tests/support/cuts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { STRIDE = 9 };

static void test_cuts__leave_a_good_installation_whole(void **state)
{
	struct cuts_result result;

	(void)state;
	cuts_try(true, "before", 1, STRIDE, &result);
	cuts_try(true, "half", 4, STRIDE, &result);
	cuts_try(true, "lost", 7, STRIDE, &result);
	print_message("# %lld operations\n", result.operations);
}

static void test_cuts__leave_the_way_back_open(void **state)
{
	struct cuts_result result;

	(void)state;
	cuts_try(false, "lost", 2, STRIDE, &result);
	print_message("# %lld operations\n", result.operations);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts__leave_a_good_installation_whole),
		cmocka_unit_test(test_cuts__leave_the_way_back_open),
	};

	return cmocka_run_group_tests(tests, cuts_set_up, cuts_tear_down);
}
