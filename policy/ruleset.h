/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_RULESET_H
#define POLICY_RULESET_H

/*
 * Rulesets (countersign.ruleset.v1): requirements as data. Read whole before anything is judged:
 * unknown rules, parameters, conditions, placeholders or members are refused, so that nothing in a
 * ruleset in force is silently without effect.
 *
 * Ids of requirements begin with the ruleset's name and a stop ("baseline.qa-approval"), so that
 * they are unique in a verdict; the name "core" is the program's own. A remedy may hold {release},
 * {campaign} and {product}, which verdicts replace with the ids at hand; {campaign} only for the
 * campaign gate. Errors: E_RULESET, and those of doc.h.
 */

#include "policy/condition.h"
#include "policy/rules.h"

enum { RULESET_BYTES_MAX = 1024 * 1024, RULESET_REQUIREMENTS_MAX = 500, RULESET_CITES_MAX = 20 };

struct ruleset_requirement {
	const char *id;
	const char *gate;
	const char *const *cites; /* clause ids, no text of standards */
	size_t cite_count;
	const char *demand;
	const struct condition *applies; /* NULL: always */
	const struct rule *rule;
	struct rule_with with;
	const char *remedy;
};

struct ruleset {
	const char *name;
	int64_t version;    /* from 1 */
	const char *status; /* EXAMPLE or adopted-text */
	const char *title;
	struct sha256_hex sha256; /* of the bytes it was read from */
	const struct ruleset_requirement *requirements;
	size_t requirement_count;
};

/* Canonical bytes only: what was adopted. */
MUST_CHECK bool ruleset_read(struct arena *arena, struct bytes bytes, struct ruleset *out,
			     struct err *err);

/* From the file in the tree, white space and order of members as people like it, to the bytes that
 * are adopted: checked as ruleset_read does. */
MUST_CHECK bool ruleset_canonical(struct arena *arena, struct bytes json, struct bytes *out,
				  struct err *err);

/* The remedy with ids in place of its placeholders. */
const char *ruleset_remedy(struct arena *arena, const char *remedy, const struct facts *facts);

#endif
