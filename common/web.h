/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WEB_H
#define COMMON_WEB_H

/*
 * The door to libmicrohttpd: listen, TLS, match a route, identify, check permission, read the
 * body, call, reply. In this order for every request, in one function (web_advance, web_work.c).
 *
 * Threads. libmicrohttpd's epoll threads parse and send and never wait: a request whose headers
 * are complete is suspended and put on the queue of a worker pool; the worker calls identify,
 * permit and handler, blocking as it likes, and resumes it. Requests of a hot route are put on that
 * route's batcher instead: one thread each that takes whatever is queued (up to 1,000, no timer),
 * identifies and permits each, calls the batch function once for all, and resumes them. When more
 * than queue_max requests wait for the workers, or for one batcher, new ones there get 503 (E_BUSY)
 * at once.
 *
 * Rows are tried in the order of the table: the first with path and method is it. Addresses that
 * hold control characters, %2F, dot segments or bytes that are not UTF-8 are refused with 400.
 *
 * Errors become RFC 9457 problem JSON {type, title, status, code, detail, request_id}; what failed
 * inside (ERR_INTERNAL, ERR_BUG) is told to the log only. Every answer has Content-Length,
 * X-Request-Id, X-Content-Type-Options: nosniff, and Cache-Control: no-store unless the handler set
 * one.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/doc.h"
#include "common/err.h"

#include <stdint.h>

struct web;	/* a running server */
struct request; /* one request, until its reply is sent */

enum web_method { WEB_GET, WEB_PUT, WEB_POST, WEB_DELETE }; /* HEAD is served by the GET route */

enum web_body {
	WEB_BODY_NONE,	  /* a body is refused */
	WEB_BODY_JSON,	  /* application/json, up to max, parsed with doc_parse: web_doc */
	WEB_BODY_FOREIGN, /* any, up to max, handed over raw: web_raw (foreign devices' JSON) */
	WEB_BODY_STREAM,  /* handed to a sink piece by piece, up to max */
};

/* What a handler answers. status 0 means 200 (204 when there is nothing). */
struct reply {
	int status;
	const struct doc *doc; /* sent as application/json (canonical bytes) */
	struct bytes bytes;    /* or these, as content_type */
	const char *content_type;
	/* or this descriptor (> 0), owned by the reply from then on: ranges (206, 416), ETag, HEAD.
	 * A file that shrinks meanwhile ends the connection early. */
	int file;
	uint64_t file_bytes;
	const char *etag;	   /* with or without a file; If-None-Match gives 304 */
	const char *cache_control; /* NULL: no-store */
	const char *filename;	   /* Content-Disposition */
	const char *location;
	int64_t retry_after_s;		   /* > 0: header */
	bool no_body_type;		   /* an empty 200 for foreign clients */
	const struct doc *problem_members; /* extra members of a problem, when the handler fails */
};

typedef bool (*web_handler)(struct request *request, struct reply *reply, struct err *err);

/* A streaming body, in pieces of at most 256 KiB; no more is read while data has one. Workers call:
 * begin once identified and permitted, which leaves its state in *state; data in order; end after
 * the last byte, which makes the reply. abort instead of end, exactly once, when data refused, the
 * client went away or too much came; then only web_arena, web_app and the address of the request
 * are sure to be there. Nothing is called after a begin or an end that refused. */
struct web_sink {
	bool (*begin)(struct request *request, void **state, struct err *err);
	bool (*data)(struct request *request, void *state, struct bytes piece, struct err *err);
	bool (*end)(struct request *request, void *state, struct reply *reply, struct err *err);
	void (*abort)(struct request *request, void *state);
};

/* A hot verb: items[i] is done when its reply is filled (ok) or its err set (!ok). */
struct web_item {
	struct request *request;
	struct reply reply;
	struct err err;
	bool ok;
};
typedef void (*web_batch)(void *app, struct web_item *items, size_t count);

struct route {
	enum web_method method;
	const char *pattern; /* "/v1/releases/{release}"; {name} is one path segment, URL-decoded */
	int permission; /* the program's own enum; 0 is not allowed, public is an explicit value */
	enum web_body body;
	uint64_t body_max;
	web_handler handler;
	const struct web_sink *sink; /* for WEB_BODY_STREAM */
	web_batch batch;	     /* a hot verb, instead of handler */
	const char *event;	     /* the audit event a change makes; NULL for reading */
};

struct web_settings {
	const char *listen;	     /* address, "127.0.0.1" */
	uint16_t port;		     /* 0: any; web_port tells */
	const char *tls_certificate; /* PEM files; NULL: plain HTTP */
	const char *tls_key;
	/* PEM: client certificates are asked for, never demanded by TLS; checked once per
	 * connection (chain, time, purpose), web_peer tells. */
	const char *client_authority;
	size_t io_threads;	/* 0: 2 */
	size_t workers;		/* 0: 8 */
	size_t queue_max;	/* 0: 1,024 */
	size_t connections_max; /* 0: 4,096 */
	const struct route *routes;
	size_t route_count;
	void *app;
	/* Who asks: fills web_set_actor. Called by a worker (or batcher) before permit. False: refused. */
	bool (*identify)(struct request *request, const struct route *route, struct err *err);
	/* May they: false with E_UNIDENTIFIED or E_DENIED. */
	bool (*permit)(struct request *request, const struct route *route, struct err *err);
	/* Every refusal that identify, permit or a handler gave, for audit and log. */
	void (*refused)(struct request *request, const struct route *route, const struct err *err);
};

MUST_CHECK bool web_new(const struct web_settings *settings, struct web **out, struct err *err);
uint16_t web_port(const struct web *web);
void web_free(struct web *web); /* stops taking requests, ends those that run, frees */

/* ---- of a request ---- */
struct arena *web_arena(struct request *request); /* 64 MiB at most, until the reply is sent */
void *web_app(struct request *request);
const char *web_request_id(struct request *request);
clock_us web_now(struct request *request); /* when its headers were complete */
const char *web_path(struct request *request);
bool web_head(struct request *request); /* HEAD: only the headers of the answer are sent */
const char *web_param(struct request *request, const char *name); /* of the pattern */
const char *web_query(struct request *request, const char *name); /* NULL if absent */
const char *web_header(struct request *request, const char *name);
const char *web_remote(struct request *request); /* numeric address */
const struct doc *web_doc(struct request *request);
struct bytes web_raw(struct request *request);
uint64_t web_content_length(struct request *request); /* UINT64_MAX: not said */
/* The verified client certificate of this connection: subject CN, and SHA-256 of its DER; NULL if
 * none or not valid. */
const char *web_peer(struct request *request);
const struct sha256_hex *web_peer_fingerprint(struct request *request);
/* scheme://host of the request, for absolute links: from Host, checked for its form. */
const char *web_base_url(struct request *request);
void web_set_actor(struct request *request, const void *actor);
const void *web_actor(struct request *request);

#endif
