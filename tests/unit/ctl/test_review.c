/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the person sign only what they asked for? Each kind of object passes as it is; then every
 * member of the statement, every document behind it and every link between them is changed, one at a
 * time, and each has to be refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/digest.h"
#include "common/wire/content.h"
#include "common/wire/manifest.h"
#include "common/wire/plan.h"
#include "common/wire/record.h"
#include "service/ctl/review.h"

#include <string.h>

#define RELEASE "00000000-0000-4000-8000-000000000002"
#define CAMPAIGN "00000000-0000-4000-8000-000000000003"
#define RECORD "00000000-0000-4000-8000-000000000001"
#define CHALLENGE "00000000-0000-4000-8000-000000000004"
#define SIGNATURE "00000000-0000-4000-8000-000000000005"
#define OTHER "00000000-0000-4000-8000-000000000009"
#define NOON INT64_C(1795600000000000)
#define HOUR (3600 * CLOCK_SECOND)

enum { ARENA_BYTES = 1024 * 1024 * 1024, STORED_MAX = 8 };

/* The documents of one release and one campaign, and a store that hands them out. */
struct world {
	struct manifest_artifact artifacts[2];
	struct manifest manifest;
	struct record_subject subjects[2];
	struct record record;
	struct content_record content_record;
	struct content_ruleset ruleset;
	struct content content;
	struct plan_target targets[2];
	struct plan_wave wave;
	struct plan plan;
	struct hold hold;
	struct statement statement;
	/* What the store has: bytes under the digest that they are asked by. */
	struct {
		struct sha256_hex sha256;
		struct bytes bytes;
	} stored[STORED_MAX];
	size_t stored_count;
};

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const struct review_asked asked_release = {CHALLENGE, "example-qa",  "approved", "release",
						  RELEASE,   "All is well", NOON};
static const struct review_asked asked_record = {
	CHALLENGE, "example-tester", "tested", "record", RECORD, "", NOON};
static const struct review_asked asked_campaign = {
	CHALLENGE, "example-manager", "released", "campaign", CAMPAIGN, "", NOON};
static const struct review_asked asked_resume = {
	CHALLENGE, "example-manager", "resumed", "campaign", CAMPAIGN, "", NOON};

/* ---- making ---- */

static void given_world(struct world *world, const struct review_asked *asked)
{
	static const char *const hardware[] = {"rev-c"};

	*world = (struct world){
		.artifacts = {{"image.bin", 48234496, digest_sha256_hex(bytes_of_text("image"))},
			      {"notes.txt", 12, digest_sha256_hex(bytes_of_text("notes"))}},
		.targets = {{"pump-001", "rev-c", "EU", "lab"}, {"pump-002", "rev-c", "US", "lab"}},
		.wave = {"all", 100},
	};
	world->manifest = (struct manifest){"example-pump", "2.1.0",	      21, 20,
					    {hardware, 1},  world->artifacts, 2,  NOON - HOUR};
	for (size_t i = 0; i < 2; i++)
		world->subjects[i] = (struct record_subject){world->artifacts[i].name,
							     world->artifacts[i].sha256};
	world->record = (struct record){RECORD,
					1,
					"test",
					RELEASE,
					"example-pump",
					world->subjects,
					2,
					"passed",
					"All passed.\nProtocol 17",
					"example-tester",
					NOON - HOUR};
	world->content_record = (struct content_record){RECORD, 1, "test", {""}};
	world->ruleset.name = "baseline";
	world->content = (struct content){RELEASE,
					  "example-pump",
					  "2.1.0",
					  21,
					  {""},
					  digest_sha256_hex(bytes_of_text("cms")),
					  &world->content_record,
					  1,
					  &world->ruleset,
					  1};
	world->plan = (struct plan){CAMPAIGN,	     "Autumn", "example-pump", RELEASE, {""},
				    world->targets,  2,	       &world->wave,   1,	NOON,
				    NOON + 24 * HOUR};
	world->hold = (struct hold){CAMPAIGN, 1, {""}};
	world->statement = (struct statement){SIGNATURE,      CHALLENGE,
					      asked->person,  "EXAMPLE Name",
					      asked->meaning, {asked->kind, asked->id},
					      {""},	      asked->reason,
					      NOON,	      NOON + 120 * CLOCK_SECOND};
}

