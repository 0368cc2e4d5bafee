/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_POLICY_GIVEN_POLICY_H
#define TESTS_UNIT_POLICY_GIVEN_POLICY_H

/*
 * A release and a campaign that lack nothing, all EXAMPLE data, for cases that change one thing. The
 * struct is open: change it, then ask given_bytes or given_verdict. Include after cmocka.h.
 */

#include "common/digest.h"
#include "policy/decide.h"
#include "policy/signatures.h"

#include <string.h>

#define RELEASE_ID "00000000-0000-4000-8000-0000000000a1"
#define OTHER_RELEASE_ID "00000000-0000-4000-8000-0000000000a2"
#define CAMPAIGN_ID "00000000-0000-4000-8000-0000000000c1"
#define OTHER_CAMPAIGN_ID "00000000-0000-4000-8000-0000000000c2"
#define RECORD_ID "00000000-0000-4000-8000-0000000000d1"
#define SECOND_RECORD_ID "00000000-0000-4000-8000-0000000000d2"
#define TESTED_ID "00000000-0000-4000-8000-0000000000e1"
#define APPROVED_ID "00000000-0000-4000-8000-0000000000e2"
#define RELEASED_ID "00000000-0000-4000-8000-0000000000e3"
#define EXTRA_ID "00000000-0000-4000-8000-0000000000e4"

#define AUTHOR "example-author"
#define TESTER "example-tester"
#define QA "example-qa"
#define SECOND_QA "example-qa-two"
#define MANAGER "example-manager"
#define UPLOADER "example-uploader"

#define DIGEST(digit)                                                                             \
	((struct sha256_hex){                                                                     \
		digit digit digit digit digit digit digit digit digit digit digit digit digit     \
			digit digit digit digit digit digit digit digit digit digit digit digit   \
				digit digit digit digit digit digit digit digit digit digit digit \
					digit digit digit digit digit digit digit digit digit     \
						digit digit digit digit digit digit digit digit   \
							digit digit digit digit digit digit digit \
								digit digit digit digit})

/* 2026-11-23T12:00:00Z */
#define NOON (INT64_C(1795435200) * CLOCK_SECOND)
#define HOUR (3600 * CLOCK_SECOND)

enum { GIVEN_RECORDS = 2, GIVEN_PEOPLE = 6, GIVEN_SIGNATURES = 4, GIVEN_RULESETS = 4 };

/* Person number n of given.people. */
enum { P_AUTHOR, P_MANAGER, P_QA, P_SECOND_QA, P_TESTER, P_UPLOADER };
/* Signature number n; the last one is written only if given.facts.signature_count is raised. */
enum { S_TESTED, S_APPROVED, S_RELEASED, S_EXTRA };

struct given {
	struct arena *arena;
	struct facts facts;
	const char *ruleset_names[2];
	struct facts_artifact artifacts[2];
	struct facts_subject subjects[3];
	struct facts_record records[GIVEN_RECORDS];
	struct facts_contribution contributions[6];
	struct facts_person people[GIVEN_PEOPLE];
	const char *roles[GIVEN_PEOPLE][2];
	struct facts_signature signatures[GIVEN_SIGNATURES];
	struct facts_campaign campaign;
	struct facts_release_verdict release_verdict;
	struct facts_expiry expiries[5];
	struct bytes rulesets[GIVEN_RULESETS];
	size_t ruleset_count;
};

/* The requirements of policy/rulesets/baseline.json, without the words for people. */
static const char given_ruleset[] =
	"{\"type\":\"countersign.ruleset.v1\",\"name\":\"baseline\",\"version\":1,"
	"\"status\":\"EXAMPLE\",\"title\":\"EXAMPLE\",\"requirements\":["
	"{\"id\":\"baseline.author-signature\",\"gate\":\"release\",\"cites\":[],\"demand\":\"d\","
	"\"rule\":\"author-signature\",\"remedy\":\"Sign again.\"},"
	"{\"id\":\"baseline.test-record\",\"gate\":\"release\",\"cites\":[\"IEC 62443-4-1 SUM-1\"],"
	"\"demand\":\"d\",\"rule\":\"record-signed\",\"with\":{\"kind\":\"test\","
	"\"result\":\"passed\",\"role\":\"tester\",\"subjects\":\"every-artifact\","
	"\"not_author\":true},\"remedy\":\"Test {release}.\"},"
	"{\"id\":\"baseline.qa-approval\",\"gate\":\"release\",\"cites\":[\"21 CFR 11.50\"],"
	"\"demand\":\"d\",\"rule\":\"signature\",\"with\":{\"meaning\":\"approved\","
	"\"role\":\"qa\",\"strength\":\"personal-key\",\"independent\":true,\"count\":1},"
	"\"remedy\":\"Approve {release}.\"},"
	"{\"id\":\"baseline.release-manager\",\"gate\":\"campaign\",\"cites\":[],\"demand\":\"d\","
	"\"rule\":\"signature\",\"with\":{\"meaning\":\"released\",\"role\":\"release_manager\","
	"\"independent\":false,\"count\":1},\"remedy\":\"Release {campaign}.\"}]}";

