/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_CREDENTIAL_H
#define SERVICE_KEEPER_CREDENTIAL_H

/*
 * Passwords: checked here and nowhere else. At most KEEPER_PASSWORDS_AT_ONCE at a time, outside any
 * transaction, as long for an unknown person as for a known one.
 */

#include "service/keeper/keeper.h"

struct credential {
	bool known; /* there is such a person, who has not left */
	const char *person;
	const char *name;
	const char *password; /* as stored; NULL: none */
};

MUST_CHECK bool credential_find(struct keeper *keeper, struct arena *arena, const char *person,
				struct credential *out, struct err *err);
/* *matches says whether the password is that person's. E_BUSY when too many wait. */
MUST_CHECK bool credential_check(struct keeper *keeper, const struct credential *credential,
				 const char *password, bool *matches, struct err *err);

#endif
