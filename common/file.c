/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading files of bounded size and replacing files so that a power cut leaves the old or the new:
 * for everything that keeps state beside the database.
 *
 * The temporary of a target is always "<target>.new", so that cuts leave no litter behind; writers
 * of one target wait for each other on its lock.
 */

#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 * 1024, PATH_MAX_BYTES = 4096, FIRST_READ = 16 * 1024 };

/* E_FILE with what was tried, on what, and why the system refused (errno). */
static bool refused(struct err *err, const char *tried, const char *path)
{
	char why[80] = "";
	if (strerror_r(errno, why, sizeof(why)) != 0)
		snprintf(why, sizeof(why), "error %d", errno);
	return err_fail(err, E_FILE, "Could not %s %s: %s", tried, path, why);
}

bool file_write_all(int fd, struct bytes bytes, struct err *err)
{
	size_t used = 0;
	while (used < bytes.size) {
		ssize_t wrote = write(fd, bytes.data + used, bytes.size - used);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return refused(err, "write", "a file");
		used += (size_t)wrote;
	}
	return true;
}

bool file_read_all(int fd, void *out, size_t size, struct err *err)
{
	size_t used = 0;
	while (used < size) {
		ssize_t got = read(fd, (unsigned char *)out + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return refused(err, "read", "a file");
		if (got == 0)
			return err_fail(err, E_FILE, "A file ended after %zu of %zu bytes", used,
					size);
		used += (size_t)got;
	}
	return true;
}

/* Reads on until the end, or one byte more than max; *data is the caller's to free. */
static bool read_on(int fd, size_t max, unsigned char **data, size_t *size, const char *path,
		    struct err *err)
{
	size_t room = 0;

	for (;;) {
		if (*size == room) {
			room = room ? room * 2 : FIRST_READ;
			unsigned char *more = realloc(*data, room);
			if (!more)
				return err_fail(err, E_OS, "Out of memory while reading %s", path);
			*data = more;
		}
		ssize_t got = read(fd, *data + *size, room - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return refused(err, "read", path);
		if (got == 0)
			return true;
		*size += (size_t)got;
		if (*size > max)
			return err_fail(err, E_FILE_LIMIT, "%s is over %zu bytes", path, max);
	}
}

static bool read_open(struct arena *arena, int fd, const char *path, size_t max, struct bytes *out,
		      struct err *err)
{
	unsigned char *data = NULL;
	struct stat about;
	size_t size = 0;

	if (fstat(fd, &about) != 0)
		return refused(err, "look at", path);
	if (S_ISREG(about.st_mode) && about.st_size > 0 && (uintmax_t)about.st_size > max)
		return err_fail(err, E_FILE_LIMIT, "%s is over %zu bytes", path, max);
	bool read = read_on(fd, max, &data, &size, path, err);
	if (read && size >= arena_left(arena))
		read = err_fail(err, E_FILE_LIMIT, "%s is too large to be read here", path);
	if (read)
		*out = arena_bytes(arena, bytes_of(data, size));
	free(data);
	return read;
}

bool file_find(struct arena *arena, const char *path, size_t max, bool *found, struct bytes *out,
	       struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*found = false;
		return true;
	}
	if (fd < 0)
		return refused(err, "open", path);
	bool read = read_open(arena, fd, path, max, out, err);
	close(fd);
	if (read)
		*found = true;
	return read;
}

bool file_read(struct arena *arena, const char *path, size_t max, struct bytes *out,
	       struct err *err)
{
	bool found = false;
	if (!file_find(arena, path, max, &found, out, err))
		return false;
	return found || err_fail(err, E_FILE, "There is no file %s", path);
}

bool file_read_line(struct arena *arena, const char *path, char **out, struct err *err)
{
	struct bytes bytes;

	if (!file_read(arena, path, LINE_MAX_BYTES, &bytes, err))
		return false;
	if (bytes.size > 0 && bytes.data[bytes.size - 1] == '\n')
		bytes.size--;
	if (bytes.size > 0 && bytes.data[bytes.size - 1] == '\r')
		bytes.size--;
	if (bytes.size == 0)
		return err_fail(err, E_INPUT, "%s is empty; write its one line", path);
	if (memchr(bytes.data, '\n', bytes.size) || memchr(bytes.data, '\0', bytes.size))
		return err_fail(err, E_INPUT, "%s must hold exactly one line of text", path);
	if (bytes.size >= arena_left(arena))
		return err_fail(err, E_FILE_LIMIT, "%s is too large to be read here", path);
	*out = arena_text_of(arena, bytes);
	return true;
}

bool file_sync_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refused(err, "open folder", path);
	bool synced = fsync(fd) == 0 || refused(err, "sync folder", path);
	close(fd);
	return synced;
}

