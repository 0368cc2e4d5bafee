/* SPDX-License-Identifier: Apache-2.0 */
/* What may this device do now, and for how long: for keeper and device. */

#include "common/wire/lease.h"

const char *const lease_steps[] = {"install", "activate", NULL};

static const struct shape_field fields[] = {
	SHAPE_WORD(struct lease, step, lease_steps),
	SHAPE_SHA256(struct lease, permit_sha256),
	SHAPE_NAME(struct lease, device, ID_DEVICE_MAX),
	SHAPE_UUID(struct lease, deployment),
	SHAPE_INT(struct lease, attempt, 1, ATTEMPT_MAX),
	SHAPE_NONCE(struct lease, nonce),
	SHAPE_TIME(struct lease, issued_at),
	SHAPE_INT(struct lease, for_s, 1, LEASE_SECONDS_MAX),
	SHAPE_OBJECT(struct lease, trust_version, &trust_versions_shape),
	SHAPE_OBJECT(struct lease, trust_sha256, &trust_digests_shape),
};

static bool check(const void *value, struct err *err)
{
	const struct lease *lease = value;
	bool site = lease->trust_version.site != 0;

	if (lease->trust_version.maker == 0 || site != (lease->trust_sha256.site.text[0] != '\0'))
		return err_fail(err, E_DOC_FIELD,
				"Versions and digests of the trust documents do not go together");
	return true;
}

static const struct shape shape = SHAPE(LEASE_TYPE, LEASE_BYTES_MAX, struct lease, fields, check);

bool lease_parse(struct arena *arena, struct bytes bytes, struct lease *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool lease_write(struct arena *arena, const struct lease *lease, struct bytes *out, struct err *err)
{
	return shape_write(arena, &shape, lease, out, err);
}
