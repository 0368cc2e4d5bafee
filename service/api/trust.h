/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_TRUST_H
#define SERVICE_API_TRUST_H

/* The trust document. */

#include "common/web.h"

bool api_trust_put(struct request *request, struct reply *reply, struct err *err);
bool api_trust_get(struct request *request, struct reply *reply, struct err *err);

#endif
