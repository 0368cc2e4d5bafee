/* SPDX-License-Identifier: Apache-2.0 */
/* Does OpenSSL's command line take what we sign, and do we take what it signs? With the certificates
 * of tools/pki.sh, each with a control that must fail. Run in the top folder of the tree. */

#include "common/file.h"
#include "common/sign.h"
#include "tests/support/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CONTENT "{\"name\":\"a\\r\\nb\",\"type\":\"countersign.manifest.v1\"}"
#define OTHER_CONTENT "{\"name\":\"a\\r\\nc\",\"type\":\"countersign.manifest.v1\"}"

static char folder[] = "/tmp/countersign-cms-XXXXXX";
static struct arena *arena;

/* Roles with the authority that tools/pki.sh has for them; roots are their own. */
static const struct {
	enum sign_role role;
	const char *authority;
} roles[] = {{SIGN_ROOT, "root1"},
	     {SIGN_AUTHOR, "author-ca"},
	     {SIGN_KEEPER, "keeper-ca"},
	     {SIGN_PERSON, "approver-ca"},
	     {SIGN_SITE, "site-ca"}};
enum { ROLES = sizeof(roles) / sizeof(roles[0]) };

static char *path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

#define pki(name) path_of(arena_printf(arena, "pki/%s", (name)))
#define run(...) run_words((const char *const[]){__VA_ARGS__, NULL})

static int run_words(const char *const argv[])
{
	static char output[8192];
	int exit_code = -1;

	if (!process_run(argv, NULL, &exit_code, output, sizeof(output)))
		fail_msg("%s: %s", argv[0], output);
	return exit_code;
}

static void put(const char *name, struct bytes bytes)
{
	struct err err = {0};

	if (!file_replace(path_of(name), bytes, 0600, &err))
		fail_msg("%s", err.text);
}

static struct bytes get(const char *path)
{
	struct bytes bytes = {0};
	struct err err = {0};

	if (!file_read(arena, path, 1024 * 1024, &bytes, &err))
		fail_msg("%s", err.text);
	return bytes;
}

static struct sign_cert cert_of(const char *path)
{
	struct sign_cert cert = {0};
	struct err err = {0};

	if (!sign_cert_read(arena, get(path), &cert, &err))
		fail_msg("%s: %s", path, err.text);
	return cert;
}

static void release_key(void *key)
{
	sign_key_free(key);
}

static struct sign_key *key_of(const char *path)
{
	struct sign_key *key = NULL;
	struct err err = {0};

	if (!sign_key_new(path, &key, &err))
		fail_msg("%s", err.text);
	arena_defer(arena, release_key, key);
	return key;
}

static const char *leaf_file(enum sign_role role, const char *kind)
{
	if (role == SIGN_ROOT)
		return pki(kind[0] == 'k' ? "root1.key" : "root1.pem");
	return path_of(arena_printf(arena, "%s.%s", sign_role_word(role), kind));
}

static int make_pki(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	arena = arena_new(16 * 1024 * 1024);
	char *dir = path_of("pki");
	if (run("tools/pki.sh", dir) != 0)
		return -1;
	for (size_t i = 1; i < ROLES; i++) {
		if (run("tools/pki.sh", dir, "leaf", sign_role_word(roles[i].role), "somebody",
			leaf_file(roles[i].role, "key"), leaf_file(roles[i].role, "pem")) != 0)
			return -1;
	}
	put("content", bytes_of_text(CONTENT));
	put("other", bytes_of_text(OTHER_CONTENT));
	return 0;
}

static int drop_pki(void **state)
{
	(void)state;
	int exit_code = run("rm", "-rf", folder);
	arena_free(arena);
	return exit_code;
}

/* --- we sign, OpenSSL checks ---------------------------------------------------------------------- */

static int openssl_checks(const char *cms, const char *content, const char *authority,
			  enum sign_role role)
{
	return run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", path_of(cms),
		   "-content", path_of(content), "-CAfile",
		   pki(arena_printf(arena, "%s.pem", authority)), "-purpose", "smimesign",
		   "-policy", sign_role_policy(role), "-explicit_policy", "-policy_check", "-out",
		   path_of("out"));
}

