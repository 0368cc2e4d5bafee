/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever lies in an evidence package: git objects, their signatures, and proofs of the seal are
 * read or refused. The first byte says as what the rest is read.
 */

#include "tests/fuzz/fuzz.h"

#include "audit/git.h"
#include "audit/package_seal.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 256 * 1024 * 1024, INPUT_MAX = 64 * 1024 };

static void demand(bool good)
{
	if (!good)
		abort();
}

static void read_object(struct arena *arena, struct bytes bytes)
{
	struct gitfile object;
	struct err err = {0};

	if (gitfile_read(arena, bytes, &object, &err))
		demand(strcmp(object.id.text, gitfile_id_of(object.kind, object.content).text) ==
		       0);
}

static void read_tree(struct arena *arena, struct bytes bytes)
{
	const struct gitfile_entry *entries = NULL;
	struct err err = {0};
	size_t count = 0;

	if (!gitfile_tree(arena, bytes, &entries, &count, &err))
		return;
	for (size_t i = 0; i < count; i++)
		demand(gitfile_id_valid(entries[i].id.text) && !strchr(entries[i].name, '/'));
}

static void read_commit(struct arena *arena, struct bytes bytes)
{
	struct gitfile_commit commit;
	struct bytes spki = {0};
	struct err err = {0};

	if (!gitfile_commit(arena, bytes, &commit, &err))
		return;
	demand(gitfile_id_valid(commit.tree.text));
	demand(commit.payload.size < bytes.size);
	if (gitfile_check_signature(arena, commit.signature, commit.payload, &spki, &err))
		demand(spki.size > 0);
}

static void read_signature(struct arena *arena, struct bytes bytes)
{
	struct bytes spki = {0};
	struct err err = {0};

	if (gitfile_check_signature(arena, arena_text_of(arena, bytes), bytes_of_text("payload"),
				    &spki, &err))
		demand(spki.size > 0);
}

/* What is read as a proof is written as the same bytes again. */
static void read_seal(struct arena *arena, struct bytes bytes)
{
	struct bytes proof = {0}, consistency = {0};
	struct package_seal seal;
	struct err err = {0};

	if (!package_seal_read(arena, bytes, bytes_of(NULL, 0), &seal, &err))
		return;
	demand(package_seal_write(arena, &seal, &proof, &consistency, &err));
	demand(bytes_equal(proof, bytes) && consistency.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct arena * arena, struct bytes bytes) = {
		read_object, read_tree, read_commit, read_signature, read_seal};
	struct arena *arena = arena_new(ARENA_BYTES);

	if (size > 0 && size <= INPUT_MAX)
		readers[data[0] % 5](arena, bytes_of(data + 1, size - 1));
	arena_free(arena);
	return 0;
}
