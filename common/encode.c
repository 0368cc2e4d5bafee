/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as text and back, for documents, URLs and tables: hex, base64 and base64url (RFC 4648).
 * Decoders take exactly the one text that the encoder would write.
 */

#include "common/encode.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void encode_hex_to(const unsigned char *data, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++) {
		out[2 * i] = hex_digits[data[i] >> 4];
		out[2 * i + 1] = hex_digits[data[i] & 0x0f];
	}
	out[2 * size] = '\0';
}

char *encode_hex(struct arena *arena, struct bytes bytes)
{
	char *out = arena_alloc(arena, 2 * bytes.size + 1);
	encode_hex_to(bytes.data, bytes.size, out);
	return out;
}

static char *encode_64(struct arena *arena, struct bytes bytes, const char *digits, bool padded)
{
	char *out = arena_alloc(arena, (bytes.size + 2) / 3 * 4 + 1);
	size_t used = 0;

	for (size_t at = 0; at < bytes.size; at += 3) {
		size_t left = bytes.size - at;
		unsigned int group = (unsigned int)bytes.data[at] << 16;
		if (left > 1)
			group |= (unsigned int)bytes.data[at + 1] << 8;
		if (left > 2)
			group |= bytes.data[at + 2];
		out[used++] = digits[group >> 18];
		out[used++] = digits[(group >> 12) & 0x3f];
		if (left > 1)
			out[used++] = digits[(group >> 6) & 0x3f];
		if (left > 2)
			out[used++] = digits[group & 0x3f];
	}
	while (padded && used % 4 != 0)
		out[used++] = '=';
	out[used] = '\0';
	return out;
}

char *encode_base64(struct arena *arena, struct bytes bytes)
{
	return encode_64(arena, bytes, base64_digits, true);
}

char *encode_base64url(struct arena *arena, struct bytes bytes)
{
	return encode_64(arena, bytes, base64url_digits, false);
}

/* The value of a digit, NO_DIGIT if it is none. */
enum { NO_DIGIT = 0xff };
static unsigned int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned int)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned int)(digit - 'a') + 10;
	return NO_DIGIT;
}

bool decode_hex_to(const char *text, unsigned char *out, size_t size, struct err *err)
{
	if (strlen(text) != 2 * size)
		return err_fail(err, E_INPUT, "%zu hex digits are needed here", 2 * size);
	for (size_t i = 0; i < 2 * size; i++) {
		if (hex_value(text[i]) == NO_DIGIT)
			return err_fail(err, E_INPUT, "Digit %zu is not lower-case hex", i + 1);
	}
	for (size_t i = 0; i < size; i++)
		out[i] = (unsigned char)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
	return true;
}

bool decode_hex(struct arena *arena, const char *text, struct bytes *out, struct err *err)
{
	size_t length = strlen(text);
	if (length % 2 != 0)
		return err_fail(err, E_INPUT, "Hex needs an even number of digits");
	unsigned char *data = arena_alloc(arena, length / 2);
	if (!decode_hex_to(text, data, length / 2, err))
		return false;
	*out = bytes_of(data, length / 2);
	return true;
}

static int base64_value(char digit, const char *digits)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == digits[62])
		return 62;
	return digit == digits[63] ? 63 : -1;
}

/* Decodes `length` digits; what the last digit holds beyond the last byte must be zero. */
static bool decode_64(struct arena *arena, const char *text, size_t length, const char *digits,
		      struct bytes *out, struct err *err)
{
	if (length % 4 == 1)
		return err_fail(err, E_INPUT, "The base64 text is cut; send all of it");
	size_t size = length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0);
	unsigned char *data = arena_alloc(arena, size);
	unsigned int held = 0;
	unsigned int held_bits = 0;
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int value = base64_value(text[i], digits);
		if (value < 0)
			return err_fail(err, E_INPUT, "Character %zu is not a base64 digit", i + 1);
		held = (held << 6 | (unsigned int)value) & 0xffff;
		held_bits += 6;
		if (held_bits < 8)
			continue;
		held_bits -= 8;
		data[used++] = (unsigned char)(held >> held_bits);
	}
	if (held & ((1U << held_bits) - 1))
		return err_fail(err, E_INPUT, "The last base64 digit holds stray bits");
	*out = bytes_of(data, size);
	return true;
}

bool decode_base64(struct arena *arena, const char *text, struct bytes *out, struct err *err)
{
	size_t length = strlen(text);
	size_t padding = 0;

	if (length % 4 != 0)
		return err_fail(err, E_INPUT, "Base64 needs a multiple of four characters");
	while (padding < 2 && length > padding && text[length - 1 - padding] == '=')
		padding++;
	return decode_64(arena, text, length - padding, base64_digits, out, err);
}

bool decode_base64url(struct arena *arena, const char *text, struct bytes *out, struct err *err)
{
	return decode_64(arena, text, strlen(text), base64url_digits, out, err);
}
