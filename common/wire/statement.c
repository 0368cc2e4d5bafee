/* SPDX-License-Identifier: Apache-2.0 */
/* What does a person say by signing: for keeper, client and verifier. */

#include "common/wire/statement.h"

static const char *const meanings[] = {"tested", "approved", "released", "resumed", NULL};
static const char *const kinds[] = {"release", "record", "campaign", NULL};

static const struct shape_field object_fields[] = {
	SHAPE_WORD(struct statement_object, kind, kinds),
	SHAPE_UUID(struct statement_object, id),
};
static const struct shape object_shape = SHAPE_PART(struct statement_object, object_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_UUID(struct statement, id),
	SHAPE_UUID(struct statement, challenge),
	SHAPE_NAME(struct statement, person, ID_NAME_MAX),
	SHAPE_LINE(struct statement, name, 1, PERSON_NAME_MAX),
	SHAPE_WORD(struct statement, meaning, meanings),
	SHAPE_OBJECT(struct statement, object, &object_shape),
	SHAPE_SHA256(struct statement, sha256),
	SHAPE_PROSE(struct statement, reason, 0, REASON_MAX),
	SHAPE_TIME(struct statement, at),
	SHAPE_TIME(struct statement, expires_at),
};

static bool check(const void *value, struct err *err)
{
	const struct statement *statement = value;

	if (statement->at >= statement->expires_at)
		return err_fail(err, E_DOC_FIELD, "The statement expires before it is made");
	return true;
}

static const struct shape statement_shape =
	SHAPE(STATEMENT_TYPE, STATEMENT_BYTES_MAX, struct statement, fields, check);

bool statement_parse(struct arena *arena, struct bytes bytes, struct statement *out,
		     struct err *err)
{
	return shape_parse(arena, &statement_shape, bytes, out, err);
}

bool statement_write(struct arena *arena, const struct statement *statement, struct bytes *out,
		     struct err *err)
{
	return shape_write(arena, &statement_shape, statement, out, err);
}

/* ---- the hold that is taken back ---- */

static const struct shape_field hold_fields[] = {
	SHAPE_UUID(struct hold, campaign),
	SHAPE_INT(struct hold, number, 1, INT32_MAX),
	SHAPE_SHA256(struct hold, plan_sha256),
};
static const struct shape hold_shape =
	SHAPE(HOLD_TYPE, STATEMENT_BYTES_MAX, struct hold, hold_fields, NULL);

bool hold_parse(struct arena *arena, struct bytes bytes, struct hold *out, struct err *err)
{
	return shape_parse(arena, &hold_shape, bytes, out, err);
}

bool hold_write(struct arena *arena, const struct hold *hold, struct bytes *out, struct err *err)
{
	return shape_write(arena, &hold_shape, hold, out, err);
}
