/* SPDX-License-Identifier: Apache-2.0 */
/* Does the door to PostgreSQL keep its promises, also when the server does not keep its own? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db.h"
#include "tests/support/database.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BYTES = 16 * 1024 * 1024 };

static struct database database;
static struct db_pool *pool;

/* A step of a transaction: a statement with its parameters, and what to do besides. */
struct step {
	enum stmt stmt;
	struct db_param params[5];
	size_t count;
	bool mark;	 /* db_mark_recorded afterwards */
	bool swallow;	 /* go on as if nothing had happened when it fails */
	int64_t changed; /* out */
};
struct story {
	struct step *steps;
	size_t count;
	unsigned runs; /* out */
	bool refuse;   /* the work says no in the end */
};

static bool tell(struct db_tx *tx, void *context, struct err *err)
{
	struct story *story = context;
	story->runs++;
	for (size_t i = 0; i < story->count; i++) {
		struct step *step = &story->steps[i];
		struct err swallowed = {0};
		if (!db_run(tx, step->stmt, step->params, step->count, &step->changed,
			    step->swallow ? &swallowed : err) &&
		    !step->swallow)
			return false;
		if (step->mark)
			db_mark_recorded(tx);
	}
	if (story->refuse)
		return err_fail(err, E_INPUT, "the work does not want this");
	return true;
}

static enum err_code run_story(struct story *story, struct err *err)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	bool good = db_transact(pool, arena, DB_READ_COMMITTED, tell, story, err);
	assert_int_equal(good, err->code == E_NONE);
	arena_free(arena);
	return err->code;
}

#define STORY(...)                                                                  \
	{                                                                           \
		.steps = (struct step[]){__VA_ARGS__},                              \
		.count = sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step) \
	}
#define PUT(id, number)                                                                       \
	{                                                                                     \
		.stmt = STMT_SCRATCH_PUT, .params = {db_text(id), db_int(number)}, .count = 2 \
	}
#define FAULT(state, message, late)                                                     \
	{                                                                               \
		.stmt = STMT_SCRATCH_FAULT,                                             \
		.params = {db_text(state), db_text(message), db_bool(late)}, .count = 3 \
	}

static void expect_rows(const char *count)
{
	expect_sql(database.owner, "SELECT count(*) FROM scratch", count);
}

static int begin_group(void **state)
{
	(void)state;
	given_database(&database);
	given_sql_file(&database, "tests/db/scratch.sql");
	return 0;
}

static int end_group(void **state)
{
	(void)state;
	drop_database(&database);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	struct err err = {0};
	given_sql(database.owner, "TRUNCATE scratch, scratch_fault");
	assert_true(db_pool_new(database.owner, 4, &pool, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	db_set_fault_for_test(0);
	db_pool_free(pool);
	pool = NULL;
	return 0;
}

/* ---- rows ---- */

struct asking {
	enum stmt stmt;
	int64_t rows;
	bool opt;
	bool found;
};

static bool work_asking(struct db_tx *tx, void *context, struct err *err)
{
	struct asking *asking = context;
	struct db_row row;
	if (asking->opt)
		return db_opt(tx, asking->stmt, DB_NOTHING, &asking->found, &row, err);
	return db_one(tx, asking->stmt, DB(db_int(asking->rows)), &row, err);
}

static enum err_code ask(struct asking *asking)
{
	struct err err = {0};
	struct arena *arena = arena_new(ARENA_BYTES);
	bool good = db_transact(pool, arena, DB_READ_COMMITTED, work_asking, asking, &err);
	arena_free(arena);
	assert_int_equal(good, err.code == E_NONE);
	return err.code;
}

static void test_db_one__is_an_error_for_another_number_of_rows(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct asking){.stmt = STMT_SCRATCH_ROWS, .rows = 1}), E_NONE);
	assert_int_equal(ask(&(struct asking){.stmt = STMT_SCRATCH_ROWS, .rows = 0}), E_DB_ROWS);
	assert_int_equal(ask(&(struct asking){.stmt = STMT_SCRATCH_ROWS, .rows = 2}), E_DB_ROWS);
}

static void test_db_one__refuses_a_statement_that_promises_other_rows(void **state)
{
	(void)state;
	assert_int_equal(ask(&(struct asking){.stmt = STMT_SCRATCH_SERIES, .rows = 1}), E_DB_ROWS);
	assert_int_equal(ask(&(struct asking){.stmt = STMT_DB_PING, .opt = true}), E_DB_ROWS);
}

