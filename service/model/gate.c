/* SPDX-License-Identifier: Apache-2.0 */
/* Would this gate open, and if not, what is missing? For people who work on that. */

#include "service/model/gate.h"

#include "service/model/document.h"

bool gate_show(struct model *model, const struct act *act, const char *gate, const char *subject,
	       struct bytes *verdict, struct err *err)
{
	struct doc *members = doc_object(act->arena);
	const struct doc *reply;

	doc_set_text(members, "gate", gate);
	doc_set_text(members, "subject", subject);
	doc_set_bool(members, "dry", true);
	if (!keeper_call(model, act, "decide", members, &reply, err))
		return false;
	const char *sha256 = doc_get_text(reply, "verdict_sha256");
	return document_get(model, act->arena, sha256 ? sha256 : "", "countersign.verdict.v1",
			    verdict, err);
}
