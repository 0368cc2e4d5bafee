/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_IDENTITY_H
#define SERVICE_IDENTITY_H

/*
 * Who asks: the identify and permit of the server (common/web.h), with struct service as its app.
 *
 *	people	 Authorization: Bearer TOKEN, a session (model/session.h)
 *	devices	 Authorization: TargetToken TOKEN, or a client certificate registered for the device
 *		 that {id} of the path names; a revoked device is nobody
 *
 * On public routes nobody is looked for. Refusals never say which half was wrong.
 */

#include "common/web.h"

bool identity_identify(struct request *request, const struct route *route, struct err *err);
bool identity_permit(struct request *request, const struct route *route, struct err *err);

/* Grants of "role@product role@product ..."; for tests. Ends at the first that is not of that form. */
struct actor_grant;
const struct actor_grant *identity_grants(struct arena *arena, const char *words, size_t *count);

#endif
