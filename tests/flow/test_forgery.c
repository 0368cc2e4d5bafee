/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a package still prove when somebody stole the ledger key, or the keeper lies? Each case
 * rewrites the ledger with one thing changed, links it anew and signs it with the real ledger key; the
 * verifier must say what does not fit. The control is the same rewriting with nothing changed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/evidence_story.h"

#include "audit/package.h"
#include "common/wire/statement.h"
#include "policy/decide.h"

#include <stdio.h>
#include <string.h>

enum { CASE_BYTES = 512 * 1024 * 1024 };

static struct evidence_story story;
static const char *whole;
static const char *forged;
static struct arena *arena; /* of one case */
static struct evidence *ledger;

static int begin(void **state)
{
	(void)state;
	evidence_story_open(&story);
	whole = evidence_story_export(&story, "package");
	forged = arena_printf(story.in.arena, "%s/forged", story.in.dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	evidence_story_close(&story);
	return 0;
}

static int begin_case(void **state)
{
	(void)state;
	arena = arena_new(CASE_BYTES);
	ledger = evidence_read(arena, whole);
	return 0;
}

static void write_forged(const struct sign_key *key)
{
	evidence_write(ledger, forged, key);
}

static int end_case(void **state)
{
	(void)state;
	evidence_remove_folder(forged);
	arena_free(arena);
	return 0;
}

/* ---- helpers of the cases ---- */

static struct evidence_event *event_of(enum event_kind kind, size_t n)
{
	return evidence_find(ledger, kind, n);
}

static struct doc *data_of(enum event_kind kind, size_t n)
{
	return evidence_data(ledger, event_of(kind, n));
}

static const char *said(enum event_kind kind, size_t n, const char *member)
{
	const char *text = doc_get_text(event_of(kind, n)->event.data, member);

	assert_non_null(text);
	return text;
}

static void say(enum event_kind kind, size_t n, const char *member, const char *text)
{
	doc_set_text(data_of(kind, n), member, text);
}

/* The document that the event names by this member, changed: the event names the new one. */
static struct doc *open_document(enum event_kind kind, size_t n, const char *member)
{
	return evidence_open(ledger, evidence_get_document(ledger, said(kind, n, member)));
}

static struct sha256_hex close_document(enum event_kind kind, size_t n, const char *member,
					const struct doc *doc)
{
	struct sha256_hex sha256 = evidence_document(ledger, evidence_close(ledger, doc));

	say(kind, n, member, sha256.text);
	return sha256;
}

/* A part of a document, to be changed: set again afterwards. */
static struct doc *part_of(struct doc *whole_doc, const char *member)
{
	struct bytes bytes = evidence_close(ledger, doc_get(whole_doc, member));
	struct doc *copy = evidence_open(ledger, bytes);

	doc_set(whole_doc, member, copy);
	return copy;
}

/* Verdict number n of a gate, as index among verdict.given. */
static size_t verdict_of(const char *gate, size_t n)
{
	for (size_t i = 0;; i++) {
		if (strcmp(said(EV_VERDICT_GIVEN, i, "gate"), gate) == 0 && n-- == 0)
			return i;
	}
}

/* The first open verdict's facts changed, and all that a lying keeper would change with them. */
static void change_facts(const char *gate, void (*change)(struct doc *facts))
{
	size_t n = verdict_of(gate, 0);
	struct doc *facts = open_document(EV_VERDICT_GIVEN, n, "facts_sha256");
	const struct doc *rulesets =
		doc_get(open_document(EV_VERDICT_GIVEN, n, "sha256"), "rulesets");
	struct bytes used[8];
	struct policy_verdict verdict;
	struct err err = {0};

	change(facts);
	close_document(EV_VERDICT_GIVEN, n, "facts_sha256", facts);
	for (size_t i = 0; i < doc_size(rulesets); i++)
		used[i] = evidence_get_document(ledger,
						doc_get_text(doc_at(rulesets, i), "sha256"));
	if (!policy_decide(arena, evidence_close(ledger, facts), used, doc_size(rulesets), &verdict,
			   &err))
		fail_msg("%s", err.text);
	evidence_document(ledger, verdict.document);
	struct doc *data = data_of(EV_VERDICT_GIVEN, n);
	doc_set_text(data, "sha256", verdict.sha256.text);
	doc_set_bool(data, "open", verdict.open);
	doc_set_time(data, "valid_until", verdict.valid_until);
}

/* A list without its item n; a list with item n replaced. */
static struct doc *without(const struct doc *list, size_t n)
{
	struct doc *shorter = doc_array(arena);

	for (size_t i = 0; i < doc_size(list); i++) {
		if (i != n)
			doc_add(shorter, doc_at(list, i));
	}
	return shorter;
}

static struct doc *item_of(struct doc *whole_doc, const char *member, size_t n)
{
	const struct doc *list = doc_get(whole_doc, member);
	struct doc *copy = doc_array(arena);
	struct doc *item = NULL;

	for (size_t i = 0; i < doc_size(list); i++) {
		if (i == n) {
			item = evidence_open(ledger, evidence_close(ledger, doc_at(list, i)));
			doc_add(copy, item);
		} else {
			doc_add(copy, doc_at(list, i));
		}
	}
	assert_non_null(item);
	doc_set(whole_doc, member, copy);
	return item;
}

/* An event of this kind about these streams, at the end, with the time of the event before. */
static struct evidence_event *add(enum event_kind kind, const struct doc *data,
				  enum stream_kind stream, const char *id)
{
	clock_us at = ledger->events[ledger->event_count - 1].act.at;
	struct evidence_event *event = evidence_append(ledger, kind, at, data);

	event->event.streams[0] = (struct event_stream){.kind = stream, .id = id};
	event->event.stream_count = 1;
	return event;
}

/* Moves the newest event to in front of index. */
static void move_newest(size_t index)
{
	struct evidence_event event = ledger->events[ledger->event_count - 1];

	evidence_remove(ledger, ledger->event_count - 1);
	event.act.at = ledger->events[index].act.at;
	evidence_insert(ledger, index, &event);
}

/* ---- facts that the ledger does not back ---- */

static void facts_role(struct doc *facts)
{
	struct doc *person = item_of(facts, "people", 0);
	struct doc *roles = doc_array(arena);

	doc_add_text(roles, "clinical");
	doc_set(person, "roles", roles);
}

static void facts_stranger(struct doc *facts)
{
	struct doc *people = doc_array(arena);
	struct doc *person = doc_object(arena);
	const struct doc *old = doc_get(facts, "people");

	doc_set_text(person, "person", "a-stranger");
	doc_set_bool(person, "active", true);
	doc_set(person, "roles", doc_array(arena));
	doc_add(people, person);
	for (size_t i = 0; i < doc_size(old); i++)
		doc_add(people, doc_at(old, i));
	doc_set(facts, "people", people);
}

static void facts_signer(struct doc *facts)
{
	const struct doc *list = doc_get(facts, "signatures");
	size_t n = 0;

	while (strcmp(doc_get_text(doc_at(list, n), "person"), "p-qa") == 0)
		n++;
	doc_set_text(item_of(facts, "signatures", n), "person", "p-qa");
}

static void facts_signed_at(struct doc *facts)
{
	doc_set_time(item_of(facts, "signatures", 0), "signed_at", 1795435200 * CLOCK_SECOND);
}

static void facts_strength(struct doc *facts)
{
	const struct doc *list = doc_get(facts, "signatures");

	for (size_t i = 0; i < doc_size(list); i++) {
		if (strcmp(doc_get_text(doc_at(list, i), "strength"), "keeper-checked") == 0) {
			doc_set_text(item_of(facts, "signatures", i), "strength", "personal-key");
			return;
		}
	}
	fail_msg("no signature by password");
}

static void facts_contribution(struct doc *facts)
{
	doc_set(facts, "contributions", without(doc_get(facts, "contributions"), 0));
}

static void facts_record_left_out(struct doc *facts)
{
	doc_set(facts, "records", doc_array(arena));
}

static void facts_author(struct doc *facts)
{
	doc_set_text(part_of(facts, "author"), "person", "p-other");
}

static void facts_expiry(struct doc *facts)
{
	doc_set(facts, "expiries", doc_array(arena));
}

static void facts_content(struct doc *facts)
{
	doc_set_text(part_of(facts, "release"), "content_sha256",
		     digest_sha256_hex(bytes_of_text("other")).text);
}

static void facts_version(struct doc *facts)
{
	doc_set_text(part_of(facts, "release"), "version", "9.9.9");
}

static void facts_rulesets(struct doc *facts)
{
	doc_set(part_of(facts, "product"), "rulesets", doc_array(arena));
}

static void facts_targets(struct doc *facts)
{
	doc_set_int(part_of(facts, "campaign"), "targets", 1);
}

static void facts_release_verdict(struct doc *facts)
{
	doc_set_text(part_of(facts, "release_verdict"), "sha256",
		     digest_sha256_hex(bytes_of_text("other")).text);
}

static void facts_time(struct doc *facts)
{
	doc_set_time(facts, "as_of", 1795435200 * CLOCK_SECOND);
}

struct unbacked {
	const char *name, *gate;
	void (*change)(struct doc *facts);
	const char *words;
};

static const struct unbacked unbacked[] = {
	{"a role", "release", facts_role, "did not hold the role clinical"},
	{"a stranger", "release", facts_stranger, "had no person a-stranger"},
	{"another signer", "release", facts_signer, "has no such signature of p-qa"},
	{"another time of signing", "release", facts_signed_at, "has no such signature"},
	{"a stronger signature", "release", facts_strength, "has no such signature"},
	{"no contribution", "release", facts_contribution, "leave out that"},
	{"no record", "release", facts_record_left_out, "another content of the release"},
	{"another author", "release", facts_author, "another author"},
	{"no expiry", "release", facts_expiry, "leave out when"},
	{"another content", "release", facts_content, "another content of the release"},
	{"another version", "release", facts_version, "what its manifest does not"},
	{"no rulesets", "release", facts_rulesets, "did not give the product these rulesets"},
	{"fewer targets", "campaign", facts_targets, "what its plan does not"},
	{"another release verdict", "campaign", facts_release_verdict, "not the newest one"},
	{"another time", "release", facts_time, "of another time than"},
};

static void test_fact__that_the_ledger_does_not_back_is_told(void **state)
{
	const struct unbacked *fact = *state;

	change_facts(fact->gate, fact->change);
	write_forged(story.in.ledger.key);
	evidence_expect_found(forged, &story.pin, VERIFY_TAMPERED, NULL, fact->words);
}

/* ---- one thing changed elsewhere ---- */

static void facts_without_verdict(void)
{
	struct doc *facts = open_document(EV_VERDICT_GIVEN, 0, "facts_sha256");

	facts_role(facts);
	close_document(EV_VERDICT_GIVEN, 0, "facts_sha256", facts);
}

static void verdict_edited(void)
{
	struct doc *verdict = open_document(EV_VERDICT_GIVEN, 0, "sha256");

	doc_set_bool(verdict, "open", !doc_bool(doc_get(verdict, "open"), false));
	close_document(EV_VERDICT_GIVEN, 0, "sha256", verdict);
}

static void verdict_event_says_other(void)
{
	struct doc *data = data_of(EV_VERDICT_GIVEN, 0);

	doc_set_bool(data, "open", !doc_bool(doc_get(data, "open"), false));
}

static void trust_version(void)
{
	doc_set_int(data_of(EV_TRUST_ADOPTED, 0), "version", 7);
}

static void trust_document(void)
{
	struct doc *trust = open_document(EV_TRUST_ADOPTED, 0, "sha256");

	doc_set_int(trust, "version", 2);
	close_document(EV_TRUST_ADOPTED, 0, "sha256", trust);
}

static void statement_admins(void)
{
	struct doc *admins = doc_array(arena);

	doc_add_text(admins, "p-ada");
	doc_add_text(admins, "p-qa");
	doc_set(data_of(EV_DIRECTORY_ACTED, 0), "admins", admins);
}

static void statement_one_signature(void)
{
	const char *prefix = arena_printf(arena, "content/signatures/%s/person-",
					  said(EV_DIRECTORY_ACTED, 0, "sha256"));

	for (size_t i = 0; i < ledger->file_count; i++) {
		if (strncmp(ledger->files[i].path, prefix, strlen(prefix)) == 0) {
			evidence_take(ledger, ledger->files[i].path);
			return;
		}
	}
}

static void statement_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_DIRECTORY_ACTED, 0)));
}

