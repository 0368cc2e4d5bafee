/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How did the attempt end, and does the server know? The last two steps of every attempt.
 */

#include "device-agent/report.h"

#include "common/encode.h"
#include "common/log.h"
#include "common/text.h"
#include "device-agent/poll.h"
#include "device-agent/verify.h"

#include <string.h>

enum { DETAIL_MAX = 400 };

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void fill_digest(struct sha256_hex *out, const char *text)
{
	memcpy(out->text, text[0] != '\0' ? text : zeros, sizeof(out->text));
}

/* The best time there is, and how good it is. */
static void tell_time(const struct memory *memory, struct proof *proof)
{
	clock_us now = clock_now();

	if (strcmp(clock_state(), "synchronized") == 0) {
		proof->at = now;
		proof->clock = "synchronized";
	} else if (memory->time_min_us == 0) {
		proof->at = now;
		proof->clock = "none";
	} else if (now >= memory->time_min_us) {
		proof->at = now;
		proof->clock = "unsynchronized";
	} else {
		proof->at = memory->time_min_us;
		proof->clock = "lease";
	}
}

/* Of the running bank: what we installed there, else all of it. */
static bool look_at_bank(struct agent *agent, struct proof *proof, struct err *err)
{
	enum bank_name runs = agent->view.running;
	const struct memory_bank *known = memory_bank(&agent->memory, runs);

	proof->bank = bank_word(runs);
	proof->bank_size_bytes =
		known->size_bytes > 0 ? known->size_bytes : (int64_t)agent->view.size_bytes[runs];
	proof->version = known->size_bytes > 0 && known->version != NULL ? known->version : "";
	return verify_digest(&agent->banks, runs, (uint64_t)proof->bank_size_bytes,
			     &proof->bank_sha256, err);
}

static bool fill_proof(struct agent *agent, const struct report_end *end, struct proof *proof,
		       struct err *err)
{
	const struct memory *memory = &agent->memory;
	const struct memory_job *job = &memory->job;

	*proof = (struct proof){
		.device = agent->settings->device,
		.deployment = job->campaign,
		.attempt = job->attempt,
		.outcome = end->outcome,
		.code = end->code,
		.boot_count = memory->boots,
		.nonce = memory->nonce != NULL ? memory->nonce : "",
		.epoch = memory->epoch,
		.seq = memory->seq + 1,
	};
	fill_digest(&proof->permit_sha256, job->permit_sha256.text);
	fill_digest(&proof->manifest_sha256, job->manifest_sha256.text);
	fill_digest(&proof->prev, memory->seq == 0 ? "" : memory->prev.text);
	tell_time(memory, proof);
	return look_at_bank(agent, proof, err);
}

/* Signs it and makes it the last of the chain, and the news to be sent. */
static bool sign_proof(struct agent *agent, const struct proof *proof, struct err *err)
{
	struct memory *memory = &agent->memory;
	struct bytes document, posted;
	struct envelope envelope;

	if (!proof_write(agent->arena, proof, &document, err) ||
	    !envelope_sign(agent->arena, agent->report_key, PROOF_TYPE, document, &envelope, err) ||
	    !envelope_write(agent->arena, &envelope, &posted, err))
		return false;
	memory->seq = proof->seq;
	memory->prev = digest_sha256_hex(document);
	memory->news.report = posted;
	return true;
}

/* One line that the memory takes, whatever stood in the error. */
static const char *one_line(struct arena *arena, const struct report_end *end)
{
	const char *words = arena_printf(arena, "%s%s%s", end->code,
					 end->code[0] != '\0' ? ": " : "", end->detail);
	const char *line = text_printable(arena, bytes_of_text(words), DETAIL_MAX);

	return shape_line_valid(line) && line[0] != '\0' ? line : end->outcome;
}

