/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents does the keeper take for what they claim? Statements of too few admins, older trust,
 * authors of other products, other bytes; and rows that were changed behind its back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"
#include "tests/support/process.h"

#include "common/encode.h"
#include "common/file.h"
#include "common/wire/directory.h"
#include "common/wire/manifest.h"
#include "policy/ruleset.h"
#include "service/keeper/gitrepo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct office office;
static struct session *service;
static struct session *owner;

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	service = session_new(office.database.service);
	owner = session_new(office.database.owner);
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	office_given_campaign(&office);
	office_given_released(&office);
	return 0;
}

static int end(void **state)
{
	(void)state;
	session_free(service);
	session_free(owner);
	office_close(&office);
	return 0;
}

static bool release_open(void)
{
	return office_gate_open(&office, "release", office.release);
}

/* ---- the directory: two admins, this statement ---- */

static struct doc *act_of(struct doc *acts, const char *act)
{
	struct doc *one = doc_object(office.arena);

	doc_set_text(one, "act", act);
	doc_add(acts, one);
	return one;
}

/* Everything that a hijacked service would like to have in the directory, at once. */
static struct doc *mallorys_acts(void)
{
	struct doc *acts = doc_array(office.arena);
	struct doc *one = act_of(acts, "person.add");

	doc_set_text(one, "person", "p-mallory");
	doc_set_text(one, "name", "EXAMPLE mallory");
	doc_set_text(one, "organisation", "EXAMPLE");
	one = act_of(acts, "role.grant");
	doc_set_text(one, "person", "p-mallory");
	doc_set_text(one, "role", "qa");
	doc_set_text(one, "product", "*");
	one = act_of(acts, "key.enrol");
	doc_set_text(one, "person", "p-mallory");
	doc_set_bytes(one, "certificate", office.stranger.cert.der);
	one = act_of(acts, "device.register");
	doc_set_text(one, "device", "unit-mallory");
	doc_set_text(one, "product", OFFICE_PRODUCT);
	doc_set_text(one, "serial", "EXAMPLE-9");
	doc_set_text(one, "hardware", "rev-1");
	doc_set_text(one, "market", "EU");
	doc_set_text(one, "site", "clinic-1");
	doc_set_text(one, "assurance", "permit-checked");
	doc_set_bytes(one, "report_key", sign_key_spki(office.devices[0]));
	return acts;
}

static const char counted[] =
	"SELECT concat_ws(' ', (SELECT count(*) FROM person), (SELECT count(*) FROM role_grant), "
	"(SELECT count(*) FROM personal_key), (SELECT count(*) FROM device), "
	"(SELECT count(*) FROM directory_statement), (SELECT count(*) FROM trust_document))";

static void test_directory__takes_nothing_without_two_admins_keys(void **state)
{
	(void)state;
	const struct office_key *const signers[][3] = {
		{&office.ada, NULL, NULL},
		{&office.ada, &office.ada, NULL},
		{&office.ada, &office.qa, NULL},
		{&office.ada, &office.stranger, NULL},
		{&office.qa, &office.stranger, NULL},
		{&office.ben, &office.ben, &office.ben},
	};
	const char *before = session_ask(owner, office.arena, counted);

	for (size_t i = 0; i < sizeof(signers) / sizeof(signers[0]); i++) {
		size_t count = 0;
		while (count < 3 && signers[i][count])
			count++;
		office_refused(&office, "put",
			       office_statement(&office, mallorys_acts(), signers[i], count),
			       E_DIRECTORY_ADMINS);
	}
	assert_string_equal(session_ask(owner, office.arena, counted), before);
}

/* Keys of other roles do not count as persons', whoever holds them. */
static void test_directory__takes_no_keys_of_other_roles(void **state)
{
	(void)state;
	const struct office_key *const signers[][2] = {
		{&office.ada, &office.author},
		{&office.ada, &office.keeper_key},
		{&office.roots[0], &office.roots[1]},
	};
	const char *before = session_ask(owner, office.arena, counted);

	for (size_t i = 0; i < 3; i++) {
		const struct doc *reply;
		struct err err = {0};
		assert_false(office_call(&office, "put",
					 office_statement(&office, mallorys_acts(), signers[i], 2),
					 &reply, &err));
		assert_int_equal(err_code_kind(err.code), ERR_BROKEN_EVIDENCE);
	}
	assert_string_equal(session_ask(owner, office.arena, counted), before);
}

