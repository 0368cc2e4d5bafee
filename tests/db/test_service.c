/* SPDX-License-Identifier: Apache-2.0 */
/* Do counted refusals, sessions and kept answers behave at their limits and over time? The service's
 * own marks, over a real database and without a keeper. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/model/idempotency.h"
#include "service/model/session.h"
#include "service/refusal.h"
#include "tests/support/database.h"

#include <stdio.h>
#include <string.h>

#define MINUTE (60 * CLOCK_SECOND)
#define START (INT64_C(30000000) * MINUTE)

static struct database database;
static struct model model;
static struct arena *arena;

static int begin(void **state)
{
	struct err err = {0};

	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	given_database(&database);
	model = (struct model){.writer = {.name = "service/1"}, .arena = arena};
	random_fill(model.writer.key, sizeof(model.writer.key));
	random_fill(model.digest_key, sizeof(model.digest_key));
	return db_pool_new(database.service, 2, &model.pool, &err) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	db_pool_free(model.pool);
	drop_database(&database);
	arena_free(arena);
	return 0;
}

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

/* ---- refusals ---- */

static void test_refusals_write__waits_for_the_end_of_the_minute(void **state)
{
	(void)state;
	struct refusals *refusals = refusals_new(&model);
	struct err err = {0};

	refusals_count(refusals, "192.0.2.1", "access.unidentified", START);
	refusals_count(refusals, "192.0.2.1", "login.refused", START + CLOCK_SECOND);
	refusals_count(refusals, "192.0.2.1", "login.refused", START + MINUTE);
	expect_done(refusals_write(refusals, arena, START + 59 * CLOCK_SECOND, false, &err), &err);
	expect_sql(database.owner, "SELECT count(*)::text FROM event", "0");
	expect_done(refusals_write(refusals, arena, START + MINUTE, false, &err), &err);
	expect_sql(database.owner,
		   "SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{data,count}' FROM event", "2");
	expect_sql(database.owner,
		   "SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{data,codes}' FROM event",
		   "[\"access.unidentified\", \"login.refused\"]");
	expect_done(refusals_write(refusals, arena, START + MINUTE, true, &err), &err);
	expect_sql(database.owner, "SELECT count(*)::text FROM event", "2");
	expect_sql(
		database.owner,
		"SELECT count(*)::text FROM event WHERE convert_from(bytes, 'UTF8') LIKE '%192.0.2%'",
		"0");
	refusals_free(refusals);
}

static void test_refusals_count__keeps_at_most_its_table(void **state)
{
	(void)state;
	struct refusals *refusals = refusals_new(&model);
	struct err err = {0};
	char source[32];

	given_sql(database.owner, "CREATE TABLE before AS SELECT id FROM event");
	for (int i = 0; i < REFUSAL_SOURCES + 7; i++) {
		snprintf(source, sizeof(source), "192.0.%d.%d", i / 256, i % 256);
		refusals_count(refusals, source, "access.unidentified", START);
	}
	expect_done(refusals_write(refusals, arena, START, true, &err), &err);
	expect_sql(database.owner,
		   "SELECT count(*)::text FROM event WHERE id NOT IN (SELECT id FROM before)",
		   "1025");
	expect_sql(database.owner,
		   "SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{data,count}' FROM event "
		   "WHERE convert_from(bytes, 'UTF8')::jsonb #>> '{data,source}' = 'others'",
		   "7");
	refusals_free(refusals);
}

static void test_refusals_write__keeps_what_could_not_be_written(void **state)
{
	(void)state;
	struct refusals *refusals = refusals_new(&model);
	struct err err = {0};

	given_sql(database.owner, "DROP TABLE before; CREATE TABLE before AS SELECT id FROM event; "
				  "REVOKE INSERT ON event FROM countersign_service");
	refusals_count(refusals, "192.0.2.1", "login.refused", START);
	assert_false(refusals_write(refusals, arena, START, true, &err));
	given_sql(database.owner, "GRANT INSERT ON event TO countersign_service");
	err_clear(&err);
	expect_done(refusals_write(refusals, arena, START, true, &err), &err);
	expect_sql(database.owner,
		   "SELECT count(*)::text FROM event WHERE id NOT IN (SELECT id FROM before)", "1");
	refusals_free(refusals);
}

/* ---- kept answers ---- */

static struct act act_at(const char *person, clock_us at)
{
	return (struct act){.actor_kind = ACTOR_PERSON,
			    .actor = person,
			    .auth = "session",
			    .at = at,
			    .request = "test",
			    .arena = arena};
}

static enum err_code begin_key(const char *person, const char *key, const char *request,
			       clock_us at, struct idempotency *out)
{
	struct act act = act_at(person, at);
	struct err err = {0};

	if (idempotency_begin(&model, &act, key, bytes_of_text(request), out, &err))
		return E_NONE;
	return err.code;
}

