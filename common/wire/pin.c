/* SPDX-License-Identifier: Apache-2.0 */
/* What is trusted from the start: the file of pinned roots of a device, a keeper, a verifier. */

#include "common/wire/trust.h"

#include <string.h>

enum { PIN_BYTES_MAX = 64 * 1024, SPKI_MAX = 1024, ORIGIN_MAX = 255, CHECKPOINT_MAX = 16 * 1024 };

static const char *const slots[] = {"maker", "site", NULL};

/* As it stands in the file. */
struct pin_file {
	const char *slot;
	const struct doc *roots;
	struct bytes ledger_key;
	const char *origin;
	const char *last_checkpoint;
	const struct doc *scope;
};

static const struct doc_field fields[] = {
	DOC_WORD_OPT(struct pin_file, slot, slots),
	DOC_OBJECT(struct pin_file, roots),
	DOC_BYTES_OPT(struct pin_file, ledger_key, SPKI_MAX),
	DOC_TEXT_OPT(struct pin_file, origin, 1, ORIGIN_MAX),
	DOC_TEXT_OPT(struct pin_file, last_checkpoint, 1, CHECKPOINT_MAX),
	DOC_OBJECT_OPT(struct pin_file, scope),
};

static bool check_roots(const void *value, struct err *err)
{
	const struct trust_pin_roots *roots = value;

	if (roots->k > (int64_t)roots->spki_sha256_count)
		return err_fail(err, E_TRUST_PIN, "More roots have to sign than are pinned");
	for (size_t i = 0; i < roots->spki_sha256_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(roots->spki_sha256[i].text, roots->spki_sha256[j].text) == 0)
				return err_fail(err, E_TRUST_PIN, "A root is pinned twice");
		}
	}
	return true;
}

static const struct shape_field roots_fields[] = {
	SHAPE_INT(struct trust_pin_roots, k, 1, TRUST_ROOTS_MAX),
	SHAPE_DIGESTS(struct trust_pin_roots, spki_sha256, spki_sha256_count, 1, TRUST_ROOTS_MAX),
};
static const struct shape roots_shape =
	SHAPE_PART(struct trust_pin_roots, roots_fields, check_roots);

static bool read_file(struct arena *arena, struct bytes file, struct trust_pin *out,
		      struct err *err)
{
	const struct doc *doc;
	struct pin_file read = {0};
	enum sign_alg alg;

	if (file.size > PIN_BYTES_MAX)
		return err_fail(err, E_DOC_LIMIT, "It has more than %d bytes", PIN_BYTES_MAX);
	if (!doc_parse(arena, file, &doc, err) ||
	    !doc_read(arena, doc, fields, DOC_COUNT(fields), &read, err) ||
	    !shape_read(arena, &roots_shape, read.roots, &out->roots, err))
		return false;
	if (read.ledger_key.size > 0) {
		if (!sign_spki_alg(read.ledger_key, &alg, err))
			return false;
		if (alg != SIGN_ED25519)
			return err_fail(err, E_TRUST_PIN, "The ledger key is no Ed25519 key");
	}
	out->slot = read.slot ? read.slot : slots[0];
	out->ledger_key = read.ledger_key;
	out->origin = read.origin;
	out->last_checkpoint = read.last_checkpoint;
	out->scope = read.scope;
	return true;
}

bool trust_pin_parse(struct arena *arena, struct bytes file, struct trust_pin *out, struct err *err)
{
	struct trust_pin pin = {0};
	struct err why = {0};

	if (!read_file(arena, file, &pin, &why))
		return err_fail(err, E_TRUST_PIN, "The file of pinned roots is not valid: %s",
				why.text);
	*out = pin;
	return true;
}

bool trust_pin_write(struct arena *arena, const struct trust_pin *pin, struct bytes *out,
		     struct err *err)
{
	struct trust_pin again;
	struct bytes bytes;
	struct doc *doc = doc_object(arena);

	if (pin->slot)
		doc_set_text(doc, "slot", pin->slot);
	doc_set(doc, "roots", shape_doc(arena, &roots_shape, &pin->roots));
	if (pin->ledger_key.size > 0)
		doc_set_bytes(doc, "ledger_key", pin->ledger_key);
	if (pin->origin)
		doc_set_text(doc, "origin", pin->origin);
	if (pin->last_checkpoint)
		doc_set_text(doc, "last_checkpoint", pin->last_checkpoint);
	if (pin->scope)
		doc_set(doc, "scope", pin->scope);
	if (!doc_canonical(arena, doc, &bytes, err) || !trust_pin_parse(arena, bytes, &again, err))
		return false;
	*out = bytes;
	return true;
}
