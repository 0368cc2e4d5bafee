/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How does a change reach PostgreSQL, whole or not at all? For every room that keeps something: a
 * pool of checked connections, transactions that run again after a lost race, statements prepared by
 * name, and typed readers of rows. The only file that includes libpq.
 */

#include "common/db.h"

#include "common/db_format.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/text.h"

#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AGAIN_MAX = 8, WAIT_SLICE_NS = 100 * 1000 * 1000 };
#define WAIT_MAX (5 * CLOCK_SECOND)
#define PATIENCE (35 * CLOCK_SECOND) /* longer than any statement may take */
#define BACK_OFF_FIRST (2 * CLOCK_SECOND / 1000)
#define BACK_OFF_MAX (250 * CLOCK_SECOND / 1000)

/* Types as pg_type numbers them; fixed by the protocol since they were made. */
enum { TYPE_BOOL = 16, TYPE_BYTEA = 17, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23 };
enum { TYPE_TIMESTAMPTZ = 1184 };

/* What every session relies on: the readers on the formats, everybody on the limits. */
static const char session_settings[] = "SET statement_timeout = '30s';"
				       "SET lock_timeout = '10s';"
				       "SET idle_in_transaction_session_timeout = '60s';"
				       "SET TimeZone = 'UTC';"
				       "SET DateStyle = 'ISO, YMD';"
				       "SET bytea_output = 'hex';"
				       "SET standard_conforming_strings = on";

struct connection {
	struct connection *next; /* among the idle ones */
	PGconn *pg;
	bool lost;   /* of no further use, whatever libpq thinks */
	bool warned; /* the server sent a warning since this was cleared */
	bool prepared[STMT_COUNT + 1];
};

struct db_pool {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct connection *idle;
	size_t taken; /* including those that are being opened */
	size_t size;
	char *conninfo;
};

struct db_tx {
	struct connection *connection; /* NULL once the transaction has ended */
	struct arena *arena;
	enum stmt unrecorded; /* the first :write statement */
	bool wrote;
	bool recorded;
	bool again;	  /* a lost race: the whole transaction may run again */
	struct err first; /* what spoiled the transaction: every later call fails with it */
};

enum tx_outcome { TX_DONE, TX_FAILED, TX_AGAIN };

static _Noreturn void give_up(const char *what, const char *name)
{
	fprintf(stderr, "countersign: database: %s: %s\n", what, name);
	abort();
}

/* ---- faults for tests ---- */

static atomic_uint fault_in;

void db_set_fault_for_test(unsigned nth)
{
	atomic_store(&fault_in, nth);
}

static bool fault_strikes(void)
{
	unsigned left = atomic_load(&fault_in);
	while (left && !atomic_compare_exchange_weak(&fault_in, &left, left - 1))
		continue;
	return left == 1;
}

/* ---- a server that hangs ---- */

static _Atomic clock_us patience = PATIENCE;

void db_set_patience_for_test(clock_us time)
{
	atomic_store(&patience, time ? time : PATIENCE);
}

/* False: it kept silent until then. What else goes wrong PQgetResult tells. */
static bool answered(PGconn *pg, clock_us end)
{
	for (;;) {
		int unsent = PQflush(pg);
		clock_us left = end - clock_boot();
		struct pollfd socket = {.fd = PQsocket(pg), .events = POLLIN};

		if (unsent < 0 || (unsent == 0 && !PQisBusy(pg)))
			return true;
		if (unsent)
			socket.events |= POLLOUT;
		if (left <= 0 || poll(&socket, 1, (int)(left / 1000) + 1) == 0)
			return false;
		if (!PQconsumeInput(pg))
			return true;
	}
}

/* What PQexec does, but not for ever: a stopped server, or one whose disk hangs, refuses nothing. */
static PGresult *answer_of(struct connection *connection, int sent)
{
	clock_us end = clock_boot() + atomic_load(&patience);
	PGresult *last = NULL;
	PGresult *next = NULL;

	do {
		PQclear(last);
		last = next;
		connection->lost |= !sent || !answered(connection->pg, end);
	} while (!connection->lost && (next = PQgetResult(connection->pg)));
	if (!connection->lost)
		return last;
	PQclear(last);
	return NULL;
}

