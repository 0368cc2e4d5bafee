/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_ASK_H
#define DEVICE_AGENT_ASK_H

/*
 * Asks for papers for one step and judges them. The question (nonce, step, boot id, boot clock) is
 * on disk before it is sent, and one lease is accepted for it. On success the permit's number is
 * noted in the memory, not yet saved: the caller saves it together with the step that the lease
 * allows, which has to begin before found->lease_until.
 *
 * False: E_AGENT_WAITING and errors of the network are no leave now; other errors are refusals, and
 * *final says whether asking again is pointless. *campaign then names what they claimed to be about
 * (NULL: nothing).
 */

#include "device-agent/agent.h"

struct ask_refusal {
	bool final;
	const char *campaign;
	struct sha256_hex permit_sha256, manifest_sha256; /* of what came; empty: nothing did */
};

MUST_CHECK bool ask_papers(struct agent *agent, const char *href, const char *step, int64_t attempt,
			   struct papers_found *found, struct ask_refusal *refusal,
			   struct err *err);

#endif
