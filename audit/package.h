/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_PACKAGE_H
#define AUDIT_PACKAGE_H

/*
 * The evidence package: a folder that proves itself (docs/protocol/evidence.md).
 *
 *	manifest.json		every file below content/ by size and digest, and what is missing
 *	content/		the same bytes whenever the same range of the ledger is exported
 *	seal/			who exported it, and that the log went on from there (package_seal.h)
 *
 * Writing: package_begin, package_add for each file in any order, package_finish. Reading:
 * package_open reads the manifest; nothing else is believed until it was checked. Files are written
 * and read one at a time; the list of them is kept in memory, at most PACKAGE_FILES_MAX.
 *
 * Paths are relative, of letters, digits and . _ - % : / with no part that is empty or begins with a
 * stop. Errors: E_PACKAGE for a folder or manifest that is none, E_PACKAGE_LIMIT, E_FILE.
 */

#include "common/arena.h"
#include "common/digest.h"
#include "common/err.h"

#include <stdint.h>

#define PACKAGE_TYPE "countersign.package.v1"
enum {
	PACKAGE_FILES_MAX = 49000,
	PACKAGE_PATH_MAX = 240,
	PACKAGE_FILE_MAX = 16 * 1024 * 1024, /* a bundle of 256 events of 60,000 bytes fits */
	PACKAGE_MANIFEST_MAX = 20 * 1024 * 1024,
	PACKAGE_ENTRIES = 256, /* events in a bundle */
	PACKAGE_LEASES = 128,  /* leases in a file of leases: document, signature, document, ... */
};

struct package_file {
	const char *path;
	int64_t size_bytes;
	struct sha256_hex sha256;
};
struct package_missing {
	const char *path;
};

/* What manifest.json says. */
struct package {
	const char *scope;  /* "all" */
	const char *origin; /* of the ledger */
	int64_t size;	    /* events 0 to size - 1 */
	struct sha256_hex root;
	struct sha256_hex chain;	  /* of the last event */
	const struct package_file *files; /* sorted by path */
	size_t file_count;
	const struct package_missing *missing; /* sorted by path */
	size_t missing_count;
	/* Not in the document: */
	const char *folder;
	struct sha256_hex sha256; /* of the manifest */
};

bool package_path_valid(const char *path);
/* "content/events/000000000": the bundle of events 256 * number and on. */
char *package_bundle_path(struct arena *arena, int64_t number);
/* "content/leases/000000000": the leases of events lease.issued, in order, as a bundle; an empty
 * document: it is missing. */
char *package_lease_path(struct arena *arena, int64_t number);
/* "content/targets/<campaign>": leaves of the target tree in order, each behind its length (u16
 * big-endian). */
char *package_target_path(struct arena *arena, const char *campaign);
char *package_document_path(struct arena *arena, const char *sha256);
/* "content/signatures/<sha256>/<role>-<key_id>.p7s" */
char *package_signature_path(struct arena *arena, const char *sha256, const char *role,
			     const char *key_id);
char *package_object_path(struct arena *arena, const char *id); /* of a git object */

/* ---- writing ---- */

struct package_writer;

/* Makes the folder, which must not exist. */
MUST_CHECK bool package_begin(struct arena *arena, const char *folder, struct package_writer **out,
			      struct err *err);
/* Added or said to be missing already? Then neither has to be done again. */
bool package_has(const struct package_writer *writer, const char *path);
/* path begins with "content/". Not flushed to disk: a cut export is made again. */
MUST_CHECK bool package_add(struct package_writer *writer, const char *path, struct bytes bytes,
			    struct err *err);
MUST_CHECK bool package_miss(struct package_writer *writer, const char *path, struct err *err);
size_t package_missed(const struct package_writer *writer);
/* Writes manifest.json; of head scope, origin, size, root and chain are taken. */
MUST_CHECK bool package_finish(struct package_writer *writer, const struct package *head,
			       struct package *out, struct err *err);
/* A file of the seal, beside the manifest: not listed. */
MUST_CHECK bool package_put_seal(const char *folder, const char *path, struct bytes bytes,
				 struct err *err);

/* ---- reading ---- */

MUST_CHECK bool package_open(struct arena *arena, const char *folder, struct package *out,
			     struct err *err);
/* NULL if it is not listed. */
const struct package_file *package_find(const struct package *package, const char *path);
/* The first listed file whose path is not before this one: for all that begin with a prefix. */
size_t package_first(const struct package *package, const char *path);
/* Any file of the folder, not through links, of at most max bytes; not compared with anything. */
MUST_CHECK bool package_read(struct arena *arena, const struct package *package, const char *path,
			     size_t max, struct bytes *out, struct err *err);
/* A listed file, piece by piece: E_PACKAGE with what is wrong about its size or digest, E_FILE when
 * it cannot be read. */
MUST_CHECK bool package_check(const struct package *package, const struct package_file *file,
			      struct err *err);

#endif
