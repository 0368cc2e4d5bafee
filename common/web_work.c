/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of every request, and the threads that walk it: workers, which take one request at a
 * time and may block, and a batcher for each hot route, which takes all that wait.
 */

#include "common/web_internal.h"

#include <signal.h>
#include <stdlib.h>

/* ---- the order ---- */

static void tell_refusal(struct request *request, const struct err *err)
{
	const struct web_settings *settings = &request->web->settings;

	if (settings->refused)
		settings->refused(request, request->pattern->route, err);
}

bool web_settled(struct request *request, bool good, struct err *err)
{
	if (good) {
		err_clear(err);
		return true;
	}
	err_set(err, E_BUG, "a step of %s refused without a reason",
		request->pattern->route->pattern);
	tell_refusal(request, err);
	return false;
}

static bool identify(struct request *request, struct err *err)
{
	const struct web_settings *settings = &request->web->settings;

	web_request_check_peer(request);
	return !settings->identify ||
	       web_settled(request, settings->identify(request, request->pattern->route, err), err);
}

static bool permit(struct request *request, struct err *err)
{
	const struct web_settings *settings = &request->web->settings;

	return !settings->permit ||
	       web_settled(request, settings->permit(request, request->pattern->route, err), err);
}

static void call(struct request *request, struct reply *reply, struct err *err)
{
	const struct route *route = request->pattern->route;

	if (route->sink) {
		request->sink_open = false;
		web_settled(request, route->sink->end(request, request->sink_state, reply, err),
			    err);
	} else {
		web_settled(request, route->handler(request, reply, err), err);
	}
}

/*
 * Match, identify, permit, read the body, call, reply. The function is left where another thread
 * goes on, and entered again there with the stage that is next: matching is done by an epoll
 * thread, which also reads the body between permit and call; the rest by a worker or batcher.
 * When it says NEXT_ANSWER, err tells whether it is a refusal.
 */
enum web_next web_advance(struct request *request, struct reply *reply, struct err *err)
{
	switch (request->stage) {
	case STAGE_MATCH:
		if (!web_request_open(request, err) || !web_request_match(request, err))
			return NEXT_ANSWER;
		request->stage = STAGE_IDENTIFY;
		return NEXT_WORKER;
	case STAGE_IDENTIFY:
		if (!identify(request, err) || !permit(request, err) ||
		    !web_body_accept(request, err))
			return NEXT_ANSWER;
		request->stage = STAGE_CALL;
		if (request->has_body)
			return NEXT_BODY;
		__attribute__((fallthrough));
	case STAGE_CALL:
		if (!web_body_finish(request, err))
			return NEXT_ANSWER;
		if (request->pattern->route->batch)
			return NEXT_BATCH;
		call(request, reply, err);
		return NEXT_ANSWER;
	case STAGE_PIECE:
		request->stage = STAGE_CALL;
		return web_body_pass(request, err) ? NEXT_BODY : NEXT_ANSWER;
	case STAGE_ANSWER:
	case STAGE_GONE:
		break;
	}
	return NEXT_ANSWER;
}

void web_answer(struct request *request, struct reply *reply, struct err *err)
{
	web_body_abort(request);
	web_reply_make(request, reply, err);
	request->stage = STAGE_ANSWER;
}

/* ---- queues ---- */

static struct web_queue *queue_of(const struct request *request)
{
	return request->pattern->queue;
}

bool web_hold(struct request *request, bool fresh)
{
	struct web *web = request->web;
	struct web_queue *queue = queue_of(request);

	pthread_mutex_lock(&web->lock);
	bool held = !web->closing &&
		    (!fresh || (!web->stopping && queue->waiting < web->settings.queue_max));
	if (held) {
		web->held++;
		queue->waiting++;
	}
	pthread_mutex_unlock(&web->lock);
	return held;
}

static void queue_add(struct web_queue *queue, struct request *request)
{
	request->next = NULL;
	if (queue->tail)
		queue->tail->next = request;
	else
		queue->head = request;
	queue->tail = request;
	pthread_cond_signal(&queue->some);
}

void web_hand_over(struct request *request)
{
	struct web *web = request->web;

	pthread_mutex_lock(&web->lock);
	queue_add(queue_of(request), request);
	pthread_mutex_unlock(&web->lock);
}

void web_hand_to_abort(struct request *request)
{
	struct web *web = request->web;

	request->stage = STAGE_GONE;
	pthread_mutex_lock(&web->lock);
	web->work.waiting++;
	queue_add(&web->work, request);
	pthread_mutex_unlock(&web->lock);
}

