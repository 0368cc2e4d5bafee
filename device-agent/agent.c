/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does one unit do next? One round, from top to bottom; everything it decides by is read anew.
 */

#include "device-agent/agent.h"

#include "common/file.h"
#include "common/log.h"
#include "device-agent/confirm.h"
#include "device-agent/install.h"
#include "device-agent/poll.h"
#include "device-agent/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUND_ARENA_BYTES ((size_t)64 * 1024 * 1024)
enum { SLEEP_OTHERWISE_S = 60 };

static bool open_fetch(struct arena *life, const struct settings *settings, struct fetch **out,
		       struct err *err);
static bool open_banks(struct arena *life, const struct settings *settings, struct bank_chain *out,
		       struct err *err);
static bool read_boot_id(struct arena *life, const char **out, struct err *err);

bool agent_open(struct arena *life, const struct settings *settings, struct agent *out,
		struct err *err)
{
	struct agent agent = {.settings = settings, .started = clock_boot(), .lock = -1};

	if (!read_boot_id(life, &agent.boot_id, err) ||
	    !open_banks(life, settings, &agent.banks, err) ||
	    !agent_lock(settings->dir, &agent.lock, err))
		return false;
	agent.base = arena_printf(life, "%s/%s/controller/v1/%s", settings->url,
				  fetch_segment(life, settings->tenant),
				  fetch_segment(life, settings->device));
	if (settings->report_key != NULL &&
	    !sign_key_new(settings->report_key, &agent.report_key, err))
		goto out;
	if (agent.report_key != NULL && sign_key_alg(agent.report_key) != SIGN_ED25519) {
		(void)err_fail(err, E_AGENT_REPORT_KEY, NULL);
		goto out;
	}
	if (!open_fetch(life, settings, &agent.fetch, err))
		goto out;
	agent.arena = arena_new(ROUND_ARENA_BYTES);
	*out = agent;
	return true;
out:
	agent_close(&agent);
	return false;
}

void agent_close(struct agent *agent)
{
	if (agent->fetch != NULL)
		fetch_free(agent->fetch);
	if (agent->report_key != NULL)
		sign_key_free(agent->report_key);
	if (agent->arena != NULL)
		arena_free(agent->arena);
	if (agent->lock >= 0)
		close(agent->lock);
	agent->lock = -1;
}

static bool open_fetch(struct arena *life, const struct settings *settings, struct fetch **out,
		       struct err *err)
{
	struct fetch_settings with = {.authority = settings->tls_authority,
				      .certificate = settings->tls_certificate,
				      .key = settings->tls_key,
				      .user_agent = "countersign-agent"};
	char *token;

	if (settings->token_file != NULL) {
		if (!file_read_line(life, settings->token_file, &token, err))
			return false;
		with.authorization = arena_printf(life, "TargetToken %s", token);
	}
	return fetch_new(&with, out, err);
}

static bool open_banks(struct arena *life, const struct settings *settings, struct bank_chain *out,
		       struct err *err)
{
	const struct bank_file_settings with = {.bank = {settings->bank_a, settings->bank_b},
						.boot = settings->boot,
						.running = getenv("BANK"),
						.grow_bytes = (uint64_t)settings->bank_bytes};

	return bank_file_open(life, &with, out, err);
}

/* A board may say it; otherwise the kernel does. */
static bool read_boot_id(struct arena *life, const char **out, struct err *err)
{
	const char *told = getenv("BOOT_ID");
	char *line;

	if (told != NULL && id_uuid_valid(told)) {
		*out = arena_text(life, told);
		return true;
	}
	if (!file_read_line(life, "/proc/sys/kernel/random/boot_id", &line, err))
		return false;
	*out = line;
	return id_uuid_valid(line) ? true : err_fail(err, E_OS, "the kernel's boot id is none");
}

bool agent_lock(const char *dir, int *fd, struct err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct arena *arena = arena_new(64 * 1024);
	const char *path = arena_printf(arena, "%s/lock", dir);
	int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool ok = opened >= 0;

	if (!ok)
		(void)err_fail(err, E_FILE, "%s: %s", path, strerror(errno));
	if (ok && fcntl(opened, F_SETLK, &whole) != 0) {
		close(opened);
		ok = err_fail(err, E_AGENT_BUSY, NULL);
	}
	arena_free(arena);
	if (ok)
		*fd = opened;
	return ok;
}

bool agent_save(struct agent *agent, struct err *err)
{
	return memory_save(agent->settings->dir, &agent->memory, err);
}

/* ---- a round ---- */

