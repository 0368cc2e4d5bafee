/* SPDX-License-Identifier: Apache-2.0 */
/* How does the package show that its export stands in the ledger that it was taken from? */

#include "service/model/export_internal.h"

#include "audit/package_seal.h"

#include <string.h>

enum { LEAVES_AT_ONCE = 10000, LEAVES_BYTES = 8 * 1024 * 1024 };

/* ---- the tree, from the sealed leaves ---- */

struct leaves {
	struct exporting *exporting;
	struct arena *arena;
};

struct leaves_reading {
	int64_t from, count;
	struct tree_frontier *frontier;
};

static bool leaves_work(struct db_tx *tx, void *context, struct err *err)
{
	struct leaves_reading *reading = context;
	struct tree_frontier frontier = *reading->frontier;
	struct db_rows rows;

	if (!db_many(tx, STMT_EXPORT_LEAVES_LIST, DB(db_int(reading->from), db_int(reading->count)),
		     &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct bytes leaf = db_get_bytes(&row, "leaf");
		struct sha256 hash;
		if (leaf.size != SHA256_BYTES)
			return err_fail(err, E_TREE_RANGE, "a stored leaf is damaged");
		memcpy(hash.at, leaf.data, SHA256_BYTES);
		tree_frontier_add(&frontier, &hash);
	}
	if (rows.count != (size_t)reading->count)
		return err_fail(err, E_TREE_RANGE, "leaves of the log are missing");
	*reading->frontier = frontier;
	return true;
}

/* Reads each leaf of the subtree: making both proofs reads the log about once. */
static bool range_of(void *context, int64_t start, int level, struct sha256 *out, struct err *err)
{
	struct leaves *leaves = context;
	struct tree_frontier frontier = {0};
	int64_t size = INT64_C(1) << level;

	while (frontier.size < size) {
		int64_t left = size - frontier.size;
		struct leaves_reading reading = {
			.from = start + frontier.size,
			.count = left < LEAVES_AT_ONCE ? left : LEAVES_AT_ONCE,
			.frontier = &frontier,
		};
		bool read = db_transact(leaves->exporting->model->pool, leaves->arena,
					DB_READ_COMMITTED, leaves_work, &reading, err);
		arena_reset(leaves->arena);
		if (!read)
			return false;
	}
	*out = tree_frontier_root(&frontier);
	return true;
}

/* ---- the seal ---- */

struct seal_reading {
	const struct event_id *event;
	int64_t index;
	bool found;
	int64_t size; /* of the later checkpoint */
	struct bytes note, bytes;
};

static bool seal_work(struct db_tx *tx, void *context, struct err *err)
{
	struct seal_reading *reading = context;
	struct db_row row;

	if (!db_one(tx, STMT_EXPORT_EVENT_GET, DB(db_text(reading->event->text)), &row, err))
		return false;
	reading->bytes = db_get_bytes(&row, "bytes");
	if (!db_opt(tx, STMT_EXPORT_CHECKPOINT_AFTER, DB(db_int(reading->index)), &reading->found,
		    &row, err))
		return false;
	if (!reading->found)
		return err_fail(err, E_LEDGER_NOT_SEALED, NULL);
	reading->size = db_get_int(&row, "size");
	reading->note = bytes_of_text(db_get_text(&row, "note"));
	return true;
}

static bool prove(struct exporting *exporting, const struct seal_reading *reading,
		  struct package_seal *seal, struct err *err)
{
	struct leaves leaves = {exporting, arena_new(LEAVES_BYTES)};
	struct tree_source source = {.context = &leaves, .range = range_of};

	bool proven = tree_prove_inclusion(&source, reading->index, reading->size, &seal->inclusion,
					   err) &&
		      tree_prove_consistency(&source, exporting->head.size, reading->size,
					     &seal->consistency, err);
	arena_free(leaves.arena);
	return proven;
}

static bool put(struct exporting *exporting, const char *path, struct bytes bytes,
		struct package_file *file, struct err *err)
{
	*file = (struct package_file){.path = path,
				      .size_bytes = (int64_t)bytes.size,
				      .sha256 = digest_sha256_hex(bytes)};
	return package_put_seal(exporting->folder, path, bytes, err);
}

bool export_seal(struct exporting *exporting, const struct event_id *event, int64_t index,
		 struct package_file files[3], struct err *err)
{
	struct seal_reading reading = {.event = event, .index = index};
	struct package_seal seal = {.index = index};
	struct bytes proof, consistency;

	if (!db_transact(exporting->model->pool, exporting->whole, DB_READ_COMMITTED, seal_work,
			 &reading, err) ||
	    !prove(exporting, &reading, &seal, err))
		return false;
	seal.note = reading.note;
	return package_seal_write(exporting->whole, &seal, &proof, &consistency, err) &&
	       put(exporting, PACKAGE_SEAL_CONSISTENCY, consistency, &files[0], err) &&
	       put(exporting, PACKAGE_SEAL_EVENT, reading.bytes, &files[1], err) &&
	       put(exporting, PACKAGE_SEAL_PROOF, proof, &files[2], err);
}
