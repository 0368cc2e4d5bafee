/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns over HTTP: drafted, opened, held, ended, looked at. */

#include "service/api/campaigns.h"

#include "service/api/reply.h"
#include "service/model/campaign.h"
#include "service/model/gate.h"

/* ---- drafting ---- */

struct draft_body {
	const char *name;
	const char *release;
	const struct doc *devices;
	clock_us not_before, not_after;
};

static bool read_devices(struct arena *arena, const struct doc *list, struct campaign_order *order,
			 struct err *err)
{
	size_t count = doc_size(list);
	const char **devices = arena_array(arena, count, sizeof(*devices));

	for (size_t i = 0; i < count; i++) {
		devices[i] = doc_text(doc_at(list, i));
		if (!devices[i])
			return err_fail(err, E_DOC_FIELD, "devices is a list of device ids");
	}
	order->devices = devices;
	order->device_count = count;
	return true;
}

static bool draft(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct draft_body, name, 1, 200),
		DOC_TEXT(struct draft_body, release, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_LIST(struct draft_body, devices, 1, PLAN_TARGETS_MAX),
		DOC_TIME_OPT(struct draft_body, not_before),
		DOC_TIME_OPT(struct draft_body, not_after),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct campaign_order order = {0};
	struct campaign_drafted drafted;
	struct keeper_place place = {0};
	struct draft_body body;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (!id_uuid_valid(body.release))
		return err_fail(err, E_ID, "release must be an id as the service gave it");
	if (!read_devices(act.arena, body.devices, &order, err))
		return false;
	order.name = body.name;
	order.release = body.release;
	order.not_before = body.not_before;
	order.not_after = body.not_after;
	if (!campaign_draft(api_model(request), &act, &order, &drafted, &place, err))
		return api_unsealed(request, reply, &place);
	doc_set_text(answer, "campaign", drafted.campaign);
	doc_set_text(answer, "plan_sha256", drafted.plan_sha256.text);
	doc_set_bytes(answer, "plan", drafted.plan);
	api_place(answer, &place);
	reply->doc = answer;
	return true;
}

bool api_campaign_draft(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, draft, err);
}

/* ---- opening ---- */

static bool answer_place(struct request *request, struct reply *reply, bool good,
			 const struct keeper_place *place)
{
	if (!good)
		return api_unsealed(request, reply, place);
	struct doc *answer = doc_object(web_arena(request));
	api_place(answer, place);
	reply->doc = answer;
	return true;
}

static bool start(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct keeper_place place = {0};
	const char *campaign;

	if (!api_uuid(request, "campaign", &campaign, err) || !api_nothing(request, err))
		return false;
	bool good = campaign_start(api_model(request), &act, campaign, &place, err);
	return answer_place(request, reply, good, &place);
}

bool api_campaign_start(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, start, err);
}

struct resume_body {
	const char *signature;
};

static bool resume(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct resume_body, signature, ID_UUID_BYTES, ID_UUID_BYTES),
	};
	struct act act = api_act(request);
	struct keeper_place place = {0};
	struct resume_body body;
	const char *campaign;

	if (!api_uuid(request, "campaign", &campaign, err) ||
	    !doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (!id_uuid_valid(body.signature))
		return err_fail(err, E_ID, "signature must be an id as the service gave it");
	bool good =
		campaign_resume(api_model(request), &act, campaign, body.signature, &place, err);
	return answer_place(request, reply, good, &place);
}

bool api_campaign_resume(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, resume, err);
}

/* ---- closing ---- */

struct close_body {
	const char *reason;
};

static bool read_reason(struct request *request, const char **campaign, struct close_body *body,
			struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct close_body, reason, 1, API_REASON_MAX),
	};

	return api_uuid(request, "campaign", campaign, err) &&
	       doc_read(web_arena(request), web_doc(request), fields, DOC_COUNT(fields), body, err);
}

static struct doc *unsealed_answer(struct request *request, struct reply *reply,
				   const struct event_id *event)
{
	struct doc *answer = doc_object(web_arena(request));

	doc_set_text(answer, "event", event->text);
	doc_set_bool(answer, "sealed", false);
	reply->doc = answer;
	reply->status = 202;
	return answer;
}

static bool hold(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct event_id event;
	struct close_body body;
	const char *campaign;
	int64_t number;

	if (!read_reason(request, &campaign, &body, err) ||
	    !campaign_put_hold(api_model(request), &act, campaign, body.reason, &number, &event,
			       err))
		return false;
	doc_set_int(unsealed_answer(request, reply, &event), "number", number);
	return true;
}

bool api_campaign_hold(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, hold, err);
}

static bool call_off(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct keeper_place place = {0};
	struct close_body body;
	const char *campaign;

	if (!read_reason(request, &campaign, &body, err) ||
	    !campaign_abort(api_model(request), &act, campaign, body.reason, &place, err))
		return false;
	struct doc *answer = unsealed_answer(request, reply, &place.event);
	if (place.before)
		doc_set_bool(answer, "before", true);
	return true;
}

