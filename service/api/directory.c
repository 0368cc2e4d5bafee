/* SPDX-License-Identifier: Apache-2.0 */
/* Directory statements, and who there is. For admins, who sign them with their own tools. */

#include "service/api/directory.h"

#include "service/api/reply.h"
#include "service/model/directory.h"

#include <string.h>

bool api_directory_next(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct directory_next next;

	if (!directory_next_get(api_model(request), &act, &next, err))
		return false;
	doc_set_int(answer, "number", next.number);
	doc_set_text(answer, "previous", next.previous.text);
	reply->doc = answer;
	return true;
}

struct put_body {
	struct bytes document;
	const struct doc *cms;
};

static bool put(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_BYTES(struct put_body, document, DIRECTORY_BYTES_MAX),
		DOC_LIST(struct put_body, cms, 1, DIRECTORY_CMS_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct keeper_place place = {0};
	struct put_body body;
	int64_t number;

	if (!doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (!directory_put(api_model(request), &act, body.document, body.cms, &number, &place, err))
		return api_unsealed(request, reply, &place);
	doc_set_int(answer, "number", number);
	api_place(answer, &place);
	reply->doc = answer;
	return true;
}

bool api_directory_put(struct request *request, struct reply *reply, struct err *err)
{
	return api_once(request, reply, put, err);
}

/* ---- people ---- */

static const struct doc *roles_of(struct arena *arena, const char *words)
{
	struct doc *roles = doc_array(arena);

	while (*words) {
		size_t length = strcspn(words, " ");
		size_t role = strcspn(words, "@");
		struct doc *one = doc_object(arena);
		if (role >= length)
			break;
		doc_set_text(one, "role", arena_text_of(arena, bytes_of(words, role)));
		doc_set_text(one, "product",
			     arena_text_of(arena, bytes_of(words + role + 1, length - role - 1)));
		doc_add(roles, one);
		words += length;
		words += strspn(words, " ");
	}
	return roles;
}

static const struct doc *words_of(struct arena *arena, const char *words)
{
	struct doc *list = doc_array(arena);

	while (*words) {
		size_t length = strcspn(words, " ");
		doc_add_text(list, arena_text_of(arena, bytes_of(words, length)));
		words += length;
		words += strspn(words, " ");
	}
	return list;
}

bool api_persons(struct request *request, struct reply *reply, struct err *err)
{
	struct act act = api_act(request);
	struct doc *items = doc_array(act.arena);
	const struct directory_person *persons;
	struct page page;
	size_t count;
	bool more;

	if (!api_page(request, ID_NAME_MAX, &page, err) ||
	    !directory_persons_list(api_model(request), &act, &page, &persons, &count, &more, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct doc *one = doc_object(act.arena);
		doc_set_text(one, "person", persons[i].id);
		doc_set_text(one, "name", persons[i].name);
		doc_set_text(one, "organisation", persons[i].organisation);
		doc_set_bool(one, "active", persons[i].active);
		doc_set(one, "roles", roles_of(act.arena, persons[i].grants));
		doc_set(one, "keys", words_of(act.arena, persons[i].keys));
		doc_add(items, one);
	}
	api_list(request, reply, items, more);
	return true;
}
