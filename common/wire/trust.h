/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_TRUST_H
#define COMMON_WIRE_TRUST_H

/*
 * The trust document: which key may do what, signed by k of n offline root keys. Devices, keeper
 * and
 * verifier pin root keys (struct trust_pin) and take everything else from it. Keys are listed, not
 * certificate paths: a certificate only carries role and validity for the key that is listed here.
 *
 * A slot is whose trust it is: the maker's (always) and the site's (optional, ANDed).
 */

#include "common/sign.h"
#include "common/wire/shape.h"

#define TRUST_TYPE "countersign.trust.v1"
enum {
	TRUST_ENTRIES_MAX = 1000,
	TRUST_ROOTS_MAX = 16,
	TRUST_REVOKED_MAX = 1000,
	TRUST_FLOORS_MAX = 1000
};
enum { TRUST_BYTES_MAX = 256 * 1024 };

enum trust_role {
	TRUST_NONE, /* no role has the number 0 */
	TRUST_AUTHOR,
	TRUST_KEEPER,
	TRUST_LEASE,
	TRUST_LEDGER,
	TRUST_GIT,
	TRUST_ADMIN,
	TRUST_APPROVER_CA,
	TRUST_DEVICE_CA,
	TRUST_TSA,
	TRUST_WITNESS,
	TRUST_SITE,
	TRUST_ROLES
};
const char *trust_role_word(enum trust_role role); /* "approver-ca" */
enum trust_role trust_role_of(const char *word);   /* TRUST_NONE if it is none */

struct trust_key {
	const char *alg; /* ed25519, p256, p384, rsa; as the bytes of the key say */
	struct bytes spki;
};
struct trust_entry {
	const char *role;
	const char *name;
	const char *person; /* NULL: none. An admin entry has one; an author entry should */
	struct trust_key key;
	struct text_list products, sites; /* empty: all */
	clock_us not_before, not_after;
	enum trust_role role_id; /* = role */
	struct sha256_hex
		key_id; /* = of key.spki; no two entries have the same: one key, one role */
};

struct trust_roots {
	int64_t k;
	const struct bytes *keys; /* SPKI DER */
	size_t key_count;
};

struct trust {
	int64_t version; /* from 1 */
	clock_us issued_at, expires_at;
	const char *slot; /* "maker" or "site" */
	struct trust_roots roots;
	struct trust_entry *entries;
	size_t entry_count;
	const struct sha256_hex *revoked;
	size_t revoked_count;
	const struct shape_pair *floors; /* product: least sequence that may still be installed */
	size_t floor_count;
	struct bytes
		document; /* the exact bytes read, and their digest; not looked at by trust_write */
	struct sha256_hex sha256;
};

/* role_id, key_id, document and sha256 are filled by parsing and ignored by writing. */
MUST_CHECK bool trust_parse(struct arena *arena, struct bytes bytes, struct trust *out,
			    struct err *err);
MUST_CHECK bool trust_write(struct arena *arena, const struct trust *trust, struct bytes *out,
			    struct err *err);

/*
 * What is trusted before anything else: device configuration, keeper configuration and the
 * verifier's --trust FILE. JSON (white space allowed):
 *
 *	{"slot"?: "maker", "roots": {"k": 2, "spki_sha256": ["…", "…", "…"]},
 *	 "ledger_key"?: base64 SPKI, "origin"?: "…", "last_checkpoint"?: "note text", "scope"?: {…}}
 */
struct trust_pin_roots {
	int64_t k;
	const struct sha256_hex *spki_sha256;
	size_t spki_sha256_count;
};
struct trust_pin {
	const char *slot; /* "maker" when the file does not say */
	struct trust_pin_roots roots;
	struct bytes ledger_key;     /* empty: taken from the trust document */
	const char *origin;	     /* NULL: not judged */
	const char *last_checkpoint; /* NULL: none */
	const struct doc *scope;     /* NULL: none; for the verifier */
};
MUST_CHECK bool trust_pin_parse(struct arena *arena, struct bytes file, struct trust_pin *out,
				struct err *err);
MUST_CHECK bool trust_pin_write(struct arena *arena, const struct trust_pin *pin, struct bytes *out,
				struct err *err);

/*
 * Accepts a trust document. First one (current NULL): k distinct pinned roots have signed. Later
 * ones:
 * version higher than current's, and current's own quorum of roots has signed. In both cases the
 * quorum of the roots that the document itself names has signed, too; so a change of roots needs
 * the
 * old and the new quorum. Equal version and equal bytes: taken again (the same); equal version,
 * other
 * bytes: E_TRUST_FORK. now: E_TRUST_EXPIRED from expires_at on; 0 = not judged. cms: one detached
 * CMS each.
 */
MUST_CHECK bool trust_accept(struct arena *arena, const struct trust_pin *pin,
			     const struct trust *current, struct bytes document,
			     const struct bytes *cms, size_t cms_count, clock_us now,
			     struct trust *out, struct err *err);

/* The entry of this key, if it may act in this role for product and site (NULL: not judged) at `at`
 * (0: not judged). E_TRUST_KEY_UNKNOWN, _ROLE, _REVOKED, _PRODUCT, _SITE, _EARLY, _EXPIRED. */
MUST_CHECK bool trust_find_key(const struct trust *trust, enum trust_role role,
			       const struct sha256_hex *key_id, const char *product,
			       const char *site, clock_us at, const struct trust_entry **out,
			       struct err *err);

/* The least sequence of this product that may be installed; 0 when none is stated. */
int64_t trust_floor(const struct trust *trust, const char *product);

/* As it stands in leases, permits and requests: {maker, site?}. 0 and empty: no site slot. */
struct trust_versions {
	int64_t maker, site;
};
struct trust_digests {
	struct sha256_hex maker, site;
};
extern const struct shape trust_versions_shape, trust_digests_shape;

#endif
