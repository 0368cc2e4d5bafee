/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_PERMIT_H
#define COMMON_WIRE_PERMIT_H

/*
 * The install permit: the keeper's signed leave (CMS, role keeper) for one campaign. Numbers rise
 * per
 * campaign; a renewal keeps manifest and target tree.
 */

#include "common/wire/shape.h"
#include "common/wire/trust.h"

#define PERMIT_TYPE "countersign.permit.v1"
enum { PERMIT_BYTES_MAX = 16 * 1024 };

struct permit_target {
	struct sha256_hex root; /* of the target tree */
	int64_t size;
};

struct permit {
	const char *campaign;
	int64_t number;
	const char *product;
	const char *release;
	struct sha256_hex manifest_sha256;
	int64_t sequence;
	struct sha256_hex release_verdict_sha256;
	struct sha256_hex campaign_verdict_sha256;
	int64_t opened_index; /* of campaign.opened in the ledger */
	clock_us not_before, not_after;
	struct trust_versions trust_version;
	struct permit_target target;
	const char *assurance_min;
	struct text_list approvals; /* empty in this version */
};

MUST_CHECK bool permit_parse(struct arena *arena, struct bytes bytes, struct permit *out,
			     struct err *err);
MUST_CHECK bool permit_write(struct arena *arena, const struct permit *permit, struct bytes *out,
			     struct err *err);

#endif
