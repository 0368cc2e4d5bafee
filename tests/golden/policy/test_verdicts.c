/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the golden facts still give the golden verdicts, byte for byte, and is the shipped baseline
 * ruleset the one they were decided by?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/file.h"
#include "policy/decide.h"

enum { ARENA_MAX = 64 * 1024 * 1024, FILE_MAX = 1024 * 1024 };

struct golden_case {
	const char *name;
	bool open;
};

static const struct golden_case cases[] = {
	{"release-open", true},
	{"release-closed", false},
	{"campaign-open", true},
	{"campaign-held", false},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static int begin(void **state)
{
	*state = arena_new(ARENA_MAX);
	return 0;
}

static int end(void **state)
{
	arena_free(*state);
	return 0;
}

static struct bytes file_of(struct arena *arena, const char *path)
{
	struct bytes bytes = {0};
	struct err err = {0};

	if (!file_read(arena, path, FILE_MAX, &bytes, &err))
		fail_msg("%s", err.text);
	return bytes;
}

static struct bytes golden(struct arena *arena, const char *name, const char *kind)
{
	return file_of(arena, arena_printf(arena, "tests/golden/policy/%s.%s.json", name, kind));
}

static struct policy_verdict decided(struct arena *arena, struct bytes facts)
{
	struct bytes ruleset = file_of(arena, "tests/golden/policy/ruleset.json");
	struct policy_verdict verdict = {0};
	struct err err = {0};

	if (!policy_decide(arena, facts, &ruleset, 1, &verdict, &err))
		fail_msg("%s", err.text);
	return verdict;
}

static void run_case(void **state)
{
	const struct golden_case *at = *state;
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes facts = golden(arena, at->name, "facts");
	struct policy_verdict verdict = decided(arena, facts);
	struct facts read;
	struct bytes written;
	struct err err = {0};

	assert_int_equal(verdict.open, at->open);
	if (!bytes_equal(verdict.document, golden(arena, at->name, "verdict")))
		fail_msg("the verdict is %s", arena_text_of(arena, verdict.document));
	assert_true(facts_read(arena, facts, &read, &err));
	assert_true(facts_write(arena, &read, &written, &err));
	assert_true(bytes_equal(facts, written));
	arena_free(arena);
}

static void test_policy_decide__other_facts_give_other_bytes(void **state)
{
	struct facts facts;
	struct bytes bytes;
	struct err err = {0};

	assert_true(facts_read(*state, golden(*state, "release-open", "facts"), &facts, &err));
	facts.as_of++;
	assert_true(facts_write(*state, &facts, &bytes, &err));
	assert_false(bytes_equal(decided(*state, bytes).document,
				 golden(*state, "release-open", "verdict")));
}

static void test_ruleset_canonical__shipped_baseline_is_the_golden_one(void **state)
{
	struct bytes shipped = file_of(*state, "policy/rulesets/baseline.json");
	struct bytes canonical = {0};
	struct err err = {0};

	if (!ruleset_canonical(*state, shipped, &canonical, &err))
		fail_msg("%s", err.text);
	assert_false(bytes_equal(shipped, canonical));
	assert_true(bytes_equal(canonical, file_of(*state, "tests/golden/policy/ruleset.json")));
}

/* The slice promises these four, and that one non-author signs with a personal key. */
static void test_ruleset_read__baseline_asks_for_what_it_promises(void **state)
{
	static const char *const ids[] = {"baseline.author-signature", "baseline.test-record",
					  "baseline.qa-approval", "baseline.release-manager"};
	struct ruleset ruleset;
	struct err err = {0};

	assert_true(ruleset_read(*state, file_of(*state, "tests/golden/policy/ruleset.json"),
				 &ruleset, &err));
	assert_string_equal(ruleset.status, "EXAMPLE");
	assert_int_equal(ruleset.requirement_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(ruleset.requirements[i].id, ids[i]);
		assert_null(ruleset.requirements[i].applies);
		assert_true(ruleset.requirements[i].cite_count > 0);
	}
	assert_true(ruleset.requirements[1].with.not_author);
	assert_true(ruleset.requirements[2].with.independent);
	assert_string_equal(ruleset.requirements[2].with.strength, "personal-key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		TEST(test_policy_decide__other_facts_give_other_bytes),
		TEST(test_ruleset_canonical__shipped_baseline_is_the_golden_one),
		TEST(test_ruleset_read__baseline_asks_for_what_it_promises),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	static struct CMUnitTest tests[CASES + FIXED];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < CASES; i++)
		tests[FIXED + i] =
			(struct CMUnitTest){.name = cases[i].name,
					    .test_func = run_case,
					    .initial_state = (void *)(uintptr_t)&cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
