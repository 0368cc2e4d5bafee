/* SPDX-License-Identifier: Apache-2.0 */
/* What does the keeper allow a campaign to do: for keeper, device and verifier. */

#include "common/wire/permit.h"

#include "common/wire/directory.h"

static const struct shape_field target_fields[] = {
	SHAPE_SHA256(struct permit_target, root),
	SHAPE_INT(struct permit_target, size, 1, DOC_INT_MAX),
};
static const struct shape target_shape = SHAPE_PART(struct permit_target, target_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_UUID(struct permit, campaign),
	SHAPE_INT(struct permit, number, 1, DOC_INT_MAX),
	SHAPE_NAME(struct permit, product, ID_NAME_MAX),
	SHAPE_UUID(struct permit, release),
	SHAPE_SHA256(struct permit, manifest_sha256),
	SHAPE_INT(struct permit, sequence, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct permit, release_verdict_sha256),
	SHAPE_SHA256(struct permit, campaign_verdict_sha256),
	SHAPE_INT(struct permit, opened_index, 0, DOC_INT_MAX),
	SHAPE_TIME(struct permit, not_before),
	SHAPE_TIME(struct permit, not_after),
	SHAPE_OBJECT(struct permit, trust_version, &trust_versions_shape),
	SHAPE_OBJECT(struct permit, target, &target_shape),
	SHAPE_WORD(struct permit, assurance_min, assurance_words),
	SHAPE_NAMES(struct permit, approvals, 0, 0),
};

static bool check(const void *value, struct err *err)
{
	const struct permit *permit = value;

	if (permit->not_before >= permit->not_after)
		return err_fail(err, E_DOC_FIELD, "The permit ends before it begins");
	if (permit->trust_version.maker == 0)
		return err_fail(err, E_DOC_FIELD,
				"A permit rests on a trust document of the maker");
	return true;
}

static const struct shape shape =
	SHAPE(PERMIT_TYPE, PERMIT_BYTES_MAX, struct permit, fields, check);

bool permit_parse(struct arena *arena, struct bytes bytes, struct permit *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool permit_write(struct arena *arena, const struct permit *permit, struct bytes *out,
		  struct err *err)
{
	return shape_write(arena, &shape, permit, out, err);
}