static struct sha256_hex store(struct world *world, struct bytes bytes)
{
	struct sha256_hex sha256 = digest_sha256_hex(bytes);

	assert_true(world->stored_count < STORED_MAX);
	world->stored[world->stored_count].sha256 = sha256;
	world->stored[world->stored_count++].bytes = bytes;
	return sha256;
}

/* Writes each document with the digests of those below it, unless a change has set one already. */
static void link_to(struct sha256_hex *member, struct sha256_hex sha256)
{
	if (!member->text[0])
		*member = sha256;
}

static void finish(struct world *world)
{
	struct err err = {0};
	struct bytes bytes;

	world->stored_count = 0;
	assert_true(manifest_write(arena, &world->manifest, &bytes, &err));
	struct sha256_hex manifest = store(world, bytes);
	assert_true(record_write(arena, &world->record, &bytes, &err));
	struct sha256_hex record = store(world, bytes);
	struct sha256_hex ruleset = store(world, bytes_of_text("{\"name\":\"baseline\"}"));
	link_to(&world->content_record.sha256, record);
	link_to(&world->ruleset.sha256, ruleset);
	link_to(&world->content.manifest_sha256, manifest);
	assert_true(content_write(arena, &world->content, &bytes, &err));
	struct sha256_hex content = store(world, bytes);
	link_to(&world->plan.manifest_sha256, manifest);
	assert_true(plan_write(arena, &world->plan, &bytes, &err));
	struct sha256_hex plan = store(world, bytes);
	link_to(&world->hold.plan_sha256, plan);
	assert_true(hold_write(arena, &world->hold, &bytes, &err));
	struct sha256_hex hold = store(world, bytes);
	const char *kind = world->statement.object.kind;
	struct sha256_hex shown = strcmp(kind, "record") == 0	 ? record
				  : strcmp(kind, "release") == 0 ? content
								 : plan;
	link_to(&world->statement.sha256,
		strcmp(world->statement.meaning, "resumed") == 0 ? hold : shown);
}

static bool get(void *context, const char *sha256, size_t max, struct bytes *out, struct err *err)
{
	const struct world *world = context;

	for (size_t i = 0; i < world->stored_count; i++) {
		if (strcmp(world->stored[i].sha256.text, sha256) == 0) {
			assert_true(world->stored[i].bytes.size <= max);
			*out = world->stored[i].bytes;
			return true;
		}
	}
	return err_fail(err, E_DOC_MISSING, NULL);
}

/* The whole look, as sign.c does it; words may be NULL. */
static enum err_code look(struct world *world, const struct review_asked *asked, const char **words)
{
	const struct review_source source = {get, world};
	struct statement statement;
	struct err err = {0};
	struct bytes bytes;
	struct text text;

	assert_true(statement_write(arena, &world->statement, &bytes, &err));
	text_init(&text, arena, REVIEW_WORDS_MAX);
	bool good = review_statement(arena, bytes, asked, &statement, &err);
	if (good)
		review_words(&statement, &text);
	good = good && review_object(arena, &statement, &source, &text, &err);
	if (words)
		*words = text.at;
	assert_int_equal(good, err.code == E_NONE);
	return err.code;
}

/* ---- as it is ---- */

static void test_review_object__tells_what_an_approval_covers(void **state)
{
	struct world world;
	const char *words;

	(void)state;
	given_world(&world, &asked_release);
	finish(&world);
	assert_int_equal(look(&world, &asked_release, &words), E_NONE);
	const char *const told[] = {"EXAMPLE Name (example-qa)",
				    "approved",
				    "All is well",
				    RELEASE,
				    "example-pump",
				    "2.1.0, sequence 21, security floor 20",
				    "image.bin, 48234496 bytes",
				    world.artifacts[0].sha256.text,
				    world.content.manifest_sha256.text,
				    world.content.author_cms_sha256.text,
				    RECORD " version 1: test passed",
				    "| All passed.\n            | Protocol 17\n",
				    "by example-tester",
				    "baseline",
				    world.statement.sha256.text};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		assert_non_null(strstr(words, told[i]));
	assert_null(strstr(words, "DOES NOT COVER"));
}

