/* SPDX-License-Identifier: Apache-2.0 */
/* What can a hijacked service obtain from the keeper? It has the socket, its role, its MAC key, one
 * captured password and one captured answer; it asks for everything in every wrong way. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"

#include "common/encode.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RACERS = 8, LONG_TEXT = 5000 };

static struct office office;
static struct session *service;
static struct session *owner;

/* ---- what was captured, and gates that are closed ---- */

static char other_release[37], other_campaign[37]; /* running, with everybody's word */
static struct doc *captured; /* p-qa's answer with the personal key, given once */

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	service = session_new(office.database.service);
	owner = session_new(office.database.owner);
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	captured =
		office_answer(&office, "p-qa", "approved", "release", office.release, &office.qa);
	office_must(&office, "sign", captured);
	office_given_campaign(&office);
	office_given_released(&office);
	office_given_started(&office);
	snprintf(other_release, sizeof(other_release), "%s", office.release);
	snprintf(other_campaign, sizeof(other_campaign), "%s", office.campaign);
	/* Tested, not approved; drafted and submitted, not released. */
	office_given_release(&office);
	office_given_tested(&office);
	office_given_campaign(&office);
	return 0;
}

static int end(void **state)
{
	(void)state;
	session_free(service);
	session_free(owner);
	office_close(&office);
	return 0;
}

/* What of the past runs by everybody's word may go on; nothing else may begin. */
static const char *count_now(void)
{
	return session_ask(
		owner, office.arena,
		arena_printf(
			office.arena,
			"SELECT concat_ws(' ', (SELECT count(*) FROM verdict WHERE open AND subject NOT IN "
			"('%s', '%s')), (SELECT count(*) FROM permit WHERE campaign <> '%s'), "
			"(SELECT count(*) FROM lease WHERE campaign <> '%s'), (SELECT count(*) FROM signature), "
			"(SELECT count(*) FROM person), (SELECT count(*) FROM role_grant), "
			"(SELECT count(*) FROM personal_key), (SELECT count(*) FROM device), "
			"(SELECT count(*) FROM campaign_open), (SELECT count(*) FROM campaign_hold_release), "
			"(SELECT count(*) FROM trust_document), (SELECT count(*) FROM directory_statement), "
			"(SELECT count(*) FROM ruleset), (SELECT count(*) FROM product), "
			"(SELECT md5(string_agg(person || coalesce(password, ''), '' ORDER BY person)) "
			"FROM credential))",
			other_release, other_campaign, other_campaign, other_campaign));
}

static void expect_closed(void)
{
	assert_false(office_gate_open(&office, "release", office.release));
	assert_false(office_gate_open(&office, "campaign", office.campaign));
}

/* ---- every verb, every member, mutated ---- */

static const struct doc *held(struct doc *holder)
{
	return doc_get(holder, "v");
}

static const struct doc *text_value(const char *text)
{
	struct doc *holder = doc_object(office.arena);

	doc_set_text(holder, "v", text);
	return held(holder);
}

static const struct doc *int_value(int64_t value)
{
	struct doc *holder = doc_object(office.arena);

	doc_set_int(holder, "v", value);
	return held(holder);
}

static const struct doc *nested_value(int depth)
{
	struct doc *inner = doc_array(office.arena);

	for (int i = 1; i < depth; i++) {
		struct doc *outer = doc_array(office.arena);
		doc_add(outer, inner);
		inner = outer;
	}
	return inner;
}

enum { VALUES = 22 };

static void make_values(const struct doc *values[VALUES])
{
	struct doc *holder = doc_object(office.arena);
	struct doc *flag = doc_object(office.arena);
	struct doc *list = doc_array(office.arena);
	char *text = arena_alloc(office.arena, LONG_TEXT + 1);
	char unknown[37];
	size_t n = 0;

	memset(text, 'x', LONG_TEXT);
	id_uuid_draw(unknown);
	doc_set_null(holder, "v");
	doc_set_bool(flag, "v", true);
	doc_add_text(list, other_release);
	values[n++] = held(holder);
	values[n++] = held(flag);
	values[n++] = int_value(0);
	values[n++] = int_value(-1);
	values[n++] = int_value(DOC_INT_MAX);
	values[n++] = text_value("");
	values[n++] = text_value(text);
	values[n++] = text_value("\x01\x1b[2J\n");
	values[n++] = text_value("../../../../etc/passwd");
	values[n++] = text_value("' OR 'a' = 'a");
	values[n++] = text_value(arena_text(office.arena, unknown));
	values[n++] = text_value(other_release);
	values[n++] = text_value(other_campaign);
	values[n++] = text_value("p-qa");
	values[n++] = text_value("p-ada");
	values[n++] = text_value("unit-3");
	values[n++] = text_value("released");
	values[n++] = text_value("campaign");
	values[n++] = nested_value(1);
	values[n++] = nested_value(20);
	values[n++] = doc_object(office.arena);
	values[n++] = list;
	assert_int_equal(n, VALUES);
}

