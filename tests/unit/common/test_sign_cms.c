/* SPDX-License-Identifier: Apache-2.0 */
/* Which CMS is a signature of the profile. The wrong ones are made with OpenSSL's own calls and differ
 * from the control, which is taken, in a single point. */

#include "common/sign.h"
#include "tests/support/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>

#define CONTENT "{\"type\":\"countersign.manifest.v1\"}"
#define DAY_US (24 * 60 * 60 * CLOCK_SECOND)

struct scene {
	struct arena *arena;
	EVP_PKEY *key, *authority_key;
	X509 *authority, *leaf;
	clock_us now;
};

static int setup(void **state)
{
	static struct scene scene;
	struct certs_recipe authority = certs_authority();
	struct certs_recipe leaf = certs_leaf(SIGN_AUTHOR);

	scene.arena = arena_new(64 * 1024 * 1024);
	scene.key = certs_key(scene.arena, "P-256");
	scene.authority_key = certs_key(scene.arena, "P-256");
	scene.authority = certs_make(scene.arena, &authority, scene.authority_key, NULL, NULL);
	scene.leaf =
		certs_make(scene.arena, &leaf, scene.key, scene.authority, scene.authority_key);
	scene.now = certs_now() * CLOCK_SECOND;
	*state = &scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	arena_free(scene->arena);
	return 0;
}

static void release_cms(void *cms)
{
	CMS_ContentInfo_free(cms);
}

static X509 *issue(struct scene *scene, const struct certs_recipe *recipe)
{
	return certs_make(scene->arena, recipe, scene->key, scene->authority, scene->authority_key);
}

/* --- foreign CMS, begun and ended -------------------------------------------------------------- */

enum { GOOD = CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP | CMS_CADES };

static CMS_ContentInfo *begin(struct scene *scene, unsigned flags)
{
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL,
					(flags & (CMS_BINARY | CMS_DETACHED)) | CMS_PARTIAL);

	assert_non_null(cms);
	arena_defer(scene->arena, release_cms, cms);
	return cms;
}

static struct bytes written(struct scene *scene, CMS_ContentInfo *cms)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *data = NULL;

	assert_int_equal(i2d_CMS_bio(out, cms), 1);
	size_t size = (size_t)BIO_get_mem_data(out, &data);
	struct bytes copy = arena_bytes(scene->arena, bytes_of(data, size));
	BIO_free(out);
	return copy;
}

static struct bytes end(struct scene *scene, CMS_ContentInfo *cms, unsigned flags)
{
	BIO *content = BIO_new_mem_buf(CONTENT, -1);

	assert_int_equal(CMS_final(cms, content, NULL, flags & (CMS_BINARY | CMS_DETACHED)), 1);
	BIO_free(content);
	return written(scene, cms);
}

static struct bytes foreign(struct scene *scene, X509 *leaf, const EVP_MD *digest, unsigned flags)
{
	CMS_ContentInfo *cms = begin(scene, flags);

	assert_non_null(CMS_add1_signer(cms, leaf, scene->key, digest, flags));
	return end(scene, cms, flags);
}

static bool taken(struct scene *scene, struct bytes cms, struct err *err)
{
	struct sign_cert signer = {0};

	err_clear(err);
	return sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT), SIGN_AUTHOR, scene->now,
			      &signer, err);
}

#define assert_refused(scene, cms, expected, reason)                                       \
	do {                                                                               \
		struct err refusal = {0};                                                  \
		if (taken((scene), (cms), &refusal))                                       \
			fail_msg("taken, but: %s", (reason));                              \
		if (refusal.code != (expected) || !strstr(refusal.text, (reason)))         \
			fail_msg("not for \"%s\" but for \"%s\"", (reason), refusal.text); \
	} while (0)

/* --- ours --------------------------------------------------------------------------------------- */

