/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does an auditor take away a package that proves a whole story to somebody who has nothing but the
 * pinned root keys; and does every change of it show that anybody could make who holds no key?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/evidence_story.h"

#include "audit/chain.h"
#include "audit/package.h"
#include "audit/package_seal.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CASE_BYTES = 512 * 1024 * 1024 };

static struct evidence_story story;
static const char *whole;  /* the package as it was fetched */
static const char *spoilt; /* a copy of it, to be changed */

static int begin(void **state)
{
	(void)state;
	evidence_story_open(&story);
	whole = evidence_story_export(&story, "package");
	spoilt = arena_printf(story.in.arena, "%s/spoilt", story.in.dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	evidence_story_close(&story);
	return 0;
}

/* ---- the package as it is ---- */

static void test_export__proves_the_story(void **state)
{
	struct arena *arena = story.in.arena;
	struct verify_report report = evidence_verify(arena, whole, &story.pin);

	(void)state;
	if (verify_exit(&report) != 0)
		fail_msg("%s", verify_text(arena, &report));
	assert_string_equal(verify_word(&report), "OK");
	assert_int_equal(report.finding_count, 0);
	assert_int_equal(report.counts[COUNT_TRUST], 1);
	assert_int_equal(report.counts[COUNT_STATEMENTS], 3);
	assert_int_equal(report.counts[COUNT_RELEASES], 1);
	assert_int_equal(report.counts[COUNT_RECORDS], 1);
	assert_int_equal(report.counts[COUNT_PERSONAL], 1);
	assert_int_equal(report.counts[COUNT_KEEPER_CHECKED], 3);
	assert_true(report.counts[COUNT_VERDICTS] >= 2);
	assert_int_equal(report.counts[COUNT_HOLDS], 1);
	assert_true(report.counts[COUNT_PERMITS] >= 2);
	assert_int_equal(report.counts[COUNT_TARGETS], 3);
	assert_int_equal(report.counts[COUNT_LEASES], 2);
	assert_int_equal(report.counts[COUNT_OFFERS], 2);
	assert_int_equal(report.counts[COUNT_PROOFS], 1);
	assert_int_equal(report.counts[COUNT_CONFIRMED], 1);
	assert_int_equal(report.counts[COUNT_CLAIMED], 1);
	assert_int_equal(report.counts[COUNT_COMMITS], 7);
	assert_true(report.counts[COUNT_REFUSALS] >= 1);
}

static void run_verifier(const char *const arguments[3], int code, const char *words)
{
	const char *programs = getenv("COUNTERSIGN_TEST_PROGRAMS");
	static char output[64 * 1024];
	int found = -1;

	assert_non_null(programs);
	const char *const argv[] = {arena_printf(story.in.arena, "%s/countersign-verify", programs),
				    arguments[0], arguments[0] ? arguments[1] : NULL,
				    arguments[0] && arguments[1] ? arguments[2] : NULL, NULL};
	assert_true(process_run(argv, NULL, &found, output, sizeof(output)));
	if (found != code || !strstr(output, words))
		fail_msg("exit %d, not %d with '%s':\n%s", found, code, words, output);
}

static void test_program__answers_with_its_exit_code(void **state)
{
	const char *pin = story.in.pin;

	(void)state;
	run_verifier((const char *const[]){whole, "--trust", pin}, 0, "OK\n");
	run_verifier((const char *const[]){whole, NULL, NULL}, 2, "CONSISTENT, NOT AUTHENTICATED");
	run_verifier((const char *const[]){whole, "--json", NULL}, 2, "\"findings\": []");
	run_verifier((const char *const[]){"/nonexistent", NULL, NULL}, 3, "is not a folder");
	run_verifier((const char *const[]){NULL, NULL, NULL}, 3, "usage");
	run_verifier((const char *const[]){whole, "--trust", NULL}, 3, "usage");
	run_verifier((const char *const[]){whole, "--trust", whole}, 3, "countersign-verify: ");
	run_verifier((const char *const[]){"--help", NULL, NULL}, 0, "usage");
}

/* A second export holds the first: only what had to grow is another file. */
static void test_export__is_the_same_bytes_again(void **state)
{
	struct arena *arena = arena_new(CASE_BYTES);
	const char *second = evidence_story_export(&story, "second");
	size_t count;
	const char *const *paths = evidence_list(arena, whole, &count);

	(void)state;
	evidence_expect_ok(second, &story.pin);
	for (size_t i = 0; i < count; i++) {
		bool grows = strncmp(paths[i], "seal/", 5) == 0 ||
			     strcmp(paths[i], "manifest.json") == 0 ||
			     strcmp(paths[i], "content/checkpoint") == 0 ||
			     strncmp(paths[i], "content/events/", 15) == 0;
		struct bytes first = evidence_file_get(arena, whole, paths[i]);
		if (!grows && !bytes_equal(first, evidence_file_get(arena, second, paths[i])))
			fail_msg("%s is another file in the second export", paths[i]);
	}
	arena_free(arena);
}

static void test_export__holds_a_git_repository(void **state)
{
	static char output[64 * 1024];
	const char *dir = arena_printf(story.in.arena, "--git-dir=%s/content/git", whole);
	const char *const log[] = {"git", dir, "log", "--all", "--format=%s", NULL};
	const char *const fsck[] = {"git", dir, "fsck", "--strict", "--full", NULL};
	int code = -1;

	(void)state;
	assert_true(process_run(log, NULL, &code, output, sizeof(output)));
	if (code != 0 || !strstr(output, "sealed") || !strstr(output, "ruleset baseline adopted"))
		fail_msg("git log: %s", output);
	assert_true(process_run(fsck, NULL, &code, output, sizeof(output)));
	if (code != 0)
		fail_msg("git fsck: %s", output);
}

static void test_export__is_for_auditors_and_by_known_digests(void **state)
{
	const char *none = "00000000-0000-4000-8000-000000000000";
	const char *path = arena_printf(story.in.arena, "/v1/exports/%s/files/%064d", none, 0);
	struct doc *body = doc_object(story.in.arena);

	(void)state;
	doc_set_text(body, "scope", "all");
	installation_refused(&story.in, story.in.people[QA].token, "POST", "/v1/exports", body, 403,
			     "access.denied");
	installation_refused(&story.in, NULL, "POST", "/v1/exports", body, 401,
			     "access.unidentified");
	installation_refused(&story.in, story.in.people[AUDITOR].token, "GET", path, NULL, 404,
			     "export.unknown");
	doc_set_text(body, "scope", "some");
	installation_refused(&story.in, story.in.people[AUDITOR].token, "POST", "/v1/exports", body,
			     400, "document.field");
}

/* ---- files ---- */

/* Anything but OK, and this file is named. */
static void expect_named(const char *path)
{
	struct arena *arena = arena_new(CASE_BYTES);
	struct verify_report report = evidence_verify(arena, spoilt, &story.pin);
	bool named = false;

	for (size_t i = 0; i < report.finding_count; i++)
		named = named ||
			(report.findings[i].grade != VERIFY_NOTE && report.findings[i].file &&
			 strcmp(report.findings[i].file, path) == 0);
	if (!named || (verify_exit(&report) != 1 && verify_exit(&report) != 2))
		fail_msg("a change of %s is not told:\n%s", path, verify_text(arena, &report));
	arena_free(arena);
}

/* Also with the manifest made to fit: then the seal names the manifest, or the part itself. */
static void expect_caught(void)
{
	struct arena *arena = arena_new(CASE_BYTES);

	evidence_fit_manifest(spoilt);
	struct verify_report report = evidence_verify(arena, spoilt, &story.pin);
	if (verify_exit(&report) == 0)
		fail_msg("a change with a fitting manifest is not told");
	arena_free(arena);
	evidence_file_put(spoilt, "manifest.json",
			  evidence_file_get(story.in.arena, whole, "manifest.json"));
}

static void change_byte(struct arena *arena, const char *path, size_t at, bool manifest_too)
{
	struct bytes old = evidence_file_get(arena, whole, path);
	unsigned char *changed = arena_copy(arena, old.data, old.size);

	changed[at] ^= 1;
	evidence_file_put(spoilt, path, bytes_of(changed, old.size));
	expect_named(path);
	if (manifest_too && strncmp(path, "content/", 8) == 0)
		expect_caught();
	evidence_file_put(spoilt, path, old);
}

/* Some byte, the same for the same path. */
static size_t seeded_place(const char *path, size_t size)
{
	struct sha256 digest = digest_sha256(bytes_of_text(path));

	return ((size_t)digest.at[0] << 16 | (size_t)digest.at[1] << 8 | digest.at[2]) % size;
}

static void test_files__changed_in_one_byte_are_named(void **state)
{
	struct arena *arena = arena_new(CASE_BYTES);
	size_t count;
	const char *const *paths = evidence_list(arena, whole, &count);

	(void)state;
	evidence_copy(whole, spoilt);
	evidence_expect_ok(spoilt, &story.pin);
	for (size_t i = 0; i < count; i++) {
		size_t size = evidence_file_get(arena, whole, paths[i]).size;
		change_byte(arena, paths[i], 0, false);
		change_byte(arena, paths[i], size - 1, false);
		change_byte(arena, paths[i], seeded_place(paths[i], size), true);
	}
	evidence_expect_ok(spoilt, &story.pin);
	evidence_remove_folder(spoilt);
	arena_free(arena);
}

static void test_files__left_out_or_added_are_named(void **state)
{
	struct arena *arena = arena_new(CASE_BYTES);
	size_t count;
	const char *const *paths = evidence_list(arena, whole, &count);
	static const char *const added[] = {"content/documents/x.json", "seal/more", "readme"};

	(void)state;
	evidence_copy(whole, spoilt);
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(arena, "%s/%s", spoilt, paths[i]);
		assert_int_equal(unlink(path), 0);
		expect_named(paths[i]);
		if (strncmp(paths[i], "content/", 8) == 0)
			expect_caught();
		evidence_file_put(spoilt, paths[i], evidence_file_get(arena, whole, paths[i]));
	}
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
		const char *path = arena_printf(arena, "%s/%s", spoilt, added[i]);
		evidence_file_put(spoilt, added[i], bytes_of_text("{}"));
		expect_named(added[i]);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink("/etc/hostname", path), 0);
		expect_named(added[i]);
		assert_int_equal(unlink(path), 0);
	}
	evidence_expect_ok(spoilt, &story.pin);
	evidence_remove_folder(spoilt);
	arena_free(arena);
}