static inline struct bytes given_canonical(struct given *given, const char *json)
{
	struct bytes bytes = {0};
	struct err err = {0};

	if (!ruleset_canonical(given->arena, bytes_of_text(json), &bytes, &err))
		fail_msg("%s", err.text);
	return bytes;
}

/* Writes record n's document anew after its body was changed, with its digest. */
static inline void given_record_again(struct given *given, size_t n)
{
	struct facts_record *record = &given->records[n];
	struct doc *doc = doc_object(given->arena);
	struct doc *list = doc_array(given->arena);
	struct err err = {0};

	for (size_t i = 0; i < record->body.subject_count; i++) {
		struct doc *item = doc_object(given->arena);
		doc_set_text(item, "name", record->body.subjects[i].name);
		doc_set_text(item, "sha256", record->body.subjects[i].sha256.text);
		doc_add(list, item);
	}
	doc_set_text(doc, "type", "countersign.record.v1");
	doc_set_text(doc, "id", record->id);
	doc_set_int(doc, "version", record->version);
	doc_set_text(doc, "kind", record->kind);
	doc_set_text(doc, "release", record->body.release);
	doc_set_text(doc, "product", record->body.product);
	doc_set(doc, "subjects", list);
	doc_set_text(doc, "result", record->body.result);
	doc_set_text(doc, "summary", record->body.summary);
	doc_set_text(doc, "tester", record->body.tester);
	doc_set_time(doc, "performed_at", record->body.performed_at);
	if (!doc_canonical(given->arena, doc, &record->document, &err))
		fail_msg("%s", err.text);
	record->sha256 = digest_sha256_hex(record->document);
}

/* The same, and its tester signs the new version. */
static inline void given_record_resigned(struct given *given, size_t n)
{
	given_record_again(given, n);
	given->signatures[S_TESTED].sha256 = given->records[n].sha256;
	given->signatures[S_TESTED].object.id = given->records[n].id;
	given->signatures[S_TESTED].person = given->records[n].body.tester;
}

static inline void given_role(struct given *given, size_t n, const char *role)
{
	given->roles[n][given->people[n].role_count++] = role;
}

static inline void given_people(struct given *given)
{
	static const char *const names[GIVEN_PEOPLE] = {AUTHOR,	   MANAGER, QA,
							SECOND_QA, TESTER,  UPLOADER};
	static const char *const roles[GIVEN_PEOPLE] = {"author", "release_manager", "qa",
							"qa",	  "tester",	     "author"};

	for (size_t i = 0; i < GIVEN_PEOPLE; i++) {
		given->people[i] = (struct facts_person){
			.person = names[i], .active = true, .roles = given->roles[i]};
		given_role(given, i, roles[i]);
	}
	given->facts.people = given->people;
	given->facts.person_count = GIVEN_PEOPLE;
	given->contributions[0] = (struct facts_contribution){AUTHOR, "author"};
	given->contributions[1] = (struct facts_contribution){TESTER, "record"};
	given->contributions[2] = (struct facts_contribution){UPLOADER, "draft"};
	given->contributions[3] = (struct facts_contribution){UPLOADER, "upload"};
	given->facts.contributions = given->contributions;
	given->facts.contribution_count = 4;
}

static inline void given_release_facts(struct given *given)
{
	struct facts *facts = &given->facts;

	given->artifacts[0] = (struct facts_artifact){"example.bin", DIGEST("1"), 1000};
	given->artifacts[1] = (struct facts_artifact){"example.cfg", DIGEST("2"), 20};
	facts->release = (struct facts_release){
		.id = RELEASE_ID,
		.version = "1.2.3",
		.sequence = 7,
		.manifest_sha256 = DIGEST("a"),
		.content_sha256 = DIGEST("b"),
		.artifacts = given->artifacts,
		.artifact_count = 2,
	};
	facts->author = (struct facts_author){
		.valid = true, .key_id = DIGEST("c"), .person = AUTHOR, .why = ""};
	for (size_t i = 0; i < 2; i++)
		given->subjects[i] = (struct facts_subject){given->artifacts[i].name,
							    given->artifacts[i].sha256};
	given->records[0] = (struct facts_record){
		.id = RECORD_ID,
		.version = 1,
		.kind = "test",
		.current = true,
		.body = {.release = RELEASE_ID,
			 .product = "example-pump",
			 .subjects = given->subjects,
			 .subject_count = 2,
			 .result = "passed",
			 .summary = "EXAMPLE",
			 .tester = TESTER,
			 .performed_at = NOON - 3 * HOUR},
	};
	given_record_again(given, 0);
	facts->records = given->records;
	facts->record_count = 1;
}

