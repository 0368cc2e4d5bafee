/* SPDX-License-Identifier: Apache-2.0 */
/* What exactly does an approval of this release cover: for keeper, command line and verifier. */

#include "common/wire/content.h"

#include "common/wire/manifest.h"

#include <string.h>

static const char *const kinds[] = {"test", NULL};

static const struct shape_field record_fields[] = {
	SHAPE_UUID(struct content_record, id),
	SHAPE_INT(struct content_record, version, 1, INT32_MAX),
	SHAPE_WORD(struct content_record, kind, kinds),
	SHAPE_SHA256(struct content_record, sha256),
};
static const struct shape content_record_shape =
	SHAPE_PART(struct content_record, record_fields, NULL);

static const struct shape_field ruleset_fields[] = {
	SHAPE_NAME(struct content_ruleset, name, ID_NAME_MAX),
	SHAPE_SHA256(struct content_ruleset, sha256),
};
static const struct shape ruleset_shape = SHAPE_PART(struct content_ruleset, ruleset_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_UUID(struct content, release),
	SHAPE_NAME(struct content, product, ID_NAME_MAX),
	SHAPE_TOKEN(struct content, version, VERSION_MAX),
	SHAPE_INT(struct content, sequence, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct content, manifest_sha256),
	SHAPE_SHA256(struct content, author_cms_sha256),
	SHAPE_LIST(struct content, records, record_count, &content_record_shape, 0,
		   CONTENT_RECORDS_MAX),
	SHAPE_LIST(struct content, rulesets, ruleset_count, &ruleset_shape, 0,
		   CONTENT_RULESETS_MAX),
};

static bool check(const void *value, struct err *err)
{
	const struct content *content = value;

	for (size_t i = 1; i < content->record_count; i++) {
		if (strcmp(content->records[i - 1].id, content->records[i].id) >= 0)
			return err_fail(err, E_DOC_FIELD,
					"Records must be sorted by id, one of each");
	}
	for (size_t i = 1; i < content->ruleset_count; i++) {
		if (strcmp(content->rulesets[i - 1].name, content->rulesets[i].name) >= 0)
			return err_fail(err, E_DOC_FIELD,
					"Rulesets must be sorted by name, one of each");
	}
	return true;
}

static const struct shape shape =
	SHAPE(CONTENT_TYPE, CONTENT_BYTES_MAX, struct content, fields, check);

bool content_parse(struct arena *arena, struct bytes bytes, struct content *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool content_write(struct arena *arena, const struct content *content, struct bytes *out,
		   struct err *err)
{
	return shape_write(arena, &shape, content, out, err);
}
