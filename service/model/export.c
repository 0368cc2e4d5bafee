/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How is an evidence package made? First the range is fixed by a checkpoint; then everything in it
 * is written; then the act itself is recorded, sealed, and shown to stand in the same ledger.
 */

#include "service/model/export.h"

#include "audit/chain.h"
#include "audit/checkpoint.h"
#include "common/file.h"
#include "common/log.h"
#include "service/model/export_internal.h"
#include "service/model/keeper_call.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WHOLE_BYTES = 512 * 1024 * 1024,
	PAGE_BYTES = 256 * 1024 * 1024,
	SEAL_TRIES = 6, /* of five seconds each */
	SEAL_FILES = 4,
	FOLDERS_DEEP = 12,
};

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* ---- the range ---- */

static bool checkpoint_work(struct db_tx *tx, void *context, struct err *err)
{
	struct exporting *exporting = context;
	struct checkpoint checkpoint;
	struct sha256 chain;
	struct note note;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_EXPORT_CHECKPOINT_FIND, DB_NOTHING, &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_EXPORT_EMPTY, NULL);
	exporting->note = bytes_of_text(db_get_text(&row, "note"));
	struct bytes stored = db_get_bytes(&row, "chain");
	if (stored.size != SHA256_BYTES ||
	    !note_parse(exporting->whole, exporting->note, &note, err) ||
	    !checkpoint_text_parse(exporting->whole, note.text, &checkpoint, err))
		return false;
	memcpy(chain.at, stored.data, SHA256_BYTES);
	exporting->head = (struct package){
		.scope = "all",
		.origin = checkpoint.origin,
		.size = checkpoint.size,
		.root = digest_hex(&checkpoint.root),
		.chain = digest_hex(&chain),
	};
	return true;
}

/* ---- events ---- */

struct events_page {
	struct exporting *exporting;
	int64_t from;
	struct export_event *events;
	struct bytes *entries;
	size_t count;
};

static bool page_work(struct db_tx *tx, void *context, struct err *err)
{
	struct events_page *page = context;
	struct db_rows rows;

	if (!db_many(tx, STMT_EXPORT_EVENTS_LIST,
		     DB(db_int(page->from), db_int(page->exporting->head.size)), &rows, err))
		return false;
	page->count = rows.count;
	page->events = arena_array(db_arena(tx), rows.count + 1, sizeof(*page->events));
	page->entries = arena_array(db_arena(tx), rows.count + 1, sizeof(*page->entries));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		page->entries[i] = db_get_bytes(&row, "bytes");
		page->events[i] = (struct export_event){
			.index = db_get_int(&row, "index"),
			.bytes = page->entries[i],
			.stored_at = db_get_time(&row, "stored_at"),
		};
		if (page->events[i].index != page->from + (int64_t)i)
			return err_fail(err, E_TREE_RANGE, "event %lld of the log is missing",
					(long long)(page->from + (int64_t)i));
	}
	return true;
}

static bool write_page(struct events_page *page, struct err *err)
{
	struct exporting *exporting = page->exporting;
	struct bytes bundle;

	if (!bundle_write(exporting->page, page->entries, page->count, &bundle, err) ||
	    !package_add(exporting->writer,
			 package_bundle_path(exporting->page, page->from / PACKAGE_ENTRIES), bundle,
			 err))
		return false;
	for (size_t i = 0; i < page->count; i++) {
		if (!export_collect(exporting, &page->events[i], err))
			return false;
	}
	return true;
}

static bool write_events(struct exporting *exporting, struct err *err)
{
	bool written = true;

	for (int64_t from = 0; written && from < exporting->head.size; from += PACKAGE_ENTRIES) {
		struct events_page page = {.exporting = exporting, .from = from};
		written = db_transact(exporting->model->pool, exporting->page, DB_READ_COMMITTED,
				      page_work, &page, err) &&
			  write_page(&page, err);
		arena_reset(exporting->page);
	}
	return written && export_flush_leases(exporting, err);
}

/* ---- the act ---- */

struct made_work {
	struct exporting *exporting;
	const struct package *package;
	struct event_id event;
};

