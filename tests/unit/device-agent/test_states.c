/* SPDX-License-Identifier: Apache-2.0 */
/* What may follow what in an attempt? Every step with every turn, so that a hole is a failing test. */

#include "device-agent/states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NO = STEPS };

/* clang-format off */
/* begin, verified, leave, armed, not-armed, healthy, unhealthy, reported, dropped, closed */
static const int expected[STEPS][TURNS] = {
	[STEP_NONE] =        {STEP_DOWNLOADING, NO, NO, NO, NO, NO, NO, STEP_CLOSING, NO, NO},
	[STEP_DOWNLOADING] = {STEP_DOWNLOADING, STEP_DOWNLOADED, NO, NO, NO, NO, NO, STEP_CLOSING, STEP_NONE, NO},
	[STEP_DOWNLOADED] =  {NO, NO, STEP_ARMING, NO, NO, NO, NO, STEP_CLOSING, STEP_NONE, NO},
	[STEP_ARMING] =      {NO, NO, NO, STEP_TESTING, STEP_DOWNLOADED, NO, NO, NO, NO, NO},
	[STEP_TESTING] =     {NO, NO, NO, NO, NO, STEP_CONFIRMING, STEP_GOING_BACK, STEP_CLOSING, NO, NO},
	[STEP_CONFIRMING] =  {NO, NO, NO, NO, NO, NO, NO, STEP_CLOSING, NO, NO},
	[STEP_GOING_BACK] =  {NO, NO, NO, NO, NO, NO, NO, STEP_CLOSING, NO, NO},
	[STEP_CLOSING] =     {NO, NO, NO, NO, NO, NO, NO, NO, NO, STEP_NONE},
};
/* clang-format on */

static void test_states_next__goes_where_the_table_says_and_nowhere_else(void **state)
{
	(void)state;
	for (int from = 0; from < STEPS; from++)
		for (int turn = 0; turn < TURNS; turn++) {
			enum step to = STEPS;
			struct err err = {0};
			bool may = states_next((enum step)from, (enum turn)turn, &to, &err);

			if (may != (expected[from][turn] != NO) || (int)to != expected[from][turn])
				fail_msg("%s, %s", states_word((enum step)from),
					 states_turn_word((enum turn)turn));
			if (!may)
				assert_int_equal(err.code, E_BUG);
		}
}

static void test_states_of__knows_every_word(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS; step++)
		assert_int_equal(states_of(states_word((enum step)step)), step);
	assert_int_equal(states_of(NULL), STEP_NONE);
	assert_int_equal(states_of("nonsense"), STEP_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_next__goes_where_the_table_says_and_nowhere_else),
		cmocka_unit_test(test_states_of__knows_every_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
