/* SPDX-License-Identifier: Apache-2.0 */
/* What does a client do with exactly this answer? For tests. */

#include "tests/support/canned.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct canned {
	int listener;
	uint16_t port;
	const char *const *answers;
	pthread_t thread;
	pthread_mutex_t lock;
	size_t served;
	char request[CANNED_BYTES];
};

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "tests/support/canned: %s: %s\n", what, strerror(errno));
	abort();
}

static void read_request(struct canned *canned, int socket)
{
	char request[CANNED_BYTES] = "";
	size_t used = 0, want = 0;

	while (used < sizeof(request) - 1 && (want == 0 || used < want)) {
		ssize_t got = recv(socket, request + used, sizeof(request) - 1 - used, 0);
		if (got <= 0)
			break;
		used += (size_t)got;
		request[used] = '\0';
		const char *end = strstr(request, "\r\n\r\n");
		if (!end || want)
			continue;
		const char *length = strstr(request, "Content-Length: ");
		want = (size_t)(end + 4 - request);
		if (length && length < end)
			want += strtoul(length + 16, NULL, 10);
	}
	pthread_mutex_lock(&canned->lock);
	memcpy(canned->request, request, sizeof(request));
	pthread_mutex_unlock(&canned->lock);
}

static void answer(int socket, const char *text)
{
	int stall = text[0] == CANNED_STALL[0];
	size_t size = strlen(text += stall);
	char rubbish[4096];

	while (size > 0) {
		ssize_t sent = send(socket, text, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		text += sent;
		size -= (size_t)sent;
	}
	if (!stall)
		shutdown(socket, SHUT_WR);
	while (recv(socket, rubbish, sizeof(rubbish), 0) > 0)
		;
}

static void *serve(void *at)
{
	struct canned *canned = at;
	size_t next = 0;

	for (;;) {
		int socket = accept(canned->listener, NULL, NULL);
		if (socket < 0)
			return NULL;
		read_request(canned, socket);
		pthread_mutex_lock(&canned->lock);
		canned->served++;
		pthread_mutex_unlock(&canned->lock);
		answer(socket, canned->answers[next]);
		if (canned->answers[next + 1])
			next++;
		close(socket);
	}
}

struct canned *canned_new(const char *const *answers)
{
	struct canned *canned = calloc(1, sizeof(*canned));
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	must(canned != NULL, "memory");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	canned->answers = answers;
	canned->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(canned->listener >= 0, "socket");
	must(bind(canned->listener, (struct sockaddr *)&address, size) == 0, "bind");
	must(listen(canned->listener, 16) == 0, "listen");
	must(getsockname(canned->listener, (struct sockaddr *)&address, &size) == 0, "name");
	canned->port = ntohs(address.sin_port);
	pthread_mutex_init(&canned->lock, NULL);
	must(pthread_create(&canned->thread, NULL, serve, canned) == 0, "thread");
	return canned;
}

uint16_t canned_port(const struct canned *canned)
{
	return canned->port;
}

size_t canned_served(struct canned *canned)
{
	pthread_mutex_lock(&canned->lock);
	size_t served = canned->served;
	pthread_mutex_unlock(&canned->lock);
	return served;
}

const char *canned_request(struct canned *canned)
{
	pthread_mutex_lock(&canned->lock);
	const char *request = canned->request;
	pthread_mutex_unlock(&canned->lock);
	return request;
}

void canned_free(struct canned *canned)
{
	shutdown(canned->listener, SHUT_RDWR);
	pthread_join(canned->thread, NULL);
	close(canned->listener);
	pthread_mutex_destroy(&canned->lock);
	free(canned);
}
