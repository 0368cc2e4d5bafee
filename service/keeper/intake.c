/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper takes in from the service's drafts: it seals a release, adds a version of a
 * record, takes a campaign's plan; each after it looked for itself whether the documents hold.
 */

#include "common/wire/keeper.h"
#include "common/wire/manifest.h"
#include "common/wire/plan.h"
#include "common/wire/record.h"
#include "service/keeper/gather.h"

#include <stdio.h>
#include <string.h>

struct intake_request {
	const char *request;
	const char *what;
	const char *release;
	const char *campaign;
	struct sha256_hex sha256;
	const char *added_by;
};

struct intake_work {
	struct keeper *keeper;
	struct act act;
	struct intake_request asked;
	struct event_id event;
	bool before;
	struct trust trust;
};

static bool answer(struct intake_work *work, struct doc *reply, struct err *err)
{
	doc_set_bool(reply, "before", work->before);
	return keeper_finish(work->keeper, &work->event, reply, err);
}

static bool run(struct intake_work *work, struct keeper *keeper, const struct act *act,
		db_work body, struct doc *reply, struct err *err)
{
	work->keeper = keeper;
	work->act = *act;
	return keeper_trust_get(keeper, act->arena, &work->trust, NULL, err) &&
	       db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, body, work, err) &&
	       answer(work, reply, err);
}

static bool holds_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length) {
		bool begins = at == words || at[-1] == ' ';
		if (begins && (at[length] == 0 || at[length] == ' '))
			return true;
	}
	return false;
}

/* ---- a release ---- */

