/* SPDX-License-Identifier: Apache-2.0 */
/* Who am I, and how do I become it? For people. */

#include "service/api/sessions.h"

#include "common/digest.h"
#include "service/api/reply.h"
#include "service/model/session.h"

#include <string.h>

struct login_body {
	const char *person;
	const char *password;
};

bool api_session_begin(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct login_body, person, 1, ID_NAME_MAX),
		DOC_TEXT(struct login_body, password, 1, PASSWORD_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct session_login login;
	struct login_body body;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err) ||
	    !session_login(api_model(request), &act, body.person, body.password,
			   web_remote(request), &login, err))
		return false;
	doc_set_text(answer, "token", login.token);
	doc_set_text(answer, "person", login.person);
	doc_set_text(answer, "name", login.name);
	doc_set(answer, "roles", login.roles);
	doc_set_time(answer, "expires_at", login.expires_at);
	reply->doc = answer;
	return true;
}

bool api_session_end(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	const char *header = web_header(request, "Authorization");
	const char *token = header ? strchr(header, ' ') : NULL;

	if (!token)
		return err_fail(err, E_UNIDENTIFIED, NULL);
	token += strspn(token, " ");
	if (!session_end(api_model(request), &act, token, err))
		return false;
	reply->doc = doc_object(act.arena);
	return true;
}

bool api_session_me(struct request *request, struct reply *reply, struct err *err)
{
	struct arena *arena = web_arena(request);
	const struct actor *actor = api_actor(request);
	struct doc *answer = doc_object(arena);
	struct doc *roles = doc_array(arena);

	(void)err;
	for (size_t i = 0; i < actor->grant_count; i++) {
		struct doc *role = doc_object(arena);
		doc_set_text(role, "role", actor->grants[i].role);
		doc_set_text(role, "product", actor->grants[i].product);
		doc_add(roles, role);
	}
	doc_set_text(answer, "person", actor->id);
	doc_set_text(answer, "name", actor->name);
	doc_set(answer, "roles", roles);
	reply->doc = answer;
	return true;
}

struct password_body {
	const char *person;
	const char *token;
	const char *password;
};

bool api_password_set(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_TEXT(struct password_body, person, 1, ID_NAME_MAX),
		DOC_TEXT(struct password_body, token, 1, 128),
		DOC_TEXT(struct password_body, password, 1, PASSWORD_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct keeper_place place = {0};
	struct password_body body;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (strlen(body.password) < PASSWORD_MIN)
		return err_fail(err, E_PASSWORD, NULL);
	if (!session_set_password(api_model(request), &act, body.person, body.token, body.password,
				  &place, err))
		return api_unsealed(request, reply, &place);
	api_place(answer, &place);
	reply->doc = answer;
	return true;
}
