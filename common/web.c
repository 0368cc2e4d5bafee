/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: made from its settings, stopped in order, and libmicrohttpd's callbacks. For who
 * starts a program that listens. Everything from on_target down to web_resume runs on epoll
 * threads and never waits.
 *
 * libmicrohttpd can take an answer before the body (it then closes the connection) or after the
 * end of the request, and at no other time. Hence: a request without a body goes to its worker at
 * its end, so that the connection lives on; one with a body goes there before the body is read,
 * and again after it.
 *
 * Limits of libmicrohttpd 0.9.75 that show: what it refuses by itself (headers over 32 KiB, broken
 * chunks, an HTTP/1.1 request without Host) it answers with a page of its own instead of a problem
 * document. And its edge-triggered loop takes a short read for the end of what is there: a client
 * that breaks off inside a body, with its FIN right behind its last bytes, is noticed only after
 * WEB_IDLE_S; the sink is aborted then.
 */

#include "common/web_internal.h"

#include "common/digest.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEM_MAX = 1024 * 1024, BACKLOG = 1024, SPARE_FILES = 256, POLL_MS = 2 };

/* ---- requests, on epoll threads ---- */

static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	(void)mhd;
	return web_request_new(cls, target);
}

/* web_route.c decodes, after it has cut the path. */
static size_t keep_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

static enum MHD_Result send_answer(struct request *request)
{
	if (!request->response)
		return MHD_NO;
	return MHD_queue_response(request->mhd, request->status, request->response);
}

/* From here on a worker may have the request: nothing may touch it. */
static bool suspend(struct request *request, bool fresh)
{
	if (!web_hold(request, fresh))
		return false;
	MHD_suspend_connection(request->mhd);
	web_hand_over(request);
	return true;
}

void web_resume(struct request *request)
{
	struct web *web = request->web;

	MHD_resume_connection(request->mhd);
	pthread_mutex_lock(&web->lock);
	web->held--;
	pthread_mutex_unlock(&web->lock);
}

static void refuse(struct request *request, struct err *err)
{
	struct reply reply = {0};

	web_answer(request, &reply, err);
}

static void refuse_busy(struct request *request)
{
	struct err err = {0};

	err_set(&err, E_BUSY, NULL);
	refuse(request, &err);
}

static struct web_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void open_request(struct request *request, struct MHD_Connection *mhd, const char *method)
{
	struct web *web = request->web;
	struct reply none = {0};
	struct err err = {0};

	request->started = true;
	request->mhd = mhd;
	request->connection = connection_of(mhd);
	request->method = method;
	pthread_mutex_lock(&web->lock);
	web->running++;
	pthread_mutex_unlock(&web->lock);
	if (web_advance(request, &none, &err) == NEXT_ANSWER)
		refuse(request, &err);
}

/* A short body that nobody will read is let through, so that the connection lives on. Otherwise
 * the answer goes out now, and the connection ends with it. */
static enum MHD_Result answer_before_body(struct request *request)
{
	if (!request->broken && !request->expects && request->content_length <= WEB_DRAIN_KEEP) {
		request->headers_passed = true;
		return MHD_YES;
	}
	request->connection->linger = true;
	return send_answer(request);
}

/* The first call of a request, and the call after a worker had it before its body. */
static enum MHD_Result on_headers(struct request *request, struct MHD_Connection *mhd,
				  const char *method)
{
	if (!request->started) {
		open_request(request, mhd, method);
		bool early = request->has_body || request->broken;
		if (!early) {
			request->headers_passed = true;
			return MHD_YES;
		}
		if (request->stage != STAGE_ANSWER) {
			if (suspend(request, true))
				return MHD_YES;
			refuse_busy(request);
		}
	}
	if (request->stage == STAGE_ANSWER)
		return answer_before_body(request);
	request->headers_passed = true;
	return MHD_YES;
}

static enum MHD_Result on_body(struct request *request, const char *data, size_t *size)
{
	switch (web_body_take(request, data, *size)) {
	case TAKE_DONE:
		*size = 0;
		return MHD_YES;
	case TAKE_HOLD:
		/* Nothing taken: so this is not called for the next chunk while a worker has us. */
		request->stage = STAGE_PIECE;
		return suspend(request, false) ? MHD_YES : MHD_NO;
	case TAKE_DROP:
		break;
	}
	return MHD_NO;
}

