/* SPDX-License-Identifier: Apache-2.0 */
/* What is true of a release or campaign right now, as far as the keeper can know it. */

#include "service/keeper/gather.h"

#include "audit/tree.h"

#include <stdlib.h>
#include <string.h>

struct gathering {
	struct keeper *keeper;
	struct db_tx *tx;
	struct arena *arena;
	const char *extra_person;
	struct gathered *out;
	const char *release;
	struct bytes manifest;
	struct bytes author_cms;
	struct trust trust;
	const char **people; /* to be looked up */
	size_t person_count;
	struct facts_contribution *contributions;
	size_t contribution_count;
	struct facts_expiry *expiries;
	size_t expiry_count;
};

static void expire(struct gathering *at, const char *what, clock_us when)
{
	if (at->expiry_count < FACTS_EXPIRIES_MAX)
		at->expiries[at->expiry_count++] = (struct facts_expiry){.what = what, .at = when};
}

static void name_person(struct gathering *at, const char *person)
{
	if (!person || at->person_count == FACTS_PEOPLE_MAX)
		return;
	for (size_t i = 0; i < at->person_count; i++) {
		if (strcmp(at->people[i], person) == 0)
			return;
	}
	at->people[at->person_count++] = person;
}

/* Who says so does not matter: a contribution only counts against. */
static void contribute(struct gathering *at, const char *person, const char *kind)
{
	if (!person || !id_name_valid(person, ID_NAME_MAX) ||
	    at->contribution_count == FACTS_CONTRIBUTIONS_MAX)
		return;
	at->contributions[at->contribution_count++] =
		(struct facts_contribution){.person = person, .kind = kind};
	name_person(at, person);
}

static const char **split_names(struct arena *arena, const char *names, size_t *count)
{
	char *copy = arena_text(arena, names);
	const char **list = arena_array(arena, strlen(names) / 2 + 2, sizeof(*list));
	char *rest = copy;

	*count = 0;
	while (*rest) {
		list[(*count)++] = rest;
		char *blank = strchr(rest, ' ');
		if (!blank)
			break;
		*blank = 0;
		rest = blank + 1;
	}
	return list;
}

/* ---- the release ---- */

/* The event that a row rests on: sealed as it is, and of this kind. The row is only its cache. */
static bool read_event(struct gathering *at, const struct db_row *row, enum event_kind kind,
		       struct event_view *view, struct err *err)
{
	struct bytes bytes = db_get_bytes(row, "event_bytes");
	struct bytes stored = db_get_bytes(row, "event_leaf");
	struct sha256 leaf = tree_leaf(bytes);

	if (stored.size != SHA256_BYTES || !digest_equal(stored.data, leaf.at, SHA256_BYTES))
		return err_fail(err, E_LEDGER_ROW, "the event %s of this object was changed",
				event_kind_text(kind));
	if (!event_read(at->arena, bytes, view, err))
		return false;
	return view->event.kind == kind ||
	       err_fail(err, E_LEDGER_ROW, "a row rests on an event that is no %s",
			event_kind_text(kind));
}

/* The event says the same as the row: a member of its data and a column. */
static bool says(const struct doc *data, const char *member, const char *value)
{
	const char *text = doc_get_text(data, member);

	return text && value && strcmp(text, value) == 0;
}

static bool check_seal_row(struct gathering *at, const struct db_row *row, struct err *err)
{
	struct event_view view;

	if (!read_event(at, row, EV_RELEASE_SEALED, &view, err))
		return false;
	if (!says(view.event.data, "manifest_sha256", db_get_text(row, "manifest_sha256")) ||
	    !says(view.event.data, "author_key_id", db_get_text(row, "author_key_id")) ||
	    !says(view.event.data, "author_cms_sha256",
		  digest_sha256_hex(db_get_bytes(row, "author_cms")).text))
		return err_fail(err, E_LEDGER_ROW,
				"the release's row and its sealed event name different bytes");
	return true;
}

static bool check_record_row(struct gathering *at, const struct db_row *row, struct err *err)
{
	struct event_view view;

	if (!read_event(at, row, EV_RECORD_ADDED, &view, err))
		return false;
	if (!says(view.event.data, "record", db_get_text(row, "id")) ||
	    !says(view.event.data, "sha256", db_get_text(row, "sha256")) ||
	    doc_int(doc_get(view.event.data, "version"), 0) != db_get_int(row, "version") ||
	    strcmp(digest_sha256_hex(db_get_bytes(row, "bytes")).text,
		   db_get_text(row, "sha256")) != 0)
		return err_fail(err, E_LEDGER_ROW, "the record %.36s is not the one that was added",
				db_get_text(row, "id"));
	return true;
}

