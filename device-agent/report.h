/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_REPORT_H
#define DEVICE_AGENT_REPORT_H

/*
 * How an attempt ended, said so that it can be believed: the digest is computed from the bank that
 * runs while the report is made, the report is signed and on disk before it is sent, and it is sent
 * until it is acknowledged; the DDI feedback follows it.
 */

#include "device-agent/agent.h"

struct report_end {
	const char *outcome; /* "confirmed", "failed", "rolled_back", "rejected" */
	const char *code;    /* "" when confirmed */
	const char *detail;  /* one sentence for people, sent with the feedback */
};

/* Ends the job: report, feedback and the step closing, in one save. Without a report key or a
 * campaign (a server without papers; papers that never came) there is only the feedback. */
MUST_CHECK bool report_make(struct agent *agent, const struct report_end *end, struct err *err);

/* Sends what is to be acknowledged and then closes the job. E_AGENT_WAITING. */
MUST_CHECK bool report_deliver(struct agent *agent, struct err *err);

/* Could a report be signed? E_AGENT_CANNOT_VERIFY. */
MUST_CHECK bool report_prove(struct agent *agent, struct err *err);

#endif
