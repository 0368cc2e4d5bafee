/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only caller of jansson: what came in as JSON becomes a tree that an arena owns, is asked for
 * its parts, and new trees are built. Writing stands in canon.c, tables of fields in field.c.
 *
 * A struct doc is a json_t under another name. Trees are counted references, so a part may hang in
 * several trees; each arena that was given one holds one reference until it is released.
 */

#include "common/doc.h"

#include "common/encode.h"
#include "common/scan.h"
#include "common/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for the arena's own records beside what scan_clean writes. */
enum { SCRATCH_EXTRA = 1024 };

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "countersign: document: %s\n", why);
	abort();
}

/* jansson takes nodes that it only reads as non-const, too. */
static json_t *node_of(const struct doc *doc)
{
	return (json_t *)(uintptr_t)doc;
}

static const struct doc *doc_of(const json_t *node)
{
	return (const struct doc *)node;
}

static void release(void *node)
{
	json_decref(node);
}

/* The arena takes over the one reference that the caller had. */
static json_t *give(struct arena *arena, json_t *node)
{
	if (!node)
		give_up("out of memory");
	arena_defer(arena, release, node);
	return node;
}

const struct doc *doc_hold(struct arena *arena, const struct doc *doc)
{
	return doc_of(give(arena, json_incref(node_of(doc))));
}

/* ---- reading ---- */

static const char *refusal(enum json_error_code code)
{
	switch ((int)code) {
	case json_error_premature_end_of_input:
		return "the text ends too early; send all of it";
	case json_error_end_of_input_expected:
		return "something follows the end of the document";
	case json_error_invalid_utf8:
		return "the text is not UTF-8";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "U+0000 may not stand in a text";
	case json_error_duplicate_key:
		return "this member stands twice in its object";
	case json_error_numeric_overflow:
		return "this number is too large";
	default:
		return "this is not JSON (RFC 8259)";
	}
}

static bool load(struct bytes json, size_t flags, bool place, json_t **out, struct err *err)
{
	json_error_t error;
	size_t line, column;

	if (json.size == 0)
		return err_fail(err, E_DOC_SYNTAX, "The document is empty; send a JSON text");
	json_t *root =
		json_loadb((const char *)json.data, json.size, flags | JSON_DECODE_ANY, &error);
	if (root) {
		*out = root;
		return true;
	}
	enum json_error_code code = json_error_code(&error);
	if (code == json_error_out_of_memory)
		give_up("out of memory");
	if (!place) /* places in a cleaned text are not those of the sender */
		return err_fail(err, E_DOC_SYNTAX, "In the body, %s", refusal(code));
	/* The parser has read the byte that it stumbled over, or stands before it. */
	scan_place(json, error.position > 0 ? (size_t)error.position - 1 : 0, &line, &column);
	return err_fail(err, E_DOC_SYNTAX, "Line %zu, column %zu: %s", line, column, refusal(code));
}

/* A name for an error text: printable ASCII, at most 40 bytes. */
static const char *shown(const char *name, char out[44])
{
	size_t size = strnlen(name, 41);
	size_t kept = size > 40 ? 40 : size;
	for (size_t i = 0; i < kept; i++)
		out[i] = name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?';
	snprintf(out + kept, 4, "%s", size > 40 ? "..." : "");
	return out;
}

static bool ascii(const char *text)
{
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at > 0x7f)
			return false;
	}
	return true;
}

/* What neither jansson nor the scan has judged. Depth is bounded by the scan. */
static bool check(json_t *node, struct err *err)
{
	const char *key;
	json_t *value;
	size_t index;
	char name[44];

	if (json_is_real(node))
		return err_fail(err, E_DOC_SYNTAX, "Numbers are whole here; send no fraction");
	if (json_is_array(node)) {
		json_array_foreach(node, index, value)
		{
			if (!check(value, err))
				return false;
		}
	}
	if (!json_is_object(node))
		return true;
	if (json_object_size(node) > DOC_MEMBERS_MAX)
		return err_fail(err, E_DOC_LIMIT, "An object has more than %d members; send less",
				DOC_MEMBERS_MAX);
	json_object_foreach(node, key, value)
	{
		if (!ascii(key))
			return err_fail(err, E_DOC_SYNTAX,
					"The name of member '%s' is not ASCII; rename it",
					shown(key, name));
		if (!check(value, err))
			return false;
	}
	return true;
}

