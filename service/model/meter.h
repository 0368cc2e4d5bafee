/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_METER_H
#define SERVICE_MODEL_METER_H

/*
 * Bounds for those who are known and ask too often: a unit gone mad, or taken over, must not fill
 * the ledger. Counts per instance, in memory, in minutes of the boot clock that begin with the first
 * of them. METER_PLACES are remembered; when more are about, the oldest count is forgotten.
 */

#include "service/model/model.h"

enum {
	METER_PLACES = 32768,
	METER_REFUSALS = 30, /* refusals that become events, of one unit or person in a minute */
	METER_PAPERS = 60,   /* papers that one unit may ask for in a minute, */
	METER_PROOFS = 60,   /* and reports that it may send */
};

enum meter_of { METER_REFUSED = 'r', METER_ASKED = 'a', METER_REPORTED = 'p' };

struct meter *meter_new(clock_us minute); /* how long one is */
void meter_free(struct meter *meter);	  /* NULL is fine */

/* Counts one more of this kind for who. True: it is at most the most'th of its minute; then *omitted
 * (may be NULL) is how many were over the bound since the last one that was not. */
bool meter_take(struct meter *meter, enum meter_of kind, const char *who, unsigned most,
		int64_t *omitted);

/* Whether a refusal of this unit or person is to become an event; *omitted: how many before it did
 * not, for doc_set_int(data, "omitted"), which meter_note does unless there were none. */
bool meter_refusal(const struct model *model, const char *who, int64_t *omitted);
void meter_note(struct doc *data, int64_t omitted);

#endif
