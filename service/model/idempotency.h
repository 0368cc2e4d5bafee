/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_IDEMPOTENCY_H
#define SERVICE_MODEL_IDEMPOTENCY_H

/*
 * The same request twice is done once: what a person's Idempotency-Key stands for, for a day. Of the
 * request only a keyed digest is kept, because bodies hold passwords; the answer is kept as it was.
 *
 *	IDEMPOTENCY_FRESH    nobody used the key: do it, then idempotency_answer or _forget
 *	IDEMPOTENCY_DONE     answered: status and answer, as they were
 *	IDEMPOTENCY_UNSEALED the act was recorded, its seal did not come in time: the event waits in
 *			     `unsealed`; idempotency_finish asks for the seal and makes the answer
 *
 * E_IDEMPOTENCY_OTHER: the key is of another request. E_IDEMPOTENCY_RUNNING: the first one has not
 * answered; after IDEMPOTENCY_LOST_S without an answer (the service was killed) the next one may.
 */

#include "service/model/keeper_call.h"

enum { IDEMPOTENCY_KEY_MAX = 100, IDEMPOTENCY_LOST_S = 120, IDEMPOTENCY_HOURS = 24 };

enum idempotency_state { IDEMPOTENCY_FRESH, IDEMPOTENCY_DONE, IDEMPOTENCY_UNSEALED };

struct idempotency {
	const char *person;
	const char *key;
	struct sha256_hex request;
	enum idempotency_state state;
	int status;		  /* of DONE */
	const struct doc *answer; /* likewise */
	struct event_id unsealed;
};

/* request: what makes two requests the same; key: 1 to 100 printable characters (E_INPUT). */
MUST_CHECK bool idempotency_begin(struct model *model, const struct act *act, const char *key,
				  struct bytes request, struct idempotency *out, struct err *err);
MUST_CHECK bool idempotency_answer(struct model *model, const struct act *act,
				   const struct idempotency *is, int status,
				   const struct doc *answer, struct err *err);
/* The act is recorded as this event, and waits for its seal. */
MUST_CHECK bool idempotency_wait(struct model *model, const struct act *act,
				 const struct idempotency *is, const struct event_id *event,
				 struct err *err);
/* Has the event sealed; the answer is its data, the ids of its release and campaign, event and
 * index. Keeps it as answer of the key. E_LEDGER_NOT_SEALED again. */
MUST_CHECK bool idempotency_finish(struct model *model, const struct act *act,
				   struct idempotency *is, struct err *err);
MUST_CHECK bool idempotency_forget(struct model *model, const struct act *act,
				   const struct idempotency *is, struct err *err);

MUST_CHECK bool idempotency_sweep(struct model *model, struct arena *arena, clock_us at,
				  struct err *err);

#endif
