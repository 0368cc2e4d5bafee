/* SPDX-License-Identifier: Apache-2.0 */
/* Do values go to PostgreSQL and come back unchanged, and do the readers refuse what they must? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db.h"
#include "tests/support/database.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARENA_BYTES = 16 * 1024 * 1024 };

static struct database database;
static struct db_pool *pool;

static int begin_group(void **state)
{
	(void)state;
	struct err err = {0};
	given_database(&database);
	assert_true(db_pool_new(database.owner, 1, &pool, &err));
	return 0;
}

static int end_group(void **state)
{
	(void)state;
	db_pool_free(pool);
	drop_database(&database);
	return 0;
}

static bool work_echo(struct db_tx *tx, void *context, struct err *err)
{
	struct db_row *row = context;
	static const unsigned char all[] = {0, 1, '\\', '\'', '"', 0x7f, 0x80, 0xff, 0};
	return db_one(tx, STMT_SCRATCH_ECHO,
		      DB(db_text("a'b\"c\\d\n\xc3\xa9"), db_int(-2147483648LL), db_bool(true),
			 db_bytes(bytes_of(all, sizeof(all))), db_time(1795414023123456LL)),
		      row, err);
}

static void test_db_one__gives_back_every_kind_of_value(void **state)
{
	(void)state;
	struct err err = {0};
	struct db_row row;
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_echo, &row, &err));
	/* The transaction is over, the values are not. */
	assert_string_equal(db_get_text(&row, "t"), "a'b\"c\\d\n\xc3\xa9");
	assert_int_equal(db_get_int(&row, "i"), -2147483648LL);
	assert_string_equal(db_get_text(&row, "i_text"), "-2147483648");
	assert_true(db_get_bool(&row, "b"));
	struct bytes bytes = db_get_bytes(&row, "y");
	assert_int_equal(bytes.size, 9);
	assert_memory_equal(bytes.data, "\0\1\\'\"\x7f\x80\xff\0", 9);
	assert_string_equal(db_get_text(&row, "y_text"), "00015c27227f80ff00");
	assert_int_equal(db_get_time(&row, "at"), 1795414023123456LL);
	assert_string_equal(db_get_text(&row, "at_text"), "1795414023.123456");
	assert_false(db_get_null(&row, "t"));
	arena_free(arena);
}

static bool work_nulls(struct db_tx *tx, void *context, struct err *err)
{
	return db_one(
		tx, STMT_SCRATCH_ECHO,
		DB(db_text(NULL), db_null(), db_null(), db_bytes(bytes_of(NULL, 0)), db_time(0)),
		context, err);
}

static bool work_empty(struct db_tx *tx, void *context, struct err *err)
{
	return db_one(
		tx, STMT_SCRATCH_ECHO,
		DB(db_text(""), db_int(0), db_bool(false), db_bytes(bytes_of("", 0)), db_time(1)),
		context, err);
}

static void test_db_one__tells_null_from_empty(void **state)
{
	(void)state;
	static const char *const columns[] = {"t", "i", "b", "y", "at"};
	struct err err = {0};
	struct db_row row;
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_nulls, &row, &err));
	for (size_t i = 0; i < 5; i++)
		assert_true(db_get_null(&row, columns[i]));
	assert_null(db_get_text(&row, "t"));
	assert_int_equal(db_get_int(&row, "i"), 0);
	assert_false(db_get_bool(&row, "b"));
	assert_null(db_get_bytes(&row, "y").data);
	assert_int_equal(db_get_time(&row, "at"), 0);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_empty, &row, &err));
	for (size_t i = 0; i < 5; i++)
		assert_false(db_get_null(&row, columns[i]));
	assert_string_equal(db_get_text(&row, "t"), "");
	assert_int_equal(db_get_bytes(&row, "y").size, 0);
	assert_int_equal(db_get_time(&row, "at"), 1);
	arena_free(arena);
}

static bool work_arrays(struct db_tx *tx, void *context, struct err *err)
{
	(void)context;
	static const char *const texts[] = {"",	     "NULL", NULL,	  "a\"b\\c",
					    "{x,y}", " s ",  "\n\xc3\xa9"};
	static const int64_t ints[] = {INT64_MIN, 0, INT64_MAX};
	const struct bytes blobs[] = {bytes_of("\0\\\"x", 4), bytes_of(NULL, 0), bytes_of("", 0)};
	struct db_rows rows;
	struct db_row row;

	if (!db_many(tx, STMT_SCRATCH_TEXTS, DB(db_texts(texts, 7)), &rows, err))
		return false;
	assert_int_equal(rows.count, 7);
	for (size_t i = 0; i < 7; i++) {
		row = db_row_at(&rows, i);
		assert_int_equal(db_get_null(&row, "item"), texts[i] == NULL);
		if (texts[i])
			assert_string_equal(db_get_text(&row, "item"), texts[i]);
	}
	if (!db_many(tx, STMT_SCRATCH_INTS, DB(db_ints(ints, 3)), &rows, err))
		return false;
	assert_int_equal(rows.count, 3);
	for (size_t i = 0; i < 3; i++) {
		row = db_row_at(&rows, i);
		assert_true(db_get_int(&row, "item") == ints[i]);
	}
	if (!db_many(tx, STMT_SCRATCH_BLOBS, DB(db_blobs(blobs, 3)), &rows, err))
		return false;
	assert_int_equal(rows.count, 3);
	row = db_row_at(&rows, 0);
	assert_true(bytes_equal(db_get_bytes(&row, "item"), blobs[0]));
	row = db_row_at(&rows, 1);
	assert_true(db_get_null(&row, "item"));
	row = db_row_at(&rows, 2);
	assert_false(db_get_null(&row, "item"));
	assert_int_equal(db_get_bytes(&row, "item").size, 0);
	/* None at all is an empty array, not a null. */
	if (!db_many(tx, STMT_SCRATCH_TEXTS, DB(db_texts(NULL, 0)), &rows, err))
		return false;
	assert_int_equal(rows.count, 0);
	return true;
}

