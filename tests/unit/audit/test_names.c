/* SPDX-License-Identifier: Apache-2.0 */
/* Does the table give back what was put in, however much that is? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/names.h"

#include <string.h>

enum { MANY = 5000 };

static void test_names__give_back_what_was_put_in(void **state)
{
	struct arena *arena = arena_new(16 * 1024 * 1024);
	struct names *names = names_new(arena);
	int values[MANY];

	(void)state;
	assert_null(names_find(names, "none"));
	for (int i = 0; i < MANY; i++)
		names_put(names, arena_printf(arena, "name %d", i), &values[i]);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(names_find(names, arena_printf(arena, "name %d", i)), &values[i]);
	assert_null(names_find(names, "name 5000"));
	assert_null(names_find(names, ""));
	assert_int_equal(names_count(names), MANY);
	arena_free(arena);
}

static void test_names_put__again_changes_the_value_only(void **state)
{
	struct arena *arena = arena_new(16 * 1024 * 1024);
	struct names *names = names_new(arena);
	int values[3];
	void *value;

	(void)state;
	names_put(names, "a", &values[0]);
	names_put(names, "b", &values[1]);
	names_put(names, "a", &values[2]);
	assert_int_equal(names_count(names), 2);
	assert_string_equal(names_at(names, 0, &value), "a");
	assert_ptr_equal(value, &values[2]);
	assert_string_equal(names_at(names, 1, NULL), "b");
	arena_free(arena);
}

static void test_names_put__keeps_its_own_copy(void **state)
{
	struct arena *arena = arena_new(16 * 1024 * 1024);
	struct names *names = names_new(arena);
	char name[] = "first";
	int value;

	(void)state;
	names_put(names, name, &value);
	name[0] = 'F';
	assert_ptr_equal(names_find(names, "first"), &value);
	assert_null(names_find(names, "First"));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names__give_back_what_was_put_in),
		cmocka_unit_test(test_names_put__again_changes_the_value_only),
		cmocka_unit_test(test_names_put__keeps_its_own_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