static PGresult *execute(struct connection *connection, const char *text)
{
	return answer_of(connection, PQsendQuery(connection->pg, text));
}

/* ---- what the server's refusals mean ---- */

/* The first row whose state the SQLSTATE begins with (PostgreSQL 15, appendix A). */
static const struct meaning {
	const char *state;
	enum err_code code;
	bool again; /* run the transaction again */
	bool told;  /* the server's message names rules and tables, never values: it is the text */
	bool discard; /* the session itself is stale */
} meanings[] = {
	{"40001", E_DB_CONFLICT, true, false, false},	/* serialization_failure */
	{"40P01", E_DB_CONFLICT, true, false, false},	/* deadlock_detected */
	{"55P03", E_DB_CONFLICT, false, false, false},	/* lock_not_available: lock_timeout */
	{"23505", E_DB_DUPLICATE, false, false, false}, /* unique_violation */
	{"23", E_DB_REFUSED, false, true, false},	/* integrity constraints */
	{"42501", E_DB_REFUSED, false, true, false},	/* insufficient_privilege */
	{"25006", E_DB_REFUSED, false, true, false},	/* read_only_sql_transaction */
	{"P0001", E_DB_REFUSED, false, true, false},	/* raise_exception: our triggers */
	{"22021", E_INPUT, false, false, false},	/* not UTF-8 */
	{"57014", E_DB_AWAY, false, false, false},	/* query_canceled: statement_timeout */
	{"57P", E_DB_AWAY, false, false, true},		/* shutdown, starting up */
	{"53", E_DB_AWAY, false, false, false},		/* out of disk, memory, connections */
	{"25P03", E_DB_AWAY, false, false, true},	/* idle in transaction for too long */
	{"08P01", E_DB, false, false, false},		/* wrong number of parameters */
	{"08", E_DB_AWAY, false, false, true},		/* connection exceptions */
	{"0A000", E_DB, false, false, true}, /* a prepared plan no longer fits the schema */
	{"26000", E_DB, false, false, true}, /* a prepared statement is gone */
	{"", E_DB, false, false, false},
};

static const struct meaning *meaning_of(const char *state)
{
	const struct meaning *at = meanings;
	while (strncmp(at->state, state, strlen(at->state)) != 0)
		at++;
	return at;
}

/* Makes this the transaction's error, if it has none yet, and the caller's. */
#define tx_spoil(tx, err, code, ...) (tx_set((tx), (err), (code), __VA_ARGS__), false)

__attribute__((format(printf, 4, 5))) static void
tx_set(struct db_tx *tx, struct err *err, enum err_code code, const char *format, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err_set(&tx->first, code, "%s", text);
	err_set(err, tx->first.code, "%s", tx->first.text);
}

static const char *field_of(const PGresult *result, int which)
{
	const char *text = result ? PQresultErrorField(result, which) : NULL;
	return text ? text : "";
}

/* Neither the server's detail nor, unless it is known to hold none, its message goes into an error
 * or a log line: they quote values. Statement, SQLSTATE and constraint are enough to find it. */
