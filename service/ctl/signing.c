/* SPDX-License-Identifier: Apache-2.0 */
/* How a key of this person signs something on this machine: for every command that signs. */

#include "service/ctl/signing.h"

#include "common/doc.h"
#include "common/file.h"
#include "service/ctl/show.h"
#include "service/ctl/terminal.h"

#include <string.h>

enum { CERT_MAX = 64 * 1024 };

static void free_key(void *key)
{
	sign_key_free(key);
}

bool signing_open(struct ctl *ctl, const char *key, const char *cert, enum sign_role role,
		  struct sign_key **out_key, struct sign_cert *out_cert, struct err *err)
{
	struct sign_key *opened;
	struct sign_cert read;
	struct bytes file;

	if (!file_read(ctl->arena, cert, CERT_MAX, &file, err) ||
	    !sign_cert_read(ctl->arena, file, &read, err))
		return false;
	if (read.role != role)
		return err_fail(err, E_CERT, "The certificate %s is not one for the role %s", cert,
				sign_role_word(role));
	if (!sign_key_new(key, &opened, err))
		return false;
	arena_defer(ctl->arena, free_key, opened);
	if (!bytes_equal(sign_key_spki(opened), read.spki))
		return err_fail(err, E_KEY, "The certificate %s is of another key than --key",
				cert);
	*out_key = opened;
	*out_cert = read;
	return true;
}

bool signing_cms(struct ctl *ctl, const char *key, const char *cert, enum sign_role role,
		 struct bytes content, struct bytes *out, struct err *err)
{
	struct sign_key *opened;
	struct sign_cert read;
	clock_us now = clock_now();

	if (!signing_open(ctl, key, cert, role, &opened, &read, err))
		return false;
	if (now < read.not_before || now >= read.not_after)
		return err_fail(err, E_CERT, "The certificate %s is valid from %s to %s only", cert,
				clock_format(read.not_before).text,
				clock_format(read.not_after).text);
	return sign_cms(ctl->arena, opened, &read, content, out, err);
}

bool signing_file(struct ctl *ctl, const char *path, enum sign_role role, struct bytes content,
		  struct err *err)
{
	const char *out = ctl_find(ctl, "--out");
	struct bytes cms;

	if (!out)
		out = arena_printf(ctl->arena, "%s.p7s", path);
	if (!signing_cms(ctl, ctl_get(ctl, "--key"), ctl_get(ctl, "--cert"), role, content, &cms,
			 err) ||
	    !file_replace(out, cms, 0644, err))
		return false;
	show_line(ctl, "Signed: %s", out);
	return true;
}

bool signing_agree(struct ctl *ctl, const char *question, struct err *err)
{
	bool yes = ctl_has(ctl, "--yes");

	if (!yes && !terminal_confirm(question, &yes, err))
		return false;
	return yes || err_fail(err, E_INPUT, "Not signed, as you said; nothing was done");
}

bool signing_body(struct ctl *ctl, const char *path, size_t max, struct doc **out, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	struct doc *signatures = doc_array(ctl->arena);
	struct bytes bytes;
	size_t count;
	const char *const *files = arguments_list(ctl->arena, &ctl->arguments, "--cms", &count);

	if (!file_read(ctl->arena, path, max, &bytes, err))
		return false;
	doc_set_bytes(body, "document", bytes);
	for (size_t i = 0; i < count; i++) {
		struct doc *one = doc_object(ctl->arena);
		if (!file_read(ctl->arena, files[i], SIGNING_CMS_MAX, &bytes, err))
			return false;
		doc_set_bytes(one, "cms", bytes);
		doc_add(signatures, doc_get(one, "cms"));
	}
	doc_set(body, "cms", signatures);
	*out = body;
	return true;
}
