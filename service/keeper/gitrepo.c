/* SPDX-License-Identifier: Apache-2.0 */
/* How a signed commit comes into the bare repository: blobs, trees, commit text, SSHSIG, ref. */

#include "service/keeper/gitrepo.h"

#include "common/encode.h"
#include "common/text.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

enum { SSH_SIGNATURE_MAX = 1024, ARMOUR_LINE = 70, FILES_MAX = 16 };

struct gitrepo {
	git_repository *repo;
};

static bool git_failed(const char *what, struct err *err)
{
	const git_error *cause = git_error_last();

	return err_fail(err, E_HISTORY, "%s: %.160s", what,
			cause ? cause->message : "no reason given");
}

bool gitrepo_new(const char *path, struct gitrepo **out, struct err *err)
{
	struct gitrepo *repo = calloc(1, sizeof(*repo));

	if (!repo)
		return err_fail(err, E_OS, "out of memory");
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	/* Nothing of this machine's own git settings may change what is written. */
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, "");
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	if (git_repository_open_bare(&repo->repo, path) != 0 &&
	    git_repository_init(&repo->repo, path, 1) != 0) {
		gitrepo_free(repo);
		return git_failed("the git repository cannot be opened", err);
	}
	*out = repo;
	return true;
}

void gitrepo_free(struct gitrepo *repo)
{
	if (!repo)
		return;
	git_repository_free(repo->repo);
	git_libgit2_shutdown();
	free(repo);
}

/* ---- SSHSIG ---- */

static void put_string(struct text *out, struct bytes bytes)
{
	unsigned char length[4] = {(unsigned char)(bytes.size >> 24),
				   (unsigned char)(bytes.size >> 16),
				   (unsigned char)(bytes.size >> 8), (unsigned char)bytes.size};

	text_add_bytes(out, bytes_of(length, sizeof(length)));
	text_add_bytes(out, bytes);
}

static void put_word(struct text *out, const char *word)
{
	put_string(out, bytes_of_text(word));
}

static char *armour(struct arena *arena, struct bytes blob)
{
	const char *body = encode_base64(arena, blob);
	struct text out;

	text_init(&out, arena, SSH_SIGNATURE_MAX * 2);
	text_add(&out, "-----BEGIN SSH SIGNATURE-----\n");
	for (size_t at = 0; body[at];) {
		size_t length = strlen(body + at) < ARMOUR_LINE ? strlen(body + at) : ARMOUR_LINE;
		text_add_bytes(&out, bytes_of(body + at, length));
		text_add(&out, "\n");
		at += length;
	}
	text_add(&out, "-----END SSH SIGNATURE-----");
	return out.at;
}

static bool ssh_sign(struct arena *arena, const struct sign_key *key, struct bytes message,
		     const char **out, struct err *err)
{
	struct sha256 digest = digest_sha256(message);
	unsigned char raw[32];
	unsigned char signature[SIGN_ED25519_BYTES];
	struct text signed_text;
	struct text public_key;
	struct text blob;
	struct text inner;

	text_init(&signed_text, arena, SSH_SIGNATURE_MAX);
	text_add(&signed_text, "SSHSIG");
	put_word(&signed_text, "git");
	put_word(&signed_text, "");
	put_word(&signed_text, "sha256");
	put_string(&signed_text, bytes_of(digest.at, SHA256_BYTES));
	if (!sign_spki_ed25519_raw(sign_key_spki(key), raw, err) ||
	    !sign_raw(key, text_bytes(&signed_text), signature, err))
		return false;
	text_init(&public_key, arena, SSH_SIGNATURE_MAX);
	put_word(&public_key, "ssh-ed25519");
	put_string(&public_key, bytes_of(raw, sizeof(raw)));
	text_init(&inner, arena, SSH_SIGNATURE_MAX);
	put_word(&inner, "ssh-ed25519");
	put_string(&inner, bytes_of(signature, sizeof(signature)));
	text_init(&blob, arena, SSH_SIGNATURE_MAX);
	text_add(&blob, "SSHSIG");
	text_add_bytes(&blob, bytes_of("\0\0\0\1", 4));
	put_string(&blob, text_bytes(&public_key));
	put_word(&blob, "git");
	put_word(&blob, "");
	put_word(&blob, "sha256");
	put_string(&blob, text_bytes(&inner));
	*out = armour(arena, text_bytes(&blob));
	return true;
}

/* ---- trees ---- */

static bool empty_tree(struct gitrepo *repo, git_tree **out, struct err *err)
{
	git_treebuilder *builder = NULL;
	git_oid id;

	bool made = git_treebuilder_new(&builder, repo->repo, NULL) == 0 &&
		    git_treebuilder_write(&id, builder) == 0 &&
		    git_tree_lookup(out, repo->repo, &id) == 0;
	git_treebuilder_free(builder);
	return made || git_failed("a tree cannot be written", err);
}

