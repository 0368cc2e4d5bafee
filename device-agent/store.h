/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_STORE_H
#define DEVICE_AGENT_STORE_H

/*
 * Every byte that the agent or the simulated board writes goes through here, so that a test can cut
 * the power at any of these operations (cut.h) and so that each has its sync: what returned true
 * survives a cut, but for store_write, which needs its store_sync. Errors are E_FILE.
 */

#include "common/bytes.h"
#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

/* The old file or the new one, whatever happens: temporary beside it, sync, rename, sync the folder. */
MUST_CHECK bool store_replace(const char *path, struct bytes bytes, mode_t mode, struct err *err);
/* Adds to the end of a journal, and syncs it. */
MUST_CHECK bool store_append(const char *path, struct bytes bytes, mode_t mode, struct err *err);
/* No such file is fine. */
MUST_CHECK bool store_remove(const char *path, struct err *err);

/* Into a bank, at an offset; lasts only after store_sync. */
MUST_CHECK bool store_write(int fd, uint64_t offset, struct bytes bytes, struct err *err);
MUST_CHECK bool store_sync(int fd, struct err *err);

#endif
