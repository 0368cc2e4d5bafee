/* SPDX-License-Identifier: Apache-2.0 */
/* How facts and rulesets read their lists: one field table for all items, errors that name which. */

#include "policy/items.h"

bool items_read(struct arena *arena, const struct doc *list, const struct doc_field *fields,
		size_t field_count, size_t item_bytes, const char *where, void **out,
		struct err *err)
{
	size_t count = doc_size(list);
	char *items = arena_array(arena, count, item_bytes);

	for (size_t i = 0; i < count; i++) {
		if (!doc_read(arena, doc_at(list, i), fields, field_count, items + i * item_bytes,
			      err)) {
			err_prefix(err, "%s, item %zu", where, i + 1);
			return false;
		}
	}
	*out = items;
	return true;
}

bool items_read_texts(struct arena *arena, const struct doc *list, size_t max, enum err_code code,
		      const char *where, const char *const **out, struct err *err)
{
	size_t count = doc_size(list);
	const char **texts = arena_array(arena, count, sizeof(*texts));

	for (size_t i = 0; i < count; i++) {
		const char *text = doc_text(doc_at(list, i));
		if (!text || !*text || strlen(text) > max)
			return err_fail(err, code, "%s, item %zu: must be a text of 1 to %zu bytes",
					where, i + 1, max);
		texts[i] = arena_text(arena, text);
	}
	*out = texts;
	return true;
}
