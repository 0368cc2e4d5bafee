/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client that is still sending gets to read our refusal. Closing a socket with unread bytes
 * makes the kernel send a reset, which may throw away the answer on its way. So a duplicate of the
 * socket stays here: no more is sent, what comes is thrown away, until the client closes or its
 * time is over (RFC 9112, 9.6). One thread, few sockets; when there are too many, the oldest goes.
 */

#include "common/web_internal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS_MAX = 64, STEP_MS = 100 };
#define LINGER_TIME (3 * CLOCK_SECOND)

struct web_linger {
	pthread_mutex_t lock;
	pthread_cond_t some;
	pthread_t thread;
	bool quit;
	size_t count;
	struct pollfd sockets[SOCKETS_MAX];
	clock_us until[SOCKETS_MAX];
};

static void forget(struct web_linger *linger, size_t index)
{
	close(linger->sockets[index].fd);
	linger->count--;
	for (size_t i = index; i < linger->count; i++) {
		linger->sockets[i] = linger->sockets[i + 1];
		linger->until[i] = linger->until[i + 1];
	}
}

/* False when the client has closed. */
static bool throw_away(int socket)
{
	unsigned char rubbish[16 * 1024];
	ssize_t got;

	for (int i = 0; i < 64; i++) {
		got = recv(socket, rubbish, sizeof(rubbish), MSG_DONTWAIT);
		if (got == 0)
			return false;
		if (got < 0)
			return true;
	}
	return true;
}

static void look_once(struct web_linger *linger)
{
	clock_us now = clock_boot();

	for (size_t i = linger->count; i-- > 0;) {
		short seen = linger->sockets[i].revents;
		bool open = !(seen & (POLLERR | POLLNVAL));
		if (open && seen & (POLLIN | POLLHUP))
			open = throw_away(linger->sockets[i].fd);
		if (!open || now > linger->until[i])
			forget(linger, i);
	}
}

static void *work(void *at)
{
	struct web_linger *linger = at;

	pthread_mutex_lock(&linger->lock);
	while (!linger->quit) {
		if (linger->count == 0) {
			pthread_cond_wait(&linger->some, &linger->lock);
			continue;
		}
		struct pollfd sockets[SOCKETS_MAX];
		size_t count = linger->count;
		memcpy(sockets, linger->sockets, count * sizeof(sockets[0]));
		pthread_mutex_unlock(&linger->lock);
		poll(sockets, count, STEP_MS);
		pthread_mutex_lock(&linger->lock);
		/* Only web_linger_add came between, and it may have dropped the first. */
		for (size_t i = 0; i < linger->count; i++) {
			linger->sockets[i].revents = 0;
			for (size_t j = 0; j < count; j++) {
				if (sockets[j].fd == linger->sockets[i].fd)
					linger->sockets[i].revents = sockets[j].revents;
			}
		}
		look_once(linger);
	}
	while (linger->count)
		forget(linger, 0);
	pthread_mutex_unlock(&linger->lock);
	return NULL;
}

struct web_linger *web_linger_new(void)
{
	struct web_linger *linger = calloc(1, sizeof(*linger));

	if (!linger)
		return NULL;
	pthread_mutex_init(&linger->lock, NULL);
	pthread_cond_init(&linger->some, NULL);
	if (pthread_create(&linger->thread, NULL, work, linger) != 0) {
		free(linger);
		return NULL;
	}
	return linger;
}

void web_linger_add(struct web_linger *linger, int socket)
{
	int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return;
	shutdown(copy, SHUT_WR);
	pthread_mutex_lock(&linger->lock);
	if (linger->count == SOCKETS_MAX)
		forget(linger, 0);
	linger->sockets[linger->count] = (struct pollfd){.fd = copy, .events = POLLIN};
	linger->until[linger->count] = clock_boot() + LINGER_TIME;
	linger->count++;
	pthread_cond_signal(&linger->some);
	pthread_mutex_unlock(&linger->lock);
}

void web_linger_free(struct web_linger *linger)
{
	if (!linger)
		return;
	pthread_mutex_lock(&linger->lock);
	linger->quit = true;
	pthread_cond_signal(&linger->some);
	pthread_mutex_unlock(&linger->lock);
	pthread_join(linger->thread, NULL);
	pthread_cond_destroy(&linger->some);
	pthread_mutex_destroy(&linger->lock);
	free(linger);
}
