/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys are taken, how they are named, and Ed25519 against the vectors of RFC 8032. */

#include "common/encode.h"
#include "common/sign.h"
#include "tests/support/certs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>

/* RFC 8032 section 7.1, TEST 2: the message is the byte 72. */
#define RFC8032_SECRET "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define RFC8032_PUBLIC "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
#define RFC8032_SIGNATURE                                                  \
	"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" \
	"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"

static char folder[] = "/tmp/countersign-sign-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int setup(void **state)
{
	*state = arena_new(4 * 1024 * 1024);
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static char *path_of(struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

/* Whether a key file is taken; the file is gone afterwards. */
static bool file_taken(const char *path, struct err *err)
{
	struct sign_key *key = NULL;
	bool taken = sign_key_new(path, &key, err);

	if (!taken)
		assert_null(key);
	sign_key_free(key);
	unlink(path);
	return taken;
}

static bool text_taken(struct arena *arena, const char *text, struct err *err)
{
	char *path = path_of(arena, "text.pem");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return file_taken(path, err);
}

static void test_sign_role_policy__is_the_arc_and_the_number_of_the_role(void **state)
{
	(void)state;
	assert_string_equal(sign_role_policy(SIGN_ROOT), SIGN_POLICY_ARC ".1");
	assert_string_equal(sign_role_policy(SIGN_DEVICE), SIGN_POLICY_ARC ".6");
	assert_string_equal(sign_role_word(SIGN_PERSON), "person");
}

static void test_sign_key_new__takes_the_kinds_of_the_profile(void **state)
{
	static const struct {
		const char *kind;
		enum sign_alg alg;
		const char *word;
	} kinds[] = {{"ED25519", SIGN_ED25519, "ed25519"},
		     {"P-256", SIGN_P256, "p256"},
		     {"P-384", SIGN_P384, "p384"},
		     {"RSA-3072", SIGN_RSA, "rsa"}};
	struct err err = {0};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *pkey = certs_key(*state, kinds[i].kind);
		struct sign_key *key = certs_sign_key(*state, pkey);
		struct bytes spki = certs_spki(*state, pkey);
		enum sign_alg alg = SIGN_RSA;
		assert_int_equal(sign_key_alg(key), kinds[i].alg);
		assert_true(bytes_equal(sign_key_spki(key), spki));
		assert_true(sign_spki_alg(spki, &alg, &err));
		assert_int_equal(alg, kinds[i].alg);
		assert_string_equal(sign_alg_word(alg), kinds[i].word);
		assert_string_equal(sign_key_id(spki).text, digest_sha256_hex(spki).text);
	}
}

static void test_sign_key_new__refuses_weaker_and_other_kinds(void **state)
{
	static const struct {
		const char *kind;
		const char *reason;
	} kinds[] = {{"RSA-2048", "2048 bits"},
		     {"P-521", "of this kind"},
		     {"secp256k1", "of this kind"},
		     {"RSA-PSS-3072", "of this kind"}};
	char *path = path_of(*state, "kind.pem");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *pkey = certs_key(*state, kinds[i].kind);
		enum sign_alg alg = SIGN_P384;
		struct err err = {0};
		certs_key_file(path, pkey, 0600);
		assert_false(file_taken(path, &err));
		assert_int_equal(err.code, E_KEY);
		assert_non_null(strstr(err.text, kinds[i].reason));
		err_clear(&err);
		assert_false(sign_spki_alg(certs_spki(*state, pkey), &alg, &err));
		assert_int_equal(err.code, E_KEY);
		assert_int_equal(alg, SIGN_P384);
	}
}

static void test_sign_key_new__refuses_a_file_that_others_can_reach(void **state)
{
	static const struct {
		unsigned mode;
		bool taken;
	} modes[] = {{0600, true},  {0400, true},  {0640, false}, {0604, false},
		     {0620, false}, {0602, false}, {0601, false}, {0644, false}};
	EVP_PKEY *pkey = certs_key(*state, "P-256");
	char *path = path_of(*state, "mode.pem");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct err err = {0};
		certs_key_file(path, pkey, modes[i].mode);
		assert_int_equal(file_taken(path, &err), modes[i].taken);
		if (!modes[i].taken) {
			assert_int_equal(err.code, E_KEY);
			assert_non_null(strstr(err.text, "chmod 600"));
		}
	}
}

