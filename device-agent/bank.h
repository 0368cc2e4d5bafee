/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_BANK_H
#define DEVICE_AGENT_BANK_H

/*
 * Two banks behind five functions, and one to give up. A boot chain is a struct bank_chain; the rest
 * of the agent knows no other way to a bank.
 *
 * What a boot chain promises:
 *   - it boots `trial` while that has tries left, and takes one try away before it starts it;
 *   - else it boots `active`;
 *   - arm, confirm and give_up are each one atomic change: a cut leaves the record before or after.
 * A trial that used up its tries stays in the record with tries 0 until the old bank, running again,
 * confirms itself: that is how the agent knows that a test failed and was not merely never begun.
 */

#include "common/err.h"

#include <stdint.h>

enum bank_name { BANK_A, BANK_B, BANK_COUNT };

struct bank_view {
	enum bank_name running; /* this boot came from here */
	enum bank_name active;	/* boots when nothing is on trial */
	bool on_trial;		/* a bank is, or was, on trial */
	enum bank_name trial;	/* which */
	int tries;		/* boots the trial still has; 0 and running elsewhere: it failed */
	uint64_t size_bytes[BANK_COUNT]; /* what can be read */
	uint64_t room_bytes[BANK_COUNT]; /* what can be written */
};

struct bank_chain {
	void *self;
	MUST_CHECK bool (*describe)(void *self, struct bank_view *out, struct err *err);
	/* A descriptor (the caller closes it) for writing into the bank that does not run.
	 * E_AGENT_BANK_BUSY while a trial is in the record: that bank, or the old one, may boot. */
	MUST_CHECK bool (*open_idle)(void *self, int *fd, struct err *err);
	/* A descriptor (the caller closes it) for reading either bank. */
	MUST_CHECK bool (*open_read)(void *self, enum bank_name bank, int *fd, struct err *err);
	/* Put the idle bank on trial, with this many tries (1 to 9). */
	MUST_CHECK bool (*arm)(void *self, int tries, struct err *err);
	/* The running bank becomes the active one, nothing is on trial. */
	MUST_CHECK bool (*confirm)(void *self, struct err *err);
	/* No more tries: the next boot takes the active bank. */
	MUST_CHECK bool (*give_up)(void *self, struct err *err);
};

static inline enum bank_name bank_other(enum bank_name bank)
{
	return bank == BANK_A ? BANK_B : BANK_A;
}

static inline const char *bank_word(enum bank_name bank)
{
	return bank == BANK_A ? "A" : "B";
}

/*
 * The chain of the simulated board and of boards with a boot record in a file: bank_file.c. Banks
 * are block devices, or files, which may grow to grow_bytes; `running` is "A" or "B", as the boot
 * loader passed it in the environment variable BANK.
 */
struct arena;
struct bank_file_settings {
	const char *bank[BANK_COUNT]; /* paths */
	const char *boot;	      /* path of the boot record */
	const char *running;
	uint64_t grow_bytes;
};
MUST_CHECK bool bank_file_open(struct arena *arena, const struct bank_file_settings *settings,
			       struct bank_chain *out, struct err *err);

#endif
