/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_EXPORTS_H
#define SERVICE_API_EXPORTS_H

/* Evidence packages over HTTP: docs/api.md. */

#include "common/web.h"

bool api_export_make(struct request *request, struct reply *reply, struct err *err);
bool api_export_file(struct request *request, struct reply *reply, struct err *err);

#endif
