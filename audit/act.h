/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_ACT_H
#define AUDIT_ACT_H

/*
 * Who does something, when, and for which request: every verb that changes state takes one. Time
 * is in the act; nothing below asks the clock.
 */

#include "common/arena.h"
#include "common/clock.h"

enum actor_kind {
	ACTOR_NONE,
	ACTOR_PERSON,
	ACTOR_DEVICE,
	ACTOR_KEEPER,
	ACTOR_SERVICE,
	ACTOR_OPERATOR
};

struct act {
	enum actor_kind actor_kind;
	const char *actor; /* person or device id, instance name; "-" for none */
	const char *role;  /* the role used, NULL if none matters */
	const char *auth;  /* how authenticated: "session", "password", "personal-key", "token",
				"certificate", "socket"; NULL */
	clock_us at;
	const char *request; /* request id */
	struct arena *arena;
};

#endif
