/* SPDX-License-Identifier: Apache-2.0 */
/* May this person give this meaning now, and which of the signatures given count? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/policy/given_policy.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

struct may_case {
	const char *sentence;
	bool campaign;
	void (*change)(struct given *given); /* NULL: nothing */
	const char *person;
	const char *meaning;
	struct facts_object object;
	enum err_code code; /* E_NONE: allowed */
};

static void withdrawn(struct given *given)
{
	given->facts.release.withdrawn = true;
}

static void held(struct given *given)
{
	given->campaign.held = true;
}

static void held_and_ended(struct given *given)
{
	given->campaign.held = true;
	given->campaign.ended = true;
}

static void held_and_withdrawn(struct given *given)
{
	held(given);
	withdrawn(given);
}

static void ended(struct given *given)
{
	given->campaign.ended = true;
}

static void over(struct given *given)
{
	given->campaign.not_after = NOON;
}

static void not_begun(struct given *given)
{
	given->campaign.not_before = NOON + HOUR;
}

static void superseded(struct given *given)
{
	given->records[0].current = false;
}

static void new_version(struct given *given)
{
	given->records[0].current = false;
	given->records[1] = given->records[0];
	given->records[1].version = 2;
	given->records[1].current = true;
	given_record_again(given, 1);
	given->facts.record_count = 2;
}

static void qa_left(struct given *given)
{
	given->people[P_QA].active = false;
}

static void qa_unlisted(struct given *given)
{
	given->people[P_QA].person = "example-somebody";
}

static void qa_without_role(struct given *given)
{
	given->people[P_QA].role_count = 0;
}

static void qa_in_another_role(struct given *given)
{
	given->roles[P_QA][0] = "security";
}

static void everybody_is_qa(struct given *given)
{
	given_role(given, P_AUTHOR, "qa");
	given_role(given, P_TESTER, "qa");
	given_role(given, P_UPLOADER, "qa");
}

static void author_tests(struct given *given)
{
	given_role(given, P_AUTHOR, "tester");
	given->records[0].body.tester = AUTHOR;
	given_record_again(given, 0);
}

static void two_testers(struct given *given)
{
	given_role(given, P_SECOND_QA, "tester");
}

static void tester_without_role(struct given *given)
{
	given->people[P_TESTER].role_count = 0;
}

static void manager_without_role(struct given *given)
{
	given->people[P_MANAGER].role_count = 0;
}

static void author_unlisted(struct given *given)
{
	everybody_is_qa(given);
	given->facts.contribution_count = 0;
}

#define RELEASE                       \
	{                             \
		"release", RELEASE_ID \
	}
#define RECORD                      \
	{                           \
		"record", RECORD_ID \
	}
#define CAMPAIGN                        \
	{                               \
		"campaign", CAMPAIGN_ID \
	}