/* ---- events, by somebody without a key ---- */

static const char bundle_path[] = "content/events/000000000";

static void put_events(struct arena *arena, const struct bytes *entries, size_t count)
{
	struct bytes bundle = {0};
	struct err err = {0};

	assert_true(bundle_write(arena, entries, count, &bundle, &err));
	evidence_file_put(spoilt, bundle_path, bundle);
	evidence_fit_manifest(spoilt);
}

static void expect_events_caught(const struct bytes *entries, size_t count, const char *how,
				 size_t at)
{
	struct arena *arena = arena_new(CASE_BYTES);

	put_events(arena, entries, count);
	struct verify_report report = evidence_verify(arena, spoilt, &story.pin);
	if (verify_exit(&report) != 1)
		fail_msg("event %zu %s is not told", at, how);
	arena_free(arena);
}

static void test_events__left_out_doubled_or_swapped_are_caught(void **state)
{
	struct arena *arena = arena_new(CASE_BYTES);
	const struct bytes *entries = NULL;
	struct bytes *changed = arena_array(arena, 300, sizeof(*changed));
	struct err err = {0};
	size_t count = 0;

	(void)state;
	evidence_copy(whole, spoilt);
	assert_true(bundle_read(arena, evidence_file_get(arena, whole, bundle_path), &entries,
				&count, &err));
	assert_true(count > 50 && count < 255);
	for (size_t i = 0; i < count; i++) {
		memcpy(changed, entries, i * sizeof(*entries));
		memcpy(changed + i, entries + i + 1, (count - i - 1) * sizeof(*entries));
		expect_events_caught(changed, count - 1, "left out", i);
		memcpy(changed + i + 1, entries + i, (count - i) * sizeof(*entries));
		changed[i] = entries[i];
		expect_events_caught(changed, count + 1, "doubled", i);
		if (i + 1 == count)
			break;
		memcpy(changed, entries, count * sizeof(*entries));
		changed[i] = entries[i + 1];
		changed[i + 1] = entries[i];
		expect_events_caught(changed, count, "swapped", i);
	}
	put_events(arena, entries, count);
	evidence_expect_ok(spoilt, &story.pin);
	evidence_remove_folder(spoilt);
	arena_free(arena);
}

