/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a document fit its table, and what does it say? For every document of common/wire: one walk
 * over the table reads a JSON object into a struct. The other way round stands in shape_write.c.
 */

#include "common/wire/shape.h"

#include "common/encode.h"

#include <string.h>

enum { BLOB_MAX = 64 * 1024, NONCE_BYTES = 16, NAMES_ITEM_MAX = ID_NAME_MAX };

static bool read_into(struct arena *arena, const struct shape *shape, const struct doc *doc,
		      unsigned char *out, struct err *err);

bool text_list_holds(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->at[i], text) == 0)
			return true;
	}
	return false;
}

/* ---- texts ---- */

static bool no_controls(const char *text, bool line)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at >= 0x20 && *at != 0x7f)
			continue;
		if (line || (*at != '\n' && *at != '\t'))
			return false;
	}
	return true;
}

/* Of UTF-8 text: U+0080 to U+009F, U+2028 to U+202E, U+2066 to U+2069. */
static bool no_hidden_marks(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
			return false;
		if (at[0] != 0xe2)
			continue;
		if (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae)
			return false;
		if (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
			return false;
	}
	return true;
}

bool shape_line_valid(const char *text)
{
	return no_controls(text, true) && no_hidden_marks(text);
}

static bool token_valid(const char *text)
{
	static const char first[] = "0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strspn(text, first) > 0 &&
	       text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ._:-+~")] == '\0';
}

static bool nonce_valid(struct arena *arena, const char *text)
{
	struct bytes raw;
	struct err ignored = {0};

	return strlen(text) == 22 && decode_base64url(arena, text, &raw, &ignored) &&
	       raw.size == NONCE_BYTES;
}

static bool text_fits(struct arena *arena, const struct shape_field *field, const char *text)
{
	size_t length = strlen(text);

	switch ((int)field->kind) {
	case SHAPE_KIND_UUID:
		return id_uuid_valid(text);
	case SHAPE_KIND_NONCE:
		return nonce_valid(arena, text);
	default:
		break;
	}
	if (length < (size_t)field->min || length > (size_t)field->max)
		return false;
	switch ((int)field->kind) {
	case SHAPE_KIND_PROSE:
		return no_controls(text, false) && no_hidden_marks(text);
	case SHAPE_KIND_LINE:
		return shape_line_valid(text);
	case SHAPE_KIND_NAME:
		return id_name_valid(text, (size_t)field->max);
	case SHAPE_KIND_TOKEN:
		return length == 0 || token_valid(text);
	default: /* hex */
		return strspn(text, "0123456789abcdef") == length;
	}
}

/* ---- reading one member ---- */

static bool wrong(const struct shape_field *field, const char *what, struct err *err)
{
	return err_fail(err, E_DOC_FIELD, "Member '%s' %s", field->key, what);
}

static bool read_text(struct arena *arena, const struct shape_field *field, const struct doc *doc,
		      const char **out, struct err *err)
{
	const char *text = doc_text(doc);
	if (!text)
		return wrong(field, "must be a text", err);
	if (field->kind != SHAPE_KIND_WORD) {
		if (!text_fits(arena, field, text))
			return wrong(field, "is not a text of the form asked for here", err);
		*out = text;
		return true;
	}
	for (const char *const *word = field->words; *word; word++) {
		if (strcmp(*word, text) == 0) {
			*out = *word;
			return true;
		}
	}
	return wrong(field, "is none of the words that may stand here", err);
}

static bool read_int(const struct shape_field *field, const struct doc *doc, int64_t *out,
		     struct err *err)
{
	if (doc_kind(doc) != DOC_KIND_INT)
		return wrong(field, "must be a whole number", err);
	int64_t value = doc_int(doc, 0);
	if (value < field->min || value > field->max)
		return wrong(field, "lies outside its range", err);
	*out = value;
	return true;
}

static bool read_time(const struct shape_field *field, const struct doc *doc, clock_us *out,
		      struct err *err)
{
	struct err ignored = {0};
	const char *text = doc_text(doc);
	if (!text || !clock_parse(text, out, &ignored))
		return wrong(field, "must be a time such as 2026-11-23T06:07:03.123456Z", err);
	return true;
}

static bool read_digest(const struct shape_field *field, const struct doc *doc,
			struct sha256_hex *out, struct err *err)
{
	const char *text = doc_text(doc);
	if (!text || !id_sha256_valid(text))
		return wrong(field, "must be 64 lower-case hex digits", err);
	memcpy(out->text, text, sizeof(out->text));
	return true;
}

