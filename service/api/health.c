/* SPDX-License-Identifier: Apache-2.0 */
/* Does it work? For monitors; and the newest checkpoint, for everybody who keeps one. */

#include "service/api/health.h"

#include "service/api/reply.h"
#include "service/model/health.h"

bool api_status(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct health health;

	(void)err;
	health_ask(api_model(request), &act, &health);
	doc_set_text(answer, "service", "countersign");
	doc_set_text(answer, "version", SERVICE_VERSION);
	doc_set_bool(answer, "database", health.database);
	doc_set_bool(answer, "keeper", health.keeper);
	doc_set_int(answer, "size", health.size);
	doc_set_int(answer, "checkpoint_size", health.checkpoint_size);
	reply->doc = answer;
	return true;
}

bool api_health_live(struct request *request, struct reply *reply, struct err *err)
{
	(void)err;
	reply->doc = doc_object(web_arena(request));
	return true;
}

bool api_health_ready(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct health health;

	health_ask(api_model(request), &act, &health);
	if (!health.database)
		return err_fail(err, E_DB_AWAY, NULL);
	if (!health.keeper)
		return err_fail(err, E_KEEPER_AWAY, NULL);
	reply->doc = doc_object(act.arena);
	return true;
}

bool api_checkpoint(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	const char *note;

	if (!health_checkpoint(api_model(request), &act, &note, err))
		return false;
	reply->bytes = bytes_of_text(note);
	reply->content_type = "text/plain; charset=utf-8";
	return true;
}
