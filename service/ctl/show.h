/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_SHOW_H
#define SERVICE_CTL_SHOW_H

/*
 * What commands print on standard output: words for people, or with --json the document itself. Texts
 * that came from elsewhere lose their control characters on the way, so that nothing a server or a
 * file says can move the cursor.
 */

#include "common/doc.h"
#include "service/ctl/ctl.h"

/* Which member is shown under which title. */
struct show_column {
	const char *title;
	const char *key;
};

/* A line of words: format's texts are made printable as a whole. Nothing with --json. */
void show_line(const struct ctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The document as JSON: only with --json. */
void show_json(const struct ctl *ctl, const struct doc *doc);
/* With --json the whole document, else "title   value" of the members that are there. */
void show_object(const struct ctl *ctl, const struct doc *doc, const struct show_column *columns,
		 size_t count);
/* With --json {"items": [...]}, else a table with titles; `nothing` when there is none. */
void show_list(const struct ctl *ctl, const struct doc *items, const struct show_column *columns,
	       size_t count, const char *nothing);
/* Printable text of a value: lists with commas, nested objects as "key=value". */
char *show_value(struct arena *arena, const struct doc *value);
/* "48,234,496" */
char *show_count(struct arena *arena, uint64_t number);
/* Several lines, each made printable; to a stream of the caller's choice. */
void show_text(struct arena *arena, void *stream, const char *text);

#define SHOW_COUNT(columns) (sizeof(columns) / sizeof((columns)[0]))

#endif
