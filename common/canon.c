/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How is a document written: as canonical bytes for hashing and signing (RFC 8785, restricted as
 * doc.h says), or indented for people. Everything is walked twice: measured and judged, then
 * written into exactly the bytes it needs.
 */

#include "common/doc.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Sorted lists of members: two walks of at most DOC_VALUES_MAX pairs, and blocks of the arena. */
enum { SCRATCH_MAX = 16 * 1024 * 1024 };

struct writer {
	struct arena *scratch;
	unsigned char *at; /* NULL while measuring */
	size_t size;
	size_t values;
	size_t depth;
	bool indented;
};

static bool write_value(struct writer *writer, const struct doc *doc, struct err *err);

static void put(struct writer *writer, const void *data, size_t size)
{
	if (writer->at)
		memcpy(writer->at + writer->size, data, size);
	writer->size += size;
}

static void put_words(struct writer *writer, const char *words)
{
	put(writer, words, strlen(words));
}

static void new_line(struct writer *writer)
{
	if (!writer->indented)
		return;
	put_words(writer, "\n");
	for (size_t i = 0; i < writer->depth; i++)
		put_words(writer, "  ");
}

/* RFC 8785 section 3.2.2.2: the short escapes, \u00xx in lower case for other controls, and
 * everything else as it is. */
static void put_escaped(struct writer *writer, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn-fr"; /* of U+0008 to U+000D; U+000B has none */
	const char *from = text;

	put_words(writer, "\"");
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(writer, from, (size_t)(at - from));
		from = at + 1;
		if (c >= 0x08 && c <= 0x0d && c != 0x0b)
			put(writer, (const char[]){'\\', letters[c - 0x08]}, 2);
		else if (c < 0x20)
			put(writer, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]},
			    6);
		else
			put(writer, (const char[]){'\\', *at}, 2);
	}
	put_words(writer, from);
	put_words(writer, "\"");
}

static bool write_text(struct writer *writer, const char *text, struct err *err)
{
	if (!writer->at && !text_utf8_valid(bytes_of_text(text)))
		return err_fail(err, E_INPUT, "A text of a document is not UTF-8; correct it");
	put_escaped(writer, text);
	return true;
}

static bool write_key(struct writer *writer, const char *key, struct err *err)
{
	for (const char *at = key; !writer->at && *at; at++) {
		if ((unsigned char)*at > 0x7f)
			return err_fail(err, E_INPUT,
					"The name of a member is not ASCII; rename it");
	}
	put_escaped(writer, key);
	put_words(writer, writer->indented ? ": " : ":");
	return true;
}

static bool write_int(struct writer *writer, int64_t value, struct err *err)
{
	char digits[24];

	if (value > DOC_INT_MAX || value < -DOC_INT_MAX)
		return err_fail(err, E_INPUT, "A number lies beyond 9007199254740991");
	snprintf(digits, sizeof(digits), "%" PRId64, value);
	put_words(writer, digits);
	return true;
}

static bool write_members(struct writer *writer, const struct doc *object, struct err *err)
{
	size_t count;
	const struct doc_pair *pairs = doc_members(writer->scratch, object, &count);

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put_words(writer, ",");
		new_line(writer);
		if (!write_key(writer, pairs[i].key, err) ||
		    !write_value(writer, pairs[i].value, err))
			return false;
	}
	return true;
}

static bool write_items(struct writer *writer, const struct doc *array, struct err *err)
{
	for (size_t i = 0; i < doc_size(array); i++) {
		if (i > 0)
			put_words(writer, ",");
		new_line(writer);
		if (!write_value(writer, doc_at(array, i), err))
			return false;
	}
	return true;
}

static bool within_limits(struct writer *writer, const struct doc *doc, struct err *err)
{
	writer->values += doc_size(doc);
	if (writer->depth >= DOC_DEPTH_MAX)
		return err_fail(err, E_DOC_LIMIT, "The document is nested deeper than %d",
				DOC_DEPTH_MAX);
	if (writer->values > DOC_VALUES_MAX)
		return err_fail(err, E_DOC_LIMIT, "The document has more than %d values",
				DOC_VALUES_MAX);
	if (doc_kind(doc) == DOC_KIND_OBJECT && doc_size(doc) > DOC_MEMBERS_MAX)
		return err_fail(err, E_DOC_LIMIT, "An object has more than %d members",
				DOC_MEMBERS_MAX);
	return true;
}

static bool write_nested(struct writer *writer, const struct doc *doc, struct err *err)
{
	bool object = doc_kind(doc) == DOC_KIND_OBJECT;

	if (!within_limits(writer, doc, err))
		return false;
	put_words(writer, object ? "{" : "[");
	writer->depth++;
	if (object ? !write_members(writer, doc, err) : !write_items(writer, doc, err))
		return false;
	writer->depth--;
	if (doc_size(doc) > 0)
		new_line(writer);
	put_words(writer, object ? "}" : "]");
	return true;
}

static bool write_value(struct writer *writer, const struct doc *doc, struct err *err)
{
	switch (doc_kind(doc)) {
	case DOC_KIND_OBJECT:
	case DOC_KIND_ARRAY:
		return write_nested(writer, doc, err);
	case DOC_KIND_TEXT:
		return write_text(writer, doc_text(doc), err);
	case DOC_KIND_INT:
		return write_int(writer, doc_int(doc, 0), err);
	case DOC_KIND_BOOL:
		put_words(writer, doc_bool(doc, false) ? "true" : "false");
		return true;
	case DOC_KIND_NULL:
		break;
	}
	put_words(writer, "null");
	return true;
}

static bool write_all(struct arena *arena, struct arena *scratch, const struct doc *doc,
		      bool indented, struct bytes *out, struct err *err)
{
	/* The document itself is a value, too. */
	struct writer measure = {.scratch = scratch, .values = 1, .indented = indented};
	if (!write_value(&measure, doc, err))
		return false;
	if (measure.size + 1 > arena_left(arena))
		return err_fail(err, E_DOC_LIMIT, "The document of %zu bytes is too large here",
				measure.size);
	struct writer writer = {.scratch = scratch, .values = 1, .indented = indented};
	writer.at = arena_alloc(arena, measure.size + 1); /* ends in NUL for doc_pretty */
	if (!write_value(&writer, doc, err))
		return false;
	*out = bytes_of(writer.at, writer.size);
	return true;
}

bool doc_canonical(struct arena *arena, const struct doc *doc, struct bytes *out, struct err *err)
{
	struct arena *scratch = arena_new(SCRATCH_MAX);
	bool written = write_all(arena, scratch, doc, false, out, err);
	arena_free(scratch);
	return written;
}

char *doc_pretty(struct arena *arena, const struct doc *doc)
{
	struct arena *scratch = arena_new(SCRATCH_MAX);
	struct err err = {0};
	struct bytes bytes = {0};
	bool written = write_all(arena, scratch, doc, true, &bytes, &err);
	arena_free(scratch);
	if (!written)
		return arena_printf(arena, "(not shown: %s)\n", err.text);
	return arena_printf(arena, "%s\n", (const char *)bytes.data);
}
