/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has signed this text: signed notes (C2SP signed-note), for the keeper that signs checkpoints
 * and for everybody who opens one.
 */

#include "audit/note.h"

#include "common/encode.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

enum { ED25519_TYPE = 0x01, RAW_BYTES = 32, HASH_BYTES = 4 };

static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a blank */

/* ---- names and keys ---- */

/* White space of Unicode beyond ASCII, in UTF-8. */
static const char *const blanks[] = {
	"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
	"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
	"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

bool note_name_valid(const char *name)
{
	size_t length = strnlen(name, NOTE_NAME_MAX + 1);

	if (length == 0 || length > NOTE_NAME_MAX || !text_utf8_valid(bytes_of(name, length)))
		return false;
	for (const char *at = name; *at; at++) {
		if ((unsigned char)*at <= 0x20 || *at == '+' || *at == 0x7f)
			return false;
	}
	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
		if (strstr(name, blanks[i]))
			return false;
	}
	return true;
}

/* First 4 bytes of SHA-256(name, LF, type, key). */
static uint32_t hash_of(struct arena *arena, const char *name, const unsigned char raw[RAW_BYTES])
{
	size_t length = strlen(name);
	unsigned char *key = arena_alloc(arena, length + 2 + RAW_BYTES);

	memcpy(key, name, length);
	key[length] = '\n';
	key[length + 1] = ED25519_TYPE;
	memcpy(key + length + 2, raw, RAW_BYTES);
	struct sha256 digest = digest_sha256(bytes_of(key, length + 2 + RAW_BYTES));
	return (uint32_t)digest.at[0] << 24 | (uint32_t)digest.at[1] << 16 |
	       (uint32_t)digest.at[2] << 8 | digest.at[3];
}

static bool make_key(struct arena *arena, const char *name, const unsigned char raw[RAW_BYTES],
		     struct note_key *out, struct err *err)
{
	if (!note_name_valid(name))
		return err_fail(err, E_NOTE_KEY,
				"The name of a note key has 1 to 255 bytes without blanks and '+'");
	out->name = arena_text(arena, name);
	out->hash = hash_of(arena, name, raw);
	memcpy(out->raw, raw, RAW_BYTES);
	out->spki = sign_spki_of_ed25519_raw(arena, raw);
	return true;
}

bool note_key_of_spki(struct arena *arena, const char *name, struct bytes spki,
		      struct note_key *out, struct err *err)
{
	unsigned char raw[RAW_BYTES];

	return sign_spki_ed25519_raw(spki, raw, err) && make_key(arena, name, raw, out, err);
}

/* name '+' 8 hex digits '+' base64, in which '+' may stand, too. */
bool note_key_of_vkey(struct arena *arena, const char *vkey, struct note_key *out, struct err *err)
{
	struct note_key key;
	struct bytes bytes;
	struct err ignored = {0};
	char expected[2 * HASH_BYTES + 1];
	const char *hash = strchr(vkey, '+');
	const char *base64 = hash ? strchr(hash + 1, '+') : NULL;

	if (!base64 || base64 - hash != 1 + 2 * HASH_BYTES)
		return err_fail(err, E_NOTE_KEY, "A note key is written as name+hash+base64");
	if (!decode_base64(arena, base64 + 1, &bytes, &ignored) || bytes.size != 1 + RAW_BYTES ||
	    bytes.data[0] != ED25519_TYPE)
		return err_fail(err, E_NOTE_KEY, NULL);
	char *name = arena_text_of(arena, bytes_of(vkey, (size_t)(hash - vkey)));
	if (!make_key(arena, name, bytes.data + 1, &key, err))
		return false;
	snprintf(expected, sizeof(expected), "%08x", (unsigned)key.hash);
	if (strncmp(expected, hash + 1, 2 * HASH_BYTES) != 0)
		return err_fail(err, E_NOTE_KEY, "The hash in the note key is not that of the key");
	*out = key;
	return true;
}

char *note_vkey(struct arena *arena, const struct note_key *key)
{
	unsigned char bytes[1 + RAW_BYTES] = {ED25519_TYPE};

	memcpy(bytes + 1, key->raw, RAW_BYTES);
	return arena_printf(arena, "%s+%08x+%s", key->name, (unsigned)key->hash,
			    encode_base64(arena, bytes_of(bytes, sizeof(bytes))));
}

/* ---- reading ---- */

static bool no_controls(struct bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] < 0x20 && bytes.data[i] != '\n')
			return false;
	}
	return true;
}

/* Where the last empty line is: the offset of the LF that ends the text. */
static bool find_end(struct bytes bytes, size_t *end)
{
	for (size_t i = bytes.size; i >= 2; i--) {
		if (bytes.data[i - 1] == '\n' && bytes.data[i - 2] == '\n') {
			*end = i - 2;
			return true;
		}
	}
	return false;
}

/* A line without its LF. */
static bool read_line(struct arena *arena, struct bytes line, struct note_signature *out,
		      struct err *err)
{
	struct bytes bytes;
	struct err ignored = {0};

