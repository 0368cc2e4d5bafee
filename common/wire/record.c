/* SPDX-License-Identifier: Apache-2.0 */
/* What was tested, by whom, with which result: for the desk that takes records and the gate. */

#include "common/wire/record.h"

#include "common/wire/manifest.h"

#include <string.h>

static const struct shape_field subject_fields[] = {
	SHAPE_TOKEN(struct record_subject, name, ARTIFACT_NAME_MAX),
	SHAPE_SHA256(struct record_subject, sha256),
};
static const struct shape subject_shape = SHAPE_PART(struct record_subject, subject_fields, NULL);

static const char *const kinds[] = {"test", NULL};
static const char *const results[] = {"passed", "failed", NULL};

static const struct shape_field fields[] = {
	SHAPE_UUID(struct record, id),
	SHAPE_INT(struct record, version, 1, INT32_MAX),
	SHAPE_WORD(struct record, kind, kinds),
	SHAPE_UUID(struct record, release),
	SHAPE_NAME(struct record, product, ID_NAME_MAX),
	SHAPE_LIST(struct record, subjects, subject_count, &subject_shape, 1, RECORD_SUBJECTS_MAX),
	SHAPE_WORD(struct record, result, results),
	SHAPE_PROSE(struct record, summary, 0, RECORD_SUMMARY_MAX),
	SHAPE_NAME(struct record, tester, ID_NAME_MAX),
	SHAPE_TIME(struct record, performed_at),
};

static bool check(const void *value, struct err *err)
{
	const struct record *record = value;

	for (size_t i = 0; i < record->subject_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(record->subjects[i].name, record->subjects[j].name) == 0)
				return err_fail(err, E_DOC_FIELD, "Subject %s stands twice",
						record->subjects[i].name);
		}
	}
	return true;
}

const struct shape record_shape =
	SHAPE(RECORD_TYPE, RECORD_BYTES_MAX, struct record, fields, check);

bool record_parse(struct arena *arena, struct bytes bytes, struct record *out, struct err *err)
{
	return shape_parse(arena, &record_shape, bytes, out, err);
}

bool record_write(struct arena *arena, const struct record *record, struct bytes *out,
		  struct err *err)
{
	return shape_write(arena, &record_shape, record, out, err);
}
