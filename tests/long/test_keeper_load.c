/* SPDX-License-Identifier: Apache-2.0 */
/* Does the ledger hold under minutes of load, floods of the largest events and lost connections? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/database.h" /* tells tests/run that it needs one */
#include "tests/support/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROUNDS = 20, FLOOD = 1000 };

static struct office office;

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	office_given_trust(&office);
	office_given_people(&office);
	return 0;
}

static int end(void **state)
{
	(void)state;
	db_set_fault_for_test(0);
	office_close(&office);
	return 0;
}

static void test_seal__takes_what_eight_writers_write_for_long(void **state)
{
	(void)state;
	int64_t before = ledger_must_hold(&office);

	ledger_write_many(&office, 8, 5000);
	assert_int_equal(ledger_must_hold(&office), before + 8 * 5000);
}

static void *write_run(void *context)
{
	ledger_write_many(&office, 4, 1500);
	atomic_store((atomic_bool *)context, true);
	return NULL;
}

/* Restarted at any moment of it; here, for libgit2 keeps something for each thread that uses it. */
static void test_seal__takes_all_though_the_keeper_is_restarted_again_and_again(void **state)
{
	(void)state;
	atomic_bool written = false;
	pthread_t writer;
	int64_t before = ledger_must_hold(&office);

	assert_int_equal(pthread_create(&writer, NULL, write_run, &written), 0);
	while (!atomic_load(&written)) {
		struct err err = {0};
		clock_sleep(CLOCK_SECOND / 4);
		office_stop_keeper(&office);
		assert_true(office_start_keeper(&office, &err));
	}
	pthread_join(writer, NULL);
	assert_int_equal(ledger_must_hold(&office), before + 4 * 1500);
}

static void test_seal__survives_lost_answers_for_long(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned nth = 1; nth <= 20; nth++) {
			ledger_write_one(&office, "unit-1");
			db_set_fault_for_test(nth);
			clock_sleep(CLOCK_SECOND / 20);
			db_set_fault_for_test(0);
		}
		ledger_settled(&office);
	}
	ledger_must_hold(&office);
}

/* Each of 60,000 bytes that parse into 20,000 values: batches stay small, and so does the keeper. */
static void test_seal__stays_small_under_a_flood_of_large_events(void **state)
{
	(void)state;
	struct session *service = session_new(office.database.service);
	struct session_forged forged = {.kind = "device.refused",
					.writer = "service/1",
					.stream_kind = "device",
					.stream_id = "unit-3",
					.no = 1};
	struct doc *data = doc_object(office.arena);
	struct doc *list = doc_array(office.arena);
	struct rusage usage;

	for (int i = 0; i < 19000; i++)
		doc_add(list, doc_array(office.arena));
	doc_set(data, "list", list);
	forged.data = data;
	struct bytes bytes = session_forge(office.arena, &forged);
	getrusage(RUSAGE_SELF, &usage);
	long before_kib = usage.ru_maxrss;
	session_must(service, "BEGIN");
	for (int i = 0; i < FLOOD; i++) {
		/* The same bytes under other ids: read all the same. */
		struct session_event event = {.id = forged.id,
					      .kind = forged.kind,
					      .writer = forged.writer,
					      .bytes = bytes,
					      .key = office.writer.key};
		id_uuid_draw(forged.id);
		assert_string_equal(session_put_event(service, &event), "");
	}
	session_must(service, "COMMIT");
	for (int i = 0; i < 60; i++) {
		if (session_count(service, "SELECT count(*) FROM event_queue") == 0)
			break;
		clock_sleep(CLOCK_SECOND);
	}
	assert_int_equal(session_count(service, "SELECT count(*) FROM event_queue"), 0);
	getrusage(RUSAGE_SELF, &usage);
	print_message("# grew by %ld MiB\n", (usage.ru_maxrss - before_kib) / 1024);
	/* Parsed all at once these are gigabytes; the sanitizer doubles what is measured here. */
	assert_in_range(usage.ru_maxrss - before_kib, 0, 1024 * 1024);
	session_free(service);
	ledger_must_hold(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal__takes_what_eight_writers_write_for_long),
		cmocka_unit_test(
			test_seal__takes_all_though_the_keeper_is_restarted_again_and_again),
		cmocka_unit_test(test_seal__survives_lost_answers_for_long),
		cmocka_unit_test(test_seal__stays_small_under_a_flood_of_large_events),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