bool report_make(struct agent *agent, const struct report_end *end, struct err *err)
{
	struct memory *memory = &agent->memory;
	struct memory_job *job = &memory->job;
	struct proof proof;
	bool confirmed = strcmp(end->outcome, "confirmed") == 0;

	memory->news = (struct memory_news){
		.feedback_action = job->action,
		.finished = confirmed ? "success" : "failure",
		.detail = one_line(agent->arena, end),
	};
	if (agent->report_key != NULL && job->campaign != NULL &&
	    (!fill_proof(agent, end, &proof, err) || !sign_proof(agent, &proof, err)))
		return false;
	memory_keep_ended(agent->arena, memory, job->action, job->attempt);
	memory->ask = (struct memory_ask){0};
	if (!memory_turn(memory, TURN_REPORTED, err) || !agent_save(agent, err))
		return false;
	log_info("ended", LOG_TEXT("action", job->action), LOG_TEXT("outcome", end->outcome),
		 LOG_TEXT("code", end->code), LOG_TEXT("why", end->detail));
	return true;
}

/* The server knows another report of this number: our chain is a copy's, or the server lost some.
 * The truth goes on under a new epoch, which is an event there. */
static bool begin_epoch(struct agent *agent, struct err *err)
{
	struct memory *memory = &agent->memory;
	unsigned char epoch[PROOF_EPOCH_DIGITS / 2];
	struct envelope envelope;
	struct proof proof;

	if (!envelope_parse(agent->arena, memory->news.report, &envelope, err) ||
	    !proof_parse(agent->arena, envelope.document, &proof, err))
		return false;
	random_fill(epoch, sizeof(epoch));
	memory->epoch = encode_hex(agent->arena, bytes_of(epoch, sizeof(epoch)));
	proof.epoch = memory->epoch;
	proof.seq = 1;
	fill_digest(&proof.prev, "");
	agent->epoch_redrawn = true;
	return sign_proof(agent, &proof, err) && agent_save(agent, err);
}

static bool send_report(struct agent *agent, struct err *err)
{
	struct memory *memory = &agent->memory;
	enum poll_report answer;
	struct envelope envelope;
	struct proof proof;

	if (!poll_send_report(agent, memory->news.report, &answer, err))
		return false;
	if (answer == POLL_REPORT_CONFLICT && !agent->epoch_redrawn)
		return begin_epoch(agent, err) && send_report(agent, err);
	if (answer != POLL_REPORT_TAKEN) {
		if (!envelope_parse(agent->arena, memory->news.report, &envelope, err) ||
		    !proof_parse(agent->arena, envelope.document, &proof, err))
			return false;
		/* Whoever gave us false papers may have named a campaign that does not exist. Then
		 * nobody wants to know; every other report stays until somebody does. */
		if (answer != POLL_REPORT_REFUSED || strcmp(proof.outcome, "rejected") != 0)
			return err_fail(err, E_AGENT_WAITING,
					"the server does not take report %lld",
					(long long)proof.seq);
	}
	memory->news.report = (struct bytes){0};
	return agent_save(agent, err);
}

bool report_deliver(struct agent *agent, struct err *err)
{
	struct memory *memory = &agent->memory;

	if (memory->news.report.size > 0 && !send_report(agent, err))
		return false;
	if (memory->news.feedback_action != NULL && !poll_send_end(agent, &memory->news, err))
		return false;
	memory->news = (struct memory_news){0};
	if (!memory_turn(memory, TURN_CLOSED, err))
		return false;
	memory->job = (struct memory_job){0};
	return agent_save(agent, err);
}

bool report_prove(struct agent *agent, struct err *err)
{
	const struct bytes nothing = bytes_of_text("{}");
	struct envelope envelope;

	if (agent->report_key == NULL ||
	    !envelope_sign(agent->arena, agent->report_key, PROOF_TYPE, nothing, &envelope, err) ||
	    !envelope_check(&envelope, PROOF_TYPE, sign_key_spki(agent->report_key), err)) {
		err_clear(err);
		return err_fail(err, E_AGENT_CANNOT_VERIFY, "no report could be signed");
	}
	return true;
}
