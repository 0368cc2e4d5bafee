/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_FILES_H
#define SERVICE_CTL_FILES_H

/* Large files on this machine: their digest, and downloads that go on where they ended. */

#include "common/id.h"
#include "service/ctl/ctl.h"

/* Streams the file; progress on standard error unless quiet. */
MUST_CHECK bool files_digest(const char *path, bool quiet, struct sha256_hex *out, uint64_t *size,
			     struct err *err);
/* The same of an open file, from its beginning. */
MUST_CHECK bool files_digest_open(int file, const char *path, bool quiet, struct sha256_hex *out,
				  uint64_t *size, struct err *err);

/* GET url_path into path: collected in "<path>.part", which a later call goes on with, and renamed
 * once size and digest are right. size UINT64_MAX: whatever comes. A file that is there already and
 * right is left alone; one that is wrong is replaced. E_SIGNATURE: what came is not what was named;
 * the part is removed. */
MUST_CHECK bool files_download(struct ctl *ctl, const char *url_path, const char *path,
			       const char *sha256, uint64_t size, struct err *err);

/* A file named inside another one, relative to that one's folder. */
const char *files_beside(struct arena *arena, const char *file, const char *name);

#endif
