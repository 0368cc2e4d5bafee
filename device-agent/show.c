/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How is this unit, and who may end its trust? For the person beside it.
 */

#include "device-agent/show.h"

#include "common/clock.h"
#include "common/log.h"
#include "device-agent/agent.h"
#include "device-agent/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BYTES = 16 * 1024 * 1024, REASON_MAX = 200 };

static void set_if(struct doc *doc, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		doc_set_text(doc, key, text);
}

static struct doc *bank_doc(struct arena *arena, const struct memory_bank *bank)
{
	struct doc *doc = doc_object(arena);

	set_if(doc, "version", bank->version);
	set_if(doc, "sha256", bank->sha256.text);
	doc_set_int(doc, "size_bytes", bank->size_bytes);
	return doc;
}

static struct doc *job_doc(struct arena *arena, const struct memory_job *job)
{
	struct doc *doc = doc_object(arena);

	set_if(doc, "action", job->action);
	set_if(doc, "campaign", job->campaign);
	set_if(doc, "step", job->step);
	set_if(doc, "version", job->version);
	set_if(doc, "bank", job->bank);
	set_if(doc, "permit_sha256", job->permit_sha256.text);
	set_if(doc, "manifest_sha256", job->manifest_sha256.text);
	doc_set_int(doc, "attempt", job->attempt);
	doc_set_int(doc, "written_bytes", job->written_bytes);
	doc_set_int(doc, "size_bytes", job->size_bytes);
	set_if(doc, "code", job->code);
	set_if(doc, "why", job->why);
	return doc;
}

static struct doc *state_doc(struct arena *arena, const struct settings *settings,
			     const struct memory *memory, const struct bank_view *view)
{
	struct doc *doc = doc_object(arena);
	struct doc *floors = doc_object(arena);

	doc_set_text(doc, "device", settings->device);
	doc_set_text(doc, "product", settings->product);
	doc_set_text(doc, "hardware", settings->hardware);
	doc_set_text(doc, "step", states_word(memory_step(memory)));
	doc_set_text(doc, "active", bank_word(view->active));
	if (view->on_trial) {
		doc_set_text(doc, "trial", bank_word(view->trial));
		doc_set_int(doc, "tries", view->tries);
	}
	doc_set(doc, "bank_a", bank_doc(arena, &memory->bank_a));
	doc_set(doc, "bank_b", bank_doc(arena, &memory->bank_b));
	if (memory->job.action != NULL)
		doc_set(doc, "job", job_doc(arena, &memory->job));
	for (size_t i = 0; i < memory->floor_count; i++)
		doc_set_int(floors, memory->floors[i].key, memory->floors[i].value);
	doc_set(doc, "floors", floors);
	doc_set_bool(doc, "pinned", memory->pinned == 1);
	doc_set_int(doc, "trust_version", memory->trust_version);
	set_if(doc, "trust_sha256", memory->trust_sha256.text);
	doc_set_int(doc, "trust_resets", memory->trust_resets);
	doc_set_int(doc, "reports", memory->seq);
	doc_set_text(doc, "epoch", memory->epoch);
	doc_set_bool(doc, "unacknowledged", memory->news.feedback_action != NULL);
	doc_set_int(doc, "boots", memory->boots);
	return doc;
}

static void print_bank(const char *name, const struct memory_bank *bank)
{
	if (bank->size_bytes == 0)
		printf("bank %s       not installed by this agent, or being written\n", name);
	else
		printf("bank %s       %s, %lld bytes, sha256 %s\n", name,
		       bank->version != NULL ? bank->version : "?", (long long)bank->size_bytes,
		       bank->sha256.text);
}

static void print_job(const struct memory_job *job)
{
	if (job->action == NULL) {
		printf("deployment   none\n");
		return;
	}
	printf("deployment   action %s, attempt %lld: %s\n", job->action, (long long)job->attempt,
	       job->step != NULL ? job->step : "none");
	if (job->campaign != NULL)
		printf("             campaign %s\n", job->campaign);
	printf("             version %s into bank %s, %lld of %lld bytes\n",
	       job->version != NULL ? job->version : "?", job->bank != NULL ? job->bank : "?",
	       (long long)job->written_bytes, (long long)job->size_bytes);
}