static void test_db_opt__tells_none_from_one_and_refuses_two(void **state)
{
	(void)state;
	struct asking asking = {.stmt = STMT_SCRATCH_FIND_ALL, .opt = true};
	assert_int_equal(ask(&asking), E_NONE);
	assert_false(asking.found);
	given_sql(database.owner, "INSERT INTO scratch VALUES ('a', 1)");
	assert_int_equal(ask(&asking), E_NONE);
	assert_true(asking.found);
	given_sql(database.owner, "INSERT INTO scratch VALUES ('b', 1)");
	assert_int_equal(ask(&asking), E_DB_ROWS);
}

static bool work_series(struct db_tx *tx, void *context, struct err *err)
{
	(void)context;
	struct db_rows rows;
	if (!db_many(tx, STMT_SCRATCH_SERIES, DB(db_int(1000)), &rows, err))
		return false;
	assert_int_equal(rows.count, 1000);
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		assert_int_equal(db_get_int(&row, "n"), i + 1);
	}
	struct db_row last = db_row_at(&rows, 143);
	assert_string_equal(db_get_text(&last, "root"), "12");
	return db_many(tx, STMT_SCRATCH_SERIES, DB(db_int(0)), &rows, err) && rows.count == 0;
}

static void test_db_many__gives_rows_in_order(void **state)
{
	(void)state;
	struct err err = {0};
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_series, NULL, &err));
	arena_free(arena);
}

static void test_db_run__counts_the_rows_it_changed(void **state)
{
	(void)state;
	static const char *const ids[] = {"a", "c", "x"};
	struct err err = {0};
	struct story story = STORY(
		PUT("a", 1), PUT("b", 1), PUT("c", 1),
		{.stmt = STMT_SCRATCH_ADD, .params = {db_texts(ids, 3), db_int(5)}, .count = 2});
	assert_int_equal(run_story(&story, &err), E_NONE);
	assert_int_equal(story.steps[0].changed, 1);
	assert_int_equal(story.steps[3].changed, 2);
	expect_sql(database.owner, "SELECT sum(n) FROM scratch", "13");
}

/* ---- whole or not at all ---- */

static void test_db_transact__rolls_back_when_the_work_says_no(void **state)
{
	(void)state;
	struct err err = {0};
	struct story story = STORY(PUT("a", 1));
	story.refuse = true;
	assert_int_equal(run_story(&story, &err), E_INPUT);
	assert_string_equal(err.text, "the work does not want this");
	expect_rows("0");
	assert_int_equal(story.runs, 1);
}

static void test_db_transact__refuses_a_write_without_its_record(void **state)
{
	(void)state;
	struct step record = {
		.stmt = STMT_SCRATCH_RECORD, .params = {db_text("a"), db_int(1)}, .count = 2};
	struct err err = {0};
	struct story story = {.steps = &record, .count = 1};
	assert_int_equal(run_story(&story, &err), E_DB_UNRECORDED);
	assert_non_null(strstr(err.text, "scratch_record"));
	expect_rows("0");

	record.mark = true;
	err_clear(&err);
	assert_int_equal(run_story(&story, &err), E_NONE);
	expect_rows("1");
}

static void test_db_transact__a_failed_statement_spoils_all_that_follows(void **state)
{
	(void)state;
	struct err err = {0};
	struct story story = STORY(PUT("a", 1), PUT("a", 2), PUT("b", 3));
	story.steps[1].swallow = true;
	/* The third fails with the error of the second. */
	assert_int_equal(run_story(&story, &err), E_DB_DUPLICATE);
	expect_rows("0");

	/* Even work that looks away from every error commits nothing. */
	story.steps[2].swallow = true;
	err_clear(&err);
	assert_int_equal(run_story(&story, &err), E_DB_DUPLICATE);
	expect_rows("0");

	/* The connection is as good as new afterwards. */
	struct story after = STORY(PUT("a", 1));
	err_clear(&err);
	assert_int_equal(run_story(&after, &err), E_NONE);
	expect_rows("1");
}

static void test_db_transact__keeps_an_error_that_was_there_before(void **state)
{
	(void)state;
	struct err err = {0};
	struct story story = STORY(PUT("a", -1));
	struct arena *arena = arena_new(ARENA_BYTES);
	err_set(&err, E_ID, "the first cause");
	assert_false(db_transact(pool, arena, DB_READ_COMMITTED, tell, &story, &err));
	assert_int_equal(err.code, E_ID);
	arena_free(arena);
}

