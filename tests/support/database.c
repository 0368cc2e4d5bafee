/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where does a test get a database of its own from? Talks to libpq itself: what tests common/db.c
 * should not stand on it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/database.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 * 1024, TRIES = 20 };

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	if (!value || !*value)
		fail_msg("%s is not set; start database tests with `make test T=db`", name);
	return value;
}

static void conninfo_of(const char *role, const char *name, char out[DATABASE_CONNINFO_BYTES])
{
	int length = snprintf(out, DATABASE_CONNINFO_BYTES,
			      "host='%s' port=5432 dbname='%s' user='countersign_%s' "
			      "passfile='%s/countersign_%s.pass'",
			      variable("COUNTERSIGN_TEST_SOCKET"), name, role,
			      variable("COUNTERSIGN_TEST_SECRETS"), role);
	if (length < 0 || length >= DATABASE_CONNINFO_BYTES)
		fail_msg("the path of the test cluster is too long");
}

static void ignore_notice(void *object, const char *message)
{
	(void)object;
	(void)message;
}

static PGconn *connect_to(const char *conninfo)
{
	PGconn *pg = PQconnectdb(conninfo);
	if (PQstatus(pg) != CONNECTION_OK) {
		print_error("%s", PQerrorMessage(pg));
		PQfinish(pg);
		fail_msg("the test database cannot be reached");
	}
	PQsetNoticeProcessor(pg, ignore_notice, NULL);
	return pg;
}

/* The SQLSTATE of a failure, "" for success. */
static void run(const char *conninfo, const char *sql, char state[6])
{
	PGconn *pg = connect_to(conninfo);
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	const char *why = good ? "" : PQresultErrorField(result, PG_DIAG_SQLSTATE);
	snprintf(state, 6, "%s", why ? why : "?????");
	if (!good)
		print_message("# %s", PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
}

void given_sql(const char *conninfo, const char *sql)
{
	char state[6];
	run(conninfo, sql, state);
	assert_string_equal(state, "");
}

void expect_sql_refused(const char *conninfo, const char *sql, const char *sqlstate)
{
	char state[6];
	run(conninfo, sql, state);
	assert_string_equal(state, sqlstate);
}

void read_sql(const char *conninfo, const char *sql, char *out, unsigned long size)
{
	PGconn *pg = connect_to(conninfo);
	PGresult *result = PQexec(pg, sql);

	out[0] = 0;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		snprintf(out, size, "%s", PQerrorMessage(pg));
	else if (PQntuples(result) > 0)
		snprintf(out, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(pg);
}

void expect_sql(const char *conninfo, const char *sql, const char *value)
{
	char got[1024];

	read_sql(conninfo, sql, got, sizeof(got));
	assert_string_equal(got, value);
}

void given_sql_file(const struct database *database, const char *path)
{
	static char sql[FILE_BYTES_MAX];
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read; tests run from the top of the tree", path);
	size_t size = fread(sql, 1, sizeof(sql) - 1, file);
	fclose(file);
	if (size == sizeof(sql) - 1)
		fail_msg("%s is too large", path);
	sql[size] = 0;
	given_sql(database->owner, sql);
}

/* Again as long as autovacuum looks at the database, which is this SQLSTATE. */
static void run_alone(const char *conninfo, const char *sql, const char *busy, char state[6])
{
	for (int i = 0; i < TRIES; i++) {
		run(conninfo, sql, state);
		if (strcmp(state, busy) != 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
	}
}

void given_database(struct database *out)
{
	static unsigned count;
	char home[DATABASE_CONNINFO_BYTES];
	char sql[256];
	char state[6] = "";
	struct database database = {0};

	snprintf(database.name, sizeof(database.name), "test_%ld_%lld_%u", (long)getpid(),
		 (long long)time(NULL), count++);
	conninfo_of("owner", "postgres", home);
	conninfo_of("owner", database.name, database.owner);
	conninfo_of("service", database.name, database.service);
	conninfo_of("keeper", database.name, database.keeper);
	conninfo_of("reports", database.name, database.reports);
	conninfo_of("verifier", database.name, database.verifier);
	snprintf(sql, sizeof(sql), "CREATE DATABASE \"%s\" TEMPLATE \"%s\"", database.name,
		 variable("COUNTERSIGN_TEST_TEMPLATE"));
	run_alone(home, sql, "55006", state);
	assert_string_equal(state, "");
	*out = database;
}

void drop_database(const struct database *database)
{
	char home[DATABASE_CONNINFO_BYTES];
	char sql[256];
	char state[6] = "";

	conninfo_of("owner", "postgres", home);
	snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS \"%s\" WITH (FORCE)", database->name);
	/* The owner may not end a worker of autovacuum. */
	run_alone(home, sql, "42501", state);
	assert_string_equal(state, "");
}
