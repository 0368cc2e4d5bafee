/* SPDX-License-Identifier: Apache-2.0 */
/*
 * countersign: the command line. Finds the command in the table, reads its arguments by its
 * synopsis, knows who is logged in, runs it, and turns an error into one sentence and an exit code.
 */

#include "common/config.h"
#include "common/log.h"
#include "common/text.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Lists and packages are held whole; pages of a list are bounded by call.c. */
#define ARENA_BYTES ((size_t)1024 * 1024 * 1024)
enum { EXIT_OUTPUT = 1 };

struct settings {
	const char *url, *ca, *session;
};

static const struct config_key keys[] = {
	{"url", CONFIG_TEXT, offsetof(struct settings, url), "", "address of the service"},
	{"ca", CONFIG_PATH, offsetof(struct settings, ca), "", "authority of its certificate"},
	{"session", CONFIG_PATH, offsetof(struct settings, session), "", "file of the session"},
};

static const char *without_slash(struct arena *arena, const char *url)
{
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return arena_text_of(arena, bytes_of(url, length));
}

/* Command line, then environment, then what the session was made with. */
static bool settle(struct ctl *ctl, struct err *err)
{
	struct settings settings = {0};
	const char *url = ctl_find(ctl, "--url");

	if (!config_read(ctl->arena, NULL, "COUNTERSIGN", keys, sizeof(keys) / sizeof(keys[0]),
			 &settings, err))
		return false;
	ctl->json = ctl_has(ctl, "--json");
	ctl->session_path = ctl_find(ctl, "--session");
	if (!ctl->session_path)
		ctl->session_path = settings.session;
	/* What needs no service shall not fail over this; call_open and check_session tell it. */
	if (ctl->session_path ||
	    session_default_path(ctl->arena, &ctl->session_path, &ctl->session_trouble)) {
		if (!session_find(ctl->arena, ctl->session_path, &ctl->session,
				  &ctl->session_trouble))
			ctl->session = (struct session){0};
	}
	url = url ? url : settings.url ? settings.url : ctl->session.url;
	ctl->url = url ? without_slash(ctl->arena, url) : NULL;
	ctl->authority = ctl_find(ctl, "--ca");
	if (!ctl->authority)
		ctl->authority = settings.ca ? settings.ca : ctl->session.ca;
	return true;
}

static bool check_session(const struct ctl *ctl, struct err *err)
{
	const struct session *session = &ctl->session;

	if (ctl->session_trouble.code != E_NONE) {
		*err = ctl->session_trouble;
		return false;
	}
	if (!session->token)
		return err_fail(err, E_UNIDENTIFIED,
				"Nobody is logged in; call countersign login PERSON first");
	if (strcmp(session->url, ctl->url) != 0)
		return err_fail(err, E_UNIDENTIFIED,
				"%s is logged in at %s, not at %s; log in there first",
				session->person, session->url, ctl->url);
	if (clock_now() >= session->expires_at)
		return err_fail(err, E_UNIDENTIFIED, "The session is over; log in again");
	return true;
}

/* Options of every command may stand in front of it, too: they are moved behind its words. */
static const char *const *words_first(struct arena *arena, int argc, char **argv, size_t *count)
{
	const char **out = arena_array(arena, (size_t)argc + 1, sizeof(*out));
	int first = 1;

	while (first < argc && argv[first][0] == '-') {
		bool pair = strcmp(argv[first], "--url") == 0 || strcmp(argv[first], "--ca") == 0 ||
			    strcmp(argv[first], "--session") == 0;
		first += pair ? 2 : 1;
	}
	first = first < argc ? first : argc;
	*count = 0;
	for (int i = first; i < argc; i++)
		out[(*count)++] = argv[i];
	/* Behind the words, but in front of a "--" that ends the options. */
	size_t rest = 0;
	while (rest < *count && strcmp(out[rest], "--") != 0)
		rest++;
	memmove(out + rest + first - 1, out + rest, (*count - rest) * sizeof(*out));
	for (int i = 1; i < first; i++)
		out[rest++] = argv[i];
	*count = (size_t)argc - 1;
	return out;
}

static bool run(struct ctl *ctl, const char *const *words, size_t count, struct err *err)
{
	size_t used;
	const struct command *command = command_find(words, count, &used);

	if (!command && command_help_group(stderr, words, count))
		return err_fail(err, E_USAGE, "Which of these?");
	if (!command)
		return err_fail(err, E_USAGE,
				"There is no command '%s'; countersign help lists them",
				text_printable(ctl->arena, bytes_of_text(words[0]), 64));
	if (!arguments_read(ctl->arena, command->synopsis, COMMAND_OPTIONS, words + used,
			    count - used, &ctl->arguments, err))
		return false;
	if (ctl_has(ctl, "--help")) {
		command_help(stdout, command);
		return true;
	}
	return settle(ctl, err) && (!command->needs_session || check_session(ctl, err)) &&
	       command->run(ctl, err);
}

static int failed(const struct err *err)
{
	fprintf(stderr, "countersign: %s (%s)\n", err->text, err_code_text(err->code));
	return err_kind_exit(err_code_kind(err->code));
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct ctl ctl = {.arena = arena};
	struct err err = {0};
	size_t count;
	const char *const *words = words_first(arena, argc, argv, &count);
	int status = 0;

	log_start("countersign", LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	if (count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
		command_help_all(count == 0 ? stderr : stdout);
		status = count == 0 ? 2 : 0;
	} else {
		status = run(&ctl, words, count, &err) ? ctl.status : failed(&err);
	}
	call_close(&ctl);
	arena_free(arena);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "countersign: the output could not be written\n");
		return EXIT_OUTPUT;
	}
	return status;
}
