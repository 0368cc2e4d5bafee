/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ENCODE_H
#define COMMON_ENCODE_H

/*
 * Hex (lower case), base64 (RFC 4648 section 4, padded) and base64url (section 5, no padding).
 * Decoders are strict: no white space, no wrong padding, no stray bits in the last digit, hex in
 * lower case only; so one value has one text.
 */

#include "common/arena.h"
#include "common/err.h"

char *encode_hex(struct arena *arena, struct bytes bytes);
void encode_hex_to(const unsigned char *data, size_t size, char *out); /* out: 2 * size + 1 */
char *encode_base64(struct arena *arena, struct bytes bytes);
char *encode_base64url(struct arena *arena, struct bytes bytes);

MUST_CHECK bool decode_hex(struct arena *arena, const char *text, struct bytes *out,
			   struct err *err);
/* Exactly size bytes. */
MUST_CHECK bool decode_hex_to(const char *text, unsigned char *out, size_t size, struct err *err);
MUST_CHECK bool decode_base64(struct arena *arena, const char *text, struct bytes *out,
			      struct err *err);
MUST_CHECK bool decode_base64url(struct arena *arena, const char *text, struct bytes *out,
				 struct err *err);

#endif