/* The whole request is here; called again after a worker made the answer. */
static enum MHD_Result on_end(struct request *request)
{
	if (request->stage == STAGE_ANSWER)
		return send_answer(request);
	bool fresh = request->stage == STAGE_IDENTIFY;
	if (suspend(request, fresh))
		return MHD_YES;
	refuse_busy(request);
	return send_answer(request);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **context)
{
	struct request *request = *context;

	(void)cls;
	(void)url;
	(void)version;
	if (!request)
		return MHD_NO;
	if (!request->headers_passed)
		return on_headers(request, mhd, method);
	if (*size > 0)
		return on_body(request, data, size);
	return on_end(request);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct web *web = cls;
	struct request *request = *context;

	(void)mhd;
	(void)code;
	if (!request)
		return;
	*context = NULL;
	request->mhd = NULL;
	if (request->started) {
		pthread_mutex_lock(&web->lock);
		web->running--;
		pthread_mutex_unlock(&web->lock);
	}
	request->connection = NULL;
	if (request->sink_open)
		web_hand_to_abort(request);
	else
		web_request_free(request);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct web *web = cls;
	struct web_connection *connection = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = calloc(1, sizeof(*connection));
		if (!*context)
			abort();
		return;
	}
	if (connection && connection->linger) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info)
			web_linger_add(web->linger, info->connect_fd);
	}
	free(connection);
	*context = NULL;
}

static void __attribute__((format(printf, 2, 0)))
on_message(void *cls, const char *format, va_list arguments)
{
	struct web *web = cls;
	char text[ERR_TEXT_BYTES];

	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	if (web->starting)
		memcpy(web->start_trouble, text, sizeof(text));
	const char *words = text;
	log_debug("http-library", LOG_TEXT("message", words));
}

/* ---- settings ---- */

static void settings_fill(struct web_settings *settings)
{
	settings->listen = settings->listen ? settings->listen : "127.0.0.1";
	settings->io_threads = settings->io_threads ? settings->io_threads : 2;
	settings->workers = settings->workers ? settings->workers : 8;
	settings->queue_max = settings->queue_max ? settings->queue_max : 1024;
	settings->connections_max = settings->connections_max ? settings->connections_max : 4096;
}

static bool routes_compile(struct web *web, struct err *err)
{
	const struct web_settings *settings = &web->settings;

	web->patterns = arena_array(web->arena, settings->route_count, sizeof(*web->patterns));
	for (size_t i = 0; i < settings->route_count; i++) {
		if (!web_route_compile(&settings->routes[i], &web->patterns[i], err))
			return false;
	}
	return true;
}

/* Each connection is a descriptor, and the usual soft limit of 1,024 is far below ours. */
static void files_allow(size_t connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	rlim_t want = connections + SPARE_FILES;
	if (limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < want)
		log_warn("few-files", LOG_INT("allowed", (int64_t)limit.rlim_cur),
			 LOG_INT("wanted", (int64_t)want));
}

/* ---- listening ---- */

static bool port_of(int socket, uint16_t *out)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char port[8] = "";

	if (getsockname(socket, (struct sockaddr *)&address, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV) != 0)
		return false;
	*out = (uint16_t)strtoul(port, NULL, 10);
	return true;
}

static bool listen_on(struct web *web, int *out, struct err *err)
{
	const struct web_settings *settings = &web->settings;
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *address = NULL;
	char port[8];
	int on = 1;

	snprintf(port, sizeof(port), "%u", settings->port);
	if (getaddrinfo(settings->listen, port, &hints, &address) != 0)
		return err_fail(err, E_CONFIG, "%s is not a numeric address to listen on",
				settings->listen);
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		    bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
		    listen(fd, BACKLOG) == 0 && port_of(fd, &web->port);
	int why = errno;
	freeaddrinfo(address);
	if (good) {
		*out = fd;
		return true;
	}
	if (fd >= 0)
		close(fd);
	return err_fail(err, E_CONFIG, "cannot listen on %s port %u: %s", settings->listen,
			settings->port, strerror(why));
}

/* ---- starting libmicrohttpd ---- */

struct tls {
	char *certificate, *key, *authority;
};

static bool pem_read(struct arena *arena, const char *path, char **out, struct err *err)
{
	struct bytes bytes;

	if (!file_read(arena, path, PEM_MAX, &bytes, err))
		return false;
	*out = arena_text_of(arena, bytes);
	return true;
}