bool api_campaign_abort(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, call_off, err);
}

/* ---- looking ---- */

static struct doc *doc_of_campaign(struct arena *arena, const struct campaign *campaign)
{
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "campaign", campaign->id);
	doc_set_text(doc, "name", campaign->name);
	doc_set_text(doc, "product", campaign->product);
	doc_set_text(doc, "release", campaign->release);
	doc_set_text(doc, "state", campaign->state);
	doc_set_text(doc, "plan_sha256", campaign->plan_sha256);
	doc_set_text(doc, "drafted_by", campaign->drafted_by);
	doc_set_time(doc, "drafted_at", campaign->drafted_at);
	return doc;
}

bool api_campaigns(struct request *request, struct reply *reply, struct err *err)
{
	struct arena *arena = web_arena(request);
	struct doc *items = doc_array(arena);
	const struct campaign *campaigns;
	struct page page;
	size_t count;
	bool more;

	if (!api_page(request, ID_UUID_BYTES, &page, err) ||
	    !campaign_list(api_model(request), arena, &page, &campaigns, &count, &more, err))
		return false;
	for (size_t i = 0; i < count; i++)
		doc_add(items, doc_of_campaign(arena, &campaigns[i]));
	api_list(request, reply, items, more);
	return true;
}

static const struct doc *doc_of_holds(struct arena *arena, const struct campaign_view *view)
{
	struct doc *list = doc_array(arena);

	for (size_t i = 0; i < view->hold_count; i++) {
		const struct campaign_hold_view *one = &view->holds[i];
		struct doc *doc = doc_object(arena);
		doc_set_int(doc, "number", one->number);
		doc_set_text(doc, "by", one->by);
		doc_set_text(doc, "reason", one->reason);
		doc_set_time(doc, "at", one->at);
		doc_set_bool(doc, "released", one->released);
		doc_add(list, doc);
	}
	return list;
}

bool api_campaign_get(struct request *request, struct reply *reply, struct err *err)
{
	struct arena *arena = web_arena(request);
	struct doc *counts = doc_object(arena);
	struct campaign_view view;
	const char *campaign;

	if (!api_uuid(request, "campaign", &campaign, err) ||
	    !campaign_get(api_model(request), arena, campaign, &view, err))
		return false;
	struct doc *answer = doc_of_campaign(arena, &view.campaign);
	for (size_t i = 0; i < view.count_count; i++)
		doc_set_int(counts, view.counts[i].state, view.counts[i].n);
	doc_set(answer, "counts", counts);
	doc_set(answer, "holds", doc_of_holds(arena, &view));
	if (view.permit_number > 0) {
		struct doc *permit = doc_object(arena);
		doc_set_int(permit, "number", view.permit_number);
		doc_set_time(permit, "not_after", view.permit_not_after);
		doc_set(answer, "permit", permit);
	}
	reply->doc = answer;
	return true;
}

static void set_time(struct doc *doc, const char *key, clock_us at)
{
	if (at)
		doc_set_time(doc, key, at);
}

static const struct doc *doc_of_deployment(struct arena *arena,
					   const struct campaign_deployment *one)
{
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "device", one->device);
	doc_set_text(doc, "serial", one->serial);
	doc_set_int(doc, "action", one->action);
	doc_set_text(doc, "state", one->state);
	if (one->basis)
		doc_set_text(doc, "basis", one->basis);
	if (one->code)
		doc_set_text(doc, "code", one->code);
	doc_set_int(doc, "attempt", one->attempt);
	doc_set_int(doc, "progress", one->progress);
	set_time(doc, "offered_at", one->offered_at);
	set_time(doc, "changed_at", one->changed_at);
	set_time(doc, "ended_at", one->ended_at);
	return doc;
}

bool api_campaign_devices(struct request *request, struct reply *reply, struct err *err)
{
	struct arena *arena = web_arena(request);
	struct doc *items = doc_array(arena);
	const struct campaign_deployment *deployments;
	const char *campaign;
	struct page page;
	size_t count;
	bool more;

	if (!api_uuid(request, "campaign", &campaign, err) ||
	    !api_page(request, ID_DEVICE_MAX, &page, err) ||
	    !campaign_devices(api_model(request), arena, campaign, &page, &deployments, &count,
			      &more, err))
		return false;
	for (size_t i = 0; i < count; i++)
		doc_add(items, doc_of_deployment(arena, &deployments[i]));
	api_list(request, reply, items, more);
	return true;
}

bool api_campaign_gate(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	const char *campaign;

	if (!api_uuid(request, "campaign", &campaign, err) ||
	    !gate_show(api_model(request), &act, "campaign", campaign, &reply->bytes, err))
		return false;
	reply->content_type = "application/json";
	return true;
}
