/* SPDX-License-Identifier: Apache-2.0 */
/* Are password checks bounded, and does nobody wait who could run? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "service/keeper/keeper.h"
#include "service/keeper/limits.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CALLERS = 64 };

static struct keeper_limits *limits;
static atomic_int running, most, done, busy;
static atomic_bool let_go;

static void *caller_run(void *context)
{
	struct err err = {0};

	(void)context;
	if (!limits_password_begin(limits, &err)) {
		assert_int_equal(err.code, E_BUSY);
		atomic_fetch_add(&busy, 1);
		return NULL;
	}
	int now = atomic_fetch_add(&running, 1) + 1;
	int seen = atomic_load(&most);
	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		continue;
	while (!atomic_load(&let_go))
		clock_sleep(CLOCK_SECOND / 1000);
	atomic_fetch_sub(&running, 1);
	atomic_fetch_add(&done, 1);
	limits_password_end(limits);
	return NULL;
}

static void test_limits_password_begin__lets_few_run_some_wait_and_refuses_the_rest(void **state)
{
	(void)state;
	pthread_t callers[CALLERS];

	limits = limits_new();
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, caller_run, NULL), 0);
	/* Two run and hold on, a queue waits, all others hear at once that it is full. */
	for (int i = 0; i < 1000 && atomic_load(&busy) == 0; i++)
		clock_sleep(CLOCK_SECOND / 200);
	clock_sleep(CLOCK_SECOND / 5);
	assert_int_equal(atomic_load(&running), KEEPER_PASSWORDS_AT_ONCE);
	int refused = atomic_load(&busy);
	assert_in_range(refused, 1, CALLERS - KEEPER_PASSWORDS_AT_ONCE - 1);
	atomic_store(&let_go, true);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	assert_int_equal(atomic_load(&most), KEEPER_PASSWORDS_AT_ONCE);
	assert_int_equal(atomic_load(&done) + refused, CALLERS);
	limits_free(limits);
}

static void test_limits_password_end__makes_room(void **state)
{
	(void)state;
	struct err err = {0};

	limits = limits_new();
	for (int i = 0; i < 1000; i++) {
		assert_true(limits_password_begin(limits, &err));
		limits_password_end(limits);
	}
	limits_free(limits);
	limits_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_limits_password_begin__lets_few_run_some_wait_and_refuses_the_rest),
		cmocka_unit_test(test_limits_password_end__makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