static void statement_again(void)
{
	struct evidence_event again = *event_of(EV_DIRECTORY_ACTED, 0);

	evidence_insert(ledger, ledger->event_count, &again);
}

static void statement_edited(void)
{
	struct doc *statement = open_document(EV_DIRECTORY_ACTED, 0, "sha256");
	const char *old = arena_printf(arena, "content/signatures/%s/",
				       said(EV_DIRECTORY_ACTED, 0, "sha256"));
	size_t files = ledger->file_count;

	doc_set_text(statement, "reason", "another reason");
	event_of(EV_DIRECTORY_ACTED, 0)->event.reason = "another reason";
	struct sha256_hex sha256 = close_document(EV_DIRECTORY_ACTED, 0, "sha256", statement);
	for (size_t i = 0; i < files; i++) {
		const struct evidence_file file = ledger->files[i];
		if (strncmp(file.path, old, strlen(old)) == 0)
			evidence_put(ledger,
				     arena_printf(arena, "content/signatures/%s/%s", sha256.text,
						  file.path + strlen(old)),
				     file.bytes);
	}
}

static void act_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_PERSON_CHANGED, 3)));
}

static void act_made_up(void)
{
	struct doc *data = doc_object(arena);

	doc_set_text(data, "statement", said(EV_PERSON_CHANGED, 0, "statement"));
	doc_set_text(data, "act", "role.grant");
	(void)add(EV_PERSON_CHANGED, data, STREAM_PERSON, "p-qa");
	move_newest(evidence_index(ledger, event_of(EV_PERSON_CHANGED, 5)));
}

