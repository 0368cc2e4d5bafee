/* SPDX-License-Identifier: Apache-2.0 */
/* Does a table of fields take exactly the objects it describes, and write nothing of any other? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/doc.h"

#include <stdio.h>
#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TIME "2026-11-23T06:07:03.123456Z"

struct paper {
	int64_t before;
	const char *text, *word, *note;
	int64_t number;
	bool flag;
	clock_us time;
	struct sha256_hex sha256;
	struct bytes bytes;
	const struct doc *object, *list, *any;
	int64_t after;
};

static const char *const colours[] = {"red", "green", NULL};

static const struct doc_field fields[] = {
	DOC_TYPE_MEMBER,
	DOC_TEXT(struct paper, text, 2, 5),
	DOC_WORD(struct paper, word, colours),
	DOC_INT(struct paper, number, -3, 900),
	DOC_FLAG(struct paper, flag),
	DOC_TIME(struct paper, time),
	DOC_SHA256(struct paper, sha256),
	DOC_BYTES(struct paper, bytes, 4),
	DOC_OBJECT(struct paper, object),
	DOC_LIST(struct paper, list, 1, 3),
	DOC_ANY(struct paper, any),
	DOC_TEXT_OPT(struct paper, note, 1, 10),
};

static const struct doc_field optional[] = {
	DOC_TEXT_OPT(struct paper, text, 2, 5),	    DOC_WORD_OPT(struct paper, word, colours),
	DOC_INT_OPT(struct paper, number, -3, 900), DOC_FLAG_OPT(struct paper, flag),
	DOC_TIME_OPT(struct paper, time),	    DOC_SHA256_OPT(struct paper, sha256),
	DOC_BYTES_OPT(struct paper, bytes, 4),	    DOC_OBJECT_OPT(struct paper, object),
	DOC_LIST_OPT(struct paper, list, 1, 3),
};

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* A right object as it may be; a member named by key has another value (NULL: it is absent). */
static struct doc *right_but(const char *key, const char *value)
{
	static const char right[] =
		"{\"type\":\"t\",\"text\":\"abc\",\"word\":\"green\",\"number\":-3,\"flag\":true,"
		"\"time\":\"" TIME "\",\"sha256\":\"" SHA "\",\"bytes\":\"AP8=\","
		"\"object\":{\"k\":1},\"list\":[1,2],\"any\":[\"x\"]}";
	const struct doc *doc = NULL, *other = NULL;
	struct doc *out = doc_object(arena);
	struct err err = {0};
	size_t count;

	assert_true(doc_parse(arena, bytes_of_text(right), &doc, &err));
	const struct doc_pair *pairs = doc_members(arena, doc, &count);
	for (size_t i = 0; i < count; i++) {
		if (!key || strcmp(pairs[i].key, key) != 0)
			doc_set(out, pairs[i].key, pairs[i].value);
	}
	if (value) {
		assert_true(doc_parse(arena, bytes_of_text(value), &other, &err));
		doc_set(out, key, other);
	}
	return out;
}

static bool read_paper(const struct doc *doc, struct paper *paper, struct err *err)
{
	return doc_read(arena, doc, fields, DOC_COUNT(fields), paper, err);
}

static void test_doc_read__fills_every_kind_of_field(void **state)
{
	struct paper paper = {.before = 7, .note = "old", .after = 8};
	struct err err = {0};

	(void)state;
	assert_true(read_paper(right_but(NULL, NULL), &paper, &err));
	assert_string_equal(paper.text, "abc");
	assert_string_equal(paper.word, "green");
	assert_int_equal(paper.number, -3);
	assert_true(paper.flag);
	assert_string_equal(clock_format(paper.time).text, TIME);
	assert_string_equal(paper.sha256.text, SHA);
	assert_int_equal(paper.bytes.size, 2);
	assert_memory_equal(paper.bytes.data, "\0\xff", 2);
	assert_int_equal(doc_int(doc_get(paper.object, "k"), 0), 1);
	assert_int_equal(doc_size(paper.list), 2);
	assert_string_equal(doc_text(doc_at(paper.any, 0)), "x");
	assert_null(paper.note);
	assert_int_equal(paper.before, 7);
	assert_int_equal(paper.after, 8);
}