static bool tls_read(struct arena *arena, const struct web_settings *settings, struct tls *out,
		     struct err *err)
{
	if (!settings->tls_certificate) {
		if (settings->client_authority)
			return err_fail(
				err, E_CONFIG,
				"client certificates need TLS; name a certificate and a key");
		return true;
	}
	if (!settings->tls_key)
		return err_fail(err, E_CONFIG, "the TLS certificate needs its key file");
	if (!pem_read(arena, settings->tls_certificate, &out->certificate, err) ||
	    !pem_read(arena, settings->tls_key, &out->key, err))
		return false;
	return !settings->client_authority ||
	       (pem_read(arena, settings->client_authority, &out->authority, err) &&
		web_peer_authority(out->authority, err));
}

static bool daemon_start(struct web *web, int socket, const struct tls *tls, struct err *err)
{
	const struct web_settings *settings = &web->settings;
	unsigned flags =
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem more[8] = {{MHD_OPTION_END, 0, NULL}};
	char priorities[160];
	size_t count = 0;

	snprintf(priorities, sizeof(priorities), "%s", web_peer_priorities);
	if (settings->io_threads > 1)
		more[count++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE,
							(intptr_t)settings->io_threads, NULL};
	if (tls->certificate) {
		flags |= MHD_USE_TLS;
		more[count++] =
			(struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, tls->certificate};
		more[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key};
		more[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, priorities};
	}
	if (tls->authority)
		more[count++] =
			(struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, tls->authority};
	more[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	web->starting = true;
	web->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER, on_message, web,
		MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_URI_LOG_CALLBACK, on_target, web,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, web, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, web, MHD_OPTION_NOTIFY_CONNECTION, on_connection, web,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)settings->connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_HEADERS_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	web->starting = false;
	if (web->daemon)
		return true;
	close(socket);
	return err_fail(err, E_CONFIG, "the server could not start: %s",
			web->start_trouble[0] ? web->start_trouble : "check certificate and key");
}

static bool web_start(struct web *web, struct arena *secrets, struct err *err)
{
	struct tls tls = {0};
	int socket = -1;

	if (!routes_compile(web, err) || !tls_read(secrets, &web->settings, &tls, err))
		return false;
	files_allow(web->settings.connections_max);
	web->linger = web_linger_new();
	if (!web->linger)
		return err_fail(err, E_OS, "the system gives no more threads");
	bool good = web_work_start(web, err) && listen_on(web, &socket, err) &&
		    daemon_start(web, socket, &tls, err);
	if (tls.key)
		digest_forget(tls.key, strlen(tls.key));
	return good;
}

bool web_new(const struct web_settings *settings, struct web **out, struct err *err)
{
	struct web *web = calloc(1, sizeof(*web));
	struct arena *secrets = arena_new(8 * PEM_MAX);
	sigset_t all, before;

	if (!web)
		abort();
	web->settings = *settings;
	settings_fill(&web->settings);
	web->arena = arena_new(16 * 1024 * 1024);
	pthread_mutex_init(&web->lock, NULL);
	/* Signals are for the program's own thread; all threads made here inherit the mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool good = web_start(web, secrets, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	arena_free(secrets);
	if (!good) {
		web_free(web);
		return false;
	}
	*out = web;
	return true;
}

uint16_t web_port(const struct web *web)
{
	return web->port;
}

/* ---- stopping ---- */

static size_t count_of(struct web *web, const size_t *count)
{
	pthread_mutex_lock(&web->lock);
	size_t now = *count;
	pthread_mutex_unlock(&web->lock);
	return now;
}

/* New requests get 503, those under way their time; then nothing is suspended any more, because
 * libmicrohttpd does not stop over suspended connections. Handlers are always waited for. */
static void let_finish(struct web *web)
{
	pthread_mutex_lock(&web->lock);
	web->stopping = true;
	pthread_mutex_unlock(&web->lock);
	int socket = MHD_quiesce_daemon(web->daemon);
	if (socket != MHD_INVALID_SOCKET)
		close(socket);
	clock_us until = clock_boot() + (clock_us)WEB_GRACE_MS * 1000;
	while (count_of(web, &web->running) > 0 && clock_boot() < until)
		clock_sleep(POLL_MS * 1000);
	pthread_mutex_lock(&web->lock);
	web->closing = true;
	pthread_mutex_unlock(&web->lock);
	while (count_of(web, &web->held) > 0)
		clock_sleep(POLL_MS * 1000);
}

void web_free(struct web *web)
{
	if (!web)
		return;
	if (web->daemon) {
		let_finish(web);
		MHD_stop_daemon(web->daemon);
	}
	if (web->linger)
		web_work_stop(web);
	web_linger_free(web->linger);
	pthread_mutex_destroy(&web->lock);
	arena_free(web->arena);
	free(web);
}
