/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_SESSION_H
#define TESTS_SUPPORT_SESSION_H

/*
 * One database session of a test's own, with SQL of its own: for what has to stay in one session
 * (temporary tables, settings, locks), for refusals, and for writing events by hand. Talks to libpq
 * itself, as database.c does. A failure to connect, or of what must be done, fails the test.
 */

#include "audit/log.h"

struct session;

struct session *session_new(const char *conninfo);
void session_free(struct session *session); /* NULL is fine */

/* "" when it was done, else its SQLSTATE; lives until the session's next call. */
const char *session_try(struct session *session, const char *sql);
/* What the server said to the last one that was refused. */
const char *session_why(const struct session *session);
void session_must(struct session *session, const char *sql);
/* Must be refused with this SQLSTATE. */
void session_refused(struct session *session, const char *sql, const char *sqlstate);
/* The first column of the first row as text; NULL: no row, or null. */
const char *session_ask(struct session *session, struct arena *arena, const char *sql);
int64_t session_count(struct session *session, const char *sql);
/* The first column of every row. */
const char *const *session_column(struct session *session, struct arena *arena, const char *sql,
				  size_t *count);

/* ---- events written by hand ---- */

/* A row of event and one of event_queue, with these very bytes and MAC. mac NULL: what the writer's
 * key gives. queue false: no row in the queue. */
struct session_event {
	const char *id;
	const char *kind;
	const char *writer;
	struct bytes bytes;
	const unsigned char *key; /* 32 bytes */
	bool no_queue;
};
/* "" or the SQLSTATE. */
const char *session_put_event(struct session *session, const struct session_event *event);
/* The bytes of an event of this kind in this one stream, though its writer may not write it, or not there. The
 * shape is that of docs/protocol/documents.md; id is drawn. */
struct session_forged {
	char id[37];
	const char *kind;
	const char *writer;
	const char *stream_kind;
	const char *stream_id;
	int64_t no;
	const char *prev; /* hex; NULL: 64 zeros */
	struct doc *data; /* NULL: {} */
};
struct bytes session_forge(struct arena *arena, struct session_forged *forged);
/* Where a stream stands: of table stream, or sealed_stream. */
void session_stream(struct session *session, struct arena *arena, bool sealed,
		    struct session_forged *forged);

#endif
