/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do we read git's objects as git wrote them, and nothing else? Known answers: `git hash-object` and
 * `ssh-keygen -Y sign -O hashalg=sha256 -n git`, with a key that was drawn for this and thrown away.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/git.h"

#include "common/encode.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct bytes deflated(struct bytes plain)
{
	uLongf size = compressBound((uLong)plain.size);
	unsigned char *out = arena_alloc(arena, size);

	assert_int_equal(compress(out, &size, plain.data, (uLong)plain.size), Z_OK);
	return bytes_of(out, size);
}

static struct bytes joined(const char *head, size_t head_size, struct bytes tail)
{
	unsigned char *out = arena_alloc(arena, head_size + tail.size + 1);

	memcpy(out, head, head_size);
	if (tail.size > 0)
		memcpy(out + head_size, tail.data, tail.size);
	return bytes_of(out, head_size + tail.size);
}

static struct bytes loose(const char *kind, struct bytes content)
{
	const char *head = arena_printf(arena, "%s %zu", kind, content.size);

	return deflated(joined(head, strlen(head) + 1, content));
}

static void refused(struct bytes file)
{
	struct gitfile object;
	struct err err = {0};

	assert_false(gitfile_read(arena, file, &object, &err));
	assert_int_equal(err.code, E_GIT_OBJECT);
}

/* ---- objects ---- */

