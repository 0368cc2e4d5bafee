/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_SHAPE_H
#define COMMON_WIRE_SHAPE_H

/*
 * How a document and a struct correspond: one table per kind of document, read both ways.
 *
 *	static const struct shape_field fields[] = {
 *		SHAPE_NAME(struct target, device, ID_DEVICE_MAX),
 *		SHAPE_INT(struct target, index, 0, DOC_INT_MAX),
 *	};
 *	static const struct shape shape = SHAPE(TARGET_TYPE, 4096, struct target, fields, NULL);
 *
 * Reading refuses unknown members, null, and whatever breaks a limit of the table or of the check
 * function; writing reads back what it wrote, so nothing can be written that would be refused. A
 * member marked optional is absent exactly when its value is zero (NULL, 0, "", no items); so every
 * optional member's least value is above zero, and same struct means same bytes.
 */

#include "common/doc.h"

#include <stddef.h>

/* Texts, such as names of hardware. */
struct text_list {
	const char *const *at;
	size_t count;
};
bool text_list_holds(const struct text_list *list, const char *text);

/* No control character (of Unicode either), no mark that turns the direction of writing. */
bool shape_line_valid(const char *text);

/* A member of an object that maps names to numbers, sorted by name. */
struct shape_pair {
	const char *key;
	int64_t value;
};

enum shape_kind {
	SHAPE_KIND_PROSE,   /* const char *: UTF-8 without control characters, but LF and TAB */
	SHAPE_KIND_LINE,    /* const char *: UTF-8 without control characters */
	SHAPE_KIND_NAME,    /* const char *: id_name_valid, at most `max` bytes */
	SHAPE_KIND_TOKEN,   /* const char *: as a name, and '+' and '~' too: versions, file names */
	SHAPE_KIND_UUID,    /* const char * */
	SHAPE_KIND_HEX,	    /* const char *: `max` lower-case hex digits */
	SHAPE_KIND_NONCE,   /* const char *: base64url of 16 bytes */
	SHAPE_KIND_WORD,    /* const char *: one of `words`, pointing into that list */
	SHAPE_KIND_INT,	    /* int64_t */
	SHAPE_KIND_TIME,    /* clock_us */
	SHAPE_KIND_SHA256,  /* struct sha256_hex */
	SHAPE_KIND_BYTES,   /* struct bytes; base64 in the document */
	SHAPE_KIND_OBJECT,  /* a struct inside, of `shape` */
	SHAPE_KIND_LIST,    /* const struct X *, count at `count_offset`; items of `shape` */
	SHAPE_KIND_NAMES,   /* struct text_list: names of at most 64 bytes, no two the same */
	SHAPE_KIND_DIGESTS, /* const struct sha256_hex *, count at `count_offset` */
	SHAPE_KIND_BLOBS, /* const struct bytes *, count at `count_offset`; base64, each <= 64 KiB */
	SHAPE_KIND_MAP,	  /* const struct shape_pair *, count at `count_offset`; values from 0 */
};

struct shape_field {
	const char *key;
	enum shape_kind kind;
	size_t offset, count_offset;
	int64_t min, max; /* int: range; texts and bytes: bytes; lists: items */
	bool optional;
	const char *const *words;
	const struct shape *shape;
};

/* Members of one kind of act in a list of acts; `word` is what its "act" member says. */
struct shape_variant {
	const char *word;
	const struct shape_field *fields;
	size_t count;
};

struct shape {
	const char *type; /* NULL: part of a document */
	size_t bytes_max; /* of a document */
	size_t size;
	const struct shape_field *fields;
	size_t count;
	/* What no table can say. NULL: nothing more. */
	bool (*check)(const void *value, struct err *err);
	/* Instead of fields: the struct begins with an int, the number of the variant. */
	const struct shape_variant *variants;
	size_t variant_count;
};

/* clang-format off */
#define SHAPE_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))
#define SHAPE(name, bytes, s, table, checked) \
	{.type = (name), .bytes_max = (bytes), .size = sizeof(s), .fields = (table), \
	 .count = SHAPE_COUNT(table), .check = (checked)}
#define SHAPE_PART(s, table, checked) \
	{.size = sizeof(s), .fields = (table), .count = SHAPE_COUNT(table), .check = (checked)}
