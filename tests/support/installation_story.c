/* SPDX-License-Identifier: Apache-2.0 */
/* What people do in an installation, from a trust document to an approved release, over HTTP. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/installation.h"

#include "common/encode.h"
#include "common/file.h"
#include "common/wire/directory.h"
#include "common/wire/manifest.h"
#include "common/wire/record.h"
#include "common/wire/trust.h"
#include "policy/ruleset.h"

#include <stdio.h>
#include <string.h>

enum { YEAR_DAYS = 365, IMAGE_BYTES = 300 * 1000 };

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

struct bytes installation_cms(struct installation *in, const struct installation_key *key,
			      struct bytes content)
{
	struct bytes cms = {0};
	struct err err = {0};

	expect_done(sign_cms(in->arena, key->key, &key->cert, content, &cms, &err), &err);
	return cms;
}

/* {document, cms} */
static struct doc *signed_body(struct installation *in, struct bytes document,
			       const struct installation_key *const *signers, size_t count)
{
	struct doc *body = doc_object(in->arena);
	struct doc *cms = doc_array(in->arena);

	for (size_t i = 0; i < count; i++)
		doc_add_text(cms,
			     encode_base64(in->arena, installation_cms(in, signers[i], document)));
	doc_set_bytes(body, "document", document);
	doc_set(body, "cms", cms);
	return body;
}

/* ---- trust ---- */

static struct trust_entry entry_of(const struct installation_key *key, const char *role,
				   const char *name, const char *person)
{
	struct bytes spki = sign_key_spki(key->key);

	return (struct trust_entry){
		.role = role,
		.name = name,
		.person = person,
		.key = {.alg = sign_alg_word(sign_key_alg(key->key)), .spki = spki},
		.not_before = clock_now() - 60 * CLOCK_SECOND,
		.not_after = clock_now() + (clock_us)YEAR_DAYS * 86400 * CLOCK_SECOND,
	};
}

void installation_given_trust(struct installation *in)
{
	static const char *const only_b[] = {"pump-b"};
	const struct installation_key *const signers[] = {&in->roots[0], &in->roots[1]};
	struct trust_entry entries[] = {
		entry_of(&in->author, "author", "EXAMPLE author", "p-author"),
		entry_of(&in->keeper_key, "keeper", "EXAMPLE keeper", NULL),
		entry_of(&in->lease, "lease", "EXAMPLE lease", NULL),
		entry_of(&in->ledger, "ledger", "EXAMPLE ledger", NULL),
		entry_of(&in->git, "git", "EXAMPLE git", NULL),
		entry_of(&in->ada, "admin", "EXAMPLE ada", "p-ada"),
		entry_of(&in->ben, "admin", "EXAMPLE ben", "p-ben"),
		entry_of(&in->other_author, "author", "EXAMPLE other", "p-other"),
	};
	struct bytes roots[3];
	struct trust trust = {
		.version = 1,
		.issued_at = clock_now(),
		.expires_at = clock_now() + (clock_us)YEAR_DAYS * 86400 * CLOCK_SECOND,
		.slot = "maker",
		.roots = {.k = 2, .keys = roots, .key_count = 3},
		.entries = entries,
		.entry_count = sizeof(entries) / sizeof(entries[0]),
	};
	struct bytes document = {0};
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		roots[i] = in->roots[i].cert.spki;
	entries[7].products = (struct text_list){.at = only_b, .count = 1};
	expect_done(trust_write(in->arena, &trust, &document, &err), &err);
	installation_must(in, NULL, "POST", "/v1/trust", signed_body(in, document, signers, 2));
}

/* ---- people ---- */

struct doc *installation_act(struct installation *in, struct doc *acts, const char *act)
{
	struct doc *one = doc_object(in->arena);

	doc_set_text(one, "act", act);
	doc_add(acts, one);
	return one;
}

static void add_person(struct installation *in, struct doc *acts,
		       const struct installation_person *person)
{
	const char *token = arena_printf(in->arena, "invite %s", person->id);
	struct doc *one = installation_act(in, acts, "person.add");

	doc_set_text(one, "person", person->id);
	doc_set_text(one, "name", arena_printf(in->arena, "EXAMPLE %s", person->id));
	doc_set_text(one, "organisation", "EXAMPLE maker");
	one = installation_act(in, acts, "role.grant");
	doc_set_text(one, "person", person->id);
	doc_set_text(one, "role", person->role);
	doc_set_text(one, "product", "*");
	one = installation_act(in, acts, "person.invite");
	doc_set_text(one, "person", person->id);
	doc_set_text(one, "token_sha256", digest_sha256_hex(bytes_of_text(token)).text);
	doc_set_time(one, "expires_at", clock_now() + 3600 * CLOCK_SECOND);
}

