/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_KEEPER_H
#define COMMON_WIRE_KEEPER_H

/*
 * The words on the keeper's socket (docs/protocol/keeper.md), and the service's side of it: a
 * client with a few connections, used by many threads.
 *
 * A frame is a u32 big-endian length and that many bytes of canonical JSON.
 */

#include "common/doc.h"

enum { KEEPER_FRAME_MAX = 64 * 1024 };

/* ---- frames; timeout is for the whole frame ---- */
MUST_CHECK bool keeper_frame_write(int fd, struct bytes frame, clock_us timeout, struct err *err);
/* The same; *sent says how many bytes went out, also when it fails. */
MUST_CHECK bool keeper_frame_send(int fd, struct bytes frame, clock_us timeout, size_t *sent,
				  struct err *err);
/* *closed and true, *out untouched: the other side ended the connection before a first byte. */
MUST_CHECK bool keeper_frame_read(struct arena *arena, int fd, clock_us timeout, bool *closed,
				  struct bytes *out, struct err *err);

/* ---- requests ---- */
struct keeper_request {
	const char *verb;      /* "login" of "countersign.keeper.login.v1" */
	const char *request;   /* the request id, for log and events: 1 to 64 bytes, a name */
	const struct doc *doc; /* all of it, type and request included */
};
/* An object with type and request, to which the caller adds the verb's members. */
struct doc *keeper_request_new(struct arena *arena, const char *verb, const char *request);
MUST_CHECK bool keeper_request_parse(struct arena *arena, struct bytes frame,
				     struct keeper_request *out, struct err *err);
/* First in the field table of a verb; its struct has a member `const char *request`. */
/* clang-format off */
#define KEEPER_REQUEST_FIELDS(s) DOC_TYPE_MEMBER, DOC_TEXT(s, request, 1, 64)
/* clang-format on */

/* ---- replies ---- */
struct doc *keeper_reply_new(struct arena *arena); /* ok: true; the caller adds members */
struct doc *keeper_reply_error(struct arena *arena, const struct err *err,
			       const char *event); /* event NULL: none */
/* Canonical bytes that fit a frame. */
MUST_CHECK bool keeper_frame_of(struct arena *arena, const struct doc *doc, struct bytes *out,
				struct err *err);
/* *out is set whenever the frame is a reply; ok: false becomes err with its code and detail. */
MUST_CHECK bool keeper_reply_parse(struct arena *arena, struct bytes frame, const struct doc **out,
				   struct err *err);

/* ---- the client ---- */
struct keeper_client;
/* At most size calls at once; more wait. Connects when first needed. timeout: for one call, all in
 * all (0: 15 s); for status at most 3 s. */
struct keeper_client *keeper_client_new(const char *path, size_t size, clock_us timeout);
void keeper_client_free(struct keeper_client *client);
/*
 * members: an object with the verb's members (NULL: none); type and request are added to a copy.
 * Safe from any
 * thread. *reply is NULL, or what the keeper answered: also when it answered ok: false, so that the
 * caller can read its `event`. E_KEEPER_AWAY: not reached, or gone before it answered; a request
 * is sent a second time only if no byte of it was sent the first time.
 */
MUST_CHECK bool keeper_client_call(struct keeper_client *client, struct arena *arena,
				   const char *verb, const char *request, const struct doc *members,
				   const struct doc **reply, struct err *err);

#endif
