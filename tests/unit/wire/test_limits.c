/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does every limit of docs/protocol/documents.md hold? Each row takes a golden document, puts one
 * other value into one place, and says whether the result is still a document. Rows come in pairs:
 * the last value that is taken, the first that is not.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/file.h"
#include "common/wire/content.h"
#include "common/wire/directory.h"
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

enum { ARENA_BYTES = 256 * 1024 * 1024, FILE_MAX = 64 * 1024 };

typedef bool (*parser)(struct arena *arena, struct bytes bytes, struct err *err);

#define PARSER(name)                                                                       \
	static bool name##_taken(struct arena *arena, struct bytes bytes, struct err *err) \
	{                                                                                  \
		struct name value;                                                         \
		return name##_parse(arena, bytes, &value, err);                            \
	}

PARSER(manifest)
PARSER(trust)
PARSER(record)
PARSER(content)
PARSER(plan)
PARSER(statement)
PARSER(hold)
PARSER(directory)
PARSER(target)
PARSER(permit)
PARSER(lease)
PARSER(papers)
PARSER(proof)

static const struct {
	const char *file;
	parser taken;
} documents[] = {
	{"manifest", manifest_taken}, {"trust", trust_taken},
	{"record", record_taken},     {"release-content", content_taken},
	{"plan", plan_taken},	      {"signature", statement_taken},
	{"hold", hold_taken},	      {"directory", directory_taken},
	{"target", target_taken},     {"permit", permit_taken},
	{"lease", lease_taken},	      {"papers", papers_taken},
	{"proof", proof_taken},
};

#define ZEROS "\"0000000000000000000000000000000000000000000000000000000000000000\""
#define ONES "\"1111111111111111111111111111111111111111111111111111111111111111\""
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct row {
	const char *file;
	const char *place;
	const char *value; /* JSON */
	bool taken;
};

