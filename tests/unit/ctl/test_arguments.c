/* SPDX-License-Identifier: Apache-2.0 */
/* Does a synopsis mean what it says: are good command lines read, and all others refused? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/ctl/arguments.h"

#include <string.h>

enum { WORDS_MAX = 12 };
static const char synopsis[] = "KIND ID... --meaning MEANING --cms FILE... [--yes] [--record ID]";
static const char more[] = "[--json] [--help]";

static struct arena *arena;
static struct err err;
static struct arguments read_arguments;

static bool reads(const char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	err_clear(&err);
	return arguments_read(arena, synopsis, more, words, count, &read_arguments, &err);
}

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_arguments_read__takes_options_anywhere(void **state)
{
	static const char *const lines[][WORDS_MAX] = {
		{"release", "x", "--meaning", "approved", "--cms", "a", "--cms", "b", "--yes"},
		{"--yes", "--cms=a", "release", "--meaning=approved", "--cms", "b", "x"},
		{"--cms", "a", "--cms", "b", "--yes", "--meaning", "approved", "--", "release",
		 "x"},
	};
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(reads(lines[i]));
		assert_string_equal(arguments_find(&read_arguments, "KIND"), "release");
		assert_string_equal(arguments_find(&read_arguments, "--meaning"), "approved");
		const char *const *files = arguments_list(arena, &read_arguments, "--cms", &count);
		assert_int_equal(count, 2);
		assert_string_equal(files[0], "a");
		assert_string_equal(files[1], "b");
		assert_true(arguments_has(&read_arguments, "--yes"));
		assert_false(arguments_has(&read_arguments, "--json"));
		assert_null(arguments_find(&read_arguments, "--record"));
	}
}

static void test_arguments_read__keeps_an_operand_that_looks_like_an_option(void **state)
{
	static const char *const words[] = {"--meaning", "m",	  "--cms", "c", "--",
					    "k",	 "--yes", "-x",	   NULL};
	size_t count;

	(void)state;
	assert_true(reads(words));
	const char *const *ids = arguments_list(arena, &read_arguments, "ID", &count);
	assert_int_equal(count, 2);
	assert_string_equal(ids[0], "--yes");
	assert_string_equal(ids[1], "-x");
	assert_false(arguments_has(&read_arguments, "--yes"));
}

static void test_arguments_read__keeps_an_empty_and_an_odd_value(void **state)
{
	static const char *const words[] = {"k",	   "i",	       "--meaning", "",
					    "--cms=--yes", "--record", "a=b=c",	    NULL};

	(void)state;
	assert_true(reads(words));
	assert_string_equal(arguments_find(&read_arguments, "--meaning"), "");
	assert_string_equal(arguments_find(&read_arguments, "--cms"), "--yes");
	assert_string_equal(arguments_find(&read_arguments, "--record"), "a=b=c");
}

static void test_arguments_read__refuses_what_the_synopsis_does_not_say(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *names; /* what the sentence has to name */
	} cases[] = {
		{{"release", "x", "--cms", "a"}, "--meaning MEANING is missing"},
		{{"release", "x", "--meaning", "m"}, "--cms FILE is missing"},
		{{"--meaning", "m", "--cms", "a"}, "KIND is missing"},
		{{"release", "--meaning", "m", "--cms", "a"}, "ID is missing"},
		{{"release", "x", "--meaning", "m", "--cms", "a", "--wrong"}, "--wrong"},
		{{"release", "x", "--meaning", "m", "--cms", "a", "--ye"}, "--ye"},
		{{"release", "x", "--meaning", "m", "--cms", "a", "-y"}, "-y"},
		{{"release", "x", "--meaning", "m", "--meaning", "n", "--cms", "a"}, "twice"},
		{{"release", "x", "--meaning", "m", "--cms", "a", "--yes", "--yes"}, "twice"},
		{{"release", "x", "--meaning", "m", "--cms", "a", "--yes=1"}, "no value"},
		{{"release", "x", "--meaning", "m", "--cms"}, "--cms FILE"},
		{{"release", "x", "--cms", "a", "--meaning", "--yes"}, "--meaning MEANING"},
		{{"release", "x", "--meaning", "m", "--cms", "a", "--record"}, "--record ID"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(reads(cases[i].words));
		assert_int_equal(err.code, E_USAGE);
		assert_non_null(strstr(err.text, cases[i].names));
	}
}

