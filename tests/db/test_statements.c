/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does every named statement fit the schema, and its marks the statement? This is the compile step
 * of our SQL: each is prepared against a fresh database as the owner, described, and tried in a
 * transaction that may only read.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gen/statements.h"
#include "tests/support/database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX = 64 };

static struct database database;
static PGconn *pg;
static PGresult *writers; /* functions of ours that may write, each as "name(" */

static int begin_group(void **state)
{
	(void)state;
	given_database(&database);
	given_sql_file(&database, "tests/db/scratch.sql");
	pg = PQconnectdb(database.owner);
	assert_int_equal(PQstatus(pg), CONNECTION_OK);
	writers = PQexec(pg, "SELECT proname || '(' FROM pg_proc "
			     "WHERE pronamespace = 'public'::regnamespace AND provolatile = 'v' "
			     "AND prorettype <> 'trigger'::regtype");
	assert_int_equal(PQresultStatus(writers), PGRES_TUPLES_OK);
	assert_true(PQntuples(writers) > 0);
	return 0;
}

static int end_group(void **state)
{
	(void)state;
	PQclear(writers);
	PQfinish(pg);
	drop_database(&database);
	return 0;
}

static void told(const struct stmt_entry *statement, const char *what)
{
	print_message("# %s: %s %s\n", statement->file, statement->name, what);
}

/* What the server makes of it, NULL if nothing. */
static PGresult *describe(const struct stmt_entry *statement)
{
	PGresult *prepared = PQprepare(pg, statement->name, statement->text, 0, NULL);
	bool good = PQresultStatus(prepared) == PGRES_COMMAND_OK;
	if (!good)
		told(statement, PQerrorMessage(pg));
	PQclear(prepared);
	if (!good)
		return NULL;
	PGresult *described = PQdescribePrepared(pg, statement->name);
	assert_int_equal(PQresultStatus(described), PGRES_COMMAND_OK);
	return described;
}

static int highest_param(const char *text)
{
	long highest = 0;
	for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
		long number = strtol(at + 1, NULL, 10);
		if (number > highest)
			highest = number;
	}
	return (int)highest;
}

/* Calls check for each statement that prepares; it says what is wrong, or NULL. */
static size_t each(const char *(*check)(const struct stmt_entry *statement, PGresult *described))
{
	size_t wrong = 0;
	for (const struct stmt_entry *at = statements; at->name; at++) {
		PGresult *described = describe(at);
		const char *why = described ? check(at, described) : "does not prepare";
		if (why) {
			told(at, why);
			wrong++;
		}
		PQclear(described);
		PQclear(PQexec(pg, "DEALLOCATE ALL"));
	}
	return wrong;
}

static const char *check_params(const struct stmt_entry *statement, PGresult *described)
{
	return PQnparams(described) == highest_param(statement->text)
		       ? NULL
		       : "has other parameters than its text shows";
}

static const char *check_columns(const struct stmt_entry *statement, PGresult *described)
{
	int columns = PQnfields(described);
	if (statement->rows == ROWS_NONE)
		return columns == 0 ? NULL : "is :none and returns columns";
	if (columns == 0)
		return "returns no columns; mark it :none";
	for (int i = 0; i < columns; i++) {
		if (strcmp(PQfname(described, i), "?column?") == 0)
			return "has a column without a name";
		for (int j = 0; j < i; j++) {
			if (strcmp(PQfname(described, i), PQfname(described, j)) == 0)
				return "has two columns of one name";
		}
	}
	return NULL;
}

/* Numbers beyond bigint, fractions, dates and local times would be read as text by accident. */
static const char *check_types(const struct stmt_entry *statement, PGresult *described)
{
	/* float4, float8, date, timestamp, interval, time, timetz, numeric, money */
	static const Oid bad[] = {700, 701, 1082, 1114, 1186, 1083, 1266, 1700, 790};
	(void)statement;
	for (int i = 0; i < PQnfields(described); i++) {
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
			if (PQftype(described, i) == bad[j])
				return "has a column of a type that common/db.h does not read; cast it";
		}
	}
	return NULL;
}

/* Locks need the right to write as well. */
static bool locks_rows(const char *text)
{
	static const char *const words[] = {"FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE",
					    "FOR KEY SHARE"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strstr(text, words[i]))
			return true;
	}
	return false;
}

