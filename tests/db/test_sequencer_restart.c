/* SPDX-License-Identifier: Apache-2.0 */
/* Is everything sealed once, whatever stops and whoever comes back? Restarts, lost answers, a database
 * that went back behind what was signed, and many writers at once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"

#include <stdio.h>
#include <string.h>

static struct office office;
static struct session *service; /* what a hostile service has: its role, its key */
static struct session *owner;
static char running[37]; /* a campaign that goes on whatever happens to others */
static char running_release[37];

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	service = session_new(office.database.service);
	owner = session_new(office.database.owner);
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	office_given_campaign(&office);
	office_given_released(&office);
	office_given_started(&office);
	snprintf(running, sizeof(running), "%s", office.campaign);
	snprintf(running_release, sizeof(running_release), "%s", office.release);
	return 0;
}

static int end(void **state)
{
	(void)state;
	session_free(service);
	session_free(owner);
	office_close(&office);
	return 0;
}

/* ---- what is asked again and again ---- */

static struct doc *open_members(const char *campaign)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "act", "start");
	doc_set_text(members, "campaign", campaign);
	return members;
}

static struct doc *lease_members(const char *campaign)
{
	struct doc *members = office_lease_members(&office, "unit-1", 1, "install");

	doc_set_text(members, "campaign", campaign);
	return members;
}

static void expect_others_go_on(void)
{
	office_must(&office, "lease", lease_members(running));
}

/* Waits until it is set aside; why must hold these words, and a sealed alarm tells it. */
static void expect_set_aside(const char *event, const char *words)
{
	const char *question = arena_printf(
		office.arena,
		"SELECT a.why FROM event_set_aside a JOIN sealed s ON s.event = a.alarm "
		"JOIN event e ON e.id = a.alarm WHERE a.event = '%s' "
		"AND position(convert_to('%s', 'UTF8') in e.bytes) > 0 ORDER BY queue_id DESC LIMIT 1",
		event, event);
	const char *why = NULL;

	for (int i = 0; i < 200 && !why; i++) {
		why = session_ask(owner, office.arena, question);
		if (!why)
			clock_sleep(CLOCK_SECOND / 40);
	}
	if (!why || !strstr(why, words))
		fail_msg("event %s was not set aside because '%s': %s", event, words,
			 why ? why : "nothing was set aside");
	for (const char *at = why; *at; at++)
		assert_true(*at >= ' ' && *at <= '~');
}

/* A campaign that everybody signed for and that could be started. */
static void given_ready_campaign(void)
{
	office_given_campaign(&office);
	office_given_released(&office);
}

static void queue(const char *event)
{
	session_must(service, arena_printf(office.arena,
					   "INSERT INTO event_queue (event) VALUES ('%s')", event));
}

static const char *no_such_event(void)
{
	char *id = arena_alloc(office.arena, ID_UUID_BYTES + 1);

	id_uuid_draw(id);
	queue(id);
	return id;
}

/* ---- stopping and starting ---- */

static void test_keeper__seals_after_a_restart_what_came_while_it_was_away(void **state)
{
	(void)state;
	struct err err = {0};

	office_stop_keeper(&office);
	ledger_write_many(&office, 2, 20);
	const char *bad = no_such_event();
	ledger_write_many(&office, 2, 20);
	assert_true(office_start_keeper(&office, &err));
	expect_set_aside(bad, "there is no such event");
	ledger_must_hold(&office);
	expect_others_go_on();
}

static void test_keeper__never_signs_a_smaller_checkpoint(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t size = ledger_must_hold(&office);

	office_stop_keeper(&office);
	/* A cut between file and table: the table is behind. */
	session_must(owner, "ALTER TABLE checkpoint DISABLE TRIGGER USER");
	session_must(owner,
		     "DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)");
	session_must(owner, "ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER append_only_row, "
			    "ENABLE ALWAYS TRIGGER append_only_all");
	assert_true(office_start_keeper(&office, &err));
	assert_true(ledger_must_hold(&office) >= size);
}

/* Without its own memory the keeper cannot know whether the database went back. */
static void test_keeper__does_not_start_without_its_head_file(void **state)
{
	(void)state;
	const char *moved = arena_printf(office.arena, "%s.moved", office.settings.head_file);
	struct err err = {0};

	ledger_must_hold(&office);
	office_stop_keeper(&office);
	assert_int_equal(rename(office.settings.head_file, moved), 0);
	assert_false(office_start_keeper(&office, &err));
	assert_int_equal(err.code, E_LEDGER_ROLLED_BACK);
	assert_int_equal(rename(moved, office.settings.head_file), 0);
	err_clear(&err);
	assert_true(office_start_keeper(&office, &err));
	ledger_must_hold(&office);
}

