/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is each golden document read, and written with the same bytes? Is each way of leaving out, adding
 * or retyping one member, anywhere in it, refused: but for exactly those that the format allows?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/file.h"
#include "common/wire/content.h"
#include "common/wire/directory.h"
#include "common/wire/keeper.h"
#include "common/wire/manifest.h"
#include "common/wire/papers.h"
#include "common/wire/permit.h"
#include "common/wire/plan.h"
#include "common/wire/proof.h"
#include "common/wire/record.h"
#include "common/wire/statement.h"
#include "common/wire/target.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024, FILE_MAX = 64 * 1024, PLACE_BYTES = 200 };

/* Reads and writes again. */
typedef bool (*round_trip)(struct arena *arena, struct bytes bytes, struct bytes *out,
			   struct err *err);

#define ROUND_TRIP(name, tag)                                                                \
	static bool round_##name(struct arena *arena, struct bytes bytes, struct bytes *out, \
				 struct err *err)                                            \
	{                                                                                    \
		struct tag value;                                                            \
		return name##_parse(arena, bytes, &value, err) &&                            \
		       name##_write(arena, &value, out, err);                                \
	}

ROUND_TRIP(manifest, manifest)
ROUND_TRIP(trust, trust)
ROUND_TRIP(record, record)
ROUND_TRIP(content, content)
ROUND_TRIP(plan, plan)
ROUND_TRIP(statement, statement)
ROUND_TRIP(hold, hold)
ROUND_TRIP(directory, directory)
ROUND_TRIP(target, target)
ROUND_TRIP(permit, permit)
ROUND_TRIP(lease, lease)
ROUND_TRIP(envelope, envelope)
ROUND_TRIP(papers, papers)
ROUND_TRIP(proof, proof)
ROUND_TRIP(trust_pin, trust_pin)

static bool round_papers_request(struct arena *arena, struct bytes bytes, struct bytes *out,
				 struct err *err)
{
	const struct doc *doc;
	struct papers_request value;

	return doc_parse(arena, bytes, &doc, err) && papers_request_read(arena, doc, &value, err) &&
	       papers_request_write(arena, &value, out, err);
}

struct golden {
	const char *file;
	round_trip round;
	bool strict; /* canonical bytes only */
	/* Changes that leave a good document, as "drop place", "extra place", "null place". */
	const char *allowed[16];
};

static const struct golden goldens[] = {
	{"manifest", round_manifest, true, {NULL}},
	{"trust",
	 round_trust,
	 true,
	 {"drop .entries[0].person", "drop .floors.example-pump", "extra .floors"}},
	{"record", round_record, true, {NULL}},
	{"release-content", round_content, true, {NULL}},
	{"plan", round_plan, true, {NULL}},
	{"signature", round_statement, true, {NULL}},
	{"hold", round_hold, true, {NULL}},
	{"directory", round_directory, true, {"drop .acts[9].report_key"}},
	{"target", round_target, true, {NULL}},
	{"permit", round_permit, true, {NULL}},
	{"lease", round_lease, true, {NULL}},
	{"envelope", round_envelope, false, {NULL}},
	{"papers-request", round_papers_request, false, {NULL}},
	{"papers", round_papers, true, {"drop .trust"}},
	{"proof", round_proof, true, {NULL}},
	{"pin",
	 round_trust_pin,
	 false,
	 {"drop .slot", "drop .ledger_key", "drop .origin", "drop .last_checkpoint", "drop .scope",
	  "null .slot", "null .ledger_key", "null .origin", "null .last_checkpoint", "null .scope",
	  "drop .scope.campaign", "null .scope.campaign", "retype .scope.campaign",
	  "extra .scope"}},
};
enum { GOLDENS = sizeof(goldens) / sizeof(goldens[0]) };

/* ---- a document with one change ---- */

enum change { DROP, NULLED, RETYPE, EXTRA, CHANGES };
static const char *const change_words[] = {"drop", "null", "retype", "extra"};

struct mutation {
	enum change change;
	size_t target; /* number of the place, counted in the order of the walk */
	size_t seen;
	char place[PLACE_BYTES]; /* where it was, once found */
};

static const struct doc *mutate(struct arena *arena, const struct doc *doc, const char *place,
				struct mutation *mutation);

static const struct doc *retyped(struct arena *arena, const struct doc *doc)
{
	struct doc *wrap = doc_object(arena);

	if (doc_kind(doc) == DOC_KIND_TEXT)
		doc_set_int(wrap, "x", 7);
	else
		doc_set_text(wrap, "x", "7");
	return doc_get(wrap, "x");
}

