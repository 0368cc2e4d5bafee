/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a route, and who may not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/access.h"
#include "service/identity.h"

static const struct actor_grant qa_grants[] = {{"auditor", "*"}, {"qa", "pump-a"}};
static const struct actor qa = {.kind = ACTOR_PERSON,
				.id = "p-qa",
				.auth = "session",
				.grants = qa_grants,
				.grant_count = 2};
static const struct actor nobody_special = {.kind = ACTOR_PERSON, .id = "p-new", .auth = "session"};
static const struct actor device = {.kind = ACTOR_DEVICE, .id = "unit-1", .auth = "token"};

static void expect_access(const struct actor *actor, int permission, enum err_code code)
{
	struct err err = {0};
	bool good = access_check(actor, permission, &err);

	assert_int_equal(good, code == E_NONE);
	assert_int_equal(err.code, code);
}

static void test_access_check__public_is_for_everybody(void **state)
{
	(void)state;
	expect_access(NULL, PERM_PUBLIC, E_NONE);
	expect_access(&qa, PERM_PUBLIC, E_NONE);
	expect_access(&device, PERM_PUBLIC, E_NONE);
}

static void test_access_check__nobody_is_told_to_log_in(void **state)
{
	(void)state;
	expect_access(NULL, PERM_PERSON, E_UNIDENTIFIED);
	expect_access(NULL, PERM_DEVICE_SELF, E_UNIDENTIFIED);
	expect_access(NULL, PERM_QA, E_UNIDENTIFIED);
}

static void test_access_check__takes_one_of_the_roles(void **state)
{
	(void)state;
	expect_access(&qa, PERM_PERSON, E_NONE);
	expect_access(&qa, PERM_QA, E_NONE);
	expect_access(&qa, PERM_QA | PERM_RELEASE_MANAGER, E_NONE);
	expect_access(&qa, PERM_RELEASE_MANAGER, E_DENIED);
	expect_access(&qa, PERM_ADMIN, E_DENIED);
	expect_access(&nobody_special, PERM_PERSON, E_NONE);
	expect_access(&nobody_special, PERM_QA, E_DENIED);
}

static void test_access_check__keeps_people_and_devices_apart(void **state)
{
	(void)state;
	expect_access(&device, PERM_DEVICE_SELF, E_NONE);
	expect_access(&device, PERM_PERSON, E_DENIED);
	expect_access(&device, PERM_QA, E_DENIED);
	expect_access(&qa, PERM_DEVICE_SELF, E_DENIED);
}

/* A row without a permission never starts; if it did, it would be for nobody. */
static void test_access_check__nothing_is_for_nobody(void **state)
{
	(void)state;
	expect_access(&nobody_special, 0, E_DENIED);
	expect_access(&qa, 0, E_DENIED);
	expect_access(&device, 0, E_DENIED);
}

static void test_access_words__are_those_of_the_document(void **state)
{
	(void)state;
	char words[64];

	access_words(PERM_DEVICE_SELF, words, sizeof(words));
	assert_string_equal(words, "device");
	access_words(PERM_QA | PERM_RELEASE_MANAGER, words, sizeof(words));
	assert_string_equal(words, "qa, release_manager");
	access_words(0, words, sizeof(words));
	assert_string_equal(words, "nobody");
}

static void test_identity_grants__reads_pairs_and_ends_at_nonsense(void **state)
{
	(void)state;
	struct arena *arena = arena_new(64 * 1024);
	size_t count;
	const struct actor_grant *grants = identity_grants(arena, "qa@pump-a tester@*", &count);

	assert_int_equal(count, 2);
	assert_string_equal(grants[0].role, "qa");
	assert_string_equal(grants[0].product, "pump-a");
	assert_string_equal(grants[1].product, "*");
	identity_grants(arena, "", &count);
	assert_int_equal(count, 0);
	identity_grants(arena, "qa@* nonsense admin@*", &count);
	assert_int_equal(count, 1);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_access_check__public_is_for_everybody),
		cmocka_unit_test(test_access_check__nobody_is_told_to_log_in),
		cmocka_unit_test(test_access_check__takes_one_of_the_roles),
		cmocka_unit_test(test_access_check__keeps_people_and_devices_apart),
		cmocka_unit_test(test_access_check__nothing_is_for_nobody),
		cmocka_unit_test(test_access_words__are_those_of_the_document),
		cmocka_unit_test(test_identity_grants__reads_pairs_and_ends_at_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
