/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's newest word, and the evidence package that an auditor takes away. */

#include "service/ctl/audit.h"

#include "common/file.h"
#include "common/text.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/files.h"
#include "service/ctl/show.h"
#include "service/ctl/terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NOTE_MAX = 64 * 1024, LIST_MAX = 16 * 1024 * 1024, PATH_BYTES_MAX = 240 };

bool ctl_audit_checkpoint(struct ctl *ctl, struct err *err)
{
	struct doc *shown = doc_object(ctl->arena);
	struct bytes note;

	if (!call_bytes(ctl, call_path(ctl->arena, "v1", "ledger", "checkpoint", NULL), NOTE_MAX,
			&note, err))
		return false;
	const char *text = arena_text_of(ctl->arena, note);
	if (!ctl->json)
		show_text(ctl->arena, stdout, text);
	doc_set_text(shown, "note", text);
	show_json(ctl, shown);
	return true;
}

/* ---- export ---- */

struct export
{
	const char *export;
	const struct doc *files;
	int64_t size;
};
struct export_file {
	const char *path;
	struct sha256_hex sha256;
	int64_t size_bytes;
};

bool audit_path_valid(const char *path)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-%:/";
	size_t length = strlen(path);

	if (length == 0 || length > PATH_BYTES_MAX || strspn(path, letters) != length)
		return false;
	/* No part that is empty or begins with a stop: so neither ".." nor anything hidden. */
	for (const char *part = path;; part++) {
		if (*part == '\0' || *part == '/' || *part == '.')
			return false;
		part = strchr(part, '/');
		if (!part)
			return true;
	}
}

static bool read_export(struct ctl *ctl, const struct doc *doc, struct export *out, struct err *err)
{
	const char *export = doc_get_text(doc, "export");

	if (!export || !id_uuid_valid(export) || doc_kind(doc_get(doc, "files")) != DOC_KIND_ARRAY)
		return err_fail(err, E_FETCH, "What the service said is not an export");
	*out = (struct export){
		.export = arena_text(ctl->arena, export),
		.files = doc_get(doc, "files"),
		.size = doc_int(doc_get(doc, "size"), -1),
	};
	return true;
}

/* Asks for a new export, unless an earlier call left one that is not whole yet. */
static bool begin_export(struct ctl *ctl, const char *state, struct export *out, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *doc;
	struct bytes bytes;
	bool found;

	if (!file_find(ctl->arena, state, LIST_MAX, &found, &bytes, err))
		return false;
	if (found) {
		show_line(ctl, "Going on with the export that %s names", state);
		return doc_parse(ctl->arena, bytes, &doc, err) && read_export(ctl, doc, out, err);
	}
	doc_set_text(body, "scope", "all");
	return call_send(ctl, "POST", call_path(ctl->arena, "v1", "exports", NULL), body, &doc,
			 err) &&
	       read_export(ctl, doc, out, err) && doc_canonical(ctl->arena, doc, &bytes, err) &&
	       file_replace(state, bytes, 0600, err);
}

static bool read_file_entry(struct ctl *ctl, const struct doc *doc, struct export_file *out,
			    struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct export_file, path, 1, PATH_BYTES_MAX),
		DOC_SHA256(struct export_file, sha256),
		DOC_INT(struct export_file, size_bytes, 0, DOC_INT_MAX),
	};

	if (!doc_read(ctl->arena, doc, fields, DOC_COUNT(fields), out, err))
		return false;
	if (!audit_path_valid(out->path))
		return err_fail(err, E_FETCH, "The service names a file '%s'; it is not fetched",
				text_printable(ctl->arena, bytes_of_text(out->path), 64));
	return true;
}

static bool fetch_file(struct ctl *ctl, const struct export *export, const char *dir,
		       const struct export_file *file, struct err *err)
{
	const char *path = arena_printf(ctl->arena, "%s/%s", dir, file->path);
	const char *slash = strrchr(path, '/');
	const char *folder = arena_text_of(ctl->arena, bytes_of(path, (size_t)(slash - path)));

	return file_make_folders(folder, 0755, err) &&
	       files_download(ctl,
			      call_path(ctl->arena, "v1", "exports", export->export, "files",
					file->sha256.text, NULL),
			      path, file->sha256.text, (uint64_t)file->size_bytes, err);
}

static bool fetch_files(struct ctl *ctl, const struct export *export, const char *dir,
			struct err *err)
{
	size_t count = doc_size(export->files);
	struct export_file *files = arena_array(ctl->arena, count + 1, sizeof(*files));
	struct progress progress;
	uint64_t total = 0;
	uint64_t done = 0;

	for (size_t i = 0; i < count; i++) {
		if (!read_file_entry(ctl, doc_at(export->files, i), &files[i], err))
			return false;
		total += (uint64_t)files[i].size_bytes;
	}
	progress_begin(&progress, dir, total, ctl->json);
	for (size_t i = 0; i < count; i++) {
		if (!fetch_file(ctl, export, dir, &files[i], err)) {
			progress_end(&progress);
			return false;
		}
		done += (uint64_t)files[i].size_bytes;
		progress_show(&progress, done);
	}
	progress_end(&progress);
	show_line(ctl, "Fetched: %zu files, %s bytes, of a ledger of %lld entries, into %s", count,
		  show_count(ctl->arena, total), (long long)export->size, dir);
	return true;
}

static const char *without_slash(struct arena *arena, const char *dir)
{
	size_t length = strlen(dir);

	while (length > 1 && dir[length - 1] == '/')
		length--;
	return arena_text_of(arena, bytes_of(dir, length));
}

bool ctl_audit_export(struct ctl *ctl, struct err *err)
{
	const char *dir = without_slash(ctl->arena, ctl_get(ctl, "DIR"));
	const char *state = arena_printf(ctl->arena, "%s.export", dir);
	struct doc *shown = doc_object(ctl->arena);
	struct export export;

	if (access(dir, F_OK) == 0 && access(state, F_OK) != 0)
		return err_fail(err, E_INPUT, "%s is there already; name a folder that is not",
				dir);
	if (!begin_export(ctl, state, &export, err))
		return false;
	if (!fetch_files(ctl, &export, dir, err)) {
		err_prefix(err, "The same command goes on");
		return false;
	}
	if (unlink(state) != 0)
		return err_fail(err, E_FILE, "Could not remove %s; remove it by hand", state);
	show_line(ctl, "Verify it with: countersign-verify --trust FILE %s", dir);
	doc_set_text(shown, "export", export.export);
	doc_set_int(shown, "files", (int64_t)doc_size(export.files));
	doc_set_int(shown, "size", export.size);
	show_json(ctl, shown);
	return true;
}
