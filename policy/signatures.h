/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_SIGNATURES_H
#define POLICY_SIGNATURES_H

/*
 * Which signatures count, and who may give one.
 *
 * A signature counts for a demand when it has the meaning and the object, covers the object's
 * present digest, is not dated after the decision, is at least as strong as asked, and its person is
 * active and holds the role at as_of; where the demand asks for independence, the person contributed
 * nothing to what is signed. Several signatures of one person are one.
 *
 * What a person contributed: facts.contributions, and what the other facts say anyway (the author,
 * the tester of a record), so that a list with a hole does not open a gate.
 */

#include "policy/facts.h"

/* A row for each meaning: what it is given to, by whom, and whose contribution excludes it. */
struct signature_meaning {
	const char *word;
	const char *noun;	     /* "approval" */
	const char *object;	     /* kind of object it is given to */
	const char *shown;	     /* what its digest covers: "content" */
	const char *const *roles;    /* NULL-ended: one of these must be held */
	const char *const *excluded; /* NULL-ended: kinds of contribution */
};

/* NULL for a word that is no meaning. */
const struct signature_meaning *signature_meaning_find(const char *word);
bool signature_meaning_role(const struct signature_meaning *meaning, const char *role);

/* Is a at least as strong as b? Unknown words are weaker than all. */
bool signature_strong_enough(const char *a, const char *b);

/* The first of these kinds of contribution that the person made, NULL: none. kinds NULL: any. */
const char *signature_contribution(const struct facts *facts, const char *person,
				   const char *const *kinds);

struct signature_demand {
	const struct signature_meaning *meaning;
	struct facts_object object;
	const struct sha256_hex *present; /* digest that the object has now */
	const char *role;
	const char *strength; /* NULL: any */
	bool independent;
};

enum signature_flaw {
	SIGNATURE_COUNTS,
	SIGNATURE_OTHER, /* another meaning or object: not about this demand */
	SIGNATURE_OLD,
	SIGNATURE_LATER,
	SIGNATURE_WEAK,
	SIGNATURE_LEFT,
	SIGNATURE_ROLE,
	SIGNATURE_OWN,
};

enum signature_flaw signature_judge(const struct facts *facts,
				    const struct facts_signature *signature,
				    const struct signature_demand *demand);

/* Why it does not count, as a clause: "the approval of p-anna was given for an older content
 * digest". */
const char *signature_flaw_clause(struct arena *arena, const struct facts *facts,
				  const struct facts_signature *signature,
				  const struct signature_demand *demand, enum signature_flaw flaw);

/*
 * May this person give this meaning to this object now? For the keeper, before it makes a challenge
 * and again before it takes the answer. Facts: those of the object's gate (release for a release or
 * record, campaign for a campaign). Says no to what could never count:
 *
 *	E_SIGN_MEANING    this meaning is not given to that kind of object
 *	E_SIGN_OBJECT     the facts are not about that object
 *	E_SIGN_NOT_OPEN   withdrawn, ended, past its window, superseded; or nothing to resume
 *	E_SIGN_INACTIVE   the person has left or is unknown
 *	E_SIGN_OWN_WORK   the person worked on what would be signed
 *	E_SIGN_NOT_TESTER 'tested' is for the tester whom the record names
 *	E_SIGN_ROLE       none of the roles is held
 *
 * in this order; E_FACTS for facts that do not read.
 */
MUST_CHECK bool policy_may_sign(struct arena *arena, struct bytes facts, const char *person,
				const char *meaning, const struct facts_object *object,
				struct err *err);

#endif
