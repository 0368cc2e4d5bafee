/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_GATE_WATCH_H
#define SERVICE_MODEL_GATE_WATCH_H

/*
 * Which campaigns may be shown to devices now: a copy of the view permit_live, read again every
 * GATE_READ_MS by a thread with a database connection of its own. It answers "none" as soon as the
 * last read that succeeded began GATE_STALE_MS ago, so a hold reaches every poll of every instance
 * within that time, and with the database away nothing is shown.
 *
 * It only spares polls a query. The fetch of a deployment asks the view itself, in its transaction.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/id.h"

enum {
	GATE_READ_MS = 200,
	GATE_STALE_MS = 500,
	GATE_CAMPAIGNS_MAX = 1000, /* live at once; the oldest, when there are more */
};

struct device_gate;

/* conninfo of the service's role. Returns once the first read was tried; a database that is away is no error. */
MUST_CHECK bool gate_watch_new(const char *conninfo, struct device_gate **out, struct err *err);
void gate_watch_free(struct device_gate *gate); /* NULL is fine */

/* The campaigns with a live permit, copied; none when the copy is stale. now: wall clock. */
size_t gate_watch_list(struct device_gate *gate, struct arena *arena, clock_us now,
		       const char *const **campaigns);

#endif
