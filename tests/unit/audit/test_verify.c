/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the verifier walk from the pinned roots to what people signed? A small ledger made by hand,
 * with keys drawn here: a trust document, directory statements, a release. What a whole
 * installation writes is tried in tests/flow/test_export.c and test_forgery.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/certs.h"
#include "tests/support/evidence.h"

#include "audit/package.h"
#include "common/wire/directory.h"
#include "common/wire/manifest.h"
#include "common/wire/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORIGIN "unit.example/ledger"
#define RELEASE "00000000-0000-4000-8000-0000000000a1"
enum { MINUTE = 60, CASE_BYTES = 256 * 1024 * 1024 };

struct key {
	EVP_PKEY *raw;
	struct sign_key *key;
	struct sign_cert cert;
};

static struct arena *keys; /* of the whole program */
static struct key roots[3], new_root, author, ada, ben, cleo;
static struct sign_key *ledger_key, *other_ledger_key;

static struct arena *arena; /* of the case */
static struct evidence *ledger;
static struct trust_pin pin;
static clock_us now;
static struct sha256_hex previous; /* directory statement */
static int64_t number;
static char folder[64];

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

/* ---- keys ---- */

static void make_key(struct key *out, enum sign_role role, const char *kind)
{
	struct certs_recipe recipe = certs_leaf(role);
	struct err err = {0};

	out->raw = certs_key(keys, kind);
	out->key = certs_sign_key(keys, out->raw);
	X509 *x509 = certs_make(keys, &recipe, out->raw, NULL, NULL);
	expect_done(sign_cert_read(keys, certs_der(keys, x509), &out->cert, &err), &err);
}

static int begin_all(void **state)
{
	(void)state;
	keys = arena_new(CASE_BYTES);
	for (size_t i = 0; i < 3; i++)
		make_key(&roots[i], SIGN_ROOT, "P-384");
	make_key(&new_root, SIGN_ROOT, "P-384");
	make_key(&author, SIGN_AUTHOR, "P-256");
	make_key(&ada, SIGN_PERSON, "P-256");
	make_key(&ben, SIGN_PERSON, "P-256");
	make_key(&cleo, SIGN_PERSON, "P-256");
	ledger_key = certs_sign_key(keys, certs_key(keys, "ED25519"));
	other_ledger_key = certs_sign_key(keys, certs_key(keys, "ED25519"));
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	arena_free(keys);
	return 0;
}

static struct bytes cms_of(const struct key *key, struct bytes content)
{
	struct bytes cms = {0};
	struct err err = {0};

	expect_done(sign_cms(arena, key->key, &key->cert, content, &cms, &err), &err);
	return cms;
}

static void put_signature(const char *sha256, const char *role, const struct key *key,
			  struct bytes content)
{
	evidence_put(ledger, package_signature_path(arena, sha256, role, key->cert.key_id.text),
		     cms_of(key, content));
}

/* ---- the ledger ---- */

static struct evidence_event *tell(enum event_kind kind, const struct doc *data,
				   enum stream_kind stream, const char *id)
{
	struct evidence_event *event = evidence_append(ledger, kind, now, data);

	now += CLOCK_SECOND;
	event->event.streams[0] = (struct event_stream){.kind = stream, .id = id};
	event->event.stream_count = 1;
	return event;
}

static struct trust_entry entry_of(struct bytes spki, enum sign_alg alg, const char *role,
				   const char *name, const char *person)
{
	return (struct trust_entry){
		.role = role,
		.name = name,
		.person = person,
		.key = {.alg = sign_alg_word(alg), .spki = spki},
		.not_before = now - 3600 * CLOCK_SECOND,
		.not_after = now + 30 * 86400 * CLOCK_SECOND,
	};
}

struct trusting {
	int64_t version;
	const struct key *root[3];
	const struct key *signers[3]; /* NULL-ended */
	const struct sign_key *ledger;
	const struct sha256_hex *revoked; /* one key, NULL: none */
};

