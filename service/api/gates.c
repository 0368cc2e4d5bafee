/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing? The verdict of a gate, as it would be given now. */

#include "service/api/gates.h"

#include "service/api/reply.h"
#include "service/model/gate.h"

bool api_release_gate(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	const char *release;

	if (!api_uuid(request, "release", &release, err) ||
	    !gate_show(api_model(request), &act, "release", release, &reply->bytes, err))
		return false;
	reply->content_type = "application/json";
	return true;
}