static bool check_signature_row(struct gathering *at, const struct db_row *row, struct err *err)
{
	struct event_view view;

	if (!read_event(at, row, EV_SIGNATURE_GIVEN, &view, err))
		return false;
	const struct doc *data = view.event.data;
	const struct doc *object = doc_get(data, "object");
	if (!says(data, "signature", db_get_text(row, "id")) ||
	    !says(data, "sha256", db_get_text(row, "sha256")) ||
	    !says(data, "meaning", db_get_text(row, "meaning")) ||
	    !says(data, "strength", db_get_text(row, "strength")) ||
	    !says(object, "kind", db_get_text(row, "object_kind")) ||
	    !says(object, "id", db_get_text(row, "object_id")) ||
	    strcmp(view.actor_id, db_get_text(row, "person")) != 0)
		return err_fail(err, E_LEDGER_ROW,
				"the signature %.36s is not the one that was given",
				db_get_text(row, "id"));
	return true;
}

static bool check_plan_row(struct gathering *at, const struct db_row *row, struct err *err)
{
	struct event_view view;

	if (!read_event(at, row, EV_CAMPAIGN_SUBMITTED, &view, err))
		return false;
	return (says(view.event.data, "plan_sha256", db_get_text(row, "plan_sha256")) &&
		says(view.event.data, "release", db_get_text(row, "release"))) ||
	       err_fail(err, E_LEDGER_ROW,
			"the campaign's row and its sealed event name different plans");
}

/* The author's signature is checked again, at this very moment, under the trust in force. */
static void gather_author(struct gathering *at)
{
	struct facts_author *author = &at->out->facts.author;
	const struct trust_entry *entry = NULL;
	struct sign_cert signer;
	struct err flaw = {0};
	clock_us now = at->out->facts.as_of;

	bool holds = sign_cms_check(at->arena, at->author_cms, at->manifest, SIGN_AUTHOR, now,
				    &signer, &flaw) &&
		     trust_find_key(&at->trust, TRUST_AUTHOR, &signer.key_id,
				    at->out->manifest.product, NULL, now, &entry, &flaw);
	author->valid = holds;
	author->why = holds ? "" : arena_text(at->arena, flaw.text);
	if (!holds)
		return;
	author->key_id = signer.key_id;
	author->person = entry->person;
	contribute(at, entry->person, "author");
	expire(at, "certificate of the author's key", signer.not_after);
	expire(at, "author's entry in the trust document", entry->not_after);
}

