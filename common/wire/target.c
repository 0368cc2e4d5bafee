/* SPDX-License-Identifier: Apache-2.0 */
/* Which device does this leaf of a target tree stand for: for keeper, device and verifier. */

#include "common/wire/target.h"

static const struct shape_field fields[] = {
	SHAPE_UUID(struct target, campaign),
	SHAPE_NAME(struct target, device, ID_DEVICE_MAX),
	SHAPE_NAME(struct target, hardware, ID_NAME_MAX),
	SHAPE_NAME(struct target, market, ID_NAME_MAX),
	SHAPE_NAME(struct target, site, ID_NAME_MAX),
	SHAPE_HEX(struct target, salt, TARGET_SALT_DIGITS),
};
static const struct shape shape = SHAPE(TARGET_TYPE, TARGET_BYTES_MAX, struct target, fields, NULL);

bool target_parse(struct arena *arena, struct bytes bytes, struct target *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool target_write(struct arena *arena, const struct target *target, struct bytes *out,
		  struct err *err)
{
	return shape_write(arena, &shape, target, out, err);
}
