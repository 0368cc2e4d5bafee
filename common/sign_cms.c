/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this detached CMS (RFC 5652) a signature of our profile, by a certificate of that role, over
 * these bytes? And how is one made? For authors, keeper, people and everybody who checks them.
 *
 * OpenSSL takes far more than the profile: several signers, BER, embedded content, SHA-1, no signed
 * attributes. So the form is judged first, field by field, and each refusal says what was wrong;
 * CMS_verify then does the arithmetic and nothing else (no path: whose key it is, is the caller's
 * question).
 */

#include "common/sign_internal.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/ess.h>
#include <openssl/objects.h>

enum { CMS_MAX = 64 * 1024, CONTENT_MAX = 64 * 1024 * 1024 };

static void release_cms(void *cms)
{
	CMS_ContentInfo_free(cms);
}

static void release_openssl(void *memory)
{
	OPENSSL_free(memory);
}

static bool content_open(struct arena *arena, struct bytes content, BIO **out, struct err *err)
{
	if (content.size > CONTENT_MAX)
		return err_fail(err, E_DOC_LIMIT, "signed content may have %d bytes", CONTENT_MAX);
	BIO *bio =
		BIO_new_mem_buf(content.size ? (const void *)content.data : "", (int)content.size);
	if (!bio)
		return sign_library_failed(err, E_CRYPTO, "no memory for the content");
	arena_defer(arena, sign_release_bio, bio);
	*out = bio;
	return true;
}

static bool cms_encode(struct arena *arena, CMS_ContentInfo *cms, struct bytes *out,
		       struct err *err)
{
	unsigned char *der = NULL;
	int size = i2d_CMS_ContentInfo(cms, &der);

	if (size <= 0)
		return sign_library_failed(err, E_CRYPTO, "the CMS could not be written");
	arena_defer(arena, release_openssl, der);
	*out = bytes_of(der, (size_t)size);
	return true;
}

/* --- checking: the form ----------------------------------------------------------------------- */

static bool cms_read(struct arena *arena, struct bytes der, CMS_ContentInfo **out, struct err *err)
{
	const unsigned char *at = der.data;
	struct bytes again = {0};

	if (der.size == 0 || der.size > CMS_MAX)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"a CMS of %zu bytes; at most %d are taken", der.size, CMS_MAX);
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.size);
	if (!cms)
		return sign_library_failed(err, E_SIGNATURE_PROFILE, "this is not a CMS");
	arena_defer(arena, release_cms, cms);
	if (at != der.data + der.size)
		return err_fail(err, E_SIGNATURE_PROFILE, "bytes follow after the CMS");
	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS is not signed data");
	if (!cms_encode(arena, cms, &again, err))
		return false;
	if (!bytes_equal(again, der))
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS is not in DER");
	*out = cms;
	return true;
}

static bool signer_alone(CMS_ContentInfo *cms, CMS_SignerInfo **out, struct err *err)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	int count = signers ? sk_CMS_SignerInfo_num(signers) : 0;

	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS is not over plain data");
	if (CMS_is_detached(cms) != 1)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the CMS holds the content; sign it detached");
	if (count != 1)
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS has %d signers; 1 is expected",
				count);
	*out = sk_CMS_SignerInfo_value(signers, 0);
	return true;
}

/* OpenSSL compares names without regard to case; here nothing but the same bytes will do, so that no
 * byte of a good CMS can be changed. */
static bool named_exactly(CMS_SignerInfo *signer, const X509 *leaf)
{
	X509_NAME *named = NULL;
	const unsigned char *a = NULL;
	const unsigned char *b = NULL;
	size_t a_size = 0;
	size_t b_size = 0;

	if (CMS_SignerInfo_get0_signer_id(signer, NULL, &named, NULL) != 1)
		return false;
	if (!named) /* by key identifier */
		return true;
	return X509_NAME_get0_der(named, &a, &a_size) == 1 &&
	       X509_NAME_get0_der(X509_get_issuer_name(leaf), &b, &b_size) == 1 &&
	       bytes_equal(bytes_of(a, a_size), bytes_of(b, b_size));
}

