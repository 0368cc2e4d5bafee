/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_HEALTH_H
#define SERVICE_API_HEALTH_H

/* Whether the service works, and where the ledger stands: for monitors and for everybody. */

#include "common/web.h"

bool api_status(struct request *request, struct reply *reply, struct err *err);
bool api_health_live(struct request *request, struct reply *reply, struct err *err);
bool api_health_ready(struct request *request, struct reply *reply, struct err *err);
bool api_checkpoint(struct request *request, struct reply *reply, struct err *err);

#endif
