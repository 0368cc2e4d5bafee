/* SPDX-License-Identifier: Apache-2.0 */
/* Is a package what was put into it; and is a manifest that says anything else refused? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/evidence.h"

#include "audit/package.h"
#include "audit/package_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static char folder[64]; /* of the case */
static const char *package_folder;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	snprintf(folder, sizeof(folder), "/tmp/countersign-package-XXXXXX");
	assert_non_null(mkdtemp(folder));
	package_folder = arena_printf(arena, "%s/package", folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	evidence_remove_folder(folder);
	arena_free(arena);
	return 0;
}

static const struct package head = {
	.scope = "all",
	.origin = "example/ledger",
	.size = 3,
	.root = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	.chain = {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
};

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s", err->text);
}

static void given_package(struct package *out)
{
	struct package_writer *writer = NULL;
	struct err err = {0};

	expect_done(package_begin(arena, package_folder, &writer, &err) &&
			    package_add(writer, "content/b", bytes_of_text("bee"), &err) &&
			    package_add(writer, "content/a/x.json", bytes_of_text("{}"), &err) &&
			    package_add(writer, "content/empty", bytes_of(NULL, 0), &err) &&
			    package_miss(writer, "content/z", &err) &&
			    package_miss(writer, "content/z", &err) &&
			    package_finish(writer, &head, out, &err),
		    &err);
}

static void test_package__gives_back_what_was_put_in(void **state)
{
	struct package written, read;
	struct bytes bytes = {0};
	struct err err = {0};

	(void)state;
	given_package(&written);
	expect_done(package_open(arena, package_folder, &read, &err), &err);
	assert_string_equal(read.scope, "all");
	assert_string_equal(read.origin, "example/ledger");
	assert_int_equal(read.size, 3);
	assert_string_equal(read.root.text, head.root.text);
	assert_string_equal(read.chain.text, head.chain.text);
	assert_string_equal(read.sha256.text, written.sha256.text);
	assert_int_equal(read.file_count, 3);
	assert_string_equal(read.files[0].path, "content/a/x.json");
	assert_string_equal(read.files[1].path, "content/b");
	assert_int_equal(read.files[2].size_bytes, 0);
	assert_int_equal(read.missing_count, 1);
	assert_string_equal(read.missing[0].path, "content/z");
	assert_ptr_equal(package_find(&read, "content/b"), &read.files[1]);
	assert_null(package_find(&read, "content/c"));
	assert_int_equal(package_first(&read, "content/az"), 1);
	assert_int_equal(package_first(&read, "content/zz"), 3);
	expect_done(package_read(arena, &read, "content/b", 3, &bytes, &err), &err);
	assert_true(bytes_equal(bytes, bytes_of_text("bee")));
	for (size_t i = 0; i < read.file_count; i++)
		expect_done(package_check(&read, &read.files[i], &err), &err);
}

static void test_package__is_the_same_bytes_in_any_order(void **state)
{
	const char *other = arena_printf(arena, "%s/other", folder);
	struct package_writer *writer = NULL;
	struct package first, second;
	struct err err = {0};

	(void)state;
	given_package(&first);
	expect_done(package_begin(arena, other, &writer, &err) &&
			    package_miss(writer, "content/z", &err) &&
			    package_add(writer, "content/empty", bytes_of(NULL, 0), &err) &&
			    package_add(writer, "content/a/x.json", bytes_of_text("{}"), &err) &&
			    package_add(writer, "content/b", bytes_of_text("bee"), &err) &&
			    package_finish(writer, &head, &second, &err),
		    &err);
	assert_string_equal(first.sha256.text, second.sha256.text);
}

static void test_package_add__takes_only_paths_below_content(void **state)
{
	static const char *const bad[] = {"",
					  "content",
					  "seal/x",
					  "/content/x",
					  "content/",
					  "content//x",
					  "content/../x",
					  "content/.x",
					  "content/x y",
					  "content/x\n",
					  "manifest.json"};
	struct package_writer *writer = NULL;
	struct err err = {0};

	(void)state;
	expect_done(package_begin(arena, package_folder, &writer, &err), &err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		assert_false(package_add(writer, bad[i], bytes_of_text("x"), &err));
		assert_int_equal(err.code, E_PACKAGE);
	}
	err_clear(&err);
	assert_true(package_add(writer, "content/x%2F.y", bytes_of_text("x"), &err));
	assert_true(package_has(writer, "content/x%2F.y"));
	assert_false(package_add(writer, "content/x%2F.y", bytes_of_text("x"), &err));
	err_clear(&err);
	assert_false(package_begin(arena, package_folder, &writer, &err));
}