/* The admins did sign something: these signatures over those bytes do not hold. */
static void test_directory__takes_no_signatures_of_another_statement(void **state)
{
	(void)state;
	const struct office_key *const admins[] = {&office.ada, &office.ben};
	struct doc *acts = doc_array(office.arena);
	struct doc *one = act_of(acts, "device.revoke");
	const char *before = session_ask(owner, office.arena, counted);

	doc_set_text(one, "device", "unit-none");
	struct doc *first_statement = office_statement(&office, acts, admins, 2);
	struct doc *mallory = office_statement(&office, mallorys_acts(), admins, 1);
	doc_set(mallory, "cms", doc_get(first_statement, "cms"));
	office_refused(&office, "put", mallory, E_SIGNATURE);
	assert_string_equal(session_ask(owner, office.arena, counted), before);
	/* With both admins' own: taken. */
	struct doc *good = office_statement(&office, mallorys_acts(), admins, 2);
	office_must(&office, "put", good);
	assert_string_not_equal(session_ask(owner, office.arena, counted), before);
	/* Once: it is the same statement, not another one. */
	const struct doc *again = office_must(&office, "put", good);
	assert_true(doc_bool(doc_get(again, "before"), false));
	office.statement_number++;
	snprintf(office.statement_sha256.text, sizeof(office.statement_sha256.text), "%s",
		 doc_get_text(good, "sha256"));
	/* What was signed for that number is of no use for the next. */
	office_refused(&office, "put", first_statement, E_DIRECTORY_NUMBER);
}

/* ---- trust ---- */

static struct doc *put_trust(struct trust *trust, const struct office_key *a,
			     const struct office_key *b)
{
	const struct office_key *const roots[] = {a, b};

	return office_put_trust(&office, trust, roots, 2);
}

static void test_trust__never_goes_back_nor_two_ways(void **state)
{
	(void)state;
	struct trust first = office_trust(&office, 1);
	struct trust third = office_trust(&office, 3);
	struct doc *stale = put_trust(&first, &office.roots[0], &office.roots[1]);

	office_must(&office, "put", put_trust(&third, &office.roots[0], &office.roots[1]));
	office.trust_version = 3;
	office_refused(&office, "put", stale, E_TRUST_VERSION_LOWER);
	struct trust fork = office_trust(&office, 3);
	fork.entry_count--;
	office_refused(&office, "put", put_trust(&fork, &office.roots[0], &office.roots[2]),
		       E_TRUST_FORK);
	/* Nor by keys that only call themselves roots. */
	struct trust fourth = office_trust(&office, 4);
	struct office_key self[2] = {office.roots[0], office.roots[1]};
	self[0].key = office.stranger.key;
	self[0].cert = office.stranger.cert;
	const struct doc *reply;
	struct err err = {0};
	assert_false(
		office_call(&office, "put", put_trust(&fourth, &self[0], &self[1]), &reply, &err));
	assert_int_equal(err_code_kind(err.code), ERR_BROKEN_EVIDENCE);
	assert_true(release_open());
}

/* The author is revoked: what stood open under the old trust closes with the new one, at once. */
static void test_trust__revocation_closes_at_once(void **state)
{
	(void)state;
	struct trust revoking = office_trust(&office, 4);
	struct trust next = office_trust(&office, 5);

	office_given_started(&office);
	office_must(&office, "lease", office_lease_members(&office, "unit-1", 1, "install"));
	revoking.revoked = &office.author.cert.key_id;
	revoking.revoked_count = 1;
	office_must(&office, "put", put_trust(&revoking, &office.roots[1], &office.roots[2]));
	assert_false(release_open());
	office.trust_version = 4;
	office_refused(&office, "lease", office_lease_members(&office, "unit-1", 1, "install"),
		       E_LEASE_GATE_CLOSED);
	office_must(&office, "put", put_trust(&next, &office.roots[1], &office.roots[2]));
	office.trust_version = 5;
	assert_true(release_open());
}