static bool tx_spoil_by(struct db_tx *tx, const char *what, const PGresult *result, struct err *err)
{
	const char *state = field_of(result, PG_DIAG_SQLSTATE);
	const char *message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME);

	if (!*state || PQstatus(tx->connection->pg) != CONNECTION_OK) {
		tx->connection->lost = true;
		log_warn("database-connection-lost", LOG_TEXT("statement", what),
			 LOG_TEXT("state", state));
		return tx_spoil(tx, err, E_DB_AWAY, "%s", err_code_sentence(E_DB_AWAY));
	}
	const struct meaning *meaning = meaning_of(state);
	tx->connection->lost |= meaning->discard;
	tx->again |= meaning->again;
	if (meaning->told && *message)
		return tx_spoil(tx, err, meaning->code, "%s", message);
	if (meaning->code == E_DB_DUPLICATE)
		return tx_spoil(tx, err, meaning->code, "There is one of that name already (%s)",
				constraint);
	if (meaning->code == E_DB || meaning->code == E_DB_AWAY)
		/* Class 42 speaks of the statement's own text: a defect, told in full. */
		log_error("database-refused", LOG_TEXT("statement", what), LOG_TEXT("state", state),
			  LOG_TEXT("constraint", constraint),
			  LOG_TEXT("why", strncmp(state, "42", 2) == 0 ? message : ""));
	if (meaning->code == E_DB)
		return tx_spoil(tx, err, E_DB, "The database refused %s (SQLSTATE %s); see the log",
				what, state);
	return tx_spoil(tx, err, meaning->code, "%s", err_code_sentence(meaning->code));
}

/* ---- connections ---- */

static void connection_close(struct connection *connection)
{
	if (!connection)
		return;
	PQfinish(connection->pg);
	free(connection);
}

/* Notices are not for the log (RAISE may quote values); that there was a warning matters to COMMIT. */
static void connection_notice(void *object, const PGresult *notice)
{
	struct connection *connection = object;
	const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (severity && strcmp(severity, "WARNING") == 0)
		connection->warned = true;
}

static bool connection_set_up(struct connection *connection)
{
	if (PQstatus(connection->pg) != CONNECTION_OK)
		return false;
	PQsetNoticeReceiver(connection->pg, connection_notice, connection);
	if (PQsetnonblocking(connection->pg, 1) != 0)
		return false;
	PGresult *result = execute(connection, session_settings);
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	return good;
}

static bool connection_open(const char *conninfo, struct connection **out, struct err *err)
{
	/* What stands before dbname gives way to the conninfo, what stands after it does not. A server
	 * that vanished without a word is given up after about 25 s. */
	static const char *const keywords[] = {
		"connect_timeout",  "keepalives_idle",	"keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "fallback_application_name",
		"dbname",	    "client_encoding",	NULL};
	const char *const values[] = {"5",	     "10",     "5",    "3", "25000",
				      "countersign", conninfo, "UTF8", NULL};

	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		give_up("out of memory", "connection");
	connection->pg = PQconnectdbParams(keywords, values, 1);
	if (!connection_set_up(connection)) {
		/* For the operator only: it names host, role and reason. */
		log_warn("database-away", LOG_TEXT("why", PQerrorMessage(connection->pg)));
		connection_close(connection);
		return err_fail(err, E_DB_AWAY, NULL);
	}
	*out = connection;
	return true;
}

/* ---- the pool ---- */

bool db_pool_new(const char *conninfo, size_t size, struct db_pool **out, struct err *err)
{
	bool with_password = false;
	/* The parser's own message quotes what it read. */
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	for (PQconninfoOption *option = options; option && option->keyword; option++)
		with_password |= strcmp(option->keyword, "password") == 0 && option->val;
	bool parsed = options != NULL;
	PQconninfoFree(options);
	if (!parsed)
		return err_fail(err, E_CONFIG,
				"The database address is not a libpq connection string; write "
				"host=... dbname=... user=... passfile=...");
	if (with_password)
		return err_fail(err, E_CONFIG,
				"The database address holds a password; put it into a file of mode "
				"0600 and name that with passfile=...");
	if (size == 0)
		return err_fail(err, E_CONFIG, "At least one database connection is needed");

	struct db_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		give_up("out of memory", "pool");
	pool->conninfo = strdup(conninfo);
	pool->size = size;
	if (!pool->conninfo || pthread_mutex_init(&pool->lock, NULL) != 0 ||
	    pthread_cond_init(&pool->freed, NULL) != 0)
		give_up("out of memory", "pool");
	*out = pool;
	return true;
}

void db_pool_free(struct db_pool *pool)
{
	if (!pool)
		return;
	if (pool->taken)
		give_up("freed while in use", "pool");
	while (pool->idle) {
		struct connection *next = pool->idle->next;
		connection_close(pool->idle);
		pool->idle = next;
	}
	pthread_cond_destroy(&pool->freed);
	pthread_mutex_destroy(&pool->lock);
	free(pool->conninfo);
	free(pool);
}

