/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

/*
 * The one way to own memory: an arena per request, per job, per agent round.
 *
 *   - What a function returns lives as long as the arena it was given; nobody frees it.
 *   - What has _new has _free, and only long-lived things have it.
 *   - A foreign object (a JSON tree, a query result, a key) is handed to the arena with
 *     arena_defer on the line after it is made.
 *
 * The arena is passed, never ambient, and belongs to one thread at a time. Every arena states its
 * maximum at birth; going over it, like running out of memory, ends the program with a message:
 * sizes are bounded at the doors, so it is a defect. Memory comes zeroed and aligned for any type.
 * Under AddressSanitizer each allocation is poisoned when it is released.
 */

#include "common/bytes.h"

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena);  /* NULL is fine; runs the deferred releases, last first */
void arena_reset(struct arena *arena); /* back to empty, releases run; for loops */

void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
void *arena_copy(struct arena *arena, const void *data, size_t size)
	__attribute__((returns_nonnull));
struct bytes arena_bytes(struct arena *arena, struct bytes bytes);
char *arena_text(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_text_of(struct arena *arena, struct bytes bytes)
	__attribute__((returns_nonnull)); /* adds the NUL */
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((returns_nonnull, format(printf, 2, 3)));

/* Has release(object) called when the arena is reset or freed. */
void arena_defer(struct arena *arena, void (*release)(void *object), void *object);

size_t arena_used(const struct arena *arena);
/* What may still be allocated. For doors that turn "too large" into an error before asking. */
size_t arena_left(const struct arena *arena);

#endif
