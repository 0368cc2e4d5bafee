/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this entry in that tree, and is this tree the beginning of that one: roots and proofs of the
 * RFC 6962 Merkle tree, for the keeper that grows one, and for devices and auditors that check.
 */

#include "audit/tree.h"

#include <string.h>

/* ---- hashes ---- */

struct sha256 tree_leaf(struct bytes entry)
{
	return digest_sha256_pair(bytes_of("\0", 1), entry);
}

struct sha256 tree_node(const struct sha256 *left, const struct sha256 *right)
{
	unsigned char both[1 + 2 * SHA256_BYTES] = {0x01};

	memcpy(both + 1, left->at, SHA256_BYTES);
	memcpy(both + 1 + SHA256_BYTES, right->at, SHA256_BYTES);
	return digest_sha256(bytes_of(both, sizeof(both)));
}

struct sha256 tree_empty_root(void)
{
	return digest_sha256(bytes_of("", 0));
}

static bool same(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->at, b->at, SHA256_BYTES) == 0;
}

/* The level of the largest perfect subtree of at most `size` leaves; size > 0. */
static int level_within(int64_t size)
{
	int level = 0;
	while (size >> (level + 1))
		level++;
	return level;
}

/* Where a tree of more than one leaf is split: the largest power of two below its size. */
static int64_t split(int64_t size)
{
	return INT64_C(1) << level_within(size - 1);
}

/* ---- growing ---- */

void tree_frontier_add(struct tree_frontier *frontier, const struct sha256 *leaf)
{
	struct sha256 root = *leaf;

	for (int64_t rest = frontier->size; rest & 1; rest >>= 1)
		root = tree_node(&frontier->at[--frontier->count], &root);
	frontier->at[frontier->count++] = root;
	frontier->size++;
}

struct sha256 tree_frontier_root(const struct tree_frontier *frontier)
{
	if (frontier->count == 0)
		return tree_empty_root();
	struct sha256 root = frontier->at[frontier->count - 1];
	for (size_t i = frontier->count - 1; i > 0; i--)
		root = tree_node(&frontier->at[i - 1], &root);
	return root;
}

struct bytes tree_frontier_bytes(struct arena *arena, const struct tree_frontier *frontier)
{
	return arena_bytes(arena, bytes_of(frontier->at, frontier->count * SHA256_BYTES));
}

bool tree_frontier_read(int64_t size, struct bytes stored, struct tree_frontier *out,
			struct err *err)
{
	size_t count = 0;

	if (size < 0 || size > TREE_SIZE_MAX)
		return err_fail(err, E_TREE_RANGE, "A tree has 0 to 2^53 - 1 leaves");
	for (int64_t rest = size; rest; rest >>= 1)
		count += rest & 1;
	if (stored.size != count * SHA256_BYTES)
		return err_fail(err, E_TREE_PROOF,
				"The stored frontier has %zu bytes; a tree of %lld leaves has %zu",
				stored.size, (long long)size, count * SHA256_BYTES);
	*out = (struct tree_frontier){.size = size, .count = count};
	if (count > 0)
		memcpy(out->at, stored.data, stored.size);
	return true;
}

struct sha256 tree_root(const struct sha256 *leaves, int64_t size)
{
	struct tree_frontier frontier = {.size = 0};

	for (int64_t i = 0; i < size; i++)
		tree_frontier_add(&frontier, &leaves[i]);
	return tree_frontier_root(&frontier);
}

/* ---- a tree in memory as a source ---- */

static struct sha256 perfect_root(const struct sha256 *leaves, int level)
{
	if (level == 0)
		return *leaves;
	struct sha256 left = perfect_root(leaves, level - 1);
	struct sha256 right = perfect_root(leaves + (INT64_C(1) << (level - 1)), level - 1);
	return tree_node(&left, &right);
}

static bool range_of_leaves(void *context, int64_t start, int level, struct sha256 *out,
			    struct err *err)
{
	const struct tree_leaves *leaves = context;

	if (start < 0 || start > leaves->count || leaves->count - start < INT64_C(1) << level)
		return err_fail(err, E_TREE_RANGE, "There are only %lld leaves",
				(long long)leaves->count);
	*out = perfect_root(leaves->at + start, level);
	return true;
}

struct tree_source tree_source_of_leaves(const struct tree_leaves *leaves)
{
	return (struct tree_source){(void *)(uintptr_t)leaves, range_of_leaves};
}

/* ---- proofs made ---- */

/* Root of `size` > 0 leaves from `start`, which is a multiple of a power of two >= size. */
static bool range_root(const struct tree_source *source, int64_t start, int64_t size,
		       struct sha256 *out, struct err *err)
{
	struct tree_frontier parts = {.size = size};

	while (size > 0) {
		int level = level_within(size);
		if (!source->range(source->context, start, level, &parts.at[parts.count], err))
			return false;
		parts.count++;
		start += INT64_C(1) << level;
		size -= INT64_C(1) << level;
	}
	*out = tree_frontier_root(&parts);
	return true;
}

static bool add_range(struct tree_path *path, const struct tree_source *source, int64_t start,
		      int64_t size, struct err *err)
{
	return range_root(source, start, size, &path->at[path->count++], err);
}

