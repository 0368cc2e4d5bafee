/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a deployment go: every state times every event, written out, so that a hole is a failing test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/model/dispatch_states.h"

#include <string.h>

/* One letter for each state, in their order; '.' in the table: the event changes nothing. */
static const char letters[DEPLOYMENT_STATES + 1] = "qodDitcfrjxmu";

static const struct {
	enum dispatch_event event;
	const char *after; /* of each state, in their order */
} rows[] = {
	/* clang-format off */
	/*				 qodDit cfrjxmu */
	{DISPATCH_OFFERED,		"o............"},
	{DISPATCH_FETCHED,		".d..........."},
	{DISPATCH_DOWNLOADING,		".d..........."},
	{DISPATCH_DOWNLOADED,		"..D.........."},
	{DISPATCH_PROCEEDING,		"...i........."},
	{DISPATCH_REMARK,		"............."},
	{DISPATCH_SAID_DONE,		".tttt........"},
	{DISPATCH_CLAIMED,		".ucccc......."},
	{DISPATCH_GAVE_UP,		".fffff......."},
	{DISPATCH_PROVED_CONFIRMED,	".ccccc.c..ccc"},
	{DISPATCH_PROVED_FAILED,	".ffffff...fff"},
	{DISPATCH_PROVED_ROLLED_BACK,	".rrrrrrr..rrr"},
	{DISPATCH_PROVED_REJECTED,	".jjjjjjj..jjj"},
	{DISPATCH_CALLED_OFF,		"xx..........."},
	/* clang-format on */
};

static void test_dispatch_next__answers_every_state_and_event_as_written(void **state)
{
	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), DISPATCH_EVENTS);
	for (size_t r = 0; r < DISPATCH_EVENTS; r++) {
		assert_int_equal(rows[r].event, r);
		assert_int_equal(strlen(rows[r].after), DEPLOYMENT_STATES);
		for (int from = 0; from < DEPLOYMENT_STATES; from++) {
			char after = rows[r].after[from];
			char expected = after == '.' ? letters[from] : after;
			enum deployment_state to =
				dispatch_next((enum deployment_state)from, rows[r].event);
			if (letters[to] != expected)
				fail_msg("%s in state %s leads to %s",
					 dispatch_event_word(rows[r].event),
					 deployment_state_word((enum deployment_state)from),
					 deployment_state_word(to));
		}
	}
}

static void test_dispatch_next__confirms_a_device_that_signs_by_its_signature_only(void **state)
{
	static const enum dispatch_event words[] = {
		DISPATCH_OFFERED,    DISPATCH_FETCHED, DISPATCH_DOWNLOADING, DISPATCH_DOWNLOADED,
		DISPATCH_PROCEEDING, DISPATCH_REMARK,  DISPATCH_SAID_DONE,   DISPATCH_CALLED_OFF,
	};

	(void)state;
	for (int from = 0; from < DEPLOYMENT_STATES; from++) {
		if (from == DEPLOYMENT_CONFIRMED)
			continue;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			assert_int_not_equal(dispatch_next((enum deployment_state)from, words[i]),
					     DEPLOYMENT_CONFIRMED);
	}
}

static void test_dispatch_next__lets_no_words_change_what_has_ended(void **state)
{
	(void)state;
	for (int from = DEPLOYMENT_CONFIRMED; from < DEPLOYMENT_STATES; from++) {
		for (int event = 0; event < DISPATCH_EVENTS; event++) {
			if (event >= DISPATCH_PROVED_CONFIRMED && event <= DISPATCH_PROVED_REJECTED)
				continue;
			assert_int_equal(dispatch_next((enum deployment_state)from,
						       (enum dispatch_event)event),
					 from);
		}
	}
}

static void test_deployment_state_of__reads_every_word_and_no_other(void **state)
{
	(void)state;
	for (int at = 0; at < DEPLOYMENT_STATES; at++) {
		const char *word = deployment_state_word((enum deployment_state)at);
		assert_int_equal(deployment_state_of(word), at);
		assert_int_equal(deployment_ended((enum deployment_state)at),
				 at >= DEPLOYMENT_CONFIRMED);
	}
	assert_int_equal(deployment_state_of("rolled-back"), DEPLOYMENT_STATES);
	assert_int_equal(deployment_state_of(""), DEPLOYMENT_STATES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dispatch_next__answers_every_state_and_event_as_written),
		cmocka_unit_test(
			test_dispatch_next__confirms_a_device_that_signs_by_its_signature_only),
		cmocka_unit_test(test_dispatch_next__lets_no_words_change_what_has_ended),
		cmocka_unit_test(test_deployment_state_of__reads_every_word_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
