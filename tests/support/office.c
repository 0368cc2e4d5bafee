/* SPDX-License-Identifier: Apache-2.0 */
/* A whole keeper for tests: keys, people, a release and a campaign, over a real database. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/office.h"

#include "common/encode.h"
#include "common/file.h"
#include "common/wire/directory.h"
#include "common/wire/manifest.h"
#include "common/wire/plan.h"
#include "common/wire/record.h"
#include "policy/ruleset.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OFFICE_BYTES = 512 * 1024 * 1024, YEAR = 365 };

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

/* ---- keys ---- */

static struct office_key make_key(struct office *office, const char *name, enum sign_role role,
				  const char *kind)
{
	struct certs_recipe recipe = certs_leaf(role);
	struct office_key made = {0};
	struct err err = {0};
	bool root = role == SIGN_ROOT; /* signs itself; all others have an authority above them */

	recipe.name = name;
	made.raw = certs_key(office->arena, kind);
	made.key = certs_sign_key(office->arena, made.raw);
	X509 *cert = certs_make(office->arena, &recipe, made.raw, root ? NULL : office->authority,
				root ? NULL : office->authority_key);
	expect_done(sign_cert_read(office->arena, certs_der(office->arena, cert), &made.cert, &err),
		    &err);
	return made;
}

static const char *path_of(struct office *office, const char *name)
{
	return arena_printf(office->arena, "%s/%s", office->dir, name);
}

static struct sign_key *raw_key(struct office *office, const char *name, const char **path)
{
	EVP_PKEY *key = certs_key(office->arena, "ED25519");

	*path = path_of(office, name);
	certs_key_file(*path, key, 0600);
	return certs_sign_key(office->arena, key);
}

static void write_file(const char *path, struct bytes bytes)
{
	struct err err = {0};

	expect_done(file_replace(path, bytes, 0600, &err), &err);
}

static void make_keys(struct office *office)
{
	struct keeper_settings *settings = &office->settings;
	struct certs_recipe authority = certs_authority();
	unsigned char mac[32];
	const char *unused;

	authority.policies = "2.5.29.32.0"; /* any policy below it */
	office->authority_key = certs_key(office->arena, "P-256");
	office->authority =
		certs_make(office->arena, &authority, office->authority_key, NULL, NULL);
	write_file(path_of(office, "authority.pem"), certs_pem(office->arena, office->authority));
	for (int i = 0; i < 3; i++)
		office->roots[i] = make_key(office, "EXAMPLE root", SIGN_ROOT, "P-384");
	office->author = make_key(office, "EXAMPLE author", SIGN_AUTHOR, "P-256");
	office->other_author = make_key(office, "EXAMPLE other author", SIGN_AUTHOR, "P-256");
	office->keeper_key = make_key(office, "EXAMPLE keeper", SIGN_KEEPER, "P-256");
	office->ada = make_key(office, "EXAMPLE ada", SIGN_PERSON, "P-256");
	office->ben = make_key(office, "EXAMPLE ben", SIGN_PERSON, "P-256");
	office->qa = make_key(office, "EXAMPLE qa", SIGN_PERSON, "P-256");
	office->stranger = make_key(office, "EXAMPLE stranger", SIGN_PERSON, "P-256");
	office->lease = raw_key(office, "lease.key", &settings->lease_key);
	office->ledger = raw_key(office, "ledger.key", &settings->ledger_key);
	office->git = raw_key(office, "git.key", &settings->git_key);
	for (int i = 0; i < 3; i++)
		office->devices[i] = raw_key(office, "device.key", &unused);
	settings->keeper_key = path_of(office, "keeper.key");
	certs_key_file(settings->keeper_key, office->keeper_key.raw, 0600);
	settings->keeper_certificate = path_of(office, "keeper.der");
	write_file(settings->keeper_certificate, office->keeper_key.cert.der);
	settings->keeper_mac_key = path_of(office, "keeper.mac");
	random_fill(mac, sizeof(mac));
	write_file(settings->keeper_mac_key, bytes_of(mac, sizeof(mac)));
	settings->service_mac_keys = path_of(office, "macs");
	assert_int_equal(mkdir(settings->service_mac_keys, 0700), 0);
	random_fill(mac, sizeof(mac));
	write_file(path_of(office, "macs/1.key"), bytes_of(mac, sizeof(mac)));
	office->writer.name = "service/1";
	memcpy(office->writer.key, mac, sizeof(mac));
}

