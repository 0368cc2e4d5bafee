/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence packages over HTTP: made at once, fetched file by file, each by its digest. */

#include "service/api/exports.h"

#include "service/api/reply.h"
#include "service/model/export.h"

#include <string.h>

static struct export_place place_of(struct request *request)
{
	const struct service *service = web_app(request);

	return (struct export_place){.exports = service->settings.exports,
				     .git = service->settings.git};
}

static void list_files(struct doc *list, struct arena *arena, const struct package_file *files,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct doc *file = doc_object(arena);
		doc_set_text(file, "path", files[i].path);
		doc_set_text(file, "sha256", files[i].sha256.text);
		doc_set_int(file, "size_bytes", files[i].size_bytes);
		doc_add(list, file);
	}
}

struct export_request {
	const char *scope;
};

static bool make(struct request *request, struct reply *reply, struct err *err)
{
	static const char *const scopes[] = {"all", NULL};
	static const struct doc_field fields[] = {DOC_WORD(struct export_request, scope, scopes)};
	struct export_place place = place_of(request);
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct doc *files = doc_array(act.arena);
	struct doc *missing = doc_array(act.arena);
	struct export_request asked;
	struct export_made made;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &asked, err) ||
	    !export_make(api_model(request), &act, &place, &made, err))
		return false;
	list_files(files, act.arena, made.seal, made.seal_count);
	list_files(files, act.arena, made.package.files, made.package.file_count);
	for (size_t i = 0; i < made.package.missing_count; i++)
		doc_add_text(missing, made.package.missing[i].path);
	doc_set_text(answer, "export", made.id);
	doc_set_int(answer, "size", made.package.size);
	doc_set(answer, "files", files);
	doc_set(answer, "missing", missing);
	doc_set_text(answer, "event", made.event.text);
	doc_set_int(answer, "index", made.index);
	reply->doc = answer;
	return true;
}

bool api_export_make(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, make, err);
}

bool api_export_file(struct request *request, struct reply *reply, struct err *err)
{
	struct export_place place = place_of(request);
	struct act act = api_act(request);
	struct sha256_hex sha256;
	const char *export;
	int64_t size_bytes;

	if (!api_uuid(request, "export", &export, err) ||
	    !api_sha256(request, "sha256", &sha256, err) ||
	    !export_open(&act, &place, export, &sha256, &reply->file, &size_bytes, err))
		return false;
	reply->file_bytes = (uint64_t)size_bytes;
	reply->content_type = "application/octet-stream";
	reply->etag = arena_text(act.arena, sha256.text);
	return true;
}
