/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

/*
 * Signed notes (C2SP signed-note): a text, an empty line, and signature lines. Ed25519 keys of type
 * 0x01; lines of other keys and types are read and passed over. At most 64 KiB and 64 signatures.
 *
 * A key is known by its name and by the first 4 bytes of SHA-256(name, LF, type, public key).
 */

#include "common/arena.h"
#include "common/err.h"
#include "common/sign.h"

#include <stdint.h>

enum { NOTE_BYTES_MAX = 64 * 1024, NOTE_SIGNATURES_MAX = 64, NOTE_NAME_MAX = 255 };

/* A public key: "name+hash+base64", the vkey of the format. */
struct note_key {
	const char *name;
	uint32_t hash;
	unsigned char raw[32];
	struct bytes spki;
};
MUST_CHECK bool note_key_of_vkey(struct arena *arena, const char *vkey, struct note_key *out,
				 struct err *err);
MUST_CHECK bool note_key_of_spki(struct arena *arena, const char *name, struct bytes spki,
				 struct note_key *out, struct err *err);
char *note_vkey(struct arena *arena, const struct note_key *key);
/* Not empty, UTF-8, no blank (of Unicode either), no '+', at most NOTE_NAME_MAX bytes. */
bool note_name_valid(const char *name);

struct note_signature {
	const char *name;
	uint32_t hash;
	struct bytes signature; /* without the 4 bytes of the hash */
};
struct note {
	struct bytes text; /* ends in LF; what is signed */
	const struct note_signature *signatures;
	size_t signature_count;
};

/* Its form only; nothing is verified. */
MUST_CHECK bool note_parse(struct arena *arena, struct bytes bytes, struct note *out,
			   struct err *err);
/* Signed by at least one of these keys; E_SIGNATURE when a line of one of them does not hold (then
 * the whole note is refused) or none is there. by (may be NULL): which key. */
MUST_CHECK bool note_check(const struct note *note, const struct note_key *keys, size_t key_count,
			   size_t *by, struct err *err);
/* text must end in LF. */
MUST_CHECK bool note_sign(struct arena *arena, struct bytes text, const char *name,
			  const struct sign_key *key, struct bytes *out, struct err *err);

#endif
