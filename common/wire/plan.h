/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_PLAN_H
#define COMMON_WIRE_PLAN_H

/*
 * The plan of a campaign: what a release manager signs. Which release goes to which devices, when.
 */

#include "common/wire/shape.h"

#define PLAN_TYPE "countersign.plan.v1"
enum { PLAN_TARGETS_MAX = 10000, PLAN_BYTES_MAX = 8 * 1024 * 1024 };

struct plan_target {
	const char *device;
	const char *hardware;
	const char *market;
	const char *site;
};
struct plan_wave {
	const char *name;
	int64_t percent;
};

struct plan {
	const char *campaign;
	const char *name;
	const char *product;
	const char *release;
	struct sha256_hex manifest_sha256;
	const struct plan_target *targets; /* sorted by device, one of each, 1 to 10,000 */
	size_t target_count;
	const struct plan_wave *waves; /* one of 100 percent in this version */
	size_t wave_count;
	clock_us not_before, not_after; /* not_before < not_after */
};

MUST_CHECK bool plan_parse(struct arena *arena, struct bytes bytes, struct plan *out,
			   struct err *err);
MUST_CHECK bool plan_write(struct arena *arena, const struct plan *plan, struct bytes *out,
			   struct err *err);
/* By device; NULL: it is no target. */
const struct plan_target *plan_find_target(const struct plan *plan, const char *device);

#endif
