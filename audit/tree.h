/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_TREE_H
#define AUDIT_TREE_H

/*
 * The Merkle tree of RFC 6962 section 2.1 (SHA-256): roots, a frontier that grows, proofs made and
 * checked (RFC 9162 sections 2.1.3.2 and 2.1.4.2). Used for the ledger and for target trees.
 *
 *	leaf hash  SHA-256(0x00, entry)
 *	node       SHA-256(0x01, left, right)
 *	root of nothing  SHA-256("")
 *
 * Proofs list hashes from the leaf's side to the root's. Sizes and indices are int64_t, at most
 * TREE_SIZE_MAX. Checks compare public values; no secret is involved.
 */

#include "common/arena.h"
#include "common/digest.h"
#include "common/err.h"

#include <stdint.h>

#define TREE_SIZE_MAX INT64_C(9007199254740991) /* 2^53 - 1: what a document can say */
enum { TREE_PATH_MAX = 64, TREE_FRONTIER_MAX = 53 };

struct sha256 tree_leaf(struct bytes entry);
struct sha256 tree_node(const struct sha256 *left, const struct sha256 *right);
struct sha256 tree_empty_root(void);

/* ---- from all leaf hashes ---- */
struct sha256 tree_root(const struct sha256 *leaves, int64_t size);

/* A tree whose leaf hashes are elsewhere. range gives the root of the perfect subtree of leaves
 * [start, start + 2^level), start being a multiple of 2^level; from an array, tiles or a table. */
struct tree_source {
	void *context;
	bool (*range)(void *context, int64_t start, int level, struct sha256 *out, struct err *err);
};
/* Over leaf hashes in memory; range costs 2^level hashes. The array must outlive the source. */
struct tree_leaves {
	const struct sha256 *at;
	int64_t count;
};
struct tree_source tree_source_of_leaves(const struct tree_leaves *leaves);

struct tree_path {
	struct sha256 at[TREE_PATH_MAX];
	size_t count;
};
/* Root of the first size leaves. */
MUST_CHECK bool tree_source_root(const struct tree_source *source, int64_t size, struct sha256 *out,
				 struct err *err);
/* That leaf index is in the tree of this size. E_TREE_RANGE: not index < size. */
MUST_CHECK bool tree_prove_inclusion(const struct tree_source *source, int64_t index, int64_t size,
				     struct tree_path *out, struct err *err);
/* That the tree of size `from` begins that of size `to`; no hashes when from is 0 or to. */
MUST_CHECK bool tree_prove_consistency(const struct tree_source *source, int64_t from, int64_t to,
				       struct tree_path *out, struct err *err);

/* E_TREE_PROOF unless exactly this path leads from leaf to root: none missing, none left over. */
MUST_CHECK bool tree_check_inclusion(const struct sha256 *leaf, int64_t index, int64_t size,
				     const struct sha256 *path, size_t count,
				     const struct sha256 *root, struct err *err);
MUST_CHECK bool tree_check_consistency(int64_t from, const struct sha256 *from_root, int64_t to,
				       const struct sha256 *to_root, const struct sha256 *path,
				       size_t count, struct err *err);

/* ---- growing ---- */

/* Size and one hash per set bit of it, the largest subtree first. Zeroed: the empty tree. */
struct tree_frontier {
	int64_t size;
	struct sha256 at[TREE_FRONTIER_MAX];
	size_t count;
};
void tree_frontier_add(struct tree_frontier *frontier, const struct sha256 *leaf);
struct sha256 tree_frontier_root(const struct tree_frontier *frontier);
/* As stored: 32 bytes per hash. Reading: E_TREE_PROOF when the count does not fit the size. */
struct bytes tree_frontier_bytes(struct arena *arena, const struct tree_frontier *frontier);
MUST_CHECK bool tree_frontier_read(int64_t size, struct bytes stored, struct tree_frontier *out,
				   struct err *err);

#endif
