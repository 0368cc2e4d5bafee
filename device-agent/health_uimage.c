/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the first bytes of a bank hold a kernel and an initrd that can boot? The one door to zlib on
 * the device. Reads the bank twice: once for its CRC, once for what lies in it.
 */

#include "device-agent/health_uimage.h"

#include "device-agent/cpio.h"
#include "device-agent/health.h"

#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { HEADER_BYTES = 64, TYPE_AT = 30, TYPE_MULTI = 4, PARTS_MAX = 8, PIECE_BYTES = 64 * 1024 };
enum { ARM64_MAGIC_AT = 56, X86_MAGIC_AT = 0x202, X86_BOOT_FLAG_AT = 0x1fe, KERNEL_HEAD = 1024 };
#define UIMAGE_MAGIC 0x27051956U

struct part {
	uint64_t offset, size;
};

struct image {
	int fd;
	uint64_t data_size;
	struct part parts[PARTS_MAX];
	size_t count;
};

/* What unpacked bytes are handed to. */
typedef bool (*taker)(void *context, struct bytes piece, struct err *err);

static bool bad(struct err *err, const char *why)
{
	return err_fail(err, E_AGENT_HEALTH, "%s", why);
}

static uint32_t number_at(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool read_at(int fd, uint64_t offset, void *out, size_t size, struct err *err)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n =
			pread(fd, (unsigned char *)out + done, size - done, (off_t)(offset + done));

		if (n <= 0)
			return bad(err, "the bank could not be read to the end of the image");
		done += (size_t)n;
	}
	return true;
}

static bool check_header(unsigned char head[HEADER_BYTES], uint64_t size, struct err *err)
{
	uint32_t stated = number_at(head + 4);

	if (number_at(head) != UIMAGE_MAGIC)
		return bad(err, "the bank does not begin with a U-Boot image");
	memset(head + 4, 0, 4);
	if (crc32(0, head, HEADER_BYTES) != stated)
		return bad(err, "the CRC of the image's header is wrong");
	if (head[TYPE_AT] != TYPE_MULTI)
		return bad(err, "the image is no multi image");
	if (number_at(head + 12) > size - HEADER_BYTES)
		return bad(err, "the image is longer than what was installed");
	return true;
}

static bool check_data(int fd, uint64_t size, uint32_t stated, struct err *err)
{
	unsigned char piece[PIECE_BYTES];
	uLong crc = crc32(0, NULL, 0);

	for (uint64_t done = 0; done < size;) {
		size_t n = size - done < PIECE_BYTES ? (size_t)(size - done) : PIECE_BYTES;

		if (!read_at(fd, HEADER_BYTES + done, piece, n, err))
			return false;
		crc = crc32(crc, piece, (uInt)n);
		done += n;
	}
	return crc == stated ? true : bad(err, "the CRC of the image's data is wrong");
}

static bool read_parts(struct image *image, struct err *err)
{
	unsigned char table[4 * (PARTS_MAX + 1)];
	size_t room = image->data_size < sizeof(table) ? (size_t)image->data_size : sizeof(table);
	uint64_t offset;

	if (!read_at(image->fd, HEADER_BYTES, table, room, err))
		return false;
	while (4 * (image->count + 1) <= room && number_at(table + 4 * image->count) != 0) {
		if (image->count == PARTS_MAX)
			return bad(err, "the image has too many parts");
		image->parts[image->count].size = number_at(table + 4 * image->count);
		image->count++;
	}
	if (4 * (image->count + 1) > room)
		return bad(err, "the image's table of parts has no end");
	offset = 4 * (image->count + 1);
	for (size_t i = 0; i < image->count; i++) {
		image->parts[i].offset = HEADER_BYTES + offset;
		offset += (image->parts[i].size + 3) / 4 * 4;
	}
	/* The last part need not be padded. */
	if (image->count > 0 && offset >= image->data_size + 4)
		return bad(err, "the image's parts are longer than the image");
	return true;
}

static bool open_image(struct image *image, uint64_t size, struct err *err)
{
	unsigned char head[HEADER_BYTES];

	if (size < HEADER_BYTES)
		return bad(err, "the image is shorter than a header");
	if (!read_at(image->fd, 0, head, sizeof(head), err) || !check_header(head, size, err))
		return false;
	image->data_size = number_at(head + 12);
	return check_data(image->fd, image->data_size, number_at(head + 24), err) &&
	       read_parts(image, err);
}

/* A part of the image on its way through zlib. */
struct feed {
	const struct image *image;
	const struct part *part;
	uint64_t fed; /* bytes of the part handed to zlib */
	uint64_t unpacked;
	z_stream stream;
	bool ended;   /* the stream so far is complete */
	bool pending; /* zlib has more to give without more input */
	unsigned char in[PIECE_BYTES], out[PIECE_BYTES];
};

static bool refill(struct feed *feed, struct err *err)
{
	uint64_t left = feed->part->size - feed->fed;
	size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

	if (feed->stream.avail_in > 0 || n == 0)
		return true;
	if (!read_at(feed->image->fd, feed->part->offset + feed->fed, feed->in, n, err))
		return false;
	feed->stream.next_in = feed->in;
	feed->stream.avail_in = (uInt)n;
	feed->fed += n;
	return true;
}