static void adopt_trust(const struct trusting *trusting)
{
	struct bytes root_keys[3];
	struct trust_entry entries[] = {
		entry_of(author.cert.spki, SIGN_P256, "author", "EXAMPLE author", "p-author"),
		entry_of(sign_key_spki(trusting->ledger), SIGN_ED25519, "ledger", "EXAMPLE ledger",
			 NULL),
		entry_of(ada.cert.spki, SIGN_P256, "admin", "EXAMPLE ada", "p-ada"),
		entry_of(ben.cert.spki, SIGN_P256, "admin", "EXAMPLE ben", "p-ben"),
	};
	struct trust trust = {
		.version = trusting->version,
		.issued_at = now,
		.expires_at = now + 30 * 86400 * CLOCK_SECOND,
		.slot = "maker",
		.roots = {.k = 2, .keys = root_keys, .key_count = 3},
		.entries = entries,
		.entry_count = 4,
		.revoked = trusting->revoked,
		.revoked_count = trusting->revoked ? 1 : 0,
	};
	struct doc *data = doc_object(arena);
	struct bytes document = {0};
	struct err err = {0};

	for (size_t i = 0; i < 3; i++)
		root_keys[i] = trusting->root[i]->cert.spki;
	expect_done(trust_write(arena, &trust, &document, &err), &err);
	struct sha256_hex sha256 = evidence_document(ledger, document);
	for (size_t i = 0; i < 3 && trusting->signers[i]; i++)
		put_signature(sha256.text, "root", trusting->signers[i], document);
	doc_set_text(data, "slot", "maker");
	doc_set_int(data, "version", trusting->version);
	doc_set_text(data, "sha256", sha256.text);
	(void)tell(EV_TRUST_ADOPTED, data, STREAM_TRUST, "maker");
}

/* The statement's event, then one per act, as the keeper writes them. */
static void act_events(const struct directory *statement, const struct sha256_hex *sha256)
{
	for (size_t i = 0; i < statement->act_count; i++) {
		const struct directory_act *act = &statement->acts[i];
		struct doc *data = doc_object(arena);
		enum directory_kind kind = (enum directory_kind)act->kind;
		doc_set_text(data, "statement", sha256->text);
		doc_set_text(data, "act", directory_kind_word(kind));
		if (kind == DIRECTORY_PRODUCT_PUT) {
			(void)tell(EV_PRODUCT_CHANGED, data, STREAM_PRODUCT, act->product);
		} else if (kind == DIRECTORY_KEY_REVOKE) {
			doc_set_text(data, "key_id", act->key_id.text);
			(void)tell(EV_DIRECTORY_ACTED, data, STREAM_POLICY, "directory");
		} else {
			(void)tell(EV_PERSON_CHANGED, data, STREAM_PERSON, act->person);
		}
	}
}

static void direct(const struct directory_act *acts, size_t count, const struct key *first,
		   const struct key *second)
{
	struct directory statement = {.number = ++number,
				      .previous = previous,
				      .at = now,
				      .reason = "EXAMPLE",
				      .acts = acts,
				      .act_count = count};
	const struct key *signers[] = {first, second};
	struct doc *data = doc_object(arena);
	struct doc *admins = doc_array(arena);
	struct bytes document = {0};
	struct err err = {0};

	expect_done(directory_write(arena, &statement, &document, &err), &err);
	previous = evidence_document(ledger, document);
	for (size_t i = 0; i < 2; i++) {
		put_signature(previous.text, "person", signers[i], document);
		doc_add_text(admins, signers[i] == &ada	  ? "p-ada"
				     : signers[i] == &ben ? "p-ben"
							  : "p-cleo");
	}
	doc_set_int(data, "number", number);
	doc_set_text(data, "sha256", previous.text);
	doc_set(data, "admins", admins);
	doc_set_int(data, "acts", (int64_t)count);
	tell(EV_DIRECTORY_ACTED, data, STREAM_POLICY, "directory")->event.reason = "EXAMPLE";
	act_events(&statement, &previous);
}

