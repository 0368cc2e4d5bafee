/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would a power cut at this very operation leave? For tests of the agent and the board; without
 * COUNTERSIGN_CUT_AT every call here is one comparison. The journal below remembers how to take back
 * what was not synced yet: old bytes of overwritten places, old files behind new names.
 */

#include "device-agent/cut.h"

#include "common/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum how { HOW_BEFORE, HOW_HALF, HOW_LOST };

/* One operation that is not synced yet. Old bytes and sizes are on the heap until it is. */
struct undo {
	struct undo *earlier;
	enum cut_kind kind;
	int fd; /* our own duplicate */
	dev_t device;
	ino_t inode;
	uint64_t offset;
	off_t size_before;
	unsigned char *old;
	size_t old_size;
	bool existed;
	char *path;
};

static struct {
	bool read;
	long long at; /* 0: no cut */
	long long count;
	enum how how;
	const char *count_file;
	struct undo *newest;
} plan;

static void read_plan(const char *at)
{
	const char *how = getenv("COUNTERSIGN_CUT_HOW");

	plan.read = true;
	if (!text_int(at, 0, 1000000000, &plan.at))
		return;
	plan.count_file = getenv("COUNTERSIGN_CUT_COUNT");
	if (how != NULL && strcmp(how, "half") == 0)
		plan.how = HOW_HALF;
	if (how != NULL && strcmp(how, "lost") == 0)
		plan.how = HOW_LOST;
}

bool cut_planned(void)
{
	const char *at = plan.read ? NULL : getenv("COUNTERSIGN_CUT_AT");

	if (at != NULL)
		read_plan(at);
	return plan.at > 0;
}

/* The count of all processes of this installation. Board and agent never write at the same time. */
static long long next_count(void)
{
	int fd;

	if (plan.count_file == NULL)
		return ++plan.count;
	fd = open(plan.count_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		_exit(70);
	if (pread(fd, &plan.count, sizeof(plan.count), 0) != (ssize_t)sizeof(plan.count))
		plan.count = 0;
	plan.count++;
	if (pwrite(fd, &plan.count, sizeof(plan.count), 0) != (ssize_t)sizeof(plan.count))
		_exit(70);
	close(fd);
	return plan.count;
}

static void *take(size_t size)
{
	void *memory = calloc(1, size == 0 ? 1 : size);

	if (memory == NULL)
		_exit(70);
	return memory;
}

static unsigned char *old_bytes(int fd, uint64_t offset, size_t size, size_t *got)
{
	unsigned char *old = take(size);
	char path[64];
	ssize_t n = pread(fd, old, size, (off_t)offset);

	/* A file opened for writing only is read through its name in /proc. */
	if (n < 0) {
		int readable;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		readable = open(path, O_RDONLY | O_CLOEXEC);
		n = readable < 0 ? 0 : pread(readable, old, size, (off_t)offset);
		if (readable >= 0)
			close(readable);
	}
	*got = n < 0 ? 0 : (size_t)n;
	return old;
}

static struct undo *remember(enum cut_kind kind)
{
	struct undo *undo = take(sizeof(*undo));

	*undo = (struct undo){.kind = kind, .fd = -1, .earlier = plan.newest};
	plan.newest = undo;
	return undo;
}

static void remember_write(const struct cut_point *point)
{
	struct undo *undo = remember(CUT_WRITE);
	struct stat is;

	if (fstat(point->fd, &is) != 0)
		_exit(70);
	undo->fd = fcntl(point->fd, F_DUPFD_CLOEXEC, 0);
	undo->device = is.st_dev;
	undo->inode = is.st_ino;
	undo->size_before = S_ISREG(is.st_mode) ? is.st_size : -1;
	undo->offset = point->offset;
	undo->old = old_bytes(point->fd, point->offset, point->bytes.size, &undo->old_size);
}

static void remember_name(const struct cut_point *point)
{
	struct undo *undo = remember(point->kind);
	struct stat is;
	size_t size = strlen(point->path) + 1;
	int fd;

	undo->path = take(size);
	memcpy(undo->path, point->path, size);
	fd = open(point->path, O_RDONLY | O_CLOEXEC);
	undo->existed = fd >= 0;
	if (fd < 0)
		return;
	if (fstat(fd, &is) != 0)
		_exit(70);
	undo->old = old_bytes(fd, 0, (size_t)is.st_size, &undo->old_size);
	close(fd);
}

static void forget(struct undo **link)
{
	struct undo *undo = *link;

	*link = undo->earlier;
	if (undo->fd >= 0)
		close(undo->fd);
	free(undo->old);
	free(undo->path);
	free(undo);
}

static bool same_folder(const char *a, const char *b)
{
	const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
	size_t length_a = slash_a == NULL ? 0 : (size_t)(slash_a - a);
	size_t length_b = slash_b == NULL ? 0 : (size_t)(slash_b - b);

	return length_a == length_b && memcmp(a, b, length_a) == 0;
}

/* After a sync nothing of that file, or of that folder's names, can be lost any more. */
static void forget_synced(const struct cut_point *point)
{
	struct undo **link = &plan.newest;
	struct stat is = {0};

	if (point->kind == CUT_SYNC && fstat(point->fd, &is) != 0)
		_exit(70);
	while (*link != NULL) {
		const struct undo *undo = *link;
		bool synced =
			point->kind == CUT_SYNC
				? undo->kind == CUT_WRITE && undo->device == is.st_dev &&
					  undo->inode == is.st_ino
				: undo->kind != CUT_WRITE && same_folder(undo->path, point->path);

		if (synced)
			forget(link);
		else
			link = &(*link)->earlier;
	}
}

static void take_back(struct undo *undo)
{
	bool ok = true;

	if (undo->kind == CUT_WRITE) {
		ok = pwrite(undo->fd, undo->old, undo->old_size, (off_t)undo->offset) ==
		     (ssize_t)undo->old_size;
		if (ok && undo->size_before >= 0)
			ok = ftruncate(undo->fd, undo->size_before) == 0;
	} else if (!undo->existed) {
		unlink(undo->path);
	} else {
		int fd;

		/* Another file may stand behind the name by now, and keeps what it has. */
		unlink(undo->path);
		fd = open(undo->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		ok = fd >= 0 && write(fd, undo->old, undo->old_size) == (ssize_t)undo->old_size;
	}
	if (!ok)
		_exit(70);
}

static void cut(const struct cut_point *point)
{
	if (plan.how == HOW_HALF && point->kind == CUT_WRITE &&
	    pwrite(point->fd, point->bytes.data, point->bytes.size / 2, (off_t)point->offset) < 0)
		_exit(70);
	if (plan.how == HOW_LOST)
		for (struct undo *undo = plan.newest; undo != NULL; undo = undo->earlier)
			take_back(undo);
	_exit(CUT_STATUS);
}

void cut_point(const struct cut_point *point)
{
	if (!cut_planned())
		return;
	if (next_count() == plan.at)
		cut(point);
	if (plan.how != HOW_LOST)
		return;
	switch (point->kind) {
	case CUT_WRITE:
		remember_write(point);
		break;
	case CUT_RENAME:
	case CUT_REMOVE:
	case CUT_CREATE:
		remember_name(point);
		break;
	case CUT_SYNC:
	case CUT_FOLDER:
		forget_synced(point);
		break;
	}
}