/* Behind a complete stream: passes over zeros, and begins anew at anything else. */
static bool begin_next(struct feed *feed, struct err *err)
{
	while (feed->stream.avail_in > 0 && *feed->stream.next_in == 0) {
		feed->stream.next_in++;
		feed->stream.avail_in--;
	}
	if (feed->stream.avail_in == 0)
		return true;
	feed->ended = false;
	return inflateReset(&feed->stream) == Z_OK ? true : bad(err, "zlib refused to begin again");
}

static bool inflate_some(struct feed *feed, taker take, void *context, struct err *err)
{
	size_t got;
	int status;

	feed->stream.next_out = feed->out;
	feed->stream.avail_out = sizeof(feed->out);
	status = inflate(&feed->stream, Z_NO_FLUSH);
	if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
		return bad(err, "a compressed part of the image is damaged");
	got = sizeof(feed->out) - feed->stream.avail_out;
	feed->ended = status == Z_STREAM_END;
	feed->pending = !feed->ended && feed->stream.avail_out == 0;
	feed->unpacked += got;
	if (feed->unpacked > HEALTH_UNPACKED_MAX)
		return bad(err, "a compressed part of the image unpacks to too much");
	return take(context, bytes_of(feed->out, got), err);
}

/* One gzip stream after the other (RFC 1952 2.2), zeros allowed behind each. zlib checks CRC and
 * size of each; a part that ends before its stream does is truncated. */
static bool inflate_all(struct feed *feed, taker take, void *context, struct err *err)
{
	for (;;) {
		if (!refill(feed, err) || (feed->ended && !begin_next(feed, err)))
			return false;
		if (feed->stream.avail_in == 0 && feed->fed < feed->part->size)
			continue;
		if (feed->stream.avail_in == 0 && !feed->pending)
			break;
		if (!inflate_some(feed, take, context, err))
			return false;
	}
	return feed->ended ? true : bad(err, "a compressed part of the image is cut off");
}

static bool unpack(const struct image *image, const struct part *part, taker take, void *context,
		   struct err *err)
{
	struct feed feed = {.image = image, .part = part};
	bool ok;

	if (inflateInit2(&feed.stream, 16 + MAX_WBITS) != Z_OK)
		return bad(err, "zlib could not begin");
	ok = inflate_all(&feed, take, context, err);
	inflateEnd(&feed.stream);
	return ok;
}

struct kernel_head {
	unsigned char at[KERNEL_HEAD];
	size_t size;
};

static bool take_kernel(void *context, struct bytes piece, struct err *err)
{
	struct kernel_head *head = context;
	size_t room = sizeof(head->at) - head->size;
	size_t n = piece.size < room ? piece.size : room;

	(void)err;
	memcpy(head->at + head->size, piece.data, n);
	head->size += n;
	return true;
}

static bool begins_like_kernel(const struct kernel_head *head)
{
	if (head->size >= ARM64_MAGIC_AT + 4 &&
	    memcmp(head->at + ARM64_MAGIC_AT, "ARM\x64", 4) == 0)
		return true;
	return head->size >= X86_MAGIC_AT + 4 && memcmp(head->at + X86_MAGIC_AT, "HdrS", 4) == 0 &&
	       head->at[X86_BOOT_FLAG_AT] == 0x55 && head->at[X86_BOOT_FLAG_AT + 1] == 0xaa;
}

static bool starts_gzip(const unsigned char *at, size_t size)
{
	return size >= 2 && at[0] == 0x1f && at[1] == 0x8b;
}

static bool check_kernel(const struct image *image, const struct part *part, struct err *err)
{
	struct kernel_head head = {0};

	head.size = part->size < sizeof(head.at) ? (size_t)part->size : sizeof(head.at);
	if (!read_at(image->fd, part->offset, head.at, head.size, err))
		return false;
	if (starts_gzip(head.at, head.size)) {
		head.size = 0;
		if (!unpack(image, part, take_kernel, &head, err)) {
			err_prefix(err, "kernel");
			return false;
		}
	}
	return begins_like_kernel(&head) ? true : bad(err, "the image's first part is no kernel");
}

static bool take_initrd(void *context, struct bytes piece, struct err *err)
{
	return cpio_add(context, piece, err);
}

static bool check_initrd(const struct image *image, const struct part *part, struct err *err)
{
	struct cpio cpio = {0};
	unsigned char magic[2] = {0};

	if (part->size < sizeof(magic) ||
	    !read_at(image->fd, part->offset, magic, sizeof(magic), err) ||
	    !starts_gzip(magic, sizeof(magic)))
		return bad(err, "the image's second part is no gzip file");
	if (!unpack(image, part, take_initrd, &cpio, err)) {
		err_prefix(err, "initrd");
		return false;
	}
	return cpio_end(&cpio, err);
}

bool health_uimage(int fd, uint64_t size, struct err *err)
{
	struct image image = {.fd = fd};

	if (!open_image(&image, size, err))
		return false;
	if (image.count < 2)
		return bad(err, "the image does not hold kernel and initrd");
	return check_kernel(&image, &image.parts[0], err) &&
	       check_initrd(&image, &image.parts[1], err);
}
