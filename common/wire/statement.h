/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_STATEMENT_H
#define COMMON_WIRE_STATEMENT_H

/*
 * The statement of a signature: what a person signs. The keeper makes it as a challenge; a personal
 * key signs these bytes (CMS, role person), or the person's password confirms them.
 *
 * sha256 says what was shown: of a record its document, of a release its content document, of a
 * campaign its plan (meaning "released") or the hold that is taken back (meaning "resumed").
 */

#include "common/wire/shape.h"

#define STATEMENT_TYPE "countersign.signature.v1"
#define HOLD_TYPE "countersign.hold.v1"
enum { REASON_MAX = 1000, PERSON_NAME_MAX = 200, STATEMENT_BYTES_MAX = 16 * 1024 };

struct statement_object {
	const char *kind; /* "release", "record", "campaign" */
	const char *id;
};

struct statement {
	const char *id; /* of the signature to be */
	const char *challenge;
	const char *person;
	const char *name;    /* the person's, as signed */
	const char *meaning; /* "tested", "approved", "released", "resumed" */
	struct statement_object object;
	struct sha256_hex sha256;
	const char *reason; /* may be empty */
	clock_us at, expires_at;
};

MUST_CHECK bool statement_parse(struct arena *arena, struct bytes bytes, struct statement *out,
				struct err *err);
MUST_CHECK bool statement_write(struct arena *arena, const struct statement *statement,
				struct bytes *out, struct err *err);

/* What a signature with meaning "resumed" covers: hold number n of a campaign. */
struct hold {
	const char *campaign;
	int64_t number;
	struct sha256_hex plan_sha256;
};
MUST_CHECK bool hold_parse(struct arena *arena, struct bytes bytes, struct hold *out,
			   struct err *err);
MUST_CHECK bool hold_write(struct arena *arena, const struct hold *hold, struct bytes *out,
			   struct err *err);

#endif
