/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges and signatures over HTTP. */

#include "service/api/signatures.h"

#include "common/digest.h"
#include "service/api/reply.h"
#include "service/model/signature.h"

enum { CMS_TEXT_MAX = 24 * 1024 };

struct challenge_body {
	const char *meaning;
	const struct doc *object;
	const char *reason;
};

static bool ask(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct challenge_body, meaning, 1, 20),
		DOC_OBJECT(struct challenge_body, object),
		DOC_TEXT(struct challenge_body, reason, 0, API_REASON_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct signature_challenge asked;
	struct challenge_body body;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err) ||
	    !signature_ask(api_model(request), &act, body.meaning, body.object, body.reason, &asked,
			   err))
		return false;
	doc_set_text(answer, "challenge", asked.challenge);
	doc_set_text(answer, "statement", asked.statement);
	doc_set_text(answer, "expires_at", asked.expires_at);
	reply->doc = answer;
	return true;
}

bool api_challenge(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, ask, err);
}

struct signature_body {
	const char *challenge;
	const char *password;
	const char *cms;
};

static bool give(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct signature_body, challenge, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_TEXT_OPT(struct signature_body, password, 1, PASSWORD_MAX),
		DOC_TEXT_OPT(struct signature_body, cms, 1, CMS_TEXT_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct signature_given given = {0};
	struct signature_body body;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (!body.password == !body.cms)
		return err_fail(err, E_DOC_FIELD, "send either password or cms");
	if (!signature_give(api_model(request), &act, body.challenge, body.password, body.cms,
			    &given, err))
		return api_unsealed(request, reply, &given.place);
	doc_set_text(answer, "signature", given.signature);
	doc_set_text(answer, "strength", given.strength);
	api_place(answer, &given.place);
	reply->doc = answer;
	return true;
}

bool api_signature_give(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, give, err);
}
