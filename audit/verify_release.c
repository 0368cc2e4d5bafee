/* SPDX-License-Identifier: Apache-2.0 */
/* Who made this release, of what, and what records were added to it? */

#include "audit/verify_internal.h"

#include "common/wire/record.h"

#include <string.h>

/* ---- what the service says: counts only against ---- */

static void contribute(struct verify *verify, struct names *to, const char *name)
{
	struct verify_contribution *one = arena_alloc(verify->arena, sizeof(*one));

	if (strcmp(verify->view->actor_kind, "person") != 0)
		return;
	*one = (struct verify_contribution){.next = names_find(to, name),
					    .person = verify_keep(verify, verify->view->actor_id),
					    .at = verify->view->at};
	names_put(to, name, one);
}

void verify_artifact_stored(struct verify *verify)
{
	struct sha256_hex sha256;

	if (verify_sha256_of(verify, "sha256", &sha256))
		contribute(verify, verify->uploads, sha256.text);
}

void verify_release_drafted(struct verify *verify)
{
	struct sha256_hex sha256;
	struct bytes unused;

	contribute(verify, verify->drafts, verify_stream_of(verify, STREAM_RELEASE));
	if (verify_sha256_of(verify, "manifest_sha256", &sha256) &&
	    verify_document(verify, sha256.text, &unused))
		return;
}

/* ---- sealing ---- */

static bool check_author(struct verify *verify, const struct verify_release *release,
			 struct bytes manifest)
{
	const char *path = package_signature_path(verify->work, release->manifest_sha256.text,
						  "author", release->author_key_id.text);
	const struct trust_entry *entry;
	struct sign_cert signer;
	struct err why = {0};
	struct bytes cms;

	if (!verify_listed_file(verify, path, VERIFY_CMS_MAX, &cms))
		return false;
	if (strcmp(digest_sha256_hex(cms).text, release->author_cms_sha256.text) != 0)
		return verify_tampered(verify, path,
				       "it is not the author's signature that the event names");
	if (!sign_cms_check(verify->work, cms, manifest, SIGN_AUTHOR, verify->view->at, &signer,
			    &why) ||
	    !verify_trust_key(verify, TRUST_AUTHOR, &signer.key_id, release->product, &entry, &why))
		return verify_tampered(verify, path, "the author's signature does not hold: %s",
				       why.text);
	if (strcmp(signer.key_id.text, release->author_key_id.text) != 0)
		return verify_tampered(verify, path, "another key signed than the event names");
	return true;
}

static void keep_artifacts(struct verify *verify, struct verify_release *release,
			   const struct manifest *manifest)
{
	struct manifest_artifact *artifacts =
		arena_array(verify->arena, manifest->artifact_count, sizeof(*artifacts));
	const char **hardware =
		arena_array(verify->arena, manifest->hardware.count + 1, sizeof(*hardware));

	for (size_t i = 0; i < manifest->artifact_count; i++) {
		artifacts[i] = manifest->artifacts[i];
		artifacts[i].name = verify_keep(verify, artifacts[i].name);
	}
	for (size_t i = 0; i < manifest->hardware.count; i++)
		hardware[i] = verify_keep(verify, manifest->hardware.at[i]);
	release->artifacts = artifacts;
	release->artifact_count = manifest->artifact_count;
	release->hardware = (struct text_list){.at = hardware, .count = manifest->hardware.count};
}

static void check_unique(struct verify *verify, const struct verify_release *release)
{
	const char *names[] = {
		arena_printf(verify->work, "%s version %s", release->product, release->version),
		arena_printf(verify->work, "%s sequence %lld", release->product,
			     (long long)release->sequence),
	};

	for (size_t i = 0; i < 2; i++) {
		if (names_find(verify->versions, names[i]))
			verify_find(verify, VERIFY_TAMPERED, NULL, "%s was sealed before",
				    names[i]);
		names_put(verify->versions, names[i], verify);
	}
}

static void expect_release_commit(struct verify *verify, const struct verify_release *release)
{
	struct arena *work = verify->work;
	struct verify_act commit = {
		.ref = verify_git_ref(work, release->product, release->version),
		.release = release->id,
		.paths = {arena_printf(work, "%s/manifest.json", release->version),
			  arena_printf(work, "%s/author.p7s", release->version)},
		.documents = {package_document_path(work, release->manifest_sha256.text),
			      package_signature_path(work, release->manifest_sha256.text, "author",
						     release->author_key_id.text)},
		.count = 2,
	};

	verify_git_expect(verify, &commit);
}

static void check_manifest(struct verify *verify, struct verify_release *release,
			   struct bytes document)
{
	const char *path = package_document_path(verify->work, release->manifest_sha256.text);
	struct manifest manifest;
	struct err why = {0};

	if (!manifest_parse(verify->work, document, &manifest, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "it is no manifest: %s", why.text);
		return;
	}
	if (strcmp(manifest.product, release->product) != 0 ||
	    strcmp(manifest.version, release->version) != 0 ||
	    manifest.sequence != release->sequence)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event and the manifest name different products, versions or "
			    "sequence numbers");
	keep_artifacts(verify, release, &manifest);
	(void)check_author(verify, release, document);
}

