/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_EXPORT_H
#define SERVICE_MODEL_EXPORT_H

/*
 * Evidence packages of the ledger (docs/protocol/evidence.md): made in a folder of their own, asked
 * for file by file, by digest: "<exports>/<id>/package" is the package, "<exports>/<id>/files" holds
 * a hard link for every digest in it. Scope "all": everything up to the newest checkpoint.
 *
 * One export runs at a time (E_BUSY). It reads a page of events at a time and writes a file at a
 * time; only the list of files is held in memory. What the ledger names and nobody has makes the
 * package INCOMPLETE, which its manifest says; that is no error. The act export.made names size,
 * root and manifest; an export whose event is not sealed in time fails and leaves nothing behind but
 * that event. Files are not flushed to disk: an export that a power cut took is made again.
 */

#include "audit/package.h"
#include "service/model/model.h"

struct export_place {
	const char *exports; /* folder of all exports */
	const char *git;     /* bare repository, read only; NULL: none */
};

struct export_made {
	const char *id;
	struct package package;
	const struct package_file *seal; /* files beside the manifest's; manifest.json first */
	size_t seal_count;
	struct event_id event;
	int64_t index;
};

/* E_CONFIG without a folder for exports; E_EXPORT_EMPTY before the first checkpoint. */
MUST_CHECK bool export_make(struct model *model, const struct act *act,
			    const struct export_place *place, struct export_made *out,
			    struct err *err);

/* The file of this digest of a finished export: its descriptor, to be closed by the caller.
 * E_EXPORT_UNKNOWN. */
MUST_CHECK bool export_open(const struct act *act, const struct export_place *place, const char *id,
			    const struct sha256_hex *sha256, int *fd, int64_t *size_bytes,
			    struct err *err);

#endif
