/* SPDX-License-Identifier: Apache-2.0 */
/* Does an error keep its first cause, stay within its bounds, and mean the same everywhere? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/err.h"

#include <string.h>

static const enum err_code every_code[] = {
#define ERROR(name, text, kind, sentence) name,
#include "common/errors.def"
#undef ERROR
};

enum { CODES = sizeof(every_code) / sizeof(every_code[0]) };

static void test_err_fail__is_false_and_sets_code_and_text(void **state)
{
	(void)state;
	struct err err = {0};

	assert_false(err_fail(&err, E_CONFIG, "port %d is taken; choose another", 80));
	assert_int_equal(err.code, E_CONFIG);
	assert_string_equal(err.text, "port 80 is taken; choose another");
}

static void test_err_set__without_format_says_the_sentence_of_the_code(void **state)
{
	(void)state;
	struct err err = {0};

	err_set(&err, E_DENIED, NULL);
	assert_string_equal(err.text, err_code_sentence(E_DENIED));
}

static void test_err_set__keeps_the_first_cause(void **state)
{
	(void)state;
	struct err err = {0};

	err_set(&err, E_FILE, "the disk is full");
	err_set(&err, E_BUG, "something else");
	assert_int_equal(err.code, E_FILE);
	assert_string_equal(err.text, "the disk is full");
}

static void test_err_set__cuts_a_text_that_is_too_long(void **state)
{
	(void)state;
	struct err err = {0};
	char long_text[2 * ERR_TEXT_BYTES];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	err_set(&err, E_FILE, "%s", long_text);
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
}

static void test_err_prefix__puts_words_in_front_and_keeps_the_code(void **state)
{
	(void)state;
	struct err err = {0};

	err_set(&err, E_FILE, "cannot be read");
	err_prefix(&err, "release %s", "7");
	assert_int_equal(err.code, E_FILE);
	assert_string_equal(err.text, "release 7: cannot be read");
}

/* For every length of prefix and of text: terminated, and neither read nor written past the end. */
static void test_err_prefix__stays_within_the_text_at_every_length(void **state)
{
	(void)state;
	char words[ERR_TEXT_BYTES + 16];

	for (size_t text = 0; text < ERR_TEXT_BYTES; text += 7) {
		for (size_t prefix = 0; prefix < sizeof(words); prefix++) {
			struct err err = {.code = E_FILE};
			memset(err.text, 't', text);
			memset(words, 'p', prefix);
			words[prefix < sizeof(words) ? prefix : sizeof(words) - 1] = '\0';
			err_prefix(&err, "%s", words);
			assert_non_null(memchr(err.text, '\0', sizeof(err.text)));
			assert_int_equal(err.code, E_FILE);
		}
	}
}

static void test_err_clear__makes_the_struct_usable_again(void **state)
{
	(void)state;
	struct err err = {0};

	err_set(&err, E_FILE, "first");
	err_clear(&err);
	assert_int_equal(err.code, E_NONE);
	assert_string_equal(err.text, "");
	err_set(&err, E_CONFIG, "second");
	assert_string_equal(err.text, "second");
}

static void test_err_code_of__finds_every_code_by_its_text(void **state)
{
	(void)state;
	/* Also proves that no two codes share a text. */
	for (size_t i = 0; i < CODES; i++)
		assert_int_equal(err_code_of(err_code_text(every_code[i])), every_code[i]);
	assert_int_equal(err_code_of("no-such.code"), E_NONE);
	assert_int_equal(err_code_of(""), E_NONE);
}

static void test_err_code_text__is_room_dot_reason_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		const char *text = err_code_text(every_code[i]);
		const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-.";
		assert_int_equal(strspn(text, allowed), strlen(text));
		const char *dot = strchr(text, '.');
		assert_non_null(dot);
		assert_true(dot > text && dot[1] != '\0');
	}
}

static void test_err_code_sentence__fits_and_has_no_final_stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		const char *sentence = err_code_sentence(every_code[i]);
		size_t length = strlen(sentence);
		assert_in_range(length, 10, ERR_TEXT_BYTES - 1);
		assert_int_not_equal(sentence[length - 1], '.');
	}
}

static void test_err_kind__every_code_is_answered_as_a_failure(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		enum err_kind kind = err_code_kind(every_code[i]);
		assert_in_range(err_kind_status(kind), 400, 599);
		assert_int_not_equal(err_kind_exit(kind), 0);
		const char *outcome = err_kind_outcome(kind);
		/* Whose fault it is shows in both: 4xx refused, 5xx failed. */
		assert_string_equal(outcome, err_kind_status(kind) < 500 ? "refused" : "failed");
	}
}

static void test_err_kind__means_what_the_header_says(void **state)
{
	(void)state;
	static const struct {
		enum err_kind kind;
		int status;
		int exit;
	} rows[] = {
		{ERR_INVALID, 400, 2},	{ERR_UNIDENTIFIED, 401, 1}, {ERR_DENIED, 403, 1},
		{ERR_UNKNOWN, 404, 1},	{ERR_CONFLICT, 409, 1},	    {ERR_TOO_MUCH, 413, 2},
		{ERR_RETRY, 409, 1},	{ERR_UNAVAILABLE, 503, 3},  {ERR_BROKEN_EVIDENCE, 422, 1},
		{ERR_INTERNAL, 500, 1}, {ERR_BUG, 500, 70},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(err_kind_status(rows[i].kind), rows[i].status);
		assert_int_equal(err_kind_exit(rows[i].kind), rows[i].exit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_fail__is_false_and_sets_code_and_text),
		cmocka_unit_test(test_err_set__without_format_says_the_sentence_of_the_code),
		cmocka_unit_test(test_err_set__keeps_the_first_cause),
		cmocka_unit_test(test_err_set__cuts_a_text_that_is_too_long),
		cmocka_unit_test(test_err_prefix__puts_words_in_front_and_keeps_the_code),
		cmocka_unit_test(test_err_prefix__stays_within_the_text_at_every_length),
		cmocka_unit_test(test_err_clear__makes_the_struct_usable_again),
		cmocka_unit_test(test_err_code_of__finds_every_code_by_its_text),
		cmocka_unit_test(test_err_code_text__is_room_dot_reason_in_words),
		cmocka_unit_test(test_err_code_sentence__fits_and_has_no_final_stop),
		cmocka_unit_test(test_err_kind__every_code_is_answered_as_a_failure),
		cmocka_unit_test(test_err_kind__means_what_the_header_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
