/* SPDX-License-Identifier: Apache-2.0 */
/* What does this foreign program say, and how does it end? For tests. */

#include "tests/support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOT_STARTED = 127 };

struct run {
	pid_t pid;
	int in;	 /* we write the program's input here; -1 when done */
	int out; /* and read its output here; -1 at its end */
	const char *input;
	char *output;
	size_t output_bytes;
	size_t output_used;
};

static void note(struct run *run, const char *words)
{
	size_t left = run->output_bytes - run->output_used;

	if (left > 1)
		snprintf(run->output + run->output_used, left, "%s", words);
}

static void child(const char *const argv[], const int in[2], const int out[2])
{
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
	    dup2(out[1], STDERR_FILENO) < 0)
		_exit(NOT_STARTED);
	/* In a group of its own, so that its children can be ended with it. */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	/* exec takes pointers to char for historical reasons and changes nothing. */
	union {
		const char *const *ours;
		char *const *theirs;
	} arguments = {.ours = argv};
	execvp(argv[0], arguments.theirs);
	_exit(NOT_STARTED);
}

static bool start(struct run *run, const char *const argv[])
{
	int in[2];
	int out[2];

	if (pipe(in) != 0)
		return false;
	if (pipe(out) != 0) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	run->pid = fork();
	if (run->pid == 0)
		child(argv, in, out);
	close(in[0]);
	close(out[1]);
	run->in = in[1];
	run->out = out[0];
	fcntl(run->in, F_SETFL, O_NONBLOCK);
	return run->pid > 0;
}

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(struct run *run)
{
	size_t left = strlen(run->input);
	ssize_t written = left ? write(run->in, run->input, left) : 0;

	if (written > 0)
		run->input += written;
	if (*run->input == '\0' || (written < 0 && errno != EAGAIN && errno != EINTR))
		close_once(&run->in);
}

static void drain(struct run *run)
{
	char buffer[4096];
	ssize_t got = read(run->out, buffer, sizeof(buffer));

	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0) {
		close_once(&run->out);
		return;
	}
	size_t left = run->output_bytes - 1 - run->output_used;
	size_t part = (size_t)got < left ? (size_t)got : left;
	memcpy(run->output + run->output_used, buffer, part);
	run->output_used += part;
	run->output[run->output_used] = '\0';
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until both ends are closed; false when its time is over. */
static bool converse(struct run *run)
{
	long long end = now_ms() + PROCESS_SECONDS * 1000LL;

	while (run->out >= 0) {
		/* A negative descriptor is one that poll leaves out. */
		struct pollfd ends[] = {{.fd = run->in, .events = POLLOUT},
					{.fd = run->out, .events = POLLIN}};
		long long left = end - now_ms();
		if (left <= 0)
			return false;
		if (poll(ends, 2, (int)left) < 0 && errno != EINTR)
			return false;
		if (ends[0].revents)
			feed(run);
		if (ends[1].revents)
			drain(run);
	}
	return true;
}

bool process_run(const char *const argv[], const char *stdin_text, int *exit_code, char *output,
		 size_t output_bytes)
{
	struct run run = {.pid = -1,
			  .in = -1,
			  .out = -1,
			  .input = stdin_text ? stdin_text : "",
			  .output = output,
			  .output_bytes = output_bytes};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	int status = 0;

	output[0] = '\0';
	sigaction(SIGPIPE, &ignore, &before);
	bool good = start(&run, argv) && converse(&run);
	close_once(&run.in);
	close_once(&run.out);
	if (run.pid > 0 && !good)
		kill(-run.pid, SIGKILL);
	while (run.pid > 0 && waitpid(run.pid, &status, 0) < 0 && errno == EINTR)
		continue;
	sigaction(SIGPIPE, &before, NULL);
	if (!good || !WIFEXITED(status)) {
		note(&run, good ? "[ended by a signal]" : "[not started, or out of time]");
		return false;
	}
	if (WEXITSTATUS(status) == NOT_STARTED) {
		note(&run, "[not started]");
		return false;
	}
	*exit_code = WEXITSTATUS(status);
	return true;
}
