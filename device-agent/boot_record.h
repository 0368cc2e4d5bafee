/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_BOOT_RECORD_H
#define DEVICE_AGENT_BOOT_RECORD_H

/*
 * The boot record of the simulated board (protocol 5): what bank_file.c and board.c share. One file
 * of two copies of 24 bytes each, the newest and the one before; the valid copy with the higher seq
 * counts. Replaced by write, sync, rename.
 *
 *	offset 0  "CSB1"
 *	       4  active  'A' or 'B'
 *	       5  testing 'A', 'B' or '-'
 *	       6  tries   0 to 9
 *	       7  zero
 *	       8  seq     u64 big-endian, rises by one with each change
 *	      16  zero    u32
 *	      20  CRC-32 (ISO 3309, as zlib's) of the 20 bytes before, u32 big-endian
 */

#include "device-agent/bank.h"

struct boot_record {
	enum bank_name active;
	bool on_trial;
	enum bank_name trial;
	int tries;
	uint64_t seq;
};

enum { BOOT_TRIES_MAX = 9 };

/* E_AGENT_BANK when there is no file or no copy is valid. */
MUST_CHECK bool boot_record_read(const char *path, struct boot_record *out, struct err *err);
/* Takes the next seq; the record before stays as the second copy. */
MUST_CHECK bool boot_record_write(const char *path, struct boot_record *record, struct err *err);
/* A fresh board: A active, nothing on trial. */
MUST_CHECK bool boot_record_make(const char *path, struct err *err);

#endif
