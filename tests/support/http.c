/* SPDX-License-Identifier: Apache-2.0 */
/* What does a server answer to exactly these bytes? For tests. */

#include "tests/support/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { HEAD_MAX = 32 * 1024, BODY_MAX = 256 * 1024 * 1024 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "tests/support/http: %s: %s\n", what, strerror(errno));
	abort();
}

int http_connect(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval patience = {.tv_sec = HTTP_SECONDS};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0, "socket");
	must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

bool http_send(int socket, const void *data, size_t size)
{
	const unsigned char *at = data;

	while (size > 0) {
		ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		at += sent;
		size -= (size_t)sent;
	}
	return true;
}

bool http_send_text(int socket, const char *text)
{
	return http_send(socket, text, strlen(text));
}

/* Byte by byte: what follows the headers is not ours to take. */
static char *read_head(int socket, struct arena *arena)
{
	char *head = arena_alloc(arena, HEAD_MAX);
	size_t used = 0;

	while (used < HEAD_MAX - 1 && (used < 4 || memcmp(head + used - 4, "\r\n\r\n", 4) != 0)) {
		if (recv(socket, head + used, 1, 0) != 1)
			return NULL;
		used++;
	}
	head[used] = '\0';
	return head;
}

static void read_body(int socket, struct arena *arena, struct http_answer *answer, size_t size)
{
	unsigned char *body = arena_alloc(arena, size + 1);
	size_t used = 0;

	while (used < size) {
		ssize_t got = recv(socket, body + used, size - used, 0);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	answer->body = bytes_of(body, used);
	answer->cut = used < size;
}

struct http_answer http_read(int socket, struct arena *arena, bool head_only, int *continues)
{
	struct http_answer answer = {0};
	const char *length;

	for (;;) {
		answer.head = read_head(socket, arena);
		if (!answer.head || strncmp(answer.head, "HTTP/1.1 ", 9) != 0)
			return (struct http_answer){0};
		answer.status = (int)strtol(answer.head + 9, NULL, 10);
		if (answer.status != 100)
			break;
		if (continues)
			++*continues;
	}
	length = http_header(arena, &answer, "Content-Length");
	if (length && !head_only && answer.status != 304) {
		unsigned long long size = strtoull(length, NULL, 10);
		must(size <= BODY_MAX, "answer too long");
		read_body(socket, arena, &answer, (size_t)size);
	}
	return answer;
}

struct http_answer http_ask(struct arena *arena, uint16_t port, const char *text)
{
	int socket = http_connect(port);
	struct http_answer answer = {0};

	if (http_send_text(socket, text))
		answer = http_read(socket, arena, strncmp(text, "HEAD ", 5) == 0, NULL);
	close(socket);
	return answer;
}

bool http_closes(int socket)
{
	char rubbish[4096];
	ssize_t got;

	do
		got = recv(socket, rubbish, sizeof(rubbish), 0);
	while (got > 0);
	return got == 0 || errno == ECONNRESET;
}

const char *http_header(struct arena *arena, const struct http_answer *answer, const char *name)
{
	size_t size = strlen(name);
	const char *line = answer->head ? strstr(answer->head, "\r\n") : NULL;

	for (; line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, size) != 0 || line[2 + size] != ':')
			continue;
		const char *value = line + 2 + size + 1;
		value += strspn(value, " ");
		return arena_text_of(arena, bytes_of(value, strcspn(value, "\r")));
	}
	return NULL;
}
