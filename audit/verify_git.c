/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the git record the one that the ledger makes? Each commit belongs to one act, holds exactly
 * that act's documents beside what its parent held, names the ledger's index and checkpoint, and is
 * signed by a git key that was trusted.
 */

#include "audit/verify_internal.h"

#include "audit/git.h"
#include "common/text.h"

#include <string.h>

enum { TREE_DEEP = 6, TAIL_MAX = 1024 };

static const char objects_folder[] = "content/git/objects/";

/* ---- names that the keeper gives ---- */

/* "refs/heads/<product>/<major>"; bytes that a ref cannot hold as %XX. */
char *verify_git_ref(struct arena *arena, const char *product, const char *version)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-_";
	const char *words[] = {product, version};
	size_t lengths[] = {strlen(product), strcspn(version, ".")};
	struct text out;

	text_init(&out, arena, TAIL_MAX);
	text_add(&out, "refs/heads");
	for (size_t w = 0; w < 2; w++) {
		text_add(&out, "/");
		for (size_t i = 0; i < lengths[w]; i++) {
			if (strchr(plain, words[w][i]))
				text_add_bytes(&out, bytes_of(words[w] + i, 1));
			else
				text_addf(&out, "%%%02X", (unsigned char)words[w][i]);
		}
	}
	return out.at;
}

/* As libgit2 writes a name: without what surrounds names in headers. */
static char *git_name(struct arena *arena, const char *name)
{
	static const char crud[] = " .,:;<>\"\\'";
	size_t length = strlen(name);

	while (length > 0 && strchr(crud, name[length - 1]))
		length--;
	size_t from = strspn(name, crud);
	return arena_text_of(arena, bytes_of(name + (from < length ? from : 0),
					     from < length ? length - from : 0));
}

void verify_git_expect(struct verify *verify, const struct verify_act *act)
{
	struct verify_act *kept = arena_alloc(verify->arena, sizeof(*kept));

	*kept = *act;
	kept->index = verify->index;
	kept->at = verify->view->at;
	kept->kind = verify->view->event.kind;
	kept->actor = verify_keep(verify, verify->view->actor_id);
	kept->ref = verify_keep(verify, act->ref);
	for (size_t i = 0; i < act->count; i++) {
		kept->paths[i] = verify_keep(verify, act->paths[i]);
		kept->documents[i] = verify_keep(verify, act->documents[i]);
	}
	names_put(verify->acts_by_event, verify->view->event.id.text, kept);
}

/* ---- objects ---- */

struct writing {
	struct verify *verify;
	const struct verify_act *act;
	const char *path; /* of the commit's file */
	struct gitfile_id id;
	struct gitfile_commit commit;
	bool sound;
};

#define unsound(at, ...) ((at)->sound = verify_tampered((at)->verify, (at)->path, __VA_ARGS__))

static bool read_object(struct verify *verify, const struct gitfile_id *id, const char *kind,
			struct bytes *out)
{
	const char *path = package_object_path(verify->work, id->text);
	struct gitfile object;
	struct err why = {0};
	struct bytes file;

	if (!verify_listed_file(verify, path, PACKAGE_FILE_MAX, &file))
		return false;
	if (!gitfile_read(verify->work, file, &object, &why))
		return verify_tampered(verify, path, "%s", why.text);
	if (strcmp(object.id.text, id->text) != 0 || strcmp(object.kind, kind) != 0)
		return verify_tampered(verify, path, "it is not the %s of its name", kind);
	*out = object.content;
	return true;
}

static bool read_tree(struct verify *verify, const struct gitfile_id *id,
		      const struct gitfile_entry **entries, size_t *count)
{
	struct err why = {0};
	struct bytes content;

	*entries = NULL;
	*count = 0;
	if (!id->text[0])
		return true;
	if (!read_object(verify, id, "tree", &content))
		return false;
	if (!gitfile_tree(verify->work, content, entries, count, &why))
		return verify_tampered(verify, package_object_path(verify->work, id->text), "%s",
				       why.text);
	return true;
}

static const struct gitfile_entry *entry_named(const struct gitfile_entry *entries, size_t count,
					       const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(entries[i].name, name) == 0)
			return &entries[i];
	}
	return NULL;
}

/* The blob at a path of a tree; false: none (a finding only for what cannot be read). */
static bool find_blob(struct verify *verify, struct gitfile_id tree, const char *path,
		      struct bytes *out)
{
	while (true) {
		size_t length = strcspn(path, "/");
		const struct gitfile_entry *entries;
		size_t count;
		if (!read_tree(verify, &tree, &entries, &count))
			return false;
		const struct gitfile_entry *entry = entry_named(
			entries, count, arena_text_of(verify->work, bytes_of(path, length)));
		if (!entry || entry->folder != (path[length] == '/'))
			return false;
		if (!entry->folder)
			return read_object(verify, &entry->id, "blob", out);
		tree = entry->id;
		path += length + 1;
	}
}

/* ---- what a commit adds ---- */

static bool expected_path(const struct verify_act *act, const char *path)
{
	if (strcmp(path, "checkpoint") == 0)
		return true;
	for (size_t i = 0; i < act->count; i++) {
		if (strcmp(act->paths[i], path) == 0)
			return true;
	}
	return false;
}

