/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_TARGET_TREE_H
#define SERVICE_MODEL_TARGET_TREE_H

/*
 * Paths in the target trees of campaigns. A tree is drawn once and never changes, so those of the
 * last TARGET_TREES campaigns are kept in memory, with all their inner nodes: 640 KB for 10,000
 * devices. The device checks the path against the root in its permit, so nothing here is believed.
 */

#include "audit/tree.h"
#include "common/db.h"

enum { TARGET_TREES = 16 };

struct target_trees;
struct target_trees *target_trees_new(void);
void target_trees_free(struct target_trees *trees); /* NULL is fine */

/* The path of this leaf and the size of the tree. E_TREE_RANGE: it has no such leaf. */
MUST_CHECK bool target_tree_prove(struct target_trees *trees, struct db_tx *tx,
				  const char *campaign, int64_t index, struct tree_path *path,
				  int64_t *size, struct err *err);

#endif
