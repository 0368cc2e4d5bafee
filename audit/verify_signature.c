/* SPDX-License-Identifier: Apache-2.0 */
/* Who signed for what, was it shown to them, and might they sign it then? */

#include "audit/verify_internal.h"

#include "common/wire/content.h"
#include "common/wire/statement.h"
#include "policy/signatures.h"

#include <string.h>

/* ---- the challenge ---- */

void verify_challenge_given(struct verify *verify)
{
	struct verify_challenge *challenge = arena_alloc(verify->arena, sizeof(*challenge));
	const char *id = verify_text_of(verify, "challenge");

	if (names_find(verify->challenges, id))
		verify_find(verify, VERIFY_TAMPERED, NULL, "this challenge was given before");
	if (!verify_sha256_of(verify, "statement_sha256", &challenge->statement))
		return;
	names_put(verify->challenges, id, challenge);
}

struct signing {
	struct statement statement;
	struct bytes document;
	struct sha256_hex document_sha256;
	const char *path; /* of the document */
	const char *strength;
	struct verify_release *release; /* that it is about, directly or not */
	struct verify_campaign *campaign;
};

static void check_challenge(struct verify *verify, const struct signing *signing)
{
	struct verify_challenge *challenge =
		names_find(verify->challenges, signing->statement.challenge);

	if (!challenge || strcmp(challenge->statement.text, signing->document_sha256.text) != 0)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "no challenge with this statement was given before");
	else if (challenge->used)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "its challenge was answered before");
	else
		challenge->used = true;
}

static void check_said(struct verify *verify, const struct signing *signing)
{
	const struct statement *statement = &signing->statement;
	const struct doc *object = doc_get(verify->view->event.data, "object");
	const char *kind = doc_get_text(object, "kind");
	const char *id = doc_get_text(object, "id");
	const char *reason = verify->view->event.reason;

	if (strcmp(verify_text_of(verify, "signature"), statement->id) != 0 ||
	    strcmp(verify_text_of(verify, "challenge"), statement->challenge) != 0 ||
	    strcmp(verify_text_of(verify, "meaning"), statement->meaning) != 0 ||
	    strcmp(verify_text_of(verify, "sha256"), statement->sha256.text) != 0 || !kind || !id ||
	    strcmp(kind, statement->object.kind) != 0 || strcmp(id, statement->object.id) != 0 ||
	    strcmp(verify_stream_of(verify, STREAM_PERSON), statement->person) != 0 ||
	    strcmp(verify->view->actor_id, statement->person) != 0 ||
	    strcmp(reason ? reason : "", statement->reason) != 0)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "the event and the statement that was signed say different things");
	if (verify->view->at < statement->at || verify->view->at >= statement->expires_at)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "it was signed outside the time of its challenge");
}

/* The person, with a role that gives this meaning, as the directory stood then. */
static void check_person(struct verify *verify, const struct signing *signing)
{
	const struct statement *statement = &signing->statement;
	const struct signature_meaning *meaning = signature_meaning_find(statement->meaning);
	const struct verify_person *person = names_find(verify->persons, statement->person);
	bool held = false;

	if (!person || !verify_lives(verify, &person->life)) {
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "%.64s was not in the directory then", statement->person);
		return;
	}
	if (strcmp(person->name, statement->name) != 0)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "the directory has another name for %.64s", statement->person);
	if (!meaning || strcmp(meaning->object, statement->object.kind) != 0) {
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "the meaning %.20s is not given to such an object", statement->meaning);
		return;
	}
	for (size_t i = 0; meaning->roles[i]; i++)
		held = held ||
		       verify_holds_role(verify, person, meaning->roles[i],
					 signing->release ? signing->release->product : NULL);
	if (!held)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "%.64s held no role then that gives the meaning %.20s",
			    statement->person, statement->meaning);
}

