/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WEB_INTERNAL_H
#define COMMON_WEB_INTERNAL_H

/*
 * What the web_*.c files share; nobody else includes it (tests do, for the counter of TLS checks
 * and for the pure route functions).
 *
 *	web.c		start, stop, libmicrohttpd's callbacks: all that runs on epoll threads
 *	web_work.c	the order of a request; workers, batchers, their queues
 *	web_route.c	patterns, decoding of addresses: pure
 *	web_request.c	headers of a request, and what handlers ask of it
 *	web_body.c	bounded bodies: collected or passed on piece by piece
 *	web_reply.c	answers: documents, files and ranges, problems
 *	web_peer.c	the client certificate: the only file with GnuTLS
 *	web_linger.c	closing a connection whose client is still sending, so that it reads our answer
 *
 * A request belongs to one thread at a time. An epoll thread has it while libmicrohttpd parses,
 * reads or sends; while it is held (suspended) a worker or batcher has it. web_resume gives it
 * back: after that the worker must not touch it. It is freed in libmicrohttpd's "completed"
 * callback, which never comes while it is held; only a request with an open sink takes one more
 * turn with a worker, for abort.
 */

#include "common/web.h"

#include <pthread.h>

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

enum {
	WEB_URL_MAX = 4096,
	WEB_HEADERS_MAX =
		32 * 1024, /* memory of a connection: request line, headers, read buffer */
	WEB_SEGMENTS_MAX = 16,
	WEB_PAIRS_MAX = 64,
	WEB_ID_MAX = 64,
	WEB_IDLE_S = 60,
	WEB_GRACE_MS = 5000, /* web_free waits so long for answers under way */
	WEB_COLLECT_MAX =
		16 * 1024 * 1024,     /* a route may not collect more; streams have no such limit */
	WEB_PIECE_BYTES = 256 * 1024, /* of a stream, handed over at once */
	WEB_DRAIN_KEEP =
		64 * 1024, /* a refused body up to this is read, so that the connection lives on */
	WEB_DRAIN_MAX =
		16 * 1024 * 1024, /* over-long chunked bodies: then the connection is dropped */
	WEB_ARENA_MAX = 64 * 1024 * 1024,
	WEB_BATCH_MAX = 1000,
};

/* ---- addresses (web_route.c) ---- */

struct web_pair {
	const char *name;
	const char *value;
};

/* An address, taken apart and decoded. */
struct web_target {
	const char *path; /* as sent, without the query */
	size_t count;
	const char *segments[WEB_SEGMENTS_MAX];
	bool unmatchable; /* an empty segment, or more of them than any pattern has */
	size_t pair_count;
	struct web_pair *pairs;
};

struct web_segment {
	const char *at; /* into the pattern */
	size_t size;
	bool param;
};

struct web_pattern {
	const struct route *route;
	struct web_queue *queue;
	size_t count;
	struct web_segment segments[WEB_SEGMENTS_MAX];
};

/* Checks a row of the table; a wrong row is a defect of the program: E_BUG. */
MUST_CHECK bool web_route_compile(const struct route *route, struct web_pattern *out,
				  struct err *err);
/* Printable ASCII only; %00, control characters, %2F, "." and ".." as segments, bytes that are not
 * UTF-8 and crippled escapes are E_URL; more than WEB_URL_MAX bytes are E_URL_LIMIT. */
MUST_CHECK bool web_route_split(struct arena *arena, const char *target, struct web_target *out,
				struct err *err);
bool web_route_method(const char *text, enum web_method *out); /* HEAD counts as GET */
/* The first row with this path and method. None: NULL, and allowed has a bit (1 << method) for each
 * method that the path has. */
const struct web_pattern *web_route_find(const struct web_pattern *patterns, size_t count,
					 bool method_known, enum web_method method,
					 const struct web_target *target, unsigned *allowed);
const char *web_route_param(const struct web_pattern *pattern, const struct web_target *target,
			    const char *name);
/* "GET, HEAD, PUT" */
const char *web_route_allow(struct arena *arena, unsigned allowed);

/* ---- the running server ---- */

struct web_queue {
	struct web *web;
	const struct web_pattern *pattern; /* of a batcher; NULL: the workers' queue */
	struct request *head, *tail;
	size_t waiting; /* held for this queue and not yet taken */
	pthread_cond_t some;
};

struct web_linger;

struct web {
	struct web_settings settings;
	struct arena *arena;
	struct web_pattern *patterns;
	struct MHD_Daemon *daemon;
	uint16_t port;
	struct web_linger *linger;
	char start_trouble[ERR_TEXT_BYTES]; /* the last words of libmicrohttpd while starting */
	bool starting;

	pthread_mutex_t lock; /* for all that follows, and for the queues */
	bool stopping;	      /* new requests are refused */
	bool closing;	      /* nothing is held any more */
	bool quit;	      /* threads end when their queue is empty */
	size_t held;	      /* suspended, or about to be */
	size_t running;	      /* headers seen, answer not yet sent */
	uint64_t peer_checks;
	uint64_t batches;
	struct web_queue work;
	struct web_queue *batchers;
	size_t batcher_count;
	pthread_t *threads;
	size_t thread_count;
};

