/* SPDX-License-Identifier: Apache-2.0 */
/* How long does a verdict hold, and does its document say what was decided, always in the same bytes? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/policy/given_policy.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

#define TEST_RECORD "baseline.test-record"
#define APPROVAL "baseline.qa-approval"

static void nothing(struct given *given)
{
	(void)given;
}

static void ruleset_not_adopted(struct given *given)
{
	given->ruleset_names[1] = "fda";
	given->facts.product.ruleset_count = 2;
}

static void a_ruleset_nobody_named(struct given *given)
{
	static const char other[] =
		"{\"type\":\"countersign.ruleset.v1\",\"name\":\"other\",\"version\":1,"
		"\"status\":\"EXAMPLE\",\"title\":\"t\",\"requirements\":[{\"id\":\"other.two\","
		"\"gate\":\"release\",\"cites\":[],\"demand\":\"d\",\"rule\":\"signature\",\"with\":{"
		"\"meaning\":\"approved\",\"role\":\"clinical\",\"independent\":true,\"count\":5},"
		"\"remedy\":\"r\"}]}";
	given->rulesets[given->ruleset_count++] = given_canonical(given, other);
}

static void another_record_failed(struct given *given)
{
	given->records[1] = given->records[0];
	given->records[1].id = SECOND_RECORD_ID;
	given->records[1].body.result = "failed";
	given_record_again(given, 1);
	given->facts.record_count = 2;
}

static void approval_too_weak(struct given *given)
{
	given->signatures[S_APPROVED].strength = "keeper-checked";
}

static void held(struct given *given)
{
	given->campaign.held = true;
}

static void release_gate_closed(struct given *given)
{
	given->release_verdict.open = false;
}

/* ---- valid_until ---- */

struct until_case {
	const char *sentence;
	bool campaign;
	void (*change)(struct given *given);
	clock_us until;
};

static void expiries_out_of_order(struct given *given)
{
	given_expiry(given, "z", NOON + 5 * HOUR);
	given_expiry(given, "a", NOON + 9 * HOUR);
	given_expiry(given, "m", NOON + 3 * HOUR);
	given_expiry(given, "b", NOON + 7 * HOUR);
}

static void expiry_of_a_day(struct given *given)
{
	given_expiry(given, "trust document", NOON + 24 * HOUR + 1);
}

static void expiry_just_before_a_day(struct given *given)
{
	given_expiry(given, "trust document", NOON + 24 * HOUR - 1);
}

static void window_ends_soon(struct given *given)
{
	given->campaign.not_after = NOON + 2 * HOUR;
}

static void release_verdict_ends_soon(struct given *given)
{
	given->release_verdict.valid_until = NOON + HOUR;
}

static const struct until_case until_cases[] = {
	{"a verdict lives at most 24 hours", false, nothing, NOON + 24 * HOUR},
	{"a later expiry does not prolong it", false, expiry_of_a_day, NOON + 24 * HOUR},
	{"an earlier expiry ends it", false, expiry_just_before_a_day, NOON + 24 * HOUR - 1},
	{"the earliest expiry ends it, wherever it stands", false, expiries_out_of_order,
	 NOON + 3 * HOUR},
	{"a campaign's verdict lives at most 24 hours", true, nothing, NOON + 24 * HOUR},
	{"a campaign's verdict ends with its window", true, window_ends_soon, NOON + 2 * HOUR},
	{"a campaign's verdict ends with that of its release", true, release_verdict_ends_soon,
	 NOON + HOUR},
};

enum { UNTIL_CASES = sizeof(until_cases) / sizeof(until_cases[0]) };

static void run_until_case(void **state)
{
	const struct until_case *at = *state;
	struct arena *arena = arena_new(ARENA_MAX);
	struct given *given = at->campaign ? given_campaign(arena) : given_release(arena);

	at->change(given);
	struct policy_verdict verdict = given_verdict(given);
	assert_true(verdict.open);
	assert_true(verdict.valid_until == at->until);
	arena_free(arena);
}

/* ---- the verdict as a document ---- */

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

