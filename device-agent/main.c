/* SPDX-License-Identifier: Apache-2.0 */
/*
 * countersign-agent: the program. Reads the command line, and for `run` repeats rounds with the
 * pauses between them.
 */

#include "common/log.h"
#include "device-agent/agent.h"
#include "device-agent/board.h"
#include "device-agent/show.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LIFE_ARENA_BYTES = 4 * 1024 * 1024 };
enum { WAIT_MIN_S = 1, WAIT_MAX_S = 60, DOUBLINGS_MAX = 6 };
enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_WAITING = 3 };

static const char usage[] = "countersign-agent run --config FILE [--once]\n"
			    "countersign-agent board --dir DIR [--once]\n"
			    "countersign-agent show --config FILE [--json]\n"
			    "countersign-agent trust reset --config FILE --reason TEXT\n";

struct options {
	const char *config, *dir, *reason;
	bool once, json;
};

static bool read_option(struct options *options, const char *name, const char *value, int *used)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = {{"--config", &options->config},
		     {"--dir", &options->dir},
		     {"--reason", &options->reason}};

	*used = 1;
	if (strcmp(name, "--once") == 0)
		return options->once = true;
	if (strcmp(name, "--json") == 0)
		return options->json = true;
	*used = 2;
	if (value == NULL)
		return false;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i].name) == 0) {
			*texts[i].text = value;
			return true;
		}
	return false;
}

static bool read_options(char **argv, struct options *out)
{
	int used;

	*out = (struct options){0};
	for (; *argv != NULL; argv += used)
		if (!read_option(out, argv[0], argv[1], &used))
			return false;
	return true;
}

static int failed(const struct err *err)
{
	fprintf(stderr, "countersign-agent: %s (%s)\n", err->text, err_code_text(err->code));
	return err_kind_exit(err_code_kind(err->code));
}

/* Doubling, with half of it drawn by lot: units that lost the same server do not come back at the
 * same instant. What the server wishes counts, within our bounds. */
static clock_us back_off(int waits, int64_t wished_s)
{
	int doublings = waits < DOUBLINGS_MAX ? waits : DOUBLINGS_MAX;
	int64_t most_ms = (int64_t)WAIT_MIN_S * 2000 << doublings;
	uint32_t lot;
	int64_t ms;

	if (wished_s * 1000 > most_ms)
		most_ms = wished_s * 1000;
	if (most_ms > WAIT_MAX_S * 1000)
		most_ms = WAIT_MAX_S * 1000;
	random_fill(&lot, sizeof(lot));
	ms = most_ms / 2 + (int64_t)(lot % (uint32_t)(most_ms / 2 + 1));
	if (wished_s > 0 && ms < wished_s * 1000)
		ms = wished_s * 1000 < WAIT_MAX_S * 1000 ? wished_s * 1000 : WAIT_MAX_S * 1000;
	return ms * 1000;
}

static int run_rounds(struct agent *agent, bool once)
{
	struct err err = {0};
	int waits = 0;

	for (;;) {
		enum agent_outcome outcome;

		if (!agent_round(agent, &outcome, &err)) {
			log_error("ends", LOG_ERR(&err));
			return failed(&err);
		}
		switch (outcome) {
		case AGENT_AGAIN:
			break;
		case AGENT_IDLE:
			if (once)
				return EXIT_DONE;
			waits = 0;
			clock_sleep(agent->sleep_s * CLOCK_SECOND);
			break;
		case AGENT_WAITING:
			if (once)
				return EXIT_WAITING;
			clock_sleep(back_off(waits++, agent->retry_after_s));
			break;
		case AGENT_REBOOT:
			log_info("reboot", LOG_TEXT("boot_id", agent->boot_id));
			return AGENT_REBOOT_STATUS;
		}
	}
}

static int run(const struct options *options)
{
	struct arena *life = arena_new(LIFE_ARENA_BYTES);
	struct settings settings;
	struct agent agent;
	struct err err = {0};
	int status;

	board_bind();
	if (!settings_read(life, options->config, &settings, &err) ||
	    !agent_open(life, &settings, &agent, &err)) {
		status = failed(&err);
	} else {
		status = run_rounds(&agent, options->once);
		agent_close(&agent);
	}
	arena_free(life);
	return status;
}

static int with_settings(const struct options *options, bool reset)
{
	struct arena *life = arena_new(LIFE_ARENA_BYTES);
	struct settings settings;
	struct err err = {0};
	bool ok = settings_read(life, options->config, &settings, &err) &&
		  (reset ? show_reset_trust(&settings, options->reason, &err)
			 : show_state(&settings, options->json, &err));

	arena_free(life);
	return ok ? EXIT_DONE : failed(&err);
}

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static int help(void)
{
	fputs(usage, stdout);
	printf("\nSettings in FILE (JSON):\n");
	settings_print();
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct options options;
	const char *verb = argc > 1 ? argv[1] : "";
	bool reset = argc > 2 && strcmp(verb, "trust") == 0 && strcmp(argv[2], "reset") == 0;

	log_start("countersign-agent", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(verb, "--help") == 0)
		return help();
	if (argc < 2 || !read_options(argv + (reset ? 3 : 2), &options))
		return wrong_usage();
	if (strcmp(verb, "run") == 0 && options.config != NULL)
		return run(&options);
	if (strcmp(verb, "show") == 0 && options.config != NULL)
		return with_settings(&options, false);
	if (reset && options.config != NULL && options.reason != NULL)
		return with_settings(&options, true);
	if (strcmp(verb, "board") == 0 && options.dir != NULL)
		return board_run(&(struct board_settings){
			.program = "/proc/self/exe", .dir = options.dir, .once = options.once});
	return wrong_usage();
}