static void check_personal_key(struct verify *verify, const struct signing *signing)
{
	const char *key_id = verify_text_of(verify, "key_id");
	const struct verify_key *key = names_find(verify->keys, key_id);
	const char *path = package_signature_path(verify->work, signing->document_sha256.text,
						  "person", key_id);
	struct sign_cert signer;
	struct err why = {0};
	struct bytes cms;

	if (!key || !verify_lives(verify, &key->life) ||
	    strcmp(key->person->id, signing->statement.person) != 0)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "the key of the event was not enrolled for %.64s then",
			    signing->statement.person);
	if (!verify_listed_file(verify, path, VERIFY_CMS_MAX, &cms))
		return;
	if (!sign_cms_check(verify->work, cms, signing->document, SIGN_PERSON, verify->view->at,
			    &signer, &why))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the signature of %.64s does not hold: %s", signing->statement.person,
			    why.text);
	else if (strcmp(signer.key_id.text, key_id) != 0)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "another key signed than the event names");
}

/* ---- what was signed ---- */

static bool content_backed(struct verify *verify, const struct verify_release *release,
			   const struct content *content)
{
	if (strcmp(content->release, release->id) != 0 ||
	    strcmp(content->manifest_sha256.text, release->manifest_sha256.text) != 0 ||
	    strcmp(content->author_cms_sha256.text, release->author_cms_sha256.text) != 0 ||
	    strcmp(content->product, release->product) != 0 ||
	    strcmp(content->version, release->version) != 0 ||
	    content->sequence != release->sequence)
		return false;
	for (size_t i = 0; i < content->record_count; i++) {
		const struct content_record *one = &content->records[i];
		const struct verify_record *record = names_find(verify->records, one->id);
		const struct verify_version *version = record ? record->newest : NULL;
		while (version && version->version != one->version)
			version = version->before;
		if (!version || record->release != release ||
		    strcmp(version->sha256.text, one->sha256.text) != 0)
			return false;
	}
	for (size_t i = 0; i < content->ruleset_count; i++) {
		const struct verify_ruleset *ruleset =
			names_find(verify->rulesets, content->rulesets[i].name);
		while (ruleset &&
		       strcmp(ruleset->sha256.text, content->rulesets[i].sha256.text) != 0)
			ruleset = ruleset->before;
		if (!ruleset)
			return false;
	}
	return true;
}

static void check_release_object(struct verify *verify, struct signing *signing)
{
	const struct sha256_hex *sha256 = &signing->statement.sha256;
	struct content content;
	struct err why = {0};
	struct bytes document;

	signing->release = names_find(verify->releases, signing->statement.object.id);
	if (!signing->release) {
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "the release that was signed was not sealed before");
		return;
	}
	if (!verify_document(verify, sha256->text, &document))
		return;
	if (!content_parse(verify->work, document, &content, &why) ||
	    !content_backed(verify, signing->release, &content))
		verify_find(verify, VERIFY_TAMPERED,
			    package_document_path(verify->work, sha256->text),
			    "what was shown for signing is not the content of the release as the "
			    "ledger has it");
}

static void check_record_object(struct verify *verify, struct signing *signing)
{
	const struct verify_record *record =
		names_find(verify->records, signing->statement.object.id);
	const struct verify_version *version = record ? record->newest : NULL;

	while (version && strcmp(version->sha256.text, signing->statement.sha256.text) != 0)
		version = version->before;
	if (record)
		signing->release = record->release;
	if (!version || !verify_lives(verify, &version->life))
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "what was signed is not the newest version of a record of the ledger");
	else if (strcmp(version->tester, signing->statement.person) != 0)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "the record names another tester than who signed it");
}

/* The digest of hold number n of this campaign. */
static bool hold_digest(struct verify *verify, const struct verify_campaign *campaign,
			int64_t number, struct sha256_hex *out)
{
	struct hold hold = {
		.campaign = campaign->id, .number = number, .plan_sha256 = campaign->plan_sha256};
	struct err none = {0};
	struct bytes document;

	if (!hold_write(verify->work, &hold, &document, &none))
		return false;
	*out = digest_sha256_hex(document);
	return true;
}

