/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_PAPERS_H
#define DEVICE_AGENT_PAPERS_H

/*
 * May this unit take this step, now? The one judgement on papers: pure, with everything it looks at
 * in struct papers_case, and a code of its own for each way in which papers can be wrong.
 *
 * In this order: form; signature of the lease, which tells the time; trust document's end; permit's
 * signature; lease (device, step, deployment, permit, trust, question, life); permit (number,
 * product, trust, time); manifest (digest, author, product, hardware, what was begun before);
 * target; floor.
 *
 * Time: a lease answers a question that was asked seconds ago, so its issued_at is the time, unless
 * the agent knows that it is later already. How long it lives is counted on the boot clock.
 */

#include "common/wire/manifest.h"
#include "common/wire/papers.h"
#include "common/wire/permit.h"
#include "common/wire/target.h"
#include "device-agent/memory.h"

struct papers_case {
	const char *device, *product, *hardware; /* who this unit is */
	const struct trust *trust;		 /* held, after what the papers brought */
	const char *step;			 /* "install" or "activate" */
	int64_t attempt;
	const struct memory *memory; /* ask, asked_before, permits, floors, job, time_min_us */
	const char *boot_id;
	clock_us boot_now; /* CLOCK_BOOTTIME */
};

struct papers_found {
	struct manifest manifest;
	struct permit permit;
	struct lease lease;
	struct target target;
	struct sha256_hex manifest_sha256, permit_sha256;
	clock_us now;	      /* the time, as far as it is known */
	clock_us lease_until; /* CLOCK_BOOTTIME */
};

MUST_CHECK bool papers_check(struct arena *arena, const struct papers_case *with,
			     const struct papers *papers, struct papers_found *out,
			     struct err *err);

/* The campaign that papers claim to be about, for a report that refuses them; NULL when they say
 * nothing that could be one. Not checked in any way. */
const char *papers_claimed_campaign(struct arena *arena, const struct papers *papers);

/* Is this refusal an end of the attempt? Otherwise asking again can help: a lease that came too
 * late, a permit that is about to be renewed, a trust document that is on its way. */
bool papers_refusal_is_final(enum err_code code);

#endif
