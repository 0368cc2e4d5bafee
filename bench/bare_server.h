/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BARE_SERVER_H
#define BENCH_BARE_SERVER_H

/*
 * The limit that the service is held against: libmicrohttpd alone, in a process of its own, that
 * answers every request with the same bytes from memory.
 */

#include "common/bytes.h"

#include <stdint.h>
#include <sys/types.h>

struct bare_server {
	pid_t pid;
	uint16_t port;
};

/* certificate, key: PEM texts, both NULL for plain HTTP. Call it before there are other threads. */
struct bare_server bare_server_start(struct bytes body, const char *certificate, const char *key);
void bare_server_stop(const struct bare_server *server);

#endif
