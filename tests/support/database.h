/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_DATABASE_H
#define TESTS_SUPPORT_DATABASE_H

/*
 * A fresh database for a test, copied from the migrated template of the test cluster, with the five
 * real roles. tests/run starts the cluster and exports where it is:
 *
 *	COUNTERSIGN_TEST_SOCKET    folder of its socket
 *	COUNTERSIGN_TEST_SECRETS   folder with a libpq passfile per role, countersign_<role>.pass
 *	COUNTERSIGN_TEST_TEMPLATE  name of the template database
 *
 * Whatever goes wrong here fails the running test. Include it after cmocka.h's own headers; it needs
 * nothing of them.
 */

enum { DATABASE_CONNINFO_BYTES = 1024 };

struct database {
	char name[64];
	/* libpq connection strings, one for each role. */
	char owner[DATABASE_CONNINFO_BYTES];
	char service[DATABASE_CONNINFO_BYTES];
	char keeper[DATABASE_CONNINFO_BYTES];
	char reports[DATABASE_CONNINFO_BYTES];
	char verifier[DATABASE_CONNINFO_BYTES];
};

void given_database(struct database *out);
/* Ends every session in it first. */
void drop_database(const struct database *database);

/* Runs SQL of a test's own, one or several statements, as one of the roles. */
void given_sql(const char *conninfo, const char *sql);
/* The same for a file, as the owner: given_sql_file(&database, "tests/db/scratch.sql"). */
void given_sql_file(const struct database *database, const char *path);
/* The first column of the first row as text, into out; "" if there is none or it is null. */
void expect_sql(const char *conninfo, const char *sql, const char *value);
void read_sql(const char *conninfo, const char *sql, char *out, unsigned long size);
/* That it is refused, with this SQLSTATE. */
void expect_sql_refused(const char *conninfo, const char *sql, const char *sqlstate);

#endif