static void test_idempotency__gives_the_same_answer_to_the_same_person_only(void **state)
{
	(void)state;
	struct act act = act_at("p-qa", START);
	struct doc *answer = doc_object(arena);
	struct idempotency is;
	struct err err = {0};

	assert_int_equal(begin_key("p-qa", "k", "request", START, &is), E_NONE);
	assert_int_equal(is.state, IDEMPOTENCY_FRESH);
	assert_int_equal(begin_key("p-qa", "k", "request", START, &is), E_IDEMPOTENCY_RUNNING);
	assert_int_equal(begin_key("p-qa", "k", "another", START, &is), E_IDEMPOTENCY_OTHER);
	assert_int_equal(begin_key("p-ada", "k", "another", START, &is), E_NONE);
	assert_int_equal(is.state, IDEMPOTENCY_FRESH);
	doc_set_text(answer, "release", "EXAMPLE");
	is.person = "p-qa";
	expect_done(idempotency_answer(&model, &act, &is, 202, answer, &err), &err);
	assert_int_equal(begin_key("p-qa", "k", "request", START, &is), E_NONE);
	assert_int_equal(is.state, IDEMPOTENCY_DONE);
	assert_int_equal(is.status, 202);
	assert_string_equal(doc_get_text(is.answer, "release"), "EXAMPLE");
	/* Of the request a digest is kept, and not one that a password could be tried against. */
	struct sha256_hex plain = digest_sha256_hex(bytes_of_text("request"));
	char found[128];
	read_sql(database.owner, "SELECT request_sha256 FROM idempotency WHERE person = 'p-qa'",
		 found, sizeof(found));
	assert_string_not_equal(found, plain.text);
}

static void test_idempotency__is_taken_over_from_who_never_answered(void **state)
{
	(void)state;
	struct idempotency is;
	clock_us later = START + (IDEMPOTENCY_LOST_S + 1) * CLOCK_SECOND;

	assert_int_equal(begin_key("p-qa", "lost", "request", START, &is), E_NONE);
	assert_int_equal(begin_key("p-qa", "lost", "another", later, &is), E_IDEMPOTENCY_OTHER);
	assert_int_equal(begin_key("p-qa", "lost", "request", later, &is), E_NONE);
	assert_int_equal(is.state, IDEMPOTENCY_FRESH);
	assert_int_equal(begin_key("p-qa", "lost", "request", later, &is), E_IDEMPOTENCY_RUNNING);
}

static void test_idempotency_sweep__forgets_after_a_day(void **state)
{
	(void)state;
	struct idempotency is;
	struct err err = {0};
	clock_us day = START + IDEMPOTENCY_HOURS * 60 * MINUTE;

	given_sql(database.owner, "DELETE FROM idempotency");
	assert_int_equal(begin_key("p-qa", "old", "request", START, &is), E_NONE);
	assert_int_equal(begin_key("p-qa", "new", "request", START + MINUTE, &is), E_NONE);
	expect_done(idempotency_sweep(&model, arena, day, &err), &err);
	expect_sql(database.owner, "SELECT count(*)::text FROM idempotency", "2");
	expect_done(idempotency_sweep(&model, arena, day + CLOCK_SECOND, &err), &err);
	expect_sql(database.owner, "SELECT key FROM idempotency", "new");
}

static void test_idempotency_begin__takes_printable_keys(void **state)
{
	(void)state;
	char longest[IDEMPOTENCY_KEY_MAX + 2];
	struct idempotency is;

	memset(longest, 'k', sizeof(longest));
	longest[IDEMPOTENCY_KEY_MAX + 1] = '\0';
	assert_int_equal(begin_key("p-qa", longest, "request", START, &is), E_INPUT);
	assert_int_equal(begin_key("p-qa", "", "request", START, &is), E_INPUT);
	assert_int_equal(begin_key("p-qa", "a b", "request", START, &is), E_INPUT);
	assert_int_equal(begin_key("p-qa", "\xc3\xa4", "request", START, &is), E_INPUT);
	longest[IDEMPOTENCY_KEY_MAX] = '\0';
	assert_int_equal(begin_key("p-qa", longest, "request", START, &is), E_NONE);
}

/* ---- sessions ---- */

static void test_session_sweep__forgets_what_is_over(void **state)
{
	(void)state;
	struct err err = {0};

	given_sql(database.service, "INSERT INTO session (token_sha256, person, expires_at) VALUES "
				    "(repeat('a', 64), 'p-qa', '2026-01-01 00:00:00Z'), "
				    "(repeat('b', 64), 'p-qa', '2026-01-03 00:00:00Z')");
	clock_us between;
	assert_true(clock_parse("2026-01-02T00:00:00.000000Z", &between, &err));
	expect_done(session_sweep(&model, arena, between, &err), &err);
	expect_sql(database.owner, "SELECT left(token_sha256, 1) FROM session", "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_write__waits_for_the_end_of_the_minute),
		cmocka_unit_test(test_refusals_count__keeps_at_most_its_table),
		cmocka_unit_test(test_refusals_write__keeps_what_could_not_be_written),
		cmocka_unit_test(test_idempotency__gives_the_same_answer_to_the_same_person_only),
		cmocka_unit_test(test_idempotency__is_taken_over_from_who_never_answered),
		cmocka_unit_test(test_idempotency_sweep__forgets_after_a_day),
		cmocka_unit_test(test_idempotency_begin__takes_printable_keys),
		cmocka_unit_test(test_session_sweep__forgets_what_is_over),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