static bool note_boot(struct agent *agent, struct err *err)
{
	struct memory *memory = &agent->memory;

	if (memory->boot_id != NULL && strcmp(memory->boot_id, agent->boot_id) == 0)
		return true;
	memory->boot_id = agent->boot_id;
	memory->boots++;
	if (agent->keyring.pinned)
		memory->pinned = 1;
	return agent_save(agent, err);
}

static bool read_state(struct agent *agent, struct err *err)
{
	return memory_load(agent->arena, agent->settings->dir, &agent->memory, err) &&
	       keyring_load(agent->arena, agent->settings, &agent->memory, &agent->keyring, err) &&
	       agent->banks.describe(agent->banks.self, &agent->view, err) && note_boot(agent, err);
}

/* What is past arming is not stopped: it finishes or goes back, and the server hears of it. */
static bool cancel(struct agent *agent, const char *href, enum agent_outcome *out, struct err *err)
{
	const struct memory_job *job = &agent->memory.job;
	struct ddi_cancel order;

	if (!poll_cancel(agent, href, &order, err))
		return false;
	if (!id_name_valid(order.id, ID_NAME_MAX) || order.stop_id == NULL)
		return err_fail(err, E_AGENT_OFFER, "the cancel order names no action");
	log_info("canceled", LOG_TEXT("action", order.stop_id));
	if (job->action != NULL && strcmp(job->action, order.stop_id) == 0 &&
	    !install_drop(agent, err))
		return false;
	*out = AGENT_IDLE;
	return poll_answer_cancel(agent, order.id, DDI_CLOSED, DDI_SUCCESS, err);
}

static bool offered(struct agent *agent, const char *href, enum agent_outcome *out, struct err *err)
{
	const struct memory *memory = &agent->memory;
	struct ddi_deployment offer;

	if (!poll_offer(agent, href, &offer, err))
		return false;
	if (memory->job.action != NULL && strcmp(memory->job.action, offer.id) != 0 &&
	    !install_drop(agent, err))
		return false;
	/* Servers without attempts offer an action once; theirs to end it. */
	if (!agent->keyring.pinned && agent->settings->papers_optional &&
	    memory_next_attempt(memory, offer.id) > 1) {
		*out = AGENT_IDLE;
		return true;
	}
	return install_offer(agent, &offer, out, err);
}

static bool ask_server(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	struct ddi_poll poll;
	struct err trouble = {0};

	if (!poll_server(agent, &poll, err))
		return false;
	if (agent->settings->poll_s == 0 && poll.sleep_s > 0)
		agent->sleep_s = poll.sleep_s;
	if (poll.config_data != NULL && !poll_send_attributes(agent, poll.config_data, &trouble))
		log_info("attributes-not-taken", LOG_ERR(&trouble));
	*out = AGENT_IDLE;
	if (poll.cancel_action != NULL)
		return cancel(agent, poll.cancel_action, out, err);
	return poll.deployment_base == NULL || offered(agent, poll.deployment_base, out, err);
}

/* After an attempt that went wrong the next one has the time of a poll: a server that offers it again
 * at once must not make a unit spin. */
static bool deliver(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	bool good = agent->memory.news.finished != NULL &&
		    strcmp(agent->memory.news.finished, "success") == 0;

	if (!report_deliver(agent, err))
		return false;
	*out = good ? AGENT_AGAIN : AGENT_IDLE;
	return true;
}

static bool run_round(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	if (!confirm_settle(agent, out, err))
		return false;
	if (*out != AGENT_IDLE)
		return true;
	if (memory_step(&agent->memory) == STEP_CLOSING)
		return deliver(agent, out, err);
	return ask_server(agent, out, err);
}

bool agent_round(struct agent *agent, enum agent_outcome *out, struct err *err)
{
	enum agent_outcome outcome = AGENT_IDLE;

	arena_reset(agent->arena);
	agent->retry_after_s = 0;
	agent->sleep_s = agent->settings->poll_s > 0 ? agent->settings->poll_s : SLEEP_OTHERWISE_S;
	if (!read_state(agent, err))
		return false;
	if (!run_round(agent, &outcome, err)) {
		if (err_code_kind(err->code) != ERR_UNAVAILABLE && err->code != E_AGENT_OFFER &&
		    err->code != E_FETCH_LIMIT)
			return false;
		log_info("waiting", LOG_TEXT("step", states_word(memory_step(&agent->memory))),
			 LOG_ERR(err));
		err_clear(err);
		outcome = AGENT_WAITING;
	}
	*out = outcome;
	return true;
}
