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

#include "tests/support/forge.h"

#include "audit/package.h"

#include <string.h>

/* ---- verdicts, trust, directory ---- */

static void facts_without_verdict(void)
{
	struct doc *facts = forge_open(EV_VERDICT_GIVEN, 0, "facts_sha256");

	doc_set_bool(forge_part(facts, "release"), "withdrawn", true);
	forge_close(EV_VERDICT_GIVEN, 0, "facts_sha256", facts);
}

static void verdict_edited(void)
{
	struct doc *verdict = forge_open(EV_VERDICT_GIVEN, 0, "sha256");

	doc_set_bool(verdict, "open", !doc_bool(doc_get(verdict, "open"), false));
	forge_close(EV_VERDICT_GIVEN, 0, "sha256", verdict);
}

static void verdict_event_says_other(void)
{
	struct doc *data = forge_data(EV_VERDICT_GIVEN, 0);

	doc_set_bool(data, "open", !doc_bool(doc_get(data, "open"), false));
}

static void trust_version(void)
{
	doc_set_int(forge_data(EV_TRUST_ADOPTED, 0), "version", 7);
}

static void trust_document(void)
{
	struct doc *trust = forge_open(EV_TRUST_ADOPTED, 0, "sha256");

	doc_set_int(trust, "version", 2);
	forge_close(EV_TRUST_ADOPTED, 0, "sha256", trust);
}

static void statement_admins(void)
{
	struct doc *admins = doc_array(forge_arena);

	doc_add_text(admins, "p-ada");
	doc_add_text(admins, "p-qa");
	doc_set(forge_data(EV_DIRECTORY_ACTED, 0), "admins", admins);
}

static void statement_one_signature(void)
{
	const char *prefix = arena_printf(forge_arena, "content/signatures/%s/person-",
					  forge_said(EV_DIRECTORY_ACTED, 0, "sha256"));

	for (size_t i = 0; i < forge_ledger->file_count; i++) {
		if (strncmp(forge_ledger->files[i].path, prefix, strlen(prefix)) == 0) {
			evidence_take(forge_ledger, forge_ledger->files[i].path);
			return;
		}
	}
}

static void statement_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_DIRECTORY_ACTED, 0));
}

static void statement_again(void)
{
	struct evidence_event again = *forge_event(EV_DIRECTORY_ACTED, 0);

	evidence_insert(forge_ledger, forge_ledger->event_count, &again);
}

static void statement_edited(void)
{
	struct doc *statement = forge_open(EV_DIRECTORY_ACTED, 0, "sha256");
	const char *old = arena_printf(forge_arena, "content/signatures/%s/",
				       forge_said(EV_DIRECTORY_ACTED, 0, "sha256"));
	size_t files = forge_ledger->file_count;

	doc_set_text(statement, "reason", "another reason");
	forge_event(EV_DIRECTORY_ACTED, 0)->event.reason = "another reason";
	struct sha256_hex sha256 = forge_close(EV_DIRECTORY_ACTED, 0, "sha256", statement);
	for (size_t i = 0; i < files; i++) {
		const struct evidence_file file = forge_ledger->files[i];
		if (strncmp(file.path, old, strlen(old)) == 0)
			evidence_put(forge_ledger,
				     arena_printf(forge_arena, "content/signatures/%s/%s",
						  sha256.text, file.path + strlen(old)),
				     file.bytes);
	}
}

static void act_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_PERSON_CHANGED, 3));
}

static void act_made_up(void)
{
	struct doc *data = doc_object(forge_arena);

	doc_set_text(data, "statement", forge_said(EV_PERSON_CHANGED, 0, "statement"));
	doc_set_text(data, "act", "role.grant");
	(void)forge_add(EV_PERSON_CHANGED, data, STREAM_PERSON, "p-qa");
	forge_move_newest(forge_index(EV_PERSON_CHANGED, 5));
}

static void author_key(void)
{
	forge_say(EV_RELEASE_SEALED, 0, "author_key_id",
		  digest_sha256_hex(bytes_of_text("x")).text);
}

static void author_cms(void)
{
	forge_say(EV_RELEASE_SEALED, 0, "author_cms_sha256",
		  digest_sha256_hex(bytes_of_text("x")).text);
}

