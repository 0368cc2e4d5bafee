/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_GITREPO_H
#define SERVICE_KEEPER_GITREPO_H

/*
 * The door to libgit2: a bare repository to which signed commits are added. Fsync is on. The same
 * commit description always gives the same bytes and the same id. Signatures are SSHSIG
 * (PROTOCOL.sshsig of OpenSSH) with namespace "git", Ed25519 and SHA-256, so that git verify-commit checks
 * them with an allowed-signers file.
 */

#include "common/sign.h"

struct gitrepo;

/* Opens the bare repository in this folder; makes it when there is none. */
MUST_CHECK bool gitrepo_new(const char *path, struct gitrepo **out, struct err *err);
void gitrepo_free(struct gitrepo *repo);

struct gitrepo_file {
	const char *path; /* "1.2.0/manifest.json" */
	struct bytes bytes;
};

struct gitrepo_commit {
	const char *parent;		  /* commit id, 40 hex digits; NULL: a root */
	const struct gitrepo_file *files; /* added or replaced; the parent's others stay */
	size_t file_count;
	const char *author; /* an id: becomes "ID <ID@countersign.invalid>" */
	int64_t at_s;	    /* seconds since 1970, UTC */
	const char *message;
};

/* Writes blobs, trees and the signed commit; moves no ref. signature: the armoured text. */
MUST_CHECK bool gitrepo_commit(struct gitrepo *repo, struct arena *arena,
			       const struct gitrepo_commit *commit, const struct sign_key *key,
			       char id[41], const char **signature, struct err *err);

/* Moves a ref from one commit (NULL: it must not exist) to another, by compare and swap. Already at `to`: fine. E_HISTORY_REF
 * when it is elsewhere. */
MUST_CHECK bool gitrepo_move(struct gitrepo *repo, const char *ref, const char *from,
			     const char *to, struct err *err);
/* Where a ref is; found false when there is none. */
MUST_CHECK bool gitrepo_tip(struct gitrepo *repo, const char *ref, bool *found, char id[41],
			    struct err *err);

/* "refs/heads/<line>/<major>", bytes that a ref cannot hold as %XX. */
char *gitrepo_ref_of(struct arena *arena, const char *product, const char *version);

#endif
