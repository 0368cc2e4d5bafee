/* SPDX-License-Identifier: Apache-2.0 */
/* What certificates say, and which leaves hold their role under which anchors. Every refusal is of a
 * certificate that differs from an accepted one in a single point. */

#include "common/sign.h"
#include "tests/support/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY_US (24 * 60 * 60 * CLOCK_SECOND)

struct scene {
	struct arena *arena;
	EVP_PKEY *key, *authority_key;
	X509 *authority;
	struct bytes anchor;
	clock_us now;
};

static int setup(void **state)
{
	static struct scene scene;
	struct certs_recipe recipe = certs_authority();

	scene.arena = arena_new(8 * 1024 * 1024);
	scene.key = certs_key(scene.arena, "P-256");
	scene.authority_key = certs_key(scene.arena, "P-256");
	scene.authority = certs_make(scene.arena, &recipe, scene.authority_key, NULL, NULL);
	scene.anchor = certs_der(scene.arena, scene.authority);
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

static struct bytes issue(struct scene *scene, const struct certs_recipe *recipe)
{
	return certs_der(scene->arena, certs_make(scene->arena, recipe, scene->key,
						  scene->authority, scene->authority_key));
}

/* Whether the certificate is read and holds its role under the scene's one anchor. */
static bool holds(struct scene *scene, struct bytes der, enum sign_role role, clock_us at,
		  struct err *err)
{
	struct sign_cert cert;

	err_clear(err);
	return sign_cert_read(scene->arena, der, &cert, err) &&
	       sign_cert_check(scene->arena, &cert, role, &scene->anchor, 1, at, err);
}

static void test_sign_cert_read__says_what_stands_in_der_and_pem(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_KEEPER);
	X509 *x509 = certs_make(scene->arena, &recipe, scene->key, scene->authority,
				scene->authority_key);
	struct bytes der = certs_der(scene->arena, x509);
	struct bytes forms[] = {der, certs_pem(scene->arena, x509)};
	struct err err = {0};

	for (size_t i = 0; i < 2; i++) {
		struct sign_cert cert;
		assert_true(sign_cert_read(scene->arena, forms[i], &cert, &err));
		assert_true(bytes_equal(cert.der, der));
		assert_true(bytes_equal(cert.spki, certs_spki(scene->arena, scene->key)));
		assert_string_equal(cert.key_id.text, digest_sha256_hex(cert.spki).text);
		assert_int_equal(cert.alg, SIGN_P256);
		assert_string_equal(cert.subject_cn, "EXAMPLE leaf");
		assert_int_equal(cert.not_before, scene->now - DAY_US);
		assert_int_equal(cert.not_after, scene->now + 30 * DAY_US);
		assert_int_equal(cert.role, SIGN_KEEPER);
		assert_true(cert.email_protection);
		assert_false(cert.authority);
	}
}

static void test_sign_cert_read__sees_an_authority_and_a_certificate_without_role(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_KEEPER);
	struct sign_cert cert;
	struct err err = {0};

	assert_true(sign_cert_read(scene->arena, scene->anchor, &cert, &err));
	assert_true(cert.authority);
	assert_int_equal(cert.role, 0);
	assert_false(cert.email_protection);
	recipe.policies = SIGN_POLICY_ARC ".3, " SIGN_POLICY_ARC ".4";
	assert_true(sign_cert_read(scene->arena, issue(scene, &recipe), &cert, &err));
	assert_int_equal(cert.role, 0);
	recipe.policies = SIGN_POLICY_ARC ".3.1";
	assert_true(sign_cert_read(scene->arena, issue(scene, &recipe), &cert, &err));
	assert_int_equal(cert.role, 0);
	recipe.policies = "2.5.29.32.0"; /* anyPolicy is nobody's role */
	assert_true(sign_cert_read(scene->arena, issue(scene, &recipe), &cert, &err));
	assert_int_equal(cert.role, 0);
}

static void test_sign_cert_read__reads_times_far_away(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_PERSON);
	struct sign_cert cert;
	struct err err = {0};

	recipe.from = (long)-certs_now();		  /* 1970, UTCTime */
	recipe.to = (long)(253402300799LL - certs_now()); /* 9999, GeneralizedTime */
	assert_true(sign_cert_read(scene->arena, issue(scene, &recipe), &cert, &err));
	assert_int_equal(cert.not_before, 0);
	assert_int_equal(cert.not_after, 253402300799LL * CLOCK_SECOND);
}

