/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_FETCH_H
#define COMMON_FETCH_H

/*
 * The door to libcurl: an HTTP client with limits. One struct fetch keeps its connection alive and
 * belongs to one thread. Only http and https; no redirects; no proxy from the environment; TLS 1.2
 * or newer, the server checked against one given authority file (never the system's store, unless
 * none is given).
 */

#include "common/arena.h"
#include "common/doc.h"
#include "common/err.h"

#include <stdint.h>

struct fetch;

struct fetch_settings {
	const char *authority;	 /* PEM file; NULL: the system's */
	const char *certificate; /* client certificate and key, PEM files; NULL: none */
	const char *key;
	const char *authorization; /* value of the Authorization header; NULL: none */
	const char *user_agent;
	int64_t connect_timeout_ms; /* 0: 5,000 */
	int64_t timeout_ms; /* of a whole exchange; 0: 60,000; streams: no progress for so long */
};

MUST_CHECK bool fetch_new(const struct fetch_settings *settings, struct fetch **out,
			  struct err *err);
void fetch_free(struct fetch *fetch);
/* From now on this Authorization header. */
void fetch_authorize(struct fetch *fetch, const char *authorization);

struct fetch_answer {
	int status;
	struct bytes body; /* at most max bytes, else E_FETCH_LIMIT */
	const char *content_type;
	const char *request_id;
	int64_t retry_after_s;	 /* 0: none */
	uint64_t content_length; /* UINT64_MAX: not said */
};

/* An exchange with a bounded answer. Any HTTP status is an answer; an error means there was none.
 * headers: NULL-ended list of "Name: value", or NULL. */
MUST_CHECK bool fetch_exchange(struct fetch *fetch, struct arena *arena, const char *method,
			       const char *url, const char *const *headers,
			       const char *content_type, struct bytes body, size_t max,
			       struct fetch_answer *out, struct err *err);
/* JSON out (may be NULL) and in; *out is NULL when the answer has no body. When the answer is
 * problem JSON of ours, *out is filled and err says its code and detail: false. */
MUST_CHECK bool fetch_json(struct fetch *fetch, struct arena *arena, const char *method,
			   const char *url, const struct doc *body, const struct doc **out,
			   struct err *err);

/* Downloads from `offset` on (Range) to the sink; a server that answers 200 to a range, or
 * with another one, is E_FETCH_RANGE; one that has a file of another size E_FETCH. expected_bytes: of the whole file; UINT64_MAX: not known. When the
 * server refused, err says the code of its problem, and *out its status and Retry-After. */
typedef bool (*fetch_sink)(void *context, struct bytes piece, struct err *err);
MUST_CHECK bool fetch_download(struct fetch *fetch, struct arena *arena, const char *url,
			       uint64_t offset, uint64_t expected_bytes, fetch_sink sink,
			       void *context, struct fetch_answer *out, struct err *err);
/* Uploads an open file as the body, streaming; progress may be NULL. */
typedef void (*fetch_progress)(void *context, uint64_t done, uint64_t total);
MUST_CHECK bool fetch_upload(struct fetch *fetch, struct arena *arena, const char *method,
			     const char *url, const char *content_type, int file,
			     uint64_t file_bytes, fetch_progress progress, void *context,
			     struct fetch_answer *out, struct err *err);

/* Percent-encodes one path segment. */
char *fetch_segment(struct arena *arena, const char *text);

#endif
