/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a command asks the service, and what it makes of the answer: for every command that needs the
 * service.
 */

#include "service/ctl/call.h"

#include "common/clock.h"
#include "common/fetch.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	JSON_MAX = 16 * 1024 * 1024,
	PATH_MAX_BYTES = 4096,
	EXCHANGE_MS = 300000, /* an export gathers everything before it answers */
	AGAIN_S = 60,
	LIST_PAGES_MAX = 10000,
};

/* ---- addresses ---- */

const char *call_path_of(struct arena *arena, const char *const *parts)
{
	struct text path;

	text_init(&path, arena, PATH_MAX_BYTES);
	for (; *parts; parts++) {
		text_add(&path, "/");
		text_add(&path, fetch_segment(arena, *parts));
	}
	return path.at;
}

const char *call_url(struct ctl *ctl, const char *path)
{
	return arena_printf(ctl->arena, "%s%s", ctl->url, path);
}

static bool on_this_machine(const char *url)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
	const char *host = url + strlen("http://");

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t length = strlen(hosts[i]);
		if (strncasecmp(host, hosts[i], length) == 0 &&
		    (host[length] == '\0' || host[length] == ':' || host[length] == '/'))
			return true;
	}
	return false;
}

static bool check_url(const struct ctl *ctl, struct err *err)
{
	const char *url = ctl->url;

	if (!url)
		return err_fail(err, E_CONFIG,
				"No service is named; say --url https://HOST:PORT or set "
				"COUNTERSIGN_URL");
	if (strncasecmp(url, "https://", strlen("https://")) == 0)
		return true;
	if (strncasecmp(url, "http://", strlen("http://")) != 0)
		return err_fail(err, E_CONFIG, "The address must begin with https://");
	if (!on_this_machine(url))
		return err_fail(err, E_CONFIG,
				"Plain http is only for a service on this machine; say https://");
	return true;
}

bool call_open(struct ctl *ctl, struct err *err)
{
	struct fetch_settings settings = {
		.authority = ctl->authority,
		.user_agent = "countersign",
		.timeout_ms = EXCHANGE_MS,
	};

	if (ctl->fetch)
		return true;
	if (!ctl->url && ctl->session_trouble.code != E_NONE) {
		*err = ctl->session_trouble;
		return false;
	}
	if (!check_url(ctl, err))
		return false;
	if (ctl->session.token && strcmp(ctl->session.url, ctl->url) == 0)
		settings.authorization = arena_printf(ctl->arena, "Bearer %s", ctl->session.token);
	return fetch_new(&settings, &ctl->fetch, err);
}

void call_close(struct ctl *ctl)
{
	fetch_free(ctl->fetch);
	ctl->fetch = NULL;
}

/* ---- answers ---- */

static bool type_is(const struct fetch_answer *answer, const char *type)
{
	size_t size = strlen(type);

	return answer->content_type && strncasecmp(answer->content_type, type, size) == 0 &&
	       (answer->content_type[size] == '\0' || answer->content_type[size] == ';' ||
		answer->content_type[size] == ' ');
}

/* The server's words may reach a terminal. A code that this program does not know stays visible. */
static void set_refusal(struct ctl *ctl, const struct fetch_answer *answer, struct err *err)
{
	const struct doc *doc = NULL;
	struct err ignored = {0};

	if (!type_is(answer, "application/problem+json") ||
	    !doc_parse(ctl->arena, answer->body, &doc, &ignored)) {
		err_set(err, E_FETCH,
			"The service answered with status %d and no reason; is %s the address of "
			"Countersign?",
			answer->status, ctl->url);
		return;
	}
	const char *code_text = doc_get_text(doc, "code");
	const char *detail = doc_get_text(doc, "detail");
	enum err_code code = code_text ? err_code_of(code_text) : E_NONE;
	detail = detail ? text_printable(ctl->arena, bytes_of_text(detail), ERR_TEXT_BYTES) : NULL;
	if (code != E_NONE && detail) {
		err_set(err, code, "%s", detail);
		return;
	}
	if (code != E_NONE) {
		err_set(err, code, NULL);
		return;
	}
	code_text = code_text ? text_printable(ctl->arena, bytes_of_text(code_text), 64) : "none";
	err_set(err, E_FETCH, "The service answered with status %d (%s)%s%s", answer->status,
		code_text, detail ? ": " : "", detail ? detail : "");
}

bool call_judge(struct ctl *ctl, const struct fetch_answer *answer, const struct doc **out,
		struct err *err)
{
	if (answer->status < 200 || answer->status > 299) {
		set_refusal(ctl, answer, err);
		return false;
	}
	if (!type_is(answer, "application/json"))
		return err_fail(err, E_FETCH,
				"The service answered with something else than JSON; is %s the "
				"address of Countersign?",
				ctl->url);
	if (doc_parse(ctl->arena, answer->body, out, err))
		return true;
	err_prefix(err, "the answer of the service");
	return false;
}

