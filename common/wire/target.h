/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_TARGET_H
#define COMMON_WIRE_TARGET_H

/*
 * A leaf of the target tree: one device that a campaign's permit covers. The salt keeps one device
 * from
 * guessing the others. The tree itself is RFC 6962 over these bytes, sorted by leaf hash:
 * audit/tree.h.
 */

#include "common/wire/shape.h"

#define TARGET_TYPE "countersign.target.v1"
enum { TARGET_SALT_DIGITS = 32, TARGET_BYTES_MAX = 4096 };

struct target {
	const char *campaign;
	const char *device;
	const char *hardware;
	const char *market;
	const char *site;
	const char *salt; /* 32 lower-case hex digits */
};

MUST_CHECK bool target_parse(struct arena *arena, struct bytes bytes, struct target *out,
			     struct err *err);
MUST_CHECK bool target_write(struct arena *arena, const struct target *target, struct bytes *out,
			     struct err *err);

#endif
