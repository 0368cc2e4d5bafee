/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_SIGNATURES_H
#define SERVICE_API_SIGNATURES_H

/* Challenges and their answers. */

#include "common/web.h"

bool api_challenge(struct request *request, struct reply *reply, struct err *err);
bool api_signature_give(struct request *request, struct reply *reply, struct err *err);

#endif