/* The first stored author's signature that holds under the trust in force; else why the last does not. */
static bool find_author(struct intake_work *work, struct db_tx *tx, const struct manifest *manifest,
			struct bytes bytes, struct bytes *cms, struct sign_cert *signer,
			const struct trust_entry **entry, struct err *err)
{
	struct sha256_hex digest = digest_sha256_hex(bytes);
	struct err flaw = {0};
	struct db_rows rows;

	if (!db_many(tx, STMT_DOCUMENT_SIGNATURES_LIST, DB(db_text(digest.text), db_text("author")),
		     &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		*cms = db_get_bytes(&row, "signature");
		err_clear(&flaw);
		if (sign_cms_check(work->act.arena, *cms, bytes, SIGN_AUTHOR, work->act.at, signer,
				   &flaw) &&
		    trust_find_key(&work->trust, TRUST_AUTHOR, &signer->key_id, manifest->product,
				   NULL, work->act.at, entry, &flaw))
			return true;
	}
	if (flaw.code != E_NONE) {
		*err = flaw;
		return false;
	}
	return err_fail(err, E_RELEASE_AUTHOR, "the manifest carries no author's signature");
}

static bool check_product(struct db_tx *tx, const struct manifest *manifest, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_GATHER_PRODUCT, DB(db_text(manifest->product)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_RELEASE_MANIFEST, "there is no product %.64s; put it first",
				manifest->product);
	for (size_t i = 0; i < manifest->hardware.count; i++) {
		if (!holds_word(db_get_text(&row, "hardware"), manifest->hardware.at[i]))
			return err_fail(err, E_RELEASE_MANIFEST,
					"product %.64s has no hardware %.64s", manifest->product,
					manifest->hardware.at[i]);
	}
	return true;
}

static bool check_artifacts(struct db_tx *tx, const struct manifest *manifest, struct err *err)
{
	for (size_t i = 0; i < manifest->artifact_count; i++) {
		const struct manifest_artifact *one = &manifest->artifacts[i];
		struct db_row row;
		bool found;
		if (!db_opt(tx, STMT_INTAKE_ARTIFACT_FIND, DB(db_text(one->sha256.text)), &found,
			    &row, err))
			return false;
		if (!found || db_get_int(&row, "size_bytes") != one->size_bytes)
			return err_fail(err, E_RELEASE_MANIFEST,
					"the artifact %.80s is not stored with that digest and "
					"size; upload it first",
					one->name);
	}
	return true;
}

static bool read_draft(struct intake_work *work, struct db_tx *tx, struct bytes *bytes,
		       struct manifest *manifest, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_INTAKE_DRAFT, DB(db_text(work->asked.release)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_RELEASE_UNKNOWN, NULL);
	*bytes = db_get_bytes(&row, "manifest");
	if (strcmp(digest_sha256_hex(*bytes).text, db_get_text(&row, "manifest_sha256")) != 0)
		return err_fail(err, E_SIGNATURE, "the stored manifest was changed");
	if (!manifest_parse(work->act.arena, *bytes, manifest, err))
		return false;
	if (strcmp(manifest->product, db_get_text(&row, "product")) != 0 ||
	    strcmp(manifest->version, db_get_text(&row, "version")) != 0 ||
	    manifest->sequence != db_get_int(&row, "sequence"))
		return err_fail(err, E_RELEASE_MANIFEST, "the draft and its manifest disagree");
	return true;
}

static bool seal_work(struct db_tx *tx, void *context, struct err *err)
{
	struct intake_work *work = context;
	const struct trust_entry *entry;
	struct manifest manifest;
	struct sign_cert signer;
	struct bytes bytes;
	struct bytes cms;
	struct db_row row;

	if (!db_opt(tx, STMT_INTAKE_SEAL_FIND, DB(db_text(work->asked.release)), &work->before,
		    &row, err))
		return false;
	if (work->before)
		return id_uuid_read(db_get_text(&row, "event"), work->event.text, err);
	if (!read_draft(work, tx, &bytes, &manifest, err) || !check_product(tx, &manifest, err) ||
	    !check_artifacts(tx, &manifest, err) ||
	    !find_author(work, tx, &manifest, bytes, &cms, &signer, &entry, err))
		return false;

	struct sha256_hex digest = digest_sha256_hex(bytes);
	struct doc *data = doc_object(work->act.arena);
	doc_set_text(data, "product", manifest.product);
	doc_set_text(data, "version", manifest.version);
	doc_set_int(data, "sequence", manifest.sequence);
	doc_set_text(data, "manifest_sha256", digest.text);
	doc_set_text(data, "author_key_id", signer.key_id.text);
	doc_set_text(data, "author_cms_sha256", digest_sha256_hex(cms).text);
	struct event event = audit_event(EV_RELEASE_SEALED, data);
	audit_stream(&event, STREAM_PRODUCT, manifest.product);
	audit_stream(&event, STREAM_RELEASE, work->asked.release);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_INTAKE_SEAL_INSERT,
		      DB(db_text(work->asked.release), db_text(manifest.product),
			 db_text(manifest.version), db_int(manifest.sequence), db_text(digest.text),
			 db_text(signer.key_id.text), db_text(entry->person), db_bytes(cms),
			 db_text(event.id.text)),
		      NULL, err);
}

bool verb_put_seal_release(struct keeper *keeper, const struct act *act, const struct doc *request,
			   struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct intake_request),
		DOC_TEXT(struct intake_request, what, 1, 20),
		DOC_TEXT(struct intake_request, release, ID_UUID_BYTES, ID_UUID_BYTES),
	};
	struct intake_work *work = arena_alloc(act->arena, sizeof(*work));

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work->asked, err))
		return false;
	if (!id_uuid_valid(work->asked.release))
		return err_fail(err, E_ID, "release must be an id as the service gave it");
	return run(work, keeper, act, seal_work, reply, err);
}

/* ---- a record ---- */

/* Every subject must be an artifact of the release, by name and digest. */
static bool check_subjects(const struct gathered *gathered, const struct record *record,
			   struct err *err)
{
	for (size_t i = 0; i < record->subject_count; i++) {
		const struct manifest_artifact *artifact =
			manifest_find_artifact(&gathered->manifest, record->subjects[i].name);
		if (!artifact ||
		    strcmp(artifact->sha256.text, record->subjects[i].sha256.text) != 0)
			return err_fail(err, E_RECORD,
					"the release has no artifact %.80s with that digest",
					record->subjects[i].name);
	}
	return true;
}