static bool leaf_take(CMS_SignerInfo *signer, STACK_OF(X509) * certs, X509 **out, struct err *err)
{
	int count = certs ? sk_X509_num(certs) : 0;

	if (count != 1)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the CMS holds %d certificates; the signer's alone is expected",
				count);
	X509 *leaf = sk_X509_value(certs, 0);
	if (CMS_SignerInfo_cert_cmp(signer, leaf) != 0 || !named_exactly(signer, leaf))
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the certificate in the CMS is not its signer's");
	X509_up_ref(leaf);
	*out = leaf;
	return true;
}

static bool leaf_alone(struct arena *arena, CMS_ContentInfo *cms, CMS_SignerInfo *signer,
		       X509 **out, struct err *err)
{
	STACK_OF(X509_CRL) *lists = CMS_get1_crls(cms);
	int list_count = lists ? sk_X509_CRL_num(lists) : 0;
	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	if (list_count > 0)
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS holds a revocation list");
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	X509 *leaf = NULL;
	bool good = leaf_take(signer, certs, &leaf, err);
	sk_X509_pop_free(certs, X509_free);
	if (!good)
		return false;
	arena_defer(arena, sign_release_x509, leaf);
	*out = leaf;
	return true;
}

/* What OpenSSL reads and gives no access to: the two versions, how the signer is named, and the
 * digest algorithms in front, which it computes whatever they are. */
struct layout {
	struct bytes version;	     /* SignedData's, with tag and length */
	struct bytes digests;	     /* inside of the SET */
	struct bytes signer_version; /* of the first SignerInfo */
	bool by_serial;		     /* named by issuer and serial number, else by key identifier */
};

/* Into (or over) the DER element at rest; element, if wanted, is all of it. False at the end or when
 * it has another tag. */
static bool der_step(struct bytes *rest, int tag, bool into, struct bytes *element)
{
	const unsigned char *inside = rest->data;
	long size = 0;
	int found = 0;
	int class = 0;

	if (rest->size == 0 ||
	    ASN1_get_object(&inside, &size, &found, &class, (long)rest->size) & 0x80 ||
	    found != tag)
		return false;
	const unsigned char *after = inside + size;
	if (element)
		*element = bytes_of(rest->data, (size_t)(after - rest->data));
	*rest = into ? bytes_of(inside, (size_t)size)
		     : bytes_of(after, (size_t)(rest->data + rest->size - after));
	return true;
}

/* RFC 5652 sections 3, 5.1 and 5.3. Revocation lists were refused before. */
static bool layout_read(struct bytes der, struct layout *out)
{
	struct bytes rest = der;
	struct bytes digests = {0};

	if (!der_step(&rest, V_ASN1_SEQUENCE, true, NULL) ||
	    !der_step(&rest, V_ASN1_OBJECT, false, NULL) || !der_step(&rest, 0, true, NULL) ||
	    !der_step(&rest, V_ASN1_SEQUENCE, true, NULL) ||
	    !der_step(&rest, V_ASN1_INTEGER, false, &out->version) ||
	    !der_step(&rest, V_ASN1_SET, false, &digests) ||
	    !der_step(&digests, V_ASN1_SET, true, NULL) ||
	    !der_step(&rest, V_ASN1_SEQUENCE, false, NULL) || !der_step(&rest, 0, false, NULL) ||
	    !der_step(&rest, V_ASN1_SET, true, NULL) ||
	    !der_step(&rest, V_ASN1_SEQUENCE, true, NULL) ||
	    !der_step(&rest, V_ASN1_INTEGER, false, &out->signer_version))
		return false;
	out->digests = digests;
	out->by_serial = der_step(&rest, V_ASN1_SEQUENCE, false, NULL);
	return true;
}

static bool layout_fits(struct bytes der, const X509_ALGOR *digest, struct err *err)
{
	struct layout layout = {0};

	if (!layout_read(der, &layout))
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS is not signed data");
	const unsigned char *at = layout.digests.data;
	X509_ALGOR *named = d2i_X509_ALGOR(NULL, &at, (long)layout.digests.size);
	bool good = named && at == layout.digests.data + layout.digests.size &&
		    X509_ALGOR_cmp(named, digest) == 0;
	X509_ALGOR_free(named);
	ERR_clear_error();
	if (!good)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the CMS names other digest algorithms than its signer's");
	struct bytes version = bytes_of(layout.by_serial ? "\x02\x01\x01" : "\x02\x01\x03", 3);
	if (!bytes_equal(layout.version, version) || !bytes_equal(layout.signer_version, version))
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the versions in the CMS do not fit its form");
	return true;
}

