/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* posix_openpt, grantpt, unlockpt, ptsname */
/*
 * What is said about how far a long step has come? And on a real terminal: are passwords read without
 * being shown, questions answered, and is the terminal as it was afterwards?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/ctl/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MIB (UINT64_C(1024) * 1024)

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_progress_words__tells_percent_bytes_and_time(void **state)
{
	static const struct {
		uint64_t done, total;
		clock_us elapsed;
		const char *words;
	} cases[] = {
		{0, 46 * MIB, 0, "a  0 %  0.0 of 46.0 MiB"},
		{0, 46 * MIB, 5 * CLOCK_SECOND, "a  0 %  0.0 of 46.0 MiB"},
		{23 * MIB, 46 * MIB, CLOCK_SECOND / 2, "a  50 %  23.0 of 46.0 MiB"},
		{20 * MIB, 40 * MIB, 2 * CLOCK_SECOND,
		 "a  50 %  20.0 of 40.0 MiB  10.0 MiB/s, 2 s left"},
		{46 * MIB - 1, 46 * MIB, 0, "a  99 %  46.0 of 46.0 MiB"},
		{46 * MIB, 46 * MIB, 2 * CLOCK_SECOND, "a  100 %  46.0 of 46.0 MiB  23.0 MiB/s"},
		{5, 10, 0, "a  50 %  5 of 10 bytes"},
		{0, 0, 0, "a  100 %  0 of 0 bytes"},
		{UINT64_MAX / 2, UINT64_MAX, 0, "a  50 %  8796093022208.0 of 17592186044416.0 MiB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
			progress_words(arena, "a", cases[i].done, cases[i].total, cases[i].elapsed),
			cases[i].words);
}

static void test_progress_words__shows_names_without_their_control_characters(void **state)
{
	(void)state;
	assert_null(strchr(progress_words(arena, "a\033[2J", 1, 2, 0), '\033'));
}

/* ---- a terminal ---- */

enum { SCREEN_BYTES = 4096, WAIT_MS = 10000 };

/* What a process in front of a terminal does: writes its finding as a line. */
typedef void (*in_front)(char *finding, size_t bytes);

static const char *echo_state(void)
{
	struct termios now;
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY);
	bool echo = tty >= 0 && tcgetattr(tty, &now) == 0 && (now.c_lflag & ECHO) &&
		    (now.c_lflag & ICANON) && (now.c_lflag & ISIG);

	if (tty >= 0)
		close(tty);
	return echo ? "as before" : "changed";
}

static void ask_password(char *finding, size_t bytes)
{
	struct err err = {0};
	char *password = NULL;
	bool given = terminal_password(arena, "Password: ", &password, &err);

	snprintf(finding, bytes, "%s, terminal %s", given ? password : err_code_text(err.code),
		 echo_state());
}

static void ask_twice(char *finding, size_t bytes)
{
	struct err err = {0};
	char *password = NULL;
	bool given = terminal_secret(arena, NULL, "Password: ", true, &password, &err);

	snprintf(finding, bytes, "%s", given ? password : err_code_text(err.code));
}

static void ask_consent(char *finding, size_t bytes)
{
	struct err err = {0};
	bool yes = false;
	bool asked = terminal_confirm("Sign this?", &yes, &err);

	snprintf(finding, bytes, "%s", !asked ? err_code_text(err.code) : yes ? "yes" : "no");
}

/* terminal NULL: a process that has none. */
static void child(const char *terminal, in_front act, int tell)
{
	char finding[512] = "";

	if (setsid() < 0 || (terminal && open(terminal, O_RDWR) < 0))
		_exit(1);
	act(finding, sizeof(finding));
	_exit(write(tell, finding, strlen(finding)) < 0);
}

static size_t read_some(int from, char *out, size_t used, size_t room)
{
	struct pollfd ready = {.fd = from, .events = POLLIN};

	assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
	ssize_t got = read(from, out + used, room - used - 1);
	used += got > 0 ? (size_t)got : 0;
	out[used] = '\0';
	return used;
}