/* Signed by somebody whom the trust document names for another product. */
static void author_other(void)
{
	const char *sha256 = forge_said(EV_RELEASE_SEALED, 0, "manifest_sha256");
	struct bytes cms = installation_cms(&forge_story.in, &forge_story.in.other_author,
					    evidence_get_document(forge_ledger, sha256));
	const char *key_id = forge_story.in.other_author.cert.key_id.text;

	evidence_put(forge_ledger, package_signature_path(forge_arena, sha256, "author", key_id),
		     cms);
	forge_say(EV_RELEASE_SEALED, 0, "author_key_id", key_id);
	forge_say(EV_RELEASE_SEALED, 0, "author_cms_sha256", digest_sha256_hex(cms).text);
}

static void manifest_other(void)
{
	struct doc *manifest = forge_open(EV_RELEASE_SEALED, 0, "manifest_sha256");

	doc_set_text(manifest, "version", "6.6.6");
	forge_close(EV_RELEASE_SEALED, 0, "manifest_sha256", manifest);
}

static void record_edited(void)
{
	struct doc *record = forge_open(EV_RECORD_ADDED, 0, "sha256");

	doc_set_text(record, "product", "pump-b");
	forge_close(EV_RECORD_ADDED, 0, "sha256", record);
}

static void record_version(void)
{
	doc_set_int(forge_data(EV_RECORD_ADDED, 0), "version", 2);
}

/* Number of the signature with this meaning. */
static size_t signature_of(const char *meaning)
{
	size_t n = 0;

	while (strcmp(forge_said(EV_SIGNATURE_GIVEN, n, "meaning"), meaning) != 0)
		n++;
	return n;
}

/* The statement of a signature changed, its files and events with it. */
static void reopen_signature(size_t n, const char *member, const char *text)
{
	const char *old = forge_said(EV_SIGNATURE_GIVEN, n, "statement_sha256");
	const char *key_id = doc_get_text(forge_event(EV_SIGNATURE_GIVEN, n)->event.data, "key_id");
	struct doc *statement = forge_open(EV_SIGNATURE_GIVEN, n, "statement_sha256");

	doc_set_text(statement, member, text);
	struct sha256_hex sha256 =
		forge_close(EV_SIGNATURE_GIVEN, n, "statement_sha256", statement);
	if (key_id)
		evidence_put(forge_ledger,
			     package_signature_path(forge_arena, sha256.text, "person", key_id),
			     evidence_get(forge_ledger, package_signature_path(forge_arena, old,
									       "person", key_id)));
	for (size_t i = 0; i < forge_ledger->event_count; i++) {
		struct evidence_event *event = &forge_ledger->events[i];
		if (event->event.kind == EV_CHALLENGE_GIVEN &&
		    strcmp(doc_get_text(event->event.data, "statement_sha256"), old) == 0)
			doc_set_text(evidence_data(forge_ledger, event), "statement_sha256",
				     sha256.text);
	}
}

static void signed_reason(void)
{
	size_t n = signature_of("approved");

	reopen_signature(n, "reason", "something else");
	forge_event(EV_SIGNATURE_GIVEN, n)->event.reason = "something else";
}

static void signed_statement_only(void)
{
	struct doc *statement = forge_open(EV_SIGNATURE_GIVEN, 0, "statement_sha256");

	doc_set_text(statement, "name", "EXAMPLE somebody");
	forge_close(EV_SIGNATURE_GIVEN, 0, "statement_sha256", statement);
}

static void signed_name(void)
{
	reopen_signature(signature_of("tested"), "name", "EXAMPLE somebody");
}

/* Somebody without the role: the keeper's word for it, and the statement. */
static void signed_without_role(void)
{
	size_t n = signature_of("released");
	struct evidence_event *event = forge_event(EV_SIGNATURE_GIVEN, n);

	reopen_signature(n, "person", "p-support");
	reopen_signature(n, "name", "EXAMPLE p-support");
	event->act.actor = "p-support";
	event->event.streams[1].id = "p-support";
}