static void author_key(void)
{
	say(EV_RELEASE_SEALED, 0, "author_key_id", digest_sha256_hex(bytes_of_text("x")).text);
}

static void author_cms(void)
{
	say(EV_RELEASE_SEALED, 0, "author_cms_sha256", digest_sha256_hex(bytes_of_text("x")).text);
}

/* Signed by somebody whom the trust document names for another product. */
static void author_other(void)
{
	const char *sha256 = said(EV_RELEASE_SEALED, 0, "manifest_sha256");
	struct bytes cms = installation_cms(&story.in, &story.in.other_author,
					    evidence_get_document(ledger, sha256));
	const char *key_id = story.in.other_author.cert.key_id.text;

	evidence_put(ledger, package_signature_path(arena, sha256, "author", key_id), cms);
	say(EV_RELEASE_SEALED, 0, "author_key_id", key_id);
	say(EV_RELEASE_SEALED, 0, "author_cms_sha256", digest_sha256_hex(cms).text);
}

static void manifest_other(void)
{
	struct doc *manifest = open_document(EV_RELEASE_SEALED, 0, "manifest_sha256");

	doc_set_text(manifest, "version", "6.6.6");
	close_document(EV_RELEASE_SEALED, 0, "manifest_sha256", manifest);
}

static void record_edited(void)
{
	struct doc *record = open_document(EV_RECORD_ADDED, 0, "sha256");

	doc_set_text(record, "product", "pump-b");
	close_document(EV_RECORD_ADDED, 0, "sha256", record);
}

