/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_DISPATCH_STATES_H
#define SERVICE_MODEL_DISPATCH_STATES_H

/*
 * What a deployment goes through, as a table of (from, event, to). An event that has no row for a
 * state changes nothing there: devices repeat themselves, report late and in odd order, and none of
 * that may be an error. Pure.
 */

#include <stdbool.h>

/* The words of the check on deployment.state, in its order. */
enum deployment_state {
	DEPLOYMENT_QUEUED,
	DEPLOYMENT_OFFERED,
	DEPLOYMENT_DOWNLOADING,
	DEPLOYMENT_DOWNLOADED,
	DEPLOYMENT_INSTALLING,
	DEPLOYMENT_TESTING,
	DEPLOYMENT_CONFIRMED, /* from here on: ended */
	DEPLOYMENT_FAILED,
	DEPLOYMENT_ROLLED_BACK,
	DEPLOYMENT_REJECTED,
	DEPLOYMENT_CANCELED,
	DEPLOYMENT_TIMED_OUT,
	DEPLOYMENT_UNPROVEN,
	DEPLOYMENT_STATES
};
const char *deployment_state_word(enum deployment_state state);
/* DEPLOYMENT_STATES if it is none of the words. */
enum deployment_state deployment_state_of(const char *word);
bool deployment_ended(enum deployment_state state);

enum dispatch_event {
	DISPATCH_OFFERED,     /* the device fetched the offer; the gate was open */
	DISPATCH_FETCHED,     /* it asked for the first bytes of an artifact */
	DISPATCH_DOWNLOADING, /* it says: download begun */
	DISPATCH_DOWNLOADED,  /* it says: all bytes are here and good */
	DISPATCH_PROCEEDING,  /* it says: at work */
	DISPATCH_REMARK,      /* it says something else that ends nothing */
	DISPATCH_SAID_DONE,   /* it says success, and is a device that has to prove it */
	DISPATCH_CLAIMED,     /* it says success, and is a device that cannot prove it */
	DISPATCH_GAVE_UP,     /* it says failure */
	DISPATCH_PROVED_CONFIRMED,
	DISPATCH_PROVED_FAILED,
	DISPATCH_PROVED_ROLLED_BACK,
	DISPATCH_PROVED_REJECTED,
	DISPATCH_CALLED_OFF, /* the campaign ended before the device began */
	DISPATCH_EVENTS
};
const char *dispatch_event_word(enum dispatch_event event);

/* The state after the event; the same state when the event changes nothing. An end that stands on a
 * signed report is final: the caller asks nothing more then (proof.c). */
enum deployment_state dispatch_next(enum deployment_state from, enum dispatch_event event);

#endif