/* cleo joins, with a key and the role of an admin. */
static void direct_cleo(void)
{
	static const char *const hardware[] = {"rev-1"};
	static const char *const rulesets[] = {"baseline"};
	const struct directory_act acts[] = {
		{.kind = DIRECTORY_PRODUCT_PUT,
		 .product = "pump-a",
		 .name = "EXAMPLE pump",
		 .hardware = {.at = hardware, .count = 1},
		 .rulesets = {.at = rulesets, .count = 1}},
		{.kind = DIRECTORY_PERSON_ADD,
		 .person = "p-cleo",
		 .name = "EXAMPLE cleo",
		 .organisation = "EXAMPLE"},
		{.kind = DIRECTORY_ROLE_GRANT, .person = "p-cleo", .role = "admin", .product = "*"},
		{.kind = DIRECTORY_KEY_ENROL, .person = "p-cleo", .certificate = cleo.cert.der},
	};

	direct(acts, 4, &ada, &ben);
}

static void direct_person(const char *id, const struct key *first, const struct key *second)
{
	const struct directory_act act = {.kind = DIRECTORY_PERSON_ADD,
					  .person = id,
					  .name = "EXAMPLE",
					  .organisation = "EXAMPLE"};

	direct(&act, 1, first, second);
}

static void seal_release(const struct key *by)
{
	static const char *const hardware[] = {"rev-1"};
	const struct manifest_artifact artifact = {
		.name = "image.bin",
		.size_bytes = 5,
		.sha256 = digest_sha256_hex(bytes_of_text("image"))};
	struct manifest manifest = {.product = "pump-a",
				    .version = "1.0.0",
				    .sequence = 1,
				    .security_floor = 1,
				    .hardware = {.at = hardware, .count = 1},
				    .artifacts = &artifact,
				    .artifact_count = 1,
				    .made_at = now};
	struct doc *data = doc_object(arena);
	struct bytes document = {0};
	struct err err = {0};

	expect_done(manifest_write(arena, &manifest, &document, &err), &err);
	struct sha256_hex sha256 = evidence_document(ledger, document);
	struct bytes cms = cms_of(by, document);
	evidence_put(ledger,
		     package_signature_path(arena, sha256.text, "author", by->cert.key_id.text),
		     cms);
	doc_set_text(data, "product", "pump-a");
	doc_set_text(data, "version", "1.0.0");
	doc_set_int(data, "sequence", 1);
	doc_set_text(data, "manifest_sha256", sha256.text);
	doc_set_text(data, "author_key_id", by->cert.key_id.text);
	doc_set_text(data, "author_cms_sha256", digest_sha256_hex(cms).text);
	struct evidence_event *event = tell(EV_RELEASE_SEALED, data, STREAM_PRODUCT, "pump-a");
	event->event.streams[1] = (struct event_stream){.kind = STREAM_RELEASE, .id = RELEASE};
	event->event.stream_count = 2;
}

static struct trusting first_trust(void)
{
	return (struct trusting){.version = 1,
				 .root = {&roots[0], &roots[1], &roots[2]},
				 .signers = {&roots[0], &roots[2], NULL},
				 .ledger = ledger_key};
}

