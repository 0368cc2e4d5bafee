/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_DOCUMENT_H
#define SERVICE_MODEL_DOCUMENT_H

/* Documents by digest: stored proves nothing, so no event. What is stored is canonical and says its type. */

#include "service/model/model.h"

enum { DOCUMENT_BYTES_MAX = 4 * 1024 * 1024, DOCUMENT_TYPE_MAX = 80 };

/* Any canonical document whose type begins with "countersign."; E_DOC_NOT_CANONICAL, E_DOC_TYPE. */
MUST_CHECK bool document_put(struct model *model, const struct act *act, struct bytes document,
			     struct sha256_hex *sha256, const char **type, struct err *err);
/* One whose form the caller has checked. */
MUST_CHECK bool document_store(struct model *model, const struct act *act, const char *type,
			       struct bytes document, struct sha256_hex *out, struct err *err);
/* type NULL: of whatever type. The digest is checked again: E_SIGNATURE. E_DOC_MISSING. */
MUST_CHECK bool document_get(struct model *model, struct arena *arena, const char *sha256,
			     const char *type, struct bytes *out, struct err *err);

#endif
