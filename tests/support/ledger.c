/* SPDX-License-Identifier: Apache-2.0 */
/* Is the sealed log what it says it is? A second count, by hand, for tests of the keeper. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "audit/tree.h"
#include "common/encode.h"
#include "common/file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_BYTES = 1024 * 1024 * 1024, STREAMS_MAX = 4096, HEAD_FILE_MAX = 65536 };

struct stream {
	enum stream_kind kind;
	const char *id;
	int64_t no;
	struct sha256 leaf;
};

struct count {
	struct office *office;
	struct session *session;
	struct arena *arena;
	struct sha256 *leaves;
	int64_t size;
	struct sha256 chain;
	struct stream *streams;
	size_t stream_count;
};

/* ---- the rows of the log ---- */

static struct stream *stream_of(struct count *count, const struct event_stream *named)
{
	for (size_t i = 0; i < count->stream_count; i++) {
		struct stream *stream = &count->streams[i];
		if (stream->kind == named->kind && strcmp(stream->id, named->id) == 0)
			return stream;
	}
	assert_true(count->stream_count < STREAMS_MAX);
	struct stream *stream = &count->streams[count->stream_count++];
	*stream = (struct stream){.kind = named->kind, .id = named->id};
	return stream;
}

static bool check_event(struct count *count, struct bytes bytes, const struct sha256 *leaf,
			struct err *err)
{
	struct event_view view;

	if (!event_read(count->arena, bytes, &view, err))
		return false;
	for (size_t i = 0; i < view.event.stream_count; i++) {
		const struct event_stream *named = &view.event.streams[i];
		struct stream *stream = stream_of(count, named);
		if (named->no != stream->no + 1 ||
		    !digest_equal(named->prev.at, stream->leaf.at, SHA256_BYTES))
			return err_fail(err, E_SIGNATURE, "stream %s/%s does not go on at %lld",
					stream_kind_text(named->kind), named->id,
					(long long)count->size);
		stream->no++;
		stream->leaf = *leaf;
	}
	return true;
}

/* "index leaf chain bytes", all but the first in hex. */
static bool check_row(struct count *count, const char *row, struct err *err)
{
	char *rest;
	int64_t index = strtoll(row, &rest, 10);
	struct sha256 leaf;
	struct sha256 chain;
	struct bytes bytes;

	assert_true(strlen(rest) > 131);
	if (!decode_hex_to(arena_text_of(count->arena, bytes_of(rest + 1, 64)), leaf.at,
			   SHA256_BYTES, err) ||
	    !decode_hex_to(arena_text_of(count->arena, bytes_of(rest + 66, 64)), chain.at,
			   SHA256_BYTES, err) ||
	    !decode_hex(count->arena, rest + 131, &bytes, err))
		return false;
	struct sha256 expected = tree_leaf(bytes);
	count->chain = chain_next(&count->chain, &leaf);
	if (index != count->size)
		return err_fail(err, E_SIGNATURE, "index %lld where %lld comes next",
				(long long)index, (long long)count->size);
	if (!digest_equal(expected.at, leaf.at, SHA256_BYTES))
		return err_fail(err, E_SIGNATURE, "the bytes of event %lld are not its leaf",
				(long long)index);
	if (!digest_equal(count->chain.at, chain.at, SHA256_BYTES))
		return err_fail(err, E_SIGNATURE, "the chain breaks at %lld", (long long)index);
	if (!check_event(count, bytes, &leaf, err))
		return false;
	count->leaves[count->size++] = leaf;
	return true;
}

static bool check_rows(struct count *count, struct err *err)
{
	size_t rows;
	const char *const *list = session_column(
		count->session, count->arena,
		"SELECT s.index || ' ' || encode(s.leaf, 'hex') || ' ' || encode(s.chain, 'hex') || ' ' "
		"|| encode(e.bytes, 'hex') FROM sealed s JOIN event e ON e.id = s.event ORDER BY s.index",
		&rows);

	count->leaves = arena_array(count->arena, rows + 1, sizeof(*count->leaves));
	for (size_t i = 0; i < rows; i++) {
		if (!check_row(count, list[i], err))
			return false;
	}
	return true;
}

