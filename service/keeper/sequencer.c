/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When does the ledger grow: one thread that takes the queue, seals a batch (seal.c), signs a
 * checkpoint, and tells those who wait.
 */

#include "service/keeper/sequencer.h"

#include "audit/checkpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "service/keeper/seal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BATCH_ARENA_BYTES = 256 * 1024 * 1024, /* 1,000 events of 60,000 bytes, parsed */
	POLL_MS = 50,
	HEAD_FILE_MAX = 64 * 1024,
	LEAVES_AT_ONCE = 10000,
};

struct sequencer {
	struct keeper *keeper;
	struct arena *batch; /* of the sequencer's thread */
	struct tree_frontier head;
	int64_t checkpoint_size;
	clock_us checkpoint_at;
	bool unsure; /* the last batch failed: it may have been committed all the same */

	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t work; /* for the sequencer: wake or stop */
	pthread_cond_t news; /* for those who wait: a checkpoint, or a row set aside */
	bool woken;
	bool stop;
	int waiters;
	int64_t round; /* rises with every batch that changed something */
	struct sequencer_state state;
	void (*notify)(void *context);
	void *notify_context;
};

/* ---- start: agree with the head file before anything is signed ---- */

struct leaves_reading {
	int64_t from;
	int64_t until;
	struct tree_frontier *frontier;
	bool more;
};

static bool read_leaves(struct db_tx *tx, void *context, struct err *err)
{
	struct leaves_reading *reading = context;
	struct tree_frontier frontier = *reading->frontier;
	struct db_rows rows;
	int64_t count = reading->until - reading->from;

	if (!db_many(tx, STMT_SEQUENCER_LEAVES_LIST,
		     DB(db_int(reading->from),
			db_int(count < LEAVES_AT_ONCE ? count : LEAVES_AT_ONCE)),
		     &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct bytes leaf = db_get_bytes(&row, "leaf");
		struct sha256 hash;
		if (leaf.size != SHA256_BYTES)
			return err_fail(err, E_LEDGER_ROLLED_BACK, "a stored leaf is damaged");
		memcpy(hash.at, leaf.data, SHA256_BYTES);
		tree_frontier_add(&frontier, &hash);
	}
	reading->more = rows.count == LEAVES_AT_ONCE;
	*reading->frontier = frontier;
	return true;
}

/* The frontier of the first `size` sealed leaves, from the leaves themselves. */
static bool rebuild_frontier(struct sequencer *sequencer, struct tree_frontier *frontier,
			     int64_t size, struct err *err)
{
	while (frontier->size < size) {
		struct leaves_reading reading = {
			.from = frontier->size, .until = size, .frontier = frontier};
		int64_t before = frontier->size;
		bool read = db_transact(sequencer->keeper->pool, sequencer->batch,
					DB_READ_COMMITTED, read_leaves, &reading, err);
		arena_reset(sequencer->batch);
		if (!read)
			return false;
		if (frontier->size == before)
			return err_fail(
				err, E_LEDGER_ROLLED_BACK,
				"the database holds %lld sealed events, the last checkpoint "
				"says %lld; it must be restored from a newer copy",
				(long long)before, (long long)size);
	}
	return true;
}

static bool begin_log(struct db_tx *tx, void *context, struct err *err)
{
	struct sequencer *sequencer = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_SEQUENCER_HEAD_FIND, DB_NOTHING, &found, &row, err))
		return false;
	if (found && strcmp(db_get_text(&row, "origin"), sequencer->keeper->settings.origin) != 0)
		return err_fail(err, E_CONFIG, "the log's origin is %.80s, not %.80s",
				db_get_text(&row, "origin"), sequencer->keeper->settings.origin);
	if (found) {
		sequencer->state.size = db_get_int(&row, "size");
		return true;
	}
	db_mark_recorded(tx); /* an empty log tells nothing yet */
	return db_run(tx, STMT_SEQUENCER_HEAD_BEGIN,
		      DB(db_text(sequencer->keeper->settings.origin)), NULL, err);
}

struct checkpoint_write {
	int64_t size;
	const char *note;
	clock_us at;
};

static bool store_checkpoint(struct db_tx *tx, void *context, struct err *err)
{
	const struct checkpoint_write *write = context;

	db_mark_recorded(tx); /* a checkpoint is the record */
	return db_run(tx, STMT_SEQUENCER_CHECKPOINT_INSERT,
		      DB(db_int(write->size), db_text(write->note), db_time(write->at)), NULL, err);
}

static bool put_checkpoint(struct sequencer *sequencer, int64_t size, struct bytes note,
			   clock_us at, struct err *err)
{
	struct checkpoint_write write = {
		.size = size, .note = arena_text_of(sequencer->batch, note), .at = at};

	return db_transact(sequencer->keeper->pool, sequencer->batch, DB_READ_COMMITTED,
			   store_checkpoint, &write, err);
}

