/* SPDX-License-Identifier: Apache-2.0 */
/* Does the keeper open what the right people have signed for, and nothing else? The story from an
 * empty ledger to a lease, step by step, and what is refused at each. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/office.h"

#include <string.h>

static struct office office;

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	return 0;
}

static int end(void **state)
{
	(void)state;
	office_close(&office);
	return 0;
}

static struct doc *open_members(const char *act)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "act", act);
	doc_set_text(members, "campaign", office.campaign);
	return members;
}

static void test_trust__needs_the_quorum_and_never_goes_back(void **state)
{
	(void)state;
	const struct office_key *const one[] = {&office.roots[0]};
	const struct office_key *const same[] = {&office.roots[0], &office.roots[0]};
	const struct office_key *const two[] = {&office.roots[1], &office.roots[2]};
	struct trust trust = office_trust(&office, 1);

	office_refused(&office, "put", office_put_trust(&office, &trust, one, 1), E_TRUST_QUORUM);
	office_refused(&office, "put", office_put_trust(&office, &trust, same, 2), E_TRUST_QUORUM);
	office_given_trust(&office);
	trust = office_trust(&office, 2);
	office_must(&office, "put", office_put_trust(&office, &trust, two, 2));
	trust = office_trust(&office, 1);
	office_refused(&office, "put", office_put_trust(&office, &trust, two, 2),
		       E_TRUST_VERSION_LOWER);
	office.trust_version = 2;
}

static void test_directory__needs_two_different_admins(void **state)
{
	(void)state;
	const struct office_key *const one[] = {&office.ada};
	const struct office_key *const same[] = {&office.ada, &office.ada};
	const struct office_key *const foreign[] = {&office.ada, &office.stranger};
	struct doc *acts = doc_array(office.arena);
	struct doc *act = doc_object(office.arena);

	doc_set_text(act, "act", "person.add");
	doc_set_text(act, "person", "p-mallory");
	doc_set_text(act, "name", "EXAMPLE mallory");
	doc_set_text(act, "organisation", "EXAMPLE");
	doc_add(acts, act);
	office_refused(&office, "put", office_statement(&office, acts, one, 1), E_DIRECTORY_ADMINS);
	office_refused(&office, "put", office_statement(&office, acts, same, 2),
		       E_DIRECTORY_ADMINS);
	office_refused(&office, "put", office_statement(&office, acts, foreign, 2),
		       E_DIRECTORY_ADMINS);
	expect_sql(office.database.owner, "SELECT count(*)::text FROM person", "0");
	office_given_people(&office);
	expect_sql(office.database.owner, "SELECT count(*)::text FROM person", "4");
}

static void test_directory__cannot_be_replayed(void **state)
{
	(void)state;
	const struct office_key *const admins[] = {&office.ada, &office.ben};
	struct doc *acts = doc_array(office.arena);
	struct doc *act = doc_object(office.arena);

	struct sha256_hex true_previous = office.statement_sha256;

	doc_set_text(act, "act", "person.leave");
	doc_set_text(act, "person", "p-qa");
	doc_add(acts, act);
	office.statement_number++;
	office_refused(&office, "put", office_statement(&office, acts, admins, 2),
		       E_DIRECTORY_NUMBER);
	office.statement_number--;
	memset(office.statement_sha256.text, 'a', 64);
	office_refused(&office, "put", office_statement(&office, acts, admins, 2),
		       E_DIRECTORY_NUMBER);
	office.statement_sha256 = true_previous;
}

static void test_login__takes_only_the_password(void **state)
{
	(void)state;
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "person", "p-tester");
	doc_set_text(members, "password", OFFICE_PASSWORD);
	doc_set_text(members, "remote", "127.0.0.1");
	assert_string_equal(doc_get_text(office_must(&office, "login", members), "name"),
			    "EXAMPLE p-tester");
	doc_set_text(members, "password", "correct horse EXAMPLF");
	office_refused(&office, "login", members, E_LOGIN);
	doc_set_text(members, "person", "p-nobody");
	doc_set_text(members, "password", OFFICE_PASSWORD);
	office_refused(&office, "login", members, E_LOGIN);
}

static void test_release__opens_with_its_three_signatures(void **state)
{
	(void)state;
	office_given_release(&office);
	assert_false(office_gate_open(&office, "release", office.release));
	office_given_tested(&office);
	assert_false(office_gate_open(&office, "release", office.release));
	office_refused(&office, "challenge",
		       office_challenge_members(&office, "p-author", "approved", "release",
						office.release),
		       E_SIGN_OWN_WORK);
	office_refused(&office, "challenge",
		       office_challenge_members(&office, "p-tester", "approved", "release",
						office.release),
		       E_SIGN_OWN_WORK);
	office_refused(&office, "challenge",
		       office_challenge_members(&office, "p-manager", "approved", "release",
						office.release),
		       E_SIGN_ROLE);
	office_must(&office, "sign",
		    office_answer(&office, "p-qa", "approved", "release", office.release, NULL));
	assert_false(office_gate_open(&office, "release", office.release));
	office_refused(&office, "sign",
		       office_answer(&office, "p-qa", "approved", "release", office.release,
				     &office.stranger),
		       E_PERSONAL_KEY);
	office_given_approved(&office);
	assert_true(office_gate_open(&office, "release", office.release));
}

static void test_sign__takes_one_answer(void **state)
{
	(void)state;
	static const char refusals[] = "SELECT count(*)::text FROM event WHERE kind = "
				       "'signature.refused' AND convert_from(bytes, 'UTF8') LIKE "
				       "'%\"code\":\"challenge.used\"%'";
	struct doc *answer =
		office_answer(&office, "p-qa", "approved", "release", office.release, &office.qa);

	office_must(&office, "sign", answer);
	expect_sql(office.database.owner, refusals, "0");
	office_refused(&office, "sign", answer, E_CHALLENGE_USED);
	expect_sql(office.database.owner, refusals, "1");
	answer = office_answer(&office, "p-tester", "tested", "record", office.record, NULL);
	doc_set_text(answer, "password", "wrong horse EXAMPLE");
	for (int i = 0; i < KEEPER_CHALLENGE_FAILURES; i++)
		office_refused(&office, "sign", answer, E_CHALLENGE_ANSWER);
	doc_set_text(answer, "password", OFFICE_PASSWORD);
	office_refused(&office, "sign", answer, E_CHALLENGE_USED);
}

static void test_campaign__starts_with_the_release_managers_signature(void **state)
{
	(void)state;
	office_given_campaign(&office);
	office_refused(&office, "open", open_members("start"), E_GATE_CLOSED);
	office_refused(&office, "lease", office_lease_members(&office, "unit-1", 1, "install"),
		       E_LEASE_GATE_CLOSED);
	assert_false(office_gate_open(&office, "campaign", office.campaign));
	office_given_released(&office);
	assert_true(office_gate_open(&office, "campaign", office.campaign));
	office_given_started(&office);
	expect_sql(office.database.owner, "SELECT count(*)::text FROM permit_live", "1");
}

static void test_lease__is_for_a_target_in_order(void **state)
{
	(void)state;
	struct doc *install = office_lease_members(&office, "unit-1", 1, "install");

	office_refused(&office, "lease", office_lease_members(&office, "unit-3", 1, "install"),
		       E_LEASE_TARGET);
	office_refused(&office, "lease", office_lease_members(&office, "unit-1", 1, "activate"),
		       E_LEASE_STEP);
	office_refused(&office, "lease", office_lease_members(&office, "unit-1", 2, "install"),
		       E_LEASE_STEP);
	office_must(&office, "lease", install);
	office_refused(&office, "lease", install, E_LEASE_NONCE);
	office_must(&office, "lease", office_lease_members(&office, "unit-1", 1, "activate"));
}

static void test_hold__stops_leases_until_a_signed_resumption(void **state)
{
	(void)state;
	struct doc *hold = doc_object(office.arena);
	struct doc *resume = open_members("resume");

	doc_set_text(hold, "campaign", office.campaign);
	doc_set_text(hold, "by", "p-manager");
	doc_set_text(hold, "reason", "EXAMPLE");
	office_must(&office, "hold", hold);
	expect_sql(office.database.owner, "SELECT count(*)::text FROM permit_live", "0");
	office_refused(&office, "lease", office_lease_members(&office, "unit-2", 1, "install"),
		       E_LEASE_HELD);
	office_refused(&office, "open", resume, E_ID);
	const struct doc *given = office_must(
		&office, "sign",
		office_answer(&office, "p-manager", "resumed", "campaign", office.campaign, NULL));
	doc_set_text(resume, "signature", doc_get_text(given, "signature"));
	office_must(&office, "open", resume);
	office_must(&office, "lease", office_lease_members(&office, "unit-2", 1, "install"));
	office_refused(&office, "open", resume, E_CAMPAIGN_STATE);
}

/* Refuses the insertion of leases as often as this, as the guard does when a renewal came between. */
static void given_lease_refusals(int times)
{
	given_sql(
		office.database.owner,
		arena_printf(
			office.arena,
			"CREATE SEQUENCE refusal; CREATE FUNCTION refuse_some() RETURNS trigger "
			"LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN "
			"IF nextval('public.refusal') <= %d THEN RAISE EXCEPTION 'renewed'; END IF; "
			"RETURN NEW; END $$; CREATE TRIGGER refuse_some BEFORE INSERT ON lease "
			"FOR EACH ROW EXECUTE FUNCTION refuse_some()",
			times));
}

