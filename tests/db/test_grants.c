/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, by the catalogue itself: every table, view, function and role against the table
 * that is written here. What the catalogue has and this file has not, fails. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/database.h"
#include "tests/support/session.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 16 * 1024 * 1024, ROLES = 4 };

static const char *const roles[ROLES] = {"service", "keeper", "reports", "verifier"};

/*
 * r SELECT, a INSERT, w UPDATE, d DELETE, D TRUNCATE, x REFERENCES, t TRIGGER; in capitals A: INSERT
 * of some columns only. Nobody but the owner has D, x or t anywhere.
 */
struct row {
	const char *name;
	const char *may[ROLES];
};

/* clang-format off */
static const struct row tables[] = {
	/* name                  service  keeper  reports verifier */
	{"artifact",		{"ra",    "r",    "r",    ""}},
	{"campaign",		{"ra",    "r",    "r",    ""}},
	{"campaign_end",	{"ra",    "ra",   "r",    ""}},
	{"campaign_hold",	{"ra",    "ra",   "r",    ""}},
	{"campaign_hold_release", {"r",   "ra",   "r",    ""}},
	{"campaign_open",	{"r",     "ra",   "r",    ""}},
	{"campaign_plan",	{"r",     "ra",   "r",    ""}},
	{"campaign_state",	{"r",     "r",    "r",    ""}},
	{"challenge",		{"",      "raw",  "",     ""}},
	{"checkpoint",		{"r",     "ra",   "r",    "r"}},
	{"credential",		{"",      "raw",  "",     ""}},
	{"deployment",		{"raw",   "r",    "r",    ""}},
	{"device",		{"r",     "raw",  "r",    ""}},
	{"device_access",	{"raw",   "",     "",     ""}},
	{"device_seen",		{"raw",   "",     "r",    ""}},
	{"directory_statement",	{"r",     "ra",   "r",    "r"}},
	{"document",		{"rA",    "rA",   "r",    "r"}},
	{"document_signature",	{"rA",    "rA",   "r",    "r"}},
	{"event",		{"rA",    "rA",   "r",    "r"}},
	{"event_queue",		{"rA",    "rAd",  "",     ""}},
	{"event_set_aside",	{"r",     "ra",   "r",    "r"}},
	{"gate_epoch",		{"r",     "r",    "r",    ""}},
	{"history",		{"r",     "ra",   "r",    "r"}},
	{"idempotency",		{"rawd",  "",     "",     ""}},
	{"lease",		{"r",     "ra",   "r",    ""}},
	{"ledger_head",		{"r",     "raw",  "r",    "r"}},
	{"permit",		{"r",     "ra",   "r",    ""}},
	{"permit_live",		{"r",     "r",    "r",    ""}},
	{"person",		{"r",     "raw",  "r",    ""}},
	{"personal_key",	{"r",     "raw",  "r",    ""}},
	{"product",		{"r",     "raw",  "r",    ""}},
	{"proof",		{"ra",    "r",    "r",    ""}},
	{"record",		{"r",     "ra",   "r",    ""}},
	{"release",		{"ra",    "r",    "r",    ""}},
	{"release_seal",	{"r",     "ra",   "r",    ""}},
	{"release_withdrawal",	{"ra",    "r",    "r",    ""}},
	{"role_grant",		{"r",     "raw",  "r",    ""}},
	{"ruleset",		{"r",     "ra",   "r",    ""}},
	{"schema_version",	{"",      "",     "r",    ""}}, /* sql/migrate.sh makes it */
	{"sealed",		{"r",     "ra",   "r",    "r"}},
	{"sealed_stream",	{"r",     "raw",  "r",    "r"}},
	{"session",		{"rawd",  "",     "",     ""}},
	{"signature",		{"r",     "ra",   "r",    ""}},
	{"stream",		{"raw",   "raw",  "r",    ""}},
	{"target",		{"r",     "ra",   "r",    ""}},
	{"trust_document",	{"r",     "ra",   "r",    "r"}},
	{"verdict",		{"r",     "ra",   "r",    ""}},
};

/* Functions that somebody beside the owner may execute; all others: nobody. */
static const struct row functions[] = {
	{"gate_epoch_raise(uuid)", {"X", "X", "", ""}},
	{"ledger_advance(bigint,bigint,bytea,bytea)", {"", "X", "", ""}},
};
/* clang-format on */

static struct database database;
static struct arena *arena;
static struct session *owner;

static int begin(void **state)
{
	(void)state;
	given_database(&database);
	arena = arena_new(ARENA_BYTES);
	owner = session_new(database.owner);
	return 0;
}