/* The next version of this id, or the first; the same again is done before. */
static bool check_version(struct intake_work *work, struct db_tx *tx, const struct record *record,
			  struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_INTAKE_RECORD_NEWEST, DB(db_text(record->id)), &found, &row, err))
		return false;
	if (found && strcmp(db_get_text(&row, "sha256"), work->asked.sha256.text) == 0) {
		work->before = true;
		return id_uuid_read(db_get_text(&row, "event"), work->event.text, err);
	}
	int64_t next = found ? db_get_int(&row, "version") + 1 : 1;
	if (found && strcmp(db_get_text(&row, "release"), record->release) != 0)
		return err_fail(err, E_RECORD, "this record belongs to another release");
	if (record->version != next)
		return err_fail(err, E_RECORD, "the next version of this record is %lld",
				(long long)next);
	return true;
}

static bool record_work(struct db_tx *tx, void *context, struct err *err)
{
	struct intake_work *work = context;
	struct gathered gathered;
	struct record record;
	struct bytes bytes;

	if (!keeper_load_document(tx, work->asked.sha256.text, RECORD_TYPE, &bytes, err) ||
	    !record_parse(work->act.arena, bytes, &record, err))
		return false;
	if (strcmp(record.release, work->asked.release) != 0)
		return err_fail(err, E_RECORD, "the record names another release");
	if (!check_version(work, tx, &record, err) || work->before)
		return work->before;
	if (!gather_facts(work->keeper, tx, "release", record.release, NULL, work->act.at,
			  &gathered, err) ||
	    !check_subjects(&gathered, &record, err))
		return false;
	if (strcmp(record.product, gathered.manifest.product) != 0)
		return err_fail(err, E_RECORD, "the record names another product");

	struct doc *data = doc_object(work->act.arena);
	doc_set_text(data, "record", record.id);
	doc_set_int(data, "version", record.version);
	doc_set_text(data, "kind", record.kind);
	doc_set_text(data, "sha256", work->asked.sha256.text);
	doc_set_text(data, "added_by", work->asked.added_by);
	struct event event = audit_event(EV_RECORD_ADDED, data);
	audit_stream(&event, STREAM_RELEASE, record.release);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_INTAKE_RECORD_INSERT,
		      DB(db_text(record.id), db_int(record.version), db_text(record.release),
			 db_text(record.kind), db_text(work->asked.sha256.text),
			 db_text(work->asked.added_by), db_text(event.id.text)),
		      NULL, err);
}

bool verb_put_record(struct keeper *keeper, const struct act *act, const struct doc *request,
		     struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct intake_request),
		DOC_TEXT(struct intake_request, what, 1, 20),
		DOC_TEXT(struct intake_request, release, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_SHA256(struct intake_request, sha256),
		DOC_TEXT(struct intake_request, added_by, 1, ID_NAME_MAX),
	};
	struct intake_work *work = arena_alloc(act->arena, sizeof(*work));

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work->asked, err))
		return false;
	if (!id_uuid_valid(work->asked.release) ||
	    !id_name_valid(work->asked.added_by, ID_NAME_MAX))
		return err_fail(err, E_ID, "release and added_by must be ids");
	return run(work, keeper, act, record_work, reply, err);
}

/* ---- a plan ---- */

static bool same_target(const struct db_row *row, const struct plan_target *target)
{
	return strcmp(db_get_text(row, "hardware"), target->hardware) == 0 &&
	       strcmp(db_get_text(row, "market"), target->market) == 0 &&
	       strcmp(db_get_text(row, "site"), target->site) == 0;
}

/* Every target is registered as the plan says, and fits the release's hardware. */
static bool check_targets(struct intake_work *work, struct db_tx *tx, const struct plan *plan,
			  const struct manifest *manifest, struct err *err)
{
	const char **ids = arena_array(work->act.arena, plan->target_count, sizeof(*ids));
	struct db_rows rows;

	for (size_t i = 0; i < plan->target_count; i++)
		ids[i] = plan->targets[i].device;
	if (!db_many(tx, STMT_INTAKE_DEVICES_LIST, DB(db_texts(ids, plan->target_count)), &rows,
		     err))
		return false;
	for (size_t i = 0, r = 0; i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];
		struct db_row row = {0};
		bool known = r < rows.count;
		if (known) {
			row = db_row_at(&rows, r);
			known = strcmp(db_get_text(&row, "id"), target->device) == 0;
		}
		if (!known)
			return err_fail(err, E_PLAN, "the device %.128s is not registered",
					target->device);
		r++;
		if (db_get_bool(&row, "revoked") ||
		    strcmp(db_get_text(&row, "product"), plan->product) != 0 ||
		    !same_target(&row, target) ||
		    !text_list_holds(&manifest->hardware, target->hardware))
			return err_fail(err, E_PLAN,
					"the device %.128s is revoked, or registered otherwise "
					"than the plan says, or the release is not for it",
					target->device);
	}
	return true;
}

