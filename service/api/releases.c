/* SPDX-License-Identifier: Apache-2.0 */
/* Releases over HTTP. */

#include "service/api/releases.h"

#include "service/api/reply.h"
#include "service/model/release.h"

enum { AUTHOR_CMS_MAX = 64 * 1024 };

/* ---- drafting ---- */

struct draft_body {
	struct bytes manifest;
	struct bytes author_cms;
};

static bool draft(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_BYTES(struct draft_body, manifest, MANIFEST_BYTES_MAX),
		DOC_BYTES(struct draft_body, author_cms, AUTHOR_CMS_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct release_drafted drafted;
	struct draft_body body;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err) ||
	    !release_draft(api_model(request), &act, body.manifest, body.author_cms, &drafted, err))
		return false;
	doc_set_text(answer, "release", drafted.release);
	doc_set_bool(answer, "before", drafted.before);
	reply->doc = answer;
	return true;
}

bool api_release_draft(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, draft, err);
}

/* ---- sealing and withdrawing ---- */

static bool seal(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct keeper_place place = {0};
	const char *release;

	if (!api_uuid(request, "release", &release, err) || !api_nothing(request, err))
		return false;
	if (!release_seal(api_model(request), &act, release, &place, err))
		return api_unsealed(request, reply, &place);
	api_place(answer, &place);
	reply->doc = answer;
	return true;
}

bool api_release_seal(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, seal, err);
}

struct withdraw_body {
	const char *reason;
};

static bool withdraw(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct withdraw_body, reason, 1, API_REASON_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct keeper_place place = {0};
	struct withdraw_body body;
	const char *release;

	if (!api_uuid(request, "release", &release, err) ||
	    !doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err) ||
	    !release_withdraw(api_model(request), &act, release, body.reason, &place, err))
		return false;
	doc_set_text(answer, "event", place.event.text);
	doc_set_bool(answer, "sealed", false);
	if (place.before)
		doc_set_bool(answer, "before", true);
	reply->doc = answer;
	reply->status = 202;
	return true;
}

bool api_release_withdraw(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, withdraw, err);
}

/* ---- looking ---- */

static struct doc *doc_of_release(struct arena *arena, const struct release *release)
{
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "release", release->id);
	doc_set_text(doc, "product", release->product);
	doc_set_text(doc, "version", release->version);
	doc_set_int(doc, "sequence", release->sequence);
	doc_set_text(doc, "state", release->state);
	doc_set_text(doc, "manifest_sha256", release->manifest_sha256);
	doc_set_text(doc, "drafted_by", release->drafted_by);
	doc_set_time(doc, "drafted_at", release->drafted_at);
	return doc;
}

bool api_releases(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *items = doc_array(act.arena);
	const struct release *releases;
	struct page page;
	size_t count;
	bool more;

	if (!api_page(request, ID_UUID_BYTES, &page, err) ||
	    !release_list(api_model(request), &act, &page, &releases, &count, &more, err))
		return false;
	for (size_t i = 0; i < count; i++)
		doc_add(items, doc_of_release(act.arena, &releases[i]));
	api_list(request, reply, items, more);
	return true;
}

static const struct doc *doc_of_artifacts(struct arena *arena, const struct manifest *manifest)
{
	struct doc *list = doc_array(arena);

	for (size_t i = 0; i < manifest->artifact_count; i++) {
		const struct manifest_artifact *one = &manifest->artifacts[i];
		struct doc *doc = doc_object(arena);
		doc_set_text(doc, "name", one->name);
		doc_set_int(doc, "size_bytes", one->size_bytes);
		doc_set_text(doc, "sha256", one->sha256.text);
		doc_add(list, doc);
	}
	return list;
}

static const struct doc *doc_of_records(struct arena *arena, const struct release_view *view)
{
	struct doc *list = doc_array(arena);

	for (size_t i = 0; i < view->record_count; i++) {
		const struct release_record *one = &view->records[i];
		struct doc *doc = doc_object(arena);
		doc_set_text(doc, "record", one->id);
		doc_set_int(doc, "version", one->version);
		doc_set_text(doc, "kind", one->kind);
		doc_set_text(doc, "sha256", one->sha256);
		doc_set_text(doc, "added_by", one->added_by);
		doc_set_bool(doc, "current", one->current);
		doc_add(list, doc);
	}
	return list;
}

static const struct doc *doc_of_signatures(struct arena *arena, const struct release_view *view)
{
	struct doc *list = doc_array(arena);

	for (size_t i = 0; i < view->signature_count; i++) {
		const struct release_signature *one = &view->signatures[i];
		struct doc *doc = doc_object(arena);
		struct doc *object = doc_object(arena);
		doc_set_text(object, "kind", one->object_kind);
		doc_set_text(object, "id", one->object_id);
		doc_set_text(doc, "signature", one->id);
		doc_set_text(doc, "person", one->person);
		doc_set_text(doc, "meaning", one->meaning);
		doc_set_text(doc, "strength", one->strength);
		doc_set(doc, "object", object);
		doc_set_text(doc, "sha256", one->sha256);
		doc_set_text(doc, "statement_sha256", one->statement_sha256);
		doc_set_time(doc, "signed_at", one->signed_at);
		doc_add(list, doc);
	}
	return list;
}

static const struct doc *doc_of_history(struct arena *arena, const struct release_view *view)
{
	struct doc *list = doc_array(arena);

	for (size_t i = 0; i < view->history_count; i++) {
		const struct release_event *one = &view->history[i];
		struct doc *doc = doc_object(arena);
		doc_set_text(doc, "event", one->event);
		doc_set_text(doc, "kind", one->kind);
		doc_set_int(doc, "index", one->index);
		doc_set_time(doc, "sealed_at", one->sealed_at);
		doc_set_text(doc, "commit", one->commit);
		doc_add(list, doc);
	}
	return list;
}

bool api_release_get(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct release_view view;
	const char *release;

	if (!api_uuid(request, "release", &release, err) ||
	    !release_get(api_model(request), &act, release, &view, err))
		return false;
	struct doc *answer = doc_of_release(act.arena, &view.release);
	if (view.content_sha256.text[0])
		doc_set_text(answer, "content_sha256", view.content_sha256.text);
	doc_set(answer, "artifacts", doc_of_artifacts(act.arena, &view.manifest));
	doc_set(answer, "records", doc_of_records(act.arena, &view));
	doc_set(answer, "signatures", doc_of_signatures(act.arena, &view));
	doc_set(answer, "history", doc_of_history(act.arena, &view));
	reply->doc = answer;
	return true;
}