bool doc_parse(struct arena *arena, struct bytes bytes, const struct doc **out, struct err *err)
{
	json_t *root = NULL;
	if (!scan_check(bytes, false, err) ||
	    !load(bytes, JSON_REJECT_DUPLICATES, true, &root, err))
		return false;
	give(arena, root);
	if (!check(root, err))
		return false;
	*out = doc_of(root);
	return true;
}

bool doc_parse_signed(struct arena *arena, struct bytes bytes, const char *type,
		      const struct doc **out, struct err *err)
{
	const struct doc *doc = NULL;
	struct bytes canonical;

	if (!doc_parse(arena, bytes, &doc, err))
		return false;
	if (doc_kind(doc) != DOC_KIND_OBJECT)
		return err_fail(err, E_DOC_TYPE, "A signed document is an object");
	if (!doc_canonical(arena, doc, &canonical, err))
		return false;
	if (!bytes_equal(canonical, bytes)) {
		size_t same = 0;
		while (same < bytes.size && same < canonical.size &&
		       bytes.data[same] == canonical.data[same])
			same++;
		return err_fail(err, E_DOC_NOT_CANONICAL,
				"Byte %zu is not as RFC 8785 writes it; write it with our tools",
				same + 1);
	}
	const char *found = doc_get_text(doc, "type");
	if (!found || strcmp(found, type) != 0)
		return err_fail(err, E_DOC_TYPE, "The document is no %s", type);
	*out = doc;
	return true;
}

static json_t *settle(json_t *node, struct err *err);

static json_t *settle_object(json_t *node, struct err *err)
{
	json_t *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(node, key, value)
	{
		size_t length = strlen(key) - SCAN_MARK_BYTES;
		if (json_object_getn(out, key, length))
			continue;
		json_t *settled = settle(value, err);
		if (!settled) {
			json_decref(out);
			return NULL;
		}
		if (json_object_setn_new_nocheck(out, key, length, settled) < 0)
			give_up("out of memory");
	}
	return out;
}

static json_t *settle_array(json_t *node, struct err *err)
{
	json_t *out = json_array();
	json_t *value;
	size_t index;

	json_array_foreach(node, index, value)
	{
		json_t *settled = settle(value, err);
		if (!settled) {
			json_decref(out);
			return NULL;
		}
		if (json_array_append_new(out, settled) < 0)
			give_up("out of memory");
	}
	return out;
}

/* The tree of a cleaned text as it was meant: names without marks, the first of duplicates, whole
 * numbers. A new tree; NULL with err set when a number is too large. */
static json_t *settle(json_t *node, struct err *err)
{
	if (json_is_object(node))
		return settle_object(node, err);
	if (json_is_array(node))
		return settle_array(node, err);
	if (!json_is_real(node))
		return json_incref(node);
	double value = json_real_value(node);
	if (value > (double)DOC_INT_MAX || value < -(double)DOC_INT_MAX) {
		err_set(err, E_DOC_SYNTAX, "A number lies beyond 9007199254740991");
		return NULL;
	}
	return json_integer((json_int_t)value);
}

bool doc_parse_lenient(struct arena *arena, struct bytes bytes, const struct doc **out,
		       struct err *err)
{
	json_t *marked = NULL;

	if (!scan_check(bytes, true, err))
		return false;
	struct arena *scratch = arena_new(scan_clean_max(bytes) + SCRATCH_EXTRA);
	bool loaded = load(scan_clean(scratch, bytes), 0, false, &marked, err);
	arena_free(scratch);
	if (!loaded)
		return false;
	json_t *root = settle(marked, err);
	json_decref(marked);
	if (!root)
		return false;
	give(arena, root);
	if (!check(root, err))
		return false;
	*out = doc_of(root);
	return true;
}

/* ---- asking ---- */

enum doc_kind doc_kind(const struct doc *doc)
{
	const json_t *node = node_of(doc);

	if (json_is_object(node))
		return DOC_KIND_OBJECT;
	if (json_is_array(node))
		return DOC_KIND_ARRAY;
	if (json_is_string(node))
		return DOC_KIND_TEXT;
	if (json_is_integer(node))
		return DOC_KIND_INT;
	return json_is_boolean(node) ? DOC_KIND_BOOL : DOC_KIND_NULL;
}