static bool check_plan(struct intake_work *work, struct db_tx *tx, const struct db_row *draft,
		       const struct plan *plan, struct err *err)
{
	struct gathered gathered;

	if (strcmp(plan->campaign, work->asked.campaign) != 0 ||
	    strcmp(plan->product, db_get_text(draft, "product")) != 0 ||
	    strcmp(plan->release, db_get_text(draft, "release")) != 0)
		return err_fail(err, E_PLAN, "the draft and its plan disagree");
	if (!gather_facts(work->keeper, tx, "release", plan->release, NULL, work->act.at, &gathered,
			  err))
		return false;
	if (strcmp(plan->manifest_sha256.text, gathered.facts.release.manifest_sha256.text) != 0 ||
	    strcmp(plan->product, gathered.manifest.product) != 0)
		return err_fail(err, E_PLAN, "the plan names another manifest or product");
	if (plan->not_after <= work->act.at)
		return err_fail(err, E_PLAN, "the plan's end lies in the past");
	return check_targets(work, tx, plan, &gathered.manifest, err);
}

static bool plan_work(struct db_tx *tx, void *context, struct err *err)
{
	struct intake_work *work = context;
	struct plan plan;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_INTAKE_PLAN_FIND, DB(db_text(work->asked.campaign)), &work->before,
		    &row, err))
		return false;
	if (work->before)
		return id_uuid_read(db_get_text(&row, "event"), work->event.text, err);
	if (!db_opt(tx, STMT_INTAKE_CAMPAIGN_DRAFT, DB(db_text(work->asked.campaign)), &found, &row,
		    err))
		return false;
	if (!found)
		return err_fail(err, E_PLAN, "there is no campaign %.36s", work->asked.campaign);
	struct bytes bytes = db_get_bytes(&row, "plan");
	struct sha256_hex digest = digest_sha256_hex(bytes);
	if (strcmp(digest.text, db_get_text(&row, "plan_sha256")) != 0)
		return err_fail(err, E_SIGNATURE, "the stored plan was changed");
	if (!plan_parse(work->act.arena, bytes, &plan, err) ||
	    !check_plan(work, tx, &row, &plan, err))
		return false;

	struct doc *data = doc_object(work->act.arena);
	doc_set_text(data, "release", plan.release);
	doc_set_text(data, "plan_sha256", digest.text);
	doc_set_int(data, "targets", (int64_t)plan.target_count);
	struct event event = audit_event(EV_CAMPAIGN_SUBMITTED, data);
	audit_stream(&event, STREAM_CAMPAIGN, work->asked.campaign);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_INTAKE_PLAN_INSERT,
		      DB(db_text(work->asked.campaign), db_text(plan.release),
			 db_text(plan.product), db_text(digest.text),
			 db_text(db_get_text(&row, "drafted_by")), db_text(event.id.text)),
		      NULL, err);
}

bool verb_put_plan(struct keeper *keeper, const struct act *act, const struct doc *request,
		   struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct intake_request),
		DOC_TEXT(struct intake_request, what, 1, 20),
		DOC_TEXT(struct intake_request, campaign, ID_UUID_BYTES, ID_UUID_BYTES),
	};
	struct intake_work *work = arena_alloc(act->arena, sizeof(*work));

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work->asked, err))
		return false;
	if (!id_uuid_valid(work->asked.campaign))
		return err_fail(err, E_ID, "campaign must be an id as the service gave it");
	return run(work, keeper, act, plan_work, reply, err);
}
