/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

/*
 * Clients that ask as fast as they are answered: connections kept alive, each with one request on
 * its way, on two threads of this process. The same for our server and for the bare one.
 */

#include <stddef.h>
#include <stdint.h>

enum { LOAD_CONNECTIONS = 64 };

/* requests[i % count] is what connection i sends again and again. Answers per second; ends the
 * program when one is not 200. */
double load_run(uint16_t port, const char *const *requests, size_t count, double seconds);

#endif
