/* SPDX-License-Identifier: Apache-2.0 */
/* Are facts read that can be true, and refused that cannot, or that could be written in two ways? */

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

/* Two of everything that is a list, so that each can be turned round. */
static struct given *full(void)
{
	struct given *given = given_campaign(arena);

	given->ruleset_names[1] = "fda";
	given->facts.product.ruleset_count = 2;
	given_role(given, P_AUTHOR, "tester");
	given->records[1] = given->records[0];
	given->records[1].id = SECOND_RECORD_ID;
	given_record_again(given, 1);
	given->facts.record_count = 2;
	given_expiry(given, "a", NOON + HOUR);
	given_expiry(given, "b", NOON + HOUR);
	return given;
}

/* ---- what is read ---- */

static void test_facts_read__gives_back_what_facts_write_put_down(void **state)
{
	struct given *given = full();
	struct bytes bytes = given_bytes(given);
	struct bytes again;
	struct facts facts;
	struct err err = {0};

	(void)state;
	assert_true(facts_read(arena, bytes, &facts, &err));
	assert_string_equal(facts.gate, "campaign");
	assert_true(facts.as_of == NOON);
	assert_int_equal(facts.product.ruleset_count, 2);
	assert_int_equal(facts.release.artifact_count, 2);
	assert_string_equal(facts.release.artifacts[1].name, "example.cfg");
	assert_true(facts.release.artifacts[1].size_bytes == 20);
	assert_string_equal(facts.author.person, AUTHOR);
	assert_int_equal(facts.record_count, 2);
	assert_string_equal(facts.records[0].body.tester, TESTER);
	assert_true(bytes_equal(facts.records[0].document, given->records[0].document));
	assert_string_equal(facts.people[0].roles[1], "tester");
	assert_true(facts_person_holds(facts_person_find(&facts, QA), "qa"));
	assert_false(facts_person_holds(facts_person_find(&facts, QA), "tester"));
	assert_null(facts_person_find(&facts, "example-nobody"));
	assert_string_equal(facts.signatures[1].strength, "personal-key");
	assert_true(facts.campaign->targets == 5);
	assert_true(facts.release_verdict->open);
	assert_true(facts_write(arena, &facts, &again, &err));
	assert_true(bytes_equal(bytes, again));
}

static void test_facts_read__takes_an_author_without_person(void **state)
{
	struct given *given = given_release(arena);
	struct facts facts;
	struct err err = {0};

	(void)state;
	given->facts.author.person = NULL;
	assert_true(facts_read(arena, given_bytes(given), &facts, &err));
	assert_null(facts.author.person);
	assert_null(facts.campaign);
}

static void test_facts_write__drops_repeats_from_sets(void **state)
{
	struct given *given = full();
	struct bytes once = given_bytes(given);

	(void)state;
	given->contributions[4] = given->contributions[0];
	given->contributions[5] = given->contributions[0];
	given->facts.contribution_count = 6;
	given_expiry(given, "a", NOON + HOUR);
	assert_true(bytes_equal(once, given_bytes(given)));
}

static void test_facts_write__makes_a_reason_from_outside_fit(void **state)
{
	struct given *given = given_release(arena);
	struct facts facts;
	struct err err = {0};

	(void)state;
	given->facts.author.valid = false;
	given->facts.author.why = "the library said \x01\xff";
	assert_true(facts_read(arena, given_bytes(given), &facts, &err));
	assert_string_equal(facts.author.why, "the library said ??");
}

static void test_facts_write__refuses_what_would_not_be_read(void **state)
{
	struct given *given = given_release(arena);
	struct bytes bytes = {0};
	struct err err = {0};

	(void)state;
	given->people[1].person = AUTHOR;
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_int_equal(err.code, E_FACTS);
	assert_int_equal(bytes.size, 0);
	err_clear(&err);
	given->records[0].document = bytes_of_text("{\"type\":\"countersign.plan.v1\"}");
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_int_equal(err.code, E_DOC_TYPE);
	assert_non_null(strstr(err.text, RECORD_ID));
}

/* ---- lists ---- */

static struct doc *copied(const struct doc *object)
{
	struct doc *copy = doc_object(arena);
	size_t count;
	const struct doc_pair *pairs = doc_members(arena, object, &count);

