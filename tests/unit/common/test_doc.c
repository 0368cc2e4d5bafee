/* SPDX-License-Identifier: Apache-2.0 */
/* Does reading refuse everything that is hostile or ambiguous, quickly, saying where? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 10 * 1024 * 1024 };

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

/* What canonical writing makes of it; the text of the error code if it is refused. */
static const char *read_as(bool lenient, const char *json, size_t size, char *why)
{
	const struct doc *doc = NULL;
	struct bytes out;
	struct err err = {0};
	struct bytes bytes = bytes_of(json, size);
	bool parsed = lenient ? doc_parse_lenient(arena, bytes, &doc, &err)
			      : doc_parse(arena, bytes, &doc, &err);
	if (!parsed) {
		assert_null(doc);
		assert_true(err.text[0] != '\0');
		if (why)
			memcpy(why, err.text, sizeof(err.text));
		return err_code_text(err.code);
	}
	assert_true(doc_canonical(arena, doc, &out, &err));
	return arena_text_of(arena, out);
}

#define READ(json) read_as(false, json, strlen(json), NULL)
#define READ_LENIENT(json) read_as(true, json, strlen(json), NULL)

static void test_doc_parse__takes_every_kind_of_value(void **state)
{
	(void)state;
	assert_string_equal(
		READ(" {\"b\" : [ 1 , true , false , null , \"x\" ] ,\r\n\t\"a\":{} } "),
		"{\"a\":{},\"b\":[1,true,false,null,\"x\"]}");
	assert_string_equal(READ("null"), "null");
	assert_string_equal(READ("\"\""), "\"\"");
	assert_string_equal(READ("-12"), "-12");
	assert_string_equal(READ("[9007199254740991,-9007199254740991]"),
			    "[9007199254740991,-9007199254740991]");
	assert_string_equal(READ("\"\\u00e4\\ud83d\\ude00\\/\""), "\"\xc3\xa4\xf0\x9f\x98\x80/\"");
}

#define WITH_NUL(text) text, sizeof(text) - 1