static void test_sign_cms__makes_what_sign_cms_check_takes(void **state)
{
	static const char *const kinds[] = {"P-256", "P-384", "RSA-3072"};
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_KEEPER);

	for (size_t i = 0; i < 3; i++) {
		struct sign_cert cert;
		struct sign_cert signer = {0};
		struct bytes cms;
		struct err err = {0};
		scene->key = certs_key(scene->arena, kinds[i]);
		struct sign_key *key = certs_sign_key(scene->arena, scene->key);
		struct bytes der = certs_der(scene->arena, issue(scene, &recipe));
		assert_true(sign_cert_read(scene->arena, der, &cert, &err));
		assert_true(sign_cms(scene->arena, key, &cert, bytes_of_text(CONTENT), &cms, &err));
		assert_true(sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT), SIGN_KEEPER,
					   scene->now, &signer, &err));
		assert_true(bytes_equal(signer.der, der));
		assert_string_equal(signer.key_id.text,
				    sign_key_id(certs_spki(scene->arena, scene->key)).text);
		assert_false(sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT "\n"),
					    SIGN_KEEPER, scene->now, &signer, &err));
		assert_int_equal(err.code, E_SIGNATURE);
	}
}

static void test_sign_cms__signs_nothing_and_line_ends_as_they_are(void **state)
{
	static const char *const contents[] = {"", "a\nb\r\nc\n", "\n"};
	struct scene *scene = *state;
	struct sign_key *key = certs_sign_key(scene->arena, scene->key);
	struct sign_cert cert;
	struct sign_cert signer;
	struct bytes cms;
	struct err err = {0};

	assert_true(
		sign_cert_read(scene->arena, certs_der(scene->arena, scene->leaf), &cert, &err));
	for (size_t i = 0; i < 3; i++) {
		struct bytes content = bytes_of_text(contents[i]);
		assert_true(sign_cms(scene->arena, key, &cert, content, &cms, &err));
		assert_true(
			sign_cms_check(scene->arena, cms, content, SIGN_AUTHOR, 0, &signer, &err));
	}
	assert_false(sign_cms_check(scene->arena, cms, bytes_of_text("\r\n"), SIGN_AUTHOR, 0,
				    &signer, &err));
}

static void test_sign_cms__makes_nothing_that_would_be_refused(void **state)
{
	struct scene *scene = *state;
	struct sign_key *key = certs_sign_key(scene->arena, scene->key);
	struct sign_key *other = certs_sign_key(scene->arena, certs_key(scene->arena, "P-256"));
	struct sign_key *ed25519 = certs_sign_key(scene->arena, certs_key(scene->arena, "ED25519"));
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	struct bytes content = bytes_of_text(CONTENT);
	struct sign_cert cert;
	struct bytes cms = {0};
	struct err err = {0};

	assert_true(
		sign_cert_read(scene->arena, certs_der(scene->arena, scene->leaf), &cert, &err));
	assert_false(sign_cms(scene->arena, other, &cert, content, &cms, &err));
	assert_int_equal(err.code, E_KEY);
	err_clear(&err);
	assert_false(sign_cms(scene->arena, ed25519, &cert, content, &cms, &err));
	assert_int_equal(err.code, E_KEY);
	recipe.eku = "emailProtection";
	err_clear(&err);
	assert_true(sign_cert_read(scene->arena, certs_der(scene->arena, issue(scene, &recipe)),
				   &cert, &err));
	assert_false(sign_cms(scene->arena, key, &cert, content, &cms, &err));
	assert_int_equal(err.code, E_CERT);
	recipe = certs_leaf(SIGN_AUTHOR);
	recipe.policies = NULL;
	err_clear(&err);
	assert_true(sign_cert_read(scene->arena, certs_der(scene->arena, issue(scene, &recipe)),
				   &cert, &err));
	assert_false(sign_cms(scene->arena, key, &cert, content, &cms, &err));
	assert_int_equal(err.code, E_CERT);
	assert_int_equal(cms.size, 0);
}

/* --- the signer ---------------------------------------------------------------------------------- */

static void test_sign_cms_check__takes_a_foreign_cms_of_the_profile(void **state)
{
	struct scene *scene = *state;
	struct err err = {0};

	assert_true(taken(scene, foreign(scene, scene->leaf, EVP_sha256(), GOOD), &err));
	assert_true(taken(scene, foreign(scene, scene->leaf, EVP_sha384(), GOOD), &err));
	assert_true(taken(scene, foreign(scene, scene->leaf, EVP_sha256(), GOOD | CMS_USE_KEYID),
			  &err));
}