static void test_policy_decide__same_facts_in_any_order_have_the_same_bytes(void **state)
{
	struct given *given = given_release(*state);
	struct given *other = given_release(*state);

	ruleset_not_adopted(given);
	ruleset_not_adopted(other);
	a_ruleset_nobody_named(given);
	a_ruleset_nobody_named(other);
	another_record_failed(given);
	another_record_failed(other);
	struct bytes ruleset = other->rulesets[0];
	other->rulesets[0] = other->rulesets[1];
	other->rulesets[1] = ruleset;
	other->ruleset_names[0] = "fda";
	other->ruleset_names[1] = "baseline";
	struct facts_record record = other->records[0];
	other->records[0] = other->records[1];
	other->records[1] = record;
	struct facts_signature signature = other->signatures[0];
	other->signatures[0] = other->signatures[1];
	other->signatures[1] = signature;
	other->contributions[4] = other->contributions[0];
	other->facts.contribution_count = 5;
	other->roles[P_QA][1] = "qa";
	other->people[P_QA].role_count = 2;
	struct facts_person person = other->people[0];
	other->people[0] = other->people[5];
	other->people[5] = person;
	struct facts_artifact artifact = other->artifacts[0];
	other->artifacts[0] = other->artifacts[1];
	other->artifacts[1] = artifact;

	struct policy_verdict a = given_verdict(given);
	struct policy_verdict b = given_verdict(other);
	assert_true(bytes_equal(given_bytes(given), given_bytes(other)));
	assert_true(bytes_equal(a.document, b.document));
	assert_string_equal(a.sha256.text, b.sha256.text);
}

static void test_policy_decide__different_facts_have_different_bytes(void **state)
{
	struct given *given = given_release(*state);
	struct policy_verdict a = given_verdict(given);

	given->facts.release.sequence++;
	struct policy_verdict b = given_verdict(given);
	assert_string_not_equal(a.facts_sha256.text, b.facts_sha256.text);
	assert_string_not_equal(a.sha256.text, b.sha256.text);
}

static void test_policy_decide__document_says_what_the_verdict_says(void **state)
{
	struct given *given = given_release(*state);
	const struct doc *doc;
	struct err err = {0};

	approval_too_weak(given);
	struct policy_verdict verdict = given_verdict(given);
	struct bytes facts = given_bytes(given);
	assert_true(
		doc_parse_signed(*state, verdict.document, "countersign.verdict.v1", &doc, &err));
	assert_int_equal(doc_size(doc), 9);
	assert_string_equal(doc_get_text(doc, "gate"), "release");
	assert_string_equal(doc_get_text(doc_get(doc, "subject"), "id"), RELEASE_ID);
	assert_string_equal(doc_get_text(doc, "as_of"), "2026-11-23T12:00:00.000000Z");
	assert_string_equal(doc_get_text(doc, "valid_until"), "2026-11-24T12:00:00.000000Z");
	assert_string_equal(doc_get_text(doc, "facts_sha256"), digest_sha256_hex(facts).text);
	assert_false(doc_bool(doc_get(doc, "open"), true));
	const struct doc *rulesets = doc_get(doc, "rulesets");
	assert_int_equal(doc_size(rulesets), 1);
	assert_string_equal(doc_get_text(doc_at(rulesets, 0), "sha256"),
			    digest_sha256_hex(given->rulesets[0]).text);
	assert_int_equal(doc_int(doc_get(doc_at(rulesets, 0), "version"), 0), 1);
	const struct doc *list = doc_get(doc, "requirements");
	assert_int_equal(doc_size(list), 6);
	assert_string_equal(doc_get_text(doc_at(list, 0), "id"), "core.not-withdrawn");
	assert_string_equal(doc_get_text(doc_at(list, 0), "ruleset"), "core");
	const struct doc *last = doc_at(list, 5);
	assert_int_equal(doc_size(last), 7);
	assert_string_equal(doc_get_text(last, "id"), APPROVAL);
	assert_string_equal(doc_get_text(last, "state"), "missing");
	assert_string_equal(doc_get_text(last, "remedy"), "Approve " RELEASE_ID ".");
	assert_string_equal(doc_text(doc_at(doc_get(last, "cites"), 0)), "21 CFR 11.50");
	assert_string_equal(verdict.sha256.text, digest_sha256_hex(verdict.document).text);
}

static void test_policy_decide__evidence_names_what_counted(void **state)
{
	struct policy_verdict verdict = given_verdict(given_release(*state));
	const struct policy_finding *record = given_finding(&verdict, TEST_RECORD);
	const struct policy_finding *approval = given_finding(&verdict, APPROVAL);
	const struct policy_finding *author = given_finding(&verdict, "baseline.author-signature");

	assert_int_equal(record->evidence_count, 2);
	assert_string_equal(record->evidence[0], RECORD_ID);
	assert_string_equal(record->evidence[1], TESTED_ID);
	assert_int_equal(approval->evidence_count, 1);
	assert_string_equal(approval->evidence[0], APPROVED_ID);
	assert_string_equal(approval->why, "approval by example-qa (personal-key) in the role qa");
	assert_string_equal(author->evidence[0], DIGEST("c").text);
}

