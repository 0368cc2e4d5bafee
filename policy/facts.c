/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do the facts say, and can they be true together? Reads countersign.facts.v1 for whoever
 * decides or replays a decision. A document that contradicts itself is refused whole: a decision
 * over it would mean nothing.
 */

#include "policy/facts.h"

#include "common/digest.h"
#include "policy/items.h"

enum { TEXT_MAX = 255, SUMMARY_MAX = 65536 };

const char *const facts_gates[] = {"release", "campaign", NULL};
const char *const facts_objects[] = {"release", "record", "campaign", NULL};
const char *const facts_meanings[] = {"tested", "approved", "released", "resumed", NULL};
const char *const facts_strengths[] = {"keeper-checked", "personal-key", NULL};
const char *const facts_contributions[] = {"author", "record", "upload", "draft", NULL};
const char *const facts_record_kinds[] = {"test", NULL};
const char *const facts_results[] = {"passed", "failed", NULL};

/* The structs of the header, with their nested parts and lists still unread behind them. */
struct raw_facts {
	struct facts at;
	const struct doc *subject, *product, *release, *author;
	const struct doc *records, *contributions, *people, *signatures, *expiries;
	const struct doc *campaign, *release_verdict;
};

struct raw_product {
	struct facts_product at;
	const struct doc *rulesets;
};

struct raw_release {
	struct facts_release at;
	const struct doc *artifacts;
};

struct raw_record {
	struct facts_record at;
	const struct doc *document;
};

/* Id, version and kind stand in the record and once more in its document. */
struct raw_body {
	struct facts_record_body at;
	const char *id, *kind;
	int64_t version;
	const struct doc *subjects;
};

struct raw_person {
	struct facts_person at;
	const struct doc *roles;
};

struct raw_signature {
	struct facts_signature at;
	const struct doc *object;
};

#define UUID(s, m) DOC_TEXT(s, m, ID_UUID_BYTES, ID_UUID_BYTES)
#define NAME(s, m) DOC_TEXT(s, m, 1, ID_NAME_MAX)

static const struct doc_field facts_fields[] = {
	DOC_TYPE_MEMBER,
	DOC_WORD(struct facts, gate, facts_gates),
	DOC_TIME(struct facts, as_of),
	DOC_OBJECT(struct raw_facts, subject),
	DOC_OBJECT(struct raw_facts, product),
	DOC_OBJECT(struct raw_facts, release),
	DOC_OBJECT(struct raw_facts, author),
	DOC_LIST(struct raw_facts, records, 0, FACTS_RECORDS_MAX),
	DOC_LIST(struct raw_facts, contributions, 0, FACTS_CONTRIBUTIONS_MAX),
	DOC_LIST(struct raw_facts, people, 0, FACTS_PEOPLE_MAX),
	DOC_LIST(struct raw_facts, signatures, 0, FACTS_SIGNATURES_MAX),
	DOC_LIST(struct raw_facts, expiries, 0, FACTS_EXPIRIES_MAX),
	DOC_OBJECT_OPT(struct raw_facts, campaign),
	DOC_OBJECT_OPT(struct raw_facts, release_verdict),
};

static const struct doc_field object_fields[] = {
	DOC_WORD(struct facts_object, kind, facts_objects),
	UUID(struct facts_object, id),
};

static const struct doc_field product_fields[] = {
	NAME(struct facts_product, id),
	DOC_LIST(struct raw_product, rulesets, 0, FACTS_RULESETS_MAX),
};

static const struct doc_field release_fields[] = {
	UUID(struct facts_release, id),
	DOC_TEXT(struct facts_release, version, 1, TEXT_MAX),
	DOC_INT(struct facts_release, sequence, 1, DOC_INT_MAX),
	DOC_SHA256(struct facts_release, manifest_sha256),
	DOC_SHA256(struct facts_release, content_sha256),
	DOC_FLAG(struct facts_release, withdrawn),
	DOC_LIST(struct raw_release, artifacts, 1, FACTS_ARTIFACTS_MAX),
};

static const struct doc_field artifact_fields[] = {
	DOC_TEXT(struct facts_artifact, name, 1, TEXT_MAX),
	DOC_SHA256(struct facts_artifact, sha256),
	DOC_INT(struct facts_artifact, size_bytes, 0, DOC_INT_MAX),
};

