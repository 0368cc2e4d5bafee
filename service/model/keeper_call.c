/* SPDX-License-Identifier: Apache-2.0 */
/* How does a verb ask the keeper, and what does it do with the answer? */

#include "service/model/keeper_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS_MAX = 512, MILLISECOND = 1000, SLICE_NS = 20 * 1000 * 1000 };

struct keeper_load {
	pthread_mutex_t lock;
	pthread_cond_t left;
	size_t most, calls;
	size_t many_most, many;
	clock_us since[CALLS_MAX]; /* of those that wait; 0: free */
};

struct keeper_load *keeper_load_new(size_t workers)
{
	struct keeper_load *load = calloc(1, sizeof(*load));

	if (!load)
		abort();
	pthread_mutex_init(&load->lock, NULL);
	pthread_cond_init(&load->left, NULL);
	load->most = workers > 1 ? workers - (workers + 3) / 4 : 1;
	load->many_most = workers > 1 ? workers / 2 : 1;
	return load;
}

void keeper_load_free(struct keeper_load *load)
{
	if (!load)
		return;
	pthread_cond_destroy(&load->left);
	pthread_mutex_destroy(&load->lock);
	free(load);
}

/* With the lock held: has somebody waited too long already? */
static bool slow(const struct keeper_load *load, clock_us now)
{
	bool found = false;

	for (size_t i = 0; i < CALLS_MAX && !found; i++)
		found = load->since[i] != 0 && now - load->since[i] > KEEPER_SLOW_MS * MILLISECOND;
	return found;
}

static void wait_a_little(struct keeper_load *load)
{
	struct timespec until;

	(void)timespec_get(&until, TIME_UTC);
	until.tv_nsec += SLICE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&load->left, &load->lock, &until);
}

bool keeper_load_begin(struct model *model, struct err *err)
{
	struct keeper_load *load = model->load;
	clock_us end = clock_boot() + KEEPER_TURN_MS * MILLISECOND;

	pthread_mutex_lock(&load->lock);
	while (load->many >= load->many_most && clock_boot() < end && !slow(load, clock_boot()))
		wait_a_little(load);
	bool room = load->many < load->many_most;
	if (room)
		load->many++;
	pthread_mutex_unlock(&load->lock);
	return room ? true : err_fail(err, E_BUSY, NULL);
}

void keeper_load_end(struct model *model)
{
	pthread_mutex_lock(&model->load->lock);
	model->load->many--;
	pthread_cond_signal(&model->load->left);
	pthread_mutex_unlock(&model->load->lock);
}

static bool load_enter(struct keeper_load *load, size_t *place, struct err *err)
{
	clock_us now = clock_boot();
	size_t at = 0;

	pthread_mutex_lock(&load->lock);
	while (at < CALLS_MAX && load->since[at] != 0)
		at++;
	bool room = at < CALLS_MAX && (load->calls < load->most || !slow(load, now));
	if (room) {
		load->since[at] = now;
		load->calls++;
		*place = at;
	}
	pthread_mutex_unlock(&load->lock);
	return room ? true : err_fail(err, E_KEEPER_AWAY, NULL);
}

static void load_leave(struct keeper_load *load, size_t place)
{
	pthread_mutex_lock(&load->lock);
	load->since[place] = 0;
	load->calls--;
	pthread_mutex_unlock(&load->lock);
}

bool keeper_call(struct model *model, const struct act *act, const char *verb,
		 const struct doc *members, const struct doc **reply, struct err *err)
{
	const struct doc *unused;

	size_t place;

	if (!load_enter(model->load, &place, err))
		return false;
	bool good = keeper_client_call(model->keeper, act->arena, verb, act->request, members,
				       reply ? reply : &unused, err);
	load_leave(model->load, place);
	return good;
}

bool keeper_call_status(struct model *model, const struct act *act, struct keeper_status *out,
			struct err *err)
{
	const struct doc *reply;

	if (!keeper_call(model, act, "status", NULL, &reply, err))
		return false;
	*out = (struct keeper_status){
		.size = doc_int(doc_get(reply, "size"), 0),
		.checkpoint_size = doc_int(doc_get(reply, "checkpoint_size"), 0),
		.trust_version = doc_int(doc_get(reply, "trust_version"), 0),
		.ready = doc_bool(doc_get(reply, "ready"), false),
	};
	return true;
}

bool keeper_call_ready(struct model *model, const struct act *act, struct err *err)
{
	struct keeper_status status;

	if (!keeper_call_status(model, act, &status, err))
		return false;
	if (!status.ready)
		return err_fail(err, E_KEEPER_AWAY,
				"The keeper does not seal at present; nothing was changed, an "
				"operator has to look at its log");
	return true;
}

/* The event of a reply, also of one that says no. */
static void read_event(const struct doc *reply, struct keeper_place *place)
{
	struct err none = {0};
	const char *event = reply ? doc_get_text(reply, "event") : NULL;

	if (!event || !id_uuid_read(event, place->event.text, &none))
		place->event.text[0] = '\0';
}

bool keeper_call_sealed(struct model *model, const struct act *act, const char *verb,
			const struct doc *members, const struct doc **reply,
			struct keeper_place *place, struct err *err)
{
	const struct doc *answer = NULL;

	*place = (struct keeper_place){0};
	bool good = keeper_call(model, act, verb, members, &answer, err);
	read_event(answer, place);
	if (!good)
		return false;
	place->index = doc_int(doc_get(answer, "index"), -1);
	place->before = doc_bool(doc_get(answer, "before"), false);
	if (!place->event.text[0] || place->index < 0)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer names no sealed event");
	if (reply)
		*reply = answer;
	return true;
}

bool keeper_call_regulated(struct model *model, const struct act *act, const char *verb,
			   const struct doc *members, const struct doc **reply,
			   struct keeper_place *place, struct err *err)
{
	*place = (struct keeper_place){0};
	return keeper_call_ready(model, act, err) &&
	       keeper_call_sealed(model, act, verb, members, reply, place, err);
}

bool keeper_call_seal(struct model *model, const struct act *act, const struct event_id *events,
		      size_t count, int64_t *index, struct err *err)
{
	struct doc *members = doc_object(act->arena);
	struct doc *list = doc_array(act->arena);
	const struct doc *reply;

	for (size_t i = 0; i < count; i++)
		doc_add_text(list, events[i].text);
	doc_set(members, "events", list);
	if (!keeper_call(model, act, "seal", members, &reply, err))
		return false;
	const struct doc *places = doc_get(reply, "events");
	if (count == 0 || doc_size(places) != count)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer names other events");
	*index = doc_int(doc_get(doc_at(places, count - 1), "index"), -1);
	return true;
}
