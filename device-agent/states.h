/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_STATES_H
#define DEVICE_AGENT_STATES_H

/*
 * An attempt on this device as a table: which step follows which on what. Every step is on disk
 * before the act that it names begins, so that after a cut the agent knows what may have happened:
 *
 *   downloading  the idle bank is being written; its content means nothing
 *   downloaded   read back and found good; the bank is not bootable
 *   arming       leave to activate was given; the boot record may or may not be written
 *   testing      the boot record puts the new bank on trial
 *   confirming   the new bank runs and proved healthy; the boot record may or may not be written
 *   going-back   the new bank runs and is bad; the boot record may or may not be written
 *   closing      the report is made and signed, and is sent until it is acknowledged
 */

#include "common/err.h"

enum step {
#define STEP(name, word) name,
#include "device-agent/states.def"
#undef STEP
	STEPS
};

enum turn {
	TURN_BEGIN,	/* papers and an install lease hold; also for a resumed download */
	TURN_VERIFIED,	/* the idle bank reads back as the manifest says */
	TURN_LEAVE,	/* an activate lease holds */
	TURN_ARMED,	/* the boot record puts the new bank on trial */
	TURN_NOT_ARMED, /* found after a cut: it does not */
	TURN_HEALTHY,
	TURN_UNHEALTHY,
	TURN_REPORTED, /* the attempt has an end, and a report says it */
	TURN_DROPPED, /* canceled, or another action came: nothing is installed, nothing to report */
	TURN_CLOSED,  /* everything is acknowledged */
	TURNS
};

extern const char *const states_words[STEPS + 1]; /* NULL-ended */
const char *states_word(enum step step);
enum step states_of(const char *word); /* STEP_NONE for NULL */
const char *states_turn_word(enum turn turn);

/* E_BUG: this cannot follow. */
MUST_CHECK bool states_next(enum step from, enum turn turn, enum step *out, struct err *err);

#endif
