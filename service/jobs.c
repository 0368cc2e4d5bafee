/* SPDX-License-Identifier: Apache-2.0 */
/* What is due by itself? For the service's clock, once a second. */

#include "service/jobs.h"

#include "service/model/campaign.h"

bool jobs_step(struct model *model, struct arena *arena, clock_us now, struct err *err)
{
	const struct act act = {
		.actor_kind = ACTOR_SERVICE,
		.actor = model->writer.name,
		.at = now,
		.request = "timer",
		.arena = arena,
	};

	return campaign_due(model, &act, err);
}
