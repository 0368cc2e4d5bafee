/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a release, and is it a manifest at all: for intake, gate, keeper and device. */

#include "common/wire/manifest.h"

#include <string.h>

static const struct shape_field artifact_fields[] = {
	SHAPE_TOKEN(struct manifest_artifact, name, ARTIFACT_NAME_MAX),
	SHAPE_INT(struct manifest_artifact, size_bytes, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct manifest_artifact, sha256),
};
static const struct shape artifact_shape =
	SHAPE_PART(struct manifest_artifact, artifact_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_NAME(struct manifest, product, ID_NAME_MAX),
	SHAPE_TOKEN(struct manifest, version, VERSION_MAX),
	SHAPE_INT(struct manifest, sequence, 1, DOC_INT_MAX),
	SHAPE_INT(struct manifest, security_floor, 0, DOC_INT_MAX),
	SHAPE_NAMES(struct manifest, hardware, 1, MANIFEST_HARDWARE_MAX),
	SHAPE_LIST(struct manifest, artifacts, artifact_count, &artifact_shape, 1,
		   MANIFEST_ARTIFACTS_MAX),
	SHAPE_TIME(struct manifest, made_at),
};

static bool check(const void *value, struct err *err)
{
	const struct manifest *manifest = value;

	if (manifest->security_floor > manifest->sequence)
		return err_fail(err, E_DOC_FIELD,
				"The security floor lies above the release's own sequence");
	for (size_t i = 0; i < manifest->artifact_count; i++) {
		const char *name = manifest->artifacts[i].name;
		if (manifest_find_artifact(manifest, name) != &manifest->artifacts[i])
			return err_fail(err, E_DOC_FIELD, "Two artifacts are called %s", name);
	}
	return true;
}

static const struct shape shape =
	SHAPE(MANIFEST_TYPE, MANIFEST_BYTES_MAX, struct manifest, fields, check);

bool manifest_parse(struct arena *arena, struct bytes bytes, struct manifest *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool manifest_write(struct arena *arena, const struct manifest *manifest, struct bytes *out,
		    struct err *err)
{
	return shape_write(arena, &shape, manifest, out, err);
}

const struct manifest_artifact *manifest_find_artifact(const struct manifest *manifest,
						       const char *name)
{
	for (size_t i = 0; i < manifest->artifact_count; i++) {
		if (strcmp(manifest->artifacts[i].name, name) == 0)
			return &manifest->artifacts[i];
	}
	return NULL;
}
