/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the server offer, and how do we tell it what we did? DDI v1 as a client speaks it, with
 * two additions of ours: papers and proof (docs/protocol/ddi.md).
 */

#include "device-agent/poll.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 256 * 1024 };

static const char *const accept_json[] = {"Accept: application/json", NULL};

bool poll_href_ours(const struct agent *agent, const char *href, struct err *err)
{
	size_t length = strlen(agent->settings->url);

	if (strncmp(href, agent->settings->url, length) != 0 || href[length] != '/')
		return err_fail(err, E_AGENT_OFFER, "the server points to another one: %.120s",
				href);
	return true;
}

static bool call(struct agent *agent, const char *method, const char *url, struct bytes body,
		 size_t max, struct fetch_answer *out, struct err *err)
{
	if (!poll_href_ours(agent, url, err))
		return false;
	if (!fetch_exchange(agent->fetch, agent->arena, method, url, accept_json,
			    body.size > 0 ? "application/json" : NULL, body, max, out, err))
		return false;
	if (out->retry_after_s > 0)
		agent->retry_after_s = out->retry_after_s;
	return true;
}

/* The server's own words, if it has any, for the log and the wait. */
static bool waiting(struct agent *agent, const struct fetch_answer *answer, struct err *err)
{
	const struct doc *problem;
	struct err ignored = {0};
	const char *code = NULL, *detail = NULL;

	if (doc_parse_lenient(agent->arena, answer->body, &problem, &ignored)) {
		code = doc_get_text(problem, "code");
		detail = doc_get_text(problem, "detail");
		agent->retry_after_s =
			doc_int(doc_get(problem, "retry_after_s"), agent->retry_after_s);
	}
	return err_fail(err, E_AGENT_WAITING, "status %d %s: %s", answer->status,
			code != NULL ? code : "without a code", detail != NULL ? detail : "-");
}

static bool get(struct agent *agent, const char *url, struct bytes *out, struct err *err)
{
	struct fetch_answer answer;

	if (!call(agent, "GET", url, (struct bytes){0}, BODY_MAX, &answer, err))
		return false;
	if (answer.status != 200)
		return waiting(agent, &answer, err);
	*out = answer.body;
	return true;
}

static bool not_understood(struct err *err, const char *what)
{
	err_prefix(err, "%s", what);
	err->code = E_AGENT_OFFER;
	return false;
}

bool poll_server(struct agent *agent, struct ddi_poll *out, struct err *err)
{
	struct bytes body;

	if (!get(agent, agent->base, &body, err))
		return false;
	return ddi_poll_parse(agent->arena, body, out, err) || not_understood(err, "poll");
}

bool poll_offer(struct agent *agent, const char *href, struct ddi_deployment *out, struct err *err)
{
	struct bytes body;

	if (!get(agent, href, &body, err))
		return false;
	if (!ddi_deployment_parse(agent->arena, body, out, err))
		return not_understood(err, "deployment");
	if (!id_name_valid(out->id, ID_NAME_MAX))
		return err_fail(err, E_AGENT_OFFER, "the action's id is none");
	return true;
}

bool poll_cancel(struct agent *agent, const char *href, struct ddi_cancel *out, struct err *err)
{
	struct bytes body;

	if (!get(agent, href, &body, err))
		return false;
	return ddi_cancel_parse(agent->arena, body, out, err) || not_understood(err, "cancel");
}

bool poll_send_attributes(struct agent *agent, const char *href, struct err *err)
{
	const struct memory_bank *runs = memory_bank(&agent->memory, agent->view.running);
	struct ddi_attribute attributes[] = {
		{"bank", bank_word(agent->view.running)},
		{"hardware", agent->settings->hardware},
		{"product", agent->settings->product},
		{"trust_resets",
		 arena_printf(agent->arena, "%lld", (long long)agent->memory.trust_resets)},
		{"version", runs->version != NULL ? runs->version : "unknown"},
	};
	const struct ddi_config config = {.mode = DDI_MERGE,
					  .attributes = attributes,
					  .attribute_count = DOC_COUNT(attributes)};
	struct fetch_answer answer;
	struct bytes body;

	if (!doc_canonical(agent->arena, ddi_config_doc(agent->arena, &config), &body, err) ||
	    !call(agent, "PUT", href, body, BODY_MAX, &answer, err))
		return false;
	return answer.status >= 200 && answer.status <= 299 ? true : waiting(agent, &answer, err);
}