/* The members again, but for one: left out (value NULL) or replaced. */
static struct doc *changed(const struct doc *members, const char *key, const struct doc *value)
{
	struct doc *copy = doc_object(office.arena);
	size_t count;
	const struct doc_pair *pairs = doc_members(office.arena, members, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(pairs[i].key, key) != 0)
			doc_set(copy, pairs[i].key, pairs[i].value);
	}
	if (value)
		doc_set(copy, key, value);
	return copy;
}

struct mutation {
	const char *verb;
	const char *before;
	size_t asked;
	size_t refused;
};

/* Whatever it asks for: answered at once or refused in words, nothing opened, nobody harmed. */
static void ask(struct mutation *mutation, struct doc *members)
{
	const struct doc *reply;
	struct err err = {0};

	mutation->asked++;
	if (!office_call(&office, mutation->verb, members, &reply, &err)) {
		enum err_kind kind = err_code_kind(err.code);
		mutation->refused++;
		/* To wait for the seal of an event that never was takes its 5 s. */
		bool waited =
			err.code == E_LEDGER_NOT_SEALED && strcmp(mutation->verb, "seal") == 0;
		if (kind == ERR_BUG || kind == ERR_INTERNAL || (kind == ERR_UNAVAILABLE && !waited))
			fail_msg("%s: %s: %s\n%s", mutation->verb, err_code_text(err.code),
				 err.text, doc_pretty(office.arena, members));
	}
	const char *now = count_now();
	if (strcmp(now, mutation->before) != 0)
		fail_msg("%s: %s became %s\n%s", mutation->verb, mutation->before, now,
			 doc_pretty(office.arena, members));
}

static void mutate(struct mutation *mutation, const struct doc *members,
		   const struct doc *const values[VALUES])
{
	size_t count;
	const struct doc_pair *pairs = doc_members(office.arena, members, &count);

	ask(mutation, changed(members, "unknown-member", values[0]));
	for (size_t i = 0; i < count; i++) {
		size_t inner;
		const char *key = pairs[i].key;
		const struct doc *value = pairs[i].value;
		ask(mutation, changed(members, key, NULL));
		for (size_t v = 0; v < VALUES; v++)
			ask(mutation, changed(members, key, values[v]));
		if (doc_kind(value) != DOC_KIND_OBJECT)
			continue;
		const struct doc_pair *parts = doc_members(office.arena, value, &inner);
		for (size_t p = 0; p < inner; p++) {
			ask(mutation, changed(members, key, changed(value, parts[p].key, NULL)));
			for (size_t v = 0; v < VALUES; v++)
				ask(mutation,
				    changed(members, key, changed(value, parts[p].key, values[v])));
		}
	}
}

static struct doc *campaign_members(const char *act)
{
	struct doc *members = doc_object(office.arena);

	if (act)
		doc_set_text(members, "act", act);
	doc_set_text(members, "campaign", office.campaign);
	return members;
}

static struct doc *decide_members(const char *gate, const char *subject, bool dry)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "gate", gate);
	doc_set_text(members, "subject", subject);
	doc_set_bool(members, "dry", dry);
	return members;
}

static struct doc *put_members(const char *what)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "what", what);
	return members;
}

static struct doc *seal_members(void)
{
	struct doc *members = doc_object(office.arena);
	struct doc *events = doc_array(office.arena);

	doc_add_text(events,
		     session_ask(owner, office.arena, "SELECT event::text FROM sealed LIMIT 1"));
	doc_set(members, "events", events);
	return members;
}

static struct doc *signed_put(const char *what)
{
	struct doc *members = put_members(what);
	struct doc *cms = doc_array(office.arena);

