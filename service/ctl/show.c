/* SPDX-License-Identifier: Apache-2.0 */
/* How do answers look: for people at a terminal, or for programs that read JSON. */

#include "service/ctl/show.h"

#include "common/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 16 * 1024, VALUE_MAX = 4096, CELL_MAX = 60, COLUMNS_MAX = 12 };

static char *printable(struct arena *arena, const char *text, size_t max)
{
	return text_printable(arena, bytes_of_text(text), max);
}

void show_line(const struct ctl *ctl, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list words;

	if (ctl->json)
		return;
	va_start(words, format);
	vsnprintf(line, sizeof(line), format, words);
	va_end(words);
	puts(printable(ctl->arena, line, sizeof(line)));
}

void show_json(const struct ctl *ctl, const struct doc *doc)
{
	if (ctl->json)
		fputs(doc_pretty(ctl->arena, doc), stdout);
}

void show_text(struct arena *arena, void *stream, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		fprintf(stream, "%s\n", text_printable(arena, bytes_of(text, length), length));
		text += length + (text[length] == '\n');
	}
}

/* ---- values ---- */

static void add_value(struct text *out, struct arena *arena, const struct doc *value, int depth)
{
	switch (doc_kind(value)) {
	case DOC_KIND_TEXT:
		text_add(out, doc_text(value));
		return;
	case DOC_KIND_INT:
		text_addf(out, "%" PRId64, doc_int(value, 0));
		return;
	case DOC_KIND_BOOL:
		text_add(out, doc_bool(value, false) ? "yes" : "no");
		return;
	case DOC_KIND_ARRAY:
		for (size_t i = 0; i < doc_size(value) && depth > 0; i++) {
			text_add(out, i > 0 ? ", " : "");
			add_value(out, arena, doc_at(value, i), depth - 1);
		}
		return;
	case DOC_KIND_OBJECT:
		break;
	case DOC_KIND_NULL:
		return;
	}
	size_t count;
	const struct doc_pair *pairs = doc_members(arena, value, &count);
	for (size_t i = 0; i < count && depth > 0; i++) {
		text_addf(out, "%s%s=", i > 0 ? " " : "", pairs[i].key);
		add_value(out, arena, pairs[i].value, depth - 1);
	}
}

char *show_value(struct arena *arena, const struct doc *value)
{
	struct text out;

	text_init(&out, arena, VALUE_MAX);
	if (value)
		add_value(&out, arena, value, 4);
	return text_printable(arena, text_bytes(&out), VALUE_MAX);
}

char *show_count(struct arena *arena, uint64_t number)
{
	char digits[24];
	struct text out;

	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	text_init(&out, arena, 40);
	for (int i = 0; i < length; i++)
		text_addf(&out, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "", digits[i]);
	return out.at;
}

/* Columns on the screen: bytes that begin a character. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* ---- objects and lists ---- */

void show_object(const struct ctl *ctl, const struct doc *doc, const struct show_column *columns,
		 size_t count)
{
	size_t width = 0;

	if (ctl->json) {
		show_json(ctl, doc);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t here = strlen(columns[i].title);
		width = here > width ? here : width;
	}
	for (size_t i = 0; i < count; i++) {
		const struct doc *value = doc_get(doc, columns[i].key);
		const char *words = show_value(ctl->arena, value);
		if (words[0])
			printf("%-*s  %s\n", (int)width, columns[i].title, words);
	}
}

static void print_cell(const char *words, size_t width, bool last)
{
	size_t here = width_of(words);

	fputs(words, stdout);
	for (; !last && here < width + 2; here++)
		putchar(' ');
}

static void print_table(const struct ctl *ctl, const struct doc *items,
			const struct show_column *columns, size_t count)
{
	size_t width[COLUMNS_MAX] = {0};
	size_t rows = doc_size(items);
	char **cells = arena_array(ctl->arena, rows * count + 1, sizeof(*cells));

	for (size_t column = 0; column < count; column++) {
		width[column] = strlen(columns[column].title);
		for (size_t row = 0; row < rows; row++) {
			const struct doc *value = doc_get(doc_at(items, row), columns[column].key);
			char *words = show_value(ctl->arena, value);
			if (column + 1 < count)
				words = printable(ctl->arena, words, CELL_MAX);
			size_t here = width_of(words);
			width[column] = here > width[column] ? here : width[column];
			cells[row * count + column] = words;
		}
	}
	for (size_t column = 0; column < count; column++)
		print_cell(columns[column].title, width[column], column + 1 == count);
	putchar('\n');
	for (size_t row = 0; row < rows; row++) {
		for (size_t column = 0; column < count; column++)
			print_cell(cells[row * count + column], width[column], column + 1 == count);
		putchar('\n');
	}
}

void show_list(const struct ctl *ctl, const struct doc *items, const struct show_column *columns,
	       size_t count, const char *nothing)
{
	if (ctl->json) {
		struct doc *whole = doc_object(ctl->arena);
		doc_set(whole, "items", items);
		show_json(ctl, whole);
	} else if (doc_size(items) == 0) {
		puts(nothing);
	} else {
		print_table(ctl, items, columns, count < COLUMNS_MAX ? count : COLUMNS_MAX);
	}
}
