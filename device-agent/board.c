/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a board do that no agent can do for itself? Choose a bank, count a try, start, and start
 * again: the simulated boot loader, for the demo and for tests with power cuts.
 */

#include "device-agent/board.h"

#include "common/arena.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/log.h"
#include "common/text.h"
#include "device-agent/boot_record.h"
#include "device-agent/cut.h"
#include "device-agent/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, CRASH_PAUSE_MS = 200, CRASH_PAUSE_MAX_MS = 5000 };
enum { STATUS_WAITING = 3, STATUS_USAGE = 2 };

extern char **environ;

/* Set by the signal handler; the child is passed on to. */
static volatile sig_atomic_t stop_wanted;
static volatile sig_atomic_t agent_pid;

static void on_stop(int number)
{
	stop_wanted = 1;
	if (agent_pid > 0)
		kill((pid_t)agent_pid, number);
}

void board_bind(void)
{
	const char *board = getenv("BOARD_PID");
	long long pid;

	if (board == NULL || !text_int(board, 1, INT32_MAX, &pid))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != (pid_t)pid)
		_exit(CUT_STATUS);
}

static bool make_bank(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_fail(err, E_AGENT_BANK, "bank %s: %s", path, strerror(errno));
	close(fd);
	return true;
}

static bool make_board(const struct settings *settings, struct err *err)
{
	struct stat is;

	if (!make_bank(settings->bank_a, err) || !make_bank(settings->bank_b, err))
		return false;
	return stat(settings->boot, &is) == 0 || boot_record_make(settings->boot, err);
}

/* The try is gone before the bank is started: a bank that hangs or cuts the power uses it up. */
static bool choose_bank(const char *boot, enum bank_name *out, struct err *err)
{
	struct boot_record record;

	if (!boot_record_read(boot, &record, err))
		return false;
	if (!record.on_trial || record.tries == 0) {
		*out = record.active;
		return true;
	}
	record.tries--;
	if (!boot_record_write(boot, &record, err))
		return false;
	*out = record.trial;
	return true;
}

/* Starts the agent and waits for its end; status as of waitpid. */
static bool boot_once(struct arena *arena, const struct board_settings *board, const char *config,
		      enum bank_name bank, int *status, struct err *err)
{
	char boot_id[ID_UUID_BYTES + 1];
	char *argv[] = {arena_text(arena, board->program),
			arena_text(arena, "run"),
			arena_text(arena, "--config"),
			arena_text(arena, config),
			board->once ? arena_text(arena, "--once") : NULL,
			NULL};
	pid_t child;
	int failed;

	id_uuid_draw(boot_id);
	if (setenv("BANK", bank_word(bank), 1) != 0 || setenv("BOOT_ID", boot_id, 1) != 0 ||
	    setenv("BOARD_PID", arena_printf(arena, "%ld", (long)getpid()), 1) != 0)
		return err_fail(err, E_OS, "setenv: %s", strerror(errno));
	log_info("boot", LOG_TEXT("bank", bank_word(bank)), LOG_TEXT("boot_id", boot_id));
	failed = posix_spawn(&child, board->program, NULL, NULL, argv, environ);
	if (failed != 0)
		return err_fail(err, E_OS, "%s: %s", board->program, strerror(failed));
	agent_pid = child;
	if (stop_wanted)
		kill(child, SIGTERM);
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return err_fail(err, E_OS, "waitpid: %s", strerror(errno));
	agent_pid = 0;
	return true;
}

/* What the end of the agent means. -1: boot again. */
static int after_agent(int status, int64_t *pause_ms)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (cut_planned() && code == CUT_STATUS)
		_exit(CUT_STATUS); /* a power cut takes the board with it */
	if (stop_wanted)
		return 0;
	if (code == AGENT_REBOOT_STATUS) {
		*pause_ms = 0;
		return -1;
	}
	if (code == 0 || code == STATUS_WAITING || code == STATUS_USAGE)
		return code;
	log_warn("crashed", LOG_INT("status", status));
	*pause_ms = *pause_ms == 0 ? CRASH_PAUSE_MS : *pause_ms * 2;
	if (*pause_ms > CRASH_PAUSE_MAX_MS)
		*pause_ms = CRASH_PAUSE_MAX_MS;
	return -1;
}

static int run_boots(struct arena *arena, const struct board_settings *board, const char *config,
		     const char *boot, struct err *err)
{
	int64_t pause_ms = 0;
	int code = -1;

	while (code < 0 && !stop_wanted) {
		enum bank_name bank;
		int status;

		if (!choose_bank(boot, &bank, err) ||
		    !boot_once(arena, board, config, bank, &status, err))
			return err_kind_exit(err_code_kind(err->code));
		code = after_agent(status, &pause_ms);
		if (code < 0 && pause_ms > 0)
			clock_sleep(pause_ms * 1000);
	}
	return code < 0 ? 0 : code;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_stop};

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int board_run(const struct board_settings *board)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct settings settings;
	struct err err = {0};
	const char *config = arena_printf(arena, "%s/agent.json", board->dir);
	int status;

	catch_signals();
	if (settings_read(arena, config, &settings, &err) && make_board(&settings, &err))
		status = run_boots(arena, board, config, settings.boot, &err);
	else
		status = err_kind_exit(err_code_kind(err.code));
	if (err.code != E_NONE)
		log_error("board", LOG_ERR(&err));
	arena_free(arena);
	return status;
}
