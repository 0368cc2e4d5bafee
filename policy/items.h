/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_ITEMS_H
#define POLICY_ITEMS_H

/*
 * Lists inside the documents of this room. `where` names the list in words ("signatures") and
 * stands in front of every error.
 */

#include "common/doc.h"

/* Every item, an object, through one field table into an array of structs of item_bytes each. */
MUST_CHECK bool items_read(struct arena *arena, const struct doc *list,
			   const struct doc_field *fields, size_t field_count, size_t item_bytes,
			   const char *where, void **out, struct err *err);

/* Texts of 1 to max bytes. */
MUST_CHECK bool items_read_texts(struct arena *arena, const struct doc *list, size_t max,
				 enum err_code code, const char *where, const char *const **out,
				 struct err *err);

#endif