static void write_pin(struct office *office)
{
	struct sha256_hex roots[3];
	struct trust_pin pin = {.slot = "maker",
				.roots = {.k = 2, .spki_sha256 = roots, .spki_sha256_count = 3},
				.ledger_key = sign_key_spki(office->ledger),
				.origin = OFFICE_ORIGIN};
	struct bytes bytes;
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		roots[i] = office->roots[i].cert.key_id;
	office->settings.pin = path_of(office, "pin.json");
	expect_done(trust_pin_write(office->arena, &pin, &bytes, &err), &err);
	write_file(office->settings.pin, bytes);
}

/* ---- open and close ---- */

bool office_start_keeper(struct office *office, struct err *err)
{
	if (keeper_open(&office->settings, &office->keeper, err) &&
	    history_new(office->keeper, &office->history, err) &&
	    renewal_new(office->keeper, &office->renewal, err) &&
	    desk_new(office->keeper, &office->desk, err))
		return true;
	office_stop_keeper(office);
	return false;
}

void office_stop_keeper(struct office *office)
{
	desk_free(office->desk);
	renewal_free(office->renewal);
	history_free(office->history);
	keeper_close(office->keeper);
	office->desk = NULL;
	office->renewal = NULL;
	office->history = NULL;
	office->keeper = NULL;
}

void office_open(struct office *office)
{
	struct err err = {0};

	*office = (struct office){.arena = arena_new(OFFICE_BYTES)};
	given_database(&office->database);
	snprintf(office->dir, sizeof(office->dir), "/tmp/cs-office-XXXXXX");
	assert_non_null(mkdtemp(office->dir));
	make_keys(office);
	write_pin(office);
	office->settings.socket = path_of(office, "desk");
	office->settings.database = office->database.keeper;
	office->settings.origin = OFFICE_ORIGIN;
	office->settings.head_file = path_of(office, "head");
	office->settings.git = path_of(office, "git");
	office->settings.service_uid = getuid();
	office->settings.lease_for_s = 300;
	expect_done(office_start_keeper(office, &err), &err);
	office->client = keeper_client_new(office->settings.socket, 4, 0);
	expect_done(db_pool_new(office->database.service, 4, &office->service, &err), &err);
	memset(office->statement_sha256.text, '0', 64);
}

static void remove_folder(const char *path)
{
	const char *const words[] = {"rm", "-rf", "--", path, NULL};
	char output[256];
	int code;

	assert_true(process_run(words, NULL, &code, output, sizeof(output)));
}

void office_close(struct office *office)
{
	keeper_client_free(office->client);
	office_stop_keeper(office);
	db_pool_free(office->service);
	drop_database(&office->database);
	remove_folder(office->dir);
	arena_free(office->arena);
}

/* ---- verbs ---- */

bool office_call(struct office *office, const char *verb, struct doc *members,
		 const struct doc **reply, struct err *err)
{
	return keeper_client_call(office->client, office->arena, verb, "test", members, reply, err);
}

const struct doc *office_must(struct office *office, const char *verb, struct doc *members)
{
	const struct doc *reply;
	struct err err = {0};

	if (!office_call(office, verb, members, &reply, &err))
		fail_msg("%s: %s: %s", verb, err_code_text(err.code), err.text);
	return reply;
}

void office_refused(struct office *office, const char *verb, struct doc *members,
		    enum err_code code)
{
	const struct doc *reply;
	struct err err = {0};

