/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the gate open for what is right and close, naming the one thing, for everything else? A row
 * is one change to a release or campaign that lacks nothing, and what the verdict must say then.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/policy/given_policy.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

struct decide_case {
	const char *sentence;
	bool campaign;
	void (*change)(struct given *given);
	const char *closed_by; /* the only requirement that is missing; NULL: open */
	const char *why;       /* stands in the sentence of that requirement, or of all if open */
};

static void nothing(struct given *given)
{
	(void)given;
}

/* ---- the release ---- */

static void withdrawn(struct given *given)
{
	given->facts.release.withdrawn = true;
}

static void author_invalid(struct given *given)
{
	given->facts.author.valid = false;
	given->facts.author.why = "the key is revoked";
}

static void author_invalid_silently(struct given *given)
{
	given->facts.author.valid = false;
}

static void trust_expired(struct given *given)
{
	given_expiry(given, "trust document", NOON);
	given_expiry(given, "certificate of the author's key", NOON + HOUR);
}

static void much_expired(struct given *given)
{
	given_expiry(given, "a", NOON - HOUR);
	given_expiry(given, "b", NOON - HOUR);
	given_expiry(given, "c", NOON - HOUR);
	given_expiry(given, "d", NOON - HOUR);
}

/* ---- rulesets ---- */

static void no_ruleset_named(struct given *given)
{
	given->facts.product.ruleset_count = 0;
}

static void ruleset_not_adopted(struct given *given)
{
	given->ruleset_names[1] = "fda";
	given->facts.product.ruleset_count = 2;
}

static void nothing_for_this_gate(struct given *given)
{
	static const char other[] =
		"{\"type\":\"countersign.ruleset.v1\",\"name\":\"baseline\",\"version\":2,"
		"\"status\":\"EXAMPLE\",\"title\":\"t\",\"requirements\":[{\"id\":\"baseline.rm\","
		"\"gate\":\"campaign\",\"cites\":[],\"demand\":\"d\",\"rule\":\"author-signature\","
		"\"remedy\":\"r\"}]}";
	given->rulesets[0] = given_canonical(given, other);
}

