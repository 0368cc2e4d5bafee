/* SPDX-License-Identifier: Apache-2.0 */
/* Is a ruleset refused whenever some part of it would have no effect, or another one than it says? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/policy/given_policy.h"

#include <stdio.h>

enum { ARENA_MAX = 64 * 1024 * 1024 };

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_MAX);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

struct refusal_case {
	const char *sentence;
	const char *from, *into; /* in the text of given_ruleset */
	enum err_code code;
	const char *text;
};

#define QA_WITH "\"role\":\"qa\",\"strength\":\"personal-key\",\"independent\":true,\"count\":1"

/* clang-format off */
static const struct refusal_case refusals[] = {
	{"of another type", "countersign.ruleset.v1", "countersign.facts.v1", E_DOC_TYPE, ""},
	{"with a foreign member", "\"version\":1", "\"version\":1,\"author\":\"x\"", E_DOC_FIELD, "author"},
	{"without version", "\"version\":1,", "", E_DOC_FIELD, "version"},
	{"of version 0", "\"version\":1", "\"version\":0", E_DOC_FIELD, "version"},
	{"of unknown status", "\"EXAMPLE\"", "\"certified\"", E_DOC_FIELD, "status"},
	{"without title", "\"title\":\"EXAMPLE\"", "\"title\":\"\"", E_DOC_FIELD, "title"},
	{"called core", "\"name\":\"baseline\"", "\"name\":\"core\"", E_RULESET, "not core"},
	{"whose name holds a stop", "\"name\":\"baseline\"", "\"name\":\"base.line\"", E_RULESET, "name of a ruleset"},
	{"whose name is none", "\"name\":\"baseline\"", "\"name\":\"base line\"", E_RULESET, "name of a ruleset"},
	{"with the id of another ruleset", "baseline.qa-approval", "fda.qa-approval", E_RULESET, "requirement 3: id must be"},
	{"with an id of a longer name", "baseline.qa-approval", "baseline-qa-approval", E_RULESET, "requirement 3: id must be"},
	{"with an id that ends in its stop", "baseline.qa-approval", "baseline.", E_RULESET, "requirement 3: id must be"},
	{"with one id twice", "baseline.qa-approval", "baseline.test-record", E_RULESET, "requirement 3: another one has this id"},
	{"with an unknown gate", "\"gate\":\"campaign\"", "\"gate\":\"device\"", E_DOC_FIELD, "requirement 4"},
	{"with a foreign member in a requirement", "\"demand\":\"d\"", "\"demand\":\"d\",\"severity\":\"low\"", E_DOC_FIELD, "severity"},
	{"with a requirement without remedy", ",\"remedy\":\"Sign again.\"", "", E_DOC_FIELD, "remedy"},
	{"with a cite that is no text", "[\"21 CFR 11.50\"]", "[11]", E_RULESET, "cites, item 1"},
	{"with an empty cite", "[\"21 CFR 11.50\"]", "[\"\"]", E_RULESET, "cites, item 1"},
	{"with a rule that does not exist", "\"author-signature\",\"remedy\"", "\"trust-me\",\"remedy\"", E_RULESET, "no rule of this name"},
	{"with parameters that the rule has not", "\"author-signature\",\"remedy\"", "\"author-signature\",\"with\":{\"count\":1},\"remedy\"", E_DOC_FIELD, "rule author-signature"},
	{"with an unknown parameter", "\"not_author\":true", "\"not_author\":true,\"since\":1", E_DOC_FIELD, "since"},
	{"with a parameter missing", "\"subjects\":\"every-artifact\",", "", E_DOC_FIELD, "subjects"},
	{"without the parameters at all", "\"with\":{\"meaning\":\"approved\"," QA_WITH "},", "", E_DOC_FIELD, "rule signature"},
	{"with an unknown value of a parameter", "\"every-artifact\"", "\"some-artifact\"", E_DOC_FIELD, "subjects"},
	{"with an unknown kind of record", "\"kind\":\"test\"", "\"kind\":\"risk\"", E_DOC_FIELD, "kind"},
	{"with a role that does not test", "\"role\":\"tester\"", "\"role\":\"qa\"", E_RULESET, "role qa does not sign records"},
	{"with a role that does not approve", "\"role\":\"qa\"", "\"role\":\"tester\"", E_RULESET, "role tester does not give the meaning approved"},
	{"with a role that does not exist", "\"role\":\"qa\"", "\"role\":\"queen\"", E_RULESET, "role queen does not give"},
	{"with a strength that does not exist", "\"personal-key\"", "\"passkey\"", E_DOC_FIELD, "strength"},
	{"with a count of none", QA_WITH, "\"role\":\"qa\",\"independent\":true,\"count\":0", E_DOC_FIELD, "count"},
	{"with a count of six", QA_WITH, "\"role\":\"qa\",\"independent\":true,\"count\":6", E_DOC_FIELD, "count"},
	{"with independence left open", QA_WITH, "\"role\":\"qa\",\"count\":1", E_DOC_FIELD, "independent"},
	{"with an approval asked of a campaign", "\"meaning\":\"released\"", "\"meaning\":\"approved\"", E_RULESET, "meaning approved is not given to a campaign"},
	{"with a release signature asked of a release", "\"meaning\":\"approved\"", "\"meaning\":\"released\"", E_RULESET, "meaning released is not given to a release"},
	{"with a resumption asked of a gate", "\"meaning\":\"released\"", "\"meaning\":\"resumed\"", E_RULESET, "meaning resumed is not given to a campaign"},
	{"with a condition that is none", "\"rule\":\"author-signature\"", "\"applies\":{},\"rule\":\"author-signature\"", E_RULESET, "requirement 1: applies"},
	{"with an unknown placeholder", "Sign again.", "Sign {person}.", E_RULESET, "no other brace"},
	{"with a brace that opens only", "Sign again.", "Sign {again.", E_RULESET, "no other brace"},
	{"with a brace that closes only", "Sign again.", "Sign {release}} again.", E_RULESET, "no other brace"},
	{"with the campaign in a release's remedy", "Sign again.", "Sign {campaign}.", E_RULESET, "no {campaign}"},
	{"that is no JSON", "\"version\":1", "\"version\":", E_DOC_SYNTAX, ""},
};
/* clang-format on */

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static void run_refusal(void **state)
{
	const struct refusal_case *at = *state;
	struct bytes out = {0};
	struct err err = {0};

	arena = arena_new(ARENA_MAX);
	struct bytes json = given_replaced(arena, bytes_of_text(given_ruleset), at->from, at->into);
	if (ruleset_canonical(arena, json, &out, &err))
		fail_msg("was read");
	if (err.code != at->code || !strstr(err.text, at->text))
		fail_msg("%s: %s", err_code_text(err.code), err.text);
	assert_null(out.data);
	arena_free(arena);
}

