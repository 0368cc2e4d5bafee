/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames, requests and replies on the keeper's socket: for both ends. The service's pool of
 * connections stands in keeper_client.c.
 */

#include "common/wire/keeper.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_PREFIX "countersign.keeper."
#define REQUEST_SUFFIX ".v1"
#define REPLY_TYPE "countersign.keeper.reply.v1"

enum { HEAD_BYTES = 4, VERB_MAX = 32 };

/* ---- frames ---- */

/* Until fd is ready, the deadline (of clock_boot) passes, or poll fails. */
static bool wait_for(int fd, short events, clock_us deadline, struct err *err)
{
	for (;;) {
		struct pollfd poller = {.fd = fd, .events = events};
		clock_us left = deadline - clock_boot();
		if (left <= 0)
			return err_fail(err, E_KEEPER_AWAY, "The keeper's socket timed out");
		/* Whole milliseconds, rounded up; at most a minute at a time. */
		int wait_ms = left > 60 * CLOCK_SECOND ? 60000 : (int)((left + 999) / 1000);
		int ready = poll(&poller, 1, wait_ms);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return err_fail(err, E_OS, "poll failed: error %d", errno);
	}
}

static bool again(void)
{
	return errno == EINTR || errno == EAGAIN; /* on Linux the same as EWOULDBLOCK */
}

static bool send_all(int fd, const unsigned char *data, size_t size, clock_us deadline,
		     size_t *sent, struct err *err)
{
	while (*sent < size) {
		ssize_t count = send(fd, data + *sent, size - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count >= 0) {
			*sent += (size_t)count;
			continue;
		}
		if (!again())
			return err_fail(err, E_KEEPER_AWAY,
					"The keeper's connection broke: error %d", errno);
		if (!wait_for(fd, POLLOUT, deadline, err))
			return false;
	}
	return true;
}

/* got < size without an error: the other side has ended the connection. */
static bool receive(int fd, unsigned char *data, size_t size, clock_us deadline, size_t *got,
		    struct err *err)
{
	while (*got < size) {
		ssize_t count = recv(fd, data + *got, size - *got, MSG_DONTWAIT);
		if (count == 0)
			return true;
		if (count > 0) {
			*got += (size_t)count;
			continue;
		}
		if (errno == ECONNRESET)
			return true;
		if (!again())
			return err_fail(err, E_KEEPER_AWAY,
					"The keeper's connection broke: error %d", errno);
		if (!wait_for(fd, POLLIN, deadline, err))
			return false;
	}
	return true;
}

bool keeper_frame_send(int fd, struct bytes frame, clock_us timeout, size_t *sent, struct err *err)
{
	unsigned char head[HEAD_BYTES];
	clock_us deadline = clock_boot() + timeout;
	size_t head_sent = 0, body_sent = 0;

	*sent = 0;
	if (frame.size == 0 || frame.size > KEEPER_FRAME_MAX)
		return err_fail(err, E_KEEPER_FRAME, "A frame has 1 to %d bytes", KEEPER_FRAME_MAX);
	for (int i = 0; i < HEAD_BYTES; i++)
		head[i] = (unsigned char)(frame.size >> (24 - 8 * i));
	bool ok = send_all(fd, head, sizeof(head), deadline, &head_sent, err) &&
		  send_all(fd, frame.data, frame.size, deadline, &body_sent, err);
	*sent = head_sent + body_sent;
	return ok;
}

bool keeper_frame_write(int fd, struct bytes frame, clock_us timeout, struct err *err)
{
	size_t sent;

	return keeper_frame_send(fd, frame, timeout, &sent, err);
}

bool keeper_frame_read(struct arena *arena, int fd, clock_us timeout, bool *closed,
		       struct bytes *out, struct err *err)
{
	unsigned char head[HEAD_BYTES];
	clock_us deadline = clock_boot() + timeout;
	size_t got = 0;

