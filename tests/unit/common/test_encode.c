/* SPDX-License-Identifier: Apache-2.0 */
/* Do encodings match RFC 4648, and do decoders take nothing but what the encoders write? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/encode.h"

#include <string.h>

static int begin(void **state)
{
	*state = arena_new(1024 * 1024);
	return 0;
}

static int end(void **state)
{
	arena_free(*state);
	return 0;
}

/* RFC 4648 section 10; hex in lower case, base64url without padding. */
static const struct {
	const char *plain, *hex, *base64, *base64url;
} vectors[] = {
	{"", "", "", ""},
	{"f", "66", "Zg==", "Zg"},
	{"fo", "666f", "Zm8=", "Zm8"},
	{"foo", "666f6f", "Zm9v", "Zm9v"},
	{"foob", "666f6f62", "Zm9vYg==", "Zm9vYg"},
	{"fooba", "666f6f6261", "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", "666f6f626172", "Zm9vYmFy", "Zm9vYmFy"},
	{"\xfb\xff\xfe", "fbfffe", "+//+", "-__-"},
};

static void test_encode__writes_the_vectors_of_rfc_4648(void **state)
{
	struct arena *arena = *state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct bytes plain = bytes_of_text(vectors[i].plain);
		assert_string_equal(encode_hex(arena, plain), vectors[i].hex);
		assert_string_equal(encode_base64(arena, plain), vectors[i].base64);
		assert_string_equal(encode_base64url(arena, plain), vectors[i].base64url);
	}
}

static void test_decode__reads_the_vectors_of_rfc_4648(void **state)
{
	struct arena *arena = *state;
	struct err err = {0};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct bytes plain = bytes_of_text(vectors[i].plain);
		struct bytes out = {0};
		assert_true(decode_hex(arena, vectors[i].hex, &out, &err));
		assert_true(bytes_equal(out, plain));
		assert_true(decode_base64(arena, vectors[i].base64, &out, &err));
		assert_true(bytes_equal(out, plain));
		assert_true(decode_base64url(arena, vectors[i].base64url, &out, &err));
		assert_true(bytes_equal(out, plain));
	}
}

static void test_decode__gives_back_every_byte_at_every_length(void **state)
{
	struct arena *arena = *state;
	struct err err = {0};
	unsigned char data[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t size = 0; size < sizeof(data); size++) {
		struct bytes in = bytes_of(data, size);
		struct bytes out = {0};
		assert_true(decode_hex(arena, encode_hex(arena, in), &out, &err));
		assert_true(bytes_equal(in, out));
		assert_true(decode_base64(arena, encode_base64(arena, in), &out, &err));
		assert_true(bytes_equal(in, out));
		assert_true(decode_base64url(arena, encode_base64url(arena, in), &out, &err));
		assert_true(bytes_equal(in, out));
		if (size % 50 == 0) {
			arena_reset(arena);
		}
	}
}

static void test_decode_hex__refuses_other_spellings(void **state)
{
	static const char *const wrong[] = {"0",   "0G", "AB", "aB", " 0",	"0 ",
					    "0x0", "g0", "a:", "`0", "\xc3\xa4"};
	struct bytes out = bytes_of("old", 3);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (decode_hex(*state, wrong[i], &out, &err))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, E_INPUT);
	}
	assert_int_equal(out.size, 3);
}

static void test_decode_hex_to__wants_exactly_so_many_bytes(void **state)
{
	(void)state;
	unsigned char out[2] = {7, 7};
	struct err err = {0};

	assert_false(decode_hex_to("00", out, 2, &err));
	assert_false(decode_hex_to("000000", out, 2, &err));
	assert_false(decode_hex_to("00fG", out, 2, &err));
	assert_int_equal(out[0], 7);
	assert_true(decode_hex_to("00ff", out, 2, &err));
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 0xff);
}

static void test_decode_base64__refuses_other_spellings(void **state)
{
	static const char *const wrong[] = {
		"Zg",	"Zg=",	 "Zg===",      "Z===",	"====",	    "=",
		"Zh==", "Zm9=",	 "Zm8==",      " Zg==", "Zg==\n",   "Z g=",
		"Zg=A", "Zm9vY", "Zm9v\nYg==", "-_-_",	"Zg==Zg==", "Zm=v",
	};
	struct bytes out = bytes_of("old", 3);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (decode_base64(*state, wrong[i], &out, &err))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, E_INPUT);
	}
	assert_int_equal(out.size, 3);
}

static void test_decode_base64url__refuses_other_spellings(void **state)
{
	static const char *const wrong[] = {"Zg==", "Z",     "Zh",  "Zm9",
					    "+//+", "Zm9vY", " Zg", "Zg\n"};
	struct bytes out = bytes_of("old", 3);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (decode_base64url(*state, wrong[i], &out, &err))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, E_INPUT);
	}
	assert_int_equal(out.size, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_encode__writes_the_vectors_of_rfc_4648),
		TEST(test_decode__reads_the_vectors_of_rfc_4648),
		TEST(test_decode__gives_back_every_byte_at_every_length),
		TEST(test_decode_hex__refuses_other_spellings),
		TEST(test_decode_hex_to__wants_exactly_so_many_bytes),
		TEST(test_decode_base64__refuses_other_spellings),
		TEST(test_decode_base64url__refuses_other_spellings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