static const struct doc_field author_fields[] = {
	DOC_FLAG(struct facts_author, valid),
	DOC_SHA256(struct facts_author, key_id),
	DOC_TEXT_OPT(struct facts_author, person, 1, ID_NAME_MAX),
	DOC_TEXT(struct facts_author, why, 0, FACTS_WHY_MAX),
};

static const struct doc_field record_fields[] = {
	UUID(struct facts_record, id),
	DOC_INT(struct facts_record, version, 1, DOC_INT_MAX),
	DOC_WORD(struct facts_record, kind, facts_record_kinds),
	DOC_SHA256(struct facts_record, sha256),
	DOC_FLAG(struct facts_record, current),
	DOC_OBJECT(struct raw_record, document),
};

static const struct doc_field body_fields[] = {
	DOC_TYPE_MEMBER,
	UUID(struct raw_body, id),
	DOC_INT(struct raw_body, version, 1, DOC_INT_MAX),
	DOC_WORD(struct raw_body, kind, facts_record_kinds),
	UUID(struct facts_record_body, release),
	NAME(struct facts_record_body, product),
	DOC_LIST(struct raw_body, subjects, 1, FACTS_SUBJECTS_MAX),
	DOC_WORD(struct facts_record_body, result, facts_results),
	DOC_TEXT(struct facts_record_body, summary, 0, SUMMARY_MAX),
	NAME(struct facts_record_body, tester),
	DOC_TIME(struct facts_record_body, performed_at),
};

static const struct doc_field subject_fields[] = {
	DOC_TEXT(struct facts_subject, name, 1, TEXT_MAX),
	DOC_SHA256(struct facts_subject, sha256),
};

static const struct doc_field contribution_fields[] = {
	NAME(struct facts_contribution, person),
	DOC_WORD(struct facts_contribution, kind, facts_contributions),
};

static const struct doc_field person_fields[] = {
	NAME(struct facts_person, person),
	DOC_FLAG(struct facts_person, active),
	DOC_LIST(struct raw_person, roles, 0, FACTS_ROLES_MAX),
};

static const struct doc_field signature_fields[] = {
	UUID(struct facts_signature, id),
	NAME(struct facts_signature, person),
	DOC_WORD(struct facts_signature, meaning, facts_meanings),
	DOC_WORD(struct facts_signature, strength, facts_strengths),
	DOC_OBJECT(struct raw_signature, object),
	DOC_SHA256(struct facts_signature, sha256),
	DOC_FLAG(struct facts_signature, current),
	DOC_TIME(struct facts_signature, signed_at),
};

static const struct doc_field campaign_fields[] = {
	UUID(struct facts_campaign, id),
	DOC_SHA256(struct facts_campaign, plan_sha256),
	DOC_FLAG(struct facts_campaign, held),
	DOC_FLAG(struct facts_campaign, ended),
	DOC_TIME(struct facts_campaign, not_before),
	DOC_TIME(struct facts_campaign, not_after),
	DOC_INT(struct facts_campaign, targets, 1, DOC_INT_MAX),
};

static const struct doc_field verdict_fields[] = {
	DOC_SHA256(struct facts_release_verdict, sha256),
	DOC_FLAG(struct facts_release_verdict, open),
	DOC_TIME(struct facts_release_verdict, valid_until),
};

static const struct doc_field expiry_fields[] = {
	DOC_TEXT(struct facts_expiry, what, 1, TEXT_MAX),
	DOC_TIME(struct facts_expiry, at),
};

#define READ(arena, doc, fields, out, err) \
	doc_read((arena), (doc), (fields), DOC_COUNT(fields), (out), (err))
#define READ_LIST(arena, list, fields, item, where, out, err)                                  \
	items_read((arena), (list), (fields), DOC_COUNT(fields), sizeof(item), (where), (out), \
		   (err))

static bool read_subject_and_product(struct arena *arena, const struct raw_facts *raw,
				     struct facts *out, struct err *err);
static bool read_release(struct arena *arena, const struct doc *doc, struct facts_release *out,
			 struct err *err);
static bool read_author(struct arena *arena, const struct doc *doc, struct facts_author *out,
			struct err *err);
static bool read_records(struct arena *arena, const struct doc *list, struct facts *out,
			 struct err *err);
static bool read_contributions(struct arena *arena, const struct doc *list, struct facts *out,
			       struct err *err);
static bool read_people(struct arena *arena, const struct doc *list, struct facts *out,
			struct err *err);
