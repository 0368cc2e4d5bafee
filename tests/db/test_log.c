/* SPDX-License-Identifier: Apache-2.0 */
/* Does every act come to stand in the record once, numbered and linked, or not happen at all? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/log.h"
#include "audit/tree.h"
#include "tests/support/database.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024, LIST_MAX = 2000 };

static struct database database;
static struct db_pool *pool;
static const struct audit_writer writer = {.name = "service/1",
					   .key = "0123456789abcdef0123456789abcde"};

static int begin(void **state)
{
	(void)state;
	struct err err = {0};
	given_database(&database);
	given_sql_file(&database, "tests/db/scratch.sql");
	given_sql(database.owner, "GRANT INSERT ON scratch TO countersign_service");
	assert_true(db_pool_new(database.service, 4, &pool, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	db_set_fault_for_test(0);
	db_pool_free(pool);
	drop_database(&database);
	return 0;
}

/* Appends events, perhaps after a change, perhaps refused in the end. */
struct story {
	const struct audit_writer *writer;
	struct event *events;
	size_t count;
	bool one_by_one;
	bool change;
	bool refuse;
	struct sha256 leaf; /* out, one by one: of the last */
};

static struct act act_in(struct arena *arena)
{
	return (struct act){.actor_kind = ACTOR_PERSON,
			    .actor = "anna",
			    .auth = "session",
			    .at = clock_now(),
			    .request = "r-1",
			    .arena = arena};
}

static bool tell(struct db_tx *tx, void *context, struct err *err)
{
	struct story *story = context;
	struct act act = act_in(db_arena(tx));
	const struct audit_writer *who = story->writer ? story->writer : &writer;

	if (story->change &&
	    !db_run(tx, STMT_SCRATCH_RECORD, DB(db_text("changed"), db_int(1)), NULL, err))
		return false;
	if (!story->one_by_one &&
	    !audit_append_all(tx, who, &act, story->events, story->count, err))
		return false;
	for (size_t i = 0; story->one_by_one && i < story->count; i++) {
		if (!audit_append(tx, who, &act, &story->events[i], &story->leaf, err))
			return false;
	}
	if (story->refuse)
		return err_fail(err, E_INPUT, "the work does not want this");
	return true;
}

static enum err_code run_story(struct story *story)
{
	struct err err = {0};
	struct arena *arena = arena_new(ARENA_BYTES);
	bool good = db_transact(pool, arena, DB_READ_COMMITTED, tell, story, &err);
	assert_int_equal(good, err.code == E_NONE);
	arena_free(arena);
	return err.code;
}

static struct event offered(const char *device)
{
	struct event event = audit_event(EV_DEPLOYMENT_OFFERED, NULL);
	audit_stream(&event, STREAM_DEVICE, device);
	return event;
}

static struct event drafted(const char *product, const char *release)
{
	struct event event = audit_event(EV_RELEASE_DRAFTED, NULL);
	/* Against the order in which they are locked. */
	audit_stream(&event, STREAM_RELEASE, release);
	audit_stream(&event, STREAM_PRODUCT, product);
	return event;
}

/* ---- reading the queue as the keeper does ---- */

struct list {
	struct event_view views[LIST_MAX];
	struct bytes bytes[LIST_MAX];
	size_t count;
};

static bool work_list(struct db_tx *tx, void *context, struct err *err)
{
	struct list *list = context;
	struct db_rows rows;
	if (!db_many(tx, STMT_LOG_QUEUE_LIST, DB_NOTHING, &rows, err))
		return false;
	assert_true(rows.count <= LIST_MAX);
	list->count = rows.count;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct event_view *view = &list->views[i];
		list->bytes[i] = db_get_bytes(&row, "bytes");
		if (!event_read(db_arena(tx), list->bytes[i], view, err))
			return false;
		assert_string_equal(db_get_text(&row, "id"), view->event.id.text);
		assert_string_equal(db_get_text(&row, "kind"), event_kind_text(view->event.kind));
		assert_string_equal(db_get_text(&row, "writer"), view->writer);
		struct sha256 mac = digest_hmac(bytes_of(writer.key, 32), list->bytes[i]);
		assert_true(bytes_equal(db_get_bytes(&row, "mac"), bytes_of(mac.at, 32)));
	}
	return true;
}