static const struct {
	const char *json;
	size_t size;
	const char *code;
	const char *says;
} hostile[] = {
	/* nothing, too little, too much */
	{WITH_NUL(""), "document.syntax", "empty"},
	{WITH_NUL(" \n"), "document.syntax", "too early"},
	{WITH_NUL("{\"a\":1"), "document.syntax", "too early"},
	{WITH_NUL("\"abc"), "document.syntax", "too early"},
	{WITH_NUL("{} {}"), "document.syntax", "Line 1, column 4: something follows"},
	{WITH_NUL("{}]"), "document.syntax", "follows"},
	{WITH_NUL("{}\0"), "document.syntax", "Line 1"},
	/* almost JSON */
	{WITH_NUL("{'a':1}"), "document.syntax", "not JSON"},
	{WITH_NUL("{a:1}"), "document.syntax", "not JSON"},
	{WITH_NUL("[1,]"), "document.syntax", "not JSON"},
	{WITH_NUL("[,1]"), "document.syntax", "not JSON"},
	{WITH_NUL("{\"a\":1,}"), "document.syntax", "not JSON"},
	{WITH_NUL("{\"a\" 1}"), "document.syntax", "not JSON"},
	{WITH_NUL("[1 2]"), "document.syntax", "not JSON"},
	{WITH_NUL("[1}"), "document.syntax", "not JSON"},
	{WITH_NUL("]"), "document.syntax", "not JSON"},
	{WITH_NUL("}}}}"), "document.syntax", "not JSON"},
	{WITH_NUL("[tru]"), "document.syntax", "not JSON"},
	{WITH_NUL("[True]"), "document.syntax", "not JSON"},
	{WITH_NUL("[NaN]"), "document.syntax", "not JSON"},
	{WITH_NUL("[Infinity]"), "document.syntax", "not JSON"},
	{WITH_NUL("[\"\\x41\"]"), "document.syntax", "not JSON"},
	{WITH_NUL("[\"\\u12g4\"]"), "document.syntax", "not JSON"},
	{WITH_NUL("/* */ {}"), "document.syntax", "not JSON"},
	{WITH_NUL("\xef\xbb\xbf{}"), "document.syntax", "not JSON"},
	/* numbers */
	{WITH_NUL("[\n  1.5]"), "document.syntax", "Line 2, column 3: numbers are whole"},
	{WITH_NUL("[1.0]"), "document.syntax", "whole"},
	{WITH_NUL("[1e3]"), "document.syntax", "whole"},
	{WITH_NUL("[1E+3]"), "document.syntax", "whole"},
	{WITH_NUL("[1e999999999]"), "document.syntax", "whole"},
	{WITH_NUL("[9007199254740992]"), "document.syntax", "beyond 9007199254740991"},
	{WITH_NUL("[-9007199254740992]"), "document.syntax", "beyond 9007199254740991"},
	{WITH_NUL("[18446744073709551617]"), "document.syntax", "beyond 9007199254740991"},
	{WITH_NUL("[-99999999999999999999999999999999999]"), "document.syntax", "beyond"},
	{WITH_NUL("[01]"), "document.syntax", "not JSON"},
	{WITH_NUL("[+1]"), "document.syntax", "not JSON"},
	{WITH_NUL("[-]"), "document.syntax", "not JSON"},
	{WITH_NUL("[0x10]"), "document.syntax", "not JSON"},
	{WITH_NUL("[1-1]"), "document.syntax", "not JSON"},
	/* texts */
	{WITH_NUL("[\"a\\u0000b\"]"), "document.syntax", "U+0000"},
	{WITH_NUL("{\"a\\u0000b\":1}"), "document.syntax", "U+0000"},
	{WITH_NUL("[\"a\0b\"]"), "document.syntax", "Line 1, column 3"},
	{WITH_NUL("[\"a\nb\"]"), "document.syntax", "not JSON"},
	{WITH_NUL("[\"a\tb\"]"), "document.syntax", "not JSON"},
	{WITH_NUL("[\"\xff\"]"), "document.syntax", "not UTF-8"},
	{WITH_NUL("[\"\xc3\"]"), "document.syntax", "not UTF-8"},
	{WITH_NUL("[\"\xc0\x80\"]"), "document.syntax", "not UTF-8"},
	{WITH_NUL("[\"\xed\xa0\x80\"]"), "document.syntax", "not UTF-8"},
	{WITH_NUL("[\"\xf4\x90\x80\x80\"]"), "document.syntax", "not UTF-8"},
	{WITH_NUL("[\"\\ud800\"]"), "document.syntax", "not JSON"},
	{WITH_NUL("[\"\\udc00\"]"), "document.syntax", "not JSON"},
	{WITH_NUL("[\"\\ud800\\u0041\"]"), "document.syntax", "not JSON"},
	/* members */
	{WITH_NUL("{\"a\":1,\n\"a\":1}"), "document.syntax",
	 "Line 2, column 3: this member stands twice"},
	{WITH_NUL("{\"a\":1,\"\\u0061\":1}"), "document.syntax", "twice"},
	{WITH_NUL("[{\"b\":{\"\":1,\"\":2}}]"), "document.syntax", "twice"},
	{WITH_NUL("{\"stra\xc3\x9f\x65\":1}"), "document.syntax", "'stra??e' is not ASCII"},
	{WITH_NUL("[{\"a\":{\"\\u20ac\":1}}]"), "document.syntax", "not ASCII"},
	{WITH_NUL("{1:2}"), "document.syntax", "not JSON"},
};

static void test_doc_parse__refuses_what_is_hostile_and_says_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char why[ERR_TEXT_BYTES] = "";
		const char *got = read_as(false, hostile[i].json, hostile[i].size, why);
		if (strcmp(got, hostile[i].code) != 0)
			fail_msg("%s gave %s", hostile[i].json, got);
		if (!strstr(why, hostile[i].says))
			fail_msg("%s: '%s' does not say '%s'", hostile[i].json, why,
				 hostile[i].says);
	}
}

/* head, then unit again and again, then tail. */
static struct bytes repeated(const char *head, const char *unit, size_t times, const char *tail)
{
	size_t head_size = strlen(head), unit_size = strlen(unit), tail_size = strlen(tail);
	unsigned char *at = arena_alloc(arena, head_size + unit_size * times + tail_size);
	memcpy(at, head, head_size);
	for (size_t i = 0; i < times; i++)
		memcpy(at + head_size + i * unit_size, unit, unit_size);
	memcpy(at + head_size + unit_size * times, tail, tail_size);
	return bytes_of(at, head_size + unit_size * times + tail_size);
}

static const char *code_of(struct bytes json, bool lenient)
{
	return read_as(lenient, (const char *)json.data, json.size, NULL);
}