static void test_sign_cms_check__refuses_every_role_but_the_leafs(void **state)
{
	struct scene *scene = *state;
	struct bytes cms = foreign(scene, scene->leaf, EVP_sha256(), GOOD);

	for (int role = SIGN_ROOT; role <= SIGN_DEVICE; role++) {
		struct sign_cert signer = {0};
		struct err err = {0};
		assert_int_equal(sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT),
						(enum sign_role)role, scene->now, &signer, &err),
				 role == SIGN_AUTHOR);
		if (role != SIGN_AUTHOR) {
			assert_int_equal(err.code, E_CERT);
			assert_non_null(strstr(err.text, "certificate policy"));
			assert_null(signer.der.data);
		}
	}
}

static void test_sign_cms_check__refuses_each_single_fault_of_the_leaf(void **state)
{
	struct scene *scene = *state;
	const struct certs_recipe good = certs_leaf(SIGN_AUTHOR);
	struct {
		struct certs_recipe recipe;
		const char *reason;
	} faults[] = {{good, "certificate policy"}, {good, "certificate policy"},
		      {good, "extended key usage"}, {good, "extended key usage"},
		      {good, "extended key usage"}, {good, "extended key usage"},
		      {good, "no signatures"},	    {good, "critical extension"},
		      {good, "authority"},	    {good, "was not valid at"},
		      {good, "was not valid at"}};

	faults[0].recipe.policies = sign_role_policy(SIGN_KEEPER);
	faults[1].recipe.policies = SIGN_POLICY_ARC ".2, " SIGN_POLICY_ARC ".3";
	faults[2].recipe.eku = NULL;
	faults[3].recipe.eku = "emailProtection";
	faults[4].recipe.eku = "critical,codeSigning";
	faults[5].recipe.eku = "critical,emailProtection,codeSigning";
	faults[6].recipe.usage = "critical,keyAgreement";
	faults[7].recipe.odd = "critical,DER:0500";
	faults[8].recipe.basic = "critical,CA:TRUE";
	faults[9].recipe.to = -1;
	faults[10].recipe.from = 60;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		X509 *leaf = issue(scene, &faults[i].recipe);
		assert_refused(scene, foreign(scene, leaf, EVP_sha256(), GOOD), E_CERT,
			       faults[i].reason);
	}
}

static void test_sign_cms_check__judges_time_only_when_it_is_given_one(void **state)
{
	struct scene *scene = *state;
	struct bytes cms = foreign(scene, scene->leaf, EVP_sha256(), GOOD);
	const struct {
		clock_us at;
		bool good;
	} times[] = {{0, true},
		     {scene->now - DAY_US, true},
		     {scene->now - DAY_US - 1, false},
		     {scene->now + 30 * DAY_US - 1, true},
		     {scene->now + 30 * DAY_US, false}};

	for (size_t i = 0; i < 5; i++) {
		struct sign_cert signer;
		struct err err = {0};
		assert_int_equal(sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT),
						SIGN_AUTHOR, times[i].at, &signer, &err),
				 times[i].good);
	}
}

static void test_sign_cms_check__refuses_a_tls_certificate_of_a_device(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_DEVICE);
	struct sign_cert signer;
	struct err err = {0};

	struct bytes cms = foreign(scene, issue(scene, &recipe), EVP_sha256(), GOOD);
	assert_true(sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT), SIGN_DEVICE, 0,
				   &signer, &err));
	recipe.eku = "critical,clientAuth";
	cms = foreign(scene, issue(scene, &recipe), EVP_sha256(), GOOD);
	assert_false(sign_cms_check(scene->arena, cms, bytes_of_text(CONTENT), SIGN_DEVICE, 0,
				    &signer, &err));
	assert_int_equal(err.code, E_CERT);
}

