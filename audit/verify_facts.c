/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would anybody who looked at the ledger then have decided the same? Each verdict is decided again
 * from its facts, and each fact is looked up: what helps must stand in the ledger before the
 * verdict, what counts against must not be left out.
 */

#include "audit/verify_internal.h"

#include "common/wire/content.h"
#include "policy/decide.h"

#include <string.h>

enum { RULESETS_MAX = 64 };

struct judging {
	struct verify *verify;
	const char *path; /* of the facts */
	struct facts facts;
	struct bytes bytes;
	struct sha256_hex facts_sha256, verdict_sha256;
	struct bytes verdict;
	const struct doc *verdict_doc;
	struct verify_release *release;
	struct verify_campaign *campaign; /* NULL: gate release */
	/* rulesets in force then, as the verdict used them */
	struct bytes rulesets[RULESETS_MAX];
	struct content_ruleset names[RULESETS_MAX];
	size_t ruleset_count;
};

/* One sentence per fact that the ledger does not back. */
#define unbacked(at, ...) verify_find((at)->verify, VERIFY_TAMPERED, (at)->path, __VA_ARGS__)

/* ---- product and rulesets ---- */

static bool same_rulesets(const struct facts_product *facts, const struct verify_product *product)
{
	if (facts->ruleset_count != product->rulesets.count)
		return false;
	for (size_t i = 0; i < facts->ruleset_count; i++) {
		if (!text_list_holds(&product->rulesets, facts->rulesets[i]))
			return false;
	}
	return true;
}

static void check_product(struct judging *at)
{
	const struct verify_product *product =
		names_find(at->verify->products, at->facts.product.id);

	if (strcmp(at->facts.product.id, at->release->product) != 0)
		unbacked(at, "the facts name another product than the release has");
	while (product && !same_rulesets(&at->facts.product, product))
		product = product->before;
	if (!product || !verify_lives(at->verify, &product->life))
		unbacked(at, "the directory did not give the product these rulesets then");
}

/* The digest that the verdict says it used; NULL: none of this name. */
static const char *used_ruleset(const struct judging *at, const char *name)
{
	const struct doc *list = doc_get(at->verdict_doc, "rulesets");

	for (size_t i = 0; i < doc_size(list); i++) {
		const char *one = doc_get_text(doc_at(list, i), "name");
		if (one && strcmp(one, name) == 0)
			return doc_get_text(doc_at(list, i), "sha256");
	}
	return NULL;
}

/* The adoption in force then: the newest, or the one that it had just replaced if that was used. */
static const struct verify_ruleset *in_force(const struct judging *at, const char *name)
{
	const struct verify_ruleset *newest = names_find(at->verify->rulesets, name);
	const char *used = used_ruleset(at, name);

	if (newest && !used && !verify_settled(at->verify, newest->life.since_at))
		return NULL;
	for (const struct verify_ruleset *one = newest; used && one; one = one->before) {
		if (strcmp(one->sha256.text, used) == 0 && verify_lives(at->verify, &one->life))
			return one;
	}
	return newest;
}

static bool take_rulesets(struct judging *at)
{
	for (size_t i = 0; i < at->facts.product.ruleset_count && i < RULESETS_MAX; i++) {
		const char *name = at->facts.product.rulesets[i];
		const struct verify_ruleset *ruleset = in_force(at, name);
		if (!ruleset)
			continue;
		if (!verify_document(at->verify, ruleset->sha256.text,
				     &at->rulesets[at->ruleset_count]))
			return false;
		at->names[at->ruleset_count++] =
			(struct content_ruleset){.name = name, .sha256 = ruleset->sha256};
	}
	return true;
}

/* ---- deciding again ---- */

static void check_event(struct judging *at, const struct policy_verdict *verdict)
{
	struct verify *verify = at->verify;
	const struct doc *data = verify->view->event.data;
	const char *valid_until = verify_text_of(verify, "valid_until");

	if (doc_bool(doc_get(data, "open"), !verdict->open) != verdict->open ||
	    strcmp(valid_until, clock_format(verdict->valid_until).text) != 0 ||
	    strcmp(verify_text_of(verify, "gate"), at->facts.gate) != 0)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "it says another outcome than its verdict");
	if (at->facts.as_of != verify->view->at)
		unbacked(at, "the facts are of another time than the verdict's event");
}