static void test_policy_decide__not_applicable_neither_opens_nor_closes(void **state)
{
	static const char conditional[] =
		"{\"type\":\"countersign.ruleset.v1\",\"name\":\"baseline\",\"version\":2,"
		"\"status\":\"EXAMPLE\",\"title\":\"t\",\"requirements\":["
		"{\"id\":\"baseline.a\",\"gate\":\"release\",\"cites\":[],\"demand\":\"d\","
		"\"rule\":\"author-signature\",\"remedy\":\"r\"},"
		"{\"id\":\"baseline.b\",\"gate\":\"release\",\"cites\":[],\"demand\":\"d\","
		"\"applies\":{\"not\":{\"fact\":\"product.id\",\"equals\":\"example-pump\"}},"
		"\"rule\":\"signature\",\"with\":{\"meaning\":\"approved\",\"role\":\"clinical\","
		"\"independent\":true,\"count\":5},\"remedy\":\"r\"}]}";
	struct given *given = given_release(*state);

	given->rulesets[0] = given_canonical(given, conditional);
	struct policy_verdict verdict = given_verdict(given);
	assert_true(verdict.open);
	const struct policy_finding *finding = given_finding(&verdict, "baseline.b");
	assert_int_equal(finding->state, POLICY_NOT_APPLICABLE);
	assert_string_equal(policy_state_word(finding->state), "not-applicable");
	assert_int_equal(finding->evidence_count, 0);
	given->facts.author.valid = false;
	assert_false(given_verdict(given).open);
}

static void test_policy_decide__refuses_what_it_cannot_read_and_writes_nothing(void **state)
{
	struct given *given = given_release(*state);
	struct bytes facts = given_bytes(given);
	struct bytes twice[2] = {given->rulesets[0], given->rulesets[0]};
	struct bytes broken = bytes_of_text("{}");
	struct policy_verdict verdict = {.open = true};
	struct err err = {0};

	assert_false(policy_decide(*state, broken, given->rulesets, 1, &verdict, &err));
	assert_int_equal(err.code, E_DOC_TYPE);
	err_clear(&err);
	assert_false(policy_decide(*state, facts, &broken, 1, &verdict, &err));
	assert_int_equal(err.code, E_DOC_TYPE);
	assert_non_null(strstr(err.text, "ruleset 1"));
	err_clear(&err);
	assert_false(policy_decide(*state, facts, twice, 2, &verdict, &err));
	assert_int_equal(err.code, E_RULESET);
	assert_null(verdict.findings);
	assert_true(verdict.open);
}

static void test_policy_decide__without_any_ruleset_the_gate_is_closed(void **state)
{
	struct given *given = given_release(*state);

	ruleset_not_adopted(given);
	given->ruleset_count = 0;
	struct policy_verdict verdict = given_verdict(given);
	assert_false(verdict.open);
	assert_int_equal(verdict.finding_count, 3);
	const struct policy_finding *finding = given_finding(&verdict, "core.rulesets-in-force");
	assert_int_equal(finding->evidence_count, 2);
	assert_string_equal(finding->evidence[0], "baseline");
	assert_non_null(strstr(finding->why, "not adopted: baseline, fda"));
}

static void test_policy_decide__core_remedies_name_the_object(void **state)
{
	struct given *given = given_campaign(*state);

	held(given);
	release_gate_closed(given);
	struct policy_verdict verdict = given_verdict(given);
	assert_string_equal(given_finding(&verdict, "core.not-held")->remedy,
			    "Have a release manager resume the campaign: countersign campaign "
			    "resume " CAMPAIGN_ID ".");
	assert_string_equal(given_finding(&verdict, "core.release-gate")->remedy,
			    "See what the release still needs: countersign gate show "
			    "release " RELEASE_ID ".");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		TEST(test_policy_decide__same_facts_in_any_order_have_the_same_bytes),
		TEST(test_policy_decide__different_facts_have_different_bytes),
		TEST(test_policy_decide__document_says_what_the_verdict_says),
		TEST(test_policy_decide__evidence_names_what_counted),
		TEST(test_policy_decide__not_applicable_neither_opens_nor_closes),
		TEST(test_policy_decide__refuses_what_it_cannot_read_and_writes_nothing),
		TEST(test_policy_decide__without_any_ruleset_the_gate_is_closed),
		TEST(test_policy_decide__core_remedies_name_the_object),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	static struct CMUnitTest tests[UNTIL_CASES + FIXED];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < UNTIL_CASES; i++)
		tests[FIXED + i] =
			(struct CMUnitTest){.name = until_cases[i].sentence,
					    .test_func = run_until_case,
					    .initial_state = (void *)(uintptr_t)&until_cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