static void print_state(const struct settings *settings, const struct memory *memory,
			const struct bank_view *view)
{
	printf("device       %s (%s, hardware %s)\n", settings->device, settings->product,
	       settings->hardware);
	printf("boots        bank %s", bank_word(view->active));
	if (view->on_trial)
		printf("; bank %s is on trial, %d tries left", bank_word(view->trial), view->tries);
	printf(" (%lld boots counted)\n", (long long)memory->boots);
	print_bank("A", &memory->bank_a);
	print_bank("B", &memory->bank_b);
	print_job(&memory->job);
	if (memory->trust_version > 0)
		printf("trust        version %lld, sha256 %s\n", (long long)memory->trust_version,
		       memory->trust_sha256.text);
	else
		printf("trust        %s\n", memory->pinned == 1
						    ? "roots are pinned, no document yet"
						    : "no roots are pinned");
	for (size_t i = 0; i < memory->floor_count; i++)
		printf("floor        %s: sequence %lld\n", memory->floors[i].key,
		       (long long)memory->floors[i].value);
	printf("reports      %lld made%s\n", (long long)memory->seq,
	       memory->news.feedback_action != NULL ? ", the last is not acknowledged yet" : "");
}

/* The banks as the boot record tells them; which one runs is only known to the agent. */
static bool look(struct arena *arena, const struct settings *settings, struct memory *memory,
		 struct bank_view *view, struct err *err)
{
	const struct bank_file_settings with = {.bank = {settings->bank_a, settings->bank_b},
						.boot = settings->boot,
						.running = "A"};
	struct bank_chain banks;

	return bank_file_open(arena, &with, &banks, err) && banks.describe(banks.self, view, err) &&
	       memory_load(arena, settings->dir, memory, err);
}

bool show_state(const struct settings *settings, bool json, struct err *err)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct memory memory;
	struct bank_view view;
	bool ok = look(arena, settings, &memory, &view, err);

	if (ok && json)
		fputs(doc_pretty(arena, state_doc(arena, settings, &memory, &view)), stdout);
	else if (ok)
		print_state(settings, &memory, &view);
	arena_free(arena);
	return ok;
}

/* ---- reset ---- */

static bool write_journal(struct arena *arena, const struct settings *settings,
			  const struct memory *memory, const char *reason, struct err *err)
{
	struct doc *doc = doc_object(arena);
	struct bytes line;

	doc_set_text(doc, "what", "trust.reset");
	doc_set_time(doc, "at", clock_now());
	doc_set_text(doc, "clock", clock_state());
	doc_set_int(doc, "uid", (int64_t)getuid());
	doc_set_int(doc, "trust_version", memory->trust_version);
	doc_set_text(doc, "trust_sha256", memory->trust_sha256.text);
	doc_set_text(doc, "reason", reason);
	if (!doc_canonical(arena, doc, &line, err))
		return false;
	return store_append(arena_printf(arena, "%s/journal", settings->dir),
			    bytes_of_text(arena_printf(arena, "%.*s\n", (int)line.size,
						       (const char *)line.data)),
			    0600, err);
}

static bool forget_trust(struct arena *arena, const struct settings *settings,
			 struct memory *memory, struct err *err)
{
	const char *path = memory->trust_version > 0
				   ? arena_printf(arena, "%s/trust-%s", settings->dir,
						  memory->trust_sha256.text)
				   : NULL;

	memory->pinned = 0;
	memory->trust_version = 0;
	memory->trust_sha256 = (struct sha256_hex){{0}};
	memory->trust_resets++;
	memory->time_min_us = 0;
	memory->ask = memory->asked_before = (struct memory_ask){0};
	if (memory->job.action != NULL && memory_step(memory) != STEP_CLOSING) {
		memory_keep_ended(arena, memory, memory->job.action, memory->job.attempt);
		memory->job = (struct memory_job){0};
	}
	return memory_save(settings->dir, memory, err) && (path == NULL || store_remove(path, err));
}

static bool reset(struct arena *arena, const struct settings *settings, const char *reason,
		  struct err *err)
{
	struct memory memory;

	if (!shape_line_valid(reason) || reason[0] == '\0' || strlen(reason) > REASON_MAX)
		return err_fail(err, E_USAGE, "--reason has to be one line of 1 to %d bytes",
				REASON_MAX);
	if (!memory_load(arena, settings->dir, &memory, err))
		return false;
	switch (memory_step(&memory)) {
	case STEP_ARMING:
	case STEP_TESTING:
	case STEP_CONFIRMING:
	case STEP_GOING_BACK:
		return err_fail(err, E_AGENT_BANK_BUSY, NULL);
	case STEP_NONE:
	case STEP_DOWNLOADING:
	case STEP_DOWNLOADED:
	case STEP_CLOSING:
	case STEPS:
		break;
	}
	return write_journal(arena, settings, &memory, reason, err) &&
	       forget_trust(arena, settings, &memory, err);
}

bool show_reset_trust(const struct settings *settings, const char *reason, struct err *err)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	int lock = -1;
	bool ok = agent_lock(settings->dir, &lock, err) && reset(arena, settings, reason, err);

	if (lock >= 0)
		close(lock);
	arena_free(arena);
	return ok;
}
