/* SPDX-License-Identifier: Apache-2.0 */
/* Does each rule mean what its parameters say? What baseline asks of them stands in test_decide.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/policy/given_policy.h"

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

/* The rule's answer over facts as they come back from their bytes. */
static struct rule_answer asked(struct given *given, const char *name, const char *with)
{
	const struct rule *rule = rule_find(name);
	const struct doc *doc = NULL;
	struct facts *facts = arena_alloc(arena, sizeof(*facts));
	struct rule_with *read = arena_alloc(arena, sizeof(*read));
	struct rule_answer answer = {0};
	struct err err = {0};

	if (!rule || !facts_read(arena, given_bytes(given), facts, &err) ||
	    (with && !doc_parse(arena, bytes_of_text(with), &doc, &err)) ||
	    !rule_read_with(arena, rule, facts->gate, doc, read, &err))
		fail_msg("%s", err.text);
	rule_check(arena, rule, facts, read, &answer);
	return answer;
}

static struct rule_answer approvals(struct given *given, const char *more)
{
	return asked(given, "signature",
		     arena_printf(arena, "{\"meaning\":\"approved\",\"role\":\"qa\",%s}", more));
}

static void second_approval(struct given *given, const char *person)
{
	given->signatures[S_EXTRA].person = person;
	given->facts.signature_count = 4;
}

static void test_signature__two_signatures_of_one_person_count_once(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	second_approval(given, QA);
	struct rule_answer answer = approvals(given, "\"independent\":true,\"count\":2");
	assert_false(answer.satisfied);
	assert_int_equal(answer.evidence_count, 2);
	assert_string_equal(answer.why,
			    "1 of 2 found in the role qa: approval by example-qa (personal-key)");
}

static void test_signature__a_repeat_is_no_evidence_of_what_is_satisfied(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	second_approval(given, QA);
	struct rule_answer answer = approvals(given, "\"independent\":true,\"count\":1");
	assert_true(answer.satisfied);
	assert_int_equal(answer.evidence_count, 1);
	assert_string_equal(answer.evidence[0], APPROVED_ID);
}

static void test_signature__two_persons_make_two(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	second_approval(given, SECOND_QA);
	struct rule_answer answer = approvals(given, "\"independent\":true,\"count\":2");
	assert_true(answer.satisfied);
	assert_int_equal(answer.evidence_count, 2); /* what counted */
	assert_string_equal(answer.evidence[0], APPROVED_ID);
	assert_string_equal(answer.evidence[1], EXTRA_ID);
	assert_false(approvals(given, "\"independent\":true,\"count\":3").satisfied);
	assert_true(approvals(given, "\"independent\":true,\"count\":1").satisfied);
}

static void test_signature__one_of_two_says_why_the_other_does_not_count(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	second_approval(given, SECOND_QA);
	given->people[P_SECOND_QA].active = false;
	struct rule_answer answer = approvals(given, "\"independent\":true,\"count\":2");
	assert_false(answer.satisfied);
	assert_string_equal(
		answer.why,
		"1 of 2 found in the role qa: approval by example-qa (personal-key); the "
		"approval of example-qa-two does not count because that person is not "
		"active");
}

static void test_signature__any_strength_unless_one_is_asked_for(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	given->signatures[S_APPROVED].strength = "keeper-checked";
	assert_true(approvals(given, "\"independent\":true,\"count\":1").satisfied);
	assert_true(approvals(given, "\"independent\":true,\"count\":1,"
				     "\"strength\":\"keeper-checked\"")
			    .satisfied);
	assert_false(approvals(given, "\"independent\":true,\"count\":1,"
				      "\"strength\":\"personal-key\"")
			     .satisfied);
}

static void test_signature__contributors_count_where_independence_is_not_asked_for(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	given_role(given, P_AUTHOR, "qa");
	given->signatures[S_APPROVED].person = AUTHOR;
	assert_true(approvals(given, "\"independent\":false,\"count\":1").satisfied);
	assert_false(approvals(given, "\"independent\":true,\"count\":1").satisfied);
}

static void test_signature__another_role_may_be_asked_for(void **state)
{
	struct given *given = given_release(arena);
	const char *with = "{\"meaning\":\"approved\",\"role\":\"clinical\",\"independent\":true,"
			   "\"count\":1}";

	(void)state;
	assert_false(asked(given, "signature", with).satisfied);
	given_role(given, P_QA, "clinical");
	assert_true(asked(given, "signature", with).satisfied);
}

/* More signatures than a sentence takes: the rest is counted. */
static void test_signature__names_three_and_counts_the_rest(void **state)
{
	struct given *given = given_release(arena);
	struct facts_signature many[6];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		many[i] = given->signatures[S_APPROVED];
		many[i].id = arena_printf(arena, "00000000-0000-4000-8000-0000000000f%zu", i);
		many[i].current = false;
	}
	given->facts.signatures = many;
	given->facts.signature_count = 5;
	struct rule_answer answer = approvals(given, "\"independent\":true,\"count\":1");
	assert_false(answer.satisfied);
	assert_non_null(strstr(answer.why, "; and 2 more"));
	assert_int_equal(answer.evidence_count, 5);
}