/* What ends by itself closes by itself; and an ended document makes nobody an admin. */
static void test_trust__that_has_expired_opens_nothing(void **state)
{
	(void)state;
	const struct office_key *const admins[] = {&office.ada, &office.ben};
	struct trust brief = office_trust(&office, 6);
	struct trust next = office_trust(&office, 7);
	struct doc *acts = doc_array(office.arena);
	struct doc *one = act_of(acts, "role.revoke");

	doc_set_text(one, "person", "p-manager");
	doc_set_text(one, "role", "release_manager");
	doc_set_text(one, "product", "*");
	brief.expires_at = clock_now() + 2 * CLOCK_SECOND;
	office_must(&office, "put", put_trust(&brief, &office.roots[1], &office.roots[2]));
	assert_true(release_open());
	clock_sleep(2 * CLOCK_SECOND);
	assert_false(release_open());
	office_refused(&office, "lease", office_lease_members(&office, "unit-1", 1, "install"),
		       E_LEASE_GATE_CLOSED);
	office_refused(&office, "put", office_statement(&office, acts, admins, 2), E_TRUST_EXPIRED);
	office_must(&office, "put", put_trust(&next, &office.roots[1], &office.roots[2]));
	office.trust_version = 7;
	assert_true(release_open());
}

/* ---- what is sealed ---- */

struct draft {
	const char *product;
	const char *version;
	int64_t sequence;
	const struct office_key *author;
	struct bytes signed_bytes; /* empty: the manifest's own */
	const char *row_version;   /* NULL: as in the manifest */
};

static int64_t next_sequence = 500;

static struct bytes manifest_of(const struct draft *draft)
{
	static const char *const hardware[] = {"rev-1"};
	struct manifest old;
	struct bytes bytes;
	struct err err = {0};

	assert_true(manifest_parse(office.arena, office.manifest, &old, &err));
	struct manifest manifest = {.product = draft->product,
				    .version = draft->version,
				    .sequence = draft->sequence,
				    .hardware = {.at = hardware, .count = 1},
				    .artifacts = old.artifacts,
				    .artifact_count = old.artifact_count,
				    .made_at = clock_now()};
	assert_true(manifest_write(office.arena, &manifest, &bytes, &err));
	return bytes;
}

static struct doc *seal_put(const char *release)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "what", "seal-release");
	doc_set_text(members, "release", release);
	return members;
}

/* Drafted as the service would, with whatever signature; the put that would seal it. */
static struct doc *drafted(struct draft draft)
{
	char id[37];
	struct bytes bytes = manifest_of(&draft);
	struct bytes cms = office_cms(&office, draft.author,
				      draft.signed_bytes.size ? draft.signed_bytes : bytes);
	struct sha256_hex digest = office_store(&office, MANIFEST_TYPE, bytes);

	id_uuid_draw(id);
	session_must(
		service,
		arena_printf(
			office.arena,
			"INSERT INTO document_signature (sha256, role, key_id, signature) VALUES "
			"('%s', 'author', '%s', '\\x%s'); "
			"INSERT INTO release (id, product, version, sequence, manifest_sha256, drafted_by) "
			"VALUES ('%s', '%s', '%s', %lld, '%s', 'p-author')",
			digest.text, draft.author->cert.key_id.text, encode_hex(office.arena, cms),
			id, draft.product, draft.row_version ? draft.row_version : draft.version,
			(long long)draft.sequence, digest.text));
	return seal_put(arena_text(office.arena, id));
}

static struct draft honest(const struct office_key *author)
{
	next_sequence++;
	return (struct draft){
		.product = OFFICE_PRODUCT,
		.version = arena_printf(office.arena, "5.%lld.0", (long long)next_sequence),
		.sequence = next_sequence,
		.author = author};
}

static void test_seal__takes_only_an_author_of_this_product_over_these_bytes(void **state)
{
	(void)state;
	struct draft draft = honest(&office.other_author);

	office_refused(&office, "put", drafted(draft), E_TRUST_KEY_PRODUCT);
	draft = honest(&office.qa);
	office_refused(&office, "put", drafted(draft), E_CERT);
	draft = honest(&office.stranger);
	office_refused(&office, "put", drafted(draft), E_CERT);
	draft = honest(&office.author);
	draft.signed_bytes = office.manifest;
	office_refused(&office, "put", drafted(draft), E_SIGNATURE);
	draft = honest(&office.author);
	draft.row_version = "9.9.9";
	office_refused(&office, "put", drafted(draft), E_RELEASE_MANIFEST);
	draft = honest(&office.author);
	office_must(&office, "put", drafted(draft));
}