static void nothing_applies(struct given *given)
{
	static const char other[] =
		"{\"type\":\"countersign.ruleset.v1\",\"name\":\"baseline\",\"version\":2,"
		"\"status\":\"EXAMPLE\",\"title\":\"t\",\"requirements\":[{\"id\":\"baseline.x\","
		"\"gate\":\"release\",\"cites\":[],\"demand\":\"d\",\"rule\":\"author-signature\","
		"\"applies\":{\"fact\":\"product.id\",\"equals\":\"another\"},\"remedy\":\"r\"}]}";
	given->rulesets[0] = given_canonical(given, other);
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

/* ---- the test record ---- */

static void no_record(struct given *given)
{
	given->facts.record_count = 0;
}

static void record_failed(struct given *given)
{
	given->records[0].body.result = "failed";
	given_record_resigned(given, 0);
}

static void record_not_current(struct given *given)
{
	given->records[0].current = false;
}

/* A second version, unsigned as yet. */
static void record_superseded(struct given *given)
{
	given->records[0].current = false;
	given->records[1] = given->records[0];
	given->records[1].version = 2;
	given->records[1].current = true;
	given->records[1].body.summary = "EXAMPLE, corrected";
	given_record_again(given, 1);
	given->signatures[S_TESTED].current = false;
	given->facts.record_count = 2;
}

static void record_superseded_and_signed(struct given *given)
{
	record_superseded(given);
	given_record_resigned(given, 1);
	given->signatures[S_TESTED].current = true;
}

static void record_superseded_old_still_called_current(struct given *given)
{
	record_superseded(given);
	given->signatures[S_TESTED].current = true;
}

static void digest_of_another_artifact(struct given *given)
{
	given->subjects[1].sha256 = DIGEST("9");
	given_record_resigned(given, 0);
}

static void one_artifact_untested(struct given *given)
{
	given->records[0].body.subject_count = 1;
	given_record_resigned(given, 0);
}

static void more_than_the_artifacts_tested(struct given *given)
{
	given->subjects[2] = (struct facts_subject){"example.old", DIGEST("8")};
	given->records[0].body.subject_count = 3;
	given_record_resigned(given, 0);
}

static void record_of_another_release(struct given *given)
{
	given->records[0].body.release = OTHER_RELEASE_ID;
	given_record_resigned(given, 0);
}

static void record_of_another_product(struct given *given)
{
	given->records[0].body.product = "example-other";
	given_record_resigned(given, 0);
}

static void record_unsigned(struct given *given)
{
	given->signatures[S_TESTED] = given->signatures[S_RELEASED];
	given->facts.signature_count = 2;
}

static void record_signed_by_another_tester(struct given *given)
{
	given_role(given, P_SECOND_QA, "tester");
	given->signatures[S_TESTED].person = SECOND_QA;
}

static void record_signed_over_old_digest(struct given *given)
{
	given->signatures[S_TESTED].sha256 = DIGEST("7");
}

static void record_signature_not_current(struct given *given)
{
	given->signatures[S_TESTED].current = false;
}

static void record_approved_instead_of_tested(struct given *given)
{
	given->signatures[S_TESTED].meaning = "approved";
}

static void tester_left(struct given *given)
{
	given->people[P_TESTER].active = false;
}

static void tester_role_revoked(struct given *given)
{
	given->people[P_TESTER].role_count = 0;
}

static void tester_is_author(struct given *given)
{
	given_role(given, P_AUTHOR, "tester");
	given->records[0].body.tester = AUTHOR;
	given_record_resigned(given, 0);
}

/* The failed record does not close the gate, but nobody overlooks it. */
static void another_record_failed(struct given *given)
{
	given->records[1] = given->records[0];
	given->records[1].id = SECOND_RECORD_ID;
	given->records[1].body.result = "failed";
	given_record_again(given, 1);
	given->facts.record_count = 2;
}

/* ---- the approval ---- */

static void no_approval(struct given *given)
{
	given->signatures[S_APPROVED] = given->signatures[S_RELEASED];
	given->facts.signature_count = 2;
}

static void author_approves(struct given *given)
{
	given_role(given, P_AUTHOR, "qa");
	given->signatures[S_APPROVED].person = AUTHOR;
}

/* Nobody listed the author as one who contributed. */
static void author_approves_unlisted(struct given *given)
{
	author_approves(given);
	given->contributions[0] = given->contributions[1];
	given->facts.contributions = given->contributions + 1;
	given->facts.contribution_count = 3;
}

static void tester_approves(struct given *given)
{
	given_role(given, P_TESTER, "qa");
	given->signatures[S_APPROVED].person = TESTER;
}

static void tester_approves_unlisted(struct given *given)
{
	tester_approves(given);
	given->contributions[1] = given->contributions[0];
}

static void uploader_approves(struct given *given)
{
	given_role(given, P_UPLOADER, "qa");
	given->signatures[S_APPROVED].person = UPLOADER;
}

static void qa_role_revoked(struct given *given)
{
	given->people[P_QA].role_count = 0;
}

static void another_role_instead(struct given *given)
{
	given->roles[P_QA][0] = "regulatory";
}

static void qa_left(struct given *given)
{
	given->people[P_QA].active = false;
}

static void qa_unknown(struct given *given)
{
	given->signatures[S_APPROVED].person = "example-nobody";
}

static void approval_of_old_content(struct given *given)
{
	given->signatures[S_APPROVED].sha256 = DIGEST("6");
	given->signatures[S_APPROVED].current = false;
}

static void approval_of_old_content_called_current(struct given *given)
{
	given->signatures[S_APPROVED].sha256 = DIGEST("6");
}

static void approval_called_not_current(struct given *given)
{
	given->signatures[S_APPROVED].current = false;
}

static void approval_too_weak(struct given *given)
{
	given->signatures[S_APPROVED].strength = "keeper-checked";
}

static void approval_from_the_future(struct given *given)
{
	given->signatures[S_APPROVED].signed_at = NOON + 1;
}

static void approval_at_this_instant(struct given *given)
{
	given->signatures[S_APPROVED].signed_at = NOON;
}

static void approval_of_another_release(struct given *given)
{
	given->signatures[S_APPROVED].object.id = OTHER_RELEASE_ID;
}

/* Its id is that of the release, its kind is not. */
static void approval_of_a_record(struct given *given)
{
	given->signatures[S_APPROVED].object.kind = "record";
}

static void approval_with_meaning_released(struct given *given)
{
	given->signatures[S_APPROVED].meaning = "released";
}

static void old_and_new_approval(struct given *given)
{
	given->signatures[S_EXTRA].sha256 = DIGEST("6");
	given->signatures[S_EXTRA].current = false;
	given->facts.signature_count = 4;
}

/* ---- the campaign ---- */

static void held(struct given *given)
{
	given->campaign.held = true;
}

static void ended(struct given *given)
{
	given->campaign.ended = true;
}

static void too_early(struct given *given)
{
	given->campaign.not_before = NOON + 1;
}

static void first_instant(struct given *given)
{
	given->campaign.not_before = NOON;
}

static void too_late(struct given *given)
{
	given->campaign.not_after = NOON;
}

static void no_release_verdict(struct given *given)
{
	given->facts.release_verdict = NULL;
}

static void release_gate_closed(struct given *given)
{
	given->release_verdict.open = false;
}

static void release_verdict_ended(struct given *given)
{
	given->release_verdict.valid_until = NOON;
}

static void not_released(struct given *given)
{
	given->facts.signature_count = 2;
}

static void old_plan_released(struct given *given)
{
	given->campaign.plan_sha256 = DIGEST("5");
}

static void other_campaign_released(struct given *given)
{
	given->signatures[S_RELEASED].object.id = OTHER_CAMPAIGN_ID;
}

static void manager_role_revoked(struct given *given)
{
	given->people[P_MANAGER].role_count = 0;
}

static void manager_left(struct given *given)
{
	given->people[P_MANAGER].active = false;
}

static void manager_resumed_only(struct given *given)
{
	given->signatures[S_RELEASED].meaning = "resumed";
}

static void manager_drafted_it(struct given *given)
{
	given->contributions[4] = (struct facts_contribution){MANAGER, "draft"};
	given->facts.contribution_count = 5;
}

#define TEST_RECORD "baseline.test-record"
#define APPROVAL "baseline.qa-approval"
#define CLOSED(name) "no approval in the role qa counts; the approval of " name

/* clang-format off */
static const struct decide_case cases[] = {
	{"a release that lacks nothing is open", false, nothing, NULL, ""},
	{"a withdrawn release is closed", false, withdrawn, "core.not-withdrawn", "has been withdrawn"},
	{"an author's signature that does not hold closes", false, author_invalid, "baseline.author-signature", "does not hold: the key is revoked"},
	{"also when nobody says why", false, author_invalid_silently, "baseline.author-signature", "manifest does not hold"},
	{"what has expired at this instant closes", false, trust_expired, "core.not-expired", "expired: trust document (2026-11-23T12:00:00.000000Z)"},
	{"of much that has expired three things are named", false, much_expired, "core.not-expired", "c (2026-11-23T11:00:00.000000Z), and 1 more"},

	{"a product without rulesets is closed", false, no_ruleset_named, "core.rulesets-in-force", "product example-pump names no ruleset"},
	{"a ruleset that is not adopted closes and is named", false, ruleset_not_adopted, "core.rulesets-in-force", "not adopted: fda"},
	{"rulesets that ask nothing of this gate close it", false, nothing_for_this_gate, "core.rulesets-in-force", "no requirement of any ruleset applies to this release"},
	{"rulesets whose conditions all fail close", false, nothing_applies, "core.rulesets-in-force", "no requirement of any ruleset applies"},
	{"a ruleset that the product does not name is not judged", false, a_ruleset_nobody_named, NULL, ""},

	{"no test record closes", false, no_record, TEST_RECORD, "no current test record counts"},
	{"a failed test closes", false, record_failed, TEST_RECORD, "record " RECORD_ID " says failed"},
	{"a record that is not current closes", false, record_not_current, TEST_RECORD, "those there were are superseded"},
	{"a new version of the record needs its own signature", false, record_superseded, TEST_RECORD, "the test signature of example-tester was given for an older record digest"},
	{"a new version of the record with its signature opens", false, record_superseded_and_signed, NULL, ""},
	{"a signature over the old version does not count because it is called current", false, record_superseded_old_still_called_current, TEST_RECORD, "older record digest"},
	{"a record with the digest of another artifact closes", false, digest_of_another_artifact, TEST_RECORD, "does not name the digest of artifact example.cfg"},
	{"a record that leaves one artifact out closes", false, one_artifact_untested, TEST_RECORD, "does not name the digest of artifact example.cfg"},
	{"a record that names more than the artifacts opens", false, more_than_the_artifacts_tested, NULL, ""},
	{"a record about another release closes", false, record_of_another_release, TEST_RECORD, "is about another release"},
	{"a record about another product closes", false, record_of_another_product, TEST_RECORD, "is about another release"},
	{"an unsigned record closes", false, record_unsigned, TEST_RECORD, "is not signed by its tester example-tester"},
	{"a record signed by another tester closes", false, record_signed_by_another_tester, TEST_RECORD, "is not signed by its tester example-tester"},
	{"a record signed over an old digest closes", false, record_signed_over_old_digest, TEST_RECORD, "older record digest"},
	{"a test signature that is not current closes", false, record_signature_not_current, TEST_RECORD, "older record digest"},
	{"approving a record is not testing", false, record_approved_instead_of_tested, TEST_RECORD, "is not signed by its tester"},
	{"a tester who has left closes", false, tester_left, TEST_RECORD, "because that person is not active"},
	{"a tester without the role closes", false, tester_role_revoked, TEST_RECORD, "does not hold the role tester"},
	{"the author testing the own work closes", false, tester_is_author, TEST_RECORD, "the tester of record " RECORD_ID " is the author"},
	{"another record that failed is named, and one that passed counts", false, another_record_failed, NULL, "record " SECOND_RECORD_ID " says failed"},

	{"no approval closes", false, no_approval, APPROVAL, "nobody in the role qa has given this release the approval"},
	{"the author's own approval does not count", false, author_approves, APPROVAL, CLOSED("example-author does not count because that person worked on it (author)")},
	{"nor when no list calls the author a contributor", false, author_approves_unlisted, APPROVAL, "worked on it (author)"},
	{"the tester's approval does not count", false, tester_approves, APPROVAL, "worked on it (record)"},
	{"nor when no list calls the tester a contributor", false, tester_approves_unlisted, APPROVAL, "worked on it (record)"},
	{"the uploader's approval does not count", false, uploader_approves, APPROVAL, "worked on it (draft)"},
	{"an approval after the role was revoked does not count", false, qa_role_revoked, APPROVAL, CLOSED("example-qa does not count because that person does not hold the role qa")},
	{"an approval in another role does not count", false, another_role_instead, APPROVAL, "does not hold the role qa"},
	{"an approval of a person who left does not count", false, qa_left, APPROVAL, "that person is not active"},
	{"an approval of a person nobody knows does not count", false, qa_unknown, APPROVAL, "that person is not active"},
	{"an approval of older content does not count", false, approval_of_old_content, APPROVAL, CLOSED("example-qa was given for an older content digest")},
	{"nor when it is called current", false, approval_of_old_content_called_current, APPROVAL, "older content digest"},
	{"an approval that is called not current does not count", false, approval_called_not_current, APPROVAL, "older content digest"},
	{"an approval without a personal key does not count", false, approval_too_weak, APPROVAL, "has the strength keeper-checked and personal-key is asked for"},
	{"an approval dated after the decision does not count", false, approval_from_the_future, APPROVAL, "is dated after this decision"},
	{"an approval at the instant of the decision counts", false, approval_at_this_instant, NULL, ""},
	{"an approval of another release does not count", false, approval_of_another_release, APPROVAL, "nobody in the role qa"},
	{"an approval of another kind of object does not count", false, approval_of_a_record, APPROVAL, "nobody in the role qa"},
	{"another meaning is no approval", false, approval_with_meaning_released, APPROVAL, "nobody in the role qa"},
	{"an old approval beside a present one does no harm", false, old_and_new_approval, NULL, ""},

	{"a campaign that lacks nothing is open", true, nothing, NULL, ""},
	{"a held campaign is closed by its hold alone", true, held, "core.not-held", "the campaign is held"},
	{"an ended campaign is closed", true, ended, "core.not-ended", "the campaign has ended"},
	{"a campaign of a withdrawn release is closed", true, withdrawn, "core.not-withdrawn", "has been withdrawn"},
	{"before its window a campaign is closed", true, too_early, "core.not-before", "begins only at 2026-11-23T12:00:00.000001Z"},
	{"at the first instant of its window a campaign is open", true, first_instant, NULL, ""},
	{"at the end of its window a campaign is closed", true, too_late, "core.not-after", "ended at 2026-11-23T12:00:00.000000Z"},
	{"without a verdict of the release gate a campaign is closed", true, no_release_verdict, "core.release-gate", "there is no current verdict"},
	{"a closed release gate closes the campaign", true, release_gate_closed, "core.release-gate", "the release gate is closed"},
	{"a release verdict that has ended closes the campaign", true, release_verdict_ended, "core.release-gate", "ended at 2026-11-23T12:00:00.000000Z"},
	{"a campaign that no release manager released is closed", true, not_released, "baseline.release-manager", "nobody in the role release_manager has given this campaign the release signature"},
	{"a release signature over another plan does not count", true, old_plan_released, "baseline.release-manager", "older plan digest"},
	{"a release signature of another campaign does not count", true, other_campaign_released, "baseline.release-manager", "nobody in the role"},
	{"a release manager without the role does not count", true, manager_role_revoked, "baseline.release-manager", "does not hold the role release_manager"},
	{"a release manager who has left does not count", true, manager_left, "baseline.release-manager", "not active"},
	{"resuming is not releasing", true, manager_resumed_only, "baseline.release-manager", "nobody in the role"},
	{"a release manager may release the own draft", true, manager_drafted_it, NULL, ""},
};
/* clang-format on */

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static bool says(const struct policy_verdict *verdict, const char *words)
{
	for (size_t i = 0; i < verdict->finding_count; i++) {
		if (strstr(verdict->findings[i].why, words))
			return true;
	}
	return false;
}

static void run_case(void **state)
{
	const struct decide_case *at = *state;
	struct arena *arena = arena_new(ARENA_MAX);
	struct given *given = at->campaign ? given_campaign(arena) : given_release(arena);

	at->change(given);
	struct policy_verdict verdict = given_verdict(given);
	for (size_t i = 0; i < verdict.finding_count; i++) {
		const struct policy_finding *finding = &verdict.findings[i];
		bool expected = at->closed_by && strcmp(at->closed_by, finding->id) == 0;
		if ((finding->state == POLICY_MISSING) != expected)
			fail_msg("%s is %s: %s", finding->id, policy_state_word(finding->state),
				 finding->why);
		assert_int_equal(*finding->remedy != 0, expected);
		assert_true(*finding->why != 0);
	}
	assert_int_equal(verdict.open, !at->closed_by);
	const char *why = at->closed_by ? given_finding(&verdict, at->closed_by)->why : "";
	if (at->closed_by ? !strstr(why, at->why) : !says(&verdict, at->why))
		fail_msg("\"%s\" does not say \"%s\"", why, at->why);
	arena_free(arena);
}

int main(void)
{
	static struct CMUnitTest tests[CASES];

	for (size_t i = 0; i < CASES; i++)
		tests[i] = (struct CMUnitTest){.name = cases[i].sentence,
					       .test_func = run_case,
					       .initial_state = (void *)(uintptr_t)&cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
