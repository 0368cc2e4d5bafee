/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was trusted with what, at every event: trust documents from the pinned roots on, and the
 * directory as two admins at a time signed it.
 */

#include "audit/verify_internal.h"

#include "policy/ruleset.h"

#include <string.h>

enum { LEDGER_KEYS_FIRST = 8 };

/* ---- trust documents ---- */

/* Without a pin the first document's own roots stand for it: then it is only consistent. */
static bool own_pin(struct verify *verify, struct bytes document, struct trust_pin *out,
		    struct err *err)
{
	struct trust trust;

	if (!trust_parse(verify->arena, document, &trust, err))
		return false;
	struct sha256_hex *ids = arena_array(verify->arena, trust.roots.key_count, sizeof(*ids));
	for (size_t i = 0; i < trust.roots.key_count; i++)
		ids[i] = sign_key_id(trust.roots.keys[i]);
	*out = (struct trust_pin){.slot = trust.slot,
				  .roots = {.k = trust.roots.k,
					    .spki_sha256 = ids,
					    .spki_sha256_count = trust.roots.key_count}};
	return true;
}

static void add_ledger_key(struct verify *verify, const struct trust_entry *entry)
{
	struct err why = {0};

	if (verify->ledger_key_count == verify->ledger_key_room) {
		size_t room =
			verify->ledger_key_room ? verify->ledger_key_room * 2 : LEDGER_KEYS_FIRST;
		struct note_key *more = arena_array(verify->arena, room, sizeof(*more));
		if (verify->ledger_key_count > 0)
			memcpy(more, verify->ledger_keys, verify->ledger_key_count * sizeof(*more));
		verify->ledger_keys = more;
		verify->ledger_key_room = room;
	}
	struct note_key *key = &verify->ledger_keys[verify->ledger_key_count];
	if (note_key_of_spki(verify->arena, verify->package.origin, entry->key.spki, key, &why))
		verify->ledger_key_count++;
	else
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "the trust document's ledger key %.60s is none: %s", entry->name,
			    why.text);
}

static void take_trust(struct verify *verify, struct trust *trust)
{
	verify->trust_before = verify->trust;
	verify->trust = trust;
	verify->trust_at = verify->view->at;
	verify_counted(verify, COUNT_TRUST);
	for (size_t i = 0; i < trust->entry_count; i++) {
		if (trust->entries[i].role_id == TRUST_LEDGER)
			add_ledger_key(verify, &trust->entries[i]);
	}
}

void verify_trust_adopted(struct verify *verify)
{
	struct trust *trust = arena_alloc(verify->arena, sizeof(*trust));
	struct bytes cms[VERIFY_SIGNERS_MAX];
	struct sha256_hex sha256;
	struct trust_pin own;
	struct bytes document;
	struct err why = {0};

	if (!verify_sha256_of(verify, "sha256", &sha256) ||
	    !verify_document(verify, sha256.text, &document))
		return;
	const char *path = package_document_path(verify->work, sha256.text);
	size_t count = verify_signatures(verify, sha256.text, "root", cms);
	const struct trust_pin *pin = verify->pin;
	document = arena_bytes(verify->arena, document);
	bool known = pin != NULL || verify->trust != NULL;
	if (!known)
		pin = &own;
	if (!pin) /* a later document: only its slot is asked of the pin */
		own = (struct trust_pin){.slot = verify->trust->slot}, pin = &own;
	if ((!known && !own_pin(verify, document, &own, &why)) ||
	    !trust_accept(verify->arena, pin, verify->trust, document, cms, count, verify->view->at,
			  trust, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "the trust document does not hold: %s",
			    why.text);
		return;
	}
	if (strcmp(verify_text_of(verify, "slot"), trust->slot) != 0 ||
	    strcmp(verify_stream_of(verify, STREAM_TRUST), trust->slot) != 0 ||
	    verify_int_of(verify, "version") != trust->version)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event and the trust document say different slots or versions");
	take_trust(verify, trust);
}

bool verify_trust_key(struct verify *verify, enum trust_role role, const struct sha256_hex *key_id,
		      const char *product, const struct trust_entry **out, struct err *err)
{
	struct err before = {0};

	if (!verify->trust)
		return err_fail(err, E_TRUST_MISSING, "no trust document was in force yet");
	if (trust_find_key(verify->trust, role, key_id, product, NULL, verify->view->at, out, err))
		return true;
	if (!verify->trust_before || verify_settled(verify, verify->trust_at) ||
	    !trust_find_key(verify->trust_before, role, key_id, product, NULL, verify->view->at,
			    out, &before))
		return false;
	err_clear(err);
	return true;
}

/* ---- two admins ---- */

