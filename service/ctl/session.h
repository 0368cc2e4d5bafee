/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_SESSION_H
#define SERVICE_CTL_SESSION_H

/*
 * Who is logged in, between two calls: a file of one JSON object {url, ca?, person, token,
 * expires_at}, readable by its owner alone; others are refused. The token is sent to this url and
 * to no other.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"

struct session {
	const char *url;
	const char *ca; /* NULL: the system's authorities */
	const char *person;
	const char *token;
	clock_us expires_at;
};

/* $XDG_STATE_HOME/countersign/session, or ~/.local/state/countersign/session. E_CONFIG: neither
 * is known. */
MUST_CHECK bool session_default_path(struct arena *arena, const char **out, struct err *err);
/* All members zero, and true, when there is no such file. */
MUST_CHECK bool session_find(struct arena *arena, const char *path, struct session *out,
			     struct err *err);
MUST_CHECK bool session_save(struct arena *arena, const char *path, const struct session *session,
			     struct err *err);
MUST_CHECK bool session_remove(const char *path, struct err *err);

#endif
