/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

/*
 * Files, so that a cut leaves the old or the new, never half: write a temporary beside the target,
 * fsync it, rename, fsync the folder. The temporary is always "<path>.new": cuts leave at most that
 * one, and writers of one path wait for each other. Reading is bounded: the caller states the
 * maximum.
 */

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

MUST_CHECK bool file_read(struct arena *arena, const char *path, size_t max, struct bytes *out,
			  struct err *err);
/* found is false, and true returned, when there is no such file. */
MUST_CHECK bool file_find(struct arena *arena, const char *path, size_t max, bool *found,
			  struct bytes *out, struct err *err);
/* Text files of one line (tokens, passwords): the end of line is taken off. */
MUST_CHECK bool file_read_line(struct arena *arena, const char *path, char **out, struct err *err);
MUST_CHECK bool file_replace(const char *path, struct bytes bytes, mode_t mode, struct err *err);
MUST_CHECK bool file_sync_folder(const char *path, struct err *err);
/* Like mkdir -p, each new folder with this mode. */
MUST_CHECK bool file_make_folders(const char *path, mode_t mode, struct err *err);
/* All of it or an error, whatever the signals. */
MUST_CHECK bool file_write_all(int fd, struct bytes bytes, struct err *err);
MUST_CHECK bool file_read_all(int fd, void *out, size_t size, struct err *err);

#endif