/* ---- exchanges ---- */

static bool exchange(struct ctl *ctl, const char *method, const char *path, const char *key,
		     struct bytes body, const struct doc **out, struct err *err)
{
	const char *headers[3] = {"Accept: application/json, application/problem+json"};
	struct fetch_answer answer;

	if (key)
		headers[1] = arena_printf(ctl->arena, "Idempotency-Key: %s", key);
	return call_open(ctl, err) &&
	       fetch_exchange(ctl->fetch, ctl->arena, method, call_url(ctl, path), headers,
			      body.size > 0 ? "application/json" : NULL, body, JSON_MAX, &answer,
			      err) &&
	       call_judge(ctl, &answer, out, err);
}

bool call_get(struct ctl *ctl, const char *path, const struct doc **out, struct err *err)
{
	return exchange(ctl, "GET", path, NULL, (struct bytes){0}, out, err);
}

static bool body_bytes(struct ctl *ctl, const char *method, const struct doc *body,
		       struct bytes *out, struct err *err)
{
	*out = (struct bytes){0};
	if (!body && strcmp(method, "DELETE") == 0)
		return true;
	return doc_canonical(ctl->arena, body ? body : doc_object(ctl->arena), out, err);
}

bool call_send_once(struct ctl *ctl, const char *method, const char *path, const struct doc *body,
		    const struct doc **out, struct err *err)
{
	struct bytes bytes;

	return body_bytes(ctl, method, body, &bytes, err) &&
	       exchange(ctl, method, path, NULL, bytes, out, err);
}

static bool worth_repeating(enum err_code code)
{
	return code == E_LEDGER_NOT_SEALED || code == E_IDEMPOTENCY_RUNNING || code == E_BUSY ||
	       err_code_kind(code) == ERR_RETRY;
}

bool call_send(struct ctl *ctl, const char *method, const char *path, const struct doc *body,
	       const struct doc **out, struct err *err)
{
	clock_us until = clock_boot() + AGAIN_S * CLOCK_SECOND;
	clock_us pause = CLOCK_SECOND / 4;
	char key[ID_UUID_BYTES + 1];
	struct bytes bytes;

	id_uuid_draw(key);
	if (!body_bytes(ctl, method, body, &bytes, err))
		return false;
	for (;;) {
		struct err why = {0};
		if (exchange(ctl, method, path, key, bytes, out, &why))
			return true;
		if (!worth_repeating(why.code) || clock_boot() + pause >= until) {
			*err = why;
			return false;
		}
		clock_sleep(pause);
		pause = pause < 4 * CLOCK_SECOND ? 2 * pause : pause;
	}
}

bool call_bytes(struct ctl *ctl, const char *path, size_t max, struct bytes *out, struct err *err)
{
	struct fetch_answer answer;

	if (!call_open(ctl, err) ||
	    !fetch_exchange(ctl->fetch, ctl->arena, "GET", call_url(ctl, path), NULL, NULL,
			    (struct bytes){0}, max, &answer, err))
		return false;
	if (answer.status != 200) {
		set_refusal(ctl, &answer, err);
		return false;
	}
	*out = answer.body;
	return true;
}

/* ---- lists ---- */

static bool add_items(const struct doc *page, struct doc *all, const char *id, const char **last,
		      struct err *err)
{
	const struct doc *items = doc_get(page, "items");
	size_t count = doc_size(items);

	for (size_t i = 0; i < count; i++)
		doc_add(all, doc_at(items, i));
	if (count == 0)
		return true;
	const char *next = doc_get_text(doc_at(items, count - 1), id);
	if (!next || (*last && strcmp(*last, next) == 0))
		return err_fail(err, E_FETCH,
				"The list that the service sent cannot be followed: its items have "
				"no %s",
				id);
	*last = next;
	return true;
}

bool call_list(struct ctl *ctl, const char *path, const char *id, const struct doc **out,
	       struct err *err)
{
	struct doc *all = doc_array(ctl->arena);
	const struct doc *page;
	const char *last = NULL;

	for (int i = 0; i < LIST_PAGES_MAX; i++) {
		const char *after = last ? fetch_segment(ctl->arena, last) : NULL;
		const char *address = arena_printf(ctl->arena, "%s?limit=500%s%s", path,
						   after ? "&after=" : "", after ? after : "");
		if (!call_get(ctl, address, &page, err) || !add_items(page, all, id, &last, err))
			return false;
		if (!doc_bool(doc_get(page, "more"), false)) {
			*out = all;
			return true;
		}
	}
	return err_fail(err, E_FETCH_LIMIT, "The list has more than %d pages", LIST_PAGES_MAX);
}
