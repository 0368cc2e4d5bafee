/* SPDX-License-Identifier: Apache-2.0 */
/* Is every file that the manifest names there and unchanged, and is there none besides? */

#include "audit/verify_internal.h"

#include "audit/package_seal.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { FOLDERS_DEEP = 12, WALK_BYTES = 64 * 1024 * 1024 };

bool verify_folder_there(const char *folder, struct err *err)
{
	struct stat stat_of;

	if (stat(folder, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode))
		return err_fail(err, E_FILE, "%s is not a folder that can be read", folder);
	return true;
}

/* ---- what is there besides ---- */

static bool expected(const struct verify *verify, const char *path)
{
	static const char *const own[] = {"manifest.json", PACKAGE_SEAL_EVENT, PACKAGE_SEAL_PROOF,
					  PACKAGE_SEAL_CONSISTENCY};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(path, own[i]) == 0)
			return true;
	}
	return package_find(&verify->package, path) != NULL;
}

static void walk_folder(struct verify *verify, struct arena *arena, const char *path, int depth);

static void walk_entry(struct verify *verify, struct arena *arena, const char *path, int depth)
{
	const char *full = arena_printf(arena, "%s/%s", verify->package.folder, path);
	struct stat stat_of;

	if (lstat(full, &stat_of) != 0)
		verify_find(verify, VERIFY_TAMPERED, path, "it cannot be looked at");
	else if (S_ISDIR(stat_of.st_mode))
		walk_folder(verify, arena, path, depth + 1);
	else if (!expected(verify, path))
		verify_find(verify, VERIFY_TAMPERED, path, "the manifest does not name this file");
}

static void walk_folder(struct verify *verify, struct arena *arena, const char *path, int depth)
{
	DIR *folder = opendir(*path ? arena_printf(arena, "%s/%s", verify->package.folder, path)
				    : verify->package.folder);
	struct dirent *entry;

	if (!folder || depth > FOLDERS_DEEP) {
		verify_find(verify, VERIFY_TAMPERED, path, "this folder cannot be looked into");
		if (folder)
			closedir(folder);
		return;
	}
	while ((entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (arena_left(arena) < 16 * 1024) {
			verify_find(verify, VERIFY_INCOMPLETE, NULL,
				    "the folder holds too much to be listed");
			break;
		}
		walk_entry(verify, arena,
			   *path ? arena_printf(arena, "%s/%s", path, entry->d_name)
				 : arena_text(arena, entry->d_name),
			   depth);
	}
	closedir(folder);
}

/* ---- what the manifest names ---- */

static void check_file(struct verify *verify, const struct package_file *file)
{
	const char *full = arena_printf(verify->work, "%s/%s", verify->package.folder, file->path);
	struct err why = {0};
	struct stat stat_of;

	if (lstat(full, &stat_of) != 0 && errno == ENOENT)
		verify_find(verify, VERIFY_INCOMPLETE, file->path,
			    "it is missing, and the manifest names it");
	else if (!package_check(&verify->package, file, &why))
		verify_find(verify, VERIFY_TAMPERED, file->path, "%s", why.text);
	else
		verify_counted(verify, COUNT_FILES);
}

void verify_files(struct verify *verify)
{
	struct arena *arena = arena_new(WALK_BYTES);

	for (size_t i = 0; i < verify->package.file_count; i++) {
		check_file(verify, &verify->package.files[i]);
		arena_reset(verify->work);
	}
	walk_folder(verify, arena, "", 0);
	arena_free(arena);
}

/* ---- reading ---- */

bool verify_listed_file(struct verify *verify, const char *path, size_t max, struct bytes *out)
{
	const struct package_file *file = package_find(&verify->package, path);
	struct err why = {0};

	if (!file)
		return verify_incomplete(verify, path, "it is needed and not in the package");
	if (!package_read(verify->work, &verify->package, path, max, out, &why))
		return verify_incomplete(verify, path, "it is needed and cannot be read");
	if (strcmp(digest_sha256_hex(*out).text, file->sha256.text) != 0)
		return verify_tampered(verify, path, "it is not the file that the manifest names");
	return true;
}

bool verify_document(struct verify *verify, const char *sha256, struct bytes *out)
{
	const char *path = package_document_path(verify->work, sha256);

	if (!verify_listed_file(verify, path, VERIFY_DOCUMENT_MAX, out))
		return false;
	if (strcmp(digest_sha256_hex(*out).text, sha256) != 0)
		return verify_tampered(verify, path, "its bytes are not those of its name");
	verify_counted(verify, COUNT_DOCUMENTS);
	return true;
}

size_t verify_signatures(struct verify *verify, const char *sha256, const char *role,
			 struct bytes out[VERIFY_SIGNERS_MAX])
{
	const struct package *package = &verify->package;
	const char *prefix = arena_printf(verify->work, "content/signatures/%s/%s-", sha256, role);
	size_t found = 0;

	for (size_t i = package_first(package, prefix);
	     i < package->file_count && found < VERIFY_SIGNERS_MAX &&
	     strncmp(package->files[i].path, prefix, strlen(prefix)) == 0;
	     i++)
		found += verify_listed_file(verify, package->files[i].path, VERIFY_CMS_MAX,
					    &out[found]);
	return found;
}
