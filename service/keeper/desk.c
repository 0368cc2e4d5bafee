/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask the keeper for what, and how a request becomes an answer. One thread per connection;
 * every verb gets a fresh arena, and its answer is one frame.
 */

#define _GNU_SOURCE /* SO_PEERCRED, struct ucred */

#include "service/keeper/desk.h"

#include "common/log.h"
#include "common/text.h"
#include "common/wire/keeper.h"
#include "service/keeper/sequencer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	VERB_BYTES = 64 * 1024 * 1024,
	FRAME_SECONDS = 10,
	SEAL_EVENTS_MAX = 100,
	OPERATOR_CONNECTIONS = 4, /* of KEEPER_CONNECTIONS: a hold must find a place */
};

/* Who may use a verb: the service, an operator on this host (root or the keeper's own user). */
enum { BY_SERVICE = 1, BY_OPERATOR = 2 };

struct verb {
	const char *name;
	int who;
	keeper_verb run;
};

static bool verb_put(struct keeper *keeper, const struct act *act, const struct doc *request,
		     struct doc *reply, struct err *err);

/* clang-format off */
static const struct verb verbs[] = {
	{"status",    BY_SERVICE | BY_OPERATOR, verb_status},
	{"login",     BY_SERVICE,		verb_login},
	{"challenge", BY_SERVICE,		verb_challenge},
	{"sign",      BY_SERVICE,		verb_sign},
	{"put",       BY_SERVICE,		verb_put},
	{"decide",    BY_SERVICE,		verb_decide},
	{"permit",    BY_SERVICE,		verb_permit},
	{"lease",     BY_SERVICE,		verb_lease},
	{"open",      BY_SERVICE,		verb_open},
	{"seal",      BY_SERVICE,		verb_seal},
	{"hold",      BY_SERVICE | BY_OPERATOR, verb_hold},
};

static const struct verb put_verbs[] = {
	{"trust",	 BY_SERVICE, verb_put_trust},
	{"directory",	 BY_SERVICE, verb_put_directory},
	{"password",	 BY_SERVICE, verb_put_password},
	{"seal-release", BY_SERVICE, verb_put_seal_release},
	{"record",	 BY_SERVICE, verb_put_record},
	{"plan",	 BY_SERVICE, verb_put_plan},
};
/* clang-format on */

struct desk {
	struct keeper *keeper;
	int listener;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t left;
	int connections[KEEPER_CONNECTIONS]; /* descriptors, -1: free */
	int count;
	bool stop;
};

struct visit {
	struct desk *desk;
	int fd;
	int slot;
	int who;
};

/* ---- verbs that only look ---- */

bool verb_status(struct keeper *keeper, const struct act *act, const struct doc *request,
		 struct doc *reply, struct err *err)
{
	struct sequencer_state state;
	struct trust trust;
	struct err none = {0};

	(void)request;
	(void)err;
	sequencer_state_get(keeper->sequencer, &state);
	bool trusted = keeper_trust_get(keeper, act->arena, &trust, NULL, &none);
	doc_set_int(reply, "size", state.size);
	doc_set_int(reply, "checkpoint_size", state.checkpoint_size);
	doc_set_int(reply, "trust_version", trusted ? trust.version : 0);
	doc_set_bool(reply, "ready", state.healthy);
	if (!state.healthy)
		doc_set_text(reply, "why", state.why);
	return true;
}

struct seal_request {
	const char *request;
	const struct doc *events;
};

bool verb_seal(struct keeper *keeper, const struct act *act, const struct doc *request,
	       struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct seal_request),
		DOC_LIST(struct seal_request, events, 1, SEAL_EVENTS_MAX),
	};
	struct seal_request asked;
	struct sequencer_place place = {0};
	struct doc *places = doc_array(act->arena);

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &asked, err))
		return false;
	for (size_t i = 0; i < doc_size(asked.events); i++) {
		struct event_id event;
		const char *text = doc_text(doc_at(asked.events, i));
		if (!id_uuid_read(text ? text : "", event.text, err) ||
		    !sequencer_wait(keeper->sequencer, &event, KEEPER_SEAL_WAIT_MS, act->arena,
				    &place, err))
			return false;
		struct doc *one = doc_object(act->arena);
		doc_set_text(one, "event", event.text);
		doc_set_int(one, "index", place.index);
		doc_add(places, one);
	}
	doc_set(reply, "events", places);
	doc_set_int(reply, "checkpoint_size", place.checkpoint_size);
	return true;
}

