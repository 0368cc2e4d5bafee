/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are identifiers, and fresh ones: for every door that takes a name from outside. */

#include "common/id.h"

#include "common/encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool lower_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool id_name_valid(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);
	if (length == 0 || length > max || !alphanumeric(text[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!alphanumeric(text[i]) && !strchr("._:-", text[i]))
			return false;
	}
	return true;
}

bool id_uuid_valid(const char *text)
{
	/* x: a hex digit; v: the variant of RFC 4122 section 4.1.1; the others: themselves. */
	static const char form[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

	if (strnlen(text, ID_UUID_BYTES + 1) != ID_UUID_BYTES)
		return false;
	for (size_t i = 0; i < ID_UUID_BYTES; i++) {
		bool fits = text[i] == form[i];
		if (form[i] == 'x')
			fits = lower_hex(text[i]);
		else if (form[i] == 'v')
			fits = strchr("89ab", text[i]) != NULL;
		if (!fits)
			return false;
	}
	return true;
}

bool id_sha256_valid(const char *text)
{
	if (strnlen(text, 65) != 64)
		return false;
	for (size_t i = 0; i < 64; i++) {
		if (!lower_hex(text[i]))
			return false;
	}
	return true;
}

bool id_name_read(const char *text, char *out, size_t out_bytes, struct err *err)
{
	if (!text || !id_name_valid(text, out_bytes - 1))
		return err_fail(err, E_ID,
				"A name has 1 to %zu letters, digits or . _ : - and begins with a "
				"letter or digit",
				out_bytes - 1);
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool id_uuid_read(const char *text, char out[ID_UUID_BYTES + 1], struct err *err)
{
	if (!text || !id_uuid_valid(text))
		return err_fail(err, E_ID,
				"An id is a lower-case UUID of version 4 (36 characters)");
	memcpy(out, text, ID_UUID_BYTES + 1);
	return true;
}

bool id_sha256_read(const char *text, struct sha256_hex *out, struct err *err)
{
	if (!text || !id_sha256_valid(text))
		return err_fail(err, E_ID, "A SHA-256 is 64 lower-case hex digits");
	memcpy(out->text, text, sizeof(out->text));
	return true;
}

/* Without randomness ids could repeat, so there is no way on. */
static void draw(unsigned char *out, size_t size)
{
	size_t used = 0;
	while (used < size) {
		ssize_t got = getrandom(out + used, size - used, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fputs("countersign: id: the system gives no random bytes\n", stderr);
			abort();
		}
		used += (size_t)got;
	}
}

void id_uuid_draw(char out[ID_UUID_BYTES + 1])
{
	unsigned char raw[16];
	char hex[33];

	draw(raw, sizeof(raw));
	raw[6] = (unsigned char)((raw[6] & 0x0f) | 0x40); /* version 4 */
	raw[8] = (unsigned char)((raw[8] & 0x3f) | 0x80); /* variant of RFC 4122 */
	encode_hex_to(raw, sizeof(raw), hex);
	snprintf(out, ID_UUID_BYTES + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
}