static void record_version(void)
{
	doc_set_int(data_of(EV_RECORD_ADDED, 0), "version", 2);
}

/* Number of the signature with this meaning. */
static size_t signature_of(const char *meaning)
{
	size_t n = 0;

	while (strcmp(said(EV_SIGNATURE_GIVEN, n, "meaning"), meaning) != 0)
		n++;
	return n;
}

/* The statement of a signature changed, its files and events with it. */
static void reopen_signature(size_t n, const char *member, const char *text)
{
	const char *old = said(EV_SIGNATURE_GIVEN, n, "statement_sha256");
	const char *key_id = doc_get_text(event_of(EV_SIGNATURE_GIVEN, n)->event.data, "key_id");
	struct doc *statement = open_document(EV_SIGNATURE_GIVEN, n, "statement_sha256");

	doc_set_text(statement, member, text);
	struct sha256_hex sha256 =
		close_document(EV_SIGNATURE_GIVEN, n, "statement_sha256", statement);
	if (key_id)
		evidence_put(ledger,
			     package_signature_path(arena, sha256.text, "person", key_id),
			     evidence_get(ledger, package_signature_path(arena, old, "person",
									 key_id)));
	for (size_t i = 0; i < ledger->event_count; i++) {
		struct evidence_event *event = &ledger->events[i];
		if (event->event.kind == EV_CHALLENGE_GIVEN &&
		    strcmp(doc_get_text(event->event.data, "statement_sha256"), old) == 0)
			doc_set_text(evidence_data(ledger, event), "statement_sha256",
				     sha256.text);
	}
}

static void signed_reason(void)
{
	size_t n = signature_of("approved");

	reopen_signature(n, "reason", "something else");
	event_of(EV_SIGNATURE_GIVEN, n)->event.reason = "something else";
}

static void signed_statement_only(void)
{
	struct doc *statement = open_document(EV_SIGNATURE_GIVEN, 0, "statement_sha256");

	doc_set_text(statement, "name", "EXAMPLE somebody");
	close_document(EV_SIGNATURE_GIVEN, 0, "statement_sha256", statement);
}

static void signed_name(void)
{
	reopen_signature(signature_of("tested"), "name", "EXAMPLE somebody");
}

/* Somebody without the role: the keeper's word for it, and the statement. */
static void signed_without_role(void)
{
	size_t n = signature_of("released");
	struct evidence_event *event = event_of(EV_SIGNATURE_GIVEN, n);

	reopen_signature(n, "person", "p-support");
	reopen_signature(n, "name", "EXAMPLE p-support");
	event->act.actor = "p-support";
	event->event.streams[1].id = "p-support";
}

static void signed_key(void)
{
	size_t n = signature_of("approved");
	const char *sha256 = said(EV_SIGNATURE_GIVEN, n, "statement_sha256");
	struct bytes cms = installation_cms(&story.in, &story.in.stranger,
					    evidence_get_document(ledger, sha256));
	const char *key_id = story.in.stranger.cert.key_id.text;

	evidence_put(ledger, package_signature_path(arena, sha256, "person", key_id), cms);
	say(EV_SIGNATURE_GIVEN, n, "key_id", key_id);
}

