/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_PROOF_H
#define COMMON_WIRE_PROOF_H

/*
 * The proof: a device's signed report of how an attempt ended (report key, Ed25519, in an
 * envelope).
 * Reports of a device form a chain: seq from 1 under an epoch drawn at first start, prev is the
 * digest of the
 * report before. What an attempt never got (papers refused before a permit) is 64 zeros.
 */

#include "common/wire/envelope.h"
#include "common/wire/manifest.h"

#define PROOF_TYPE "countersign.proof.v1"
enum { PROOF_EPOCH_DIGITS = 32, PROOF_CODE_MAX = 64 };

struct proof {
	const char *device;
	const char *deployment; /* the campaign's id */
	int64_t attempt;
	struct sha256_hex permit_sha256;
	struct sha256_hex manifest_sha256;
	const char *outcome; /* "confirmed", "failed", "rolled_back", "rejected" */
	const char *code;    /* "" exactly when confirmed */
	const char *bank;    /* "A" or "B": what runs now */
	struct sha256_hex bank_sha256;
	int64_t bank_size_bytes;
	const char *version; /* that runs now; "" when not known */
	int64_t boot_count;
	const char *nonce; /* of the activate lease, or the last one sent; "" only when rejected */
	const char *epoch; /* 32 lower-case hex digits */
	int64_t seq;
	struct sha256_hex prev; /* 64 zeros when seq is 1 */
	clock_us at;
	const char *clock; /* "synchronized", "unsynchronized", "lease", "none" */
};

MUST_CHECK bool proof_parse(struct arena *arena, struct bytes bytes, struct proof *out,
			    struct err *err);
MUST_CHECK bool proof_write(struct arena *arena, const struct proof *proof, struct bytes *out,
			    struct err *err);

#endif