	doc_add_text(cms, doc_get_text(captured, "cms"));
	doc_set_text(members, "sha256",
		     session_ask(owner, office.arena,
				 arena_printf(office.arena,
					      "SELECT sha256 FROM document WHERE type = "
					      "'countersign.%s.v1' LIMIT 1",
					      what)));
	doc_set(members, "cms", cms);
	return members;
}

static struct doc *record_put(void)
{
	struct doc *members = put_members("record");

	doc_set_text(members, "release", other_release);
	doc_set_text(members, "sha256", office.record_sha256.text);
	doc_set_text(members, "added_by", "p-qa");
	return members;
}

static struct doc *password_put(void)
{
	struct doc *members = put_members("password");

	doc_set_text(members, "person", "p-qa");
	doc_set_text(members, "token", "invite p-qa"); /* used before */
	doc_set_text(members, "password", "mallory's own EXAMPLE");
	return members;
}

static struct doc *login_members(const char *person)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "person", person);
	doc_set_text(members, "password", "not the password");
	doc_set_text(members, "remote", "127.0.0.1");
	return members;
}

static struct doc *with(struct doc *members, const char *key, const char *value)
{
	doc_set_text(members, key, value);
	return members;
}

static struct doc *resume_members(void)
{
	return with(campaign_members("resume"), "signature",
		    session_ask(owner, office.arena, "SELECT id::text FROM signature LIMIT 1"));
}

static struct doc *closed_lease(void)
{
	return office_lease_members(&office, "unit-1", 1, "install");
}

static void test_verbs__open_nothing_however_they_are_asked(void **state)
{
	(void)state;
	const struct doc *values[VALUES];
	struct doc *challenge =
		office_challenge_members(&office, "p-qa", "approved", "release", office.release);
	const struct {
		const char *verb;
		const struct doc *members;
	} requests[] = {
		{"status", doc_object(office.arena)},
		{"login", login_members("p-qa")},
		{"challenge", challenge},
		{"sign", captured},
		{"sign", with(changed(captured, "cms", NULL), "password", OFFICE_PASSWORD)},
		{"put", signed_put("trust")},
		{"put", signed_put("directory")},
		{"put", password_put()},
		{"put", with(put_members("seal-release"), "release", office.release)},
		{"put", record_put()},
		{"put", with(put_members("plan"), "campaign", office.campaign)},
		{"decide", decide_members("release", office.release, true)},
		{"decide", decide_members("campaign", office.campaign, false)},
		{"permit", campaign_members(NULL)},
		{"lease", closed_lease()},
		{"open", campaign_members("start")},
		{"open", resume_members()},
		{"seal", seal_members()},
		{"lease-all", campaign_members(NULL)},
	};

	size_t asked = 0;

	make_values(values);
	expect_closed();
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct mutation mutation = {.verb = requests[i].verb, .before = count_now()};
		mutate(&mutation, requests[i].members, values);
		print_message("# %s: %zu asked, %zu refused\n", mutation.verb, mutation.asked,
			      mutation.refused);
		asked += mutation.asked;
	}
	assert_true(asked > 1200);
	expect_closed();
}

/* The same requests with the running campaign's id: its own gates stay as they are. */
static void test_verbs__give_no_second_opening_of_a_running_campaign(void **state)
{
	(void)state;
	struct doc *start = with(campaign_members("start"), "campaign", other_campaign);
	const char *before = count_now();

	assert_true(doc_bool(doc_get(office_must(&office, "open", start), "before"), false));
	assert_string_equal(count_now(), before);
	office_refused(&office, "lease",
		       with(office_lease_members(&office, "unit-3", 1, "install"), "campaign",
			    other_campaign),
		       E_LEASE_TARGET);
	office_refused(&office, "lease",
		       with(office_lease_members(&office, "unit-1", 2, "install"), "campaign",
			    other_campaign),
		       E_LEASE_STEP);
	assert_string_equal(count_now(), before);
}

/* ---- forged events ---- */

