/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

/*
 * A checkpoint (C2SP tlog-checkpoint): a signed note that states the size and root of the ledger.
 * Three lines: origin, size in decimal, root in base64; no extension lines. The ledger key's name
 * is the
 * origin.
 */

#include "audit/note.h"

struct checkpoint {
	const char *origin;
	int64_t size;
	struct sha256 root;
};

/* The text of a note. */
MUST_CHECK bool checkpoint_text_parse(struct arena *arena, struct bytes text,
				      struct checkpoint *out, struct err *err);
MUST_CHECK bool checkpoint_text_write(struct arena *arena, const struct checkpoint *checkpoint,
				      struct bytes *out, struct err *err);

/* Signed by key, whose name is the checkpoint's origin. */
MUST_CHECK bool checkpoint_open(struct arena *arena, struct bytes note, const struct note_key *key,
				struct checkpoint *out, struct err *err);
MUST_CHECK bool checkpoint_sign(struct arena *arena, const struct checkpoint *checkpoint,
				const struct sign_key *key, struct bytes *out, struct err *err);

#endif
