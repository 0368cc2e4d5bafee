/* SPDX-License-Identifier: Apache-2.0 */
/* Documents by digest: for people who look at what was signed, and who bring rulesets. */

#include "service/api/documents.h"

#include "service/api/reply.h"
#include "service/model/document.h"

struct document_body {
	struct bytes document;
};

static bool put(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_BYTES(struct document_body, document, DOCUMENT_BYTES_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct document_body body;
	struct sha256_hex sha256;
	const char *type;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err) ||
	    !document_put(api_model(request), &act, body.document, &sha256, &type, err))
		return false;
	doc_set_text(answer, "sha256", sha256.text);
	doc_set_text(answer, "type", type);
	reply->doc = answer;
	return true;
}

bool api_document_put(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, put, err);
}

bool api_document_get(struct request *request, struct reply *reply, struct err *err)
{
	struct sha256_hex sha256;

	if (!api_sha256(request, "sha256", &sha256, err) ||
	    !document_get(api_model(request), web_arena(request), sha256.text, NULL, &reply->bytes,
			  err))
		return false;
	reply->content_type = "application/json";
	reply->etag = arena_text(web_arena(request), sha256.text);
	return true;
}