/* The answer to any statement is lost, COMMIT's too: everything is sealed once all the same. */
static void test_seal__survives_a_lost_answer_at_every_statement(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 16; nth++) {
		struct event_id event = ledger_write_one(&office, "unit-2");
		db_set_fault_for_test(nth);
		clock_sleep(CLOCK_SECOND / 10);
		db_set_fault_for_test(0);
		ledger_settled(&office);
		assert_int_equal(session_count(owner, arena_printf(office.arena,
								   "SELECT count(*) FROM sealed "
								   "WHERE event = '%s'",
								   event.text)),
				 1);
	}
	expect_others_go_on();
	ledger_must_hold(&office);
}

/* ---- many ---- */

static void test_seal__takes_what_eight_writers_write_at_once(void **state)
{
	(void)state;
	int64_t before = ledger_must_hold(&office);

	ledger_write_many(&office, 8, 200);
	assert_int_equal(ledger_must_hold(&office), before + 8 * 200);
	expect_others_go_on();
}

/* A transaction that stays open while others commit is sealed when it commits. */
static void test_seal__takes_what_was_committed_late(void **state)
{
	(void)state;
	struct session *late = session_new(office.database.service);
	struct session_forged forged = {.kind = "device.refused",
					.writer = "service/1",
					.stream_kind = "device",
					.stream_id = "unit-late",
					.no = 1};
	struct bytes bytes = session_forge(office.arena, &forged);
	struct session_event event = {.id = forged.id,
				      .kind = forged.kind,
				      .writer = forged.writer,
				      .bytes = bytes,
				      .key = office.writer.key};

	session_must(late, "BEGIN");
	assert_string_equal(session_put_event(late, &event), "");
	ledger_write_many(&office, 2, 10);
	int64_t before = ledger_must_hold(&office);
	session_must(late, "COMMIT");
	assert_int_equal(ledger_must_hold(&office), before + 1);
	session_free(late);
}

/* ---- the database went back ---- */

static const char save[] = "CREATE SCHEMA saved; CREATE TABLE saved.head AS TABLE ledger_head; "
			   "CREATE TABLE saved.streams AS TABLE sealed_stream";
static const char go_back[] =
	"BEGIN; ALTER TABLE sealed DISABLE TRIGGER USER; "
	"CREATE TABLE saved.rows AS SELECT * FROM sealed WHERE index >= (SELECT size FROM saved.head); "
	"CREATE TABLE saved.new_head AS TABLE ledger_head; "
	"DELETE FROM sealed WHERE index >= (SELECT size FROM saved.head); "
	"UPDATE ledger_head SET (size, frontier, chain) = (SELECT size, frontier, chain FROM saved.head); "
	"COMMIT";
static const char come_forward[] =
	"BEGIN; INSERT INTO sealed SELECT * FROM saved.rows; "
	"UPDATE ledger_head SET (size, frontier, chain) = (SELECT size, frontier, chain FROM saved.new_head); "
	"ALTER TABLE sealed ENABLE ALWAYS TRIGGER append_only_row, "
	"ENABLE ALWAYS TRIGGER append_only_all; DROP SCHEMA saved CASCADE; COMMIT";

static void expect_not_ready(void)
{
	bool ready = true;

	for (int i = 0; i < 100 && ready; i++) {
		ready = doc_bool(doc_get(office_must(&office, "status", NULL), "ready"), true);
		clock_sleep(CLOCK_SECOND / 40);
	}
	assert_false(ready);
}

static struct doc *hold_members(const char *campaign)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "campaign", campaign);
	doc_set_text(members, "by", "operator");
	doc_set_text(members, "reason", "EXAMPLE");
	return members;
}

static void test_keeper__grants_nothing_on_a_database_that_went_back(void **state)
{
	(void)state;
	given_ready_campaign();
	ledger_must_hold(&office);
	session_must(owner, save);
	ledger_write_many(&office, 2, 10);
	int64_t size = ledger_must_hold(&office);
	session_must(owner, go_back);
	expect_not_ready();

	const char *notes =
		session_ask(owner, office.arena, "SELECT count(*)::text FROM checkpoint");
	struct event_id event = ledger_write_one(&office, "unit-2");
	office_refused(&office, "lease", lease_members(running), E_LEDGER_ROLLED_BACK);
	office_refused(&office, "open", open_members(office.campaign), E_LEDGER_ROLLED_BACK);
	office_refused(&office, "challenge",
		       office_challenge_members(&office, "p-manager", "released", "campaign",
						office.campaign),
		       E_LEDGER_ROLLED_BACK);
	/* Holding closes, and works. */
	office_must(&office, "hold", hold_members(office.campaign));
	clock_sleep(CLOCK_SECOND / 2);
	assert_string_equal(
		session_ask(owner, office.arena, "SELECT count(*)::text FROM checkpoint"), notes);
	assert_int_equal(session_count(owner, arena_printf(office.arena,
							   "SELECT count(*) FROM sealed "
							   "WHERE event = '%s'",
							   event.text)),
			 0);
	session_must(owner, come_forward);
	assert_true(ledger_must_hold(&office) > size);
	expect_others_go_on();
}