	assert_false(office_call(office, verb, members, &reply, &err));
	if (err.code != code)
		fail_msg("%s: expected %s, got %s: %s", verb, err_code_text(code),
			 err_code_text(err.code), err.text);
}

struct storing {
	const char *type;
	struct bytes bytes;
	struct sha256_hex digest;
	const char *role;
	const char *key_id;
	struct bytes signature;
};

static bool store_work(struct db_tx *tx, void *context, struct err *err)
{
	struct storing *storing = context;

	return keeper_store_document(tx, storing->type, storing->bytes, &storing->digest, err) &&
	       (!storing->role || db_run(tx, STMT_DOCUMENT_SIGNATURE_PUT,
					 DB(db_text(storing->digest.text), db_text(storing->role),
					    db_text(storing->key_id), db_bytes(storing->signature)),
					 NULL, err));
}

static struct sha256_hex store_signed(struct office *office, struct storing storing)
{
	struct err err = {0};

	expect_done(db_transact(office->service, office->arena, DB_READ_COMMITTED, store_work,
				&storing, &err),
		    &err);
	return storing.digest;
}

struct sha256_hex office_store(struct office *office, const char *type, struct bytes bytes)
{
	return store_signed(office, (struct storing){.type = type, .bytes = bytes});
}

struct bytes office_cms(struct office *office, const struct office_key *key, struct bytes content)
{
	struct bytes cms;
	struct err err = {0};

	expect_done(sign_cms(office->arena, key->key, &key->cert, content, &cms, &err), &err);
	return cms;
}

/* ---- trust ---- */

static struct trust_entry entry_of(struct bytes spki, const char *role, const char *name,
				   const char *person)
{
	enum sign_alg alg = SIGN_ED25519;
	struct err err = {0};

	expect_done(sign_spki_alg(spki, &alg, &err), &err);
	return (struct trust_entry){
		.role = role,
		.name = name,
		.person = person,
		.key = {.alg = sign_alg_word(alg), .spki = spki},
		.not_before = clock_now() - CLOCK_SECOND,
		.not_after = clock_now() + (clock_us)YEAR * 86400 * CLOCK_SECOND,
	};
}

struct trust office_trust(struct office *office, int64_t version)
{
	static const char *const others[] = {"another-product"};
	struct trust_entry *entries = arena_array(office->arena, 8, sizeof(*entries));
	struct bytes *roots = arena_array(office->arena, 3, sizeof(*roots));

	for (int i = 0; i < 3; i++)
		roots[i] = office->roots[i].cert.spki;
	entries[0] = entry_of(office->author.cert.spki, "author", "EXAMPLE author", "p-author");
	entries[1] = entry_of(office->keeper_key.cert.spki, "keeper", "EXAMPLE keeper", NULL);
	entries[2] = entry_of(sign_key_spki(office->lease), "lease", "EXAMPLE lease", NULL);
	entries[3] = entry_of(sign_key_spki(office->ledger), "ledger", "EXAMPLE ledger", NULL);
	entries[4] = entry_of(sign_key_spki(office->git), "git", "EXAMPLE git", NULL);
	entries[5] = entry_of(office->ada.cert.spki, "admin", "EXAMPLE ada", "p-ada");
	entries[6] = entry_of(office->ben.cert.spki, "admin", "EXAMPLE ben", "p-ben");
	entries[7] = entry_of(office->other_author.cert.spki, "author", "EXAMPLE other", "p-other");
	entries[7].products = (struct text_list){.at = others, .count = 1};
	return (struct trust){
		.version = version,
		.issued_at = clock_now() - CLOCK_SECOND,
		.expires_at = clock_now() + (clock_us)YEAR * 86400 * CLOCK_SECOND,
		.slot = "maker",
		.roots = {.k = 2, .keys = roots, .key_count = 3},
		.entries = entries,
		.entry_count = 8,
	};
}

