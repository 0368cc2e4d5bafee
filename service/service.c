/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running countersignd consists of: opened in order, closed in reverse. Also its clock: the
 * one thread that does what is due, once a second.
 */

#include "service/service.h"

#include "common/file.h"
#include "common/log.h"
#include "service/jobs.h"
#include "service/model/artifact.h"
#include "service/model/gate_watch.h"
#include "service/model/idempotency.h"
#include "service/model/keeper_call.h"
#include "service/model/meter.h"
#include "service/model/session.h"
#include "service/model/target_tree.h"
#include "service/refusal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SERVICE_BYTES = 4 * 1024 * 1024,
	TICK_BYTES = 16 * 1024 * 1024,
	MAC_KEY_BYTES = 32,
	SWEEP_S = 60,
	KEEPER_CONNECTIONS_OURS = 32,
};

/* ---- the clock ---- */

struct service_clock {
	struct service *service;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool stop;
};

static void complain(const char *what, const struct err *err)
{
	log_warn("timer", LOG_TEXT("of", what), LOG_ERR(err));
}

static void tick(struct service *service, struct arena *arena, bool sweep)
{
	clock_us now = clock_now();
	struct err err = {0};

	if (!refusals_write(service->refusals, arena, now, false, &err))
		complain("refusals", &err);
	err_clear(&err);
	if (!jobs_step(service->model, arena, now, &err))
		complain("campaigns", &err);
	if (!sweep)
		return;
	err_clear(&err);
	if (!session_sweep(service->model, arena, now, &err))
		complain("sessions", &err);
	err_clear(&err);
	if (!idempotency_sweep(service->model, arena, now, &err))
		complain("idempotency", &err);
}

static bool wait_a_second(struct service_clock *clock)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&clock->lock);
	int woken = 0;
	while (!clock->stop && woken == 0)
		woken = pthread_cond_timedwait(&clock->ended, &clock->lock, &until);
	bool on = !clock->stop;
	pthread_mutex_unlock(&clock->lock);
	return on;
}

static void *clock_run(void *context)
{
	struct service_clock *clock = context;
	struct arena *arena = arena_new(TICK_BYTES);

	for (unsigned seconds = 0; wait_a_second(clock); seconds++) {
		tick(clock->service, arena, seconds % SWEEP_S == 0);
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static bool clock_start(struct service *service, struct err *err)
{
	struct service_clock *clock = arena_alloc(service->arena, sizeof(*clock));
	pthread_condattr_t attributes;
	sigset_t all, before;

	clock->service = service;
	pthread_mutex_init(&clock->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&clock->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&clock->thread, NULL, clock_run, clock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return err_fail(err, E_OS, "the system gives no more threads");
	service->clock = clock;
	return true;
}

static void clock_stop(struct service_clock *clock)
{
	if (!clock)
		return;
	pthread_mutex_lock(&clock->lock);
	clock->stop = true;
	pthread_cond_signal(&clock->ended);
	pthread_mutex_unlock(&clock->lock);
	pthread_join(clock->thread, NULL);
	pthread_cond_destroy(&clock->ended);
	pthread_mutex_destroy(&clock->lock);
}

/* ---- opening ---- */

static bool load_writer(struct service *service, struct err *err)
{
	static const char use[] = "countersign.service.digest.v1";
	struct model *model = service->model;
	const char *instance = service->settings.instance;
	struct bytes key;

	if (!id_name_valid(instance, 40))
		return err_fail(err, E_CONFIG, "instance is 1 to 40 letters, digits and . _ -");
	if (!file_read(service->arena, service->settings.mac_key, MAC_KEY_BYTES + 1, &key, err))
		return false;
	if (key.size != MAC_KEY_BYTES)
		return err_fail(err, E_KEY, "the MAC key must be a file of 32 bytes");
	memcpy(model->writer.key, key.data, key.size);
	model->writer.name = arena_printf(service->arena, "service/%s", instance);
	struct sha256 derived = digest_hmac(key, bytes_of_text(use));
	memcpy(model->digest_key, derived.at, sizeof(model->digest_key));
	return true;
}

struct start_work {
	struct service *service;
	struct act act;
};

static bool start_work(struct db_tx *tx, void *context, struct err *err)
{
	struct start_work *work = context;
	struct doc *data = doc_object(work->act.arena);

	doc_set_text(data, "version", SERVICE_VERSION);
	doc_set_text(data, "instance", work->service->settings.instance);
	struct event event = audit_event(EV_SERVICE_STARTED, data);
	audit_stream(&event, STREAM_SYSTEM, "service");
	return audit_append(tx, &work->service->model->writer, &work->act, &event, NULL, err);
}

static bool record_start(struct service *service, struct err *err)
{
	struct arena *arena = arena_new(TICK_BYTES);
	struct start_work work = {
		.service = service,
		.act = {.actor_kind = ACTOR_SERVICE,
			.actor = service->model->writer.name,
			.at = clock_now(),
			.request = "start",
			.arena = arena},
	};

	bool good =
		db_transact(service->model->pool, arena, DB_READ_COMMITTED, start_work, &work, err);
	arena_free(arena);
	return good;
}

bool service_open(const struct service_settings *settings, struct service **out, struct err *err)
{
	struct arena *arena = arena_new(SERVICE_BYTES);
	struct service *service = arena_alloc(arena, sizeof(*service));

	service->arena = arena;
	service->settings = *settings;
	service->model = arena_alloc(arena, sizeof(*service->model));
	service->model->arena = arena;
	service->refusals = refusals_new(service->model);
	service->model->trees = target_trees_new();
	service->model->meter = meter_new(60 * CLOCK_SECOND);
	service->model->load =
		keeper_load_new(settings->workers > 0 ? (size_t)settings->workers : 8);
	if (!load_writer(service, err) ||
	    !artifact_open_store(service->model, settings->artifacts, settings->instance, err) ||
	    !db_pool_new(settings->database, (size_t)settings->database_connections,
			 &service->model->pool, err) ||
	    !record_start(service, err) ||
	    !gate_watch_new(settings->database, &service->gate, err)) {
		service_close(service);
		return false;
	}
	service->model->keeper =
		keeper_client_new(settings->keeper_socket, KEEPER_CONNECTIONS_OURS, 0);
	if (!clock_start(service, err)) {
		service_close(service);
		return false;
	}
	*out = service;
	return true;
}

/* ---- closing ---- */

static void write_last_refusals(struct service *service)
{
	struct arena *arena = arena_new(TICK_BYTES);
	struct err err = {0};

	if (service->model->pool &&
	    !refusals_write(service->refusals, arena, clock_now(), true, &err))
		complain("refusals", &err);
	arena_free(arena);
}

void service_close(struct service *service)
{
	if (!service)
		return;
	clock_stop(service->clock);
	gate_watch_free(service->gate);
	write_last_refusals(service);
	refusals_free(service->refusals);
	keeper_client_free(service->model->keeper);
	db_pool_free(service->model->pool);
	artifact_close_store(service->model);
	keeper_load_free(service->model->load);
	meter_free(service->model->meter);
	target_trees_free(service->model->trees);
	digest_forget(service->model->writer.key, sizeof(service->model->writer.key));
	digest_forget(service->model->digest_key, sizeof(service->model->digest_key));
	arena_free(service->arena);
}
