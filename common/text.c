/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that grow up to a stated maximum, and the checks that every door makes on text from
 * outside: is it UTF-8, is it an integer, what of it may be shown to an operator.
 */

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

/* Bytes of the well-formed UTF-8 character at the beginning (RFC 3629 section 4), 0 if none is. */
static size_t utf8_size(const unsigned char *at, size_t left)
{
	unsigned char first = at[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t size = 0;

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		size = 2;
	else if (first >= 0xe0 && first <= 0xef)
		size = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		size = 4;
	if (size == 0 || left < size)
		return 0;
	if (first == 0xe0)
		low = 0xa0; /* shortest form */
	if (first == 0xed)
		high = 0x9f; /* no surrogates */
	if (first == 0xf0)
		low = 0x90; /* shortest form */
	if (first == 0xf4)
		high = 0x8f; /* up to U+10FFFF */
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

bool text_utf8_valid(struct bytes bytes)
{
	size_t at = 0;
	while (at < bytes.size) {
		size_t size = utf8_size(bytes.data + at, bytes.size - at);
		if (size == 0 || bytes.data[at] == 0)
			return false;
		at += size;
	}
	return true;
}

void text_init(struct text *text, struct arena *arena, size_t max)
{
	size_t room = max < FIRST_ROOM ? max : FIRST_ROOM;
	*text = (struct text){
		.arena = arena,
		.at = arena_alloc(arena, room + 1),
		.room = room,
		.max = max,
	};
}

/* Room for so many more bytes, or for as many as the maximum allows; says how many. */
static size_t make_room(struct text *text, size_t more)
{
	size_t left = text->max - text->length;
	if (more > left)
		more = left;
	if (more <= text->room - text->length)
		return more;
	size_t room = text->room < text->max / 2 ? text->room * 2 : text->max;
	if (room < text->length + more)
		room = text->length + more;
	char *at = arena_alloc(text->arena, room + 1);
	memcpy(at, text->at, text->length + 1);
	text->at = at;
	text->room = room;
	return more;
}

/* Marks the text as cut, and takes off the beginning of a character whose rest is lost. */
static void cut_here(struct text *text)
{
	size_t back = 0;
	while (back < 3 && back < text->length &&
	       ((unsigned char)text->at[text->length - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < text->length) {
		const unsigned char *first =
			(const unsigned char *)text->at + text->length - 1 - back;
		if (*first >= 0xc0 && utf8_size(first, back + 1) == 0)
			text->length -= back + 1;
	}
	text->at[text->length] = '\0';
	text->cut = true;
}

void text_add_bytes(struct text *text, struct bytes bytes)
{
	if (text->cut || bytes.size == 0)
		return;
	size_t size = make_room(text, bytes.size);
	memcpy(text->at + text->length, bytes.data, size);
	text->length += size;
	text->at[text->length] = '\0';
	if (size < bytes.size)
		cut_here(text);
}

void text_add(struct text *text, const char *words)
{
	text_add_bytes(text, bytes_of_text(words));
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list arguments;

	if (text->cut)
		return;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length <= 0)
		return;
	size_t size = make_room(text, (size_t)length);
	va_start(arguments, format);
	vsnprintf(text->at + text->length, size + 1, format, arguments);
	va_end(arguments);
	text->length += size;
	if (size < (size_t)length)
		cut_here(text);
}

bool text_cut(const struct text *text)
{
	return text->cut;
}

struct bytes text_bytes(const struct text *text)
{
	return bytes_of(text->at, text->length);
}

/* C0, DEL, C1 (which terminals obey too), and what breaks lines or turns the direction of writing:
 * U+2028 to U+202E, U+2066 to U+2069, as shape_line_valid of common/wire refuses them. */
static bool control_here(const unsigned char *at, size_t size)
{
	if (size == 1)
		return at[0] < 0x20 || at[0] == 0x7f;
	if (size == 2)
		return at[0] == 0xc2 && at[1] < 0xa0;
	if (size != 3 || at[0] != 0xe2)
		return false;
	return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
	       (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

char *text_printable(struct arena *arena, struct bytes raw, size_t max)
{
	char *out = arena_alloc(arena, (raw.size < max ? raw.size : max) + 1);
	size_t used = 0;
	size_t at = 0;

	while (at < raw.size) {
		size_t size = utf8_size(raw.data + at, raw.size - at);
		bool keep = size > 0 && !control_here(raw.data + at, size);
		size_t writes = keep ? size : 1;
		if (used + writes > max)
			break;
		if (keep)
			memcpy(out + used, raw.data + at, size);
		else
			out[used] = '?';
		used += writes;
		at += size > 0 ? size : 1;
	}
	out[used] = '\0';
	return out;
}

bool text_int(const char *text, long long min, long long max, long long *out)
{
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	long long value = 0; /* kept negative: the range reaches further there */

	if (digits[0] == '\0' || (digits[0] == '0' && (negative || digits[1] != '\0')))
		return false;
	for (const char *at = digits; *at; at++) {
		if (*at < '0' || *at > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, *at - '0', &value))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}