static void test_sign_cms__is_taken_by_openssl_with_the_policy_of_the_role(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROLES; i++) {
		enum sign_role role = roles[i].role;
		struct sign_cert cert = cert_of(leaf_file(role, "pem"));
		struct bytes cms;
		struct err err = {0};
		if (!sign_cms(arena, key_of(leaf_file(role, "key")), &cert, bytes_of_text(CONTENT),
			      &cms, &err))
			fail_msg("%s", err.text);
		put("signature", cms);
		assert_int_equal(openssl_checks("signature", "content", roles[i].authority, role),
				 0);
		assert_true(bytes_equal(get(path_of("out")), bytes_of_text(CONTENT)));
		assert_int_not_equal(openssl_checks("signature", "other", roles[i].authority, role),
				     0);
		assert_int_not_equal(openssl_checks("signature", "content", "device-ca", role), 0);
		if (role != SIGN_ROOT) /* no policies are checked of what is trusted as it is */
			assert_int_not_equal(openssl_checks("signature", "content",
							    roles[i].authority, SIGN_DEVICE),
					     0);
		unsigned char *changed = arena_copy(arena, cms.data, cms.size);
		changed[cms.size - 5] ^= 1;
		put("changed", bytes_of(changed, cms.size));
		assert_int_not_equal(openssl_checks("changed", "content", roles[i].authority, role),
				     0);
	}
}

static void test_sign_document__is_taken_by_openssl(void **state)
{
	static const char type[] = "countersign.lease.v1";
	unsigned char signature[SIGN_ED25519_BYTES];
	struct err err = {0};

	(void)state;
	assert_int_equal(run("tools/pki.sh", pki(""), "ed25519", path_of("lease.key")), 0);
	struct sign_key *key = key_of(path_of("lease.key"));
	assert_int_equal(sign_key_alg(key), SIGN_ED25519);
	assert_true(sign_document(key, type, bytes_of_text(CONTENT), signature, &err));
	put("signature", bytes_of(signature, sizeof(signature)));
	put("signed", bytes_of_text("countersign.lease.v1\n" CONTENT));
	assert_int_equal(run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey",
			     path_of("lease.pub"), "-rawin", "-in", path_of("signed"), "-sigfile",
			     path_of("signature")),
			 0);
	assert_int_not_equal(run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey",
				 path_of("lease.pub"), "-rawin", "-in", path_of("content"),
				 "-sigfile", path_of("signature")),
			     0);
}

static void test_sign_key_id__is_the_digest_that_openssl_makes_of_the_key(void **state)
{
	const char *cert = leaf_file(SIGN_AUTHOR, "pem");

	(void)state;
	assert_int_equal(run("openssl", "x509", "-in", cert, "-noout", "-pubkey", "-out",
			     path_of("public.pem")),
			 0);
	assert_int_equal(run("openssl", "pkey", "-pubin", "-in", path_of("public.pem"), "-outform",
			     "DER", "-out", path_of("public.der")),
			 0);
	assert_int_equal(run("openssl", "dgst", "-sha256", "-r", "-out", path_of("digest"),
			     path_of("public.der")),
			 0);
	assert_memory_equal(get(path_of("digest")).data, cert_of(cert).key_id.text, 64);
}

/* --- OpenSSL signs, we check ---------------------------------------------------------------------- */

static bool taken(const char *cms, const char *content, enum sign_role role, struct err *err)
{
	struct sign_cert signer = {0};

	err_clear(err);
	return sign_cms_check(arena, get(path_of(cms)), get(path_of(content)), role, clock_now(),
			      &signer, err);
}

static void test_sign_cms_check__takes_what_openssl_signs_with_cades(void **state)
{
	const char *cert = leaf_file(SIGN_AUTHOR, "pem");
	const char *key = leaf_file(SIGN_AUTHOR, "key");
	struct err err = {0};

	(void)state;
	assert_int_equal(run("openssl", "cms", "-sign", "-cades", "-binary", "-outform", "DER",
			     "-md", "sha256", "-signer", cert, "-inkey", key, "-in",
			     path_of("content"), "-out", path_of("cades")),
			 0);
	if (!taken("cades", "content", SIGN_AUTHOR, &err))
		fail_msg("%s", err.text);
	assert_false(taken("cades", "other", SIGN_AUTHOR, &err));
	assert_int_equal(err.code, E_SIGNATURE);
	assert_false(taken("cades", "content", SIGN_KEEPER, &err));
	assert_int_equal(err.code, E_CERT);
	assert_int_equal(run("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-md",
			     "sha256", "-signer", cert, "-inkey", key, "-in", path_of("content"),
			     "-out", path_of("plain")),
			 0);
	assert_false(taken("plain", "content", SIGN_AUTHOR, &err));
	assert_int_equal(err.code, E_SIGNATURE_PROFILE);
	assert_int_equal(run("openssl", "cms", "-sign", "-cades", "-binary", "-nodetach",
			     "-outform", "DER", "-md", "sha256", "-signer", cert, "-inkey", key,
			     "-in", path_of("content"), "-out", path_of("embedded")),
			 0);
	assert_false(taken("embedded", "content", SIGN_AUTHOR, &err));
	assert_int_equal(err.code, E_SIGNATURE_PROFILE);
}