static void test_sign_cms_check__refuses_weaker_and_other_keys(void **state)
{
	static const char *const kinds[] = {"RSA-2048", "secp256k1", "P-521"};
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	struct err err = {0};

	for (size_t i = 0; i < 3; i++) {
		scene->key = certs_key(scene->arena, kinds[i]);
		assert_refused(scene, foreign(scene, issue(scene, &recipe), EVP_sha256(), GOOD),
			       E_CERT, "the certificate's key");
	}
	scene->key = certs_key(scene->arena, "RSA-3072");
	assert_true(taken(scene, foreign(scene, issue(scene, &recipe), EVP_sha256(), GOOD), &err));
}

/* --- the form ------------------------------------------------------------------------------------ */

static void test_sign_cms_check__refuses_other_digests(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene, foreign(scene, scene->leaf, EVP_sha1(), GOOD), E_SIGNATURE_PROFILE,
		       "the digest algorithm is SHA1");
	assert_refused(scene, foreign(scene, scene->leaf, EVP_sha512(), GOOD), E_SIGNATURE_PROFILE,
		       "the digest algorithm is SHA512");
}

static void test_sign_cms_check__refuses_rsa_pss(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);

	scene->key = certs_key(scene->arena, "RSA-3072");
	X509 *leaf = issue(scene, &recipe);
	CMS_ContentInfo *cms = begin(scene, GOOD);
	CMS_SignerInfo *signer =
		CMS_add1_signer(cms, leaf, scene->key, EVP_sha256(), GOOD | CMS_KEY_PARAM);
	assert_non_null(signer);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(signer),
						      RSA_PKCS1_PSS_PADDING),
			 1);
	assert_refused(scene, end(scene, cms, GOOD), E_SIGNATURE_PROFILE,
		       "the signature algorithm is RSASSA-PSS");
}

static void test_sign_cms_check__refuses_two_signers_and_none(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	CMS_ContentInfo *cms = begin(scene, GOOD);

	recipe.serial = 4712;
	X509 *second = issue(scene, &recipe);
	assert_non_null(CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), GOOD));
	assert_non_null(CMS_add1_signer(cms, second, scene->key, EVP_sha256(), GOOD));
	assert_refused(scene, end(scene, cms, GOOD), E_SIGNATURE_PROFILE, "has 2 signers");
	cms = begin(scene, GOOD);
	assert_int_equal(CMS_add1_cert(cms, scene->leaf), 1);
	assert_refused(scene, written(scene, cms), E_SIGNATURE_PROFILE, "has 0 signers");
}

static void test_sign_cms_check__refuses_embedded_content(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene,
		       foreign(scene, scene->leaf, EVP_sha256(), GOOD & ~(unsigned)CMS_DETACHED),
		       E_SIGNATURE_PROFILE, "holds the content");
}

static void test_sign_cms_check__refuses_another_content_type(void **state)
{
	struct scene *scene = *state;
	CMS_ContentInfo *cms = begin(scene, GOOD);

	assert_int_equal(CMS_set1_eContentType(cms, OBJ_nid2obj(NID_id_smime_ct_TSTInfo)), 1);
	assert_non_null(CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), GOOD));
	assert_refused(scene, end(scene, cms, GOOD), E_SIGNATURE_PROFILE, "plain data");
}

static void test_sign_cms_check__refuses_other_certificates_than_the_leaf(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);

	assert_refused(scene, foreign(scene, scene->leaf, EVP_sha256(), GOOD | CMS_NOCERTS),
		       E_SIGNATURE_PROFILE, "holds 0 certificates");
	CMS_ContentInfo *cms = begin(scene, GOOD);
	assert_non_null(CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), GOOD));
	assert_int_equal(CMS_add1_cert(cms, scene->authority), 1);
	assert_refused(scene, end(scene, cms, GOOD), E_SIGNATURE_PROFILE, "holds 2 certificates");
	recipe.serial = 4712;
	cms = begin(scene, GOOD);
	assert_non_null(
		CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), GOOD | CMS_NOCERTS));
	assert_int_equal(CMS_add1_cert(cms, issue(scene, &recipe)), 1);
	assert_refused(scene, end(scene, cms, GOOD), E_SIGNATURE_PROFILE, "not its signer's");
}

