/* SPDX-License-Identifier: Apache-2.0 */
/* How large is the ledger, and what is its root: signed by its key, for everybody who proves. */

#include "audit/checkpoint.h"

#include "audit/tree.h"
#include "common/encode.h"
#include "common/text.h"

#include <string.h>

enum { LINES = 3 };

/* Exactly three lines, each ending in LF; cut in place. */
static bool cut_lines(char *text, char *lines[LINES])
{
	for (int i = 0; i < LINES; i++) {
		char *end = strchr(text, '\n');
		if (!end)
			return false;
		*end = '\0';
		lines[i] = text;
		text = end + 1;
	}
	return *text == '\0';
}

static bool check(const struct checkpoint *checkpoint, struct err *err)
{
	struct sha256 empty = tree_empty_root();

	if (!note_name_valid(checkpoint->origin))
		return err_fail(err, E_CHECKPOINT, "The origin has blanks, '+' or over 255 bytes");
	if (checkpoint->size < 0 || checkpoint->size > TREE_SIZE_MAX)
		return err_fail(err, E_CHECKPOINT, "The size lies outside 0 to 2^53 - 1");
	if (checkpoint->size == 0 && memcmp(checkpoint->root.at, empty.at, SHA256_BYTES) != 0)
		return err_fail(err, E_CHECKPOINT,
				"The root of an empty ledger is SHA-256 of nothing");
	return true;
}

bool checkpoint_text_parse(struct arena *arena, struct bytes text, struct checkpoint *out,
			   struct err *err)
{
	struct checkpoint read;
	struct bytes root;
	struct err ignored = {0};
	char *lines[LINES];
	long long size;

	if (text.size > NOTE_BYTES_MAX || !text_utf8_valid(text) ||
	    !cut_lines(arena_text_of(arena, text), lines))
		return err_fail(err, E_CHECKPOINT,
				"A checkpoint has three lines: origin, size, root");
	if (lines[1][0] == '-' || !text_int(lines[1], 0, TREE_SIZE_MAX, &size))
		return err_fail(err, E_CHECKPOINT,
				"The size is a decimal number without leading zero");
	if (!decode_base64(arena, lines[2], &root, &ignored) || root.size != SHA256_BYTES)
		return err_fail(err, E_CHECKPOINT, "The root is 32 bytes in base64");
	read.origin = lines[0];
	read.size = size;
	memcpy(read.root.at, root.data, SHA256_BYTES);
	if (!check(&read, err))
		return false;
	*out = read;
	return true;
}

bool checkpoint_text_write(struct arena *arena, const struct checkpoint *checkpoint,
			   struct bytes *out, struct err *err)
{
	if (!check(checkpoint, err))
		return false;
	char *root = encode_base64(arena, bytes_of(checkpoint->root.at, SHA256_BYTES));
	*out = bytes_of_text(arena_printf(arena, "%s\n%lld\n%s\n", checkpoint->origin,
					  (long long)checkpoint->size, root));
	return true;
}

bool checkpoint_open(struct arena *arena, struct bytes note, const struct note_key *key,
		     struct checkpoint *out, struct err *err)
{
	struct note parsed;
	struct checkpoint read;

	if (!note_parse(arena, note, &parsed, err) || !note_check(&parsed, key, 1, NULL, err) ||
	    !checkpoint_text_parse(arena, parsed.text, &read, err))
		return false;
	if (strcmp(read.origin, key->name) != 0)
		return err_fail(err, E_CHECKPOINT,
				"The checkpoint is of another ledger than its key");
	*out = read;
	return true;
}

bool checkpoint_sign(struct arena *arena, const struct checkpoint *checkpoint,
		     const struct sign_key *key, struct bytes *out, struct err *err)
{
	struct bytes text;

	return checkpoint_text_write(arena, checkpoint, &text, err) &&
	       note_sign(arena, text, checkpoint->origin, key, out, err);
}
