/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may a ruleset ask for, and is it met? The table at the end names every rule with its
 * parameters and its check; a new kind of demand is a row there, a check here, and a case in
 * tests/unit/policy/test_rules.c.
 */

#include "policy/rules.h"

#include "common/text.h"
#include "policy/signatures.h"

/* Clauses of a sentence beyond these are only counted; the longest clause has about 330 bytes. */
enum { CLAUSES_SHOWN = 3, WHY_MAX = 2000, COUNT_MAX = 5 };

struct rule {
	const char *name;
	const struct doc_field *fields; /* the parameters that it knows */
	size_t field_count;
	bool (*fits)(const char *gate, const struct rule_with *with, struct err *err);
	void (*check)(struct arena *arena, const struct facts *facts, const struct rule_with *with,
		      struct rule_answer *out);
};

/* ---- sentences and evidence ---- */

/* The first few reasons why something does not count, and how many more there are. */
struct clauses {
	struct text text;
	size_t count;
};

static void clauses_add(struct clauses *clauses, const char *clause)
{
	if (clauses->count < CLAUSES_SHOWN)
		text_addf(&clauses->text, "; %s", clause);
	clauses->count++;
}

static const char *clauses_end(struct clauses *clauses)
{
	if (clauses->count > CLAUSES_SHOWN)
		text_addf(&clauses->text, "; and %zu more", clauses->count - CLAUSES_SHOWN);
	return clauses->text.at;
}

static void answer(struct rule_answer *out, bool satisfied, const char *why,
		   const char *const *evidence, size_t evidence_count)
{
	*out = (struct rule_answer){
		.satisfied = satisfied,
		.why = why,
		.evidence = evidence,
		.evidence_count = evidence_count,
	};
}

/* ---- author-signature ---- */

static void check_author(struct arena *arena, const struct facts *facts,
			 const struct rule_with *with, struct rule_answer *out)
{
	const char **evidence = arena_array(arena, 1, sizeof(*evidence));
	const char *why = "the author's signature over the manifest holds";

	(void)with;
	evidence[0] = facts->author.key_id.text;
	if (!facts->author.valid)
		why = arena_printf(arena,
				   "the author's signature over the manifest does not hold%s%s",
				   *facts->author.why ? ": " : "", facts->author.why);
	answer(out, facts->author.valid, why, evidence, 1);
}

/* ---- record-signed ---- */

/* Name of the first artifact of the release whose digest the record does not name; NULL: none. */
static const char *artifact_not_covered(const struct facts_release *release,
					const struct facts_record_body *body)
{
	for (size_t i = 0; i < release->artifact_count; i++) {
		bool found = false;
		for (size_t k = 0; k < body->subject_count && !found; k++)
			found = facts_same_sha256(&release->artifacts[i].sha256,
						  &body->subjects[k].sha256);
		if (!found)
			return release->artifacts[i].name;
	}
	return NULL;
}

/* The tester's signature over this version. NULL, with a clause saying why, if none counts. */
static const struct facts_signature *tested_by(struct arena *arena, const struct facts *facts,
					       const struct facts_record *record,
					       const struct rule_with *with, const char **clause)
{
	struct signature_demand demand = {
		.meaning = signature_meaning_find("tested"),
		.object = {"record", record->id},
		.present = &record->sha256,
		.role = with->role,
	};

	*clause = arena_printf(arena, "record %s is not signed by its tester %s", record->id,
			       record->body.tester);
	for (size_t i = 0; i < facts->signature_count; i++) {
		const struct facts_signature *signature = &facts->signatures[i];
		enum signature_flaw flaw;
		if (!facts_same(signature->person, record->body.tester))
			continue;
		flaw = signature_judge(facts, signature, &demand);
		if (flaw == SIGNATURE_COUNTS)
			return signature;
		if (flaw != SIGNATURE_OTHER)
			*clause = signature_flaw_clause(arena, facts, signature, &demand, flaw);
	}
	return NULL;
}

/* Why this record does not do, before its signature is asked for; NULL: it does. */
static const char *record_flaw(struct arena *arena, const struct facts *facts,
			       const struct facts_record *record, const struct rule_with *with)
{
	const struct facts_record_body *body = &record->body;
	const char *artifact = artifact_not_covered(&facts->release, body);

	if (!facts_same(body->release, facts->release.id) ||
	    !facts_same(body->product, facts->product.id))
		return arena_printf(arena, "record %s is about another release", record->id);
	if (!facts_same(body->result, with->result))
		return arena_printf(arena, "record %s says %s", record->id, body->result);
	if (artifact)
		return arena_printf(arena, "record %s does not name the digest of artifact %s",
				    record->id, artifact);
	if (with->not_author && facts->author.person &&
	    facts_same(facts->author.person, body->tester))
		return arena_printf(arena, "the tester of record %s is the author", record->id);
	return NULL;
}