static void test_review_object__tells_what_the_others_cover(void **state)
{
	struct world world;
	const char *words;

	(void)state;
	given_world(&world, &asked_record);
	finish(&world);
	assert_int_equal(look(&world, &asked_record, &words), E_NONE);
	assert_non_null(strstr(words, world.subjects[1].sha256.text));
	given_world(&world, &asked_campaign);
	finish(&world);
	assert_int_equal(look(&world, &asked_campaign, &words), E_NONE);
	assert_non_null(strstr(words, "pump-002, rev-c, market US, site lab"));
	assert_non_null(strstr(words, "2.1.0, sequence 21"));
	given_world(&world, &asked_resume);
	finish(&world);
	assert_int_equal(look(&world, &asked_resume, &words), E_NONE);
	assert_non_null(strstr(words, "hold number 1"));
	assert_non_null(strstr(words, "pump-001"));
}

static void test_review_object__says_when_a_test_covers_less(void **state)
{
	struct world world;
	const char *words;

	(void)state;
	given_world(&world, &asked_release);
	world.record.subject_count = 1;
	finish(&world);
	assert_int_equal(look(&world, &asked_release, &words), E_NONE);
	assert_non_null(strstr(words, "DOES NOT COVER notes.txt"));
	assert_null(strstr(words, "DOES NOT COVER image.bin"));
}

static void test_review_object__keeps_words_of_others_apart_from_ours(void **state)
{
	struct world world;
	const char *words;

	(void)state;
	given_world(&world, &asked_release);
	world.record.summary = "ok\nRecord      forged\n\nRuleset     forged";
	finish(&world);
	assert_int_equal(look(&world, &asked_release, &words), E_NONE);
	assert_null(strstr(words, "\nRecord      forged"));
	assert_null(strstr(words, "\nRuleset     forged"));
}

/* ---- the statement changed ---- */

static void other_challenge(struct world *world)
{
	world->statement.challenge = OTHER;
}
static void other_person(struct world *world)
{
	world->statement.person = "example-author";
}
static void other_meaning(struct world *world)
{
	world->statement.meaning = "released";
}
static void other_kind(struct world *world)
{
	world->statement.object.kind = "campaign";
}
static void other_object(struct world *world)
{
	world->statement.object.id = OTHER;
}
static void other_reason(struct world *world)
{
	world->statement.reason = "I take it all back";
}
static void no_reason(struct world *world)
{
	world->statement.reason = "";
}
static void old(struct world *world)
{
	world->statement.at -= 2 * HOUR;
	world->statement.expires_at -= 2 * HOUR;
}
static void early(struct world *world)
{
	world->statement.at += 2 * HOUR;
	world->statement.expires_at += 2 * HOUR;
}
static void for_long(struct world *world)
{
	world->statement.expires_at += HOUR;
}
static void digest_of_nothing(struct world *world)
{
	world->statement.sha256 = digest_sha256_hex(bytes_of_text("nothing"));
}
/* An honest digest of the wrong document. */
static void digest_of_the_manifest(struct world *world)
{
	world->statement.sha256 = world->stored[0].sha256;
}

static void test_review_statement__refuses_each_changed_member(void **state)
{
	static const struct {
		const char *name;
		void (*change)(struct world *world);
		enum err_code code;
	} cases[] = {
		{"challenge", other_challenge, E_SIGNATURE},
		{"person", other_person, E_SIGNATURE},
		{"meaning", other_meaning, E_SIGNATURE},
		{"kind", other_kind, E_SIGNATURE},
		{"object", other_object, E_SIGNATURE},
		{"reason", other_reason, E_SIGNATURE},
		{"no reason", no_reason, E_SIGNATURE},
		{"old", old, E_SIGNATURE},
		{"early", early, E_SIGNATURE},
		{"for long", for_long, E_SIGNATURE},
		{"digest of nothing", digest_of_nothing, E_DOC_MISSING},
		{"digest of the manifest", digest_of_the_manifest, E_DOC_TYPE},
	};
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		given_world(&world, &asked_release);
		finish(&world);
		assert_int_equal(look(&world, &asked_release, NULL), E_NONE);
		cases[i].change(&world);
		print_message("# %s\n", cases[i].name);
		assert_int_equal(look(&world, &asked_release, NULL), cases[i].code);
	}
}

/* ---- the documents changed ---- */

/* Every stored document in turn, every byte of it in turn: what comes back under the digest is
 * something else. Only documents that the look asks for can be refused. */
