/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BARE_LOG_H
#define BENCH_BARE_LOG_H

/*
 * The limit that sealing is held against: one connection, libpq and SHA-256, none of our code. A
 * chain of hashes over made-up events, written with unnest, a transaction each batch, the head moved
 * in it; and the least that a signed checkpoint costs.
 */

#include <stddef.h>

struct bare_log;

/* Its tables go into the database of this conninfo; folder is where checkpoints are written. */
struct bare_log *bare_log_new(const char *conninfo, const char *folder);
void bare_log_free(struct bare_log *log);

/* So many events of this size, at most 1,000 in a transaction. Everything is durable on return. */
void bare_log_write(struct bare_log *log, size_t events, size_t bytes);
/* One event, then a signed note of it: written to a file and fsynced, and stored. */
void bare_log_seal_one(struct bare_log *log, size_t bytes);

#endif
