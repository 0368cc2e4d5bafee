/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware on its way to the service and back. */

#include "common/fetch.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/files.h"
#include "service/ctl/show.h"
#include "service/ctl/terminal.h"

#include <fcntl.h>
#include <unistd.h>

static void tell(void *context, uint64_t done, uint64_t total)
{
	(void)total;
	progress_show(context, done);
}

/* Digest and bytes of one open file: what is replaced under its name meanwhile does no harm. */
static bool put_open(struct ctl *ctl, int file, const char *path, const struct doc **out,
		     struct err *err)
{
	struct fetch_answer answer;
	struct progress progress;
	struct sha256_hex sha256;
	uint64_t size;

	if (!files_digest_open(file, path, true, &sha256, &size, err) || !call_open(ctl, err))
		return false;
	const char *url =
		call_url(ctl, call_path(ctl->arena, "v1", "artifacts", sha256.text, NULL));
	progress_begin(&progress, path, size, ctl->json);
	bool sent = fetch_upload(ctl->fetch, ctl->arena, "PUT", url, "application/octet-stream",
				 file, size, tell, &progress, &answer, err);
	progress_end(&progress);
	return sent && call_judge(ctl, &answer, out, err);
}

bool ctl_artifact_put(struct ctl *ctl, struct err *err)
{
	struct doc *all = doc_array(ctl->arena);
	struct doc *whole = doc_object(ctl->arena);
	size_t count;
	const char *const *paths = arguments_list(ctl->arena, &ctl->arguments, "FILE", &count);

	for (size_t i = 0; i < count; i++) {
		const struct doc *answer;
		int file = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return err_fail(err, E_FILE, "Could not open %s", paths[i]);
		bool put = put_open(ctl, file, paths[i], &answer, err);
		close(file);
		if (!put)
			return false;
		show_line(ctl, "%s: SHA-256 %s%s", paths[i],
			  show_value(ctl->arena, doc_get(answer, "sha256")),
			  doc_bool(doc_get(answer, "before"), false) ? ", was there already" : "");
		doc_add(all, answer);
	}
	doc_set(whole, "items", all);
	show_json(ctl, whole);
	return true;
}

bool ctl_artifact_get(struct ctl *ctl, struct err *err)
{
	const char *sha256 = ctl_get(ctl, "SHA256");
	struct fetch_answer answer;

	if (!id_sha256_valid(sha256))
		return err_fail(err, E_ID, "SHA256 must be 64 lower-case hex digits");
	const char *path = call_path(ctl->arena, "v1", "artifacts", sha256, NULL);
	if (!call_open(ctl, err) ||
	    !fetch_exchange(ctl->fetch, ctl->arena, "HEAD", call_url(ctl, path), NULL, NULL,
			    (struct bytes){0}, 4096, &answer, err))
		return false;
	if (answer.status != 200)
		return err_fail(err, answer.status == 404 ? E_ARTIFACT_UNKNOWN : E_FETCH,
				"The service does not hand out this artifact (status %d)",
				answer.status);
	if (!files_download(ctl, path, ctl_get(ctl, "--out"), sha256, answer.content_length, err))
		return false;
	show_line(ctl, "Fetched: %s", ctl_get(ctl, "--out"));
	struct doc *done = doc_object(ctl->arena);
	doc_set_text(done, "sha256", sha256);
	show_json(ctl, done);
	return true;
}
