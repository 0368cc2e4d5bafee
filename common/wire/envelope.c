/* SPDX-License-Identifier: Apache-2.0 */
/* Did this Ed25519 key sign this document: for leases (keeper to device) and reports (back). */

#include "common/wire/envelope.h"

#include <string.h>

/* In base64 a third more, and the other members. */
enum { ENVELOPE_BYTES_MAX = 2 * ENVELOPE_DOCUMENT_MAX };

static const struct shape_field fields[] = {
	SHAPE_BYTES(struct envelope, document, 2, ENVELOPE_DOCUMENT_MAX),
	SHAPE_SHA256(struct envelope, key_id),
	SHAPE_BYTES(struct envelope, signature, SIGN_ED25519_BYTES, SIGN_ED25519_BYTES),
};
const struct shape envelope_shape = SHAPE_PART(struct envelope, fields, NULL);

bool envelope_read(struct arena *arena, const struct doc *doc, struct envelope *out,
		   struct err *err)
{
	return shape_read(arena, &envelope_shape, doc, out, err);
}

bool envelope_parse(struct arena *arena, struct bytes bytes, struct envelope *out, struct err *err)
{
	const struct doc *doc;

	if (bytes.size > ENVELOPE_BYTES_MAX)
		return err_fail(err, E_DOC_LIMIT, "A signed document has at most %d bytes",
				ENVELOPE_BYTES_MAX);
	return doc_parse(arena, bytes, &doc, err) && envelope_read(arena, doc, out, err);
}

struct doc *envelope_doc(struct arena *arena, const struct envelope *envelope)
{
	return shape_doc(arena, &envelope_shape, envelope);
}

bool envelope_write(struct arena *arena, const struct envelope *envelope, struct bytes *out,
		    struct err *err)
{
	return shape_write(arena, &envelope_shape, envelope, out, err);
}

bool envelope_sign(struct arena *arena, const struct sign_key *key, const char *type,
		   struct bytes document, struct envelope *out, struct err *err)
{
	unsigned char signature[SIGN_ED25519_BYTES];

	if (!sign_document(key, type, document, signature, err))
		return false;
	out->document = arena_bytes(arena, document);
	out->key_id = sign_key_id(sign_key_spki(key));
	out->signature = arena_bytes(arena, bytes_of(signature, sizeof(signature)));
	return true;
}

bool envelope_check(const struct envelope *envelope, const char *type, struct bytes spki,
		    struct err *err)
{
	struct sha256_hex key_id = sign_key_id(spki);

	if (strcmp(key_id.text, envelope->key_id.text) != 0)
		return err_fail(err, E_SIGNATURE, "The document is signed with another key");
	return sign_document_check(spki, type, envelope->document, envelope->signature, err);
}
