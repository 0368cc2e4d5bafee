/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How does an offer become a bank on trial? The steps in their order, each with its leave, each on
 * disk before the next begins (states.h).
 */

#include "device-agent/install.h"

#include "common/log.h"
#include "device-agent/ask.h"
#include "device-agent/download.h"
#include "device-agent/poll.h"
#include "device-agent/report.h"
#include "device-agent/verify.h"

#include <string.h>

static bool reject(struct agent *agent, const struct ddi_deployment *offer, const char *outcome,
		   const struct ask_refusal *refusal, struct err *err);
static bool refuse_or_wait(struct agent *agent, const struct ddi_deployment *offer,
			   const struct ask_refusal *refusal, struct err *err);
static bool begin(struct agent *agent, const struct ddi_deployment *offer, struct err *err);
static bool fill(struct agent *agent, const struct ddi_deployment *offer, struct err *err);
static bool read_back(struct agent *agent, const struct ddi_deployment *offer, struct err *err);
static bool activate(struct agent *agent, const struct ddi_deployment *offer,
		     enum agent_outcome *out, struct err *err);

static bool demands_papers(const struct agent *agent)
{
	return agent->keyring.pinned || !agent->settings->papers_optional;
}

static bool closing(const struct agent *agent)
{
	return memory_step(&agent->memory) == STEP_CLOSING;
}

bool install_offer(struct agent *agent, const struct ddi_deployment *offer, enum agent_outcome *out,
		   struct err *err)
{
	enum step step = memory_step(&agent->memory);

	*out = AGENT_AGAIN;
	if (strcmp(offer->download, "skip") == 0) {
		*out = AGENT_IDLE;
		return true;
	}
	if (step == STEP_NONE || step == STEP_DOWNLOADING) {
		if (!begin(agent, offer, err))
			return false;
		if (closing(agent))
			return true;
		if (!fill(agent, offer, err) || !read_back(agent, offer, err))
			return false;
	}
	if (memory_step(&agent->memory) != STEP_DOWNLOADED)
		return true;
	if (strcmp(offer->update, "skip") == 0) {
		*out = AGENT_IDLE;
		return true;
	}
	return activate(agent, offer, out, err);
}

/* ---- ends ---- */

/* err says why; it is used up. */
static bool reject(struct agent *agent, const struct ddi_deployment *offer, const char *outcome,
		   const struct ask_refusal *refusal, struct err *err)
{
	struct memory_job *job = &agent->memory.job;
	const struct err why = *err;
	const struct report_end end = {
		.outcome = outcome, .code = err_code_text(why.code), .detail = why.text};

	err_clear(err);
	if (job->action == NULL) {
		job->action = offer->id;
		job->attempt = memory_next_attempt(&agent->memory, offer->id);
	}
	if (job->campaign == NULL && refusal != NULL && refusal->campaign != NULL) {
		job->campaign = refusal->campaign;
		job->permit_sha256 = refusal->permit_sha256;
		job->manifest_sha256 = refusal->manifest_sha256;
	}
	return report_make(agent, &end, err);
}

/* After ask_papers failed. */
static bool refuse_or_wait(struct agent *agent, const struct ddi_deployment *offer,
			   const struct ask_refusal *refusal, struct err *err)
{
	enum err_kind kind = err_code_kind(err->code);

	if (refusal->final)
		return reject(agent, offer, "rejected", refusal, err);
	if (kind != ERR_INTERNAL && kind != ERR_BUG)
		err->code = E_AGENT_WAITING;
	return false;
}

bool install_drop(struct agent *agent, struct err *err)
{
	struct memory *memory = &agent->memory;

	if (memory->job.action == NULL)
		return true;
	log_info("dropped", LOG_TEXT("action", memory->job.action),
		 LOG_TEXT("step", memory->job.step));
	memory_keep_ended(agent->arena, memory, memory->job.action, memory->job.attempt);
	if (!memory_turn(memory, TURN_DROPPED, err))
		return false;
	memory->job = (struct memory_job){0};
	return agent_save(agent, err);
}

/* ---- papers and an install lease ---- */

static const struct ddi_artifact *first_artifact(const struct ddi_deployment *offer)
{
	for (size_t i = 0; i < offer->chunk_count; i++)
		if (offer->chunks[i].artifact_count > 0)
			return &offer->chunks[i].artifacts[0];
	return NULL;
}