/* Every file in which the two trees differ is one of the act's. */
static void compare_trees(struct writing *at, const struct gitfile_id *before,
			  const struct gitfile_id *after, const char *prefix, int depth)
{
	const struct gitfile_entry *old = NULL, *new = NULL;
	size_t old_count, new_count;

	if (depth > TREE_DEEP) {
		unsound(at, "its tree is deeper than the keeper makes them");
		return;
	}
	if (!read_tree(at->verify, before, &old, &old_count) ||
	    !read_tree(at->verify, after, &new, &new_count)) {
		at->sound = false;
		return;
	}
	for (size_t i = 0; i < new_count; i++) {
		const struct gitfile_entry *was = entry_named(old, old_count, new[i].name);
		const char *path = arena_printf(at->verify->work, "%s%s", prefix, new[i].name);
		struct gitfile_id none = {.text = ""};
		if (was && was->folder == new[i].folder &&strcmp(was->id.text, new[i].id.text) == 0)
			continue;
		if (new[i].folder)
			compare_trees(at, was && was->folder ? &was->id : &none, &new[i].id,
				      arena_printf(at->verify->work, "%s/", path), depth + 1);
		else if (!expected_path(at->act, path))
			unsound(at, "it changes %.160s, which is not of its act", path);
	}
	for (size_t i = 0; i < old_count; i++) {
		const struct gitfile_entry *is = entry_named(new, new_count, old[i].name);
		if (!is || is->folder != old[i].folder)
			unsound(at, "it takes away %.80s%.80s", prefix, old[i].name);
	}
}

static void check_documents(struct writing *at)
{
	struct verify *verify = at->verify;

	for (size_t i = 0; i < at->act->count; i++) {
		struct bytes document, blob;
		if (!verify_listed_file(verify, at->act->documents[i], PACKAGE_FILE_MAX, &document))
			continue;
		if (!find_blob(verify, at->commit.tree, at->act->paths[i], &blob) ||
		    !bytes_equal(blob, document))
			unsound(at, "its file %.160s is not the document of the ledger",
				at->act->paths[i]);
	}
}

static void check_tree(struct writing *at)
{
	struct gitfile_id before = {.text = ""};
	struct gitfile_commit parent;
	struct err why = {0};
	struct bytes content;

	if (at->commit.parent.text[0]) {
		if (!read_object(at->verify, &at->commit.parent, "commit", &content) ||
		    !gitfile_commit(at->verify->work, content, &parent, &why)) {
			unsound(at, "its parent cannot be read");
			return;
		}
		before = parent.tree;
	}
	compare_trees(at, &before, &at->commit.tree, "", 0);
	check_documents(at);
}

/* ---- what a commit says ---- */

static bool ends_with(const char *text, const char *tail)
{
	size_t length = strlen(text);
	size_t tail_length = strlen(tail);

	return length >= tail_length && strcmp(text + length - tail_length, tail) == 0;
}

/* The checkpoint in it covers the act, and the message names both. */
static void check_checkpoint(struct writing *at)
{
	struct verify *verify = at->verify;
	struct checkpoint checkpoint;
	struct err why = {0};
	struct bytes note;

	if (!find_blob(verify, at->commit.tree, "checkpoint", &note) ||
	    !verify_open_checkpoint(verify, note, &checkpoint, &why)) {
		unsound(at, "it holds no checkpoint of this ledger%s%s", why.text[0] ? ": " : "",
			why.text);
		return;
	}
	if (checkpoint.size <= at->act->index || checkpoint.size > verify->index)
		unsound(at, "its checkpoint of %lld events was not the one to name",
			(long long)checkpoint.size);
	const char *tail = arena_printf(
		verify->work,
		"\n\nEvent: %s\nLedger-Index: %lld\nCheckpoint-Size: %lld\nCheckpoint: sha256:%s\n",
		verify_text_of(verify, "act"), (long long)at->act->index,
		(long long)checkpoint.size, digest_sha256_hex(note).text);
	if (!ends_with(at->commit.message, tail))
		unsound(at, "its message does not name the event, index and checkpoint of its act");
	verify_expect_root(verify, &checkpoint,
			   arena_printf(verify->work, "the checkpoint in commit %s", at->id.text),
			   at->path);
}

static void check_people(struct writing *at)
{
	struct arena *work = at->verify->work;
	long long seconds = (long long)(at->act->at / CLOCK_SECOND);
	const char *author = arena_printf(work, "%s <%s@countersign.invalid> %lld +0000",
					  git_name(work, at->act->actor), at->act->actor, seconds);
	const char *committer = arena_printf(
		work, "countersign-keeper <keeper@countersign.invalid> %lld +0000", seconds);

	if (strcmp(at->commit.author, author) != 0 || strcmp(at->commit.committer, committer) != 0)
		unsound(at, "it names another author, committer or time than its act");
}

