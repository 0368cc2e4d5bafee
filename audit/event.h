/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_EVENT_H
#define AUDIT_EVENT_H

/*
 * Audit events: their kinds (events.def) and their bytes (countersign.event.v1, docs/protocol/
 * documents.md). Pure: making bytes and reading them, no database.
 */

#include "audit/act.h"
#include "common/digest.h"
#include "common/doc.h"
#include "common/err.h"

enum { WRITER_SERVICE = 1, WRITER_KEEPER = 2 };

enum event_kind {
#define EVENT(name, text, regulated, writers, streams, data) name,
#include "audit/events.def"
#undef EVENT
	EVENT_KINDS
};

const char *event_kind_text(enum event_kind kind);
int event_kind_writers(enum event_kind kind);
bool event_kind_regulated(enum event_kind kind);
bool event_kind_find(const char *text, enum event_kind *out);

enum stream_kind {
	STREAM_CAMPAIGN,
	STREAM_DEVICE,
	STREAM_PERSON,
	STREAM_POLICY,
	STREAM_PRODUCT,
	STREAM_RELEASE,
	STREAM_SYSTEM,
	STREAM_TRUST, /* alphabetical: the order in which they are locked */
	STREAM_KINDS
};
const char *stream_kind_text(enum stream_kind kind);

struct event_stream {
	enum stream_kind kind;
	/* Policy: "directory", a ruleset; trust: the slot; system: see events.def. */
	const char *id;
	int64_t no;	    /* filled by audit_append */
	struct sha256 prev; /* likewise */
};

enum { EVENT_STREAMS_MAX = 8, EVENT_BYTES_MAX = 60000 };

enum event_outcome { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_FAILED };

struct event {
	struct event_id id; /* drawn by audit_append when empty */
	enum event_kind kind;
	struct event_stream streams[EVENT_STREAMS_MAX];
	size_t stream_count;
	const struct doc *data; /* NULL: {} */
	enum event_outcome outcome;
	const char *code;   /* of a refusal or failure, NULL */
	const char *reason; /* a person's own words, NULL */
};

/* Stands in the streams that events.def states for its kind, and in no other; E_EVENT. */
MUST_CHECK bool event_check_stated(const struct event *event, struct err *err);

/* Canonical bytes. writer: "service/1", "keeper/1". Streams must be sorted and numbered. */
MUST_CHECK bool event_write(const struct event *event, const struct act *act, const char *writer,
			    const char *clock_state, struct bytes *out, struct err *err);

/* The parsed view of sealed or queued bytes. */
struct event_view {
	struct event event; /* id, kind, streams, data, outcome, code, reason */
	const char *writer;
	clock_us at;
	const char *clock;
	const char *actor_kind, *actor_id, *role, *auth, *request;
};
MUST_CHECK bool event_read(struct arena *arena, struct bytes bytes, struct event_view *out,
			   struct err *err);

#endif
