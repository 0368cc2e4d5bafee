/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_API_REPLY_H
#define SERVICE_API_REPLY_H

/*
 * What handlers share: the act of a request, pages, answers of regulated acts, and requests that
 * may be repeated.
 *
 * A handler that changes something goes through api_once:
 *
 *	static bool draft(struct request *request, struct reply *reply, struct err *err);
 *
 *	bool api_release_draft(struct request *request, struct reply *reply, struct err *err)
 *	{
 *		return api_once(request, reply, draft, err);
 *	}
 *
 * But not one whose answer holds a secret, which would be kept with the key: logging in, device
 * tokens. Streams need no key: their address names the bytes.
 */

#include "common/web.h"
#include "service/model/keeper_call.h"
#include "service/service.h"

enum { API_REASON_MAX = 1000 }; /* bytes of a person's own words */

struct model *api_model(struct request *request);
const struct actor *api_actor(struct request *request); /* on routes that are not public */
/* Who, when, for which request; ACTOR_NONE on public routes. */
struct act api_act(struct request *request);

/* Reads ?after= and ?limit=. after_max: longest id of this list. E_INPUT. */
MUST_CHECK bool api_page(struct request *request, size_t after_max, struct page *out,
			 struct err *err);
/* {items, more} */
void api_list(struct request *request, struct reply *reply, const struct doc *items, bool more);

/* A parameter of the path that is a UUID or a digest; E_ID. */
MUST_CHECK bool api_uuid(struct request *request, const char *param, const char **out,
			 struct err *err);
MUST_CHECK bool api_sha256(struct request *request, const char *param, struct sha256_hex *out,
			   struct err *err);

/* That the object has no members: the body {}. */
MUST_CHECK bool api_nothing(struct request *request, struct err *err);

/* Adds event and index of a sealed act, and before when it stood already. */
void api_place(struct doc *answer, const struct keeper_place *place);
/* For `return`: the verb failed; when its act only waits for its seal, the problem names the event. */
bool api_unsealed(struct request *request, struct reply *reply, const struct keeper_place *place);

/*
 * Does the work, or gives the answer that this Idempotency-Key was given before, with before: true.
 * Without a key, or on a public route, it just does the work. The answer must be a document.
 */
bool api_once(struct request *request, struct reply *reply, web_handler work, struct err *err);

#endif
