/* SPDX-License-Identifier: Apache-2.0 */
/* How does a person's signature reach the keeper? */

#include "service/model/signature.h"

bool signature_ask(struct model *model, const struct act *act, const char *meaning,
		   const struct doc *object, const char *reason, struct signature_challenge *out,
		   struct err *err)
{
	struct doc *members = doc_object(act->arena);
	const struct doc *reply;

	doc_set_text(members, "person", act->actor);
	doc_set_text(members, "meaning", meaning);
	doc_set(members, "object", object);
	doc_set_text(members, "reason", reason);
	if (!keeper_call(model, act, "challenge", members, &reply, err))
		return false;
	struct signature_challenge asked = {
		.challenge = doc_get_text(reply, "challenge"),
		.statement = doc_get_text(reply, "statement"),
		.expires_at = doc_get_text(reply, "expires_at"),
	};
	if (!asked.challenge || !asked.statement || !asked.expires_at)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer is no challenge");
	*out = asked;
	return true;
}

bool signature_give(struct model *model, const struct act *act, const char *challenge,
		    const char *password, const char *cms, struct signature_given *out,
		    struct err *err)
{
	struct doc *members = doc_object(act->arena);
	const struct doc *reply;

	doc_set_text(members, "challenge", challenge);
	if (password)
		doc_set_text(members, "password", password);
	if (cms)
		doc_set_text(members, "cms", cms);
	*out = (struct signature_given){0};
	if (!keeper_call_regulated(model, act, "sign", members, &reply, &out->place, err))
		return false;
	out->signature = doc_get_text(reply, "signature");
	out->strength = doc_get_text(reply, "strength");
	if (!out->signature || !out->strength)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer names no signature");
	return true;
}