/* clang-format off */
static const struct row rows[] = {
	{"manifest", "type", "\"countersign.manifest.v2\"", false},
	{"manifest", "product", "\"" A64 "\"", true},
	{"manifest", "product", "\"" A64 "a\"", false},
	{"manifest", "product", "\"a/b\"", false},
	{"manifest", "version", "\"1+b~2\"", true},
	{"manifest", "version", "\"\"", false},
	{"manifest", "version", "\"+1\"", false},
	{"manifest", "version", "\"1 2\"", false},
	{"manifest", "version", "\"1\\n\"", false},
	{"manifest", "sequence", "20", true},
	{"manifest", "sequence", "19", false}, /* below its own floor */
	{"manifest", "sequence", "9007199254740991", true},
	{"manifest", "security_floor", "0", true},
	{"manifest", "security_floor", "-1", false},
	{"manifest", "security_floor", "22", false},
	{"manifest", "hardware", "[]", false},
	{"manifest", "hardware", "[\"a\",\"a\"]", false},
	{"manifest", "hardware", "[1]", false},
	{"manifest", "hardware", "[\"b\",\"a\"]", true},
	{"manifest", "artifacts", "[]", false},
	{"manifest", "artifacts", "[7]", false},
	{"manifest", "artifacts/1/name", "\"image.bin\"", false},
	{"manifest", "artifacts/0/name", "\"../image\"", false},
	{"manifest", "artifacts/0/name", "\".image\"", false},
	{"manifest", "artifacts/0/size_bytes", "0", false},
	{"manifest", "artifacts/0/sha256", "\"ab\"", false},
	{"manifest", "made_at", "\"2026-11-23T06:07:03Z\"", false},
	{"manifest", "made_at", "\"2026-11-23T06:07:03.123456+00:00\"", false},

	{"record", "version", "0", false},
	{"record", "kind", "\"risk\"", false},
	{"record", "result", "\"failed\"", true},
	{"record", "result", "\"Passed\"", false},
	{"record", "summary", "\"\"", true},
	{"record", "summary", "\"line\\n\\tline\"", true},
	{"record", "summary", "\"bell\\u0007\"", false},
	{"record", "summary", "\"turned \xe2\x80\xae text\"", false},
	{"record", "summary", "\"\xc2\x85\"", false},
	{"record", "summary", "\"\xe2\x81\xa6\"", false},
	{"record", "summary", "\"\xe2\x82\xac and \xc3\xa9\"", true},
	{"record", "subjects", "[]", false},
	{"record", "subjects", "[{\"name\":\"a\",\"sha256\":" ONES "},{\"name\":\"a\",\"sha256\":" ZEROS "}]", false},
	{"record", "subjects", "[{\"name\":\"a\",\"sha256\":" ONES "},{\"name\":\"b\",\"sha256\":" ONES "}]", true},
	{"record", "id", "\"00000000-0000-1000-8000-000000000001\"", false},
	{"record", "id", "\"00000000-0000-4000-8000-00000000000A\"", false},

	{"release-content", "records", "[]", true},
	{"release-content", "rulesets", "[]", true},
	{"release-content", "records/1/id", "\"00000000-0000-4000-8000-000000000001\"", false},
	{"release-content", "records/1/id", "\"00000000-0000-4000-8000-000000000000\"", false},
	{"release-content", "rulesets/0/name", "\"site-rules\"", false},
	{"release-content", "rulesets/0/name", "\"zz\"", false},

	{"plan", "targets", "[]", false},
	{"plan", "targets/0/device", "\"pump-002\"", false},
	{"plan", "targets/0/device", "\"pump-003\"", false},
	{"plan", "targets/0/device", "\"pump-000\"", true},
	{"plan", "targets/0/device", "\"" A64 A64 "\"", true},
	{"plan", "targets/0/device", "\"" A64 A64 "a\"", false},
	{"plan", "waves", "[]", false},
	{"plan", "waves", "[{\"name\":\"a\",\"percent\":50},{\"name\":\"b\",\"percent\":50}]", false},
	{"plan", "waves/0/percent", "99", false},
	{"plan", "not_after", "\"2026-11-23T06:07:03.123456Z\"", false},
	{"plan", "not_after", "\"2026-11-23T06:07:03.123457Z\"", true},
	{"plan", "name", "\"two\\nlines\"", false},

	{"signature", "meaning", "\"seen\"", false},
	{"signature", "meaning", "\"resumed\"", true},
	{"signature", "object/kind", "\"device\"", false},
	{"signature", "reason", "\"\"", true},
	{"signature", "name", "\"\"", false},
	{"signature", "expires_at", "\"2026-11-22T06:07:03.123456Z\"", false},
	{"hold", "number", "0", false},

	{"directory", "number", "1", false}, /* with a statement before it */
	{"directory", "number", "0", false},
	{"directory", "previous", ZEROS, false}, /* as number 2 */
	{"directory", "reason", "\"\"", false},
	{"directory", "acts", "[]", false},
	{"directory", "acts/0/act", "\"person.rename\"", false},
	{"directory", "acts/0/act", "7", false},
	{"directory", "acts/2/act", "\"person.add\"", false}, /* members of another act */
	{"directory", "acts/3/role", "\"boss\"", false},
	{"directory", "acts/3/product", "\"example-pump\"", true},
	{"directory", "acts/3/product", "\"**\"", false},
	{"directory", "acts/3/product", "\"a b\"", false},
	{"directory", "acts/5/certificate", "\"AAA\"", false},
	{"directory", "acts/5/certificate", "\"\"", false},
	{"directory", "acts/7/hardware", "[]", false},
	{"directory", "acts/9/hardware", "[\"rev-c\"]", false},
	{"directory", "acts/9/assurance", "\"measured\"", false},
	{"directory", "acts/9/report_key", "\"AAAA\"", false},
	{"directory", "acts/9/report_key", "\"\"", false},
	{"directory", "acts/7/rulesets", "[]", false},

	{"target", "salt", "\"0123456789abcdef0123456789abcdef\"", true},
	{"target", "salt", "\"0123456789abcdef0123456789abcdeF\"", false},
	{"target", "salt", "\"0123456789abcdef0123456789abcde\"", false},

	{"permit", "number", "0", false},
	{"permit", "opened_index", "0", true},
	{"permit", "opened_index", "-1", false},
	{"permit", "not_after", "\"2026-11-23T06:07:03.123456Z\"", false},
	{"permit", "trust_version", "{\"maker\":0}", false},
	{"permit", "trust_version", "{\"maker\":3,\"site\":0}", false},
	{"permit", "trust_version", "{\"maker\":3,\"site\":1}", true},
	{"permit", "trust_version", "{\"maker\":3,\"other\":1}", false},
	{"permit", "target/size", "0", false},
	{"permit", "assurance_min", "\"signature-checked\"", true},
	{"permit", "assurance_min", "\"\"", false},
	{"permit", "approvals", "[\"a\"]", false},

	{"lease", "step", "\"rollback\"", false},
	{"lease", "attempt", "0", false},
	{"lease", "for_s", "1", true},
	{"lease", "for_s", "0", false},
	{"lease", "for_s", "901", false},
	{"lease", "nonce", "\"AAAAAAAAAAAAAAAAAAAAAA\"", true},
	{"lease", "nonce", "\"AAAAAAAAAAAAAAAAAAAAAB\"", false}, /* stray bits */
	{"lease", "nonce", "\"AAAAAAAAAAAAAAAAAAAAA\"", false},
	{"lease", "nonce", "\"AAAAAAAAAAAAAAAAAAAAAA==\"", false},
	{"lease", "trust_sha256", "{\"maker\":" ONES "}", false}, /* but a version of the site's */
	{"lease", "trust_version", "{\"maker\":3}", false},
	{"lease", "trust_version", "{\"maker\":0,\"site\":1}", false},

	{"papers", "trust", "[]", false}, /* absent, when there is none */
	{"papers", "trust/0/slot", "\"other\"", false},
	{"papers", "trust/0/cms", "[]", false},
	{"papers", "target/index", "-1", false},
	{"papers", "target/size", "0", false},
	{"papers", "target/path", "[]", true},
	{"papers", "target/path", "[\"AA==\"]", false},
	{"papers", "lease/signature", "\"AAAA\"", false},
	{"papers", "manifest", "\"\"", false},

	{"proof", "outcome", "\"failed\"", false}, /* without a code */
	{"proof", "code", "\"health\"", false}, /* and confirmed */
	{"proof", "bank", "\"C\"", false},
	{"proof", "version", "\"\"", true},
	{"proof", "nonce", "\"\"", false},
	{"proof", "nonce", "\"AAAAAAAAAAAAAAAAAAAA+A\"", false},
	{"proof", "epoch", "\"00\"", false},
	{"proof", "seq", "0", false},
	{"proof", "seq", "1", false}, /* with a report before it */
	{"proof", "prev", ZEROS, false}, /* as number 2 */
	{"proof", "clock", "\"unknown\"", false},
	{"proof", "boot_count", "-1", false},

	{"trust", "version", "0", false},
	{"trust", "slot", "\"site\"", true},
	{"trust", "slot", "\"other\"", false},
	{"trust", "expires_at", "\"2026-11-01T06:07:03.123456Z\"", false},
	{"trust", "roots/k", "3", true},
	{"trust", "roots/k", "4", false},
	{"trust", "roots/k", "0", false},
	{"trust", "roots/keys", "[]", false},
	{"trust", "entries", "[]", true},
	{"trust", "entries/0/role", "\"lease\"", false}, /* which wants an Ed25519 key */
	{"trust", "entries/2/role", "\"author\"", false}, /* which wants none */
	{"trust", "entries/2/role", "\"git\"", true},
	{"trust", "entries/2/role", "\"root\"", false},
	{"trust", "entries/0/key/alg", "\"p384\"", false},
	{"trust", "entries/0/key/spki", "\"AAAA\"", false},
	{"trust", "entries/0/not_after", "\"2026-11-01T06:07:03.123456Z\"", false},
	{"trust", "revoked", "[]", true},
	{"trust", "revoked", "[\"x\"]", false},
	{"trust", "floors", "{}", true},
	{"trust", "floors", "{\"example-pump\":-1}", false},
	{"trust", "floors", "{\"a b\":1}", false},
	{"trust", "floors", "[]", false},
};
/* clang-format on */