static void test_package_check__names_what_is_wrong(void **state)
{
	struct package package;
	struct err err = {0};

	(void)state;
	given_package(&package);
	evidence_file_put(package_folder, "content/b", bytes_of_text("bea"));
	assert_false(package_check(&package, &package.files[1], &err));
	assert_int_equal(err.code, E_PACKAGE);
	assert_non_null(strstr(err.text, "content/b"));
	err_clear(&err);
	evidence_file_put(package_folder, "content/b", bytes_of_text("be"));
	assert_false(package_check(&package, &package.files[1], &err));
	assert_non_null(strstr(err.text, "fewer"));
	err_clear(&err);
	evidence_file_put(package_folder, "content/b", bytes_of_text("beee"));
	assert_false(package_check(&package, &package.files[1], &err));
	assert_non_null(strstr(err.text, "more"));
	err_clear(&err);
	const char *path = arena_printf(arena, "%s/content/b", package_folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(package_check(&package, &package.files[1], &err));
	assert_int_equal(err.code, E_FILE);
	err_clear(&err);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("empty", path), 0);
	assert_false(package_check(&package, &package.files[1], &err));
	assert_int_equal(err.code, E_FILE);
}

/* Each makes one manifest that is none. */
static void replace(const char *from, const char *to)
{
	struct bytes old = evidence_file_get(arena, package_folder, "manifest.json");
	const char *text = arena_text_of(arena, old);
	const char *at = strstr(text, from);

	assert_non_null(at);
	evidence_file_put(package_folder, "manifest.json",
			  bytes_of_text(arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to,
						     at + strlen(from))));
}

static void test_package_open__refuses_what_is_no_manifest(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{"content/a/x.json", "content/a/../x.json"},
		{"content/a/x.json", "content/c"},
		{"content/a/x.json", "seal/x"},
		{"content/b\"", "content/a/x.json\""},
		{"\"size\":3", "\"size\":-3"},
		{"\"size\":3", "\"size\":03"},
		{"\"scope\":\"all\"", "\"scope\":\"some\""},
		{"{\"chain\"", "{ \"chain\""},
		{"package.v1", "package.v2"},
		{"\"type\":", "\"typo\":"},
		{"bbbbb", "BBBBB"},
		{"content/z", "../z"},
	};
	struct package package;
	struct err err = {0};

	(void)state;
	given_package(&package);
	struct bytes good = evidence_file_get(arena, package_folder, "manifest.json");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		err_clear(&err);
		replace(changes[i].from, changes[i].to);
		if (package_open(arena, package_folder, &package, &err))
			fail_msg("%s instead of %s is taken", changes[i].to, changes[i].from);
		evidence_file_put(package_folder, "manifest.json", good);
	}
	err_clear(&err);
	expect_done(package_open(arena, package_folder, &package, &err), &err);
	assert_false(package_open(arena, folder, &package, &err));
}

/* ---- the seal ---- */

static void test_package_seal__is_read_as_it_was_written(void **state)
{
	struct package_seal seal = {.index = 70, .note = bytes_of_text("a\nnote\n\n- x\n")};
	struct package_seal read;
	struct bytes proof = {0}, consistency = {0};
	struct err err = {0};

	(void)state;
	seal.inclusion.count = 3;
	seal.consistency.count = 2;
	random_fill(seal.inclusion.at, 3 * sizeof(struct sha256));
	random_fill(seal.consistency.at, 2 * sizeof(struct sha256));
	expect_done(package_seal_write(arena, &seal, &proof, &consistency, &err) &&
			    package_seal_read(arena, proof, consistency, &read, &err),
		    &err);
	assert_int_equal(read.index, 70);
	assert_int_equal(read.inclusion.count, 3);
	assert_int_equal(read.consistency.count, 2);
	assert_memory_equal(read.inclusion.at, seal.inclusion.at, 3 * sizeof(struct sha256));
	assert_memory_equal(read.consistency.at, seal.consistency.at, 2 * sizeof(struct sha256));
	assert_true(bytes_equal(read.note, seal.note));
}

static void test_package_seal_read__refuses_other_forms(void **state)
{
	static const char *const bad[] = {
		"",
		"c2sp.org/tlog-proof@v1",
		"c2sp.org/tlog-proof@v1\n",
		"c2sp.org/tlog-proof@v2\nindex 1\n\nnote\n",
		"c2sp.org/tlog-proof@v1\nindex 01\n\nnote\n",
		"c2sp.org/tlog-proof@v1\nindex -1\n\nnote\n",
		"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nnote\n",
		"c2sp.org/tlog-proof@v1\nindex 1\n",
		"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 1\n\nnote\n",
	};
	struct package_seal seal;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		assert_false(package_seal_read(arena, bytes_of_text(bad[i]), bytes_of(NULL, 0),
					       &seal, &err));
		assert_int_equal(err.code, E_PACKAGE);
	}
	const struct bytes good = bytes_of_text("c2sp.org/tlog-proof@v1\nindex 1\n\nnote\n");
	err_clear(&err);
	assert_true(package_seal_read(arena, good, bytes_of(NULL, 0), &seal, &err));
	assert_false(package_seal_read(arena, good, bytes_of_text("AAAA\n"), &seal, &err));
	err_clear(&err);
	assert_false(package_seal_read(arena, good, bytes_of_text("x"), &seal, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
		CASE(test_package__gives_back_what_was_put_in),
		CASE(test_package__is_the_same_bytes_in_any_order),
		CASE(test_package_add__takes_only_paths_below_content),
		CASE(test_package_check__names_what_is_wrong),
		CASE(test_package_open__refuses_what_is_no_manifest),
		CASE(test_package_seal__is_read_as_it_was_written),
		CASE(test_package_seal_read__refuses_other_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