static void test_sign_cert_read__refuses_what_is_not_one_der_certificate(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_PERSON);
	struct bytes der = issue(scene, &recipe);
	unsigned char *longer = arena_alloc(scene->arena, der.size + 4);
	struct sign_cert cert;
	struct err err = {0};

	memcpy(longer, der.data, der.size);
	assert_true(sign_cert_read(scene->arena, bytes_of(longer, der.size), &cert, &err));
	assert_false(sign_cert_read(scene->arena, bytes_of(longer, der.size + 1), &cert, &err));
	assert_int_equal(err.code, E_CERT);
	assert_non_null(strstr(err.text, "bytes follow"));
	err_clear(&err);
	assert_false(sign_cert_read(scene->arena, bytes_of(longer, der.size - 1), &cert, &err));
	err_clear(&err);
	assert_false(sign_cert_read(scene->arena, bytes_of(NULL, 0), &cert, &err));
	err_clear(&err);
	assert_false(sign_cert_read(scene->arena, bytes_of_text("hello"), &cert, &err));
	assert_int_equal(err.code, E_CERT);
	/* The same certificate with an outer length of unknown size: BER, not DER. */
	assert_int_equal(der.data[1], 0x82);
	longer[1] = 0x80;
	memmove(longer + 2, der.data + 4, der.size - 4);
	memset(longer + der.size - 2, 0, 2);
	err_clear(&err);
	assert_false(sign_cert_read(scene->arena, bytes_of(longer, der.size), &cert, &err));
	assert_non_null(strstr(err.text, "not in DER"));
}

static void test_sign_cert_read__refuses_keys_below_the_profile(void **state)
{
	static const char *const kinds[] = {"RSA-2048", "secp256k1", "RSA-PSS-3072"};
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_PERSON);

	for (size_t i = 0; i < 3; i++) {
		struct sign_cert cert;
		struct err err = {0};
		scene->key = certs_key(scene->arena, kinds[i]);
		assert_false(sign_cert_read(scene->arena, issue(scene, &recipe), &cert, &err));
		assert_int_equal(err.code, E_CERT);
		assert_non_null(strstr(err.text, "the certificate's key"));
	}
}

static void test_sign_cert_check__takes_a_leaf_of_its_role_in_its_time(void **state)
{
	struct scene *scene = *state;
	struct err err = {0};

	for (int role = SIGN_AUTHOR; role <= SIGN_DEVICE; role++) {
		struct certs_recipe recipe = certs_leaf((enum sign_role)role);
		struct bytes leaf = issue(scene, &recipe);
		for (int asked = SIGN_ROOT; asked <= SIGN_DEVICE; asked++) {
			assert_int_equal(
				holds(scene, leaf, (enum sign_role)asked, scene->now, &err),
				asked == role);
			if (asked != role)
				assert_int_equal(err.code, E_CERT);
		}
	}
}