/* ---- what refusals become ---- */

static void test_db_transact__names_what_the_server_refused(void **state)
{
	(void)state;
	static const struct {
		const char *state;
		enum err_code code;
		const char *words;
	} cases[] = {
		{"P0001", E_DB_REFUSED, "a rule of ours, in its own words"},
		{"23514", E_DB_REFUSED, "a rule of ours, in its own words"},
		{"55P03", E_DB_CONFLICT, "try again"},
		{"57014", E_DB_AWAY, "try again"},
		{"53100", E_DB_AWAY, "try again"},
		{"22003", E_DB, "SQLSTATE 22003"},
		{"XX000", E_DB, "scratch_fault"},
	};
	for (size_t late = 0; late < 2; late++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct err err = {0};
			struct story story =
				STORY(PUT("a", 1), FAULT(cases[i].state,
							 "a rule of ours, in its own words", late));
			assert_int_equal(run_story(&story, &err), cases[i].code);
			if (cases[i].state[0] != 'X' || !late)
				assert_non_null(strstr(err.text, cases[i].words));
			assert_int_equal(story.runs, 1);
			expect_rows("0");
		}
	}
}

static void test_db_transact__names_constraints_and_missing_rights(void **state)
{
	(void)state;
	struct err err = {0};
	struct story negative = STORY(PUT("a", -1));
	assert_int_equal(run_story(&negative, &err), E_DB_REFUSED);
	assert_non_null(strstr(err.text, "scratch_n_positive"));

	struct story orphan = STORY({.stmt = STMT_SCRATCH_ADOPT,
				     .params = {db_text("a"), db_text("nobody")},
				     .count = 2});
	err_clear(&err);
	assert_int_equal(run_story(&orphan, &err), E_DB_REFUSED);
	assert_non_null(strstr(err.text, "scratch_parent_fkey"));

	struct story twice = STORY(PUT("a", 1), PUT("a", 1));
	err_clear(&err);
	assert_int_equal(run_story(&twice, &err), E_DB_DUPLICATE);
	assert_non_null(strstr(err.text, "scratch_pkey"));

	/* The same statement as a role that may only look; and looking works. */
	db_pool_free(pool);
	err_clear(&err);
	assert_true(db_pool_new(database.service, 1, &pool, &err));
	struct story put = STORY(PUT("a", 1));
	assert_int_equal(run_story(&put, &err), E_DB_REFUSED);
	assert_non_null(strstr(err.text, "permission denied"));
	struct asking asking = {.stmt = STMT_SCRATCH_FIND_ALL, .opt = true};
	assert_int_equal(ask(&asking), E_NONE);
}

static void test_db_transact__refuses_text_that_is_not_utf8(void **state)
{
	(void)state;
	struct err err = {0};
	struct story story = STORY(PUT("\xff\xfe", 1));
	assert_int_equal(run_story(&story, &err), E_INPUT);
}

static void test_db_transact__refuses_a_wrong_number_of_parameters(void **state)
{
	(void)state;
	struct err err = {0};
	struct story story = STORY(PUT("a", 1));
	story.steps[0].count = 1;
	assert_int_equal(run_story(&story, &err), E_DB);
	struct story after = STORY(PUT("a", 1));
	err_clear(&err);
	assert_int_equal(run_story(&after, &err), E_NONE);
}

static bool work_digit(struct db_tx *tx, void *context, struct err *err)
{
	struct db_row row;
	return db_one(tx, STMT_SCRATCH_DIGIT, DB(db_text(context)), &row, err);
}

static void test_db_transact__lets_no_parameter_into_errors_or_the_log(void **state)
{
	(void)state;
	static const char *const secrets[] = {"hunter2-secret", "hunter2-twice"};
	char path[] = "/tmp/countersign-test-log.XXXXXX";
	char log[8192] = "";
	int file = mkstemp(path);
	assert_true(file >= 0);
	unlink(path);
	int before = dup(STDERR_FILENO);
	dup2(file, STDERR_FILENO);

	struct err err = {0}, err_twice = {0}, err_orphan = {0};
	struct arena *arena = arena_new(ARENA_BYTES);
	char *secret = arena_text(arena, secrets[0]);
	bool digit = db_transact(pool, arena, DB_READ_COMMITTED, work_digit, secret, &err);
	struct story twice = STORY(PUT(secrets[1], 1), PUT(secrets[1], 1));
	run_story(&twice, &err_twice);
	struct story orphan = STORY({.stmt = STMT_SCRATCH_ADOPT,
				     .params = {db_text("a"), db_text(secrets[0])},
				     .count = 2});
	run_story(&orphan, &err_orphan);
	arena_free(arena);

	dup2(before, STDERR_FILENO);
	close(before);
	assert_true(pread(file, log, sizeof(log) - 1, 0) > 0);
	close(file);
	assert_false(digit);
	assert_int_equal(err.code, E_DB);
	/* It tells the operator where to look, and nobody what was sent. */
	assert_non_null(strstr(log, "scratch_digit"));
	assert_non_null(strstr(log, "22P02"));
	assert_null(strstr(log, "hunter2"));
	assert_null(strstr(err.text, "hunter2"));
	assert_null(strstr(err_twice.text, "hunter2"));
	assert_null(strstr(err_orphan.text, "hunter2"));
}