/* The walks go from the root down; paths are listed from the leaf up. */
static void reverse(struct tree_path *path)
{
	for (size_t i = 0; i < path->count / 2; i++) {
		struct sha256 kept = path->at[i];
		path->at[i] = path->at[path->count - 1 - i];
		path->at[path->count - 1 - i] = kept;
	}
}

bool tree_source_root(const struct tree_source *source, int64_t size, struct sha256 *out,
		      struct err *err)
{
	if (size < 0 || size > TREE_SIZE_MAX)
		return err_fail(err, E_TREE_RANGE, "A tree has 0 to 2^53 - 1 leaves");
	if (size == 0) {
		*out = tree_empty_root();
		return true;
	}
	return range_root(source, 0, size, out, err);
}

/* PATH(m, D[n]) of RFC 6962 section 2.1.1. */
bool tree_prove_inclusion(const struct tree_source *source, int64_t index, int64_t size,
			  struct tree_path *out, struct err *err)
{
	struct tree_path path = {.count = 0};
	int64_t start = 0;

	if (index < 0 || index >= size || size > TREE_SIZE_MAX)
		return err_fail(err, E_TREE_RANGE, "A tree of %lld leaves has no leaf %lld",
				(long long)size, (long long)index);
	while (size > 1) {
		int64_t left = split(size);
		bool below = index - start < left;
		if (!add_range(&path, source, below ? start + left : start,
			       below ? size - left : left, err))
			return false;
		start += below ? 0 : left;
		size = below ? left : size - left;
	}
	reverse(&path);
	*out = path;
	return true;
}

/* SUBPROOF(m, D[n], true) of RFC 6962 section 2.1.2. */
bool tree_prove_consistency(const struct tree_source *source, int64_t from, int64_t to,
			    struct tree_path *out, struct err *err)
{
	struct tree_path path = {.count = 0};
	int64_t start = 0, size = to, rest = from;

	if (from < 0 || from > to || to > TREE_SIZE_MAX)
		return err_fail(err, E_TREE_RANGE,
				"A tree of %lld leaves does not begin one of %lld", (long long)from,
				(long long)to);
	while (from > 0 && rest != size) {
		int64_t left = split(size);
		bool below = rest <= left;
		if (!add_range(&path, source, below ? start + left : start,
			       below ? size - left : left, err))
			return false;
		start += below ? 0 : left;
		rest -= below ? 0 : left;
		size = below ? left : size - left;
	}
	if (start > 0 && !add_range(&path, source, start, rest, err))
		return false;
	reverse(&path);
	*out = path;
	return true;
}

/* ---- proofs checked ---- */

static bool broken(struct err *err)
{
	return err_fail(err, E_TREE_PROOF, NULL);
}

/* One level up; after a node without a right sibling, past all levels that it rises through. */
static void climb(int64_t *place, int64_t *last, bool was_right)
{
	while (was_right && !(*place & 1) && *place != 0) {
		*place >>= 1;
		*last >>= 1;
	}
	*place >>= 1;
	*last >>= 1;
}

/* RFC 9162 section 2.1.3.2. */
bool tree_check_inclusion(const struct sha256 *leaf, int64_t index, int64_t size,
			  const struct sha256 *path, size_t count, const struct sha256 *root,
			  struct err *err)
{
	int64_t place = index, last = size - 1;
	struct sha256 hash = *leaf;

	if (index < 0 || index >= size || size > TREE_SIZE_MAX)
		return broken(err);
	for (size_t i = 0; i < count; i++) {
		if (last == 0)
			return broken(err);
		bool right = (place & 1) || place == last;
		hash = right ? tree_node(&path[i], &hash) : tree_node(&hash, &path[i]);
		climb(&place, &last, right);
	}
	return (last == 0 && same(&hash, root)) || broken(err);
}

/* RFC 9162 section 2.1.4.2, from where both trees share their first node on; count > 0. */
static bool check_growth(int64_t from, const struct sha256 *from_root, int64_t to,
			 const struct sha256 *to_root, const struct sha256 *path, size_t count)
{
	bool perfect = (from & (from - 1)) == 0;
	int64_t place = from - 1, last = to - 1;

	while (place & 1) {
		place >>= 1;
		last >>= 1;
	}
	struct sha256 old_hash = perfect ? *from_root : path[0];
	struct sha256 new_hash = old_hash;
	for (size_t i = perfect ? 0 : 1; i < count; i++) {
		if (last == 0)
			return false;
		bool right = (place & 1) || place == last;
		if (right)
			old_hash = tree_node(&path[i], &old_hash);
		new_hash = right ? tree_node(&path[i], &new_hash) : tree_node(&new_hash, &path[i]);
		climb(&place, &last, right);
	}
	return last == 0 && same(&old_hash, from_root) && same(&new_hash, to_root);
}

bool tree_check_consistency(int64_t from, const struct sha256 *from_root, int64_t to,
			    const struct sha256 *to_root, const struct sha256 *path, size_t count,
			    struct err *err)
{
	struct sha256 empty = tree_empty_root();

	if (from < 0 || from > to || to > TREE_SIZE_MAX)
		return broken(err);
	if (from == 0)
		return (count == 0 && same(from_root, &empty) &&
			(to > 0 || same(to_root, &empty))) ||
		       broken(err);
	if (from == to)
		return (count == 0 && same(from_root, to_root)) || broken(err);
	if (count == 0)
		return broken(err);
	return check_growth(from, from_root, to, to_root, path, count) || broken(err);
}