static bool made_work(struct db_tx *tx, void *context, struct err *err)
{
	struct made_work *work = context;
	const struct act *act = work->exporting->act;
	struct doc *data = doc_object(act->arena);

	doc_set_text(data, "scope", work->package->scope);
	doc_set_int(data, "size", work->package->size);
	doc_set_text(data, "root", work->package->root.text);
	doc_set_text(data, "manifest_sha256", work->package->sha256.text);
	struct event event = audit_event(EV_EXPORT_MADE, data);
	audit_stream(&event, STREAM_SYSTEM, "service");
	if (!audit_append(tx, &work->exporting->model->writer, act, &event, NULL, err))
		return false;
	work->event = event.id;
	return true;
}

static bool seal(struct exporting *exporting, const struct event_id *event, int64_t *index,
		 struct err *err)
{
	for (int i = 0; i < SEAL_TRIES; i++) {
		err_clear(err);
		if (keeper_call_seal(exporting->model, exporting->act, event, 1, index, err))
			return true;
		if (err->code != E_LEDGER_NOT_SEALED)
			return false;
	}
	return false;
}

/* ---- the folder ---- */

/* An export that failed leaves nothing. */
static void remove_folder(struct arena *arena, const char *path, int depth)
{
	DIR *folder = depth < FOLDERS_DEEP ? opendir(path) : NULL;
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		struct stat stat_of;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		const char *inside = arena_printf(arena, "%s/%s", path, entry->d_name);
		if (lstat(inside, &stat_of) == 0 && S_ISDIR(stat_of.st_mode))
			remove_folder(arena, inside, depth + 1);
		else if (unlink(inside) != 0)
			log_warn("export-left", LOG_TEXT("path", inside));
	}
	if (folder)
		closedir(folder);
	if (rmdir(path) != 0 && errno != ENOENT)
		log_warn("export-left", LOG_TEXT("path", path));
}

static const char *folder_of(struct arena *arena, const struct export_place *place, const char *id)
{
	return arena_printf(arena, "%s/%s", place->exports, id);
}

/* The same file twice in a package needs one link. */
static bool link_file(struct exporting *exporting, const struct package_file *file, struct err *err)
{
	const char *from = arena_printf(exporting->one, "%s/%s", exporting->folder, file->path);
	const char *to =
		arena_printf(exporting->one, "%s/files/%s", exporting->making, file->sha256.text);

	bool linked = link(from, to) == 0 || errno == EEXIST;
	arena_reset(exporting->one);
	return linked ? true : err_fail(err, E_FILE, "a file of the export could not be linked");
}

static bool link_files(struct exporting *exporting, const struct export_made *made, struct err *err)
{
	if (!file_make_folders(arena_printf(exporting->whole, "%s/files", exporting->making), 0700,
			       err))
		return false;
	for (size_t i = 0; i < made->seal_count; i++) {
		if (!link_file(exporting, &made->seal[i], err))
			return false;
	}
	for (size_t i = 0; i < made->package.file_count; i++) {
		if (!link_file(exporting, &made->package.files[i], err))
			return false;
	}
	return true;
}

static bool put_in_place(struct exporting *exporting, const struct export_made *made,
			 struct err *err)
{
	const char *final = folder_of(exporting->whole, exporting->place, exporting->id);

	if (!link_files(exporting, made, err))
		return false;
	if (rename(exporting->making, final) != 0)
		return err_fail(err, E_FILE, "the finished export could not be put in its place");
	return true;
}

/* ---- in order ---- */

static bool write_content(struct exporting *exporting, struct package *package, struct err *err)
{
	return db_transact(exporting->model->pool, exporting->whole, DB_READ_COMMITTED,
			   checkpoint_work, exporting, err) &&
	       package_begin(exporting->whole, exporting->folder, &exporting->writer, err) &&
	       package_add(exporting->writer, "content/checkpoint", exporting->note, err) &&
	       write_events(exporting, err) && export_refs(exporting, err) &&
	       package_finish(exporting->writer, &exporting->head, package, err);
}