/* ---- races ---- */

static void test_db_transact__runs_again_at_most_eight_times(void **state)
{
	(void)state;
	static const char *const states[] = {"40001", "40P01"};
	for (size_t late = 0; late < 2; late++) {
		for (size_t i = 0; i < 2; i++) {
			struct err err = {0};
			struct story story = STORY(PUT("a", 1), FAULT(states[i], "lost", late));
			assert_int_equal(run_story(&story, &err), E_DB_CONFLICT);
			assert_int_equal(story.runs, 9);
			expect_rows("0");
		}
	}
}

struct skew {
	const char *id;
	unsigned runs;
	bool other; /* lets another transaction of the same kind win in between */
};

static bool work_skew(struct db_tx *tx, void *context, struct err *err)
{
	struct skew *skew = context;
	struct db_row row;
	skew->runs++;
	if (!db_one(tx, STMT_SCRATCH_SUM, DB_NOTHING, &row, err))
		return false;
	int64_t sum = db_get_int(&row, "sum");
	if (skew->other && skew->runs == 1) {
		struct skew winner = {.id = "winner"};
		if (!db_transact(pool, db_arena(tx), DB_SERIALIZABLE, work_skew, &winner, err))
			return false;
		assert_int_equal(winner.runs, 1);
	}
	return db_run(tx, STMT_SCRATCH_PUT, DB(db_text(skew->id), db_int(sum + 1)), NULL, err);
}

static void test_db_transact__sees_what_the_winner_of_a_race_did(void **state)
{
	(void)state;
	struct err err = {0};
	struct skew loser = {.id = "loser", .other = true};
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_SERIALIZABLE, work_skew, &loser, &err));
	assert_int_equal(loser.runs, 2);
	expect_sql(database.owner, "SELECT n FROM scratch WHERE id = 'loser'", "2");

	/* Control: without serializability both believe that they came first. */
	given_sql(database.owner, "TRUNCATE scratch");
	struct skew blind = {.id = "loser", .other = true};
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_skew, &blind, &err));
	assert_int_equal(blind.runs, 1);
	expect_sql(database.owner, "SELECT n FROM scratch WHERE id = 'loser'", "1");
	arena_free(arena);
}

enum { THREADS = 8, ROUNDS = 25 };

static void *add_often(void *context)
{
	static const char *const ids[] = {"sum"};
	size_t *failed = context;
	struct arena *arena = arena_new(ARENA_BYTES);
	for (int i = 0; i < ROUNDS; i++) {
		struct err err = {0};
		struct story story = STORY({.stmt = STMT_SCRATCH_ADD,
					    .params = {db_texts(ids, 1), db_int(1)},
					    .count = 2});
		if (!db_transact(pool, arena, DB_READ_COMMITTED, tell, &story, &err))
			(*failed)++;
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void test_db_transact__serves_more_threads_than_connections(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	size_t failed[THREADS] = {0};
	given_sql(database.owner, "INSERT INTO scratch VALUES ('sum', 0)");
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_often, &failed[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failed[i], 0);
	}
	expect_sql(database.owner, "SELECT n FROM scratch", "200");
	expect_sql(database.owner,
		   "SELECT count(*) <= 4 FROM pg_stat_activity WHERE datname = current_database() "
		   "AND application_name = 'countersign'",
		   "t");
}

/* ---- the pool ---- */

static void test_db_pool_new__refuses_what_is_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = {"nonsense", "hst=/tmp", "host='/tmp", "postgresql://[::1",
					  "host=/tmp password=x"};
	struct db_pool *none = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		assert_false(db_pool_new(bad[i], 1, &none, &err));
		assert_int_equal(err.code, E_CONFIG);
		assert_null(none);
	}
	struct err err = {0};
	assert_false(db_pool_new(database.owner, 0, &none, &err));
	assert_int_equal(err.code, E_CONFIG);
}