static bool read_signatures(struct arena *arena, const struct doc *list, struct facts *out,
			    struct err *err);
static bool read_expiries(struct arena *arena, const struct doc *list, struct facts *out,
			  struct err *err);
static bool read_campaign(struct arena *arena, const struct raw_facts *raw, struct facts *out,
			  struct err *err);
static bool fits_gate(const struct facts *facts, struct err *err);

bool facts_read(struct arena *arena, struct bytes bytes, struct facts *out, struct err *err)
{
	struct raw_facts raw = {0};
	const struct doc *doc;

	if (!doc_parse_signed(arena, bytes, "countersign.facts.v1", &doc, err) ||
	    !READ(arena, doc, facts_fields, &raw, err))
		return false;
	/* To doc_read null is absent; to facts it would be a second way of writing the same. */
	if ((doc_get(doc, "campaign") && !raw.campaign) ||
	    (doc_get(doc, "release_verdict") && !raw.release_verdict))
		return err_fail(err, E_FACTS,
				"campaign and release_verdict are left out, not null");
	struct facts facts = raw.at;
	if (!read_subject_and_product(arena, &raw, &facts, err) ||
	    !read_release(arena, raw.release, &facts.release, err) ||
	    !read_author(arena, raw.author, &facts.author, err) ||
	    !read_records(arena, raw.records, &facts, err) ||
	    !read_contributions(arena, raw.contributions, &facts, err) ||
	    !read_people(arena, raw.people, &facts, err) ||
	    !read_signatures(arena, raw.signatures, &facts, err) ||
	    !read_expiries(arena, raw.expiries, &facts, err) ||
	    !read_campaign(arena, &raw, &facts, err) || !fits_gate(&facts, err))
		return false;
	*out = facts;
	return true;
}

/* Steps: each list is read whole, then checked to rise strictly, so that nothing stands twice. */

static bool unsorted(const char *where, size_t at, struct err *err)
{
	return err_fail(err, E_FACTS, "%s, item %zu: the list must be sorted, each thing once",
			where, at + 1);
}

static bool sorted_texts(const char *const *texts, size_t count, const char *where, struct err *err)
{
	for (size_t i = 1; i < count; i++) {
		if (strcmp(texts[i - 1], texts[i]) >= 0)
			return unsorted(where, i, err);
	}
	return true;
}

static bool named(const char *id, const char *where, struct err *err)
{
	return id_name_valid(id, ID_NAME_MAX) ||
	       err_fail(err, E_FACTS, "%s: an id holds letters, digits and . _ : - only", where);
}

static bool drawn(const char *id, const char *where, struct err *err)
{
	return id_uuid_valid(id) ||
	       err_fail(err, E_FACTS, "%s: an id is a lower-case UUID of version 4", where);
}

static bool read_object(struct arena *arena, const struct doc *doc, const char *where,
			struct facts_object *out, struct err *err)
{
	if (!READ(arena, doc, object_fields, out, err)) {
		err_prefix(err, "%s", where);
		return false;
	}
	return drawn(out->id, where, err);
}

static bool read_subject_and_product(struct arena *arena, const struct raw_facts *raw,
				     struct facts *out, struct err *err)
{
	struct raw_product product = {0};

	if (!read_object(arena, raw->subject, "subject", &out->subject, err))
		return false;
	if (!READ(arena, raw->product, product_fields, &product, err) ||
	    !items_read_texts(arena, product.rulesets, ID_NAME_MAX, E_FACTS, "rulesets",
			      &product.at.rulesets, err)) {
		err_prefix(err, "product");
		return false;
	}
	product.at.ruleset_count = doc_size(product.rulesets);
	out->product = product.at;
	return named(product.at.id, "product", err) &&
	       sorted_texts(product.at.rulesets, product.at.ruleset_count, "rulesets", err);
}

static bool read_release(struct arena *arena, const struct doc *doc, struct facts_release *out,
			 struct err *err)
{
	struct raw_release raw = {0};
	void *items;

	if (!READ(arena, doc, release_fields, &raw, err) ||
	    !READ_LIST(arena, raw.artifacts, artifact_fields, struct facts_artifact, "artifacts",
		       &items, err)) {
		err_prefix(err, "release");
		return false;
	}
	const struct facts_artifact *artifacts = items;
	raw.at.artifacts = artifacts;
	raw.at.artifact_count = doc_size(raw.artifacts);
	for (size_t i = 1; i < raw.at.artifact_count; i++) {
		if (strcmp(artifacts[i - 1].name, artifacts[i].name) >= 0)
			return unsorted("artifacts", i, err);
	}
	*out = raw.at;
	return drawn(raw.at.id, "release", err);
}

