/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_RENEWAL_H
#define SERVICE_KEEPER_RENEWAL_H

/* The keeper's own timer: calls keeper_renew once a second, logs what fails, goes on. */

#include "service/keeper/keeper.h"

struct renewal;
MUST_CHECK bool renewal_new(struct keeper *keeper, struct renewal **out, struct err *err);
void renewal_free(struct renewal *renewal); /* ends the thread; NULL is fine */

#endif
