/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is released all at once. Small things share blocks; large ones get their own. */

#include "common/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024, ALIGN = 16 };

struct block {
	struct block *next;
	size_t size; /* of the payload */
	size_t used;
	_Alignas(ALIGN) unsigned char payload[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *object);
	void *object;
};

struct arena {
	struct block *blocks;
	struct deferred *deferred;
	size_t used;
	size_t max;
};

static _Noreturn void give_up(const char *why, size_t size, size_t max)
{
	fprintf(stderr, "countersign: memory: %s (asked %zu bytes, maximum %zu)\n", why, size, max);
	abort();
}

struct arena *arena_new(size_t max_bytes)
{
	struct arena *arena = calloc(1, sizeof(*arena));
	if (!arena)
		give_up("out of memory", sizeof(*arena), max_bytes);
	arena->max = max_bytes;
	return arena;
}

void arena_reset(struct arena *arena)
{
	struct deferred *deferred = arena->deferred;
	arena->deferred = NULL;
	for (; deferred; deferred = deferred->next)
		deferred->release(deferred->object);
	struct block *block = arena->blocks;
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
	arena->blocks = NULL;
	arena->used = 0;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	free(arena);
}

static struct block *block_new(struct arena *arena, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);
	if (!block)
		give_up("out of memory", size, arena->max);
	block->size = size;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (size > arena->max || arena->used > arena->max - size)
		give_up("an arena is full", size, arena->max);
	arena->used += size;
#if defined(__SANITIZE_ADDRESS__)
	/* A block each, so that the sanitizer sees every overrun. */
	size_t block_bytes = size ? size : 1;
#else
	size_t need = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct block *first = arena->blocks;
	if (first && first->size - first->used >= need) {
		void *at = first->payload + first->used;
		first->used += need;
		return at;
	}
	size_t block_bytes = need > BLOCK_BYTES / 4 ? need : BLOCK_BYTES;
	size = need;
#endif
	struct block *block = block_new(arena, block_bytes);
	block->used = size;
	if (arena->blocks && block_bytes != BLOCK_BYTES) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = arena->blocks;
		arena->blocks = block;
	}
	return block->payload;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		give_up("a count is out of range", count, arena->max);
	return arena_alloc(arena, count * size);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
	void *copy = arena_alloc(arena, size);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

struct bytes arena_bytes(struct arena *arena, struct bytes bytes)
{
	return bytes_of(arena_copy(arena, bytes.data, bytes.size), bytes.size);
}

char *arena_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_text_of(struct arena *arena, struct bytes bytes)
{
	char *text = arena_alloc(arena, bytes.size + 1);
	if (bytes.size)
		memcpy(text, bytes.data, bytes.size);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		give_up("a text could not be formatted", 0, arena->max);
	char *text = arena_alloc(arena, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void arena_defer(struct arena *arena, void (*release)(void *object), void *object)
{
	struct deferred *deferred = arena_alloc(arena, sizeof(*deferred));
	deferred->release = release;
	deferred->object = object;
	deferred->next = arena->deferred;
	arena->deferred = deferred;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

size_t arena_left(const struct arena *arena)
{
	return arena->max - arena->used;
}