static void signed_twice(void)
{
	struct evidence_event again = *event_of(EV_SIGNATURE_GIVEN, 0);

	evidence_insert(ledger, evidence_index(ledger, event_of(EV_SIGNATURE_GIVEN, 0)) + 1,
			&again);
}

static void signed_before_challenge(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_CHALLENGE_GIVEN, 0)));
}

static void opened_verdict(void)
{
	say(EV_CAMPAIGN_OPENED, 0, "campaign_verdict", digest_sha256_hex(bytes_of_text("x")).text);
}

static void opened_wrong_gate(void)
{
	say(EV_CAMPAIGN_OPENED, 0, "campaign_verdict",
	    said(EV_CAMPAIGN_OPENED, 0, "release_verdict"));
}

static void opened_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_CAMPAIGN_OPENED, 0)));
}

static void plan_edited(void)
{
	struct doc *plan = open_document(EV_CAMPAIGN_SUBMITTED, 0, "plan_sha256");

	doc_set_text(item_of(plan, "targets", 0), "hardware", "rev-9");
	close_document(EV_CAMPAIGN_SUBMITTED, 0, "plan_sha256", plan);
}

static void permit_number(void)
{
	doc_set_int(data_of(EV_PERMIT_ISSUED, 0), "number", 9);
}

static void permit_edited(void)
{
	struct doc *permit = open_document(EV_PERMIT_ISSUED, 0, "sha256");
	const char *old = said(EV_PERMIT_ISSUED, 0, "sha256");
	const char *key_id = story.in.keeper_key.cert.key_id.text;
	struct bytes cms =
		evidence_get(ledger, package_signature_path(arena, old, "keeper", key_id));

	doc_set_text(permit, "assurance_min", "signature-checked");
	struct sha256_hex sha256 = close_document(EV_PERMIT_ISSUED, 0, "sha256", permit);
	evidence_put(ledger, package_signature_path(arena, sha256.text, "keeper", key_id), cms);
}

static void permit_unsigned(void)
{
	evidence_take(ledger, package_signature_path(arena, said(EV_PERMIT_ISSUED, 0, "sha256"),
						     "keeper",
						     story.in.keeper_key.cert.key_id.text));
}

static void permit_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_PERMIT_ISSUED, 0)));
}

static void targets_edited(void)
{
	const char *path = package_target_path(arena, story.campaign);
	struct bytes old = evidence_get(ledger, path);
	unsigned char *bytes = arena_copy(arena, old.data, old.size);

	/* The last digit of a salt. */
	char *salt = strstr((char *)bytes + 2, "\"salt\":\"");
	assert_non_null(salt);
	salt[8 + 31] = salt[8 + 31] == '0' ? '1' : '0';
	evidence_put(ledger, path, bytes_of(bytes, old.size));
}

static void closed_stream(void)
{
	struct doc *data = doc_object(arena);
	struct doc *streams = doc_array(arena);
	size_t opened = evidence_index(ledger, event_of(EV_CAMPAIGN_OPENED, 0));

	doc_add_text(streams, arena_printf(arena, "campaign/%s", story.campaign));
	doc_set_int(data, "queue_id", 1);
	doc_set_text(data, "event", ledger->events[0].event.id.text);
	doc_set_text(data, "why", "a test");
	doc_set(data, "streams", streams);
	(void)add(EV_ROW_SET_ASIDE, data, STREAM_SYSTEM, "keeper");
	move_newest(opened);
	ledger->events[opened].act.at -= 600 * CLOCK_SECOND;
}

static void hold_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_CAMPAIGN_HELD, 0)));
}

static void resumed_signature(void)
{
	say(EV_CAMPAIGN_RESUMED, 0, "signature", said(EV_SIGNATURE_GIVEN, 0, "signature"));
}

/* The resumption left out: what came after it came while the hold stood. */
static void resumed_left_out(void)
{
	size_t at = evidence_index(ledger, event_of(EV_CAMPAIGN_RESUMED, 0));

	evidence_remove(ledger, at);
	for (size_t i = at; i < ledger->event_count; i++)
		ledger->events[i].act.at += 10 * CLOCK_SECOND;
}

static void offered_twice(void)
{
	struct evidence_event again = *event_of(EV_DEPLOYMENT_OFFERED, 0);
	size_t at = evidence_index(ledger, event_of(EV_DEPLOYMENT_OFFERED, 0));

	doc_set_int(evidence_data(ledger, &again), "attempt", 2);
	evidence_insert(ledger, at + 1, &again);
}