static void test_doc_read__takes_values_at_their_bounds(void **state)
{
	static const struct {
		const char *key, *value;
	} right[] = {
		{"text", "\"ab\""},	   {"text", "\"abcde\""}, {"text", "\"a\xe2\x82\xac\""},
		{"number", "900"},	   {"flag", "false"},	  {"bytes", "\"\""},
		{"bytes", "\"AAAAAA==\""}, {"list", "[null]"},	  {"list", "[1,2,3]"},
		{"any", "null"},	   {"any", "1"},	  {"object", "{}"},
		{"note", "null"},	   {"note", "\"x\""},	  {"word", "\"red\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct paper paper = {0};
		struct err err = {0};
		if (!read_paper(right_but(right[i].key, right[i].value), &paper, &err))
			fail_msg("%s %s: %s", right[i].key, right[i].value, err.text);
	}
}

static const struct {
	const char *key, *value;
} wrong[] = {
	{"type", NULL},
	{"type", "1"},
	{"type", "null"},
	{"text", NULL},
	{"text", "null"},
	{"text", "1"},
	{"text", "\"a\""},
	{"text", "\"abcdef\""},
	{"text", "\"abc\xe2\x82\xac\""},
	{"text", "[\"abc\"]"},
	{"word", NULL},
	{"word", "\"blue\""},
	{"word", "\"\""},
	{"word", "\"Red\""},
	{"word", "true"},
	{"number", NULL},
	{"number", "-4"},
	{"number", "901"},
	{"number", "\"5\""},
	{"number", "true"},
	{"number", "9007199254740991"},
	{"number", "-9007199254740991"},
	{"number", "null"},
	{"flag", NULL},
	{"flag", "0"},
	{"flag", "\"true\""},
	{"flag", "null"},
	{"time", NULL},
	{"time", "1795414023"},
	{"time", "\"2026-11-23T06:07:03Z\""},
	{"time", "\"\""},
	{"sha256", NULL},
	{"sha256", "\"" SHA "0\""},
	{"sha256", "\"\""},
	{"sha256", "1"},
	{"sha256", "null"},
	{"bytes", NULL},
	{"bytes", "1"},
	{"bytes", "\"AP8\""},
	{"bytes", "\"AP9=\""},
	{"bytes", "\"AP8=\\n\""},
	{"bytes", "\"AAAAAAA=\""},
	{"bytes", "\"_-__\""},
	{"bytes", "\"AAAAAAAAAAAAAAAA\""},
	{"object", NULL},
	{"object", "[]"},
	{"object", "\"{}\""},
	{"object", "null"},
	{"list", NULL},
	{"list", "[]"},
	{"list", "[1,2,3,4]"},
	{"list", "{}"},
	{"list", "null"},
	{"any", NULL},
	{"note", "\"\""},
	{"note", "1"},
	{"note", "\"12345678901\""},
};

static void test_doc_read__refuses_a_wrong_member_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct paper paper, before;
		struct err err = {0};
		char quoted[32];

		memset(&paper, 0x5a, sizeof(paper));
		before = paper;
		if (read_paper(right_but(wrong[i].key, wrong[i].value), &paper, &err))
			fail_msg("%s %s was taken", wrong[i].key, wrong[i].value);
		assert_int_equal(err.code, E_DOC_FIELD);
		snprintf(quoted, sizeof(quoted), "'%s'", wrong[i].key);
		assert_non_null(strstr(err.text, quoted));
		if (!wrong[i].value)
			assert_non_null(strstr(err.text, "missing"));
		assert_memory_equal(&paper, &before, sizeof(paper));
	}
}