/* Waits with the lock held. A condition takes a moment of the wall clock, which may be set while we
 * wait: so in slices, with the end measured on a clock that is never set. */
static bool pool_wait(struct db_pool *pool)
{
	clock_us end = clock_boot() + WAIT_MAX;
	while (pool->taken >= pool->size) {
		if (clock_boot() >= end)
			return false;
		struct timespec until;
		(void)timespec_get(&until, TIME_UTC);
		until.tv_nsec += WAIT_SLICE_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&pool->freed, &pool->lock, &until);
	}
	return true;
}

/* A place in the pool, and what connection lies idle there, NULL if none does. */
static bool pool_enter(struct db_pool *pool, struct connection **idle, struct err *err)
{
	pthread_mutex_lock(&pool->lock);
	bool room = pool_wait(pool);
	if (room) {
		pool->taken++;
		*idle = pool->idle;
		if (pool->idle)
			pool->idle = pool->idle->next;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!room)
		return err_fail(err, E_DB_AWAY,
				"All database connections stayed busy; try again shortly");
	return true;
}

/* Gives the place back; a connection that is not as good as new is closed. */
static void pool_leave(struct db_pool *pool, struct connection *connection)
{
	if (connection && (connection->lost || PQstatus(connection->pg) != CONNECTION_OK ||
			   PQtransactionStatus(connection->pg) != PQTRANS_IDLE)) {
		connection_close(connection);
		connection = NULL;
	}
	pthread_mutex_lock(&pool->lock);
	pool->taken--;
	if (connection) {
		connection->next = pool->idle;
		pool->idle = connection;
	}
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

/* ---- transactions ---- */

static bool command(struct connection *connection, const char *text)
{
	PGresult *result = execute(connection, text);
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	return good;
}

/* A connection in a transaction. One that lay idle may have died meanwhile: nothing has happened in
 * it yet, so a new one takes its place without a word. */
static bool tx_begin(struct db_pool *pool, struct connection **connection,
		     enum db_isolation isolation, struct err *err)
{
	const char *begin = isolation == DB_SERIALIZABLE ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
							 : "BEGIN ISOLATION LEVEL READ COMMITTED";
	if (*connection) {
		if (command(*connection, begin))
			return true;
		connection_close(*connection);
		*connection = NULL;
	}
	if (!connection_open(pool->conninfo, connection, err))
		return false;
	if (command(*connection, begin))
		return true;
	(*connection)->lost = true;
	return err_fail(err, E_DB_AWAY, NULL);
}

/*
 * The one moment whose outcome can stay unknown: when the answer is lost, and when the server warns
 * while committing (it does so when it gave up waiting for its synchronous standbys).
 */
static bool tx_commit(struct db_tx *tx, struct err *err)
{
	struct connection *connection = tx->connection;
	connection->warned = false;
	PGresult *result = execute(connection, "COMMIT");
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK &&
		    strcmp(PQcmdStatus(result), "COMMIT") == 0;
	if (fault_strikes() || connection->lost || PQstatus(connection->pg) != CONNECTION_OK ||
	    (good && connection->warned)) {
		connection->lost = true;
		log_warn("database-commit-unknown", LOG_INT("warned", connection->warned));
		tx_set(tx, err, E_DB_AWAY,
		       "The database went away while the change was being committed, so it may "
		       "or may not have been made; repeat the same call to find out");
		good = false;
	} else if (!good) {
		tx_spoil_by(tx, "COMMIT", result, err);
	}
	PQclear(result);
	return good;
}

/* May the transaction be committed? Otherwise err says why not, with the first cause. */
static bool tx_committable(const struct db_tx *tx, bool wanted, struct err *err)
{
	if (!wanted) {
		if (err->code == E_NONE)
			err_set(err, E_BUG, "Work on the database ended without saying why");
		return false;
	}
	err_clear(err);
	if (tx->first.code != E_NONE)
		return err_fail(err, tx->first.code, "%s", tx->first.text);
	if (tx->wrote && !tx->recorded)
		return err_fail(err, E_DB_UNRECORDED,
				"%s changed something without an audit event; it was taken back",
				statements[tx->unrecorded].name);
	return true;
}

static enum tx_outcome tx_end(struct db_tx *tx, bool wanted, struct err *err)
{
	if (tx_committable(tx, wanted, err)) {
		if (tx_commit(tx, err))
			return TX_DONE;
	} else if (!tx->connection->lost && !command(tx->connection, "ROLLBACK")) {
		tx->connection->lost = true;
	}
	return tx->again ? TX_AGAIN : TX_FAILED;
}

static enum tx_outcome transact_once(struct db_pool *pool, struct arena *arena,
				     enum db_isolation isolation, db_work work, void *context,
				     struct err *err)
{
	struct connection *connection;
	enum tx_outcome outcome = TX_FAILED;

	if (!pool_enter(pool, &connection, err))
		return TX_FAILED;
	if (tx_begin(pool, &connection, isolation, err)) {
		/* In the arena: rows point at it for as long as their values live. */
		struct db_tx *tx = arena_alloc(arena, sizeof(*tx));
		*tx = (struct db_tx){.connection = connection, .arena = arena};
		bool wanted = work(tx, context, err);
		outcome = tx_end(tx, wanted, err);
		tx->connection = NULL;
	}
	pool_leave(pool, connection);
	return outcome;
}

/* Twice as long each time, a half of it by chance, so that two who collided do not meet again. The
 * chance needs to differ between threads, not to be secret. */
static void back_off(unsigned round, const void *salt)
{
	clock_us most = BACK_OFF_FIRST << round;
	if (most > BACK_OFF_MAX)
		most = BACK_OFF_MAX;
	uint64_t chance = (uint64_t)clock_boot() ^ (uint64_t)(uintptr_t)salt;
	chance = (chance ^ (chance >> 33)) * 0xff51afd7ed558ccdU;
	chance ^= chance >> 33;
	clock_sleep(most / 2 + (clock_us)(chance % (uint64_t)(most / 2)));
}

bool db_transact(struct db_pool *pool, struct arena *arena, enum db_isolation isolation,
		 db_work work, void *context, struct err *err)
{
	for (unsigned round = 0;; round++) {
		struct err mine = {0};
		enum tx_outcome outcome =
			transact_once(pool, arena, isolation, work, context, &mine);
		if (outcome == TX_DONE)
			return true;
		if (outcome == TX_FAILED)
			return err_fail(err, mine.code, "%s", mine.text);
		if (round == AGAIN_MAX) {
			log_warn("database-conflict", LOG_INT("rounds", round + 1));
			return err_fail(err, E_DB_CONFLICT, NULL);
		}
		back_off(round, &mine);
	}
}

struct arena *db_arena(struct db_tx *tx)
{
	return tx->arena;
}

void db_mark_recorded(struct db_tx *tx)
{
	tx->recorded = true;
}

/* ---- statements ---- */

/* libpq's columns of parameters. Bytes travel in binary, everything else as text. */
struct wire {
	const char **values;
	int *lengths;
	int *formats;
};

static struct wire wire_of(struct arena *arena, const struct db_param *params, size_t count)
{
	struct wire wire = {
		.values = arena_array(arena, count, sizeof(*wire.values)),
		.lengths = arena_array(arena, count, sizeof(*wire.lengths)),
		.formats = arena_array(arena, count, sizeof(*wire.formats)),
	};
	for (size_t i = 0; i < count; i++) {
		if (params[i].kind == DB_P_BYTES && params[i].size > INT_MAX)
			give_up("a parameter is out of range", "db_bytes");
		wire.values[i] = db_format_param(arena, &params[i]);
		wire.formats[i] = params[i].kind == DB_P_BYTES;
		wire.lengths[i] = (int)params[i].size; /* read for binary ones only */
	}
	return wire;
}

static void result_release(void *object)
{
	PQclear(object);
}

static bool tx_prepare(struct db_tx *tx, enum stmt stmt, struct err *err)
{
	if (tx->connection->prepared[stmt])
		return true;
	PGresult *result =
		answer_of(tx->connection, PQsendPrepare(tx->connection->pg, statements[stmt].name,
							statements[stmt].text, 0, NULL));
	bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (good)
		tx->connection->prepared[stmt] = true;
	else
		tx_spoil_by(tx, statements[stmt].name, result, err);
	PQclear(result);
	return good;
}

/* Times that our instants do not hold are found here, where there still is an error to give: the
 * readers have none. */
static bool times_held(struct db_tx *tx, enum stmt stmt, const PGresult *result, struct err *err)
{
	clock_us ignored;
	for (int column = 0; column < PQnfields(result); column++) {
		if (PQftype(result, column) != TYPE_TIMESTAMPTZ)
			continue;
		for (int row = 0; row < PQntuples(result); row++) {
			if (!PQgetisnull(result, row, column) &&
			    !db_format_read_time(PQgetvalue(result, row, column), &ignored))
				return tx_spoil(tx, err, E_DB,
						"%s found a time outside the years 1 to 9999 in %s",
						statements[stmt].name, PQfname(result, column));
		}
	}
	return true;
}

/* Runs a statement; its result belongs to the arena. NULL: the transaction is spoiled. */
static PGresult *tx_run(struct db_tx *tx, enum stmt stmt, const struct db_param *params,
			size_t count, struct err *err)
{
	const struct stmt_entry *statement = &statements[stmt];
	if (!tx->connection)
		give_up("statement after the end of its transaction", statement->name);
	if (tx->first.code != E_NONE) {
		err_set(err, tx->first.code, "%s", tx->first.text);
		return NULL;
	}
	if (statement->write && !tx->wrote) {
		tx->wrote = true;
		tx->unrecorded = stmt;
	}
	if (fault_strikes()) {
		tx->connection->lost = true;
		tx_set(tx, err, E_DB_AWAY, "A test took the connection away");
		return NULL;
	}
	if (!tx_prepare(tx, stmt, err))
		return NULL;
	struct wire wire = wire_of(tx->arena, params, count);
	PGresult *result = answer_of(
		tx->connection, PQsendQueryPrepared(tx->connection->pg, statement->name, (int)count,
						    wire.values, wire.lengths, wire.formats, 0));
	if (result)
		arena_defer(tx->arena, result_release, result);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		tx_spoil_by(tx, statement->name, result, err);
		return NULL;
	}
	return times_held(tx, stmt, result, err) ? result : NULL;
}

