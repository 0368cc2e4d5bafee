/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

/*
 * The rules that a ruleset may name: one row each with its check, its parameters and what else must
 * hold for them. A ruleset combines rules; it cannot invent one.
 *
 *	author-signature   the author's signature over the manifest holds
 *	record-signed      {kind, result, role, subjects: "every-artifact", not_author?}: one current
 *	                   record of the kind with the result names the digest of every artifact, and
 *	                   its tester, active and holding the role, signed it with meaning tested;
 *	                   with not_author the tester is not the author
 *	signature          {meaning, role, strength?, independent, count}: so many active persons who
 *	                   hold the role signed the gate's subject with the meaning and at least the
 *	                   strength; independent: none of them contributed anything
 */

#include "policy/facts.h"

/* Parameters of all rules; which are set is the rule's matter. */
struct rule_with {
	const char *kind;
	const char *result;
	const char *subjects;
	bool not_author;
	const char *meaning;
	const char *role;
	const char *strength; /* NULL: any */
	bool independent;
	int64_t count;
};

struct rule_answer {
	bool satisfied;
	const char *why; /* one sentence without its stop */
	const char *const *evidence;
	size_t evidence_count;
};

struct rule;

/* NULL if there is no rule of that name. */
const struct rule *rule_find(const char *name);
const char *rule_name(const struct rule *rule);

/* Reads and checks the parameters (NULL: none given) for a requirement of this gate. E_RULESET. */
MUST_CHECK bool rule_read_with(struct arena *arena, const struct rule *rule, const char *gate,
			       const struct doc *with, struct rule_with *out, struct err *err);

void rule_check(struct arena *arena, const struct rule *rule, const struct facts *facts,
		const struct rule_with *with, struct rule_answer *out);

#endif