static bool algorithms_fit(struct bytes der, CMS_SignerInfo *signer, enum sign_alg alg,
			   struct err *err)
{
	X509_ALGOR *digest = NULL;
	X509_ALGOR *signature = NULL;
	int sign_digest = NID_undef;
	int sign_key = NID_undef;

	CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, &signature);
	int digest_nid = OBJ_obj2nid(digest->algorithm);
	int sign_nid = OBJ_obj2nid(signature->algorithm);
	if (digest_nid != NID_sha256 && digest_nid != NID_sha384)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the digest algorithm is %s; use SHA-256 or SHA-384",
				OBJ_nid2sn(digest_nid));
	int expected = alg == SIGN_RSA ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey;
	/* RSA signatures may name the digest again or not (RFC 3370 section 3.2). */
	bool plain = alg == SIGN_RSA && sign_nid == NID_rsaEncryption;
	if (!plain && (OBJ_find_sigid_algs(sign_nid, &sign_digest, &sign_key) != 1 ||
		       sign_digest != digest_nid || sign_key != expected))
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the signature algorithm is %s; it does not fit key and digest",
				OBJ_nid2sn(sign_nid));
	return layout_fits(der, digest, err);
}

/* --- checking: the signed attributes ---------------------------------------------------------- */

/* The one value of the one signed attribute of this type. -3 is OpenSSL's word for exactly that. */
static void *attribute_find(CMS_SignerInfo *signer, int nid, int type)
{
	return CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(nid), -3, type);
}

/* RFC 5035: the certificate that was meant is signed too, so that another certificate of the same
 * key (another role, a longer time) cannot be put in its place. */
static bool certificate_bound(CMS_SignerInfo *signer, X509 *leaf, struct err *err)
{
	const ASN1_STRING *value =
		attribute_find(signer, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE);

	if (!value)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the signed attributes lack signing-certificate-v2 (RFC 5035)");
	const unsigned char *start = ASN1_STRING_get0_data(value);
	const unsigned char *at = start;
	ESS_SIGNING_CERT_V2 *named = d2i_ESS_SIGNING_CERT_V2(NULL, &at, ASN1_STRING_length(value));
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool good = named && at == start + ASN1_STRING_length(value) && chain &&
		    sk_X509_push(chain, leaf) == 1 &&
		    OSSL_ESS_check_signing_certs(NULL, named, chain, 1) == 1;
	sk_X509_free(chain);
	ESS_SIGNING_CERT_V2_free(named);
	ERR_clear_error();
	if (!good)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"signing-certificate-v2 does not name the certificate in the CMS "
				"alone");
	return true;
}

static bool attributes_fit(CMS_SignerInfo *signer, X509 *leaf, struct err *err)
{
	if (CMS_signed_get_attr_count(signer) <= 0)
		return err_fail(err, E_SIGNATURE_PROFILE, "the CMS has no signed attributes");
	if (CMS_unsigned_get_attr_count(signer) > 0)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the CMS has unsigned attributes, which anybody can change");
	const ASN1_OBJECT *type = attribute_find(signer, NID_pkcs9_contentType, V_ASN1_OBJECT);
	if (!type || OBJ_obj2nid(type) != NID_pkcs7_data)
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the signed attributes lack the content type data");
	if (!attribute_find(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING))
		return err_fail(err, E_SIGNATURE_PROFILE,
				"the signed attributes lack the message digest");
	return certificate_bound(signer, leaf, err);
}

/* --- checking: the whole ---------------------------------------------------------------------- */

static bool leaf_in_time(const struct sign_cert *leaf, clock_us at, struct err *err)
{
	/* As OpenSSL counts on a path: RFC 5280 would still take the second of not_after itself. */
	if (at != 0 && (at < leaf->not_before || at >= leaf->not_after))
		return err_fail(err, E_CERT, "the certificate of %s was not valid at %s",
				leaf->subject_cn, clock_format(at).text);
	return true;
}