static bool read_author(struct arena *arena, const struct doc *doc, struct facts_author *out,
			struct err *err)
{
	if (!READ(arena, doc, author_fields, out, err)) {
		err_prefix(err, "author");
		return false;
	}
	if (!doc_get(doc, "person"))
		return err_fail(err, E_FACTS, "author: person must be given, or null");
	return !out->person || named(out->person, "author", err);
}

static bool read_body(struct arena *arena, const struct doc *doc, struct facts_record *record,
		      struct err *err)
{
	struct raw_body raw = {0};
	const struct doc *again;
	void *items;

	if (!doc_canonical(arena, doc, &record->document, err) ||
	    !doc_parse_signed(arena, record->document, "countersign.record.v1", &again, err) ||
	    !READ(arena, again, body_fields, &raw, err) ||
	    !READ_LIST(arena, raw.subjects, subject_fields, struct facts_subject, "subjects",
		       &items, err))
		return false;
	struct sha256_hex sha256 = digest_sha256_hex(record->document);
	if (!facts_same_sha256(&sha256, &record->sha256))
		return err_fail(err, E_FACTS, "sha256 is not that of the document");
	if (!facts_same(raw.id, record->id) || raw.version != record->version ||
	    !facts_same(raw.kind, record->kind))
		return err_fail(err, E_FACTS, "id, version and kind are not those of the document");
	raw.at.subjects = items;
	raw.at.subject_count = doc_size(raw.subjects);
	record->body = raw.at;
	return drawn(raw.at.release, "release", err) && named(raw.at.product, "product", err) &&
	       named(raw.at.tester, "tester", err);
}

/* By id, then by version: the newest of a record is the last of its id. */
static bool records_rise(const struct facts_record *records, size_t count, struct err *err)
{
	for (size_t i = 1; i < count; i++) {
		int order = strcmp(records[i - 1].id, records[i].id);
		if (order > 0 || (order == 0 && records[i - 1].version >= records[i].version))
			return unsorted("records", i, err);
		if (order == 0 && records[i - 1].current)
			return err_fail(err, E_FACTS,
					"records, item %zu: a superseded version is not current",
					i);
	}
	return true;
}

static bool read_records(struct arena *arena, const struct doc *list, struct facts *out,
			 struct err *err)
{
	size_t count = doc_size(list);
	void *items;

	if (!READ_LIST(arena, list, record_fields, struct raw_record, "records", &items, err))
		return false;
	const struct raw_record *raw = items;
	struct facts_record *records = arena_array(arena, count, sizeof(*records));
	for (size_t i = 0; i < count; i++) {
		records[i] = raw[i].at;
		if (!drawn(records[i].id, "id", err) ||
		    !read_body(arena, raw[i].document, &records[i], err)) {
			err_prefix(err, "records, item %zu", i + 1);
			return false;
		}
	}
	out->records = records;
	out->record_count = count;
	return records_rise(records, count, err);
}

static bool read_contributions(struct arena *arena, const struct doc *list, struct facts *out,
			       struct err *err)
{
	size_t count = doc_size(list);
	void *items;

	if (!READ_LIST(arena, list, contribution_fields, struct facts_contribution, "contributions",
		       &items, err))
		return false;
	const struct facts_contribution *all = items;
	for (size_t i = 0; i < count; i++) {
		if (!named(all[i].person, "contributions", err))
			return false;
		int order = i == 0 ? -1 : strcmp(all[i - 1].person, all[i].person);
		if (order > 0 || (order == 0 && strcmp(all[i - 1].kind, all[i].kind) >= 0))
			return unsorted("contributions", i, err);
	}
	out->contributions = all;
	out->contribution_count = count;
	return true;
}

static bool read_people(struct arena *arena, const struct doc *list, struct facts *out,
			struct err *err)
{
	size_t count = doc_size(list);
	void *items;

