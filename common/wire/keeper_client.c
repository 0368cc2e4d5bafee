/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How does the service ask the keeper: over a few connections that many threads share. A connection
 * carries one call at a time; one that broke is closed and a later call opens another.
 */

#include "common/wire/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CALL_TIME (15 * CLOCK_SECOND)
#define STATUS_TIME (3 * CLOCK_SECOND)
#define SLOT_WAIT_MS 50

struct slot {
	int fd; /* -1: not connected */
	bool busy;
};

struct keeper_client {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct slot *slots;
	size_t size;
	clock_us timeout;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool path_fits;
};

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "countersign: keeper client: %s\n", why);
	abort();
}

struct keeper_client *keeper_client_new(const char *path, size_t size, clock_us timeout)
{
	struct keeper_client *client = calloc(1, sizeof(*client));
	size_t slots = size > 0 ? size : 1;

	if (!client)
		give_up("out of memory");
	client->slots = calloc(slots, sizeof(*client->slots));
	if (!client->slots || pthread_mutex_init(&client->lock, NULL) != 0 ||
	    pthread_cond_init(&client->freed, NULL) != 0)
		give_up("out of memory");
	for (size_t i = 0; i < slots; i++)
		client->slots[i].fd = -1;
	client->size = slots;
	client->timeout = timeout > 0 ? timeout : CALL_TIME;
	client->path_fits = strlen(path) < sizeof(client->path);
	snprintf(client->path, sizeof(client->path), "%s", path);
	return client;
}

void keeper_client_free(struct keeper_client *client)
{
	if (!client)
		return;
	for (size_t i = 0; i < client->size; i++) {
		if (client->slots[i].fd >= 0)
			close(client->slots[i].fd);
	}
	pthread_cond_destroy(&client->freed);
	pthread_mutex_destroy(&client->lock);
	free(client->slots);
	free(client);
}

/* ---- slots ---- */

/* One that is connected, if there is one: others may never be needed. */
static struct slot *free_slot(struct keeper_client *client)
{
	struct slot *found = NULL;
	for (size_t i = 0; i < client->size; i++) {
		struct slot *slot = &client->slots[i];
		if (!slot->busy && (!found || slot->fd >= 0))
			found = slot;
	}
	return found;
}

/* A condition's deadline is of the wall clock, which may be set; it only wakes us to look again. */
static void wait_a_little(struct keeper_client *client)
{
	clock_us until = clock_now() + SLOT_WAIT_MS * 1000;
	struct timespec at = {
		.tv_sec = (time_t)(until / CLOCK_SECOND),
		.tv_nsec = (long)(until % CLOCK_SECOND) * 1000,
	};
	(void)pthread_cond_timedwait(&client->freed, &client->lock, &at);
}

static bool take_slot(struct keeper_client *client, clock_us deadline, struct slot **out,
		      struct err *err)
{
	struct slot *slot;

	pthread_mutex_lock(&client->lock);
	while (!(slot = free_slot(client)) && clock_boot() < deadline)
		wait_a_little(client);
	if (slot)
		slot->busy = true;
	pthread_mutex_unlock(&client->lock);
	if (!slot)
		return err_fail(err, E_KEEPER_AWAY,
				"All connections to the keeper are in use; try again shortly");
	*out = slot;
	return true;
}

static void give_slot(struct keeper_client *client, struct slot *slot)
{
	pthread_mutex_lock(&client->lock);
	slot->busy = false;
	pthread_cond_signal(&client->freed);
	pthread_mutex_unlock(&client->lock);
}

static void drop(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

/* ---- connections ---- */

static bool connect_slot(const struct keeper_client *client, struct slot *slot, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!client->path_fits)
		return err_fail(err, E_KEEPER_AWAY,
				"The path of the keeper's socket is over %zu bytes",
				sizeof(client->path) - 1);
	memcpy(address.sun_path, client->path, sizeof(client->path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return err_fail(err, E_OS, "socket failed: error %d", errno);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int why = errno;
		close(fd);
		return err_fail(err, E_KEEPER_AWAY, "The keeper cannot be reached: error %d", why);
	}
	slot->fd = fd;
	return true;
}

/* An idle connection has nothing to say: readable means ended (or out of step). */
static bool still_there(const struct slot *slot)
{
	unsigned char byte;

	if (slot->fd < 0)
		return false;
	ssize_t count = recv(slot->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return count < 0 && errno == EAGAIN; /* as EWOULDBLOCK on Linux */
}

/* Sends on a kept connection, or on a fresh one; on a second one only if no byte went out. */
static bool send_request(const struct keeper_client *client, struct slot *slot, struct bytes frame,
			 clock_us deadline, struct err *err)
{
	size_t sent = 0;
	struct err first = {0};
	bool kept = still_there(slot);

	if (!kept) {
		drop(slot);
		if (!connect_slot(client, slot, err))
			return false;
	}
	if (keeper_frame_send(slot->fd, frame, deadline - clock_boot(), &sent, &first))
		return true;
	drop(slot);
	if (!kept || sent > 0)
		return err_fail(err, first.code, "%s", first.text);
	return connect_slot(client, slot, err) &&
	       keeper_frame_send(slot->fd, frame, deadline - clock_boot(), &sent, err);
}

static bool call(const struct keeper_client *client, struct slot *slot, struct arena *arena,
		 struct bytes frame, clock_us deadline, struct bytes *out, struct err *err)
{
	bool closed = false;

	if (!send_request(client, slot, frame, deadline, err) ||
	    !keeper_frame_read(arena, slot->fd, deadline - clock_boot(), &closed, out, err)) {
		drop(slot);
		return false;
	}
	if (closed) {
		drop(slot);
		return err_fail(err, E_KEEPER_AWAY,
				"The keeper went away before it answered; send the request again");
	}
	return true;
}

/* A regulated act asks for the status first: with a keeper that hangs it fails soon. */
static clock_us time_for(const struct keeper_client *client, const char *verb)
{
	return strcmp(verb, "status") == 0 && client->timeout > STATUS_TIME ? STATUS_TIME
									    : client->timeout;
}

bool keeper_client_call(struct keeper_client *client, struct arena *arena, const char *verb,
			const char *request, const struct doc *members, const struct doc **reply,
			struct err *err)
{
	clock_us deadline = clock_boot() + time_for(client, verb);
	struct doc *doc = keeper_request_new(arena, verb, request);
	struct bytes frame, answer;
	struct slot *slot;

	*reply = NULL;
	if (members) {
		size_t count;
		const struct doc_pair *pairs = doc_members(arena, members, &count);
		for (size_t i = 0; i < count; i++)
			doc_set(doc, pairs[i].key, pairs[i].value);
	}
	if (!keeper_frame_of(arena, doc, &frame, err) || !take_slot(client, deadline, &slot, err))
		return false;
	bool answered = call(client, slot, arena, frame, deadline, &answer, err);
	give_slot(client, slot);
	return answered && keeper_reply_parse(arena, answer, reply, err);
}
