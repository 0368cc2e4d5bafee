/* SPDX-License-Identifier: Apache-2.0 */
/* Do growing texts keep to their maximum, and do checks of outside text take what is right only? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static int begin(void **state)
{
	*state = arena_new(4 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	arena_free(*state);
	return 0;
}

static void test_text_add__grows_to_its_maximum_and_marks_the_cut(void **state)
{
	struct text text;
	text_init(&text, *state, 1000);
	for (int i = 0; i < 100; i++)
		text_addf(&text, "%s%d", "123456789", i % 10);
	assert_int_equal(text.length, 1000);
	assert_false(text_cut(&text));
	assert_int_equal(strlen(text.at), 1000);
	text_add(&text, "");
	assert_false(text_cut(&text));
	text_add(&text, "x");
	assert_true(text_cut(&text));
	assert_int_equal(text_bytes(&text).size, 1000);
	assert_int_equal(text.at[999], '9');
}

static void test_text_add__writes_what_still_fits_and_nothing_later(void **state)
{
	struct text text;
	text_init(&text, *state, 5);
	text_add(&text, "abc");
	text_addf(&text, "%s", "defg");
	text_add(&text, "h");
	assert_string_equal(text.at, "abcde");
	assert_true(text_cut(&text));
	text_init(&text, *state, 0);
	assert_string_equal(text.at, "");
	text_add(&text, "h");
	assert_string_equal(text.at, "");
	assert_true(text_cut(&text));
}

static void test_text_add__never_cuts_through_a_character(void **state)
{
	/* one character of 1, 2, 3 and 4 bytes: only whole ones may remain */
	static const char words[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};

	for (size_t max = 0; max < sizeof(whole) / sizeof(whole[0]); max++) {
		struct text text;
		text_init(&text, *state, max);
		text_add(&text, words);
		assert_int_equal(text.length, whole[max]);
		assert_int_equal(strlen(text.at), whole[max]);
		assert_int_equal(text_cut(&text), max < 10);
	}
}

static size_t encode(unsigned long point, unsigned char out[4])
{
	if (point < 0x80) {
		out[0] = (unsigned char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (unsigned char)(0xc0 | point >> 6);
		out[1] = (unsigned char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (unsigned char)(0xe0 | point >> 12);
		out[1] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | point >> 18);
	out[1] = (unsigned char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (point & 0x3f));
	return 4;
}

static void test_text_utf8_valid__takes_every_code_point_but_nul_and_surrogates(void **state)
{
	(void)state;
	for (unsigned long point = 0; point < 0x120000; point++) {
		unsigned char bytes[4];
		size_t size = encode(point, bytes);
		bool right =
			point != 0 && !(point >= 0xd800 && point <= 0xdfff) && point < 0x110000;
		if (text_utf8_valid(bytes_of(bytes, size)) != right)
			fail_msg("U+%04lX", point);
		if (size > 1 && text_utf8_valid(bytes_of(bytes, size - 1)))
			fail_msg("U+%04lX without its last byte", point);
	}
	assert_true(text_utf8_valid(bytes_of(NULL, 0)));
}

static void test_text_utf8_valid__refuses_long_forms_and_stray_bytes(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"a\xc3",
		"\xc3(",
		"\xe2\x82(",
		"\xe2(\xac",
		"\xf0\x9f\x98(",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (text_utf8_valid(bytes_of_text(wrong[i])))
			fail_msg("number %zu was taken", i);
	}
}

static void test_text_printable__shows_characters_and_hides_controls(void **state)
{
	struct bytes raw = bytes_of("a\0b\n\x1b[31m\x7f\xc2\x9b\xff\xc3\xa4\xe2\x82", 17);
	assert_string_equal(text_printable(*state, raw, 100), "a?b??[31m???\xc3\xa4??");
	assert_string_equal(text_printable(*state, bytes_of_text("abc\xc3\xa4"), 4), "abc");
	/* U+2027, U+2028, U+202E, U+202F; U+2065, U+2066, U+2069, U+206A */
	raw = bytes_of_text("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf");
	assert_string_equal(text_printable(*state, raw, 100), "\xe2\x80\xa7??\xe2\x80\xaf");
	raw = bytes_of_text("\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa");
	assert_string_equal(text_printable(*state, raw, 100), "\xe2\x81\xa5??\xe2\x81\xaa");
	assert_string_equal(text_printable(*state, bytes_of_text("abc"), 0), "");
	assert_string_equal(text_printable(*state, bytes_of(NULL, 0), 10), "");
}

static void test_text_int__takes_the_one_spelling_of_each_number(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"-",
		"+1",
		" 1",
		"1 ",
		"01",
		"-0",
		"-01",
		"00",
		"1.0",
		"1e3",
		"0x1",
		"--1",
		"1-",
		"\t1",
		"1\n",
		"9223372036854775808",
		"-9223372036854775809",
		"99999999999999999999999999",
	};
	long long out = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (text_int(wrong[i], LLONG_MIN, LLONG_MAX, &out))
			fail_msg("'%s' was taken", wrong[i]);
	}
	assert_int_equal(out, 7);
	assert_true(text_int("0", LLONG_MIN, LLONG_MAX, &out));
	assert_int_equal(out, 0);
	assert_true(text_int("9223372036854775807", LLONG_MIN, LLONG_MAX, &out));
	assert_true(out == LLONG_MAX);
	assert_true(text_int("-9223372036854775808", LLONG_MIN, LLONG_MAX, &out));
	assert_true(out == LLONG_MIN);
	assert_true(text_int("-5", -5, 5, &out));
	assert_int_equal(out, -5);
	assert_false(text_int("-6", -5, 5, &out));
	assert_false(text_int("6", -5, 5, &out));
	assert_int_equal(out, -5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text_add__grows_to_its_maximum_and_marks_the_cut),
		TEST(test_text_add__writes_what_still_fits_and_nothing_later),
		TEST(test_text_add__never_cuts_through_a_character),
		TEST(test_text_utf8_valid__takes_every_code_point_but_nul_and_surrogates),
		TEST(test_text_utf8_valid__refuses_long_forms_and_stray_bytes),
		TEST(test_text_printable__shows_characters_and_hides_controls),
		TEST(test_text_int__takes_the_one_spelling_of_each_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
