/* SPDX-License-Identifier: Apache-2.0 */
/* How many password checks run at once: a counting gate with a bounded queue before it. */

#include "service/keeper/limits.h"

#include "service/keeper/keeper.h"

#include <pthread.h>
#include <stdlib.h>

enum { PASSWORDS_WAITING_MAX = 32 };

struct keeper_limits {
	pthread_mutex_t lock;
	pthread_cond_t left;
	int running;
	int waiting;
};

struct keeper_limits *limits_new(void)
{
	struct keeper_limits *limits = calloc(1, sizeof(*limits));
	if (!limits)
		abort();
	pthread_mutex_init(&limits->lock, NULL);
	pthread_cond_init(&limits->left, NULL);
	return limits;
}

void limits_free(struct keeper_limits *limits)
{
	if (!limits)
		return;
	pthread_cond_destroy(&limits->left);
	pthread_mutex_destroy(&limits->lock);
	free(limits);
}

bool limits_password_begin(struct keeper_limits *limits, struct err *err)
{
	pthread_mutex_lock(&limits->lock);
	if (limits->waiting >= PASSWORDS_WAITING_MAX) {
		pthread_mutex_unlock(&limits->lock);
		return err_fail(err, E_BUSY,
				"too many passwords are being checked; try again shortly");
	}
	limits->waiting++;
	while (limits->running >= KEEPER_PASSWORDS_AT_ONCE)
		pthread_cond_wait(&limits->left, &limits->lock);
	limits->waiting--;
	limits->running++;
	pthread_mutex_unlock(&limits->lock);
	return true;
}

void limits_password_end(struct keeper_limits *limits)
{
	pthread_mutex_lock(&limits->lock);
	limits->running--;
	pthread_cond_signal(&limits->left);
	pthread_mutex_unlock(&limits->lock);
}
