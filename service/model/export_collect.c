/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents and signatures does an event rest on? A table; each row is a member that names one. */

#include "service/model/export_internal.h"

#include "audit/chain.h"

#include <string.h>

enum need {
	NEED_DOCUMENT,
	NEED_SIGNED, /* and every signature of the role that stood then */
	NEED_AUTHOR, /* and the author's signature that the event names */
	NEED_PERSON, /* and the personal key's, if there is one */
	NEED_TARGETS,
	NEED_LEASE,
	NEED_COMMIT,
};

static const struct reference {
	enum event_kind kind;
	const char *member;
	enum need need;
	const char *role;
} references[] = {
	{EV_TRUST_ADOPTED, "sha256", NEED_SIGNED, "root"},
	{EV_DIRECTORY_ACTED, "sha256", NEED_SIGNED, "person"}, /* absent for key.revoke */
	{EV_RULESET_ADOPTED, "sha256", NEED_DOCUMENT, NULL},
	{EV_RELEASE_DRAFTED, "manifest_sha256", NEED_DOCUMENT, NULL},
	{EV_RELEASE_SEALED, "manifest_sha256", NEED_AUTHOR, "author"},
	{EV_RECORD_ADDED, "sha256", NEED_DOCUMENT, NULL},
	{EV_CHALLENGE_GIVEN, "statement_sha256", NEED_DOCUMENT, NULL},
	{EV_SIGNATURE_GIVEN, "statement_sha256", NEED_PERSON, "person"},
	{EV_SIGNATURE_GIVEN, "sha256", NEED_DOCUMENT, NULL},
	{EV_VERDICT_GIVEN, "facts_sha256", NEED_DOCUMENT, NULL},
	{EV_VERDICT_GIVEN, "sha256", NEED_DOCUMENT, NULL},
	{EV_CAMPAIGN_DRAFTED, "plan_sha256", NEED_DOCUMENT, NULL},
	{EV_CAMPAIGN_SUBMITTED, "plan_sha256", NEED_DOCUMENT, NULL},
	{EV_PERMIT_ISSUED, "sha256", NEED_SIGNED, "keeper"},
	{EV_PERMIT_ISSUED, "sha256", NEED_TARGETS, NULL},
	{EV_LEASE_ISSUED, "nonce", NEED_LEASE, NULL},
	{EV_PROOF_TAKEN, "sha256", NEED_DOCUMENT, NULL},
	{EV_HISTORY_WRITTEN, "commit", NEED_COMMIT, NULL},
};

struct collecting {
	struct exporting *exporting;
	const struct export_event *event;
	const struct event_view *view;
	const char *name; /* what the member says */
	const char *role;
	/* found: */
	bool found;
	struct bytes bytes;
	struct db_rows rows;
};

static bool transact(struct collecting *at, db_work work, struct err *err)
{
	return db_transact(at->exporting->model->pool, at->exporting->one, DB_READ_COMMITTED, work,
			   at, err);
}

/* ---- documents ---- */

static bool document_work(struct db_tx *tx, void *context, struct err *err)
{
	struct collecting *at = context;
	struct db_row row;

	if (!db_opt(tx, STMT_DOCUMENT_ANY, DB(db_text(at->name)), &at->found, &row, err))
		return false;
	if (at->found)
		at->bytes = db_get_bytes(&row, "bytes");
	return true;
}

static bool put(struct collecting *at, const char *path, struct err *err)
{
	struct package_writer *writer = at->exporting->writer;

	return at->found ? package_add(writer, path, at->bytes, err)
			 : package_miss(writer, path, err);
}

static bool need_document(struct collecting *at, struct err *err)
{
	const char *path = package_document_path(at->exporting->one, at->name);

	return package_has(at->exporting->writer, path) ||
	       (transact(at, document_work, err) && put(at, path, err));
}

/* ---- signatures ---- */

static bool signatures_work(struct db_tx *tx, void *context, struct err *err)
{
	struct collecting *at = context;

	return db_many(tx, STMT_EXPORT_SIGNATURES_LIST,
		       DB(db_text(at->name), db_text(at->role), db_time(at->event->stored_at)),
		       &at->rows, err);
}

