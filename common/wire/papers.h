/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_PAPERS_H
#define COMMON_WIRE_PAPERS_H

/*
 * Papers: what a device gets with an offer, so that it can check for itself who released what for
 * it.
 * It POSTs a request to the link "papers" of its deploymentBase and gets papers, or 409 with a code
 * and
 * retry_after_s.
 */

#include "common/wire/envelope.h"
#include "common/wire/lease.h"
#include "common/wire/trust.h"

#define PAPERS_TYPE "countersign.papers.v1"
enum { PAPERS_CMS_MAX = 64 * 1024, PAPERS_PATH_MAX = 64, PAPERS_BYTES_MAX = 2 * 1024 * 1024 };

struct papers_request {	   /* has no type: the address says what it is */
	const char *nonce; /* base64url of 16 random bytes, fresh for every request */
	const char *step;
	int64_t attempt;
	struct trust_versions trust_version; /* held; maker 0: none yet */
	const char *boot_id;
};
MUST_CHECK bool papers_request_read(struct arena *arena, const struct doc *doc,
				    struct papers_request *out, struct err *err);
MUST_CHECK bool papers_request_write(struct arena *arena, const struct papers_request *request,
				     struct bytes *out, struct err *err);

struct papers_trust {
	const char *slot;
	struct bytes document;
	const struct bytes *cms; /* one per signing root */
	size_t cms_count;
};
struct papers_target {
	struct bytes leaf; /* countersign.target.v1 */
	int64_t index, size;
	const struct sha256_hex *path; /* leaf side first */
	size_t path_count;
};

struct papers {
	clock_us server_time;
	const struct papers_trust *trust; /* only what is newer than the device said it holds */
	size_t trust_count;
	struct bytes manifest, author_cms;
	struct bytes permit, permit_cms;
	struct papers_target target;
	struct envelope lease;
};

MUST_CHECK bool papers_parse(struct arena *arena, struct bytes bytes, struct papers *out,
			     struct err *err);
MUST_CHECK bool papers_write(struct arena *arena, const struct papers *papers, struct bytes *out,
			     struct err *err);
struct doc *papers_doc(struct arena *arena, const struct papers *papers); /* for a reply */

#endif