static bool decide_again(struct judging *at, struct policy_verdict *verdict)
{
	struct verify *verify = at->verify;
	const char *path = package_document_path(verify->work, at->verdict_sha256.text);
	struct err why = {0};

	if (!policy_decide(verify->work, at->bytes, at->rulesets, at->ruleset_count, verdict, &why))
		return verify_tampered(verify, path, "it cannot be decided again: %s", why.text);
	if (!bytes_equal(verdict->document, at->verdict))
		return verify_tampered(verify, path,
				       "the same facts and the rulesets in force then give "
				       "another verdict");
	return true;
}

/* ---- the release ---- */

static bool same_artifacts(const struct facts_release *facts, const struct verify_release *release)
{
	if (facts->artifact_count != release->artifact_count)
		return false;
	for (size_t i = 0; i < facts->artifact_count; i++) {
		bool found = false;
		for (size_t k = 0; k < release->artifact_count; k++)
			found = found || (strcmp(facts->artifacts[i].name,
						 release->artifacts[k].name) == 0 &&
					  strcmp(facts->artifacts[i].sha256.text,
						 release->artifacts[k].sha256.text) == 0 &&
					  facts->artifacts[i].size_bytes ==
						  release->artifacts[k].size_bytes);
		if (!found)
			return false;
	}
	return true;
}

static void check_release(struct judging *at)
{
	const struct facts_release *facts = &at->facts.release;
	const struct verify_release *release = at->release;

	if (strcmp(facts->version, release->version) != 0 || facts->sequence != release->sequence ||
	    strcmp(facts->manifest_sha256.text, release->manifest_sha256.text) != 0 ||
	    !same_artifacts(facts, release))
		unbacked(at, "the facts say of the release what its manifest does not");
	if (!facts->withdrawn && verify_over(at->verify, &release->life))
		unbacked(at, "the facts leave out that the release was withdrawn");
}

/* What an approval covers, made again from the facts and the rulesets. */
static void check_content(struct judging *at)
{
	const struct facts *facts = &at->facts;
	struct arena *work = at->verify->work;
	struct content_record *records =
		arena_array(work, facts->record_count + 1, sizeof(*records));
	struct content content = {
		.release = facts->release.id,
		.product = facts->product.id,
		.version = facts->release.version,
		.sequence = facts->release.sequence,
		.manifest_sha256 = facts->release.manifest_sha256,
		.author_cms_sha256 = at->release->author_cms_sha256,
		.records = records,
		.rulesets = at->names,
		.ruleset_count = at->ruleset_count,
	};
	struct bytes document;
	struct err none = {0};

	for (size_t i = 0; i < facts->record_count; i++) {
		const struct facts_record *record = &facts->records[i];
		if (record->current)
			records[content.record_count++] =
				(struct content_record){.id = record->id,
							.version = record->version,
							.kind = record->kind,
							.sha256 = record->sha256};
	}
	if (!content_write(work, &content, &document, &none) ||
	    strcmp(digest_sha256_hex(document).text, facts->release.content_sha256.text) != 0)
		unbacked(at, "the facts name another content of the release than the records and "
			     "rulesets make");
}

/* ---- the author ---- */

static bool expires_by(const struct facts *facts, clock_us at)
{
	for (size_t i = 0; i < facts->expiry_count; i++) {
		if (facts->expiries[i].at <= at)
			return true;
	}
	return false;
}

