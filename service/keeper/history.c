/* SPDX-License-Identifier: Apache-2.0 */
/* Which acts stand in git: one thread that writes what the ledger says and git does not have yet. */

#include "service/keeper/history.h"

#include "common/log.h"
#include "common/text.h"
#include "common/wire/statement.h"
#include "service/keeper/campaign.h"
#include "service/keeper/gitrepo.h"
#include "service/keeper/sequencer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUND_BYTES = 128 * 1024 * 1024, FILES_MAX = 4, MESSAGE_MAX = 4096 };

struct history {
	struct keeper *keeper;
	struct gitrepo *repo;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool woken;
	bool stop;
};

/* One act on its way into git. */
struct entry {
	struct history *history;
	struct arena *arena;
	struct event_view view;
	int64_t index;
	const char *note; /* the checkpoint that covers it */
	int64_t checkpoint_size;
	const char *ref;
	const char *parent;  /* NULL: a root */
	const char *release; /* whose stream history.written goes to; NULL: policy */
	const char *title;
	struct gitrepo_file files[FILES_MAX];
	size_t file_count;
	char commit[41];
	const char *signature;
};

struct round {
	struct history *history;
	struct db_rows pending;
	struct entry *entries;
	size_t count;
};

/* ---- what goes into a commit ---- */

static void add_file(struct entry *entry, const char *path, struct bytes bytes)
{
	entry->files[entry->file_count++] = (struct gitrepo_file){.path = path, .bytes = bytes};
}

static bool find_document(struct db_tx *tx, const char *sha256, struct bytes *out, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DOCUMENT_ANY, DB(db_text(sha256 ? sha256 : "")), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_DOC_MISSING, NULL);
	*out = db_get_bytes(&row, "bytes");
	return true;
}

/* The release line of the entry's first release or campaign stream. */
static bool find_line(struct entry *entry, struct db_tx *tx, struct db_row *row, struct err *err)
{
	const struct event *event = &entry->view.event;
	bool found = false;

	for (size_t i = 0; i < event->stream_count && !found; i++) {
		enum stream_kind kind = event->streams[i].kind;
		if (kind != STREAM_RELEASE && kind != STREAM_CAMPAIGN)
			continue;
		if (!db_opt(tx, STMT_HISTORY_RELEASE_FIND, DB(db_text(event->streams[i].id)),
			    &found, row, err))
			return false;
	}
	if (!found)
		return err_fail(err, E_BUG, "an act of no release line");
	entry->release = db_get_text(row, "release");
	entry->ref = gitrepo_ref_of(entry->arena, db_get_text(row, "product"),
				    db_get_text(row, "version"));
	return true;
}

static bool fill_release(struct entry *entry, struct db_tx *tx, struct err *err)
{
	struct bytes manifest;
	struct db_row row;

	if (!find_line(entry, tx, &row, err) ||
	    !find_document(tx, doc_get_text(entry->view.event.data, "manifest_sha256"), &manifest,
			   err))
		return false;
	const char *version = db_get_text(&row, "version");
	entry->title =
		arena_printf(entry->arena, "%s %s sealed", db_get_text(&row, "product"), version);
	add_file(entry, arena_printf(entry->arena, "%s/manifest.json", version), manifest);
	add_file(entry, arena_printf(entry->arena, "%s/author.p7s", version),
		 db_get_bytes(&row, "author_cms"));
	return true;
}

static bool fill_record(struct entry *entry, struct db_tx *tx, struct err *err)
{
	const struct doc *data = entry->view.event.data;
	struct bytes document;
	struct db_row row;

	if (!find_line(entry, tx, &row, err) ||
	    !find_document(tx, doc_get_text(data, "sha256"), &document, err))
		return false;
	entry->title =
		arena_printf(entry->arena, "%s %s: %s record added", db_get_text(&row, "product"),
			     db_get_text(&row, "version"), doc_get_text(data, "kind"));
	add_file(entry,
		 arena_printf(entry->arena, "%s/records/%s/%lld.json", db_get_text(&row, "version"),
			      doc_get_text(data, "record"),
			      (long long)doc_int(doc_get(data, "version"), 0)),
		 document);
	return true;
}