struct doc *office_put_trust(struct office *office, const struct trust *trust,
			     const struct office_key *const *roots, size_t count)
{
	struct doc *members = doc_object(office->arena);
	struct doc *cms = doc_array(office->arena);
	struct bytes bytes;
	struct err err = {0};

	expect_done(trust_write(office->arena, trust, &bytes, &err), &err);
	for (size_t i = 0; i < count; i++)
		doc_add_text(cms,
			     encode_base64(office->arena, office_cms(office, roots[i], bytes)));
	doc_set_text(members, "what", "trust");
	doc_set_text(members, "sha256", office_store(office, TRUST_TYPE, bytes).text);
	doc_set(members, "cms", cms);
	return members;
}

void office_given_trust(struct office *office)
{
	const struct office_key *const roots[] = {&office->roots[0], &office->roots[1]};
	struct trust trust = office_trust(office, 1);

	office_must(office, "put", office_put_trust(office, &trust, roots, 2));
	office->trust_version = 1;
}

/* ---- people ---- */

static struct doc *act_of(struct office *office, struct doc *acts, const char *act)
{
	struct doc *one = doc_object(office->arena);

	doc_set_text(one, "act", act);
	doc_add(acts, one);
	return one;
}

static void add_person(struct office *office, struct doc *acts, const char *person,
		       const char *role)
{
	struct doc *one = act_of(office, acts, "person.add");
	doc_set_text(one, "person", person);
	doc_set_text(one, "name", arena_printf(office->arena, "EXAMPLE %s", person));
	doc_set_text(one, "organisation", "EXAMPLE maker");
	one = act_of(office, acts, "role.grant");
	doc_set_text(one, "person", person);
	doc_set_text(one, "role", role);
	doc_set_text(one, "product", "*");
	one = act_of(office, acts, "person.invite");
	doc_set_text(one, "person", person);
	doc_set_text(
		one, "token_sha256",
		digest_sha256_hex(bytes_of_text(arena_printf(office->arena, "invite %s", person)))
			.text);
	doc_set_time(one, "expires_at", clock_now() + 3600 * CLOCK_SECOND);
}

static void add_device(struct office *office, struct doc *acts, const char *device, int number)
{
	struct doc *one = act_of(office, acts, "device.register");

	doc_set_text(one, "device", device);
	doc_set_text(one, "product", OFFICE_PRODUCT);
	doc_set_text(one, "serial", arena_printf(office->arena, "EXAMPLE-%d", number));
	doc_set_text(one, "hardware", "rev-1");
	doc_set_text(one, "market", "EU");
	doc_set_text(one, "site", "clinic-1");
	doc_set_text(one, "assurance", "permit-checked");
	doc_set_bytes(one, "report_key", sign_key_spki(office->devices[number - 1]));
}

static void add_product(struct office *office, struct doc *acts)
{
	struct doc *hardware = doc_array(office->arena);
	struct doc *rulesets = doc_array(office->arena);
	struct doc *one = act_of(office, acts, "product.put");

	doc_add_text(hardware, "rev-1");
	doc_add_text(rulesets, "baseline");
	doc_set_text(one, "product", OFFICE_PRODUCT);
	doc_set_text(one, "name", "EXAMPLE pump");
	doc_set(one, "hardware", hardware);
	doc_set(one, "rulesets", rulesets);
}

static void adopt_baseline(struct office *office, struct doc *acts)
{
	struct doc *one = act_of(office, acts, "ruleset.adopt");
	struct bytes pretty;
	struct bytes bytes;
	struct err err = {0};

	expect_done(file_read(office->arena, "policy/rulesets/baseline.json", 1024 * 1024, &pretty,
			      &err) &&
			    ruleset_canonical(office->arena, pretty, &bytes, &err),
		    &err);
	doc_set_text(one, "name", "baseline");
	doc_set_text(one, "sha256", office_store(office, "countersign.ruleset.v1", bytes).text);
}

