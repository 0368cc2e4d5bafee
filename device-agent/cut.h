/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_CUT_H
#define DEVICE_AGENT_CUT_H

/*
 * A power cut for tests. Nothing happens unless COUNTERSIGN_CUT_AT is set to n > 0: then the n-th
 * operation of store.c ends the process with status 137, without any clean-up. COUNTERSIGN_CUT_COUNT
 * names a file that carries the count from one process to the next (agent, board, next boot), so
 * that n means an instant of a whole installation. COUNTERSIGN_CUT_HOW says what the cut leaves:
 *
 *   before  all that was written until then, synced or not (the default)
 *   half    the same, and the first half of the write that was under way
 *   lost    only what was synced: unsynced writes, names and removals are taken back
 *
 * "lost" is what finds a missing sync. It takes back what this process wrote; a process that ends by
 * itself leaves nothing unsynced behind.
 */

#include "common/bytes.h"
#include "common/err.h"

#include <stdint.h>

enum { CUT_STATUS = 137 };

enum cut_kind {
	CUT_WRITE,  /* bytes into fd at offset */
	CUT_SYNC,   /* of fd */
	CUT_RENAME, /* of from to path */
	CUT_REMOVE, /* of path */
	CUT_CREATE, /* of path */
	CUT_FOLDER, /* sync of the folder of path */
};

struct cut_point {
	enum cut_kind kind;
	int fd;
	uint64_t offset;
	struct bytes bytes;
	const char *from, *path;
};

/* Is a cut planned in this process (or its children)? */
bool cut_planned(void);
/* Called right before the operation; may not return. */
void cut_point(const struct cut_point *point);

#endif