static void offered_to_stranger(void)
{
	event_of(EV_DEPLOYMENT_OFFERED, 0)->event.streams[0].id = "unit-3";
}

static void offered_before_opening(void)
{
	struct evidence_event offered = *event_of(EV_DEPLOYMENT_OFFERED, 0);
	size_t permit = evidence_index(ledger, event_of(EV_PERMIT_ISSUED, 0));

	evidence_remove(ledger, evidence_index(ledger, event_of(EV_DEPLOYMENT_OFFERED, 0)));
	evidence_insert(ledger, permit, &offered);
}

static void lease_other(void)
{
	say(EV_LEASE_ISSUED, 0, "lease_sha256", said(EV_LEASE_ISSUED, 1, "lease_sha256"));
}

static void lease_event_edited(void)
{
	doc_set_int(data_of(EV_LEASE_ISSUED, 0), "for_s", 900);
}

static void lease_permit(void)
{
	say(EV_LEASE_ISSUED, 1, "permit_sha256", digest_sha256_hex(bytes_of_text("x")).text);
}

static void lease_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_LEASE_ISSUED, 1)));
}

static void lease_without_install(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_LEASE_ISSUED, 0)));
}

static void proof_outcome(void)
{
	say(EV_PROOF_TAKEN, 0, "outcome", "failed");
}

static void proof_signature(void)
{
	unsigned char zeros[64] = {0};

	doc_set_bytes(data_of(EV_PROOF_TAKEN, 0), "signature", bytes_of(zeros, sizeof(zeros)));
}

static void proof_edited(void)
{
	struct doc *proof = open_document(EV_PROOF_TAKEN, 0, "sha256");

	doc_set_int(proof, "boot_count", 77);
	close_document(EV_PROOF_TAKEN, 0, "sha256", proof);
}

static void proof_left_out(void)
{
	evidence_remove(ledger, evidence_index(ledger, event_of(EV_PROOF_TAKEN, 0)));
}

static void proof_twice(void)
{
	struct evidence_event again = *event_of(EV_PROOF_TAKEN, 0);

	evidence_insert(ledger, evidence_index(ledger, event_of(EV_PROOF_TAKEN, 0)) + 1, &again);
}

static void ended_by_claim(void)
{
	say(EV_DEPLOYMENT_ENDED, 0, "basis", "claim");
}

static void ended_by_nothing(void)
{
	say(EV_DEPLOYMENT_ENDED, 0, "proof_sha256", digest_sha256_hex(bytes_of_text("x")).text);
}

static void ended_twice(void)
{
	struct evidence_event again = *event_of(EV_DEPLOYMENT_ENDED, 1);

	evidence_insert(ledger, ledger->event_count, &again);
}

static void history_commit(void)
{
	say(EV_HISTORY_WRITTEN, 0, "commit", said(EV_HISTORY_WRITTEN, 1, "commit"));
}

static void history_act(void)
{
	say(EV_HISTORY_WRITTEN, 0, "act", ledger->events[0].event.id.text);
}

static void history_ref(void)
{
	say(EV_HISTORY_WRITTEN, 0, "ref", "refs/heads/elsewhere");
}

static void history_signature(void)
{
	say(EV_HISTORY_WRITTEN, 0, "signature", said(EV_HISTORY_WRITTEN, 1, "signature"));
}

static void history_swapped(void)
{
	const char *first = said(EV_HISTORY_WRITTEN, 2, "act");

	say(EV_HISTORY_WRITTEN, 2, "act", said(EV_HISTORY_WRITTEN, 3, "act"));
	say(EV_HISTORY_WRITTEN, 3, "act", first);
}

static void wrong_number(void)
{
	struct evidence_event *event = event_of(EV_PERMIT_ISSUED, 0);

	event->raw = true;
	event->event.streams[0].no++;
}

static void wrong_link(void)
{
	struct evidence_event *event = event_of(EV_PERMIT_ISSUED, 0);

	event->raw = true;
	event->event.streams[0].prev.at[0] ^= 1;
}

static void clock_back(void)
{
	ledger->events[ledger->event_count - 1].act.at -= 3600 * CLOCK_SECOND;
	ledger->events[ledger->event_count - 1].writer = "keeper/1";
	ledger->events[ledger->event_count - 1].event.kind = EV_KEEPER_STARTED;
	ledger->events[ledger->event_count - 1].event.streams[0] =
		(struct event_stream){.kind = STREAM_SYSTEM, .id = "keeper"};
	ledger->events[ledger->event_count - 1].event.stream_count = 1;
}

static void said_missing(void)
{
	static const char *const missing[] = {"content/documents/x.json", NULL};

	ledger->missing = missing;
}

struct lie {
	const char *name;
	void (*change)(void);
	enum verify_grade grade;
	const char *words;
};