static void test_signature__names_five_of_more_who_signed(void **state)
{
	struct given *given = given_release(arena);
	struct facts_signature many[GIVEN_PEOPLE];

	(void)state;
	for (size_t i = 0; i < GIVEN_PEOPLE; i++) {
		given->roles[i][0] = "qa";
		many[i] = given->signatures[S_APPROVED];
		many[i].id = arena_printf(arena, "00000000-0000-4000-8000-0000000000f%zu", i);
		many[i].person = given->people[i].person;
	}
	given->facts.signatures = many;
	given->facts.signature_count = GIVEN_PEOPLE;
	struct rule_answer answer = approvals(given, "\"independent\":false,\"count\":5");
	assert_true(answer.satisfied);
	assert_int_equal(answer.evidence_count, GIVEN_PEOPLE);
	assert_non_null(strstr(answer.why, TESTER));
	assert_null(strstr(answer.why, UPLOADER));
}

/* ---- record-signed ---- */

static const char passed[] = "{\"kind\":\"test\",\"result\":\"passed\",\"role\":\"tester\","
			     "\"subjects\":\"every-artifact\"}";

static void test_record_signed__the_author_may_test_unless_not_author(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	given_role(given, P_AUTHOR, "tester");
	given->records[0].body.tester = AUTHOR;
	given_record_resigned(given, 0);
	assert_true(asked(given, "record-signed", passed).satisfied);
	assert_false(asked(given, "record-signed",
			   "{\"kind\":\"test\",\"result\":\"passed\",\"role\":\"tester\","
			   "\"subjects\":\"every-artifact\",\"not_author\":true}")
			     .satisfied);
	/* Where the trust document names no author, nobody is known to be it. */
	given->facts.author.person = NULL;
	assert_true(asked(given, "record-signed",
			  "{\"kind\":\"test\",\"result\":\"passed\",\"role\":\"tester\","
			  "\"subjects\":\"every-artifact\",\"not_author\":true}")
			    .satisfied);
}

static void test_record_signed__asks_for_the_result_it_names(void **state)
{
	struct given *given = given_release(arena);
	const char *failed = "{\"kind\":\"test\",\"result\":\"failed\",\"role\":\"tester\","
			     "\"subjects\":\"every-artifact\"}";

	(void)state;
	assert_false(asked(given, "record-signed", failed).satisfied);
	given->records[0].body.result = "failed";
	given_record_resigned(given, 0);
	assert_true(asked(given, "record-signed", failed).satisfied);
	assert_false(asked(given, "record-signed", passed).satisfied);
}

static void test_record_signed__two_halves_do_not_make_a_whole(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	/* One record per artifact, each signed by its tester. */
	given->records[1] = given->records[0];
	given->records[1].id = SECOND_RECORD_ID;
	given->records[0].body.subject_count = 1;
	given->records[1].body.subjects = &given->subjects[1];
	given->records[1].body.subject_count = 1;
	given_record_resigned(given, 0);
	given_record_again(given, 1);
	given->signatures[S_EXTRA] = given->signatures[S_TESTED];
	given->signatures[S_EXTRA].id = EXTRA_ID;
	given->signatures[S_EXTRA].object.id = SECOND_RECORD_ID;
	given->signatures[S_EXTRA].sha256 = given->records[1].sha256;
	given->facts.record_count = 2;
	given->facts.signature_count = 4;
	struct rule_answer answer = asked(given, "record-signed", passed);
	assert_false(answer.satisfied);
	assert_int_equal(answer.evidence_count, 2);
	assert_non_null(strstr(answer.why, "example.cfg"));
	assert_non_null(strstr(answer.why, "example.bin"));
}

static void test_record_signed__the_second_of_two_records_may_do(void **state)
{
	struct given *given = given_release(arena);

	(void)state;
	given->records[1] = given->records[0];
	given->records[1].id = SECOND_RECORD_ID;
	given_record_resigned(given, 1);
	given->facts.record_count = 2;
	struct rule_answer answer = asked(given, "record-signed", passed);
	assert_true(answer.satisfied);
	assert_string_equal(answer.evidence[0], SECOND_RECORD_ID);
}

/* ---- the table ---- */

static void test_rule_find__knows_its_rules_only(void **state)
{
	static const char *const names[] = {"author-signature", "record-signed", "signature"};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(rule_name(rule_find(names[i])), names[i]);
	assert_null(rule_find("trust-me"));
	assert_null(rule_find(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_signature__two_signatures_of_one_person_count_once),
		TEST(test_signature__a_repeat_is_no_evidence_of_what_is_satisfied),
		TEST(test_signature__two_persons_make_two),
		TEST(test_signature__one_of_two_says_why_the_other_does_not_count),
		TEST(test_signature__any_strength_unless_one_is_asked_for),
		TEST(test_signature__contributors_count_where_independence_is_not_asked_for),
		TEST(test_signature__another_role_may_be_asked_for),
		TEST(test_signature__names_three_and_counts_the_rest),
		TEST(test_signature__names_five_of_more_who_signed),
		TEST(test_record_signed__the_author_may_test_unless_not_author),
		TEST(test_record_signed__asks_for_the_result_it_names),
		TEST(test_record_signed__two_halves_do_not_make_a_whole),
		TEST(test_record_signed__the_second_of_two_records_may_do),
		TEST(test_rule_find__knows_its_rules_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
