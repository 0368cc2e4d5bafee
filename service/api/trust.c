/* SPDX-License-Identifier: Apache-2.0 */
/* The trust document: put by whoever has the root keys' signatures, read by everybody. */

#include "service/api/trust.h"

#include "service/api/reply.h"
#include "service/model/directory.h"

#include "common/encode.h"

struct put_body {
	struct bytes document;
	const struct doc *cms;
};

bool api_trust_put(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_BYTES(struct put_body, document, TRUST_BYTES_MAX),
		DOC_LIST(struct put_body, cms, 1, DIRECTORY_CMS_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct keeper_place place = {0};
	struct put_body body;
	int64_t version;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (!directory_trust_put(api_model(request), &act, body.document, body.cms, &version,
				 &place, err))
		return api_unsealed(request, reply, &place);
	doc_set_int(answer, "version", version);
	api_place(answer, &place);
	reply->doc = answer;
	return true;
}

bool api_trust_get(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct doc *cms = doc_array(act.arena);
	struct directory_trust trust;

	if (!directory_trust_get(api_model(request), &act, &trust, err))
		return false;
	for (size_t i = 0; i < trust.cms_count; i++)
		doc_add_text(cms, encode_base64(act.arena, trust.cms[i]));
	doc_set_int(answer, "version", trust.trust.version);
	doc_set_bytes(answer, "document", trust.trust.document);
	doc_set(answer, "cms", cms);
	reply->doc = answer;
	return true;
}