static void signed_key(void)
{
	size_t n = signature_of("approved");
	const char *sha256 = forge_said(EV_SIGNATURE_GIVEN, n, "statement_sha256");
	struct bytes cms = installation_cms(&forge_story.in, &forge_story.in.stranger,
					    evidence_get_document(forge_ledger, sha256));
	const char *key_id = forge_story.in.stranger.cert.key_id.text;

	evidence_put(forge_ledger, package_signature_path(forge_arena, sha256, "person", key_id),
		     cms);
	forge_say(EV_SIGNATURE_GIVEN, n, "key_id", key_id);
}

static void signed_twice(void)
{
	struct evidence_event again = *forge_event(EV_SIGNATURE_GIVEN, 0);

	evidence_insert(forge_ledger, forge_index(EV_SIGNATURE_GIVEN, 0) + 1, &again);
}

static void signed_before_challenge(void)
{
	evidence_remove(forge_ledger, forge_index(EV_CHALLENGE_GIVEN, 0));
}

static void opened_verdict(void)
{
	forge_say(EV_CAMPAIGN_OPENED, 0, "campaign_verdict",
		  digest_sha256_hex(bytes_of_text("x")).text);
}

static void opened_wrong_gate(void)
{
	forge_say(EV_CAMPAIGN_OPENED, 0, "campaign_verdict",
		  forge_said(EV_CAMPAIGN_OPENED, 0, "release_verdict"));
}

static void opened_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_CAMPAIGN_OPENED, 0));
}

static void plan_edited(void)
{
	struct doc *plan = forge_open(EV_CAMPAIGN_SUBMITTED, 0, "plan_sha256");

	doc_set_text(forge_item(plan, "targets", 0), "hardware", "rev-9");
	forge_close(EV_CAMPAIGN_SUBMITTED, 0, "plan_sha256", plan);
}

static void permit_number(void)
{
	doc_set_int(forge_data(EV_PERMIT_ISSUED, 0), "number", 9);
}

static void permit_edited(void)
{
	struct doc *permit = forge_open(EV_PERMIT_ISSUED, 0, "sha256");
	const char *old = forge_said(EV_PERMIT_ISSUED, 0, "sha256");
	const char *key_id = forge_story.in.keeper_key.cert.key_id.text;
	struct bytes cms = evidence_get(forge_ledger,
					package_signature_path(forge_arena, old, "keeper", key_id));

	doc_set_text(permit, "assurance_min", "signature-checked");
	struct sha256_hex sha256 = forge_close(EV_PERMIT_ISSUED, 0, "sha256", permit);
	evidence_put(forge_ledger,
		     package_signature_path(forge_arena, sha256.text, "keeper", key_id), cms);
}

static void permit_unsigned(void)
{
	evidence_take(forge_ledger,
		      package_signature_path(forge_arena, forge_said(EV_PERMIT_ISSUED, 0, "sha256"),
					     "keeper", forge_story.in.keeper_key.cert.key_id.text));
}

static void permit_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_PERMIT_ISSUED, 0));
}

static void targets_edited(void)
{
	const char *path = package_target_path(forge_arena, forge_story.campaign);
	struct bytes old = evidence_get(forge_ledger, path);
	unsigned char *bytes = arena_copy(forge_arena, old.data, old.size);

	/* The last digit of a salt. */
	char *salt = strstr((char *)bytes + 2, "\"salt\":\"");
	assert_non_null(salt);
	salt[8 + 31] = salt[8 + 31] == '0' ? '1' : '0';
	evidence_put(forge_ledger, path, bytes_of(bytes, old.size));
}

static void closed_stream(void)
{
	struct doc *data = doc_object(forge_arena);
	struct doc *streams = doc_array(forge_arena);
	size_t opened = forge_index(EV_CAMPAIGN_OPENED, 0);

	doc_add_text(streams, arena_printf(forge_arena, "campaign/%s", forge_story.campaign));
	doc_set_int(data, "queue_id", 1);
	doc_set_text(data, "event", forge_ledger->events[0].event.id.text);
	doc_set_text(data, "why", "a test");
	doc_set(data, "streams", streams);
	(void)forge_add(EV_ROW_SET_ASIDE, data, STREAM_SYSTEM, "keeper");
	forge_move_newest(opened);
	forge_ledger->events[opened].act.at -= 600 * CLOCK_SECOND;
}

