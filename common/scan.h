/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

/*
 * A look over JSON text before the parser gets it: only for doc.c. It keeps what a text may cost
 * (nesting, number of values) within the limits of doc.h, and decides about numbers, which the
 * parser would round or widen. It is no parser: what is not JSON passes, and is refused there.
 */

#include "common/arena.h"
#include "common/err.h"

/* E_DOC_LIMIT or E_DOC_SYNTAX, with line and column. Fractions may stand if the caller says so. */
MUST_CHECK bool scan_check(struct bytes json, bool fractions, struct err *err);

/* Line and column (in characters), from 1, of the byte at this offset. */
void scan_place(struct bytes json, size_t offset, size_t *line, size_t *column);

/*
 * The same text with raw control characters inside strings escaped (NUL is left, to be refused),
 * and "#0000000", "#0000001" and so on appended to the names of members, so that a parser that
 * keeps the last of duplicates keeps them all. The names have SCAN_MARK_BYTES more then.
 */
enum { SCAN_MARK_BYTES = 8 };
struct bytes scan_clean(struct arena *arena, struct bytes json);
/* The most that scan_clean allocates for this text. */
size_t scan_clean_max(struct bytes json);

#endif