static bool calls_writer(const char *text)
{
	for (int i = 0; i < PQntuples(writers); i++) {
		if (strstr(text, PQgetvalue(writers, i, 0)))
			return true;
	}
	return false;
}

/* The server refuses whatever writes before it looks at a single row, so nulls will do; but a
 * function is called for rows only, and there are none. */
static const char *check_marks(const struct stmt_entry *statement, PGresult *described)
{
	static const char *const nulls[PARAMS_MAX];
	assert_true(PQnparams(described) <= PARAMS_MAX);
	PQclear(PQexec(pg, "BEGIN READ ONLY"));
	PGresult *result =
		PQexecPrepared(pg, statement->name, PQnparams(described), nulls, NULL, NULL, 0);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	bool writes = calls_writer(statement->text) || (state && strcmp(state, "25006") == 0);
	PQclear(result);
	PQclear(PQexec(pg, "ROLLBACK"));
	if (statement->write || statement->touch)
		return writes ? NULL : "is marked as writing and writes nothing";
	return !writes || locks_rows(statement->text) ? NULL : "writes; mark it :write or :touch";
}

static void test_statements__prepare_with_the_parameters_they_show(void **state)
{
	(void)state;
	assert_int_equal(each(check_params), 0);
}

static void test_statements__return_columns_as_their_rows_mark_says(void **state)
{
	(void)state;
	assert_int_equal(each(check_columns), 0);
}

static void test_statements__return_types_that_have_a_reader(void **state)
{
	(void)state;
	assert_int_equal(each(check_types), 0);
}

static void test_statements__are_marked_if_and_only_if_they_write(void **state)
{
	(void)state;
	assert_int_equal(each(check_marks), 0);
}

static const char *verdict_on(enum stmt_rows rows, bool write, const char *text,
			      const char *(*check)(const struct stmt_entry *, PGresult *))
{
	const struct stmt_entry statement = {"control", text, rows, write, false, "here"};
	PGresult *described = describe(&statement);
	const char *why = described ? check(&statement, described) : "does not prepare";
	PQclear(described);
	PQclear(PQexec(pg, "DEALLOCATE ALL"));
	return why;
}

/* Every check above finds what it is for. */
static void test_statements__control_that_wrong_ones_are_found(void **state)
{
	(void)state;
	assert_non_null(verdict_on(ROWS_ONE, false, "SELECT nothing FROM nowhere", check_params));
	assert_non_null(verdict_on(ROWS_ONE, false, "SELECT '$2'::text || $1::text", check_params));
	assert_non_null(verdict_on(ROWS_NONE, false, "SELECT 1 AS one", check_columns));
	assert_non_null(verdict_on(ROWS_ONE, true, "DELETE FROM scratch", check_columns));
	assert_non_null(verdict_on(ROWS_ONE, false, "SELECT 1 AS a, 2 AS a", check_columns));
	assert_non_null(verdict_on(ROWS_ONE, false, "SELECT 1", check_columns));
	assert_non_null(
		verdict_on(ROWS_ONE, false, "SELECT sum(n) AS s FROM scratch", check_types));
	assert_non_null(verdict_on(ROWS_NONE, false, "DELETE FROM scratch", check_marks));
	assert_non_null(verdict_on(ROWS_ONE, false,
				   "WITH gone AS (DELETE FROM scratch RETURNING id) "
				   "SELECT count(*) AS n FROM gone",
				   check_marks));
	assert_non_null(verdict_on(ROWS_ONE, true, "SELECT n FROM scratch", check_marks));
	assert_non_null(verdict_on(ROWS_ONE, false,
				   "SELECT gate_epoch_raise(subject) AS nothing FROM verdict",
				   check_marks));
	assert_null(verdict_on(ROWS_ONE, false, "SELECT n FROM scratch FOR UPDATE", check_marks));
	assert_null(verdict_on(ROWS_NONE, true, "DELETE FROM scratch", check_marks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements__prepare_with_the_parameters_they_show),
		cmocka_unit_test(test_statements__return_columns_as_their_rows_mark_says),
		cmocka_unit_test(test_statements__return_types_that_have_a_reader),
		cmocka_unit_test(test_statements__are_marked_if_and_only_if_they_write),
		cmocka_unit_test(test_statements__control_that_wrong_ones_are_found),
	};
	return cmocka_run_group_tests(tests, begin_group, end_group);
}
