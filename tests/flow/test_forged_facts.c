/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a keeper that lies about the facts of a verdict give itself away? Each case changes one fact
 * of the first verdict, decides it again, and signs the rewritten ledger with the real key; the
 * verifier must say what the ledger does not back.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/forge.h"

#include "policy/decide.h"

#include <string.h>

/* Verdict number n of a gate, as index among verdict.given. */
static size_t verdict_of(const char *gate, size_t n)
{
	for (size_t i = 0;; i++) {
		if (strcmp(forge_said(EV_VERDICT_GIVEN, i, "gate"), gate) == 0 && n-- == 0)
			return i;
	}
}

/* The first open verdict's facts changed, and all that a lying keeper would change with them. */
static void change_facts(const char *gate, void (*change)(struct doc *facts))
{
	size_t n = verdict_of(gate, 0);
	struct doc *facts = forge_open(EV_VERDICT_GIVEN, n, "facts_sha256");
	const struct doc *rulesets = doc_get(forge_open(EV_VERDICT_GIVEN, n, "sha256"), "rulesets");
	struct bytes used[8];
	struct policy_verdict verdict;
	struct err err = {0};

	change(facts);
	forge_close(EV_VERDICT_GIVEN, n, "facts_sha256", facts);
	for (size_t i = 0; i < doc_size(rulesets); i++)
		used[i] = evidence_get_document(forge_ledger,
						doc_get_text(doc_at(rulesets, i), "sha256"));
	if (!policy_decide(forge_arena, evidence_close(forge_ledger, facts), used,
			   doc_size(rulesets), &verdict, &err))
		fail_msg("%s", err.text);
	evidence_document(forge_ledger, verdict.document);
	struct doc *data = forge_data(EV_VERDICT_GIVEN, n);
	doc_set_text(data, "sha256", verdict.sha256.text);
	doc_set_bool(data, "open", verdict.open);
	doc_set_time(data, "valid_until", verdict.valid_until);
}

static void facts_role(struct doc *facts)
{
	struct doc *person = forge_item(facts, "people", 0);
	struct doc *roles = doc_array(forge_arena);

	doc_add_text(roles, "clinical");
	doc_set(person, "roles", roles);
}

static void facts_stranger(struct doc *facts)
{
	struct doc *people = doc_array(forge_arena);
	struct doc *person = doc_object(forge_arena);
	const struct doc *old = doc_get(facts, "people");

	doc_set_text(person, "person", "a-stranger");
	doc_set_bool(person, "active", true);
	doc_set(person, "roles", doc_array(forge_arena));
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
	doc_set_text(forge_item(facts, "signatures", n), "person", "p-qa");
}

static void facts_signed_at(struct doc *facts)
{
	doc_set_time(forge_item(facts, "signatures", 0), "signed_at", 1795435200 * CLOCK_SECOND);
}

static void facts_strength(struct doc *facts)
{
	const struct doc *list = doc_get(facts, "signatures");

	for (size_t i = 0; i < doc_size(list); i++) {
		if (strcmp(doc_get_text(doc_at(list, i), "strength"), "keeper-checked") == 0) {
			doc_set_text(forge_item(facts, "signatures", i), "strength",
				     "personal-key");
			return;
		}
	}
	fail_msg("no signature by password");
}

static void facts_contribution(struct doc *facts)
{
	doc_set(facts, "contributions", forge_without(doc_get(facts, "contributions"), 0));
}

static void facts_record_left_out(struct doc *facts)
{
	doc_set(facts, "records", doc_array(forge_arena));
}

static void facts_author(struct doc *facts)
{
	doc_set_text(forge_part(facts, "author"), "person", "p-other");
}

static void facts_expiry(struct doc *facts)
{
	doc_set(facts, "expiries", doc_array(forge_arena));
}

static void facts_content(struct doc *facts)
{
	doc_set_text(forge_part(facts, "release"), "content_sha256",
		     digest_sha256_hex(bytes_of_text("other")).text);
}

static void facts_version(struct doc *facts)
{
	doc_set_text(forge_part(facts, "release"), "version", "9.9.9");
}

static void facts_rulesets(struct doc *facts)
{
	doc_set(forge_part(facts, "product"), "rulesets", doc_array(forge_arena));
}

static void facts_targets(struct doc *facts)
{
	doc_set_int(forge_part(facts, "campaign"), "targets", 1);
}

static void facts_release_verdict(struct doc *facts)
{
	doc_set_text(forge_part(facts, "release_verdict"), "sha256",
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
	forge_expect(VERIFY_TAMPERED, fact->words);
}

static void test_rewriting__alone_changes_nothing(void **state)
{
	(void)state;
	evidence_write(forge_ledger, forge_forged, forge_story.in.ledger.key);
	evidence_expect_ok(forge_forged, &forge_story.pin);
}

enum { FACTS = sizeof(unbacked) / sizeof(unbacked[0]) };

int main(void)
{
	static struct CMUnitTest tests[FACTS + 1];

	tests[0] = forge_case("test_rewriting__alone_changes_nothing",
			      test_rewriting__alone_changes_nothing, NULL);
	for (size_t i = 0; i < FACTS; i++)
		tests[i + 1] =
			forge_case(unbacked[i].name,
				   test_fact__that_the_ledger_does_not_back_is_told, &unbacked[i]);
	return _cmocka_run_group_tests("tests", tests, FACTS + 1, forge_begin, forge_end);
}