static void test_sign_key_new__refuses_what_is_not_a_plain_private_key(void **state)
{
	EVP_PKEY *pkey = certs_key(*state, "P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	struct err err = {0};

	assert_false(text_taken(*state, "-----BEGIN PRIVATE KEY-----\nMAA=\n", &err));
	assert_int_equal(err.code, E_KEY);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
	size_t size = (size_t)BIO_get_mem_data(bio, &data);
	err_clear(&err);
	assert_false(text_taken(*state, arena_text_of(*state, bytes_of(data, size)), &err));
	assert_non_null(strstr(err.text, "no PEM private key"));
	assert_int_equal(BIO_reset(bio), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, EVP_aes_128_cbc(),
						  (const unsigned char *)"secret", 6, NULL, NULL),
			 1);
	size = (size_t)BIO_get_mem_data(bio, &data);
	err_clear(&err);
	assert_false(text_taken(*state, arena_text_of(*state, bytes_of(data, size)), &err));
	assert_non_null(strstr(err.text, "without passphrase"));
	BIO_free(bio);
}

static void test_sign_key_new__refuses_what_is_not_a_file(void **state)
{
	struct err err = {0};
	struct sign_key *key = NULL;
	char *fifo = path_of(*state, "fifo");

	assert_false(sign_key_new(path_of(*state, "absent"), &key, &err));
	assert_int_equal(err.code, E_KEY);
	err_clear(&err);
	assert_false(sign_key_new(folder, &key, &err));
	assert_non_null(strstr(err.text, "is not a file"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	err_clear(&err);
	assert_false(file_taken(fifo, &err));
	assert_non_null(strstr(err.text, "is not a file"));
	err_clear(&err);
	assert_false(text_taken(*state, "", &err));
	assert_non_null(strstr(err.text, "empty"));
}

static void test_sign_key_new__says_what_is_wrong_in_a_pkcs11_uri(void **state)
{
	static const struct {
		const char *uri;
		const char *reason;
	} wrong[] = {
		{"pkcs11:token=x?pin-value=1234", "a PIN never stands in the URI"},
		{"pkcs11:token=x?pin-source=file:/nonexistent/pin", "/nonexistent/pin"},
		{"pkcs11:token=x?pin-source=", "names no file"},
		{"pkcs11:token=x?pin-source=/a%2", "percent"},
		{"pkcs11:token=x?pin-source=/a%00", "percent"},
	};

	(void)state;
	/* None of these gets as far as the engine. */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		struct sign_key *key = NULL;
		assert_false(sign_key_new(wrong[i].uri, &key, &err));
		assert_int_equal(err.code, E_KEY);
		assert_non_null(strstr(err.text, wrong[i].reason));
		assert_null(strstr(err.text, "1234"));
	}
}

static void test_sign_spki_alg__takes_one_encoding_only(void **state)
{
	EVP_PKEY *pkey = certs_key(*state, "P-256");
	struct bytes spki = certs_spki(*state, pkey);
	unsigned char *longer = arena_alloc(*state, spki.size + 1);
	enum sign_alg alg = SIGN_RSA;
	struct err err = {0};

	assert_true(sign_spki_alg(spki, &alg, &err));
	memcpy(longer, spki.data, spki.size);
	assert_false(sign_spki_alg(bytes_of(longer, spki.size + 1), &alg, &err));
	assert_non_null(strstr(err.text, "bytes follow"));
	err_clear(&err);
	assert_false(sign_spki_alg(bytes_of(longer, spki.size - 1), &alg, &err));
	err_clear(&err);
	assert_false(sign_spki_alg(bytes_of(NULL, 0), &alg, &err));
	longer[40] ^= 1; /* off the curve */
	err_clear(&err);
	assert_false(sign_spki_alg(bytes_of(longer, spki.size), &alg, &err));
	assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, "point-format", "compressed"), 1);
	struct bytes compressed = certs_spki(*state, pkey);
	assert_true(compressed.size < spki.size);
	err_clear(&err);
	assert_false(sign_spki_alg(compressed, &alg, &err));
	assert_int_equal(err.code, E_KEY);
}

static void test_sign_raw__answers_the_vector_of_rfc_8032(void **state)
{
	unsigned char secret[32];
	unsigned char public[32];
	unsigned char raw[32];
	unsigned char expected[64];
	unsigned char signature[64];
	struct err err = {0};

	assert_true(decode_hex_to(RFC8032_SECRET, secret, sizeof(secret), &err));
	assert_true(decode_hex_to(RFC8032_PUBLIC, public, sizeof(public), &err));
	assert_true(decode_hex_to(RFC8032_SIGNATURE, expected, sizeof(expected), &err));
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
	struct sign_key *key = certs_sign_key(*state, pkey);
	EVP_PKEY_free(pkey);
	assert_true(sign_raw(key, bytes_of("\x72", 1), signature, &err));
	assert_memory_equal(signature, expected, sizeof(expected));
	struct bytes spki = sign_spki_of_ed25519_raw(*state, public);
	assert_true(bytes_equal(spki, sign_key_spki(key)));
	assert_true(sign_spki_ed25519_raw(spki, raw, &err));
	assert_memory_equal(raw, public, sizeof(public));
	assert_true(sign_raw_check(spki, bytes_of("\x72", 1), bytes_of(expected, 64), &err));
}

