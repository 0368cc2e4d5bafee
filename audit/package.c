/* SPDX-License-Identifier: Apache-2.0 */
/* Which files make an evidence package, and are they all there? For the export and the verifier. */

#include "audit/package.h"

#include "audit/names.h"
#include "common/file.h"
#include "common/wire/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 * 1024, FIRST_ROOM = 256 };

/* ---- paths ---- */

bool package_path_valid(const char *path)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-%:/";
	size_t length = strlen(path);

	if (length == 0 || length > PACKAGE_PATH_MAX || strspn(path, allowed) != length)
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += part != path;
		if (*part == '/' || *part == '.' || !*part)
			return false;
	}
	return true;
}

char *package_bundle_path(struct arena *arena, int64_t number)
{
	return arena_printf(arena, "content/events/%09lld", (long long)number);
}

char *package_lease_path(struct arena *arena, int64_t number)
{
	return arena_printf(arena, "content/leases/%09lld", (long long)number);
}

char *package_target_path(struct arena *arena, const char *campaign)
{
	return arena_printf(arena, "content/targets/%s", campaign);
}

char *package_document_path(struct arena *arena, const char *sha256)
{
	return arena_printf(arena, "content/documents/%s.json", sha256);
}

char *package_signature_path(struct arena *arena, const char *sha256, const char *role,
			     const char *key_id)
{
	return arena_printf(arena, "content/signatures/%s/%s-%s.p7s", sha256, role, key_id);
}

char *package_object_path(struct arena *arena, const char *id)
{
	return arena_printf(arena, "content/git/objects/%.2s/%s", id, id + 2);
}

/* ---- the manifest ---- */

static bool check_package(const void *value, struct err *err)
{
	const struct package *package = value;

	for (size_t i = 0; i < package->file_count; i++) {
		const char *path = package->files[i].path;
		if (!package_path_valid(path) || strncmp(path, "content/", 8) != 0)
			return err_fail(err, E_PACKAGE,
					"a path of the manifest is not one below "
					"content/");
		if (i > 0 && strcmp(package->files[i - 1].path, path) >= 0)
			return err_fail(err, E_PACKAGE,
					"the files of the manifest are not sorted, or not once "
					"each, at %s",
					path);
	}
	for (size_t i = 0; i < package->missing_count; i++) {
		const char *path = package->missing[i].path;
		if (!package_path_valid(path) ||
		    (i > 0 && strcmp(package->missing[i - 1].path, path) >= 0))
			return err_fail(err, E_PACKAGE, "the list of what is missing is not one");
	}
	return true;
}

static const char *const scopes[] = {"all", NULL};
static const struct shape_field file_fields[] = {
	SHAPE_LINE(struct package_file, path, 1, PACKAGE_PATH_MAX),
	SHAPE_INT(struct package_file, size_bytes, 0, PACKAGE_FILE_MAX),
	SHAPE_SHA256(struct package_file, sha256),
};
static const struct shape file_shape = SHAPE_PART(struct package_file, file_fields, NULL);
static const struct shape_field missing_fields[] = {
	SHAPE_LINE(struct package_missing, path, 1, PACKAGE_PATH_MAX),
};
static const struct shape missing_shape = SHAPE_PART(struct package_missing, missing_fields, NULL);
static const struct shape_field package_fields[] = {
	SHAPE_WORD(struct package, scope, scopes),
	SHAPE_LINE(struct package, origin, 1, 255),
	SHAPE_INT(struct package, size, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct package, root),
	SHAPE_SHA256(struct package, chain),
	SHAPE_LIST(struct package, files, file_count, &file_shape, 1, PACKAGE_FILES_MAX),
	SHAPE_LIST(struct package, missing, missing_count, &missing_shape, 0, PACKAGE_FILES_MAX),
};
static const struct shape package_shape =
	SHAPE(PACKAGE_TYPE, PACKAGE_MANIFEST_MAX, struct package, package_fields, check_package);

/* ---- files ---- */

static bool refused(struct err *err, const char *tried, const char *path)
{
	char why[80] = "";

	if (strerror_r(errno, why, sizeof(why)) != 0)
		why[0] = '\0';
	return err_fail(err, E_FILE, "%s could not be %s: %s", path, tried, why);
}

/* Only plain files; a pipe in their place must not make us wait. */
static bool open_plain(struct arena *arena, const char *folder, const char *path, int *fd,
		       struct err *err)
{
	const char *full = arena_printf(arena, "%s/%s", folder, path);
	struct stat stat;