bool verify_holds_role(struct verify *verify, const struct verify_person *person, const char *role,
		       const char *product)
{
	for (const struct verify_role *one = person->roles; one; one = one->next) {
		bool fits = strcmp(one->product, "*") == 0 ||
			    (product && strcmp(one->product, product) == 0);
		if (fits && strcmp(one->role, role) == 0 && verify_lives(verify, &one->life))
			return true;
	}
	return false;
}

/* The person whose admin key it is; NULL: it is none. */
static const char *admin_of(struct verify *verify, const struct sign_cert *signer)
{
	const struct verify_key *key = names_find(verify->keys, signer->key_id.text);
	const struct trust_entry *entry;
	struct err none = {0};

	if (verify_trust_key(verify, TRUST_ADMIN, &signer->key_id, NULL, &entry, &none) &&
	    entry->person) {
		const struct verify_person *person = names_find(verify->persons, entry->person);
		return person && verify_over(verify, &person->life) ? NULL : entry->person;
	}
	if (!key || !verify_lives(verify, &key->life) ||
	    !verify_lives(verify, &key->person->life) ||
	    !verify_holds_role(verify, key->person, "admin", NULL))
		return NULL;
	return key->person->id;
}

struct admins {
	const char *ids[VERIFY_SIGNERS_MAX];
	size_t count;
};

static bool among(const struct admins *admins, const char *id)
{
	for (size_t i = 0; i < admins->count; i++) {
		if (strcmp(admins->ids[i], id) == 0)
			return true;
	}
	return false;
}

static void check_admins(struct verify *verify, const char *sha256, struct bytes document)
{
	const struct doc *said = doc_get(verify->view->event.data, "admins");
	const char *path = package_document_path(verify->work, sha256);
	struct bytes cms[VERIFY_SIGNERS_MAX];
	size_t count = verify_signatures(verify, sha256, "person", cms);
	struct admins admins = {.count = 0};

	for (size_t i = 0; i < count; i++) {
		struct sign_cert signer;
		struct err why = {0};
		if (!sign_cms_check(verify->work, cms[i], document, SIGN_PERSON, verify->view->at,
				    &signer, &why)) {
			verify_find(verify, VERIFY_TAMPERED, path,
				    "a signature beside the statement does not hold: %s", why.text);
			continue;
		}
		const char *admin = admin_of(verify, &signer);
		if (admin && !among(&admins, admin))
			admins.ids[admins.count++] = admin;
	}
	if (admins.count < 2)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the statement carries the signatures of %zu admins; it takes two",
			    admins.count);
	bool same = doc_size(said) == admins.count;
	for (size_t i = 0; same && i < admins.count; i++) {
		const char *id = doc_text(doc_at(said, i));
		same = id && among(&admins, id);
	}
	if (!same)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event names other admins than those whose keys signed");
}

/* ---- the acts ---- */

static bool add_person(struct verify *verify, const struct directory_act *act)
{
	struct verify_person *person = arena_alloc(verify->arena, sizeof(*person));

	if (names_find(verify->persons, act->person))
		return false;
	*person = (struct verify_person){.id = act->person, .name = act->name};
	verify_begin(verify, &person->life);
	names_put(verify->persons, act->person, person);
	return true;
}

static struct verify_role *role_at(const struct verify_person *person,
				   const struct directory_act *act)
{
	for (struct verify_role *one = person->roles; one; one = one->next) {
		if (one->life.until_index < 0 && strcmp(one->role, act->role) == 0 &&
		    strcmp(one->product, act->product) == 0)
			return one;
	}
	return NULL;
}

static bool change_role(struct verify *verify, const struct directory_act *act)
{
	struct verify_person *person = names_find(verify->persons, act->person);
	struct verify_role *role = person ? role_at(person, act) : NULL;

	if (!person)
		return false;
	if (act->kind == DIRECTORY_ROLE_REVOKE) {
		if (role)
			verify_end(verify, &role->life);
		return role != NULL;
	}
	if (role)
		return false;
	role = arena_alloc(verify->arena, sizeof(*role));
	*role = (struct verify_role){
		.next = person->roles, .role = act->role, .product = act->product};
	verify_begin(verify, &role->life);
	person->roles = role;
	return true;
}

static bool enrol_key(struct verify *verify, const struct directory_act *act)
{
	struct verify_person *person = names_find(verify->persons, act->person);
	struct verify_key *key = arena_alloc(verify->arena, sizeof(*key));
	struct err none = {0};
	struct sign_cert cert;

	if (!person || !sign_cert_read(verify->work, act->certificate, &cert, &none) ||
	    cert.role != SIGN_PERSON || !cert.email_protection || cert.authority ||
	    names_find(verify->keys, cert.key_id.text))
		return false;
	key->person = person;
	verify_begin(verify, &key->life);
	names_put(verify->keys, cert.key_id.text, key);
	return true;
}