/* --- the certificates of tools/pki.sh ------------------------------------------------------------- */

static void test_pki__leaves_hold_their_role_under_their_own_authority_alone(void **state)
{
	(void)state;
	for (size_t leaf = 0; leaf < ROLES; leaf++) {
		struct sign_cert cert = cert_of(leaf_file(roles[leaf].role, "pem"));
		for (size_t i = 0; i < ROLES; i++) {
			struct sign_cert anchor =
				cert_of(pki(arena_printf(arena, "%s.pem", roles[i].authority)));
			struct err err = {0};
			assert_int_equal(sign_cert_check(arena, &cert, roles[leaf].role,
							 &anchor.der, 1, clock_now(), &err),
					 i == leaf);
		}
	}
}

static void test_pki__makes_certificates_for_tls(void **state)
{
	const char *server = path_of("keys/service/tls.pem");
	const char *client = path_of("devices/gw-0001/tls.pem");
	struct err err = {0};

	(void)state;
	assert_int_equal(run("tools/pki.sh", pki(""), "tls"), 0);
	assert_int_equal(run("tools/pki.sh", pki(""), "device", "gw-0001"), 0);
	assert_int_equal(run("openssl", "verify", "-x509_strict", "-purpose", "sslserver",
			     "-CAfile", pki("tls-ca.pem"), "-verify_ip", "127.0.0.1", server),
			 0);
	assert_int_equal(run("openssl", "verify", "-purpose", "sslserver", "-CAfile",
			     pki("tls-ca.pem"), "-verify_hostname", "localhost", server),
			 0);
	assert_int_not_equal(run("openssl", "verify", "-purpose", "sslserver", "-CAfile",
				 pki("tls-ca.pem"), "-verify_hostname", "example.org", server),
			     0);
	assert_int_equal(run("openssl", "verify", "-x509_strict", "-purpose", "sslclient",
			     "-CAfile", pki("device-ca.pem"), client),
			 0);
	assert_int_not_equal(run("openssl", "verify", "-purpose", "sslclient", "-CAfile",
				 pki("tls-ca.pem"), client),
			     0);
	struct sign_cert cert = cert_of(client);
	struct sign_cert anchor = cert_of(pki("device-ca.pem"));
	assert_string_equal(cert.subject_cn, "gw-0001");
	assert_true(sign_cert_check(arena, &cert, SIGN_DEVICE, &anchor.der, 1, clock_now(), &err));
	assert_int_equal(sign_key_alg(key_of(path_of("devices/gw-0001/report.key"))), SIGN_ED25519);
}

static void test_pki__keeps_what_it_has_and_keeps_it_private(void **state)
{
	struct stat status;
	struct bytes before = get(pki("author-ca.pem"));
	struct bytes leaf = get(leaf_file(SIGN_AUTHOR, "pem"));

	(void)state;
	assert_int_equal(run("tools/pki.sh", path_of("pki")), 0);
	assert_int_equal(run("tools/pki.sh", path_of("pki"), "leaf", "author", "somebody",
			     leaf_file(SIGN_AUTHOR, "key"), leaf_file(SIGN_AUTHOR, "pem")),
			 0);
	assert_true(bytes_equal(get(pki("author-ca.pem")), before));
	assert_true(bytes_equal(get(leaf_file(SIGN_AUTHOR, "pem")), leaf));
	assert_int_equal(stat(path_of("pki"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(pki("author-ca.key"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_not_equal(run("tools/pki.sh", path_of("pki"), "person", "../../x"), 0);
	assert_int_not_equal(run("tools/pki.sh", path_of("pki"), "nonsense"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_cms__is_taken_by_openssl_with_the_policy_of_the_role),
		cmocka_unit_test(test_sign_document__is_taken_by_openssl),
		cmocka_unit_test(test_sign_key_id__is_the_digest_that_openssl_makes_of_the_key),
		cmocka_unit_test(test_sign_cms_check__takes_what_openssl_signs_with_cades),
		cmocka_unit_test(test_pki__leaves_hold_their_role_under_their_own_authority_alone),
		cmocka_unit_test(test_pki__makes_certificates_for_tls),
		cmocka_unit_test(test_pki__keeps_what_it_has_and_keeps_it_private),
	};

	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
