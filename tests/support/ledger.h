/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_LEDGER_H
#define TESTS_SUPPORT_LEDGER_H

/*
 * Counts the sealed log of an office again, from the bytes of its events alone, and writes into it
 * from many threads.
 */

#include "tests/support/office.h"
#include "tests/support/session.h"

/*
 * Every index once and without gap, leaf hashes, chain, streams (number and previous leaf), head,
 * every stored checkpoint's signature and root, the newest equal to the head file, every row set
 * aside told by a sealed alarm. False with what is wrong in err (E_SIGNATURE). size may be NULL.
 */
MUST_CHECK bool ledger_check(struct office *office, int64_t *size, struct err *err);
/* The same, once all is sealed, checkpointed and in git; fails the test. Its size. */
int64_t ledger_must_hold(struct office *office);
/* Waits until the queue is empty: 20 s at most. */
void ledger_settled(struct office *office);

/* So many writers with the service's role and key, each so many events in a few streams that they
 * share. Returns when all are committed. */
void ledger_write_many(struct office *office, size_t writers, size_t events);
/* One event of the service, device.refused in the stream of this device; its id. */
struct event_id ledger_write_one(struct office *office, const char *device);

#endif
