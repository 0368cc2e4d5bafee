/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SIGN_INTERNAL_H
#define COMMON_SIGN_INTERNAL_H

/*
 * What the files behind common/sign.h share, and nobody else includes: sign.c (keys, Ed25519),
 * sign_token.c (PKCS#11), sign_cert.c (certificates), sign_cms.c (CMS).
 */

#include "common/sign.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct sign_key {
	EVP_PKEY *pkey;
	enum sign_alg alg;
	unsigned char *spki;
	size_t spki_size;
};

/* Sets err to "what: the library's reason", empties the library's queue of errors, is false. */
bool sign_library_failed(struct err *err, enum err_code code, const char *what);

/* The kind of a key that was read from this SubjectPublicKeyInfo, if it is one of the profile. */
MUST_CHECK bool sign_alg_of(const EVP_PKEY *pkey, struct bytes spki, enum sign_alg *out,
			    struct err *err);
/* The public key inside a SubjectPublicKeyInfo of the profile; the caller frees it. */
MUST_CHECK bool sign_pkey_of_spki(struct bytes spki, EVP_PKEY **out, enum sign_alg *alg,
				  struct err *err);

/* A file that nobody but its owner can read (a key, a PIN), at most max bytes, in memory that the
 * caller wipes and frees. */
MUST_CHECK bool sign_secret_read(const char *path, size_t max, char **out, size_t *size,
				 struct err *err);

/* sign_token.c: the private key that a PKCS#11 URI names; the caller frees it. */
MUST_CHECK bool sign_token_load(const char *uri, EVP_PKEY **out, struct err *err);

/* sign_cert.c: DER, all of it and canonical; freed with the arena. */
MUST_CHECK bool sign_x509_of_der(struct arena *arena, struct bytes der, X509 **out,
				 struct err *err);
MUST_CHECK bool sign_cert_of_x509(struct arena *arena, X509 *x509, struct sign_cert *out,
				  struct err *err);
/* What every use of a leaf demands: its role's one policy, its key usages, no extension that is
 * critical and unknown. Time and issuer are the caller's. */
MUST_CHECK bool sign_leaf_fits(X509 *x509, const struct sign_cert *cert, enum sign_role role,
			       struct err *err);

/* For arena_defer. */
void sign_release_x509(void *x509);
void sign_release_bio(void *bio);

#endif
