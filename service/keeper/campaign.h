/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_CAMPAIGN_H
#define SERVICE_KEEPER_CAMPAIGN_H

#include "service/keeper/keeper.h"

/* Holds a campaign on the keeper's own account, inside a transaction; number and event may be NULL. */
MUST_CHECK bool campaign_hold(struct keeper *keeper, struct db_tx *tx, const struct act *act,
			      const char *campaign, const char *by, const char *reason,
			      int64_t *number, struct event_id *event, struct err *err);

#endif