/* Of every kind that is not the service's to write, with its own true MAC. */
static void test_events__of_the_keepers_kinds_are_set_aside(void **state)
{
	(void)state;
	const char *before = count_now();
	size_t forged_count = 0;
	struct doc *data = doc_object(office.arena);

	doc_set_text(data, "signature", other_release);
	doc_set_text(data, "meaning", "approved");
	doc_set_text(data, "strength", "personal-key");
	doc_set_text(data, "sha256", office.plan_sha256.text);
	doc_set_bool(data, "open", true);
	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		if (event_kind_writers((enum event_kind)kind) & WRITER_SERVICE)
			continue;
		struct session_forged forged = {.kind = event_kind_text((enum event_kind)kind),
						.writer = "service/1",
						.stream_kind = "device",
						.stream_id = "unit-3",
						.data = data};
		session_stream(service, office.arena, true, &forged);
		struct bytes bytes = session_forge(office.arena, &forged);
		struct session_event event = {.id = forged.id,
					      .kind = forged.kind,
					      .writer = forged.writer,
					      .bytes = bytes,
					      .key = office.writer.key};
		assert_string_equal(session_put_event(service, &event), "");
		forged_count++;
	}
	ledger_settled(&office);
	assert_true(forged_count > 15);
	assert_int_equal(session_count(owner, "SELECT count(*) FROM event_set_aside WHERE why = "
					      "'its writer may not write events of this kind'"),
			 forged_count);
	assert_string_equal(count_now(), before);
	expect_closed();
	ledger_must_hold(&office);
}

/* ---- what was captured ---- */

struct race {
	struct doc *answer;
	struct arena *arena;
	pthread_t thread;
	enum err_code code;
};

static void *race_run(void *context)
{
	struct race *race = context;
	const struct doc *reply;
	struct err err = {0};

	if (!keeper_client_call(office.client, race->arena, "sign", "race", race->answer, &reply,
				&err))
		race->code = err.code;
	return NULL;
}

