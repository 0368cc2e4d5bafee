/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_LEASE_H
#define COMMON_WIRE_LEASE_H

/*
 * The lease: short leave for one device to take one step of one attempt, now. Signed with the
 * keeper's
 * lease key (Ed25519), carried in an envelope. It ends for_s after the device SENT its request,
 * counted on
 * the device's boot clock, or at reboot; issued_at tells the device the time and ends nothing.
 */

#include "common/wire/envelope.h"
#include "common/wire/trust.h"

#define LEASE_TYPE "countersign.lease.v1"
enum { LEASE_SECONDS_MAX = 900, ATTEMPT_MAX = 1000000, LEASE_BYTES_MAX = 8192 };

struct lease {
	const char *step; /* "install" or "activate" */
	struct sha256_hex permit_sha256;
	const char *device;
	const char *deployment; /* the campaign's id */
	int64_t attempt;	/* from 1 */
	const char *nonce;	/* the device's, of its request */
	clock_us issued_at;
	int64_t for_s; /* 1 to 900 */
	struct trust_versions trust_version;
	struct trust_digests trust_sha256;
};
extern const char *const lease_steps[]; /* NULL-ended */

MUST_CHECK bool lease_parse(struct arena *arena, struct bytes bytes, struct lease *out,
			    struct err *err);
MUST_CHECK bool lease_write(struct arena *arena, const struct lease *lease, struct bytes *out,
			    struct err *err);

#endif