static bool promised(struct db_tx *tx, enum stmt stmt, bool right, const char *call,
		     struct err *err)
{
	if (right)
		return true;
	return tx_spoil(tx, err, E_DB_ROWS, "%s (%s) promises other rows than %s is for",
			statements[stmt].name, statements[stmt].file, call);
}

bool db_one(struct db_tx *tx, enum stmt stmt, const struct db_param *params, size_t count,
	    struct db_row *out, struct err *err)
{
	enum stmt_rows rows = statements[stmt].rows;
	if (!promised(tx, stmt, rows == ROWS_ONE || rows == ROWS_OPT, "db_one", err))
		return false;
	const PGresult *result = tx_run(tx, stmt, params, count, err);
	if (!result)
		return false;
	if (PQntuples(result) != 1)
		return tx_spoil(tx, err, E_DB_ROWS, "%s gave %d rows instead of one",
				statements[stmt].name, PQntuples(result));
	*out = (struct db_row){.result = result, .number = 0, .tx = tx};
	return true;
}

bool db_opt(struct db_tx *tx, enum stmt stmt, const struct db_param *params, size_t count,
	    bool *found, struct db_row *out, struct err *err)
{
	if (!promised(tx, stmt, statements[stmt].rows == ROWS_OPT, "db_opt", err))
		return false;
	const PGresult *result = tx_run(tx, stmt, params, count, err);
	if (!result)
		return false;
	if (PQntuples(result) > 1)
		return tx_spoil(tx, err, E_DB_ROWS, "%s gave %d rows instead of at most one",
				statements[stmt].name, PQntuples(result));
	*found = PQntuples(result) == 1;
	if (*found)
		*out = (struct db_row){.result = result, .number = 0, .tx = tx};
	return true;
}

