/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_DEVICES_H
#define SERVICE_API_DEVICES_H

/* Devices as people see them, over HTTP: docs/api.md. What devices themselves speak: ddi.h. */

#include "common/web.h"

bool api_devices(struct request *request, struct reply *reply, struct err *err);
bool api_device_get(struct request *request, struct reply *reply, struct err *err);
/* Not repeatable by Idempotency-Key: the answer holds a secret that is told once. */
bool api_device_access(struct request *request, struct reply *reply, struct err *err);

#endif
