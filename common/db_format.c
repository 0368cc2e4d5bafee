/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How are our values written in PostgreSQL's text format? The parameters that statements take, and
 * what common/db.c needs to send and read them; apart from it so that it can be tested without a
 * server.
 */

#include "common/db_format.h"

#include "common/encode.h"

#include <stdio.h>
#include <string.h>

struct db_param db_null(void)
{
	return (struct db_param){.kind = DB_P_NULL};
}

struct db_param db_text(const char *text)
{
	return (struct db_param){.kind = text ? DB_P_TEXT : DB_P_NULL, .data = text};
}

struct db_param db_int(int64_t number)
{
	return (struct db_param){.kind = DB_P_INT, .number = number};
}

struct db_param db_bool(bool value)
{
	return (struct db_param){.kind = DB_P_BOOL, .number = value};
}

struct db_param db_bytes(struct bytes bytes)
{
	return (struct db_param){.kind = bytes.data ? DB_P_BYTES : DB_P_NULL,
				 .data = bytes.data,
				 .size = bytes.size};
}

struct db_param db_time(clock_us at)
{
	return (struct db_param){.kind = at ? DB_P_TIME : DB_P_NULL, .number = at};
}

struct db_param db_texts(const char *const *items, size_t count)
{
	return (struct db_param){.kind = DB_P_TEXTS, .data = items, .size = count};
}

struct db_param db_ints(const int64_t *items, size_t count)
{
	return (struct db_param){.kind = DB_P_INTS, .data = items, .size = count};
}

struct db_param db_blobs(const struct bytes *items, size_t count)
{
	return (struct db_param){.kind = DB_P_BLOBS, .data = items, .size = count};
}

enum { INT64_CHARS = 20 }; /* "-9223372036854775808" */

static char *put(char *at, const char *words)
{
	size_t length = strlen(words);
	memcpy(at, words, length);
	return at + length;
}

char *db_format_texts(struct arena *arena, const char *const *items, size_t count)
{
	size_t room = sizeof("{}");
	for (size_t i = 0; i < count; i++)
		room += items[i] ? 2 * strlen(items[i]) + sizeof("\"\"") : sizeof("NULL");
	char *text = arena_alloc(arena, room);
	char *at = put(text, "{");
	for (size_t i = 0; i < count; i++) {
		if (i)
			*at++ = ',';
		if (!items[i]) {
			at = put(at, "NULL");
			continue;
		}
		*at++ = '"';
		for (const char *c = items[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				*at++ = '\\';
			*at++ = *c;
		}
		*at++ = '"';
	}
	put(at, "}");
	return text;
}

char *db_format_ints(struct arena *arena, const int64_t *items, size_t count)
{
	size_t room = sizeof("{}") + count * (INT64_CHARS + 1);
	char *text = arena_alloc(arena, room);
	char *at = put(text, "{");
	for (size_t i = 0; i < count; i++) {
		if (i)
			*at++ = ',';
		at += snprintf(at, INT64_CHARS + 1, "%lld", (long long)items[i]);
	}
	put(at, "}");
	return text;
}

char *db_format_blobs(struct arena *arena, const struct bytes *items, size_t count)
{
	size_t room = sizeof("{}");
	for (size_t i = 0; i < count; i++)
		room += items[i].data ? 2 * items[i].size + sizeof("\"\\\\x\"") : sizeof("NULL");
	char *text = arena_alloc(arena, room);
	char *at = put(text, "{");
	for (size_t i = 0; i < count; i++) {
		if (i)
			*at++ = ',';
		if (!items[i].data) {
			at = put(at, "NULL");
			continue;
		}
		at = put(at, "\"\\\\x");
		encode_hex_to(items[i].data, items[i].size, at);
		at += 2 * items[i].size;
		*at++ = '"';
	}
	put(at, "}");
	return text;
}

const char *db_format_param(struct arena *arena, const struct db_param *param)
{
	switch (param->kind) {
	case DB_P_NULL:
		return NULL;
	case DB_P_TEXT:
	case DB_P_BYTES:
		return param->data;
	case DB_P_INT:
		return arena_printf(arena, "%lld", (long long)param->number);
	case DB_P_BOOL:
		return param->number ? "t" : "f";
	case DB_P_TIME:
		return arena_text(arena, clock_format(param->number).text);
	case DB_P_TEXTS:
		return db_format_texts(arena, param->data, param->size);
	case DB_P_INTS:
		return db_format_ints(arena, param->data, param->size);
	case DB_P_BLOBS:
		return db_format_blobs(arena, param->data, param->size);
	}
	return NULL;
}

/* Exactly `digits` digits, then `after`. */
static bool take(const char **at, int digits, char after, int64_t *out)
{
	int64_t value = 0;
	for (int i = 0; i < digits; i++) {
		char c = (*at)[i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*at += digits;
	if (after && *(*at)++ != after)
		return false;
	*out = value;
	return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; the year begins in March, so that the
 * day that may be missing is its last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	if (month <= 2)
		year--;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

bool db_format_read_time(const char *text, clock_us *out)
{
	const char *at = text;
	int64_t year, month, day, hour, minute, second;
	if (!take(&at, 4, '-', &year) || !take(&at, 2, '-', &month) || !take(&at, 2, ' ', &day) ||
	    !take(&at, 2, ':', &hour) || !take(&at, 2, ':', &minute) || !take(&at, 2, 0, &second))
		return false;
	int64_t fraction = 0;
	if (*at == '.') {
		at++;
		int digits = 0;
		for (; digits < 6 && *at >= '0' && *at <= '9'; digits++)
			fraction = fraction * 10 + (*at++ - '0');
		if (digits == 0)
			return false;
		for (; digits < 6; digits++)
			fraction *= 10;
	}
	if (strcmp(at, "+00") != 0 || year < 1 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	int64_t seconds = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
	*out = seconds * CLOCK_SECOND + fraction;
	return true;
}
