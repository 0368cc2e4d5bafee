/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_RECORDS_H
#define SERVICE_API_RECORDS_H

/* Records of a release. */

#include "common/web.h"

bool api_record_add(struct request *request, struct reply *reply, struct err *err);

#endif