static void mutate_member(struct arena *arena, const struct doc_pair *pair, const char *place,
			  struct mutation *mutation, struct doc *out)
{
	bool hit = mutation->change != EXTRA && mutation->seen++ == mutation->target;

	if (!hit) {
		doc_set(out, pair->key, mutate(arena, pair->value, place, mutation));
		return;
	}
	snprintf(mutation->place, sizeof(mutation->place), "%s", place);
	if (mutation->change == NULLED)
		doc_set_null(out, pair->key);
	else if (mutation->change == RETYPE)
		doc_set(out, pair->key, retyped(arena, pair->value));
}

static const struct doc *mutate_object(struct arena *arena, const struct doc *doc,
				       const char *place, struct mutation *mutation)
{
	size_t count;
	const struct doc_pair *pairs = doc_members(arena, doc, &count);
	struct doc *out = doc_object(arena);
	bool hit = mutation->change == EXTRA && mutation->seen++ == mutation->target;

	if (hit) {
		snprintf(mutation->place, sizeof(mutation->place), "%s", place);
		doc_set_int(out, "zz", 1);
	}
	for (size_t i = 0; i < count; i++)
		mutate_member(arena, &pairs[i], arena_printf(arena, "%s.%s", place, pairs[i].key),
			      mutation, out);
	return out;
}

static const struct doc *mutate(struct arena *arena, const struct doc *doc, const char *place,
				struct mutation *mutation)
{
	if (doc_kind(doc) == DOC_KIND_OBJECT)
		return mutate_object(arena, doc, place, mutation);
	if (doc_kind(doc) != DOC_KIND_ARRAY)
		return doc;
	struct doc *out = doc_array(arena);
	for (size_t i = 0; i < doc_size(doc); i++)
		doc_add(out, mutate(arena, doc_at(doc, i), arena_printf(arena, "%s[%zu]", place, i),
				    mutation));
	return out;
}

/* ---- tests ---- */

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct bytes golden_bytes(const char *file)
{
	struct bytes bytes;
	struct err err = {0};
	const char *path = arena_printf(arena, "tests/golden/documents/%s.json", file);

	if (!file_read(arena, path, FILE_MAX, &bytes, &err))
		fail_msg("%s: %s", path, err.text);
	return bytes;
}

static void test_golden__is_read_and_written_with_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDENS; i++) {
		struct bytes bytes = golden_bytes(goldens[i].file), again;
		struct err err = {0};

		if (!goldens[i].round(arena, bytes, &again, &err))
			fail_msg("%s: %s", goldens[i].file, err.text);
		if (!bytes_equal(bytes, again))
			fail_msg("%s was written as %.*s", goldens[i].file, (int)again.size,
				 (const char *)again.data);
	}
}

static void test_golden__is_refused_in_any_other_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDENS; i++) {
		struct bytes bytes = golden_bytes(goldens[i].file), again;
		char *text = arena_text_of(arena, bytes);
		const char *const others[] = {
			arena_printf(arena, "%s\n", text),
			arena_printf(arena, " %s", text),
			arena_printf(arena, "{ %s", text + 1),
			arena_printf(arena, "%s%s", text, text),
			arena_printf(arena, "[%s]", text),
			"",
		};
		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
			struct err err = {0};
			bool white = j < 3; /* white space only: taken where no signature is */
			bool taken =
				goldens[i].round(arena, bytes_of_text(others[j]), &again, &err);
			if (taken != (white && !goldens[i].strict))
				fail_msg("%s in form %zu: %s", goldens[i].file, j, err.text);
		}
	}
}

static bool allows(const struct golden *golden, const struct mutation *mutation)
{
	const char *words =
		arena_printf(arena, "%s %s", change_words[mutation->change], mutation->place);
	for (size_t i = 0; golden->allowed[i]; i++) {
		if (strcmp(golden->allowed[i], words) == 0)
			return true;
	}
	return false;
}

