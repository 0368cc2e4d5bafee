/* SPDX-License-Identifier: Apache-2.0 */
/* Records over HTTP: for testers. */

#include "service/api/records.h"

#include "service/api/reply.h"
#include "service/model/record.h"

struct record_body {
	struct bytes document;
};

static bool add(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_BYTES(struct record_body, document, RECORD_BYTES_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct record_added added = {0};
	struct record_body body;
	const char *release;

	if (!api_uuid(request, "release", &release, err) ||
	    !doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (!record_add(api_model(request), &act, release, body.document, &added, err))
		return api_unsealed(request, reply, &added.place);
	doc_set_text(answer, "record", added.record.id);
	doc_set_int(answer, "version", added.record.version);
	doc_set_text(answer, "sha256", added.sha256.text);
	api_place(answer, &added.place);
	reply->doc = answer;
	return true;
}

bool api_record_add(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, add, err);
}