static void test_sign_cert_check__refuses_each_single_fault_of_a_leaf(void **state)
{
	struct scene *scene = *state;
	const struct certs_recipe good = certs_leaf(SIGN_PERSON);
	struct {
		struct certs_recipe recipe;
		const char *reason;
	} faults[] = {{good, "certificate policy"},
		      {good, "certificate policy"},
		      {good, "certificate policy"},
		      {good, "extended key usage"},
		      {good, "extended key usage"},
		      {good, "extended key usage"},
		      {good, "extended key usage"},
		      {good, "extended key usage"},
		      {good, "key usage allows no signatures"},
		      {good, "certification authority"},
		      {good, "critical extension"},
		      {good, "expired"},
		      {good, "not yet valid"},
		      {good, "too weak"}};
	struct err err = {0};

	faults[0].recipe.policies = NULL;
	faults[1].recipe.policies = SIGN_POLICY_ARC ".4, " SIGN_POLICY_ARC ".3";
	faults[2].recipe.policies = "2.5.29.32.0";
	faults[3].recipe.eku = NULL;
	faults[4].recipe.eku = "emailProtection";
	faults[5].recipe.eku = "critical,emailProtection,codeSigning";
	faults[6].recipe.eku = "critical,anyExtendedKeyUsage";
	faults[7].recipe.eku = "critical,clientAuth"; /* of a person, not of a device */
	faults[8].recipe.usage = "critical,keyEncipherment";
	faults[9].recipe.basic = "critical,CA:TRUE";
	faults[10].recipe.odd = "critical,DER:0500";
	faults[11].recipe.to = -1;
	faults[12].recipe.from = 60;
	faults[13].recipe.digest = EVP_sha1();
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct bytes leaf = issue(scene, &faults[i].recipe);
		if (holds(scene, leaf, SIGN_PERSON, scene->now, &err))
			fail_msg("fault %zu was taken", i);
		assert_int_equal(err.code, E_CERT);
		if (!strstr(err.text, faults[i].reason))
			fail_msg("fault %zu: %s", i, err.text);
	}
	assert_true(holds(scene, issue(scene, &good), SIGN_PERSON, scene->now, &err));
	struct certs_recipe odd = good;
	odd.odd = "DER:0500"; /* unknown, but not critical */
	assert_true(holds(scene, issue(scene, &odd), SIGN_PERSON, scene->now, &err));
}

static void test_sign_cert_check__judges_the_time_that_it_is_given(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	struct bytes leaf = issue(scene, &recipe);
	struct err err = {0};

	assert_true(holds(scene, leaf, SIGN_AUTHOR, scene->now - DAY_US, &err));
	assert_false(holds(scene, leaf, SIGN_AUTHOR, scene->now - DAY_US - CLOCK_SECOND, &err));
	assert_true(holds(scene, leaf, SIGN_AUTHOR, scene->now + 30 * DAY_US - 1, &err));
	assert_false(holds(scene, leaf, SIGN_AUTHOR, scene->now + 30 * DAY_US, &err));
	assert_non_null(strstr(err.text, "expired"));
}

static void test_sign_cert_check__refuses_another_authority_and_none(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	struct certs_recipe authority = certs_authority();
	struct bytes leaf = issue(scene, &recipe);
	struct bytes good = scene->anchor;
	struct err err = {0};

	/* The same name, another key. */
	X509 *other = certs_make(scene->arena, &authority, scene->key, NULL, NULL);
	scene->anchor = certs_der(scene->arena, other);
	assert_false(holds(scene, leaf, SIGN_AUTHOR, scene->now, &err));
	assert_int_equal(err.code, E_CERT);
	struct bytes both[] = {scene->anchor, good};
	struct sign_cert cert;
	err_clear(&err);
	assert_true(sign_cert_read(scene->arena, leaf, &cert, &err));
	assert_true(sign_cert_check(scene->arena, &cert, SIGN_AUTHOR, both, 2, scene->now, &err));
	assert_false(sign_cert_check(scene->arena, &cert, SIGN_AUTHOR, NULL, 0, scene->now, &err));
	assert_int_equal(err.code, E_CERT);
}

static void test_sign_cert_check__refuses_an_authority_and_a_leaf_as_its_own_anchor(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	struct bytes leaf = issue(scene, &recipe);
	struct err err = {0};

	assert_false(holds(scene, scene->anchor, SIGN_AUTHOR, scene->now, &err));
	assert_non_null(strstr(err.text, "authority"));
	scene->anchor = leaf;
	assert_false(holds(scene, leaf, SIGN_AUTHOR, scene->now, &err));
	assert_int_equal(err.code, E_CERT);
}

static void test_sign_cert_check__refuses_a_leaf_that_a_leaf_issued(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	EVP_PKEY *second = certs_key(scene->arena, "P-256");
	X509 *first = certs_make(scene->arena, &recipe, scene->key, scene->authority,
				 scene->authority_key);
	struct err err = {0};

	recipe.name = "EXAMPLE forged";
	struct bytes forged = certs_der(
		scene->arena, certs_make(scene->arena, &recipe, second, first, scene->key));
	assert_false(holds(scene, forged, SIGN_AUTHOR, scene->now, &err));
	assert_int_equal(err.code, E_CERT);
}

