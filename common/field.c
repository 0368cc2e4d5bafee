/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does this object hold exactly the members a table names, each of its type and within its bounds:
 * doc_read, for every reader of a document.
 */

#include "common/doc.h"
#include "common/encode.h"
#include "common/text.h"

#include <inttypes.h>
#include <string.h>

/* What a field will hold, kept back until all of them are known to be right. */
union held {
	const char *text;
	int64_t number;
	bool flag;
	clock_us time;
	struct sha256_hex sha256;
	struct bytes bytes;
	const struct doc *doc;
};

static bool wrong(const struct doc_field *field, const char *what, struct err *err)
{
	return err_fail(err, E_DOC_FIELD, "Member '%s' must be %s", field->key, what);
}

static bool word_fits(const struct doc_field *field, const char *text, struct arena *arena,
		      struct err *err)
{
	struct text list;

	for (const char *const *word = field->words; *word; word++) {
		if (strcmp(*word, text) == 0)
			return true;
	}
	text_init(&list, arena, 150);
	for (const char *const *word = field->words; *word; word++)
		text_addf(&list, "%s%s", word == field->words ? "" : ", ", *word);
	return err_fail(err, E_DOC_FIELD, "Member '%s' must be one of: %s", field->key, list.at);
}

static bool read_text(struct arena *arena, const struct doc_field *field, const struct doc *value,
		      union held *out, struct err *err)
{
	const char *text = doc_text(value);
	if (!text)
		return wrong(field, "a text", err);
	int64_t size = (int64_t)strlen(text);
	if (field->words) {
		if (!word_fits(field, text, arena, err))
			return false;
	} else if (size < field->min || size > field->max) {
		return err_fail(err, E_DOC_FIELD,
				"Member '%s' must have %" PRId64 " to %" PRId64 " bytes",
				field->key, field->min, field->max);
	}
	if ((size_t)size >= arena_left(arena))
		return err_fail(err, E_DOC_LIMIT, "Member '%s' is too large here", field->key);
	out->text = arena_text(arena, text);
	return true;
}

static bool read_int(const struct doc_field *field, const struct doc *value, union held *out,
		     struct err *err)
{
	if (doc_kind(value) != DOC_KIND_INT)
		return wrong(field, "a whole number", err);
	int64_t number = doc_int(value, 0);
	if (number < field->min || number > field->max)
		return err_fail(err, E_DOC_FIELD,
				"Member '%s' must be from %" PRId64 " to %" PRId64, field->key,
				field->min, field->max);
	out->number = number;
	return true;
}

static bool read_time(const struct doc_field *field, const struct doc *value, union held *out,
		      struct err *err)
{
	struct err why = {0};
	if (!clock_parse(doc_text(value), &out->time, &why))
		return wrong(field, "a time such as 2026-11-23T06:07:03.123456Z", err);
	return true;
}

static bool read_sha256(const struct doc_field *field, const struct doc *value, union held *out,
			struct err *err)
{
	struct err why = {0};
	if (!id_sha256_read(doc_text(value), &out->sha256, &why))
		return wrong(field, "a SHA-256 of 64 lower-case hex digits", err);
	return true;
}

static bool read_bytes(struct arena *arena, const struct doc_field *field, const struct doc *value,
		       union held *out, struct err *err)
{
	struct err why = {0};
	const char *text = doc_text(value);
	if (!text)
		return wrong(field, "bytes in base64", err);
	/* Judged before anything is allocated: the text says how much there will be, up to two. */
	size_t most = strlen(text) / 4 * 3;
	if (most > (size_t)field->max + 2 || most >= arena_left(arena))
		return err_fail(err, E_DOC_FIELD, "Member '%s' must have at most %" PRId64 " bytes",
				field->key, field->max);
	if (!decode_base64(arena, text, &out->bytes, &why))
		return wrong(field, "bytes in base64 (RFC 4648 section 4, padded)", err);
	if (out->bytes.size < (size_t)field->min || out->bytes.size > (size_t)field->max)
		return err_fail(err, E_DOC_FIELD,
				"Member '%s' must have %" PRId64 " to %" PRId64 " bytes",
				field->key, field->min, field->max);
	return true;
}

