/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does this certificate say, and does it hold its role under these anchors at this time? For
 * the trust document, the keeper and sign_cms.c. Role and key usage are read here and not left to
 * OpenSSL: its policy check says nothing about a certificate that is itself the anchor, and would
 * take a leaf with two roles.
 */

#include "common/sign_internal.h"
#include "common/text.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
	CERT_FILE_MAX = 64 * 1024,
	ANCHORS_MAX = 256,
	/* OpenSSL's level of 128 bits: no SHA-1, no RSA below 3072 bits, anywhere on the path. */
	PATH_LEVEL = 3,
	PATH_DEPTH = 4,
	OID_TEXT_BYTES = 80,
};

void sign_release_x509(void *x509)
{
	X509_free(x509);
}

void sign_release_bio(void *bio)
{
	BIO_free(bio);
}

static void release_store(void *store)
{
	X509_STORE_free(store);
}

static void release_path(void *path)
{
	X509_STORE_CTX_free(path);
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct bytes encoded(struct arena *arena, unsigned char *der, int size)
{
	struct bytes copy = {0};

	if (size > 0)
		copy = arena_bytes(arena, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	return copy;
}

static struct bytes x509_encoded(struct arena *arena, X509 *x509)
{
	unsigned char *der = NULL;
	int size = i2d_X509(x509, &der);

	return encoded(arena, der, size);
}

bool sign_x509_of_der(struct arena *arena, struct bytes der, X509 **out, struct err *err)
{
	const unsigned char *at = der.data;

	if (der.size == 0 || der.size > CERT_FILE_MAX)
		return err_fail(err, E_CERT, "a certificate of %zu bytes; at most %d are taken",
				der.size, CERT_FILE_MAX);
	X509 *x509 = d2i_X509(NULL, &at, (long)der.size);
	if (!x509)
		return sign_library_failed(err, E_CERT, "the certificate cannot be read");
	arena_defer(arena, sign_release_x509, x509);
	if (at != der.data + der.size)
		return err_fail(err, E_CERT, "bytes follow after the certificate");
	if (!bytes_equal(x509_encoded(arena, x509), der))
		return err_fail(err, E_CERT, "the certificate is not in DER");
	*out = x509;
	return true;
}

static bool x509_of_pem(struct arena *arena, struct bytes file, X509 **out, struct err *err)
{
	if (file.size > CERT_FILE_MAX)
		return err_fail(err, E_CERT,
				"a certificate file of %zu bytes; at most %d are taken", file.size,
				CERT_FILE_MAX);
	BIO *bio = BIO_new_mem_buf(file.data, (int)file.size);
	if (!bio)
		return sign_library_failed(err, E_CRYPTO, "a certificate could not be read");
	arena_defer(arena, sign_release_bio, bio);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!x509)
		return sign_library_failed(err, E_CERT,
					   "this is neither a DER nor a PEM certificate");
	arena_defer(arena, sign_release_x509, x509);
	*out = x509;
	return true;
}

/* The common name for people to read, never for decisions. */
static bool subject_read(const X509 *x509, char out[128], struct err *err)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *name = NULL;

	if (at < 0)
		return true;
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return err_fail(err, E_CERT, "the certificate has more than one common name");
	int size = ASN1_STRING_to_UTF8(&name,
				       X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	bool good = size >= 0 && size < 128 && text_utf8_valid(bytes_of(name, (size_t)size));
	if (good)
		memcpy(out, name, (size_t)size);
	OPENSSL_free(name);
	ERR_clear_error();
	if (!good)
		return err_fail(err, E_CERT,
				"the certificate's common name is over 127 bytes or not UTF-8");
	return true;
}

static bool time_read(const ASN1_TIME *time, clock_us *out, struct err *err)
{
	int days = 0;
	int seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool good = epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	if (!good)
		return sign_library_failed(err, E_CERT, "the certificate's times cannot be read");
	*out = ((clock_us)days * 86400 + seconds) * CLOCK_SECOND;
	return true;
}

static enum sign_role role_of_policy(const ASN1_OBJECT *policy)
{
	char oid[OID_TEXT_BYTES];
	int length = OBJ_obj2txt(oid, sizeof(oid), policy, 1);

	if (length <= 0 || (size_t)length >= sizeof(oid))
		return (enum sign_role)0;
	for (int role = SIGN_ROOT; role <= SIGN_DEVICE; role++) {
		if (strcmp(oid, sign_role_policy((enum sign_role)role)) == 0)
			return (enum sign_role)role;
	}
	return (enum sign_role)0;
}

/* Only a certificate with one policy has a role: with two it could be used as either. */
static enum sign_role role_read(const X509 *x509)
{
	enum sign_role role = (enum sign_role)0;
	CERTIFICATEPOLICIES *policies =
		X509_get_ext_d2i(x509, NID_certificate_policies, NULL, NULL);

	if (policies && sk_POLICYINFO_num(policies) == 1)
		role = role_of_policy(sk_POLICYINFO_value(policies, 0)->policyid);
	CERTIFICATEPOLICIES_free(policies);
	return role;
}

/* Whether the extended key usage is critical and this one alone. */
static bool only_usage(const X509 *x509, int usage)
{
	int critical = -1;
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);
	bool good = usages && critical == 1 && sk_ASN1_OBJECT_num(usages) == 1 &&
		    OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, 0)) == usage;

	EXTENDED_KEY_USAGE_free(usages);
	return good;
}

