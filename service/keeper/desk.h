/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_DESK_H
#define SERVICE_KEEPER_DESK_H

/*
 * The keeper's socket (docs/protocol/keeper.md): who may speak, which verbs there are, one thread
 * per connection. The table of verbs is the access decision: service column or operator column.
 */

#include "service/keeper/keeper.h"

struct desk;
MUST_CHECK bool desk_new(struct keeper *keeper, struct desk **out, struct err *err);
void desk_free(struct desk *desk); /* stops listening, ends connections, joins; NULL is fine */

#endif