static void test_gitfile_id_of__is_what_git_says(void **state)
{
	(void)state;
	/* printf 'hello\n' | git hash-object --stdin; git hash-object -t tree /dev/null */
	assert_string_equal(gitfile_id_of("blob", bytes_of_text("hello\n")).text,
			    "ce013625030ba8dba906f756967f9e9ca394464a");
	assert_string_equal(gitfile_id_of("tree", bytes_of(NULL, 0)).text,
			    "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
	assert_true(gitfile_id_valid("ce013625030ba8dba906f756967f9e9ca394464a"));
	assert_false(gitfile_id_valid("ce013625030ba8dba906f756967f9e9ca394464A"));
	assert_false(gitfile_id_valid("ce013625030ba8dba906f756967f9e9ca394464"));
}

static void test_gitfile_read__reads_every_size(void **state)
{
	static const size_t sizes[] = {0, 1, 500, 511, 512, 513, 70000};
	unsigned char *bytes = arena_alloc(arena, 70000);
	struct gitfile object;
	struct err err = {0};

	(void)state;
	random_fill(bytes, 70000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes content = bytes_of(bytes, sizes[i]);
		if (!gitfile_read(arena, loose("blob", content), &object, &err))
			fail_msg("%zu bytes: %s", sizes[i], err.text);
		assert_string_equal(object.kind, "blob");
		assert_true(bytes_equal(object.content, content));
		assert_string_equal(object.id.text, gitfile_id_of("blob", content).text);
	}
}

static void test_gitfile_read__refuses_what_is_cut_or_changed(void **state)
{
	struct bytes good = loose("blob", bytes_of_text("some words that are long enough"));
	struct gitfile object;
	struct err err = {0};

	(void)state;
	for (size_t size = 0; size < good.size; size++)
		refused(bytes_of(good.data, size));
	for (size_t i = 0; i < good.size * 8; i++) {
		unsigned char *changed = arena_copy(arena, good.data, good.size);
		changed[i / 8] ^= (unsigned char)(1u << (i % 8));
		err_clear(&err);
		/* Some bits of zlib's header say nothing of the content. */
		if (gitfile_read(arena, bytes_of(changed, good.size), &object, &err))
			assert_string_equal(object.id.text,
					    gitfile_id_of("blob", object.content).text);
	}
	refused(joined((const char *)good.data, good.size, bytes_of_text("x")));
	refused(deflated(bytes_of("blob 5\0four", 11)));
	refused(deflated(bytes_of("blob 3\0four", 11)));
	refused(deflated(bytes_of("blob 04\0four", 12)));
	refused(deflated(bytes_of("blab 4\0four", 11)));
	refused(deflated(bytes_of("blob -1\0", 8)));
	refused(deflated(bytes_of("blob 99999999999\0x", 18)));
	refused(deflated(bytes_of_text("no header at all, and no end of one for long")));
}

static void test_gitfile_tree__lists_files_and_folders(void **state)
{
	static const char content[] = "100644 a\0aaaaaaaaaaaaaaaaaaaa40000 b\0bbbbbbbbbbbbbbbbbbbb";
	struct bytes whole = bytes_of(content, sizeof(content) - 1);
	const struct gitfile_entry *entries = NULL;
	struct err err = {0};
	size_t count = 0;

	(void)state;
	assert_true(gitfile_tree(arena, whole, &entries, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(entries[0].name, "a");
	assert_false(entries[0].folder);
	assert_string_equal(entries[0].id.text, "6161616161616161616161616161616161616161");
	assert_string_equal(entries[1].name, "b");
	assert_true(entries[1].folder);
	for (size_t size = 1; size < whole.size; size++) {
		err_clear(&err);
		assert_int_equal(
			gitfile_tree(arena, bytes_of(content, size), &entries, &count, &err),
			size == 29);
	}
	static const char *const bad[] = {"120000 l",	"160000 m",  "100755 x",
					  "100644 a/b", "100644 ..", "100644 ."};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		assert_false(gitfile_tree(
			arena,
			joined(bad[i], strlen(bad[i]) + 1, bytes_of_text("cccccccccccccccccccc")),
			&entries, &count, &err));
	}
}

/* ---- commits ---- */

static const char payload[] = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
			      "author A <a@example> 0 +0000\n"
			      "committer K <k@example> 0 +0000\n"
			      "\n"
			      "m\n";
static const char armoured[] =
	"-----BEGIN SSH SIGNATURE-----\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgVqxom7pMeKA3gd7lg7lV1UALNt\n"
	"ScLtAWokxVfC/hzToAAAADZ2l0AAAAAAAAAAZzaGEyNTYAAABTAAAAC3NzaC1lZDI1NTE5\n"
	"AAAAQI3h/l/vaqo0qT6gUQzHOYk7fSBeJbsGfZ35XZZyVqEDoAxrJOzBkBeermswvIc8Qh\n"
	"bdjUP4+TZBc5PnOfeurQg=\n"
	"-----END SSH SIGNATURE-----";
static const char public_key[] = "AAAAC3NzaC1lZDI1NTE5AAAAIFasaJu6THigN4He5YO5VdVACzbUnC7QFqJMVXwv"
				 "4c06";

/* The signature as a header, each of its lines but the first behind a blank. */
static const char *signed_commit(const char *parent)
{
	struct text out;

	text_init(&out, arena, 8192);
	text_addf(&out,
		  "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n%s"
		  "author A <a@example> 0 +0000\ncommitter K <k@example> 0 +0000\ngpgsig ",
		  parent);
	for (const char *at = armoured; *at; at++) {
		text_add_bytes(&out, bytes_of(at, 1));
		if (*at == '\n')
			text_add(&out, " ");
	}
	text_add(&out, "\n\nm\n");
	return out.at;
}

static void test_gitfile_commit__finds_what_was_signed(void **state)
{
	struct gitfile_commit commit;
	struct bytes spki = {0}, key = {0};
	struct err err = {0};

	(void)state;
	if (!gitfile_commit(arena, bytes_of_text(signed_commit("")), &commit, &err))
		fail_msg("%s", err.text);
	assert_string_equal(commit.tree.text, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
	assert_string_equal(commit.parent.text, "");
	assert_string_equal(commit.author, "A <a@example> 0 +0000");
	assert_string_equal(commit.committer, "K <k@example> 0 +0000");
	assert_string_equal(commit.signature, armoured);
	assert_string_equal(commit.message, "m\n");
	assert_true(bytes_equal(commit.payload, bytes_of_text(payload)));
	if (!gitfile_check_signature(arena, commit.signature, commit.payload, &spki, &err))
		fail_msg("%s", err.text);
	assert_true(decode_base64(arena, public_key, &key, &err));
	unsigned char raw[32];
	assert_true(sign_spki_ed25519_raw(spki, raw, &err));
	assert_memory_equal(raw, key.data + key.size - 32, 32);
}

static void test_gitfile_commit__refuses_other_forms(void **state)
{
	const char *parent = "parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
	const char *both = arena_printf(arena, "%s%s", parent, parent);
	struct gitfile_commit commit;
	struct err err = {0};

	(void)state;
	assert_true(gitfile_commit(arena, bytes_of_text(signed_commit(parent)), &commit, &err));
	assert_string_equal(commit.parent.text, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
	const char *const bad[] = {
		signed_commit(both),
		payload,
		"",
		"tree x\n",
		signed_commit("parent 4b825dc642cb6eb9a060e54bf8d69288fbee490\n"),
		signed_commit("encoding latin1\n"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		if (gitfile_commit(arena, bytes_of_text(bad[i]), &commit, &err))
			fail_msg("form %zu is taken", i);
		assert_int_equal(err.code, E_GIT_OBJECT);
	}
	err_clear(&err);
	assert_false(gitfile_commit(arena, bytes_of("tree\0", 5), &commit, &err));
}

static void test_gitfile_check_signature__refuses_every_change(void **state)
{
	size_t size = sizeof(armoured) - 1;
	struct bytes spki = {0};
	struct err err = {0};

	(void)state;
	assert_true(gitfile_check_signature(arena, armoured, bytes_of_text(payload), &spki, &err));
	struct sha256_hex good = sign_key_id(spki);
	assert_true(gitfile_check_signature(arena, arena_printf(arena, "%s\n", armoured),
					    bytes_of_text(payload), &spki, &err));
	assert_false(gitfile_check_signature(arena, armoured, bytes_of_text("other"), &spki, &err));
	for (size_t i = 0; i < size; i++) {
		char *changed = arena_text(arena, armoured);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		err_clear(&err);
		/* Where the key itself is changed it is another key's, which nobody trusts. */
		if (gitfile_check_signature(arena, changed, bytes_of_text(payload), &spki, &err) &&
		    strcmp(sign_key_id(spki).text, good.text) == 0)
			fail_msg("a change at %zu is not told", i);
	}
	for (size_t i = 0; i < size; i++) {
		char *cut = arena_text(arena, armoured);
		cut[i] = '\0';
		err_clear(&err);
		assert_false(
			gitfile_check_signature(arena, cut, bytes_of_text(payload), &spki, &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
		CASE(test_gitfile_id_of__is_what_git_says),
		CASE(test_gitfile_read__reads_every_size),
		CASE(test_gitfile_read__refuses_what_is_cut_or_changed),
		CASE(test_gitfile_tree__lists_files_and_folders),
		CASE(test_gitfile_commit__finds_what_was_signed),
		CASE(test_gitfile_commit__refuses_other_forms),
		CASE(test_gitfile_check_signature__refuses_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