	if (line.size < sizeof(dash) || memcmp(line.data, dash, sizeof(dash) - 1) != 0)
		return err_fail(err, E_NOTE, "A signature line does not begin with an em dash");
	char *name = arena_text_of(
		arena, bytes_of(line.data + sizeof(dash) - 1, line.size - (sizeof(dash) - 1)));
	char *blank = strchr(name, ' ');
	if (!blank)
		return err_fail(err, E_NOTE, "A signature line has no signature");
	*blank = '\0';
	if (!note_name_valid(name) || !decode_base64(arena, blank + 1, &bytes, &ignored) ||
	    bytes.size <= HASH_BYTES)
		return err_fail(err, E_NOTE, "A signature line is not of the form of signed notes");
	out->name = name;
	out->hash = (uint32_t)bytes.data[0] << 24 | (uint32_t)bytes.data[1] << 16 |
		    (uint32_t)bytes.data[2] << 8 | bytes.data[3];
	out->signature = bytes_of(bytes.data + HASH_BYTES, bytes.size - HASH_BYTES);
	return true;
}

static bool read_lines(struct arena *arena, struct bytes lines, struct note *out, struct err *err)
{
	struct note_signature *at = arena_array(arena, NOTE_SIGNATURES_MAX, sizeof(*at));

	out->signatures = at;
	out->signature_count = 0;
	while (lines.size > 0) {
		const unsigned char *end = memchr(lines.data, '\n', lines.size);
		if (!end)
			return err_fail(err, E_NOTE, "The last line does not end");
		if (out->signature_count == NOTE_SIGNATURES_MAX)
			return err_fail(err, E_NOTE, "There are more than %d signatures",
					NOTE_SIGNATURES_MAX);
		size_t size = (size_t)(end - lines.data);
		if (!read_line(arena, bytes_of(lines.data, size), &at[out->signature_count], err))
			return false;
		out->signature_count++;
		lines = bytes_of(end + 1, lines.size - size - 1);
	}
	if (out->signature_count == 0)
		return err_fail(err, E_NOTE, "There is no signature");
	return true;
}

bool note_parse(struct arena *arena, struct bytes bytes, struct note *out, struct err *err)
{
	struct note note;
	size_t end = 0;

	if (bytes.size > NOTE_BYTES_MAX)
		return err_fail(err, E_NOTE, "A note has at most %d bytes", NOTE_BYTES_MAX);
	if (!text_utf8_valid(bytes) || !no_controls(bytes))
		return err_fail(err, E_NOTE, "A note is UTF-8 text with LF at the end of lines");
	if (!find_end(bytes, &end))
		return err_fail(err, E_NOTE, "There is no empty line before the signatures");
	struct bytes lines = bytes_of(bytes.data + end + 2, bytes.size - end - 2);
	if (!read_lines(arena, lines, &note, err))
		return false;
	note.text = bytes_of(bytes.data, end + 1);
	*out = note;
	return true;
}

/* ---- checking and signing ---- */

static const struct note_key *key_of(const struct note_signature *signature,
				     const struct note_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (keys[i].hash == signature->hash && strcmp(keys[i].name, signature->name) == 0)
			return &keys[i];
	}
	return NULL;
}

bool note_check(const struct note *note, const struct note_key *keys, size_t key_count, size_t *by,
		struct err *err)
{
	const struct note_key *found = NULL;

	for (size_t i = 0; i < note->signature_count; i++) {
		const struct note_signature *line = &note->signatures[i];
		const struct note_key *key = key_of(line, keys, key_count);
		if (!key)
			continue;
		if (!sign_raw_check(key->spki, note->text, line->signature, err)) {
			err_prefix(err, "Signature of %s", key->name);
			return false;
		}
		if (!found)
			found = key;
	}
	if (!found)
		return err_fail(err, E_SIGNATURE, "None of the trusted keys has signed the note");
	if (by)
		*by = (size_t)(found - keys);
	return true;
}

bool note_sign(struct arena *arena, struct bytes text, const char *name, const struct sign_key *key,
	       struct bytes *out, struct err *err)
{
	struct note_key public;
	unsigned char line[HASH_BYTES + SIGN_ED25519_BYTES];

	if (text.size == 0 || text.data[text.size - 1] != '\n' || !text_utf8_valid(text) ||
	    !no_controls(text))
		return err_fail(err, E_NOTE, "What a note says is UTF-8 text that ends in LF");
	if (!note_key_of_spki(arena, name, sign_key_spki(key), &public, err) ||
	    !sign_raw(key, text, line + HASH_BYTES, err))
		return false;
	for (int i = 0; i < HASH_BYTES; i++)
		line[i] = (unsigned char)(public.hash >> (24 - 8 * i));
	char *base64 = encode_base64(arena, bytes_of(line, sizeof(line)));
	char *words = arena_text_of(arena, text);
	struct bytes note =
		bytes_of_text(arena_printf(arena, "%s\n%s%s %s\n", words, dash, name, base64));
	if (note.size > NOTE_BYTES_MAX)
		return err_fail(err, E_NOTE, "A note has at most %d bytes", NOTE_BYTES_MAX);
	*out = note;
	return true;
}