bool db_many(struct db_tx *tx, enum stmt stmt, const struct db_param *params, size_t count,
	     struct db_rows *out, struct err *err)
{
	if (!promised(tx, stmt, statements[stmt].rows == ROWS_MANY, "db_many", err))
		return false;
	const PGresult *result = tx_run(tx, stmt, params, count, err);
	if (!result)
		return false;
	*out = (struct db_rows){.result = result, .count = (size_t)PQntuples(result), .tx = tx};
	return true;
}

bool db_run(struct db_tx *tx, enum stmt stmt, const struct db_param *params, size_t count,
	    int64_t *changed, struct err *err)
{
	if (!promised(tx, stmt, statements[stmt].rows == ROWS_NONE, "db_run", err))
		return false;
	PGresult *result = tx_run(tx, stmt, params, count, err);
	if (!result)
		return false;
	if (PQnfields(result) > 0)
		return tx_spoil(tx, err, E_DB_ROWS, "%s gave rows instead of none",
				statements[stmt].name);
	if (changed) {
		const char *tuples = PQcmdTuples(result); /* empty for what counts none */
		*changed = *tuples ? strtoll(tuples, NULL, 10) : 0;
	}
	return true;
}

/* ---- rows ---- */

struct db_row db_row_at(const struct db_rows *rows, size_t index)
{
	if (index >= rows->count)
		give_up("there is no such row", "db_row_at");
	return (struct db_row){.result = rows->result, .number = (int)index, .tx = rows->tx};
}

