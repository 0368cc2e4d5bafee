/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does Python's JSON encoder, which shares nothing with ours, write the same canonical bytes for
 * the golden files and for documents drawn at random? And does this test notice when it does not?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/doc.h"
#include "common/file.h"
#include "common/text.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <string.h>

enum { DOCUMENTS = 400, OUTPUT_BYTES = 4 * 1024 * 1024 };

static struct arena *arena;
static char output[OUTPUT_BYTES];
static uint64_t seed;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(128 * 1024 * 1024);
	seed = UINT64_C(0x9e3779b97f4a7c15);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* Xorshift: the same documents in every run. */
static unsigned int draw(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % below;
}

static void draw_blank(struct text *out)
{
	static const char *const blanks[] = {"", "", " ", "\t", "  \r"};
	text_add(out, blanks[draw(5)]);
}

/* A code point as it is or escaped; what must be escaped always is. */
static void draw_character(struct text *out, bool ascii)
{
	static const unsigned int ranges[][2] = {
		{0x20, 0x7f},  {0x01, 0x20},	{0x22, 0x23},	   {0x5c, 0x5d},
		{0x80, 0x800}, {0x800, 0xd800}, {0xe000, 0x10000}, {0x10000, 0x110000},
	};
	size_t which = draw(ascii ? 4 : 8);
	unsigned int point = ranges[which][0] + draw(ranges[which][1] - ranges[which][0]);

	if (point < 0x20 || point == '"' || point == '\\' || draw(4) == 0) {
		unsigned int rest = point - 0x10000;
		bool lower = draw(2) == 0;
		if (point >= 0x10000)
			text_addf(out, "\\u%04X\\u%04x", 0xd800 + (rest >> 10),
				  0xdc00 + (rest & 0x3ff));
		else if (lower)
			text_addf(out, "\\u%04x", point);
		else
			text_addf(out, "\\u%04X", point);
	} else if (point < 0x80) {
		text_addf(out, "%c", (char)point);
	} else if (point < 0x800) {
		text_addf(out, "%c%c", (char)(0xc0 | point >> 6), (char)(0x80 | (point & 0x3f)));
	} else if (point < 0x10000) {
		text_addf(out, "%c%c%c", (char)(0xe0 | point >> 12),
			  (char)(0x80 | (point >> 6 & 0x3f)), (char)(0x80 | (point & 0x3f)));
	} else {
		text_addf(out, "%c%c%c%c", (char)(0xf0 | point >> 18),
			  (char)(0x80 | (point >> 12 & 0x3f)), (char)(0x80 | (point >> 6 & 0x3f)),
			  (char)(0x80 | (point & 0x3f)));
	}
}

static void draw_number(struct text *out)
{
	static const char *const edges[] = {"0", "-1", "9007199254740991", "-9007199254740991"};
	if (draw(3) == 0)
		text_add(out, edges[draw(4)]);
	else
		text_addf(out, "%d", (int)draw(2000000) - 1000000);
}

static void draw_value(struct text *out, unsigned int depth);

static void draw_members(struct text *out, unsigned int depth)
{
	unsigned int count = draw(8);
	for (unsigned int i = 0; i < count; i++) {
		text_add(out, i ? ",\"" : "\"");
		for (unsigned int k = draw(4); k > 0; k--)
			draw_character(out, true);
		text_addf(out, "%u\"", i); /* so that no name stands twice: i is below 10 */
		draw_blank(out);
		text_add(out, ":");
		draw_value(out, depth + 1);
	}
}

static void draw_items(struct text *out, unsigned int depth)
{
	unsigned int count = draw(5);
	for (unsigned int i = 0; i < count; i++) {
		text_add(out, i ? "," : "");
		draw_value(out, depth + 1);
	}
}

static void draw_value(struct text *out, unsigned int depth)
{
	static const char *const words[] = {"true", "false", "null"};
	unsigned int kind = draw(depth < 5 ? 7 : 4);

	draw_blank(out);
	if (kind == 0) {
		text_add(out, words[draw(3)]);
	} else if (kind == 1) {
		draw_number(out);
	} else if (kind < 4) {
		text_add(out, "\"");
		for (unsigned int i = draw(12); i > 0; i--)
			draw_character(out, false);
		text_add(out, "\"");
	} else if (kind < 6) {
		text_add(out, "{");
		draw_members(out, depth);
		text_add(out, "}");
	} else {
		text_add(out, "[");
		draw_items(out, depth);
		text_add(out, "]");
	}
	draw_blank(out);
}

/* Our canonical form of each line, and all lines as Python is to read them. */
static void draw_documents(struct text *in, struct text *ours)
{
	text_init(in, arena, OUTPUT_BYTES);
	text_init(ours, arena, OUTPUT_BYTES);
	for (int i = 0; i < DOCUMENTS; i++) {
		const struct doc *doc = NULL;
		struct bytes canonical;
		struct text one;
		struct err err = {0};

		text_init(&one, arena, 64 * 1024);
		text_add(&one, "{\"b\":2,\"a\":\"\\u20ac\",\"drawn\":");
		draw_value(&one, 0);
		text_add(&one, "}");
		assert_false(text_cut(&one));
		if (!doc_parse(arena, text_bytes(&one), &doc, &err) ||
		    !doc_canonical(arena, doc, &canonical, &err))
			fail_msg("%s: %s", one.at, err.text);
		text_addf(in, "%s\n", one.at);
		text_add_bytes(ours, canonical);
		text_add(ours, "\n");
	}
	assert_false(text_cut(in) || text_cut(ours));
}

static const char *pythons(const char *in, const char *broken)
{
	const char *const argv[] = {"python3", "tests/foreign/jcs.py", broken, NULL};
	int exit_code = -1;
	if (!process_run(argv, in, &exit_code, output, sizeof(output)) || exit_code != 0)
		fail_msg("python3: %s", output);
	return output;
}

static void test_doc_canonical__agrees_with_python_on_drawn_documents(void **state)
{
	struct text in, ours;

	(void)state;
	draw_documents(&in, &ours);
	assert_true(ours.length > (size_t)DOCUMENTS * 40);
	assert_string_equal(pythons(in.at, NULL), ours.at);
}

static void test_doc_canonical__agrees_with_python_on_the_golden_files(void **state)
{
	static const char *const names[] = {"keys", "escapes", "numbers", "values",
					    "normalisation"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bytes in, out;
		struct err err = {0};
		const char *base = arena_printf(arena, "tests/golden/jcs/%s", names[i]);
		assert_true(file_read(arena, arena_printf(arena, "%s.in.json", base), 65536, &in,
				      &err));
		assert_true(file_read(arena, arena_printf(arena, "%s.out.json", base), 65536, &out,
				      &err));
		/* One line each: line ends of these files stand between tokens only. */
		char *line = arena_text_of(arena, in);
		for (char *at = line; *at; at++)
			*at = *at == '\n' ? ' ' : *at;
		const char *expected = arena_printf(arena, "%s\n", arena_text_of(arena, out));
		assert_string_equal(pythons(arena_printf(arena, "%s\n", line), NULL), expected);
	}
}

static void test_doc_canonical__differs_from_an_encoder_that_breaks_a_rule(void **state)
{
	static const char *const broken[] = {"unsorted", "ascii", "spaced"};
	struct text in, ours;

	(void)state;
	draw_documents(&in, &ours);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_string_not_equal(pythons(in.at, broken[i]), ours.at);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_doc_canonical__agrees_with_python_on_drawn_documents),
		TEST(test_doc_canonical__agrees_with_python_on_the_golden_files),
		TEST(test_doc_canonical__differs_from_an_encoder_that_breaks_a_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