static bool put_product(struct verify *verify, const struct directory_act *act)
{
	struct verify_product *before = names_find(verify->products, act->product);
	struct verify_product *product = arena_alloc(verify->arena, sizeof(*product));

	if (before)
		verify_end(verify, &before->life);
	*product = (struct verify_product){
		.before = before, .hardware = act->hardware, .rulesets = act->rulesets};
	verify_begin(verify, &product->life);
	names_put(verify->products, act->product, product);
	return true;
}

static bool adopt_ruleset(struct verify *verify, const struct directory_act *act)
{
	struct verify_ruleset *before = names_find(verify->rulesets, act->name);
	struct verify_ruleset *adopted = arena_alloc(verify->arena, sizeof(*adopted));
	struct ruleset ruleset;
	struct err why = {0};
	struct bytes bytes;

	if (before)
		verify_end(verify, &before->life);
	*adopted = (struct verify_ruleset){.before = before, .sha256 = act->sha256};
	verify_begin(verify, &adopted->life);
	names_put(verify->rulesets, act->name, adopted);
	if (!verify_document(verify, act->sha256.text, &bytes))
		return true; /* said already */
	return ruleset_read(verify->work, bytes, &ruleset, &why) &&
	       strcmp(ruleset.name, act->name) == 0;
}

static bool register_device(struct verify *verify, const struct directory_act *act)
{
	struct verify_device *device = arena_alloc(verify->arena, sizeof(*device));

	if (names_find(verify->devices, act->device) || !names_find(verify->products, act->product))
		return false;
	*device = (struct verify_device){
		.id = act->device,
		.product = act->product,
		.hardware = act->device_hardware,
		.market = act->market,
		.site = act->site,
		.assurance = act->assurance,
		.report_key = act->report_key,
	};
	verify_begin(verify, &device->life);
	names_put(verify->devices, act->device, device);
	return true;
}

/* Ends what is there and has not ended. */
static bool end_life(struct verify *verify, struct verify_life *life)
{
	if (!life || life->until_index >= 0)
		return false;
	verify_end(verify, life);
	return true;
}

/* false: it cannot be done. */
static bool do_act(struct verify *verify, const struct directory_act *act)
{
	struct verify_person *person =
		act->person ? names_find(verify->persons, act->person) : NULL;
	struct verify_device *device =
		act->device ? names_find(verify->devices, act->device) : NULL;
	struct verify_key *key = names_find(verify->keys, act->key_id.text);

	switch ((enum directory_kind)act->kind) {
	case DIRECTORY_PERSON_ADD:
		return add_person(verify, act);
	case DIRECTORY_PERSON_INVITE:
		return person != NULL;
	case DIRECTORY_PERSON_LEAVE:
		return end_life(verify, person ? &person->life : NULL);
	case DIRECTORY_ROLE_GRANT:
	case DIRECTORY_ROLE_REVOKE:
		return change_role(verify, act);
	case DIRECTORY_KEY_ENROL:
		return enrol_key(verify, act);
	case DIRECTORY_KEY_REVOKE:
		return end_life(verify, key ? &key->life : NULL);
	case DIRECTORY_PRODUCT_PUT:
		return put_product(verify, act);
	case DIRECTORY_RULESET_ADOPT:
		return adopt_ruleset(verify, act);
	case DIRECTORY_DEVICE_REGISTER:
		return register_device(verify, act);
	case DIRECTORY_DEVICE_REVOKE:
		return end_life(verify, device ? &device->life : NULL);
	case DIRECTORY_KINDS:
		break;
	}
	return false;
}

/* ---- statements and the events of their acts ---- */

static void report_unseen(struct verify *verify, enum verify_grade grade)
{
	for (size_t i = 0; verify->acts && i < verify->acts->act_count; i++) {
		if (!verify->acts_seen[i])
			verify_find(verify, grade, NULL,
				    "act %zu (%s) of directory statement %lld has no event of its "
				    "own%s",
				    i + 1,
				    directory_kind_word(
					    (enum directory_kind)verify->acts->acts[i].kind),
				    (long long)verify->acts->number,
				    grade == VERIFY_NOTE ? " yet" : "");
	}
}

void verify_directory_end(struct verify *verify)
{
	report_unseen(verify, VERIFY_NOTE);
}

static void check_number(struct verify *verify, const struct directory *statement, const char *path)
{
	if (statement->number != verify->statement + 1 ||
	    strcmp(statement->previous.text, verify->statement_sha256.text) != 0)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it is statement %lld and names the statement before it by a digest; "
			    "number %lld with digest %s would be next",
			    (long long)statement->number, (long long)verify->statement + 1,
			    verify->statement_sha256.text);
	const char *reason = verify->view->event.reason;
	if (verify_int_of(verify, "number") != statement->number ||
	    verify_int_of(verify, "acts") != (int64_t)statement->act_count ||
	    strcmp(reason ? reason : "", statement->reason) != 0)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event and the statement say different things");
}

