/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_CONDITION_H
#define POLICY_CONDITION_H

/*
 * When a requirement applies: {fact, equals}, {all: [...]}, {any: [...]} or {not: ...}, nested at
 * most 8 deep with at most 32 parts each. Facts that may be asked: product.id, author.person,
 * release.version (texts), release.sequence (integer), and for the campaign gate campaign.targets
 * (integer). What compares a text with an integer, or asks for a fact that the gate has not, is
 * refused when the ruleset is read, so that holding has no way to fail.
 */

#include "policy/facts.h"

struct condition;

/* `gate` is that of the requirement. E_RULESET. */
MUST_CHECK bool condition_read(struct arena *arena, const struct doc *doc, const char *gate,
			       const struct condition **out, struct err *err);
/* NULL always holds. */
bool condition_holds(const struct condition *condition, const struct facts *facts);

#endif
