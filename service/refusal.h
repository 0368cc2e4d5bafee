/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_REFUSAL_H
#define SERVICE_REFUSAL_H

/*
 * Refusals become events, and never fail the request a second time.
 *
 *	nobody known	counted by source and minute: one access.counted each, written once the
 *			minute is over and at stop. At most REFUSAL_SOURCES sources a minute; what
 *			comes after those is counted together as "others".
 *	a person	access.refused, at once, for what they may not do
 *	a device	device.refused, likewise; of either the first METER_REFUSALS a minute, and how
 *			many were passed over in the next one (service/model/meter.h)
 *
 * The source in an event is a keyed digest of the address, not the address: the ledger keeps no
 * addresses; with the log and this installation's key the two can be brought together. A wrong body
 * or an act that the state does not allow is no refusal of access: verbs write events of their own.
 */

#include "common/web.h"
#include "service/model/model.h"

enum { REFUSAL_SOURCES = 1024, REFUSAL_CODES = 8 };

struct refusals;
struct refusals *refusals_new(struct model *model);
void refusals_free(struct refusals *refusals); /* NULL is fine; write first */

/* For the server: web_settings.refused. */
void refusal_take(struct request *request, const struct route *route, const struct err *err);

void refusals_count(struct refusals *refusals, const char *source, const char *code, clock_us at);
/* Writes what was counted in minutes that are over at `at` (all: in any). What cannot be written
 * stays, as long as there is room. */
MUST_CHECK bool refusals_write(struct refusals *refusals, struct arena *arena, clock_us at,
			       bool all, struct err *err);

#endif
