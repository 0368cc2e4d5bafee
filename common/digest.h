/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

/*
 * SHA-256, HMAC-SHA-256, passwords and random bytes: one half of the door to OpenSSL (the other is
 * sign.h). The algorithm objects are fetched once per process. Also the two digests that only
 * foreign device protocols want (SHA-1, MD5); nothing of ours relies on them.
 */

#include "common/arena.h"
#include "common/err.h"
#include "common/id.h"

enum { SHA256_BYTES = 32 };

struct sha256 {
	unsigned char at[SHA256_BYTES];
};

struct sha256 digest_sha256(struct bytes bytes);
/* SHA-256(a then b): for tree nodes and chains, without copying. */
struct sha256 digest_sha256_pair(struct bytes a, struct bytes b);
struct sha256_hex digest_hex(const struct sha256 *digest);
struct sha256_hex digest_sha256_hex(struct bytes bytes);
MUST_CHECK bool digest_of_hex(const char *text, struct sha256 *out, struct err *err);

/* A running digest for streams. */
struct digest;
enum digest_kind { DIGEST_SHA256, DIGEST_SHA1, DIGEST_MD5 };
struct digest *digest_new(enum digest_kind kind);
void digest_add(struct digest *digest, struct bytes bytes);
/* Writes 32, 20 or 16 bytes; the digest may go on afterwards: it is the digest so far. */
void digest_so_far(const struct digest *digest, unsigned char *out);
void digest_free(struct digest *digest);

struct sha256 digest_hmac(struct bytes key, struct bytes message);
/* Constant time. */
bool digest_equal(const void *a, const void *b, size_t size);

void random_fill(void *out, size_t size);
/* base64url of this many random bytes. */
char *random_token(struct arena *arena, size_t size);

/*
 * Passwords: scrypt (RFC 7914), N = 2^15, r = 8, p = 1: 32 MiB and about 0.1 s each. Stored as
 * "$scrypt$ln=15,r=8,p=1$<salt base64>$<hash base64>". Verify takes as long for a NULL stored text
 * (unknown person) as for a real one. Callers bound how many run at once.
 */
enum { PASSWORD_MIN = 12, PASSWORD_MAX = 256 };
MUST_CHECK bool digest_password(struct arena *arena, const char *password, char **out,
				struct err *err);
bool digest_password_matches(const char *stored, const char *password);

/* Overwrites secrets so that the compiler keeps it. */
void digest_forget(void *secret, size_t size);

#endif