/* The image as the manifest names it; a server's own name for it is only where to fetch it. */
static const struct ddi_artifact *find_artifact(const struct ddi_deployment *offer,
						const char *name)
{
	for (size_t i = 0; i < offer->chunk_count; i++)
		for (size_t k = 0; k < offer->chunks[i].artifact_count; k++)
			if (strcmp(offer->chunks[i].artifacts[k].filename, name) == 0)
				return &offer->chunks[i].artifacts[k];
	return first_artifact(offer);
}

static void describe_job(struct agent *agent, const struct papers_found *found)
{
	struct memory_job *job = &agent->memory.job;
	const struct manifest_artifact *image = &found->manifest.artifacts[0];

	job->campaign = found->permit.campaign;
	job->permit_sha256 = found->permit_sha256;
	job->manifest_sha256 = found->manifest_sha256;
	job->version = found->manifest.version;
	job->security_floor = found->manifest.security_floor;
	job->artifact = image->name;
	job->sha256 = image->sha256;
	job->size_bytes = image->size_bytes;
}

static bool describe_plain_job(struct agent *agent, const struct ddi_deployment *offer,
			       struct err *err)
{
	const struct ddi_artifact *image = first_artifact(offer);
	struct memory_job *job = &agent->memory.job;

	if (image == NULL || image->sha256 == NULL || image->size < 1)
		return err_fail(err, E_AGENT_OFFER, "the offer names no image with its SHA-256");
	if (!id_sha256_read(image->sha256, &job->sha256, err)) {
		err->code = E_AGENT_OFFER;
		return false;
	}
	job->plain = 1;
	job->version = id_name_valid(offer->chunks[0].version, VERSION_MAX)
			       ? offer->chunks[0].version
			       : NULL;
	job->artifact = "image";
	job->size_bytes = image->size;
	return true;
}

static bool image_fits(const struct agent *agent, struct err *err)
{
	enum bank_name idle = bank_other(agent->view.running);
	uint64_t room = agent->view.room_bytes[idle];

	if ((uint64_t)agent->memory.job.size_bytes > room)
		return err_fail(err, E_AGENT_BANK_SMALL, "the image has %lld bytes, bank %s %llu",
				(long long)agent->memory.job.size_bytes, bank_word(idle),
				(unsigned long long)room);
	return true;
}

/* From here on the idle bank's content means nothing: said before its first byte changes. */
static bool enter_downloading(struct agent *agent, const struct ddi_deployment *offer,
			      int64_t attempt, struct err *err)
{
	struct memory *memory = &agent->memory;
	enum bank_name idle = bank_other(agent->view.running);

	memory->job.action = offer->id;
	memory->job.attempt = attempt;
	memory->job.bank = bank_word(idle);
	if (!image_fits(agent, err))
		return reject(agent, offer, "failed", NULL, err);
	*memory_bank(memory, idle) = (struct memory_bank){0};
	agent->verified = false;
	if (!memory_turn(memory, TURN_BEGIN, err) || !agent_save(agent, err))
		return false;
	poll_send_progress(agent, DDI_DOWNLOAD,
			   memory->job.written_bytes > 0 ? "download resumed" : "download begun");
	return true;
}

static bool begin(struct agent *agent, const struct ddi_deployment *offer, struct err *err)
{
	struct memory *memory = &agent->memory;
	int64_t attempt = memory->job.action != NULL ? memory->job.attempt
						     : memory_next_attempt(memory, offer->id);
	struct ask_refusal refusal;
	struct papers_found found;

	if (!demands_papers(agent)) {
		if (!describe_plain_job(agent, offer, err))
			return false;
		return enter_downloading(agent, offer, attempt, err);
	}
	if (offer->papers == NULL) {
		(void)err_fail(err, E_AGENT_PAPERS_MISSING, NULL);
		return reject(agent, offer, "rejected", NULL, err);
	}
	if (!ask_papers(agent, offer->papers, "install", attempt, &found, &refusal, err))
		return refuse_or_wait(agent, offer, &refusal, err);
	describe_job(agent, &found);
	if (!enter_downloading(agent, offer, attempt, err))
		return false;
	if (!closing(agent) && clock_boot() >= found.lease_until)
		return err_fail(err, E_AGENT_WAITING, "the lease ended before the download began");
	return true;
}

/* ---- bytes ---- */

static bool fill(struct agent *agent, const struct ddi_deployment *offer, struct err *err)
{
	const struct ddi_artifact *image = find_artifact(offer, agent->memory.job.artifact);

	if (image == NULL || image->href == NULL)
		return err_fail(err, E_AGENT_OFFER, "the offer says nowhere to fetch the image");
	return download_image(agent, image->href, err);
}

