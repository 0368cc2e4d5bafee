/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes, checkpoints, note keys, bundles, frontiers: what is read is written with the same bytes.
 */

#include "tests/fuzz/fuzz.h"

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "audit/tree.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 * 1024 * 1024, ENTRY_MAX = 64 * 1024 };

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void probe_checkpoint(struct arena *arena, struct bytes text)
{
	struct checkpoint checkpoint;
	struct bytes again;
	struct err err = {0};

	if (!checkpoint_text_parse(arena, text, &checkpoint, &err))
		return;
	must(checkpoint_text_write(arena, &checkpoint, &again, &err));
	must(bytes_equal(text, again));
}

static void probe_note(struct arena *arena, struct bytes bytes)
{
	struct note note;
	struct err err = {0};

	if (!note_parse(arena, bytes, &note, &err)) {
		must(err.code == E_NOTE);
		return;
	}
	must(note.text.size > 0 && note.text.data[note.text.size - 1] == '\n');
	must(note.signature_count > 0 && note.signature_count <= NOTE_SIGNATURES_MAX);
	must(!note_check(&note, NULL, 0, NULL, &err));
	probe_checkpoint(arena, note.text);
}

static void probe_key(struct arena *arena, struct bytes bytes)
{
	struct note_key key;
	struct err err = {0};
	char *text = arena_text_of(arena, bytes);

	if (note_key_of_vkey(arena, text, &key, &err))
		must(strcmp(note_vkey(arena, &key), text) == 0);
}

static void probe_bundle(struct arena *arena, struct bytes bytes)
{
	const struct bytes *entries;
	size_t count;
	struct bytes again;
	struct err err = {0};

	if (!bundle_read(arena, bytes, &entries, &count, &err))
		return;
	must(bundle_write(arena, entries, count, &again, &err));
	must(bytes_equal(bytes, again));
}

/* The first 8 bytes are the size. */
static void probe_frontier(struct arena *arena, struct bytes bytes)
{
	struct tree_frontier frontier;
	struct err err = {0};
	int64_t size;

	if (bytes.size < sizeof(size))
		return;
	memcpy(&size, bytes.data, sizeof(size));
	struct bytes stored = bytes_of(bytes.data + sizeof(size), bytes.size - sizeof(size));
	if (!tree_frontier_read(size, stored, &frontier, &err))
		return;
	must(bytes_equal(tree_frontier_bytes(arena, &frontier), stored));
	struct sha256 leaf = tree_leaf(bytes);
	if (size < TREE_SIZE_MAX)
		tree_frontier_add(&frontier, &leaf);
	tree_frontier_root(&frontier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes bytes = bytes_of(data, size);

	if (size <= 2 * ENTRY_MAX) {
		probe_note(arena, bytes);
		probe_checkpoint(arena, bytes);
		probe_key(arena, bytes);
		probe_bundle(arena, bytes);
		probe_frontier(arena, bytes);
	}
	arena_free(arena);
	return 0;
}