static void test_sign_cms_check__refuses_a_revocation_list(void **state)
{
	struct scene *scene = *state;
	CMS_ContentInfo *cms = begin(scene, GOOD);
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, 0);

	assert_int_equal(X509_CRL_set_issuer_name(list, X509_get_subject_name(scene->authority)),
			 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(list, time), 1);
	assert_int_not_equal(X509_CRL_sign(list, scene->authority_key, EVP_sha256()), 0);
	assert_non_null(CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), GOOD));
	assert_int_equal(CMS_add1_crl(cms, list), 1);
	assert_refused(scene, end(scene, cms, GOOD), E_SIGNATURE_PROFILE, "revocation list");
	X509_CRL_free(list);
	ASN1_TIME_free(time);
}

/* --- the signed attributes ------------------------------------------------------------------------ */

static void test_sign_cms_check__refuses_missing_attributes(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene,
		       foreign(scene, scene->leaf, EVP_sha256(),
			       (GOOD & ~(unsigned)CMS_CADES) | CMS_NOATTR),
		       E_SIGNATURE_PROFILE, "no signed attributes");
	assert_refused(scene,
		       foreign(scene, scene->leaf, EVP_sha256(), GOOD & ~(unsigned)CMS_CADES),
		       E_SIGNATURE_PROFILE, "lack signing-certificate-v2");
}

/* signing-certificate-v2 as it stands in a good CMS by this leaf. */
static ASN1_STRING *binding(struct scene *scene, X509 *leaf)
{
	CMS_ContentInfo *cms = begin(scene, GOOD);
	CMS_SignerInfo *signer = CMS_add1_signer(cms, leaf, scene->key, EVP_sha256(), GOOD);
	ASN1_STRING *value = CMS_signed_get0_data_by_OBJ(
		signer, OBJ_nid2obj(NID_id_smime_aa_signingCertificateV2), -3, V_ASN1_SEQUENCE);

	assert_non_null(value);
	return value;
}

/* A CMS without signing-certificate-v2 in its place, to which this one is added before signing. */
static struct bytes bound(struct scene *scene, const ASN1_STRING *value)
{
	unsigned flags = GOOD & ~(unsigned)CMS_CADES;
	CMS_ContentInfo *cms = begin(scene, flags);
	CMS_SignerInfo *signer = CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), flags);

	assert_int_equal(CMS_signed_add1_attr_by_NID(signer, NID_id_smime_aa_signingCertificateV2,
						     V_ASN1_SEQUENCE, ASN1_STRING_get0_data(value),
						     ASN1_STRING_length(value)),
			 1);
	return end(scene, cms, flags);
}

typedef int attribute_add(CMS_SignerInfo *signer, int type, int kind, const void *value, int size);

/* A signed CMS to which this signing-certificate-v2 is added by add: OpenSSL would not sign these. */
static struct bytes bound_late(struct scene *scene, unsigned flags, attribute_add *add,
			       const ASN1_STRING *value)
{
	CMS_ContentInfo *cms = begin(scene, flags);
	CMS_SignerInfo *signer = CMS_add1_signer(cms, scene->leaf, scene->key, EVP_sha256(), flags);

	end(scene, cms, flags);
	assert_int_equal(add(signer, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE,
			     ASN1_STRING_get0_data(value), ASN1_STRING_length(value)),
			 1);
	return written(scene, cms);
}

static void test_sign_cms_check__refuses_a_binding_to_another_certificate(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	struct err err = {0};

	recipe.to += 1;
	X509 *other = issue(scene, &recipe);
	assert_true(taken(scene, bound(scene, binding(scene, scene->leaf)), &err));
	assert_refused(scene, bound(scene, binding(scene, other)), E_SIGNATURE_PROFILE,
		       "does not name the certificate");
}

static void test_sign_cms_check__refuses_a_binding_that_is_not_signed(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene,
		       bound_late(scene, GOOD & ~(unsigned)CMS_CADES, CMS_unsigned_add1_attr_by_NID,
				  binding(scene, scene->leaf)),
		       E_SIGNATURE_PROFILE, "unsigned attributes");
}

