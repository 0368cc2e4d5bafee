/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the firmware that runs fit to stay? The dispatcher and the check by a program; images are
 * looked at in health_uimage.c.
 */

#include "device-agent/health.h"

#include "common/clock.h"
#include "device-agent/health_uimage.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { POLL_MS = 20 };

bool health_kind_of(const char *word, enum health_kind *out, struct err *err)
{
	static const char *const words[HEALTH_KINDS] = {"none", "uimage-multi", "command"};

	for (size_t i = 0; i < HEALTH_KINDS; i++)
		if (strcmp(word, words[i]) == 0) {
			*out = (enum health_kind)i;
			return true;
		}
	return err_fail(err, E_CONFIG, "health has to be none, uimage-multi or command");
}

/* Waits for the program at most until then, and ends it after that. */
static bool wait_for(pid_t child, int64_t limit_ms, int *status)
{
	clock_us until = clock_boot() + limit_ms * 1000;

	for (;;) {
		pid_t done = waitpid(child, status, WNOHANG);

		if (done == child)
			return true;
		if (done < 0 && errno != EINTR)
			return false;
		if (clock_boot() >= until)
			break;
		clock_sleep(POLL_MS * 1000);
	}
	kill(child, SIGKILL);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
	return false;
}

/* The program sees these three variables and nothing else of the agent's environment. */
static bool run_program(const struct health_check *check, const char *bank_path, uint64_t size,
			struct err *err)
{
	char bank[4200], bytes[48], search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *environment[] = {bank, bytes, search, NULL};
	char *argv[33] = {NULL};
	pid_t child;
	int status, failed;

	snprintf(bank, sizeof(bank), "BANK=%s", bank_path);
	snprintf(bytes, sizeof(bytes), "BANK_BYTES=%llu", (unsigned long long)size);
	for (size_t i = 0; i < 32 && check->argv[i] != NULL; i++) {
		/* posix_spawn asks for char * and does not write. */
		memcpy(&argv[i], &check->argv[i], sizeof(argv[i]));
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): health.h promises argv[0] */
	failed = posix_spawn(&child, argv[0], NULL, NULL, argv, environment);
	if (failed != 0)
		return err_fail(err, E_AGENT_HEALTH, "the check %s did not start: %s", argv[0],
				strerror(failed));
	if (!wait_for(child, check->time_limit_ms, &status))
		return err_fail(err, E_AGENT_HEALTH, "the check %s took longer than %lld ms",
				argv[0], (long long)check->time_limit_ms);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_fail(err, E_AGENT_HEALTH, "the check %s says no (status %d)", argv[0],
				status);
	return true;
}

bool health_judge(const struct health_check *check, const char *bank_path, int bank_fd,
		  uint64_t size, struct err *err)
{
	switch (check->kind) {
	case HEALTH_UIMAGE_MULTI:
		return health_uimage(bank_fd, size, err);
	case HEALTH_COMMAND:
		return run_program(check, bank_path, size, err);
	case HEALTH_NONE:
	case HEALTH_KINDS:
		break;
	}
	return true;
}
