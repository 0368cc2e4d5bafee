/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_DEPOT_H
#define TESTS_SUPPORT_DEPOT_H

/*
 * A maker's depot for tests of what runs on the device: real keys and certificates (tools/pki.sh) in
 * a folder of its own, a trust document signed by two of three roots, and papers made to order. An
 * order says everything that papers say; a test changes one line of it and expects one code.
 *
 * Assertions of cmocka end the test when something here does not work.
 */

#include "common/wire/manifest.h"
#include "common/wire/papers.h"
#include "common/wire/permit.h"
#include "common/wire/target.h"

enum { DEPOT_TARGETS = 5 };

struct depot_signer {
	struct sign_key *key;
	struct sign_cert cert;
};

struct depot {
	struct arena *arena;
	char dir[64];
	struct depot_signer root[3];
	struct depot_signer author;	  /* for every product */
	struct depot_signer other_author; /* for "EXAMPLE-other" only */
	struct depot_signer keeper;
	struct depot_signer
		stranger; /* certified by the same authorities, not in the trust document */
	struct sign_key *lease, *stranger_lease;
	struct sign_key *report; /* at <dir>/report.key */
	clock_us now;
};

void given_depot(struct depot *depot);
void forget_depot(struct depot *depot);

/* <dir>/pins: two of the three roots. */
const char *depot_pins(const struct depot *depot);
/* A trust document of this version, floor for "EXAMPLE-pump" (0: none), signed by roots 0 and 1, or
 * only by root 0. */
void depot_trust(const struct depot *depot, int64_t version, int64_t floor, int signers,
		 struct papers_trust *out);

struct depot_order {
	/* lease */
	const char *nonce, *step;
	const char *lease_device, *lease_deployment;
	int64_t attempt, for_s, lease_trust_version;
	clock_us issued_at;
	const struct sign_key *lease_key;
	bool lease_for_other_permit;
	/* permit */
	const char *campaign, *permit_product;
	int64_t number, sequence, permit_trust_version;
	clock_us not_before, not_after;
	const struct depot_signer *keeper;
	bool permit_names_other_manifest;
	/* manifest */
	const char *product, *version, *manifest_hardware;
	int64_t manifest_sequence, security_floor;
	const struct depot_signer *author;
	struct sha256_hex image_sha256;
	int64_t image_bytes;
	/* target: the unit among DEPOT_TARGETS */
	const char *device, *hardware;
	bool leaf_of_other, index_off, path_short, path_of_other, not_in_tree;
	/* trust document that comes along; 0: none */
	int64_t trust_version, trust_floor;
	int trust_signers;
};

/* What is right in every way, for "EXAMPLE-unit" of "EXAMPLE-pump", hardware "r1". */
void depot_order(const struct depot *depot, struct depot_order *out);
void depot_papers(const struct depot *depot, const struct depot_order *order, struct arena *arena,
		  struct papers *out);

/* A U-Boot multi image of a kernel that begins like one and an initrd of this many random bytes in
 * one file; cut: the initrd's gzip stream lacks its end, and everything around it is right. */
struct bytes depot_image(struct arena *arena, size_t initrd_bytes, bool cut);

/* A new empty folder below /tmp; the caller removes it with forget_folder. */
void given_folder(char out[64]);
void forget_folder(const char *dir);

#endif
