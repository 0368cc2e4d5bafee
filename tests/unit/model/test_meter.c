/* SPDX-License-Identifier: Apache-2.0 */
/* Is everybody counted for themselves, and told how many were passed over? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/model/meter.h"

#include <stdio.h>

static void test_meter_take__lets_so_many_through_in_a_minute_and_counts_the_rest(void **state)
{
	struct meter *meter = meter_new(CLOCK_SECOND / 5);
	int64_t omitted = -1;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(meter_take(meter, METER_REFUSED, "unit-1", 3, &omitted));
		assert_int_equal(omitted, 0);
	}
	for (int i = 0; i < 5; i++)
		assert_false(meter_take(meter, METER_REFUSED, "unit-1", 3, &omitted));
	clock_sleep(CLOCK_SECOND / 4);
	assert_true(meter_take(meter, METER_REFUSED, "unit-1", 3, &omitted));
	assert_int_equal(omitted, 5);
	assert_true(meter_take(meter, METER_REFUSED, "unit-1", 3, &omitted));
	assert_int_equal(omitted, 0);
	meter_free(meter);
}

static void test_meter_take__counts_each_and_each_kind_for_itself(void **state)
{
	struct meter *meter = meter_new(60 * CLOCK_SECOND);
	char name[32];

	(void)state;
	for (int i = 0; i < METER_PLACES / 4; i++) {
		snprintf(name, sizeof(name), "unit-%d", i);
		assert_true(meter_take(meter, METER_ASKED, name, 1, NULL));
	}
	assert_false(meter_take(meter, METER_ASKED, name, 1, NULL));
	assert_true(meter_take(meter, METER_REPORTED, name, 1, NULL));
	meter_free(meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_meter_take__lets_so_many_through_in_a_minute_and_counts_the_rest),
		cmocka_unit_test(test_meter_take__counts_each_and_each_kind_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