static bool bank_matches(struct agent *agent, bool *out, struct err *err)
{
	const struct memory_job *job = &agent->memory.job;
	struct sha256_hex found;

	if (!verify_digest(&agent->banks, bank_other(agent->view.running),
			   (uint64_t)job->size_bytes, &found, err))
		return false;
	*out = strcmp(found.text, job->sha256.text) == 0;
	return true;
}

/* Damage on the way or in the bank deserves one more download, a wrong file on the server does not:
 * which one it was shows only then. */
static bool begin_again_or_reject(struct agent *agent, const struct ddi_deployment *offer,
				  struct err *err)
{
	struct memory_job *job = &agent->memory.job;

	if (job->restarts == 0) {
		job->restarts = 1;
		job->written_bytes = 0;
		log_warn("image-differs", LOG_TEXT("artifact", job->artifact));
		return agent_save(agent, err);
	}
	(void)err_fail(err, E_AGENT_ARTIFACT_DIGEST, NULL);
	return reject(agent, offer, "rejected", NULL, err);
}

static bool read_back(struct agent *agent, const struct ddi_deployment *offer, struct err *err)
{
	struct memory *memory = &agent->memory;
	const struct memory_job *job = &memory->job;
	bool matches;

	if (!bank_matches(agent, &matches, err))
		return false;
	if (!matches)
		return begin_again_or_reject(agent, offer, err);
	*memory_bank(memory, bank_other(agent->view.running)) = (struct memory_bank){
		.version = job->version,
		.manifest_sha256 = job->manifest_sha256,
		.sha256 = job->sha256,
		.size_bytes = job->size_bytes,
	};
	agent->verified = true;
	if (!memory_turn(memory, TURN_VERIFIED, err) || !agent_save(agent, err))
		return false;
	poll_send_progress(agent, DDI_DOWNLOADED, "image read back and found good");
	return true;
}

/* ---- activation ---- */

/* After a restart the bank is looked at once more before it is made bootable. */
static bool still_good(struct agent *agent, const struct ddi_deployment *offer, bool *good,
		       struct err *err)
{
	*good = agent->verified;
	if (*good)
		return true;
	if (!bank_matches(agent, good, err))
		return false;
	agent->verified = *good;
	if (*good)
		return true;
	(void)err_fail(err, E_AGENT_ARTIFACT_DIGEST,
		       "the idle bank changed after it was read back");
	return reject(agent, offer, "rejected", NULL, err);
}

static bool arm(struct agent *agent, clock_us lease_until, enum agent_outcome *out, struct err *err)
{
	struct memory *memory = &agent->memory;

	if (!memory_turn(memory, TURN_LEAVE, err) || !agent_save(agent, err))
		return false;
	poll_send_progress(agent, DDI_PROCEEDING, "installing");
	if (clock_boot() >= lease_until) {
		if (!memory_turn(memory, TURN_NOT_ARMED, err) || !agent_save(agent, err))
			return false;
		return err_fail(err, E_AGENT_WAITING, "the lease ended before the bank was armed");
	}
	if (!agent->banks.arm(agent->banks.self, (int)agent->settings->tries, err) ||
	    !memory_turn(memory, TURN_ARMED, err) || !agent_save(agent, err))
		return false;
	log_info("armed", LOG_TEXT("bank", memory->job.bank),
		 LOG_TEXT("version", memory->job.version));
	*out = AGENT_REBOOT;
	return true;
}

static bool activate(struct agent *agent, const struct ddi_deployment *offer,
		     enum agent_outcome *out, struct err *err)
{
	struct memory_job *job = &agent->memory.job;
	struct ask_refusal refusal;
	struct papers_found found;
	bool good;

	if (!still_good(agent, offer, &good, err))
		return false;
	if (!good)
		return true;
	if (job->plain == 1)
		return arm(agent, INT64_MAX, out, err);
	if (offer->papers == NULL) {
		(void)err_fail(err, E_AGENT_PAPERS_MISSING, NULL);
		return reject(agent, offer, "rejected", NULL, err);
	}
	if (!ask_papers(agent, offer->papers, "activate", job->attempt, &found, &refusal, err))
		return refuse_or_wait(agent, offer, &refusal, err);
	job->permit_sha256 = found.permit_sha256;
	return arm(agent, found.lease_until, out, err);
}
