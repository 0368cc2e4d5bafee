/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_GIT_H
#define AUDIT_GIT_H

/*
 * Reading git without git: loose objects (zlib over "<kind> <size>\0<bytes>"), named by the SHA-1 of
 * what is inside; commits, trees, and the SSH signature in a commit (PROTOCOL.sshsig of OpenSSH:
 * Ed25519, SHA-256, namespace "git", as the keeper makes them). Packed objects are not read: what
 * goes into a package are loose ones.
 *
 * SHA-1 names are checked, but nothing rests on them alone: what a commit holds is compared with
 * the documents of the ledger byte by byte. Errors: E_GIT_OBJECT, E_SIGNATURE.
 */

#include "common/sign.h"

enum { GITFILE_MAX = 16 * 1024 * 1024, GITFILE_ID = 40 };

struct gitfile_id {
	char text[GITFILE_ID + 1];
};
bool gitfile_id_valid(const char *text);
/* Of the object that these bytes would be: kind "blob", "tree" or "commit". */
struct gitfile_id gitfile_id_of(const char *kind, struct bytes content);

struct gitfile {
	const char *kind; /* "blob", "tree", "commit" */
	struct bytes content;
	struct gitfile_id id;
};
/* A loose object's file. */
MUST_CHECK bool gitfile_read(struct arena *arena, struct bytes file, struct gitfile *out,
			     struct err *err);

/* One entry of a tree. */
struct gitfile_entry {
	bool folder; /* a tree; else a plain file. Links and modules are refused */
	const char *name;
	struct gitfile_id id;
};
MUST_CHECK bool gitfile_tree(struct arena *arena, struct bytes content,
			     const struct gitfile_entry **out, size_t *count, struct err *err);

struct gitfile_commit {
	struct gitfile_id tree;
	struct gitfile_id parent; /* "": a root. More than one is refused */
	const char *author;	  /* "NAME <MAIL> SECONDS +0000" */
	const char *committer;
	const char *signature; /* armoured, lines ended by LF, as it was given to git */
	const char *message;
	struct bytes payload; /* what the signature is over: the commit without it */
};
MUST_CHECK bool gitfile_commit(struct arena *arena, struct bytes content,
			       struct gitfile_commit *out, struct err *err);

/* spki: whose key the signature names; holds: it is that key's over payload. */
MUST_CHECK bool gitfile_check_signature(struct arena *arena, const char *armoured,
					struct bytes payload, struct bytes *spki, struct err *err);

#endif
