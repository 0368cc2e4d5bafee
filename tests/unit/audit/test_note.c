/* SPDX-License-Identifier: Apache-2.0 */
/* Are notes those of C2SP signed-note, by its own vector, and is every malformed one refused? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/note.h"
#include "common/encode.h"
#include "tests/support/certs.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 };

/* The test vector of the specification. */
#define VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define TEXT "This is an example message.\n"
#define SIGNATURE                                                                              \
	"Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72" \
	"IneyaQM="
#define DASH "\xe2\x80\x94 "
#define LINE DASH "example.com/foo " SIGNATURE "\n"
/* Another key's line: 4 bytes of hash and 64 of signature, all zero. */
#define OTHER                                                                                       \
	DASH "other.example "                                                                       \
	     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	     "AAAAAAA=\n"

static struct arena *arena;
static struct note_key example;

static int begin(void **state)
{
	(void)state;
	struct err err = {0};
	arena = arena_new(ARENA_BYTES);
	return note_key_of_vkey(arena, VKEY, &example, &err) ? 0 : 1;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static bool opens(const char *text, struct err *err)
{
	struct note note;
	return note_parse(arena, bytes_of_text(text), &note, err) &&
	       note_check(&note, &example, 1, NULL, err);
}

static void test_note_check__takes_the_known_note(void **state)
{
	(void)state;
	struct note note;
	size_t by = 99;
	struct err err = {0};

	assert_true(note_parse(arena, bytes_of_text(TEXT "\n" LINE), &note, &err));
	assert_true(bytes_equal(note.text, bytes_of_text(TEXT)));
	assert_int_equal(note.signature_count, 1);
	assert_int_equal(note.signatures[0].hash, 0x530d903a);
	assert_true(note_check(&note, &example, 1, &by, &err));
	assert_int_equal(by, 0);
	assert_string_equal(note_vkey(arena, &example), VKEY);
}

static void test_note_check__passes_over_unknown_keys(void **state)
{
	(void)state;
	struct err err = {0};

	assert_true(opens(TEXT "\n" OTHER LINE, &err));
	assert_true(opens(TEXT "\n" LINE OTHER, &err));
	assert_true(opens(TEXT "\n" LINE LINE, &err));
	/* The same name, another key: as unknown as another name. */
	assert_true(opens(TEXT "\n" LINE DASH "example.com/foo AAAAAAAA\n", &err));
	assert_false(opens(TEXT "\n" OTHER, &err));
	assert_int_equal(err.code, E_SIGNATURE);
}

static void test_note_check__refuses_the_note_when_a_known_key_does_not_hold(void **state)
{
	(void)state;
	char wrong[] = SIGNATURE;
	struct err err = {0};

	wrong[20] = wrong[20] == 'A' ? 'B' : 'A';
	assert_false(
		opens(arena_printf(arena, TEXT "\n" DASH "example.com/foo %s\n", wrong), &err));
	assert_int_equal(err.code, E_SIGNATURE);
	err_clear(&err);
	assert_false(opens(arena_printf(arena, TEXT "\n" LINE DASH "example.com/foo %s\n", wrong),
			   &err));
	assert_int_equal(err.code, E_SIGNATURE);
	err_clear(&err);
	assert_false(opens("This is an example message!\n\n" LINE, &err));
	assert_int_equal(err.code, E_SIGNATURE);
	err_clear(&err);
	/* Known by name and hash, with a signature that is too short. */
	assert_false(opens(TEXT "\n" DASH "example.com/foo Uw2QOkn8\n", &err));
	assert_int_equal(err.code, E_SIGNATURE);
}

static void test_note_parse__takes_the_last_empty_line_as_the_end(void **state)
{
	(void)state;
	struct note note;
	struct err err = {0};

	assert_true(note_parse(arena, bytes_of_text("a\n\nb\n\n" LINE), &note, &err));
	assert_true(bytes_equal(note.text, bytes_of_text("a\n\nb\n")));
	assert_true(note_parse(arena, bytes_of_text("\n\n" LINE), &note, &err));
	assert_true(bytes_equal(note.text, bytes_of_text("\n")));
}

static void test_note_parse__refuses_every_other_form(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"\n",
		"\n\n",
		TEXT,
		TEXT "\n",
		TEXT LINE, /* no empty line */
		TEXT "\n-\n",
		TEXT "\n\n",					       /* no signature */
		TEXT "\n" LINE "\n",				       /* an empty line behind */
		TEXT "\n" LINE "\n" TEXT,			       /* a text behind */
		TEXT "\n" DASH "example.com/foo " SIGNATURE,	       /* no LF at the end */
		TEXT "\n- example.com/foo " SIGNATURE "\n",	       /* hyphen */
		TEXT "\n\xe2\x80\x93 example.com/foo " SIGNATURE "\n", /* en dash */
		TEXT "\n\xe2\x80\x94"
		     "example.com/foo " SIGNATURE "\n",
		TEXT "\n" DASH " example.com/foo " SIGNATURE "\n",
		TEXT "\n" DASH "example.com/foo  " SIGNATURE "\n",
		TEXT "\n" DASH "example.com/foo " SIGNATURE " \n",
		TEXT "\n" DASH "example.com/foo\n",
		TEXT "\n" DASH "example.com/foo \n",
		TEXT "\n" DASH "example+com/foo " SIGNATURE "\n",
		TEXT "\n" DASH "example\xc2\xa0"
		     "com " SIGNATURE "\n",
		TEXT "\n" DASH "example.com/foo AAAA\n",     /* too short for a hash */
		TEXT "\n" DASH "example.com/foo AAAAAA==\n", /* nothing but the hash */
		TEXT "\n" DASH "example.com/foo AAAAAAA\n",  /* no padding */
		TEXT "\n" DASH "example.com/foo AAAA\nAAAA\n",
		"one\r\ntwo\n\n" LINE, /* a control character */
		"tab\tulator\n\n" LINE,
		"not UTF-8 \xff\n\n" LINE,
	};
	struct note note;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (note_parse(arena, bytes_of_text(wrong[i]), &note, &err))
			fail_msg("number %zu was taken", i);
		assert_int_equal(err.code, E_NOTE);
	}
}

