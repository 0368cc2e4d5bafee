/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does Go's golang.org/x/mod/sumdb (tlog and note), which shares nothing with ours, find the same
 * roots and proofs, and open our checkpoints? Every question is asked again with one thing wrong,
 * and has to be refused then.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/checkpoint.h"
#include "audit/tree.h"
#include "common/encode.h"
#include "common/text.h"
#include "tests/support/certs.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ARENA_BYTES = 256 * 1024 * 1024,
	QUESTIONS_MAX = 8 * 1024 * 1024,
	OUTPUT_BYTES = 1024 * 1024,
	LEAVES = 65537,
	ROOTS = 300,
	PAIRS = 32,
};

static struct arena *arena;
static struct sha256 *leaves;
static char folder[] = "/tmp/countersign-tlog.XXXXXX";
static char program[64];
static char output[OUTPUT_BYTES];

/* Questions and the answers that they must get, 'y' or 'n'. */
static struct text questions, expected;

/* ---- the foreign program ---- */

/* Debian's compiler, which belongs to Debian's copy of the library, before another one. */
static const char *compiler(void)
{
	return access("/usr/bin/go", X_OK) == 0 ? "/usr/bin/go" : "go";
}

static int build(void)
{
	char cache[64];
	int exit_code = -1;

	if (!mkdtemp(folder))
		return 1;
	snprintf(program, sizeof(program), "%s/tlog", folder);
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	setenv("GO111MODULE", "off", 1);
	setenv("GOPATH", "/usr/share/gocode", 1);
	setenv("GOCACHE", cache, 1);
	setenv("GOFLAGS", "", 1);
	setenv("GOTOOLCHAIN", "local", 1);
	const char *const argv[] = {
		compiler(), "build", "-o", program, "tests/foreign/golang/tlog.go", NULL};
	if (process_run(argv, NULL, &exit_code, output, sizeof(output)) && exit_code == 0)
		return 0;
	print_error("%s\n", output);
	return 1;
}

static int begin(void **state)
{
	(void)state;
	char entry[24];

	arena = arena_new(ARENA_BYTES);
	leaves = arena_array(arena, LEAVES, sizeof(*leaves));
	for (int i = 0; i < LEAVES; i++) {
		snprintf(entry, sizeof(entry), "%d", i);
		leaves[i] = tree_leaf(bytes_of_text(entry));
	}
	return build();
}

static int end(void **state)
{
	(void)state;
	int exit_code;
	const char *const argv[] = {"rm", "-rf", folder, NULL};

	arena_free(arena);
	return process_run(argv, NULL, &exit_code, output, sizeof(output)) ? exit_code : 1;
}

static int fresh(void **state)
{
	(void)state;
	text_init(&questions, arena, QUESTIONS_MAX);
	text_init(&expected, arena, QUESTIONS_MAX);
	return 0;
}

/* Asks all questions and compares answer by answer. */
static void ask_all(size_t least)
{
	const char *const argv[] = {program, NULL};
	int exit_code = -1;
	size_t asked = expected.length, answered = 0;

	assert_false(text_cut(&questions));
	assert_true(asked >= least);
	if (!process_run(argv, questions.at, &exit_code, output, sizeof(output)) || exit_code != 0)
		fail_msg("exit %d: %.200s", exit_code, output);
	for (char *line = output; *line != '\0'; answered++) {
		size_t length = strcspn(line, "\n");
		bool yes = length == 2 && memcmp(line, "ok", 2) == 0;
		if (answered >= asked || yes != (expected.at[answered] == 'y'))
			fail_msg("question %zu, expected %c: %.*s", answered + 1,
				 expected.at[answered], (int)length, line);
		line += length + 1;
	}
	assert_int_equal(answered, asked);
}

/* ---- questions ---- */

static void ask(const char *words, long long a, long long b, const struct sha256 *hashes,
		size_t count, bool yes)
{
	text_addf(&questions, "%s %lld", words, a);
	if (b >= 0)
		text_addf(&questions, " %lld", b);
	for (size_t i = 0; i < count; i++)
		text_addf(&questions, " %s", digest_hex(&hashes[i]).text);
	text_add(&questions, "\n");
	text_add(&expected, yes ? "y" : "n");
}

/* As it is; with a bit of each hash turned; without the last hash; with one more. */
static void ask_and_bend(const char *words, long long a, long long b, const struct tree_path *path)
{
	struct tree_path wrong = *path;

	ask(words, a, b, path->at, path->count, true);
	for (size_t i = 0; i < path->count; i++) {
		wrong.at[i].at[i] ^= 4;
		ask(words, a, b, wrong.at, wrong.count, false);
		wrong.at[i].at[i] ^= 4;
	}
	if (path->count > 0)
		ask(words, a, b, path->at, path->count - 1, false);
	wrong.at[wrong.count++] = leaves[0];
	ask(words, a, b, wrong.at, wrong.count, false);
}