static void put_product(struct installation *in, struct doc *acts, const char *product)
{
	struct doc *hardware = doc_array(in->arena);
	struct doc *rulesets = doc_array(in->arena);
	struct doc *one = installation_act(in, acts, "product.put");

	doc_add_text(hardware, "rev-1");
	doc_add_text(rulesets, "baseline");
	doc_set_text(one, "product", product);
	doc_set_text(one, "name", "EXAMPLE pump");
	doc_set(one, "hardware", hardware);
	doc_set(one, "rulesets", rulesets);
}

/* A ruleset is put by somebody who is logged in; before there is anybody it comes by statement two. */
static struct bytes baseline(struct installation *in)
{
	struct bytes pretty, canonical = {0};
	struct err err = {0};

	expect_done(
		file_read(in->arena, "policy/rulesets/baseline.json", 1024 * 1024, &pretty, &err) &&
			ruleset_canonical(in->arena, pretty, &canonical, &err),
		&err);
	return canonical;
}

static void add_device(struct installation *in, struct doc *acts, int number)
{
	struct doc *one = installation_act(in, acts, "device.register");

	doc_set_text(one, "device", arena_printf(in->arena, "unit-%d", number));
	doc_set_text(one, "product", INSTALLATION_PRODUCT);
	doc_set_text(one, "serial", arena_printf(in->arena, "EXAMPLE-%d", number));
	doc_set_text(one, "hardware", "rev-1");
	doc_set_text(one, "market", "EU");
	doc_set_text(one, "site", "clinic-1");
	doc_set_text(one, "assurance", "permit-checked");
	doc_set_bytes(one, "report_key", sign_key_spki(in->devices[number - 1].key));
}

struct doc *installation_statement(struct installation *in, const struct doc *acts,
				   const struct installation_key *const *signers, size_t count)
{
	const struct doc *next = installation_must(in, NULL, "GET", "/v1/directory/next", NULL);
	struct doc *statement = doc_object(in->arena);
	struct bytes document = {0};
	struct err err = {0};

	doc_set_text(statement, "type", DIRECTORY_TYPE);
	doc_set_int(statement, "number", doc_int(doc_get(next, "number"), 0));
	doc_set_text(statement, "previous", doc_get_text(next, "previous"));
	doc_set_time(statement, "at", clock_now());
	doc_set_text(statement, "reason", "EXAMPLE");
	doc_set(statement, "acts", acts);
	expect_done(doc_canonical(in->arena, statement, &document, &err), &err);
	return signed_body(in, document, signers, count);
}

static void set_password(struct installation *in, const char *person)
{
	struct doc *body = doc_object(in->arena);

	doc_set_text(body, "person", person);
	doc_set_text(body, "token", arena_printf(in->arena, "invite %s", person));
	doc_set_text(body, "password", INSTALLATION_PASSWORD);
	installation_must(in, NULL, "POST", "/v1/passwords", body);
}

static void adopt_baseline(struct installation *in, const struct installation_key *const *admins)
{
	struct doc *acts = doc_array(in->arena);
	struct doc *body = doc_object(in->arena);
	struct doc *one = installation_act(in, acts, "ruleset.adopt");

	doc_set_bytes(body, "document", baseline(in));
	const struct doc *stored =
		installation_must(in, in->people[ADA].token, "POST", "/v1/documents", body);
	doc_set_text(one, "name", "baseline");
	doc_set_text(one, "sha256", doc_get_text(stored, "sha256"));
	installation_must(in, NULL, "POST", "/v1/directory",
			  installation_statement(in, acts, admins, 2));
}

void installation_given_people(struct installation *in)
{
	const struct installation_key *const admins[] = {&in->ada, &in->ben};
	struct doc *acts = doc_array(in->arena);

	for (int i = 0; i < INSTALLATION_PEOPLE; i++)
		add_person(in, acts, &in->people[i]);
	struct doc *enrol = installation_act(in, acts, "key.enrol");
	doc_set_text(enrol, "person", "p-qa");
	doc_set_bytes(enrol, "certificate", in->qa.cert.der);
	put_product(in, acts, INSTALLATION_PRODUCT);
	put_product(in, acts, "pump-b");
	for (int i = 1; i <= INSTALLATION_DEVICES; i++)
		add_device(in, acts, i);
	installation_must(in, NULL, "POST", "/v1/directory",
			  installation_statement(in, acts, admins, 2));
	for (int i = 0; i < INSTALLATION_PEOPLE; i++) {
		set_password(in, in->people[i].id);
		in->people[i].token = installation_login(in, in->people[i].id);
	}
	adopt_baseline(in, admins);
}

