/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_LOG_H
#define AUDIT_LOG_H

/*
 * audit_append: the only writer of events. Inside the caller's transaction it sorts the event's streams,
 * locks their rows in table stream (in that order, so that two writers cannot wait for each
 * other), numbers them, makes the canonical bytes, inserts event (with the HMAC of this
 * instance) and queue row, moves the stream rows on, and marks the transaction recorded.
 *
 * A caller that appends several events in one transaction must do so in an order in which no earlier event
 * locks a stream that sorts after a later event's; audit_append_all takes them together and locks
 * all streams first.
 */

#include "audit/event.h"
#include "common/db.h"

/* Who writes: "service/1" and the HMAC key of this instance (32 bytes, from its key file). */
struct audit_writer {
	const char *name;
	unsigned char key[32];
};

/* Fills event->id and the streams' numbers. leaf (may be NULL): the event's leaf hash. */
MUST_CHECK bool audit_append(struct db_tx *tx, const struct audit_writer *writer,
			     const struct act *act, struct event *event, struct sha256 *leaf,
			     struct err *err);
MUST_CHECK bool audit_append_all(struct db_tx *tx, const struct audit_writer *writer,
				 const struct act *act, struct event *events, size_t count,
				 struct err *err);

/* For building an event in one expression: audit_event(EV_X, data) then audit_stream(&event, STREAM_RELEASE, id). */
struct event audit_event(enum event_kind kind, const struct doc *data);
void audit_stream(struct event *event, enum stream_kind kind, const char *id);

#endif