const struct doc *doc_get(const struct doc *object, const char *key)
{
	return doc_of(json_object_get(node_of(object), key));
}

const char *doc_text(const struct doc *doc)
{
	return json_string_value(node_of(doc));
}

const char *doc_get_text(const struct doc *object, const char *key)
{
	return doc_text(doc_get(object, key));
}

int64_t doc_int(const struct doc *doc, int64_t otherwise)
{
	const json_t *node = node_of(doc);
	return json_is_integer(node) ? json_integer_value(node) : otherwise;
}

bool doc_bool(const struct doc *doc, bool otherwise)
{
	const json_t *node = node_of(doc);
	return json_is_boolean(node) ? json_is_true(node) : otherwise;
}

size_t doc_size(const struct doc *doc)
{
	const json_t *node = node_of(doc);
	return json_is_array(node) ? json_array_size(node) : json_object_size(node);
}

const struct doc *doc_at(const struct doc *array, size_t index)
{
	return doc_of(json_array_get(node_of(array), index));
}

const char *doc_member(struct arena *arena, const struct doc *object, size_t index,
		       const struct doc **value)
{
	json_t *node = node_of(object);
	void *at = json_object_iter(node);

	(void)arena; /* the key is lent: a copy could be as large as the body was */
	for (size_t i = 0; at && i < index; i++)
		at = json_object_iter_next(node, at);
	if (!at)
		return NULL;
	*value = doc_of(json_object_iter_value(at));
	return json_object_iter_key(at);
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct doc_pair *)a)->key, ((const struct doc_pair *)b)->key);
}

const struct doc_pair *doc_members(struct arena *arena, const struct doc *object, size_t *count)
{
	json_t *node = node_of(object);
	size_t size = json_object_size(node);
	struct doc_pair *pairs = arena_array(arena, size, sizeof(*pairs));
	const char *key;
	json_t *value;
	size_t used = 0;

	json_object_foreach(node, key, value) pairs[used++] =
		(struct doc_pair){.key = key, .value = doc_of(value)};
	if (used > 1)
		qsort(pairs, used, sizeof(*pairs), compare_pairs);
	*count = used;
	return pairs;
}

/* ---- building ---- */

struct doc *doc_object(struct arena *arena)
{
	return (struct doc *)give(arena, json_object());
}

struct doc *doc_array(struct arena *arena)
{
	return (struct doc *)give(arena, json_array());
}

/* Takes over value. The texts are not checked here but when they are written. */
static void put(struct doc *object, const char *key, json_t *value)
{
	if (!json_is_object((json_t *)object))
		give_up("a member was set on what is no object");
	if (!value || json_object_set_new_nocheck((json_t *)object, key, value) < 0)
		give_up("out of memory, or an object was put into itself");
}

static void append(struct doc *array, json_t *value)
{
	if (!json_is_array((json_t *)array))
		give_up("an item was added to what is no array");
	if (!value || json_array_append_new((json_t *)array, value) < 0)
		give_up("out of memory, or an array was put into itself");
}

static json_t *text_node(const char *text)
{
	return text ? json_string_nocheck(text) : json_null();
}

void doc_set(struct doc *object, const char *key, const struct doc *value)
{
	put(object, key, value ? json_incref(node_of(value)) : json_null());
}

void doc_set_text(struct doc *object, const char *key, const char *text)
{
	put(object, key, text_node(text));
}

void doc_set_int(struct doc *object, const char *key, int64_t value)
{
	put(object, key, json_integer(value));
}

void doc_set_bool(struct doc *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

void doc_set_null(struct doc *object, const char *key)
{
	put(object, key, json_null());
}

void doc_set_time(struct doc *object, const char *key, clock_us at)
{
	put(object, key, text_node(clock_format(at).text));
}

void doc_set_bytes(struct doc *object, const char *key, struct bytes bytes)
{
	struct arena *scratch = arena_new((bytes.size + 2) / 3 * 4 + SCRATCH_EXTRA);
	put(object, key, text_node(encode_base64(scratch, bytes)));
	arena_free(scratch);
}

void doc_add(struct doc *array, const struct doc *value)
{
	append(array, value ? json_incref(node_of(value)) : json_null());
}

void doc_add_text(struct doc *array, const char *text)
{
	append(array, text_node(text));
}

void doc_add_int(struct doc *array, int64_t value)
{
	append(array, json_integer(value));
}
