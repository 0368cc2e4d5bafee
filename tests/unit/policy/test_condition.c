/* SPDX-License-Identifier: Apache-2.0 */
/* Does a condition hold exactly when its words say so, and is it refused when it could never be asked? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/condition.h"
#include "tests/unit/policy/given_policy.h"

enum { ARENA_MAX = 16 * 1024 * 1024 };

#define PUMP "{\"fact\":\"product.id\",\"equals\":\"example-pump\"}"
#define VALVE "{\"fact\":\"product.id\",\"equals\":\"example-valve\"}"
#define SEVEN "{\"fact\":\"release.sequence\",\"equals\":7}"

/* The facts of given_campaign: example-pump 1.2.3, sequence 7, five targets. */
static const struct {
	const char *condition;
	bool holds;
} holding[] = {
	{PUMP, true},
	{VALVE, false},
	{SEVEN, true},
	{"{\"fact\":\"release.sequence\",\"equals\":8}", false},
	{"{\"fact\":\"release.version\",\"equals\":\"1.2.3\"}", true},
	{"{\"fact\":\"author.person\",\"equals\":\"example-author\"}", true},
	{"{\"fact\":\"author.person\",\"equals\":\"\"}", false},
	{"{\"fact\":\"campaign.targets\",\"equals\":5}", true},
	{"{\"fact\":\"campaign.targets\",\"equals\":4}", false},
	{"{\"not\":" PUMP "}", false},
	{"{\"not\":" VALVE "}", true},
	{"{\"not\":{\"not\":" PUMP "}}", true},
	{"{\"all\":[" PUMP "," SEVEN "]}", true},
	{"{\"all\":[" PUMP "," VALVE "]}", false},
	{"{\"all\":[" VALVE "]}", false},
	{"{\"any\":[" VALVE "," SEVEN "]}", true},
	{"{\"any\":[" VALVE "," VALVE "]}", false},
	{"{\"any\":[" PUMP "]}", true},
	{"{\"any\":[{\"all\":[" PUMP "," VALVE "]},{\"not\":" VALVE "}]}", true},
};

static const struct {
	const char *condition, *gate, *text;
} refused[] = {
	{"{}", "campaign", "a comparison is {fact, equals}"},
	{"{\"fact\":\"product.id\"}", "campaign", "a comparison is {fact, equals}"},
	{"{\"equals\":\"x\"}", "campaign", "a comparison is {fact, equals}"},
	{"{\"fact\":7,\"equals\":7}", "campaign", "a comparison is {fact, equals}"},
	{"{\"fact\":\"weather\",\"equals\":\"fine\"}", "campaign", "policy/condition.h names"},
	{"{\"fact\":\"product.id\",\"equals\":\"x\",\"or\":1}", "campaign", "{fact, equals}"},
	{"{\"fact\":\"product.id\",\"equals\":7}", "campaign",
	 "product.id is compared with a text"},
	{"{\"fact\":\"product.id\",\"equals\":null}", "campaign", "is compared with a text"},
	{"{\"fact\":\"release.sequence\",\"equals\":\"7\"}", "campaign", "with a whole number"},
	{"{\"fact\":\"campaign.targets\",\"equals\":5}", "release", "the campaign gate only"},
	{"{\"all\":[]}", "campaign", "1 to 32 conditions"},
	{"{\"any\":[]}", "campaign", "1 to 32 conditions"},
	{"{\"all\":" PUMP "}", "campaign", "1 to 32 conditions"},
	{"{\"all\":[" PUMP "],\"any\":[" PUMP "]}", "campaign", "a condition is one of"},
	{"{\"not\":" PUMP ",\"fact\":\"product.id\"}", "campaign", "a condition is one of"},
	{"{\"not\":[" PUMP "]}", "campaign", "a comparison is {fact, equals}"},
	{"{\"all\":[7]}", "campaign", "a comparison is {fact, equals}"},
	{"{\"all\":[" PUMP ",{\"any\":[]}]}", "campaign", "1 to 32 conditions"},
};

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

