/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How does the keeper put down what it gathered, so that the same facts have the same bytes? Lists
 * are sorted, exact repeats dropped where a list is a set, and what comes out is read again by
 * facts_read: what policy would refuse is never written.
 */

#include "policy/facts.h"

#include "common/text.h"

#include <stdlib.h>

typedef int compare_fn(const void *a, const void *b);

/* A sorted copy; with `once` also without items that compare as equal to the one before. */
static const void *sorted(struct arena *arena, const void *items, size_t *count, size_t item_bytes,
			  compare_fn *compare, bool once)
{
	size_t kept = 0;

	if (*count == 0)
		return NULL;
	char *copy = arena_copy(arena, items, *count * item_bytes);
	qsort(copy, *count, item_bytes, compare);
	for (size_t i = 0; i < *count; i++) {
		if (once && i > 0 &&
		    compare(copy + (kept - 1) * item_bytes, copy + i * item_bytes) == 0)
			continue;
		if (kept != i)
			memcpy(copy + kept * item_bytes, copy + i * item_bytes, item_bytes);
		kept++;
	}
	*count = kept;
	return copy;
}

static int by_number(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_artifact(const void *a, const void *b)
{
	const struct facts_artifact *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int by_record(const void *a, const void *b)
{
	const struct facts_record *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	return order ? order : by_number(x->version, y->version);
}

static int by_contribution(const void *a, const void *b)
{
	const struct facts_contribution *x = a, *y = b;
	int order = strcmp(x->person, y->person);
	return order ? order : strcmp(x->kind, y->kind);
}

static int by_person(const void *a, const void *b)
{
	const struct facts_person *x = a, *y = b;
	return strcmp(x->person, y->person);
}

static int by_signature(const void *a, const void *b)
{
	const struct facts_signature *x = a, *y = b;
	return strcmp(x->id, y->id);
}

static int by_expiry(const void *a, const void *b)
{
	const struct facts_expiry *x = a, *y = b;
	int order = strcmp(x->what, y->what);
	return order ? order : by_number(x->at, y->at);
}

static struct doc *text_list(struct arena *arena, const char *const *texts, size_t count)
{
	struct doc *list = doc_array(arena);
	const char *const *all = sorted(arena, texts, &count, sizeof(*texts), by_text, true);

	for (size_t i = 0; i < count; i++)
		doc_add_text(list, all[i]);
	return list;
}

static struct doc *object_doc(struct arena *arena, const struct facts_object *object)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "kind", object->kind);
	doc_set_text(doc, "id", object->id);
	return doc;
}

static struct doc *product_doc(struct arena *arena, const struct facts_product *product)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "id", product->id);
	doc_set(doc, "rulesets", text_list(arena, product->rulesets, product->ruleset_count));
	return doc;
}

static struct doc *release_doc(struct arena *arena, const struct facts_release *release)
{
	struct doc *doc = doc_object(arena);
	struct doc *list = doc_array(arena);
	size_t count = release->artifact_count;
	const struct facts_artifact *artifacts =
		sorted(arena, release->artifacts, &count, sizeof(*artifacts), by_artifact, false);

	for (size_t i = 0; i < count; i++) {
		struct doc *item = doc_object(arena);
		doc_set_text(item, "name", artifacts[i].name);
		doc_set_text(item, "sha256", artifacts[i].sha256.text);
		doc_set_int(item, "size_bytes", artifacts[i].size_bytes);
		doc_add(list, item);
	}
	doc_set_text(doc, "id", release->id);
	doc_set_text(doc, "version", release->version);
	doc_set_int(doc, "sequence", release->sequence);
	doc_set_text(doc, "manifest_sha256", release->manifest_sha256.text);
	doc_set_text(doc, "content_sha256", release->content_sha256.text);
	doc_set_bool(doc, "withdrawn", release->withdrawn);
	doc_set(doc, "artifacts", list);
	return doc;
}

static struct doc *author_doc(struct arena *arena, const struct facts_author *author)
{
	struct doc *doc = doc_object(arena);
	doc_set_bool(doc, "valid", author->valid);
	doc_set_text(doc, "key_id", author->key_id.text);
	doc_set_text(doc, "person", author->person);
	/* Often the words of a library. */
	doc_set_text(doc, "why", text_printable(arena, bytes_of_text(author->why), FACTS_WHY_MAX));
	return doc;
}

static bool record_list(struct arena *arena, const struct facts *facts, struct doc **out,
			struct err *err)
{
	struct doc *list = doc_array(arena);
	size_t count = facts->record_count;
	const struct facts_record *all =
		sorted(arena, facts->records, &count, sizeof(*all), by_record, false);

	for (size_t i = 0; i < count; i++) {
		const struct doc *document;
		if (!doc_parse_signed(arena, all[i].document, "countersign.record.v1", &document,
				      err)) {
			err_prefix(err, "record %s", all[i].id);
			return false;
		}
		struct doc *item = doc_object(arena);
		doc_set_text(item, "id", all[i].id);
		doc_set_int(item, "version", all[i].version);
		doc_set_text(item, "kind", all[i].kind);
		doc_set_text(item, "sha256", all[i].sha256.text);
		doc_set_bool(item, "current", all[i].current);
		doc_set(item, "document", document);
		doc_add(list, item);
	}
	*out = list;
	return true;
}

