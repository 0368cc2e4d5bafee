/* SPDX-License-Identifier: Apache-2.0 */
/* Is there something of this name? Open addressing over a list of entries in the order of coming. */

#include "audit/names.h"

#include "common/digest.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_ROOM = 16 };

struct names_entry {
	const char *name;
	void *value;
	uint64_t hash;
};

struct names {
	struct arena *arena;
	uint64_t seed;
	struct names_entry *entries;
	size_t count;
	size_t room;	 /* of entries; slots are twice as many */
	uint32_t *slots; /* number of an entry + 1; 0: free */
};

/* FNV-1a from a seed of this process, so that nobody chooses names that meet. */
static uint64_t hash_of(const struct names *names, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ names->seed;

	for (; *name; name++) {
		hash ^= (unsigned char)*name;
		hash *= UINT64_C(1099511628211);
	}
	return hash ^ (hash >> 29);
}

static void place(struct names *names, size_t entry)
{
	size_t slots = names->room * 2;
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): room begins with FIRST_ROOM and grows */
	size_t at = names->entries[entry].hash % slots;

	while (names->slots[at])
		at = (at + 1) % slots;
	names->slots[at] = (uint32_t)entry + 1;
}

static void grow(struct names *names, size_t room)
{
	struct names_entry *entries = arena_array(names->arena, room, sizeof(*entries));

	if (names->count > 0)
		memcpy(entries, names->entries, names->count * sizeof(*entries));
	names->entries = entries;
	names->room = room;
	names->slots = arena_array(names->arena, room * 2, sizeof(*names->slots));
	for (size_t i = 0; i < names->count; i++)
		place(names, i);
}

struct names *names_new(struct arena *arena)
{
	struct names *names = arena_alloc(arena, sizeof(*names));

	names->arena = arena;
	random_fill(&names->seed, sizeof(names->seed));
	grow(names, FIRST_ROOM);
	return names;
}

static struct names_entry *entry_of(const struct names *names, const char *name)
{
	uint64_t hash = hash_of(names, name);
	size_t slots = names->room * 2;

	for (size_t at = hash % slots; names->slots[at]; at = (at + 1) % slots) {
		struct names_entry *entry = &names->entries[names->slots[at] - 1];
		if (entry->hash == hash && strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

void *names_find(const struct names *names, const char *name)
{
	const struct names_entry *entry = entry_of(names, name);

	return entry ? entry->value : NULL;
}

void names_put(struct names *names, const char *name, void *value)
{
	struct names_entry *entry = entry_of(names, name);

	if (entry) {
		entry->value = value;
		return;
	}
	if (names->count == names->room)
		grow(names, names->room * 2);
	names->entries[names->count] = (struct names_entry){.name = arena_text(names->arena, name),
							    .value = value,
							    .hash = hash_of(names, name)};
	place(names, names->count++);
}

size_t names_count(const struct names *names)
{
	return names->count;
}

const char *names_at(const struct names *names, size_t i, void **value)
{
	if (value)
		*value = names->entries[i].value;
	return names->entries[i].name;
}