static bool gather_release(struct gathering *at, struct err *err)
{
	struct gathered *out = at->out;
	struct facts_release *release = &out->facts.release;
	struct db_row row;
	bool found;

	if (!db_opt(at->tx, STMT_GATHER_RELEASE, DB(db_text(at->release)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_GATE_SUBJECT,
				"there is no sealed release %.36s; seal it first", at->release);
	struct bytes manifest = db_get_bytes(&row, "manifest");
	at->manifest = manifest;
	if (!check_seal_row(at, &row, err) ||
	    !id_sha256_read(db_get_text(&row, "manifest_sha256"), &release->manifest_sha256, err) ||
	    !id_sha256_read(db_get_text(&row, "author_key_id"), &out->facts.author.key_id, err))
		return false;
	if (strcmp(digest_sha256_hex(manifest).text, release->manifest_sha256.text) != 0 ||
	    !manifest_parse(at->arena, manifest, &out->manifest, err))
		return err_fail(err, E_SIGNATURE, "the stored manifest was changed");
	release->id = at->release;
	release->version = out->manifest.version;
	release->sequence = out->manifest.sequence;
	release->withdrawn = db_get_bool(&row, "withdrawn");
	out->facts.product.id = out->manifest.product;
	at->author_cms = db_get_bytes(&row, "author_cms");

	struct facts_artifact *artifacts =
		arena_array(at->arena, out->manifest.artifact_count, sizeof(*artifacts));
	const char **digests =
		arena_array(at->arena, out->manifest.artifact_count, sizeof(*digests));
	for (size_t i = 0; i < out->manifest.artifact_count; i++) {
		const struct manifest_artifact *one = &out->manifest.artifacts[i];
		artifacts[i] = (struct facts_artifact){
			.name = one->name, .sha256 = one->sha256, .size_bytes = one->size_bytes};
		digests[i] = one->sha256.text;
	}
	release->artifacts = artifacts;
	release->artifact_count = out->manifest.artifact_count;

	struct db_rows uploads;
	if (!db_many(at->tx, STMT_GATHER_UPLOADS,
		     DB(db_texts(digests, out->manifest.artifact_count)), &uploads, err))
		return false;
	for (size_t i = 0; i < uploads.count; i++) {
		struct db_row upload = db_row_at(&uploads, i);
		contribute(at, db_get_text(&upload, "stored_by"), "upload");
	}
	contribute(at, db_get_text(&row, "drafted_by"), "draft");
	contribute(at, db_get_text(&row, "author_person"), "author");
	gather_author(at);
	return true;
}

static bool gather_records(struct gathering *at, struct err *err)
{
	struct db_rows rows;

	if (!db_many(at->tx, STMT_GATHER_RECORDS, DB(db_text(at->release)), &rows, err))
		return false;
	if (rows.count > FACTS_RECORDS_MAX)
		return err_fail(err, E_FACTS, "a release can have at most %d record versions",
				FACTS_RECORDS_MAX);
	struct facts_record *records = arena_array(at->arena, rows.count + 1, sizeof(*records));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct record record;
		records[i] = (struct facts_record){
			.id = db_get_text(&row, "id"),
			.version = db_get_int(&row, "version"),
			.kind = db_get_text(&row, "kind"),
			.current = db_get_bool(&row, "current"),
			.document = db_get_bytes(&row, "bytes"),
		};
		if (!check_record_row(at, &row, err) ||
		    !id_sha256_read(db_get_text(&row, "sha256"), &records[i].sha256, err) ||
		    !record_parse(at->arena, records[i].document, &record, err))
			return false;
		contribute(at, db_get_text(&row, "added_by"), "record");
		contribute(at, record.tester, "record");
	}
	at->out->facts.records = records;
	at->out->facts.record_count = rows.count;
	return true;
}

static bool gather_rulesets(struct gathering *at, struct err *err)
{
	struct facts_product *product = &at->out->facts.product;
	struct db_rows rows;
	struct db_row row;
	bool found;

	if (!db_opt(at->tx, STMT_GATHER_PRODUCT, DB(db_text(product->id)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_GATE_SUBJECT, "there is no product %.64s; put it first",
				product->id);
	product->rulesets =
		split_names(at->arena, db_get_text(&row, "rulesets"), &product->ruleset_count);
	if (!db_many(at->tx, STMT_GATHER_RULESETS,
		     DB(db_texts(product->rulesets, product->ruleset_count)), &rows, err))
		return false;
	struct bytes *rulesets = arena_array(at->arena, rows.count + 1, sizeof(*rulesets));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row ruleset = db_row_at(&rows, i);
		rulesets[i] = db_get_bytes(&ruleset, "bytes");
		if (strcmp(digest_sha256_hex(rulesets[i]).text, db_get_text(&ruleset, "sha256")) !=
		    0)
			return err_fail(err, E_SIGNATURE, "a stored ruleset was changed");
		/* Its successor may be stricter: what counts against counts at once. */
		if (db_get_bool(&ruleset, "pending"))
			return err_fail(err, E_LEDGER_NOT_SEALED,
					"a newer ruleset %.64s is adopted but not sealed; if it "
					"stays so, adopt it again",
					db_get_text(&ruleset, "name"));
	}
	at->out->rulesets = rulesets;
	at->out->ruleset_count = rows.count;
	return true;
}

/* What an approval covers, as it is now. */
static bool gather_content(struct gathering *at, struct err *err)
{
	const struct facts *facts = &at->out->facts;
	struct content content = {
		.release = at->release,
		.product = facts->product.id,
		.version = facts->release.version,
		.sequence = facts->release.sequence,
		.manifest_sha256 = facts->release.manifest_sha256,
		.author_cms_sha256 = digest_sha256_hex(at->author_cms),
	};
	struct content_record *records =
		arena_array(at->arena, facts->record_count + 1, sizeof(*records));
	struct content_ruleset *rulesets =
		arena_array(at->arena, at->out->ruleset_count + 1, sizeof(*rulesets));

	for (size_t i = 0; i < facts->record_count; i++) {
		const struct facts_record *record = &facts->records[i];
		if (record->current)
			records[content.record_count++] =
				(struct content_record){.id = record->id,
							.version = record->version,
							.kind = record->kind,
							.sha256 = record->sha256};
	}
	for (size_t i = 0; i < at->out->ruleset_count; i++) {
		const struct doc *doc;
		if (!doc_parse(at->arena, at->out->rulesets[i], &doc, err))
			return false;
		rulesets[i] =
			(struct content_ruleset){.name = doc_get_text(doc, "name"),
						 .sha256 = digest_sha256_hex(at->out->rulesets[i])};
	}
	content.records = records;
	content.rulesets = rulesets;
	content.ruleset_count = at->out->ruleset_count;
	if (!content_write(at->arena, &content, &at->out->content, err))
		return false;
	at->out->facts.release.content_sha256 = digest_sha256_hex(at->out->content);
	return true;
}

/* ---- the campaign ---- */

static bool gather_campaign(struct gathering *at, const char *campaign, struct err *err)
{
	struct facts_campaign *facts = arena_alloc(at->arena, sizeof(*facts));
	struct db_row row;
	bool found;

	if (!db_opt(at->tx, STMT_GATHER_CAMPAIGN, DB(db_text(campaign)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_GATE_SUBJECT,
				"there is no submitted campaign %.36s; submit its plan first",
				campaign);
	at->out->plan_bytes = db_get_bytes(&row, "plan");
	if (!check_plan_row(at, &row, err) ||
	    !plan_parse(at->arena, at->out->plan_bytes, &at->out->plan, err) ||
	    !id_sha256_read(db_get_text(&row, "plan_sha256"), &facts->plan_sha256, err))
		return false;
	if (strcmp(digest_sha256_hex(at->out->plan_bytes).text, facts->plan_sha256.text) != 0)
		return err_fail(err, E_SIGNATURE, "the stored plan was changed");
	at->release = db_get_text(&row, "release");
	at->out->held_number = db_get_int(&row, "held_number");
	facts->id = campaign;
	facts->held = at->out->held_number > 0;
	facts->ended = db_get_bool(&row, "ended");
	facts->not_before = at->out->plan.not_before;
	facts->not_after = at->out->plan.not_after;
	facts->targets = (int64_t)at->out->plan.target_count;
	at->out->facts.campaign = facts;
	return true;
}

static bool gather_release_verdict(struct gathering *at, struct err *err)
{
	struct facts_release_verdict *verdict = arena_alloc(at->arena, sizeof(*verdict));
	struct db_row row;
	bool found;

	if (!db_opt(at->tx, STMT_GATHER_RELEASE_VERDICT, DB(db_text(at->release)), &found, &row,
		    err))
		return false;
	if (!found)
		return true;
	verdict->open = db_get_bool(&row, "open");
	verdict->valid_until = db_get_time(&row, "valid_until");
	if (!id_sha256_read(db_get_text(&row, "sha256"), &verdict->sha256, err))
		return false;
	at->out->facts.release_verdict = verdict;
	return true;
}

/* ---- people and their signatures ---- */

static const struct sha256_hex *present_digest(struct gathering *at, const char *kind,
					       const char *id, const char *meaning)
{
	const struct facts *facts = &at->out->facts;

	if (strcmp(kind, "release") == 0)
		return &facts->release.content_sha256;
	if (strcmp(kind, "campaign") == 0)
		return facts->campaign && strcmp(meaning, "released") == 0
			       ? &facts->campaign->plan_sha256
			       : NULL;
	for (size_t i = 0; i < facts->record_count; i++) {
		if (facts->records[i].current && strcmp(facts->records[i].id, id) == 0)
			return &facts->records[i].sha256;
	}
	return NULL;
}

static bool gather_signatures(struct gathering *at, struct err *err)
{
	const struct facts_campaign *campaign = at->out->facts.campaign;
	struct db_rows rows;

	if (!db_many(at->tx, STMT_GATHER_SIGNATURES,
		     DB(db_text(at->release), db_text(campaign ? campaign->id : NULL)), &rows, err))
		return false;
	if (rows.count > FACTS_SIGNATURES_MAX)
		return err_fail(err, E_FACTS, "a release can have at most %d signatures",
				FACTS_SIGNATURES_MAX);
	struct facts_signature *list = arena_array(at->arena, rows.count + 1, sizeof(*list));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		list[i] = (struct facts_signature){
			.id = db_get_text(&row, "id"),
			.person = db_get_text(&row, "person"),
			.meaning = db_get_text(&row, "meaning"),
			.strength = db_get_text(&row, "strength"),
			.object = {.kind = db_get_text(&row, "object_kind"),
				   .id = db_get_text(&row, "object_id")},
			.signed_at = db_get_time(&row, "signed_at"),
		};
		if (!check_signature_row(at, &row, err) ||
		    !id_sha256_read(db_get_text(&row, "sha256"), &list[i].sha256, err))
			return false;
		const struct sha256_hex *present =
			present_digest(at, list[i].object.kind, list[i].object.id, list[i].meaning);
		list[i].current = present && strcmp(present->text, list[i].sha256.text) == 0;
		name_person(at, list[i].person);
	}
	at->out->facts.signatures = list;
	at->out->facts.signature_count = rows.count;
	return true;
}

static bool gather_people(struct gathering *at, struct err *err)
{
	struct db_rows rows;

	name_person(at, at->extra_person);
	if (!db_many(at->tx, STMT_GATHER_PEOPLE,
		     DB(db_texts(at->people, at->person_count), db_text(at->out->facts.product.id)),
		     &rows, err))
		return false;
	struct facts_person *people = arena_array(at->arena, rows.count + 1, sizeof(*people));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		people[i].person = db_get_text(&row, "id");
		people[i].active = db_get_bool(&row, "active");
		people[i].roles =
			split_names(at->arena, db_get_text(&row, "roles"), &people[i].role_count);
	}
	at->out->facts.people = people;
	at->out->facts.person_count = rows.count;
	return true;
}

/* ---- together ---- */

static void gathering_init(struct gathering *at)
{
	at->people = arena_array(at->arena, FACTS_PEOPLE_MAX, sizeof(*at->people));
	at->contributions =
		arena_array(at->arena, FACTS_CONTRIBUTIONS_MAX, sizeof(*at->contributions));
	at->expiries = arena_array(at->arena, FACTS_EXPIRIES_MAX, sizeof(*at->expiries));
}

bool gather_facts(struct keeper *keeper, struct db_tx *tx, const char *gate, const char *subject,
		  const char *extra_person, clock_us as_of, struct gathered *out, struct err *err)
{
	struct gathering at = {.keeper = keeper,
			       .tx = tx,
			       .arena = db_arena(tx),
			       .extra_person = extra_person,
			       .out = out,
			       .release = subject};
	bool campaign = strcmp(gate, "campaign") == 0;
	struct db_row row;

	*out = (struct gathered){0};
	out->facts.gate = gate;
	out->facts.as_of = as_of;
	out->facts.subject = (struct facts_object){.kind = gate, .id = subject};
	gathering_init(&at);
	if (!db_one(tx, STMT_GATHER_EPOCH, DB(db_text(subject)), &row, err))
		return false;
	out->epoch = db_get_int(&row, "epoch");
	if (!keeper_trust_refresh(keeper, tx, err) ||
	    !keeper_trust_get(keeper, at.arena, &at.trust, NULL, err) ||
	    (campaign && !gather_campaign(&at, subject, err)) || !gather_release(&at, err) ||
	    !gather_records(&at, err) || !gather_rulesets(&at, err) || !gather_content(&at, err) ||
	    (campaign && !gather_release_verdict(&at, err)) || !gather_signatures(&at, err) ||
	    !gather_people(&at, err))
		return false;
	expire(&at, "trust document", at.trust.expires_at);
	out->facts.contributions = at.contributions;
	out->facts.contribution_count = at.contribution_count;
	out->facts.expiries = at.expiries;
	out->facts.expiry_count = at.expiry_count;
	return facts_write(at.arena, &out->facts, &out->bytes, err);
}

bool gather_streams_open(struct db_tx *tx, const char *release, const char *campaign,
			 struct err *err)
{
	struct db_row row;
	bool closed;

	if (!db_opt(tx, STMT_GATHER_STREAMS_CLOSED, DB(db_text(campaign), db_text(release)),
		    &closed, &row, err))
		return false;
	if (closed)
		return err_fail(err, E_LEDGER_STREAM_CLOSED,
				"a row of the record of %s %.36s was set aside, so nothing can be "
				"opened for it; ask an auditor",
				db_get_text(&row, "kind"), db_get_text(&row, "id"));
	return true;
}
