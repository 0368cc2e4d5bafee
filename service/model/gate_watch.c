/* SPDX-License-Identifier: Apache-2.0 */
/* Which campaigns may be shown to devices at this moment? For polls, which must not wait to know. */

#include "service/model/gate_watch.h"

#include "common/db.h"
#include "common/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { READ_BYTES = 4 * 1024 * 1024 };

struct live {
	struct campaign_id campaign;
	clock_us not_after;
};

struct device_gate {
	struct db_pool *pool;
	pthread_t thread;
	bool running;
	bool failing; /* of the thread: what the log was told last */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool stop;
	clock_us read_at; /* boot clock when the last good read began; 0: none yet */
	struct live *live;
	size_t count;
};

/* ---- reading ---- */

struct reading {
	struct live *live;
	size_t count;
};

static bool read_work(struct db_tx *tx, void *context, struct err *err)
{
	struct reading *reading = context;
	struct db_rows rows;

	if (!db_many(tx, STMT_DISPATCH_GATE_READ, DB_NOTHING, &rows, err))
		return false;
	reading->live = arena_array(db_arena(tx), rows.count, sizeof(*reading->live));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct live *live = &reading->live[i];
		if (!id_uuid_read(db_get_text(&row, "campaign"), live->campaign.text, err))
			return false;
		live->not_after = db_get_time(&row, "not_after");
	}
	reading->count = rows.count;
	return true;
}

static void take(struct device_gate *gate, const struct reading *reading, clock_us began)
{
	pthread_mutex_lock(&gate->lock);
	gate->count = reading->count;
	for (size_t i = 0; i < reading->count; i++)
		gate->live[i] = reading->live[i];
	gate->read_at = began;
	pthread_mutex_unlock(&gate->lock);
}

static void read_once(struct device_gate *gate, struct arena *arena)
{
	struct reading reading = {0};
	struct err err = {0};
	clock_us began = clock_boot();
	bool good = db_transact(gate->pool, arena, DB_READ_COMMITTED, read_work, &reading, &err);

	if (good)
		take(gate, &reading, began);
	if (!good && !gate->failing)
		log_warn("gates-not-read", LOG_ERR(&err));
	if (good && gate->failing)
		log_info("gates-read-again", LOG_INT("live", (int64_t)gate->count));
	gate->failing = !good;
	arena_reset(arena);
}

static bool wait_for_next(struct device_gate *gate)
{
	struct timespec until;
	int woken = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATE_READ_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&gate->lock);
	while (!gate->stop && woken == 0)
		woken = pthread_cond_timedwait(&gate->ended, &gate->lock, &until);
	bool on = !gate->stop;
	pthread_mutex_unlock(&gate->lock);
	return on;
}

static void *watch(void *context)
{
	struct device_gate *gate = context;
	struct arena *arena = arena_new(READ_BYTES);

	while (wait_for_next(gate))
		read_once(gate, arena);
	arena_free(arena);
	return NULL;
}

/* ---- start and stop ---- */

static bool start(struct device_gate *gate, struct err *err)
{
	pthread_condattr_t attributes;
	sigset_t all, before;

	pthread_mutex_init(&gate->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	struct arena *arena = arena_new(READ_BYTES);
	read_once(gate, arena);
	arena_free(arena);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	gate->running = pthread_create(&gate->thread, NULL, watch, gate) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return gate->running ? true : err_fail(err, E_OS, "the system gives no more threads");
}

bool gate_watch_new(const char *conninfo, struct device_gate **out, struct err *err)
{
	struct device_gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		abort();
	gate->live = calloc(GATE_CAMPAIGNS_MAX, sizeof(*gate->live));
	if (!gate->live)
		abort();
	if (!db_pool_new(conninfo, 1, &gate->pool, err)) {
		free(gate->live);
		free(gate);
		return false;
	}
	if (!start(gate, err)) {
		gate_watch_free(gate);
		return false;
	}
	*out = gate;
	return true;
}

void gate_watch_free(struct device_gate *gate)
{
	if (!gate)
		return;
	if (gate->running) {
		pthread_mutex_lock(&gate->lock);
		gate->stop = true;
		pthread_cond_signal(&gate->ended);
		pthread_mutex_unlock(&gate->lock);
		pthread_join(gate->thread, NULL);
	}
	pthread_cond_destroy(&gate->ended);
	pthread_mutex_destroy(&gate->lock);
	db_pool_free(gate->pool);
	free(gate->live);
	free(gate);
}

/* ---- asking ---- */

size_t gate_watch_list(struct device_gate *gate, struct arena *arena, clock_us now,
		       const char *const **campaigns)
{
	const char **at = NULL;
	size_t count = 0;
	clock_us boot = clock_boot();

	pthread_mutex_lock(&gate->lock);
	bool fresh = gate->read_at != 0 && boot - gate->read_at < (clock_us)GATE_STALE_MS * 1000;
	if (fresh)
		at = arena_array(arena, gate->count, sizeof(*at));
	for (size_t i = 0; fresh && i < gate->count; i++) {
		if (gate->live[i].not_after > now)
			at[count++] = arena_text(arena, gate->live[i].campaign.text);
	}
	pthread_mutex_unlock(&gate->lock);
	*campaigns = at;
	return count;
}