static void test_note_parse__keeps_its_limits(void **state)
{
	(void)state;
	struct note note;
	struct err err = {0};
	char *text = arena_text(arena, TEXT "\n");

	for (int i = 0; i < NOTE_SIGNATURES_MAX; i++)
		text = arena_printf(arena, "%s%s", text, OTHER);
	assert_true(note_parse(arena, bytes_of_text(text), &note, &err));
	assert_int_equal(note.signature_count, NOTE_SIGNATURES_MAX);
	text = arena_printf(arena, "%s%s", text, LINE);
	assert_false(note_parse(arena, bytes_of_text(text), &note, &err));
	err_clear(&err);

	size_t rest = NOTE_BYTES_MAX - strlen("\n\n" LINE);
	char *large = arena_alloc(arena, rest + 2);
	memset(large, 'x', rest + 1);
	large[rest] = '\0';
	text = arena_printf(arena, "%s\n\n%s", large, LINE);
	assert_true(note_parse(arena, bytes_of_text(text), &note, &err));
	text = arena_printf(arena, "x%s", text);
	assert_false(note_parse(arena, bytes_of_text(text), &note, &err));
}

static void test_note_key_of_vkey__refuses_what_is_not_one(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"example.com/foo",
		"example.com/foo+530d903a",
		"example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
		"example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
	};
	struct note_key key = {.name = "before"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (note_key_of_vkey(arena, wrong[i], &key, &err))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(err.code, E_NOTE_KEY);
		assert_string_equal(key.name, "before");
	}
}

static void test_note_sign__makes_what_note_check_takes(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct sign_key *other = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct note_key keys[2];
	struct bytes bytes;
	struct note note;
	size_t by = 99;
	struct err err = {0};

	assert_true(note_key_of_spki(arena, "ours.example", sign_key_spki(other), &keys[0], &err));
	assert_true(note_key_of_spki(arena, "ours.example", sign_key_spki(key), &keys[1], &err));
	assert_true(note_sign(arena, bytes_of_text(TEXT), "ours.example", key, &bytes, &err));
	assert_true(note_parse(arena, bytes, &note, &err));
	assert_true(note_check(&note, keys, 2, &by, &err));
	assert_int_equal(by, 1);
	assert_false(note_check(&note, keys, 1, &by, &err)); /* the other key */
	assert_int_equal(err.code, E_SIGNATURE);
	/* A vkey whose base64 holds a '+' is read back, too. */
	struct note_key again;
	err_clear(&err);
	assert_true(note_key_of_vkey(arena, note_vkey(arena, &keys[1]), &again, &err));
	assert_memory_equal(again.raw, keys[1].raw, sizeof(again.raw));
	assert_true(bytes_equal(again.spki, keys[1].spki));
}

static void test_note_sign__refuses_what_no_reader_takes(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct sign_key *ecdsa = certs_sign_key(arena, certs_key(arena, "P-256"));
	struct bytes out = {0};
	static const char *const texts[] = {"", "no LF", "tab\t\n", "\xff\n", "\r\n"};
	static const char *const names[] = {"",	    "a b", "a+b", "a\n", "\xe3\x80\x80",
					    "\xff", "\x7f"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		assert_false(note_sign(arena, bytes_of_text(texts[i]), "a", key, &out, &err));
		assert_int_equal(err.code, E_NOTE);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err err = {0};
		assert_false(note_sign(arena, bytes_of_text(TEXT), names[i], key, &out, &err));
		assert_int_equal(err.code, E_NOTE_KEY);
	}
	struct err err = {0};
	assert_false(note_sign(arena, bytes_of_text(TEXT), "a", ecdsa, &out, &err));
	err_clear(&err);
	char *large = arena_alloc(arena, NOTE_BYTES_MAX + 1);
	memset(large, '\n', NOTE_BYTES_MAX);
	assert_false(note_sign(arena, bytes_of_text(large), "a", key, &out, &err));
	assert_int_equal(err.code, E_NOTE);
	assert_null(out.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_note_check__takes_the_known_note),
		cmocka_unit_test(test_note_check__passes_over_unknown_keys),
		cmocka_unit_test(test_note_check__refuses_the_note_when_a_known_key_does_not_hold),
		cmocka_unit_test(test_note_parse__takes_the_last_empty_line_as_the_end),
		cmocka_unit_test(test_note_parse__refuses_every_other_form),
		cmocka_unit_test(test_note_parse__keeps_its_limits),
		cmocka_unit_test(test_note_key_of_vkey__refuses_what_is_not_one),
		cmocka_unit_test(test_note_sign__makes_what_note_check_takes),
		cmocka_unit_test(test_note_sign__refuses_what_no_reader_takes),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
