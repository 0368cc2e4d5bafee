/* SPDX-License-Identifier: Apache-2.0 */
/* Who is logged in, and where: for main.c, login and logout. */

#include "service/ctl/session.h"

#include "common/doc.h"
#include "common/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SESSION_BYTES_MAX = 64 * 1024, TEXT_MAX = 4096 };

static const struct doc_field fields[] = {
	DOC_TEXT(struct session, url, 1, TEXT_MAX),
	DOC_TEXT_OPT(struct session, ca, 1, TEXT_MAX),
	DOC_TEXT(struct session, person, 1, ID_NAME_MAX),
	DOC_TEXT(struct session, token, 1, TEXT_MAX),
	DOC_TIME(struct session, expires_at),
};

bool session_default_path(struct arena *arena, const char **out, struct err *err)
{
	const char *state =
		getenv("XDG_STATE_HOME");  /* NOLINT(concurrency-mt-unsafe): one thread */
	const char *home = getenv("HOME"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (state && state[0] == '/')
		*out = arena_printf(arena, "%s/countersign/session", state);
	else if (home && home[0] == '/')
		*out = arena_printf(arena, "%s/.local/state/countersign/session", home);
	else
		return err_fail(err, E_CONFIG,
				"There is no HOME to keep the session in; say --session FILE");
	return true;
}

bool session_find(struct arena *arena, const char *path, struct session *out, struct err *err)
{
	struct session session = {0};
	const struct doc *doc;
	struct bytes bytes;
	struct stat about;
	bool found;

	if (!file_find(arena, path, SESSION_BYTES_MAX, &found, &bytes, err))
		return false;
	if (found && stat(path, &about) == 0 && (about.st_mode & 077) != 0)
		return err_fail(err, E_CONFIG,
				"The session file %s can be read by others; chmod 600 it, or log "
				"in again",
				path);
	if (found && (!doc_parse(arena, bytes, &doc, err) ||
		      !doc_read(arena, doc, fields, DOC_COUNT(fields), &session, err))) {
		err_prefix(err, "%s is no session file; remove it and log in again", path);
		return false;
	}
	*out = session;
	return true;
}

static bool make_folder_of(struct arena *arena, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return true;
	return file_make_folders(arena_text_of(arena, bytes_of(path, (size_t)(slash - path))), 0700,
				 err);
}

bool session_save(struct arena *arena, const char *path, const struct session *session,
		  struct err *err)
{
	struct doc *doc = doc_object(arena);
	struct bytes bytes;

	doc_set_text(doc, "url", session->url);
	if (session->ca)
		doc_set_text(doc, "ca", session->ca);
	doc_set_text(doc, "person", session->person);
	doc_set_text(doc, "token", session->token);
	doc_set_time(doc, "expires_at", session->expires_at);
	return doc_canonical(arena, doc, &bytes, err) && make_folder_of(arena, path, err) &&
	       file_replace(path, bytes, 0600, err);
}

bool session_remove(const char *path, struct err *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return err_fail(err, E_FILE, "Could not remove %s; remove it by hand", path);
	return true;
}
