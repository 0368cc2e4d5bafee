/* SPDX-License-Identifier: Apache-2.0 */
/* What does a device ask for, and what does it get to check: for the service and the agent. */

#include "common/wire/papers.h"

#include "common/wire/manifest.h"
#include "common/wire/permit.h"
#include "common/wire/target.h"

/* ---- the request ---- */

static const struct shape_field request_fields[] = {
	SHAPE_NONCE(struct papers_request, nonce),
	SHAPE_WORD(struct papers_request, step, lease_steps),
	SHAPE_INT(struct papers_request, attempt, 1, ATTEMPT_MAX),
	SHAPE_OBJECT(struct papers_request, trust_version, &trust_versions_shape),
	SHAPE_NAME(struct papers_request, boot_id, ID_NAME_MAX),
};
static const struct shape request_shape = SHAPE_PART(struct papers_request, request_fields, NULL);

bool papers_request_read(struct arena *arena, const struct doc *doc, struct papers_request *out,
			 struct err *err)
{
	return shape_read(arena, &request_shape, doc, out, err);
}

bool papers_request_write(struct arena *arena, const struct papers_request *request,
			  struct bytes *out, struct err *err)
{
	return shape_write(arena, &request_shape, request, out, err);
}

/* ---- the papers ---- */

static const char *const slots[] = {"maker", "site", NULL};

static const struct shape_field trust_fields[] = {
	SHAPE_WORD(struct papers_trust, slot, slots),
	SHAPE_BYTES(struct papers_trust, document, 2, TRUST_BYTES_MAX),
	SHAPE_BLOBS(struct papers_trust, cms, cms_count, 1, TRUST_ROOTS_MAX),
};
static const struct shape trust_shape = SHAPE_PART(struct papers_trust, trust_fields, NULL);

static const struct shape_field target_fields[] = {
	SHAPE_BYTES(struct papers_target, leaf, 2, TARGET_BYTES_MAX),
	SHAPE_INT(struct papers_target, index, 0, DOC_INT_MAX),
	SHAPE_INT(struct papers_target, size, 1, DOC_INT_MAX),
	SHAPE_DIGESTS(struct papers_target, path, path_count, 0, PAPERS_PATH_MAX),
};
static const struct shape target_shape = SHAPE_PART(struct papers_target, target_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_TIME(struct papers, server_time),
	SHAPE_LIST_OPT(struct papers, trust, trust_count, &trust_shape, 2),
	SHAPE_BYTES(struct papers, manifest, 2, MANIFEST_BYTES_MAX),
	SHAPE_BYTES(struct papers, author_cms, 1, PAPERS_CMS_MAX),
	SHAPE_BYTES(struct papers, permit, 2, PERMIT_BYTES_MAX),
	SHAPE_BYTES(struct papers, permit_cms, 1, PAPERS_CMS_MAX),
	SHAPE_OBJECT(struct papers, target, &target_shape),
	SHAPE_OBJECT(struct papers, lease, &envelope_shape),
};
static const struct shape shape = SHAPE(PAPERS_TYPE, PAPERS_BYTES_MAX, struct papers, fields, NULL);

bool papers_parse(struct arena *arena, struct bytes bytes, struct papers *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool papers_write(struct arena *arena, const struct papers *papers, struct bytes *out,
		  struct err *err)
{
	return shape_write(arena, &shape, papers, out, err);
}

struct doc *papers_doc(struct arena *arena, const struct papers *papers)
{
	return shape_doc(arena, &shape, papers);
}
