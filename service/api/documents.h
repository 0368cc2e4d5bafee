/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_DOCUMENTS_H
#define SERVICE_API_DOCUMENTS_H

/* Documents by digest. */

#include "common/web.h"

bool api_document_put(struct request *request, struct reply *reply, struct err *err);
bool api_document_get(struct request *request, struct reply *reply, struct err *err);

#endif
