/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_SESSIONS_H
#define SERVICE_API_SESSIONS_H

/* Logging in and out, and first passwords. */

#include "common/web.h"

bool api_session_begin(struct request *request, struct reply *reply, struct err *err);
bool api_session_end(struct request *request, struct reply *reply, struct err *err);
bool api_session_me(struct request *request, struct reply *reply, struct err *err);
bool api_password_set(struct request *request, struct reply *reply, struct err *err);

#endif