bool sign_cert_of_x509(struct arena *arena, X509 *x509, struct sign_cert *out, struct err *err)
{
	struct sign_cert cert = {0};
	unsigned char *spki = NULL;
	int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);

	cert.spki = encoded(arena, spki, spki_size);
	cert.der = x509_encoded(arena, x509);
	if (cert.spki.size == 0 || cert.der.size == 0)
		return sign_library_failed(err, E_CERT, "the certificate has no key that we know");
	/* The key that OpenSSL keeps with the certificate: decoding it again takes longer than all the
	 * rest of reading. */
	const EVP_PKEY *pkey = X509_get0_pubkey(x509);
	struct err why = {0};
	if (!pkey)
		return sign_library_failed(err, E_CERT, "the certificate's key cannot be read");
	if (!sign_alg_of(pkey, cert.spki, &cert.alg, &why))
		return err_fail(err, E_CERT, "the certificate's key: %s", why.text);
	if (!subject_read(x509, cert.subject_cn, err) ||
	    !time_read(X509_get0_notBefore(x509), &cert.not_before, err) ||
	    !time_read(X509_get0_notAfter(x509), &cert.not_after, err))
		return false;
	cert.key_id = sign_key_id(cert.spki);
	cert.role = role_read(x509);
	cert.email_protection = only_usage(x509, NID_email_protect);
	/* X509_check_ca alone would overlook an authority whose key usage lacks keyCertSign. */
	cert.authority =
		X509_check_ca(x509) != 0 || (X509_get_extension_flags(x509) & EXFLAG_CA) != 0;
	ERR_clear_error();
	*out = cert;
	return true;
}

bool sign_cert_read(struct arena *arena, struct bytes file, struct sign_cert *out, struct err *err)
{
	X509 *x509 = NULL;
	bool der = file.size > 0 && file.data[0] == 0x30; /* SEQUENCE; PEM is text */

	if (der ? !sign_x509_of_der(arena, file, &x509, err)
		: !x509_of_pem(arena, file, &x509, err))
		return false;
	return sign_cert_of_x509(arena, x509, out, err);
}

/* --- judging ---------------------------------------------------------------------------------- */

