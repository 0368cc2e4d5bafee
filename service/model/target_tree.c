/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a device stand in its campaign's target tree? For papers, thousands of times. */

#include "service/model/target_tree.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 16 }; /* of at most 10,000 leaves */

struct kept {
	char campaign[ID_UUID_BYTES + 1]; /* "": free */
	int64_t count;
	struct sha256 *nodes; /* level by level */
	struct sha256 *levels[LEVELS];
	uint64_t used; /* when last, in calls */
};

struct target_trees {
	pthread_mutex_t lock;
	struct kept at[TARGET_TREES];
	uint64_t calls;
};

struct target_trees *target_trees_new(void)
{
	struct target_trees *trees = calloc(1, sizeof(*trees));

	if (!trees)
		abort();
	pthread_mutex_init(&trees->lock, NULL);
	return trees;
}

void target_trees_free(struct target_trees *trees)
{
	if (!trees)
		return;
	for (size_t i = 0; i < TARGET_TREES; i++)
		free(trees->at[i].nodes);
	pthread_mutex_destroy(&trees->lock);
	free(trees);
}

/* ---- making one ---- */

static bool read_leaves(struct db_tx *tx, struct kept *kept, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_DISPATCH_LEAVES_LIST, DB(db_text(kept->campaign)), &rows, err))
		return false;
	kept->count = (int64_t)rows.count;
	kept->nodes = calloc(2 * rows.count + 1, sizeof(*kept->nodes));
	if (!kept->nodes)
		abort();
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct bytes hash = db_get_bytes(&row, "leaf_hash");
		if (hash.size != sizeof(kept->nodes[i].at))
			return err_fail(err, E_TREE_PROOF, "a leaf of the target tree is damaged");
		memcpy(kept->nodes[i].at, hash.data, sizeof(kept->nodes[i].at));
	}
	return true;
}

/* The roots of all perfect subtrees; what is left over at the right of a level has none. */
static void add_levels(struct kept *kept)
{
	kept->levels[0] = kept->nodes;
	for (int level = 1; level < LEVELS; level++) {
		const struct sha256 *below = kept->levels[level - 1];
		int64_t count = kept->count >> level;

		kept->levels[level] = kept->levels[level - 1] + (kept->count >> (level - 1));
		for (int64_t i = 0; i < count; i++)
			kept->levels[level][i] = tree_node(&below[2 * i], &below[2 * i + 1]);
	}
}

/* ---- asking ---- */

static bool range_of(void *context, int64_t start, int level, struct sha256 *out, struct err *err)
{
	const struct kept *kept = context;

	if (level >= LEVELS || start >> level >= kept->count >> level)
		return err_fail(err, E_TREE_RANGE, NULL);
	*out = kept->levels[level][start >> level];
	return true;
}

static bool prove(struct kept *kept, int64_t index, struct tree_path *path, int64_t *size,
		  struct err *err)
{
	const struct tree_source source = {.context = kept, .range = range_of};

	*size = kept->count;
	return tree_prove_inclusion(&source, index, kept->count, path, err);
}

/* With the lock held. NULL: it is not kept; *oldest: the place to take for it. */
static struct kept *find(struct target_trees *trees, const char *campaign, struct kept **oldest)
{
	struct kept *at = trees->at;

	*oldest = at;
	for (size_t i = 0; i < TARGET_TREES; i++) {
		if (strcmp(at[i].campaign, campaign) == 0) {
			at[i].used = ++trees->calls;
			return &at[i];
		}
		if (at[i].used < (*oldest)->used)
			*oldest = &at[i];
	}
	return NULL;
}

static void keep(struct target_trees *trees, struct kept *fresh)
{
	struct kept *place;

	pthread_mutex_lock(&trees->lock);
	if (find(trees, fresh->campaign, &place)) {
		free(fresh->nodes);
	} else {
		free(place->nodes);
		fresh->used = ++trees->calls;
		*place = *fresh;
	}
	pthread_mutex_unlock(&trees->lock);
}

bool target_tree_prove(struct target_trees *trees, struct db_tx *tx, const char *campaign,
		       int64_t index, struct tree_path *path, int64_t *size, struct err *err)
{
	struct kept fresh = {0};
	struct kept *oldest;
	bool good = false;

	pthread_mutex_lock(&trees->lock);
	struct kept *kept = find(trees, campaign, &oldest);
	if (kept)
		good = prove(kept, index, path, size, err);
	pthread_mutex_unlock(&trees->lock);
	if (kept)
		return good;
	snprintf(fresh.campaign, sizeof(fresh.campaign), "%s", campaign);
	if (read_leaves(tx, &fresh, err) && fresh.count < INT64_C(1) << (LEVELS - 1)) {
		add_levels(&fresh);
		good = prove(&fresh, index, path, size, err);
	}
	if (good)
		keep(trees, &fresh);
	else
		free(fresh.nodes);
	return good;
}