static void test_sign_cms_check__refuses_two_bindings(void **state)
{
	struct scene *scene = *state;

	assert_refused(
		scene,
		bound_late(scene, GOOD, CMS_signed_add1_attr_by_NID, binding(scene, scene->leaf)),
		E_SIGNATURE_PROFILE, "signing-certificate-v2");
}

/* Same key, issuer and serial number, another role: all that OpenSSL compares. */
static void test_sign_cms_check__refuses_a_leaf_put_in_the_place_of_another(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_KEEPER);
	CMS_ContentInfo *cms = begin(scene, GOOD);
	struct sign_cert signer = {0};
	struct err err = {0};

	assert_non_null(CMS_add1_signer(cms, issue(scene, &recipe), scene->key, EVP_sha256(),
					GOOD | CMS_NOCERTS));
	assert_int_equal(CMS_add1_cert(cms, scene->leaf), 1);
	struct bytes der = end(scene, cms, GOOD);
	BIO *content = BIO_new_mem_buf(CONTENT, -1);
	assert_int_equal(
		CMS_verify(cms, NULL, NULL, content, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY),
		1);
	BIO_free(content);
	assert_refused(scene, der, E_SIGNATURE_PROFILE, "does not name the certificate");
	assert_false(sign_cms_check(scene->arena, der, bytes_of_text(CONTENT), SIGN_KEEPER, 0,
				    &signer, &err));
}

/* --- the bytes ------------------------------------------------------------------------------------ */

static void test_sign_cms_check__refuses_bytes_that_follow_or_lack(void **state)
{
	struct scene *scene = *state;
	struct bytes cms = foreign(scene, scene->leaf, EVP_sha256(), GOOD);
	unsigned char *longer = arena_alloc(scene->arena, cms.size + 1);
	struct err err = {0};

	memcpy(longer, cms.data, cms.size);
	assert_true(taken(scene, bytes_of(longer, cms.size), &err));
	assert_refused(scene, bytes_of(longer, cms.size + 1), E_SIGNATURE_PROFILE, "bytes follow");
	assert_refused(scene, bytes_of(longer, cms.size - 1), E_SIGNATURE_PROFILE, "not a CMS");
	assert_refused(scene, bytes_of(NULL, 0), E_SIGNATURE_PROFILE, "0 bytes");
	assert_refused(scene, bytes_of_text("MIIB"), E_SIGNATURE_PROFILE, "not a CMS");
	unsigned char *huge = arena_alloc(scene->arena, 64 * 1024 + 1);
	memcpy(huge, cms.data, cms.size);
	assert_refused(scene, bytes_of(huge, 64 * 1024 + 1), E_SIGNATURE_PROFILE, "at most 65536");
}

static void test_sign_cms_check__refuses_ber(void **state)
{
	struct scene *scene = *state;
	struct bytes cms = foreign(scene, scene->leaf, EVP_sha256(), GOOD);
	unsigned char *ber = arena_alloc(scene->arena, cms.size);

	/* The outermost length unknown and ended by two zeros: the same CMS, other bytes. */
	assert_int_equal(cms.data[1], 0x82);
	ber[0] = cms.data[0];
	ber[1] = 0x80;
	memcpy(ber + 2, cms.data + 4, cms.size - 4);
	assert_refused(scene, bytes_of(ber, cms.size), E_SIGNATURE_PROFILE, "not in DER");
}

static void test_sign_cms_check__refuses_other_kinds_of_cms(void **state)
{
	struct scene *scene = *state;
	BIO *content = BIO_new_mem_buf(CONTENT, -1);
	CMS_ContentInfo *cms = CMS_data_create(content, CMS_BINARY);

	assert_non_null(cms);
	assert_refused(scene, written(scene, cms), E_SIGNATURE_PROFILE, "not signed data");
	CMS_ContentInfo_free(cms);
	BIO_free(content);
}

