/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_GATES_H
#define SERVICE_API_GATES_H

/* What a gate says, without consequences. */

#include "common/web.h"

bool api_release_gate(struct request *request, struct reply *reply, struct err *err);

#endif
