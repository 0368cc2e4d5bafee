/* SPDX-License-Identifier: Apache-2.0 */
/* How did an attempt end on the device: for the agent that says so, and all who judge it later. */

#include "common/wire/proof.h"

#include "common/wire/lease.h"

#include <string.h>

static const char *const outcomes[] = {"confirmed", "failed", "rolled_back", "rejected", NULL};
static const char *const banks[] = {"A", "B", NULL};
static const char *const clocks[] = {"synchronized", "unsynchronized", "lease", "none", NULL};

/* A nonce, or nothing: judged in check. */
enum { NONCE_DIGITS = 22 };

static const struct shape_field fields[] = {
	SHAPE_NAME(struct proof, device, ID_DEVICE_MAX),
	SHAPE_UUID(struct proof, deployment),
	SHAPE_INT(struct proof, attempt, 1, ATTEMPT_MAX),
	SHAPE_SHA256(struct proof, permit_sha256),
	SHAPE_SHA256(struct proof, manifest_sha256),
	SHAPE_WORD(struct proof, outcome, outcomes),
	{SHAPE_FIELD(struct proof, code, SHAPE_KIND_TOKEN, 0, PROOF_CODE_MAX)},
	SHAPE_WORD(struct proof, bank, banks),
	SHAPE_SHA256(struct proof, bank_sha256),
	SHAPE_INT(struct proof, bank_size_bytes, 0, DOC_INT_MAX),
	{SHAPE_FIELD(struct proof, version, SHAPE_KIND_TOKEN, 0, VERSION_MAX)},
	SHAPE_INT(struct proof, boot_count, 0, DOC_INT_MAX),
	SHAPE_LINE(struct proof, nonce, 0, NONCE_DIGITS),
	SHAPE_HEX(struct proof, epoch, PROOF_EPOCH_DIGITS),
	SHAPE_INT(struct proof, seq, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct proof, prev),
	SHAPE_TIME(struct proof, at),
	SHAPE_WORD(struct proof, clock, clocks),
};

static bool nonce_fits(const struct proof *proof)
{
	if (proof->nonce[0] == '\0')
		return strcmp(proof->outcome, "rejected") == 0;
	return strspn(proof->nonce, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_") == NONCE_DIGITS;
}

static bool check(const void *value, struct err *err)
{
	const struct proof *proof = value;
	bool confirmed = strcmp(proof->outcome, "confirmed") == 0;
	bool first = strspn(proof->prev.text, "0") == sizeof(proof->prev.text) - 1;

	if (confirmed != (proof->code[0] == '\0'))
		return err_fail(err, E_DOC_FIELD,
				"A code stands in every report but a confirmed one");
	if (first != (proof->seq == 1))
		return err_fail(err, E_DOC_FIELD, "Report 1, and no other, follows 64 zeros");
	if (!nonce_fits(proof))
		return err_fail(err, E_DOC_FIELD, "The nonce is not one of a papers request");
	return true;
}

static const struct shape shape =
	SHAPE(PROOF_TYPE, ENVELOPE_DOCUMENT_MAX, struct proof, fields, check);

bool proof_parse(struct arena *arena, struct bytes bytes, struct proof *out, struct err *err)
{
	return shape_parse(arena, &shape, bytes, out, err);
}

bool proof_write(struct arena *arena, const struct proof *proof, struct bytes *out, struct err *err)
{
	return shape_write(arena, &shape, proof, out, err);
}
