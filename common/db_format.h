/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DB_FORMAT_H
#define COMMON_DB_FORMAT_H

/*
 * Values in PostgreSQL's text format (PostgreSQL 15, 8.15.6 array output syntax, 8.5.2 date/time
 * output, 8.4.1 bytea hex format), without libpq: for common/db.c and its tests.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/err.h"

#include <stdint.h>

/* A parameter as the server reads it, NULL for null: text, but for DB_P_BYTES, whose bytes are sent
 * as they are. */
const char *db_format_param(struct arena *arena, const struct db_param *param);

/* Array literals: {"a","b\"c",NULL}, {1,-2}, {"\\x00ff",NULL}. */
char *db_format_texts(struct arena *arena, const char *const *items, size_t count);
char *db_format_ints(struct arena *arena, const int64_t *items, size_t count);
char *db_format_blobs(struct arena *arena, const struct bytes *items, size_t count);

/*
 * A timestamptz as a session with DateStyle ISO and TimeZone UTC writes it:
 * "2026-11-23 06:07:03.123456+00", trailing zeros of the fraction left out. False for what an
 * instant of ours does not hold: infinity, BC, years beyond 9999.
 */
MUST_CHECK bool db_format_read_time(const char *text, clock_us *out);

#endif