struct newest_checkpoint {
	bool found;
};

static bool find_checkpoint(struct db_tx *tx, void *context, struct err *err)
{
	struct newest_checkpoint *newest = context;
	struct db_row row;

	return db_opt(tx, STMT_SEQUENCER_CHECKPOINT_NEWEST, DB_NOTHING, &newest->found, &row, err);
}

/* Without the file nothing says whether the database went back. Only before the first checkpoint
 * that is as it should be. */
static bool demand_no_checkpoint(struct sequencer *sequencer, struct err *err)
{
	struct newest_checkpoint newest = {0};

	if (!db_transact(sequencer->keeper->pool, sequencer->batch, DB_READ_COMMITTED,
			 find_checkpoint, &newest, err))
		return false;
	return !newest.found ||
	       err_fail(err, E_LEDGER_ROLLED_BACK,
			"the head file %.100s is gone though checkpoints were signed; put it back, "
			"or in its place the newest checkpoint that you can trust",
			sequencer->keeper->settings.head_file);
}

/* The last checkpoint this keeper signed must be a prefix of the sealed log. */
static bool agree_with_head_file(struct sequencer *sequencer, struct err *err)
{
	struct keeper *keeper = sequencer->keeper;
	struct arena *arena = arena_new(1024 * 1024);
	struct bytes note;
	struct checkpoint last = {0};
	struct note_key key;
	bool found = false;

	bool agreed =
		file_find(arena, keeper->settings.head_file, HEAD_FILE_MAX, &found, &note, err) &&
		note_key_of_spki(arena, keeper->settings.origin, sign_key_spki(keeper->ledger_key),
				 &key, err);
	if (agreed && found) {
		agreed = checkpoint_open(arena, note, &key, &last, err) &&
			 rebuild_frontier(sequencer, &sequencer->head, last.size, err);
		struct sha256 root = tree_frontier_root(&sequencer->head);
		if (agreed && !digest_equal(root.at, last.root.at, SHA256_BYTES))
			agreed = err_fail(err, E_LEDGER_ROLLED_BACK,
					  "the sealed events are not those of the last checkpoint; "
					  "the database was changed and must be repaired");
		/* A cut between file and table leaves the table behind: make it up. */
		agreed = agreed && put_checkpoint(sequencer, last.size, note, clock_now(), err);
		sequencer->checkpoint_size = last.size;
	}
	arena_free(arena);
	return agreed && (found || demand_no_checkpoint(sequencer, err)) &&
	       rebuild_frontier(sequencer, &sequencer->head, sequencer->state.size, err);
}

/* ---- one round ---- */

static bool sign_checkpoint(struct sequencer *sequencer, struct err *err)
{
	struct keeper *keeper = sequencer->keeper;
	struct checkpoint checkpoint = {
		.origin = keeper->settings.origin,
		.size = sequencer->head.size,
		.root = tree_frontier_root(&sequencer->head),
	};
	struct bytes note;
	clock_us now = clock_now();

	if (!checkpoint_sign(sequencer->batch, &checkpoint, keeper->ledger_key, &note, err) ||
	    !file_replace(keeper->settings.head_file, note, 0600, err))
		return false;
	/* From here on it is signed and remembered: a smaller one will never follow. */
	sequencer->checkpoint_size = checkpoint.size;
	sequencer->checkpoint_at = now;
	return put_checkpoint(sequencer, checkpoint.size, note, now, err);
}

static void tell_news(struct sequencer *sequencer, bool checkpointed)
{
	pthread_mutex_lock(&sequencer->lock);
	sequencer->state.size = sequencer->head.size;
	sequencer->state.checkpoint_size = sequencer->checkpoint_size;
	sequencer->round++;
	pthread_cond_broadcast(&sequencer->news);
	void (*notify)(void *context) = checkpointed ? sequencer->notify : NULL;
	void *context = sequencer->notify_context;
	pthread_mutex_unlock(&sequencer->lock);
	if (notify)
		notify(context);
}

static void tell_health(struct sequencer *sequencer)
{
	pthread_mutex_lock(&sequencer->lock);
	sequencer->state.healthy = true;
	sequencer->state.rolled_back = false;
	sequencer->state.why[0] = 0;
	pthread_mutex_unlock(&sequencer->lock);
}