struct doc *office_statement(struct office *office, struct doc *acts,
			     const struct office_key *const *signers, size_t count)
{
	struct doc *statement = doc_object(office->arena);
	struct doc *members = doc_object(office->arena);
	struct doc *cms = doc_array(office->arena);
	struct bytes bytes;
	struct err err = {0};

	doc_set_text(statement, "type", DIRECTORY_TYPE);
	doc_set_int(statement, "number", office->statement_number + 1);
	doc_set_text(statement, "previous", office->statement_sha256.text);
	doc_set_time(statement, "at", clock_now());
	doc_set_text(statement, "reason", "EXAMPLE");
	doc_set(statement, "acts", acts);
	expect_done(doc_canonical(office->arena, statement, &bytes, &err), &err);
	for (size_t i = 0; i < count; i++)
		doc_add_text(cms,
			     encode_base64(office->arena, office_cms(office, signers[i], bytes)));
	doc_set_text(members, "what", "directory");
	doc_set_text(members, "sha256", office_store(office, DIRECTORY_TYPE, bytes).text);
	doc_set(members, "cms", cms);
	return members;
}

static void set_password(struct office *office, const char *person)
{
	struct doc *members = doc_object(office->arena);

	doc_set_text(members, "what", "password");
	doc_set_text(members, "person", person);
	doc_set_text(members, "token", arena_printf(office->arena, "invite %s", person));
	doc_set_text(members, "password", OFFICE_PASSWORD);
	office_must(office, "put", members);
}

void office_given_people(struct office *office)
{
	static const char *const people[][2] = {{"p-author", "author"},
						{"p-tester", "tester"},
						{"p-qa", "qa"},
						{"p-manager", "release_manager"}};
	const struct office_key *const admins[] = {&office->ada, &office->ben};
	struct doc *acts = doc_array(office->arena);

	for (size_t i = 0; i < 4; i++)
		add_person(office, acts, people[i][0], people[i][1]);
	struct doc *enrol = act_of(office, acts, "key.enrol");
	doc_set_text(enrol, "person", "p-qa");
	doc_set_bytes(enrol, "certificate", office->qa.cert.der);
	add_product(office, acts);
	adopt_baseline(office, acts);
	add_device(office, acts, "unit-1", 1);
	add_device(office, acts, "unit-2", 2);
	add_device(office, acts, "unit-3", 3);
	struct doc *members = office_statement(office, acts, admins, 2);
	office_must(office, "put", members);
	office->statement_number++;
	snprintf(office->statement_sha256.text, sizeof(office->statement_sha256.text), "%s",
		 doc_get_text(members, "sha256"));
	for (size_t i = 0; i < 4; i++)
		set_password(office, people[i][0]);
}

/* ---- a release ---- */

static void draft_release(struct office *office)
{
	static const char *const hardware[] = {"rev-1"};
	struct sha256_hex image = digest_sha256_hex(bytes_of_text(
		arena_printf(office->arena, "image %lld", (long long)office->sequence)));
	struct manifest_artifact artifact = {.name = "image.bin", .size_bytes = 7, .sha256 = image};
	struct manifest manifest = {
		.product = OFFICE_PRODUCT,
		.version = arena_printf(office->arena, "1.%lld.0", (long long)office->sequence),
		.sequence = office->sequence,
		.security_floor = 0,
		.hardware = {.at = hardware, .count = 1},
		.artifacts = &artifact,
		.artifact_count = 1,
		.made_at = clock_now(),
	};
	struct err err = {0};

	expect_done(manifest_write(office->arena, &manifest, &office->manifest, &err), &err);
	office->author_cms = office_cms(office, &office->author, office->manifest);
	struct sha256_hex digest =
		store_signed(office, (struct storing){.type = MANIFEST_TYPE,
						      .bytes = office->manifest,
						      .role = "author",
						      .key_id = office->author.cert.key_id.text,
						      .signature = office->author_cms});
	id_uuid_draw(office->release);
	given_sql(
		office->database.service,
		arena_printf(
			office->arena,
			"INSERT INTO artifact (sha256, size_bytes, sha1, md5, stored_by) VALUES "
			"('%s', 7, repeat('0', 40), repeat('0', 32), 'p-author') ON CONFLICT DO NOTHING; "
			"INSERT INTO release (id, product, version, sequence, manifest_sha256, drafted_by) "
			"VALUES ('%s', '%s', '%s', %lld, '%s', 'p-author')",
			image.text, office->release, OFFICE_PRODUCT, manifest.version,
			(long long)manifest.sequence, digest.text));
}

