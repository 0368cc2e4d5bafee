/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the gate open? Facts and rulesets in, verdict with reasons out: for the keeper, for dry runs,
 * and for whoever replays an old decision.
 */

#include "policy/decide.h"

#include "common/digest.h"
#include "policy/core.h"

struct decision {
	struct arena *arena;
	struct facts facts;
	const struct ruleset **rulesets; /* those the product names, sorted by name */
	size_t ruleset_count;
	const char **absent; /* those it names and nobody handed over */
	size_t absent_count;
	struct policy_finding *findings;
	size_t finding_count;
	size_t applicable;
};

static bool choose_rulesets(struct decision *at, const struct bytes *bytes, size_t count,
			    struct err *err);
static void judge_core(struct decision *at, struct policy_finding *findings);
static size_t judge_rulesets(struct decision *at, struct policy_finding *findings);
static clock_us ends_at(const struct facts *facts);
static bool write_verdict(struct decision *at, struct policy_verdict *verdict, struct err *err);

static size_t core_count(const struct facts *facts)
{
	size_t count = 0;
	for (size_t i = 0; i < core_requirement_count; i++)
		count += facts->campaign || !core_requirements[i].campaign_only;
	return count;
}

/* An upper bound: requirements of the other gate are counted, too. */
static size_t most_findings(const struct decision *at)
{
	size_t count = core_requirement_count;
	for (size_t i = 0; i < at->ruleset_count; i++)
		count += at->rulesets[i]->requirement_count;
	return count;
}

bool policy_decide(struct arena *arena, struct bytes facts, const struct bytes *rulesets,
		   size_t ruleset_count, struct policy_verdict *out, struct err *err)
{
	/* In the arena, not on the stack: findings point into the facts. */
	struct decision *at = arena_alloc(arena, sizeof(*at));
	struct policy_verdict verdict = {.open = true};

	at->arena = arena;
	if (!facts_read(arena, facts, &at->facts, err) ||
	    !choose_rulesets(at, rulesets, ruleset_count, err))
		return false;
	at->findings = arena_array(arena, most_findings(at), sizeof(*at->findings));
	/* Rulesets first: core asks whether any of them applied. Core stands in front. */
	size_t core = core_count(&at->facts);
	at->finding_count = core + judge_rulesets(at, at->findings + core);
	judge_core(at, at->findings);
	for (size_t i = 0; i < at->finding_count; i++) {
		if (at->findings[i].state == POLICY_MISSING)
			verdict.open = false;
	}
	verdict.valid_until = ends_at(&at->facts);
	verdict.facts_sha256 = digest_sha256_hex(facts);
	verdict.findings = at->findings;
	verdict.finding_count = at->finding_count;
	if (!write_verdict(at, &verdict, err))
		return false;
	*out = verdict;
	return true;
}

/* ---- which rulesets ---- */

static const struct ruleset *ruleset_named(const struct ruleset *all, size_t count,
					   const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (facts_same(all[i].name, name))
			return &all[i];
	}
	return NULL;
}

/* In the order in which the product names them, which is sorted. */
static bool choose_rulesets(struct decision *at, const struct bytes *bytes, size_t count,
			    struct err *err)
{
	const struct facts_product *product = &at->facts.product;
	struct ruleset *all = arena_array(at->arena, count, sizeof(*all));

	for (size_t i = 0; i < count; i++) {
		if (!ruleset_read(at->arena, bytes[i], &all[i], err)) {
			err_prefix(err, "ruleset %zu", i + 1);
			return false;
		}
		if (ruleset_named(all, i, all[i].name))
			return err_fail(err, E_RULESET,
					"Two rulesets are called %s; only one can be in force",
					all[i].name);
	}
	at->rulesets =
		arena_array(at->arena, product->ruleset_count, sizeof(const struct ruleset *));
	at->absent = arena_array(at->arena, product->ruleset_count, sizeof(*at->absent));
	for (size_t i = 0; i < product->ruleset_count; i++) {
		const struct ruleset *found = ruleset_named(all, count, product->rulesets[i]);
		if (found)
			at->rulesets[at->ruleset_count++] = found;
		else
			at->absent[at->absent_count++] = product->rulesets[i];
	}
	return true;
}

/* ---- judging ---- */

static void conclude(struct decision *at, const struct rule_answer *answer, const char *remedy,
		     struct policy_finding *finding)
{
	finding->state = answer->satisfied ? POLICY_SATISFIED : POLICY_MISSING;
	finding->why = answer->why;
	finding->evidence = answer->evidence;
	finding->evidence_count = answer->evidence_count;
	finding->remedy = answer->satisfied ? "" : ruleset_remedy(at->arena, remedy, &at->facts);
}

static void judge_core(struct decision *at, struct policy_finding *findings)
{
	struct core_case core = {
		.facts = &at->facts,
		.absent = at->absent,
		.absent_count = at->absent_count,
		.applicable = at->applicable,
	};

	for (size_t i = 0; i < core_requirement_count; i++) {
		const struct core_requirement *row = &core_requirements[i];
		struct rule_answer answer;
		if (row->campaign_only && !at->facts.campaign)
			continue;
		row->check(at->arena, &core, &answer);
		findings->id = row->id;
		findings->ruleset = "core";
		findings->cites = &row->cite;
		findings->cite_count = 1;
		conclude(at, &answer, row->remedy, findings);
		findings++;
	}
}

