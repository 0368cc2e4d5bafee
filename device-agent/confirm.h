/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_CONFIRM_H
#define DEVICE_AGENT_CONFIRM_H

/*
 * After a boot: what did the boot loader make of what we asked, and is the firmware that runs fit to
 * stay? Brings boot record and memory together before anything else happens; what the boot record
 * says is what is, what the memory says is what was meant.
 */

#include "device-agent/agent.h"

/* *out: AGENT_REBOOT; AGENT_AGAIN: an attempt came to its end; AGENT_IDLE: nothing to settle. */
MUST_CHECK bool confirm_settle(struct agent *agent, enum agent_outcome *out, struct err *err);

#endif