static bool need_signed(struct collecting *at, struct err *err)
{
	struct arena *one = at->exporting->one;

	if (!need_document(at, err) || !transact(at, signatures_work, err))
		return false;
	at->found = true;
	for (size_t i = 0; i < at->rows.count; i++) {
		struct db_row row = db_row_at(&at->rows, i);
		const char *path = package_signature_path(one, at->name, at->role,
							  db_get_text(&row, "key_id"));
		at->bytes = db_get_bytes(&row, "signature");
		if (!package_has(at->exporting->writer, path) && !put(at, path, err))
			return false;
	}
	return true;
}

struct one_signature {
	struct collecting *at;
	const char *key_id;
	const char *sha256; /* NULL: any */
};

static bool signature_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct one_signature *wanted = context;
	struct collecting *at = wanted->at;
	struct db_row row;

	if (!db_opt(tx, STMT_EXPORT_SIGNATURE_FIND,
		    DB(db_text(at->name), db_text(at->role), db_text(wanted->key_id),
		       db_text(wanted->sha256)),
		    &at->found, &row, err))
		return false;
	if (at->found)
		at->bytes = db_get_bytes(&row, "signature");
	return true;
}

static bool need_signature(struct collecting *at, const char *key_id, const char *sha256,
			   struct err *err)
{
	struct one_signature wanted = {at, key_id, sha256};
	const char *path = package_signature_path(at->exporting->one, at->name, at->role, key_id);

	if (package_has(at->exporting->writer, path))
		return true;
	return db_transact(at->exporting->model->pool, at->exporting->one, DB_READ_COMMITTED,
			   signature_work, &wanted, err) &&
	       put(at, path, err);
}

static bool need_author(struct collecting *at, struct err *err)
{
	const struct doc *data = at->view->event.data;
	const char *key_id = doc_get_text(data, "author_key_id");
	const char *sha256 = doc_get_text(data, "author_cms_sha256");

	return need_document(at, err) &&
	       (!key_id || !sha256 || need_signature(at, key_id, sha256, err));
}

static bool need_person(struct collecting *at, struct err *err)
{
	const char *key_id = doc_get_text(at->view->event.data, "key_id");

	return need_document(at, err) && (!key_id || need_signature(at, key_id, NULL, err));
}

/* ---- target trees ---- */

struct targets_reading {
	const char *campaign;
	int64_t from;
	struct db_rows rows;
};

static bool targets_work(struct db_tx *tx, void *context, struct err *err)
{
	struct targets_reading *reading = context;

	return db_many(tx, STMT_EXPORT_TARGETS_LIST,
		       DB(db_text(reading->campaign), db_int(reading->from)), &reading->rows, err);
}

/* Leaves one after the other, each behind its length. */
static bool read_targets(struct exporting *exporting, const char *campaign, struct bytes *out,
			 struct err *err)
{
	struct targets_reading reading = {.campaign = campaign};
	unsigned char *file = arena_alloc(exporting->one, PACKAGE_FILE_MAX);
	size_t size = 0;

	do {
		if (!db_transact(exporting->model->pool, exporting->one, DB_READ_COMMITTED,
				 targets_work, &reading, err))
			return false;
		for (size_t i = 0; i < reading.rows.count; i++) {
			struct db_row row = db_row_at(&reading.rows, i);
			struct bytes leaf = db_get_bytes(&row, "leaf");
			if (leaf.size > 0xffff || size + 2 + leaf.size > PACKAGE_FILE_MAX)
				return err_fail(err, E_PACKAGE_LIMIT,
						"the target tree of campaign %.36s is too large",
						campaign);
			file[size++] = (unsigned char)(leaf.size >> 8);
			file[size++] = (unsigned char)(leaf.size & 0xff);
			memcpy(file + size, leaf.data, leaf.size);
			size += leaf.size;
		}
		reading.from += (int64_t)reading.rows.count;
	} while (reading.rows.count > 0);
	*out = bytes_of(file, size);
	return true;
}

