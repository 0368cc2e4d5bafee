/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the firmware that runs fit to stay, and if not, how did we come back? Everything between arming
 * and the report.
 */

#include "device-agent/confirm.h"

#include "common/log.h"
#include "device-agent/report.h"
#include "device-agent/verify.h"

#include <string.h>
#include <unistd.h>

enum { RETRY_MS = 1000 };

static bool on_target(const struct agent *agent)
{
	return agent->memory.job.bank != NULL &&
	       strcmp(agent->memory.job.bank, bank_word(agent->view.running)) == 0;
}

/* The new bank is armed and did not run yet, or may run again. */
static bool will_boot(const struct agent *agent)
{
	return agent->view.on_trial && agent->view.tries > 0 &&
	       agent->view.trial != agent->view.running;
}

/* ---- judging the running firmware ---- */

static bool judge_health(struct agent *agent, struct err *err)
{
	enum bank_name runs = agent->view.running;
	const char *path = runs == BANK_A ? agent->settings->bank_a : agent->settings->bank_b;
	uint64_t size = (uint64_t)agent->memory.job.size_bytes;
	clock_us deadline = agent->started + agent->settings->health_deadline_s * CLOCK_SECOND;
	int fd;
	bool ok;

	if (!agent->banks.open_read(agent->banks.self, runs, &fd, err))
		return false;
	for (;;) {
		ok = health_judge(&agent->settings->health, path, fd, size, err);
		/* Bytes do not get better; what a program looks at may take its time to start. */
		if (ok || agent->settings->health.kind != HEALTH_COMMAND ||
		    clock_boot() + RETRY_MS * 1000 >= deadline)
			break;
		err_clear(err);
		clock_sleep(RETRY_MS * 1000);
	}
	close(fd);
	return ok;
}

static bool judge_bytes(struct agent *agent, struct err *err)
{
	const struct memory_job *job = &agent->memory.job;
	struct sha256_hex found;

	if (!verify_digest(&agent->banks, agent->view.running, (uint64_t)job->size_bytes, &found,
			   err))
		return false;
	return strcmp(found.text, job->sha256.text) == 0
		       ? true
		       : err_fail(err, E_AGENT_ARTIFACT_DIGEST,
				  "the running bank is not what was installed");
}

/* A unit that could never again be told anything must not stay as it is. */
static bool judge_agent(struct agent *agent, struct err *err)
{
	return agent->memory.job.plain == 1 ||
	       (keyring_prove(agent->arena, &agent->keyring, err) && report_prove(agent, err));
}

static bool go_back(struct agent *agent, const struct err *why, enum agent_outcome *out,
		    struct err *err)
{
	struct memory *memory = &agent->memory;

	log_warn("unhealthy", LOG_ERR(why));
	if (memory_step(memory) == STEP_TESTING) {
		memory->job.code = err_code_text(why->code);
		if (why->text[0] != '\0' && shape_line_valid(why->text))
			memory->job.why = arena_text(agent->arena, why->text);
		if (!memory_turn(memory, TURN_UNHEALTHY, err) || !agent_save(agent, err))
			return false;
	}
	*out = AGENT_REBOOT;
	return agent->banks.give_up(agent->banks.self, err);
}

/* The boot record, then floor and report in one save: after a cut in between the step confirming
 * leads here again. */
static bool stay(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	struct memory *memory = &agent->memory;
	const struct report_end end = {
		.outcome = "confirmed",
		.code = "",
		.detail = arena_printf(agent->arena, "runs version %s",
				       memory->job.version != NULL ? memory->job.version : "?"),
	};

	if (!agent->banks.confirm(agent->banks.self, err) ||
	    !memory_raise_floor(agent->arena, memory, agent->settings->product,
				memory->job.security_floor, err))
		return false;
	*out = AGENT_AGAIN;
	return report_make(agent, &end, err);
}

static bool test(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	struct err why = {0};

	if (!judge_health(agent, &why) || !judge_bytes(agent, &why) || !judge_agent(agent, &why))
		return go_back(agent, &why, out, err);
	if (!memory_turn(&agent->memory, TURN_HEALTHY, err) || !agent_save(agent, err))
		return false;
	return stay(agent, out, err);
}

/* ---- back in the old bank ---- */

static bool report_back(struct agent *agent, const char *outcome, enum agent_outcome *out,
			struct err *err)
{
	const char *code = agent->memory.job.code != NULL ? agent->memory.job.code
							  : err_code_text(E_AGENT_BOOT_FAILED);
	const struct report_end end = {
		.outcome = outcome,
		.code = code,
		.detail = agent->memory.job.why != NULL ? agent->memory.job.why
							: err_code_sentence(err_code_of(code)),
	};

	*out = AGENT_AGAIN;
	/* Until the report is on disk the boot record goes on showing the trial that failed. */
	return report_make(agent, &end, err) && agent->banks.confirm(agent->banks.self, err);
}

static bool settle_going_back(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	if (!on_target(agent))
		return report_back(agent, "rolled_back", out, err);
	/* Somebody else made the bad bank permanent: there is no way back from here. */
	if (agent->view.active == agent->view.running)
		return report_back(agent, "failed", out, err);
	*out = AGENT_REBOOT;
	return agent->banks.give_up(agent->banks.self, err);
}

static bool settle_trial(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	bool confirming = memory_step(&agent->memory) == STEP_CONFIRMING;

	if (on_target(agent))
		return confirming ? stay(agent, out, err) : test(agent, out, err);
	if (will_boot(agent)) {
		*out = AGENT_REBOOT;
		return true;
	}
	if (!confirming)
		return report_back(agent, "rolled_back", out, err);
	/* Healthy, but the power went before the boot record was written, too often. */
	agent->memory.job.code = err_code_text(E_AGENT_BOOT_FAILED);
	return report_back(agent, "rolled_back", out, err);
}

/* Leave was given; did the boot record change before the cut? */
static bool settle_arming(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	bool armed = agent->view.on_trial || on_target(agent);

	if (!memory_turn(&agent->memory, armed ? TURN_ARMED : TURN_NOT_ARMED, err) ||
	    !agent_save(agent, err))
		return false;
	return armed ? settle_trial(agent, out, err) : true;
}

bool confirm_settle(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	const struct bank_view *view = &agent->view;

	*out = AGENT_IDLE;
	switch (memory_step(&agent->memory)) {
	case STEP_ARMING:
		return settle_arming(agent, out, err);
	case STEP_TESTING:
	case STEP_CONFIRMING:
		return settle_trial(agent, out, err);
	case STEP_GOING_BACK:
		return settle_going_back(agent, out, err);
	case STEP_NONE:
	case STEP_DOWNLOADING:
	case STEP_DOWNLOADED:
	case STEP_CLOSING:
	case STEPS:
		break;
	}
	/* A failed trial whose report is made; the power went before the record was cleared. */
	if (view->on_trial && view->tries == 0 && view->active == view->running)
		return agent->banks.confirm(agent->banks.self, err);
	if (view->on_trial)
		log_warn("unknown-trial", LOG_TEXT("bank", bank_word(view->trial)));
	return true;
}
