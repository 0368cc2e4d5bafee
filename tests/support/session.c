/* SPDX-License-Identifier: Apache-2.0 */
/* How does a test get at the database as a hostile session would: by hand, statement by statement. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/session.h"

#include "common/encode.h"
#include "common/id.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
	PGconn *pg;
	char state[6];
	char why[400];
};

static void ignore_notice(void *object, const char *message)
{
	(void)object;
	(void)message;
}

struct session *session_new(const char *conninfo)
{
	struct session *session = calloc(1, sizeof(*session));

	assert_non_null(session);
	session->pg = PQconnectdb(conninfo);
	if (PQstatus(session->pg) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(session->pg));
	PQsetNoticeProcessor(session->pg, ignore_notice, NULL);
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	PQfinish(session->pg);
	free(session);
}

/* Keeps the SQLSTATE and what the server said. */
static bool judge(struct session *session, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
		    status == PGRES_COPY_IN || status == PGRES_COPY_OUT;
	const char *state = good ? "" : PQresultErrorField(result, PG_DIAG_SQLSTATE);

	snprintf(session->state, sizeof(session->state), "%s", state ? state : "?????");
	snprintf(session->why, sizeof(session->why), "%s",
		 good ? "" : PQresultErrorMessage(result));
	return good;
}

const char *session_try(struct session *session, const char *sql)
{
	PGresult *result = PQexec(session->pg, sql);

	judge(session, result);
	PQclear(result);
	return session->state;
}

const char *session_why(const struct session *session)
{
	return session->why;
}

void session_must(struct session *session, const char *sql)
{
	if (*session_try(session, sql))
		fail_msg("%s: %s", sql, session->why);
}

void session_refused(struct session *session, const char *sql, const char *sqlstate)
{
	session_try(session, sql);
	if (strcmp(session->state, sqlstate) != 0)
		fail_msg("%s: expected %s, got '%s': %s", sql, sqlstate, session->state,
			 session->why);
}

const char *session_ask(struct session *session, struct arena *arena, const char *sql)
{
	PGresult *result = PQexec(session->pg, sql);
	const char *value = NULL;

	if (!judge(session, result))
		fail_msg("%s: %s", sql, session->why);
	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		value = arena_text(arena, PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

int64_t session_count(struct session *session, const char *sql)
{
	PGresult *result = PQexec(session->pg, sql);

	if (!judge(session, result) || PQntuples(result) != 1)
		fail_msg("%s: %s", sql, session->why);
	int64_t value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	return value;
}

const char *const *session_column(struct session *session, struct arena *arena, const char *sql,
				  size_t *count)
{
	PGresult *result = PQexec(session->pg, sql);

	if (!judge(session, result))
		fail_msg("%s: %s", sql, session->why);
	*count = (size_t)PQntuples(result);
	const char **list = arena_array(arena, *count + 1, sizeof(*list));
	for (size_t i = 0; i < *count; i++)
		list[i] = arena_text(arena, PQgetvalue(result, (int)i, 0));
	PQclear(result);
	return list;
}

/* ---- events written by hand ---- */

const char *session_put_event(struct session *session, const struct session_event *event)
{
	static const char both[] =
		"WITH e AS (INSERT INTO event (id, kind, writer, bytes, mac) "
		"VALUES ($1, $2, $3, $4, $5)) INSERT INTO event_queue (event) VALUES ($1)";
	static const char alone[] =
		"INSERT INTO event (id, kind, writer, bytes, mac) VALUES ($1, $2, $3, $4, $5)";
	struct sha256 mac = digest_hmac(bytes_of(event->key, 32), event->bytes);
	const char *const values[] = {event->id, event->kind, event->writer,
				      (const char *)event->bytes.data, (const char *)mac.at};
	const int lengths[] = {0, 0, 0, (int)event->bytes.size, SHA256_BYTES};
	const int formats[] = {0, 0, 0, 1, 1};
	PGresult *result = PQexecParams(session->pg, event->no_queue ? alone : both, 5, NULL,
					values, lengths, formats, 0);

	judge(session, result);
	PQclear(result);
	return session->state;
}

static struct doc *actor_of(struct arena *arena)
{
	struct doc *actor = doc_object(arena);

	doc_set_text(actor, "kind", "person");
	doc_set_text(actor, "id", "p-qa");
	doc_set_text(actor, "auth", "personal-key");
	return actor;
}

struct bytes session_forge(struct arena *arena, struct session_forged *forged)
{
	struct doc *event = doc_object(arena);
	struct doc *streams = doc_array(arena);
	struct doc *stream = doc_object(arena);
	char zeros[65];
	struct bytes bytes;
	struct err err = {0};

	memset(zeros, '0', 64);
	zeros[64] = 0;
	id_uuid_draw(forged->id);
	doc_set_text(stream, "kind", forged->stream_kind);
	doc_set_text(stream, "id", forged->stream_id);
	doc_set_int(stream, "no", forged->no);
	doc_set_text(stream, "prev", forged->prev ? forged->prev : zeros);
	doc_add(streams, stream);
	doc_set_text(event, "type", "countersign.event.v1");
	doc_set_text(event, "id", forged->id);
	doc_set_text(event, "kind", forged->kind);
	doc_set_time(event, "at", clock_now());
	doc_set_text(event, "clock", "synchronized");
	doc_set_text(event, "writer", forged->writer);
	doc_set(event, "actor", actor_of(arena));
	doc_set(event, "streams", streams);
	doc_set(event, "data", forged->data ? forged->data : doc_object(arena));
	doc_set_text(event, "outcome", "done");
	doc_set_text(event, "request", "test");
	if (!doc_canonical(arena, event, &bytes, &err))
		fail_msg("%s", err.text);
	return bytes;
}

void session_stream(struct session *session, struct arena *arena, bool sealed,
		    struct session_forged *forged)
{
	const char *from = arena_printf(arena, "FROM %s WHERE kind = '%s' AND id = '%s'",
					sealed ? "sealed_stream" : "stream", forged->stream_kind,
					forged->stream_id);

	forged->no = 1 + session_count(session, arena_printf(arena,
							     "SELECT coalesce((SELECT count "
							     "%s), 0)",
							     from));
	forged->prev = session_ask(session, arena,
				   arena_printf(arena, "SELECT encode(leaf, 'hex') %s", from));
}