/* ---- putting a value into a place ---- */

/* place: keys and indices between slashes. */
static const struct doc *replaced(struct arena *arena, const struct doc *doc, const char *place,
				  const struct doc *value)
{
	if (*place == '\0')
		return value;
	size_t length = strcspn(place, "/");
	const char *rest = place + length + (place[length] == '/');
	char *key = arena_text_of(arena, bytes_of(place, length));
	if (doc_kind(doc) == DOC_KIND_ARRAY) {
		struct doc *list = doc_array(arena);
		for (size_t i = 0; i < doc_size(doc); i++)
			doc_add(list, i == (size_t)(key[0] - '0')
					      ? replaced(arena, doc_at(doc, i), rest, value)
					      : doc_at(doc, i));
		return list;
	}
	size_t count;
	const struct doc_pair *pairs = doc_members(arena, doc, &count);
	struct doc *object = doc_object(arena);
	if (!doc_get(doc, key))
		fail_msg("there is no member %s", key);
	for (size_t i = 0; i < count; i++)
		doc_set(object, pairs[i].key, pairs[i].value);
	doc_set(object, key, replaced(arena, doc_get(doc, key), rest, value));
	return object;
}

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

static const struct doc *golden(const char *file)
{
	struct bytes bytes;
	const struct doc *doc;
	struct err err = {0};
	const char *path = arena_printf(arena, "tests/golden/documents/%s.json", file);

	if (!file_read(arena, path, FILE_MAX, &bytes, &err) || !doc_parse(arena, bytes, &doc, &err))
		fail_msg("%s: %s", path, err.text);
	return doc;
}

