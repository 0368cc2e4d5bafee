/* SPDX-License-Identifier: Apache-2.0 */
/* Are documents written as RFC 8785 says, and is what could not be read again refused? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/doc.h"
#include "common/file.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const char *canonical(const struct doc *doc)
{
	struct bytes out;
	struct err err = {0};
	if (!doc_canonical(arena, doc, &out, &err))
		return err_code_text(err.code);
	return arena_text_of(arena, out);
}

static struct bytes golden(const char *name, const char *ending)
{
	struct bytes out;
	struct err err = {0};
	const char *path = arena_printf(arena, "tests/golden/jcs/%s.%s.json", name, ending);
	if (!file_read(arena, path, 65536, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

static void test_doc_canonical__writes_the_golden_files(void **state)
{
	static const char *const names[] = {"keys", "escapes", "numbers", "values",
					    "normalisation"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct doc *doc = NULL;
		struct err err = {0};
		struct bytes expected = golden(names[i], "out");
		struct bytes in[] = {golden(names[i], "in"), expected};
		for (size_t k = 0; k < 2; k++) {
			struct bytes out;
			assert_true(doc_parse(arena, in[k], &doc, &err));
			assert_true(doc_canonical(arena, doc, &out, &err));
			if (!bytes_equal(out, expected))
				fail_msg("%s: %s", names[i], arena_text_of(arena, out));
		}
	}
}

static void test_doc_canonical__escapes_exactly_what_rfc_8785_names(void **state)
{
	(void)state;
	for (unsigned int c = 1; c < 0x80; c++) {
		static const char special[] = "\b\t\n\f\r\"\\";
		static const char letters[] = "btnfr\"\\";
		const char text[] = {(char)c, '\0'};
		char expected[16];
		const char *found = strchr(special, (int)c);
		if (found)
			snprintf(expected, sizeof(expected), "[\"\\%c\"]",
				 letters[found - special]);
		else if (c < 0x20)
			snprintf(expected, sizeof(expected), "[\"\\u%04x\"]", c);
		else
			snprintf(expected, sizeof(expected), "[\"%c\"]", (char)c);
		struct doc *array = doc_array(arena);
		doc_add_text(array, text);
		assert_string_equal(canonical(array), expected);
	}
}

static void test_doc_set__builds_every_kind_and_replaces(void **state)
{
	struct doc *object = doc_object(arena);
	struct doc *array = doc_array(arena);

	(void)state;
	assert_string_equal(canonical(object), "{}");
	assert_string_equal(canonical(array), "[]");
	assert_string_equal(canonical(NULL), "null");
	doc_add_int(array, -DOC_INT_MAX);
	doc_add_text(array, NULL);
	doc_add(array, NULL);
	doc_add(array, doc_object(arena));
	doc_set(object, "list", array);
	doc_set(object, "none", NULL);
	doc_set_text(object, "text", "first");
	doc_set_text(object, "text", "a\"b");
	doc_set_text(object, "absent", NULL);
	doc_set_int(object, "int", DOC_INT_MAX);
	doc_set_bool(object, "flag", true);
	doc_set_null(object, "null");
	doc_set_time(object, "time", INT64_C(1795414023123456));
	doc_set_bytes(object, "bytes", bytes_of("\0\xff\x10", 3));
	doc_set_bytes(object, "empty", bytes_of(NULL, 0));
	assert_string_equal(canonical(object),
			    "{\"absent\":null,\"bytes\":\"AP8Q\",\"empty\":\"\",\"flag\":true,"
			    "\"int\":9007199254740991,\"list\":[-9007199254740991,null,null,{}],"
			    "\"none\":null,\"null\":null,\"text\":\"a\\\"b\","
			    "\"time\":\"2026-11-23T06:07:03.123456Z\"}");
}

static void test_doc_canonical__refuses_what_could_not_be_read_again(void **state)
{
	struct doc *object = doc_object(arena);

	(void)state;
	doc_set_text(object, "a", "\xff");
	assert_string_equal(canonical(object), "input.invalid");
	doc_set_text(object, "a", "\xed\xa0\x80");
	assert_string_equal(canonical(object), "input.invalid");
	doc_set_int(object, "a", DOC_INT_MAX + 1);
	assert_string_equal(canonical(object), "input.invalid");
	doc_set_int(object, "a", INT64_MIN);
	assert_string_equal(canonical(object), "input.invalid");
	doc_set_int(object, "a", 1);
	assert_string_equal(canonical(object), "{\"a\":1}");
	doc_set_int(object, "\xc3\xa4", 1);
	assert_string_equal(canonical(object), "input.invalid");
}

static void test_doc_canonical__keeps_the_limits_of_reading(void **state)
{
	struct doc *array = doc_array(arena);
	struct doc *object = doc_object(arena);
	char key[16];

	(void)state;
	for (int i = 1; i < DOC_VALUES_MAX; i++)
		doc_add_int(array, 1);
	assert_int_equal(strlen(canonical(array)), (DOC_VALUES_MAX - 1) * 2 + 1);
	doc_add_int(array, 1);
	assert_string_equal(canonical(array), "document.limit");
	for (int i = 0; i < DOC_MEMBERS_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		doc_set_int(object, key, i);
	}
	assert_memory_equal(canonical(object), "{\"0\":0,\"1\":1,\"10\":10,\"100\":100,", 26);
	doc_set_int(object, "more", 1);
	assert_string_equal(canonical(object), "document.limit");
	struct doc *nested = doc_array(arena);
	for (int depth = 1; depth < DOC_DEPTH_MAX; depth++) {
		struct doc *outer = doc_array(arena);
		doc_add(outer, nested);
		nested = outer;
	}
	assert_int_equal(strlen(canonical(nested)), 2 * DOC_DEPTH_MAX);
	struct doc *outer = doc_array(arena);
	doc_add(outer, nested);
	assert_string_equal(canonical(outer), "document.limit");
}

static void test_doc_canonical__turns_a_small_arena_into_an_error(void **state)
{
	struct arena *small = arena_new(2000);
	struct doc *object = doc_object(arena);
	struct bytes out = bytes_of("before", 6);
	struct err err = {0};
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	doc_set_text(object, "a", text);
	assert_false(doc_canonical(small, object, &out, &err));
	assert_int_equal(err.code, E_DOC_LIMIT);
	assert_int_equal(out.size, 6);
	arena_free(small);
}

static void test_doc_pretty__indents_and_reads_back_as_the_same(void **state)
{
	const struct doc *doc = NULL, *again = NULL;
	struct err err = {0};

	(void)state;
	assert_true(doc_parse(arena, golden("keys", "in"), &doc, &err));
	const char *pretty = doc_pretty(arena, doc);
	assert_true(doc_parse(arena, bytes_of_text(pretty), &again, &err));
	assert_string_equal(canonical(doc), canonical(again));
	assert_true(doc_parse(arena, bytes_of_text("{\"b\":[1,{}],\"a\":[]}"), &doc, &err));
	assert_string_equal(doc_pretty(arena, doc),
			    "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}\n");
	struct doc *wrong = doc_array(arena);
	doc_add_text(wrong, "\xff");
	assert_memory_equal(doc_pretty(arena, wrong), "(not shown: ", 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_doc_canonical__writes_the_golden_files),
		TEST(test_doc_canonical__escapes_exactly_what_rfc_8785_names),
		TEST(test_doc_set__builds_every_kind_and_replaces),
		TEST(test_doc_canonical__refuses_what_could_not_be_read_again),
		TEST(test_doc_canonical__keeps_the_limits_of_reading),
		TEST(test_doc_canonical__turns_a_small_arena_into_an_error),
		TEST(test_doc_pretty__indents_and_reads_back_as_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