	if (!READ_LIST(arena, list, person_fields, struct raw_person, "people", &items, err))
		return false;
	const struct raw_person *raw = items;
	struct facts_person *people = arena_array(arena, count, sizeof(*people));
	for (size_t i = 0; i < count; i++) {
		people[i] = raw[i].at;
		people[i].role_count = doc_size(raw[i].roles);
		if (!named(people[i].person, "people", err) ||
		    !items_read_texts(arena, raw[i].roles, ID_NAME_MAX, E_FACTS, "roles",
				      &people[i].roles, err) ||
		    !sorted_texts(people[i].roles, people[i].role_count, "roles", err))
			return false;
		if (i > 0 && strcmp(people[i - 1].person, people[i].person) >= 0)
			return unsorted("people", i, err);
	}
	out->people = people;
	out->person_count = count;
	return true;
}

static bool read_signatures(struct arena *arena, const struct doc *list, struct facts *out,
			    struct err *err)
{
	size_t count = doc_size(list);
	void *items;

	if (!READ_LIST(arena, list, signature_fields, struct raw_signature, "signatures", &items,
		       err))
		return false;
	const struct raw_signature *raw = items;
	struct facts_signature *signatures = arena_array(arena, count, sizeof(*signatures));
	for (size_t i = 0; i < count; i++) {
		signatures[i] = raw[i].at;
		if (!drawn(signatures[i].id, "signatures", err) ||
		    !named(signatures[i].person, "signatures", err) ||
		    !read_object(arena, raw[i].object, "signatures", &signatures[i].object, err))
			return false;
		if (i > 0 && strcmp(signatures[i - 1].id, signatures[i].id) >= 0)
			return unsorted("signatures", i, err);
	}
	out->signatures = signatures;
	out->signature_count = count;
	return true;
}

static bool read_expiries(struct arena *arena, const struct doc *list, struct facts *out,
			  struct err *err)
{
	size_t count = doc_size(list);
	void *items;

	if (!READ_LIST(arena, list, expiry_fields, struct facts_expiry, "expiries", &items, err))
		return false;
	const struct facts_expiry *all = items;
	for (size_t i = 1; i < count; i++) {
		int order = strcmp(all[i - 1].what, all[i].what);
		if (order > 0 || (order == 0 && all[i - 1].at >= all[i].at))
			return unsorted("expiries", i, err);
	}
	out->expiries = all;
	out->expiry_count = count;
	return true;
}

static bool read_campaign(struct arena *arena, const struct raw_facts *raw, struct facts *out,
			  struct err *err)
{
	struct facts_campaign campaign;
	struct facts_release_verdict verdict;

	if (raw->campaign) {
		if (!READ(arena, raw->campaign, campaign_fields, &campaign, err)) {
			err_prefix(err, "campaign");
			return false;
		}
		if (!drawn(campaign.id, "campaign", err))
			return false;
		out->campaign = arena_copy(arena, &campaign, sizeof(campaign));
	}
	if (raw->release_verdict) {
		if (!READ(arena, raw->release_verdict, verdict_fields, &verdict, err)) {
			err_prefix(err, "release_verdict");
			return false;
		}
		out->release_verdict = arena_copy(arena, &verdict, sizeof(verdict));
	}
	return true;
}

static bool fits_gate(const struct facts *facts, struct err *err)
{
	if (!facts_same(facts->subject.kind, facts->gate))
		return err_fail(err, E_FACTS, "The subject of gate %s must be a %s", facts->gate,
				facts->gate);
	if (facts_same(facts->gate, "release")) {
		if (facts->campaign || facts->release_verdict)
			return err_fail(err, E_FACTS,
					"Facts for a release gate hold no campaign and no verdict");
		return facts_same(facts->subject.id, facts->release.id) ||
		       err_fail(err, E_FACTS, "The subject is not the release described");
	}
	if (!facts->campaign)
		return err_fail(err, E_FACTS,
				"Facts for a campaign gate must describe the campaign");
	return facts_same(facts->subject.id, facts->campaign->id) ||
	       err_fail(err, E_FACTS, "The subject is not the campaign described");
}

const struct facts_person *facts_person_find(const struct facts *facts, const char *person)
{
	for (size_t i = 0; i < facts->person_count; i++) {
		if (facts_same(facts->people[i].person, person))
			return &facts->people[i];
	}
	return NULL;
}

bool facts_person_holds(const struct facts_person *person, const char *role)
{
	for (size_t i = 0; i < person->role_count; i++) {
		if (facts_same(person->roles[i], role))
			return true;
	}
	return false;
}