static void take_statement(struct verify *verify, const struct sha256_hex *sha256,
			   struct bytes document)
{
	const char *path = package_document_path(verify->work, sha256->text);
	struct directory *statement = arena_alloc(verify->arena, sizeof(*statement));
	struct err why = {0};

	if (!directory_parse(verify->arena, document, statement, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "it is no directory statement: %s",
			    why.text);
		return;
	}
	check_number(verify, statement, path);
	check_admins(verify, sha256->text, document);
	for (size_t i = 0; i < statement->act_count; i++) {
		if (!do_act(verify, &statement->acts[i]))
			verify_find(
				verify, VERIFY_TAMPERED, path,
				"act %zu (%s) of the statement could not be done then", i + 1,
				directory_kind_word((enum directory_kind)statement->acts[i].kind));
	}
	verify->acts = statement;
	verify->acts_seen =
		arena_array(verify->arena, statement->act_count, sizeof(*verify->acts_seen));
	verify_counted(verify, COUNT_STATEMENTS);
}

void verify_directory_acted(struct verify *verify)
{
	struct sha256_hex sha256;
	struct bytes document;

	if (!doc_get(verify->view->event.data, "number")) {
		verify_act_recorded(verify); /* key.revoke */
		return;
	}
	report_unseen(verify, VERIFY_TAMPERED);
	verify->acts = NULL;
	if (!verify_sha256_of(verify, "sha256", &sha256))
		return;
	if (verify_document(verify, sha256.text, &document))
		take_statement(verify, &sha256, document);
	verify->statement = verify_int_of(verify, "number");
	verify->statement_sha256 = sha256;
}

/* Is the event about what this act is about? */
static bool about(struct verify *verify, const struct directory_act *act)
{
	const struct doc *data = verify->view->event.data;
	const struct event *event = &verify->view->event;
	const char *subject = act->person;

	switch ((enum directory_kind)act->kind) {
	case DIRECTORY_PRODUCT_PUT:
		subject = act->product;
		break;
	case DIRECTORY_RULESET_ADOPT: {
		const char *sha256 = doc_get_text(data, "sha256");
		if (!sha256 || strcmp(sha256, act->sha256.text) != 0)
			return false;
		subject = act->name;
		break;
	}
	case DIRECTORY_DEVICE_REGISTER:
	case DIRECTORY_DEVICE_REVOKE:
		subject = act->device;
		break;
	case DIRECTORY_KEY_REVOKE: {
		const char *key = doc_get_text(data, "key_id");
		return key && strcmp(key, act->key_id.text) == 0;
	}
	case DIRECTORY_PERSON_ADD:
	case DIRECTORY_PERSON_INVITE:
	case DIRECTORY_PERSON_LEAVE:
	case DIRECTORY_ROLE_GRANT:
	case DIRECTORY_ROLE_REVOKE:
	case DIRECTORY_KEY_ENROL:
	case DIRECTORY_KINDS:
		break;
	}
	return subject && strcmp(event->streams[0].id, subject) == 0;
}

static void expect_commit(struct verify *verify, const struct directory_act *act)
{
	struct verify_act commit = {
		.ref = "refs/heads/policy",
		.paths = {arena_printf(verify->work, "rulesets/%s.json", act->name)},
		.documents = {package_document_path(verify->work, act->sha256.text)},
		.count = 1,
	};

	verify_git_expect(verify, &commit);
}

void verify_act_recorded(struct verify *verify)
{
	const char *word = verify_text_of(verify, "act");
	struct sha256_hex sha256;

	if (!verify_sha256_of(verify, "statement", &sha256))
		return;
	if (strcmp(sha256.text, verify->statement_sha256.text) != 0) {
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "it rests on another statement than the one before it");
		return;
	}
	if (!verify->acts)
		return; /* the statement could not be read: said already */
	for (size_t i = 0; i < verify->acts->act_count; i++) {
		const struct directory_act *act = &verify->acts->acts[i];
		if (verify->acts_seen[i] ||
		    strcmp(word, directory_kind_word((enum directory_kind)act->kind)) != 0 ||
		    !about(verify, act))
			continue;
		verify->acts_seen[i] = true;
		if (act->kind == DIRECTORY_RULESET_ADOPT)
			expect_commit(verify, act);
		return;
	}
	verify_find(verify, VERIFY_TAMPERED, NULL, "no act of directory statement %lld says so",
		    (long long)verify->statement);
}
