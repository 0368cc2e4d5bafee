/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_TERMINAL_H
#define SERVICE_CTL_TERMINAL_H

/*
 * The person in front of the screen: passwords without echo, yes or no, and how far a long step has
 * come. Questions go to the terminal itself, so they work while input and output are redirected.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"

#include <stdint.h>

/* E_INPUT: there is no terminal, or the person gave up. The caller forgets it (digest_forget). */
MUST_CHECK bool terminal_password(struct arena *arena, const char *prompt, char **out,
				  struct err *err);
/* From this file when it is not NULL, else asked for; asked twice when `twice`. */
MUST_CHECK bool terminal_secret(struct arena *arena, const char *file, const char *prompt,
				bool twice, char **out, struct err *err);
/* E_INPUT: there is no terminal to ask on; --yes answers beforehand. Anything but "y" or "yes" is
 * no. */
MUST_CHECK bool terminal_confirm(const char *question, bool *yes, struct err *err);

/* On standard error: a line that is drawn again on a terminal, else one line per tenth. */
struct progress {
	const char *what;
	uint64_t total; /* bytes */
	clock_us began, shown;
	int tenth;
	bool terminal, quiet;
};
void progress_begin(struct progress *progress, const char *what, uint64_t total, bool quiet);
void progress_show(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

/* "image.bin  45 %  20.5 of 46.0 MiB  12.3 MiB/s, 2 s left"; pure. After 1 s the rest is told, too. */
char *progress_words(struct arena *arena, const char *what, uint64_t done, uint64_t total,
		     clock_us elapsed);

#endif
