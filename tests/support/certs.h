/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

/*
 * Keys and certificates for tests, good ones and ones with exactly one thing wrong, made with
 * OpenSSL's own calls and none of ours. Failing to make one ends the test program. For a whole
 * development PKI in files there is tools/pki.sh.
 *
 * Start from a recipe of certs_leaf or certs_authority and change one member.
 */

#include "common/arena.h"
#include "common/sign.h"

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct certs_recipe {
	const char *name;     /* common name */
	const char *policies; /* "2.25.1" or "2.25.1, 2.25.2"; NULL: no such extension */
	const char *eku;      /* in the words of openssl x509v3_config; NULL: none */
	const char *usage;    /* key usage, likewise */
	const char *basic;    /* basic constraints, likewise */
	const char *odd;      /* an extension that nobody knows: "critical,DER:0500" */
	long from, to;	      /* validity in seconds from certs_now() */
	long serial;
	const EVP_MD *digest; /* NULL: SHA-256, or what Ed25519 wants */
};

struct certs_recipe certs_leaf(enum sign_role role);
struct certs_recipe certs_authority(void);
long long certs_now(void); /* a fixed instant near the start of the program, seconds */

/* "P-256", "P-384", "P-521", "secp256k1", "RSA-2048", "RSA-3072", "RSA-PSS-3072",
 * "ED25519". Freed by the arena. */
EVP_PKEY *certs_key(struct arena *arena, const char *kind);
/* Issued by issuer with issuer_key; NULL: self-signed. Freed by the arena. */
X509 *certs_make(struct arena *arena, const struct certs_recipe *recipe, EVP_PKEY *key,
		 X509 *issuer, EVP_PKEY *issuer_key);
struct bytes certs_der(struct arena *arena, X509 *x509);
struct bytes certs_pem(struct arena *arena, X509 *x509);
struct bytes certs_spki(struct arena *arena, EVP_PKEY *key);
/* Through a PEM file that is gone afterwards. Freed by the arena. */
struct sign_key *certs_sign_key(struct arena *arena, EVP_PKEY *key);
/* Writes the PEM private key to path with this mode. */
void certs_key_file(const char *path, EVP_PKEY *key, unsigned mode);

#endif
