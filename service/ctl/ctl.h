/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_CTL_H
#define SERVICE_CTL_CTL_H

/*
 * What one call of the command line consists of. A command gets it, asks its arguments, talks to the
 * service through call.h, and prints through show.h.
 */

#include "common/arena.h"
#include "common/err.h"
#include "service/ctl/arguments.h"
#include "service/ctl/session.h"

struct fetch;

struct ctl {
	struct arena *arena;
	struct arguments arguments;
	const char *session_path;   /* NULL: there is no place for one */
	struct session session;	    /* token NULL: nobody is logged in */
	struct err session_trouble; /* why the session could not be read: told when it is needed */
	const char *url;	    /* without a slash at its end; NULL: nobody said one */
	const char *authority;	    /* NULL: the system's */
	struct fetch *fetch;	    /* made by the first call */
	bool json;		    /* --json */
	int status; /* exit code of a command that did its work: 0, or 1 for "closed" */
};

/* Of a command's arguments. ctl_get: must stand in the synopsis without brackets. */
const char *ctl_get(const struct ctl *ctl, const char *name);
const char *ctl_find(const struct ctl *ctl, const char *name); /* NULL: not given */
bool ctl_has(const struct ctl *ctl, const char *name);

/* Checked before anything is sent; E_ID says which argument it was. */
MUST_CHECK bool ctl_get_uuid(const struct ctl *ctl, const char *name, const char **out,
			     struct err *err);
MUST_CHECK bool ctl_get_name(const struct ctl *ctl, const char *name, size_t max, const char **out,
			     struct err *err);
/* "2026-11-23" (midnight), "2026-11-23T06:07:03Z" or with six decimals; UTC. */
MUST_CHECK bool ctl_read_time(const char *text, const char *name, clock_us *out, struct err *err);

#endif