/* ---- from a frame to a verb ---- */

static const struct verb *verb_find(const struct verb *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

static bool verb_put(struct keeper *keeper, const struct act *act, const struct doc *request,
		     struct doc *reply, struct err *err)
{
	const char *what = doc_get_text(request, "what");
	const struct verb *verb =
		what ? verb_find(put_verbs, sizeof(put_verbs) / sizeof(put_verbs[0]), what) : NULL;

	if (!verb)
		return err_fail(err, E_KEEPER_VERB,
				"put takes a member what: trust, directory, "
				"password, seal-release, record or plan");
	return verb->run(keeper, act, request, reply, err);
}

static bool dispatch(struct visit *visit, struct arena *arena, struct bytes frame,
		     struct doc *reply, const char **verb_name, struct err *err)
{
	struct keeper_request request;

	if (!keeper_request_parse(arena, frame, &request, err))
		return false;
	const struct verb *verb = verb_find(verbs, sizeof(verbs) / sizeof(verbs[0]), request.verb);
	if (!verb)
		return err_fail(err, E_KEEPER_VERB, "the keeper has no verb %.40s", request.verb);
	*verb_name = verb->name;
	if (!(verb->who & visit->who))
		return err_fail(err, E_KEEPER_PEER, "this user may not ask the keeper to %s",
				verb->name);
	/* What an operator may do works always. */
	if (!(verb->who & BY_OPERATOR) &&
	    !sequencer_demand_current(visit->desk->keeper->sequencer, err))
		return false;
	bool operator_asks = visit->who == BY_OPERATOR;
	struct act act = {
		.actor_kind = operator_asks ? ACTOR_OPERATOR : ACTOR_SERVICE,
		.actor = operator_asks ? "operator" : "countersignd",
		.auth = "socket",
		.at = clock_now(),
		.request = request.request,
		.arena = arena,
	};
	return verb->run(visit->desk->keeper, &act, request.doc, reply, err);
}

/* One request and its reply; false when the connection is at its end. */
static bool serve_one(struct visit *visit, struct arena *arena)
{
	struct err err = {0};
	struct bytes frame;
	bool closed = false;
	const char *verb = "?";

	if (!keeper_frame_read(arena, visit->fd, FRAME_SECONDS * CLOCK_SECOND, &closed, &frame,
			       &err) ||
	    closed)
		return false;
	struct doc *reply = keeper_reply_new(arena);
	if (!dispatch(visit, arena, frame, reply, &verb, &err)) {
		log_info("refused", LOG_TEXT("verb", verb), LOG_ERR(&err));
		reply = keeper_reply_error(arena, &err, doc_get_text(reply, "event"));
	}
	err_clear(&err);
	if (keeper_frame_of(arena, reply, &frame, &err) &&
	    keeper_frame_write(visit->fd, frame, FRAME_SECONDS * CLOCK_SECOND, &err))
		return true;
	log_warn("reply-lost", LOG_TEXT("verb", verb), LOG_ERR(&err));
	return false;
}

/* ---- connections ---- */

static bool await_frame(int fd)
{
	unsigned char first;
	ssize_t got;

	do
		got = recv(fd, &first, 1, MSG_PEEK);
	while (got < 0 && errno == EINTR);
	return got == 1;
}

static void *visit_run(void *context)
{
	struct visit *visit = context;
	struct desk *desk = visit->desk;

	for (bool more = true; more && await_frame(visit->fd);) {
		struct arena *arena = arena_new(VERB_BYTES);
		more = serve_one(visit, arena);
		arena_free(arena);
	}
	pthread_mutex_lock(&desk->lock);
	close(visit->fd);
	desk->connections[visit->slot] = -1;
	desk->count--;
	pthread_cond_signal(&desk->left);
	pthread_mutex_unlock(&desk->lock);
	free(visit);
	return NULL;
}

static int peer_rights(const struct desk *desk, int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int rights = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return 0;
	if ((int64_t)peer.uid == desk->keeper->settings.service_uid)
		rights |= BY_SERVICE;
	if (peer.uid == 0 || peer.uid == geteuid())
		rights |= BY_OPERATOR;
	return rights;
}

/* Takes a free slot and starts the visit's thread; false when there is no room. */
static bool visit_begin(struct desk *desk, int fd, int who)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	pthread_t thread;
	int slot = 0;

	if (!visit)
		return false;
	pthread_mutex_lock(&desk->lock);
	while (slot < KEEPER_CONNECTIONS && desk->connections[slot] >= 0)
		slot++;
	int places = KEEPER_CONNECTIONS - (who & BY_OPERATOR ? 0 : OPERATOR_CONNECTIONS);
	bool room = desk->count < places && slot < KEEPER_CONNECTIONS && !desk->stop;
	*visit = (struct visit){.desk = desk, .fd = fd, .slot = slot, .who = who};
	if (room && pthread_create(&thread, NULL, visit_run, visit) == 0) {
		pthread_detach(thread);
		desk->connections[slot] = fd;
		desk->count++;
	} else {
		room = false;
	}
	pthread_mutex_unlock(&desk->lock);
	if (!room)
		free(visit);
	return room;
}

