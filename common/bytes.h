/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

/*
 * A borrowed run of bytes. It owns nothing: what it points at lives as long as the arena (or the
 * constant) it came from. An empty run has size 0; its data may be NULL.
 */

#include <stddef.h>
#include <string.h>

struct bytes {
	const unsigned char *data;
	size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){.data = data, .size = size};
}

static inline struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){.data = (const unsigned char *)text, .size = strlen(text)};
}

static inline _Bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
