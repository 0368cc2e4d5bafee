/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_RECORD_H
#define COMMON_WIRE_RECORD_H

/*
 * A record: an attachment of a release with a meaning; versioned, never overwritten. In this
 * version
 * of one kind, "test": it counts once the person `tester` signed it with meaning "tested".
 */

#include "common/wire/shape.h"

#define RECORD_TYPE "countersign.record.v1"
enum { RECORD_SUBJECTS_MAX = 16, RECORD_SUMMARY_MAX = 4000, RECORD_BYTES_MAX = 64 * 1024 };

struct record_subject { /* an artifact, by what was tested */
	const char *name;
	struct sha256_hex sha256;
};

struct record {
	const char *id; /* UUID, the same for all its versions */
	int64_t version;
	const char *kind; /* "test" */
	const char *release;
	const char *product;
	const struct record_subject *subjects;
	size_t subject_count;
	const char *result; /* "passed" or "failed" */
	const char *summary;
	const char *tester; /* a person */
	clock_us performed_at;
};
extern const struct shape record_shape; /* policy facts carry the record as an object */

MUST_CHECK bool record_parse(struct arena *arena, struct bytes bytes, struct record *out,
			     struct err *err);
MUST_CHECK bool record_write(struct arena *arena, const struct record *record, struct bytes *out,
			     struct err *err);

#endif
