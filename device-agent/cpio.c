/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is an unpacked initrd complete? For health_uimage.c, which feeds it what it inflates.
 */

#include "device-agent/cpio.h"

#include <string.h>

enum { HEAD_BYTES = 110, NAME_SIZE_AT = 94, BODY_SIZE_AT = 54, NAME_MAX_BYTES = 4096 };

static bool hex_field(const unsigned char *at, uint64_t *out)
{
	uint64_t number = 0;

	for (size_t i = 0; i < 8; i++) {
		unsigned char c = at[i];
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
							: 16;

		if (digit == 16)
			return false;
		number = number << 4 | digit;
	}
	*out = number;
	return true;
}

static uint64_t padding(uint64_t at)
{
	return (4 - at % 4) % 4;
}

static bool end_head(struct cpio *cpio, struct err *err)
{
	uint64_t name_size;

	if ((memcmp(cpio->head, "070701", 6) != 0 && memcmp(cpio->head, "070702", 6) != 0) ||
	    !hex_field(cpio->head + NAME_SIZE_AT, &name_size) ||
	    !hex_field(cpio->head + BODY_SIZE_AT, &cpio->body_size))
		return err_fail(err, E_AGENT_HEALTH,
				"the initrd holds no cpio entry where one has to begin");
	if (name_size == 0 || name_size > NAME_MAX_BYTES)
		return err_fail(err, E_AGENT_HEALTH, "an entry of the initrd has no proper name");
	cpio->name_size = (size_t)name_size;
	cpio->name_bytes = 0;
	cpio->part = CPIO_NAME;
	return true;
}

static void end_name(struct cpio *cpio)
{
	if (cpio->name_size == sizeof(cpio->name) && memcmp(cpio->name, "TRAILER!!!", 11) == 0) {
		cpio->archives++;
		cpio->part = CPIO_BETWEEN;
		cpio->passed_over = padding(cpio->at) + cpio->body_size;
		return;
	}
	cpio->entries++;
	cpio->part = CPIO_BODY;
	cpio->passed_over = padding(cpio->at) + cpio->body_size;
}

/* One byte, or as many as are only passed over; how many were taken. */
static size_t take(struct cpio *cpio, struct bytes piece)
{
	size_t taken = 1;
	unsigned char first = piece.data[0];

	if (cpio->passed_over > 0) {
		taken = cpio->passed_over < piece.size ? (size_t)cpio->passed_over : piece.size;
		cpio->passed_over -= taken;
	} else if (cpio->part == CPIO_BETWEEN && first != 0) {
		cpio->part = CPIO_HEAD;
		cpio->head_bytes = 0;
		taken = 0;
	} else if (cpio->part == CPIO_HEAD) {
		cpio->head[cpio->head_bytes++] = first;
	} else if (cpio->part == CPIO_NAME) {
		if (cpio->name_bytes < sizeof(cpio->name))
			cpio->name[cpio->name_bytes] = (char)first;
		cpio->name_bytes++;
	}
	cpio->at += taken;
	return taken;
}

bool cpio_add(struct cpio *cpio, struct bytes piece, struct err *err)
{
	while (piece.size > 0) {
		size_t taken = take(cpio, piece);

		piece = bytes_of(piece.data + taken, piece.size - taken);
		if (cpio->part == CPIO_HEAD && cpio->head_bytes == HEAD_BYTES &&
		    !end_head(cpio, err))
			return false;
		if (cpio->part == CPIO_NAME && cpio->name_bytes == cpio->name_size)
			end_name(cpio);
		if (cpio->part == CPIO_BODY && cpio->passed_over == 0) {
			cpio->part = CPIO_HEAD;
			cpio->head_bytes = 0;
			cpio->passed_over = padding(cpio->at);
		}
	}
	return true;
}

bool cpio_end(const struct cpio *cpio, struct err *err)
{
	if (cpio->archives == 0 || cpio->part != CPIO_BETWEEN || cpio->entries == 0)
		return err_fail(err, E_AGENT_HEALTH, "the initrd's archive has no end");
	return true;
}
