/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_SEAL_H
#define SERVICE_KEEPER_SEAL_H

/*
 * One batch of the queue: check each row, seal the good ones, set the others aside under an alarm
 * event; all in one transaction. In queue order; a row is good when
 *
 *   - its event is there, once, and not sealed yet;
 *   - its HMAC holds under the key of the instance that it names, its bytes are canonical, and say
 *     the same id, kind and writer as the row;
 *   - its kind may be written by that writer, and stands in the streams that events.def states; a
 *     system stream is its writer's own;
 *   - in each of its streams its number is the sealed count + 1 and its prev the sealed stream's
 *     last leaf.
 *
 * An event whose time is more than five minutes from the keeper's clock is sealed and marked late.
 *
 * Alarms stand in stream system/sequencer. They are numbered after sealed_stream and sealed with
 * their batch, without queue or table stream: what the service writes there cannot touch them.
 */

#include "audit/tree.h"
#include "service/keeper/keeper.h"

/* Events are up to 60,000 bytes, and parsed some fifty times that: a batch ends with the event that
 * makes it as large as SEAL_BATCH_BYTES (also in sequencer_queue_list). */
enum { SEAL_BATCH_MAX = 1000, SEAL_BATCH_BYTES = 2 * 1024 * 1024, SEAL_LATE_S = 300 };

struct seal_result {
	int64_t taken; /* queue rows gone */
	bool more;     /* there may be more in the queue */
};

/* Moves *head on only when the transaction committed. E_LEDGER_ROLLED_BACK when the stored head is
 * not *head. */
MUST_CHECK bool seal_batch(struct keeper *keeper, struct arena *arena, struct tree_frontier *head,
			   struct seal_result *out, struct err *err);

#endif