static void test_doc_read__refuses_unknown_members_by_name(void **state)
{
	struct paper paper = {0};
	struct err err = {0};
	char key[3000];

	(void)state;
	assert_false(read_paper(right_but("Text", "1"), &paper, &err));
	assert_int_equal(err.code, E_DOC_FIELD);
	assert_non_null(strstr(err.text, "'Text' is not known"));
	assert_null(paper.text);
	err_clear(&err);
	assert_false(read_paper(right_but("unknown", "null"), &paper, &err));
	assert_non_null(strstr(err.text, "'unknown'"));
	err_clear(&err);
	memset(key, '\n', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	assert_false(read_paper(right_but(key, "1"), &paper, &err));
	assert_null(strchr(err.text, '\n'));
	assert_non_null(strstr(err.text, "not known"));
}

static void test_doc_read__names_the_words_that_are_allowed(void **state)
{
	struct paper paper = {0};
	struct err err = {0};

	(void)state;
	assert_false(read_paper(right_but("word", "\"blue\""), &paper, &err));
	assert_string_equal(err.text, "Member 'word' must be one of: red, green");
}

static void test_doc_read__leaves_absent_optional_fields_zero(void **state)
{
	static const char *const papers[] = {
		"{}",
		"{\"text\":null,\"word\":null,\"number\":null,\"flag\":null,\"time\":null,"
		"\"sha256\":null,\"bytes\":null,\"object\":null,\"list\":null}",
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct doc *doc = NULL;
		struct paper paper;
		struct err err = {0};

		memset(&paper, 0x5a, sizeof(paper));
		assert_true(doc_parse(arena, bytes_of_text(papers[i]), &doc, &err));
		assert_true(doc_read(arena, doc, optional, DOC_COUNT(optional), &paper, &err));
		assert_null(paper.text);
		assert_null(paper.word);
		assert_int_equal(paper.number, 0);
		assert_false(paper.flag);
		assert_int_equal(paper.time, 0);
		assert_string_equal(paper.sha256.text, "");
		assert_null(paper.bytes.data);
		assert_int_equal(paper.bytes.size, 0);
		assert_null(paper.object);
		assert_null(paper.list);
	}
}

static void test_doc_read__refuses_what_is_no_object(void **state)
{
	struct paper paper = {0};
	struct err err = {0};

	(void)state;
	assert_false(read_paper(NULL, &paper, &err));
	assert_int_equal(err.code, E_DOC_FIELD);
	err_clear(&err);
	assert_false(read_paper(doc_array(arena), &paper, &err));
	assert_int_equal(err.code, E_DOC_FIELD);
}

static void test_doc_read__outlives_the_document_it_read(void **state)
{
	struct arena *first = arena_new(1024 * 1024);
	const struct doc *doc = NULL;
	struct paper paper = {0};
	struct err err = {0};
	static const char json[] = "{\"text\":\"abc\",\"list\":[\"kept\"],\"bytes\":\"AP8=\"}";

	(void)state;
	assert_true(doc_parse(first, bytes_of_text(json), &doc, &err));
	assert_true(doc_read(arena, doc, optional, DOC_COUNT(optional), &paper, &err));
	arena_free(first);
	assert_string_equal(paper.text, "abc");
	assert_string_equal(doc_text(doc_at(paper.list, 0)), "kept");
	assert_int_equal(paper.bytes.data[1], 0xff);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_doc_read__fills_every_kind_of_field),
		TEST(test_doc_read__takes_values_at_their_bounds),
		TEST(test_doc_read__refuses_a_wrong_member_by_name),
		TEST(test_doc_read__refuses_unknown_members_by_name),
		TEST(test_doc_read__names_the_words_that_are_allowed),
		TEST(test_doc_read__leaves_absent_optional_fields_zero),
		TEST(test_doc_read__refuses_what_is_no_object),
		TEST(test_doc_read__outlives_the_document_it_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
