/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_GATE_H
#define SERVICE_KEEPER_GATE_H

/* Verdicts: gather, decide, and, for real, write them down. */

#include "policy/decide.h"
#include "service/keeper/gather.h"

struct gate_verdict {
	struct policy_verdict verdict;
	struct event_id event; /* empty after a dry run */
};

/* Inside a transaction. A dry run stores facts and verdict documents but no verdict row and no event. */
MUST_CHECK bool gate_decide(struct keeper *keeper, struct db_tx *tx, const struct act *act,
			    const char *gate, const char *subject, bool dry,
			    struct gate_verdict *out, struct err *err);

/* The verdict as an error: E_GATE_CLOSED, naming the first thing that is missing. */
MUST_CHECK bool gate_demand_open(const struct policy_verdict *verdict, const char *gate,
				 struct err *err);

#endif