static void test_db_transact__says_away_when_nobody_listens(void **state)
{
	(void)state;
	struct err err = {0};
	db_pool_free(pool);
	assert_true(db_pool_new("host=/nonexistent dbname=x user=y", 1, &pool, &err));
	struct story story = STORY(PUT("a", 1));
	assert_int_equal(run_story(&story, &err), E_DB_AWAY);
	assert_int_equal(story.runs, 0);
	/* The place in the pool is free again. */
	err_clear(&err);
	assert_int_equal(run_story(&story, &err), E_DB_AWAY);
	assert_null(strstr(err.text, "busy"));
}

static bool work_small(struct db_tx *tx, void *context, struct err *err)
{
	return db_one(tx, STMT_SCRATCH_SMALL, DB_NOTHING, context, err);
}

static bool work_nested(struct db_tx *tx, void *context, struct err *err)
{
	return db_transact(pool, db_arena(tx), DB_READ_COMMITTED, work_small, context, err);
}

static void test_db_transact__waits_five_seconds_for_a_connection(void **state)
{
	(void)state;
	struct err err = {0};
	struct db_row row;
	struct arena *arena = arena_new(ARENA_BYTES);
	db_pool_free(pool);
	assert_true(db_pool_new(database.owner, 1, &pool, &err));
	clock_us began = clock_boot();
	assert_false(db_transact(pool, arena, DB_READ_COMMITTED, work_nested, &row, &err));
	clock_us took = clock_boot() - began;
	assert_int_equal(err.code, E_DB_AWAY);
	assert_non_null(strstr(err.text, "busy"));
	assert_true(took >= 5 * CLOCK_SECOND && took < 7 * CLOCK_SECOND);
	arena_free(arena);
}

struct setting {
	const char *name;
	const char *value; /* what it must be, NULL: any */
	int64_t pid;
};

static bool work_setting(struct db_tx *tx, void *context, struct err *err)
{
	struct setting *setting = context;
	struct db_row row;
	if (!db_one(tx, STMT_SCRATCH_SETTING, DB(db_text(setting->name)), &row, err))
		return false;
	if (setting->value)
		assert_string_equal(db_get_text(&row, "value"), setting->value);
	setting->pid = db_get_int(&row, "pid");
	return true;
}

static int64_t session_of(struct db_pool *of)
{
	struct err err = {0};
	struct setting setting = {.name = "application_name"};
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(of, arena, DB_READ_COMMITTED, work_setting, &setting, &err));
	arena_free(arena);
	return setting.pid;
}

static void test_db_transact__opens_sessions_with_its_settings(void **state)
{
	(void)state;
	static const struct setting settings[] = {
		{"statement_timeout", "30s", 0},
		{"lock_timeout", "10s", 0},
		{"idle_in_transaction_session_timeout", "1min", 0},
		{"TimeZone", "UTC", 0},
		{"DateStyle", "ISO, YMD", 0},
		{"client_encoding", "UTF8", 0},
		{"standard_conforming_strings", "on", 0},
		{"bytea_output", "hex", 0},
		{"application_name", "countersign", 0},
		{"transaction_isolation", "serializable", 0},
	};
	struct arena *arena = arena_new(ARENA_BYTES);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct err err = {0};
		struct setting setting = settings[i];
		assert_true(
			db_transact(pool, arena, DB_SERIALIZABLE, work_setting, &setting, &err));
	}
	arena_free(arena);
}

static void test_db_transact__keeps_a_session_and_replaces_one_that_died_idle(void **state)
{
	(void)state;
	char sql[128];
	int64_t first = session_of(pool);
	assert_int_equal(session_of(pool), first);
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)", (int)first);
	expect_sql(database.owner, sql, "t");
	assert_int_not_equal(session_of(pool), first);
}

/* A stopped server refuses nothing: idle, in a statement, in BEGIN. */
static void test_db_transact__gives_up_on_a_server_that_keeps_silent(void **state)
{
	(void)state;
	pid_t hung = (pid_t)session_of(pool);
	assert_int_equal(kill(hung, SIGSTOP), 0);
	db_set_patience_for_test(CLOCK_SECOND / 5);
	clock_us began = clock_boot();
	/* Nothing has happened in it, so another one takes its place. */
	assert_int_not_equal(session_of(pool), hung);
	assert_in_range(clock_boot() - began, CLOCK_SECOND / 5, 5 * CLOCK_SECOND);
	assert_int_equal(kill(hung, SIGCONT), 0);

	struct err err = {0};
	struct story story = STORY(PUT("a", 1), FAULT("hang", "", false), PUT("b", 1));
	assert_int_equal(run_story(&story, &err), E_DB_AWAY);
	db_set_patience_for_test(0);
	expect_sql(database.owner, "SELECT pg_sleep(0.7) IS NULL", "f");
	expect_rows("0");
}

