/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would this JSON text cost, and which numbers does it hold: asked by doc.c before the parser
 * runs, so that 10 MB of '[' cost 33 steps. Also the cleaning of what foreign devices send.
 */

#include "common/scan.h"

#include "common/doc.h"

#include <stdio.h>
#include <string.h>

struct scan {
	struct bytes json;
	size_t at;
	size_t depth;
	size_t values;
	bool fractions;
};

void scan_place(struct bytes json, size_t offset, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < json.size; i++) {
		if (json.data[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((json.data[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

static bool refuse(const struct scan *scan, enum err_code code, const char *why, struct err *err)
{
	size_t line, column;
	scan_place(scan->json, scan->at, &line, &column);
	return err_fail(err, code, "Line %zu, column %zu: %s", line, column, why);
}

static bool blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The offset after the string that begins at this quote; the end of the text if it never ends. */
static size_t text_end(struct bytes json, size_t quote)
{
	size_t at = quote + 1;
	while (at < json.size && json.data[at] != '"')
		at += json.data[at] == '\\' ? 2 : 1;
	return at < json.size ? at + 1 : json.size;
}

/* Reads over a number; the digits themselves are the parser's business. */
static bool number_fits(struct scan *scan, struct err *err)
{
	size_t at = scan->at;
	int64_t value = 0;
	bool whole = true;
	bool fits = true;

	for (; at < scan->json.size; at++) {
		unsigned char c = scan->json.data[at];
		if (c >= '0' && c <= '9') {
			if (fits)
				value = value * 10 + (c - '0');
			fits = fits && value <= DOC_INT_MAX;
		} else if (c == '.' || c == 'e' || c == 'E') {
			whole = false;
		} else if (c != '-' && c != '+') {
			break;
		}
	}
	if (!whole && !scan->fractions)
		return refuse(scan, E_DOC_SYNTAX,
			      "numbers are whole here; send no fraction and no exponent", err);
	if (whole && !fits)
		return refuse(scan, E_DOC_SYNTAX,
			      "a number lies beyond 9007199254740991; send it as a string", err);
	scan->at = at;
	return true;
}

/* Takes one token, or one letter of a word; before: the token in front of it, or 0. */
static bool take(struct scan *scan, unsigned char before, struct err *err)
{
	unsigned char c = scan->json.data[scan->at];
	bool opens = c == '[' || c == '{';
	bool closes = c == ']' || c == '}';
	bool first = (before == '[' || before == '{') && !closes;

	if (opens && ++scan->depth > DOC_DEPTH_MAX)
		return refuse(scan, E_DOC_LIMIT, "nested deeper than 32", err);
	if (closes && scan->depth > 0)
		scan->depth--;
	if ((first || c == ',') && ++scan->values > DOC_VALUES_MAX)
		return refuse(scan, E_DOC_LIMIT, "more than 200000 values; send less at once", err);
	if (c == '-' || (c >= '0' && c <= '9'))
		return number_fits(scan, err);
	scan->at = c == '"' ? text_end(scan->json, scan->at) : scan->at + 1;
	return true;
}

bool scan_check(struct bytes json, bool fractions, struct err *err)
{
	struct scan scan = {.json = json, .values = 1, .fractions = fractions};
	unsigned char before = 0;

	while (scan.at < json.size) {
		unsigned char c = json.data[scan.at];
		if (blank(c)) {
			scan.at++;
			continue;
		}
		if (!take(&scan, before, err))
			return false;
		before = c;
	}
	return true;
}

size_t scan_clean_max(struct bytes json)
{
	size_t max = json.size;
	for (size_t i = 0; i < json.size; i++) {
		if (json.data[i] < 0x20)
			max += 6; /* an escape, and one more for a backslash in front of it */
		else if (json.data[i] == '"')
			max += SCAN_MARK_BYTES;
	}
	return max;
}

static bool names_member(struct bytes json, size_t after)
{
	while (after < json.size && blank(json.data[after]))
		after++;
	return after < json.size && json.data[after] == ':';
}

/* Writes the string from its first quote up to, without, its last; says how many bytes. */
static size_t clean_string(const unsigned char *from, size_t size, unsigned char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;
	bool escaped = false;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = from[i];
		if (c >= 0x20 || c == 0) {
			out[used++] = c;
			escaped = c == '\\' && !escaped;
			continue;
		}
		if (escaped) /* a lone backslash: let it stand for itself */
			out[used++] = '\\';
		escaped = false;
		const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 0x0f]};
		memcpy(out + used, escape, sizeof(escape));
		used += sizeof(escape);
	}
	return used;
}

struct bytes scan_clean(struct arena *arena, struct bytes json)
{
	unsigned char *out = arena_alloc(arena, scan_clean_max(json));
	unsigned int names = 0;
	size_t used = 0;
	size_t at = 0;

	while (at < json.size) {
		if (json.data[at] != '"') {
			out[used++] = json.data[at++];
			continue;
		}
		size_t end = text_end(json, at);
		bool closed = end - at >= 2 && json.data[end - 1] == '"';
		used += clean_string(json.data + at, end - at - closed, out + used);
		if (closed && names_member(json, end)) {
			char mark[SCAN_MARK_BYTES + 1];
			snprintf(mark, sizeof(mark), "#%07u", names++ % 10000000);
			memcpy(out + used, mark, SCAN_MARK_BYTES);
			used += SCAN_MARK_BYTES;
		}
		if (closed)
			out[used++] = '"';
		at = end;
	}
	return bytes_of(out, used);
}
