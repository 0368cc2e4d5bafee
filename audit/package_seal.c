/* SPDX-License-Identifier: Apache-2.0 */
/* How is it shown that an export stands in the ledger that it was taken from? */

#include "audit/package_seal.h"

#include "common/encode.h"
#include "common/text.h"

#include <string.h>

enum { PROOF_MAX = NOTE_BYTES_MAX + 16 * 1024 };

static const char proof_head[] = "c2sp.org/tlog-proof@v1\n";

static void add_path(struct text *out, const struct tree_path *path)
{
	for (size_t i = 0; i < path->count; i++)
		text_addf(out, "%s\n",
			  encode_base64(out->arena, bytes_of(path->at[i].at, SHA256_BYTES)));
}

bool package_seal_write(struct arena *arena, const struct package_seal *seal, struct bytes *proof,
			struct bytes *consistency, struct err *err)
{
	struct text first;
	struct text second;

	text_init(&first, arena, PROOF_MAX);
	text_init(&second, arena, PROOF_MAX);
	text_addf(&first, "%sindex %lld\n", proof_head, (long long)seal->index);
	add_path(&first, &seal->inclusion);
	text_add(&first, "\n");
	text_add_bytes(&first, seal->note);
	add_path(&second, &seal->consistency);
	if (text_cut(&first))
		return err_fail(err, E_INPUT, "the checkpoint of the seal is too large");
	*proof = text_bytes(&first);
	*consistency = text_bytes(&second);
	return true;
}

/* ---- reading ---- */

/* The next line without its end; NULL when the text is over or its last line has no end. */
static char *take_line(struct arena *arena, struct bytes *from)
{
	const unsigned char *end = from->size ? memchr(from->data, '\n', from->size) : NULL;

	if (!end)
		return NULL;
	size_t length = (size_t)(end - from->data);
	char *line = arena_text_of(arena, bytes_of(from->data, length));
	*from = bytes_of(end + 1, from->size - length - 1);
	return strlen(line) == length ? line : NULL;
}

static bool read_hash(struct arena *arena, const char *line, struct tree_path *path,
		      struct err *err)
{
	struct bytes hash;

	if (path->count == TREE_PATH_MAX || !decode_base64(arena, line, &hash, err) ||
	    hash.size != SHA256_BYTES)
		return false;
	memcpy(path->at[path->count++].at, hash.data, SHA256_BYTES);
	return true;
}

static bool read_proof(struct arena *arena, struct bytes proof, struct package_seal *out)
{
	size_t head = sizeof(proof_head) - 1;
	struct err none = {0};
	long long index;
	char *line;

	if (proof.size < head || memcmp(proof.data, proof_head, head) != 0)
		return false;
	proof = bytes_of(proof.data + head, proof.size - head);
	line = take_line(arena, &proof);
	if (!line || strncmp(line, "index ", 6) != 0 ||
	    !text_int(line + 6, 0, TREE_SIZE_MAX - 1, &index))
		return false;
	out->index = index;
	while ((line = take_line(arena, &proof)) && *line) {
		if (!read_hash(arena, line, &out->inclusion, &none))
			return false;
	}
	out->note = proof;
	return line != NULL;
}

bool package_seal_read(struct arena *arena, struct bytes proof, struct bytes consistency,
		       struct package_seal *out, struct err *err)
{
	struct package_seal seal = {0};
	char *line;

	if (proof.size > PROOF_MAX || !read_proof(arena, proof, &seal))
		return err_fail(err, E_PACKAGE,
				"%s is not a proof of the form that C2SP "
				"tlog-proof describes",
				PACKAGE_SEAL_PROOF);
	while (consistency.size > 0) {
		line = take_line(arena, &consistency);
		if (!line || !read_hash(arena, line, &seal.consistency, err)) {
			err_clear(err);
			return err_fail(err, E_PACKAGE, "%s is not a list of hashes in base64",
					PACKAGE_SEAL_CONSISTENCY);
		}
	}
	*out = seal;
	return true;
}