/* The author's signature at the time of the verdict; said to be invalid it only closes. */
static void check_author(struct judging *at)
{
	const struct facts_author *author = &at->facts.author;
	const struct verify_release *release = at->release;
	struct verify *verify = at->verify;
	const char *path = package_signature_path(verify->work, release->manifest_sha256.text,
						  "author", release->author_key_id.text);
	const struct trust_entry *entry;
	struct sign_cert signer;
	struct bytes manifest, cms;
	struct err why = {0};

	if (!author->valid)
		return;
	if (!verify_document(verify, release->manifest_sha256.text, &manifest) ||
	    !verify_listed_file(verify, path, VERIFY_CMS_MAX, &cms))
		return;
	if (!sign_cms_check(verify->work, cms, manifest, SIGN_AUTHOR, at->facts.as_of, &signer,
			    &why) ||
	    !verify_trust_key(verify, TRUST_AUTHOR, &signer.key_id, release->product, &entry,
			      &why)) {
		unbacked(at, "the facts call the author's signature valid: %s", why.text);
		return;
	}
	if (strcmp(signer.key_id.text, author->key_id.text) != 0 ||
	    strcmp(entry->person ? entry->person : "", author->person ? author->person : "") != 0)
		unbacked(at, "the facts name another author than the trust document");
	if (!expires_by(&at->facts, signer.not_after) || !expires_by(&at->facts, entry->not_after))
		unbacked(at, "the facts leave out when the author's key ends");
}

static void check_trust_end(struct judging *at)
{
	const struct verify *verify = at->verify;

	if (verify->trust && !expires_by(&at->facts, verify->trust->expires_at) &&
	    verify_settled(verify, verify->trust_at))
		unbacked(at, "the facts leave out when the trust document ends");
}

/* ---- records ---- */

static const struct facts_record *fact_of(const struct judging *at, const char *id, int64_t version)
{
	for (size_t i = 0; i < at->facts.record_count; i++) {
		const struct facts_record *record = &at->facts.records[i];
		if (record->version == version && strcmp(record->id, id) == 0)
			return record;
	}
	return NULL;
}

static const struct verify_version *version_of(const struct judging *at,
					       const struct facts_record *fact)
{
	const struct verify_record *record = names_find(at->verify->records, fact->id);
	const struct verify_version *version = record ? record->newest : NULL;

	while (version && version->version != fact->version)
		version = version->before;
	return record && record->release == at->release ? version : NULL;
}

static void check_records(struct judging *at)
{
	for (size_t i = 0; i < at->facts.record_count; i++) {
		const struct facts_record *fact = &at->facts.records[i];
		const struct verify_version *version = version_of(at, fact);
		if (!version || strcmp(version->sha256.text, fact->sha256.text) != 0 ||
		    strcmp(version->kind, fact->kind) != 0)
			unbacked(at,
				 "the ledger has no version %lld of record %.36s with these "
				 "bytes",
				 (long long)fact->version, fact->id);
		else if (fact->current && !verify_lives(at->verify, &version->life))
			unbacked(at, "the facts call an older version of record %.36s current",
				 fact->id);
	}
	for (const struct verify_record *record = at->release->records; record;
	     record = record->next) {
		for (const struct verify_version *version = record->newest; version;
		     version = version->before) {
			if (verify_settled(at->verify, version->life.since_at) &&
			    !fact_of(at, record->id, version->version))
				unbacked(at, "the facts leave out version %lld of record %.36s",
					 (long long)version->version, record->id);
		}
	}
}

/* ---- contributions: they only count against ---- */

static void demand_contribution(struct judging *at, const char *person, const char *kind)
{
	if (!id_name_valid(person, ID_NAME_MAX))
		return;
	for (size_t i = 0; i < at->facts.contribution_count; i++) {
		const struct facts_contribution *one = &at->facts.contributions[i];
		if (strcmp(one->person, person) == 0 && strcmp(one->kind, kind) == 0)
			return;
	}
	unbacked(at, "the facts leave out that %.64s contributed (%s)", person, kind);
}

static void demand_all(struct judging *at, const struct verify_contribution *list, const char *kind)
{
	for (; list; list = list->next) {
		if (verify_settled(at->verify, list->at))
			demand_contribution(at, list->person, kind);
	}
}

