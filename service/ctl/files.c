/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware and packages on this machine: named by digest, fetched until they are whole. */

#include "service/ctl/files.h"

#include "common/digest.h"
#include "common/fetch.h"
#include "common/file.h"
#include "service/ctl/call.h"
#include "service/ctl/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, PATH_MAX_BYTES = 4096 };

static bool refused(struct err *err, const char *tried, const char *path)
{
	char why[80] = "";

	if (strerror_r(errno, why, sizeof(why)) != 0)
		snprintf(why, sizeof(why), "error %d", errno);
	return err_fail(err, E_FILE, "Could not %s %s: %s", tried, path, why);
}

const char *files_beside(struct arena *arena, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (name[0] == '/' || !slash)
		return arena_text(arena, name);
	return arena_printf(arena, "%.*s/%s", (int)(slash - file), file, name);
}

/* ---- digests ---- */

static bool digest_pieces(int file, const char *path, struct digest *digest,
			  struct progress *progress, uint64_t *size, struct err *err)
{
	struct arena *arena = arena_new(2 * PIECE);
	unsigned char *piece = arena_alloc(arena, PIECE);
	ssize_t got;

	*size = 0;
	while ((got = pread(file, piece, PIECE, (off_t)*size)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		digest_add(digest, bytes_of(piece, (size_t)got));
		*size += (uint64_t)got;
		progress_show(progress, *size);
	}
	bool whole = got == 0 || refused(err, "read", path);
	arena_free(arena);
	return whole;
}

bool files_digest_open(int file, const char *path, bool quiet, struct sha256_hex *out,
		       uint64_t *size, struct err *err)
{
	struct progress progress;
	struct sha256 raw;
	struct stat about;

	if (fstat(file, &about) != 0)
		return refused(err, "look at", path);
	if (!S_ISREG(about.st_mode))
		return err_fail(err, E_FILE, "%s is no file", path);
	struct digest *digest = digest_new(DIGEST_SHA256);
	/* Small files are done before anybody could read about them. */
	progress_begin(&progress, path, (uint64_t)about.st_size,
		       quiet || about.st_size < 16 * 1024 * 1024);
	bool done = digest_pieces(file, path, digest, &progress, size, err);
	progress_end(&progress);
	digest_so_far(digest, raw.at);
	digest_free(digest);
	if (done)
		*out = digest_hex(&raw);
	return done;
}

bool files_digest(const char *path, bool quiet, struct sha256_hex *out, uint64_t *size,
		  struct err *err)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return refused(err, "open", path);
	bool done = files_digest_open(file, path, quiet, out, size, err);
	close(file);
	return done;
}

/* ---- downloads ---- */

struct download {
	int file;
	uint64_t done;
	struct digest *digest;
	struct progress progress;
};

static bool take(void *context, struct bytes piece, struct err *err)
{
	struct download *download = context;

	if (!file_write_all(download->file, piece, err))
		return false;
	digest_add(download->digest, piece);
	download->done += piece.size;
	progress_show(&download->progress, download->done);
	return true;
}

/* What an earlier call left counts into the digest; too much of it is thrown away. */
static bool take_up(struct download *download, const char *part, uint64_t size, struct err *err)
{
	struct progress silent;

	progress_begin(&silent, part, 1, true);
	if (!digest_pieces(download->file, part, download->digest, &silent, &download->done, err))
		return false;
	if (download->done >= size) {
		digest_free(download->digest);
		download->digest = digest_new(DIGEST_SHA256);
		download->done = 0;
		if (ftruncate(download->file, 0) != 0)
			return refused(err, "cut", part);
	}
	return lseek(download->file, (off_t)download->done, SEEK_SET) >= 0 ||
	       refused(err, "use", part);
}

static bool fetch_rest(struct ctl *ctl, const char *url_path, struct download *download,
		       const char *path, const char *part, const char *sha256, uint64_t size,
		       struct err *err)
{
	struct fetch_answer answer;
	struct sha256 raw;

	if (!take_up(download, part, size, err))
		return false;
	progress_begin(&download->progress, path, size,
		       ctl->json || size == UINT64_MAX || size < 1024 * 1024);
	bool came = fetch_download(ctl->fetch, ctl->arena, call_url(ctl, url_path), download->done,
				   size, take, download, &answer, err);
	progress_end(&download->progress);
	if (!came)
		return false;
	digest_so_far(download->digest, raw.at);
	if (strcmp(digest_hex(&raw).text, sha256) != 0) {
		unlink(part);
		return err_fail(err, E_SIGNATURE,
				"What the service sent for %s is not what its digest names; it was "
				"thrown away",
				path);
	}
	if (fsync(download->file) != 0 || rename(part, path) != 0)
		return refused(err, "write", path);
	return true;
}

static bool right_already(const char *path, const char *sha256)
{
	struct err ignored = {0};
	struct sha256_hex found;
	uint64_t size;

	return access(path, F_OK) == 0 && files_digest(path, true, &found, &size, &ignored) &&
	       strcmp(found.text, sha256) == 0;
}

bool files_download(struct ctl *ctl, const char *url_path, const char *path, const char *sha256,
		    uint64_t size, struct err *err)
{
	const char *part = arena_printf(ctl->arena, "%s.part", path);
	struct download download = {0};

	if (right_already(path, sha256))
		return true;
	if (!call_open(ctl, err))
		return false;
	download.file = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (download.file < 0)
		return refused(err, "open", part);
	download.digest = digest_new(DIGEST_SHA256);
	bool done = fetch_rest(ctl, url_path, &download, path, part, sha256, size, err);
	digest_free(download.digest);
	close(download.file);
	return done;
}