static void check_signature(struct writing *at)
{
	struct verify *verify = at->verify;
	const char *said = verify_text_of(verify, "signature");
	const struct trust_entry *entry;
	struct sha256_hex key_id;
	struct err why = {0};
	struct bytes spki;

	if (strcmp(said, at->commit.signature) != 0)
		unsound(at, "its signature is not the one that the event holds");
	if (!gitfile_check_signature(verify->work, at->commit.signature, at->commit.payload, &spki,
				     &why)) {
		unsound(at, "its signature does not hold: %s", why.text);
		return;
	}
	key_id = sign_key_id(spki);
	if (!verify_trust_key(verify, TRUST_GIT, &key_id, NULL, &entry, &why))
		unsound(at, "it is not signed by a git key that was trusted then: %s", why.text);
}

/* ---- one commit ---- */

static bool open_commit(struct writing *at)
{
	struct verify *verify = at->verify;
	const char *id = verify_text_of(verify, "commit");
	struct err why = {0};
	struct bytes content;

	if (!gitfile_id_valid(id))
		return verify_tampered(verify, NULL, "its commit is not the id of one");
	memcpy(at->id.text, id, sizeof(at->id.text));
	at->path = package_object_path(verify->work, id);
	if (!read_object(verify, &at->id, "commit", &content))
		return false;
	if (!gitfile_commit(verify->work, content, &at->commit, &why))
		return verify_tampered(verify, at->path, "%s", why.text);
	return true;
}

static void take_place(struct writing *at)
{
	struct verify *verify = at->verify;
	const char *tip = names_find(verify->refs, at->act->ref);

	if (strcmp(verify_text_of(verify, "ref"), at->act->ref) != 0)
		unsound(at, "it stands in another ref than %.160s, where its act belongs",
			at->act->ref);
	if (strcmp(tip ? tip : "", at->commit.parent.text) != 0)
		unsound(at, "its parent is not the commit before it in %.160s", at->act->ref);
	names_put(verify->refs, at->act->ref, arena_text(verify->arena, at->id.text));
}

void verify_history_written(struct verify *verify)
{
	struct verify_act *act = names_find(verify->acts_by_event, verify_text_of(verify, "act"));
	struct writing at = {.verify = verify, .act = act, .sound = true};

	if (!act || act->written) {
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "no act before it waits for a commit, or it has one already");
		return;
	}
	act->written = true;
	if (!open_commit(&at))
		return;
	take_place(&at);
	check_people(&at);
	check_checkpoint(&at);
	check_signature(&at);
	check_tree(&at);
	if (at.sound)
		verify_counted(verify, COUNT_COMMITS);
}

/* ---- the folder as a whole ---- */

static void check_text(struct verify *verify, const char *path, const char *text)
{
	struct bytes file;

	if (verify_listed_file(verify, path, TAIL_MAX, &file) &&
	    !bytes_equal(file, bytes_of_text(text)))
		verify_find(verify, VERIFY_TAMPERED, path, "it does not say what the ledger says");
}

static void check_listed(struct verify *verify, const char *path)
{
	size_t prefix = sizeof(objects_folder) - 1;
	struct gitfile object;
	struct err why = {0};
	struct bytes file;

	if (strncmp(path, objects_folder, prefix) != 0) {
		const char *ref = path + strlen("content/git/");
		if (!names_find(verify->refs, ref) && strcmp(ref, "HEAD") != 0)
			verify_find(verify, VERIFY_TAMPERED, path,
				    "the ledger knows of no such ref");
		return;
	}
	if (!verify_listed_file(verify, path, PACKAGE_FILE_MAX, &file))
		return;
	if (!gitfile_read(verify->work, file, &object, &why))
		verify_find(verify, VERIFY_TAMPERED, path, "%s", why.text);
	else if (strcmp(package_object_path(verify->work, object.id.text), path) != 0)
		verify_find(verify, VERIFY_TAMPERED, path, "its bytes are not those of its name");
}

static void note_unwritten(struct verify *verify)
{
	long long waiting = 0;

	for (size_t i = 0; i < names_count(verify->acts_by_event); i++) {
		void *act;
		(void)names_at(verify->acts_by_event, i, &act);
		waiting += !((const struct verify_act *)act)->written;
	}
	if (waiting > 0)
		verify_find(verify, VERIFY_NOTE, NULL,
			    "%lld acts had no commit in the git record yet", waiting);
}

void verify_git_end(struct verify *verify)
{
	const struct package *package = &verify->package;

	note_unwritten(verify);
	if (names_count(verify->refs) > 0)
		check_text(verify, "content/git/HEAD", "ref: refs/heads/policy\n");
	for (size_t i = 0; i < names_count(verify->refs); i++) {
		void *tip;
		const char *ref = names_at(verify->refs, i, &tip);
		check_text(verify, arena_printf(verify->work, "content/git/%s", ref),
			   arena_printf(verify->work, "%s\n", (const char *)tip));
		arena_reset(verify->work);
	}
	for (size_t i = package_first(package, "content/git/");
	     i < package->file_count &&
	     strncmp(package->files[i].path, "content/git/", strlen("content/git/")) == 0;
	     i++) {
		check_listed(verify, package->files[i].path);
		arena_reset(verify->work);
	}
}