/* False when there is no such place. */
static bool try_mutation(const struct golden *golden, const struct doc *doc, enum change change,
			 size_t number, size_t *taken)
{
	struct mutation mutation = {.change = change, .target = number};
	const struct doc *other = mutate(arena, doc, "", &mutation);
	struct bytes bytes, again;
	struct err err = {0};

	if (mutation.seen <= number)
		return false;
	assert_true(doc_canonical(arena, other, &bytes, &err));
	bool ok = golden->round(arena, bytes, &again, &err);
	if (ok != allows(golden, &mutation))
		fail_msg("%s with %s %s was %s %s", golden->file, change_words[change],
			 mutation.place, ok ? "taken" : "refused:", err.text);
	if (!ok && (err.code == E_NONE || err.text[0] == '\0'))
		fail_msg("%s with %s %s was refused without a word", golden->file,
			 change_words[change], mutation.place);
	*taken += ok;
	return true;
}

static void test_golden__is_refused_with_any_one_member_changed(void **state)
{
	(void)state;
	size_t tried = 0;

	for (size_t i = 0; i < GOLDENS; i++) {
		struct err err = {0};
		const struct doc *doc;
		size_t taken = 0, expected = 0;

		arena_reset(arena);
		assert_true(doc_parse(arena, golden_bytes(goldens[i].file), &doc, &err));
		for (int change = 0; change < CHANGES; change++) {
			size_t number = 0;
			while (try_mutation(&goldens[i], doc, (enum change)change, number, &taken))
				number++;
			tried += number;
		}
		while (goldens[i].allowed[expected])
			expected++;
		assert_int_equal(taken, expected);
	}
	assert_true(tried > 900);
}

static void test_golden__digests_fit_together(void **state)
{
	(void)state;
	struct manifest manifest;
	struct permit permit;
	struct papers papers;
	struct lease lease;
	struct err err = {0};

	assert_true(manifest_parse(arena, golden_bytes("manifest"), &manifest, &err));
	assert_true(permit_parse(arena, golden_bytes("permit"), &permit, &err));
	assert_true(papers_parse(arena, golden_bytes("papers"), &papers, &err));
	assert_true(lease_parse(arena, papers.lease.document, &lease, &err));
	assert_string_equal(permit.manifest_sha256.text, digest_sha256_hex(papers.manifest).text);
	assert_string_equal(lease.permit_sha256.text, digest_sha256_hex(papers.permit).text);
	assert_int_equal(permit.sequence, manifest.sequence);
	assert_int_equal(papers.trust_count, 1);
	assert_int_equal(papers.trust[0].cms_count, 2);
	assert_int_equal(papers.target.path_count, 2);
}

static void test_keeper_request_parse__reads_the_golden_request(void **state)
{
	(void)state;
	struct keeper_request request;
	struct err err = {0};
	struct bytes golden = golden_bytes("keeper-login"), again;

	assert_true(keeper_request_parse(arena, golden, &request, &err));
	assert_string_equal(request.verb, "login");
	assert_string_equal(request.request, "r-1");
	struct doc *doc = keeper_request_new(arena, "login", "r-1");
	doc_set_text(doc, "person", "example-qa");
	doc_set_text(doc, "password", "EXAMPLE password");
	doc_set_text(doc, "remote", "192.0.2.7");
	assert_true(keeper_frame_of(arena, doc, &again, &err));
	assert_true(bytes_equal(golden, again));
}

static void test_keeper_reply_parse__reads_the_golden_refusal(void **state)
{
	(void)state;
	const struct doc *doc = NULL;
	struct err err = {0}, given = {0}, none = {0};
	struct bytes golden = golden_bytes("keeper-refusal"), again;

	assert_false(keeper_reply_parse(arena, golden, &doc, &err));
	assert_int_equal(err.code, E_LEDGER_NOT_SEALED);
	assert_string_equal(err.text, "The act is recorded but not sealed yet");
	assert_string_equal(doc_get_text(doc, "event"), "00000000-0000-4000-8000-000000000007");
	err_set(&given, E_LEDGER_NOT_SEALED, "The act is recorded but not sealed yet");
	assert_true(keeper_frame_of(
		arena, keeper_reply_error(arena, &given, "00000000-0000-4000-8000-000000000007"),
		&again, &none));
	assert_true(bytes_equal(golden, again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden__is_read_and_written_with_the_same_bytes),
		cmocka_unit_test(test_golden__is_refused_in_any_other_form),
		cmocka_unit_test(test_golden__is_refused_with_any_one_member_changed),
		cmocka_unit_test(test_golden__digests_fit_together),
		cmocka_unit_test(test_keeper_request_parse__reads_the_golden_request),
		cmocka_unit_test(test_keeper_reply_parse__reads_the_golden_refusal),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
