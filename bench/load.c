/* SPDX-License-Identifier: Apache-2.0 */
/* How many answers a second does a server give to clients that never pause? */

#include "bench/load.h"

#include "bench/measure.h"
#include "tests/support/http.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 2, EACH = LOAD_CONNECTIONS / THREADS, ANSWER_MAX = 8192 };

struct connection {
	int socket;
	const char *request;
	size_t request_size;
	char answer[ANSWER_MAX];
	size_t size;
};

struct client {
	pthread_t thread;
	struct connection connections[EACH];
	double until;
	size_t answers;
};

static void ask(struct connection *connection)
{
	connection->size = 0;
	measure_must(http_send(connection->socket, connection->request, connection->request_size),
		     "a server hung up");
}

/* Is a whole answer there? Content-Length tells; both servers send one. */
static bool complete(struct connection *connection)
{
	connection->answer[connection->size] = '\0';
	const char *end = strstr(connection->answer, "\r\n\r\n");
	const char *length = strstr(connection->answer, "Content-Length: ");

	if (!end)
		return false;
	measure_must(strncmp(connection->answer, "HTTP/1.1 200", 12) == 0, connection->answer);
	measure_must(length != NULL && length < end, "an answer without Content-Length");
	size_t body = strtoul(length + 16, NULL, 10);
	return connection->size == (size_t)(end - connection->answer) + 4 + body;
}

static void take(struct client *client, struct connection *connection)
{
	ssize_t got = recv(connection->socket, connection->answer + connection->size,
			   ANSWER_MAX - 1 - connection->size, 0);

	measure_must(got > 0, "a server hung up");
	connection->size += (size_t)got;
	if (!complete(connection))
		return;
	client->answers++;
	ask(connection);
}

static void *client_run(void *context)
{
	struct client *client = context;
	struct epoll_event ready[EACH];
	int poll = epoll_create1(EPOLL_CLOEXEC);

	measure_must(poll >= 0, "no epoll");
	for (size_t i = 0; i < EACH; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &client->connections[i]};
		measure_must(
			epoll_ctl(poll, EPOLL_CTL_ADD, client->connections[i].socket, &event) == 0,
			"no epoll");
		ask(&client->connections[i]);
	}
	while (measure_now() < client->until) {
		int count = epoll_wait(poll, ready, EACH, 1000);
		for (int i = 0; i < count; i++)
			take(client, ready[i].data.ptr);
	}
	close(poll);
	return NULL;
}

double load_run(uint16_t port, const char *const *requests, size_t count, double seconds)
{
	struct client *clients = calloc(THREADS, sizeof(*clients));
	size_t answers = 0;

	measure_must(clients != NULL, "out of memory");
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++) {
		struct connection *connection = &clients[i / EACH].connections[i % EACH];
		connection->socket = http_connect(port);
		connection->request = requests[i % count];
		connection->request_size = strlen(connection->request);
	}
	double began = measure_now();
	for (size_t i = 0; i < THREADS; i++) {
		clients[i].until = began + seconds;
		measure_must(pthread_create(&clients[i].thread, NULL, client_run, &clients[i]) == 0,
			     "no thread");
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(clients[i].thread, NULL);
		answers += clients[i].answers;
	}
	double took = measure_now() - began;
	for (size_t i = 0; i < LOAD_CONNECTIONS; i++)
		close(clients[i / EACH].connections[i % EACH].socket);
	free(clients);
	return (double)answers / took;
}
