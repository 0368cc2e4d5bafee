/* SPDX-License-Identifier: Apache-2.0 */
/* Is the chain the one that sha256sum would make, and does a bundle give its entries back? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/chain.h"

#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 };

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_chain_next__is_sha256_of_both(void **state)
{
	(void)state;
	/* (head -c 32 /dev/zero; printf a | openssl dgst -sha256 -binary) | sha256sum; then b */
	static const char *const known[] = {
		"8c374a53782642f7514d087d26a3e733f1b806009a03e04a43b288ef2fa9f9c0",
		"153d5381929b50792d3b22ae9596544af3b0e4805be1555a595e6d2a2734933f",
	};
	struct sha256 chain = chain_start();
	static const char *const entries[] = {"a", "b"};

	for (size_t i = 0; i < 2; i++) {
		struct sha256 leaf = digest_sha256(bytes_of_text(entries[i]));
		chain = chain_next(&chain, &leaf);
		assert_string_equal(digest_hex(&chain).text, known[i]);
	}
}

static void test_bundle__gives_back_what_was_put_in(void **state)
{
	(void)state;
	unsigned char *large = arena_alloc(arena, BUNDLE_ENTRY_MAX + 1);
	const struct bytes in[] = {
		bytes_of_text("first"),
		bytes_of(NULL, 0),
		bytes_of(large, BUNDLE_ENTRY_MAX),
		bytes_of_text("last"),
	};
	struct bytes bundle, longer = bytes_of(large, BUNDLE_ENTRY_MAX + 1);
	const struct bytes *out;
	size_t count;
	struct err err = {0};

	memset(large, 'x', BUNDLE_ENTRY_MAX + 1);
	assert_true(bundle_write(arena, in, 4, &bundle, &err));
	assert_memory_equal(bundle.data, "\0\5first\0\0\xff\xffx", 12);
	assert_true(bundle_read(arena, bundle, &out, &count, &err));
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++)
		assert_true(bytes_equal(in[i], out[i]));
	assert_false(bundle_write(arena, &longer, 1, &bundle, &err));
	assert_int_equal(err.code, E_INPUT);
}

static void test_bundle__holds_256_entries_and_no_more(void **state)
{
	(void)state;
	struct bytes in[BUNDLE_ENTRIES_MAX + 1], bundle;
	const struct bytes *out;
	size_t count;
	struct err err = {0};

	for (size_t i = 0; i < BUNDLE_ENTRIES_MAX + 1; i++)
		in[i] = bytes_of("x", 1);
	assert_true(bundle_write(arena, in, BUNDLE_ENTRIES_MAX, &bundle, &err));
	assert_true(bundle_read(arena, bundle, &out, &count, &err));
	assert_int_equal(count, BUNDLE_ENTRIES_MAX);
	assert_false(bundle_write(arena, in, BUNDLE_ENTRIES_MAX + 1, &bundle, &err));
	err_clear(&err);
	unsigned char *more = arena_alloc(arena, bundle.size + 3);
	memcpy(more, bundle.data, bundle.size);
	memcpy(more + bundle.size, "\0\1x", 3);
	assert_false(bundle_read(arena, bytes_of(more, bundle.size + 3), &out, &count, &err));
	assert_int_equal(err.code, E_BUNDLE);
}

static void test_bundle_read__refuses_every_cut(void **state)
{
	(void)state;
	const struct bytes in[] = {bytes_of_text("one"), bytes_of_text("three")};
	struct bytes bundle;
	const struct bytes *out;
	size_t count = 99;

	struct err none = {0};
	assert_true(bundle_write(arena, in, 2, &bundle, &none));
	for (size_t size = 1; size < bundle.size; size++) {
		struct err err = {0};
		bool whole = size == 5; /* between the two */
		assert_int_equal(
			bundle_read(arena, bytes_of(bundle.data, size), &out, &count, &err), whole);
		assert_int_equal(err.code, whole ? E_NONE : E_BUNDLE);
	}
	assert_int_equal(count, 1);
	assert_true(bundle_read(arena, bytes_of(NULL, 0), &out, &count, &none));
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_next__is_sha256_of_both),
		cmocka_unit_test(test_bundle__gives_back_what_was_put_in),
		cmocka_unit_test(test_bundle__holds_256_entries_and_no_more),
		cmocka_unit_test(test_bundle_read__refuses_every_cut),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
