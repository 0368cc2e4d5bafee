/* SPDX-License-Identifier: Apache-2.0 */
/* What does a release consist of: the author's side, without the service. */

#include "common/wire/manifest.h"
#include "common/digest.h"
#include "common/file.h"
#include "service/ctl/commands.h"
#include "service/ctl/files.h"
#include "service/ctl/show.h"
#include "service/ctl/signing.h"

#include <string.h>

/* ---- make ---- */

/* "NAME=FILE", or FILE alone: then its own name. */
static void split(struct arena *arena, const char *word, const char **name, const char **path)
{
	const char *equals = strchr(word, '=');
	const char *folder = strchr(word, '/');
	const char *slash = strrchr(word, '/');

	if (equals && (!folder || equals < folder)) {
		*name = arena_text_of(arena, bytes_of(word, (size_t)(equals - word)));
		*path = equals + 1;
		return;
	}
	*name = slash ? slash + 1 : word;
	*path = word;
}

static bool read_artifacts(struct ctl *ctl, struct manifest *out, struct err *err)
{
	size_t count;
	const char *const *words =
		arguments_list(ctl->arena, &ctl->arguments, "--artifact", &count);
	struct manifest_artifact *artifacts = arena_array(ctl->arena, count, sizeof(*artifacts));

	for (size_t i = 0; i < count; i++) {
		const char *path;
		uint64_t size;
		split(ctl->arena, words[i], &artifacts[i].name, &path);
		if (!files_digest(path, ctl->json, &artifacts[i].sha256, &size, err))
			return false;
		if (size > (uint64_t)DOC_INT_MAX)
			return err_fail(err, E_FILE_LIMIT, "%s is too large", path);
		artifacts[i].size_bytes = (int64_t)size;
	}
	out->artifacts = artifacts;
	out->artifact_count = count;
	return true;
}

bool ctl_manifest_make(struct ctl *ctl, struct err *err)
{
	struct manifest manifest = {
		.product = ctl_get(ctl, "--product"),
		.version = ctl_get(ctl, "--version"),
		.made_at = clock_now(),
	};
	long long sequence;
	long long floor;
	struct bytes bytes;

	if (!arguments_int(&ctl->arguments, "--sequence", 1, DOC_INT_MAX, 0, &sequence, err) ||
	    !arguments_int(&ctl->arguments, "--floor", 0, sequence, 0, &floor, err))
		return false;
	manifest.sequence = sequence;
	manifest.security_floor = floor;
	manifest.hardware.at =
		arguments_list(ctl->arena, &ctl->arguments, "--hardware", &manifest.hardware.count);
	if (!read_artifacts(ctl, &manifest, err) ||
	    !manifest_write(ctl->arena, &manifest, &bytes, err) ||
	    !file_replace(ctl_get(ctl, "--out"), bytes, 0644, err))
		return false;
	struct doc *answer = doc_object(ctl->arena);
	struct sha256_hex sha256 = digest_sha256_hex(bytes);
	show_line(ctl, "Made: %s, SHA-256 %s", ctl_get(ctl, "--out"), sha256.text);
	doc_set_text(answer, "sha256", sha256.text);
	show_json(ctl, answer);
	return true;
}

/* ---- show, sign ---- */

static bool read_manifest(struct ctl *ctl, struct bytes *bytes, struct manifest *out,
			  struct err *err)
{
	return file_read(ctl->arena, ctl_get(ctl, "FILE"), MANIFEST_BYTES_MAX, bytes, err) &&
	       manifest_parse(ctl->arena, *bytes, out, err);
}

bool ctl_manifest_show(struct ctl *ctl, struct err *err)
{
	struct manifest manifest;
	struct bytes bytes;
	const struct doc *doc;

	if (!read_manifest(ctl, &bytes, &manifest, err) || !doc_parse(ctl->arena, bytes, &doc, err))
		return false;
	show_json(ctl, doc);
	show_line(ctl, "Product   %s", manifest.product);
	show_line(ctl, "Version   %s, sequence %lld, security floor %lld", manifest.version,
		  (long long)manifest.sequence, (long long)manifest.security_floor);
	show_line(ctl, "Hardware  %s", show_value(ctl->arena, doc_get(doc, "hardware")));
	show_line(ctl, "Made at   %s", clock_format(manifest.made_at).text);
	show_line(ctl, "SHA-256   %s", digest_sha256_hex(bytes).text);
	for (size_t i = 0; i < manifest.artifact_count; i++) {
		const struct manifest_artifact *artifact = &manifest.artifacts[i];
		show_line(ctl, "Artifact  %s, %s bytes, SHA-256 %s", artifact->name,
			  show_count(ctl->arena, (uint64_t)artifact->size_bytes),
			  artifact->sha256.text);
	}
	return true;
}

bool ctl_manifest_sign(struct ctl *ctl, struct err *err)
{
	struct manifest manifest;
	struct bytes bytes;

	return read_manifest(ctl, &bytes, &manifest, err) &&
	       signing_file(ctl, ctl_get(ctl, "FILE"), SIGN_AUTHOR, bytes, err);
}
