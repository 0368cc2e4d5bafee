/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_GATE_H
#define SERVICE_MODEL_GATE_H

/* What a gate says now: the keeper decides without consequences, the verdict is read by its digest. */

#include "service/model/keeper_call.h"

/* gate: "release" or "campaign"; *verdict: canonical bytes of countersign.verdict.v1. */
MUST_CHECK bool gate_show(struct model *model, const struct act *act, const char *gate,
			  const char *subject, struct bytes *verdict, struct err *err);

#endif