static void test_db_many__takes_arrays_with_quotes_nulls_and_zero_bytes(void **state)
{
	(void)state;
	struct err err = {0};
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_arrays, NULL, &err));
	arena_free(arena);
}

struct moment {
	const char *text;
	clock_us at;
};

static bool work_time(struct db_tx *tx, void *context, struct err *err)
{
	struct moment *moment = context;
	struct db_row row;
	if (!db_one(tx, STMT_SCRATCH_TIME, DB(db_text(moment->text)), &row, err))
		return false;
	moment->at = db_get_time(&row, "at");
	return true;
}

static void test_db_get_time__reads_microseconds_of_the_years_1_to_9999(void **state)
{
	(void)state;
	static const struct moment good[] = {
		{"1970-01-01T00:00:00.000001Z", 1},
		{"1969-12-31T23:59:59.999999Z", -1},
		{"2026-11-23T06:07:03.1Z", 1795414023100000},
		{"2026-11-23T07:07:03+01", 1795414023000000},
		{"2000-02-29T12:00:00Z", 951825600000000},
		{"0001-01-01T00:00:00Z", -62135596800000000},
		{"9999-12-31T23:59:59.999999Z", 253402300799999999},
	};
	struct arena *arena = arena_new(ARENA_BYTES);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};
		struct moment moment = {.text = good[i].text};
		assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_time, &moment, &err));
		assert_true(moment.at == good[i].at);
	}
	arena_free(arena);
}

static void test_db_get_time__is_an_error_for_what_no_instant_holds(void **state)
{
	(void)state;
	static const char *const bad[] = {"infinity", "-infinity", "10000-01-01T00:00:00Z",
					  "294276-12-31T23:59:59Z", "0001-12-31T00:00:00Z BC"};
	struct arena *arena = arena_new(ARENA_BYTES);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		struct moment moment = {.text = bad[i]};
		assert_false(db_transact(pool, arena, DB_READ_COMMITTED, work_time, &moment, &err));
		assert_int_equal(err.code, E_DB);
		assert_non_null(strstr(err.text, "scratch_time"));
	}
	arena_free(arena);
}

static bool work_small(struct db_tx *tx, void *context, struct err *err)
{
	return db_one(tx, STMT_SCRATCH_SMALL, DB_NOTHING, context, err);
}

static void test_db_get_int__reads_the_narrow_types(void **state)
{
	(void)state;
	struct err err = {0};
	struct db_row row;
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_small, &row, &err));
	assert_int_equal(db_get_int(&row, "two"), -7);
	assert_int_equal(db_get_int(&row, "four"), -70000);
	arena_free(arena);
}

/* Runs what must end the program, in a child whose words go nowhere. */
static void expect_end(void (*wrong)(const struct db_row *row))
{
	struct err err = {0};
	struct db_row row;
	struct arena *arena = arena_new(ARENA_BYTES);
	assert_true(db_transact(pool, arena, DB_READ_COMMITTED, work_small, &row, &err));
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int nowhere = open("/dev/null", O_WRONLY);
		dup2(nowhere, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		wrong(&row);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	arena_free(arena);
}

static void read_missing(const struct db_row *row)
{
	db_get_int(row, "three");
}

static void read_wrong_type(const struct db_row *row)
{
	db_get_bool(row, "two");
}

static void
test_db_get__ends_the_program_at_a_column_that_is_not_there_or_of_another_type(void **state)
{
	(void)state;
	expect_end(read_missing);
	expect_end(read_wrong_type);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_db_one__gives_back_every_kind_of_value),
		cmocka_unit_test(test_db_one__tells_null_from_empty),
		cmocka_unit_test(test_db_many__takes_arrays_with_quotes_nulls_and_zero_bytes),
		cmocka_unit_test(test_db_get_time__reads_microseconds_of_the_years_1_to_9999),
		cmocka_unit_test(test_db_get_time__is_an_error_for_what_no_instant_holds),
		cmocka_unit_test(test_db_get_int__reads_the_narrow_types),
		cmocka_unit_test(
			test_db_get__ends_the_program_at_a_column_that_is_not_there_or_of_another_type),
	};
	return cmocka_run_group_tests(tests, begin_group, end_group);
}
