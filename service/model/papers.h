/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_PAPERS_H
#define SERVICE_MODEL_PAPERS_H

/*
 * The papers of an offer: what a device checks for itself (common/wire/papers.h). The keeper alone
 * gives the lease, so each request is its decision; the rest is put together from what is stored.
 * Nothing of the attempt is counted or moved by asking.
 *
 * Refusals: E_LEASE_* of the keeper (its event), or of ours (our event, lease.refused) when the
 * attempt is not the device's present one; E_ACTION_UNKNOWN; E_KEEPER_AWAY: the device waits.
 *
 * Only the newest trust document is given, not those between the device's and it: a change of root
 * keys that took two documents needs a unit that has seen the first one, or service on site.
 */

#include "common/wire/papers.h"
#include "service/model/model.h"

/* act: of the device. out: canonical papers. */
MUST_CHECK bool papers_give(struct model *model, const struct act *act, int64_t action,
			    const struct papers_request *request, struct bytes *out,
			    struct err *err);

#endif
