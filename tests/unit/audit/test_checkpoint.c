/* SPDX-License-Identifier: Apache-2.0 */
/* Is a checkpoint read exactly as C2SP tlog-checkpoint writes it, and under its own key only? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/checkpoint.h"
#include "audit/tree.h"
#include "tests/support/certs.h"

#include <string.h>

enum { ARENA_BYTES = 16 * 1024 * 1024 };

#define ROOT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  /* 0, 1, 2, ... 31 */
#define EMPTY "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" /* SHA-256 of nothing */

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

static void test_checkpoint_text__is_three_lines(void **state)
{
	(void)state;
	struct checkpoint checkpoint;
	struct bytes text;
	struct err err = {0};
	static const char *const right[] = {
		"ledger.example/demo\n1000\n" ROOT "\n",
		"ledger.example/demo\n0\n" EMPTY "\n",
		"\xc3\xa4.example\n9007199254740991\n" ROOT "\n",
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_true(
			checkpoint_text_parse(arena, bytes_of_text(right[i]), &checkpoint, &err));
		assert_true(checkpoint_text_write(arena, &checkpoint, &text, &err));
		assert_true(bytes_equal(text, bytes_of_text(right[i])));
	}
	assert_true(checkpoint_text_parse(arena, bytes_of_text(right[0]), &checkpoint, &err));
	assert_string_equal(checkpoint.origin, "ledger.example/demo");
	assert_int_equal(checkpoint.size, 1000);
	for (int i = 0; i < SHA256_BYTES; i++)
		assert_int_equal(checkpoint.root.at[i], i);
}

static void test_checkpoint_text_parse__refuses_every_other_form(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"o\n1\n" ROOT,
		"o\n1\n",
		"\n1\n" ROOT "\n",
		"o o\n1\n" ROOT "\n",
		"o+o\n1\n" ROOT "\n",
		"o\n01\n" ROOT "\n",
		"o\n+5\n" ROOT "\n",
		"o\n-0\n" ROOT "\n",
		"o\n-1\n" ROOT "\n",
		"o\n 1\n" ROOT "\n",
		"o\n1 \n" ROOT "\n",
		"o\n0x1\n" ROOT "\n",
		"o\n\n" ROOT "\n",
		"o\n9007199254740992\n" ROOT "\n",
		"o\n99999999999999999999999\n" ROOT "\n",
		"o\n0\n" ROOT "\n", /* an empty ledger has one root */
		"o\n1\n " ROOT "\n",
		"o\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
		"o\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n", /* stray bits */
		"o\n1\nAAAA\n",
		"o\n1\n\n",
		"o\n1\n" ROOT "\nextension\n",
		"o\n1\n" ROOT "\n\n",
		"o\r\n1\r\n" ROOT "\r\n",
		"\xff\n1\n" ROOT "\n",
	};
	struct checkpoint checkpoint = {.size = 7};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (checkpoint_text_parse(arena, bytes_of_text(wrong[i]), &checkpoint, &err))
			fail_msg("number %zu was taken", i);
		assert_int_equal(err.code, E_CHECKPOINT);
		assert_int_equal(checkpoint.size, 7);
	}
}

static void test_checkpoint_open__takes_what_the_ledger_key_signed(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct checkpoint checkpoint = {.origin = "ledger.example/demo", .size = 3}, again;
	struct note_key ours, renamed;
	struct bytes note, text;
	struct err err = {0};

	checkpoint.root = tree_leaf(bytes_of_text("x"));
	assert_true(
		note_key_of_spki(arena, "ledger.example/demo", sign_key_spki(key), &ours, &err));
	assert_true(note_key_of_spki(arena, "other.example", sign_key_spki(key), &renamed, &err));
	assert_true(checkpoint_sign(arena, &checkpoint, key, &note, &err));
	assert_true(checkpoint_open(arena, note, &ours, &again, &err));
	assert_int_equal(again.size, 3);
	assert_memory_equal(again.root.at, checkpoint.root.at, SHA256_BYTES);

	assert_false(checkpoint_open(arena, note, &renamed, &again, &err));
	assert_int_equal(err.code, E_SIGNATURE);
	err_clear(&err);
	/* Signed by the right key under its other name, over a checkpoint of this ledger. */
	assert_true(checkpoint_text_write(arena, &checkpoint, &text, &err));
	assert_true(note_sign(arena, text, "other.example", key, &note, &err));
	assert_false(checkpoint_open(arena, note, &renamed, &again, &err));
	assert_int_equal(err.code, E_CHECKPOINT);
	err_clear(&err);
	/* A note of the ledger that is no checkpoint. */
	assert_true(
		note_sign(arena, bytes_of_text("x\n"), "ledger.example/demo", key, &note, &err));
	assert_false(checkpoint_open(arena, note, &ours, &again, &err));
	assert_int_equal(err.code, E_CHECKPOINT);
}

static void test_checkpoint_open__refuses_every_flipped_bit(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct checkpoint checkpoint = {.origin = "l.example", .size = 12}, again;
	struct note_key ours;
	struct bytes note;
	struct err none = {0};

	checkpoint.root = tree_leaf(bytes_of_text("x"));
	assert_true(note_key_of_spki(arena, "l.example", sign_key_spki(key), &ours, &none));
	assert_true(checkpoint_sign(arena, &checkpoint, key, &note, &none));
	unsigned char *bent = arena_copy(arena, note.data, note.size);
	for (size_t i = 0; i < note.size * 8; i++) {
		struct err err = {0};
		bent[i / 8] ^= (unsigned char)(1 << i % 8);
		if (checkpoint_open(arena, bytes_of(bent, note.size), &ours, &again, &err))
			fail_msg("with bit %zu flipped it was taken", i);
		bent[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	assert_true(checkpoint_open(arena, bytes_of(bent, note.size), &ours, &again, &none));
}

static void test_checkpoint_sign__refuses_what_no_reader_takes(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	const struct checkpoint wrong[] = {
		{.origin = "a b", .size = 1},
		{.origin = "", .size = 1},
		{.origin = "a", .size = -1},
		{.origin = "a", .size = 0}, /* and a root of zeros */
		{.origin = "a", .size = TREE_SIZE_MAX + 1},
	};
	struct bytes note;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		assert_false(checkpoint_sign(arena, &wrong[i], key, &note, &err));
		assert_int_equal(err.code, E_CHECKPOINT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checkpoint_text__is_three_lines),
		cmocka_unit_test(test_checkpoint_text_parse__refuses_every_other_form),
		cmocka_unit_test(test_checkpoint_open__takes_what_the_ledger_key_signed),
		cmocka_unit_test(test_checkpoint_open__refuses_every_flipped_bit),
		cmocka_unit_test(test_checkpoint_sign__refuses_what_no_reader_takes),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