bool sign_leaf_fits(X509 *x509, const struct sign_cert *cert, enum sign_role role, struct err *err)
{
	uint32_t flags = X509_get_extension_flags(x509);

	if (flags & (EXFLAG_INVALID | EXFLAG_INVALID_POLICY))
		return err_fail(err, E_CERT, "an extension of the certificate cannot be read");
	if (flags & EXFLAG_CRITICAL)
		return err_fail(err, E_CERT,
				"the certificate has a critical extension that is unknown here");
	if (cert->authority)
		return err_fail(err, E_CERT, "the certificate is a certification authority's");
	if (cert->role != role)
		return err_fail(err, E_CERT,
				"the certificate does not have the certificate policy of role %s "
				"(%s) and no other",
				sign_role_word(role), sign_role_policy(role));
	/* A device's certificate is for TLS, unless it is for its report key. */
	if (!cert->email_protection && !(role == SIGN_DEVICE && only_usage(x509, NID_client_auth)))
		return err_fail(err, E_CERT,
				"the certificate's extended key usage is not critical and %s alone",
				role == SIGN_DEVICE ? "clientAuth or emailProtection"
						    : "emailProtection");
	/* All bits set when there is no key usage extension (RFC 5280 section 4.2.1.3). */
	if (!(X509_get_key_usage(x509) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return err_fail(err, E_CERT, "the certificate's key usage allows no signatures");
	return true;
}

static bool store_fill(struct arena *arena, const struct bytes *anchors, size_t count,
		       X509_STORE **out, struct err *err)
{
	if (count > ANCHORS_MAX)
		return err_fail(err, E_CERT, "more than %d anchors", ANCHORS_MAX);
	X509_STORE *store = X509_STORE_new();
	if (!store)
		return sign_library_failed(err, E_CRYPTO, "no store for certificates");
	arena_defer(arena, release_store, store);
	for (size_t i = 0; i < count; i++) {
		X509 *anchor = NULL;
		if (!sign_x509_of_der(arena, anchors[i], &anchor, err)) {
			err_prefix(err, "anchor %zu", i + 1);
			return false;
		}
		if (X509_STORE_add_cert(store, anchor) != 1)
			return sign_library_failed(err, E_CRYPTO, "an anchor could not be stored");
	}
	*out = store;
	return true;
}

static bool path_demand(X509_VERIFY_PARAM *demands, enum sign_role role, bool client, clock_us at)
{
	ASN1_OBJECT *policy = OBJ_txt2obj(sign_role_policy(role), 1);

	if (!policy || X509_VERIFY_PARAM_add0_policy(demands, policy) != 1) {
		ASN1_OBJECT_free(policy);
		return false;
	}
	X509_VERIFY_PARAM_set_time(demands, (time_t)(at / CLOCK_SECOND));
	X509_VERIFY_PARAM_set_auth_level(demands, PATH_LEVEL);
	X509_VERIFY_PARAM_set_depth(demands, PATH_DEPTH);
	return X509_VERIFY_PARAM_set_flags(demands, X509_V_FLAG_EXPLICIT_POLICY |
							    X509_V_FLAG_POLICY_CHECK) == 1 &&
	       X509_VERIFY_PARAM_set_purpose(demands, client ? X509_PURPOSE_SSL_CLIENT
							     : X509_PURPOSE_SMIME_SIGN) == 1;
}

bool sign_cert_check(struct arena *arena, const struct sign_cert *cert, enum sign_role role,
		     const struct bytes *anchors, size_t anchor_count, clock_us at, struct err *err)
{
	X509 *x509 = NULL;
	X509_STORE *store = NULL;

	if (!sign_x509_of_der(arena, cert->der, &x509, err) ||
	    !sign_leaf_fits(x509, cert, role, err) ||
	    !store_fill(arena, anchors, anchor_count, &store, err))
		return false;
	X509_STORE_CTX *path = X509_STORE_CTX_new();
	if (!path)
		return sign_library_failed(err, E_CRYPTO, "no memory for a path");
	arena_defer(arena, release_path, path);
	if (X509_STORE_CTX_init(path, store, x509, NULL) != 1 ||
	    !path_demand(X509_STORE_CTX_get0_param(path), role, !cert->email_protection, at))
		return sign_library_failed(err, E_CRYPTO, "a path could not be set up");
	int good = X509_verify_cert(path);
	ERR_clear_error();
	if (good != 1)
		return err_fail(err, E_CERT, "the certificate of %s as %s: %s", cert->subject_cn,
				sign_role_word(role),
				X509_verify_cert_error_string(X509_STORE_CTX_get_error(path)));
	return true;
}
