/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_DIRECTORY_H
#define SERVICE_API_DIRECTORY_H

/* Directory statements and people. */

#include "common/web.h"

bool api_directory_next(struct request *request, struct reply *reply, struct err *err);
bool api_directory_put(struct request *request, struct reply *reply, struct err *err);
bool api_persons(struct request *request, struct reply *reply, struct err *err);

#endif
