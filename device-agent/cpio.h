/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_CPIO_H
#define DEVICE_AGENT_CPIO_H

/*
 * Walks cpio archives ("newc", 070701 and 070702) piece by piece and keeps nothing: is an unpacked
 * initrd complete? Several archives may follow each other, with zeros between them, as the kernel
 * takes them.
 */

#include "common/bytes.h"
#include "common/err.h"

#include <stdint.h>

struct cpio {
	uint64_t at;	      /* offset in the whole stream */
	uint64_t passed_over; /* bytes still to pass over */
	unsigned char head[110];
	size_t head_bytes;
	char name[11]; /* enough of it for TRAILER!!! */
	size_t name_bytes, name_size;
	uint64_t body_size;
	enum { CPIO_BETWEEN, CPIO_HEAD, CPIO_NAME, CPIO_BODY } part;
	uint64_t entries;
	uint64_t archives; /* that ended with their trailer */
};

MUST_CHECK bool cpio_add(struct cpio *cpio, struct bytes piece, struct err *err);
/* E_AGENT_HEALTH unless at least one archive came and the last one is complete. */
MUST_CHECK bool cpio_end(const struct cpio *cpio, struct err *err);

#endif