static parser parser_of(const char *file)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		if (strcmp(documents[i].file, file) == 0)
			return documents[i].taken;
	}
	fail_msg("no document %s", file);
	return NULL;
}

static struct bytes changed(const struct doc *doc, const char *place, const char *json)
{
	const struct doc *value;
	struct bytes bytes;
	struct err err = {0};

	if (!doc_parse(arena, bytes_of_text(json), &value, &err) ||
	    !doc_canonical(arena, replaced(arena, doc, place, value), &bytes, &err))
		fail_msg("%s: %s", json, err.text);
	return bytes;
}

static void test_limits__hold_for_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct err err = {0};

		arena_reset(arena);
		struct bytes bytes = changed(golden(row->file), row->place, row->value);
		if (parser_of(row->file)(arena, bytes, &err) != row->taken)
			fail_msg("%s with %s = %s: %s", row->file, row->place, row->value,
				 row->taken ? err.text : "was taken");
	}
}

/* ---- what needs more than one value ---- */

static struct bytes with_items(const char *file, const char *place, size_t count,
			       const char *format)
{
	struct doc *list = doc_array(arena);
	struct bytes bytes;
	struct err err = {0};

	for (size_t i = 0; i < count; i++) {
		char text[512];
		const struct doc *item;
		char number[24];
		snprintf(number, sizeof(number), "%05zu", i);
		const char *at = strchr(format, '#');
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - format), format, number,
			 at + 1);
		assert_true(doc_parse(arena, bytes_of_text(text), &item, &err));
		doc_add(list, item);
	}
	assert_true(doc_canonical(arena, replaced(arena, golden(file), place, list), &bytes, &err));
	return bytes;
}

static void expect_up_to(const char *file, const char *place, size_t most, const char *format)
{
	struct err err = {0};

	arena_reset(arena);
	if (!parser_of(file)(arena, with_items(file, place, most, format), &err))
		fail_msg("%s with %zu of %s: %s", file, most, place, err.text);
	if (parser_of(file)(arena, with_items(file, place, most + 1, format), &err))
		fail_msg("%s with %zu of %s was taken", file, most + 1, place);
}

static void test_limits__hold_for_the_length_of_lists(void **state)
{
	(void)state;
	expect_up_to("manifest", "artifacts", 16,
		     "{\"name\":\"a#\",\"size_bytes\":1,\"sha256\":" ONES "}");
	expect_up_to("manifest", "hardware", 64, "\"a#\"");
	expect_up_to("plan", "targets", 10000,
		     "{\"device\":\"d#\",\"hardware\":\"h\",\"market\":\"m\",\"site\":\"s\"}");
	expect_up_to("directory", "acts", 500, "{\"act\":\"person.leave\",\"person\":\"p#\"}");
	expect_up_to("papers", "target/path", 64,
		     "\"00000000000000000000000000000000000000000000000000000000000#\"");
}

static void test_trust_parse__refuses_a_key_with_two_roles(void **state)
{
	(void)state;
	struct err err = {0};
	const struct doc *doc = golden("trust");
	const struct doc *author = doc_at(doc_get(doc, "entries"), 0);
	const struct doc *key = doc_get(author, "key");
	struct bytes bytes;

	assert_true(doc_canonical(arena, replaced(arena, doc, "entries/1/key", key), &bytes, &err));
	assert_false(trust_taken(arena, bytes, &err));
	assert_non_null(strstr(err.text, "stands twice"));
}

static void test_trust_parse__refuses_a_root_that_is_also_an_author(void **state)
{
	(void)state;
	struct err err = {0};
	const struct doc *doc = golden("trust");
	struct doc *key = doc_object(arena);
	struct bytes bytes;

	doc_set_text(key, "alg", "p384");
	doc_set(key, "spki", doc_at(doc_get(doc_get(doc, "roots"), "keys"), 0));
	assert_true(doc_canonical(arena, replaced(arena, doc, "entries/0/key", key), &bytes, &err));
	assert_false(trust_taken(arena, bytes, &err));
	assert_non_null(strstr(err.text, "stands twice"));
}

static void test_trust_parse__refuses_an_admin_without_a_person(void **state)
{
	(void)state;
	struct err err = {0};
	struct bytes bytes = changed(golden("trust"), "entries/0/role", "\"admin\"");
	assert_true(trust_taken(arena, bytes, &err)); /* the author entry names a person */
	bytes = changed(golden("trust"), "entries/1/role", "\"admin\"");
	assert_false(trust_taken(arena, bytes, &err));
}

