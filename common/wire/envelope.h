/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_ENVELOPE_H
#define COMMON_WIRE_ENVELOPE_H

/*
 * {document, key_id, signature}: how Ed25519-signed documents (leases, device reports) travel.
 * document and signature are base64; the signature is over "<type>\n" then the document.
 */

#include "common/sign.h"
#include "common/wire/shape.h"

enum { ENVELOPE_DOCUMENT_MAX = 16 * 1024 };

struct envelope {
	struct bytes document;
	struct sha256_hex key_id;
	struct bytes signature; /* SIGN_ED25519_BYTES */
};
extern const struct shape envelope_shape;

MUST_CHECK bool envelope_read(struct arena *arena, const struct doc *doc, struct envelope *out,
			      struct err *err);
/* As a JSON body, white space allowed. */
MUST_CHECK bool envelope_parse(struct arena *arena, struct bytes bytes, struct envelope *out,
			       struct err *err);
struct doc *envelope_doc(struct arena *arena, const struct envelope *envelope);
MUST_CHECK bool envelope_write(struct arena *arena, const struct envelope *envelope,
			       struct bytes *out, struct err *err);

MUST_CHECK bool envelope_sign(struct arena *arena, const struct sign_key *key, const char *type,
			      struct bytes document, struct envelope *out, struct err *err);
/* That this key (SPKI) signed it, and key_id names this key. */
MUST_CHECK bool envelope_check(const struct envelope *envelope, const char *type, struct bytes spki,
			       struct err *err);

#endif
