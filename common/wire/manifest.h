/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_MANIFEST_H
#define COMMON_WIRE_MANIFEST_H

/*
 * The manifest: everything in a release by digest. Its author signs these bytes (CMS, role author)
 * outside the service; intake, gate, permit and device check that signature again.
 */

#include "common/wire/shape.h"

#define MANIFEST_TYPE "countersign.manifest.v1"
enum {
	MANIFEST_ARTIFACTS_MAX = 16,
	MANIFEST_HARDWARE_MAX = 64,
	VERSION_MAX = 64,
	ARTIFACT_NAME_MAX = 128
};
enum { MANIFEST_BYTES_MAX = 64 * 1024 };

struct manifest_artifact {
	const char *name;
	int64_t size_bytes; /* from 1 */
	struct sha256_hex sha256;
};

struct manifest {
	const char *product;
	const char *version;
	int64_t sequence; /* rises with every release of the product */
	/* Once this release is confirmed the device takes none below it; 0 to sequence. */
	int64_t security_floor;
	struct text_list hardware;
	const struct manifest_artifact *artifacts; /* names unique; the first is the bank image */
	size_t artifact_count;
	clock_us made_at;
};

MUST_CHECK bool manifest_parse(struct arena *arena, struct bytes bytes, struct manifest *out,
			       struct err *err);
MUST_CHECK bool manifest_write(struct arena *arena, const struct manifest *manifest,
			       struct bytes *out, struct err *err);
const struct manifest_artifact *manifest_find_artifact(const struct manifest *manifest,
						       const char *name);

#endif
