/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_SEQUENCER_H
#define SERVICE_KEEPER_SEQUENCER_H

/*
 * Seals the queue and signs checkpoints: one thread of its own. It sleeps until somebody wakes it
 * or 50 ms passed, takes what is visible in event_queue in order of id (at most 1,000), checks each row,
 * and seals them in one transaction whose compare-and-swap on the head raises. Then, when there is
 * news, it signs a checkpoint: written and fsynced to the head file first, then stored. A checkpoint is
 * never smaller than, or inconsistent with, the last one in that file; if the database is behind
 * the file (a restored backup), or the file is gone, nothing is sealed and everything that needs sealing fails with
 * E_LEDGER_ROLLED_BACK.
 */

#include "service/keeper/keeper.h"

MUST_CHECK bool sequencer_new(struct keeper *keeper, struct sequencer **out, struct err *err);
void sequencer_free(struct sequencer *sequencer); /* ends the thread */

/* There may be something in the queue. Safe from any thread. */
void sequencer_wake(struct sequencer *sequencer);

struct sequencer_place {
	int64_t index;
	int64_t checkpoint_size; /* > index */
};
/* Wakes, and waits at most wait_ms until the event is sealed under a signed checkpoint; false with
 * E_LEDGER_NOT_SEALED, E_LEDGER_SET_ASIDE when the row was set aside. */
MUST_CHECK bool sequencer_wait(struct sequencer *sequencer, const struct event_id *event,
			       int64_t wait_ms, struct arena *arena, struct sequencer_place *out,
			       struct err *err);

struct sequencer_state {
	int64_t size, checkpoint_size;
	bool healthy;
	bool rolled_back; /* then not healthy */
	char why[160];	  /* when not */
};
void sequencer_state_get(struct sequencer *sequencer, struct sequencer_state *out);

/* E_LEDGER_ROLLED_BACK when the database is behind what was signed: then nothing may be granted on
 * its word, neither what would be sealed nor a lease. */
MUST_CHECK bool sequencer_demand_current(struct sequencer *sequencer, struct err *err);

/* Has notify called after each checkpoint, for history.c. It runs on the sequencer's thread and must not
 * wait: it only wakes somebody. */
void sequencer_on_checkpoint(struct sequencer *sequencer, void (*notify)(void *context),
			     void *context);

#endif