static bool leaf_read(struct arena *arena, X509 *x509, enum sign_role role, clock_us at,
		      struct sign_cert *out, struct err *err)
{
	struct sign_cert leaf = {0};

	if (!sign_cert_of_x509(arena, x509, &leaf, err) ||
	    !sign_leaf_fits(x509, &leaf, role, err) || !leaf_in_time(&leaf, at, err))
		return false;
	if (!leaf.email_protection)
		return err_fail(err, E_CERT, "a certificate for TLS signs no documents");
	if (leaf.alg == SIGN_ED25519)
		return err_fail(err, E_CERT, "Ed25519 is not used in CMS; use P-256 or P-384");
	*out = leaf;
	return true;
}

static bool signature_holds(struct arena *arena, CMS_ContentInfo *cms, struct bytes content,
			    struct err *err)
{
	BIO *bio = NULL;

	if (!content_open(arena, content, &bio, err))
		return false;
	if (CMS_verify(cms, NULL, NULL, bio, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return sign_library_failed(err, E_SIGNATURE,
					   "the signature does not hold over these bytes");
	return true;
}

bool sign_cms_check(struct arena *arena, struct bytes cms, struct bytes content,
		    enum sign_role role, clock_us at, struct sign_cert *signer, struct err *err)
{
	CMS_ContentInfo *read = NULL;
	CMS_SignerInfo *info = NULL;
	X509 *x509 = NULL;
	struct sign_cert leaf = {0};

	if (!cms_read(arena, cms, &read, err) || !signer_alone(read, &info, err) ||
	    !leaf_alone(arena, read, info, &x509, err) ||
	    !leaf_read(arena, x509, role, at, &leaf, err) ||
	    !algorithms_fit(cms, info, leaf.alg, err) || !attributes_fit(info, x509, err) ||
	    !signature_holds(arena, read, content, err))
		return false;
	*signer = leaf;
	return true;
}

/* --- making ----------------------------------------------------------------------------------- */

static bool cms_make(struct arena *arena, const struct sign_key *key, X509 *x509,
		     struct bytes content, struct bytes *out, struct err *err)
{
	const EVP_MD *digest = key->alg == SIGN_P384 ? EVP_sha384() : EVP_sha256();
	unsigned flags = CMS_DETACHED | CMS_BINARY;
	BIO *bio = NULL;

	if (!content_open(arena, content, &bio, err))
		return false;
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
	if (!cms)
		return sign_library_failed(err, E_CRYPTO, "a CMS could not be begun");
	arena_defer(arena, release_cms, cms);
	/* CMS_CADES is what adds signing-certificate-v2. */
	if (!CMS_add1_signer(cms, x509, key->pkey, digest, flags | CMS_NOSMIMECAP | CMS_CADES))
		return sign_library_failed(err, E_KEY, "the key does not fit the certificate");
	if (CMS_final(cms, bio, NULL, flags) != 1)
		return sign_library_failed(err, E_CRYPTO, "the key did not sign");
	return cms_encode(arena, cms, out, err);
}

bool sign_cms(struct arena *arena, const struct sign_key *key, const struct sign_cert *cert,
	      struct bytes content, struct bytes *out, struct err *err)
{
	X509 *x509 = NULL;
	struct bytes made = {0};
	struct sign_cert signer = {0};

	if (key->alg == SIGN_ED25519)
		return err_fail(err, E_KEY, "Ed25519 is not used in CMS; use P-256 or P-384");
	if (cert->role == 0)
		return err_fail(err, E_CERT,
				"the certificate has no certificate policy of one of our roles");
	if (!sign_x509_of_der(arena, cert->der, &x509, err) ||
	    !cms_make(arena, key, x509, content, &made, err))
		return false;
	/* What we would not take we do not hand out; this also finds a key that computes wrongly. */
	if (!sign_cms_check(arena, made, content, cert->role, 0, &signer, err)) {
		err_prefix(err, "signing as %s", sign_role_word(cert->role));
		return false;
	}
	*out = made;
	return true;
}
