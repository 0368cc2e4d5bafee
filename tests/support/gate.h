/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_GATE_H
#define TESTS_SUPPORT_GATE_H

/*
 * A gate in the middle of a handler, so that a test decides when it goes on. The handler passes;
 * the test shuts the gate, sends requests, waits until some are inside, and opens it. Waiting ends
 * the test program after GATE_SECONDS.
 */

#include <stdbool.h>
#include <stddef.h>

enum { GATE_SECONDS = 20 };

void gate_shut(void);
void gate_open(void);
void gate_pass(void);		/* of the handler: waits while it is shut */
void gate_await(size_t inside); /* until so many are waiting at it */
/* Until *count, changed by other threads with gate_count, is at least this. */
void gate_count(size_t *count);
size_t gate_counted(const size_t *count);
void gate_await_count(const size_t *count, size_t least);

#endif
