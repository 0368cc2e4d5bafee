/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_ACCESS_H
#define SERVICE_ACCESS_H

/*
 * Who may use a route: the permission of its row. Public is an explicit value; a row without one
 * does not compile into a server (web_new refuses 0). Roles are bits: a row may name several, and
 * one of them is enough, for whatever product: the verb asks for the product.
 */

#include "service/service.h"

enum permission {
	PERM_PUBLIC = 1,
	PERM_PERSON = 2,      /* anybody who logged in */
	PERM_DEVICE_SELF = 3, /* the device that {id} of the path names */
	PERM_AUTHOR = 1 << 4,
	PERM_TESTER = 1 << 5,
	PERM_QA = 1 << 6,
	PERM_RELEASE_MANAGER = 1 << 7,
	PERM_SUPPORT = 1 << 8,
	PERM_AUDITOR = 1 << 9,
	PERM_ADMIN = 1 << 10,
};

/* Pure. actor NULL: nobody is known. E_UNIDENTIFIED, E_DENIED. */
MUST_CHECK bool access_check(const struct actor *actor, int permission, struct err *err);

/* The role of the actor that opened the route, for the act; NULL when none was needed. */
const char *access_role(const struct actor *actor, int permission);

/* "author", "qa, release_manager": as docs/api.md says it. At most size bytes. */
void access_words(int permission, char *out, size_t size);

#endif
