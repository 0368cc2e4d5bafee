/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which signatures count, and who may give one? For the rules that ask for signatures, and for the
 * keeper before it makes a challenge. The table is the separation of duties of this version: a row
 * for each meaning says to what it is given, by which roles, and whose work excludes it.
 */

#include "policy/signatures.h"

/* clang-format off */
static const char *const tester_roles[] = {"tester", NULL};
static const char *const approver_roles[] = {
	"qa", "regulatory", "security", "clinical", "prrc", "risk_owner", NULL};
static const char *const release_roles[] = {"release_manager", NULL};

static const char *const nobody[] = {NULL};
static const char *const the_author[] = {"author", NULL};

/* Whoever tests is not who wrote it; whoever approves edited no input at all. A record's tester
 * signs that record: to have written it is no conflict. */
static const struct signature_meaning meanings[] = {
	{"tested",   "test signature",    "record",   "record",  tester_roles,   the_author},
	{"approved", "approval",          "release",  "content", approver_roles, facts_contributions},
	{"released", "release signature", "campaign", "plan",    release_roles,  nobody},
	{"resumed",  "resume signature",  "campaign", "hold",    release_roles,  nobody},
};
/* clang-format on */

const struct signature_meaning *signature_meaning_find(const char *word)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (facts_same(meanings[i].word, word))
			return &meanings[i];
	}
	return NULL;
}

static bool listed(const char *const *list, const char *word)
{
	for (; *list; list++) {
		if (facts_same(*list, word))
			return true;
	}
	return false;
}

bool signature_meaning_role(const struct signature_meaning *meaning, const char *role)
{
	return listed(meaning->roles, role);
}

/* From 1, 0 for a word that is no strength. */
static size_t rank_of(const char *word)
{
	for (size_t i = 0; facts_strengths[i]; i++) {
		if (facts_same(facts_strengths[i], word))
			return i + 1;
	}
	return 0;
}

bool signature_strong_enough(const char *a, const char *b)
{
	size_t rank = rank_of(a);
	return rank > 0 && rank >= rank_of(b);
}

const char *signature_contribution(const struct facts *facts, const char *person,
				   const char *const *kinds)
{
	if (!kinds)
		kinds = facts_contributions;
	if (facts->author.person && facts_same(facts->author.person, person) &&
	    listed(kinds, "author"))
		return "author";
	for (size_t i = 0; i < facts->contribution_count; i++) {
		const struct facts_contribution *at = &facts->contributions[i];
		if (facts_same(at->person, person) && listed(kinds, at->kind))
			return at->kind;
	}
	/* Superseded versions too: the whole edit history counts. */
	for (size_t i = 0; i < facts->record_count; i++) {
		if (facts_same(facts->records[i].body.tester, person) && listed(kinds, "record"))
			return "record";
	}
	return NULL;
}

enum signature_flaw signature_judge(const struct facts *facts,
				    const struct facts_signature *signature,
				    const struct signature_demand *demand)
{
	if (!facts_same(signature->meaning, demand->meaning->word) ||
	    !facts_same(signature->object.kind, demand->object.kind) ||
	    !facts_same(signature->object.id, demand->object.id))
		return SIGNATURE_OTHER;
	/* Both must say so: who gathered the facts, and the digest. */
	if (!signature->current || !facts_same_sha256(&signature->sha256, demand->present))
		return SIGNATURE_OLD;
	if (signature->signed_at > facts->as_of)
		return SIGNATURE_LATER;
	if (demand->strength && !signature_strong_enough(signature->strength, demand->strength))
		return SIGNATURE_WEAK;
	const struct facts_person *person = facts_person_find(facts, signature->person);
	if (!person || !person->active)
		return SIGNATURE_LEFT;
	if (!facts_person_holds(person, demand->role))
		return SIGNATURE_ROLE;
	if (demand->independent && signature_contribution(facts, signature->person, NULL))
		return SIGNATURE_OWN;
	return SIGNATURE_COUNTS;
}

const char *signature_flaw_clause(struct arena *arena, const struct facts *facts,
				  const struct facts_signature *signature,
				  const struct signature_demand *demand, enum signature_flaw flaw)
{
	const char *whose =
		arena_printf(arena, "the %s of %s", demand->meaning->noun, signature->person);

	switch (flaw) {
	case SIGNATURE_COUNTS:
		return arena_printf(arena, "%s counts", whose);
	case SIGNATURE_OTHER:
		return arena_printf(arena, "%s was given for something else", whose);
	case SIGNATURE_OLD:
		return arena_printf(arena, "%s was given for an older %s digest", whose,
				    demand->meaning->shown);
	case SIGNATURE_LATER:
		return arena_printf(arena, "%s is dated after this decision", whose);
	case SIGNATURE_WEAK:
		return arena_printf(arena, "%s has the strength %s and %s is asked for", whose,
				    signature->strength, demand->strength);
	case SIGNATURE_LEFT:
		return arena_printf(arena, "%s does not count because that person is not active",
				    whose);
	case SIGNATURE_ROLE:
		return arena_printf(
			arena, "%s does not count because that person does not hold the role %s",
			whose, demand->role);
	case SIGNATURE_OWN:
		return arena_printf(arena,
				    "%s does not count because that person worked on it (%s)",
				    whose, signature_contribution(facts, signature->person, NULL));
	}
	return whose;
}

