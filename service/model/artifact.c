/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where does firmware lie, and is it still what was uploaded? For authors who bring it and for
 * everybody who fetches it. Uploads stand in artifact_upload.c.
 */

#include "service/model/artifact.h"

#include "common/log.h"
#include "service/model/artifact_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024 };

/* The state of a file in which its digest was computed. */
struct checked {
	struct sha256_hex sha256;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
	bool good;
};

struct artifact_checks {
	pthread_mutex_t lock;
	struct checked at[ARTIFACT_CHECKS]; /* by the first digits of the digest */
};

/* ---- the store ---- */

char *artifact_path(const struct model *model, struct arena *arena, const char *sha256)
{
	return arena_printf(arena, "%s/%.2s/%s", model->artifacts, sha256, sha256);
}

/* What uploads left that never ended. */
static bool clean_incoming(const char *folder, struct err *err)
{
	DIR *open_folder = opendir(folder);
	struct dirent *entry;
	int removed = 0;

	if (!open_folder)
		return err_fail(err, E_FILE, "%.160s cannot be read: %s", folder, strerror(errno));
	while ((entry = readdir(open_folder))) {
		if (entry->d_name[0] != '.' && unlinkat(dirfd(open_folder), entry->d_name, 0) == 0)
			removed++;
	}
	closedir(open_folder);
	if (removed)
		log_info("uploads-removed", LOG_INT("count", removed));
	return true;
}

bool artifact_open_store(struct model *model, const char *folder, const char *instance,
			 struct err *err)
{
	model->artifacts = folder;
	model->incoming = arena_printf(model->arena, "%s/incoming/%s", folder, instance);
	if (!file_make_folders(model->incoming, 0755, err) || !clean_incoming(model->incoming, err))
		return false;
	model->checks = calloc(1, sizeof(*model->checks));
	if (!model->checks)
		return err_fail(err, E_OS, "out of memory");
	pthread_mutex_init(&model->checks->lock, NULL);
	return true;
}

void artifact_close_store(struct model *model)
{
	if (!model->checks)
		return;
	pthread_mutex_destroy(&model->checks->lock);
	free(model->checks);
	model->checks = NULL;
}

/* ---- rows ---- */

struct row_work {
	const char *sha256;
	struct artifact artifact;
	bool found;
};

bool artifact_find_row(struct db_tx *tx, const char *sha256, bool *found, struct artifact *out,
		       struct err *err)
{
	struct db_row row;

	if (!db_opt(tx, STMT_ARTIFACT_FIND, DB(db_text(sha256)), found, &row, err))
		return false;
	if (!*found)
		return true;
	*out = (struct artifact){
		.size_bytes = db_get_int(&row, "size_bytes"),
		.sha1 = db_get_text(&row, "sha1"),
		.md5 = db_get_text(&row, "md5"),
		.stored_by = db_get_text(&row, "stored_by"),
	};
	return id_sha256_read(db_get_text(&row, "sha256"), &out->sha256, err);
}

static bool row_work(struct db_tx *tx, void *context, struct err *err)
{
	struct row_work *work = context;

	return artifact_find_row(tx, work->sha256, &work->found, &work->artifact, err);
}

bool artifact_get(struct model *model, struct arena *arena, const char *sha256,
		  struct artifact *out, struct err *err)
{
	struct row_work work = {.sha256 = sha256};

	if (!id_sha256_valid(sha256))
		return err_fail(err, E_ID, "an artifact is named by 64 lower-case hex digits");
	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, row_work, &work, err))
		return false;
	if (!work.found)
		return err_fail(err, E_ARTIFACT_UNKNOWN, NULL);
	*out = work.artifact;
	return true;
}

/* ---- is the file what its name says ---- */