	int opened = open(full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (opened < 0)
		return refused(err, "opened", path);
	if (fstat(opened, &stat) != 0 || !S_ISREG(stat.st_mode)) {
		close(opened);
		return err_fail(err, E_FILE, "%s is not a plain file", path);
	}
	*fd = opened;
	return true;
}

static bool read_piece(int fd, void *out, size_t size, size_t *got, const char *path,
		       struct err *err)
{
	ssize_t found;

	do
		found = read(fd, out, size);
	while (found < 0 && errno == EINTR);
	if (found < 0)
		return refused(err, "read", path);
	*got = (size_t)found;
	return true;
}

static bool write_new(struct arena *arena, const char *folder, const char *path, struct bytes bytes,
		      struct err *err)
{
	char *full = arena_printf(arena, "%s/%s", folder, path);
	char *slash = strrchr(full, '/');

	*slash = '\0';
	bool made = file_make_folders(full, 0700, err);
	*slash = '/';
	if (!made)
		return false;
	int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return refused(err, "made", path);
	bool written = file_write_all(fd, bytes, err);
	if (close(fd) != 0 && written)
		written = refused(err, "written", path);
	return written;
}

/* ---- writing ---- */

struct package_writer {
	struct arena *arena;
	struct arena *work;
	const char *folder;
	struct package_file *files;
	size_t file_count;
	size_t file_room;
	struct names *known; /* path: files and missing */
	struct names *missing;
};

static void release_arena(void *arena)
{
	arena_free(arena);
}

bool package_begin(struct arena *arena, const char *folder, struct package_writer **out,
		   struct err *err)
{
	struct package_writer *writer = arena_alloc(arena, sizeof(*writer));

	if (mkdir(folder, 0700) != 0)
		return refused(err, "made", folder);
	writer->arena = arena;
	writer->work = arena_new(1024 * 1024);
	arena_defer(arena, release_arena, writer->work);
	writer->folder = arena_text(arena, folder);
	writer->known = names_new(arena);
	writer->missing = names_new(arena);
	writer->file_room = FIRST_ROOM;
	writer->files = arena_array(arena, writer->file_room, sizeof(*writer->files));
	*out = writer;
	return true;
}

bool package_has(const struct package_writer *writer, const char *path)
{
	return names_find(writer->known, path) != NULL;
}

static bool know(struct package_writer *writer, const char *path, struct err *err)
{
	if (!package_path_valid(path) || strncmp(path, "content/", 8) != 0)
		return err_fail(err, E_PACKAGE, "%.200s cannot be a path of a package", path);
	if (names_count(writer->known) == PACKAGE_FILES_MAX)
		return err_fail(err, E_PACKAGE_LIMIT, "a package holds at most %d files",
				PACKAGE_FILES_MAX);
	names_put(writer->known, path, writer);
	return true;
}

bool package_add(struct package_writer *writer, const char *path, struct bytes bytes,
		 struct err *err)
{
	if (package_has(writer, path))
		return err_fail(err, E_BUG, "%.200s was added before", path);
	if (bytes.size > PACKAGE_FILE_MAX)
		return err_fail(err, E_PACKAGE_LIMIT, "%.200s has more than %d bytes", path,
				PACKAGE_FILE_MAX);
	if (!know(writer, path, err))
		return false;
	bool written = write_new(writer->work, writer->folder, path, bytes, err);
	arena_reset(writer->work);
	if (!written)
		return false;
	if (writer->file_count == writer->file_room) {
		struct package_file *more =
			arena_array(writer->arena, writer->file_room * 2, sizeof(*more));
		memcpy(more, writer->files, writer->file_count * sizeof(*more));
		writer->files = more;
		writer->file_room *= 2;
	}
	writer->files[writer->file_count++] =
		(struct package_file){.path = arena_text(writer->arena, path),
				      .size_bytes = (int64_t)bytes.size,
				      .sha256 = digest_sha256_hex(bytes)};
	return true;
}

bool package_miss(struct package_writer *writer, const char *path, struct err *err)
{
	if (package_has(writer, path))
		return true;
	if (!know(writer, path, err))
		return false;
	names_put(writer->missing, path, writer);
	return true;
}

size_t package_missed(const struct package_writer *writer)
{
	return names_count(writer->missing);
}

static int compare_files(const void *left, const void *right)
{
	const struct package_file *a = left;
	const struct package_file *b = right;

	return strcmp(a->path, b->path);
}

static int compare_missing(const void *left, const void *right)
{
	const struct package_missing *a = left;
	const struct package_missing *b = right;

	return strcmp(a->path, b->path);
}

bool package_finish(struct package_writer *writer, const struct package *head, struct package *out,
		    struct err *err)
{
	struct package package = *head;
	size_t missing_count = names_count(writer->missing);
	struct package_missing *missing =
		arena_array(writer->arena, missing_count + 1, sizeof(*missing));
	struct bytes document;