/* Beside a manifest lie as many signatures as anybody likes; few are looked at, and none brings the
 * keeper down. */
static void test_seal__is_not_drowned_in_signatures(void **state)
{
	(void)state;
	struct doc *put = drafted(honest(&office.stranger));

	session_must(service,
		     arena_printf(office.arena,
				  "INSERT INTO document_signature (sha256, role, key_id, "
				  "signature) SELECT manifest_sha256, 'author', repeat('e', 64), "
				  "decode(repeat(md5(n::text), 2048), 'hex') || "
				  "decode(repeat(md5(n::text), 2040), 'hex') "
				  "FROM release, generate_series(1, 2000) n WHERE id = '%s'",
				  doc_get_text(put, "release")));
	const struct doc *reply;
	struct err err = {0};
	assert_false(office_call(&office, "put", put, &reply, &err));
	assert_int_equal(err_code_kind(err.code), ERR_BROKEN_EVIDENCE);
	assert_true(release_open());
}

/* ---- documents as large as they can be stored, of nothing sensible ---- */

static struct bytes filled(const char *begin, const char *unit, const char *end, size_t size)
{
	size_t head = strlen(begin), step = strlen(unit), tail = strlen(end);
	char *text = arena_alloc(office.arena, size);
	size_t at = head;

	memcpy(text, begin, head);
	for (; at + step + tail <= size; at += step)
		memcpy(text + at, unit, step);
	memcpy(text + at, end, tail);
	return bytes_of(text, at + tail);
}

static void expect_bytes_refused(struct bytes bytes)
{
	static const char *const types[] = {"trust", "directory", "record", "plan"};
	char id[37];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct doc *members = doc_object(office.arena);
		struct doc *cms = doc_array(office.arena);
		const struct doc *reply;
		struct err err = {0};
		/* Stored once, under the first of the types it is sent as. */
		((char *)(uintptr_t)bytes.data)[bytes.size - 1] = (char)(' ' + i);
		const char *digest =
			office_store(&office,
				     arena_printf(office.arena, "countersign.%s.v1", types[i]),
				     bytes)
				.text;
		digest = arena_text(office.arena, digest);
		doc_set_text(members, "what", types[i]);
		doc_add_text(cms, "AAAA");
		id_uuid_draw(id);
		if (i < 2)
			doc_set(members, "cms", cms);
		if (i < 3)
			doc_set_text(members, "sha256", digest);
		if (i == 2) {
			doc_set_text(members, "release", office.release);
			doc_set_text(members, "added_by", "p-qa");
		}
		if (i == 3) {
			doc_set_text(members, "campaign", id);
			session_must(
				service,
				arena_printf(office.arena,
					     "INSERT INTO campaign (id, name, product, release, "
					     "plan_sha256, drafted_by) VALUES ('%s', 'x', '%s', "
					     "'%s', '%s', 'x')",
					     id, OFFICE_PRODUCT, office.release, digest));
		}
		assert_false(office_call(&office, "put", members, &reply, &err));
		enum err_kind kind = err_code_kind(err.code);
		if (kind != ERR_INVALID && kind != ERR_TOO_MUCH && kind != ERR_BROKEN_EVIDENCE)
			fail_msg("%s: %s: %s", types[i], err_code_text(err.code), err.text);
	}
}

static void test_put__refuses_huge_documents_in_words(void **state)
{
	(void)state;
	const size_t most = 8 * 1024 * 1024;

	expect_bytes_refused(filled("", "[", "", most));
	expect_bytes_refused(filled("{\"targets\":[", "[],", "[]]} ", most));
	expect_bytes_refused(filled("{\"name\":\"", "x", "\"} ", most));
	expect_bytes_refused(filled("{\"type\":\"countersign.plan.v1\",\"targets\":[", "{\"a\":1},",
				    "0]} ", most));
	expect_bytes_refused(filled("", "\xff", "", most));
	assert_true(release_open());
}

/* ---- rows changed by whoever owns the database ---- */

static void edit(const char *table, const char *sql)
{
	session_must(owner, arena_printf(office.arena,
					 "ALTER TABLE %s DISABLE TRIGGER USER; %s; "
					 "ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_row, "
					 "ENABLE ALWAYS TRIGGER append_only_all",
					 table, sql, table));
}

