/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_POLL_H
#define DEVICE_AGENT_POLL_H

/*
 * Everything the agent says to a DDI server, but artifacts: the only file with addresses and HTTP
 * statuses in it. Links of the server are followed only to the configured scheme, host and port:
 * the token goes with every request.
 *
 * E_AGENT_WAITING (or what fetch.h gives): no answer that helps now. E_AGENT_OFFER: one that can
 * not be understood.
 */

#include "device-agent/agent.h"

MUST_CHECK bool poll_server(struct agent *agent, struct ddi_poll *out, struct err *err);
MUST_CHECK bool poll_offer(struct agent *agent, const char *href, struct ddi_deployment *out,
			   struct err *err);
MUST_CHECK bool poll_cancel(struct agent *agent, const char *href, struct ddi_cancel *out,
			    struct err *err);
/* Product, hardware, running version and bank, number of trust resets. */
MUST_CHECK bool poll_send_attributes(struct agent *agent, const char *href, struct err *err);
MUST_CHECK bool poll_answer_cancel(struct agent *agent, const char *action,
				   enum ddi_execution execution, enum ddi_finished finished,
				   struct err *err);

/* Progress: sent once, and nothing depends on it. */
void poll_send_progress(struct agent *agent, enum ddi_execution execution, const char *detail);
/* The end of an action. True when the server took it, or will never want it any more. */
MUST_CHECK bool poll_send_end(struct agent *agent, const struct memory_news *news, struct err *err);

/* The body of the papers. Sets agent->retry_after_s when the server named a time. */
MUST_CHECK bool poll_papers(struct agent *agent, const char *href, struct bytes request,
			    struct bytes *out, struct err *err);

/* What became of a report. */
enum poll_report { POLL_REPORT_TAKEN, POLL_REPORT_CONFLICT, POLL_REPORT_REFUSED };
MUST_CHECK bool poll_send_report(struct agent *agent, struct bytes envelope, enum poll_report *out,
				 struct err *err);

/* That an address is on the server this unit belongs to. */
MUST_CHECK bool poll_href_ours(const struct agent *agent, const char *href, struct err *err);

#endif
