/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_CANNED_H
#define TESTS_SUPPORT_CANNED_H

/*
 * A server that says what it is told, for tests of a client: one thread, one connection at a time,
 * one request on each. It reads the headers and the announced body of the request, keeps the last
 * CANNED_BYTES of it, sends the next answer as it is (the last one again when they run out) and closes.
 */

#include <stddef.h>
#include <stdint.h>

enum { CANNED_BYTES = 16 * 1024 };

/* An answer that begins with this is followed by silence instead of an end. */
#define CANNED_STALL "\001"

struct canned;

struct canned *canned_new(const char *const *answers); /* NULL-ended */
uint16_t canned_port(const struct canned *canned);
size_t canned_served(struct canned *canned);
/* The last request as text; lives until the next one. */
const char *canned_request(struct canned *canned);
void canned_free(struct canned *canned);

#endif
