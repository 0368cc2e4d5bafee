/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_JOBS_H
#define SERVICE_JOBS_H

/*
 * What nobody asks for and still has to be done, once a second, by every instance: each step looks
 * for work left over (by a crash, or by time) and does it in transactions of its own, so that two
 * instances at once do no harm.
 *
 *	- running campaigns whose targets lack deployments get them;
 *	- campaigns whose plan is over end as expired, and whose deployments all ended as completed;
 *	- deployments of ended campaigns that no device has begun are canceled.
 */

#include "service/model/model.h"

MUST_CHECK bool jobs_step(struct model *model, struct arena *arena, clock_us now, struct err *err);

#endif