static void expect_row_refused(const char *table, const char *change, const char *undo)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "gate", "campaign");
	doc_set_text(members, "subject", office.campaign);
	doc_set_bool(members, "dry", true);
	edit(table, change);
	office_refused(&office, "decide", members, E_LEDGER_ROW);
	edit(table, undo);
	office_must(&office, "decide", members);
}

static void test_gate__does_not_believe_rows_that_their_event_does_not_bear_out(void **state)
{
	(void)state;
	const char *release = office.release;
	const char *id = arena_printf(office.arena, "object_id = '%s'", release);
	const char *of_record = arena_printf(office.arena, "WHERE release = '%s'", release);

	office_must(&office, "sign",
		    office_answer(&office, "p-qa", "approved", "release", release, NULL));
	expect_row_refused(
		"signature",
		arena_printf(
			office.arena,
			"UPDATE signature SET strength = 'personal-key', key_id = repeat('a', 64) "
			"WHERE %s AND cms IS NULL",
			id),
		arena_printf(office.arena,
			     "UPDATE signature SET strength = 'keeper-checked', key_id = NULL "
			     "WHERE %s AND cms IS NULL",
			     id));
	expect_row_refused(
		"signature",
		arena_printf(office.arena, "UPDATE signature SET person = 'p-manager' WHERE %s",
			     id),
		arena_printf(office.arena, "UPDATE signature SET person = 'p-qa' WHERE %s", id));
	expect_row_refused("signature",
			   arena_printf(office.arena,
					"UPDATE signature SET sha256 = repeat('a', 64) WHERE %s "
					"AND cms IS NULL",
					id),
			   arena_printf(office.arena,
					"UPDATE signature SET sha256 = (SELECT sha256 FROM "
					"signature WHERE %s AND cms IS NOT NULL) WHERE %s",
					id, id));
	expect_row_refused("record",
			   arena_printf(office.arena, "UPDATE record SET sha256 = '%s' %s",
					office.plan_sha256.text, of_record),
			   arena_printf(office.arena, "UPDATE record SET sha256 = '%s' %s",
					office.record_sha256.text, of_record));
	expect_row_refused("release_seal",
			   arena_printf(office.arena,
					"UPDATE release_seal SET author_cms = author_cms || 'x' %s",
					of_record),
			   arena_printf(office.arena,
					"UPDATE release_seal SET author_cms = "
					"substr(author_cms, 1, length(author_cms) - 1) %s",
					of_record));
	expect_row_refused(
		"campaign_plan",
		arena_printf(office.arena, "UPDATE campaign_plan SET plan_sha256 = '%s' %s",
			     office.record_sha256.text, of_record),
		arena_printf(office.arena, "UPDATE campaign_plan SET plan_sha256 = '%s' %s",
			     office.plan_sha256.text, of_record));
	assert_true(release_open());
}

/* The event itself: its leaf in the log is another. */
static void test_gate__does_not_believe_events_that_were_changed(void **state)
{
	(void)state;
	const char *change = arena_printf(
		office.arena,
		"UPDATE event SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), "
		"'keeper-checked', 'personal-key'), 'UTF8') WHERE id IN (SELECT event FROM signature "
		"WHERE object_id = '%s' AND cms IS NULL)",
		office.release);
	const char *undo = arena_printf(
		office.arena,
		"UPDATE event SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), "
		"'personal-key', 'keeper-checked'), 'UTF8') WHERE id IN (SELECT event FROM signature "
		"WHERE object_id = '%s' AND cms IS NULL)",
		office.release);

	expect_row_refused("event", change, undo);
	ledger_must_hold(&office);
}

/* ---- a ruleset that was adopted but never sealed ---- */

static struct doc *adoption(void)
{
	struct doc *acts = doc_array(office.arena);
	struct doc *one = act_of(acts, "ruleset.adopt");
	struct bytes pretty;
	struct bytes bytes;
	struct err err = {0};

	assert_true(file_read(office.arena, "policy/rulesets/baseline.json", 1024 * 1024, &pretty,
			      &err));
	assert_true(ruleset_canonical(office.arena, pretty, &bytes, &err));
	doc_set_text(one, "name", "baseline");
	doc_set_text(one, "sha256", office_store(&office, "countersign.ruleset.v1", bytes).text);
	return acts;
}