/* How many of many at once were taken; all others must be refused as used. */
static size_t race_answer(struct doc *answer)
{
	struct race races[RACERS] = {0};
	size_t taken = 0;

	for (size_t i = 0; i < RACERS; i++) {
		races[i].answer = answer;
		races[i].arena = arena_new(4 * 1024 * 1024);
		assert_int_equal(pthread_create(&races[i].thread, NULL, race_run, &races[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++) {
		pthread_join(races[i].thread, NULL);
		arena_free(races[i].arena);
		taken += races[i].code == E_NONE;
		if (races[i].code != E_NONE && races[i].code != E_CHALLENGE_USED)
			fail_msg("%s", err_code_text(races[i].code));
	}
	return taken;
}

static int64_t signatures_of(const char *person)
{
	return session_count(
		owner, arena_printf(office.arena,
				    "SELECT count(*) FROM signature WHERE person = '%s'", person));
}

static void test_sign__captured_answer_gives_at_most_one_signature(void **state)
{
	(void)state;
	int64_t before = signatures_of("p-qa");

	for (int i = 0; i < 3; i++)
		office_refused(&office, "sign", captured, E_CHALLENGE_USED);
	assert_int_equal(race_answer(captured), 0);
	assert_int_equal(signatures_of("p-qa"), before);
	/* Eight at once before the first was taken: one. */
	int64_t testers = signatures_of("p-tester");
	assert_int_equal(race_answer(office_answer(&office, "p-tester", "tested", "record",
						   office.record, NULL)),
			 1);
	assert_int_equal(signatures_of("p-tester"), testers + 1);
}

/* The bytes were signed for another challenge. */
static void test_sign__captured_cms_answers_no_other_challenge(void **state)
{
	(void)state;
	struct doc *answer = office_answer(&office, "p-qa", "approved", "release", office.release,
					   &office.stranger);
	int64_t before = signatures_of("p-qa");

	doc_set_text(answer, "cms", doc_get_text(captured, "cms"));
	office_refused(&office, "sign", answer, E_SIGNATURE);
	assert_int_equal(signatures_of("p-qa"), before);
	expect_closed();
}

/* What a captured password can do, stated as it is: until there is a second factor, more signatures of
 * its person, checked by the keeper. Never of strength personal-key, never of another person. */
static void test_sign__captured_password_alone_signs_more_until_the_second_factor(void **state)
{
	(void)state;
	int64_t before = signatures_of("p-tester");

	for (int i = 0; i < 2; i++) {
		const struct doc *given = office_must(&office, "sign",
						      office_answer(&office, "p-tester", "tested",
								    "record", office.record, NULL));
		assert_string_equal(doc_get_text(given, "strength"), "keeper-checked");
	}
	assert_int_equal(signatures_of("p-tester"), before + 2);
	assert_int_equal(session_count(owner, "SELECT count(*) FROM signature WHERE strength = "
					      "'personal-key' AND person <> 'p-qa'"),
			 0);
	struct doc *answer =
		office_answer(&office, "p-qa", "approved", "release", office.release, NULL);
	doc_set_text(answer, "password", "p-tester's password");
	office_refused(&office, "sign", answer, E_CHALLENGE_ANSWER);
	expect_closed();
}

/* ---- the personal key ---- */

static void test_gate__stays_closed_without_the_personal_key(void **state)
{
	(void)state;
	const struct office_key *const others[] = {&office.stranger, &office.ada, &office.author,
						   &office.keeper_key, &office.roots[0]};

	/* QA's password, however often. */
	for (int i = 0; i < 2; i++)
		office_must(&office, "sign",
			    office_answer(&office, "p-qa", "approved", "release", office.release,
					  NULL));
	expect_closed();
	/* Other people's keys, and keys of other roles. */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct doc *reply;
		struct err err = {0};
		assert_false(office_call(&office, "sign",
					 office_answer(&office, "p-qa", "approved", "release",
						       office.release, others[i]),
					 &reply, &err));
		assert_true(err.code == E_PERSONAL_KEY || err.code == E_CERT ||
			    err.code == E_SIGNATURE_PROFILE || err.code == E_SIGNATURE);
	}
	expect_closed();
	office_refused(&office, "open", campaign_members("start"), E_GATE_CLOSED);
	office_refused(&office, "permit", campaign_members(NULL), E_CAMPAIGN_STATE);
	office_refused(&office, "lease", closed_lease(), E_LEASE_GATE_CLOSED);
}

/* Documents that look like what would open, beside what opens. */
static void test_gate__does_not_believe_documents(void **state)
{
	(void)state;
	struct doc *verdict = doc_object(office.arena);
	struct bytes bytes;
	struct err err = {0};

	doc_set_text(verdict, "type", "countersign.verdict.v1");
	doc_set_text(verdict, "gate", "release");
	doc_set_bool(verdict, "open", true);
	assert_true(doc_canonical(office.arena, verdict, &bytes, &err));
	struct sha256_hex digest = office_store(&office, "countersign.verdict.v1", bytes);
	session_must(service,
		     arena_printf(office.arena,
				  "INSERT INTO document_signature (sha256, role, key_id, "
				  "signature) SELECT '%s', role, key_id, signature "
				  "FROM document_signature WHERE role IN ('keeper', 'person') "
				  "ON CONFLICT DO NOTHING",
				  digest.text));
	expect_closed();
	office_refused(&office, "open", campaign_members("start"), E_GATE_CLOSED);
}

static void test_gate__opens_with_the_personal_key(void **state)
{
	(void)state;
	office_given_approved(&office);
	assert_true(office_gate_open(&office, "release", office.release));
	assert_false(office_gate_open(&office, "campaign", office.campaign));
	office_given_released(&office);
	office_given_started(&office);
	office_must(&office, "lease", closed_lease());
	ledger_must_hold(&office);
}

static void test_hold__only_closes(void **state)
{
	(void)state;
	const struct doc *values[VALUES];
	struct mutation mutation = {.verb = "hold", .before = count_now()};
	struct doc *members = campaign_members(NULL);

	make_values(values);
	doc_set_text(members, "by", "p-manager");
	doc_set_text(members, "reason", "EXAMPLE");
	mutate(&mutation, members, values);
	assert_true(mutation.asked > 60 && mutation.refused > 30);
	office_refused(&office, "lease", closed_lease(), E_LEASE_HELD);
	/* Taking it back needs a signature over this very hold. */
	office_refused(&office, "open", resume_members(), E_CAMPAIGN_STATE);
	assert_string_equal(count_now(), mutation.before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs__open_nothing_however_they_are_asked),
		cmocka_unit_test(test_verbs__give_no_second_opening_of_a_running_campaign),
		cmocka_unit_test(test_events__of_the_keepers_kinds_are_set_aside),
		cmocka_unit_test(test_sign__captured_answer_gives_at_most_one_signature),
		cmocka_unit_test(test_sign__captured_cms_answers_no_other_challenge),
		cmocka_unit_test(
			test_sign__captured_password_alone_signs_more_until_the_second_factor),
		cmocka_unit_test(test_gate__stays_closed_without_the_personal_key),
		cmocka_unit_test(test_gate__does_not_believe_documents),
		cmocka_unit_test(test_gate__opens_with_the_personal_key),
		cmocka_unit_test(test_hold__only_closes),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
