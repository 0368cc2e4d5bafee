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

#include <stdio.h>

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

	given->ruleset_count = 0;
	struct policy_verdict verdict = given_verdict(given);
	assert_false(verdict.open);
	assert_int_equal(verdict.finding_count, 3);
	assert_string_equal(given_finding(&verdict, "core.rulesets-in-force")->evidence[0],
			    "baseline");
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

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test_setup_teardown(
			test_policy_decide__same_facts_in_any_order_have_the_same_bytes, begin,
			end),
		cmocka_unit_test_setup_teardown(
			test_policy_decide__different_facts_have_different_bytes, begin, end),
		cmocka_unit_test_setup_teardown(
			test_policy_decide__document_says_what_the_verdict_says, begin, end),
		cmocka_unit_test_setup_teardown(test_policy_decide__evidence_names_what_counted,
						begin, end),
		cmocka_unit_test_setup_teardown(
			test_policy_decide__not_applicable_neither_opens_nor_closes, begin, end),
		cmocka_unit_test_setup_teardown(
			test_policy_decide__refuses_what_it_cannot_read_and_writes_nothing, begin,
			end),
		cmocka_unit_test_setup_teardown(
			test_policy_decide__without_any_ruleset_the_gate_is_closed, begin, end),
		cmocka_unit_test_setup_teardown(test_policy_decide__core_remedies_name_the_object,
						begin, end),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	static struct CMUnitTest tests[CASES + UNTIL_CASES + FIXED];

	for (size_t i = 0; i < CASES; i++)
		tests[i] = (struct CMUnitTest){.name = cases[i].sentence,
					       .test_func = run_case,
					       .initial_state = (void *)(uintptr_t)&cases[i]};
	for (size_t i = 0; i < UNTIL_CASES; i++)
		tests[CASES + i] =
			(struct CMUnitTest){.name = until_cases[i].sentence,
					    .test_func = run_until_case,
					    .initial_state = (void *)(uintptr_t)&until_cases[i]};
	memcpy(tests + CASES + UNTIL_CASES, fixed, sizeof(fixed));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
