/* SPDX-License-Identifier: Apache-2.0 */
/* How does a test report become part of a release? For testers. */

#include "service/model/record.h"

#include "service/model/directory.h"
#include "service/model/document.h"

#include <string.h>

bool record_add(struct model *model, const struct act *act, const char *release,
		struct bytes document, struct record_added *out, struct err *err)
{
	static const char *const roles[] = {"tester", NULL};
	struct doc *members = doc_object(act->arena);

	*out = (struct record_added){0};
	if (!record_parse(act->arena, document, &out->record, err))
		return false;
	if (strcmp(out->record.release, release) != 0)
		return err_fail(err, E_RECORD, "the record says that it is of release %.36s",
				out->record.release);
	if (!directory_demand_role(model, act, roles, out->record.product, err) ||
	    !keeper_call_ready(model, act, err) ||
	    !document_store(model, act, RECORD_TYPE, document, &out->sha256, err))
		return false;
	doc_set_text(members, "what", "record");
	doc_set_text(members, "release", release);
	doc_set_text(members, "sha256", out->sha256.text);
	doc_set_text(members, "added_by", act->actor);
	return keeper_call_sealed(model, act, "put", members, NULL, &out->place, err);
}