static void add_record(struct office *office)
{
	struct manifest manifest;
	struct doc *members = doc_object(office->arena);
	struct bytes bytes;
	struct err err = {0};

	expect_done(manifest_parse(office->arena, office->manifest, &manifest, &err), &err);
	id_uuid_draw(office->record);
	struct record_subject subject = {.name = "image.bin",
					 .sha256 = manifest.artifacts[0].sha256};
	struct record record = {.id = office->record,
				.version = 1,
				.kind = "test",
				.release = office->release,
				.product = OFFICE_PRODUCT,
				.subjects = &subject,
				.subject_count = 1,
				.result = "passed",
				.summary = "EXAMPLE run",
				.tester = "p-tester",
				.performed_at = clock_now()};
	expect_done(record_write(office->arena, &record, &bytes, &err), &err);
	office->record_sha256 = office_store(office, RECORD_TYPE, bytes);
	doc_set_text(members, "what", "record");
	doc_set_text(members, "release", office->release);
	doc_set_text(members, "sha256", office->record_sha256.text);
	doc_set_text(members, "added_by", "p-tester");
	office_must(office, "put", members);
}

void office_given_release(struct office *office)
{
	struct doc *members = doc_object(office->arena);

	office->sequence++;
	draft_release(office);
	doc_set_text(members, "what", "seal-release");
	doc_set_text(members, "release", office->release);
	office_must(office, "put", members);
	add_record(office);
}

/* ---- signatures ---- */

struct doc *office_challenge_members(struct office *office, const char *person, const char *meaning,
				     const char *kind, const char *id)
{
	struct doc *members = doc_object(office->arena);
	struct doc *object = doc_object(office->arena);

	doc_set_text(object, "kind", kind);
	doc_set_text(object, "id", id);
	doc_set_text(members, "person", person);
	doc_set_text(members, "meaning", meaning);
	doc_set(members, "object", object);
	doc_set_text(members, "reason", "EXAMPLE");
	return members;
}

struct doc *office_answer(struct office *office, const char *person, const char *meaning,
			  const char *kind, const char *id, const struct office_key *key)
{
	const struct doc *challenge = office_must(
		office, "challenge", office_challenge_members(office, person, meaning, kind, id));
	struct doc *members = doc_object(office->arena);
	struct bytes statement;
	struct err err = {0};

	doc_set_text(members, "challenge", doc_get_text(challenge, "challenge"));
	if (!key) {
		doc_set_text(members, "password", OFFICE_PASSWORD);
		return members;
	}
	expect_done(decode_base64(office->arena, doc_get_text(challenge, "statement"), &statement,
				  &err),
		    &err);
	doc_set_bytes(members, "cms", office_cms(office, key, statement));
	return members;
}

void office_given_tested(struct office *office)
{
	office_must(office, "sign",
		    office_answer(office, "p-tester", "tested", "record", office->record, NULL));
}

void office_given_approved(struct office *office)
{
	office_must(
		office, "sign",
		office_answer(office, "p-qa", "approved", "release", office->release, &office->qa));
}

/* ---- a campaign ---- */

