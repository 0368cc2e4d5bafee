/* SPDX-License-Identifier: Apache-2.0 */
/* Can a key that never leaves its token sign for us? SoftHSM2 in a folder of its own, keys made by
 * pkcs11-tool, the signature checked by us and by OpenSSL's command line. */

#include "common/file.h"
#include "common/sign.h"
#include "tests/support/certs.h"
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

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define CONTENT "{\"type\":\"countersign.manifest.v1\"}"
#define PIN "471108"

static char folder[] = "/tmp/countersign-token-XXXXXX";
static struct arena *arena;

static char *path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

#define run(...) run_words((const char *const[]){__VA_ARGS__, NULL})

static int run_words(const char *const argv[])
{
	static char output[8192];
	int exit_code = -1;

	if (!process_run(argv, NULL, &exit_code, output, sizeof(output)))
		fail_msg("%s: %s", argv[0], output);
	if (exit_code != 0)
		print_message("# %s: %s\n", argv[0], output);
	return exit_code;
}

static void put(const char *name, const char *text, mode_t mode)
{
	struct err err = {0};

	if (!file_replace(path_of(name), bytes_of_text(text), mode, &err))
		fail_msg("%s", err.text);
}

static int make_key(const char *kind, const char *label, const char *id)
{
	return run("pkcs11-tool", "--module", MODULE, "--token-label", "EXAMPLE", "--login",
		   "--pin", PIN, "--keypairgen", "--key-type", kind, "--label", label, "--id", id);
}

static int make_token(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	arena = arena_new(8 * 1024 * 1024);
	char *tokens = path_of("tokens");
	if (mkdir(tokens, 0700) != 0)
		return -1;
	put("softhsm2.conf",
	    arena_printf(arena, "directories.tokendir = %s\nobjectstore.backend = file\n", tokens),
	    0600);
	put("pin", PIN "\n", 0600);
	if (setenv("SOFTHSM2_CONF", path_of("softhsm2.conf"), 1) != 0)
		return -1;
	if (run("softhsm2-util", "--init-token", "--free", "--label", "EXAMPLE", "--pin", PIN,
		"--so-pin", "12345678") != 0)
		return -1;
	return make_key("EC:prime256v1", "author", "01") | make_key("EC:secp384r1", "root", "02") |
	       make_key("rsa:2048", "weak", "03");
}

static int drop_token(void **state)
{
	(void)state;
	int exit_code = run("rm", "-rf", folder);
	arena_free(arena);
	return exit_code;
}

static char *uri_of(const char *object, const char *pin)
{
	return arena_printf(arena,
			    "pkcs11:token=EXAMPLE;object=%s;type=private?module-path=%s"
			    "&pin-source=file:%s",
			    object, MODULE, path_of(pin));
}

static bool taken(const char *uri, struct err *err)
{
	struct sign_key *key = NULL;

	err_clear(err);
	bool good = sign_key_new(uri, &key, err);
	sign_key_free(key);
	return good;
}

/* First: once somebody is logged in, the token no longer asks for a PIN. */
static void test_sign_key_new__refuses_a_wrong_pin_and_one_that_others_can_read(void **state)
{
	struct err err = {0};

	(void)state;
	put("wrong-pin", "000000\n", 0600);
	put("open-pin", PIN "\n", 0640);
	assert_false(taken(uri_of("author", "wrong-pin"), &err));
	assert_int_equal(err.code, E_KEY);
	assert_false(taken(uri_of("author", "open-pin"), &err));
	assert_int_equal(err.code, E_KEY);
	assert_non_null(strstr(err.text, "chmod 600"));
	assert_true(taken(uri_of("author", "pin"), &err));
}

static void test_sign_key_new__refuses_absent_and_weak_keys_and_a_second_module(void **state)
{
	struct err err = {0};

	(void)state;
	assert_false(taken(uri_of("nobody", "pin"), &err));
	assert_int_equal(err.code, E_KEY);
	assert_non_null(strstr(err.text, "no such private key"));
	assert_false(taken(uri_of("weak", "pin"), &err));
	assert_int_equal(err.code, E_KEY);
	assert_non_null(strstr(err.text, "2048 bits"));
	assert_false(taken("pkcs11:token=EXAMPLE?module-path=/nonexistent.so", &err));
	assert_int_equal(err.code, E_KEY);
	assert_non_null(strstr(err.text, "same module-path"));
	assert_true(taken(uri_of("root", "pin"), &err));
}

static EVP_PKEY *public_half(const struct sign_key *key)
{
	struct bytes spki = sign_key_spki(key);
	const unsigned char *at = spki.data;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &at, (long)spki.size);

	assert_non_null(public);
	return public;
}

static void sign_and_check(const char *object, enum sign_role role, enum sign_alg alg)
{
	struct certs_recipe authority = certs_authority();
	struct certs_recipe leaf = certs_leaf(role);
	EVP_PKEY *authority_key = certs_key(arena, "P-256");
	X509 *issuer = certs_make(arena, &authority, authority_key, NULL, NULL);
	struct sign_key *key = NULL;
	struct sign_cert cert = {0};
	struct sign_cert signer = {0};
	struct bytes cms = {0};
	struct err err = {0};

	if (!sign_key_new(uri_of(object, "pin"), &key, &err))
		fail_msg("%s", err.text);
	assert_int_equal(sign_key_alg(key), alg);
	EVP_PKEY *public = public_half(key);
	X509 *x509 = certs_make(arena, &leaf, public, issuer, authority_key);
	EVP_PKEY_free(public);
	assert_true(sign_cert_read(arena, certs_der(arena, x509), &cert, &err));
	if (!sign_cms(arena, key, &cert, bytes_of_text(CONTENT), &cms, &err))
		fail_msg("%s", err.text);
	sign_key_free(key);
	assert_true(sign_cms_check(arena, cms, bytes_of_text(CONTENT), role, clock_now(), &signer,
				   &err));
	assert_true(file_replace(path_of("cms"), cms, 0600, &err));
	assert_true(file_replace(path_of("ca.pem"), certs_pem(arena, issuer), 0600, &err));
}

static int openssl_checks(const char *content, enum sign_role role)
{
	return run("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", path_of("cms"),
		   "-content", path_of(content), "-CAfile", path_of("ca.pem"), "-purpose",
		   "smimesign", "-policy", sign_role_policy(role), "-explicit_policy",
		   "-policy_check", "-out", path_of("out"));
}

static void test_sign_cms__is_made_by_a_key_in_a_token(void **state)
{
	(void)state;
	put("content", CONTENT, 0600);
	put("other", CONTENT " ", 0600);
	sign_and_check("author", SIGN_AUTHOR, SIGN_P256);
	assert_int_equal(openssl_checks("content", SIGN_AUTHOR), 0);
	assert_int_not_equal(openssl_checks("other", SIGN_AUTHOR), 0);
	assert_int_not_equal(openssl_checks("content", SIGN_KEEPER), 0);
	sign_and_check("root", SIGN_ROOT, SIGN_P384);
	assert_int_equal(openssl_checks("content", SIGN_ROOT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_sign_key_new__refuses_a_wrong_pin_and_one_that_others_can_read),
		cmocka_unit_test(
			test_sign_key_new__refuses_absent_and_weak_keys_and_a_second_module),
		cmocka_unit_test(test_sign_cms__is_made_by_a_key_in_a_token),
	};

	return cmocka_run_group_tests(tests, make_token, drop_token);
}
