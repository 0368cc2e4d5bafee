/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, HMAC, passwords and random bytes, against published vectors and a foreign scrypt. */

#include "common/digest.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Made with Python's hashlib.scrypt: salt 00..0f, "correct horse battery". */
#define STORED                                          \
	"$scrypt$ln=15,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$" \
	"xy6UCICz8Vv/P6JqOkkUD4DOmhxN0tXSe6sQAUBxupQ"

static int setup(void **state)
{
	*state = arena_new(64 * 1024);
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void test_digest_sha256__answers_the_vectors_of_fips_180(void **state)
{
	(void)state;
	assert_string_equal(digest_sha256_hex(bytes_of_text("abc")).text, ABC);
	assert_string_equal(digest_sha256_hex(bytes_of(NULL, 0)).text, NOTHING);
	struct sha256 digest = digest_sha256(
		bytes_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
	assert_string_equal(digest_hex(&digest).text,
			    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_digest_sha256_pair__is_the_digest_of_both_parts(void **state)
{
	(void)state;
	struct sha256 digest = digest_sha256_pair(bytes_of_text("a"), bytes_of_text("bc"));
	assert_string_equal(digest_hex(&digest).text, ABC);
	digest = digest_sha256_pair(bytes_of(NULL, 0), bytes_of_text("abc"));
	assert_string_equal(digest_hex(&digest).text, ABC);
}

static void test_digest_of_hex__reads_what_digest_hex_wrote_and_nothing_else(void **state)
{
	static const char *const wrong[] = {"", "ba", ABC "00",
					    "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff"
					    "61f20015ad",
					    "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff"
					    "61f20015ad"};
	struct sha256 digest = {{0}};
	struct sha256 untouched = {{0}};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err_clear(&err);
		assert_false(digest_of_hex(wrong[i], &digest, &err));
		assert_int_not_equal(err.code, E_NONE);
		assert_memory_equal(&digest, &untouched, sizeof(digest));
	}
	err_clear(&err);
	assert_true(digest_of_hex(ABC, &digest, &err));
	assert_string_equal(digest_hex(&digest).text, ABC);
}

static void test_digest_so_far__lets_the_digest_go_on(void **state)
{
	struct digest *digest = digest_new(DIGEST_SHA256);
	struct sha256 early;
	struct sha256 late;

	(void)state;
	digest_so_far(digest, early.at);
	assert_string_equal(digest_hex(&early).text, NOTHING);
	digest_add(digest, bytes_of_text("ab"));
	digest_so_far(digest, early.at);
	digest_add(digest, bytes_of(NULL, 0));
	digest_add(digest, bytes_of_text("c"));
	digest_so_far(digest, late.at);
	assert_string_equal(digest_hex(&early).text, digest_sha256_hex(bytes_of_text("ab")).text);
	assert_string_equal(digest_hex(&late).text, ABC);
	digest_free(digest);
	digest_free(NULL);
}

static void test_digest_new__makes_the_two_kinds_that_device_protocols_want(void **state)
{
	static const unsigned char sha1[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81,
					       0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50,
					       0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
	static const unsigned char md5[16] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
					      0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
	unsigned char out[20];

	(void)state;
	struct digest *digest = digest_new(DIGEST_SHA1);
	digest_add(digest, bytes_of_text("abc"));
	digest_so_far(digest, out);
	assert_memory_equal(out, sha1, sizeof(sha1));
	digest_free(digest);
	digest = digest_new(DIGEST_MD5);
	digest_add(digest, bytes_of_text("abc"));
	digest_so_far(digest, out);
	assert_memory_equal(out, md5, sizeof(md5));
	digest_free(digest);
}

static void test_digest_hmac__answers_the_vectors_of_rfc_4231(void **state)
{
	unsigned char long_key[131];
	struct sha256 digest;

	(void)state;
	digest = digest_hmac(bytes_of_text("Jefe"), bytes_of_text("what do ya want for nothing?"));
	assert_string_equal(digest_hex(&digest).text,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(long_key, 0xaa, sizeof(long_key));
	digest = digest_hmac(bytes_of(long_key, sizeof(long_key)),
			     bytes_of_text("Test Using Larger Than Block-Size Key - "
					   "Hash Key First"));
	assert_string_equal(digest_hex(&digest).text,
			    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_digest_hmac__takes_an_empty_key_as_empty_and_not_as_the_last_one(void **state)
{
	(void)state;
	struct sha256 first = digest_hmac(bytes_of_text("secret"), bytes_of_text("m"));
	struct sha256 empty = digest_hmac(bytes_of(NULL, 0), bytes_of(NULL, 0));
	assert_string_equal(digest_hex(&empty).text,
			    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	struct sha256 again = digest_hmac(bytes_of_text("secret"), bytes_of_text("m"));
	assert_true(digest_equal(&first, &again, sizeof(first)));
	assert_false(digest_equal(&first, &empty, sizeof(first)));
}

static void *digest_many(void *out)
{
	struct sha256 digest = {{0}};

	for (int i = 0; i < 2000; i++)
		digest = digest_sha256_pair(bytes_of(&digest, sizeof(digest)),
					    bytes_of_text("record"));
	*(struct sha256 *)out = digest_hmac(bytes_of(&digest, sizeof(digest)), bytes_of_text("x"));
	return NULL;
}

static void test_digest_sha256__is_the_same_in_every_thread(void **state)
{
	pthread_t threads[4];
	struct sha256 there[4];
	struct sha256 here;

	(void)state;
	digest_many(&here);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, digest_many, &there[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_memory_equal(&there[i], &here, sizeof(here));
	}
}

static void test_random_token__differs_each_time_and_has_the_length_of_its_bytes(void **state)
{
	char *first = random_token(*state, 20);
	char *second = random_token(*state, 20);

	assert_int_equal(strlen(first), 27); /* 160 bits, six per digit */
	assert_int_equal(strlen(second), 27);
	assert_string_not_equal(first, second);
	assert_null(strpbrk(first, "+/="));
}

static void test_digest_password__makes_a_text_that_only_its_password_matches(void **state)
{
	char *stored = NULL;
	char *other = NULL;
	struct err err = {0};

	assert_true(digest_password(*state, "correct horse battery", &stored, &err));
	assert_true(digest_password(*state, "correct horse battery", &other, &err));
	assert_string_not_equal(stored, other);
	assert_true(digest_password_matches(stored, "correct horse battery"));
	assert_false(digest_password_matches(stored, "correct horse batterx"));
	assert_false(digest_password_matches(stored, "correct horse batter"));
	assert_false(digest_password_matches(stored, ""));
	assert_false(digest_password_matches(NULL, "correct horse battery"));
}

static void test_digest_password_matches__reads_the_text_of_a_foreign_scrypt(void **state)
{
	(void)state;
	assert_true(digest_password_matches(STORED, "correct horse battery"));
	assert_false(digest_password_matches(STORED, "correct horse batterY"));
}

/* Each is the good text with one thing changed; the good text is the control above. */
static void test_digest_password_matches__refuses_any_other_form_of_text(void **state)
{
	static const char good[] = STORED;
	static const struct {
		size_t at;
		char to;
	} changes[] = {{0, '#'}, {1, 'S'}, {11, '4'}, {16, '9'}, {20, '2'}, {43, 'x'}, {44, '.'}};
	char text[sizeof(good) + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(text, good, sizeof(good));
		assert_int_not_equal(text[changes[i].at], changes[i].to);
		text[changes[i].at] = changes[i].to;
		assert_false(digest_password_matches(text, "correct horse battery"));
	}
	memcpy(text, good, sizeof(good));
	memcpy(text + sizeof(good) - 1, "=", 2);
	assert_false(digest_password_matches(text, "correct horse battery"));
	text[sizeof(good) - 2] = '\0';
	assert_false(digest_password_matches(text, "correct horse battery"));
	assert_false(digest_password_matches("", "correct horse battery"));
}

static void test_digest_password__takes_12_to_256_bytes(void **state)
{
	char password[PASSWORD_MAX + 2];
	char *stored = NULL;
	struct err err = {0};

	assert_false(digest_password(*state, "eleven byte", &stored, &err));
	assert_int_equal(err.code, E_PASSWORD);
	assert_null(stored);
	err_clear(&err);
	assert_true(digest_password(*state, "twelve bytes", &stored, &err));
	memset(password, 'p', sizeof(password));
	password[PASSWORD_MAX + 1] = '\0';
	assert_false(digest_password(*state, password, &stored, &err));
	assert_int_equal(err.code, E_PASSWORD);
	assert_false(digest_password_matches(stored, password));
	password[PASSWORD_MAX] = '\0';
	err_clear(&err);
	assert_true(digest_password(*state, password, &stored, &err));
	assert_true(digest_password_matches(stored, password));
}

static void test_digest_forget__leaves_zeros(void **state)
{
	char secret[16] = "not for the log";
	static const char zeros[16];

	(void)state;
	digest_forget(secret, sizeof(secret));
	assert_memory_equal(secret, zeros, sizeof(zeros));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest_sha256__answers_the_vectors_of_fips_180),
		cmocka_unit_test(test_digest_sha256_pair__is_the_digest_of_both_parts),
		cmocka_unit_test(test_digest_of_hex__reads_what_digest_hex_wrote_and_nothing_else),
		cmocka_unit_test(test_digest_so_far__lets_the_digest_go_on),
		cmocka_unit_test(test_digest_new__makes_the_two_kinds_that_device_protocols_want),
		cmocka_unit_test(test_digest_hmac__answers_the_vectors_of_rfc_4231),
		cmocka_unit_test(
			test_digest_hmac__takes_an_empty_key_as_empty_and_not_as_the_last_one),
		cmocka_unit_test(test_digest_sha256__is_the_same_in_every_thread),
		cmocka_unit_test_setup_teardown(
			test_random_token__differs_each_time_and_has_the_length_of_its_bytes, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_digest_password__makes_a_text_that_only_its_password_matches, setup,
			teardown),
		cmocka_unit_test(test_digest_password_matches__reads_the_text_of_a_foreign_scrypt),
		cmocka_unit_test(test_digest_password_matches__refuses_any_other_form_of_text),
		cmocka_unit_test_setup_teardown(test_digest_password__takes_12_to_256_bytes, setup,
						teardown),
		cmocka_unit_test(test_digest_forget__leaves_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
