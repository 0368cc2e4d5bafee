/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

/*
 * A text that grows up to a stated maximum, in an arena. Adding beyond the maximum cuts and marks
 * the text; text_cut tells. Also the checks every door makes on names that come from outside.
 */

#include "common/arena.h"
#include "common/err.h"

struct text {
	struct arena *arena;
	char *at;      /* always ends in NUL */
	size_t length; /* without the NUL */
	size_t room;
	size_t max;
	bool cut;
};

void text_init(struct text *text, struct arena *arena, size_t max);
void text_add(struct text *text, const char *words);
void text_add_bytes(struct text *text, struct bytes bytes);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool text_cut(const struct text *text);
struct bytes text_bytes(const struct text *text);

/* A text from outside made fit for a log line or a terminal: control characters and bytes that are
 * not UTF-8 become '?', at most max bytes. */
char *text_printable(struct arena *arena, struct bytes raw, size_t max);

/* Well-formed UTF-8 (RFC 3629: no surrogates, shortest form) without NUL. */
bool text_utf8_valid(struct bytes bytes);

/* A decimal integer, whole text, no sign but '-', no leading zero or blank. */
MUST_CHECK bool text_int(const char *text, long long min, long long max, long long *out);

#endif