static void hold_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_CAMPAIGN_HELD, 0));
}

static void resumed_signature(void)
{
	forge_say(EV_CAMPAIGN_RESUMED, 0, "signature",
		  forge_said(EV_SIGNATURE_GIVEN, 0, "signature"));
}

/* The resumption left out: what came after it came while the hold stood. */
static void resumed_left_out(void)
{
	size_t at = forge_index(EV_CAMPAIGN_RESUMED, 0);

	evidence_remove(forge_ledger, at);
	for (size_t i = at; i < forge_ledger->event_count; i++)
		forge_ledger->events[i].act.at += 10 * CLOCK_SECOND;
}

static void offered_twice(void)
{
	struct evidence_event again = *forge_event(EV_DEPLOYMENT_OFFERED, 0);
	size_t at = forge_index(EV_DEPLOYMENT_OFFERED, 0);

	doc_set_int(evidence_data(forge_ledger, &again), "attempt", 2);
	evidence_insert(forge_ledger, at + 1, &again);
}

static void offered_to_stranger(void)
{
	forge_event(EV_DEPLOYMENT_OFFERED, 0)->event.streams[0].id = "unit-3";
}

static void offered_before_opening(void)
{
	struct evidence_event offered = *forge_event(EV_DEPLOYMENT_OFFERED, 0);
	size_t permit = forge_index(EV_PERMIT_ISSUED, 0);

	evidence_remove(forge_ledger, forge_index(EV_DEPLOYMENT_OFFERED, 0));
	evidence_insert(forge_ledger, permit, &offered);
}

static void lease_other(void)
{
	forge_say(EV_LEASE_ISSUED, 0, "lease_sha256",
		  forge_said(EV_LEASE_ISSUED, 1, "lease_sha256"));
}

static void lease_event_edited(void)
{
	doc_set_int(forge_data(EV_LEASE_ISSUED, 0), "for_s", 900);
}

static void lease_permit(void)
{
	forge_say(EV_LEASE_ISSUED, 1, "permit_sha256", digest_sha256_hex(bytes_of_text("x")).text);
}

static void lease_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_LEASE_ISSUED, 1));
}

static void lease_without_install(void)
{
	evidence_remove(forge_ledger, forge_index(EV_LEASE_ISSUED, 0));
}

static void proof_outcome(void)
{
	forge_say(EV_PROOF_TAKEN, 0, "outcome", "failed");
}

static void proof_signature(void)
{
	unsigned char zeros[64] = {0};

	doc_set_bytes(forge_data(EV_PROOF_TAKEN, 0), "signature", bytes_of(zeros, sizeof(zeros)));
}

static void proof_edited(void)
{
	struct doc *proof = forge_open(EV_PROOF_TAKEN, 0, "sha256");

	doc_set_int(proof, "boot_count", 77);
	forge_close(EV_PROOF_TAKEN, 0, "sha256", proof);
}

static void proof_left_out(void)
{
	evidence_remove(forge_ledger, forge_index(EV_PROOF_TAKEN, 0));
}

static void proof_twice(void)
{
	struct evidence_event again = *forge_event(EV_PROOF_TAKEN, 0);

	evidence_insert(forge_ledger, forge_index(EV_PROOF_TAKEN, 0) + 1, &again);
}

static void ended_by_claim(void)
{
	forge_say(EV_DEPLOYMENT_ENDED, 0, "basis", "claim");
}

static void ended_by_nothing(void)
{
	forge_say(EV_DEPLOYMENT_ENDED, 0, "proof_sha256",
		  digest_sha256_hex(bytes_of_text("x")).text);
}

static void ended_twice(void)
{
	struct evidence_event again = *forge_event(EV_DEPLOYMENT_ENDED, 1);

	evidence_insert(forge_ledger, forge_ledger->event_count, &again);
}

static void history_commit(void)
{
	forge_say(EV_HISTORY_WRITTEN, 0, "commit", forge_said(EV_HISTORY_WRITTEN, 1, "commit"));
}

static void history_act(void)
{
	forge_say(EV_HISTORY_WRITTEN, 0, "act", forge_ledger->events[0].event.id.text);
}

static void history_ref(void)
{
	forge_say(EV_HISTORY_WRITTEN, 0, "ref", "refs/heads/elsewhere");
}