static const struct lie lies[] = {
	{"facts without their verdict", facts_without_verdict, VERIFY_TAMPERED,
	 "give another verdict"},
	{"a verdict edited", verdict_edited, VERIFY_TAMPERED, "give another verdict"},
	{"a verdict's event", verdict_event_says_other, VERIFY_TAMPERED,
	 "says another outcome than its verdict"},
	{"a trust document's event", trust_version, VERIFY_TAMPERED,
	 "say different slots or versions"},
	{"a trust document edited", trust_document, VERIFY_TAMPERED, "Too few of the root keys"},
	{"a statement's admins", statement_admins, VERIFY_TAMPERED, "names other admins"},
	{"a statement of one admin", statement_one_signature, VERIFY_TAMPERED,
	 "carries the signatures of 1 admins"},
	{"a statement left out", statement_left_out, VERIFY_TAMPERED, "would be next"},
	{"a statement again", statement_again, VERIFY_TAMPERED, "would be next"},
	{"a statement edited", statement_edited, VERIFY_TAMPERED,
	 "a signature beside the statement does not hold"},
	{"an act without event", act_left_out, VERIFY_TAMPERED, "has no event of its own"},
	{"an act made up", act_made_up, VERIFY_TAMPERED, "says so"},
	{"an author's key", author_key, VERIFY_INCOMPLETE, "not in the package"},
	{"an author's signature", author_cms, VERIFY_TAMPERED,
	 "not the author's signature that the event names"},
	{"an author of another product", author_other, VERIFY_TAMPERED,
	 "the author's signature does not hold"},
	{"a manifest edited", manifest_other, VERIFY_TAMPERED, "name different products"},
	{"a record edited", record_edited, VERIFY_TAMPERED, "the event and the record name"},
	{"a record's version", record_version, VERIFY_TAMPERED, "not the record's next version"},
	{"a signed reason", signed_reason, VERIFY_TAMPERED, "the signature of p-qa does not hold"},
	{"a statement without its challenge", signed_statement_only, VERIFY_TAMPERED,
	 "no challenge with this statement"},
	{"a signed name", signed_name, VERIFY_TAMPERED, "has another name"},
	{"a signature without role", signed_without_role, VERIFY_TAMPERED, "held no role then"},
	{"a key that nobody enrolled", signed_key, VERIFY_TAMPERED, "was not enrolled for p-qa"},
	{"a challenge answered twice", signed_twice, VERIFY_TAMPERED, "was answered before"},
	{"no challenge", signed_before_challenge, VERIFY_TAMPERED,
	 "no challenge with this statement"},
	{"an opening without verdict", opened_verdict, VERIFY_TAMPERED, "was not given before"},
	{"an opening with the other gate's", opened_wrong_gate, VERIFY_TAMPERED,
	 "was not given before"},
	{"no opening", opened_left_out, VERIFY_TAMPERED, "which it is not"},
	{"a plan edited", plan_edited, VERIFY_TAMPERED, "was not registered as the plan says"},
	{"a permit's number", permit_number, VERIFY_TAMPERED, "say different things"},
	{"a permit edited", permit_edited, VERIFY_TAMPERED, "the keeper's signature over it"},
	{"a permit unsigned", permit_unsigned, VERIFY_INCOMPLETE,
	 "the keeper's signature over it is missing"},
	{"no permit", permit_left_out, VERIFY_TAMPERED, "no such permit of its campaign"},
	{"a target's salt", targets_edited, VERIFY_TAMPERED, "target"},
	{"an opening of a closed stream", closed_stream, VERIFY_TAMPERED,
	 "whose stream was closed"},
	{"no hold", hold_left_out, VERIFY_TAMPERED, "there was no such hold"},
	{"a resumption by another signature", resumed_signature, VERIFY_TAMPERED,
	 "no signature with the meaning resumed"},
	{"no resumption", resumed_left_out, VERIFY_TAMPERED, "while hold 1 stood"},
	{"a second attempt", offered_twice, VERIFY_TAMPERED, "without a recorded end"},
	{"an offer to no target", offered_to_stranger, VERIFY_TAMPERED, "is no target"},
	{"an offer too early", offered_before_opening, VERIFY_TAMPERED,
	 "no permit of the campaign stood"},
	{"another lease", lease_other, VERIFY_TAMPERED, "not the one that the event names"},
	{"a lease's event", lease_event_edited, VERIFY_TAMPERED,
	 "the event and the lease say different things"},
	{"a lease of no permit", lease_permit, VERIFY_TAMPERED, "no such permit"},
	{"a lease left out", lease_left_out, VERIFY_TAMPERED, "more leases than there are events"},
	{"an activation alone", lease_without_install, VERIFY_TAMPERED,
	 "nothing was granted to be installed"},
	{"a report's outcome", proof_outcome, VERIFY_TAMPERED,
	 "the event and the report say different things"},
	{"a report's signature", proof_signature, VERIFY_TAMPERED,
	 "the device's signature does not hold"},
	{"a report edited", proof_edited, VERIFY_TAMPERED, "the device's signature does not hold"},
	{"no report", proof_left_out, VERIFY_TAMPERED, "no signed report of this attempt"},
	{"a report twice", proof_twice, VERIFY_TAMPERED, "not the device's next report"},
	{"confirmed by claim", ended_by_claim, VERIFY_TAMPERED, "has to prove"},
	{"confirmed by another report", ended_by_nothing, VERIFY_TAMPERED,
	 "no signed report of this attempt"},
	{"ended twice", ended_twice, VERIFY_TAMPERED, "had ended before"},
	{"another commit", history_commit, VERIFY_TAMPERED, "does not name the event"},
	{"a commit of no act", history_act, VERIFY_TAMPERED, "no act before it waits"},
	{"a commit in another ref", history_ref, VERIFY_TAMPERED, "stands in another ref"},
	{"a commit's signature", history_signature, VERIFY_TAMPERED,
	 "not the one that the event holds"},
	{"commits swapped", history_swapped, VERIFY_TAMPERED, "which is not of its act"},
	{"a number in a stream", wrong_number, VERIFY_TAMPERED, "would be the next"},
	{"a link in a stream", wrong_link, VERIFY_TAMPERED, "does not follow the event before it"},
	{"a clock set back", clock_back, VERIFY_NOTE, "clock went back"},
	{"a file said to be missing", said_missing, VERIFY_INCOMPLETE,
	 "missing when the package was made"},
};

