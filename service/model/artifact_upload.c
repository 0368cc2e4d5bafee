/* SPDX-License-Identifier: Apache-2.0 */
/* How does firmware come in, whole or not at all? For authors. */

#include "service/model/artifact_store.h"

#include "common/encode.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct artifact_upload {
	struct model *model;
	struct arena *arena;
	struct sha256_hex sha256; /* as promised */
	struct digest *digests[3];
	const char *path; /* in incoming */
	int fd;
	uint64_t size;
};

/* ---- taking bytes ---- */

static bool has_room(const struct model *model, uint64_t size, struct err *err)
{
	struct statvfs disk;

	if (statvfs(model->incoming, &disk) != 0)
		return err_fail(err, E_FILE, "the folder of artifacts: %s", strerror(errno));
	uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (room < ARTIFACT_RESERVE || room - ARTIFACT_RESERVE < size)
		return err_fail(err, E_ARTIFACT_SPACE, NULL);
	return true;
}

bool artifact_upload_begin(struct model *model, const struct sha256_hex *sha256, uint64_t size,
			   struct artifact_upload **out, struct err *err)
{
	char name[ID_UUID_BYTES + 1];

	if (size == 0)
		return err_fail(err, E_INPUT, "An artifact has at least one byte");
	if (!has_room(model, size == UINT64_MAX ? 0 : size, err))
		return false;
	id_uuid_draw(name);
	struct arena *arena = arena_new(1024 * 1024);
	struct artifact_upload *upload = arena_alloc(arena, sizeof(*upload));
	*upload = (struct artifact_upload){.model = model, .arena = arena, .sha256 = *sha256};
	upload->path = arena_printf(arena, "%s/%s", model->incoming, name);
	upload->fd = open(upload->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (upload->fd < 0) {
		int why = errno;
		arena_free(arena);
		return err_fail(err, why == ENOSPC ? E_ARTIFACT_SPACE : E_FILE,
				"the upload cannot be written: %s", strerror(why));
	}
	upload->digests[DIGEST_SHA256] = digest_new(DIGEST_SHA256);
	upload->digests[DIGEST_SHA1] = digest_new(DIGEST_SHA1);
	upload->digests[DIGEST_MD5] = digest_new(DIGEST_MD5);
	*out = upload;
	return true;
}

static bool write_piece(int fd, struct bytes piece, struct err *err)
{
	while (piece.size > 0) {
		ssize_t put = write(fd, piece.data, piece.size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && (errno == ENOSPC || errno == EDQUOT))
			return err_fail(err, E_ARTIFACT_SPACE, NULL);
		if (put <= 0)
			return err_fail(err, E_FILE, "the upload cannot be written: %s",
					strerror(errno));
		piece = bytes_of(piece.data + put, piece.size - (size_t)put);
	}
	return true;
}

bool artifact_upload_data(struct artifact_upload *upload, struct bytes piece, struct err *err)
{
	if (upload->size + piece.size > ARTIFACT_BYTES_MAX)
		return err_fail(err, E_BODY_LIMIT, "An artifact has at most 4 GiB");
	upload->size += piece.size;
	for (int i = 0; i < 3; i++)
		digest_add(upload->digests[i], piece);
	return write_piece(upload->fd, piece, err);
}

/* ---- the end, one way or the other ---- */

void artifact_upload_abort(struct artifact_upload *upload)
{
	if (upload->fd >= 0)
		close(upload->fd);
	if (upload->path)
		unlink(upload->path);
	for (int i = 0; i < 3; i++)
		digest_free(upload->digests[i]);
	arena_free(upload->arena);
}

static bool match(struct artifact_upload *upload, struct artifact *out, struct err *err)
{
	unsigned char sums[3][SHA256_BYTES];
	char *texts[3];
	static const size_t sizes[3] = {
		[DIGEST_SHA256] = SHA256_BYTES, [DIGEST_SHA1] = 20, [DIGEST_MD5] = 16};

	for (int i = 0; i < 3; i++) {
		digest_so_far(upload->digests[i], sums[i]);
		texts[i] = encode_hex(upload->arena, bytes_of(sums[i], sizes[i]));
	}
	if (upload->size == 0)
		return err_fail(err, E_INPUT, "An artifact has at least one byte");
	if (strcmp(texts[DIGEST_SHA256], upload->sha256.text) != 0)
		return err_fail(err, E_ARTIFACT_DIGEST, NULL);
	*out = (struct artifact){
		.sha256 = upload->sha256,
		.size_bytes = (int64_t)upload->size,
		.sha1 = texts[DIGEST_SHA1],
		.md5 = texts[DIGEST_MD5],
	};
	return true;
}

/* Whether the file that is there already is whole. */
static bool stands_already(struct artifact_upload *upload, const struct artifact *artifact,
			   const char *path)
{
	struct sha256_hex found;
	struct err none = {0};
	bool good = false;
	bool fresh;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	if (!artifact_file_good(upload->model, fd, artifact, &good, &fresh, &found, &none))
		good = false;
	close(fd);
	return good;
}

/* Gives the file its name; what lies there damaged is replaced by what was just sent. */
static bool settle_file(struct artifact_upload *upload, const struct artifact *artifact,
			struct err *err)
{
	const char *path = artifact_path(upload->model, upload->arena, upload->sha256.text);
	char *folder = arena_printf(upload->arena, "%s/%.2s", upload->model->artifacts,
				    upload->sha256.text);

