/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of evidence packages: copied, changed file by file, and what the verifier says of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/evidence.h"

#include "audit/package.h"
#include "common/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 20000, FILE_MAX = 32 * 1024 * 1024, VERIFY_BYTES = 1024 * 1024 * 1024 };

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

struct listing {
	struct arena *arena;
	const char **paths;
	size_t count;
};

static void list_folder(struct listing *listing, const char *folder, const char *below)
{
	DIR *open = opendir(*below ? arena_printf(listing->arena, "%s/%s", folder, below) : folder);
	struct dirent *entry;

	assert_non_null(open);
	while ((entry = readdir(open))) {
		struct stat stat_of;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		const char *path =
			*below ? arena_printf(listing->arena, "%s/%s", below, entry->d_name)
			       : arena_text(listing->arena, entry->d_name);
		assert_int_equal(
			lstat(arena_printf(listing->arena, "%s/%s", folder, path), &stat_of), 0);
		if (S_ISDIR(stat_of.st_mode)) {
			list_folder(listing, folder, path);
		} else {
			assert_true(listing->count < FILES_MAX);
			listing->paths[listing->count++] = path;
		}
	}
	closedir(open);
}

static int compare_paths(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

const char *const *evidence_list(struct arena *arena, const char *folder, size_t *count)
{
	struct listing listing = {.arena = arena,
				  .paths = arena_array(arena, FILES_MAX, sizeof(char *))};

	list_folder(&listing, folder, "");
	qsort(listing.paths, listing.count, sizeof(*listing.paths), compare_paths);
	*count = listing.count;
	return listing.paths;
}

static void make_parent(struct arena *arena, const char *path)
{
	char *parent = arena_text(arena, path);
	struct err err = {0};

	*strrchr(parent, '/') = '\0';
	expect_done(file_make_folders(parent, 0700, &err), &err);
}

void evidence_copy(const char *from, const char *to)
{
	struct arena *arena = arena_new(VERIFY_BYTES);
	size_t count;
	const char *const *paths = evidence_list(arena, from, &count);

	for (size_t i = 0; i < count; i++) {
		const char *target = arena_printf(arena, "%s/%s", to, paths[i]);
		make_parent(arena, target);
		assert_int_equal(link(arena_printf(arena, "%s/%s", from, paths[i]), target), 0);
	}
	arena_free(arena);
}

static void remove_below(struct arena *arena, const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		struct stat stat_of;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		const char *inside = arena_printf(arena, "%s/%s", path, entry->d_name);
		if (lstat(inside, &stat_of) == 0 && S_ISDIR(stat_of.st_mode))
			remove_below(arena, inside);
		else
			unlink(inside);
	}
	if (folder)
		closedir(folder);
	rmdir(path);
}

void evidence_remove_folder(const char *folder)
{
	struct arena *arena = arena_new(VERIFY_BYTES);

	remove_below(arena, folder);
	arena_free(arena);
}

struct bytes evidence_file_get(struct arena *arena, const char *folder, const char *path)
{
	struct bytes bytes = {0};
	struct err err = {0};

	expect_done(file_read(arena, arena_printf(arena, "%s/%s", folder, path), FILE_MAX, &bytes,
			      &err),
		    &err);
	return bytes;
}

void evidence_file_put(const char *folder, const char *path, struct bytes bytes)
{
	struct arena *arena = arena_new(1024 * 1024);
	const char *full = arena_printf(arena, "%s/%s", folder, path);

	make_parent(arena, full);
	unlink(full); /* it may be a link to a file that stays as it is */
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	assert_true(bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
	assert_int_equal(fclose(file), 0);
	arena_free(arena);
}

void evidence_fit_manifest(const char *folder)
{
	struct arena *arena = arena_new(VERIFY_BYTES);
	const struct doc *old = NULL;
	struct doc *manifest = doc_object(arena);
	struct doc *files = doc_array(arena);
	struct bytes bytes = evidence_file_get(arena, folder, "manifest.json");
	struct err err = {0};
	size_t count;

	expect_done(doc_parse(arena, bytes, &old, &err), &err);
	const struct doc_pair *pairs = doc_members(arena, old, &count);
	for (size_t i = 0; i < count; i++)
		doc_set(manifest, pairs[i].key, pairs[i].value);
	const char *const *paths = evidence_list(arena, folder, &count);
	for (size_t i = 0; i < count; i++) {
		struct doc *file = doc_object(arena);
		if (strncmp(paths[i], "content/", 8) != 0)
			continue;
		struct bytes content = evidence_file_get(arena, folder, paths[i]);
		doc_set_text(file, "path", paths[i]);
		doc_set_int(file, "size_bytes", (int64_t)content.size);
		doc_set_text(file, "sha256", digest_sha256_hex(content).text);
		doc_add(files, file);
	}
	doc_set(manifest, "files", files);
	expect_done(doc_canonical(arena, manifest, &bytes, &err), &err);
	evidence_file_put(folder, "manifest.json", bytes);
	arena_free(arena);
}

/* ---- expectations ---- */

struct verify_report evidence_verify(struct arena *arena, const char *folder,
				     const struct trust_pin *pin)
{
	struct verify_report report = {0};
	struct err err = {0};

	expect_done(verify_package(arena, folder, pin, &report, &err), &err);
	return report;
}

void evidence_expect_ok(const char *folder, const struct trust_pin *pin)
{
	struct arena *arena = arena_new(VERIFY_BYTES);
	struct verify_report report = evidence_verify(arena, folder, pin);

	if (verify_exit(&report) != 0)
		fail_msg("%s", verify_text(arena, &report));
	arena_free(arena);
}

static bool found(const struct verify_report *report, enum verify_grade grade, const char *file,
		  const char *words)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct verify_finding *finding = &report->findings[i];
		if (finding->grade == grade && (!words || strstr(finding->text, words)) &&
		    (!file || (finding->file && strcmp(finding->file, file) == 0)))
			return true;
	}
	return false;
}

void evidence_expect_found(const char *folder, const struct trust_pin *pin, enum verify_grade grade,
			   const char *file, const char *words)
{
	struct arena *arena = arena_new(VERIFY_BYTES);
	struct verify_report report = evidence_verify(arena, folder, pin);

	if (!found(&report, grade, file, words))
		fail_msg("not found: %s (%s) in\n%s", words ? words : "-", file ? file : "-",
			 verify_text(arena, &report));
	if (grade != VERIFY_NOTE)
		assert_int_equal(verify_exit(&report), report.gravest == VERIFY_TAMPERED ? 1 : 2);
	arena_free(arena);
}