static void test_lie__of_who_holds_the_ledger_key_is_told(void **state)
{
	const struct lie *lie = *state;

	lie->change();
	write_forged(story.in.ledger.key);
	evidence_expect_found(forged, &story.pin, lie->grade, NULL, lie->words);
}

/* ---- controls ---- */

static void test_rewriting__alone_changes_nothing(void **state)
{
	(void)state;
	write_forged(story.in.ledger.key);
	evidence_expect_ok(forged, &story.pin);
}

static void test_another_key__signs_nothing(void **state)
{
	(void)state;
	write_forged(story.in.git.key);
	evidence_expect_found(forged, &story.pin, VERIFY_TAMPERED, "content/checkpoint",
			      "it is not signed for this ledger");
	evidence_expect_found(forged, &story.pin, VERIFY_TAMPERED, "seal/export.proof",
			      "is not signed for this ledger");
}

/* A whole ledger made up under roots of one's own is consistent; only the trust file tells. */
static void test_no_trust_file__is_never_ok(void **state)
{
	struct verify_report report = {0};

	(void)state;
	write_forged(story.in.ledger.key);
	report = evidence_verify(arena, forged, NULL);
	assert_int_equal(verify_exit(&report), 2);
	assert_string_equal(verify_word(&report), "CONSISTENT, NOT AUTHENTICATED");
	evidence_remove_folder(forged);
	trust_version();
	write_forged(story.in.ledger.key);
	report = evidence_verify(arena, forged, NULL);
	assert_int_equal(verify_exit(&report), 1);
}

static struct CMUnitTest case_of(const char *name, CMUnitTestFunction test, const void *lie)
{
	union {
		const void *ours;
		void *theirs;
	} state = {.ours = lie};

	return (struct CMUnitTest){name, test, begin_case, end_case, state.theirs};
}

enum { CONTROLS = 3, FACTS = sizeof(unbacked) / sizeof(unbacked[0]), LIES = sizeof(lies) / sizeof(lies[0]) };

int main(void)
{
	static struct CMUnitTest tests[CONTROLS + FACTS + LIES];
	size_t count = 0;

	tests[count++] = case_of("test_rewriting__alone_changes_nothing",
				 test_rewriting__alone_changes_nothing, NULL);
	tests[count++] = case_of("test_another_key__signs_nothing", test_another_key__signs_nothing,
				 NULL);
	tests[count++] = case_of("test_no_trust_file__is_never_ok", test_no_trust_file__is_never_ok,
				 NULL);
	for (size_t i = 0; i < FACTS; i++)
		tests[count++] = case_of(unbacked[i].name,
					 test_fact__that_the_ledger_does_not_back_is_told,
					 &unbacked[i]);
	for (size_t i = 0; i < LIES; i++)
		tests[count++] = case_of(lies[i].name,
					 test_lie__of_who_holds_the_ledger_key_is_told, &lies[i]);
	return _cmocka_run_group_tests("tests", tests, count, begin, end);
}
