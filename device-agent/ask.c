/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How does the agent come by leave for a step? Asking, taking over a newer trust document, judging,
 * remembering.
 */

#include "device-agent/ask.h"

#include "common/log.h"
#include "device-agent/poll.h"

#include <string.h>

enum { NONCE_BYTES = 16 };

static bool remember_question(struct agent *agent, const char *step, struct err *err)
{
	struct memory *memory = &agent->memory;

	if (memory->ask.nonce != NULL)
		memory->asked_before = memory->ask;
	memory->ask = (struct memory_ask){
		.nonce = random_token(agent->arena, NONCE_BYTES),
		.step = step,
		.boot_id = agent->boot_id,
		.sent_at_us = clock_boot() + 1,
	};
	memory->nonce = memory->ask.nonce;
	return agent_save(agent, err);
}

static bool send_question(struct agent *agent, const char *href, int64_t attempt,
			  struct papers *out, struct err *err)
{
	const struct papers_request request = {
		.nonce = agent->memory.ask.nonce,
		.step = agent->memory.ask.step,
		.attempt = attempt,
		.trust_version = {.maker = agent->memory.trust_version},
		.boot_id = agent->boot_id,
	};
	struct bytes body, answer;

	if (!papers_request_write(agent->arena, &request, &body, err) ||
	    !poll_papers(agent, href, body, &answer, err))
		return false;
	if (!papers_parse(agent->arena, answer, out, err)) {
		err->code = E_AGENT_PAPERS_INVALID;
		return false;
	}
	return true;
}

static bool judge(struct agent *agent, const char *step, int64_t attempt,
		  const struct papers *papers, struct papers_found *found, struct err *err)
{
	const struct papers_case with = {
		.device = agent->settings->device,
		.product = agent->settings->product,
		.hardware = agent->settings->hardware,
		.trust = &agent->keyring.trust,
		.step = step,
		.attempt = attempt,
		.memory = &agent->memory,
		.boot_id = agent->boot_id,
		.boot_now = clock_boot(),
	};

	return papers_check(agent->arena, &with, papers, found, err);
}

/* One lease for one question; the permit's number never goes down from here on. */
static void remember_answer(struct agent *agent, const struct papers_found *found)
{
	struct memory *memory = &agent->memory;
	const struct memory_permit permit = {
		.campaign = found->permit.campaign,
		.number = found->permit.number,
		.sha256 = found->permit_sha256,
		.not_after = found->permit.not_after,
	};
	clock_us end = agent->keyring.trust.expires_at;

	memory_keep_permit(agent->arena, memory, &permit, found->now);
	memory->time_min_us = found->now < end ? found->now : end;
	memory->asked_before = memory->ask;
	memory->ask = (struct memory_ask){0};
}

static bool refused(struct agent *agent, const struct papers *papers, bool final,
		    struct ask_refusal *out, const struct err *err)
{
	*out = (struct ask_refusal){
		.final = final,
		.campaign = papers_claimed_campaign(agent->arena, papers),
		.permit_sha256 = digest_sha256_hex(papers->permit),
		.manifest_sha256 = digest_sha256_hex(papers->manifest),
	};
	log_warn("papers-refused", LOG_ERR(err), LOG_INT("final", final));
	return false;
}

bool ask_papers(struct agent *agent, const char *href, const char *step, int64_t attempt,
		struct papers_found *found, struct ask_refusal *refusal, struct err *err)
{
	struct papers papers = {0};

	*refusal = (struct ask_refusal){0};
	if (!remember_question(agent, step, err))
		return false;
	if (!send_question(agent, href, attempt, &papers, err)) {
		refusal->final = err->code == E_AGENT_PAPERS_INVALID;
		return false;
	}
	if (!keyring_take(agent->arena, agent->settings, &papers, &agent->keyring, &agent->memory,
			  err))
		return refused(agent, &papers,
			       err->code == E_AGENT_TRUST_OLDER ||
				       err->code == E_AGENT_TRUST_REFUSED,
			       refusal, err);
	if (!judge(agent, step, attempt, &papers, found, err))
		return refused(agent, &papers, papers_refusal_is_final(err->code), refusal, err);
	remember_answer(agent, found);
	return true;
}
