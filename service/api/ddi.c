/* SPDX-License-Identifier: Apache-2.0 */
/* What do devices and service say to each other in DDI v1? Words only: the verbs are in the model. */

#include "service/api/ddi.h"

#include "common/log.h"
#include "common/wire/ddi.h"
#include "service/api/reply.h"
#include "service/model/artifact.h"
#include "service/model/device.h"
#include "service/model/dispatch.h"
#include "service/model/papers.h"
#include "service/model/proof.h"
#include "service/model/report.h"

#include <strings.h>

enum {
	BATCH_BYTES = 256 * 1024 * 1024, /* 1,000 reports in one transaction */
	RETRY_MAX_S = 30,
};

/* ---- common steps ---- */

/* Some clients write the tenant in small letters, one cannot write another. */
static bool check_tenant(struct request *request, struct err *err)
{
	const char *tenant = web_param(request, "tenant");

	return tenant && strcasecmp(tenant, "DEFAULT") == 0 ? true : err_fail(err, E_ROUTE, NULL);
}

static const char *base_of(struct request *request)
{
	const struct service *service = web_app(request);
	const char *base = service->settings.base_url;

	return arena_printf(web_arena(request), "%s/DEFAULT/controller/v1/%s",
			    base && *base ? base : web_base_url(request), api_actor(request)->id);
}

static bool read_action(struct request *request, const char *param, int64_t *action,
			struct err *err)
{
	return check_tenant(request, err) &&
	       dispatch_action_read(web_param(request, param), action, err);
}

/* For `return`: it asked for what it may not have now, which stands in its record. */
static bool refuse(struct request *request, const char *what, const struct err *err)
{
	struct act act = api_act(request);

	if (err->code == E_ACTION_UNKNOWN || err->code == E_OFFER_WITHHELD)
		device_refused(api_model(request), &act, what, err);
	return false;
}

static int64_t retry_s(struct request *request)
{
	const struct service *service = web_app(request);

	return service->settings.poll_s < RETRY_MAX_S ? service->settings.poll_s : RETRY_MAX_S;
}

/* An empty 200 with its length: some clients take anything else for an error. */
static bool taken(struct reply *reply)
{
	reply->status = 200;
	reply->no_body_type = true;
	return true;
}

/* ---- poll ---- */

static void answer_poll(struct web_item *item, const struct dispatch_poll *poll)
{
	struct request *request = item->request;
	struct arena *arena = web_arena(request);
	const struct service *service = web_app(request);
	const char *base = base_of(request);
	struct ddi_poll words = {.sleep_s = service->settings.poll_s};
	/* Another attempt is another content; clients compare the whole link. */
	int64_t revision = poll->attempt > 0 ? poll->attempt : 1;

	if (poll->action > 0)
		words.deployment_base = arena_printf(arena, "%s/deploymentBase/%lld?c=%lld", base,
						     (long long)poll->action, (long long)revision);
	if (poll->wanted)
		words.config_data = arena_printf(arena, "%s/configData", base);
	item->reply.doc = ddi_poll_doc(arena, &words);
	item->reply.etag = arena_printf(arena, "%lld-%lld-%lld-%d", (long long)words.sleep_s,
					(long long)poll->action, (long long)revision, poll->wanted);
	item->ok = true;
}

void api_ddi_poll(void *app, struct web_item *items, size_t count)
{
	struct service *service = app;
	struct arena *arena = arena_new(BATCH_BYTES);
	struct dispatch_poll *polls = arena_array(arena, count, sizeof(*polls));
	struct web_item **asked = arena_array(arena, count, sizeof(struct web_item *));
	struct err err = {0};
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!check_tenant(items[i].request, &items[i].err))
			continue;
		asked[found] = &items[i];
		polls[found++] = (struct dispatch_poll){.device = api_actor(items[i].request)->id,
							.at = web_now(items[i].request)};
	}
	/* With the database away devices are told to come again, and nothing is offered. */
	if (found > 0 && !dispatch_poll(service->model, arena, service->gate, polls, found, &err))
		log_warn("poll-without-database", LOG_INT("devices", (int64_t)found),
			 LOG_ERR(&err));
	for (size_t i = 0; i < found; i++)
		answer_poll(asked[i], &polls[i]);
	arena_free(arena);
}

/* ---- attributes ---- */

bool api_ddi_config(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct ddi_config config;

	return check_tenant(request, err) &&
	       ddi_config_parse(act.arena, web_raw(request), &config, err) &&
	       dispatch_attributes(api_model(request), &act, &config, err) && taken(reply);
}

/* ---- the offer ---- */

static const struct ddi_artifact *list_artifacts(struct arena *arena, const char *base,
						 const struct dispatch_offer *offer)
{
	struct ddi_artifact *at = arena_array(arena, offer->artifact_count, sizeof(*at));

	for (size_t i = 0; i < offer->artifact_count; i++) {
		const struct dispatch_artifact *one = &offer->artifacts[i];
		at[i] = (struct ddi_artifact){
			.filename = one->name,
			.size = one->size_bytes,
			.sha1 = one->sha1,
			.md5 = one->md5,
			.sha256 = one->sha256,
			.href = arena_printf(arena, "%s/softwaremodules/%lld/artifacts/%s", base,
					     (long long)offer->deployment.action, one->name),
		};
	}
	return at;
}