/* Waits for the first, then takes what is there, at most max; 0: the thread is to end. */
static size_t queue_take(struct web_queue *queue, struct request **out, size_t max)
{
	struct web *web = queue->web;
	size_t count = 0;

	pthread_mutex_lock(&web->lock);
	while (!queue->head && !web->quit)
		pthread_cond_wait(&queue->some, &web->lock);
	while (queue->head && count < max) {
		out[count] = queue->head;
		queue->head = queue->head->next;
		count++;
	}
	if (!queue->head)
		queue->tail = NULL;
	queue->waiting -= count;
	pthread_mutex_unlock(&web->lock);
	return count;
}

/* ---- workers ---- */

static void run_one(struct request *request)
{
	struct reply reply = {0};
	struct err err = {0};

	if (request->stage == STAGE_GONE) {
		web_body_abort(request);
		web_request_free(request);
		return;
	}
	if (web_advance(request, &reply, &err) == NEXT_ANSWER)
		web_answer(request, &reply, &err);
	web_resume(request);
}

static void *worker(void *at)
{
	struct web_queue *queue = at;
	struct request *request;

	while (queue_take(queue, &request, 1))
		run_one(request);
	return NULL;
}

/* ---- batchers ---- */

/* Those whose turn to be called has come stay in items; the others go back at once. */
static size_t batch_gather(struct request **requests, size_t count, struct web_item *items)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct web_item *item = &items[kept];
		*item = (struct web_item){.request = requests[i]};
		enum web_next next = web_advance(requests[i], &item->reply, &item->err);
		if (next == NEXT_BATCH) {
			kept++;
			continue;
		}
		if (next == NEXT_ANSWER)
			web_answer(requests[i], &item->reply, &item->err);
		web_resume(requests[i]);
	}
	return kept;
}

static void run_batch(struct web_queue *queue, struct request **requests, size_t count,
		      struct web_item *items)
{
	struct web *web = queue->web;
	size_t kept = batch_gather(requests, count, items);

	if (kept == 0)
		return;
	pthread_mutex_lock(&web->lock);
	web->batches++;
	pthread_mutex_unlock(&web->lock);
	queue->pattern->route->batch(web->settings.app, items, kept);
	for (size_t i = 0; i < kept; i++) {
		struct web_item *item = &items[i];
		web_settled(item->request, item->ok, &item->err);
		web_answer(item->request, &item->reply, &item->err);
		web_resume(item->request);
	}
}

static void *batcher(void *at)
{
	struct web_queue *queue = at;
	struct request **requests = calloc(WEB_BATCH_MAX, sizeof(struct request *));
	struct web_item *items = calloc(WEB_BATCH_MAX, sizeof(*items));
	size_t count;

	if (!requests || !items)
		abort();
	while ((count = queue_take(queue, requests, WEB_BATCH_MAX)) > 0)
		run_batch(queue, requests, count, items);
	free(items);
	free(requests);
	return NULL;
}

/* ---- start and stop ---- */

static bool thread_add(struct web *web, void *(*function)(void *), struct web_queue *queue,
		       struct err *err)
{
	if (pthread_create(&web->threads[web->thread_count], NULL, function, queue) != 0)
		return err_fail(err, E_OS, "the system gives no more threads");
	web->thread_count++;
	return true;
}

static void queue_init(struct web_queue *queue, struct web *web, const struct web_pattern *pattern)
{
	queue->web = web;
	queue->pattern = pattern;
	pthread_cond_init(&queue->some, NULL);
}

bool web_work_start(struct web *web, struct err *err)
{
	size_t routes = web->settings.route_count;
	bool good = true;

	queue_init(&web->work, web, NULL);
	web->batchers = arena_array(web->arena, routes + 1, sizeof(*web->batchers));
	for (size_t i = 0; i < routes; i++) {
		struct web_pattern *pattern = &web->patterns[i];
		pattern->queue = &web->work;
		if (!pattern->route->batch)
			continue;
		pattern->queue = &web->batchers[web->batcher_count++];
		queue_init(pattern->queue, web, pattern);
	}
	web->threads = arena_array(web->arena, web->settings.workers + web->batcher_count,
				   sizeof(*web->threads));
	for (size_t i = 0; i < web->settings.workers && good; i++)
		good = thread_add(web, worker, &web->work, err);
	for (size_t i = 0; i < web->batcher_count && good; i++)
		good = thread_add(web, batcher, &web->batchers[i], err);
	return good;
}

void web_work_stop(struct web *web)
{
	pthread_mutex_lock(&web->lock);
	web->quit = true;
	pthread_cond_broadcast(&web->work.some);
	for (size_t i = 0; i < web->batcher_count; i++)
		pthread_cond_broadcast(&web->batchers[i].some);
	pthread_mutex_unlock(&web->lock);
	for (size_t i = 0; i < web->thread_count; i++)
		pthread_join(web->threads[i], NULL);
	pthread_cond_destroy(&web->work.some);
	for (size_t i = 0; i < web->batcher_count; i++)
		pthread_cond_destroy(&web->batchers[i].some);
}