static void end_lease_refusals(void)
{
	given_sql(office.database.owner, "DROP TRIGGER refuse_some ON lease; "
					 "DROP FUNCTION refuse_some; DROP SEQUENCE refusal");
}

static void test_lease__is_granted_although_a_renewal_came_between(void **state)
{
	(void)state;
	given_lease_refusals(2);
	office_must(&office, "lease", office_lease_members(&office, "unit-2", 1, "install"));
	end_lease_refusals();
	given_lease_refusals(3);
	office_refused(&office, "lease", office_lease_members(&office, "unit-2", 1, "install"),
		       E_DB_REFUSED);
	end_lease_refusals();
}

static void test_ledger__holds_every_event_once_and_git_every_act(void **state)
{
	(void)state;
	office_settled(&office);
	expect_sql(office.database.owner,
		   "SELECT ((SELECT count(*) FROM event) = (SELECT count(*) FROM sealed))::text",
		   "true");
	expect_sql(office.database.owner, "SELECT count(*)::text FROM event_set_aside", "0");
	expect_sql(
		office.database.owner,
		"SELECT ((SELECT count(*) FROM history) = (SELECT count(*) FROM event WHERE kind IN "
		"('release.sealed', 'record.added', 'signature.given', 'ruleset.adopted')))::text",
		"true");
}

static void test_keeper__goes_on_where_it_stopped(void **state)
{
	(void)state;
	struct err err = {0};

	office_stop_keeper(&office);
	assert_true(office_start_keeper(&office, &err));
	assert_true(doc_bool(doc_get(office_must(&office, "status", NULL), "ready"), false));
	office_given_release(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust__needs_the_quorum_and_never_goes_back),
		cmocka_unit_test(test_directory__needs_two_different_admins),
		cmocka_unit_test(test_directory__cannot_be_replayed),
		cmocka_unit_test(test_login__takes_only_the_password),
		cmocka_unit_test(test_release__opens_with_its_three_signatures),
		cmocka_unit_test(test_sign__takes_one_answer),
		cmocka_unit_test(test_campaign__starts_with_the_release_managers_signature),
		cmocka_unit_test(test_lease__is_for_a_target_in_order),
		cmocka_unit_test(test_hold__stops_leases_until_a_signed_resumption),
		cmocka_unit_test(test_lease__is_granted_although_a_renewal_came_between),
		cmocka_unit_test(test_ledger__holds_every_event_once_and_git_every_act),
		cmocka_unit_test(test_keeper__goes_on_where_it_stopped),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
