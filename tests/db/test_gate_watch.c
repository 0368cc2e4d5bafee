/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a campaign shown only while its gate is open and the database says so? The copy that polls look
 * at, over a real database and a real keeper.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/model/gate_watch.h"
#include "tests/support/office.h"

#include <string.h>

static struct office office;
static struct device_gate *gate;

static int begin(void **state)
{
	struct err err = {0};

	(void)state;
	office_open(&office);
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	office_given_campaign(&office);
	office_given_released(&office);
	assert_true(gate_watch_new(office.database.service, &gate, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	gate_watch_free(gate);
	office_close(&office);
	return 0;
}

static size_t shown(void)
{
	const char *const *campaigns;

	return gate_watch_list(gate, office.arena, clock_now(), &campaigns);
}

/* Milliseconds until so many are shown; fails after 5 s. */
static int64_t await(size_t count)
{
	clock_us began = clock_boot();

	while (shown() != count) {
		assert_true(clock_boot() - began < 5 * CLOCK_SECOND);
		clock_sleep(CLOCK_SECOND / 200);
	}
	return (clock_boot() - began) / 1000;
}

static void test_gate_watch__shows_a_campaign_once_it_was_opened(void **state)
{
	const char *const *campaigns;

	(void)state;
	assert_int_equal(shown(), 0);
	office_given_started(&office);
	await(1);
	assert_int_equal(gate_watch_list(gate, office.arena, clock_now(), &campaigns), 1);
	assert_string_equal(campaigns[0], office.campaign);
}

static void test_gate_watch__shows_nothing_after_the_permits_end(void **state)
{
	const char *const *campaigns;

	(void)state;
	assert_int_equal(gate_watch_list(gate, office.arena,
					 clock_now() + (clock_us)8 * 86400 * CLOCK_SECOND,
					 &campaigns),
			 0);
	assert_int_equal(shown(), 1);
}

/* However it fails: here each read is refused, which leaves the permit itself as live as it was. */
static void test_gate_watch__shows_nothing_once_it_cannot_read(void **state)
{
	(void)state;
	await(1);
	given_sql(office.database.owner, "REVOKE SELECT ON permit_live FROM countersign_service");
	assert_true(await(0) < 1000);
	clock_sleep(CLOCK_SECOND / 2);
	assert_int_equal(shown(), 0);
	expect_sql(office.database.owner, "SELECT count(*)::text FROM permit_live", "1");
	given_sql(office.database.owner, "GRANT SELECT ON permit_live TO countersign_service");
	await(1);
}

static void test_gate_watch__stops_showing_within_a_second_of_a_hold(void **state)
{
	struct doc *members = doc_object(office.arena);

	(void)state;
	await(1);
	doc_set_text(members, "campaign", office.campaign);
	doc_set_text(members, "by", "p-qa");
	doc_set_text(members, "reason", "EXAMPLE");
	office_must(&office, "hold", members);
	assert_true(await(0) < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_watch__shows_a_campaign_once_it_was_opened),
		cmocka_unit_test(test_gate_watch__shows_nothing_after_the_permits_end),
		cmocka_unit_test(test_gate_watch__shows_nothing_once_it_cannot_read),
		cmocka_unit_test(test_gate_watch__stops_showing_within_a_second_of_a_hold),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
