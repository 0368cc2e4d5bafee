/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about the commands: on the screen and in the manual page, from the one table. */

#include "service/ctl/commands.h"

#include <ctype.h>
#include <string.h>

enum { WIDTH = 98, INDENT = 4, WORDS_WIDTH = 20, HELP_WORDS_MAX = 8 };

static const char about[] =
	"The command line of Countersign: releases, records, signatures, gates, campaigns and evidence, over "
	"the service's REST API. Personal keys sign here, on this machine; what is signed is recomputed and shown first.";

struct entry {
	const char *words;
	const char *help;
};

static const struct entry options[] = {
	{"--url URL", "Address of the service, https://HOST:PORT. Else COUNTERSIGN_URL, else "
		      "where the session was made."},
	{"--ca FILE", "Authority that the service's certificate is checked against (PEM). Else "
		      "COUNTERSIGN_CA, else as the session was made, else the system's."},
	{"--session FILE", "Where the session is kept. Else COUNTERSIGN_SESSION, else "
			   "$XDG_STATE_HOME/countersign/session or "
			   "~/.local/state/countersign/session."},
	{"--json", "Print the answer as JSON, for programs."},
	{"--help", "Explain the command instead of doing it."},
};

static const struct entry exits[] = {
	{"0", "Done."},
	{"1",
	 "Refused, or it failed; standard error says why in one sentence, with the error's code. For "
	 "gate show: the gate is closed."},
	{"2", "The command or its input is wrong; nothing was done."},
	{"3", "The service, or something that it needs, is away; the same command may work later."},
	{"70", "A defect of Countersign."},
};

/* ---- on the screen ---- */

/* One paragraph, words kept whole. */
static void print_paragraph(FILE *stream, const char *text, size_t length, int indent)
{
	size_t at = 0;
	int column = 0;

	while (at < length) {
		size_t word = strcspn(text + at, " \n");
		word = word < length - at ? word : length - at;
		if (column > 0 && column + 1 + (int)word > WIDTH) {
			fputc('\n', stream);
			column = 0;
		}
		column += column > 0 ? fprintf(stream, " %.*s", (int)word, text + at)
				     : fprintf(stream, "%*s%.*s", indent, "", (int)word, text + at);
		at += word;
		at += at < length;
	}
	fputc('\n', stream);
}

static void print_paragraphs(FILE *stream, const char *text, int indent)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		print_paragraph(stream, text, length, indent);
		text += length + (text[length] == '\n');
	}
}

static void print_line(FILE *stream, const struct command *command)
{
	fprintf(stream, "    %-*s %.*s\n", WORDS_WIDTH, command->words,
		(int)strcspn(command->help, "\n"), command->help);
}

void command_help(FILE *stream, const struct command *command)
{
	fprintf(stream, "countersign %s%s%s\n\n", command->words, command->synopsis[0] ? " " : "",
		command->synopsis);
	print_paragraphs(stream, command->help, INDENT);
	if (command->needs_session)
		fputs("\n    Somebody has to be logged in.\n", stream);
	fputs("\nAlso: " COMMAND_OPTIONS "\n", stream);
}

bool command_help_group(FILE *stream, const char *const *words, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < command_count && count > 0; i++) {
		size_t length = strlen(words[0]);
		if (strncmp(commands[i].words, words[0], length) != 0 ||
		    commands[i].words[length] != ' ')
			continue;
		print_line(stream, &commands[i]);
		any = true;
	}
	return any;
}

void command_help_all(FILE *stream)
{
	fputs("countersign COMMAND ...\n\n", stream);
	print_paragraphs(stream, about, 0);
	fputs("\nCommands (countersign help COMMAND explains one):\n", stream);
	for (size_t i = 0; i < command_count; i++)
		print_line(stream, &commands[i]);
	fputs("\nOptions of every command:\n", stream);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		fprintf(stream, "    %s\n", options[i].words);
		print_paragraphs(stream, options[i].help, 2 * INDENT);
	}
	fputs("\nExit codes:\n", stream);
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		fprintf(stream, "    %s\n", exits[i].words);
		print_paragraphs(stream, exits[i].help, 2 * INDENT);
	}
}

/* ---- the manual page ---- */

/* Text for man(7): a hyphen that may be typed, no line that begins like a request. */
static void put_roff(FILE *stream, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\')
			fputs("\\e", stream);
		else if (text[i] == '-')
			fputs("\\-", stream);
		else if ((text[i] == '.' || text[i] == '\'') && (i == 0 || text[i - 1] == '\n'))
			fprintf(stream, "\\&%c", text[i]);
		else
			fputc(text[i], stream);
	}
}

static void page_entries(FILE *stream, const struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs(".TP\n.B ", stream);
		put_roff(stream, entries[i].words, strlen(entries[i].words));
		fputc('\n', stream);
		put_roff(stream, entries[i].help, strlen(entries[i].help));
		fputc('\n', stream);
	}
}

static void page_command(FILE *stream, const struct command *command)
{
	const char *help = command->help;

	fputs(".TP\n.BR \"", stream);
	put_roff(stream, command->words, strlen(command->words));
	fputc('"', stream);
	if (command->synopsis[0]) {
		fputs(" \" ", stream);
		put_roff(stream, command->synopsis, strlen(command->synopsis));
		fputc('"', stream);
	}
	fputc('\n', stream);
	for (bool first = true; *help; first = false) {
		size_t length = strcspn(help, "\n");
		fputs(first ? "" : ".IP\n", stream);
		put_roff(stream, help, length);
		fputs(first ? ".\n" : "\n", stream);
		help += length + (help[length] == '\n');
	}
	if (command->needs_session)
		fputs("Somebody has to be logged in.\n", stream);
}

void command_help_page(FILE *stream)
{
	fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n"
	      ".\\\" Made by: countersign help --page\n"
	      ".TH COUNTERSIGN 1 \"\" \"Countersign\" \"User Commands\"\n"
	      ".SH NAME\ncountersign \\- command line of Countersign\n"
	      ".SH SYNOPSIS\n.B countersign\n.I COMMAND\n.RI [ OPTION ...]\n"
	      ".SH DESCRIPTION\n",
	      stream);
	put_roff(stream, about, strlen(about));
	fputs("\n.SH COMMANDS\n", stream);
	for (size_t i = 0; i < command_count; i++)
		page_command(stream, &commands[i]);
	fputs(".SH OPTIONS OF EVERY COMMAND\n", stream);
	page_entries(stream, options, sizeof(options) / sizeof(options[0]));
	fputs(".SH EXIT STATUS\n", stream);
	page_entries(stream, exits, sizeof(exits) / sizeof(exits[0]));
	fputs(".SH SEE ALSO\n.BR countersign\\-verify (1),\n.BR countersign\\-agent (1),\n"
	      ".BR countersignd (8),\n.BR countersign\\-keeper (8)\n",
	      stream);
}

/* ---- countersign help ---- */

bool ctl_help(struct ctl *ctl, struct err *err)
{
	size_t count;
	size_t used;
	const char *const *words = arguments_list(ctl->arena, &ctl->arguments, "WORD", &count);

	if (ctl_has(ctl, "--page")) {
		command_help_page(stdout);
		return true;
	}
	const struct command *command = command_find(words, count, &used);
	if (count == 0)
		command_help_all(stdout);
	else if (command && used == count)
		command_help(stdout, command);
	else if (count > 1 || !command_help_group(stdout, words, count))
		return err_fail(err, E_USAGE,
				"There is no such command; countersign help lists them");
	return true;
}