static bool read_bytes(struct arena *arena, const struct shape_field *field, int64_t min,
		       int64_t max, const struct doc *doc, struct bytes *out, struct err *err)
{
	struct err ignored = {0};
	struct bytes bytes;
	const char *text = doc_text(doc);
	if (!text || !decode_base64(arena, text, &bytes, &ignored))
		return wrong(field, "must be base64 (RFC 4648 section 4)", err);
	if (bytes.size < (size_t)min || bytes.size > (size_t)max)
		return wrong(field, "holds too few or too many bytes", err);
	*out = bytes;
	return true;
}

/* ---- reading lists ---- */

static bool list_size(const struct shape_field *field, const struct doc *doc, size_t *out,
		      struct err *err)
{
	if (doc_kind(doc) != DOC_KIND_ARRAY)
		return wrong(field, "must be a list", err);
	*out = doc_size(doc);
	if (*out < (size_t)field->min || *out > (size_t)field->max)
		return wrong(field, "has too few or too many items", err);
	return true;
}

static bool read_list(struct arena *arena, const struct shape_field *field, const struct doc *doc,
		      const void **out, size_t *count, struct err *err)
{
	if (!list_size(field, doc, count, err))
		return false;
	unsigned char *items = arena_array(arena, *count, field->shape->size);
	for (size_t i = 0; i < *count; i++) {
		if (!read_into(arena, field->shape, doc_at(doc, i), items + i * field->shape->size,
			       err)) {
			err_prefix(err, "%s, item %zu", field->key, i + 1);
			return false;
		}
	}
	*out = items;
	return true;
}

static bool read_names(struct arena *arena, const struct shape_field *field, const struct doc *doc,
		       struct text_list *out, struct err *err)
{
	struct text_list list = {0};
	if (!list_size(field, doc, &list.count, err))
		return false;
	const char **at = arena_array(arena, list.count, sizeof(*at));
	list.at = at;
	for (size_t i = 0; i < list.count; i++) {
		const char *text = doc_text(doc_at(doc, i));
		if (!text || !id_name_valid(text, NAMES_ITEM_MAX))
			return wrong(field, "must be a list of names", err);
		if (text_list_holds(&(struct text_list){at, i}, text))
			return wrong(field, "holds the same name twice", err);
		at[i] = text;
	}
	*out = list;
	return true;
}

static bool read_digests(struct arena *arena, const struct shape_field *field,
			 const struct doc *doc, const void **out, size_t *count, struct err *err)
{
	if (!list_size(field, doc, count, err))
		return false;
	struct sha256_hex *at = arena_array(arena, *count, sizeof(*at));
	for (size_t i = 0; i < *count; i++) {
		if (!read_digest(field, doc_at(doc, i), &at[i], err))
			return false;
	}
	*out = at;
	return true;
}

static bool read_blobs(struct arena *arena, const struct shape_field *field, const struct doc *doc,
		       const void **out, size_t *count, struct err *err)
{
	if (!list_size(field, doc, count, err))
		return false;
	struct bytes *at = arena_array(arena, *count, sizeof(*at));
	for (size_t i = 0; i < *count; i++) {
		if (!read_bytes(arena, field, 1, BLOB_MAX, doc_at(doc, i), &at[i], err))
			return false;
	}
	*out = at;
	return true;
}

static bool read_map(struct arena *arena, const struct shape_field *field, const struct doc *doc,
		     const void **out, size_t *count, struct err *err)
{
	if (doc_kind(doc) != DOC_KIND_OBJECT)
		return wrong(field, "must be an object", err);
	if (doc_size(doc) > (size_t)field->max)
		return wrong(field, "has too many members", err);
	const struct doc_pair *pairs = doc_members(arena, doc, count);
	struct shape_pair *at = arena_array(arena, *count, sizeof(*at));
	for (size_t i = 0; i < *count; i++) {
		if (!id_name_valid(pairs[i].key, ID_NAME_MAX) ||
		    doc_kind(pairs[i].value) != DOC_KIND_INT || doc_int(pairs[i].value, -1) < 0)
			return wrong(field, "must map names to numbers from 0", err);
		at[i].key = pairs[i].key;
		at[i].value = doc_int(pairs[i].value, 0);
	}
	*out = at;
	return true;
}

/* The kinds that are a pointer and a count. Copied, for the pointer's type differs. */
static bool read_items(struct arena *arena, const struct shape_field *field, const struct doc *doc,
		       unsigned char *out, struct err *err)
{
	const void *items = NULL;
	size_t count = 0;
	bool ok = false;

	if (field->kind == SHAPE_KIND_LIST)
		ok = read_list(arena, field, doc, &items, &count, err);
	else if (field->kind == SHAPE_KIND_DIGESTS)
		ok = read_digests(arena, field, doc, &items, &count, err);
	else if (field->kind == SHAPE_KIND_BLOBS)
		ok = read_blobs(arena, field, doc, &items, &count, err);
	else
		ok = read_map(arena, field, doc, &items, &count, err);
	if (!ok)
		return false;
	memcpy(out + field->offset, &items, sizeof(items));
	memcpy(out + field->count_offset, &count, sizeof(count));
	return true;
}