static void check_contributions(struct judging *at)
{
	if (at->facts.author.valid && at->facts.author.person)
		demand_contribution(at, at->facts.author.person, "author");
	for (size_t i = 0; i < at->facts.record_count; i++) {
		const struct verify_version *version = version_of(at, &at->facts.records[i]);
		if (!version)
			continue;
		demand_contribution(at, version->added_by, "record");
		demand_contribution(at, version->tester, "record");
	}
	demand_all(at, names_find(at->verify->drafts, at->release->id), "draft");
	for (size_t i = 0; i < at->release->artifact_count; i++)
		demand_all(at,
			   names_find(at->verify->uploads, at->release->artifacts[i].sha256.text),
			   "upload");
}

/* ---- people and signatures ---- */

static void check_people(struct judging *at)
{
	for (size_t i = 0; i < at->facts.person_count; i++) {
		const struct facts_person *fact = &at->facts.people[i];
		const struct verify_person *person = names_find(at->verify->persons, fact->person);
		if (!person) {
			unbacked(at, "the directory had no person %.64s then", fact->person);
			continue;
		}
		if (fact->active && !verify_lives(at->verify, &person->life))
			unbacked(at, "the facts call %.64s active, who had left", fact->person);
		for (size_t r = 0; r < fact->role_count; r++) {
			if (!verify_holds_role(at->verify, person, fact->roles[r],
					       at->facts.product.id))
				unbacked(at,
					 "%.64s did not hold the role %.40s for the product "
					 "then",
					 fact->person, fact->roles[r]);
		}
	}
}

static bool present(const struct judging *at, const struct facts_signature *fact)
{
	const struct facts *facts = &at->facts;

	if (strcmp(fact->object.kind, "release") == 0)
		return strcmp(fact->sha256.text, facts->release.content_sha256.text) == 0;
	if (strcmp(fact->object.kind, "campaign") == 0)
		return facts->campaign && strcmp(fact->meaning, "released") == 0 &&
		       strcmp(fact->sha256.text, facts->campaign->plan_sha256.text) == 0;
	for (size_t i = 0; i < facts->record_count; i++) {
		if (facts->records[i].current && strcmp(facts->records[i].id, fact->object.id) == 0)
			return strcmp(facts->records[i].sha256.text, fact->sha256.text) == 0;
	}
	return false;
}

static void check_signatures(struct judging *at)
{
	for (size_t i = 0; i < at->facts.signature_count; i++) {
		const struct facts_signature *fact = &at->facts.signatures[i];
		const struct verify_signature *given = names_find(at->verify->signatures, fact->id);
		if (!given || strcmp(given->person, fact->person) != 0 ||
		    strcmp(given->meaning, fact->meaning) != 0 ||
		    strcmp(given->strength, fact->strength) != 0 ||
		    strcmp(given->object_kind, fact->object.kind) != 0 ||
		    strcmp(given->object_id, fact->object.id) != 0 ||
		    strcmp(given->sha256.text, fact->sha256.text) != 0 ||
		    given->at != fact->signed_at)
			unbacked(at, "the ledger has no such signature of %.64s (%.36s)",
				 fact->person, fact->id);
		if (fact->current && !present(at, fact))
			unbacked(at,
				 "the facts call the signature %.36s current, and its object "
				 "has changed",
				 fact->id);
	}
}

/* ---- the campaign ---- */

static void check_campaign(struct judging *at)
{
	const struct facts_campaign *fact = at->facts.campaign;
	const struct verify_campaign *campaign = at->campaign;

	if (strcmp(fact->id, campaign->id) != 0 ||
	    strcmp(fact->plan_sha256.text, campaign->plan_sha256.text) != 0 ||
	    fact->not_before != campaign->not_before || fact->not_after != campaign->not_after ||
	    fact->targets != campaign->targets)
		unbacked(at, "the facts say of the campaign what its plan does not");
	if (!fact->held &&
	    verify_held(at->verify, campaign, at->verify->view->at - VERIFY_SETTLE) > 0)
		unbacked(at, "the facts leave out that the campaign was held");
	if (!fact->ended && verify_over(at->verify, &campaign->life))
		unbacked(at, "the facts leave out that the campaign had ended");
}