static void test_sign_cert_check__demands_that_the_authority_may_give_the_role(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe sub = certs_authority();
	struct certs_recipe top = certs_authority();
	struct certs_recipe recipe = certs_leaf(SIGN_AUTHOR);
	EVP_PKEY *sub_key = certs_key(scene->arena, "P-256");
	struct err err = {0};

	/* Anchors: a top authority and, below it, one whose own policies name the role, or another. */
	top.basic = "critical,CA:TRUE";
	top.name = "EXAMPLE top";
	sub.name = "EXAMPLE sub";
	X509 *top_cert = certs_make(scene->arena, &top, scene->authority_key, NULL, NULL);
	for (int good = 0; good < 2; good++) {
		sub.policies = sign_role_policy(good ? SIGN_AUTHOR : SIGN_PERSON);
		X509 *sub_cert =
			certs_make(scene->arena, &sub, sub_key, top_cert, scene->authority_key);
		struct bytes anchors[] = {certs_der(scene->arena, top_cert),
					  certs_der(scene->arena, sub_cert)};
		struct bytes leaf =
			certs_der(scene->arena,
				  certs_make(scene->arena, &recipe, scene->key, sub_cert, sub_key));
		struct sign_cert cert;
		err_clear(&err);
		assert_true(sign_cert_read(scene->arena, leaf, &cert, &err));
		assert_int_equal(sign_cert_check(scene->arena, &cert, SIGN_AUTHOR, anchors, 2,
						 scene->now, &err),
				 good);
	}
}

static void test_sign_cert_check__takes_a_device_for_tls_and_for_reports(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_DEVICE);
	struct err err = {0};

	recipe.eku = "critical,clientAuth";
	assert_true(holds(scene, issue(scene, &recipe), SIGN_DEVICE, scene->now, &err));
	recipe.eku = "critical,clientAuth,serverAuth";
	assert_false(holds(scene, issue(scene, &recipe), SIGN_DEVICE, scene->now, &err));
	recipe.eku = "critical,emailProtection";
	scene->key = certs_key(scene->arena, "ED25519");
	assert_true(holds(scene, issue(scene, &recipe), SIGN_DEVICE, scene->now, &err));
}

static void test_sign_cert_check__takes_a_root_that_is_pinned_whole(void **state)
{
	struct scene *scene = *state;
	struct certs_recipe recipe = certs_leaf(SIGN_ROOT);
	X509 *root = certs_make(scene->arena, &recipe, scene->key, NULL, NULL);
	struct bytes der = certs_der(scene->arena, root);
	struct err err = {0};

	assert_false(holds(scene, der, SIGN_ROOT, scene->now, &err));
	scene->anchor = der;
	assert_true(holds(scene, der, SIGN_ROOT, scene->now, &err));
	/* OpenSSL would take it for any policy; our own reading does not. */
	assert_false(holds(scene, der, SIGN_AUTHOR, scene->now, &err));
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(test_sign_cert_read__says_what_stands_in_der_and_pem),
		WITH_SCENE(test_sign_cert_read__sees_an_authority_and_a_certificate_without_role),
		WITH_SCENE(test_sign_cert_read__reads_times_far_away),
		WITH_SCENE(test_sign_cert_read__refuses_what_is_not_one_der_certificate),
		WITH_SCENE(test_sign_cert_read__refuses_keys_below_the_profile),
		WITH_SCENE(test_sign_cert_check__takes_a_leaf_of_its_role_in_its_time),
		WITH_SCENE(test_sign_cert_check__refuses_each_single_fault_of_a_leaf),
		WITH_SCENE(test_sign_cert_check__judges_the_time_that_it_is_given),
		WITH_SCENE(test_sign_cert_check__refuses_another_authority_and_none),
		WITH_SCENE(test_sign_cert_check__refuses_an_authority_and_a_leaf_as_its_own_anchor),
		WITH_SCENE(test_sign_cert_check__refuses_a_leaf_that_a_leaf_issued),
		WITH_SCENE(test_sign_cert_check__demands_that_the_authority_may_give_the_role),
		WITH_SCENE(test_sign_cert_check__takes_a_device_for_tls_and_for_reports),
		WITH_SCENE(test_sign_cert_check__takes_a_root_that_is_pinned_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