/* Types the keys, each line once its prompt is there; the finding and all that was on the screen. */
static void in_front_of_terminal(in_front act, const char *prompt, const char *const *lines,
				 char finding[512], char screen[SCREEN_BYTES])
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	int tell[2];
	size_t seen = 0;
	size_t used = 0;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	const char *terminal = ptsname(master);
	assert_true(terminal && pipe(tell) == 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(master); /* so that it ends with us */
		child(terminal, act, tell[1]);
	}
	screen[0] = '\0';
	for (; *lines; lines++) {
		while (!strstr(screen + seen, prompt))
			used = read_some(master, screen, used, SCREEN_BYTES);
		seen = used;
		assert_int_equal(write(master, *lines, strlen(*lines)), strlen(*lines));
		prompt = "again: ";
	}
	read_some(tell[0], finding, 0, 512);
	read_some(master, screen, used, SCREEN_BYTES);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(master);
	close(tell[0]);
	close(tell[1]);
}

static void test_terminal_password__reads_without_showing(void **state)
{
	static const struct {
		const char *keys, *finding;
	} cases[] = {
		{"correct horse\n", "correct horse, terminal as before"},
		{"correct hors\177se\n", "correct horse, terminal as before"},
		{"wrong\025correct horse\r", "correct horse, terminal as before"},
		{"\177\177correct horse\n", "correct horse, terminal as before"},
		{"correct h\003", "input.invalid, terminal as before"},
		{"\004", "input.invalid, terminal as before"},
	};
	char finding[512];
	char screen[SCREEN_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		in_front_of_terminal(ask_password,
				     "Password: ", (const char *const[]){cases[i].keys, NULL},
				     finding, screen);
		assert_string_equal(finding, cases[i].finding);
		assert_null(strstr(screen, "corr"));
		assert_null(strstr(screen, "wrong"));
	}
}

static void test_terminal_secret__asks_twice(void **state)
{
	char finding[512];
	char screen[SCREEN_BYTES];

	(void)state;
	in_front_of_terminal(ask_twice, "Password: ",
			     (const char *const[]){"correct horse\n", "correct horse\n", NULL},
			     finding, screen);
	assert_string_equal(finding, "correct horse");
	in_front_of_terminal(ask_twice, "Password: ",
			     (const char *const[]){"correct horse\n", "correct house\n", NULL},
			     finding, screen);
	assert_string_equal(finding, "input.invalid");
}

static void test_terminal_confirm__takes_only_a_yes(void **state)
{
	static const struct {
		const char *keys, *finding;
	} cases[] = {
		{"y\n", "yes"}, {"yes\n", "yes"}, {"Y\n", "yes"},
		{"n\n", "no"},	{"\n", "no"},	  {"yep\n", "no"},
		{" y\n", "no"}, {"no\n", "no"},	  {"y and a lot more than fits\n", "no"},
	};
	char finding[512];
	char screen[SCREEN_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		in_front_of_terminal(ask_consent, "[y/N] ",
				     (const char *const[]){cases[i].keys, NULL}, finding, screen);
		assert_string_equal(finding, cases[i].finding);
	}
}

static void test_terminal__says_when_there_is_none(void **state)
{
	static const in_front acts[] = {ask_password, ask_consent};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		char finding[512];
		int tell[2];
		assert_int_equal(pipe(tell), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child(NULL, acts[i], tell[1]);
		read_some(tell[0], finding, 0, sizeof(finding));
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(strncmp(finding, "input.invalid", 13), 0);
		close(tell[0]);
		close(tell[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress_words__tells_percent_bytes_and_time),
		cmocka_unit_test(test_progress_words__shows_names_without_their_control_characters),
		cmocka_unit_test(test_terminal_password__reads_without_showing),
		cmocka_unit_test(test_terminal_secret__asks_twice),
		cmocka_unit_test(test_terminal_confirm__takes_only_a_yes),
		cmocka_unit_test(test_terminal__says_when_there_is_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