/* Whether the name still means the file that is open: another writer may have renamed it away
 * while we waited for the lock. */
static bool still_named(int fd, const char *name)
{
	struct stat by_fd, by_name;
	return fstat(fd, &by_fd) == 0 && lstat(name, &by_name) == 0 &&
	       by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino;
}

/* The temporary, locked and empty; -1 with err set. */
static int open_new(const char *name, struct err *err)
{
	for (;;) {
		int fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0) {
			refused(err, "create", name);
			return -1;
		}
		int locked;
		do
			locked = flock(fd, LOCK_EX);
		while (locked != 0 && errno == EINTR);
		if (locked == 0 && !still_named(fd, name)) {
			close(fd);
			continue;
		}
		if (locked == 0 && ftruncate(fd, 0) == 0)
			return fd;
		refused(err, "lock", name);
		close(fd);
		return -1;
	}
}

static bool fill_and_rename(int fd, const char *name, const char *path, struct bytes bytes,
			    mode_t mode, struct err *err)
{
	if (!file_write_all(fd, bytes, err))
		return false;
	if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
		return refused(err, "sync", name);
	return rename(name, path) == 0 || refused(err, "replace", path);
}

static bool sync_folder_of(const char *path, struct err *err)
{
	char folder[PATH_MAX_BYTES];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return file_sync_folder(".", err);
	size_t size = slash == path ? 1 : (size_t)(slash - path);
	memcpy(folder, path, size);
	folder[size] = '\0';
	return file_sync_folder(folder, err);
}

bool file_replace(const char *path, struct bytes bytes, mode_t mode, struct err *err)
{
	char name[PATH_MAX_BYTES];

	if (strlen(path) + sizeof(".new") > sizeof(name))
		return err_fail(err, E_FILE, "A path is over %d bytes", PATH_MAX_BYTES);
	snprintf(name, sizeof(name), "%s.new", path);
	int fd = open_new(name, err);
	if (fd < 0)
		return false;
	bool done = fill_and_rename(fd, name, path, bytes, mode, err);
	if (!done)
		unlink(name); /* before the lock goes, so that nobody has begun to fill it */
	close(fd);
	return done && sync_folder_of(path, err);
}

static bool make_folder(const char *path, mode_t mode, struct err *err)
{
	struct stat about;

	if (mkdir(path, mode) == 0)
		return true;
	if (errno != EEXIST)
		return refused(err, "make folder", path);
	if (stat(path, &about) != 0)
		return refused(err, "look at", path);
	return S_ISDIR(about.st_mode) || err_fail(err, E_FILE, "%s is no folder", path);
}

bool file_make_folders(const char *path, mode_t mode, struct err *err)
{
	char name[PATH_MAX_BYTES];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(name))
		return err_fail(err, E_FILE, "A path must have 1 to %d bytes", PATH_MAX_BYTES - 1);
	memcpy(name, path, length + 1);
	for (size_t i = 1; i < length; i++) {
		if (name[i] != '/' || name[i - 1] == '/')
			continue;
		name[i] = '\0';
		if (!make_folder(name, mode, err))
			return false;
		name[i] = '/';
	}
	return make_folder(name, mode, err);
}