static void statement_done(const struct doc *members)
{
	office.statement_number++;
	snprintf(office.statement_sha256.text, sizeof(office.statement_sha256.text), "%s",
		 doc_get_text(members, "sha256"));
}

/* The service makes the number of the adoption's event false. The admins hear of it, and no gate goes on
 * under the rules of before. */
static void test_rules__of_before_do_not_stay_when_an_adoption_is_kept_from_sealing(void **state)
{
	(void)state;
	const struct office_key *const admins[] = {&office.ada, &office.ben};
	struct doc *members = doc_object(office.arena);

	ledger_settled(&office);
	session_must(
		service,
		"UPDATE stream SET count = count + 7 WHERE kind = 'policy' AND id = 'baseline'");
	struct doc *kept = office_statement(&office, adoption(), admins, 2);
	office_refused(&office, "put", kept, E_LEDGER_SET_ASIDE);
	statement_done(kept);
	doc_set_text(members, "gate", "release");
	doc_set_text(members, "subject", office.release);
	doc_set_bool(members, "dry", true);
	office_refused(&office, "decide", members, E_LEDGER_NOT_SEALED);
	/* Put right, and adopted again. */
	session_must(service,
		     "UPDATE stream s SET count = t.count, leaf = t.leaf FROM sealed_stream t "
		     "WHERE s.kind = t.kind AND s.id = t.id AND s.kind = 'policy'");
	struct doc *again = office_statement(&office, adoption(), admins, 2);
	office_must(&office, "put", again);
	statement_done(again);
	office_must(&office, "decide", members);
}

/* ---- what goes into git ---- */

/* Garbage beside the statement, put there before the person's own answer came. */
static void test_history__shows_the_signature_that_was_checked(void **state)
{
	(void)state;
	char output[256];
	int code;

	office_given_release(&office);
	office_given_tested(&office);
	struct doc *answer =
		office_answer(&office, "p-qa", "approved", "release", office.release, &office.qa);
	session_must(
		service,
		arena_printf(
			office.arena,
			"INSERT INTO document_signature (sha256, role, key_id, signature) "
			"SELECT sha256, 'person', '%s', decode(repeat('00', 64), 'hex') FROM document "
			"WHERE type = 'countersign.signature.v1' AND "
			"position(convert_to('%s', 'UTF8') in bytes) > 0",
			office.qa.cert.key_id.text, doc_get_text(answer, "challenge")));
	const struct doc *given = office_must(&office, "sign", answer);
	office_settled(&office);
	const char *version = arena_printf(office.arena, "1.%lld.0", (long long)office.sequence);
	const char *const words[] = {
		"git",
		"-c",
		"safe.directory=*",
		"--git-dir",
		office.settings.git,
		"cat-file",
		"-s",
		arena_printf(office.arena, "%s:%s/signatures/%s.p7s",
			     gitrepo_ref_of(office.arena, OFFICE_PRODUCT, version), version,
			     doc_get_text(given, "signature")),
		NULL};
	struct bytes cms;
	struct err err = {0};
	assert_true(decode_base64(office.arena, doc_get_text(answer, "cms"), &cms, &err));
	assert_true(process_run(words, NULL, &code, output, sizeof(output)));
	if (code != 0)
		fail_msg("%s", output);
	assert_int_equal(strtoll(output, NULL, 10), cms.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory__takes_nothing_without_two_admins_keys),
		cmocka_unit_test(test_directory__takes_no_keys_of_other_roles),
		cmocka_unit_test(test_directory__takes_no_signatures_of_another_statement),
		cmocka_unit_test(test_trust__never_goes_back_nor_two_ways),
		cmocka_unit_test(test_trust__revocation_closes_at_once),
		cmocka_unit_test(test_trust__that_has_expired_opens_nothing),
		cmocka_unit_test(test_seal__takes_only_an_author_of_this_product_over_these_bytes),
		cmocka_unit_test(test_seal__is_not_drowned_in_signatures),
		cmocka_unit_test(test_put__refuses_huge_documents_in_words),
		cmocka_unit_test(
			test_gate__does_not_believe_rows_that_their_event_does_not_bear_out),
		cmocka_unit_test(test_gate__does_not_believe_events_that_were_changed),
		cmocka_unit_test(
			test_rules__of_before_do_not_stay_when_an_adoption_is_kept_from_sealing),
		cmocka_unit_test(test_history__shows_the_signature_that_was_checked),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
