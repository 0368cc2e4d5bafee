/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_SHOW_H
#define DEVICE_AGENT_SHOW_H

/*
 * What the agent knows, for people and scripts, and the one thing a person may change by hand.
 * Neither talks to the server.
 */

#include "device-agent/settings.h"

/* Prints to standard output; json: one object. Works beside a running agent. */
MUST_CHECK bool show_state(const struct settings *settings, bool json, struct err *err);

/* Ends the unit's trust: the next papers have to hold under the pinned roots as if they were the
 * first, and papers-less mode is possible again where the settings allow it. Written to <dir>/journal
 * first, and counted; the count goes to the server with the unit's attributes. E_AGENT_BUSY while
 * an agent runs; E_AGENT_BANK_BUSY while new firmware is on trial. Floors stay. */
MUST_CHECK bool show_reset_trust(const struct settings *settings, const char *reason,
				 struct err *err);

#endif
