/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices is a campaign aimed at, and when: for whoever drafts, signs or verifies one. */

#include "common/wire/plan.h"

#include <stdlib.h>
#include <string.h>

static const struct shape_field target_fields[] = {
	SHAPE_NAME(struct plan_target, device, ID_DEVICE_MAX),
	SHAPE_NAME(struct plan_target, hardware, ID_NAME_MAX),
	SHAPE_NAME(struct plan_target, market, ID_NAME_MAX),
	SHAPE_NAME(struct plan_target, site, ID_NAME_MAX),
};
static const struct shape target_shape = SHAPE_PART(struct plan_target, target_fields, NULL);

static const struct shape_field wave_fields[] = {
	SHAPE_LINE(struct plan_wave, name, 1, 64),
	SHAPE_INT(struct plan_wave, percent, 100, 100),
};
static const struct shape wave_shape = SHAPE_PART(struct plan_wave, wave_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_UUID(struct plan, campaign),
	SHAPE_LINE(struct plan, name, 1, 200),
	SHAPE_NAME(struct plan, product, ID_NAME_MAX),
	SHAPE_UUID(struct plan, release),
	SHAPE_SHA256(struct plan, manifest_sha256),
	SHAPE_LIST(struct plan, targets, target_count, &target_shape, 1, PLAN_TARGETS_MAX),
	SHAPE_LIST(struct plan, waves, wave_count, &wave_shape, 1, 1),
	SHAPE_TIME(struct plan, not_before),
	SHAPE_TIME(struct plan, not_after),
};

static bool check(const void *value, struct err *err)
{
	const struct plan *plan = value;

	if (plan->not_before >= plan->not_after)
		return err_fail(err, E_DOC_FIELD, "The campaign ends before it begins");
	for (size_t i = 1; i < plan->target_count; i++) {
		if (strcmp(plan->targets[i - 1].device, plan->targets[i].device) >= 0)
			return err_fail(err, E_DOC_FIELD,
					"Targets must be sorted by device, one of each");
	}
	return true;
}

static const struct shape shape = SHAPE(PLAN_TYPE, PLAN_BYTES_MAX, struct plan, fields, check);

bool plan_parse(struct arena *arena, struct bytes bytes, struct plan *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool plan_write(struct arena *arena, const struct plan *plan, struct bytes *out, struct err *err)
{
	return shape_write(arena, &shape, plan, out, err);
}

static int compare_device(const void *device, const void *target)
{
	return strcmp(device, ((const struct plan_target *)target)->device);
}

const struct plan_target *plan_find_target(const struct plan *plan, const char *device)
{
	return bsearch(device, plan->targets, plan->target_count, sizeof(*plan->targets),
		       compare_device);
}
