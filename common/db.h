/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DB_H
#define COMMON_DB_H

/*
 * The door to PostgreSQL (libpq). There is no general query function: every statement is named,
 * stands in sql/queries/<module>.sql, and is prepared by name on first use of a connection.
 *
 *	-- name: release_get :one
 *	-- The release with this id.
 *	SELECT id, version FROM release WHERE id = $1::text;
 *
 * Marks after the name: how many rows (`:one` exactly one, `:opt` none or one, `:many`, `:none`),
 * then `:write` if it changes something that needs an audit event, or `:touch` if it changes only marks that are
 * no events (last seen, sessions). A transaction that ran a `:write` statement is refused at commit (E_DB_UNRECORDED)
 * unless somebody called db_mark_recorded on it: audit_append does. So nothing changes without its
 * record, and this file stays ignorant of what auditing is.
 *
 * A transaction is a function that may run again (serialization failure, deadlock: at most 8 times): database work
 * only, outputs into its context.
 *
 *	static bool move(struct db_tx *tx, void *context, struct err *err)
 *	{
 *		struct db_row row;
 *		if (!db_one(tx, STMT_RELEASE_GET, DB(db_text(id)), &row, err))
 *			return false;
 *		const char *version = db_get_text(&row, "version");
 *
 * Errors: E_DB_AWAY no connection; E_DB_DUPLICATE unique violation; E_DB_REFUSED check, foreign key, trigger
 * (RAISE: its message is the text) or permission denied; E_DB_CONFLICT retries used up; E_DB_ROWS another number of rows than
 * the statement promises.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "gen/statements.h" /* enum stmt: STMT_<NAME> */

#include <stdint.h>

struct db_pool;
struct db_tx;

/* Up to `size` connections, opened as needed, kept; a caller waits at most 5 s for a free one (E_DB_AWAY). conninfo as of
 * libpq; the password comes from the file named by passfile in it. */
MUST_CHECK bool db_pool_new(const char *conninfo, size_t size, struct db_pool **out,
			    struct err *err);
void db_pool_free(struct db_pool *pool);

enum db_isolation { DB_READ_COMMITTED, DB_SERIALIZABLE };

typedef bool (*db_work)(struct db_tx *tx, void *context, struct err *err);
/* Runs work in a transaction and commits when it returns true; rolls back when it returns false. What the work allocates
 * comes from db_arena(tx), which is `arena`. */
MUST_CHECK bool db_transact(struct db_pool *pool, struct arena *arena, enum db_isolation isolation,
			    db_work work, void *context, struct err *err);
struct arena *db_arena(struct db_tx *tx);

/* Says that this transaction's changes stand in the audit trail. */
void db_mark_recorded(struct db_tx *tx);

/* Parameters. Values are borrowed until the call returns. */
struct db_param {
	enum {
		DB_P_NULL,
		DB_P_TEXT,
		DB_P_INT,
		DB_P_BOOL,
		DB_P_BYTES,
		DB_P_TIME,
		DB_P_TEXTS,
		DB_P_INTS,
		DB_P_BLOBS
	} kind;
	/* Text, bytes; arrays: const char *const *, const int64_t *, const struct bytes *. */
	const void *data;
	size_t size; /* bytes; arrays: items */
	int64_t number;
};
struct db_param db_null(void);
struct db_param db_text(const char *text); /* NULL: null */
struct db_param db_int(int64_t number);	   /* bigint */
struct db_param db_bool(bool value);
struct db_param db_bytes(struct bytes bytes);			   /* bytea; data NULL: null */
struct db_param db_time(clock_us at);				   /* timestamptz; 0: null */
struct db_param db_texts(const char *const *items, size_t count);  /* text[], items may be NULL */
struct db_param db_ints(const int64_t *items, size_t count);	   /* bigint[] */
struct db_param db_blobs(const struct bytes *items, size_t count); /* bytea[], data NULL: null */
#define DB(...)                                   \
	((const struct db_param[]){__VA_ARGS__}), \
		(sizeof((const struct db_param[]){__VA_ARGS__}) / sizeof(struct db_param))
#define DB_NOTHING NULL, 0

struct db_row {
	const void *result;
	int number;
	struct db_tx *tx;
};
struct db_rows {
	const void *result;
	size_t count;
	struct db_tx *tx;
};

/* Exactly one row (E_UNKNOWN-kind mapping is the caller's: use db_opt where absence is ordinary). */
MUST_CHECK bool db_one(struct db_tx *tx, enum stmt stmt, const struct db_param *params,
		       size_t count, struct db_row *out, struct err *err);
MUST_CHECK bool db_opt(struct db_tx *tx, enum stmt stmt, const struct db_param *params,
		       size_t count, bool *found, struct db_row *out, struct err *err);
MUST_CHECK bool db_many(struct db_tx *tx, enum stmt stmt, const struct db_param *params,
			size_t count, struct db_rows *out, struct err *err);
/* `:none` statements; changed: number of rows touched, may be NULL. */
MUST_CHECK bool db_run(struct db_tx *tx, enum stmt stmt, const struct db_param *params,
		       size_t count, int64_t *changed, struct err *err);
struct db_row db_row_at(const struct db_rows *rows, size_t index);

/* Columns by name; a name that is not there is a defect and ends the program. Values live as long as the arena of the
 * transaction. Null gives NULL, 0, false, empty; db_get_null tells. */
const char *db_get_text(const struct db_row *row, const char *column);
int64_t db_get_int(const struct db_row *row, const char *column);
bool db_get_bool(const struct db_row *row, const char *column);
struct bytes db_get_bytes(const struct db_row *row, const char *column);
clock_us db_get_time(const struct db_row *row, const char *column);
bool db_get_null(const struct db_row *row, const char *column);

/*
 * For tests: the nth statement from now on (any thread; COMMIT counts as one) loses its connection,
 * once; 0 takes it back. A COMMIT is carried out and its answer is lost: the case in which nobody
 * knows.
 */
void db_set_fault_for_test(unsigned nth);
/* How long a server may keep silent before the connection is given up (E_DB_AWAY); 0: 35 s again. */
void db_set_patience_for_test(clock_us time);

#endif