static void expect_each_byte_counts(const struct review_asked *asked, const bool *needed)
{
	struct world world;

	given_world(&world, asked);
	finish(&world);
	for (size_t i = 0; i < world.stored_count; i++) {
		struct bytes good = world.stored[i].bytes;
		unsigned char *bad = arena_copy(arena, good.data, good.size);
		world.stored[i].bytes = bytes_of(bad, good.size);
		for (size_t at = 0; at < good.size; at += 7) {
			bad[at] ^= 1;
			assert_int_equal(look(&world, asked, NULL),
					 needed[i] ? E_SIGNATURE : E_NONE);
			bad[at] ^= 1;
		}
		world.stored[i].bytes = bytes_of(good.data, good.size - 1);
		assert_int_equal(look(&world, asked, NULL), needed[i] ? E_SIGNATURE : E_NONE);
		world.stored[i].bytes = good;
		assert_int_equal(look(&world, asked, NULL), E_NONE);
	}
}

static void test_review_object__refuses_each_changed_byte(void **state)
{
	/* In the order of finish(): manifest, record, ruleset, content, plan, hold. */
	static const bool release[] = {true, true, true, true, false, false};
	static const bool record[] = {false, true, false, false, false, false};
	static const bool campaign[] = {true, false, false, false, true, false};
	static const bool resume[] = {true, false, false, false, true, true};

	(void)state;
	expect_each_byte_counts(&asked_release, release);
	expect_each_byte_counts(&asked_record, record);
	expect_each_byte_counts(&asked_campaign, campaign);
	expect_each_byte_counts(&asked_resume, resume);
}

/* Documents that are whole, rightly named, and of something else. */
static void content_of_another_release(struct world *world)
{
	world->content.release = OTHER;
}
static void content_of_another_product(struct world *world)
{
	world->content.product = "example-lamp";
}
static void content_of_another_version(struct world *world)
{
	world->content.version = "2.1.1";
}
static void content_of_another_sequence(struct world *world)
{
	world->content.sequence = 22;
}
static void record_of_another_release(struct world *world)
{
	world->record.release = OTHER;
}
static void record_of_another_id(struct world *world)
{
	world->record.id = OTHER;
}
static void record_of_another_version(struct world *world)
{
	world->record.version = 2;
}
static void record_of_another_tester(struct world *world)
{
	world->record.tester = "example-author";
}
static void plan_of_another_campaign(struct world *world)
{
	world->plan.campaign = OTHER;
}
static void plan_of_another_product(struct world *world)
{
	world->plan.product = "example-lamp";
}
static void hold_of_another_campaign(struct world *world)
{
	world->hold.campaign = OTHER;
}

static void test_review_object__refuses_documents_of_something_else(void **state)
{
	static const struct {
		const char *name;
		const struct review_asked *asked;
		void (*change)(struct world *world);
	} cases[] = {
		{"content of another release", &asked_release, content_of_another_release},
		{"content of another product", &asked_release, content_of_another_product},
		{"content of another version", &asked_release, content_of_another_version},
		{"content of another sequence", &asked_release, content_of_another_sequence},
		{"record of another release", &asked_release, record_of_another_release},
		{"record of another id", &asked_release, record_of_another_id},
		{"record of another version", &asked_release, record_of_another_version},
		{"record of another id, signed", &asked_record, record_of_another_id},
		{"record of another tester", &asked_record, record_of_another_tester},
		{"plan of another campaign", &asked_campaign, plan_of_another_campaign},
		{"plan of another product", &asked_campaign, plan_of_another_product},
		{"plan of another campaign, held", &asked_resume, plan_of_another_campaign},
		{"hold of another campaign", &asked_resume, hold_of_another_campaign},
	};
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		given_world(&world, cases[i].asked);
		cases[i].change(&world);
		finish(&world);
		print_message("# %s\n", cases[i].name);
		assert_int_equal(look(&world, cases[i].asked, NULL), E_SIGNATURE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_review_object__tells_what_an_approval_covers),
		cmocka_unit_test(test_review_object__tells_what_the_others_cover),
		cmocka_unit_test(test_review_object__says_when_a_test_covers_less),
		cmocka_unit_test(test_review_object__keeps_words_of_others_apart_from_ours),
		cmocka_unit_test(test_review_statement__refuses_each_changed_member),
		cmocka_unit_test(test_review_object__refuses_each_changed_byte),
		cmocka_unit_test(test_review_object__refuses_documents_of_something_else),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