static void tell_trouble(struct sequencer *sequencer, const struct err *err)
{
	pthread_mutex_lock(&sequencer->lock);
	bool first = sequencer->state.healthy || strcmp(sequencer->state.why, err->text) != 0;
	sequencer->state.healthy = false;
	sequencer->state.rolled_back = err->code == E_LEDGER_ROLLED_BACK;
	if (sequencer->state.rolled_back) {
		sequencer->round++; /* those who wait do so in vain */
		pthread_cond_broadcast(&sequencer->news);
	}
	snprintf(sequencer->state.why, sizeof(sequencer->state.why), "%.150s", err->text);
	pthread_mutex_unlock(&sequencer->lock);
	if (first)
		log_error("sealing-stopped", LOG_ERR(err));
}

/* News are signed at once when somebody waits, else at most one checkpoint a second. */
static bool checkpoint_due(struct sequencer *sequencer)
{
	if (sequencer->head.size == sequencer->checkpoint_size)
		return false;
	pthread_mutex_lock(&sequencer->lock);
	bool awaited = sequencer->waiters > 0 || sequencer->stop;
	pthread_mutex_unlock(&sequencer->lock);
	return awaited || clock_now() - sequencer->checkpoint_at >= CLOCK_SECOND;
}

struct head_reading {
	int64_t size;
};

static bool read_head_size(struct db_tx *tx, void *context, struct err *err)
{
	struct head_reading *reading = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_SEQUENCER_HEAD_FIND, DB_NOTHING, &found, &row, err))
		return false;
	reading->size = found ? db_get_int(&row, "size") : 0;
	return true;
}

/* The answer to a commit can be lost with the connection. If the stored log went on from where we
 * are, those were our own rows: nobody else may insert them. */
static bool catch_up(struct sequencer *sequencer, struct err *err)
{
	struct head_reading reading;

	if (!sequencer->unsure)
		return true;
	if (!db_transact(sequencer->keeper->pool, sequencer->batch, DB_READ_COMMITTED,
			 read_head_size, &reading, err) ||
	    !rebuild_frontier(sequencer, &sequencer->head, reading.size, err))
		return false;
	sequencer->unsure = false;
	return true;
}

/* Seals what is there, signs when due. *more: the queue was longer than one batch. */
static bool round_run(struct sequencer *sequencer, bool *more, struct err *err)
{
	struct seal_result sealed;

	if (!catch_up(sequencer, err))
		return false;
	if (!seal_batch(sequencer->keeper, sequencer->batch, &sequencer->head, &sealed, err)) {
		sequencer->unsure = true;
		return false;
	}
	*more = sealed.more;
	bool due = checkpoint_due(sequencer);
	if (due && !sign_checkpoint(sequencer, err))
		return false;
	if (due || sealed.taken > 0)
		tell_news(sequencer, due);
	return true;
}

static bool wait_for_work(struct sequencer *sequencer, bool more)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += POLL_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&sequencer->lock);
	if (!more && !sequencer->woken && !sequencer->stop)
		pthread_cond_timedwait(&sequencer->work, &sequencer->lock, &until);
	sequencer->woken = false;
	bool stop = sequencer->stop;
	pthread_mutex_unlock(&sequencer->lock);
	return !stop;
}

static void *sequencer_run(void *context)
{
	struct sequencer *sequencer = context;
	bool more = true;

	while (wait_for_work(sequencer, more)) {
		struct err err = {0};
		more = false;
		if (round_run(sequencer, &more, &err)) {
			tell_health(sequencer);
		} else {
			tell_trouble(sequencer, &err);
			clock_sleep(CLOCK_SECOND / 5);
		}
		arena_reset(sequencer->batch);
	}
	return NULL;
}

/* ---- face ---- */

bool sequencer_new(struct keeper *keeper, struct sequencer **out, struct err *err)
{
	struct sequencer *sequencer = calloc(1, sizeof(*sequencer));
	if (!sequencer)
		return err_fail(err, E_OS, "out of memory");
	sequencer->keeper = keeper;
	sequencer->batch = arena_new(BATCH_ARENA_BYTES);
	sequencer->state.healthy = true;
	pthread_mutex_init(&sequencer->lock, NULL);
	pthread_cond_init(&sequencer->work, NULL);
	pthread_cond_init(&sequencer->news, NULL);
	bool ready = db_transact(keeper->pool, sequencer->batch, DB_READ_COMMITTED, begin_log,
				 sequencer, err) &&
		     agree_with_head_file(sequencer, err);
	arena_reset(sequencer->batch);
	sequencer->state.size = sequencer->head.size;
	sequencer->state.checkpoint_size = sequencer->checkpoint_size;
	if (ready && pthread_create(&sequencer->thread, NULL, sequencer_run, sequencer) != 0)
		ready = err_fail(err, E_OS, "the sequencer's thread could not be started");
	sequencer->running = ready;
	if (!ready) {
		sequencer_free(sequencer);
		return false;
	}
	*out = sequencer;
	return true;
}