static struct list *queue_in(struct arena *arena)
{
	struct err err = {0};
	struct list *list = arena_alloc(arena, sizeof(*list));
	if (!db_transact(pool, arena, DB_READ_COMMITTED, work_list, list, &err))
		fail_msg("%s", err.text);
	return list;
}

/* Walks the queue in order: in every stream numbers rise by one from 1 and each event names the leaf
 * hash of the one before. That is what the keeper demands. */
static void expect_linked(const struct list *list)
{
	static struct {
		enum stream_kind kind;
		const char *id;
		int64_t no;
		struct sha256 leaf;
	} streams[64];
	size_t count = 0;

	memset(streams, 0, sizeof(streams));
	for (size_t i = 0; i < list->count; i++) {
		const struct event *event = &list->views[i].event;
		struct sha256 leaf = tree_leaf(list->bytes[i]);
		for (size_t s = 0; s < event->stream_count; s++) {
			const struct event_stream *stream = &event->streams[s];
			size_t at = 0;
			while (at < count && (streams[at].kind != stream->kind ||
					      strcmp(streams[at].id, stream->id) != 0))
				at++;
			if (at == count) {
				assert_true(++count < 64);
				streams[at].kind = stream->kind;
				streams[at].id = stream->id;
			}
			assert_int_equal(stream->no, streams[at].no + 1);
			assert_memory_equal(stream->prev.at, streams[at].leaf.at, 32);
			streams[at].no = stream->no;
			streams[at].leaf = leaf;
		}
	}
}

static void expect_nothing(void)
{
	expect_sql(database.owner,
		   "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM event_queue)"
		   " + (SELECT count(*) FROM stream) + (SELECT count(*) FROM scratch)",
		   "0");
}

/* ---- tests ---- */

static void test_audit_append__numbers_and_links_the_events_of_each_stream(void **state)
{
	(void)state;
	struct event events[] = {drafted("pump", "r1"), drafted("pump", "r2"),
				 drafted("valve", "r1")};
	struct story story = {.events = events, .count = 3, .one_by_one = true};
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_int_equal(run_story(&story), E_NONE);

	struct list *list = queue_in(arena);
	assert_int_equal(list->count, 3);
	expect_linked(list);
	/* Sorted, although given the other way round. */
	assert_int_equal(list->views[1].event.streams[0].kind, STREAM_PRODUCT);
	assert_int_equal(list->views[1].event.streams[0].no, 2);
	assert_int_equal(list->views[1].event.streams[1].no, 1);
	assert_int_equal(list->views[2].event.streams[0].no, 1);
	assert_int_equal(list->views[2].event.streams[1].no, 2);
	/* What the caller learns. */
	assert_string_equal(events[2].id.text, list->views[2].event.id.text);
	assert_int_equal(events[2].streams[1].no, 2);
	struct sha256 leaf = tree_leaf(list->bytes[2]);
	assert_memory_equal(story.leaf.at, leaf.at, 32);
	expect_sql(database.owner,
		   "SELECT string_agg(kind || '/' || id || ' ' || count, ', ' ORDER BY kind, id) "
		   "FROM stream",
		   "product/pump 2, product/valve 1, release/r1 2, release/r2 1");
	arena_free(arena);
}