/* ---- reading an object ---- */

/* One member into its place; `to` is the struct's own memory of the field's type. */
static bool read_member(struct arena *arena, const struct shape_field *field, const struct doc *doc,
			unsigned char *out, struct err *err)
{
	void *to = out + field->offset;

	switch (field->kind) {
	case SHAPE_KIND_INT:
		return read_int(field, doc, to, err);
	case SHAPE_KIND_TIME:
		return read_time(field, doc, to, err);
	case SHAPE_KIND_SHA256:
		return read_digest(field, doc, to, err);
	case SHAPE_KIND_BYTES:
		return read_bytes(arena, field, field->min, field->max, doc, to, err);
	case SHAPE_KIND_OBJECT:
		if (read_into(arena, field->shape, doc, to, err))
			return true;
		err_prefix(err, "%s", field->key);
		return false;
	case SHAPE_KIND_NAMES:
		return read_names(arena, field, doc, to, err);
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_DIGESTS:
	case SHAPE_KIND_BLOBS:
	case SHAPE_KIND_MAP:
		return read_items(arena, field, doc, out, err);
	case SHAPE_KIND_PROSE:
	case SHAPE_KIND_LINE:
	case SHAPE_KIND_NAME:
	case SHAPE_KIND_TOKEN:
	case SHAPE_KIND_UUID:
	case SHAPE_KIND_HEX:
	case SHAPE_KIND_NONCE:
	case SHAPE_KIND_WORD:
		break;
	}
	return read_text(arena, field, doc, to, err);
}

static bool read_members(struct arena *arena, const struct shape_field *fields, size_t count,
			 const struct doc *doc, size_t *found, unsigned char *out, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct doc *value = doc_get(doc, fields[i].key);
		if (!value && fields[i].optional)
			continue;
		if (!value)
			return wrong(&fields[i], "is missing", err);
		if (!read_member(arena, &fields[i], value, out, err))
			return false;
		*found += 1;
	}
	return true;
}

/* The variant's number goes into the int that the struct begins with. */
static bool read_variant(struct arena *arena, const struct shape *shape, const struct doc *doc,
			 size_t *found, unsigned char *out, struct err *err)
{
	const char *word = doc_get_text(doc, "act");
	if (!word)
		return err_fail(err, E_DOC_FIELD, "Member 'act' is missing or no text");
	for (size_t i = 0; i < shape->variant_count; i++) {
		const struct shape_variant *variant = &shape->variants[i];
		if (strcmp(variant->word, word) != 0)
			continue;
		int kind = (int)i;
		memcpy(out, &kind, sizeof(kind));
		*found += 1;
		return read_members(arena, variant->fields, variant->count, doc, found, out, err);
	}
	return err_fail(err, E_DOC_FIELD, "Member 'act' names no act");
}

static bool read_into(struct arena *arena, const struct shape *shape, const struct doc *doc,
		      unsigned char *out, struct err *err)
{
	size_t found = shape->type ? 1 : 0;

	if (!doc || doc_kind(doc) != DOC_KIND_OBJECT)
		return err_fail(err, E_DOC_FIELD, "Here an object has to stand");
	if (!(shape->variants
		      ? read_variant(arena, shape, doc, &found, out, err)
		      : read_members(arena, shape->fields, shape->count, doc, &found, out, err)))
		return false;
	if (found != doc_size(doc))
		return err_fail(err, E_DOC_FIELD,
				"There are %zu members that do not belong here; leave them out",
				doc_size(doc) - found);
	return !shape->check || shape->check(out, err);
}

bool shape_read(struct arena *arena, const struct shape *shape, const struct doc *doc, void *out,
		struct err *err)
{
	unsigned char *value = arena_alloc(arena, shape->size);

	if (shape->type) {
		const char *type = doc_get_text(doc, "type");
		if (!type || strcmp(type, shape->type) != 0)
			return err_fail(err, E_DOC_TYPE, "The document is no %s", shape->type);
	}
	if (!read_into(arena, shape, doc, value, err))
		return false;
	memcpy(out, value, shape->size);
	return true;
}

bool shape_parse(struct arena *arena, const struct shape *shape, struct bytes bytes, void *out,
		 struct err *err)
{
	const struct doc *doc;

	if (bytes.size > shape->bytes_max)
		return err_fail(err, E_DOC_LIMIT, "A %s has at most %zu bytes", shape->type,
				shape->bytes_max);
	return doc_parse_signed(arena, bytes, shape->type, &doc, err) &&
	       shape_read(arena, shape, doc, out, err);
}
