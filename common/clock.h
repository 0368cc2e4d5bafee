/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

/*
 * The only caller of clock_gettime. Instants are microseconds since 1970-01-01T00:00:00Z (the
 * precision of PostgreSQL); documents carry them as RFC 3339 in UTC with six decimals:
 * "2026-11-23T06:07:03.123456Z", 27 bytes, nothing else accepted.
 */

#include "common/err.h"

#include <stdint.h>

typedef int64_t clock_us; /* an instant, or a length of time, in microseconds */

enum { CLOCK_TEXT_BYTES = 28 }; /* with the NUL */
#define CLOCK_SECOND ((clock_us)1000000)

struct clock_text {
	char text[CLOCK_TEXT_BYTES];
};

clock_us clock_now(void);  /* wall clock, UTC */
clock_us clock_boot(void); /* CLOCK_BOOTTIME: since boot, sleep included, never set back */
/* "synchronized", "unsynchronized" or "unknown", as the kernel says (adjtimex). */
const char *clock_state(void);
void clock_sleep(clock_us time);

struct clock_text clock_format(clock_us at);
MUST_CHECK bool clock_parse(const char *text, clock_us *out, struct err *err);

/* For tests: clock_now answers this instant (advancing with real time) from now on; 0 ends it. */
void clock_set_for_test(clock_us at);

#endif