static void test_doc_parse__refuses_deep_nesting_at_once(void **state)
{
	static const char *const units[] = {"[", "{\"a\":", "[[", "[{\"a\":[", "[\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		clock_us began = clock_boot();
		struct bytes json = repeated("", units[i], LARGE / 10 / strlen(units[i]), "");
		assert_string_equal(code_of(json, false), "document.limit");
		assert_string_equal(code_of(json, true), "document.limit");
		assert_true(clock_boot() - began < CLOCK_SECOND);
	}
	struct bytes json = repeated("", "[", LARGE, "");
	clock_us began = clock_boot();
	assert_string_equal(code_of(json, false), "document.limit");
	assert_true(clock_boot() - began < CLOCK_SECOND / 10);
}

static void test_doc_parse__takes_a_nesting_of_32_and_not_of_33(void **state)
{
	char json[80];

	(void)state;
	for (size_t depth = 1; depth < 40; depth++) {
		memset(json, '[', depth);
		memset(json + depth, ']', depth);
		json[2 * depth] = '\0';
		assert_string_equal(READ(json), depth <= DOC_DEPTH_MAX ? json : "document.limit");
		assert_string_equal(READ_LENIENT(json),
				    depth <= DOC_DEPTH_MAX ? json : "document.limit");
	}
}

static void test_doc_parse__takes_200000_values_and_not_one_more(void **state)
{
	static const char *const units[] = {"1,", "[],", "\"\",", "{} ,", "-5,"};
	const struct doc *doc = NULL;
	struct err err = {0};

	(void)state;
	/* the array itself and its last item are values, too */
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct bytes json = repeated("[", units[i], DOC_VALUES_MAX - 2, "0]");
		assert_true(doc_parse(arena, json, &doc, &err));
		assert_int_equal(doc_size(doc), DOC_VALUES_MAX - 1);
		json = repeated("[", units[i], DOC_VALUES_MAX - 1, "0]");
		assert_string_equal(code_of(json, false), "document.limit");
		assert_string_equal(code_of(json, true), "document.limit");
	}
	struct bytes json = repeated("[0", ",0", LARGE / 2, "]");
	clock_us began = clock_boot();
	assert_string_equal(code_of(json, false), "document.limit");
	assert_true(clock_boot() - began < CLOCK_SECOND);
}

static struct bytes wide_object(size_t members)
{
	char *at = arena_alloc(arena, members * 16 + 2);
	size_t used = 0;
	at[used++] = '{';
	for (size_t i = 0; i < members; i++)
		used += (size_t)snprintf(at + used, 16, "%s\"%zu\":%zu", i ? "," : "", i, i);
	at[used++] = '}';
	return bytes_of(at, used);
}

static void test_doc_parse__takes_10000_members_and_not_one_more(void **state)
{
	const struct doc *doc = NULL;
	struct err err = {0};
	size_t count;

	(void)state;
	assert_true(doc_parse(arena, wide_object(DOC_MEMBERS_MAX), &doc, &err));
	const struct doc_pair *pairs = doc_members(arena, doc, &count);
	assert_int_equal(count, DOC_MEMBERS_MAX);
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(pairs[i - 1].key, pairs[i].key) < 0);
	assert_string_equal(code_of(wide_object(DOC_MEMBERS_MAX + 1), false), "document.limit");
	assert_string_equal(code_of(wide_object(DOC_MEMBERS_MAX + 1), true), "document.limit");
}

static void test_doc_parse__stands_very_long_keys_and_texts(void **state)
{
	const struct doc *doc = NULL;
	struct err err = {0};
	char why[ERR_TEXT_BYTES];

	(void)state;
	struct bytes json = repeated("{\"", "k", LARGE / 10, "\":\"v\"}");
	assert_true(doc_parse(arena, json, &doc, &err));
	assert_int_equal(doc_size(doc), 1);
	json = repeated("{\"", "\xc3\xa4", LARGE / 10, "\":\"v\"}");
	assert_string_equal(read_as(false, (const char *)json.data, json.size, why),
			    "document.syntax");
	assert_true(strlen(why) < 120);
	json = repeated("[\"", "v", LARGE, "\"]");
	assert_true(doc_parse(arena, json, &doc, &err));
	assert_int_equal(strlen(doc_text(doc_at(doc, 0))), LARGE);
	json = repeated("[", "9", LARGE, "]");
	assert_string_equal(code_of(json, false), "document.syntax");
}

