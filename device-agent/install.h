/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_INSTALL_H
#define DEVICE_AGENT_INSTALL_H

/*
 * From an offer to a bank on trial: papers and an install lease, download, read-back, papers and an
 * activate lease, arming. Picks up at whatever step the memory says. Ends with AGENT_REBOOT, or with
 * AGENT_AGAIN when the attempt is over and its report made.
 */

#include "device-agent/agent.h"

MUST_CHECK bool install_offer(struct agent *agent, const struct ddi_deployment *offer,
			      enum agent_outcome *out, struct err *err);

/* Forgets what was begun: the action was canceled, or another one came. Only before arming. */
MUST_CHECK bool install_drop(struct agent *agent, struct err *err);

#endif