	/* Whoever put it there may not have come to this yet. */
	if (stands_already(upload, artifact, path))
		return file_sync_folder(folder, err) &&
		       file_sync_folder(upload->model->artifacts, err);
	if (!file_make_folders(folder, 0755, err))
		return false;
	if (fchmod(upload->fd, 0440) != 0 || fsync(upload->fd) != 0)
		return err_fail(err, errno == ENOSPC || errno == EDQUOT ? E_ARTIFACT_SPACE : E_FILE,
				"the upload cannot be written: %s", strerror(errno));
	if (rename(upload->path, path) != 0)
		return err_fail(err, E_FILE, "the upload cannot be put in its place: %s",
				strerror(errno));
	upload->path = NULL;
	return file_sync_folder(folder, err) && file_sync_folder(upload->model->artifacts, err);
}

struct store_work {
	struct model *model;
	const struct act *act;
	struct artifact artifact;
};

static bool store_work(struct db_tx *tx, void *context, struct err *err)
{
	struct store_work *work = context;
	const struct artifact *artifact = &work->artifact;
	struct doc *data = doc_object(work->act->arena);
	struct artifact known;
	bool found;

	if (!artifact_find_row(tx, artifact->sha256.text, &found, &known, err))
		return false;
	work->artifact.before = found;
	if (found)
		return true;
	doc_set_text(data, "sha256", artifact->sha256.text);
	doc_set_int(data, "size_bytes", artifact->size_bytes);
	struct event event = audit_event(EV_ARTIFACT_STORED, data);
	audit_stream(&event, STREAM_SYSTEM, "service");
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err) &&
	       db_run(tx, STMT_ARTIFACT_INSERT,
		      DB(db_text(artifact->sha256.text), db_int(artifact->size_bytes),
			 db_text(artifact->sha1), db_text(artifact->md5),
			 db_text(work->act->actor)),
		      NULL, err);
}

static bool store_row(struct artifact_upload *upload, const struct act *act,
		      struct artifact *artifact, struct err *err)
{
	struct store_work work = {.model = upload->model, .act = act, .artifact = *artifact};

	if (!db_transact(upload->model->pool, act->arena, DB_READ_COMMITTED, store_work, &work,
			 err)) {
		if (err->code != E_DB_DUPLICATE)
			return false;
		/* Somebody else sent the same at the same time, and came first. */
		err_clear(err);
		work.artifact.before = true;
	}
	artifact->before = work.artifact.before;
	return true;
}

bool artifact_upload_end(struct artifact_upload *upload, const struct act *act,
			 struct artifact *out, struct err *err)
{
	struct artifact artifact;

	bool good = match(upload, &artifact, err) && settle_file(upload, &artifact, err) &&
		    store_row(upload, act, &artifact, err);
	if (good) {
		artifact.sha1 = arena_text(act->arena, artifact.sha1);
		artifact.md5 = arena_text(act->arena, artifact.md5);
		artifact.stored_by = act->actor;
		*out = artifact;
	}
	artifact_upload_abort(upload);
	return good;
}
