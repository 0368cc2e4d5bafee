/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_PERMIT_H
#define SERVICE_KEEPER_PERMIT_H

/*
 * Permits: decide both gates for real, draw the target tree once, sign. A permit ends with the
 * earliest of both verdicts, the trust document, the keeper's certificate and entry, and the plan.
 */

#include "service/keeper/gate.h"

struct permit_issued {
	struct sha256_hex sha256;
	int64_t number;
	clock_us not_after;
	struct event_id event;
};

/* Inside a transaction, for a campaign whose campaign.opened is sealed. E_GATE_CLOSED. */
MUST_CHECK bool permit_issue(struct keeper *keeper, struct db_tx *tx, const struct act *act,
			     const char *campaign, struct permit_issued *out, struct err *err);

/* Waits until nobody else issues a permit for this campaign; *live says whether one is live that begins after `since`, with
 * its event. */
MUST_CHECK bool permit_lock(struct db_tx *tx, const char *campaign, clock_us since, bool *live,
			    struct event_id *event, struct err *err);

/* Both gates, for real; their verdicts' digests. E_GATE_CLOSED when one is closed: the transaction should
 * then be rolled back by the caller. */
struct permit_gates {
	struct sha256_hex release_verdict, campaign_verdict;
	clock_us valid_until;
};
MUST_CHECK bool permit_decide(struct keeper *keeper, struct db_tx *tx, const struct act *act,
			      const char *release, const char *campaign, struct permit_gates *out,
			      struct err *err);

#endif