static bool read_list(struct arena *arena, const struct doc_field *field, const struct doc *value,
		      union held *out, struct err *err)
{
	if (doc_kind(value) != DOC_KIND_ARRAY)
		return wrong(field, "a list", err);
	int64_t items = (int64_t)doc_size(value);
	if (items < field->min || items > field->max)
		return err_fail(err, E_DOC_FIELD,
				"Member '%s' must have %" PRId64 " to %" PRId64 " items",
				field->key, field->min, field->max);
	out->doc = doc_hold(arena, value);
	return true;
}

static bool read_field(struct arena *arena, const struct doc_field *field, const struct doc *value,
		       union held *out, struct err *err)
{
	switch (field->kind) {
	case DOC_FIELD_TEXT:
		return read_text(arena, field, value, out, err);
	case DOC_FIELD_INT:
		return read_int(field, value, out, err);
	case DOC_FIELD_BOOL:
		out->flag = doc_bool(value, false);
		return doc_kind(value) == DOC_KIND_BOOL || wrong(field, "true or false", err);
	case DOC_FIELD_TIME:
		return read_time(field, value, out, err);
	case DOC_FIELD_SHA256:
		return read_sha256(field, value, out, err);
	case DOC_FIELD_BYTES:
		return read_bytes(arena, field, value, out, err);
	case DOC_FIELD_OBJECT:
		out->doc = doc_hold(arena, value);
		return doc_kind(value) == DOC_KIND_OBJECT || wrong(field, "an object", err);
	case DOC_FIELD_LIST:
		return read_list(arena, field, value, out, err);
	case DOC_FIELD_ANY:
		out->doc = doc_hold(arena, value);
		return true;
	case DOC_FIELD_TYPE:
		return doc_text(value) != NULL || wrong(field, "a text", err);
	}
	return err_fail(err, E_BUG, "Field '%s' is of no kind", field->key);
}

static void store(const struct doc_field *field, const union held *held, void *out)
{
	unsigned char *at = (unsigned char *)out + field->offset;

	switch (field->kind) {
	case DOC_FIELD_TEXT:
		memcpy(at, &held->text, sizeof(held->text));
		break;
	case DOC_FIELD_INT:
		memcpy(at, &held->number, sizeof(held->number));
		break;
	case DOC_FIELD_BOOL:
		memcpy(at, &held->flag, sizeof(held->flag));
		break;
	case DOC_FIELD_TIME:
		memcpy(at, &held->time, sizeof(held->time));
		break;
	case DOC_FIELD_SHA256:
		memcpy(at, &held->sha256, sizeof(held->sha256));
		break;
	case DOC_FIELD_BYTES:
		memcpy(at, &held->bytes, sizeof(held->bytes));
		break;
	case DOC_FIELD_OBJECT:
	case DOC_FIELD_LIST:
	case DOC_FIELD_ANY:
		*(const struct doc **)(void *)at = held->doc;
		break;
	case DOC_FIELD_TYPE:
		break;
	}
}

static bool known(const struct doc_field *fields, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].key, key) == 0)
			return true;
	}
	return false;
}

/* With more members than fields one is unknown, so the walk ends after count + 1 at the latest. */
static bool all_known(struct arena *arena, const struct doc *object, const struct doc_field *fields,
		      size_t count, struct err *err)
{
	const struct doc *value;

	for (size_t i = 0; i < doc_size(object); i++) {
		const char *key = doc_member(arena, object, i, &value);
		if (key && !known(fields, count, key))
			return err_fail(err, E_DOC_FIELD,
					"Member '%s' is not known here; leave it out",
					text_printable(arena, bytes_of_text(key), 64));
	}
	return true;
}

bool doc_read(struct arena *arena, const struct doc *object, const struct doc_field *fields,
	      size_t count, void *out, struct err *err)
{
	if (doc_kind(object) != DOC_KIND_OBJECT)
		return err_fail(err, E_DOC_FIELD, "An object is needed here");
	union held *held = arena_array(arena, count, sizeof(*held));
	for (size_t i = 0; i < count; i++) {
		const struct doc *value = doc_get(object, fields[i].key);
		bool absent = doc_kind(value) == DOC_KIND_NULL;
		if (absent && fields[i].optional)
			continue;
		if (!value || (absent && fields[i].kind != DOC_FIELD_ANY))
			return err_fail(err, E_DOC_FIELD, "Member '%s' is missing", fields[i].key);
		if (!read_field(arena, &fields[i], value, &held[i], err))
			return false;
	}
	if (!all_known(arena, object, fields, count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		store(&fields[i], &held[i], out);
	return true;
}
