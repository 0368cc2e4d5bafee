/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_SESSION_H
#define SERVICE_MODEL_SESSION_H

/*
 * Sessions of people, and how devices prove who they are. The keeper checks the password; a session
 * is the service's own: 256 random bits, of which the table holds the SHA-256, for SESSION_HOURS.
 */

#include "service/model/keeper_call.h"

enum { SESSION_HOURS = 8, SESSION_TOKEN_BYTES = 32, SESSION_TOKEN_TEXT_MAX = 100 };

struct session_login {
	const char *token; /* base64url; told once */
	const char *person;
	const char *name;
	const struct doc *roles; /* list of {role, product} */
	clock_us expires_at;
};
/* E_LOGIN, E_BUSY, E_KEEPER_AWAY. remote: numeric address. */
MUST_CHECK bool session_login(struct model *model, const struct act *act, const char *person,
			      const char *password, const char *remote, struct session_login *out,
			      struct err *err);
MUST_CHECK bool session_end(struct model *model, const struct act *act, const char *token,
			    struct err *err);
/* Sets a password with an invitation's token, and ends all sessions of the person; regulated. */
MUST_CHECK bool session_set_password(struct model *model, const struct act *act, const char *person,
				     const char *token, const char *password,
				     struct keeper_place *place, struct err *err);

struct session_person {
	bool found;
	const char *id;
	const char *name;
	const char *grants; /* "role@product role@product" */
};
MUST_CHECK bool session_of_token(struct model *model, struct arena *arena, const char *token,
				 clock_us at, struct session_person *out, struct err *err);

/* Whether this device is registered, not revoked, and has this token (NULL: none shown) or this
 * certificate (NULL: none shown). *auth: "token" or "certificate"; NULL: it is not. Compared in
 * constant time. */
MUST_CHECK bool session_device(struct model *model, struct arena *arena, const char *device,
			       const char *token, const struct sha256_hex *certificate, clock_us at,
			       const char **auth, struct err *err);

/* Forgets what is over. Called now and then. */
MUST_CHECK bool session_sweep(struct model *model, struct arena *arena, clock_us at,
			      struct err *err);

#endif
