/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bank is to boot? The record that answers it, for the agent (bank_file.c) and for the
 * simulated boot loader (board.c).
 */

#include "device-agent/boot_record.h"

#include "device-agent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BYTES = 24, FILE_BYTES = 2 * COPY_BYTES };

/* CRC-32 bit by bit: 20 bytes a boot need no table, and zlib stays in health.c. */
static uint32_t crc32_of(const unsigned char *data, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
	}
	return ~crc;
}

static void put_number(unsigned char *out, uint64_t number, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		out[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
}

static uint64_t get_number(const unsigned char *in, size_t bytes)
{
	uint64_t number = 0;

	for (size_t i = 0; i < bytes; i++)
		number = number << 8 | in[i];
	return number;
}

static void write_copy(const struct boot_record *record, unsigned char out[COPY_BYTES])
{
	memset(out, 0, COPY_BYTES);
	memcpy(out, "CSB1", 4);
	out[4] = record->active == BANK_A ? 'A' : 'B';
	out[5] = !record->on_trial ? '-' : record->trial == BANK_A ? 'A' : 'B';
	out[6] = (unsigned char)record->tries;
	put_number(out + 8, record->seq, 8);
	put_number(out + 20, crc32_of(out, 20), 4);
}

static bool read_copy(const unsigned char in[COPY_BYTES], struct boot_record *out)
{
	if (memcmp(in, "CSB1", 4) != 0 || get_number(in + 20, 4) != crc32_of(in, 20))
		return false;
	if ((in[4] != 'A' && in[4] != 'B') || (in[5] != 'A' && in[5] != 'B' && in[5] != '-') ||
	    in[6] > BOOT_TRIES_MAX)
		return false;
	*out = (struct boot_record){.active = in[4] == 'A' ? BANK_A : BANK_B,
				    .on_trial = in[5] != '-',
				    .trial = in[5] == 'B' ? BANK_B : BANK_A,
				    .tries = in[6],
				    .seq = get_number(in + 8, 8)};
	return true;
}

static bool read_file(const char *path, unsigned char out[FILE_BYTES], struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_fail(err, E_AGENT_BANK, "boot record %s: %s", path, strerror(errno));
	memset(out, 0, FILE_BYTES);
	n = pread(fd, out, FILE_BYTES, 0);
	close(fd);
	if (n < 0)
		return err_fail(err, E_AGENT_BANK, "boot record %s: %s", path, strerror(errno));
	return true;
}

bool boot_record_read(const char *path, struct boot_record *out, struct err *err)
{
	unsigned char file[FILE_BYTES];
	struct boot_record copy[2];
	bool valid[2];

	if (!read_file(path, file, err))
		return false;
	for (size_t i = 0; i < 2; i++)
		valid[i] = read_copy(file + i * COPY_BYTES, &copy[i]);
	if (!valid[0] && !valid[1])
		return err_fail(err, E_AGENT_BANK, "boot record %s: neither copy is valid", path);
	*out = valid[0] && (!valid[1] || copy[0].seq > copy[1].seq) ? copy[0] : copy[1];
	return true;
}

static bool write_file(const char *path, const struct boot_record *before,
		       const struct boot_record *now, struct err *err)
{
	unsigned char file[FILE_BYTES];

	write_copy(now, file + (now->seq % 2) * COPY_BYTES);
	write_copy(before, file + (1 - now->seq % 2) * COPY_BYTES);
	return store_replace(path, bytes_of(file, sizeof(file)), 0600, err);
}

bool boot_record_write(const char *path, struct boot_record *record, struct err *err)
{
	struct boot_record before, now = *record;

	if (!boot_record_read(path, &before, err))
		return false;
	now.seq = before.seq + 1;
	if (!write_file(path, &before, &now, err))
		return false;
	record->seq = now.seq;
	return true;
}

bool boot_record_make(const char *path, struct err *err)
{
	struct boot_record first = {.active = BANK_A, .seq = 1};
	struct boot_record second = first;

	second.seq = 2;
	return write_file(path, &first, &second, err);
}