static struct doc *contribution_list(struct arena *arena, const struct facts *facts)
{
	struct doc *list = doc_array(arena);
	size_t count = facts->contribution_count;
	const struct facts_contribution *all =
		sorted(arena, facts->contributions, &count, sizeof(*all), by_contribution, true);

	for (size_t i = 0; i < count; i++) {
		struct doc *item = doc_object(arena);
		doc_set_text(item, "person", all[i].person);
		doc_set_text(item, "kind", all[i].kind);
		doc_add(list, item);
	}
	return list;
}

static struct doc *person_list(struct arena *arena, const struct facts *facts)
{
	struct doc *list = doc_array(arena);
	size_t count = facts->person_count;
	const struct facts_person *all =
		sorted(arena, facts->people, &count, sizeof(*all), by_person, false);

	for (size_t i = 0; i < count; i++) {
		struct doc *item = doc_object(arena);
		doc_set_text(item, "person", all[i].person);
		doc_set_bool(item, "active", all[i].active);
		doc_set(item, "roles", text_list(arena, all[i].roles, all[i].role_count));
		doc_add(list, item);
	}
	return list;
}

static struct doc *signature_list(struct arena *arena, const struct facts *facts)
{
	struct doc *list = doc_array(arena);
	size_t count = facts->signature_count;
	const struct facts_signature *all =
		sorted(arena, facts->signatures, &count, sizeof(*all), by_signature, false);

	for (size_t i = 0; i < count; i++) {
		struct doc *item = doc_object(arena);
		doc_set_text(item, "id", all[i].id);
		doc_set_text(item, "person", all[i].person);
		doc_set_text(item, "meaning", all[i].meaning);
		doc_set_text(item, "strength", all[i].strength);
		doc_set(item, "object", object_doc(arena, &all[i].object));
		doc_set_text(item, "sha256", all[i].sha256.text);
		doc_set_bool(item, "current", all[i].current);
		doc_set_time(item, "signed_at", all[i].signed_at);
		doc_add(list, item);
	}
	return list;
}

static struct doc *campaign_doc(struct arena *arena, const struct facts_campaign *campaign)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "id", campaign->id);
	doc_set_text(doc, "plan_sha256", campaign->plan_sha256.text);
	doc_set_bool(doc, "held", campaign->held);
	doc_set_bool(doc, "ended", campaign->ended);
	doc_set_time(doc, "not_before", campaign->not_before);
	doc_set_time(doc, "not_after", campaign->not_after);
	doc_set_int(doc, "targets", campaign->targets);
	return doc;
}

static struct doc *release_verdict_doc(struct arena *arena,
				       const struct facts_release_verdict *verdict)
{
	struct doc *doc = doc_object(arena);
	doc_set_text(doc, "sha256", verdict->sha256.text);
	doc_set_bool(doc, "open", verdict->open);
	doc_set_time(doc, "valid_until", verdict->valid_until);
	return doc;
}

static struct doc *expiry_list(struct arena *arena, const struct facts *facts)
{
	struct doc *list = doc_array(arena);
	size_t count = facts->expiry_count;
	const struct facts_expiry *all =
		sorted(arena, facts->expiries, &count, sizeof(*all), by_expiry, true);

	for (size_t i = 0; i < count; i++) {
		struct doc *item = doc_object(arena);
		doc_set_text(item, "what", all[i].what);
		doc_set_time(item, "at", all[i].at);
		doc_add(list, item);
	}
	return list;
}

bool facts_write(struct arena *arena, const struct facts *facts, struct bytes *out, struct err *err)
{
	struct doc *doc = doc_object(arena);
	struct doc *records;
	struct facts again;
	struct bytes bytes;

	if (!record_list(arena, facts, &records, err))
		return false;
	doc_set_text(doc, "type", "countersign.facts.v1");
	doc_set_text(doc, "gate", facts->gate);
	doc_set_time(doc, "as_of", facts->as_of);
	doc_set(doc, "subject", object_doc(arena, &facts->subject));
	doc_set(doc, "product", product_doc(arena, &facts->product));
	doc_set(doc, "release", release_doc(arena, &facts->release));
	doc_set(doc, "author", author_doc(arena, &facts->author));
	doc_set(doc, "records", records);
	doc_set(doc, "contributions", contribution_list(arena, facts));
	doc_set(doc, "people", person_list(arena, facts));
	doc_set(doc, "signatures", signature_list(arena, facts));
	doc_set(doc, "expiries", expiry_list(arena, facts));
	if (facts->campaign)
		doc_set(doc, "campaign", campaign_doc(arena, facts->campaign));
	if (facts->release_verdict)
		doc_set(doc, "release_verdict", release_verdict_doc(arena, facts->release_verdict));
	if (!doc_canonical(arena, doc, &bytes, err) || !facts_read(arena, bytes, &again, err))
		return false;
	*out = bytes;
	return true;
}
