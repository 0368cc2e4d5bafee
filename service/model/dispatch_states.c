/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a deployment go from here? For dispatch, report and proof, which ask nothing else. */

#include "service/model/dispatch_states.h"

#include <stddef.h>
#include <string.h>

static const char *const state_words[DEPLOYMENT_STATES] = {
	[DEPLOYMENT_QUEUED] = "queued",		  [DEPLOYMENT_OFFERED] = "offered",
	[DEPLOYMENT_DOWNLOADING] = "downloading", [DEPLOYMENT_DOWNLOADED] = "downloaded",
	[DEPLOYMENT_INSTALLING] = "installing",	  [DEPLOYMENT_TESTING] = "testing",
	[DEPLOYMENT_CONFIRMED] = "confirmed",	  [DEPLOYMENT_FAILED] = "failed",
	[DEPLOYMENT_ROLLED_BACK] = "rolled_back", [DEPLOYMENT_REJECTED] = "rejected",
	[DEPLOYMENT_CANCELED] = "canceled",	  [DEPLOYMENT_TIMED_OUT] = "timed_out",
	[DEPLOYMENT_UNPROVEN] = "unproven",
};
static const char *const event_words[DISPATCH_EVENTS] = {
	[DISPATCH_OFFERED] = "offered",
	[DISPATCH_FETCHED] = "fetched",
	[DISPATCH_DOWNLOADING] = "downloading",
	[DISPATCH_DOWNLOADED] = "downloaded",
	[DISPATCH_PROCEEDING] = "proceeding",
	[DISPATCH_REMARK] = "remark",
	[DISPATCH_SAID_DONE] = "said-done",
	[DISPATCH_CLAIMED] = "claimed",
	[DISPATCH_GAVE_UP] = "gave-up",
	[DISPATCH_PROVED_CONFIRMED] = "proved-confirmed",
	[DISPATCH_PROVED_FAILED] = "proved-failed",
	[DISPATCH_PROVED_ROLLED_BACK] = "proved-rolled-back",
	[DISPATCH_PROVED_REJECTED] = "proved-rejected",
	[DISPATCH_CALLED_OFF] = "called-off",
};

#define OF(state) (1u << (state))
/* Begun, and not ended. */
#define UNDER_WAY                                                                          \
	(OF(DEPLOYMENT_OFFERED) | OF(DEPLOYMENT_DOWNLOADING) | OF(DEPLOYMENT_DOWNLOADED) | \
	 OF(DEPLOYMENT_INSTALLING) | OF(DEPLOYMENT_TESTING))
/* Ends that may have been only said: a signed report that comes later is the truth. */
#define SAID_END                                                                      \
	(OF(DEPLOYMENT_CONFIRMED) | OF(DEPLOYMENT_FAILED) | OF(DEPLOYMENT_CANCELED) | \
	 OF(DEPLOYMENT_TIMED_OUT) | OF(DEPLOYMENT_UNPROVEN))

static const struct {
	unsigned from; /* states, as bits */
	enum dispatch_event event;
	enum deployment_state to;
} table[] = {
	/* clang-format off */
	{OF(DEPLOYMENT_QUEUED),		DISPATCH_OFFERED,	DEPLOYMENT_OFFERED},

	/* Bytes and words come side by side, on two connections. */
	{OF(DEPLOYMENT_OFFERED),	DISPATCH_FETCHED,	DEPLOYMENT_DOWNLOADING},
	{OF(DEPLOYMENT_OFFERED),	DISPATCH_DOWNLOADING,	DEPLOYMENT_DOWNLOADING},
	{OF(DEPLOYMENT_DOWNLOADING),	DISPATCH_DOWNLOADED,	DEPLOYMENT_DOWNLOADED},
	{OF(DEPLOYMENT_DOWNLOADED),	DISPATCH_PROCEEDING,	DEPLOYMENT_INSTALLING},

	/* For a device that signs, its word alone only leads to the test. */
	{UNDER_WAY,			DISPATCH_SAID_DONE,	DEPLOYMENT_TESTING},

	/* Success without a byte fetched is what some clients say when they pass an offer over. */
	{OF(DEPLOYMENT_OFFERED),	DISPATCH_CLAIMED,	DEPLOYMENT_UNPROVEN},
	{UNDER_WAY,			DISPATCH_CLAIMED,	DEPLOYMENT_CONFIRMED},
	{UNDER_WAY,			DISPATCH_GAVE_UP,	DEPLOYMENT_FAILED},

	{UNDER_WAY | SAID_END,	DISPATCH_PROVED_CONFIRMED,	DEPLOYMENT_CONFIRMED},
	{UNDER_WAY | SAID_END,	DISPATCH_PROVED_FAILED,		DEPLOYMENT_FAILED},
	{UNDER_WAY | SAID_END,	DISPATCH_PROVED_ROLLED_BACK,	DEPLOYMENT_ROLLED_BACK},
	{UNDER_WAY | SAID_END,	DISPATCH_PROVED_REJECTED,	DEPLOYMENT_REJECTED},

	/* What has fetched bytes may be past the point of return: it finishes or goes back. */
	{OF(DEPLOYMENT_QUEUED) | OF(DEPLOYMENT_OFFERED), DISPATCH_CALLED_OFF, DEPLOYMENT_CANCELED},
	/* clang-format on */
};

const char *deployment_state_word(enum deployment_state state)
{
	return state_words[state];
}

enum deployment_state deployment_state_of(const char *word)
{
	int state = 0;

	while (state < DEPLOYMENT_STATES && strcmp(state_words[state], word) != 0)
		state++;
	return (enum deployment_state)state;
}

bool deployment_ended(enum deployment_state state)
{
	return state >= DEPLOYMENT_CONFIRMED;
}

const char *dispatch_event_word(enum dispatch_event event)
{
	return event_words[event];
}

enum deployment_state dispatch_next(enum deployment_state from, enum dispatch_event event)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].event == event && (table[i].from & OF(from)))
			return table[i].to;
	}
	return from;
}
