/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a struct look like as a document: for everybody who makes one. Limits are judged only
 * while reading, so writing reads its own result.
 */

#include "common/wire/shape.h"

#include "common/encode.h"

#include <string.h>

/* The pointer that stands at `from`, of whatever object type. */
static const void *pointer_at(const unsigned char *from)
{
	const void *pointer;
	memcpy(&pointer, from, sizeof(pointer));
	return pointer;
}

static size_t count_at(const unsigned char *from)
{
	size_t count;
	memcpy(&count, from, sizeof(count));
	return count;
}

static int64_t int_at(const unsigned char *from)
{
	int64_t number;
	memcpy(&number, from, sizeof(number));
	return number;
}

static struct doc *list_doc(struct arena *arena, const struct shape_field *field, const void *items,
			    size_t count)
{
	struct doc *list = doc_array(arena);
	for (size_t i = 0; i < count; i++) {
		const unsigned char *item = (const unsigned char *)items + i * field->shape->size;
		doc_add(list, shape_doc(arena, field->shape, item));
	}
	return list;
}

static struct doc *texts_doc(struct arena *arena, const struct text_list *texts)
{
	struct doc *list = doc_array(arena);
	for (size_t i = 0; i < texts->count; i++)
		doc_add_text(list, texts->at[i]);
	return list;
}

static struct doc *digests_doc(struct arena *arena, const struct sha256_hex *at, size_t count)
{
	struct doc *list = doc_array(arena);
	for (size_t i = 0; i < count; i++)
		doc_add_text(list, at[i].text);
	return list;
}

static struct doc *blobs_doc(struct arena *arena, const struct bytes *at, size_t count)
{
	struct doc *list = doc_array(arena);
	for (size_t i = 0; i < count; i++)
		doc_add_text(list, encode_base64(arena, at[i]));
	return list;
}

static struct doc *map_doc(struct arena *arena, const struct shape_pair *at, size_t count)
{
	struct doc *map = doc_object(arena);
	for (size_t i = 0; i < count; i++)
		doc_set_int(map, at[i].key, at[i].value);
	return map;
}

static struct doc *items_doc(struct arena *arena, const struct shape_field *field,
			     const unsigned char *value)
{
	const void *items = pointer_at(value + field->offset);
	size_t count = count_at(value + field->count_offset);

	if (field->kind == SHAPE_KIND_LIST)
		return list_doc(arena, field, items, count);
	if (field->kind == SHAPE_KIND_DIGESTS)
		return digests_doc(arena, items, count);
	if (field->kind == SHAPE_KIND_BLOBS)
		return blobs_doc(arena, items, count);
	return map_doc(arena, items, count);
}

static bool is_absent(const struct shape_field *field, const unsigned char *value)
{
	const unsigned char *from = value + field->offset;

	switch ((int)field->kind) {
	case SHAPE_KIND_INT:
	case SHAPE_KIND_TIME:
		return int_at(from) == 0;
	case SHAPE_KIND_SHA256:
		return *from == '\0';
	case SHAPE_KIND_BYTES:
		return ((const struct bytes *)(const void *)from)->size == 0;
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_DIGESTS:
	case SHAPE_KIND_BLOBS:
	case SHAPE_KIND_MAP:
		return count_at(value + field->count_offset) == 0;
	default:
		return pointer_at(from) == NULL;
	}
}

static void build_member(struct arena *arena, const struct shape_field *field,
			 const unsigned char *value, struct doc *out)
{
	const unsigned char *from = value + field->offset;
	const char *key = field->key;

	if (field->optional && is_absent(field, value))
		return;
	switch (field->kind) {
	case SHAPE_KIND_INT:
		doc_set_int(out, key, int_at(from));
		return;
	case SHAPE_KIND_TIME:
		doc_set_time(out, key, int_at(from));
		return;
	case SHAPE_KIND_SHA256:
		doc_set_text(out, key, (const char *)from);
		return;
	case SHAPE_KIND_BYTES:
		doc_set_bytes(out, key, *(const struct bytes *)(const void *)from);
		return;
	case SHAPE_KIND_OBJECT:
		doc_set(out, key, shape_doc(arena, field->shape, from));
		return;
	case SHAPE_KIND_NAMES:
		doc_set(out, key, texts_doc(arena, (const void *)from));
		return;
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_DIGESTS:
	case SHAPE_KIND_BLOBS:
	case SHAPE_KIND_MAP:
		doc_set(out, key, items_doc(arena, field, value));
		return;
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
	doc_set_text(out, key, pointer_at(from));
}

static void build(struct arena *arena, const struct shape *shape, const unsigned char *value,
		  struct doc *out)
{
	const struct shape_field *fields = shape->fields;
	size_t count = shape->count;

	if (shape->type)
		doc_set_text(out, "type", shape->type);
	if (shape->variants) {
		int kind;
		memcpy(&kind, value, sizeof(kind));
		if (kind < 0 || (size_t)kind >= shape->variant_count)
			return; /* no act: refused when read back */
		doc_set_text(out, "act", shape->variants[kind].word);
		fields = shape->variants[kind].fields;
		count = shape->variants[kind].count;
	}
	for (size_t i = 0; i < count; i++)
		build_member(arena, &fields[i], value, out);
}

struct doc *shape_doc(struct arena *arena, const struct shape *shape, const void *value)
{
	struct doc *doc = doc_object(arena);
	build(arena, shape, value, doc);
	return doc;
}

bool shape_write(struct arena *arena, const struct shape *shape, const void *value,
		 struct bytes *out, struct err *err)
{
	struct bytes bytes;
	const struct doc *doc = shape_doc(arena, shape, value);

	if (!shape_read(arena, shape, doc, arena_alloc(arena, shape->size), err) ||
	    !doc_canonical(arena, doc, &bytes, err))
		return false;
	if (shape->type && bytes.size > shape->bytes_max)
		return err_fail(err, E_DOC_LIMIT, "A %s has at most %zu bytes", shape->type,
				shape->bytes_max);
	*out = bytes;
	return true;
}
