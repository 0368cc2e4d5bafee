/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_GATHER_H
#define SERVICE_KEEPER_GATHER_H

/*
 * Facts for a gate, from rows that only the keeper writes and whose event it has sealed, and from
 * signatures that it checks again. What the service wrote (who uploaded, who drafted, holds, ends,
 * withdrawals) goes in where it counts against.
 */

#include "common/wire/content.h"
#include "common/wire/manifest.h"
#include "common/wire/plan.h"
#include "common/wire/record.h"
#include "policy/facts.h"
#include "service/keeper/keeper.h"

struct gathered {
	struct facts facts;
	struct bytes bytes;	      /* canonical facts */
	const struct bytes *rulesets; /* canonical bytes of those adopted */
	size_t ruleset_count;
	int64_t epoch; /* of the subject, read before anything else */
	struct manifest manifest;
	struct bytes content; /* countersign.release-content.v1 as it is now */
	struct plan plan;     /* gate campaign only */
	struct bytes plan_bytes;
	int64_t held_number; /* gate campaign: newest hold that is not released; 0: none */
};

/* gate: "release" or "campaign"; extra_person (may be NULL) is put among the people. E_GATE_SUBJECT when there is no such sealed
 * release or submitted campaign. */
MUST_CHECK bool gather_facts(struct keeper *keeper, struct db_tx *tx, const char *gate,
			     const char *subject, const char *extra_person, clock_us as_of,
			     struct gathered *out, struct err *err);

/* E_LEDGER_STREAM_CLOSED when a row of the stream of this release, of this campaign or of its release
 * was set aside. Either may be NULL. */
MUST_CHECK bool gather_streams_open(struct db_tx *tx, const char *release, const char *campaign,
				    struct err *err);

#endif
