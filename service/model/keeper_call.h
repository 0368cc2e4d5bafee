/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_KEEPER_CALL_H
#define SERVICE_MODEL_KEEPER_CALL_H

/*
 * Asking the keeper (docs/protocol/keeper.md). Its refusals come through with their own codes.
 *
 * A regulated act asks for `status` first: with the keeper away nothing is changed
 * (E_KEEPER_AWAY). It answers once its event is sealed under a signed checkpoint; when that takes
 * over 5 s it fails with E_LEDGER_NOT_SEALED, and the place names the event: the act is done, and
 * asking for its seal later finishes it (model/idempotency.h does that).
 *
 * Events of the service that need no seal in their answer are found by the keeper's own look into
 * the queue, every 50 ms; nobody has to tell it.
 */

#include "service/model/model.h"

struct keeper_place {
	struct event_id event; /* set also when the call fails with E_LEDGER_NOT_SEALED; else "" */
	int64_t index;
	bool before; /* it stood already */
};

/*
 * Waiting for the keeper holds a worker, and a keeper that hangs must not take those that work
 * without it (holds, polls, downloads). So once one call has waited KEEPER_SLOW_MS, others are
 * refused at once beyond three quarters of the workers (E_KEEPER_AWAY). And what many may ask for at
 * once, papers and everything nobody need be known for, gets half of them: such a call stands
 * between begin and end; it waits KEEPER_TURN_MS for its turn (E_BUSY).
 */
enum { KEEPER_SLOW_MS = 2000, KEEPER_TURN_MS = 200 };
struct keeper_load *keeper_load_new(size_t workers);
void keeper_load_free(struct keeper_load *load); /* NULL is fine */
MUST_CHECK bool keeper_load_begin(struct model *model, struct err *err);
void keeper_load_end(struct model *model);

struct keeper_status {
	int64_t size, checkpoint_size, trust_version;
	bool ready;
};
MUST_CHECK bool keeper_call_status(struct model *model, const struct act *act,
				   struct keeper_status *out, struct err *err);
/* That the keeper is there and seals; else E_KEEPER_AWAY. */
MUST_CHECK bool keeper_call_ready(struct model *model, const struct act *act, struct err *err);

/* Any verb. *reply (may be NULL) as of keeper_client_call. */
MUST_CHECK bool keeper_call(struct model *model, const struct act *act, const char *verb,
			    const struct doc *members, const struct doc **reply, struct err *err);
/* A regulated verb: status, then the verb. reply may be NULL. */
MUST_CHECK bool keeper_call_regulated(struct model *model, const struct act *act, const char *verb,
				      const struct doc *members, const struct doc **reply,
				      struct keeper_place *place, struct err *err);
/* The verb alone, for who asked keeper_call_ready before it stored what the verb needs. */
MUST_CHECK bool keeper_call_sealed(struct model *model, const struct act *act, const char *verb,
				   const struct doc *members, const struct doc **reply,
				   struct keeper_place *place, struct err *err);
/* Has events that this service wrote sealed now: 1 to 100; index of the last. */
MUST_CHECK bool keeper_call_seal(struct model *model, const struct act *act,
				 const struct event_id *events, size_t count, int64_t *index,
				 struct err *err);

#endif