static void check_release_verdict(struct judging *at)
{
	const struct facts_release_verdict *fact = at->facts.release_verdict;
	const struct verify_verdict *verdict;

	if (!fact)
		return;
	verdict = names_find(at->verify->verdicts, fact->sha256.text);
	if (!verdict || strcmp(verdict->gate, "release") != 0 ||
	    strcmp(verdict->subject, at->release->id) != 0 || verdict->open != fact->open ||
	    verdict->valid_until != fact->valid_until || !verify_lives(at->verify, &verdict->life))
		unbacked(at, "the facts rest on a release verdict that was not the newest one");
}

/* ---- one verdict ---- */

static bool find_subject(struct judging *at)
{
	struct verify *verify = at->verify;
	bool campaign = strcmp(at->facts.gate, "campaign") == 0;
	const char *subject = verify_stream_of(verify, campaign ? STREAM_CAMPAIGN : STREAM_RELEASE);

	if (strcmp(subject, at->facts.subject.id) != 0)
		return verify_tampered(verify, at->path,
				       "the facts are about another object than the event");
	if (campaign) {
		at->campaign = verify_campaign_get(verify, subject);
		if (!at->campaign)
			return false;
	}
	at->release = names_find(verify->releases, at->facts.release.id);
	if (!at->release || (campaign && at->campaign->release != at->release))
		return verify_tampered(verify, at->path,
				       "the facts are about a release that was not sealed, or is "
				       "another than the campaign's");
	return true;
}

static bool open_verdict(struct judging *at)
{
	struct verify *verify = at->verify;
	struct err why = {0};

	if (!verify_sha256_of(verify, "facts_sha256", &at->facts_sha256) ||
	    !verify_sha256_of(verify, "sha256", &at->verdict_sha256) ||
	    !verify_document(verify, at->facts_sha256.text, &at->bytes) ||
	    !verify_document(verify, at->verdict_sha256.text, &at->verdict))
		return false;
	at->path = package_document_path(verify->work, at->facts_sha256.text);
	if (!facts_read(verify->work, at->bytes, &at->facts, &why))
		return verify_tampered(verify, at->path, "these are no facts: %s", why.text);
	if (!doc_parse_signed(verify->work, at->verdict, "countersign.verdict.v1", &at->verdict_doc,
			      &why))
		return verify_tampered(verify,
				       package_document_path(verify->work, at->verdict_sha256.text),
				       "it is no verdict: %s", why.text);
	return find_subject(at);
}

static void keep_verdict(struct judging *at, const struct policy_verdict *decided)
{
	struct verify *verify = at->verify;
	struct verify_verdict *verdict = arena_alloc(verify->arena, sizeof(*verdict));
	struct verify_verdict **newest =
		at->campaign ? &at->campaign->verdict : &at->release->verdict;

	*verdict = (struct verify_verdict){
		.sha256 = at->verdict_sha256,
		.gate = at->campaign ? "campaign" : "release",
		.subject = at->campaign ? at->campaign->id : at->release->id,
		.open = decided->open,
		.valid_until = decided->valid_until,
	};
	verify_begin(verify, &verdict->life);
	if (*newest)
		verify_end(verify, &(*newest)->life);
	*newest = verdict;
	if (names_find(verify->verdicts, verdict->sha256.text))
		verify_find(verify, VERIFY_TAMPERED, NULL, "this verdict was given before");
	names_put(verify->verdicts, verdict->sha256.text, verdict);
}

void verify_verdict_given(struct verify *verify)
{
	struct judging *at = arena_alloc(verify->work, sizeof(*at));
	struct policy_verdict decided;

	at->verify = verify;
	if (!open_verdict(at) || !take_rulesets(at) || !decide_again(at, &decided))
		return;
	check_event(at, &decided);
	check_product(at);
	check_release(at);
	check_content(at);
	check_author(at);
	check_trust_end(at);
	check_records(at);
	check_contributions(at);
	check_people(at);
	check_signatures(at);
	if (at->campaign) {
		check_campaign(at);
		check_release_verdict(at);
	}
	keep_verdict(at, &decided);
	verify_counted(verify, COUNT_VERDICTS);
}
