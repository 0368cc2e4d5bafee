/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person signs: challenge, look at everything again (review.c), consent, answer. Also for resuming a
 * campaign, which needs a signature first.
 */

#include "service/ctl/sign.h"

#include "common/digest.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/review.h"
#include "service/ctl/show.h"
#include "service/ctl/signing.h"
#include "service/ctl/terminal.h"

#include <stdio.h>
#include <string.h>

enum { DOCUMENT_MAX = 8 * 1024 * 1024 };

struct challenge {
	const char *challenge;
	struct bytes statement;
	clock_us expires_at;
	bool before; /* asked again under the same key */
};

static bool get_document(void *context, const char *sha256, size_t max, struct bytes *out,
			 struct err *err)
{
	struct ctl *ctl = context;

	return call_bytes(ctl, call_path(ctl->arena, "v1", "documents", sha256, NULL), max, out,
			  err);
}

static bool ask_challenge(struct ctl *ctl, const struct sign_wish *wish, struct challenge *out,
			  struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct challenge, challenge, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_BYTES(struct challenge, statement, STATEMENT_BYTES_MAX),
		DOC_TIME(struct challenge, expires_at),
		DOC_FLAG_OPT(struct challenge, before),
	};
	struct doc *body = doc_object(ctl->arena);
	struct doc *object = doc_object(ctl->arena);
	const struct doc *answer;

	doc_set_text(object, "kind", wish->kind);
	doc_set_text(object, "id", wish->id);
	doc_set(body, "object", object);
	doc_set_text(body, "meaning", wish->meaning);
	doc_set_text(body, "reason", wish->reason);
	return call_send(ctl, "POST", call_path(ctl->arena, "v1", "challenges", NULL), body,
			 &answer, err) &&
	       doc_read(ctl->arena, answer, fields, DOC_COUNT(fields), out, err);
}

/* Shows it on the screen, or with --json on standard error. */
static bool look_again(struct ctl *ctl, const struct sign_wish *wish,
		       const struct challenge *challenge, struct err *err)
{
	const struct review_asked asked = {
		.challenge = challenge->challenge,
		.person = ctl->session.person,
		.meaning = wish->meaning,
		.kind = wish->kind,
		.id = wish->id,
		.reason = wish->reason,
		.now = clock_now(),
	};
	const struct review_source source = {get_document, ctl};
	struct statement statement;
	struct text words;

	text_init(&words, ctl->arena, REVIEW_WORDS_MAX);
	if (!review_statement(ctl->arena, challenge->statement, &asked, &statement, err))
		return false;
	review_words(&statement, &words);
	if (!review_object(ctl->arena, &statement, &source, &words, err))
		return false;
	FILE *stream = ctl->json ? stderr : stdout;
	show_text(ctl->arena, stream, words.at);
	fputs("Every digest was recomputed here from the bytes that it names.\n", stream);
	fflush(stream);
	return true;
}

static bool answer_by_password(struct ctl *ctl, struct doc *body, struct err *err)
{
	char *password;

	if (!terminal_secret(ctl->arena, ctl_find(ctl, "--password-file"),
			     arena_printf(ctl->arena, "Password of %s: ", ctl->session.person),
			     false, &password, err))
		return false;
	doc_set_text(body, "password", password);
	digest_forget(password, strlen(password));
	return true;
}

/* Before a challenge runs: the key is there and fits. */
static bool check_options(struct ctl *ctl, struct err *err)
{
	struct sign_key *key;
	struct sign_cert cert;

	if (ctl_has(ctl, "--key") && ctl_has(ctl, "--password-file"))
		return err_fail(err, E_USAGE, "Sign either with --key or with a password");
	return !ctl_has(ctl, "--key") ||
	       signing_open(ctl, ctl_get(ctl, "--key"), ctl_get(ctl, "--cert"), SIGN_PERSON, &key,
			    &cert, err);
}

bool sign_give(struct ctl *ctl, const struct sign_wish *wish, const struct doc **answer,
	       struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	struct challenge challenge;
	struct bytes cms;

	if (!check_options(ctl, err) || !ask_challenge(ctl, wish, &challenge, err) ||
	    !look_again(ctl, wish, &challenge, err) || !signing_agree(ctl, "Sign this?", err))
		return false;
	doc_set_text(body, "challenge", challenge.challenge);
	if (!ctl_has(ctl, "--key")) {
		if (!answer_by_password(ctl, body, err))
			return false;
	} else {
		if (!signing_cms(ctl, ctl_get(ctl, "--key"), ctl_get(ctl, "--cert"), SIGN_PERSON,
				 challenge.statement, &cms, err))
			return false;
		doc_set_bytes(body, "cms", cms);
	}
	if (!call_send(ctl, "POST", call_path(ctl->arena, "v1", "signatures", NULL), body, answer,
		       err))
		return false;
	if (!doc_get_text(*answer, "signature"))
		return err_fail(err, E_FETCH, "The service did not say which signature it took");
	show_line(ctl, "Signed: signature %s, strength %s",
		  show_value(ctl->arena, doc_get(*answer, "signature")),
		  show_value(ctl->arena, doc_get(*answer, "strength")));
	return true;
}

static bool word_is(const char *name, const char *word, const char *const *words, struct err *err)
{
	for (; *words; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return err_fail(err, E_USAGE, "%s is not one that --help names", name);
}

bool ctl_sign(struct ctl *ctl, struct err *err)
{
	static const char *const kinds[] = {"record", "release", "campaign", NULL};
	static const char *const meanings[] = {"tested", "approved", "released", "resumed", NULL};
	struct sign_wish wish = {
		.kind = ctl_get(ctl, "KIND"),
		.meaning = ctl_get(ctl, "--meaning"),
		.reason = ctl_has(ctl, "--reason") ? ctl_get(ctl, "--reason") : "",
	};
	const struct doc *answer;

	if (!word_is("KIND", wish.kind, kinds, err) ||
	    !word_is("MEANING", wish.meaning, meanings, err) ||
	    !ctl_get_uuid(ctl, "ID", &wish.id, err) || !sign_give(ctl, &wish, &answer, err))
		return false;
	show_json(ctl, answer);
	return true;
}