	for (size_t i = 0; i < missing_count; i++)
		missing[i].path = names_at(writer->missing, i, NULL);
	qsort(missing, missing_count, sizeof(*missing), compare_missing);
	qsort(writer->files, writer->file_count, sizeof(*writer->files), compare_files);
	package.files = writer->files;
	package.file_count = writer->file_count;
	package.missing = missing;
	package.missing_count = missing_count;
	package.folder = writer->folder;
	if (!shape_write(writer->arena, &package_shape, &package, &document, err) ||
	    !write_new(writer->work, writer->folder, "manifest.json", document, err))
		return false;
	package.sha256 = digest_sha256_hex(document);
	*out = package;
	return true;
}

bool package_put_seal(const char *folder, const char *path, struct bytes bytes, struct err *err)
{
	struct arena *arena = arena_new(1024 * 1024);

	bool written = write_new(arena, folder, path, bytes, err);
	arena_free(arena);
	return written;
}

/* ---- reading ---- */

bool package_open(struct arena *arena, const char *folder, struct package *out, struct err *err)
{
	struct package package = {.folder = arena_text(arena, folder)};
	struct bytes document;

	if (!package_read(arena, &package, "manifest.json", PACKAGE_MANIFEST_MAX, &document, err) ||
	    !shape_parse(arena, &package_shape, document, &package, err))
		return false;
	package.folder = arena_text(arena, folder);
	package.sha256 = digest_sha256_hex(document);
	*out = package;
	return true;
}

size_t package_first(const struct package *package, const char *path)
{
	size_t low = 0;
	size_t high = package->file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(package->files[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct package_file *package_find(const struct package *package, const char *path)
{
	size_t at = package_first(package, path);

	if (at == package->file_count || strcmp(package->files[at].path, path) != 0)
		return NULL;
	return &package->files[at];
}

static bool read_file(struct arena *arena, int fd, const char *path, size_t max, struct bytes *out,
		      struct err *err)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0)
		return refused(err, "read", path);
	if (stat.st_size < 0 || (uintmax_t)stat.st_size > max)
		return err_fail(err, E_FILE_LIMIT, "%s has more than %zu bytes", path, max);
	unsigned char *bytes = arena_alloc(arena, (size_t)stat.st_size + 1);
	size_t size = 0;
	size_t got = 1;
	while (got > 0 && size <= (size_t)stat.st_size) {
		if (!read_piece(fd, bytes + size, (size_t)stat.st_size + 1 - size, &got, path, err))
			return false;
		size += got;
	}
	if (size > (size_t)stat.st_size)
		return err_fail(err, E_FILE, "%s grew while it was read", path);
	*out = bytes_of(bytes, size);
	return true;
}

bool package_read(struct arena *arena, const struct package *package, const char *path, size_t max,
		  struct bytes *out, struct err *err)
{
	int fd;

	if (!open_plain(arena, package->folder, path, &fd, err))
		return false;
	bool got = read_file(arena, fd, path, max, out, err);
	close(fd);
	return got;
}

static bool check_pieces(int fd, const struct package_file *file, struct digest *digest,
			 struct err *err)
{
	unsigned char piece[PIECE_BYTES];
	struct sha256 found;
	int64_t size = 0;
	size_t got;

	do {
		if (!read_piece(fd, piece, sizeof(piece), &got, file->path, err))
			return false;
		digest_add(digest, bytes_of(piece, got));
		size += (int64_t)got;
	} while (got > 0 && size <= file->size_bytes);
	if (size != file->size_bytes)
		return err_fail(err, E_PACKAGE, "%s has %s bytes than the manifest says",
				file->path, size < file->size_bytes ? "fewer" : "more");
	digest_so_far(digest, found.at);
	if (strcmp(digest_hex(&found).text, file->sha256.text) != 0)
		return err_fail(err, E_PACKAGE, "%s is not the file that the manifest names",
				file->path);
	return true;
}

bool package_check(const struct package *package, const struct package_file *file, struct err *err)
{
	struct arena *arena = arena_new(64 * 1024);
	int fd;

	bool opened = open_plain(arena, package->folder, file->path, &fd, err);
	arena_free(arena);
	if (!opened)
		return false;
	struct digest *digest = digest_new(DIGEST_SHA256);
	bool good = check_pieces(fd, file, digest, err);
	digest_free(digest);
	close(fd);
	return good;
}
