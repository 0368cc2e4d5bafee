/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_ARTIFACT_STORE_H
#define SERVICE_MODEL_ARTIFACT_STORE_H

/* What artifact.c and artifact_upload.c share; nobody else includes it. */

#include "common/file.h"
#include "service/model/artifact.h"

char *artifact_path(const struct model *model, struct arena *arena, const char *sha256);

MUST_CHECK bool artifact_find_row(struct db_tx *tx, const char *sha256, bool *found,
				  struct artifact *out, struct err *err);

/* Whether this open file is the artifact. fresh: it was read for that now, and found is its digest. */
MUST_CHECK bool artifact_file_good(struct model *model, int fd, const struct artifact *artifact,
				   bool *good, bool *fresh, struct sha256_hex *found,
				   struct err *err);

#endif
