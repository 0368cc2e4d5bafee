/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How do the agent's bytes reach the disk so that a cut leaves the old or the new? Each operation is
 * announced to cut.c first; apart from that this is write, fsync, rename, fsync of the folder.
 */

#include "device-agent/store.h"

#include "device-agent/cut.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_failed(const char *what, const char *path, struct err *err)
{
	return err_fail(err, E_FILE, "%s of %s: %s", what, path, strerror(errno));
}

static bool write_all(int fd, uint64_t offset, struct bytes bytes, struct err *err)
{
	size_t done = 0;

	while (done < bytes.size) {
		ssize_t n =
			pwrite(fd, bytes.data + done, bytes.size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_fail(err, E_FILE, "writing at %llu: %s",
					(unsigned long long)(offset + done),
					n < 0 ? strerror(errno) : "the device is full");
		done += (size_t)n;
	}
	return true;
}

bool store_write(int fd, uint64_t offset, struct bytes bytes, struct err *err)
{
	cut_point(
		&(struct cut_point){.kind = CUT_WRITE, .fd = fd, .offset = offset, .bytes = bytes});
	return write_all(fd, offset, bytes, err);
}

bool store_sync(int fd, struct err *err)
{
	cut_point(&(struct cut_point){.kind = CUT_SYNC, .fd = fd});
	if (fsync(fd) != 0)
		return err_fail(err, E_FILE, "sync: %s", strerror(errno));
	return true;
}

static bool sync_folder(const char *path, struct err *err)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
	int fd;
	bool ok;

	if ((size_t)length >= sizeof(folder))
		return err_fail(err, E_FILE, "the path %s is too long", path);
	snprintf(folder, sizeof(folder), "%.*s", length, slash == NULL ? "." : path);
	cut_point(&(struct cut_point){.kind = CUT_FOLDER, .path = path});
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return path_failed("opening the folder", path, err);
	ok = fsync(fd) == 0;
	if (!ok)
		(void)path_failed("syncing the folder", path, err);
	close(fd);
	return ok;
}

static bool fill_new_file(const char *path, struct bytes bytes, mode_t mode, struct err *err)
{
	int fd;
	bool ok;

	cut_point(&(struct cut_point){.kind = CUT_CREATE, .path = path});
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return path_failed("making", path, err);
	ok = store_write(fd, 0, bytes, err) && store_sync(fd, err);
	if (!ok)
		err_prefix(err, "%s", path);
	close(fd);
	return ok;
}

bool store_replace(const char *path, struct bytes bytes, mode_t mode, struct err *err)
{
	char temporary[PATH_MAX];
	int length = snprintf(temporary, sizeof(temporary), "%s.new", path);

	if (length < 0 || (size_t)length >= sizeof(temporary))
		return err_fail(err, E_FILE, "the path %s is too long", path);
	if (!fill_new_file(temporary, bytes, mode, err))
		return false;
	cut_point(&(struct cut_point){.kind = CUT_RENAME, .from = temporary, .path = path});
	if (rename(temporary, path) != 0)
		return path_failed("renaming", temporary, err);
	return sync_folder(path, err);
}

bool store_append(const char *path, struct bytes bytes, mode_t mode, struct err *err)
{
	struct stat is;
	int fd;
	bool ok;

	cut_point(&(struct cut_point){.kind = CUT_CREATE, .path = path});
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
	if (fd < 0)
		return path_failed("opening", path, err);
	ok = fstat(fd, &is) == 0;
	if (!ok)
		(void)path_failed("reading the size", path, err);
	ok = ok && store_write(fd, (uint64_t)is.st_size, bytes, err) && store_sync(fd, err);
	close(fd);
	return ok && sync_folder(path, err);
}

bool store_remove(const char *path, struct err *err)
{
	cut_point(&(struct cut_point){.kind = CUT_REMOVE, .path = path});
	if (unlink(path) != 0)
		return errno == ENOENT ? true : path_failed("removing", path, err);
	return sync_folder(path, err);
}