/* ---- a release ---- */

void installation_given_image(struct installation *in)
{
	unsigned char *image = arena_alloc(in->arena, IMAGE_BYTES);

	random_fill(image, IMAGE_BYTES);
	in->image = bytes_of(image, IMAGE_BYTES);
	in->image_sha256 = digest_sha256_hex(in->image);
	struct installation_answer answer =
		installation_upload(in, in->people[AUTHOR].token, in->image_sha256.text, in->image);
	assert_int_equal(answer.status, 200);
}

struct doc *installation_draft(struct installation *in, const char *product,
			       const struct installation_key *author)
{
	static const char *const hardware[] = {"rev-1"};
	struct manifest_artifact artifact = {.name = "image.bin",
					     .size_bytes = (int64_t)in->image.size,
					     .sha256 = in->image_sha256};
	struct manifest manifest = {
		.product = product,
		.version = arena_printf(in->arena, "1.%lld.0", (long long)++in->sequence),
		.sequence = in->sequence,
		.hardware = {.at = hardware, .count = 1},
		.artifacts = &artifact,
		.artifact_count = 1,
		.made_at = clock_now(),
	};
	struct doc *body = doc_object(in->arena);
	struct err err = {0};

	expect_done(manifest_write(in->arena, &manifest, &in->manifest, &err), &err);
	in->author_cms = installation_cms(in, author, in->manifest);
	doc_set_bytes(body, "manifest", in->manifest);
	doc_set_bytes(body, "author_cms", in->author_cms);
	return body;
}

void installation_given_release(struct installation *in)
{
	const char *token = in->people[AUTHOR].token;
	const struct doc *drafted =
		installation_must(in, token, "POST", "/v1/releases",
				  installation_draft(in, INSTALLATION_PRODUCT, &in->author));

	in->release = doc_get_text(drafted, "release");
	assert_non_null(in->release);
	installation_must(in, token, "POST",
			  arena_printf(in->arena, "/v1/releases/%s/seal", in->release),
			  doc_object(in->arena));
}

struct doc *installation_record(struct installation *in, int64_t version)
{
	char id[ID_UUID_BYTES + 1];
	struct record_subject subject = {.name = "image.bin", .sha256 = in->image_sha256};
	struct doc *body = doc_object(in->arena);
	struct bytes document = {0};
	struct err err = {0};

	if (version == 1) {
		id_uuid_draw(id);
		in->record = arena_text(in->arena, id);
	}
	struct record record = {.id = in->record,
				.version = version,
				.kind = "test",
				.release = in->release,
				.product = INSTALLATION_PRODUCT,
				.subjects = &subject,
				.subject_count = 1,
				.result = "passed",
				.summary = "EXAMPLE run",
				.tester = "p-tester",
				.performed_at = clock_now()};
	expect_done(record_write(in->arena, &record, &document, &err), &err);
	doc_set_bytes(body, "document", document);
	return body;
}

struct doc *installation_signing(struct installation *in, enum installation_who who,
				 const char *meaning, const char *kind, const char *id,
				 const struct installation_key *key)
{
	struct doc *object = doc_object(in->arena);
	struct doc *asked = doc_object(in->arena);
	struct doc *answer = doc_object(in->arena);
	struct bytes statement = {0};
	struct err err = {0};

	doc_set_text(object, "kind", kind);
	doc_set_text(object, "id", id);
	doc_set_text(asked, "meaning", meaning);
	doc_set(asked, "object", object);
	doc_set_text(asked, "reason", "EXAMPLE");
	const struct doc *challenge =
		installation_must(in, in->people[who].token, "POST", "/v1/challenges", asked);
	doc_set_text(answer, "challenge", doc_get_text(challenge, "challenge"));
	if (!key) {
		doc_set_text(answer, "password", INSTALLATION_PASSWORD);
		return answer;
	}
	expect_done(
		decode_base64(in->arena, doc_get_text(challenge, "statement"), &statement, &err),
		&err);
	doc_set_bytes(answer, "cms", installation_cms(in, key, statement));
	return answer;
}

void installation_given_tested(struct installation *in)
{
	installation_must(in, in->people[TESTER].token, "POST",
			  arena_printf(in->arena, "/v1/releases/%s/records", in->release),
			  installation_record(in, 1));
	installation_must(in, in->people[TESTER].token, "POST", "/v1/signatures",
			  installation_signing(in, TESTER, "tested", "record", in->record, NULL));
}

void installation_given_approved(struct installation *in)
{
	installation_must(
		in, in->people[QA].token, "POST", "/v1/signatures",
		installation_signing(in, QA, "approved", "release", in->release, &in->qa));
}