/* Into the arena of the act: what the caller gets outlives the export's own. */
static void hand_over(const struct exporting *exporting, const struct package *package,
		      const struct package_file seal_files[3], struct export_made *out)
{
	struct arena *arena = exporting->act->arena;
	struct package_file *files = arena_array(arena, package->file_count, sizeof(*files));
	struct package_missing *missing =
		arena_array(arena, package->missing_count + 1, sizeof(*missing));
	struct package_file *beside = arena_array(arena, SEAL_FILES, sizeof(*beside));
	struct stat stat_of = {0};

	for (size_t i = 0; i < package->file_count; i++) {
		files[i] = package->files[i];
		files[i].path = arena_text(arena, files[i].path);
	}
	for (size_t i = 0; i < package->missing_count; i++)
		missing[i].path = arena_text(arena, package->missing[i].path);
	const char *manifest = arena_printf(arena, "%s/manifest.json", exporting->folder);
	if (stat(manifest, &stat_of) != 0)
		log_warn("export-manifest", LOG_TEXT("path", manifest));
	beside[0] = (struct package_file){.path = "manifest.json",
					  .size_bytes = (int64_t)stat_of.st_size,
					  .sha256 = package->sha256};
	memcpy(beside + 1, seal_files, 3 * sizeof(*beside));
	out->package = *package;
	out->package.origin = arena_text(arena, package->origin);
	out->package.files = files;
	out->package.missing = missing;
	out->seal = beside;
	out->seal_count = SEAL_FILES;
}

static bool make(struct exporting *exporting, struct export_made *out, struct err *err)
{
	struct package_file seal_files[3];
	struct package package;
	struct made_work work = {.exporting = exporting, .package = &package};

	if (!keeper_call_ready(exporting->model, exporting->act, err) ||
	    !write_content(exporting, &package, err) ||
	    !db_transact(exporting->model->pool, exporting->act->arena, DB_READ_COMMITTED,
			 made_work, &work, err) ||
	    !seal(exporting, &work.event, &out->index, err) ||
	    !export_seal(exporting, &work.event, out->index, seal_files, err))
		return false;
	out->id = exporting->id;
	out->event = work.event;
	hand_over(exporting, &package, seal_files, out);
	if (!put_in_place(exporting, out, err))
		return false;
	if (package.missing_count > 0)
		log_warn("export-incomplete", LOG_TEXT("export", exporting->id),
			 LOG_INT("missing", (int64_t)package.missing_count));
	return true;
}

static bool make_alone(struct exporting *exporting, struct export_made *out, struct err *err)
{
	char *id = arena_alloc(exporting->act->arena, ID_UUID_BYTES + 1);

	exporting->whole = arena_new(WHOLE_BYTES);
	exporting->page = arena_new(PAGE_BYTES);
	exporting->one = arena_new(PAGE_BYTES);
	exporting->leases = arena_new(PAGE_BYTES);
	exporting->refs = names_new(exporting->whole);
	id_uuid_draw(id);
	exporting->id = id;
	exporting->making =
		arena_printf(exporting->whole, "%s/%s.new", exporting->place->exports, id);
	exporting->folder = arena_printf(exporting->whole, "%s/package", exporting->making);
	bool made = file_make_folders(exporting->making, 0700, err) && make(exporting, out, err);
	if (!made)
		remove_folder(exporting->whole, exporting->making, 0);
	arena_free(exporting->leases);
	arena_free(exporting->one);
	arena_free(exporting->page);
	arena_free(exporting->whole);
	return made;
}

bool export_make(struct model *model, const struct act *act, const struct export_place *place,
		 struct export_made *out, struct err *err)
{
	struct exporting *exporting = arena_alloc(act->arena, sizeof(*exporting));

	if (!place->exports)
		return err_fail(err, E_CONFIG, "no folder for exports is set");
	if (pthread_mutex_trylock(&one_at_a_time) != 0)
		return err_fail(err, E_BUSY,
				"another export is being made; try again when it is "
				"done");
	*exporting = (struct exporting){.model = model, .act = act, .place = place};
	bool made = make_alone(exporting, out, err);
	pthread_mutex_unlock(&one_at_a_time);
	return made;
}

/* ---- reading ---- */

bool export_open(const struct act *act, const struct export_place *place, const char *id,
		 const struct sha256_hex *sha256, int *fd, int64_t *size_bytes, struct err *err)
{
	struct stat stat_of;

	if (!place->exports || !id_uuid_valid(id) || !id_sha256_valid(sha256->text))
		return err_fail(err, E_EXPORT_UNKNOWN, NULL);
	const char *full = arena_printf(act->arena, "%s/files/%s", folder_of(act->arena, place, id),
					sha256->text);
	int opened = open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (opened < 0)
		return err_fail(err, E_EXPORT_UNKNOWN, NULL);
	if (fstat(opened, &stat_of) != 0 || !S_ISREG(stat_of.st_mode)) {
		close(opened);
		return err_fail(err, E_EXPORT_UNKNOWN, NULL);
	}
	*fd = opened;
	*size_bytes = (int64_t)stat_of.st_size;
	return true;
}
