/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is going on, for the operator who reads standard error: each line is put together first and
 * leaves in one write(2), so that lines of several threads do not mix.
 */

#include "common/log.h"

#include "common/clock.h"
#include "common/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A pipe takes this much at once without mixing (PIPE_BUF of Linux). */
enum { LINE_BYTES = 4096 };
static const char cut_mark[] = " cut=true\n";
enum { LINE_ROOM = LINE_BYTES - (int)sizeof(cut_mark) };

struct line {
	size_t size;
	bool cut;
	char at[LINE_BYTES];
};

static const char *const words[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

static _Atomic(const char *) program_name = "countersign";
static atomic_int least_level = LOG_LEVEL_INFO;

void log_start(const char *program, enum log_level least)
{
	program_name = program;
	least_level = (int)least;
}

/* All of it or, marking the line, nothing; extra: what must fit after it. */
static void put(struct line *line, const char *data, size_t size, size_t extra)
{
	if (line->cut || line->size + size + extra > LINE_ROOM) {
		line->cut = true;
		return;
	}
	memcpy(line->at + line->size, data, size);
	line->size += size;
}

static bool plain(const char *text)
{
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return text[0] != '\0';
}

/* Writes what stands at text, of which at least one byte is there; says how many bytes it took. */
static size_t put_quoted(struct line *line, const unsigned char *text, bool utf8)
{
	unsigned char c = text[0];
	char escape[5];

	if (c == '"' || c == '\\') {
		put(line, (const char[]){'\\', (char)c}, 2, 1);
		return 1;
	}
	if (c == '\n' || c == '\r' || c == '\t') {
		const char letter = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
		put(line, (const char[]){'\\', letter}, 2, 1);
		return 1;
	}
	/* U+0080 to U+009F are controls, too. */
	bool control = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ||
		       (c == 0xc2 && text[1] < 0xa0) || (c >= 0x80 && c < 0xc0);
	if (control) {
		snprintf(escape, sizeof(escape), "\\x%02x", c);
		put(line, escape, 4, 1);
		return 1;
	}
	size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	put(line, (const char *)text, size, 1);
	return size;
}

static void put_text(struct line *line, const char *text)
{
	if (plain(text)) {
		size_t size = strlen(text);
		size_t room = LINE_ROOM - line->size;
		put(line, text, size < room ? size : room, 0);
		line->cut = line->cut || size > room;
		return;
	}
	bool utf8 = text_utf8_valid(bytes_of_text(text));
	const unsigned char *at = (const unsigned char *)text;
	put(line, "\"", 1, 1);
	bool opened = !line->cut;
	while (*at && !line->cut)
		at += put_quoted(line, at, utf8);
	if (opened)
		line->at[line->size++] = '"'; /* each put left room for it */
}

static void put_field(struct line *line, const char *key, const char *text)
{
	size_t size = strlen(key);
	if (line->size > 0)
		put(line, " ", 1, size + 3);
	put(line, key, size, 3);
	put(line, "=", 1, 2);
	if (!line->cut)
		put_text(line, text);
}

void log_line(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct line line = {.size = 0};
	char digits[24];

	if ((int)level < least_level)
		return;
	put_field(&line, "time", clock_format(clock_now()).text);
	put_field(&line, "level", words[level]);
	put_field(&line, "program", program_name);
	put_field(&line, "event", event);
	for (size_t i = 0; i < count; i++) {
		snprintf(digits, sizeof(digits), "%" PRId64, fields[i].number);
		put_field(&line, fields[i].key, fields[i].text ? fields[i].text : digits);
	}
	const char *end = line.cut ? cut_mark : "\n";
	memcpy(line.at + line.size, end, strlen(end));
	line.size += strlen(end);
	while (write(STDERR_FILENO, line.at, line.size) < 0 && errno == EINTR)
		continue; /* any other failure has nobody left to be told to */
}