bool api_ddi_deployment(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	const char *base = base_of(request);
	struct dispatch_offer offer;
	int64_t action;

	if (!read_action(request, "action", &action, err) ||
	    !dispatch_offer(api_model(request), &act, action, &offer, err))
		return refuse(request, "deploymentBase", err);
	const struct ddi_chunk chunk = {
		.part = "os",
		.version = offer.manifest.version,
		.name = offer.manifest.product,
		.artifacts = list_artifacts(act.arena, base, &offer),
		.artifact_count = offer.artifact_count,
	};
	const struct ddi_deployment words = {
		.id = arena_printf(act.arena, "%lld", (long long)action),
		.download = "forced",
		.update = "forced",
		.chunks = &chunk,
		.chunk_count = 1,
		.papers = arena_printf(act.arena, "%s/deploymentBase/%lld/papers", base,
				       (long long)action),
	};
	reply->doc = ddi_deployment_doc(act.arena, &words);
	return true;
}

/* ---- papers and proof ---- */

/* For `return`: the device keeps what it has and asks again. */
static bool wait_for_leave(struct request *request, struct reply *reply, const struct err *err)
{
	enum err_kind kind = err_code_kind(err->code);
	struct doc *members = doc_object(web_arena(request));

	if (kind == ERR_CONFLICT || kind == ERR_UNAVAILABLE) {
		doc_set_int(members, "retry_after_s", retry_s(request));
		reply->retry_after_s = retry_s(request);
		reply->problem_members = members;
	}
	return refuse(request, "papers", err);
}

bool api_ddi_papers(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct papers_request asked;
	int64_t action;

	if (!read_action(request, "action", &action, err) ||
	    !papers_request_read(act.arena, web_doc(request), &asked, err) ||
	    !papers_give(api_model(request), &act, action, &asked, &reply->bytes, err))
		return wait_for_leave(request, reply, err);
	reply->content_type = "application/json";
	return true;
}

bool api_ddi_proof(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);

	if (check_tenant(request, err) &&
	    proof_take(api_model(request), &act, web_doc(request), NULL, err))
		return taken(reply);
	if (err_code_kind(err->code) == ERR_UNAVAILABLE)
		reply->retry_after_s = retry_s(request);
	return false;
}

/* ---- feedback ---- */

static bool read_report(struct web_item *item, struct report *out)
{
	struct request *request = item->request;
	struct ddi_feedback *feedback = arena_alloc(web_arena(request), sizeof(*feedback));

	out->act = api_act(request);
	out->feedback = feedback;
	return read_action(request, "action", &out->action, &item->err) &&
	       ddi_feedback_parse(web_arena(request), web_raw(request), feedback, &item->err);
}

void api_ddi_feedback(void *app, struct web_item *items, size_t count)
{
	struct service *service = app;
	struct arena *arena = arena_new(BATCH_BYTES);
	struct report *reports = arena_array(arena, count, sizeof(*reports));
	struct web_item **sent = arena_array(arena, count, sizeof(struct web_item *));
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (read_report(&items[i], &reports[found]))
			sent[found++] = &items[i];
		else
			refuse(items[i].request, "feedback", &items[i].err);
	}
	report_take(service->model, arena, reports, found);
	for (size_t i = 0; i < found; i++) {
		sent[i]->ok = reports[i].ok;
		if (reports[i].ok) {
			taken(&sent[i]->reply);
			continue;
		}
		sent[i]->err = reports[i].err;
		if (err_code_kind(reports[i].err.code) == ERR_UNAVAILABLE)
			sent[i]->reply.retry_after_s = retry_s(sent[i]->request);
		refuse(sent[i]->request, "feedback", &reports[i].err);
	}
	arena_free(arena);
}

/* ---- bytes ---- */

bool api_ddi_artifact(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct model *model = api_model(request);
	struct dispatch_file file;
	struct artifact artifact;
	int64_t action;

	if (!read_action(request, "module", &action, err) ||
	    !dispatch_find_file(model, &act, action, web_param(request, "filename"), &file, err))
		return refuse(request, "artifact", err);
	if (!artifact_open(model, &act, file.artifact.sha256.text, &artifact, &reply->file, err))
		return false;
	reply->file_bytes = (uint64_t)artifact.size_bytes;
	if (file.begins && !web_head(request) && !dispatch_download(model, &act, action, err))
		return refuse(request, "artifact", err);
	reply->content_type = "application/octet-stream";
	reply->filename = arena_text(act.arena, web_param(request, "filename"));
	reply->etag = arena_text(act.arena, file.artifact.sha256.text);
	return true;
}