static int begin(void **state)
{
	static struct sha256_hex ids[3];

	(void)state;
	arena = arena_new(CASE_BYTES);
	ledger = evidence_new(arena, ORIGIN);
	now = (clock_us)certs_now() * CLOCK_SECOND;
	number = 0;
	memset(previous.text, '0', 64);
	for (size_t i = 0; i < 3; i++)
		ids[i] = roots[i].cert.key_id;
	pin = (struct trust_pin){.slot = "maker",
				 .roots = {.k = 2, .spki_sha256 = ids, .spki_sha256_count = 3}};
	snprintf(folder, sizeof(folder), "/tmp/countersign-verify-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	evidence_remove_folder(folder);
	arena_free(arena);
	return 0;
}

static void given_ledger(void)
{
	struct trusting trusting = first_trust();

	adopt_trust(&trusting);
	direct_cleo();
	seal_release(&author);
}

static void expect_ok(void)
{
	evidence_write(ledger, folder, ledger_key);
	evidence_expect_ok(folder, &pin);
}

static void expect_found(const char *words)
{
	evidence_write(ledger, folder, ledger_key);
	evidence_expect_found(folder, &pin, VERIFY_TAMPERED, NULL, words);
}

/* ---- as it should be ---- */

static void test_verify__walks_from_root_to_release(void **state)
{
	(void)state;
	given_ledger();
	evidence_write(ledger, folder, ledger_key);
	struct verify_report report = evidence_verify(arena, folder, &pin);
	if (verify_exit(&report) != 0)
		fail_msg("%s", verify_text(arena, &report));
	assert_int_equal(report.counts[COUNT_EVENTS], 7);
	assert_int_equal(report.counts[COUNT_TRUST], 1);
	assert_int_equal(report.counts[COUNT_STATEMENTS], 1);
	assert_int_equal(report.counts[COUNT_RELEASES], 1);
	assert_int_equal(report.size, 7);
	assert_string_equal(report.origin, ORIGIN);
	/* The release waits for its commit: that is said, and nothing is wrong. */
	assert_int_equal(report.finding_count, 1);
	assert_int_equal(report.findings[0].grade, VERIFY_NOTE);
	assert_non_null(strstr(verify_text(arena, &report), "1 acts had no commit"));
	const struct doc *doc = verify_doc(arena, &report);
	assert_string_equal(doc_get_text(doc, "verdict"), "OK");
	assert_int_equal(doc_int(doc_get(doc, "exit"), 9), 0);
}

static void test_verify__says_nothing_without_pins_but_consistent(void **state)
{
	(void)state;
	given_ledger();
	evidence_write(ledger, folder, ledger_key);
	struct verify_report report = evidence_verify(arena, folder, NULL);
	assert_int_equal(verify_exit(&report), 2);
	assert_false(report.authenticated);
	assert_string_equal(verify_word(&report), "CONSISTENT, NOT AUTHENTICATED");
}

static void test_verify__needs_a_folder(void **state)
{
	struct verify_report report;
	struct err err = {0};

	(void)state;
	assert_false(verify_package(arena, "/nonexistent", &pin, &report, &err));
	assert_int_equal(err.code, E_FILE);
	evidence_file_put(folder, "something", bytes_of_text("x"));
	evidence_expect_found(folder, &pin, VERIFY_INCOMPLETE, "manifest.json", "cannot be read");
}

/* Bundles of 256: one event less, exactly, one more, several. */
static void test_verify__takes_any_number_of_events(void **state)
{
	static const size_t sizes[] = {255, 256, 257, 511, 512, 600};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		given_ledger();
		while (ledger->event_count < sizes[i]) {
			struct doc *data = doc_object(arena);
			doc_set_text(data, "version", "1");
			doc_set_int(data, "size", (int64_t)ledger->event_count);
			(void)tell(EV_KEEPER_STARTED, data, STREAM_SYSTEM, "keeper");
		}
		expect_ok();
		if (sizes[i] > 256) {
			const char *path =
				arena_printf(arena, "%s/content/events/000000001", folder);
			assert_int_equal(unlink(path), 0);
			evidence_expect_found(folder, &pin, VERIFY_INCOMPLETE,
					      "content/events/000000001", "missing");
			evidence_fit_manifest(folder);
			evidence_expect_found(folder, &pin, VERIFY_INCOMPLETE,
					      "content/events/000000001", "missing");
		}
		(void)end(NULL);
		(void)begin(NULL);
	}
}

/* ---- events ---- */

/* The bytes of an event, as they would be written first in its stream, with some changed. */
static struct bytes odd_event(const char *from, const char *to)
{
	struct doc *data = doc_object(arena);
	struct evidence_event event = {
		.event = {.kind = EV_LOGIN_DONE, .data = data, .stream_count = 1},
		.act = {.actor_kind = ACTOR_KEEPER,
			.actor = "keeper/1",
			.at = now,
			.request = "test",
			.arena = arena},
	};
	struct bytes bytes = {0};
	struct err err = {0};