/* ---- loss ---- */

static void test_db_transact__loses_nothing_half_when_the_session_dies(void **state)
{
	(void)state;
	struct err err = {0};
	struct story story = STORY(PUT("a", 1), FAULT("die", "", false), PUT("b", 1));
	assert_int_equal(run_story(&story, &err), E_DB_AWAY);
	expect_rows("0");
	struct story after = STORY(PUT("a", 1));
	err_clear(&err);
	assert_int_equal(run_story(&after, &err), E_NONE);
	expect_rows("1");
}

static void test_db_transact__says_that_a_lost_commit_is_unknown(void **state)
{
	(void)state;
	static const char *const how[] = {"die", "warn"};
	for (size_t i = 0; i < 2; i++) {
		struct err err = {0};
		struct story story = STORY(PUT("a", 1), FAULT(how[i], "", true));
		assert_int_equal(run_story(&story, &err), E_DB_AWAY);
		assert_non_null(strstr(err.text, "may or may not"));
		assert_int_equal(story.runs, 1);
		given_sql(database.owner, "TRUNCATE scratch");
	}
}

/* Loses each statement of a transaction in turn, then its commit: whatever the answer was, a repeat
 * that takes "there is one already" for done ends with the same rows. */
static void test_db_transact__survives_a_loss_at_every_statement(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 4; nth++) {
		struct err err = {0};
		struct story story = STORY(PUT("a", 1), PUT("b", 2), PUT("c", 3));
		given_sql(database.owner, "TRUNCATE scratch");
		db_set_fault_for_test(nth);
		assert_int_equal(run_story(&story, &err), E_DB_AWAY);
		/* Only the lost answer of COMMIT leaves rows, and only its text admits that. */
		expect_rows(nth == 4 ? "3" : "0");
		assert_int_equal(strstr(err.text, "may or may not") != NULL, nth == 4);
		err_clear(&err);
		assert_int_equal(run_story(&story, &err), nth == 4 ? E_DB_DUPLICATE : E_NONE);
		expect_rows("3");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_db_one__is_an_error_for_another_number_of_rows),
		TEST(test_db_one__refuses_a_statement_that_promises_other_rows),
		TEST(test_db_opt__tells_none_from_one_and_refuses_two),
		TEST(test_db_many__gives_rows_in_order),
		TEST(test_db_run__counts_the_rows_it_changed),
		TEST(test_db_transact__rolls_back_when_the_work_says_no),
		TEST(test_db_transact__refuses_a_write_without_its_record),
		TEST(test_db_transact__a_failed_statement_spoils_all_that_follows),
		TEST(test_db_transact__keeps_an_error_that_was_there_before),
		TEST(test_db_transact__names_what_the_server_refused),
		TEST(test_db_transact__names_constraints_and_missing_rights),
		TEST(test_db_transact__refuses_text_that_is_not_utf8),
		TEST(test_db_transact__refuses_a_wrong_number_of_parameters),
		TEST(test_db_transact__lets_no_parameter_into_errors_or_the_log),
		TEST(test_db_transact__runs_again_at_most_eight_times),
		TEST(test_db_transact__sees_what_the_winner_of_a_race_did),
		TEST(test_db_transact__serves_more_threads_than_connections),
		TEST(test_db_pool_new__refuses_what_is_no_address),
		TEST(test_db_transact__says_away_when_nobody_listens),
		TEST(test_db_transact__waits_five_seconds_for_a_connection),
		TEST(test_db_transact__opens_sessions_with_its_settings),
		TEST(test_db_transact__keeps_a_session_and_replaces_one_that_died_idle),
		TEST(test_db_transact__gives_up_on_a_server_that_keeps_silent),
		TEST(test_db_transact__loses_nothing_half_when_the_session_dies),
		TEST(test_db_transact__says_that_a_lost_commit_is_unknown),
		TEST(test_db_transact__survives_a_loss_at_every_statement),
	};
	return cmocka_run_group_tests(tests, begin_group, end_group);
}
