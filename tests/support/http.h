/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

/*
 * A plain HTTP client for tests of the server: it sends the bytes it is given, right or wrong, and
 * reads one answer at a time. Reading gives up after HTTP_SECONDS. None of our own client code.
 */

#include "common/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_SECONDS = 20 };

struct http_answer {
	int status;	  /* 0: the connection closed before an answer */
	const char *head; /* status line and headers, ends in an empty line */
	struct bytes body;
	bool cut; /* closed before Content-Length bytes had come */
};

/* To 127.0.0.1; ends the test program when it cannot connect. */
int http_connect(uint16_t port);
/* False when the other side has closed. */
bool http_send(int socket, const void *data, size_t size);
bool http_send_text(int socket, const char *text);
/* The next final answer (100 is passed over, and counted in *continues when that is not NULL). */
struct http_answer http_read(int socket, struct arena *arena, bool head_only, int *continues);
/* Connects, sends, reads one answer, closes. */
struct http_answer http_ask(struct arena *arena, uint16_t port, const char *text);
/* True when the other side closes within HTTP_SECONDS; whatever still comes is thrown away. */
bool http_closes(int socket);
/* The value of a header of the answer, NULL if it has none. */
const char *http_header(struct arena *arena, const struct http_answer *answer, const char *name);

#endif
