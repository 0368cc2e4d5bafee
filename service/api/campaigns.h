/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_CAMPAIGNS_H
#define SERVICE_API_CAMPAIGNS_H

/* Campaigns over HTTP: docs/api.md. */

#include "common/web.h"

bool api_campaign_draft(struct request *request, struct reply *reply, struct err *err);
bool api_campaigns(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_get(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_devices(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_gate(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_start(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_hold(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_resume(struct request *request, struct reply *reply, struct err *err);
bool api_campaign_abort(struct request *request, struct reply *reply, struct err *err);

#endif