static inline void given_signatures(struct given *given)
{
	given->signatures[S_TESTED] = (struct facts_signature){TESTED_ID,
							       TESTER,
							       "tested",
							       "keeper-checked",
							       {"record", RECORD_ID},
							       given->records[0].sha256,
							       true,
							       NOON - 2 * HOUR};
	given->signatures[S_APPROVED] = (struct facts_signature){
		APPROVED_ID, QA,   "approved",	   "personal-key", {"release", RELEASE_ID},
		DIGEST("b"), true, NOON - 1 * HOUR};
	given->signatures[S_RELEASED] = (struct facts_signature){
		RELEASED_ID, MANAGER, "released",     "keeper-checked", {"campaign", CAMPAIGN_ID},
		DIGEST("d"), true,    NOON - HOUR / 2};
	given->signatures[S_EXTRA] = given->signatures[S_APPROVED];
	given->signatures[S_EXTRA].id = EXTRA_ID;
	given->facts.signatures = given->signatures;
	given->facts.signature_count = 3;
}

/* All about the release gate. */
static inline struct given *given_release(struct arena *arena)
{
	struct given *given = arena_alloc(arena, sizeof(*given));

	given->arena = arena;
	given->facts.gate = "release";
	given->facts.as_of = NOON;
	given->facts.subject = (struct facts_object){"release", RELEASE_ID};
	given->ruleset_names[0] = "baseline";
	given->facts.product = (struct facts_product){"example-pump", given->ruleset_names, 1};
	given_release_facts(given);
	given_people(given);
	given_signatures(given);
	given->rulesets[0] = given_canonical(given, given_ruleset);
	given->ruleset_count = 1;
	return given;
}

/* All about the campaign gate, over the same release. */
static inline struct given *given_campaign(struct arena *arena)
{
	struct given *given = given_release(arena);

	given->facts.gate = "campaign";
	given->facts.subject = (struct facts_object){"campaign", CAMPAIGN_ID};
	given->campaign = (struct facts_campaign){
		.id = CAMPAIGN_ID,
		.plan_sha256 = DIGEST("d"),
		.not_before = NOON - HOUR,
		.not_after = NOON + 48 * HOUR,
		.targets = 5,
	};
	given->release_verdict =
		(struct facts_release_verdict){DIGEST("e"), true, NOON + 30 * HOUR};
	given->facts.campaign = &given->campaign;
	given->facts.release_verdict = &given->release_verdict;
	return given;
}

static inline void given_expiry(struct given *given, const char *what, clock_us at)
{
	given->expiries[given->facts.expiry_count++] = (struct facts_expiry){what, at};
	given->facts.expiries = given->expiries;
}

static inline struct bytes given_bytes(struct given *given)
{
	struct bytes bytes = {0};
	struct err err = {0};

	if (!facts_write(given->arena, &given->facts, &bytes, &err))
		fail_msg("%s", err.text);
	return bytes;
}

static inline struct policy_verdict given_verdict(struct given *given)
{
	struct policy_verdict verdict = {0};
	struct err err = {0};

	if (!policy_decide(given->arena, given_bytes(given), given->rulesets, given->ruleset_count,
			   &verdict, &err))
		fail_msg("%s", err.text);
	return verdict;
}

static inline const struct policy_finding *given_finding(const struct policy_verdict *verdict,
							 const char *id)
{
	for (size_t i = 0; i < verdict->finding_count; i++) {
		if (strcmp(verdict->findings[i].id, id) == 0)
			return &verdict->findings[i];
	}
	fail_msg("the verdict has no finding %s", id);
	return NULL;
}

/* The bytes with the first occurrence of one text replaced by another. */
static inline struct bytes given_replaced(struct arena *arena, struct bytes bytes, const char *from,
					  const char *into)
{
	const char *text = arena_text_of(arena, bytes);
	const char *at = strstr(text, from);

	if (!at)
		fail_msg("%s does not stand in %s", from, text);
	return bytes_of_text(
		arena_printf(arena, "%.*s%s%s", (int)(at - text), text, into, at + strlen(from)));
}

#endif