/* Current records of the kind that say something else do not close the gate, but are named. */
static const char *disagreeing(struct arena *arena, const struct facts *facts,
			       const struct rule_with *with)
{
	struct clauses clauses = {0};

	text_init(&clauses.text, arena, WHY_MAX);
	for (size_t i = 0; i < facts->record_count; i++) {
		const struct facts_record *record = &facts->records[i];
		if (record->current && facts_same(record->kind, with->kind) &&
		    !facts_same(record->body.result, with->result))
			clauses_add(&clauses, arena_printf(arena, "record %s says %s", record->id,
							   record->body.result));
	}
	return clauses_end(&clauses);
}

static void accept_record(struct arena *arena, const struct facts *facts,
			  const struct facts_record *record,
			  const struct facts_signature *signature, const struct rule_with *with,
			  struct rule_answer *out)
{
	const char **evidence = arena_array(arena, 2, sizeof(*evidence));

	evidence[0] = record->id;
	evidence[1] = signature->id;
	answer(out, true,
	       arena_printf(
		       arena,
		       "record %s (%s, version %lld) says %s for every artifact, signed by its "
		       "tester %s%s",
		       record->id, record->kind, (long long)record->version, record->body.result,
		       signature->person, disagreeing(arena, facts, with)),
	       evidence, 2);
}

static void check_record(struct arena *arena, const struct facts *facts,
			 const struct rule_with *with, struct rule_answer *out)
{
	const char **evidence = arena_array(arena, facts->record_count, sizeof(*evidence));
	struct clauses clauses = {0};
	bool superseded = false;

	text_init(&clauses.text, arena, WHY_MAX);
	for (size_t i = 0; i < facts->record_count; i++) {
		const struct facts_record *record = &facts->records[i];
		if (!facts_same(record->kind, with->kind))
			continue;
		if (!record->current) {
			superseded = true;
			continue;
		}
		const struct facts_signature *signature = NULL;
		const char *clause = record_flaw(arena, facts, record, with);
		if (!clause)
			signature = tested_by(arena, facts, record, with, &clause);
		if (signature) {
			accept_record(arena, facts, record, signature, with, out);
			return;
		}
		evidence[clauses.count] = record->id;
		clauses_add(&clauses, clause);
	}
	const char *none = superseded ? "; those there were are superseded" : "";
	answer(out, false,
	       arena_printf(arena, "no current %s record counts%s", with->kind,
			    clauses.count ? clauses_end(&clauses) : none),
	       evidence, clauses.count);
}

static bool record_fits(const char *gate, const struct rule_with *with, struct err *err)
{
	(void)gate;
	return signature_meaning_role(signature_meaning_find("tested"), with->role) ||
	       err_fail(err, E_RULESET, "role %s does not sign records as tested", with->role);
}

/* ---- signature ---- */

static struct signature_demand demand_of(const struct facts *facts, const struct rule_with *with)
{
	return (struct signature_demand){
		.meaning = signature_meaning_find(with->meaning),
		.object = facts->subject,
		.present = facts->campaign ? &facts->campaign->plan_sha256
					   : &facts->release.content_sha256,
		.role = with->role,
		.strength = with->strength,
		.independent = with->independent,
	};
}

static bool counted_before(const struct facts_signature *const *counted, size_t count,
			   const char *person)
{
	for (size_t i = 0; i < count; i++) {
		if (facts_same(counted[i]->person, person))
			return true;
	}
	return false;
}

static const char *given_by(struct arena *arena, const struct facts_signature *const *counted,
			    size_t count)
{
	struct text text;

	text_init(&text, arena, WHY_MAX);
	for (size_t i = 0; i < count && i < COUNT_MAX; i++)
		text_addf(&text, "%s%s (%s)", i ? ", " : "", counted[i]->person,
			  counted[i]->strength);
	return text.at;
}

static const char *signatures_why(struct arena *arena, const struct facts *facts,
				  const struct rule_with *with, const char *noun, size_t count,
				  const char *persons, struct clauses *clauses)
{
	if ((int64_t)count >= with->count)
		return arena_printf(arena, "%s by %s in the role %s", noun, persons, with->role);
	if (count > 0)
		return arena_printf(arena, "%zu of %lld found in the role %s: %s by %s%s", count,
				    (long long)with->count, with->role, noun, persons,
				    clauses_end(clauses));
	if (clauses->count > 0)
		return arena_printf(arena, "no %s in the role %s counts%s", noun, with->role,
				    clauses_end(clauses));
	return arena_printf(arena, "nobody in the role %s has given this %s the %s", with->role,
			    facts->subject.kind, noun);
}