/* ---- before signing ---- */

static bool release_open(const struct facts *facts, struct err *err)
{
	return !facts->release.withdrawn ||
	       err_fail(err, E_SIGN_NOT_OPEN,
			"Release %s is withdrawn; nothing of it is signed any more",
			facts->release.id);
}

static bool record_open(const struct facts *facts, const char *id, const struct facts_record **out,
			struct err *err)
{
	const struct facts_record *found = NULL;

	for (size_t i = 0; i < facts->record_count; i++) {
		if (facts_same(facts->records[i].id, id))
			found = &facts->records[i]; /* the last one is the newest */
	}
	if (!found)
		return err_fail(err, E_SIGN_OBJECT, "Release %s has no record %s",
				facts->release.id, id);
	if (!found->current)
		return err_fail(err, E_SIGN_NOT_OPEN,
				"Record %s is superseded; sign its newest version", id);
	*out = found;
	return release_open(facts, err);
}

static bool campaign_open(const struct facts *facts, const char *meaning, struct err *err)
{
	const struct facts_campaign *campaign = facts->campaign;

	if (campaign->ended)
		return err_fail(err, E_SIGN_NOT_OPEN,
				"Campaign %s has ended; draft a new one to go on", campaign->id);
	if (facts->as_of >= campaign->not_after)
		return err_fail(err, E_SIGN_NOT_OPEN,
				"The window of campaign %s is over; draft a new one to go on",
				campaign->id);
	if (facts_same(meaning, "resumed") && !campaign->held)
		return err_fail(err, E_SIGN_NOT_OPEN,
				"Campaign %s is not held, there is nothing to resume",
				campaign->id);
	return release_open(facts, err);
}

/* Is there such an object in these facts, and is it still to be signed? record: if it is one. */
static bool object_open(const struct facts *facts, const char *meaning,
			const struct facts_object *object, const struct facts_record **record,
			struct err *err)
{
	if (facts_same(object->kind, "record"))
		return record_open(facts, object->id, record, err);
	if (!facts_same(object->kind, facts->subject.kind) ||
	    !facts_same(object->id, facts->subject.id))
		return err_fail(err, E_SIGN_OBJECT, "These facts are about %s %s, not %s %s",
				facts->subject.kind, facts->subject.id, object->kind, object->id);
	if (facts_same(object->kind, "campaign"))
		return campaign_open(facts, meaning, err);
	return release_open(facts, err);
}

static bool person_may(struct arena *arena, const struct facts *facts, const char *person,
		       const struct signature_meaning *meaning, const struct facts_record *record,
		       struct err *err)
{
	const struct facts_person *known = facts_person_find(facts, person);
	const char *work = signature_contribution(facts, person, meaning->excluded);

	if (!known || !known->active)
		return err_fail(err, E_SIGN_INACTIVE, "Person %s has left or is not known", person);
	if (work)
		return err_fail(err, E_SIGN_OWN_WORK,
				"Person %s worked on this release (%s) and cannot give it the %s; "
				"ask another person",
				person, work, meaning->noun);
	if (record && !facts_same(record->body.tester, person))
		return err_fail(err, E_SIGN_NOT_TESTER,
				"Record %s names %s as its tester; only that person signs it",
				record->id, record->body.tester);
	for (const char *const *role = meaning->roles; *role; role++) {
		if (facts_person_holds(known, *role))
			return true;
	}
	const char *roles = meaning->roles[0];
	for (const char *const *role = meaning->roles + 1; *role; role++)
		roles = arena_printf(arena, "%s, %s", roles, *role);
	return err_fail(err, E_SIGN_ROLE,
			"Person %s does not hold for this product what the %s asks for: %s", person,
			meaning->noun, roles);
}

bool policy_may_sign(struct arena *arena, struct bytes bytes, const char *person,
		     const char *meaning_word, const struct facts_object *object, struct err *err)
{
	const struct signature_meaning *meaning = signature_meaning_find(meaning_word);
	const struct facts_record *record = NULL;
	struct facts facts;

	if (!meaning || !facts_same(meaning->object, object->kind))
		return err_fail(err, E_SIGN_MEANING, NULL);
	return facts_read(arena, bytes, &facts, err) &&
	       object_open(&facts, meaning_word, object, &record, err) &&
	       person_may(arena, &facts, person, meaning, record, err);
}
