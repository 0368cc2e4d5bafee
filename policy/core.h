/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_CORE_H
#define POLICY_CORE_H

/*
 * What every gate demands, whatever a ruleset says; no ruleset can relax it.
 *
 *	core.not-withdrawn      the release is not withdrawn
 *	core.not-expired        nothing that the facts rest on has expired
 *	core.rulesets-in-force  every ruleset of the product is in force and asks something of this gate
 *	core.release-gate       campaign: the release gate is open at as_of
 *	core.not-ended          campaign: not ended
 *	core.not-held           campaign: no hold that is not released
 *	core.not-before         campaign: its window has begun
 *	core.not-after          campaign: its window is not over
 */

#include "policy/rules.h"

struct core_case {
	const struct facts *facts;
	const char *const *absent; /* rulesets that the product names and nobody handed over */
	size_t absent_count;
	size_t applicable; /* requirements of rulesets that apply to this gate */
};

struct core_requirement {
	const char *id;
	bool campaign_only;
	const char *cite;
	const char *remedy;
	void (*check)(struct arena *arena, const struct core_case *at, struct rule_answer *out);
};

extern const struct core_requirement core_requirements[];
extern const size_t core_requirement_count;

#endif