/* What real device clients send: shared facts on their feedback bodies. */
static void test_doc_parse_lenient__takes_what_devices_send(void **state)
{
	static const struct {
		const char *json, *read;
	} cases[] = {
		{"{\"details\":[\"Got malformed JSON: x.\n\"]}",
		 "{\"details\":[\"Got malformed JSON: x.\\n\"]}"},
		{"[\"\x01\x1f\ta\rb\"]", "[\"\\u0001\\u001f\\ta\\rb\"]"},
		{"[\"a\\\nb\"]", "[\"a\\\\\\nb\"]"},
		{"[\"a\\\\\nb\"]", "[\"a\\\\\\nb\"]"},
		{"{\"a\nb\":1}", "{\"a\\nb\":1}"},
		{"[1.9,-1.9,0.5,-0.0,1e3,25E-1,1.5e2]", "[1,-1,0,0,1000,2,150]"},
		{"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"b\":2}"},
		{"{\"a\":{\"x\":1,\"x\":2},\"\\u0061\":3}", "{\"a\":{\"x\":1}}"},
		{"{\"a#0000000\":1,\"a\":2}", "{\"a\":2,\"a#0000000\":1}"},
		{"{\"\":1,\"\":2}", "{\"\":1}"},
		{"[\"say \\\"x\\\": 1\",{\"k\" \n : \"\"}]", "[\"say \\\"x\\\": 1\",{\"k\":\"\"}]"},
		{"1.5", "1"},
		{"\"\n\"", "\"\\n\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(READ_LENIENT(cases[i].json), cases[i].read);
}

static void test_doc_parse_lenient__refuses_the_rest_as_strictly(void **state)
{
	static const char *const taken[] = {
		"[\n  1.5]",
		"[1.0]",
		"[1e3]",
		"[1E+3]",
		"[\"a\nb\"]",
		"[\"a\tb\"]",
		"{\"a\":1,\n\"a\":1}",
		"{\"a\":1,\"\\u0061\":1}",
		"[{\"b\":{\"\":1,\"\":2}}]",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		bool expected = false;
		for (size_t k = 0; k < sizeof(taken) / sizeof(taken[0]); k++)
			expected = expected || strcmp(taken[k], hostile[i].json) == 0;
		const char *got = read_as(true, hostile[i].json, hostile[i].size, NULL);
		if ((strcmp(got, hostile[i].code) != 0) != expected)
			fail_msg("%s gave %s", hostile[i].json, got);
	}
	assert_string_equal(READ_LENIENT("[1e16]"), "document.syntax");
	assert_string_equal(READ_LENIENT("[-1e300]"), "document.syntax");
	assert_string_equal(READ_LENIENT("[1.5.5]"), "document.syntax");
	assert_string_equal(READ_LENIENT("[1.]"), "document.syntax");
	assert_string_equal(READ_LENIENT("[.5]"), "document.syntax");
}

static enum err_code signed_code(const char *json)
{
	const struct doc *doc = NULL;
	struct err err = {0};
	bool parsed = doc_parse_signed(arena, bytes_of_text(json), "countersign.x.v1", &doc, &err);
	assert_int_equal(parsed, doc != NULL);
	return err.code;
}

static void test_doc_parse_signed__takes_canonical_bytes_of_its_type_only(void **state)
{
	(void)state;
	assert_int_equal(signed_code("{\"a\":[\"\xc3\xa4\\n\"],\"type\":\"countersign.x.v1\"}"),
			 E_NONE);
	static const char *const not_canonical[] = {
		"{\"type\":\"countersign.x.v1\",\"a\":1}",
		"{\"a\":1, \"type\":\"countersign.x.v1\"}",
		"{\"a\":1,\"type\":\"countersign.x.v1\"}\n",
		" {\"type\":\"countersign.x.v1\"}",
		"{\"a\":-0,\"type\":\"countersign.x.v1\"}",
		"{\"type\":\"countersign.x\\u002ev1\"}",
		"{\"a\":\"\\u000A\",\"type\":\"countersign.x.v1\"}",
		"{\"a\":\"\\u000B\",\"type\":\"countersign.x.v1\"}",
		"{\"a\":\"\\/\",\"type\":\"countersign.x.v1\"}",
		"{\"a\":\"\\u00e4\",\"type\":\"countersign.x.v1\"}",
	};
	for (size_t i = 0; i < sizeof(not_canonical) / sizeof(not_canonical[0]); i++)
		assert_int_equal(signed_code(not_canonical[i]), E_DOC_NOT_CANONICAL);
	static const char *const others[] = {
		"{\"type\":\"countersign.y.v1\"}",
		"{\"type\":\"countersign.x.v11\"}",
		"{\"type\":1}",
		"{}",
		"[]",
		"null",
		"\"countersign.x.v1\"",
		"[\"type\",\"countersign.x.v1\"]",
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(signed_code(others[i]), E_DOC_TYPE);
	assert_int_equal(
		signed_code("{\"type\":\"countersign.x.v1\",\"type\":\"countersign.x.v1\"}"),
		E_DOC_SYNTAX);
}

static void test_doc_get__answers_absence_and_other_kinds_with_nothing(void **state)
{
	const struct doc *doc = NULL, *value = NULL;
	struct err err = {0};

	(void)state;
	assert_true(doc_parse(arena,
			      bytes_of_text("{\"t\":\"x\",\"i\":-5,\"b\":true,\"n\":null,"
					    "\"l\":[1,2],\"o\":{\"k\":1}}"),
			      &doc, &err));
	assert_string_equal(doc_get_text(doc, "t"), "x");
	assert_null(doc_get_text(doc, "i"));
	assert_null(doc_get_text(doc, "absent"));
	assert_null(doc_get(doc_get(doc, "t"), "t"));
	assert_null(doc_get(NULL, "t"));
	assert_null(doc_text(NULL));
	assert_int_equal(doc_int(doc_get(doc, "i"), 9), -5);
	assert_int_equal(doc_int(doc_get(doc, "t"), 9), 9);
	assert_int_equal(doc_int(NULL, 9), 9);
	assert_true(doc_bool(doc_get(doc, "b"), false));
	assert_true(doc_bool(doc_get(doc, "n"), true));
	assert_int_equal(doc_kind(doc), DOC_KIND_OBJECT);
	assert_int_equal(doc_kind(doc_get(doc, "l")), DOC_KIND_ARRAY);
	assert_int_equal(doc_kind(doc_get(doc, "t")), DOC_KIND_TEXT);
	assert_int_equal(doc_kind(doc_get(doc, "i")), DOC_KIND_INT);
	assert_int_equal(doc_kind(doc_get(doc, "b")), DOC_KIND_BOOL);
	assert_int_equal(doc_kind(doc_get(doc, "n")), DOC_KIND_NULL);
	assert_int_equal(doc_size(doc), 6);
	assert_int_equal(doc_size(doc_get(doc, "l")), 2);
	assert_int_equal(doc_size(doc_get(doc, "t")), 0);
	assert_int_equal(doc_size(NULL), 0);
	assert_int_equal(doc_int(doc_at(doc_get(doc, "l"), 1), 0), 2);
	assert_null(doc_at(doc_get(doc, "l"), 2));
	assert_null(doc_at(doc, 0));
	unsigned int seen = 0;
	for (size_t i = 0; i < doc_size(doc); i++) {
		const char *key = doc_member(arena, doc, i, &value);
		assert_ptr_equal(doc_get(doc, key), value);
		seen |= 1U << (key[0] - 'a');
	}
	assert_int_equal(__builtin_popcount(seen), 6);
	assert_null(doc_member(arena, doc, 6, &value));
	assert_null(doc_member(arena, doc_get(doc, "l"), 0, &value));
}

static void test_doc_hold__keeps_a_part_when_the_whole_is_gone(void **state)
{
	struct arena *first = arena_new(1024 * 1024);
	const struct doc *doc = NULL;
	struct err err = {0};

	(void)state;
	assert_true(doc_parse(first, bytes_of_text("{\"a\":[\"kept\"]}"), &doc, &err));
	const struct doc *part = doc_hold(arena, doc_get(doc, "a"));
	struct doc *built = doc_object(arena);
	doc_set(built, "also", doc);
	arena_free(first);
	assert_string_equal(doc_text(doc_at(part, 0)), "kept");
	assert_ptr_equal(doc_get(doc_get(built, "also"), "a"), part);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_doc_parse__takes_every_kind_of_value),
		TEST(test_doc_parse__refuses_what_is_hostile_and_says_where),
		TEST(test_doc_parse__refuses_deep_nesting_at_once),
		TEST(test_doc_parse__takes_a_nesting_of_32_and_not_of_33),
		TEST(test_doc_parse__takes_200000_values_and_not_one_more),
		TEST(test_doc_parse__takes_10000_members_and_not_one_more),
		TEST(test_doc_parse__stands_very_long_keys_and_texts),
		TEST(test_doc_parse_lenient__takes_what_devices_send),
		TEST(test_doc_parse_lenient__refuses_the_rest_as_strictly),
		TEST(test_doc_parse_signed__takes_canonical_bytes_of_its_type_only),
		TEST(test_doc_get__answers_absence_and_other_kinds_with_nothing),
		TEST(test_doc_hold__keeps_a_part_when_the_whole_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