static bool fill_signature(struct entry *entry, struct db_tx *tx, struct err *err)
{
	const struct doc *data = entry->view.event.data;
	const char *digest = doc_get_text(data, "statement_sha256");
	const char *id = doc_get_text(data, "signature");
	struct bytes document;
	struct db_row row;
	struct db_row given;
	bool found;

	if (!find_line(entry, tx, &row, err) || !find_document(tx, digest, &document, err) ||
	    !db_opt(tx, STMT_HISTORY_SIGNATURE_FIND, DB(db_text(id)), &found, &given, err))
		return false;
	const char *version = db_get_text(&row, "version");
	entry->title =
		arena_printf(entry->arena, "%s %s: signature given, %s",
			     db_get_text(&row, "product"), version, doc_get_text(data, "meaning"));
	add_file(entry, arena_printf(entry->arena, "%s/signatures/%s.json", version, id), document);
	if (found && !db_get_null(&given, "cms"))
		add_file(entry, arena_printf(entry->arena, "%s/signatures/%s.p7s", version, id),
			 db_get_bytes(&given, "cms"));
	return true;
}

static bool fill_ruleset(struct entry *entry, struct db_tx *tx, struct err *err)
{
	const struct doc *data = entry->view.event.data;
	const char *name = doc_get_text(data, "name");
	struct bytes document;

	if (!find_document(tx, doc_get_text(data, "sha256"), &document, err))
		return false;
	entry->ref = "refs/heads/policy";
	entry->title = arena_printf(entry->arena, "ruleset %s adopted", name);
	add_file(entry, arena_printf(entry->arena, "rulesets/%s.json", name), document);
	return true;
}

static bool fill(struct entry *entry, struct db_tx *tx, struct err *err)
{
	static const struct {
		enum event_kind kind;
		bool (*fill)(struct entry *entry, struct db_tx *tx, struct err *err);
	} kinds[] = {
		{EV_RELEASE_SEALED, fill_release},
		{EV_RECORD_ADDED, fill_record},
		{EV_SIGNATURE_GIVEN, fill_signature},
		{EV_RULESET_ADOPTED, fill_ruleset},
	};
	struct db_row row;
	bool found;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].kind == entry->view.event.kind && !kinds[i].fill(entry, tx, err))
			return false;
	}
	if (!entry->ref)
		return err_fail(err, E_BUG, "an act of a kind that has no commit");
	add_file(entry, "checkpoint", bytes_of_text(entry->note));
	if (!db_opt(tx, STMT_HISTORY_TIP_FIND, DB(db_text(entry->ref)), &found, &row, err))
		return false;
	entry->parent = found ? db_get_text(&row, "commit_id") : NULL;
	return true;
}

/* ---- one commit ---- */

static const char *message_of(const struct entry *entry)
{
	struct text out;

	text_init(&out, entry->arena, MESSAGE_MAX);
	text_addf(&out, "%s\n\n", entry->title);
	text_addf(&out, "Event: %s\n", entry->view.event.id.text);
	text_addf(&out, "Ledger-Index: %lld\n", (long long)entry->index);
	text_addf(&out, "Checkpoint-Size: %lld\n", (long long)entry->checkpoint_size);
	text_addf(&out, "Checkpoint: sha256:%s\n",
		  digest_sha256_hex(bytes_of_text(entry->note)).text);
	return out.at;
}

static bool write_commit(struct entry *entry, struct err *err)
{
	struct gitrepo *repo = entry->history->repo;
	struct gitrepo_commit commit = {
		.parent = entry->parent,
		.files = entry->files,
		.file_count = entry->file_count,
		.author = entry->view.actor_id,
		.at_s = entry->view.at / CLOCK_SECOND,
		.message = message_of(entry),
	};

	return gitrepo_commit(repo, entry->arena, &commit, entry->history->keeper->git_key,
			      entry->commit, &entry->signature, err) &&
	       gitrepo_move(repo, entry->ref, entry->parent, entry->commit, err);
}