#define SHAPE_FIELD(s, m, what, lo, hi) \
	.key = #m, .kind = (what), .offset = offsetof(s, m), .min = (lo), .max = (hi)
#define SHAPE_PROSE(s, m, lo, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_PROSE, lo, hi)}
#define SHAPE_LINE(s, m, lo, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_LINE, lo, hi)}
#define SHAPE_NAME(s, m, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_NAME, 1, hi)}
#define SHAPE_NAME_OPT(s, m, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_NAME, 1, hi), .optional = true}
#define SHAPE_TOKEN(s, m, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_TOKEN, 1, hi)}
#define SHAPE_UUID(s, m) {SHAPE_FIELD(s, m, SHAPE_KIND_UUID, 0, 0)}
#define SHAPE_HEX(s, m, digits) {SHAPE_FIELD(s, m, SHAPE_KIND_HEX, digits, digits)}
#define SHAPE_NONCE(s, m) {SHAPE_FIELD(s, m, SHAPE_KIND_NONCE, 0, 0)}
#define SHAPE_WORD(s, m, list) {SHAPE_FIELD(s, m, SHAPE_KIND_WORD, 0, 0), .words = (list)}
#define SHAPE_INT(s, m, lo, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_INT, lo, hi)}
#define SHAPE_INT_OPT(s, m, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_INT, 1, hi), .optional = true}
#define SHAPE_TIME(s, m) {SHAPE_FIELD(s, m, SHAPE_KIND_TIME, 0, 0)}
#define SHAPE_SHA256(s, m) {SHAPE_FIELD(s, m, SHAPE_KIND_SHA256, 0, 0)}
#define SHAPE_SHA256_OPT(s, m) {SHAPE_FIELD(s, m, SHAPE_KIND_SHA256, 0, 0), .optional = true}
#define SHAPE_BYTES(s, m, lo, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_BYTES, lo, hi)}
#define SHAPE_BYTES_OPT(s, m, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_BYTES, 1, hi), .optional = true}
#define SHAPE_OBJECT(s, m, inner) {SHAPE_FIELD(s, m, SHAPE_KIND_OBJECT, 0, 0), .shape = (inner)}
#define SHAPE_NAMES(s, m, lo, hi) {SHAPE_FIELD(s, m, SHAPE_KIND_NAMES, lo, hi)}
#define SHAPE_LIST(s, m, n, inner, lo, hi) \
	{SHAPE_FIELD(s, m, SHAPE_KIND_LIST, lo, hi), .count_offset = offsetof(s, n), \
	 .shape = (inner)}
#define SHAPE_LIST_OPT(s, m, n, inner, hi) \
	{SHAPE_FIELD(s, m, SHAPE_KIND_LIST, 1, hi), .count_offset = offsetof(s, n), \
	 .shape = (inner), .optional = true}
#define SHAPE_DIGESTS(s, m, n, lo, hi) \
	{SHAPE_FIELD(s, m, SHAPE_KIND_DIGESTS, lo, hi), .count_offset = offsetof(s, n)}
#define SHAPE_BLOBS(s, m, n, lo, hi) \
	{SHAPE_FIELD(s, m, SHAPE_KIND_BLOBS, lo, hi), .count_offset = offsetof(s, n)}
#define SHAPE_MAP(s, m, n, hi) \
	{SHAPE_FIELD(s, m, SHAPE_KIND_MAP, 0, hi), .count_offset = offsetof(s, n)}
/* clang-format on */

/* Canonical bytes of a document of this shape's type. */
MUST_CHECK bool shape_parse(struct arena *arena, const struct shape *shape, struct bytes bytes,
			    void *out, struct err *err);
MUST_CHECK bool shape_write(struct arena *arena, const struct shape *shape, const void *value,
			    struct bytes *out, struct err *err);
/* An object that is already read; its "type" is checked when the shape has one. */
MUST_CHECK bool shape_read(struct arena *arena, const struct shape *shape, const struct doc *doc,
			   void *out, struct err *err);
/* Without any check of limits: for parts of what shape_write or a reader will check. */
struct doc *shape_doc(struct arena *arena, const struct shape *shape, const void *value);

#endif