static bool digest_file(int fd, struct sha256_hex *out, struct err *err)
{
	struct digest *digest = digest_new(DIGEST_SHA256);
	unsigned char *buffer = malloc(READ_BYTES);
	struct sha256 result;
	ssize_t got = -1;
	off_t at = 0;

	if (!buffer)
		abort();
	do {
		got = pread(fd, buffer, READ_BYTES, at);
		if (got > 0) {
			digest_add(digest, bytes_of(buffer, (size_t)got));
			at += got;
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
	digest_so_far(digest, result.at);
	digest_free(digest);
	free(buffer);
	if (got < 0)
		return err_fail(err, E_FILE, "a stored artifact cannot be read: %s",
				strerror(errno));
	*out = digest_hex(&result);
	return true;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static struct checked *slot_of(struct artifact_checks *checks, const char *sha256)
{
	size_t number = 0;

	for (int i = 0; i < 4; i++) {
		char digit = sha256[i];
		number = number * 16 + (size_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
	}
	return &checks->at[number % ARTIFACT_CHECKS];
}

static struct checked state_of(const struct sha256_hex *sha256, const struct stat *state)
{
	return (struct checked){
		.sha256 = *sha256,
		.device = state->st_dev,
		.inode = state->st_ino,
		.size = state->st_size,
		.modified = state->st_mtim,
		.changed = state->st_ctim,
	};
}

/* Whether this very state was looked at before, and what came out. */
static bool recall(struct artifact_checks *checks, const struct checked *now, bool *good)
{
	struct checked *slot = slot_of(checks, now->sha256.text);

	pthread_mutex_lock(&checks->lock);
	bool same = strcmp(slot->sha256.text, now->sha256.text) == 0 &&
		    slot->device == now->device && slot->inode == now->inode &&
		    slot->size == now->size && same_time(slot->modified, now->modified) &&
		    same_time(slot->changed, now->changed);
	*good = same && slot->good;
	pthread_mutex_unlock(&checks->lock);
	return same;
}

static void remember(struct artifact_checks *checks, const struct checked *now)
{
	pthread_mutex_lock(&checks->lock);
	*slot_of(checks, now->sha256.text) = *now;
	pthread_mutex_unlock(&checks->lock);
}

bool artifact_file_good(struct model *model, int fd, const struct artifact *artifact, bool *good,
			bool *fresh, struct sha256_hex *found, struct err *err)
{
	struct stat before;
	struct stat after;

	*fresh = false;
	if (fstat(fd, &before) != 0)
		return err_fail(err, E_FILE, "a stored artifact: %s", strerror(errno));
	struct checked state = state_of(&artifact->sha256, &before);
	if (recall(model->checks, &state, good))
		return true;
	if (!digest_file(fd, found, err))
		return false;
	*fresh = true;
	state.good = S_ISREG(before.st_mode) && before.st_size == artifact->size_bytes &&
		     strcmp(found->text, artifact->sha256.text) == 0;
	*good = state.good;
	/* A file that was written to while it was read is looked at again next time. */
	if (fstat(fd, &after) == 0) {
		struct checked again = state_of(&artifact->sha256, &after);
		if (same_time(again.modified, state.modified) &&
		    same_time(again.changed, state.changed))
			remember(model->checks, &state);
	}
	return true;
}

struct damage_work {
	struct model *model;
	const struct act *act;
	const struct artifact *artifact;
	const char *found;
};

static bool damage_work(struct db_tx *tx, void *context, struct err *err)
{
	struct damage_work *work = context;
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "sha256", work->artifact->sha256.text);
	doc_set_text(data, "found", work->found);
	struct event event = audit_event(EV_ARTIFACT_DAMAGED, data);
	event.outcome = OUTCOME_FAILED;
	event.code = err_code_text(E_ARTIFACT_DAMAGED);
	audit_stream(&event, STREAM_SYSTEM, "service");
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err);
}

/* Once for each state of the file: not at every try to fetch it. */
static void record_damage(struct model *model, const struct act *act,
			  const struct artifact *artifact, const char *found)
{
	struct damage_work work = {
		.model = model, .act = act, .artifact = artifact, .found = found};
	struct err err = {0};

	log_error("artifact-damaged", LOG_TEXT("sha256", artifact->sha256.text),
		  LOG_TEXT("found", found));
	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, damage_work, &work, &err))
		log_error("artifact-damage-not-recorded", LOG_ERR(&err));
}

bool artifact_open(struct model *model, const struct act *act, const char *sha256,
		   struct artifact *out, int *fd, struct err *err)
{
	struct sha256_hex found = {0};
	bool good = false;
	bool fresh;

	if (!artifact_get(model, act->arena, sha256, out, err))
		return false;
	int file = open(artifact_path(model, act->arena, sha256),
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (file < 0) {
		record_damage(model, act, out, errno == ENOENT ? "nothing" : "no file");
		return err_fail(err, E_ARTIFACT_DAMAGED,
				"The file of artifact %.64s is gone; upload it again", sha256);
	}
	if (!artifact_file_good(model, file, out, &good, &fresh, &found, err)) {
		close(file);
		return false;
	}
	if (!good) {
		close(file);
		if (fresh)
			record_damage(model, act, out, found.text);
		return err_fail(err, E_ARTIFACT_DAMAGED, NULL);
	}
	*fd = file;
	return true;
}

bool artifact_check(struct model *model, const struct act *act, const char *sha256,
		    struct artifact *out, struct err *err)
{
	int fd;

	if (!artifact_open(model, act, sha256, out, &fd, err))
		return false;
	close(fd);
	return true;
}