static int column_of(const PGresult *result, const char *column)
{
	for (int i = 0; i < PQnfields(result); i++) {
		if (strcmp(PQfname(result, i), column) == 0)
			return i;
	}
	give_up("there is no such column", column);
}

/* The text of a column that has one of these types, NULL if it is null. */
static const char *value_of(const struct db_row *row, const char *column, Oid type, Oid or_type,
			    Oid or_other)
{
	const PGresult *result = row->result;
	int at = column_of(result, column);
	Oid is = PQftype(result, at);
	if (type && is != type && is != or_type && is != or_other)
		give_up("a column is read as what it is not", column);
	return PQgetisnull(result, row->number, at) ? NULL : PQgetvalue(result, row->number, at);
}

const char *db_get_text(const struct db_row *row, const char *column)
{
	return value_of(row, column, 0, 0, 0);
}

int64_t db_get_int(const struct db_row *row, const char *column)
{
	const char *text = value_of(row, column, TYPE_INT8, TYPE_INT4, TYPE_INT2);
	return text ? strtoll(text, NULL, 10) : 0;
}

bool db_get_bool(const struct db_row *row, const char *column)
{
	const char *text = value_of(row, column, TYPE_BOOL, TYPE_BOOL, TYPE_BOOL);
	return text && *text == 't';
}

struct bytes db_get_bytes(const struct db_row *row, const char *column)
{
	const char *text = value_of(row, column, TYPE_BYTEA, TYPE_BYTEA, TYPE_BYTEA);
	struct bytes bytes = {0};
	struct err err = {0};
	if (text &&
	    (strncmp(text, "\\x", 2) != 0 || !decode_hex(row->tx->arena, text + 2, &bytes, &err)))
		give_up("bytes are not in hex; bytea_output was changed", column);
	return bytes;
}

clock_us db_get_time(const struct db_row *row, const char *column)
{
	const char *text =
		value_of(row, column, TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ);
	clock_us at = 0;
	/* times_held has read it before. */
	if (text && !db_format_read_time(text, &at))
		give_up("a time is out of range", column);
	return at;
}

bool db_get_null(const struct db_row *row, const char *column)
{
	return !value_of(row, column, 0, 0, 0);
}
