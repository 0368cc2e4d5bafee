/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rulesets from anywhere: what is taken is taken again in its canonical form, unchanged, and can be
 * judged without any way to fail.
 */

#include "tests/fuzz/fuzz.h"

#include "policy/ruleset.h"

#include <stdlib.h>

enum { ARENA_MAX = 256 * 1024 * 1024 };

static const struct facts_artifact artifact = {.name = "example.bin", .size_bytes = 1};
static const struct facts_campaign campaign = {.id = "c", .not_after = 1, .targets = 1};
static const struct facts_signature signatures[] = {
	{.id = "s",
	 .person = "p",
	 .meaning = "approved",
	 .strength = "personal-key",
	 .object = {"release", "r"},
	 .current = true},
	{.id = "t",
	 .person = "p",
	 .meaning = "released",
	 .strength = "keeper-checked",
	 .object = {"campaign", "c"},
	 .current = true},
};

static struct facts some_facts(const char *gate)
{
	bool release = facts_same(gate, "release");

	return (struct facts){
		.gate = gate,
		.subject = {gate, release ? "r" : "c"},
		.product = {.id = "example-pump"},
		.release = {.id = "r", .version = "1", .artifacts = &artifact, .artifact_count = 1},
		.author = {.why = ""},
		.signatures = signatures,
		.signature_count = 2,
		.campaign = release ? NULL : &campaign,
	};
}

static void judge(struct arena *arena, const struct ruleset_requirement *requirement)
{
	struct facts facts = some_facts(requirement->gate);
	struct rule_answer answer;

	(void)condition_holds(requirement->applies, &facts);
	rule_check(arena, requirement->rule, &facts, &requirement->with, &answer);
	if (!answer.why || !*ruleset_remedy(arena, requirement->remedy, &facts))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes first, second;
	struct ruleset ruleset;
	struct err err = {0};

	if (ruleset_canonical(arena, bytes_of(data, size), &first, &err)) {
		if (!ruleset_canonical(arena, first, &second, &err) ||
		    !bytes_equal(first, second) || !ruleset_read(arena, first, &ruleset, &err))
			abort();
		for (size_t i = 0; i < ruleset.requirement_count; i++)
			judge(arena, &ruleset.requirements[i]);
	} else if (err.code == E_NONE) {
		abort();
	}
	arena_free(arena);
	return 0;
}
