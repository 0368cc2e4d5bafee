/* SPDX-License-Identifier: Apache-2.0 */
/* Releases and their records, from the first draft to the end. */

#include "common/digest.h"
#include "common/file.h"
#include "common/wire/manifest.h"
#include "common/wire/record.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"
#include "service/ctl/signing.h"

#include <string.h>

/* ---- releases ---- */

bool ctl_release_create(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *answer;
	struct manifest manifest;
	struct bytes bytes;
	struct bytes cms;

	if (!file_read(ctl->arena, ctl_get(ctl, "--manifest"), MANIFEST_BYTES_MAX, &bytes, err) ||
	    !manifest_parse(ctl->arena, bytes, &manifest, err) ||
	    !file_read(ctl->arena, ctl_get(ctl, "--cms"), SIGNING_CMS_MAX, &cms, err))
		return false;
	doc_set_bytes(body, "manifest", bytes);
	doc_set_bytes(body, "author_cms", cms);
	if (!call_send(ctl, "POST", call_path(ctl->arena, "v1", "releases", NULL), body, &answer,
		       err))
		return false;
	show_line(ctl, "%s", show_value(ctl->arena, doc_get(answer, "release")));
	show_json(ctl, answer);
	return true;
}

bool ctl_release_list(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {
		{"RELEASE", "release"},	  {"PRODUCT", "product"}, {"VERSION", "version"},
		{"SEQUENCE", "sequence"}, {"STATE", "state"},
	};
	const struct doc *items;

	if (!call_list(ctl, call_path(ctl->arena, "v1", "releases", NULL), "release", &items, err))
		return false;
	show_list(ctl, items, columns, SHOW_COUNT(columns), "There is no release yet");
	return true;
}

static void show_part(struct ctl *ctl, const struct doc *whole, const char *key, const char *title,
		      const struct show_column *columns, size_t count)
{
	const struct doc *items = doc_get(whole, key);

	if (doc_size(items) == 0)
		return;
	show_line(ctl, "%s", "");
	show_line(ctl, "%s", title);
	show_list(ctl, items, columns, count, "");
}

bool ctl_release_show(struct ctl *ctl, struct err *err)
{
	static const struct show_column head[] = {
		{"Release", "release"},
		{"Product", "product"},
		{"Version", "version"},
		{"Sequence", "sequence"},
		{"State", "state"},
		{"Manifest", "manifest_sha256"},
		{"Content", "content_sha256"},
	};
	static const struct show_column artifacts[] = {
		{"NAME", "name"}, {"BYTES", "size_bytes"}, {"SHA-256", "sha256"}};
	static const struct show_column records[] = {{"RECORD", "record"},
						     {"VERSION", "version"},
						     {"KIND", "kind"},
						     {"CURRENT", "current"},
						     {"SHA-256", "sha256"}};
	static const struct show_column signatures[] = {{"PERSON", "person"},
							{"MEANING", "meaning"},
							{"STRENGTH", "strength"},
							{"AT", "signed_at"},
							{"OBJECT", "object"}};
	static const struct show_column history[] = {
		{"AT", "sealed_at"}, {"INDEX", "index"}, {"KIND", "kind"}, {"GIT", "commit"}};
	const struct doc *answer;
	const char *release;

	if (!ctl_get_uuid(ctl, "RELEASE", &release, err) ||
	    !call_get(ctl, call_path(ctl->arena, "v1", "releases", release, NULL), &answer, err))
		return false;
	show_object(ctl, answer, head, SHOW_COUNT(head));
	if (ctl->json)
		return true;
	show_part(ctl, answer, "artifacts", "Artifacts", artifacts, SHOW_COUNT(artifacts));
	show_part(ctl, answer, "records", "Records", records, SHOW_COUNT(records));
	show_part(ctl, answer, "signatures", "Signatures", signatures, SHOW_COUNT(signatures));
	show_part(ctl, answer, "history", "History", history, SHOW_COUNT(history));
	return true;
}

bool ctl_release_seal(struct ctl *ctl, struct err *err)
{
	const struct doc *answer;
	const char *release;

	if (!ctl_get_uuid(ctl, "RELEASE", &release, err) ||
	    !call_send(ctl, "POST", call_path(ctl->arena, "v1", "releases", release, "seal", NULL),
		       NULL, &answer, err))
		return false;
	show_line(ctl, "Sealed: entry %s of the ledger",
		  show_value(ctl->arena, doc_get(answer, "index")));
	show_json(ctl, answer);
	return true;
}