/* ---- head and checkpoints ---- */

static bool check_head(struct count *count, struct err *err)
{
	struct tree_frontier frontier = {0};

	for (int64_t i = 0; i < count->size; i++)
		tree_frontier_add(&frontier, &count->leaves[i]);
	const char *head = session_ask(
		count->session, count->arena,
		"SELECT size || ' ' || encode(frontier, 'hex') || ' ' || encode(chain, 'hex') "
		"FROM ledger_head");
	const char *expected =
		arena_printf(count->arena, "%lld %s %s", (long long)count->size,
			     encode_hex(count->arena, tree_frontier_bytes(count->arena, &frontier)),
			     encode_hex(count->arena, bytes_of(count->chain.at, SHA256_BYTES)));
	if (!head || strcmp(head, expected) != 0)
		return err_fail(err, E_SIGNATURE, "the head is not that of the log");
	return true;
}

static bool check_checkpoints(struct count *count, struct err *err)
{
	size_t notes;
	const char *const *list = session_column(
		count->session, count->arena, "SELECT note FROM checkpoint ORDER BY size", &notes);
	struct note_key key;
	struct bytes file = {0};

	if (!note_key_of_spki(count->arena, OFFICE_ORIGIN, sign_key_spki(count->office->ledger),
			      &key, err) ||
	    !file_read(count->arena, count->office->settings.head_file, HEAD_FILE_MAX, &file, err))
		return false;
	for (size_t i = 0; i < notes; i++) {
		struct checkpoint checkpoint;
		if (!checkpoint_open(count->arena, bytes_of_text(list[i]), &key, &checkpoint, err))
			return false;
		if (checkpoint.size > count->size)
			return err_fail(err, E_SIGNATURE, "a checkpoint is ahead of the log");
		struct sha256 root = tree_root(count->leaves, checkpoint.size);
		if (!digest_equal(root.at, checkpoint.root.at, SHA256_BYTES))
			return err_fail(err, E_SIGNATURE, "the checkpoint of %lld has another root",
					(long long)checkpoint.size);
		if (i + 1 == notes && checkpoint.size != count->size)
			return err_fail(err, E_SIGNATURE, "the newest checkpoint is behind");
	}
	if (notes == 0 || !bytes_equal(file, bytes_of_text(list[notes - 1])))
		return err_fail(err, E_SIGNATURE, "the head file is not the newest checkpoint");
	return true;
}

static bool check_alarms(struct count *count, struct err *err)
{
	const char *untold = session_ask(
		count->session, count->arena,
		"SELECT a.event::text FROM event_set_aside a LEFT JOIN sealed s ON s.event = a.alarm "
		"LEFT JOIN event e ON e.id = a.alarm AND e.kind = 'ledger.row-set-aside' "
		"LEFT JOIN LATERAL (SELECT convert_from(e.bytes, 'UTF8')::jsonb -> 'data' AS data) d ON true "
		"WHERE s.event IS NULL OR d.data ->> 'event' IS DISTINCT FROM a.event::text "
		"OR d.data ->> 'why' IS DISTINCT FROM a.why "
		"OR (d.data ->> 'queue_id')::bigint IS DISTINCT FROM a.queue_id "
		"OR d.data ->> 'bytes_sha256' IS DISTINCT FROM a.bytes_sha256 LIMIT 1");

	if (untold)
		return err_fail(err, E_SIGNATURE, "no sealed alarm tells of event %s", untold);
	return true;
}