static bool record_commit(struct db_tx *tx, void *context, struct err *err)
{
	struct entry *entry = context;
	struct keeper *keeper = entry->history->keeper;
	struct act act = {.actor_kind = ACTOR_KEEPER,
			  .actor = keeper->writer.name,
			  .at = clock_now(),
			  .request = "history",
			  .arena = entry->arena};
	struct doc *data = doc_object(entry->arena);

	doc_set_text(data, "act", entry->view.event.id.text);
	doc_set_text(data, "ref", entry->ref);
	doc_set_text(data, "commit", entry->commit);
	doc_set_text(data, "signature", entry->signature);
	struct event event = audit_event(EV_HISTORY_WRITTEN, data);
	audit_stream(&event, entry->release ? STREAM_RELEASE : STREAM_POLICY,
		     entry->release ? entry->release : "directory");
	return audit_append(tx, &keeper->writer, &act, &event, NULL, err) &&
	       db_run(tx, STMT_HISTORY_INSERT,
		      DB(db_text(entry->view.event.id.text), db_text(entry->ref),
			 db_text(entry->commit), db_text(event.id.text)),
		      NULL, err);
}

/* ---- rounds ---- */

/* The oldest act without a commit. One at a time: the next one's parent is this one's commit. */
static bool next_work(struct db_tx *tx, void *context, struct err *err)
{
	struct round *round = context;
	struct db_row row;

	round->count = 0;
	if (!db_many(tx, STMT_HISTORY_PENDING, DB_NOTHING, &round->pending, err))
		return false;
	if (round->pending.count == 0)
		return true;
	struct entry *entry = arena_alloc(db_arena(tx), sizeof(*entry));
	row = db_row_at(&round->pending, 0);
	entry->history = round->history;
	entry->arena = db_arena(tx);
	entry->index = db_get_int(&row, "index");
	entry->note = db_get_text(&row, "note");
	entry->checkpoint_size = db_get_int(&row, "checkpoint_size");
	if (!event_read(entry->arena, db_get_bytes(&row, "bytes"), &entry->view, err) ||
	    !fill(entry, tx, err))
		return false;
	round->entries = entry;
	round->count = 1;
	return true;
}

struct alarm {
	struct history *history;
	struct arena *arena;
	const char *ref;
};