static void test_ruleset_canonical__makes_one_text_of_any_layout(void **state)
{
	const struct doc *doc;
	struct bytes first, second;
	struct err err = {0};

	(void)state;
	assert_true(ruleset_canonical(arena, bytes_of_text(given_ruleset), &first, &err));
	assert_true(doc_parse(arena, first, &doc, &err));
	assert_true(ruleset_canonical(arena, bytes_of_text(doc_pretty(arena, doc)), &second, &err));
	assert_true(bytes_equal(first, second));
}

static void test_ruleset_read__takes_canonical_bytes_only(void **state)
{
	struct ruleset ruleset = {0};
	struct bytes bytes;
	struct err err = {0};

	(void)state;
	assert_false(ruleset_read(arena, bytes_of_text(given_ruleset), &ruleset, &err));
	assert_int_equal(err.code, E_DOC_NOT_CANONICAL);
	assert_null(ruleset.name);
	err_clear(&err);
	assert_true(ruleset_canonical(arena, bytes_of_text(given_ruleset), &bytes, &err));
	assert_true(ruleset_read(arena, bytes, &ruleset, &err));
	assert_string_equal(ruleset.name, "baseline");
	assert_true(ruleset.version == 1);
	assert_string_equal(ruleset.status, "EXAMPLE");
	assert_string_equal(ruleset.sha256.text, digest_sha256_hex(bytes).text);
	assert_int_equal(ruleset.requirement_count, 4);
	assert_string_equal(ruleset.requirements[2].cites[0], "21 CFR 11.50");
	assert_string_equal(rule_name(ruleset.requirements[2].rule), "signature");
	assert_true(ruleset.requirements[2].with.independent);
	assert_string_equal(ruleset.requirements[2].with.strength, "personal-key");
	assert_null(ruleset.requirements[3].with.strength);
}

static void test_ruleset_read__refuses_more_than_its_limit(void **state)
{
	char *large = arena_alloc(arena, RULESET_BYTES_MAX + 1);
	struct bytes bytes = bytes_of(large, RULESET_BYTES_MAX + 1);
	struct ruleset ruleset;
	struct bytes out;
	struct err err = {0};

	(void)state;
	memset(large, ' ', RULESET_BYTES_MAX + 1);
	assert_false(ruleset_read(arena, bytes, &ruleset, &err));
	assert_int_equal(err.code, E_RULESET);
	err_clear(&err);
	assert_false(ruleset_canonical(arena, bytes, &out, &err));
	assert_int_equal(err.code, E_RULESET);
}

static void test_ruleset_remedy__puts_ids_in_place_of_words(void **state)
{
	struct given *given = given_campaign(arena);

	(void)state;
	assert_string_equal(
		ruleset_remedy(arena, "{product}: {release}, {campaign}!", &given->facts),
		"example-pump: " RELEASE_ID ", " CAMPAIGN_ID "!");
	assert_string_equal(ruleset_remedy(arena, "{release}{release}", &given->facts),
			    RELEASE_ID RELEASE_ID);
	assert_string_equal(ruleset_remedy(arena, "as it is", &given->facts), "as it is");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		TEST(test_ruleset_canonical__makes_one_text_of_any_layout),
		TEST(test_ruleset_read__takes_canonical_bytes_only),
		TEST(test_ruleset_read__refuses_more_than_its_limit),
		TEST(test_ruleset_remedy__puts_ids_in_place_of_words),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	static struct CMUnitTest tests[FIXED + REFUSALS];
	static char names[REFUSALS][100];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < REFUSALS; i++) {
		snprintf(names[i], sizeof(names[i]), "a ruleset %s is refused",
			 refusals[i].sentence);
		tests[FIXED + i] =
			(struct CMUnitTest){.name = names[i],
					    .test_func = run_refusal,
					    .initial_state = (void *)(uintptr_t)&refusals[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
