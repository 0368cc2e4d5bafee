/* SPDX-License-Identifier: Apache-2.0 */
/* Who is there: logging in and out, passwords, and how the service is. */

#include "common/digest.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"
#include "service/ctl/terminal.h"

#include <string.h>
#include <unistd.h>

enum { EXIT_AWAY = 3 };

struct session_answer {
	const char *person;
	const char *token;
	const char *name;
	const struct doc *roles;
	clock_us expires_at;
};

static const struct doc_field session_fields[] = {
	DOC_TEXT(struct session_answer, person, 1, ID_NAME_MAX),
	DOC_TEXT(struct session_answer, token, 1, 4096),
	DOC_TEXT(struct session_answer, name, 1, 1000),
	DOC_LIST(struct session_answer, roles, 0, 10000),
	DOC_TIME(struct session_answer, expires_at),
};

static bool ask_session(struct ctl *ctl, const char *person, struct session_answer *out,
			struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *answer;
	char *password;

	if (!terminal_secret(ctl->arena, ctl_find(ctl, "--password-file"),
			     arena_printf(ctl->arena, "Password of %s: ", person), false, &password,
			     err))
		return false;
	doc_set_text(body, "person", person);
	doc_set_text(body, "password", password);
	digest_forget(password, strlen(password));
	return call_send_once(ctl, "POST", call_path(ctl->arena, "v1", "sessions", NULL), body,
			      &answer, err) &&
	       doc_read(ctl->arena, answer, session_fields, DOC_COUNT(session_fields), out, err);
}

/* For the session file, which is read from any folder later. */
static const char *absolute(struct ctl *ctl, const char *path)
{
	char here[4096];

	if (!path || path[0] == '/' || !getcwd(here, sizeof(here)))
		return path;
	return arena_printf(ctl->arena, "%s/%s", here, path);
}

bool ctl_login(struct ctl *ctl, struct err *err)
{
	const char *person;
	struct session_answer answer;

	if (!ctl_get_name(ctl, "PERSON", ID_NAME_MAX, &person, err))
		return false;
	if (!ctl->session_path) {
		*err = ctl->session_trouble;
		return false;
	}
	ctl->session = (struct session){0}; /* the old one is not sent along */
	if (!ask_session(ctl, person, &answer, err))
		return false;
	struct session session = {
		.url = ctl->url,
		.ca = absolute(ctl, ctl->authority),
		.person = answer.person,
		.token = answer.token,
		.expires_at = answer.expires_at,
	};
	if (!session_save(ctl->arena, ctl->session_path, &session, err))
		return false;
	show_line(ctl, "%s (%s) is logged in at %s until %s", answer.person, answer.name, ctl->url,
		  clock_format(answer.expires_at).text);
	struct doc *shown = doc_object(ctl->arena); /* without the token */
	doc_set_text(shown, "person", answer.person);
	doc_set_text(shown, "name", answer.name);
	doc_set(shown, "roles", answer.roles);
	doc_set_time(shown, "expires_at", answer.expires_at);
	show_json(ctl, shown);
	return true;
}

/* The file goes in any case: a session that the service does not know any more is over, too. */
bool ctl_logout(struct ctl *ctl, struct err *err)
{
	const struct doc *answer = doc_object(ctl->arena);
	struct err why = {0};

	if (!ctl->session_path) {
		*err = ctl->session_trouble;
		return false;
	}
	bool known = ctl->session.token && strcmp(ctl->session.url, ctl->url) == 0;
	bool ended = !known ||
		     call_send_once(ctl, "DELETE",
				    call_path(ctl->arena, "v1", "sessions", "current", NULL), NULL,
				    &answer, &why) ||
		     why.code == E_UNIDENTIFIED;
	if (known || !ctl->session.token) {
		if (!session_remove(ctl->session_path, err))
			return false;
	} else {
		return err_fail(err, E_UNIDENTIFIED, "%s is logged in at %s, not at %s",
				ctl->session.person, ctl->session.url, ctl->url);
	}
	if (!ended) {
		*err = why;
		err_prefix(err, "Forgotten here, but not ended at the service");
		return false;
	}
	show_line(ctl, "Logged out");
	show_json(ctl, answer);
	return true;
}

bool ctl_whoami(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {
		{"Person", "person"}, {"Name", "name"}, {"Roles", "roles"}};
	const struct doc *answer;

	if (!call_get(ctl, call_path(ctl->arena, "v1", "me", NULL), &answer, err))
		return false;
	show_object(ctl, answer, columns, SHOW_COUNT(columns));
	return true;
}

bool ctl_status(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {
		{"Service", "service"}, {"Version", "version"},	 {"Database", "database"},
		{"Keeper", "keeper"},	{"Ledger size", "size"}, {"Checkpoint", "checkpoint_size"},
	};
	const struct doc *answer;

	if (!call_get(ctl, call_path(ctl->arena, "v1", "status", NULL), &answer, err))
		return false;
	show_object(ctl, answer, columns, SHOW_COUNT(columns));
	if (!doc_bool(doc_get(answer, "database"), false) ||
	    !doc_bool(doc_get(answer, "keeper"), false))
		ctl->status = EXIT_AWAY;
	return true;
}

bool ctl_password_set(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *answer;
	const char *person;
	char *token;
	char *password;

	if (!ctl_get_name(ctl, "PERSON", ID_NAME_MAX, &person, err) ||
	    !terminal_secret(ctl->arena, ctl_get(ctl, "--token-file"), "", false, &token, err) ||
	    !terminal_secret(ctl->arena, ctl_find(ctl, "--password-file"),
			     arena_printf(ctl->arena, "New password of %s: ", person), true,
			     &password, err))
		return false;
	if (strlen(password) < PASSWORD_MIN || strlen(password) > PASSWORD_MAX)
		return err_fail(err, E_PASSWORD, NULL);
	doc_set_text(body, "person", person);
	doc_set_text(body, "token", token);
	doc_set_text(body, "password", password);
	digest_forget(password, strlen(password));
	digest_forget(token, strlen(token));
	if (!call_send_once(ctl, "POST", call_path(ctl->arena, "v1", "passwords", NULL), body,
			    &answer, err))
		return false;
	show_line(ctl, "The password of %s is set", person);
	show_json(ctl, answer);
	return true;
}

bool ctl_person_list(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {
		{"PERSON", "person"}, {"NAME", "name"},	  {"ORGANISATION", "organisation"},
		{"ACTIVE", "active"}, {"ROLES", "roles"},
	};
	const struct doc *people;

	if (!call_list(ctl, call_path(ctl->arena, "v1", "persons", NULL), "person", &people, err))
		return false;
	show_list(ctl, people, columns, SHOW_COUNT(columns), "There is nobody yet");
	return true;
}
