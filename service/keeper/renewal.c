/* SPDX-License-Identifier: Apache-2.0 */
/* When does the keeper look whether verdicts and permits need renewing: every second, by itself. */

#include "service/keeper/renewal.h"

#include "common/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct renewal {
	struct keeper *keeper;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool stop;
};

static bool wait_a_second(struct renewal *renewal)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	pthread_mutex_lock(&renewal->lock);
	if (!renewal->stop)
		pthread_cond_timedwait(&renewal->told, &renewal->lock, &until);
	bool stop = renewal->stop;
	pthread_mutex_unlock(&renewal->lock);
	return !stop;
}

static void *run(void *context)
{
	struct renewal *renewal = context;

	while (wait_a_second(renewal)) {
		struct err err = {0};
		if (!keeper_renew(renewal->keeper, &err))
			log_warn("renewal-failed", LOG_ERR(&err));
	}
	return NULL;
}

bool renewal_new(struct keeper *keeper, struct renewal **out, struct err *err)
{
	struct renewal *renewal = calloc(1, sizeof(*renewal));
	if (!renewal)
		return err_fail(err, E_OS, "out of memory");
	renewal->keeper = keeper;
	pthread_mutex_init(&renewal->lock, NULL);
	pthread_cond_init(&renewal->told, NULL);
	if (pthread_create(&renewal->thread, NULL, run, renewal) != 0) {
		free(renewal);
		return err_fail(err, E_OS, "the renewal thread could not be started");
	}
	*out = renewal;
	return true;
}

void renewal_free(struct renewal *renewal)
{
	if (!renewal)
		return;
	pthread_mutex_lock(&renewal->lock);
	renewal->stop = true;
	pthread_cond_signal(&renewal->told);
	pthread_mutex_unlock(&renewal->lock);
	pthread_join(renewal->thread, NULL);
	pthread_cond_destroy(&renewal->told);
	pthread_mutex_destroy(&renewal->lock);
	free(renewal);
}