/* Git and the record disagree: what rests on that line stops. */
static bool hold_work(struct db_tx *tx, void *context, struct err *err)
{
	struct alarm *alarm = context;
	struct keeper *keeper = alarm->history->keeper;
	struct act act = {.actor_kind = ACTOR_KEEPER,
			  .actor = keeper->writer.name,
			  .at = clock_now(),
			  .request = "history",
			  .arena = alarm->arena};
	struct db_rows rows;

	if (!db_many(tx, STMT_HISTORY_CAMPAIGNS_LIST, DB(db_text(alarm->ref)), &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		if (!campaign_hold(keeper, tx, &act, db_get_text(&row, "id"), "keeper",
				   "the git record of the release does not match the ledger", NULL,
				   NULL, err))
			return false;
	}
	return true;
}

static void raise_alarm(struct history *history, struct arena *arena, const char *ref,
			const struct err *cause)
{
	struct alarm alarm = {.history = history, .arena = arena, .ref = ref};
	struct err err = {0};

	log_error("history-forked", LOG_TEXT("ref", ref), LOG_ERR(cause));
	if (!db_transact(history->keeper->pool, arena, DB_READ_COMMITTED, hold_work, &alarm, &err))
		log_error("hold-failed", LOG_ERR(&err));
	sequencer_wake(history->keeper->sequencer);
}

/* Writes the next act; *more when there was one. */
static bool round_run(struct history *history, struct arena *arena, bool *more, struct err *err)
{
	struct round round = {.history = history};

	*more = false;
	if (!db_transact(history->keeper->pool, arena, DB_READ_COMMITTED, next_work, &round, err))
		return false;
	if (round.count == 0)
		return true;
	if (!write_commit(round.entries, err)) {
		if (err->code == E_HISTORY_REF)
			raise_alarm(history, arena, round.entries->ref, err);
		return false;
	}
	if (!db_transact(history->keeper->pool, arena, DB_READ_COMMITTED, record_commit,
			 round.entries, err))
		return false;
	sequencer_wake(history->keeper->sequencer);
	*more = true;
	return true;
}

/* ---- at start: every recorded tip is where git has it ---- */

static bool list_tips(struct db_tx *tx, void *context, struct err *err)
{
	struct round *round = context;

	return db_many(tx, STMT_HISTORY_TIPS_LIST, DB_NOTHING, &round->pending, err);
}

static bool check_tips(struct history *history, struct err *err)
{
	struct arena *arena = arena_new(ROUND_BYTES);
	struct round round = {.history = history};

	bool listed = db_transact(history->keeper->pool, arena, DB_READ_COMMITTED, list_tips,
				  &round, err);
	for (size_t i = 0; listed && i < round.pending.count; i++) {
		struct db_row row = db_row_at(&round.pending, i);
		const char *ref = db_get_text(&row, "ref");
		const char *recorded = db_get_text(&row, "commit_id");
		struct err cause = {0};
		char tip[41] = "";
		bool found;
		if (!gitrepo_tip(history->repo, ref, &found, tip, &cause) || !found ||
		    strcmp(tip, recorded) != 0) {
			err_set(&cause, E_HISTORY_REF, "%.100s is at %.40s, the record says %.40s",
				ref, tip, recorded);
			raise_alarm(history, arena, ref, &cause);
		}
	}
	arena_free(arena);
	return listed;
}

/* ---- the thread ---- */

static bool wait_for_work(struct history *history, bool more)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	pthread_mutex_lock(&history->lock);
	if (!more && !history->woken && !history->stop)
		pthread_cond_timedwait(&history->told, &history->lock, &until);
	history->woken = false;
	bool stop = history->stop;
	pthread_mutex_unlock(&history->lock);
	return !stop;
}

static void *history_run(void *context)
{
	struct history *history = context;
	bool more = true;

	while (wait_for_work(history, more)) {
		struct arena *arena = arena_new(ROUND_BYTES);
		struct err err = {0};
		if (!round_run(history, arena, &more, &err)) {
			more = false;
			log_warn("history-waits", LOG_ERR(&err));
			clock_sleep(CLOCK_SECOND / 2);
		}
		arena_free(arena);
	}
	return NULL;
}

static void wake(void *context)
{
	struct history *history = context;

	pthread_mutex_lock(&history->lock);
	history->woken = true;
	pthread_cond_signal(&history->told);
	pthread_mutex_unlock(&history->lock);
}

bool history_new(struct keeper *keeper, struct history **out, struct err *err)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return err_fail(err, E_OS, "out of memory");
	history->keeper = keeper;
	pthread_mutex_init(&history->lock, NULL);
	pthread_cond_init(&history->told, NULL);
	bool ready =
		gitrepo_new(keeper->settings.git, &history->repo, err) && check_tips(history, err);
	if (ready && pthread_create(&history->thread, NULL, history_run, history) != 0)
		ready = err_fail(err, E_OS, "the history thread could not be started");
	if (!ready) {
		gitrepo_free(history->repo);
		free(history);
		return false;
	}
	sequencer_on_checkpoint(keeper->sequencer, wake, history);
	*out = history;
	return true;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	sequencer_on_checkpoint(history->keeper->sequencer, NULL, NULL);
	pthread_mutex_lock(&history->lock);
	history->stop = true;
	pthread_cond_signal(&history->told);
	pthread_mutex_unlock(&history->lock);
	pthread_join(history->thread, NULL);
	gitrepo_free(history->repo);
	pthread_cond_destroy(&history->told);
	pthread_mutex_destroy(&history->lock);
	free(history);
}