static void test_directory_parse__takes_a_first_statement_after_zeros(void **state)
{
	(void)state;
	struct err err = {0};
	struct directory directory;
	const struct doc *value;
	assert_true(doc_parse(arena, bytes_of_text(ZEROS), &value, &err));
	const struct doc *doc = replaced(arena, golden("directory"), "previous", value);
	struct bytes bytes = changed(doc, "number", "1");

	assert_true(directory_parse(arena, bytes, &directory, &err));
	assert_int_equal(directory.act_count, 12);
	assert_string_equal(directory_kind_word((enum directory_kind)directory.acts[9].kind),
			    "device.register");
	assert_string_equal(directory.acts[9].device_hardware, "rev-c");
	assert_int_equal(directory.acts[9].hardware.count, 0);
	assert_int_equal(directory.acts[10].report_key.size, 0);
	assert_int_equal(assurance_rank(directory.acts[9].assurance), 2);
	assert_int_equal(assurance_rank("measured"), -1);
}

static void test_proof_parse__takes_a_rejection_without_a_nonce(void **state)
{
	(void)state;
	struct err err = {0};
	const struct doc *value;
	assert_true(doc_parse(arena, bytes_of_text("\"rejected\""), &value, &err));
	const struct doc *doc = replaced(arena, golden("proof"), "outcome", value);
	assert_true(doc_parse(arena, bytes_of_text("\"agent.no-trust\""), &value, &err));
	doc = replaced(arena, doc, "code", value);

	assert_true(proof_taken(arena, changed(doc, "nonce", "\"\""), &err));
	assert_false(proof_taken(arena, changed(doc, "nonce", "\"short\""), &err));
}

static void test_plan_find_target__finds_exactly_what_stands_there(void **state)
{
	(void)state;
	struct plan plan;
	struct bytes bytes;
	struct err err = {0};

	assert_true(doc_canonical(arena, golden("plan"), &bytes, &err));
	assert_true(plan_parse(arena, bytes, &plan, &err));
	assert_string_equal(plan_find_target(&plan, "pump-002")->market, "US");
	assert_null(plan_find_target(&plan, "pump-003"));
	assert_null(plan_find_target(&plan, "pump-00"));
}

/* What cannot be read is not written either. */
static void test_write__refuses_what_parse_would_refuse(void **state)
{
	(void)state;
	struct manifest manifest;
	struct bytes bytes, out = {0};
	struct err err = {0};

	assert_true(doc_canonical(arena, golden("manifest"), &bytes, &err));
	assert_true(manifest_parse(arena, bytes, &manifest, &err));
	struct manifest wrong = manifest;
	wrong.security_floor = manifest.sequence + 1;
	assert_false(manifest_write(arena, &wrong, &out, &err));
	assert_int_equal(err.code, E_DOC_FIELD);
	wrong = manifest;
	wrong.product = NULL;
	err_clear(&err);
	assert_false(manifest_write(arena, &wrong, &out, &err));
	wrong = manifest;
	wrong.version = "not UTF-8: \xff";
	err_clear(&err);
	assert_false(manifest_write(arena, &wrong, &out, &err));
	wrong = manifest;
	wrong.artifact_count = 0;
	err_clear(&err);
	assert_false(manifest_write(arena, &wrong, &out, &err));
	assert_null(out.data);
	err_clear(&err);
	assert_true(manifest_write(arena, &manifest, &out, &err));
}

static void test_parse__leaves_its_output_alone_when_it_fails(void **state)
{
	(void)state;
	struct target target = {.device = "before"};
	struct bytes bytes = changed(golden("target"), "salt", "\"\"");
	struct err err = {0};

	assert_false(target_parse(arena, bytes, &target, &err));
	assert_string_equal(target.device, "before");
	assert_null(target.campaign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits__hold_for_every_row),
		cmocka_unit_test(test_limits__hold_for_the_length_of_lists),
		cmocka_unit_test(test_trust_parse__refuses_a_key_with_two_roles),
		cmocka_unit_test(test_trust_parse__refuses_a_root_that_is_also_an_author),
		cmocka_unit_test(test_trust_parse__refuses_an_admin_without_a_person),
		cmocka_unit_test(test_directory_parse__takes_a_first_statement_after_zeros),
		cmocka_unit_test(test_proof_parse__takes_a_rejection_without_a_nonce),
		cmocka_unit_test(test_plan_find_target__finds_exactly_what_stands_there),
		cmocka_unit_test(test_write__refuses_what_parse_would_refuse),
		cmocka_unit_test(test_parse__leaves_its_output_alone_when_it_fails),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