static bool need_targets(struct collecting *at, struct err *err)
{
	const struct event *event = &at->view->event;
	const char *campaign = event->streams[0].id;
	const char *path = package_target_path(at->exporting->one, campaign);

	if (event->streams[0].kind != STREAM_CAMPAIGN || !id_uuid_valid(campaign) ||
	    package_has(at->exporting->writer, path))
		return true;
	if (!read_targets(at->exporting, campaign, &at->bytes, err))
		return false;
	at->found = at->bytes.size > 0;
	return put(at, path, err);
}

/* ---- leases ---- */

static bool lease_work(struct db_tx *tx, void *context, struct err *err)
{
	struct collecting *at = context;
	struct exporting *exporting = at->exporting;
	size_t place = (size_t)(exporting->lease_count % PACKAGE_LEASES) * 2;
	struct db_row row;

	if (!db_opt(tx, STMT_EXPORT_LEASE_FIND,
		    DB(db_text(at->view->event.streams[0].id), db_text(at->name)), &at->found, &row,
		    err))
		return false;
	exporting->lease_entries[place] = (struct bytes){0};
	exporting->lease_entries[place + 1] = (struct bytes){0};
	if (!at->found)
		return true;
	exporting->lease_entries[place] =
		arena_bytes(exporting->leases, db_get_bytes(&row, "document"));
	exporting->lease_entries[place + 1] =
		arena_bytes(exporting->leases, db_get_bytes(&row, "signature"));
	return true;
}

bool export_flush_leases(struct exporting *exporting, struct err *err)
{
	int64_t in_file = exporting->lease_count % PACKAGE_LEASES;
	int64_t number = exporting->lease_count / PACKAGE_LEASES;
	struct bytes file;

	if (in_file == 0 && number > 0) {
		in_file = PACKAGE_LEASES;
		number--;
	}
	if (in_file == 0)
		return true;
	const char *path = package_lease_path(exporting->one, number);
	return package_has(exporting->writer, path) ||
	       (bundle_write(exporting->one, exporting->lease_entries, (size_t)in_file * 2, &file,
			     err) &&
		package_add(exporting->writer, path, file, err));
}

static bool need_lease(struct collecting *at, struct err *err)
{
	struct exporting *exporting = at->exporting;
	const char *sha256 = doc_get_text(at->view->event.data, "lease_sha256");

	if (!transact(at, lease_work, err))
		return false;
	exporting->lease_count++;
	if (!at->found && sha256 && id_sha256_valid(sha256) &&
	    !package_miss(exporting->writer, package_document_path(exporting->one, sha256), err))
		return false;
	if (exporting->lease_count % PACKAGE_LEASES != 0)
		return true;
	bool flushed = export_flush_leases(exporting, err);
	arena_reset(exporting->leases);
	return flushed;
}

/* ---- one event ---- */

static bool need_commit(struct collecting *at, struct err *err)
{
	const char *ref = doc_get_text(at->view->event.data, "ref");

	return !ref || export_commit(at->exporting, ref, at->name, err);
}

static bool collect_one(struct collecting *at, enum need need, struct err *err)
{
	if (need <= NEED_PERSON && !id_sha256_valid(at->name))
		return true; /* the verifier will say so */
	switch (need) {
	case NEED_DOCUMENT:
		return need_document(at, err);
	case NEED_SIGNED:
		return need_signed(at, err);
	case NEED_AUTHOR:
		return need_author(at, err);
	case NEED_PERSON:
		return need_person(at, err);
	case NEED_TARGETS:
		return need_targets(at, err);
	case NEED_LEASE:
		return need_lease(at, err);
	case NEED_COMMIT:
		break;
	}
	return need_commit(at, err);
}

bool export_collect(struct exporting *exporting, const struct export_event *event, struct err *err)
{
	struct event_view view;
	struct err unreadable = {0};

	/* What is no event is exported all the same, for the verifier to find. */
	if (!event_read(exporting->page, event->bytes, &view, &unreadable))
		return true;
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		const struct reference *reference = &references[i];
		if (reference->kind != view.event.kind)
			continue;
		struct collecting at = {
			.exporting = exporting,
			.event = event,
			.view = &view,
			.name = doc_get_text(view.event.data, reference->member),
			.role = reference->role,
		};
		bool collected = !at.name || collect_one(&at, reference->need, err);
		arena_reset(exporting->one);
		if (!collected)
			return false;
	}
	return true;
}