/* The parent's tree with the files added or replaced. */
static bool write_tree(struct gitrepo *repo, git_commit *parent,
		       const struct gitrepo_commit *commit, git_tree **out, struct err *err)
{
	git_tree_update updates[FILES_MAX];
	git_tree *base = NULL;
	git_oid id;

	if (commit->file_count > FILES_MAX)
		return err_fail(err, E_BUG, "a commit of more than %d files", FILES_MAX);
	if (parent ? git_commit_tree(&base, parent) != 0 : !empty_tree(repo, &base, err))
		return git_failed("the parent's tree cannot be read", err);
	memset(updates, 0, sizeof(updates));
	bool written = true;
	for (size_t i = 0; written && i < commit->file_count; i++) {
		updates[i].action = GIT_TREE_UPDATE_UPSERT;
		updates[i].filemode = GIT_FILEMODE_BLOB;
		updates[i].path = commit->files[i].path;
		written = git_blob_create_from_buffer(&updates[i].id, repo->repo,
						      commit->files[i].bytes.data,
						      commit->files[i].bytes.size) == 0;
	}
	written =
		written &&
		git_tree_create_updated(&id, repo->repo, base, commit->file_count, updates) == 0 &&
		git_tree_lookup(out, repo->repo, &id) == 0;
	git_tree_free(base);
	return written || git_failed("the tree cannot be written", err);
}

/* ---- the commit ---- */

static bool commit_text(struct gitrepo *repo, struct arena *arena, git_commit *parent,
			git_tree *tree, const struct gitrepo_commit *commit, struct bytes *out,
			struct err *err)
{
	const char *mail = arena_printf(arena, "%s@countersign.invalid", commit->author);
	const git_commit *parents[] = {parent};
	git_signature *author = NULL;
	git_signature *committer = NULL;
	git_buf buffer = {0};

	bool made = git_signature_new(&author, commit->author, mail, commit->at_s, 0) == 0 &&
		    git_signature_new(&committer, "countersign-keeper",
				      "keeper@countersign.invalid", commit->at_s, 0) == 0 &&
		    git_commit_create_buffer(&buffer, repo->repo, author, committer, NULL,
					     commit->message, tree, parent ? 1 : 0, parents) == 0;
	if (made)
		*out = arena_bytes(arena, bytes_of(buffer.ptr, buffer.size));
	git_buf_dispose(&buffer);
	git_signature_free(author);
	git_signature_free(committer);
	return made || git_failed("the commit cannot be made", err);
}

bool gitrepo_commit(struct gitrepo *repo, struct arena *arena, const struct gitrepo_commit *commit,
		    const struct sign_key *key, char id[41], const char **signature,
		    struct err *err)
{
	git_commit *parent = NULL;
	git_tree *tree = NULL;
	struct bytes content;
	git_oid oid;

	if (commit->parent && (git_oid_fromstr(&oid, commit->parent) != 0 ||
			       git_commit_lookup(&parent, repo->repo, &oid) != 0))
		return git_failed("the parent commit is missing", err);
	bool made = write_tree(repo, parent, commit, &tree, err) &&
		    commit_text(repo, arena, parent, tree, commit, &content, err) &&
		    ssh_sign(arena, key, content, signature, err);
	if (made && git_commit_create_with_signature(
			    &oid, repo->repo, arena_text_of(arena, content), *signature, NULL) != 0)
		made = git_failed("the commit cannot be written", err);
	if (made)
		git_oid_tostr(id, 41, &oid);
	git_tree_free(tree);
	git_commit_free(parent);
	return made;
}

/* ---- refs ---- */

bool gitrepo_tip(struct gitrepo *repo, const char *ref, bool *found, char id[41], struct err *err)
{
	git_oid oid;
	int answer = git_reference_name_to_id(&oid, repo->repo, ref);

	if (answer != 0 && answer != GIT_ENOTFOUND)
		return git_failed("a ref cannot be read", err);
	*found = answer == 0;
	if (*found)
		git_oid_tostr(id, 41, &oid);
	return true;
}

bool gitrepo_move(struct gitrepo *repo, const char *ref, const char *from, const char *to,
		  struct err *err)
{
	git_reference *moved = NULL;
	char tip[41];
	git_oid new_id;
	git_oid old_id;
	bool found;

	if (!gitrepo_tip(repo, ref, &found, tip, err))
		return false;
	if (found && strcmp(tip, to) == 0)
		return true;
	if (found != (from != NULL) || (found && strcmp(tip, from) != 0))
		return err_fail(err, E_HISTORY_REF, "%.100s is at %.40s, the record says %.40s",
				ref, found ? tip : "nothing", from ? from : "nothing");
	git_oid_fromstr(&new_id, to);
	int answer;
	if (from) {
		git_oid_fromstr(&old_id, from);
		answer = git_reference_create_matching(&moved, repo->repo, ref, &new_id, 1, &old_id,
						       NULL);
	} else {
		answer = git_reference_create(&moved, repo->repo, ref, &new_id, 0, NULL);
	}
	git_reference_free(moved);
	return answer == 0 || git_failed("the ref cannot be moved", err);
}

static void put_escaped(struct text *out, const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = word[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (plain)
			text_add_bytes(out, bytes_of(&c, 1));
		else
			text_addf(out, "%%%02X", (unsigned char)c);
	}
}

char *gitrepo_ref_of(struct arena *arena, const char *product, const char *version)
{
	struct text out;

	text_init(&out, arena, 1024);
	text_add(&out, "refs/heads/");
	put_escaped(&out, product, strlen(product));
	text_add(&out, "/");
	put_escaped(&out, version, strcspn(version, "."));
	return out.at;
}