void verify_release_sealed(struct verify *verify)
{
	struct verify_release *release = arena_alloc(verify->arena, sizeof(*release));
	struct bytes document;

	*release = (struct verify_release){
		.id = verify_keep(verify, verify_stream_of(verify, STREAM_RELEASE)),
		.product = verify_keep(verify, verify_text_of(verify, "product")),
		.version = verify_keep(verify, verify_text_of(verify, "version")),
		.sequence = verify_int_of(verify, "sequence"),
	};
	verify_begin(verify, &release->life);
	if (!verify_sha256_of(verify, "manifest_sha256", &release->manifest_sha256) ||
	    !verify_sha256_of(verify, "author_cms_sha256", &release->author_cms_sha256) ||
	    !verify_sha256_of(verify, "author_key_id", &release->author_key_id))
		return;
	if (names_find(verify->releases, release->id))
		verify_find(verify, VERIFY_TAMPERED, NULL, "this release was sealed before");
	if (!names_find(verify->products, release->product) ||
	    strcmp(verify_stream_of(verify, STREAM_PRODUCT), release->product) != 0)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "there was no product %.64s in the directory, or it is another than "
			    "that of its stream",
			    release->product);
	check_unique(verify, release);
	names_put(verify->releases, release->id, release);
	verify_counted(verify, COUNT_RELEASES);
	if (verify_document(verify, release->manifest_sha256.text, &document))
		check_manifest(verify, release, document);
	expect_release_commit(verify, release);
}

void verify_release_withdrawn(struct verify *verify)
{
	struct verify_release *release =
		names_find(verify->releases, verify_stream_of(verify, STREAM_RELEASE));

	if (release && release->life.until_index < 0)
		verify_end(verify, &release->life);
}

/* ---- records ---- */

static bool subjects_fit(const struct verify_release *release, const struct record *record)
{
	for (size_t i = 0; i < record->subject_count; i++) {
		bool found = false;
		for (size_t a = 0; a < release->artifact_count; a++)
			found = found || (strcmp(release->artifacts[a].name,
						 record->subjects[i].name) == 0 &&
					  strcmp(release->artifacts[a].sha256.text,
						 record->subjects[i].sha256.text) == 0);
		if (!found)
			return false;
	}
	return true;
}

static void check_record(struct verify *verify, const struct verify_record *state,
			 struct verify_version *version)
{
	const char *path = package_document_path(verify->work, version->sha256.text);
	struct record record;
	struct err why = {0};
	struct bytes document;

	if (!verify_document(verify, version->sha256.text, &document))
		return;
	if (!record_parse(verify->work, document, &record, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "it is no record: %s", why.text);
		return;
	}
	version->tester = verify_keep(verify, record.tester);
	if (strcmp(record.id, state->id) != 0 || record.version != version->version ||
	    strcmp(record.kind, version->kind) != 0 ||
	    strcmp(record.release, state->release->id) != 0 ||
	    strcmp(record.product, state->release->product) != 0)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event and the record name different things");
	if (!subjects_fit(state->release, &record))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the record is about an artifact that the release does not have");
}

static struct verify_record *record_at(struct verify *verify, const char *id,
				       struct verify_release *release)
{
	struct verify_record *record = names_find(verify->records, id);

	if (record) {
		if (record->release != release)
			verify_find(verify, VERIFY_TAMPERED, NULL,
				    "this record belongs to another release");
		return record;
	}
	record = arena_alloc(verify->arena, sizeof(*record));
	*record = (struct verify_record){
		.next = release->records, .id = verify_keep(verify, id), .release = release};
	release->records = record;
	names_put(verify->records, id, record);
	return record;
}

void verify_record_added(struct verify *verify)
{
	struct verify_version *version = arena_alloc(verify->arena, sizeof(*version));
	struct verify_release *release =
		names_find(verify->releases, verify_stream_of(verify, STREAM_RELEASE));

	if (!release) {
		verify_find(verify, VERIFY_TAMPERED, NULL, "its release was not sealed before");
		return;
	}
	struct verify_record *record = record_at(verify, verify_text_of(verify, "record"), release);
	*version = (struct verify_version){
		.before = record->newest,
		.version = verify_int_of(verify, "version"),
		.kind = verify_keep(verify, verify_text_of(verify, "kind")),
		.added_by = verify_keep(verify, verify_text_of(verify, "added_by")),
		.tester = "",
	};
	if (!verify_sha256_of(verify, "sha256", &version->sha256))
		return;
	verify_begin(verify, &version->life);
	if (version->version != (record->newest ? record->newest->version + 1 : 1))
		verify_find(verify, VERIFY_TAMPERED, NULL, "it is not the record's next version");
	if (record->newest)
		verify_end(verify, &record->newest->life);
	record->newest = version;
	verify_counted(verify, COUNT_RECORDS);
	check_record(verify, record, version);
	struct verify_act commit = {
		.ref = verify_git_ref(verify->work, release->product, release->version),
		.release = release->id,
		.paths = {arena_printf(verify->work, "%s/records/%s/%lld.json", release->version,
				       record->id, (long long)version->version)},
		.documents = {package_document_path(verify->work, version->sha256.text)},
		.count = 1,
	};
	verify_git_expect(verify, &commit);
}
