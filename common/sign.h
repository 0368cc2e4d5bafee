/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SIGN_H
#define COMMON_SIGN_H

/*
 * Keys, certificates and signatures: the other half of the door to OpenSSL.
 *
 * Crypto profile. CMS (RFC 5652): DER, detached, binary, signed attributes with
 * signing-certificate-v2 (RFC 5035) naming the leaf alone, the leaf and no other certificate embedded,
 * no revocation lists, no unsigned attributes, no S/MIME capabilities of ours; ECDSA P-256 or P-384,
 * or RSA (PKCS #1 v1.5) of 3072 to 8192 bits, with SHA-256 or SHA-384; exactly one signer; at most
 * 64 KiB. No bit of it can be changed without its being refused (but ECDSA itself has two signatures
 * for one). Leaves: critical extended key usage emailProtection (devices for TLS: clientAuth) and
 * exactly the certificate policy of their role; valid when not_before <= at < not_after.
 * Ed25519 (RFC 8032) only for notes, git, leases and device reports. One key has one role, and the
 * algorithm belongs to the key, never to the message.
 *
 * With a pinned leaf OpenSSL skips policy checking, so this code reads policy and key usage from
 * the leaf itself, every time.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/err.h"

/* Roles. The certificate policy of role n is SIGN_POLICY_ARC ".n": an arc under 2.25 (ITU-T X.667)
 * of a random UUID that was drawn once for this project. */
#define SIGN_POLICY_ARC "2.25.50954975976993487649262779804923789802.1"
enum sign_role {
	SIGN_ROOT = 1,	 /* signs trust documents */
	SIGN_AUTHOR = 2, /* signs manifests */
	SIGN_KEEPER = 3, /* signs permits and orders */
	SIGN_PERSON = 4, /* personal keys of people: signatures, directory statements */
	SIGN_SITE = 5,	 /* signs over permits for a site */
	SIGN_DEVICE = 6, /* TLS and report certificates of devices */
};
const char *sign_role_policy(enum sign_role role); /* dotted OID */
const char *sign_role_word(enum sign_role role);

enum sign_alg { SIGN_ED25519, SIGN_P256, SIGN_P384, SIGN_RSA };
const char *sign_alg_word(enum sign_alg alg); /* "ed25519", "p256", "p384", "rsa" */

/* A private key: a PEM file, or a PKCS#11 URI (RFC 7512) through OpenSSL's pkcs11 engine. The PIN
 * of a token comes from a file named in the URI (pin-source), never from an argument. */
struct sign_key;
MUST_CHECK bool sign_key_new(const char *source, struct sign_key **out, struct err *err);
void sign_key_free(struct sign_key *key);
enum sign_alg sign_key_alg(const struct sign_key *key);
struct bytes
sign_key_spki(const struct sign_key *key); /* DER SubjectPublicKeyInfo; lives as the key */

/* A public key as documents name it: hex SHA-256 of the DER SubjectPublicKeyInfo. */
struct sha256_hex sign_key_id(struct bytes spki);
MUST_CHECK bool sign_spki_alg(struct bytes spki, enum sign_alg *out, struct err *err);
/* The 32 raw bytes inside an Ed25519 SubjectPublicKeyInfo, and back. */
MUST_CHECK bool sign_spki_ed25519_raw(struct bytes spki, unsigned char out[32], struct err *err);
struct bytes sign_spki_of_ed25519_raw(struct arena *arena, const unsigned char raw[32]);

/* Ed25519 over exactly these bytes (notes, git). */
enum { SIGN_ED25519_BYTES = 64 };
MUST_CHECK bool sign_raw(const struct sign_key *key, struct bytes message,
			 unsigned char out[SIGN_ED25519_BYTES], struct err *err);
MUST_CHECK bool sign_raw_check(struct bytes spki, struct bytes message, struct bytes signature,
			       struct err *err);
/* Ed25519 over "<type>\n" then the document (leases, device reports); type such as
 * "countersign.lease.v1". */
MUST_CHECK bool sign_document(const struct sign_key *key, const char *type, struct bytes document,
			      unsigned char out[SIGN_ED25519_BYTES], struct err *err);
MUST_CHECK bool sign_document_check(struct bytes spki, const char *type, struct bytes document,
				    struct bytes signature, struct err *err);

/* What a certificate says. */
struct sign_cert {
	struct bytes der;
	struct bytes spki;
	struct sha256_hex key_id;
	enum sign_alg alg;
	char subject_cn[128];
	clock_us not_before, not_after;
	enum sign_role role;   /* of its one policy; 0 when it has none of ours or several */
	bool email_protection; /* critical, and the only extended key usage */
	bool authority;
};
/* DER or PEM (the first certificate in it). */
MUST_CHECK bool sign_cert_read(struct arena *arena, struct bytes file, struct sign_cert *out,
			       struct err *err);
/* That cert is of role, in its time at `at`, and issued (directly or through untrusted
 * intermediates: none are used yet) by one of the anchors (certificates, DER). OpenSSL's
 * explicit-policy path validation, plus our own reading of the leaf. */
MUST_CHECK bool sign_cert_check(struct arena *arena, const struct sign_cert *cert,
				enum sign_role role, const struct bytes *anchors,
				size_t anchor_count, clock_us at, struct err *err);

/* CMS, made and checked. */
MUST_CHECK bool sign_cms(struct arena *arena, const struct sign_key *key,
			 const struct sign_cert *cert, struct bytes content, struct bytes *out,
			 struct err *err);
/* Checks profile, signer's role (policy, key usage), signing-certificate-v2 and the signature over
 * content; that the signer's certificate was in its time at `at` (0: not judged). Whose key it is
 * the CALLER decides from signer->key_id (pinned keys) or with sign_cert_check (an authority). */
MUST_CHECK bool sign_cms_check(struct arena *arena, struct bytes cms, struct bytes content,
			       enum sign_role role, clock_us at, struct sign_cert *signer,
			       struct err *err);

#endif