static bool read_condition(struct arena *arena, const char *json, const char *gate,
			   const struct condition **out, struct err *err)
{
	const struct doc *doc;

	if (!doc_parse(arena, bytes_of_text(json), &doc, err))
		fail_msg("%s: %s", json, err->text);
	return condition_read(arena, doc, gate, out, err);
}

static void test_condition_holds__as_its_words_say(void **state)
{
	struct given *given = given_campaign(*state);

	for (size_t i = 0; i < sizeof(holding) / sizeof(holding[0]); i++) {
		const struct condition *condition;
		struct err err = {0};
		if (!read_condition(*state, holding[i].condition, "campaign", &condition, &err))
			fail_msg("%s: %s", holding[i].condition, err.text);
		if (condition_holds(condition, &given->facts) != holding[i].holds)
			fail_msg("%s", holding[i].condition);
	}
}

static void test_condition_holds__none_always_does(void **state)
{
	assert_true(condition_holds(NULL, &given_campaign(*state)->facts));
}

static void test_condition_holds__nobody_is_equal_to_no_text(void **state)
{
	struct given *given = given_campaign(*state);
	const struct condition *condition;
	struct err err = {0};

	given->facts.author.person = NULL;
	assert_true(read_condition(*state, "{\"fact\":\"author.person\",\"equals\":\"\"}",
				   "release", &condition, &err));
	assert_false(condition_holds(condition, &given->facts));
}

static void test_condition_read__refuses_what_could_never_be_asked(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct condition *condition;
		struct err err = {0};
		if (read_condition(*state, refused[i].condition, refused[i].gate, &condition, &err))
			fail_msg("%s was read", refused[i].condition);
		if (err.code != E_RULESET || !strstr(err.text, refused[i].text))
			fail_msg("%s: %s", refused[i].condition, err.text);
	}
}

static void test_condition_read__refuses_a_text_that_is_too_long(void **state)
{
	char text[300];
	const struct condition *condition;
	struct err err = {0};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(read_condition(
		*state, arena_printf(*state, "{\"fact\":\"product.id\",\"equals\":\"%s\"}", text),
		"release", &condition, &err));
	assert_int_equal(err.code, E_RULESET);
}

static const char *nested(struct arena *arena, int depth)
{
	const char *json = PUMP;
	for (int i = 1; i < depth; i++)
		json = arena_printf(arena, "{\"not\":%s}", json);
	return json;
}

static void test_condition_read__nests_eight_deep(void **state)
{
	const struct condition *condition;
	struct err err = {0};

	assert_true(read_condition(*state, nested(*state, 8), "release", &condition, &err));
	assert_false(read_condition(*state, nested(*state, 9), "release", &condition, &err));
	assert_int_equal(err.code, E_RULESET);
	assert_non_null(strstr(err.text, "at most 8 deep"));
}

static const char *many(struct arena *arena, int count)
{
	const char *json = PUMP;
	for (int i = 1; i < count; i++)
		json = arena_printf(arena, "%s," PUMP, json);
	return arena_printf(arena, "{\"all\":[%s]}", json);
}

static void test_condition_read__takes_thirty_two_parts(void **state)
{
	const struct condition *condition;
	struct err err = {0};

	assert_true(read_condition(*state, many(*state, 32), "release", &condition, &err));
	assert_false(read_condition(*state, many(*state, 33), "release", &condition, &err));
	assert_int_equal(err.code, E_RULESET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_condition_holds__as_its_words_say),
		TEST(test_condition_holds__none_always_does),
		TEST(test_condition_holds__nobody_is_equal_to_no_text),
		TEST(test_condition_read__refuses_what_could_never_be_asked),
		TEST(test_condition_read__refuses_a_text_that_is_too_long),
		TEST(test_condition_read__nests_eight_deep),
		TEST(test_condition_read__takes_thirty_two_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
