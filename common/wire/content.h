/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_CONTENT_H
#define COMMON_WIRE_CONTENT_H

/*
 * The content of a release: what an approval covers. Newest version of each record and the rulesets
 * in force for the product; a change of any of them is another digest, and voids the signatures
 * over
 * the old one.
 */

#include "common/wire/shape.h"

#define CONTENT_TYPE "countersign.release-content.v1"
enum { CONTENT_RECORDS_MAX = 1000, CONTENT_RULESETS_MAX = 64 };
enum { CONTENT_BYTES_MAX = 512 * 1024 };

struct content_record {
	const char *id;
	int64_t version;
	const char *kind;
	struct sha256_hex sha256;
};
struct content_ruleset {
	const char *name;
	struct sha256_hex sha256;
};

struct content {
	const char *release;
	const char *product;
	const char *version;
	int64_t sequence;
	struct sha256_hex manifest_sha256;
	struct sha256_hex author_cms_sha256;
	const struct content_record *records; /* sorted by id, one of each */
	size_t record_count;
	const struct content_ruleset *rulesets; /* sorted by name, one of each */
	size_t ruleset_count;
};

MUST_CHECK bool content_parse(struct arena *arena, struct bytes bytes, struct content *out,
			      struct err *err);
MUST_CHECK bool content_write(struct arena *arena, const struct content *content, struct bytes *out,
			      struct err *err);

#endif
