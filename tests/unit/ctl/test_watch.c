/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes of a campaign are told, and when is it over? And where may a package's files lie? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/text.h"
#include "service/ctl/audit.h"
#include "service/ctl/watch.h"

#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(16 * 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const struct doc *parse(const char *text)
{
	const struct doc *doc;
	struct err err = {0};

	assert_true(doc_parse(arena, bytes_of_text(text), &doc, &err));
	return doc;
}

static void collect(void *context, const char *words)
{
	text_addf(context, "%s\n", words);
}

static const char *changes(const char *before, const char *now)
{
	struct text told;

	text_init(&told, arena, 4096);
	watch_changes(arena, before ? parse(before) : NULL, parse(now), collect, &told);
	return told.at;
}

static void test_watch_changes__tells_each_change_once(void **state)
{
	static const char one[] = "[{\"device\":\"a\",\"state\":\"queued\"},"
				  "{\"device\":\"b\",\"state\":\"queued\"}]";
	static const char two[] = "[{\"device\":\"a\",\"state\":\"offered\"},"
				  "{\"device\":\"b\",\"state\":\"queued\"}]";

	(void)state;
	assert_string_equal(changes(NULL, one), "a: queued\nb: queued\n");
	assert_string_equal(changes(one, one), "");
	assert_string_equal(changes(one, two), "a: offered\n");
	/* One more, in front: the others are still known. */
	assert_string_equal(changes(two, "[{\"device\":\"0\",\"state\":\"queued\"},"
					 "{\"device\":\"a\",\"state\":\"offered\"},"
					 "{\"device\":\"b\",\"state\":\"failed\","
					 "\"code\":\"agent.health\"}]"),
			    "0: queued\nb: failed (agent.health)\n");
}

static void test_watch_over__waits_for_every_device(void **state)
{
	static const struct {
		const char *campaign, *devices;
		bool over, confirmed;
	} cases[] = {
		{"running", "[]", false, false},
		{"aborted", "[]", true, false},
		{"completed", "[\"confirmed\"]", true, true},
		{"running", "[\"confirmed\"]", true, true},
		{"running", "[\"confirmed\",\"testing\"]", false, false},
		{"held", "[\"confirmed\",\"queued\"]", false, false},
		{"aborted", "[\"confirmed\",\"queued\"]", true, false},
		{"running", "[\"confirmed\",\"rolled_back\"]", true, false},
		{"running", "[\"failed\",\"rejected\",\"canceled\",\"unproven\"]", true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct doc *states = parse(cases[i].devices);
		struct doc *devices = doc_array(arena);
		struct doc *campaign = doc_object(arena);
		bool confirmed;
		doc_set_text(campaign, "state", cases[i].campaign);
		for (size_t j = 0; j < doc_size(states); j++) {
			struct doc *one = doc_object(arena);
			doc_set(one, "state", doc_at(states, j));
			doc_add(devices, one);
		}
		assert_int_equal(watch_over(campaign, devices, &confirmed), cases[i].over);
		assert_int_equal(confirmed, cases[i].confirmed);
	}
}

static void test_audit_path_valid__lets_nothing_leave_the_folder(void **state)
{
	static const char *const good[] = {"manifest.json", "content/streams/device/pump-1.json",
					   "seal/a%3Ab",    "a",
					   "a/b",	    "content/x..y"};
	static const char *const bad[] = {"",	   "/etc/passwd", "..",	       "../x", "a/../b",
					  "a/..",  "a//b",	  "a/",	       "/",    "./a",
					  "a/./b", ".hidden",	  "a/.hidden", "a\\b", "a b",
					  "a\nb",  "\xc3\xa4",	  "a/\x01"};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(audit_path_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(audit_path_valid(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[240] = '\0';
	assert_true(audit_path_valid(longest));
	longest[240] = 'a';
	longest[241] = '\0';
	assert_false(audit_path_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch_changes__tells_each_change_once),
		cmocka_unit_test(test_watch_over__waits_for_every_device),
		cmocka_unit_test(test_audit_path_valid__lets_nothing_leave_the_folder),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
