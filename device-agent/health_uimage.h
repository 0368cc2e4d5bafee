/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_HEALTH_UIMAGE_H
#define DEVICE_AGENT_HEALTH_UIMAGE_H

/*
 * A U-Boot legacy multi image as mkimage -T multi makes it: big-endian header (magic, header CRC,
 * time, data size, load, entry, data CRC, os, arch, type 4, compression, name), a table of u32 sizes
 * ended by 0, the parts each padded to 4 bytes. Here: kernel first, initrd second.
 */

#include "common/err.h"

#include <stdint.h>

/* E_AGENT_HEALTH: what is wrong, in one sentence. Reads at most size bytes of fd from its start. */
MUST_CHECK bool health_uimage(int fd, uint64_t size, struct err *err);

#endif