	for (size_t i = 0; i < count; i++)
		doc_set(copy, pairs[i].key, pairs[i].value);
	return copy;
}

static struct doc *turned(const struct doc *list)
{
	struct doc *other = doc_array(arena);
	for (size_t i = doc_size(list); i > 0; i--)
		doc_add(other, doc_at(list, i - 1));
	return other;
}

static struct doc *doubled(const struct doc *list)
{
	struct doc *other = doc_array(arena);
	doc_add(other, doc_at(list, 0));
	for (size_t i = 0; i < doc_size(list); i++)
		doc_add(other, doc_at(list, i));
	return other;
}

/* The facts with one list changed; `inside`: the member that holds it, NULL for the top. */
static struct bytes with_list(struct bytes bytes, const char *inside, const char *name,
			      struct doc *(*change)(const struct doc *list))
{
	const struct doc *doc;
	struct bytes out = {0};
	struct err err = {0};

	if (!doc_parse(arena, bytes, &doc, &err))
		fail_msg("%s", err.text);
	struct doc *top = copied(doc);
	if (inside) {
		struct doc *part = copied(doc_get(doc, inside));
		doc_set(part, name, change(doc_get(part, name)));
		doc_set(top, inside, part);
	} else {
		doc_set(top, name, change(doc_get(doc, name)));
	}
	if (!doc_canonical(arena, top, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

static struct doc *roles_turned(const struct doc *people)
{
	struct doc *list = doc_array(arena);
	struct doc *first = copied(doc_at(people, 0));

	doc_set(first, "roles", turned(doc_get(first, "roles")));
	doc_add(list, first);
	for (size_t i = 1; i < doc_size(people); i++)
		doc_add(list, doc_at(people, i));
	return list;
}

static void test_facts_read__refuses_lists_that_are_not_sorted_or_repeat(void **state)
{
	static const struct {
		const char *inside, *name;
	} lists[] = {
		{"product", "rulesets"}, {"release", "artifacts"}, {NULL, "records"},
		{NULL, "contributions"}, {NULL, "people"},	   {NULL, "signatures"},
		{NULL, "expiries"},
	};
	struct bytes bytes = given_bytes(full());
	struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct err err = {0};
		struct bytes wrong = with_list(bytes, lists[i].inside, lists[i].name, turned);
		if (facts_read(arena, wrong, &facts, &err) || err.code != E_FACTS)
			fail_msg("%s turned round: %s", lists[i].name, err.text);
		assert_non_null(strstr(err.text, lists[i].name));
		err_clear(&err);
		wrong = with_list(bytes, lists[i].inside, lists[i].name, doubled);
		if (facts_read(arena, wrong, &facts, &err) || err.code != E_FACTS)
			fail_msg("%s doubled: %s", lists[i].name, err.text);
	}
	struct err err = {0};
	assert_false(
		facts_read(arena, with_list(bytes, NULL, "people", roles_turned), &facts, &err));
	assert_int_equal(err.code, E_FACTS);
}

static void test_facts_read__sorts_by_the_second_member_where_the_first_is_the_same(void **state)
{
	struct given *given = full();
	struct facts facts;
	struct err err = {0};

	(void)state;
	/* Two contributions of one person, two expiries of one thing, two versions of one record. */
	given_expiry(given, "b", NOON + 2 * HOUR);
	given->records[0].current = false;
	given->records[1].id = RECORD_ID;
	given->records[1].version = 2;
	given_record_again(given, 1);
	struct bytes bytes = given_bytes(given);
	assert_true(facts_read(arena, bytes, &facts, &err));
	assert_string_equal(facts.contributions[2].person, facts.contributions[3].person);
	assert_true(facts.records[1].version == 2);
	assert_false(facts_read(
		arena, given_replaced(arena, bytes, "\"kind\":\"upload\"", "\"kind\":\"author\""),
		&facts, &err));
	err_clear(&err);
	assert_false(facts_read(arena, given_replaced(arena, bytes, "\"what\":\"a\"", "\"what\":7"),
				&facts, &err));
	assert_non_null(strstr(err.text, "expiries, item 1"));
	err_clear(&err);
	assert_false(facts_read(arena,
				given_replaced(arena, bytes, "2026-11-23T14:00:00.000000Z",
					       "2026-11-23T13:00:00.000000Z"),
				&facts, &err));
	assert_int_equal(err.code, E_FACTS);
}

/* ---- contradictions and foreign pairs ---- */

struct refusal_case {
	const char *sentence;
	bool campaign;
	const char *from, *into;
	enum err_code code;
	const char *text;
};

/* clang-format off */
static const struct refusal_case refusals[] = {
	{"an unknown member", false, "{\"as_of\":", "{\"aaa\":1,\"as_of\":", E_DOC_FIELD, "aaa"},
	{"an unknown member of a part", false, "{\"key_id\":", "{\"aaa\":1,\"key_id\":", E_DOC_FIELD, "author"},
	{"a missing member", false, "\"expiries\":[],", "", E_DOC_FIELD, "expiries"},
	{"another type of document", false, "countersign.facts.v1", "countersign.facts.v2", E_DOC_TYPE, ""},
	{"white space", false, "{\"as_of\":", "{ \"as_of\":", E_DOC_NOT_CANONICAL, ""},
	{"another gate", false, "\"gate\":\"release\"", "\"gate\":\"device\"", E_DOC_FIELD, "gate"},
	{"an author without the member person", false, "\"person\":\"" AUTHOR "\",\"valid\"", "\"valid\"", E_FACTS, "person must be given"},
	{"an author that is no name", false, "\"person\":\"" AUTHOR "\",\"valid\"", "\"person\":\"an author\",\"valid\"", E_FACTS, "author"},
	{"an unknown meaning", false, "\"meaning\":\"approved\"", "\"meaning\":\"admired\"", E_DOC_FIELD, "signatures, item 2"},
	{"an unknown strength", false, "\"strength\":\"personal-key\"", "\"strength\":\"passkey\"", E_DOC_FIELD, "signatures, item 2"},
	{"an unknown contribution", false, "\"kind\":\"upload\"", "\"kind\":\"watched\"", E_DOC_FIELD, "contributions, item 4"},
	{"an unknown kind of object", false, "\"object\":{\"id\":\"" RECORD_ID "\",\"kind\":\"record\"}", "\"object\":{\"id\":\"" RECORD_ID "\",\"kind\":\"people\"}", E_DOC_FIELD, "signatures"},
	{"an object whose id is none", false, "\"object\":{\"id\":\"" RECORD_ID, "\"object\":{\"id\":\"00000000-0000-1000-8000-0000000000d1", E_FACTS, "signatures"},
	{"a signature whose id is none", false, TESTED_ID, "00000000-0000-1000-8000-0000000000e1", E_FACTS, "signatures"},
	{"a signer that is no name", false, "\"person\":\"" TESTER "\",\"sha256\"", "\"person\":\"-tester-\",\"sha256\"", E_FACTS, "signatures"},
	{"a contributor that is no name", false, "\"person\":\"" AUTHOR "\"}", "\"person\":\"-author-\"}", E_FACTS, "contributions"},
	{"a person that is no name", false, "\"person\":\"" AUTHOR "\",\"roles\"", "\"person\":\"-author-\",\"roles\"", E_FACTS, "people"},
	{"an empty role", false, "\"roles\":[\"author\"]", "\"roles\":[\"\"]", E_FACTS, "roles, item 1"},
	{"a role that is no text", false, "\"roles\":[\"author\"]", "\"roles\":[1]", E_FACTS, "roles, item 1"},
	{"a product that is no name", false, "\"product\":{\"id\":\"example-pump\"", "\"product\":{\"id\":\"-pump\"", E_FACTS, "product"},
	{"a ruleset that is no text", false, "[\"baseline\"]", "[7]", E_FACTS, "product: rulesets, item 1"},
	{"a product with a foreign member", false, "\"product\":{\"id\"", "\"product\":{\"a\":1,\"id\"", E_DOC_FIELD, "product"},
	{"a release without artifacts", false, "\"artifacts\":[{\"name\":\"example.bin\",\"sha256\":\"1111111111111111111111111111111111111111111111111111111111111111\",\"size_bytes\":1000},{\"name\":\"example.cfg\",\"sha256\":\"2222222222222222222222222222222222222222222222222222222222222222\",\"size_bytes\":20}]", "\"artifacts\":[]", E_DOC_FIELD, "release"},
	{"an artifact of negative size", false, "\"size_bytes\":1000", "\"size_bytes\":-1", E_DOC_FIELD, "artifacts, item 1"},
	{"a release that is not the subject", false, "\"subject\":{\"id\":\"" RELEASE_ID, "\"subject\":{\"id\":\"" OTHER_RELEASE_ID, E_FACTS, "not the release described"},
	{"a subject of another kind", false, "\"subject\":{\"id\":\"" RELEASE_ID "\",\"kind\":\"release\"", "\"subject\":{\"id\":\"" RELEASE_ID "\",\"kind\":\"campaign\"", E_FACTS, "must be a release"},
	{"a subject whose id is none", false, "\"subject\":{\"id\":\"" RELEASE_ID, "\"subject\":{\"id\":\"00000000-0000-1000-8000-0000000000a1", E_FACTS, "subject"},
	{"a subject with a foreign member", false, "\"subject\":{\"id\"", "\"subject\":{\"a\":1,\"id\"", E_DOC_FIELD, "subject"},
	{"a record's document that was changed", false, "\"summary\":\"EXAMPLE\"", "\"summary\":\"EXAMPLES\"", E_FACTS, "records, item 1: sha256 is not that of the document"},
	{"a record's document that is none", false, "\"type\":\"countersign.record.v1\"", "\"type\":\"countersign.records.v1\"", E_DOC_TYPE, "records, item 1"},
	{"a record's version that is not that of its document", false, "\"version\":1}],\"release\"", "\"version\":2}],\"release\"", E_FACTS, "not those of the document"},
	{"a record of an unknown kind", false, "\"kind\":\"test\",\"sha256\"", "\"kind\":\"risk\",\"sha256\"", E_DOC_FIELD, "records, item 1"},
	{"a record's id that is not that of its document", false, "\"id\":\"" RECORD_ID "\",\"kind\":\"test\",\"sha256\"", "\"id\":\"" SECOND_RECORD_ID "\",\"kind\":\"test\",\"sha256\"", E_FACTS, "not those of the document"},
	{"a record's document with another member", false, "\"performed_at\"", "\"performed\"", E_DOC_FIELD, "records, item 1"},
	{"a record's subject with another member", false, "\"subjects\":[{\"name\"", "\"subjects\":[{\"nam\"", E_DOC_FIELD, "records, item 1: subjects, item 1"},
	{"a person who is neither active nor not", false, "\"active\":true,", "", E_DOC_FIELD, "people, item 1"},
	{"contributors out of order", false, "\"person\":\"" AUTHOR "\"}", "\"person\":\"example-zero\"}", E_FACTS, "contributions, item 2"},
	{"a role that is too long", false, "\"roles\":[\"author\"]", "\"roles\":[\"ten-bytes-ten-bytes-ten-bytes-ten-bytes-ten-bytes-ten-bytes-ten-bytes\"]", E_FACTS, "roles, item 1"},
	{"a null campaign", false, "\"contributions\"", "\"campaign\":null,\"contributions\"", E_FACTS, "left out, not null"},
	{"a null release verdict", true, "\"release_verdict\":{\"open\":true,\"sha256\":\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\",\"valid_until\":\"2026-11-24T18:00:00.000000Z\"}", "\"release_verdict\":null", E_FACTS, "left out, not null"},
	{"a campaign gate without campaign", false, "\"gate\":\"release\",\"people\"", "\"gate\":\"campaign\",\"people\"", E_FACTS, "must be a campaign"},
	{"a release gate with a campaign", true, "\"gate\":\"campaign\"", "\"gate\":\"release\"", E_FACTS, "must be a release"},
	{"a campaign that is not the subject", true, "\"subject\":{\"id\":\"" CAMPAIGN_ID, "\"subject\":{\"id\":\"" OTHER_CAMPAIGN_ID, E_FACTS, "not the campaign described"},
	{"a campaign whose id is none", true, "\"campaign\":{\"ended\":false,\"held\":false,\"id\":\"" CAMPAIGN_ID, "\"campaign\":{\"ended\":false,\"held\":false,\"id\":\"00000000-0000-1000-8000-0000000000c1", E_FACTS, "campaign"},
	{"a campaign without targets", true, "\"targets\":5", "\"targets\":0", E_DOC_FIELD, "campaign"},
	{"a release verdict with a foreign member", true, "\"release_verdict\":{\"open\"", "\"release_verdict\":{\"a\":1,\"open\"", E_DOC_FIELD, "release_verdict"},
};
/* clang-format on */

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static void run_refusal(void **state)
{
	const struct refusal_case *at = *state;
	arena = arena_new(ARENA_MAX);
	struct given *given = at->campaign ? given_campaign(arena) : given_release(arena);
	struct bytes bytes = given_bytes(given);
	struct facts facts = {.gate = "untouched"};
	struct err err = {0};

	if (facts_read(arena, given_replaced(arena, bytes, at->from, at->into), &facts, &err))
		fail_msg("was read");
	if (err.code != at->code || !strstr(err.text, at->text))
		fail_msg("%s: %s", err_code_text(err.code), err.text);
	assert_string_equal(facts.gate, "untouched");
	arena_free(arena);
}

static void test_facts_read__refuses_records_that_contradict_themselves(void **state)
{
	struct given *given = full();
	struct bytes bytes;
	struct err err = {0};

	(void)state;
	given->records[1].id = RECORD_ID;
	given->records[1].version = 2;
	given_record_again(given, 1);
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_non_null(strstr(err.text, "a superseded version is not current"));
	err_clear(&err);
	given->records[0].current = false;
	given->records[1].id = "00000000-0000-1000-8000-0000000000d2";
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_non_null(strstr(err.text, "lower-case UUID"));
}

static void test_facts_read__refuses_what_a_record_names_wrongly(void **state)
{
	static const char *const texts[] = {"release", "product", "tester"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct given *given = given_release(arena);
		struct facts_record_body *body = &given->records[0].body;
		struct bytes bytes;
		struct err err = {0};
		if (i == 0)
			body->release = "00000000-0000-1000-8000-0000000000a1";
		if (i == 1)
			body->product = "-pump";
		if (i == 2)
			body->tester = "a tester";
		given_record_again(given, 0);
		assert_false(facts_write(arena, &given->facts, &bytes, &err));
		assert_int_equal(err.code, E_FACTS);
		assert_non_null(strstr(err.text, texts[i]));
	}
}

static void test_facts_read__refuses_a_release_verdict_without_campaign(void **state)
{
	struct given *given = given_campaign(arena);
	struct bytes bytes;
	struct err err = {0};

	(void)state;
	given->facts.campaign = NULL;
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_non_null(strstr(err.text, "must describe the campaign"));
	err_clear(&err);
	given->facts.gate = "release";
	given->facts.subject = (struct facts_object){"release", RELEASE_ID};
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_non_null(strstr(err.text, "hold no campaign and no verdict"));
	err_clear(&err);
	given->facts.campaign = &given->campaign;
	given->facts.release_verdict = NULL;
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_non_null(strstr(err.text, "hold no campaign and no verdict"));
	err_clear(&err);
	given->facts.release.id = "00000000-0000-1000-8000-0000000000a1";
	assert_false(facts_write(arena, &given->facts, &bytes, &err));
	assert_int_equal(err.code, E_FACTS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		TEST(test_facts_read__gives_back_what_facts_write_put_down),
		TEST(test_facts_read__takes_an_author_without_person),
		TEST(test_facts_write__drops_repeats_from_sets),
		TEST(test_facts_write__makes_a_reason_from_outside_fit),
		TEST(test_facts_write__refuses_what_would_not_be_read),
		TEST(test_facts_read__refuses_lists_that_are_not_sorted_or_repeat),
		TEST(test_facts_read__sorts_by_the_second_member_where_the_first_is_the_same),
		TEST(test_facts_read__refuses_records_that_contradict_themselves),
		TEST(test_facts_read__refuses_what_a_record_names_wrongly),
		TEST(test_facts_read__refuses_a_release_verdict_without_campaign),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
	static struct CMUnitTest tests[FIXED + REFUSALS];
	static char names[REFUSALS][100];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < REFUSALS; i++) {
		snprintf(names[i], sizeof(names[i]), "facts with %s are refused",
			 refusals[i].sentence);
		tests[FIXED + i] =
			(struct CMUnitTest){.name = names[i],
					    .test_func = run_refusal,
					    .initial_state = (void *)(uintptr_t)&refusals[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