/* ---- what the auditor brings ---- */

static void test_trust_file__decides_whom_to_believe(void **state)
{
	struct trust_pin pin = story.pin;
	struct sha256_hex other[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		other[i] = sign_key_id(bytes_of(&i, sizeof(i)));
	pin.roots.spki_sha256 = other;
	evidence_expect_found(whole, &pin, VERIFY_TAMPERED, NULL,
			      "the trust document does not hold: Too few of the root keys");
	pin = story.pin;
	pin.ledger_key = sign_key_spki(story.in.git.key);
	evidence_expect_found(whole, &pin, VERIFY_TAMPERED, "content/checkpoint",
			      "it is not signed for this ledger");
	pin.ledger_key = sign_key_spki(story.in.ledger.key);
	pin.origin = INSTALLATION_ORIGIN;
	evidence_expect_ok(whole, &pin);
	pin.origin = "other.example/ledger";
	evidence_expect_found(whole, &pin, VERIFY_TAMPERED, "manifest.json",
			      "the trust file expects other.example/ledger");
}

static struct bytes checkpoint_of(int64_t size, const struct sha256 *root)
{
	struct checkpoint checkpoint = {.origin = INSTALLATION_ORIGIN, .size = size, .root = *root};
	struct bytes note = {0};
	struct err err = {0};

	assert_true(checkpoint_sign(story.in.arena, &checkpoint, story.in.ledger.key, &note, &err));
	return note;
}

static void test_last_checkpoint__must_be_a_beginning(void **state)
{
	struct arena *arena = arena_new(CASE_BYTES);
	struct trust_pin pin = story.pin;
	struct tree_frontier frontier = {0};
	const struct bytes *entries = NULL;
	struct err err = {0};
	size_t count = 0;

	(void)state;
	assert_true(bundle_read(arena, evidence_file_get(arena, whole, bundle_path), &entries,
				&count, &err));
	for (size_t i = 0; i < 40; i++) {
		struct sha256 leaf = tree_leaf(entries[i]);
		tree_frontier_add(&frontier, &leaf);
	}
	struct sha256 root = tree_frontier_root(&frontier);
	pin.last_checkpoint = arena_text_of(arena, checkpoint_of(40, &root));
	evidence_expect_ok(whole, &pin);
	root.at[0] ^= 1;
	pin.last_checkpoint = arena_text_of(arena, checkpoint_of(40, &root));
	evidence_expect_found(whole, &pin, VERIFY_TAMPERED, NULL, "another beginning");
	pin.last_checkpoint = arena_text_of(arena, checkpoint_of(100000, &root));
	evidence_expect_found(whole, &pin, VERIFY_INCOMPLETE, NULL, "not fresh");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_export__proves_the_story),
		cmocka_unit_test(test_program__answers_with_its_exit_code),
		cmocka_unit_test(test_export__is_the_same_bytes_again),
		cmocka_unit_test(test_export__holds_a_git_repository),
		cmocka_unit_test(test_export__is_for_auditors_and_by_known_digests),
		cmocka_unit_test(test_files__changed_in_one_byte_are_named),
		cmocka_unit_test(test_files__left_out_or_added_are_named),
		cmocka_unit_test(test_events__left_out_doubled_or_swapped_are_caught),
		cmocka_unit_test(test_trust_file__decides_whom_to_believe),
		cmocka_unit_test(test_last_checkpoint__must_be_a_beginning),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
