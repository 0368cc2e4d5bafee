/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a power cut at any instant leave a bank that boots and a true report? Every storage operation
 * of a good and of a bad installation, cut in each of three ways.
 */

#include "tests/support/cuts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void try_all(bool good, const char *how)
{
	struct cuts_result result;

	cuts_try(good, how, 1, 1, &result);
	assert_int_equal(result.cuts, result.operations);
	print_message("# %d cuts\n", result.cuts);
}

static void test_cuts__before_each_operation_of_a_good_installation(void **state)
{
	(void)state;
	try_all(true, "before");
}

static void test_cuts__within_each_write_of_a_good_installation(void **state)
{
	(void)state;
	try_all(true, "half");
}

static void test_cuts__with_all_unsynced_lost_in_a_good_installation(void **state)
{
	(void)state;
	try_all(true, "lost");
}

static void test_cuts__before_each_operation_of_a_bad_installation(void **state)
{
	(void)state;
	try_all(false, "before");
}

static void test_cuts__with_all_unsynced_lost_in_a_bad_installation(void **state)
{
	(void)state;
	try_all(false, "lost");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts__before_each_operation_of_a_good_installation),
		cmocka_unit_test(test_cuts__within_each_write_of_a_good_installation),
		cmocka_unit_test(test_cuts__with_all_unsynced_lost_in_a_good_installation),
		cmocka_unit_test(test_cuts__before_each_operation_of_a_bad_installation),
		cmocka_unit_test(test_cuts__with_all_unsynced_lost_in_a_bad_installation),
	};

	return cmocka_run_group_tests(tests, cuts_set_up, cuts_tear_down);
}
