/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a test stop handlers of a server where it wants them. */

#include "tests/support/gate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_shut;
static size_t waiting;

static void await_change(void)
{
	struct timespec until = {.tv_sec = time(NULL) + GATE_SECONDS};

	if (pthread_cond_timedwait(&changed, &lock, &until) == 0)
		return;
	fprintf(stderr, "tests/support/gate: nothing happened for %d seconds\n", GATE_SECONDS);
	abort();
}

void gate_shut(void)
{
	pthread_mutex_lock(&lock);
	is_shut = true;
	pthread_mutex_unlock(&lock);
}

void gate_open(void)
{
	pthread_mutex_lock(&lock);
	is_shut = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void gate_pass(void)
{
	pthread_mutex_lock(&lock);
	waiting++;
	pthread_cond_broadcast(&changed);
	while (is_shut)
		await_change();
	waiting--;
	pthread_mutex_unlock(&lock);
}

void gate_await(size_t inside)
{
	pthread_mutex_lock(&lock);
	while (waiting < inside)
		await_change();
	pthread_mutex_unlock(&lock);
}

void gate_count(size_t *count)
{
	pthread_mutex_lock(&lock);
	++*count;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

size_t gate_counted(const size_t *count)
{
	pthread_mutex_lock(&lock);
	size_t counted = *count;
	pthread_mutex_unlock(&lock);
	return counted;
}

void gate_await_count(const size_t *count, size_t least)
{
	pthread_mutex_lock(&lock);
	while (*count < least)
		await_change();
	pthread_mutex_unlock(&lock);
}