static void test_sign_cms_check__refuses_foreign_digest_algorithms_in_front(void **state)
{
	static const unsigned char sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65,
					       0x03, 0x04, 0x02, 0x01};
	struct scene *scene = *state;
	struct bytes cms = foreign(scene, scene->leaf, EVP_sha256(), GOOD);
	unsigned char *changed = arena_copy(scene->arena, cms.data, cms.size);
	size_t at = 0;

	while (memcmp(changed + at, sha256, sizeof(sha256)) != 0)
		at++;
	assert_true(at < 40); /* in SignedData, before the certificate */
	changed[at + 8] = 2;  /* SHA-384 */
	assert_refused(scene, bytes_of(changed, cms.size), E_SIGNATURE_PROFILE,
		       "other digest algorithms");
}

/* Every step-th bit; with 9, one bit of each byte, and all eight in turn. */
static void refuse_changed_bits(struct scene *scene, struct bytes cms, size_t step)
{
	unsigned char *changed = arena_copy(scene->arena, cms.data, cms.size);
	struct arena *arena = scene->arena;
	struct err err = {0};

	assert_true(taken(scene, bytes_of(changed, cms.size), &err));
	scene->arena = arena_new(1024 * 1024);
	for (size_t bit = 0; bit < cms.size * 8; bit += step) {
		changed[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (taken(scene, bytes_of(changed, cms.size), &err))
			fail_msg("bit %zu of byte %zu is not protected", bit % 8, bit / 8);
		if (err_code_kind(err.code) != ERR_BROKEN_EVIDENCE)
			fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, err.text);
		changed[bit / 8] ^= (unsigned char)(1 << bit % 8);
		arena_reset(scene->arena);
	}
	arena_free(scene->arena);
	scene->arena = arena;
}

static void test_sign_cms_check__refuses_every_changed_bit(void **state)
{
	struct scene *scene = *state;

	refuse_changed_bits(scene, foreign(scene, scene->leaf, EVP_sha256(), GOOD), 1);
	refuse_changed_bits(scene, foreign(scene, scene->leaf, EVP_sha256(), GOOD | CMS_USE_KEYID),
			    9);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(test_sign_cms__makes_what_sign_cms_check_takes),
		WITH_SCENE(test_sign_cms__signs_nothing_and_line_ends_as_they_are),
		WITH_SCENE(test_sign_cms__makes_nothing_that_would_be_refused),
		WITH_SCENE(test_sign_cms_check__takes_a_foreign_cms_of_the_profile),
		WITH_SCENE(test_sign_cms_check__refuses_every_role_but_the_leafs),
		WITH_SCENE(test_sign_cms_check__refuses_each_single_fault_of_the_leaf),
		WITH_SCENE(test_sign_cms_check__judges_time_only_when_it_is_given_one),
		WITH_SCENE(test_sign_cms_check__refuses_a_tls_certificate_of_a_device),
		WITH_SCENE(test_sign_cms_check__refuses_weaker_and_other_keys),
		WITH_SCENE(test_sign_cms_check__refuses_other_digests),
		WITH_SCENE(test_sign_cms_check__refuses_rsa_pss),
		WITH_SCENE(test_sign_cms_check__refuses_two_signers_and_none),
		WITH_SCENE(test_sign_cms_check__refuses_embedded_content),
		WITH_SCENE(test_sign_cms_check__refuses_another_content_type),
		WITH_SCENE(test_sign_cms_check__refuses_other_certificates_than_the_leaf),
		WITH_SCENE(test_sign_cms_check__refuses_a_revocation_list),
		WITH_SCENE(test_sign_cms_check__refuses_missing_attributes),
		WITH_SCENE(test_sign_cms_check__refuses_a_binding_to_another_certificate),
		WITH_SCENE(test_sign_cms_check__refuses_a_binding_that_is_not_signed),
		WITH_SCENE(test_sign_cms_check__refuses_two_bindings),
		WITH_SCENE(test_sign_cms_check__refuses_a_leaf_put_in_the_place_of_another),
		WITH_SCENE(test_sign_cms_check__refuses_bytes_that_follow_or_lack),
		WITH_SCENE(test_sign_cms_check__refuses_ber),
		WITH_SCENE(test_sign_cms_check__refuses_other_kinds_of_cms),
		WITH_SCENE(test_sign_cms_check__refuses_foreign_digest_algorithms_in_front),
		WITH_SCENE(test_sign_cms_check__refuses_every_changed_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