	if (!receive(fd, head, sizeof(head), deadline, &got, err))
		return false;
	if (got == 0) {
		*closed = true;
		return true;
	}
	size_t size =
		(size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (got == sizeof(head) && (size == 0 || size > KEEPER_FRAME_MAX))
		return err_fail(err, E_KEEPER_FRAME, "A frame has 1 to %d bytes", KEEPER_FRAME_MAX);
	unsigned char *data = NULL;
	if (got == sizeof(head)) {
		got = 0;
		data = arena_alloc(arena, size);
		if (!receive(fd, data, size, deadline, &got, err))
			return false;
	}
	if (!data || got < size)
		return err_fail(err, E_KEEPER_AWAY, "The keeper's connection ended within a frame");
	*closed = false;
	*out = bytes_of(data, size);
	return true;
}

bool keeper_frame_of(struct arena *arena, const struct doc *doc, struct bytes *out, struct err *err)
{
	struct bytes bytes;

	if (!doc_canonical(arena, doc, &bytes, err))
		return false;
	if (bytes.size > KEEPER_FRAME_MAX)
		return err_fail(err, E_DOC_LIMIT, "It does not fit a frame of %d bytes",
				KEEPER_FRAME_MAX);
	*out = bytes;
	return true;
}

/* ---- requests ---- */

struct doc *keeper_request_new(struct arena *arena, const char *verb, const char *request)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "type", arena_printf(arena, REQUEST_PREFIX "%s" REQUEST_SUFFIX, verb));
	doc_set_text(doc, "request", request);
	return doc;
}

/* "login" of "countersign.keeper.login.v1", or NULL. */
static const char *verb_of(struct arena *arena, const char *type)
{
	size_t before = sizeof(REQUEST_PREFIX) - 1;
	size_t after = sizeof(REQUEST_SUFFIX) - 1;
	size_t length = type ? strlen(type) : 0;

	if (length <= before + after || length > before + after + VERB_MAX ||
	    strncmp(type, REQUEST_PREFIX, before) != 0 ||
	    strcmp(type + length - after, REQUEST_SUFFIX) != 0)
		return NULL;
	const char *verb = arena_text_of(arena, bytes_of(type + before, length - before - after));
	return verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz-")] == '\0' ? verb : NULL;
}

static bool parse_canonical(struct arena *arena, struct bytes frame, const struct doc **out,
			    struct err *err)
{
	struct bytes canonical;

	if (!doc_parse(arena, frame, out, err) || !doc_canonical(arena, *out, &canonical, err))
		return false;
	if (doc_kind(*out) != DOC_KIND_OBJECT || !bytes_equal(frame, canonical))
		return err_fail(err, E_KEEPER_FRAME, "A frame is an object in canonical form");
	return true;
}

bool keeper_request_parse(struct arena *arena, struct bytes frame, struct keeper_request *out,
			  struct err *err)
{
	const struct doc *doc;

	if (!parse_canonical(arena, frame, &doc, err))
		return false;
	const char *verb = verb_of(arena, doc_get_text(doc, "type"));
	const char *request = doc_get_text(doc, "request");
	if (!verb)
		return err_fail(err, E_KEEPER_FRAME, "The type of the frame names no verb");
	if (!request || !id_name_valid(request, ID_NAME_MAX))
		return err_fail(err, E_KEEPER_FRAME, "The frame has no request id");
	*out = (struct keeper_request){verb, request, doc};
	return true;
}

/* ---- replies ---- */

struct doc *keeper_reply_new(struct arena *arena)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "type", REPLY_TYPE);
	doc_set_bool(doc, "ok", true);
	return doc;
}

struct doc *keeper_reply_error(struct arena *arena, const struct err *err, const char *event)
{
	struct doc *doc = keeper_reply_new(arena);
	doc_set_bool(doc, "ok", false);
	doc_set_text(doc, "code", err_code_text(err->code));
	doc_set_text(doc, "detail", err->text);
	if (event)
		doc_set_text(doc, "event", event);
	return doc;
}

static bool refused(const struct doc *doc, struct err *err)
{
	const char *code = doc_get_text(doc, "code");
	const char *detail = doc_get_text(doc, "detail");
	enum err_code found = code ? err_code_of(code) : E_NONE;

	if (!code || !detail)
		return err_fail(err, E_KEEPER_FRAME, "The keeper's refusal has no code or detail");
	if (found == E_NONE)
		return err_fail(err, E_KEEPER_REFUSED, "The keeper refused: %.60s: %s", code,
				detail);
	return err_fail(err, found, "%s", detail);
}

bool keeper_reply_parse(struct arena *arena, struct bytes frame, const struct doc **out,
			struct err *err)
{
	const struct doc *doc;

	if (!parse_canonical(arena, frame, &doc, err))
		return false;
	const char *type = doc_get_text(doc, "type");
	const struct doc *ok = doc_get(doc, "ok");
	if (!type || strcmp(type, REPLY_TYPE) != 0 || !ok || doc_kind(ok) != DOC_KIND_BOOL)
		return err_fail(err, E_KEEPER_FRAME, "The frame is no reply of the keeper");
	*out = doc;
	return doc_bool(ok, false) || refused(doc, err);
}
