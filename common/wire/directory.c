/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who are the people, keys, products, rulesets and devices from now on: for the keeper that takes
 * the statement in, the admins' command line, and the verifier that walks them again.
 */

#include "common/wire/directory.h"

#include <string.h>

enum { CERTIFICATE_MAX = 16 * 1024, SPKI_MAX = 1024, RULESETS_MAX = 64, HARDWARE_MAX = 64 };

const char *const directory_roles[] = {
	"author",     "tester",	 "qa",	       "regulatory",	  "security",
	"clinical",   "prrc",	 "risk_owner", "release_manager", "support",
	"site_owner", "auditor", "admin",      "policy_owner",	  NULL,
};
const char *const assurance_words[] = {"link-gated", "signature-checked", "permit-checked", NULL};

int assurance_rank(const char *word)
{
	for (int i = 0; assurance_words[i]; i++) {
		if (strcmp(assurance_words[i], word) == 0)
			return i;
	}
	return -1;
}

/* ---- the acts, in the order of enum directory_kind ---- */

static const struct shape_field person_add[] = {
	SHAPE_NAME(struct directory_act, person, ID_NAME_MAX),
	SHAPE_LINE(struct directory_act, name, 1, PERSON_NAME_MAX),
	SHAPE_LINE(struct directory_act, organisation, 1, PERSON_NAME_MAX),
};
static const struct shape_field person_invite[] = {
	SHAPE_NAME(struct directory_act, person, ID_NAME_MAX),
	SHAPE_SHA256(struct directory_act, token_sha256),
	SHAPE_TIME(struct directory_act, expires_at),
};
static const struct shape_field person_leave[] = {
	SHAPE_NAME(struct directory_act, person, ID_NAME_MAX),
};
static const struct shape_field role_grant[] = {
	SHAPE_NAME(struct directory_act, person, ID_NAME_MAX),
	SHAPE_WORD(struct directory_act, role, directory_roles),
	SHAPE_LINE(struct directory_act, product, 1, ID_NAME_MAX), /* a name, or "*": see check */
};
static const struct shape_field key_enrol[] = {
	SHAPE_NAME(struct directory_act, person, ID_NAME_MAX),
	SHAPE_BYTES(struct directory_act, certificate, 1, CERTIFICATE_MAX),
};
static const struct shape_field key_revoke[] = {
	SHAPE_SHA256(struct directory_act, key_id),
};
static const struct shape_field product_put[] = {
	SHAPE_NAME(struct directory_act, product, ID_NAME_MAX),
	SHAPE_LINE(struct directory_act, name, 1, PERSON_NAME_MAX),
	SHAPE_NAMES(struct directory_act, hardware, 1, HARDWARE_MAX),
	SHAPE_NAMES(struct directory_act, rulesets, 1, RULESETS_MAX),
};
static const struct shape_field ruleset_adopt[] = {
	SHAPE_NAME(struct directory_act, name, ID_NAME_MAX),
	SHAPE_SHA256(struct directory_act, sha256),
};
static const struct shape_field device_register[] = {
	SHAPE_NAME(struct directory_act, device, ID_DEVICE_MAX),
	SHAPE_NAME(struct directory_act, product, ID_NAME_MAX),
	SHAPE_LINE(struct directory_act, serial, 1, ID_DEVICE_MAX),
	{
		.key = "hardware",
		.kind = SHAPE_KIND_NAME,
		.offset = offsetof(struct directory_act, device_hardware),
		.min = 1,
		.max = ID_NAME_MAX,
	},
	SHAPE_NAME(struct directory_act, market, ID_NAME_MAX),
	SHAPE_NAME(struct directory_act, site, ID_NAME_MAX),
	SHAPE_WORD(struct directory_act, assurance, assurance_words),
	SHAPE_BYTES_OPT(struct directory_act, report_key, SPKI_MAX),
};
static const struct shape_field device_revoke[] = {
	SHAPE_NAME(struct directory_act, device, ID_DEVICE_MAX),
};

#define ACT(word, fields)                             \
	{                                             \
		(word), (fields), SHAPE_COUNT(fields) \
	}
static const struct shape_variant acts[DIRECTORY_KINDS] = {
	[DIRECTORY_PERSON_ADD] = ACT("person.add", person_add),
	[DIRECTORY_PERSON_INVITE] = ACT("person.invite", person_invite),
	[DIRECTORY_PERSON_LEAVE] = ACT("person.leave", person_leave),
	[DIRECTORY_ROLE_GRANT] = ACT("role.grant", role_grant),
	[DIRECTORY_ROLE_REVOKE] = ACT("role.revoke", role_grant),
	[DIRECTORY_KEY_ENROL] = ACT("key.enrol", key_enrol),
	[DIRECTORY_KEY_REVOKE] = ACT("key.revoke", key_revoke),
	[DIRECTORY_PRODUCT_PUT] = ACT("product.put", product_put),
	[DIRECTORY_RULESET_ADOPT] = ACT("ruleset.adopt", ruleset_adopt),
	[DIRECTORY_DEVICE_REGISTER] = ACT("device.register", device_register),
	[DIRECTORY_DEVICE_REVOKE] = ACT("device.revoke", device_revoke),
};

const char *directory_kind_word(enum directory_kind kind)
{
	return acts[kind].word;
}

static bool check_act(const void *value, struct err *err)
{
	const struct directory_act *act = value;

	if ((act->kind == DIRECTORY_ROLE_GRANT || act->kind == DIRECTORY_ROLE_REVOKE) &&
	    strcmp(act->product, "*") != 0 && !id_name_valid(act->product, ID_NAME_MAX))
		return err_fail(err, E_DOC_FIELD, "A role is for a product, or for '*'");
	if (act->report_key.size == 0)
		return true;
	enum sign_alg alg;
	if (!sign_spki_alg(act->report_key, &alg, err))
		return false;
	if (alg != SIGN_ED25519)
		return err_fail(err, E_DOC_FIELD, "The report key of a device is an Ed25519 key");
	return true;
}

static const struct shape act_shape = {
	.size = sizeof(struct directory_act),
	.check = check_act,
	.variants = acts,
	.variant_count = DIRECTORY_KINDS,
};

/* ---- the statement ---- */

static const struct shape_field fields[] = {
	SHAPE_INT(struct directory, number, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct directory, previous),
	SHAPE_TIME(struct directory, at),
	SHAPE_PROSE(struct directory, reason, 1, REASON_MAX),
	SHAPE_LIST(struct directory, acts, act_count, &act_shape, 1, DIRECTORY_ACTS_MAX),
};

static bool check(const void *value, struct err *err)
{
	const struct directory *directory = value;
	bool first = strspn(directory->previous.text, "0") == sizeof(directory->previous.text) - 1;

	if (first != (directory->number == 1))
		return err_fail(err, E_DOC_FIELD,
				"Statement 1, and no other, follows 64 zeros as previous");
	return true;
}

static const struct shape shape =
	SHAPE(DIRECTORY_TYPE, DIRECTORY_BYTES_MAX, struct directory, fields, check);

bool directory_parse(struct arena *arena, struct bytes bytes, struct directory *out,
		     struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool directory_write(struct arena *arena, const struct directory *directory, struct bytes *out,
		     struct err *err)
{
	return shape_write(arena, &shape, directory, out, err);
}