static void check_campaign_object(struct verify *verify, struct signing *signing)
{
	struct verify_campaign *campaign =
		verify_campaign_get(verify, signing->statement.object.id);
	bool resumes = strcmp(signing->statement.meaning, "resumed") == 0;
	struct sha256_hex shown;
	bool fits = false;

	if (!campaign)
		return;
	signing->campaign = campaign;
	signing->release = campaign->release;
	if (!resumes)
		fits = strcmp(campaign->plan_sha256.text, signing->statement.sha256.text) == 0;
	for (const struct verify_hold *hold = campaign->holds; resumes && hold && !fits;
	     hold = hold->next)
		fits = verify_lives(verify, &hold->life) &&
		       hold_digest(verify, campaign, hold->number, &shown) &&
		       strcmp(shown.text, signing->statement.sha256.text) == 0;
	if (!fits)
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "what was signed is not the %s of the campaign",
			    resumes ? "present hold" : "plan");
}

static void check_object(struct verify *verify, struct signing *signing)
{
	const char *kind = signing->statement.object.kind;

	if (strcmp(kind, "release") == 0)
		check_release_object(verify, signing);
	else if (strcmp(kind, "record") == 0)
		check_record_object(verify, signing);
	else
		check_campaign_object(verify, signing);
}

/* ---- one signature ---- */

static void keep_signature(struct verify *verify, const struct signing *signing)
{
	const struct statement *statement = &signing->statement;
	struct verify_signature *signature = arena_alloc(verify->arena, sizeof(*signature));

	*signature = (struct verify_signature){
		.id = verify_keep(verify, statement->id),
		.person = verify_keep(verify, statement->person),
		.meaning = verify_keep(verify, statement->meaning),
		.strength = verify_keep(verify, signing->strength),
		.object_kind = verify_keep(verify, statement->object.kind),
		.object_id = verify_keep(verify, statement->object.id),
		.sha256 = statement->sha256,
		.at = verify->view->at,
	};
	if (names_find(verify->signatures, signature->id))
		verify_find(verify, VERIFY_TAMPERED, signing->path,
			    "this signature was given before");
	names_put(verify->signatures, signature->id, signature);
}

static void expect_signature_commit(struct verify *verify, const struct signing *signing)
{
	bool personal = strcmp(signing->strength, "personal-key") == 0;
	const struct verify_release *release = signing->release;
	const char *id = signing->statement.id;
	struct arena *work = verify->work;

	if (!release)
		return;
	struct verify_act commit = {
		.ref = verify_git_ref(work, release->product, release->version),
		.release = release->id,
		.paths = {arena_printf(work, "%s/signatures/%s.json", release->version, id),
			  arena_printf(work, "%s/signatures/%s.p7s", release->version, id)},
		.documents = {signing->path,
			      personal ? package_signature_path(work, signing->document_sha256.text,
								"person",
								verify_text_of(verify, "key_id"))
				       : NULL},
		.count = personal ? 2 : 1,
	};
	verify_git_expect(verify, &commit);
}

void verify_signature_given(struct verify *verify)
{
	struct signing signing = {.strength = verify_text_of(verify, "strength")};
	bool personal = strcmp(signing.strength, "personal-key") == 0;
	struct err why = {0};

	if (!verify_sha256_of(verify, "statement_sha256", &signing.document_sha256) ||
	    !verify_document(verify, signing.document_sha256.text, &signing.document))
		return;
	signing.path = package_document_path(verify->work, signing.document_sha256.text);
	if (!statement_parse(verify->work, signing.document, &signing.statement, &why)) {
		verify_find(verify, VERIFY_TAMPERED, signing.path,
			    "it is no statement of a signature: %s", why.text);
		return;
	}
	check_challenge(verify, &signing);
	check_said(verify, &signing);
	check_object(verify, &signing);
	check_person(verify, &signing);
	if (personal)
		check_personal_key(verify, &signing);
	else if (strcmp(signing.strength, "keeper-checked") != 0)
		verify_find(verify, VERIFY_TAMPERED, signing.path, "the strength %.40s is none",
			    signing.strength);
	verify_counted(verify, personal ? COUNT_PERSONAL : COUNT_KEEPER_CHECKED);
	keep_signature(verify, &signing);
	expect_signature_commit(verify, &signing);
}