void office_given_campaign(struct office *office)
{
	struct plan_target targets[] = {
		{.device = "unit-1", .hardware = "rev-1", .market = "EU", .site = "clinic-1"},
		{.device = "unit-2", .hardware = "rev-1", .market = "EU", .site = "clinic-1"},
	};
	struct plan_wave wave = {.name = "all", .percent = 100};
	struct doc *members = doc_object(office->arena);
	struct bytes bytes;
	struct err err = {0};

	id_uuid_draw(office->campaign);
	struct plan plan = {.campaign = office->campaign,
			    .name = "EXAMPLE campaign",
			    .product = OFFICE_PRODUCT,
			    .release = office->release,
			    .manifest_sha256 = digest_sha256_hex(office->manifest),
			    .targets = targets,
			    .target_count = 2,
			    .waves = &wave,
			    .wave_count = 1,
			    .not_before = clock_now() - CLOCK_SECOND,
			    .not_after = clock_now() + 86400 * 7 * CLOCK_SECOND};
	expect_done(plan_write(office->arena, &plan, &bytes, &err), &err);
	office->plan_sha256 = office_store(office, PLAN_TYPE, bytes);
	given_sql(
		office->database.service,
		arena_printf(
			office->arena,
			"INSERT INTO campaign (id, name, product, release, plan_sha256, drafted_by) "
			"VALUES ('%s', 'EXAMPLE campaign', '%s', '%s', '%s', 'p-manager')",
			office->campaign, OFFICE_PRODUCT, office->release,
			office->plan_sha256.text));
	doc_set_text(members, "what", "plan");
	doc_set_text(members, "campaign", office->campaign);
	office_must(office, "put", members);
}

void office_given_released(struct office *office)
{
	office_must(
		office, "sign",
		office_answer(office, "p-manager", "released", "campaign", office->campaign, NULL));
}

static void begin_deployments(struct office *office)
{
	given_sql(
		office->database.service,
		arena_printf(
			office->arena,
			"INSERT INTO deployment (campaign, device, action_id) VALUES "
			"('%s', 'unit-1', 11 + (SELECT count(*) FROM deployment WHERE device = 'unit-1')), "
			"('%s', 'unit-2', 11 + (SELECT count(*) FROM deployment WHERE device = 'unit-2')); "
			"UPDATE deployment SET state = 'offered', attempt = 1 WHERE campaign = '%s'",
			office->campaign, office->campaign, office->campaign));
}

void office_given_started(struct office *office)
{
	struct doc *members = doc_object(office->arena);

	doc_set_text(members, "act", "start");
	doc_set_text(members, "campaign", office->campaign);
	office_must(office, "open", members);
	begin_deployments(office);
}

struct doc *office_lease_members(struct office *office, const char *device, int64_t attempt,
				 const char *step)
{
	struct doc *members = doc_object(office->arena);
	struct doc *trust = doc_object(office->arena);

	doc_set_int(trust, "maker", office->trust_version);
	doc_set_text(members, "campaign", office->campaign);
	doc_set_text(members, "device", device);
	doc_set_int(members, "attempt", attempt);
	doc_set_text(members, "step", step);
	doc_set_text(members, "nonce", random_token(office->arena, 16));
	doc_set_text(members, "boot_id", "boot-1");
	doc_set(members, "trust_version", trust);
	return members;
}

bool office_gate_open(struct office *office, const char *gate, const char *subject)
{
	struct doc *members = doc_object(office->arena);

	doc_set_text(members, "gate", gate);
	doc_set_text(members, "subject", subject);
	doc_set_bool(members, "dry", true);
	return doc_bool(doc_get(office_must(office, "decide", members), "open"), false);
}

static bool count_open(struct db_tx *tx, void *context, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_SEQUENCER_QUEUE_LIST, DB_NOTHING, &rows, err))
		return false;
	*(size_t *)context = rows.count;
	if (!db_many(tx, STMT_HISTORY_PENDING, DB_NOTHING, &rows, err))
		return false;
	*(size_t *)context += rows.count;
	return true;
}

void office_settled(struct office *office)
{
	struct err err = {0};
	int quiet = 0;

	for (int i = 0; i < 200 && quiet < 3; i++) {
		size_t open = 0;
		expect_done(db_transact(office->keeper->pool, office->arena, DB_READ_COMMITTED,
					count_open, &open, &err),
			    &err);
		quiet = open == 0 ? quiet + 1 : 0;
		clock_sleep(CLOCK_SECOND / 20);
	}
	assert_int_equal(quiet, 3);
}