static void ask_path(const struct tree_source *source, int64_t index, int64_t size)
{
	struct tree_path path;
	struct err err = {0};

	assert_true(tree_prove_inclusion(source, index, size, &path, &err));
	ask_and_bend("path", index, size, &path);
	if (size > 1) /* for another leaf */
		ask("path", index > 0 ? index - 1 : 1, size, path.at, path.count, false);
}

static void ask_growth(const struct tree_source *source, int64_t from, int64_t to)
{
	struct tree_path path;
	struct err err = {0};

	assert_true(tree_prove_consistency(source, from, to, &path, &err));
	ask_and_bend("growth", from, to, &path);
}

/* Go's TreeHash has no root for the empty tree; ours is tested against RFC 6962 elsewhere. */
static void test_tree_frontier_root__is_that_of_tlog(void **state)
{
	(void)state;
	struct tree_frontier frontier = {.size = 0};

	for (int64_t size = 1; size <= LEAVES; size++) {
		tree_frontier_add(&frontier, &leaves[size - 1]);
		if (size > ROOTS && size != 511 && size != 512 && size != 513 && size < 65535)
			continue;
		struct sha256 root = tree_frontier_root(&frontier);
		ask("root", size, -1, &root, 1, true);
		root.at[7] ^= 1;
		ask("root", size, -1, &root, 1, false);
	}
	ask_all(600);
}

static void test_tree_prove_inclusion__is_that_of_tlog(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, LEAVES};
	struct tree_source source = tree_source_of_leaves(&all);
	static const int64_t indices[] = {0, 1, 255, 256, 32767, 32768, 65535, 65536};

	for (int64_t size = 1; size <= PAIRS; size++) {
		for (int64_t index = 0; index < size; index++)
			ask_path(&source, index, size);
	}
	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		for (int64_t size = 65535; size <= LEAVES; size++) {
			if (indices[i] < size)
				ask_path(&source, indices[i], size);
		}
	}
	ask_all(3000);
}

static void test_tree_prove_consistency__is_that_of_tlog(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, LEAVES};
	struct tree_source source = tree_source_of_leaves(&all);
	static const int64_t sizes[] = {1, 2, 255, 256, 257, 32768, 65535, 65536};

	for (int64_t to = 1; to <= PAIRS; to++) {
		for (int64_t from = 1; from <= to; from++)
			ask_growth(&source, from, to);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ask_growth(&source, sizes[i], LEAVES);
	ask_all(3000);
}

static void ask_note(const char *vkey, struct bytes text, struct bytes note, bool yes)
{
	text_addf(&questions, "note %s %s %s\n", vkey, encode_base64(arena, text),
		  encode_base64(arena, note));
	text_add(&expected, yes ? "y" : "n");
}

static void test_checkpoint_sign__is_opened_by_note(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct sign_key *other = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct note_key ours, theirs;
	struct err err = {0};

	assert_true(
		note_key_of_spki(arena, "ledger.example/demo", sign_key_spki(key), &ours, &err));
	assert_true(note_key_of_spki(arena, "ledger.example/demo", sign_key_spki(other), &theirs,
				     &err));
	for (int64_t size = 0; size < 40; size++) {
		struct checkpoint checkpoint = {.origin = "ledger.example/demo", .size = size};
		struct bytes note, text;
		checkpoint.root = tree_root(leaves, size);
		assert_true(checkpoint_text_write(arena, &checkpoint, &text, &err));
		assert_true(checkpoint_sign(arena, &checkpoint, key, &note, &err));
		ask_note(note_vkey(arena, &ours), text, note, true);
		ask_note(note_vkey(arena, &theirs), text, note, false);
		unsigned char *bent = arena_copy(arena, note.data, note.size);
		bent[(size_t)size + 1] ^= 1; /* somewhere in the text */
		ask_note(note_vkey(arena, &ours), text, bytes_of(bent, note.size), false);
	}
	ask_all(120);
}

static void test_foreign_program__knows_no_other_question(void **state)
{
	(void)state;
	text_add(&questions, "roots 1 00\nroot x 00\nroot 1\nroot 1 zz\nnote a b\n");
	text_add(&expected, "nnnnn");
	ask_all(5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tree_frontier_root__is_that_of_tlog, fresh),
		cmocka_unit_test_setup(test_tree_prove_inclusion__is_that_of_tlog, fresh),
		cmocka_unit_test_setup(test_tree_prove_consistency__is_that_of_tlog, fresh),
		cmocka_unit_test_setup(test_checkpoint_sign__is_opened_by_note, fresh),
		cmocka_unit_test_setup(test_foreign_program__knows_no_other_question, fresh),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
