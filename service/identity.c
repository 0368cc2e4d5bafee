/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends this request, and may they use this route? */

#include "service/identity.h"

#include "service/access.h"
#include "service/model/session.h"

#include <string.h>
#include <strings.h>

/* What follows the scheme ("Bearer"), NULL if the header is absent or names another. */
static const char *credential_of(struct request *request, const char *scheme)
{
	const char *header = web_header(request, "Authorization");
	size_t length = strlen(scheme);

	if (!header || strncasecmp(header, scheme, length) != 0 || header[length] != ' ')
		return NULL;
	header += length;
	return header + strspn(header, " ");
}

const struct actor_grant *identity_grants(struct arena *arena, const char *words, size_t *count)
{
	size_t room = 1;
	size_t found = 0;

	for (const char *at = words; *at; at++)
		room += *at == ' ';
	struct actor_grant *grants = arena_array(arena, room, sizeof(*grants));
	while (*words) {
		size_t length = strcspn(words, " ");
		char *role = arena_text_of(arena, bytes_of(words, length));
		char *at = strchr(role, '@');
		if (!at)
			break;
		*at = '\0';
		grants[found++] = (struct actor_grant){.role = role, .product = at + 1};
		words += length;
		words += strspn(words, " ");
	}
	*count = found;
	return grants;
}

static bool identify_person(struct request *request, struct err *err)
{
	struct service *service = web_app(request);
	struct arena *arena = web_arena(request);
	const char *token = credential_of(request, "Bearer");
	struct session_person person;

	if (!token)
		return err_fail(err, E_UNIDENTIFIED, NULL);
	if (!session_of_token(service->model, arena, token, web_now(request), &person, err))
		return false;
	if (!person.found)
		return err_fail(err, E_UNIDENTIFIED,
				"The session is over or was never begun; log in again");
	struct actor *actor = arena_alloc(arena, sizeof(*actor));
	*actor = (struct actor){
		.kind = ACTOR_PERSON, .id = person.id, .name = person.name, .auth = "session"};
	actor->grants = identity_grants(arena, person.grants, &actor->grant_count);
	web_set_actor(request, actor);
	return true;
}

static bool identify_device(struct request *request, struct err *err)
{
	struct service *service = web_app(request);
	struct arena *arena = web_arena(request);
	const char *device = web_param(request, "id");
	const char *token = credential_of(request, "TargetToken");
	const struct sha256_hex *certificate =
		web_peer(request) ? web_peer_fingerprint(request) : NULL;
	const char *auth;

	if (!device || !id_name_valid(device, ID_DEVICE_MAX) || (!token && !certificate))
		return err_fail(err, E_UNIDENTIFIED, NULL);
	if (!session_device(service->model, arena, device, token, certificate, web_now(request),
			    &auth, err))
		return false;
	if (!auth)
		return err_fail(err, E_UNIDENTIFIED, NULL);
	struct actor *actor = arena_alloc(arena, sizeof(*actor));
	*actor = (struct actor){.kind = ACTOR_DEVICE, .id = device, .auth = auth};
	web_set_actor(request, actor);
	return true;
}

bool identity_identify(struct request *request, const struct route *route, struct err *err)
{
	switch (route->permission) {
	case PERM_PUBLIC:
		return true;
	case PERM_DEVICE_SELF:
		return identify_device(request, err);
	default:
		return identify_person(request, err);
	}
}

bool identity_permit(struct request *request, const struct route *route, struct err *err)
{
	return access_check(web_actor(request), route->permission, err);
}
