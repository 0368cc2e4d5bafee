/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DOC_H
#define COMMON_DOC_H

/*
 * JSON documents: the door to jansson.
 *
 * What may stand in a document: objects, arrays, strings (UTF-8 without NUL), booleans, null and
 * integers |n| <= 2^53 - 1; keys are ASCII. Fractions, exponents, duplicate members, a nesting of
 * more than 32, more than 200,000 values and more than 10,000 members of one object are refused
 * while reading. Documents are built and read, never printed by format string.
 *
 * Canonical form: RFC 8785 restricted to these values (docs/protocol/documents.md). What is hashed
 * or signed is always the exact stored bytes; a signed document is accepted only if writing what was
 * read gives the same bytes again (doc_parse_signed).
 *
 * Readers name their fields in a table, and members outside the table are refused:
 *
 *	static const struct doc_field fields[] = {
 *		DOC_TEXT(struct lease, device, 1, ID_DEVICE_MAX),
 *		DOC_INT(struct lease, for_s, 1, 900),
 *		DOC_SHA256(struct lease, permit_sha256),
 *		DOC_OPTIONAL(DOC_TEXT(struct lease, note, 0, 200)),
 *	};
 *	if (!doc_read(arena, doc, fields, DOC_COUNT(fields), &lease, err))
 *
 * Field types: text and doc fields are `const char *` and `const struct doc *` (NULL when optional
 * and absent), int `int64_t`, flag `bool`, time `clock_us`, sha256 `struct sha256_hex`, bytes `struct bytes` (base64 in the
 * document), list `const struct doc *`.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/id.h"

#include <stdint.h>

enum { DOC_DEPTH_MAX = 32, DOC_VALUES_MAX = 200000, DOC_MEMBERS_MAX = 10000 };
#define DOC_INT_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

struct doc;

/* ---- reading ---- */

/* Any JSON of the restricted kind, white space allowed. */
MUST_CHECK bool doc_parse(struct arena *arena, struct bytes bytes, const struct doc **out,
			  struct err *err);
/* Canonical bytes of an object whose "type" is this one. */
MUST_CHECK bool doc_parse_signed(struct arena *arena, struct bytes bytes, const char *type,
				 const struct doc **out, struct err *err);
/* What a device of a foreign make sends: as doc_parse, but fractions are read as their integer part,
 * raw control characters inside strings are taken, and the first of duplicate members wins. */
MUST_CHECK bool doc_parse_lenient(struct arena *arena, struct bytes bytes, const struct doc **out,
				  struct err *err);

enum doc_kind {
	DOC_KIND_OBJECT,
	DOC_KIND_ARRAY,
	DOC_KIND_TEXT,
	DOC_KIND_INT,
	DOC_KIND_BOOL,
	DOC_KIND_NULL
};
enum doc_kind doc_kind(const struct doc *doc);
const struct doc *doc_get(const struct doc *object,
			  const char *key);  /* NULL if absent or no object */
const char *doc_text(const struct doc *doc); /* NULL if it is no text (or NULL) */
const char *doc_get_text(const struct doc *object, const char *key);
int64_t doc_int(const struct doc *doc, int64_t otherwise);
bool doc_bool(const struct doc *doc, bool otherwise);
size_t doc_size(const struct doc *doc); /* members or items; 0 for others */
const struct doc *doc_at(const struct doc *array, size_t index);
/* Member number i, in no stated order; NULL beyond the last. The key lives as long as the object. A
 * walk from the first one: for all members of what may be large, doc_members. */
const char *doc_member(struct arena *arena, const struct doc *object, size_t index,
		       const struct doc **value);

/* All members, sorted by key; keys live as long as the object does and is not changed. */
struct doc_pair {
	const char *key;
	const struct doc *value;
};
const struct doc_pair *doc_members(struct arena *arena, const struct doc *object, size_t *count);
/* Lets doc live as long as this arena, too. */
const struct doc *doc_hold(struct arena *arena, const struct doc *doc);