bool ctl_release_withdraw(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *answer;
	const char *release;

	doc_set_text(body, "reason", ctl_get(ctl, "--reason"));
	if (!ctl_get_uuid(ctl, "RELEASE", &release, err) ||
	    !call_send(ctl, "POST",
		       call_path(ctl->arena, "v1", "releases", release, "withdraw", NULL), body,
		       &answer, err))
		return false;
	show_line(ctl, "Withdrawn: no device is offered this release any more");
	show_json(ctl, answer);
	return true;
}

/* ---- records ---- */

/* Every artifact of the release, as the service lists them. */
static bool read_subjects(struct ctl *ctl, const struct doc *release, struct record *record,
			  struct err *err)
{
	const struct doc *artifacts = doc_get(release, "artifacts");
	size_t count = doc_size(artifacts);
	struct record_subject *subjects = arena_array(ctl->arena, count + 1, sizeof(*subjects));

	for (size_t i = 0; i < count; i++) {
		const struct doc *one = doc_at(artifacts, i);
		const char *sha256 = doc_get_text(one, "sha256");
		subjects[i].name = doc_get_text(one, "name");
		if (!subjects[i].name || !sha256 ||
		    !id_sha256_read(sha256, &subjects[i].sha256, err))
			return err_fail(err, E_FETCH, "The service's list of artifacts is not one");
	}
	record->subjects = subjects;
	record->subject_count = count;
	record->product = doc_get_text(release, "product");
	return record->product || err_fail(err, E_FETCH, "The service did not say the product");
}

/* A fresh record's first version, or the next one of --record. */
static bool number_record(struct ctl *ctl, const struct doc *release, struct record *record,
			  struct err *err)
{
	const struct doc *records = doc_get(release, "records");
	const char *id;

	record->version = 1;
	if (!ctl_has(ctl, "--record")) {
		char *drawn = arena_alloc(ctl->arena, ID_UUID_BYTES + 1);
		id_uuid_draw(drawn);
		record->id = drawn;
		return true;
	}
	if (!ctl_get_uuid(ctl, "--record", &id, err))
		return false;
	record->id = id;
	for (size_t i = 0; i < doc_size(records); i++) {
		const struct doc *one = doc_at(records, i);
		const char *own = doc_get_text(one, "record");
		int64_t version = doc_int(doc_get(one, "version"), 0);
		if (own && strcmp(own, id) == 0 && version >= record->version)
			record->version = version + 1;
	}
	if (record->version == 1)
		return err_fail(err, E_INPUT, "This release has no record %s", id);
	return true;
}

static bool make_record(struct ctl *ctl, const char *id, struct bytes *out, struct err *err)
{
	struct record record = {
		.kind = ctl_get(ctl, "--kind"),
		.release = id,
		.result = ctl_get(ctl, "--result"),
		.summary = ctl_get(ctl, "--summary"),
		.tester = ctl->session.person,
		.performed_at = clock_now(),
	};
	const char *at = ctl_find(ctl, "--performed-at");
	const struct doc *release;

	return (!at || ctl_read_time(at, "--performed-at", &record.performed_at, err)) &&
	       call_get(ctl, call_path(ctl->arena, "v1", "releases", id, NULL), &release, err) &&
	       read_subjects(ctl, release, &record, err) &&
	       number_record(ctl, release, &record, err) &&
	       record_write(ctl->arena, &record, out, err);
}

bool ctl_record_add(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *answer;
	const char *release;
	struct bytes bytes;

	if (!ctl_get_uuid(ctl, "RELEASE", &release, err) || !make_record(ctl, release, &bytes, err))
		return false;
	doc_set_bytes(body, "document", bytes);
	if (!call_send(ctl, "POST",
		       call_path(ctl->arena, "v1", "releases", release, "records", NULL), body,
		       &answer, err))
		return false;
	show_line(ctl, "%s", show_value(ctl->arena, doc_get(answer, "record")));
	show_json(ctl, answer);
	return true;
}