/* ALTER DATABASE and CREATE DATABASE ... TEMPLATE want nobody in it. */
static void leave_database(void)
{
	office_stop_keeper(&office);
	db_pool_free(office.service);
	session_free(service);
	session_free(owner);
}

static void enter_database(void)
{
	struct err err = {0};

	assert_true(db_pool_new(office.database.service, 4, &office.service, &err));
	service = session_new(office.database.service);
	owner = session_new(office.database.owner);
}

/* Of two names for one setting libpq takes the last. */
static struct session *outside(void)
{
	return session_new(
		arena_printf(office.arena, "%s dbname='postgres'", office.database.owner));
}

static void rename_database(struct session *at, const char *from, const char *to)
{
	const char *sql =
		arena_printf(office.arena, "ALTER DATABASE \"%s\" RENAME TO \"%s\"", from, to);

	for (int i = 0; i < 50 && strcmp(session_try(at, sql), "55006") == 0; i++)
		clock_sleep(CLOCK_SECOND / 10);
	assert_string_equal(session_why(at), "");
}

static void test_keeper__does_not_start_over_a_restored_copy(void **state)
{
	(void)state;
	const char *name = office.database.name;
	const char *copy = arena_printf(office.arena, "%s_copy", name);
	const char *newer = arena_printf(office.arena, "%s_newer", name);
	struct err err = {0};

	ledger_must_hold(&office);
	leave_database();
	struct session *at = outside();
	session_must(at, arena_printf(office.arena, "CREATE DATABASE \"%s\" TEMPLATE \"%s\"", copy,
				      name));
	enter_database();
	assert_true(office_start_keeper(&office, &err));
	ledger_write_many(&office, 2, 10);
	ledger_must_hold(&office);
	leave_database();
	rename_database(at, name, newer);
	rename_database(at, copy, name);
	assert_false(office_start_keeper(&office, &err));
	assert_int_equal(err.code, E_LEDGER_ROLLED_BACK);
	enter_database();
	assert_int_equal(session_count(owner, "SELECT count(*) FROM sealed WHERE index >= "
					      "(SELECT max(size) FROM checkpoint)"),
			 0);
	leave_database();
	rename_database(at, name, copy);
	rename_database(at, newer, name);
	session_must(at, arena_printf(office.arena, "DROP DATABASE \"%s\"", copy));
	session_free(at);
	enter_database();
	err_clear(&err);
	assert_true(office_start_keeper(&office, &err));
	ledger_must_hold(&office);
	expect_others_go_on();
}

/* ---- the check itself ---- */

static void test_check__notices_one_changed_byte(void **state)
{
	(void)state;
	struct err err = {0};

	ledger_must_hold(&office);
	session_must(owner, "ALTER TABLE event DISABLE TRIGGER USER");
	session_must(owner,
		     "UPDATE event SET bytes = set_byte(bytes, 100, get_byte(bytes, 100) # 1) "
		     "WHERE id = (SELECT event FROM sealed WHERE index = 7)");
	assert_false(ledger_check(&office, NULL, &err));
	assert_int_equal(err.code, E_SIGNATURE);
	session_must(owner,
		     "UPDATE event SET bytes = set_byte(bytes, 100, get_byte(bytes, 100) # 1) "
		     "WHERE id = (SELECT event FROM sealed WHERE index = 7)");
	ledger_must_hold(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeper__seals_after_a_restart_what_came_while_it_was_away),
		cmocka_unit_test(test_keeper__never_signs_a_smaller_checkpoint),
		cmocka_unit_test(test_keeper__does_not_start_without_its_head_file),
		cmocka_unit_test(test_seal__survives_a_lost_answer_at_every_statement),
		cmocka_unit_test(test_seal__takes_what_eight_writers_write_at_once),
		cmocka_unit_test(test_seal__takes_what_was_committed_late),
		cmocka_unit_test(test_keeper__grants_nothing_on_a_database_that_went_back),
		cmocka_unit_test(test_keeper__does_not_start_over_a_restored_copy),
		cmocka_unit_test(test_check__notices_one_changed_byte),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
