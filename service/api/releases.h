/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_RELEASES_H
#define SERVICE_API_RELEASES_H

/* Releases. */

#include "common/web.h"

bool api_release_draft(struct request *request, struct reply *reply, struct err *err);
bool api_releases(struct request *request, struct reply *reply, struct err *err);
bool api_release_get(struct request *request, struct reply *reply, struct err *err);
bool api_release_seal(struct request *request, struct reply *reply, struct err *err);
bool api_release_withdraw(struct request *request, struct reply *reply, struct err *err);

#endif