static void test_sign_raw_check__refuses_every_changed_bit_and_other_length(void **state)
{
	struct sign_key *key = certs_sign_key(*state, certs_key(*state, "ED25519"));
	struct sign_key *other = certs_sign_key(*state, certs_key(*state, "ED25519"));
	struct bytes message = bytes_of_text("note");
	unsigned char signature[65] = {0};
	struct err err = {0};

	assert_true(sign_raw(key, message, signature, &err));
	assert_true(sign_raw_check(sign_key_spki(key), message, bytes_of(signature, 64), &err));
	for (size_t bit = 0; bit < 64 * 8; bit++) {
		signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
		err_clear(&err);
		assert_false(
			sign_raw_check(sign_key_spki(key), message, bytes_of(signature, 64), &err));
		assert_int_equal(err.code, E_SIGNATURE);
		signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	assert_false(sign_raw_check(sign_key_spki(key), message, bytes_of(signature, 63), &err));
	assert_false(sign_raw_check(sign_key_spki(key), message, bytes_of(signature, 65), &err));
	assert_false(sign_raw_check(sign_key_spki(key), bytes_of_text("Note"),
				    bytes_of(signature, 64), &err));
	assert_false(sign_raw_check(sign_key_spki(other), message, bytes_of(signature, 64), &err));
}

static void test_sign_raw__is_for_ed25519_alone(void **state)
{
	struct sign_key *key = certs_sign_key(*state, certs_key(*state, "P-256"));
	unsigned char signature[64];
	struct err err = {0};

	assert_false(sign_raw(key, bytes_of_text("note"), signature, &err));
	assert_int_equal(err.code, E_KEY);
	err_clear(&err);
	assert_false(sign_raw_check(sign_key_spki(key), bytes_of_text("note"),
				    bytes_of(signature, 64), &err));
	assert_int_equal(err.code, E_KEY);
}

static void test_sign_document__signs_the_type_the_line_end_and_the_bytes(void **state)
{
	static const char type[] = "countersign.lease.v1";
	struct sign_key *key = certs_sign_key(*state, certs_key(*state, "ED25519"));
	struct bytes spki = sign_key_spki(key);
	struct bytes document = bytes_of_text("{\"a\":1}");
	unsigned char out[64];
	struct bytes signature = bytes_of(out, sizeof(out));
	struct err err = {0};

	assert_true(sign_document(key, type, document, out, &err));
	assert_true(sign_document_check(spki, type, document, signature, &err));
	assert_true(sign_raw_check(spki, bytes_of_text("countersign.lease.v1\n{\"a\":1}"),
				   signature, &err));
	assert_false(sign_document_check(spki, "countersign.proof.v1", document, signature, &err));
	assert_int_equal(err.code, E_SIGNATURE);
	assert_false(sign_document_check(spki, type, bytes_of_text("{\"a\":2}"), signature, &err));
	assert_false(sign_document_check(spki, type, bytes_of(NULL, 0), signature, &err));
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(test_sign_role_policy__is_the_arc_and_the_number_of_the_role),
		WITH_ARENA(test_sign_key_new__takes_the_kinds_of_the_profile),
		WITH_ARENA(test_sign_key_new__refuses_weaker_and_other_kinds),
		WITH_ARENA(test_sign_key_new__refuses_a_file_that_others_can_reach),
		WITH_ARENA(test_sign_key_new__refuses_what_is_not_a_plain_private_key),
		WITH_ARENA(test_sign_key_new__refuses_what_is_not_a_file),
		WITH_ARENA(test_sign_key_new__says_what_is_wrong_in_a_pkcs11_uri),
		WITH_ARENA(test_sign_spki_alg__takes_one_encoding_only),
		WITH_ARENA(test_sign_raw__answers_the_vector_of_rfc_8032),
		WITH_ARENA(test_sign_raw_check__refuses_every_changed_bit_and_other_length),
		WITH_ARENA(test_sign_raw__is_for_ed25519_alone),
		WITH_ARENA(test_sign_document__signs_the_type_the_line_end_and_the_bytes),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