static int end(void **state)
{
	(void)state;
	session_free(owner);
	arena_free(arena);
	drop_database(&database);
	return 0;
}

static const char *privileges_of(const char *role, const char *table)
{
	return session_ask(
		owner, arena,
		arena_printf(
			arena,
			"SELECT string_agg(CASE WHEN has_table_privilege(r, t, p) THEN l "
			"WHEN p IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege(r, t, p) "
			"THEN upper(l) ELSE '' END, '' ORDER BY n) "
			"FROM (VALUES ('countersign_%s', 'public.%s'::regclass)) AS who (r, t), "
			"(VALUES (1, 'SELECT', 'r'), (2, 'INSERT', 'a'), (3, 'UPDATE', 'w'), "
			"(4, 'DELETE', 'd'), (5, 'TRUNCATE', 'D'), (6, 'REFERENCES', 'x'), "
			"(7, 'TRIGGER', 't')) AS what (n, p, l)",
			role, table));
}

static const struct row *row_of(const struct row *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

static void test_tables__give_each_role_what_the_matrix_says_and_no_more(void **state)
{
	(void)state;
	size_t count;
	size_t wrong = 0;
	/* All that can hold or show rows, sequences too: they are of no table here. */
	const char *const *names = session_column(
		owner, arena,
		"SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
		"AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname COLLATE \"C\"",
		&count);

	for (size_t i = 0; i < count; i++) {
		const struct row *row =
			row_of(tables, sizeof(tables) / sizeof(tables[0]), names[i]);
		for (size_t r = 0; r < ROLES; r++) {
			const char *may = privileges_of(roles[r], names[i]);
			if (row && strcmp(row->may[r], may) == 0)
				continue;
			wrong++;
			print_error("# %s: %s may '%s', the matrix says '%s'\n", names[i], roles[r],
				    may, row ? row->may[r] : "nothing: no such row");
		}
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(count, sizeof(tables) / sizeof(tables[0]));
}

static void test_functions__are_executable_by_few(void **state)
{
	(void)state;
	size_t count;
	size_t wrong = 0;
	const char *const *names = session_column(
		owner, arena,
		"SELECT regexp_replace(p.oid::regprocedure::text, '^public\\.', '') FROM pg_proc p "
		"WHERE pronamespace = 'public'::regnamespace",
		&count);

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		const struct row *row =
			row_of(functions, sizeof(functions) / sizeof(functions[0]), names[i]);
		for (size_t r = 0; r < ROLES; r++) {
			const char *may = session_ask(
				owner, arena,
				arena_printf(
					arena,
					"SELECT CASE WHEN has_function_privilege('countersign_%s', "
					"'public.%s', 'EXECUTE') THEN 'X' ELSE '' END",
					roles[r], names[i]));
			if (strcmp(row ? row->may[r] : "", may) == 0)
				continue;
			wrong++;
			print_error("# %s: %s '%s'\n", names[i], roles[r], may);
		}
	}
	assert_int_equal(wrong, 0);
}

/* Names resolve to our tables whatever the session's search_path or temporary tables say. */
static void test_functions__pin_their_search_path(void **state)
{
	(void)state;
	size_t count;
	const char *const *loose = session_column(
		owner, arena,
		"SELECT p.oid::regprocedure::text FROM pg_proc p "
		"WHERE pronamespace = 'public'::regnamespace "
		"AND NOT coalesce(p.proconfig @> ARRAY['search_path=public, pg_temp'], false) "
		"ORDER BY 1",
		&count);

	for (size_t i = 0; i < count; i++)
		print_error("# %s has no pinned search_path\n", loose[i]);
	assert_int_equal(count, 0);
}

static void test_triggers__are_always_enabled(void **state)
{
	(void)state;
	size_t count;
	const char *const *loose = session_column(
		owner, arena,
		"SELECT tgrelid::regclass || '.' || tgname FROM pg_trigger t "
		"JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT tgisinternal "
		"AND relnamespace = 'public'::regnamespace AND tgenabled <> 'A' ORDER BY 1",
		&count);

	for (size_t i = 0; i < count; i++)
		print_error("# %s is not enabled always\n", loose[i]);
	assert_int_equal(count, 0);
}

/* What is never changed refuses it to the owner as well; what may change is listed here. */
static void test_tables__are_append_only_unless_listed(void **state)
{
	(void)state;
	static const char *const changing[] = {
		"challenge",	 "credential",	 "deployment", "device",      "device_access",
		"device_seen",	 "event_queue",	 "gate_epoch", "idempotency", "ledger_head",
		"person",	 "personal_key", "product",    "role_grant",  "schema_version",
		"sealed_stream", "session",	 "stream",
	};
	size_t count;
	size_t wrong = 0;
	const char *const *names = session_column(
		owner, arena,
		"SELECT c.relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace "
		"AND relkind = 'r' AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid "
		"AND t.tgfoid = 'refuse_change'::regproc AND t.tgenabled = 'A' "
		"AND t.tgname IN ('append_only_row', 'append_only_all')) <> 2 ORDER BY 1",
		&count);

	for (size_t i = 0; i < count; i++) {
		bool listed = false;
		for (size_t k = 0; k < sizeof(changing) / sizeof(changing[0]); k++)
			listed = listed || strcmp(changing[k], names[i]) == 0;
		wrong += !listed;
		if (!listed)
			print_error("# %s is not append-only\n", names[i]);
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(count, sizeof(changing) / sizeof(changing[0]));
}

static void test_roles__are_no_more_than_their_grants(void **state)
{
	(void)state;
	size_t count;
	const char *const *powers = session_column(
		owner, arena,
		"SELECT rolname || ' has attributes' FROM pg_roles WHERE rolname LIKE 'countersign\\_%' "
		"AND (rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls "
		"OR (rolcreatedb AND rolname <> 'countersign_owner')) "
		"UNION ALL SELECT m.member::regrole || ' is a member of ' || m.roleid::regrole "
		"FROM pg_auth_members m WHERE m.member::regrole::text LIKE 'countersign\\_%' "
		"UNION ALL SELECT relname || ' is owned by ' || relowner::regrole FROM pg_class "
		"WHERE relnamespace = 'public'::regnamespace "
		"AND relowner::regrole::text <> 'countersign_owner' "
		"UNION ALL SELECT 'a default grant to ' || a.grantee::regrole FROM pg_default_acl d, "
		"aclexplode(d.defaclacl) a "
		"UNION ALL SELECT r.rolname || ' may create in ' || n.nspname FROM pg_roles r, "
		"pg_namespace n WHERE r.rolname LIKE 'countersign\\_%' AND r.rolname <> 'countersign_owner' "
		"AND n.nspname !~ '^pg_temp|^pg_toast_temp' "
		"AND has_schema_privilege(r.oid, n.oid, 'CREATE') "
		"UNION ALL SELECT r.rolname || ' may make schemas' FROM pg_roles r "
		"WHERE r.rolname LIKE 'countersign\\_%' AND r.rolname <> 'countersign_owner' "
		"AND has_database_privilege(r.oid, current_database(), 'CREATE') "
		"UNION ALL SELECT 'PUBLIC has rights on ' || c.relname FROM pg_class c, aclexplode(c.relacl) a "
		"WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0 "
		"UNION ALL SELECT r.rolname || ' may use sequence ' || c.relname FROM pg_class c, pg_roles r "
		"WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace "
		"AND r.rolname LIKE 'countersign\\_%' AND r.rolname <> 'countersign_owner' "
		"AND has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE')",
		&count);

	for (size_t i = 0; i < count; i++)
		print_error("# %s\n", powers[i]);
	assert_int_equal(count, 0);
}

/* The check that all the others rest on sees a grant that should not be there. */
static void test_matrix__notices_a_grant_too_many(void **state)
{
	(void)state;
	assert_string_equal(privileges_of("service", "verdict"), "r");
	session_must(owner, "GRANT INSERT ON verdict TO countersign_service");
	assert_string_equal(privileges_of("service", "verdict"), "ra");
	session_must(owner, "REVOKE INSERT ON verdict FROM countersign_service; "
			    "GRANT INSERT (sha256) ON verdict TO countersign_service");
	assert_string_equal(privileges_of("service", "verdict"), "rA");
	session_must(owner, "REVOKE INSERT (sha256) ON verdict FROM countersign_service; "
			    "GRANT TRUNCATE ON verdict TO PUBLIC");
	assert_string_equal(privileges_of("service", "verdict"), "rD");
	session_must(owner, "REVOKE TRUNCATE ON verdict FROM PUBLIC");
	assert_string_equal(privileges_of("service", "verdict"), "r");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables__give_each_role_what_the_matrix_says_and_no_more),
		cmocka_unit_test(test_functions__are_executable_by_few),
		cmocka_unit_test(test_functions__pin_their_search_path),
		cmocka_unit_test(test_triggers__are_always_enabled),
		cmocka_unit_test(test_tables__are_append_only_unless_listed),
		cmocka_unit_test(test_roles__are_no_more_than_their_grants),
		cmocka_unit_test(test_matrix__notices_a_grant_too_many),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