static bool send_feedback(struct agent *agent, const char *kind, const char *action,
			  const struct ddi_feedback *feedback, struct fetch_answer *answer,
			  struct err *err)
{
	const char *url =
		arena_printf(agent->arena, "%s/%s/%s/feedback", agent->base, kind, action);
	struct bytes body;

	return doc_canonical(agent->arena, ddi_feedback_doc(agent->arena, action, feedback), &body,
			     err) &&
	       call(agent, "POST", url, body, BODY_MAX, answer, err);
}

/* Taken, or beyond any use: the action is unknown or closed, or the server does not understand what
 * it asks for. What may change (no leave, too busy, away) is worth another try. */
static bool settled(const struct fetch_answer *answer)
{
	int status = answer->status;

	return (status >= 200 && status <= 299) || status == 400 || status == 404 ||
	       status == 410 || status == 415;
}

bool poll_answer_cancel(struct agent *agent, const char *action, enum ddi_execution execution,
			enum ddi_finished finished, struct err *err)
{
	const struct ddi_feedback feedback = {.execution = execution, .finished = finished};
	struct fetch_answer answer;

	if (!send_feedback(agent, "cancelAction", action, &feedback, &answer, err))
		return false;
	return settled(&answer) ? true : waiting(agent, &answer, err);
}

void poll_send_progress(struct agent *agent, enum ddi_execution execution, const char *detail)
{
	const struct ddi_feedback feedback = {.execution = execution,
					      .finished = DDI_FINISHED_NONE,
					      .details = &detail,
					      .detail_count = 1};
	struct fetch_answer answer;
	struct err err = {0};

	if (!send_feedback(agent, "deploymentBase", agent->memory.job.action, &feedback, &answer,
			   &err))
		log_info("progress-not-sent", LOG_TEXT("what", detail), LOG_ERR(&err));
	else if (answer.status < 200 || answer.status > 299)
		log_info("progress-not-taken", LOG_TEXT("what", detail),
			 LOG_INT("status", answer.status));
}

bool poll_send_end(struct agent *agent, const struct memory_news *news, struct err *err)
{
	const struct ddi_feedback feedback = {
		.execution = DDI_CLOSED,
		.finished = strcmp(news->finished, "success") == 0 ? DDI_SUCCESS : DDI_FAILURE,
		.details = &news->detail,
		.detail_count = news->detail != NULL ? 1 : 0,
	};
	struct fetch_answer answer;

	if (!send_feedback(agent, "deploymentBase", news->feedback_action, &feedback, &answer, err))
		return false;
	if (!settled(&answer))
		return waiting(agent, &answer, err);
	if (answer.status > 299)
		log_warn("end-not-taken", LOG_TEXT("action", news->feedback_action),
			 LOG_INT("status", answer.status));
	return true;
}

bool poll_papers(struct agent *agent, const char *href, struct bytes request, struct bytes *out,
		 struct err *err)
{
	struct fetch_answer answer;

	if (!call(agent, "POST", href, request, PAPERS_BYTES_MAX, &answer, err))
		return false;
	if (answer.status != 200)
		return waiting(agent, &answer, err);
	*out = answer.body;
	return true;
}

bool poll_send_report(struct agent *agent, struct bytes envelope, enum poll_report *out,
		      struct err *err)
{
	const char *url = arena_printf(agent->arena, "%s/proof", agent->base);
	struct fetch_answer answer;

	if (!call(agent, "POST", url, envelope, BODY_MAX, &answer, err))
		return false;
	if (answer.status >= 200 && answer.status <= 299)
		*out = POLL_REPORT_TAKEN;
	else if (answer.status == 409)
		*out = POLL_REPORT_CONFLICT;
	else if (answer.status == 400 || answer.status == 404 || answer.status == 422)
		*out = POLL_REPORT_REFUSED;
	else
		return waiting(agent, &answer, err);
	if (*out != POLL_REPORT_TAKEN) {
		struct err why = {0};

		(void)waiting(agent, &answer, &why);
		log_warn("report-not-taken", LOG_ERR(&why));
	}
	return true;
}