bool ledger_check(struct office *office, int64_t *size, struct err *err)
{
	struct count count = {.office = office,
			      .session = session_new(office->database.owner),
			      .arena = arena_new(COUNT_BYTES)};

	count.streams = arena_array(count.arena, STREAMS_MAX, sizeof(*count.streams));
	count.chain = chain_start();
	session_must(count.session, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	bool holds = check_rows(&count, err) && check_head(&count, err) &&
		     check_checkpoints(&count, err) && check_alarms(&count, err);
	if (holds && size)
		*size = count.size;
	session_free(count.session);
	arena_free(count.arena);
	return holds;
}

/* 20 s at most. */
static void wait_for_none(struct office *office, const char *sql)
{
	struct session *session = session_new(office->database.owner);
	int64_t open = 1;

	for (int i = 0; i < 800 && open; i++) {
		open = session_count(session, sql);
		if (open)
			clock_sleep(CLOCK_SECOND / 40);
	}
	session_free(session);
	assert_int_equal(open, 0);
}

void ledger_settled(struct office *office)
{
	wait_for_none(office, "SELECT count(*) FROM event_queue");
}

int64_t ledger_must_hold(struct office *office)
{
	struct err err = {0};
	int64_t size = 0;

	/* Acts on their way into git append events, too. */
	ledger_settled(office);
	office_settled(office);
	wait_for_none(office, "SELECT count(*) FROM ledger_head "
			      "WHERE size <> coalesce((SELECT max(size) FROM checkpoint), 0)");
	if (!ledger_check(office, &size, &err))
		fail_msg("the ledger does not hold: %s", err.text);
	return size;
}

/* ---- writing ---- */

struct writer {
	struct office *office;
	size_t number;
	size_t events;
	const char *device; /* NULL: two streams of a few */
	struct event_id last;
	pthread_t thread;
	struct err err;
};

static bool write_work(struct db_tx *tx, void *context, struct err *err)
{
	struct writer *writer = context;
	struct arena *arena = db_arena(tx);
	struct act act = {.actor_kind = ACTOR_SERVICE,
			  .actor = "test",
			  .at = clock_now(),
			  .request = "load",
			  .arena = arena};
	struct event event =
		audit_event(writer->device ? EV_DEVICE_REFUSED : EV_RELEASE_DRAFTED, NULL);

	if (writer->device) {
		audit_stream(&event, STREAM_DEVICE, writer->device);
	} else {
		audit_stream(&event, STREAM_PRODUCT,
			     arena_printf(arena, "load-%zu", writer->events % 5));
		audit_stream(
			&event, STREAM_RELEASE,
			arena_printf(arena, "load-%zu", (writer->number + writer->events) % 7));
	}
	if (!audit_append(tx, &writer->office->writer, &act, &event, NULL, err))
		return false;
	writer->last = event.id;
	return true;
}

static void *write_run(void *context)
{
	struct writer *writer = context;
	struct arena *arena = arena_new(4 * 1024 * 1024);
	bool good = true;

	for (; good && writer->events > 0; writer->events--) {
		good = db_transact(writer->office->service, arena, DB_READ_COMMITTED, write_work,
				   writer, &writer->err);
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

void ledger_write_many(struct office *office, size_t writers, size_t events)
{
	struct writer *all = calloc(writers, sizeof(*all));

	assert_non_null(all);
	for (size_t i = 0; i < writers; i++) {
		all[i] = (struct writer){.office = office, .number = i, .events = events};
		assert_int_equal(pthread_create(&all[i].thread, NULL, write_run, &all[i]), 0);
	}
	for (size_t i = 0; i < writers; i++)
		pthread_join(all[i].thread, NULL);
	for (size_t i = 0; i < writers; i++) {
		if (all[i].err.code != E_NONE)
			fail_msg("a writer failed: %s", all[i].err.text);
	}
	free(all);
}

struct event_id ledger_write_one(struct office *office, const char *device)
{
	struct writer writer = {.office = office, .events = 1, .device = device};

	write_run(&writer);
	if (writer.err.code != E_NONE)
		fail_msg("the event was not written: %s", writer.err.text);
	return writer.last;
}