/* Of a connection, made and freed by libmicrohttpd's connection callback. */
struct web_connection {
	bool peer_checked;
	bool linger;		      /* answered before the body was read */
	char peer[ID_DEVICE_MAX + 1]; /* "": none */
	struct sha256_hex fingerprint;
	clock_us peer_until;
};

enum web_stage {
	STAGE_MATCH,
	STAGE_IDENTIFY,
	STAGE_PIECE,
	STAGE_CALL,
	STAGE_ANSWER,
	STAGE_GONE, /* the client is; its sink is to be aborted */
};

struct request {
	struct web *web;
	struct MHD_Connection *mhd; /* NULL once completed */
	struct web_connection *connection;
	struct arena *arena;
	struct request *next; /* in a queue */
	enum web_stage stage;
	bool started;	     /* libmicrohttpd has shown us the headers */
	bool headers_passed; /* the body, or the end of the request, comes next */
	clock_us now;

	const char *method;
	const char *sent_target; /* NULL: longer than WEB_URL_MAX */
	struct web_target target;
	const struct web_pattern *pattern;
	char id[WEB_ID_MAX + 1];
	const char *host;
	const char *remote;
	bool head;
	bool broken;	  /* its framing cannot be trusted: answer and close */
	unsigned allowed; /* for 405 */

	bool has_body;
	bool expects;		 /* 100-continue */
	uint64_t content_length; /* UINT64_MAX: not said */
	uint64_t received;
	bool over; /* more than body_max came */
	unsigned char *buffer;
	size_t buffer_used, buffer_size;
	const struct doc *doc;
	bool sink_open;
	void *sink_state;

	const void *actor;

	struct MHD_Response *response;
	unsigned status;
};

/* ---- the order (web_work.c) ---- */

enum web_next { NEXT_WORKER, NEXT_BODY, NEXT_BATCH, NEXT_ANSWER };
enum web_next web_advance(struct request *request, struct reply *reply, struct err *err);
/* Passes on what a step of the program said (identify, permit, handler, sink, batch) and tells
 * `refused` of a no. A step that forgot to say why is a defect, and the answer is still no. */
bool web_settled(struct request *request, bool good, struct err *err);
/* Makes the response of whatever came out, and aborts a sink that is still open. */
void web_answer(struct request *request, struct reply *reply, struct err *err);

MUST_CHECK bool web_work_start(struct web *web, struct err *err);
void web_work_stop(struct web *web);
/* Before suspending: false when there are too many, or the server stops. fresh: not yet counted. */
bool web_hold(struct request *request, bool fresh);
void web_hand_over(struct request *request);	 /* after suspending */
void web_hand_to_abort(struct request *request); /* not suspended: its connection is gone */

/* ---- on epoll threads (web.c) ---- */
void web_resume(struct request *request); /* to libmicrohttpd; do not touch it any more */
void web_request_free(struct request *request);

/* ---- of a request (web_request.c) ---- */
struct request *web_request_new(struct web *web, const char *target);
/* Reads what the door itself needs of the headers. E_INPUT when they contradict themselves. */
MUST_CHECK bool web_request_open(struct request *request, struct err *err);
MUST_CHECK bool web_request_match(struct request *request, struct err *err);
/* Once per connection, by the thread that has the request. */
void web_request_check_peer(struct request *request);

/* ---- bodies (web_body.c) ---- */
/* After permit: type, announced length; opens the sink of a stream. */
MUST_CHECK bool web_body_accept(struct request *request, struct err *err);
enum web_take { TAKE_DONE, TAKE_HOLD, TAKE_DROP };
/* On an epoll thread: copies, or TAKE_HOLD (nothing taken) when a worker must empty the buffer. */
enum web_take web_body_take(struct request *request, const void *data, size_t size);
/* A worker empties the buffer into the sink. */
MUST_CHECK bool web_body_pass(struct request *request, struct err *err);
/* After the last byte: limit, parsing, the last piece of a stream. */
MUST_CHECK bool web_body_finish(struct request *request, struct err *err);
void web_body_abort(struct request *request);

/* ---- replies (web_reply.c) ---- */
void web_reply_make(struct request *request, struct reply *reply, struct err *err);

/* ---- certificates (web_peer.c) ---- */
extern const char web_peer_priorities[];
MUST_CHECK bool web_peer_authority(const char *pem, struct err *err);
void web_peer_check(struct web_connection *connection, void *tls_session);

/* ---- closing (web_linger.c) ---- */
struct web_linger *web_linger_new(void);
void web_linger_add(struct web_linger *linger, int socket); /* keeps a duplicate */
void web_linger_free(struct web_linger *linger);

/* ---- for tests ---- */
uint64_t web_peer_checks(struct web *web);
uint64_t web_batches(struct web *web);

#endif