static void test_audit_append__keeps_an_id_that_was_drawn_before(void **state)
{
	(void)state;
	struct event event = offered("pump-1");
	memcpy(event.id.text, "3b1f0c86-2b5e-4c59-9d6a-0f5b1e6b9c01", 37);
	struct story story = {.events = &event, .count = 1, .one_by_one = true};
	assert_int_equal(run_story(&story), E_NONE);
	expect_sql(database.owner, "SELECT id FROM event", "3b1f0c86-2b5e-4c59-9d6a-0f5b1e6b9c01");
	/* The same event again is no second one. */
	assert_int_equal(run_story(&story), E_DB_DUPLICATE);
	expect_sql(database.owner, "SELECT count FROM stream", "1");
}

static void test_audit_stream__counts_a_stream_once(void **state)
{
	(void)state;
	struct event event = offered("pump-1");
	audit_stream(&event, STREAM_DEVICE, "pump-1");
	assert_int_equal(event.stream_count, 1);
	for (int i = 0; i < 20; i++) {
		static char ids[20][16];
		snprintf(ids[i], sizeof(ids[i]), "d%d", i);
		audit_stream(&event, STREAM_DEVICE, ids[i]);
	}
	struct story story = {.events = &event, .count = 1};
	assert_int_equal(run_story(&story), E_BUG);
	expect_nothing();
}

static void test_audit_append_all__takes_events_of_shared_streams_in_their_order(void **state)
{
	(void)state;
	enum { COUNT = 300 };
	static struct event events[COUNT];
	static const char *const devices[] = {"d3", "d1", "d2"};
	struct arena *arena = arena_new(ARENA_BYTES);
	for (size_t i = 0; i < COUNT; i++)
		events[i] = offered(devices[i % 3]);
	struct story story = {.events = events, .count = COUNT};
	assert_int_equal(run_story(&story), E_NONE);
	struct list *list = queue_in(arena);
	assert_int_equal(list->count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_string_equal(list->views[i].event.id.text, events[i].id.text);
	expect_linked(list);
	arena_free(arena);
}

static void test_audit_append_all__refuses_none(void **state)
{
	(void)state;
	struct story story = {.change = true};
	assert_int_equal(run_story(&story), E_BUG);
	expect_nothing();
}

static void test_audit_append__is_what_lets_a_change_commit(void **state)
{
	(void)state;
	struct event event = offered("d1");
	/* one_by_one with no event: a change without its record. */
	struct story unrecorded = {.change = true, .one_by_one = true};
	assert_int_equal(run_story(&unrecorded), E_DB_UNRECORDED);
	expect_nothing();
	struct story refused = {.events = &event, .count = 1, .change = true, .refuse = true};
	assert_int_equal(run_story(&refused), E_INPUT);
	expect_nothing();
	struct story recorded = {.events = &event, .count = 1, .change = true};
	assert_int_equal(run_story(&recorded), E_NONE);
	expect_sql(database.owner, "SELECT count(*) FROM scratch", "1");
	expect_sql(database.owner, "SELECT count(*) FROM event_queue", "1");
}

static void test_audit_append__refuses_what_its_writer_may_not_write(void **state)
{
	(void)state;
	static const struct audit_writer keeper = {.name = "keeper/1"};
	struct event event = offered("d1");
	struct story story = {.events = &event, .count = 1, .change = true, .writer = &keeper};
	assert_int_equal(run_story(&story), E_BUG);
	expect_nothing();
}

static void test_audit_append__refuses_an_act_that_takes_too_long_to_tell(void **state)
{
	(void)state;
	static char reason[60001];
	memset(reason, 'x', 60000);
	struct event event = offered("d1");
	event.reason = reason;
	struct story story = {.events = &event, .count = 1, .change = true};
	assert_int_equal(run_story(&story), E_EVENT_LIMIT);
	expect_nothing();
}

/* Statements of an append to new streams: lock, begin, lock, insert; with the change before and the
 * commit after them, six. */
static void test_audit_append__leaves_nothing_half_when_a_statement_is_lost(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 5; nth++) {
		struct event event = drafted("pump", "r1");
		struct story story = {.events = &event, .count = 1, .change = true};
		db_set_fault_for_test(nth);
		assert_int_equal(run_story(&story), E_DB_AWAY);
		expect_nothing();
	}
	struct event event = drafted("pump", "r1");
	struct story story = {.events = &event, .count = 1, .change = true};
	db_set_fault_for_test(6);
	assert_int_equal(run_story(&story), E_DB_AWAY);
	/* Only the answer was lost: all of it is there. */
	expect_sql(database.owner,
		   "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM event_queue)"
		   " + (SELECT count(*) FROM stream) + (SELECT count(*) FROM scratch)",
		   "5");
}

