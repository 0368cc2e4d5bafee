/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_DDI_H
#define SERVICE_API_DDI_H

/*
 * The device protocol DDI v1 (hawkBit), for clients of any make, with two additions of ours that
 * others pass over: papers and proof. docs/api.md, docs/protocol/ddi.md.
 *
 * What suits all clients at once: whatever succeeds is 200, with a Content-Length; nothing is offered by leaving its link out,
 * never by "skip"; a report is never refused for its text, nor for coming late; links are absolute and of the
 * tenant DEFAULT.
 */

#include "common/web.h"

enum { DDI_FEEDBACK_BODY = 1024 * 1024, DDI_CONFIG_BODY = 256 * 1024 };

void api_ddi_poll(void *app, struct web_item *items, size_t count);
void api_ddi_feedback(void *app, struct web_item *items, size_t count);

bool api_ddi_config(struct request *request, struct reply *reply, struct err *err);
bool api_ddi_deployment(struct request *request, struct reply *reply, struct err *err);
bool api_ddi_papers(struct request *request, struct reply *reply, struct err *err);
bool api_ddi_proof(struct request *request, struct reply *reply, struct err *err);
bool api_ddi_artifact(struct request *request, struct reply *reply, struct err *err);

#endif
