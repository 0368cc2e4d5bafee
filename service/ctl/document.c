/* SPDX-License-Identifier: Apache-2.0 */
/* Stored documents by their digest: rulesets on their way in, anything on its way out. */

#include "common/digest.h"
#include "common/file.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"

#include <stdio.h>
#include <string.h>

enum { PUT_MAX = 4 * 1024 * 1024, GET_MAX = 16 * 1024 * 1024 };

bool ctl_document_put(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const struct doc *answer;
	const struct doc *doc;
	struct bytes canonical;
	struct bytes bytes;

	/* Files are written by people, with line ends and blanks; what is stored is canonical. */
	if (!file_read(ctl->arena, ctl_get(ctl, "FILE"), PUT_MAX, &bytes, err) ||
	    !doc_parse(ctl->arena, bytes, &doc, err) ||
	    !doc_canonical(ctl->arena, doc, &canonical, err))
		return false;
	doc_set_bytes(body, "document", canonical);
	if (!call_send(ctl, "POST", call_path(ctl->arena, "v1", "documents", NULL), body, &answer,
		       err))
		return false;
	struct sha256_hex sha256 = digest_sha256_hex(canonical);
	const char *said = doc_get_text(answer, "sha256");
	if (!said || strcmp(said, sha256.text) != 0)
		return err_fail(err, E_SIGNATURE,
				"The service stored something else than what was sent");
	show_line(ctl, "Stored: SHA-256 %s", sha256.text);
	show_json(ctl, answer);
	return true;
}

bool ctl_document_get(struct ctl *ctl, struct err *err)
{
	const char *sha256 = ctl_get(ctl, "SHA256");
	const char *out = ctl_find(ctl, "--out");
	struct bytes bytes;

	if (!id_sha256_valid(sha256))
		return err_fail(err, E_ID, "SHA256 must be 64 lower-case hex digits");
	if (!call_bytes(ctl, call_path(ctl->arena, "v1", "documents", sha256, NULL), GET_MAX,
			&bytes, err))
		return false;
	if (strcmp(digest_sha256_hex(bytes).text, sha256) != 0)
		return err_fail(err, E_SIGNATURE,
				"What the service sent is not the document of this digest");
	if (out)
		return file_replace(out, bytes, 0644, err);
	if (fwrite(bytes.data, 1, bytes.size, stdout) != bytes.size)
		return err_fail(err, E_FILE, "Could not write to standard output");
	return true;
}