enum doc_field_kind {
	DOC_FIELD_TEXT,
	DOC_FIELD_INT,
	DOC_FIELD_BOOL,
	DOC_FIELD_TIME,
	DOC_FIELD_SHA256,
	DOC_FIELD_BYTES,
	DOC_FIELD_OBJECT,
	DOC_FIELD_LIST,
	DOC_FIELD_ANY,
	DOC_FIELD_TYPE,
};
struct doc_field {
	const char *key;
	enum doc_field_kind kind;
	size_t offset;
	int64_t min, max; /* int: range; text: bytes; bytes: decoded bytes; list: items */
	bool optional;
	const char *const *words; /* text: one of these, NULL-ended */
};
/* clang-format off */
#define DOC_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))
#define DOC_TEXT(s, m, lo, hi) {#m, DOC_FIELD_TEXT, offsetof(s, m), lo, hi, false, NULL}
#define DOC_WORD(s, m, list) {#m, DOC_FIELD_TEXT, offsetof(s, m), 1, 64, false, list}
#define DOC_INT(s, m, lo, hi) {#m, DOC_FIELD_INT, offsetof(s, m), lo, hi, false, NULL}
#define DOC_FLAG(s, m) {#m, DOC_FIELD_BOOL, offsetof(s, m), 0, 0, false, NULL}
#define DOC_TIME(s, m) {#m, DOC_FIELD_TIME, offsetof(s, m), 0, 0, false, NULL}
#define DOC_SHA256(s, m) {#m, DOC_FIELD_SHA256, offsetof(s, m), 0, 0, false, NULL}
#define DOC_BYTES(s, m, hi) {#m, DOC_FIELD_BYTES, offsetof(s, m), 0, hi, false, NULL}
#define DOC_OBJECT(s, m) {#m, DOC_FIELD_OBJECT, offsetof(s, m), 0, 0, false, NULL}
#define DOC_LIST(s, m, lo, hi) {#m, DOC_FIELD_LIST, offsetof(s, m), lo, hi, false, NULL}
#define DOC_ANY(s, m) {#m, DOC_FIELD_ANY, offsetof(s, m), 0, 0, false, NULL}
/* The member "type": already checked by doc_parse_signed, named so that it is not unknown. */
#define DOC_TYPE_MEMBER {"type", DOC_FIELD_TYPE, 0, 0, 0, false, NULL}
/* The same field, allowed to be absent (null counts as absent). */
#define DOC_TEXT_OPT(s, m, lo, hi) {#m, DOC_FIELD_TEXT, offsetof(s, m), lo, hi, true, NULL}
#define DOC_WORD_OPT(s, m, list) {#m, DOC_FIELD_TEXT, offsetof(s, m), 1, 64, true, list}
#define DOC_INT_OPT(s, m, lo, hi) {#m, DOC_FIELD_INT, offsetof(s, m), lo, hi, true, NULL}
#define DOC_FLAG_OPT(s, m) {#m, DOC_FIELD_BOOL, offsetof(s, m), 0, 0, true, NULL}
#define DOC_TIME_OPT(s, m) {#m, DOC_FIELD_TIME, offsetof(s, m), 0, 0, true, NULL}
#define DOC_SHA256_OPT(s, m) {#m, DOC_FIELD_SHA256, offsetof(s, m), 0, 0, true, NULL}
#define DOC_BYTES_OPT(s, m, hi) {#m, DOC_FIELD_BYTES, offsetof(s, m), 0, hi, true, NULL}
#define DOC_OBJECT_OPT(s, m) {#m, DOC_FIELD_OBJECT, offsetof(s, m), 0, 0, true, NULL}
#define DOC_LIST_OPT(s, m, lo, hi) {#m, DOC_FIELD_LIST, offsetof(s, m), lo, hi, true, NULL}
/* clang-format on */

/* Reads an object by its table into a struct; the error names the member. The fields of the table
 * are all written on success (absent ones with zero), none on failure; other fields stay. */
MUST_CHECK bool doc_read(struct arena *arena, const struct doc *object,
			 const struct doc_field *fields, size_t count, void *out, struct err *err);

/* ---- building ---- */

struct doc *doc_object(struct arena *arena);
struct doc *doc_array(struct arena *arena);
/* Setting a member again replaces it. A NULL text is null. */
void doc_set(struct doc *object, const char *key, const struct doc *value);
void doc_set_text(struct doc *object, const char *key, const char *text);
void doc_set_int(struct doc *object, const char *key, int64_t value);
void doc_set_bool(struct doc *object, const char *key, bool value);
void doc_set_null(struct doc *object, const char *key);
void doc_set_time(struct doc *object, const char *key, clock_us at);
void doc_set_bytes(struct doc *object, const char *key, struct bytes bytes); /* base64 */
void doc_add(struct doc *array, const struct doc *value);
void doc_add_text(struct doc *array, const char *text);
void doc_add_int(struct doc *array, int64_t value);

/* Canonical bytes. E_INPUT, E_DOC_LIMIT: it holds what doc_parse would not read again. */
MUST_CHECK bool doc_canonical(struct arena *arena, const struct doc *doc, struct bytes *out,
			      struct err *err);
/* For people: indented, members sorted, ends in a newline. */
char *doc_pretty(struct arena *arena, const struct doc *doc);

#endif
