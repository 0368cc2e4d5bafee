/* SPDX-License-Identifier: Apache-2.0 */
/* How does a verb ask the keeper, and what does it do with the answer? */

#include "service/model/keeper_call.h"

#include <string.h>

bool keeper_call(struct model *model, const struct act *act, const char *verb,
		 const struct doc *members, const struct doc **reply, struct err *err)
{
	const struct doc *unused;

	return keeper_client_call(model->keeper, act->arena, verb, act->request, members,
				  reply ? reply : &unused, err);
}

bool keeper_call_status(struct model *model, const struct act *act, struct keeper_status *out,
			struct err *err)
{
	const struct doc *reply;

	if (!keeper_call(model, act, "status", NULL, &reply, err))
		return false;
	*out = (struct keeper_status){
		.size = doc_int(doc_get(reply, "size"), 0),
		.checkpoint_size = doc_int(doc_get(reply, "checkpoint_size"), 0),
		.trust_version = doc_int(doc_get(reply, "trust_version"), 0),
		.ready = doc_bool(doc_get(reply, "ready"), false),
	};
	return true;
}

bool keeper_call_ready(struct model *model, const struct act *act, struct err *err)
{
	struct keeper_status status;

	if (!keeper_call_status(model, act, &status, err))
		return false;
	if (!status.ready)
		return err_fail(err, E_KEEPER_AWAY,
				"The keeper does not seal at present; nothing was changed, an "
				"operator has to look at its log");
	return true;
}

/* The event of a reply, also of one that says no. */
static void read_event(const struct doc *reply, struct keeper_place *place)
{
	struct err none = {0};
	const char *event = reply ? doc_get_text(reply, "event") : NULL;

	if (!event || !id_uuid_read(event, place->event.text, &none))
		place->event.text[0] = '\0';
}

bool keeper_call_sealed(struct model *model, const struct act *act, const char *verb,
			const struct doc *members, const struct doc **reply,
			struct keeper_place *place, struct err *err)
{
	const struct doc *answer = NULL;

	*place = (struct keeper_place){0};
	bool good = keeper_call(model, act, verb, members, &answer, err);
	read_event(answer, place);
	if (!good)
		return false;
	place->index = doc_int(doc_get(answer, "index"), -1);
	place->before = doc_bool(doc_get(answer, "before"), false);
	if (!place->event.text[0] || place->index < 0)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer names no sealed event");
	if (reply)
		*reply = answer;
	return true;
}

bool keeper_call_regulated(struct model *model, const struct act *act, const char *verb,
			   const struct doc *members, const struct doc **reply,
			   struct keeper_place *place, struct err *err)
{
	*place = (struct keeper_place){0};
	return keeper_call_ready(model, act, err) &&
	       keeper_call_sealed(model, act, verb, members, reply, place, err);
}

bool keeper_call_seal(struct model *model, const struct act *act, const struct event_id *events,
		      size_t count, int64_t *index, struct err *err)
{
	struct doc *members = doc_object(act->arena);
	struct doc *list = doc_array(act->arena);
	const struct doc *reply;

	for (size_t i = 0; i < count; i++)
		doc_add_text(list, events[i].text);
	doc_set(members, "events", list);
	if (!keeper_call(model, act, "seal", members, &reply, err))
		return false;
	const struct doc *places = doc_get(reply, "events");
	if (count == 0 || doc_size(places) != count)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer names other events");
	*index = doc_int(doc_get(doc_at(places, count - 1), "index"), -1);
	return true;
}
