/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_ARTIFACT_H
#define SERVICE_MODEL_ARTIFACT_H

/*
 * Firmware by digest: <folder>/<first 2 digits>/<sha256>, mode 0440. An upload is digested while it
 * comes, into <folder>/incoming/<instance>/, and gets its name only when whole, synced and equal
 * to the digest of its address; so a cut, a full disk or a wrong byte leaves nothing. What a killed
 * service left in incoming is removed at its next start. ARTIFACT_RESERVE bytes of the disk stay
 * free for what must always be possible: holds, reports.
 *
 * A stored file is looked at again before it is handed out: size, and SHA-256 once for each state
 * (device, inode, size, times of change) of a file; one that differs from its name is refused with
 * E_ARTIFACT_DAMAGED and the event artifact.damaged. Of up to ARTIFACT_CHECKS files it is remembered
 * that they were whole; more only cost the digest again.
 */

#include "service/model/model.h"

#define ARTIFACT_BYTES_MAX (UINT64_C(4) * 1024 * 1024 * 1024)
#define ARTIFACT_RESERVE (UINT64_C(64) * 1024 * 1024)
enum { ARTIFACT_CHECKS = 1024 };

MUST_CHECK bool artifact_open_store(struct model *model, const char *folder, const char *instance,
				    struct err *err);
void artifact_close_store(struct model *model);

struct artifact {
	struct sha256_hex sha256;
	int64_t size_bytes;
	const char *sha1, *md5; /* for foreign clients only */
	const char *stored_by;
	bool before; /* artifact_upload_end: it was there, whole */
};

/* E_ARTIFACT_UNKNOWN. Asks the table only. */
MUST_CHECK bool artifact_get(struct model *model, struct arena *arena, const char *sha256,
			     struct artifact *out, struct err *err);
/* Opens the file for reading; *fd is the caller's to close. E_ARTIFACT_UNKNOWN, E_ARTIFACT_DAMAGED. */
MUST_CHECK bool artifact_open(struct model *model, const struct act *act, const char *sha256,
			      struct artifact *out, int *fd, struct err *err);
/* The same without keeping it open. */
MUST_CHECK bool artifact_check(struct model *model, const struct act *act, const char *sha256,
			       struct artifact *out, struct err *err);

/* One upload: begin, data as often as there is some, then end or abort, which free it. end frees it
 * also when it fails. size: what was announced, UINT64_MAX if nothing was. */
struct artifact_upload;
MUST_CHECK bool artifact_upload_begin(struct model *model, const struct sha256_hex *sha256,
				      uint64_t size, struct artifact_upload **out, struct err *err);
MUST_CHECK bool artifact_upload_data(struct artifact_upload *upload, struct bytes piece,
				     struct err *err);
MUST_CHECK bool artifact_upload_end(struct artifact_upload *upload, const struct act *act,
				    struct artifact *out, struct err *err);
void artifact_upload_abort(struct artifact_upload *upload);

#endif
