/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

/*
 * Facts and rulesets in, verdict out. Pure: no clock, no file, no table; the same facts and rulesets
 * give the same bytes, whatever order the rulesets come in, so that anybody replays a verdict years
 * later.
 *
 * Judged are the core requirements (core.h: they hold whatever a ruleset says) and those
 * requirements of the facts' gate that stand in rulesets named by the product. Rulesets that the
 * product does not name are left out. A named one that is not handed over closes the gate and is
 * named by core.rulesets-in-force; so does a gate that no requirement of any ruleset applies to.
 *
 * The document (countersign.verdict.v1) lists the core requirements first, then those of each
 * ruleset, rulesets sorted by name. The gate is open when nothing is missing.
 *
 * valid_until: the earliest of as_of + 24 h, every expiry, and for a campaign the end of its window
 * and of the release verdict it stands on. A verdict counts before that instant, not at it.
 */

#include "policy/facts.h"
#include "policy/ruleset.h"

#define POLICY_VALID_MAX (24 * 3600 * CLOCK_SECOND)

enum policy_state { POLICY_SATISFIED, POLICY_MISSING, POLICY_NOT_APPLICABLE };

struct policy_finding {
	const char *id;
	const char *ruleset; /* "core" for the program's own */
	const char *const *cites;
	size_t cite_count;
	enum policy_state state;
	const char *why;	     /* one sentence: what was found or is missing */
	const char *const *evidence; /* ids */
	size_t evidence_count;
	const char *remedy; /* one sentence: what to do; "" unless missing */
};

struct policy_verdict {
	bool open;
	clock_us valid_until;
	struct bytes document;	  /* canonical countersign.verdict.v1 */
	struct sha256_hex sha256; /* of document */
	struct sha256_hex facts_sha256;
	const struct policy_finding *findings;
	size_t finding_count;
};

/* rulesets: canonical bytes of those in force. Errors (nothing is decided then): E_FACTS, E_RULESET
 * (also for two of one name), and those of doc.h. */
MUST_CHECK bool policy_decide(struct arena *arena, struct bytes facts, const struct bytes *rulesets,
			      size_t ruleset_count, struct policy_verdict *out, struct err *err);

/* "satisfied", "missing", "not-applicable" */
const char *policy_state_word(enum policy_state state);

#endif
