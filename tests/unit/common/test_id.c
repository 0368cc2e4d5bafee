/* SPDX-License-Identifier: Apache-2.0 */
/* Is an identifier exactly what its family says, and are drawn ones fresh? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_id_name_valid__takes_names_up_to_the_maximum(void **state)
{
	(void)state;
	static const char *const right[] = {"a", "Z", "0", "device-1", "a.b_c:d-e", "0123456789"};
	char name[66];

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_true(id_name_valid(right[i], ID_NAME_MAX));
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	assert_true(id_name_valid(name, ID_NAME_MAX));
	name[64] = 'x';
	name[65] = '\0';
	assert_false(id_name_valid(name, ID_NAME_MAX));
	assert_true(id_name_valid(name, ID_DEVICE_MAX));
}

static void test_id_name_valid__refuses_what_could_mean_something_elsewhere(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",    ".",   "..",  "-a",  "_a",  ":a",  ".a",	      "a/b",   "a b",	    "a\n",
		"a%b", "a'b", "a;b", "a\\", "a*b", "a?b", "\xc3\xa4", "a\x7f", "a\xc3\xa4", " a",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (id_name_valid(wrong[i], ID_NAME_MAX))
			fail_msg("'%s' was taken", wrong[i]);
	}
}

static void test_id_name_read__fills_the_type_or_leaves_it(void **state)
{
	(void)state;
	struct person_id person = {"before"};
	struct err err = {0};
	char name[66];

	assert_true(id_name_read("casey", person.text, sizeof(person.text), &err));
	assert_string_equal(person.text, "casey");
	assert_false(id_name_read("not this", person.text, sizeof(person.text), &err));
	assert_int_equal(err.code, E_ID);
	assert_string_equal(person.text, "casey");
	err_clear(&err);
	assert_false(id_name_read(NULL, person.text, sizeof(person.text), &err));
	assert_int_equal(err.code, E_ID);
	memset(name, 'x', sizeof(name));
	name[65] = '\0';
	assert_false(id_name_read(name, person.text, sizeof(person.text), &err));
	name[64] = '\0';
	assert_true(id_name_read(name, person.text, sizeof(person.text), &err));
}

static void test_id_uuid_valid__takes_lower_case_version_4_only(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"9f3c0a52-2b8e-4c1d-9a77-0b5e6f7a8b9",
		"9f3c0a52-2b8e-4c1d-9a77-0b5e6f7a8b9c0",
		"9F3C0A52-2B8E-4C1D-9A77-0B5E6F7A8B9C",
		"9f3c0a52-2b8e-1c1d-9a77-0b5e6f7a8b9c",
		"9f3c0a52-2b8e-4c1d-7a77-0b5e6f7a8b9c",
		"9f3c0a52-2b8e-4c1d-ca77-0b5e6f7a8b9c",
		"9f3c0a5202b8e-4c1d-9a77-0b5e6f7a8b9c",
		"9f3c0a52-2b8e-4c1d-9a77-0b5e6f7a8b9g",
		"{f3c0a52-2b8e-4c1d-9a77-0b5e6f7a8b9}",
		"00000000-0000-0000-0000-000000000000",
	};
	struct release_id release = {"before"};
	struct err err = {0};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (id_uuid_read(wrong[i], release.text, &err))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, E_ID);
	}
	assert_string_equal(release.text, "before");
	assert_true(id_uuid_read("9f3c0a52-2b8e-4c1d-9a77-0b5e6f7a8b9c", release.text, &err));
	assert_string_equal(release.text, "9f3c0a52-2b8e-4c1d-9a77-0b5e6f7a8b9c");
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_id_uuid_draw__draws_valid_ids_that_do_not_repeat(void **state)
{
	(void)state;
	enum { COUNT = 5000 };
	static char drawn[COUNT][ID_UUID_BYTES + 1];

	for (size_t i = 0; i < COUNT; i++) {
		id_uuid_draw(drawn[i]);
		assert_true(id_uuid_valid(drawn[i]));
	}
	qsort(drawn, COUNT, sizeof(drawn[0]), compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_string_not_equal(drawn[i - 1], drawn[i]);
}

static void test_id_sha256_read__takes_64_lower_case_hex_digits_only(void **state)
{
	(void)state;
	struct sha256_hex out = {"before"};
	struct err err = {0};
	char text[67];

	memset(text, 'a', sizeof(text));
	for (size_t length = 0; length < 67; length++) {
		text[length] = '\0';
		assert_int_equal(id_sha256_valid(text), length == 64);
		text[length] = 'a';
	}
	text[64] = '\0';
	text[63] = 'A';
	assert_false(id_sha256_read(text, &out, &err));
	assert_int_equal(err.code, E_ID);
	text[63] = 'g';
	assert_false(id_sha256_read(text, &out, &err));
	assert_false(id_sha256_read(NULL, &out, &err));
	assert_string_equal(out.text, "before");
	text[63] = 'f';
	assert_true(id_sha256_read(text, &out, &err));
	assert_string_equal(out.text, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_name_valid__takes_names_up_to_the_maximum),
		cmocka_unit_test(test_id_name_valid__refuses_what_could_mean_something_elsewhere),
		cmocka_unit_test(test_id_name_read__fills_the_type_or_leaves_it),
		cmocka_unit_test(test_id_uuid_valid__takes_lower_case_version_4_only),
		cmocka_unit_test(test_id_uuid_draw__draws_valid_ids_that_do_not_repeat),
		cmocka_unit_test(test_id_sha256_read__takes_64_lower_case_hex_digits_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
