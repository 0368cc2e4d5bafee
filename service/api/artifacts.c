/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware over HTTP: a body that goes to the store as it comes, and ranges of it back. */

#include "service/api/artifacts.h"

#include "service/api/reply.h"
#include "service/model/artifact.h"

static bool begin(struct request *request, void **state, struct err *err)
{
	struct artifact_upload *upload;
	struct sha256_hex sha256;

	if (!api_sha256(request, "sha256", &sha256, err) ||
	    !artifact_upload_begin(api_model(request), &sha256, web_content_length(request),
				   &upload, err))
		return false;
	*state = upload;
	return true;
}

static bool data(struct request *request, void *state, struct bytes piece, struct err *err)
{
	(void)request;
	return artifact_upload_data(state, piece, err);
}

static bool end(struct request *request, void *state, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct artifact artifact;

	if (!artifact_upload_end(state, &act, &artifact, err))
		return false;
	doc_set_text(answer, "sha256", artifact.sha256.text);
	doc_set_int(answer, "size_bytes", artifact.size_bytes);
	doc_set_bool(answer, "before", artifact.before);
	reply->doc = answer;
	return true;
}

static void give_up(struct request *request, void *state)
{
	(void)request;
	artifact_upload_abort(state);
}

const struct web_sink api_artifact_sink = {
	.begin = begin, .data = data, .end = end, .abort = give_up};

bool api_artifact_get(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct sha256_hex sha256;
	struct artifact artifact;

	if (!api_sha256(request, "sha256", &sha256, err) ||
	    !artifact_open(api_model(request), &act, sha256.text, &artifact, &reply->file, err))
		return false;
	reply->file_bytes = (uint64_t)artifact.size_bytes;
	reply->content_type = "application/octet-stream";
	reply->etag = arena_text(act.arena, sha256.text);
	return true;
}
