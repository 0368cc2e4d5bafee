/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may follow what in an attempt on this device? The table; tests/unit/device-agent/test_states.c
 * goes through every step and every turn.
 */

#include "device-agent/states.h"

#include <string.h>

const char *const states_words[STEPS + 1] = {
#define STEP(name, word) word,
#include "device-agent/states.def"
#undef STEP
	NULL,
};

static const char *const turn_words[TURNS] = {
	"begin",   "verified",	"leave",    "armed",   "not-armed",
	"healthy", "unhealthy", "reported", "dropped", "closed",
};

/* clang-format off */
static const struct {
	enum step from;
	enum turn turn;
	enum step to;
} table[] = {
	{STEP_NONE,        TURN_BEGIN,     STEP_DOWNLOADING},
	{STEP_NONE,        TURN_REPORTED,  STEP_CLOSING}, /* refused before a byte came */
	{STEP_DOWNLOADING, TURN_BEGIN,     STEP_DOWNLOADING}, /* resumed under a new lease */
	{STEP_DOWNLOADING, TURN_VERIFIED,  STEP_DOWNLOADED},
	{STEP_DOWNLOADING, TURN_REPORTED,  STEP_CLOSING},
	{STEP_DOWNLOADING, TURN_DROPPED,   STEP_NONE},
	{STEP_DOWNLOADED,  TURN_LEAVE,     STEP_ARMING},
	{STEP_DOWNLOADED,  TURN_REPORTED,  STEP_CLOSING},
	{STEP_DOWNLOADED,  TURN_DROPPED,   STEP_NONE},
	{STEP_ARMING,      TURN_ARMED,     STEP_TESTING},
	{STEP_ARMING,      TURN_NOT_ARMED, STEP_DOWNLOADED},
	{STEP_TESTING,     TURN_HEALTHY,   STEP_CONFIRMING},
	{STEP_TESTING,     TURN_UNHEALTHY, STEP_GOING_BACK},
	{STEP_TESTING,     TURN_REPORTED,  STEP_CLOSING}, /* the boot loader went back by itself */
	{STEP_CONFIRMING,  TURN_REPORTED,  STEP_CLOSING},
	{STEP_GOING_BACK,  TURN_REPORTED,  STEP_CLOSING},
	{STEP_CLOSING,     TURN_CLOSED,    STEP_NONE},
};
/* clang-format on */

const char *states_word(enum step step)
{
	return (size_t)step < STEPS ? states_words[step] : "?";
}

enum step states_of(const char *word)
{
	for (size_t i = 0; word != NULL && i < STEPS; i++)
		if (strcmp(word, states_words[i]) == 0)
			return (enum step)i;
	return STEP_NONE;
}

const char *states_turn_word(enum turn turn)
{
	return (size_t)turn < TURNS ? turn_words[turn] : "?";
}

bool states_next(enum step from, enum turn turn, enum step *out, struct err *err)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].from == from && table[i].turn == turn) {
			*out = table[i].to;
			return true;
		}
	return err_fail(err, E_BUG, "an attempt that is %s cannot become %s", states_word(from),
			states_turn_word(turn));
}