/* Evidence of what is satisfied is what counted; of what is missing, all that was looked at. */
static void check_signature(struct arena *arena, const struct facts *facts,
			    const struct rule_with *with, struct rule_answer *out)
{
	struct signature_demand demand = demand_of(facts, with);
	const struct facts_signature **counted =
		arena_array(arena, facts->signature_count, sizeof(const struct facts_signature *));
	const char **seen = arena_array(arena, facts->signature_count, sizeof(*seen));
	const char **counted_ids = arena_array(arena, facts->signature_count, sizeof(*counted_ids));
	struct clauses clauses = {0};
	size_t count = 0, seen_count = 0;

	text_init(&clauses.text, arena, WHY_MAX);
	for (size_t i = 0; i < facts->signature_count; i++) {
		const struct facts_signature *signature = &facts->signatures[i];
		enum signature_flaw flaw = signature_judge(facts, signature, &demand);
		if (flaw == SIGNATURE_OTHER)
			continue;
		seen[seen_count++] = signature->id;
		if (flaw != SIGNATURE_COUNTS) {
			clauses_add(&clauses,
				    signature_flaw_clause(arena, facts, signature, &demand, flaw));
		} else if (!counted_before(counted, count, signature->person)) {
			counted_ids[count] = signature->id;
			counted[count++] = signature;
		}
	}
	bool enough = (int64_t)count >= with->count;
	answer(out, enough,
	       signatures_why(arena, facts, with, demand.meaning->noun, count,
			      given_by(arena, counted, count), &clauses),
	       enough ? counted_ids : seen, enough ? count : seen_count);
}

/* The gate's subject is what is signed; a resumption covers a hold, not the subject. */
static bool signature_fits(const char *gate, const struct rule_with *with, struct err *err)
{
	const struct signature_meaning *meaning = signature_meaning_find(with->meaning);

	if (!meaning || facts_same(with->meaning, "resumed") || !facts_same(meaning->object, gate))
		return err_fail(err, E_RULESET, "meaning %s is not given to a %s", with->meaning,
				gate);
	return signature_meaning_role(meaning, with->role) ||
	       err_fail(err, E_RULESET, "role %s does not give the meaning %s", with->role,
			with->meaning);
}

/* ---- the table ---- */

static const char *const every_artifact[] = {"every-artifact", NULL};

static const struct doc_field record_parameters[] = {
	DOC_WORD(struct rule_with, kind, facts_record_kinds),
	DOC_WORD(struct rule_with, result, facts_results),
	DOC_TEXT(struct rule_with, role, 1, ID_NAME_MAX),
	DOC_WORD(struct rule_with, subjects, every_artifact),
	DOC_FLAG_OPT(struct rule_with, not_author),
};

static const struct doc_field signature_parameters[] = {
	DOC_WORD(struct rule_with, meaning, facts_meanings),
	DOC_TEXT(struct rule_with, role, 1, ID_NAME_MAX),
	DOC_WORD_OPT(struct rule_with, strength, facts_strengths),
	DOC_FLAG(struct rule_with, independent),
	DOC_INT(struct rule_with, count, 1, COUNT_MAX),
};

/* clang-format off */
static const struct rule rules[] = {
	{"author-signature", NULL, 0, NULL, check_author},
	{"record-signed", record_parameters, DOC_COUNT(record_parameters), record_fits, check_record},
	{"signature", signature_parameters, DOC_COUNT(signature_parameters), signature_fits, check_signature},
};
/* clang-format on */

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < DOC_COUNT(rules); i++) {
		if (facts_same(rules[i].name, name))
			return &rules[i];
	}
	return NULL;
}

const char *rule_name(const struct rule *rule)
{
	return rule->name;
}

bool rule_read_with(struct arena *arena, const struct rule *rule, const char *gate,
		    const struct doc *with, struct rule_with *out, struct err *err)
{
	struct rule_with read = {0};

	if (!with)
		with = doc_object(arena);
	if (!doc_read(arena, with, rule->fields, rule->field_count, &read, err)) {
		err_prefix(err, "rule %s", rule->name);
		return false;
	}
	if (rule->fits && !rule->fits(gate, &read, err)) {
		err_prefix(err, "rule %s", rule->name);
		return false;
	}
	*out = read;
	return true;
}

void rule_check(struct arena *arena, const struct rule *rule, const struct facts *facts,
		const struct rule_with *with, struct rule_answer *out)
{
	rule->check(arena, facts, with, out);
}