/* clang-format off */
static const struct may_case cases[] = {
	{"a person of quality assurance may approve", false, NULL, QA, "approved", RELEASE, E_NONE},
	{"so may another approver's role", false, qa_in_another_role, QA, "approved", RELEASE, E_NONE},
	{"the tester may sign the own record", false, NULL, TESTER, "tested", RECORD, E_NONE},
	{"the tester may sign the new version", false, new_version, TESTER, "tested", RECORD, E_NONE},
	{"a release manager may release a campaign", true, NULL, MANAGER, "released", CAMPAIGN, E_NONE},
	{"also one that is held", true, held, MANAGER, "released", CAMPAIGN, E_NONE},
	{"also before its window begins", true, not_begun, MANAGER, "released", CAMPAIGN, E_NONE},
	{"a release manager may resume a held campaign", true, held, MANAGER, "resumed", CAMPAIGN, E_NONE},

	{"the author may not approve, whatever the roles", false, everybody_is_qa, AUTHOR, "approved", RELEASE, E_SIGN_OWN_WORK},
	{"the author is told so even without the role", false, NULL, AUTHOR, "approved", RELEASE, E_SIGN_OWN_WORK},
	{"the tester may not approve", false, everybody_is_qa, TESTER, "approved", RELEASE, E_SIGN_OWN_WORK},
	{"the uploader may not approve", false, everybody_is_qa, UPLOADER, "approved", RELEASE, E_SIGN_OWN_WORK},
	{"an author whom no list names may not approve", false, author_unlisted, AUTHOR, "approved", RELEASE, E_SIGN_OWN_WORK},
	{"a tester whom no list names may not approve", false, author_unlisted, TESTER, "approved", RELEASE, E_SIGN_OWN_WORK},
	{"the author may not test", false, author_tests, AUTHOR, "tested", RECORD, E_SIGN_OWN_WORK},
	{"another tester may not sign the record", false, two_testers, SECOND_QA, "tested", RECORD, E_SIGN_NOT_TESTER},
	{"a tester without the role may not sign", false, tester_without_role, TESTER, "tested", RECORD, E_SIGN_ROLE},
	{"without a role nobody approves", false, qa_without_role, QA, "approved", RELEASE, E_SIGN_ROLE},
	{"a release manager does not approve", false, NULL, MANAGER, "approved", RELEASE, E_SIGN_ROLE},
	{"quality assurance does not release", true, NULL, QA, "released", CAMPAIGN, E_SIGN_ROLE},
	{"a manager whose role was revoked does not release", true, manager_without_role, MANAGER, "released", CAMPAIGN, E_SIGN_ROLE},
	{"quality assurance does not resume", true, held, QA, "resumed", CAMPAIGN, E_SIGN_ROLE},
	{"who has left does not approve", false, qa_left, QA, "approved", RELEASE, E_SIGN_INACTIVE},
	{"who is not known does not approve", false, qa_unlisted, QA, "approved", RELEASE, E_SIGN_INACTIVE},

	{"a withdrawn release is not approved", false, withdrawn, QA, "approved", RELEASE, E_SIGN_NOT_OPEN},
	{"a record of a withdrawn release is not signed", false, withdrawn, TESTER, "tested", RECORD, E_SIGN_NOT_OPEN},
	{"a superseded record is not signed", false, superseded, TESTER, "tested", RECORD, E_SIGN_NOT_OPEN},
	{"an ended campaign is not released", true, ended, MANAGER, "released", CAMPAIGN, E_SIGN_NOT_OPEN},
	{"an ended campaign is not resumed", true, held_and_ended, MANAGER, "resumed", CAMPAIGN, E_SIGN_NOT_OPEN},
	{"a campaign past its window is not released", true, over, MANAGER, "released", CAMPAIGN, E_SIGN_NOT_OPEN},
	{"a campaign of a withdrawn release is not released", true, withdrawn, MANAGER, "released", CAMPAIGN, E_SIGN_NOT_OPEN},
	{"a campaign of a withdrawn release is not resumed", true, held_and_withdrawn, MANAGER, "resumed", CAMPAIGN, E_SIGN_NOT_OPEN},
	{"a campaign that is not held is not resumed", true, NULL, MANAGER, "resumed", CAMPAIGN, E_SIGN_NOT_OPEN},

	{"another release is not in these facts", false, NULL, QA, "approved", {"release", OTHER_RELEASE_ID}, E_SIGN_OBJECT},
	{"a record that is not in these facts", false, NULL, TESTER, "tested", {"record", SECOND_RECORD_ID}, E_SIGN_OBJECT},
	{"another campaign is not in these facts", true, NULL, MANAGER, "released", {"campaign", OTHER_CAMPAIGN_ID}, E_SIGN_OBJECT},
	{"a campaign is not in the facts of a release", false, NULL, MANAGER, "released", CAMPAIGN, E_SIGN_OBJECT},
	{"a release is not the subject of a campaign's facts", true, NULL, QA, "approved", RELEASE, E_SIGN_OBJECT},
	{"a record is not approved", false, NULL, QA, "approved", RECORD, E_SIGN_MEANING},
	{"a release is not tested", false, NULL, TESTER, "tested", RELEASE, E_SIGN_MEANING},
	{"a release is not released", false, NULL, MANAGER, "released", RELEASE, E_SIGN_MEANING},
	{"a campaign is not approved", true, NULL, QA, "approved", CAMPAIGN, E_SIGN_MEANING},
	{"there is no such meaning", false, NULL, QA, "admired", RELEASE, E_SIGN_MEANING},
};
/* clang-format on */

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void run_case(void **state)
{
	const struct may_case *at = *state;
	struct arena *arena = arena_new(ARENA_MAX);
	struct given *given = at->campaign ? given_campaign(arena) : given_release(arena);
	struct err err = {0};

	if (at->change)
		at->change(given);
	bool may = policy_may_sign(arena, given_bytes(given), at->person, at->meaning, &at->object,
				   &err);
	if (err.code != at->code || may != (at->code == E_NONE))
		fail_msg("%s: %s", err_code_text(err.code), err.text);
	arena_free(arena);
}

