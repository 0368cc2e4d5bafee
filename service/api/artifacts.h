/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_ARTIFACTS_H
#define SERVICE_API_ARTIFACTS_H

/* Firmware: up and down. */

#include "common/web.h"

extern const struct web_sink api_artifact_sink;
bool api_artifact_get(struct request *request, struct reply *reply, struct err *err);

#endif
