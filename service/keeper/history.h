/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_HISTORY_H
#define SERVICE_KEEPER_HISTORY_H

/*
 * The git record: a projection of the ledger, one signed commit per act that belongs in it
 * (release.sealed, record.added, signature.given over a release or record, ruleset.adopted), one ref per release line
 * (refs/heads/<product>/<major>) with its own root. A thread of its own, woken by checkpoints and every second: for each
 * such act sealed and without history row, in order of index, it builds the commit from the event and the
 * first stored checkpoint that covers it (author, time, content; trailers Ledger-Index and Checkpoint), so that the same events give the
 * same ids; writes it (fsync on), moves the ref by compare and swap, and appends history.written with commit id and
 * signature. At start it does the same for what is missing: same bytes, same id. A ref whose commit id differs
 * from the recorded one is an alarm in the log and holds the campaigns of that release (campaign.held by "keeper").
 */

#include "service/keeper/keeper.h"

struct history;
MUST_CHECK bool history_new(struct keeper *keeper, struct history **out, struct err *err);
void history_free(struct history *history); /* ends the thread; NULL is fine */

#endif
