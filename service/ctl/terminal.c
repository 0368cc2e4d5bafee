/* SPDX-License-Identifier: Apache-2.0 */
/* What does the person say, and what do they see while they wait: for commands that ask or last. */

#include "service/ctl/terminal.h"

#include "common/digest.h"
#include "common/file.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { WORDS_ARENA = 64 * 1024 };
#define REDRAW (CLOCK_SECOND / 10)

/* ---- questions ---- */

static int open_terminal(void)
{
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void say(int tty, const char *words)
{
	struct err ignored = {0};

	if (!file_write_all(tty, bytes_of_text(words), &ignored))
		err_clear(&ignored);
}

/* One key at a time, because the terminal does no editing now: it is told neither to echo nor to
 * turn keys into signals, so no signal can leave it without echo. */
static bool read_keys(int tty, char *line, size_t room)
{
	size_t used = 0;
	char key;

	while (read(tty, &key, 1) == 1) {
		if (key == '\r' || key == '\n') {
			line[used] = '\0';
			return true;
		}
		if (key == 3 || (key == 4 && used == 0)) /* ^C, ^D */
			return false;
		if (key == 127 || key == 8)
			used -= used > 0;
		else if (key == 21) /* ^U */
			used = 0;
		else if (used + 1 < room)
			line[used++] = key;
	}
	return false;
}

bool terminal_password(struct arena *arena, const char *prompt, char **out, struct err *err)
{
	char line[PASSWORD_MAX + 2];
	struct termios before;
	int tty = open_terminal();

	if (tty < 0 || tcgetattr(tty, &before) != 0) {
		if (tty >= 0)
			close(tty);
		return err_fail(err, E_INPUT,
				"There is no terminal to ask for the password on; say "
				"--password-file FILE");
	}
	struct termios silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	/* Silent before the prompt: what is typed once it stands is neither shown nor thrown away. */
	tcsetattr(tty, TCSAFLUSH, &silent);
	say(tty, prompt);
	bool given = read_keys(tty, line, sizeof(line));
	tcsetattr(tty, TCSAFLUSH, &before);
	say(tty, "\n");
	close(tty);
	if (given)
		*out = arena_text(arena, line);
	digest_forget(line, sizeof(line));
	return given || err_fail(err, E_INPUT, "No password was given; nothing was done");
}

bool terminal_secret(struct arena *arena, const char *file, const char *prompt, bool twice,
		     char **out, struct err *err)
{
	char *again = NULL;

	if (file)
		return file_read_line(arena, file, out, err);
	if (!terminal_password(arena, prompt, out, err))
		return false;
	if (!twice)
		return true;
	if (!terminal_password(arena, "The same again: ", &again, err))
		return false;
	bool same = strcmp(again, *out) == 0;
	digest_forget(again, strlen(again));
	return same || err_fail(err, E_INPUT, "The two differ; nothing was done");
}

bool terminal_confirm(const char *question, bool *yes, struct err *err)
{
	int tty = open_terminal();
	char line[16] = "";
	size_t used = 0;
	char key;

	if (tty < 0)
		return err_fail(err, E_INPUT,
				"There is no terminal to ask for your consent on; say --yes if you "
				"mean it");
	say(tty, question);
	say(tty, " [y/N] ");
	while (read(tty, &key, 1) == 1 && key != '\n') {
		if (used + 1 < sizeof(line))
			line[used++] = key;
	}
	close(tty);
	*yes = strcmp(line, "y") == 0 || strcmp(line, "Y") == 0 || strcmp(line, "yes") == 0;
	return true;
}

/* ---- progress ---- */

static double mib(uint64_t bytes)
{
	return (double)bytes / (1024.0 * 1024.0);
}

char *progress_words(struct arena *arena, const char *what, uint64_t done, uint64_t total,
		     clock_us elapsed)
{
	struct text words;
	int percent = done < total ? (int)((double)done * 100.0 / (double)total) : 100;

	text_init(&words, arena, 400);
	text_add(&words, text_printable(arena, bytes_of_text(what), 100));
	if (total < 1024 * 1024)
		text_addf(&words, "  %d %%  %" PRIu64 " of %" PRIu64 " bytes", percent, done,
			  total);
	else
		text_addf(&words, "  %d %%  %.1f of %.1f MiB", percent, mib(done), mib(total));
	if (elapsed < CLOCK_SECOND || done == 0)
		return words.at;
	double rate = (double)done * 1e6 / (double)elapsed;
	text_addf(&words, "  %.1f MiB/s", rate / (1024.0 * 1024.0));
	if (done < total)
		text_addf(&words, ", %.0f s left", (double)(total - done) / rate);
	return words.at;
}

void progress_begin(struct progress *progress, const char *what, uint64_t total, bool quiet)
{
	*progress = (struct progress){
		.what = what,
		.total = total,
		.began = clock_boot(),
		.terminal = isatty(STDERR_FILENO) == 1,
		.quiet = quiet,
	};
}

void progress_show(struct progress *progress, uint64_t done)
{
	clock_us now = clock_boot();
	int tenth = progress->total ? (int)((double)done * 10.0 / (double)progress->total) : 10;
	bool finished = done >= progress->total;

	if (progress->quiet || tenth < progress->tenth)
		return;
	if (progress->terminal ? !finished && now - progress->shown < REDRAW
			       : tenth == progress->tenth && !(finished && progress->tenth == 0))
		return;
	if (progress->tenth > 10) /* told to the end */
		return;
	struct arena *arena = arena_new(WORDS_ARENA);
	const char *words =
		progress_words(arena, progress->what, done, progress->total, now - progress->began);
	fprintf(stderr, "%s%s%s", progress->terminal ? "\r\033[K" : "", words,
		progress->terminal ? "" : "\n");
	arena_free(arena);
	progress->shown = now;
	progress->tenth = finished ? 11 : tenth;
}

void progress_end(struct progress *progress)
{
	if (!progress->quiet && progress->terminal && progress->shown > 0)
		fputs("\n", stderr);
}