void sequencer_free(struct sequencer *sequencer)
{
	if (!sequencer)
		return;
	if (sequencer->running) {
		pthread_mutex_lock(&sequencer->lock);
		sequencer->stop = true;
		pthread_cond_signal(&sequencer->work);
		pthread_cond_broadcast(&sequencer->news);
		pthread_mutex_unlock(&sequencer->lock);
		pthread_join(sequencer->thread, NULL);
	}
	arena_free(sequencer->batch);
	pthread_cond_destroy(&sequencer->work);
	pthread_cond_destroy(&sequencer->news);
	pthread_mutex_destroy(&sequencer->lock);
	free(sequencer);
}

void sequencer_wake(struct sequencer *sequencer)
{
	pthread_mutex_lock(&sequencer->lock);
	sequencer->woken = true;
	pthread_cond_signal(&sequencer->work);
	pthread_mutex_unlock(&sequencer->lock);
}

struct place_reading {
	const char *event;
	bool sealed;
	bool aside;
	const char *why;
	struct sequencer_place place;
};

static bool read_place(struct db_tx *tx, void *context, struct err *err)
{
	struct place_reading *reading = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_SEQUENCER_PLACE_FIND, DB(db_text(reading->event)), &found, &row, err))
		return false;
	reading->sealed = found && !db_get_null(&row, "checkpoint_size");
	if (reading->sealed) {
		reading->place.index = db_get_int(&row, "index");
		reading->place.checkpoint_size = db_get_int(&row, "checkpoint_size");
		return true;
	}
	if (found)
		return true;
	if (!db_opt(tx, STMT_SEQUENCER_SET_ASIDE_FIND, DB(db_text(reading->event)), &reading->aside,
		    &row, err))
		return false;
	if (reading->aside)
		reading->why = db_get_text(&row, "why");
	return true;
}

/* Sleeps until a round later than `seen` is over, or the time is; the new round. */
static int64_t wait_for_news(struct sequencer *sequencer, int64_t seen,
			     const struct timespec *until)
{
	pthread_mutex_lock(&sequencer->lock);
	sequencer->woken = true;
	pthread_cond_signal(&sequencer->work);
	int waited = 0;
	while (sequencer->round == seen && waited == 0 && !sequencer->stop)
		waited = pthread_cond_timedwait(&sequencer->news, &sequencer->lock, until);
	int64_t round = sequencer->round;
	pthread_mutex_unlock(&sequencer->lock);
	return round;
}

static void count_waiter(struct sequencer *sequencer, int by, int64_t *round)
{
	pthread_mutex_lock(&sequencer->lock);
	sequencer->waiters += by;
	*round = sequencer->round;
	pthread_mutex_unlock(&sequencer->lock);
}

bool sequencer_wait(struct sequencer *sequencer, const struct event_id *event, int64_t wait_ms,
		    struct arena *arena, struct sequencer_place *out, struct err *err)
{
	struct place_reading reading = {.event = event->text};
	clock_us end = clock_now() + wait_ms * 1000;
	struct timespec until = {.tv_sec = end / CLOCK_SECOND,
				 .tv_nsec = end % CLOCK_SECOND * 1000};
	int64_t round;
	bool read;

	count_waiter(sequencer, 1, &round);
	while ((read = db_transact(sequencer->keeper->pool, arena, DB_READ_COMMITTED, read_place,
				   &reading, err)) &&
	       !reading.sealed && !reading.aside && clock_now() < end &&
	       (read = sequencer_demand_current(sequencer, err)))
		round = wait_for_news(sequencer, round, &until);
	count_waiter(sequencer, -1, &round);
	if (!read)
		return false;
	if (reading.aside)
		return err_fail(err, E_LEDGER_SET_ASIDE, "the event was set aside: %.160s",
				reading.why);
	if (!reading.sealed)
		return err_fail(err, E_LEDGER_NOT_SEALED, NULL);
	*out = reading.place;
	return true;
}

void sequencer_state_get(struct sequencer *sequencer, struct sequencer_state *out)
{
	pthread_mutex_lock(&sequencer->lock);
	*out = sequencer->state;
	pthread_mutex_unlock(&sequencer->lock);
}

bool sequencer_demand_current(struct sequencer *sequencer, struct err *err)
{
	struct sequencer_state state;

	sequencer_state_get(sequencer, &state);
	return !state.rolled_back || err_fail(err, E_LEDGER_ROLLED_BACK, "%s", state.why);
}

void sequencer_on_checkpoint(struct sequencer *sequencer, void (*notify)(void *context),
			     void *context)
{
	pthread_mutex_lock(&sequencer->lock);
	sequencer->notify = notify;
	sequencer->notify_context = context;
	pthread_mutex_unlock(&sequencer->lock);
}