enum { THREADS = 8, ROUNDS = 25 };

/* Each thread goes through the same few streams in another order; all of them are new at first. */
static void *append_often(void *context)
{
	static const char *const products[] = {"p1", "p2", "p3"};
	static const char *const releases[] = {"r1", "r2", "r3", "r4", "r5"};
	size_t seed = *(size_t *)context;
	size_t failed = 0;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct event event =
			drafted(products[(seed + i) % 3], releases[(seed * 3 + i * 2) % 5]);
		struct event both[] = {drafted(products[i % 3], releases[seed % 5]),
				       drafted(products[(i + 1) % 3], releases[(seed + i) % 5])};
		struct story one = {.events = &event, .count = 1, .one_by_one = true};
		struct story two = {.events = both, .count = 2};
		if (run_story(i % 2 ? &one : &two) != E_NONE)
			failed++;
	}
	*(size_t *)context = failed;
	return NULL;
}

static void test_audit_append__keeps_queue_and_streams_in_one_order_among_many_writers(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	size_t seeds[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		seeds[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, append_often, &seeds[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(seeds[i], 0);
	}
	struct arena *arena = arena_new(ARENA_BYTES);
	struct list *list = queue_in(arena);
	/* 13 rounds of two and 12 of one. */
	assert_int_equal(list->count, THREADS * (13 * 2 + 12));
	expect_linked(list);
	arena_free(arena);
	/* Nobody had to run again for a deadlock. */
	expect_sql(database.owner,
		   "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
		   "0");
}

static void test_record__cannot_be_changed_afterwards(void **state)
{
	(void)state;
	struct event event = offered("d1");
	struct story story = {.events = &event, .count = 1};
	assert_int_equal(run_story(&story), E_NONE);
	static const char *const tries[] = {"UPDATE event SET kind = 'other.kind'",
					    "DELETE FROM event"};
	for (size_t i = 0; i < 2; i++) {
		expect_sql_refused(database.service, tries[i], "42501");
		expect_sql_refused(database.keeper, tries[i], "42501");
		expect_sql_refused(database.owner, tries[i], "P0001");
	}
	expect_sql_refused(database.owner, "TRUNCATE event CASCADE", "P0001");
	expect_sql_refused(database.service, "DELETE FROM event_queue", "42501");
	expect_sql_refused(database.reports, "INSERT INTO stream (kind, id) VALUES ('device', 'x')",
			   "42501");
	expect_sql(database.owner, "SELECT count(*) FROM event", "1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_audit_append__numbers_and_links_the_events_of_each_stream),
		TEST(test_audit_append__keeps_an_id_that_was_drawn_before),
		TEST(test_audit_stream__counts_a_stream_once),
		TEST(test_audit_append_all__takes_events_of_shared_streams_in_their_order),
		TEST(test_audit_append_all__refuses_none),
		TEST(test_audit_append__is_what_lets_a_change_commit),
		TEST(test_audit_append__refuses_what_its_writer_may_not_write),
		TEST(test_audit_append__refuses_an_act_that_takes_too_long_to_tell),
		TEST(test_audit_append__leaves_nothing_half_when_a_statement_is_lost),
		TEST(test_audit_append__keeps_queue_and_streams_in_one_order_among_many_writers),
		TEST(test_record__cannot_be_changed_afterwards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