static void judge(struct decision *at, const struct ruleset *ruleset,
		  const struct ruleset_requirement *requirement, struct policy_finding *finding)
{
	struct rule_answer answer;

	finding->id = requirement->id;
	finding->ruleset = ruleset->name;
	finding->cites = requirement->cites;
	finding->cite_count = requirement->cite_count;
	if (!condition_holds(requirement->applies, &at->facts)) {
		finding->state = POLICY_NOT_APPLICABLE;
		finding->why = "its condition does not hold for these facts";
		finding->remedy = "";
		return;
	}
	at->applicable++;
	rule_check(at->arena, requirement->rule, &at->facts, &requirement->with, &answer);
	conclude(at, &answer, requirement->remedy, finding);
}

static size_t judge_rulesets(struct decision *at, struct policy_finding *findings)
{
	size_t count = 0;

	for (size_t i = 0; i < at->ruleset_count; i++) {
		const struct ruleset *ruleset = at->rulesets[i];
		for (size_t k = 0; k < ruleset->requirement_count; k++) {
			const struct ruleset_requirement *requirement = &ruleset->requirements[k];
			if (facts_same(requirement->gate, at->facts.gate))
				judge(at, ruleset, requirement, &findings[count++]);
		}
	}
	return count;
}

static clock_us ends_at(const struct facts *facts)
{
	clock_us end = facts->as_of + POLICY_VALID_MAX;

	for (size_t i = 0; i < facts->expiry_count; i++) {
		if (facts->expiries[i].at < end)
			end = facts->expiries[i].at;
	}
	if (facts->campaign && facts->campaign->not_after < end)
		end = facts->campaign->not_after;
	if (facts->release_verdict && facts->release_verdict->valid_until < end)
		end = facts->release_verdict->valid_until;
	return end;
}

/* ---- the document ---- */

const char *policy_state_word(enum policy_state state)
{
	switch (state) {
	case POLICY_SATISFIED:
		return "satisfied";
	case POLICY_MISSING:
		return "missing";
	case POLICY_NOT_APPLICABLE:
		return "not-applicable";
	}
	return "missing";
}

static struct doc *texts(struct arena *arena, const char *const *all, size_t count)
{
	struct doc *list = doc_array(arena);
	for (size_t i = 0; i < count; i++)
		doc_add_text(list, all[i]);
	return list;
}

static struct doc *subject_doc(struct arena *arena, const struct facts_object *subject)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "kind", subject->kind);
	doc_set_text(doc, "id", subject->id);
	return doc;
}

static struct doc *ruleset_list(const struct decision *at)
{
	struct doc *list = doc_array(at->arena);

	for (size_t i = 0; i < at->ruleset_count; i++) {
		struct doc *item = doc_object(at->arena);
		doc_set_text(item, "name", at->rulesets[i]->name);
		doc_set_int(item, "version", at->rulesets[i]->version);
		doc_set_text(item, "sha256", at->rulesets[i]->sha256.text);
		doc_add(list, item);
	}
	return list;
}

static struct doc *finding_list(const struct decision *at)
{
	struct doc *list = doc_array(at->arena);

	for (size_t i = 0; i < at->finding_count; i++) {
		const struct policy_finding *finding = &at->findings[i];
		struct doc *item = doc_object(at->arena);
		doc_set_text(item, "id", finding->id);
		doc_set_text(item, "ruleset", finding->ruleset);
		doc_set(item, "cites", texts(at->arena, finding->cites, finding->cite_count));
		doc_set_text(item, "state", policy_state_word(finding->state));
		doc_set_text(item, "why", finding->why);
		doc_set(item, "evidence",
			texts(at->arena, finding->evidence, finding->evidence_count));
		doc_set_text(item, "remedy", finding->remedy);
		doc_add(list, item);
	}
	return list;
}

static bool write_verdict(struct decision *at, struct policy_verdict *verdict, struct err *err)
{
	struct doc *doc = doc_object(at->arena);

	doc_set_text(doc, "type", "countersign.verdict.v1");
	doc_set_text(doc, "gate", at->facts.gate);
	doc_set(doc, "subject", subject_doc(at->arena, &at->facts.subject));
	doc_set_time(doc, "as_of", at->facts.as_of);
	doc_set_text(doc, "facts_sha256", verdict->facts_sha256.text);
	doc_set(doc, "rulesets", ruleset_list(at));
	doc_set_bool(doc, "open", verdict->open);
	doc_set_time(doc, "valid_until", verdict->valid_until);
	doc_set(doc, "requirements", finding_list(at));
	if (!doc_canonical(at->arena, doc, &verdict->document, err))
		return false;
	verdict->sha256 = digest_sha256_hex(verdict->document);
	return true;
}
