/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_HEALTH_H
#define DEVICE_AGENT_HEALTH_H

/*
 * Is the firmware that runs fit to stay? Judged on the running bank itself; nothing is told to fail.
 *
 *   uimage-multi  the first `size` bytes are a U-Boot legacy multi image (doc/uImage: 64-byte
 *                 header of magic 0x27051956, both CRCs, size table) of a kernel (arm64 Image,
 *                 plain or gzip, or x86 bzImage) and an initrd: gzip to its very end, unpacking to
 *                 complete cpio archives
 *   command       a program says so by exit status 0; it gets BANK (path) and BANK_BYTES
 *   none          booting is enough
 *
 * E_AGENT_HEALTH says what is wrong. All sizes are bounded by the bank; an initrd may unpack to
 * HEALTH_UNPACKED_MAX bytes, which are looked at and not kept.
 */

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>

#define HEALTH_UNPACKED_MAX (UINT64_C(4) << 30)

enum health_kind { HEALTH_NONE, HEALTH_UIMAGE_MULTI, HEALTH_COMMAND, HEALTH_KINDS };
MUST_CHECK bool health_kind_of(const char *word, enum health_kind *out, struct err *err);

struct health_check {
	enum health_kind kind;
	const char *const *argv; /* HEALTH_COMMAND: NULL-ended, argv[0] a path */
	int64_t time_limit_ms;	 /* of one run of it */
};

/* bank_path and size: what runs, and how many bytes of it are the image. */
MUST_CHECK bool health_judge(const struct health_check *check, const char *bank_path, int bank_fd,
			     uint64_t size, struct err *err);

#endif
