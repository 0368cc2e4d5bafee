/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_HEALTH_H
#define SERVICE_MODEL_HEALTH_H

/* Whether what the service stands on is there. Never fails: it tells. */

#include "service/model/keeper_call.h"

struct health {
	bool database;		       /* answers, and takes writes */
	bool keeper;		       /* answers, and seals */
	int64_t size, checkpoint_size; /* of the ledger, as the keeper says; 0 when it does not */
};
void health_ask(struct model *model, const struct act *act, struct health *out);

/* The newest signed note; E_CHECKPOINT_MISSING. */
MUST_CHECK bool health_checkpoint(struct model *model, const struct act *act, const char **note,
				  struct err *err);

#endif