static bool desk_stopped(struct desk *desk)
{
	pthread_mutex_lock(&desk->lock);
	bool stop = desk->stop;
	pthread_mutex_unlock(&desk->lock);
	return stop;
}

static void *listen_run(void *context)
{
	struct desk *desk = context;

	while (!desk_stopped(desk)) {
		int fd = accept4(desk->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			/* Whatever it was (descriptors, memory), it may pass; the desk stays. */
			if (errno != EINTR && errno != ECONNABORTED)
				clock_sleep(CLOCK_SECOND / 10);
			continue;
		}
		int who = peer_rights(desk, fd);
		if (!who || !visit_begin(desk, fd, who)) {
			log_warn("visitor-refused", LOG_TEXT("why", who ? "desk full" : "peer"));
			close(fd);
		}
	}
	return NULL;
}

static bool open_socket(const char *path, int *out, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return err_fail(err, E_CONFIG,
				"the socket's path is longer than %zu bytes; choose a "
				"shorter one",
				sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_fail(err, E_OS, "no socket: %s", strerror(errno));
	unlink(path);
	/* Anybody may connect: the kernel tells who it is, and peer_rights decides. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || chmod(path, 0666) != 0 ||
	    listen(fd, KEEPER_CONNECTIONS) != 0) {
		int cause = errno;
		close(fd);
		return err_fail(err, E_OS, "%.120s: %s", path, strerror(cause));
	}
	*out = fd;
	return true;
}

bool desk_new(struct keeper *keeper, struct desk **out, struct err *err)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	if (!desk)
		return err_fail(err, E_OS, "out of memory");
	desk->keeper = keeper;
	for (int i = 0; i < KEEPER_CONNECTIONS; i++)
		desk->connections[i] = -1;
	pthread_mutex_init(&desk->lock, NULL);
	pthread_cond_init(&desk->left, NULL);
	if (!open_socket(keeper->settings.socket, &desk->listener, err)) {
		free(desk);
		return false;
	}
	if (pthread_create(&desk->thread, NULL, listen_run, desk) != 0) {
		close(desk->listener);
		free(desk);
		return err_fail(err, E_OS, "the desk's thread could not be started");
	}
	*out = desk;
	return true;
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	pthread_mutex_lock(&desk->lock);
	desk->stop = true;
	pthread_mutex_unlock(&desk->lock);
	shutdown(desk->listener, SHUT_RDWR);
	pthread_join(desk->thread, NULL);
	close(desk->listener);
	unlink(desk->keeper->settings.socket);
	pthread_mutex_lock(&desk->lock);
	for (int i = 0; i < KEEPER_CONNECTIONS; i++) {
		if (desk->connections[i] >= 0)
			shutdown(desk->connections[i], SHUT_RD);
	}
	while (desk->count > 0)
		pthread_cond_wait(&desk->left, &desk->lock);
	pthread_mutex_unlock(&desk->lock);
	pthread_cond_destroy(&desk->left);
	pthread_mutex_destroy(&desk->lock);
	free(desk);
}