/* ---- the rest ---- */

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

static void test_policy_may_sign__says_what_is_missing(void **state)
{
	struct given *given = given_release(*state);
	struct facts_object object = RELEASE;
	struct err err = {0};

	qa_without_role(given);
	assert_false(policy_may_sign(*state, given_bytes(given), QA, "approved", &object, &err));
	assert_non_null(strstr(err.text, "qa, regulatory, security, clinical, prrc, risk_owner"));
	err_clear(&err);
	assert_false(
		policy_may_sign(*state, given_bytes(given), AUTHOR, "approved", &object, &err));
	assert_non_null(strstr(err.text, "worked on this release (author)"));
	err_clear(&err);
	assert_false(policy_may_sign(*state, bytes_of_text("{}"), QA, "approved", &object, &err));
	assert_int_equal(err.code, E_DOC_TYPE);
}

static void test_signature_strong_enough__knows_only_its_words(void **state)
{
	(void)state;
	assert_true(signature_strong_enough("personal-key", "personal-key"));
	assert_true(signature_strong_enough("personal-key", "keeper-checked"));
	assert_true(signature_strong_enough("keeper-checked", "keeper-checked"));
	assert_false(signature_strong_enough("keeper-checked", "personal-key"));
	assert_false(signature_strong_enough("hand-waved", "keeper-checked"));
	assert_false(signature_strong_enough("hand-waved", "hand-waved"));
}

static void test_signature_contribution__asks_for_kinds_or_for_any(void **state)
{
	static const char *const drafts[] = {"draft", NULL};
	static const char *const uploads[] = {"upload", NULL};
	static const char *const authors[] = {"author", NULL};
	struct given *given = given_release(*state);
	const struct facts *facts = &given->facts;

	assert_string_equal(signature_contribution(facts, UPLOADER, NULL), "draft");
	assert_string_equal(signature_contribution(facts, UPLOADER, drafts), "draft");
	assert_string_equal(signature_contribution(facts, UPLOADER, uploads), "upload");
	assert_null(signature_contribution(facts, UPLOADER, authors));
	assert_null(signature_contribution(facts, AUTHOR, drafts));
	assert_null(signature_contribution(facts, TESTER, drafts));
	assert_null(signature_contribution(facts, QA, NULL));
	given->facts.author.person = NULL;
	given->facts.contribution_count = 0;
	assert_null(signature_contribution(facts, AUTHOR, NULL));
	assert_string_equal(signature_contribution(facts, TESTER, NULL), "record");
}

static void test_signature_flaw_clause__has_words_for_every_flaw(void **state)
{
	struct given *given = given_release(*state);
	struct signature_demand demand = {
		.meaning = signature_meaning_find("approved"),
		.object = RELEASE,
		.present = &given->facts.release.content_sha256,
		.role = "qa",
		.strength = "personal-key",
	};
	const char *seen[SIGNATURE_OWN + 1] = {0};

	for (int flaw = SIGNATURE_COUNTS; flaw <= SIGNATURE_OWN; flaw++) {
		seen[flaw] = signature_flaw_clause(*state, &given->facts, &given->signatures[1],
						   &demand, (enum signature_flaw)flaw);
		if (flaw == SIGNATURE_OWN)
			seen[flaw] =
				signature_flaw_clause(*state, &given->facts, &given->signatures[0],
						      &demand, SIGNATURE_OWN);
		assert_non_null(strstr(seen[flaw], "the approval of example-"));
		for (int before = 0; before < flaw; before++)
			assert_string_not_equal(seen[before], seen[flaw]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		TEST(test_policy_may_sign__says_what_is_missing),
		TEST(test_signature_strong_enough__knows_only_its_words),
		TEST(test_signature_contribution__asks_for_kinds_or_for_any),
		TEST(test_signature_flaw_clause__has_words_for_every_flaw),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	static struct CMUnitTest tests[CASES + FIXED];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < CASES; i++)
		tests[FIXED + i] =
			(struct CMUnitTest){.name = cases[i].sentence,
					    .test_func = run_case,
					    .initial_state = (void *)(uintptr_t)&cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