static void history_signature(void)
{
	forge_say(EV_HISTORY_WRITTEN, 0, "signature",
		  forge_said(EV_HISTORY_WRITTEN, 1, "signature"));
}

static void history_swapped(void)
{
	const char *first = forge_said(EV_HISTORY_WRITTEN, 2, "act");

	forge_say(EV_HISTORY_WRITTEN, 2, "act", forge_said(EV_HISTORY_WRITTEN, 3, "act"));
	forge_say(EV_HISTORY_WRITTEN, 3, "act", first);
}

static void wrong_number(void)
{
	struct evidence_event *event = forge_event(EV_PERMIT_ISSUED, 0);

	event->raw = true;
	event->event.streams[0].no++;
}

static void wrong_link(void)
{
	struct evidence_event *event = forge_event(EV_PERMIT_ISSUED, 0);

	event->raw = true;
	event->event.streams[0].prev.at[0] ^= 1;
}

static void clock_back(void)
{
	forge_ledger->events[forge_ledger->event_count - 1].act.at -= 3600 * CLOCK_SECOND;
	forge_ledger->events[forge_ledger->event_count - 1].writer = "keeper/1";
	forge_ledger->events[forge_ledger->event_count - 1].event.kind = EV_KEEPER_STARTED;
	forge_ledger->events[forge_ledger->event_count - 1].event.streams[0] =
		(struct event_stream){.kind = STREAM_SYSTEM, .id = "keeper"};
	forge_ledger->events[forge_ledger->event_count - 1].event.stream_count = 1;
}

static void said_missing(void)
{
	static const char *const missing[] = {"content/documents/x.json", NULL};

	forge_ledger->missing = missing;
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
	forge_expect(lie->grade, lie->words);
}

/* ---- controls ---- */

static void test_rewriting__alone_changes_nothing(void **state)
{
	(void)state;
	evidence_write(forge_ledger, forge_forged, forge_story.in.ledger.key);
	evidence_expect_ok(forge_forged, &forge_story.pin);
}

static void test_another_key__signs_nothing(void **state)
{
	(void)state;
	evidence_write(forge_ledger, forge_forged, forge_story.in.git.key);
	evidence_expect_found(forge_forged, &forge_story.pin, VERIFY_TAMPERED, "content/checkpoint",
			      "it is not signed for this ledger");
	evidence_expect_found(forge_forged, &forge_story.pin, VERIFY_TAMPERED, "seal/export.proof",
			      "is not signed for this ledger");
}

/* A whole ledger made up under roots of one's own is consistent; only the trust file tells. */
static void test_no_trust_file__is_never_ok(void **state)
{
	struct verify_report report = {0};

	(void)state;
	evidence_write(forge_ledger, forge_forged, forge_story.in.ledger.key);
	report = evidence_verify(forge_arena, forge_forged, NULL);
	assert_int_equal(verify_exit(&report), 2);
	assert_string_equal(verify_word(&report), "CONSISTENT, NOT AUTHENTICATED");
	evidence_remove_folder(forge_forged);
	trust_version();
	evidence_write(forge_ledger, forge_forged, forge_story.in.ledger.key);
	report = evidence_verify(forge_arena, forge_forged, NULL);
	assert_int_equal(verify_exit(&report), 1);
}

enum { CONTROLS = 3, LIES = sizeof(lies) / sizeof(lies[0]) };

int main(void)
{
	static struct CMUnitTest tests[CONTROLS + LIES];
	size_t count = 0;

	tests[count++] = forge_case("test_rewriting__alone_changes_nothing",
				    test_rewriting__alone_changes_nothing, NULL);
	tests[count++] = forge_case("test_another_key__signs_nothing",
				    test_another_key__signs_nothing, NULL);
	tests[count++] = forge_case("test_no_trust_file__is_never_ok",
				    test_no_trust_file__is_never_ok, NULL);
	for (size_t i = 0; i < LIES; i++)
		tests[count++] = forge_case(
			lies[i].name, test_lie__of_who_holds_the_ledger_key_is_told, &lies[i]);
	return _cmocka_run_group_tests("tests", tests, count, forge_begin, forge_end);
}
