/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a gate demand even when no ruleset says so? One row each, judged in this order before
 * any ruleset, for every decision.
 */

#include "policy/core.h"

#include "common/text.h"

enum { NAMES_MAX = 2000 };

static const char *const no_evidence[] = {NULL};

static void say(struct rule_answer *out, bool satisfied, const char *why)
{
	*out = (struct rule_answer){.satisfied = satisfied, .why = why, .evidence = no_evidence};
}

static void one_piece(struct arena *arena, struct rule_answer *out, const char *evidence)
{
	const char **list = arena_array(arena, 1, sizeof(*list));
	list[0] = evidence;
	out->evidence = list;
	out->evidence_count = 1;
}

static const char *instant(struct arena *arena, clock_us at)
{
	struct clock_text text = clock_format(at);
	return arena_text(arena, text.text);
}

static void check_withdrawn(struct arena *arena, const struct core_case *at,
			    struct rule_answer *out)
{
	bool withdrawn = at->facts->release.withdrawn;

	say(out, !withdrawn,
	    withdrawn ? "the release has been withdrawn" : "the release is not withdrawn");
	one_piece(arena, out, at->facts->release.id);
}

static void check_expired(struct arena *arena, const struct core_case *at, struct rule_answer *out)
{
	const struct facts *facts = at->facts;
	struct text text;
	size_t count = 0;

	text_init(&text, arena, NAMES_MAX);
	for (size_t i = 0; i < facts->expiry_count; i++) {
		const struct facts_expiry *expiry = &facts->expiries[i];
		if (expiry->at > facts->as_of)
			continue;
		if (count < 3)
			text_addf(&text, "%s%s (%s)", count ? ", " : "", expiry->what,
				  instant(arena, expiry->at));
		count++;
	}
	if (count > 3)
		text_addf(&text, ", and %zu more", count - 3);
	say(out, count == 0,
	    count ? arena_printf(arena, "expired: %s", text.at)
		  : "nothing that this decision rests on has expired");
}

static void check_rulesets(struct arena *arena, const struct core_case *at, struct rule_answer *out)
{
	const struct facts_product *product = &at->facts->product;
	struct text text;

	if (product->ruleset_count == 0) {
		say(out, false, arena_printf(arena, "product %s names no ruleset", product->id));
		return;
	}
	if (at->absent_count > 0) {
		text_init(&text, arena, NAMES_MAX);
		for (size_t i = 0; i < at->absent_count; i++)
			text_addf(&text, "%s%s", i ? ", " : "", at->absent[i]);
		say(out, false,
		    arena_printf(arena, "product %s asks for rulesets that are not adopted: %s",
				 product->id, text.at));
		out->evidence = at->absent;
		out->evidence_count = at->absent_count;
		return;
	}
	say(out, at->applicable > 0,
	    at->applicable ? "every ruleset of the product is in force"
			   : arena_printf(arena, "no requirement of any ruleset applies to this %s",
					  at->facts->gate));
	out->evidence = product->rulesets;
	out->evidence_count = product->ruleset_count;
}

static void check_release_gate(struct arena *arena, const struct core_case *at,
			       struct rule_answer *out)
{
	const struct facts_release_verdict *verdict = at->facts->release_verdict;

	if (!verdict) {
		say(out, false, "there is no current verdict of the release gate");
		return;
	}
	if (!verdict->open)
		say(out, false, "the release gate is closed");
	else if (verdict->valid_until <= at->facts->as_of)
		say(out, false,
		    arena_printf(arena, "the verdict of the release gate ended at %s",
				 instant(arena, verdict->valid_until)));
	else
		say(out, true,
		    arena_printf(arena, "the release gate is open until %s",
				 instant(arena, verdict->valid_until)));
	one_piece(arena, out, verdict->sha256.text);
}

static void check_ended(struct arena *arena, const struct core_case *at, struct rule_answer *out)
{
	bool ended = at->facts->campaign->ended;

	say(out, !ended, ended ? "the campaign has ended" : "the campaign has not ended");
	one_piece(arena, out, at->facts->campaign->id);
}

static void check_held(struct arena *arena, const struct core_case *at, struct rule_answer *out)
{
	bool held = at->facts->campaign->held;

	say(out, !held, held ? "the campaign is held" : "the campaign is not held");
	one_piece(arena, out, at->facts->campaign->id);
}

static void check_before(struct arena *arena, const struct core_case *at, struct rule_answer *out)
{
	clock_us begin = at->facts->campaign->not_before;
	bool begun = begin <= at->facts->as_of;

	say(out, begun,
	    arena_printf(arena, "the window of the plan %s at %s", begun ? "began" : "begins only",
			 instant(arena, begin)));
}

static void check_after(struct arena *arena, const struct core_case *at, struct rule_answer *out)
{
	clock_us end = at->facts->campaign->not_after;
	bool over = end <= at->facts->as_of;

	say(out, !over,
	    arena_printf(arena, "the window of the plan %s at %s", over ? "ended" : "ends",
			 instant(arena, end)));
}

/* clang-format off */
const struct core_requirement core_requirements[] = {
	{"core.not-withdrawn", false, "21 CFR 11.10(f)",
	 "Make and approve a new release; a withdrawn one is not shipped again.", check_withdrawn},
	{"core.not-expired", false, "21 CFR 11.10(g)",
	 "Renew what has expired, or make the release again with keys and certificates that are valid.", check_expired},
	{"core.rulesets-in-force", false, "21 CFR 11.10(f)",
	 "Have two administrators adopt the ruleset, or name an adopted one for product {product}, by a directory statement.", check_rulesets},
	{"core.release-gate", true, "21 CFR 11.10(f)",
	 "See what the release still needs: countersign gate show release {release}.", check_release_gate},
	{"core.not-ended", true, "21 CFR 11.10(f)",
	 "Draft a new campaign; one that has ended is not opened again.", check_ended},
	{"core.not-held", true, "21 CFR 11.10(f)",
	 "Have a release manager resume the campaign: countersign campaign resume {campaign}.", check_held},
	{"core.not-before", true, "21 CFR 11.10(f)",
	 "Wait until the window begins, or draft a campaign with another window.", check_before},
	{"core.not-after", true, "21 CFR 11.10(f)",
	 "Draft a new campaign with a later end.", check_after},
};
/* clang-format on */

const size_t core_requirement_count = sizeof(core_requirements) / sizeof(core_requirements[0]);