static void test_arguments_read__wants_all_of_a_pair_of_brackets_or_none(void **state)
{
	static const char pair[] = "[--yes] [--key KEY --cert CERT] [--reason TEXT]";
	static const struct {
		const char *words[WORDS_MAX];
		bool good;
	} cases[] = {
		{{NULL}, true},
		{{"--yes"}, true},
		{{"--reason", "r", "--yes"}, true},
		{{"--key", "k", "--cert", "c"}, true},
		{{"--cert", "c", "--key", "k", "--reason", "r"}, true},
		{{"--key", "k"}, false},
		{{"--cert", "c", "--yes"}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err why = {0};
		size_t count = 0;
		while (cases[i].words[count])
			count++;
		assert_int_equal(arguments_read(arena, pair, more, cases[i].words, count,
						&read_arguments, &why),
				 cases[i].good);
		assert_int_equal(why.code, cases[i].good ? E_NONE : E_USAGE);
	}
}

static void test_arguments_read__refuses_a_word_too_many(void **state)
{
	static const char *const words[] = {"one", "two"};

	(void)state;
	assert_false(arguments_read(arena, "ONE", "", words, 2, &read_arguments, &err));
	assert_int_equal(err.code, E_USAGE);
	assert_true(arguments_read(arena, "ONE [TWO]", "", words, 2, &read_arguments,
				   &(struct err){0}));
	assert_true(arguments_read(arena, "ONE [TWO]", "", words, 1, &read_arguments,
				   &(struct err){0}));
}

static void test_arguments_read__lets_who_asks_for_help_leave_out_everything(void **state)
{
	static const char *const words[] = {"--help", NULL};

	(void)state;
	assert_true(reads(words));
	assert_true(arguments_has(&read_arguments, "--help"));
}

static void test_arguments_read__says_no_control_character_again(void **state)
{
	static const char *const words[] = {"--\033[2Jwrong", NULL};

	(void)state;
	assert_false(reads(words));
	assert_null(strchr(err.text, '\033'));
}

static void test_arguments_int__takes_whole_numbers_in_range(void **state)
{
	static const struct {
		const char *text;
		bool good;
		long long value;
	} cases[] = {
		{"1", true, 1},	  {"10", true, 10}, {"0", false, 0},
		{"11", false, 0}, {"", false, 0},   {"1.0", false, 0},
		{"x", false, 0},  {"01", false, 0}, {"+1", false, 0},
		{" 1", false, 0}, {"-1", false, 0}, {"99999999999999999999", false, 0},
	};
	long long value;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const words[] = {"--n", cases[i].text};
		struct err why = {0};
		assert_true(arguments_read(arena, "[--n N]", "", words, 2, &read_arguments, &why));
		bool good = arguments_int(&read_arguments, "--n", 1, 10, 5, &value, &why);
		assert_int_equal(good, cases[i].good);
		if (good)
			assert_int_equal(value, cases[i].value);
		else
			assert_int_equal(why.code, E_USAGE);
	}
	assert_true(arguments_read(arena, "[--n N]", "", NULL, 0, &read_arguments, &err));
	assert_true(arguments_int(&read_arguments, "--n", 1, 10, 5, &value, &err));
	assert_int_equal(value, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_read__takes_options_anywhere),
		cmocka_unit_test(test_arguments_read__keeps_an_operand_that_looks_like_an_option),
		cmocka_unit_test(test_arguments_read__keeps_an_empty_and_an_odd_value),
		cmocka_unit_test(test_arguments_read__refuses_what_the_synopsis_does_not_say),
		cmocka_unit_test(test_arguments_read__wants_all_of_a_pair_of_brackets_or_none),
		cmocka_unit_test(test_arguments_read__refuses_a_word_too_many),
		cmocka_unit_test(test_arguments_read__lets_who_asks_for_help_leave_out_everything),
		cmocka_unit_test(test_arguments_read__says_no_control_character_again),
		cmocka_unit_test(test_arguments_int__takes_whole_numbers_in_range),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