	event.event.streams[0] =
		(struct event_stream){.kind = STREAM_PERSON, .id = "p-odd", .no = 1};
	id_uuid_draw(event.event.id.text);
	expect_done(event_write(&event.event, &event.act, "keeper/1", "synchronized", &bytes, &err),
		    &err);
	const char *text = arena_text_of(arena, bytes);
	const char *at = strstr(text, from);
	assert_non_null(at);
	return bytes_of_text(
		arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
}

static void test_events__that_are_none_are_named(void **state)
{
	static const struct {
		const char *from, *to, *words;
	} odd[] = {
		{"login.succeeded", "login.invented", "its bytes are no event"},
		{"{\"actor\"", "{ \"actor\"", "its bytes are no event"},
		{"event.v1", "event.v2", "its bytes are no event"},
		{"\"data\":{}", "\"data\":{},\"more\":1", "its bytes are no event"},
		{"\"no\":1", "\"no\":0", "its bytes are no event"},
		{"\"no\":1", "\"no\":2", "and 1 would be the next"},
		{"\"prev\":\"0", "\"prev\":\"1", "does not follow the event before it"},
		{"\"writer\":\"keeper/1\"", "\"writer\":\"service/1\"",
		 "may not write events of this kind"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		given_ledger();
		tell(EV_KEEPER_STARTED, NULL, STREAM_SYSTEM, "keeper")->instead =
			odd_event(odd[i].from, odd[i].to);
		expect_found(odd[i].words);
		(void)end(NULL);
		(void)begin(NULL);
	}
	given_ledger();
	tell(EV_KEEPER_STARTED, NULL, STREAM_SYSTEM, "keeper")->instead =
		odd_event("synchronized", "synchronized");
	expect_ok();
}

/* ---- trust ---- */

static void test_trust__needs_the_pinned_quorum(void **state)
{
	struct trusting trusting = first_trust();

	(void)state;
	trusting.signers[1] = NULL;
	adopt_trust(&trusting);
	expect_found("Too few of the root keys that are trusted here");
}

static void test_trust__counts_no_stranger(void **state)
{
	struct trusting trusting = first_trust();

	(void)state;
	trusting.signers[1] = &new_root;
	adopt_trust(&trusting);
	expect_found("Too few of the root keys that are trusted here");
}

static void test_trust__changes_roots_by_both_quorums(void **state)
{
	struct trusting next = first_trust();

	(void)state;
	given_ledger();
	next.version = 2;
	next.root[2] = &new_root;
	next.signers[1] = &roots[1];
	adopt_trust(&next);
	next.version = 3; /* now the new one counts, and the old third does not */
	next.signers[0] = &roots[0];
	next.signers[1] = &new_root;
	adopt_trust(&next);
	direct_person("p-dora", &ada, &ben);
	expect_ok();
}

static void test_trust__takes_no_new_roots_from_themselves(void **state)
{
	struct trusting next = first_trust();

	(void)state;
	given_ledger();
	next.version = 2;
	next.root[2] = &new_root;
	next.signers[0] = &new_root;
	next.signers[1] = &roots[2];
	adopt_trust(&next);
	expect_found("Too few of the root keys");
}

static void test_trust__never_goes_back(void **state)
{
	struct trusting next = first_trust();

	(void)state;
	next.version = 5;
	adopt_trust(&next);
	next.version = 4;
	adopt_trust(&next);
	expect_found("is older than version 5");
}

static void test_ledger_key__that_was_revoked_signs_no_checkpoint(void **state)
{
	struct trusting next = first_trust();
	struct sha256_hex revoked = sign_key_id(sign_key_spki(ledger_key));

	(void)state;
	given_ledger();
	next.version = 2;
	next.ledger = other_ledger_key;
	next.revoked = &revoked;
	adopt_trust(&next);
	evidence_write(ledger, folder, ledger_key);
	evidence_expect_found(folder, &pin, VERIFY_TAMPERED, "content/checkpoint",
			      "it is not signed for this ledger");
	evidence_remove_folder(folder);
	evidence_write(ledger, folder, other_ledger_key);
	evidence_expect_ok(folder, &pin);
}

/* ---- the directory ---- */

static void test_directory__is_signed_by_admins_of_earlier_statements(void **state)
{
	(void)state;
	given_ledger();
	direct_person("p-dora", &cleo, &ada);
	expect_ok();
}

static void test_directory__needs_two_different_admins(void **state)
{
	(void)state;
	given_ledger();
	direct_person("p-dora", &ada, &ada);
	expect_found("carries the signatures of 1 admins");
}

static void test_directory__takes_no_admin_before_its_statement(void **state)
{
	struct trusting trusting = first_trust();

	(void)state;
	adopt_trust(&trusting);
	direct_person("p-dora", &cleo, &ada);
	expect_found("carries the signatures of 1 admins");
}

static void test_directory__takes_no_admin_who_left(void **state)
{
	const struct directory_act leave = {.kind = DIRECTORY_PERSON_LEAVE, .person = "p-cleo"};

	(void)state;
	given_ledger();
	direct(&leave, 1, &ada, &ben);
	now += 2 * MINUTE * CLOCK_SECOND;
	direct_person("p-dora", &cleo, &ada);
	expect_found("carries the signatures of 1 admins");
}

static void test_directory__takes_no_key_that_was_revoked(void **state)
{
	const struct directory_act revoke = {.kind = DIRECTORY_KEY_REVOKE,
					     .key_id = cleo.cert.key_id};

	(void)state;
	given_ledger();
	direct(&revoke, 1, &ada, &ben);
	now += 2 * MINUTE * CLOCK_SECOND;
	direct_person("p-dora", &cleo, &ada);
	expect_found("carries the signatures of 1 admins");
}

static void test_directory__takes_no_role_that_was_revoked(void **state)
{
	const struct directory_act revoke = {
		.kind = DIRECTORY_ROLE_REVOKE, .person = "p-cleo", .role = "admin", .product = "*"};

	(void)state;
	given_ledger();
	direct(&revoke, 1, &ada, &ben);
	now += 2 * MINUTE * CLOCK_SECOND;
	direct_person("p-dora", &cleo, &ada);
	expect_found("carries the signatures of 1 admins");
}

static void test_directory__does_nothing_twice(void **state)
{
	(void)state;
	given_ledger();
	direct_person("p-cleo", &ada, &ben);
	expect_found("act 1 (person.add) of the statement could not be done then");
}

static void test_directory__counts_its_statements(void **state)
{
	(void)state;
	given_ledger();
	number++;
	direct_person("p-dora", &ada, &ben);
	expect_found("number 2 with digest");
}

static void test_directory__links_its_statements(void **state)
{
	(void)state;
	given_ledger();
	previous.text[0] = previous.text[0] == 'a' ? 'b' : 'a';
	direct_person("p-dora", &ada, &ben);
	expect_found("number 2 with digest");
}

/* ---- releases ---- */

static void test_release__needs_an_author_of_the_trust_document(void **state)
{
	struct trusting trusting = first_trust();

	(void)state;
	adopt_trust(&trusting);
	direct_cleo();
	seal_release(&ada); /* a personal key, no author's */
	expect_found("the author's signature does not hold");
}

static void test_release__is_sealed_once(void **state)
{
	(void)state;
	given_ledger();
	seal_release(&author);
	expect_found("was sealed before");
}

static void test_release__needs_a_product(void **state)
{
	struct trusting trusting = first_trust();

	(void)state;
	adopt_trust(&trusting);
	seal_release(&author);
	expect_found("there was no product pump-a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)
		CASE(test_verify__walks_from_root_to_release),
		CASE(test_verify__says_nothing_without_pins_but_consistent),
		CASE(test_verify__needs_a_folder),
		CASE(test_verify__takes_any_number_of_events),
		CASE(test_events__that_are_none_are_named),
		CASE(test_trust__needs_the_pinned_quorum),
		CASE(test_trust__counts_no_stranger),
		CASE(test_trust__changes_roots_by_both_quorums),
		CASE(test_trust__takes_no_new_roots_from_themselves),
		CASE(test_trust__never_goes_back),
		CASE(test_ledger_key__that_was_revoked_signs_no_checkpoint),
		CASE(test_directory__is_signed_by_admins_of_earlier_statements),
		CASE(test_directory__needs_two_different_admins),
		CASE(test_directory__takes_no_admin_before_its_statement),
		CASE(test_directory__takes_no_admin_who_left),
		CASE(test_directory__takes_no_key_that_was_revoked),
		CASE(test_directory__takes_no_role_that_was_revoked),
		CASE(test_directory__does_nothing_twice),
		CASE(test_directory__counts_its_statements),
		CASE(test_directory__links_its_statements),
		CASE(test_release__needs_an_author_of_the_trust_document),
		CASE(test_release__is_sealed_once),
		CASE(test_release__needs_a_product),
	};

	return cmocka_run_group_tests(tests, begin_all, end_all);
}
