/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in this git object, and who signed this commit? For the export and the verifier. */

#include "audit/git.h"

#include "common/encode.h"
#include "common/text.h"

#include <string.h>

#define ZLIB_CONST /* next_in is only read */
#include <zlib.h>

enum { HEADER_MAX = 32, SHA1_BYTES = 20, ENTRIES_MAX = 100000, LINE_MAX_BYTES = 1000 };

/* ---- names ---- */

bool gitfile_id_valid(const char *text)
{
	return strspn(text, "0123456789abcdef") == GITFILE_ID && strlen(text) == GITFILE_ID;
}

static struct gitfile_id id_of_pieces(struct bytes header, struct bytes content)
{
	struct digest *digest = digest_new(DIGEST_SHA1);
	unsigned char raw[SHA1_BYTES];
	struct gitfile_id id;

	digest_add(digest, header);
	digest_add(digest, content);
	digest_so_far(digest, raw);
	digest_free(digest);
	encode_hex_to(raw, sizeof(raw), id.text);
	return id;
}

struct gitfile_id gitfile_id_of(const char *kind, struct bytes content)
{
	struct arena *arena = arena_new(1024);
	const char *header = arena_printf(arena, "%s %zu", kind, content.size);

	struct gitfile_id id = id_of_pieces(bytes_of(header, strlen(header) + 1), content);
	arena_free(arena);
	return id;
}

/* ---- loose objects ---- */

static const char *const kinds[] = {"blob", "tree", "commit"};

/* "blob 12\0": kind and size, and where the content begins. */
static bool read_header(const unsigned char *data, size_t size, const char **kind,
			size_t *content_size, size_t *begin, struct err *err)
{
	char header[HEADER_MAX + 1] = "";
	long long stated;

	memcpy(header, data, size < HEADER_MAX ? size : HEADER_MAX);
	size_t length = strlen(header);
	char *blank = strchr(header, ' ');
	if (length == HEADER_MAX || length >= size || !blank)
		return err_fail(err, E_GIT_OBJECT, "it does not begin as a git object does");
	*blank = '\0';
	*kind = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(header, kinds[i]) == 0)
			*kind = kinds[i];
	}
	if (!*kind || !text_int(blank + 1, 0, GITFILE_MAX, &stated))
		return err_fail(err, E_GIT_OBJECT,
				"it is no blob, tree or commit of a size that "
				"is read here");
	*content_size = (size_t)stated;
	*begin = length + 1;
	return true;
}

/* Exactly one zlib stream, nothing behind it, its size what its header states. */
static bool inflate_object(struct bytes file, z_stream *stream, unsigned char *begin,
			   size_t begin_size, struct arena *arena, struct gitfile *out,
			   struct err *err)
{
	size_t content_size;
	size_t header_size;

	stream->next_in = file.data;
	stream->avail_in = (uInt)file.size;
	stream->next_out = begin;
	stream->avail_out = (uInt)begin_size;
	int answer = inflate(stream, Z_SYNC_FLUSH);
	size_t got = begin_size - stream->avail_out;
	if ((answer != Z_OK && answer != Z_STREAM_END && answer != Z_BUF_ERROR) ||
	    !read_header(begin, got, &out->kind, &content_size, &header_size, err))
		return err_fail(err, E_GIT_OBJECT, "it is not compressed as a git object is");
	/* One byte of room more than stated, so that more is noticed. */
	unsigned char *whole = arena_alloc(arena, header_size + content_size + 1);
	if (got > header_size + content_size + 1)
		got = header_size + content_size + 1;
	memcpy(whole, begin, got);
	if (answer != Z_STREAM_END) {
		stream->next_out = whole + got;
		stream->avail_out = (uInt)(header_size + content_size + 1 - got);
		answer = inflate(stream, Z_FINISH);
		got = header_size + content_size + 1 - stream->avail_out;
	}
	if (answer != Z_STREAM_END || stream->avail_in != 0 || got != header_size + content_size)
		return err_fail(err, E_GIT_OBJECT, "it is cut, or longer than its header states");
	out->content = bytes_of(whole + header_size, content_size);
	out->id = id_of_pieces(bytes_of(whole, header_size), out->content);
	return true;
}

bool gitfile_read(struct arena *arena, struct bytes file, struct gitfile *out, struct err *err)
{
	unsigned char begin[512];
	z_stream stream = {0};
	struct gitfile object;

	if (file.size == 0 || file.size > GITFILE_MAX)
		return err_fail(err, E_GIT_OBJECT, "it is empty, or larger than is read here");
	if (inflateInit(&stream) != Z_OK)
		return err_fail(err, E_OS, "zlib could not begin");
	bool read = inflate_object(file, &stream, begin, sizeof(begin), arena, &object, err);
	inflateEnd(&stream);
	if (read)
		*out = object;
	return read;
}

/* ---- trees ---- */

static bool read_entry(struct arena *arena, const unsigned char **at, const unsigned char *end,
		       struct gitfile_entry *out, struct err *err)
{
	const unsigned char *nul = memchr(*at, 0, (size_t)(end - *at));
	const unsigned char *blank = nul ? memchr(*at, ' ', (size_t)(nul - *at)) : NULL;

	if (!blank || end - nul - 1 < SHA1_BYTES || blank + 1 == nul)
		return err_fail(err, E_GIT_OBJECT, "an entry of the tree is cut");
	const char *mode = arena_text_of(arena, bytes_of(*at, (size_t)(blank - *at)));
	out->folder = strcmp(mode, "40000") == 0;
	if (!out->folder && strcmp(mode, "100644") != 0)
		return err_fail(err, E_GIT_OBJECT,
				"the tree holds something that is neither a "
				"plain file nor a folder");
	out->name = arena_text_of(arena, bytes_of(blank + 1, (size_t)(nul - blank - 1)));
	if (strchr(out->name, '/') || strcmp(out->name, ".") == 0 || strcmp(out->name, "..") == 0)
		return err_fail(err, E_GIT_OBJECT, "the tree holds a name that is none");
	encode_hex_to(nul + 1, SHA1_BYTES, out->id.text);
	*at = nul + 1 + SHA1_BYTES;
	return true;
}

bool gitfile_tree(struct arena *arena, struct bytes content, const struct gitfile_entry **out,
		  size_t *count, struct err *err)
{
	const unsigned char *at = content.data;
	const unsigned char *end = content.data + content.size;
	/* An entry takes at least 8 bytes and its id. */
	size_t room = content.size / (SHA1_BYTES + 8) + 1;
	struct gitfile_entry *entries;
	size_t found = 0;

	if (room > ENTRIES_MAX)
		return err_fail(err, E_GIT_OBJECT, "the tree is larger than is read here");
	entries = arena_array(arena, room, sizeof(*entries));
	while (at < end) {
		if (found == room)
			return err_fail(err, E_GIT_OBJECT, "an entry of the tree is cut");
		if (!read_entry(arena, &at, end, &entries[found++], err))
			return false;
	}
	*out = entries;
	*count = found;
	return true;
}

/* ---- commits ---- */

struct lines {
	struct arena *arena;
	const char *at;
};

/* The value of the line "word VALUE"; NULL, and nothing taken, if another comes. */
static const char *take_line(struct lines *lines, const char *word)
{
	size_t length = strlen(word);
	const char *end = strchr(lines->at, '\n');

	if (strncmp(lines->at, word, length) != 0 || lines->at[length] != ' ' || !end)
		return NULL;
	const char *value = lines->at + length + 1;
	lines->at = end + 1;
	return arena_text_of(lines->arena, bytes_of(value, (size_t)(end - value)));
}

static bool take_id(struct lines *lines, const char *word, struct gitfile_id *out)
{
	const char *value = take_line(lines, word);

	if (!value || !gitfile_id_valid(value))
		return false;
	memcpy(out->text, value, sizeof(out->text));
	return true;
}

/* The lines that follow and begin with a blank belong to the value. */
static char *take_folded(struct lines *lines, const char *word)
{
	const char *value = take_line(lines, word);
	struct text whole;

	if (!value)
		return NULL;
	text_init(&whole, lines->arena, 64 * 1024);
	text_add(&whole, value);
	while (*lines->at == ' ') {
		const char *end = strchr(lines->at, '\n');
		if (!end)
			return NULL;
		text_add(&whole, "\n");
		text_add_bytes(&whole, bytes_of(lines->at + 1, (size_t)(end - lines->at - 1)));
		lines->at = end + 1;
	}
	return text_cut(&whole) ? NULL : whole.at;
}

bool gitfile_commit(struct arena *arena, struct bytes content, struct gitfile_commit *out,
		    struct err *err)
{
	struct gitfile_commit commit = {.parent.text = ""};
	struct lines lines = {.arena = arena};

	if (content.size == 0 || memchr(content.data, 0, content.size))
		return err_fail(err, E_GIT_OBJECT, "it is not the text of a commit");
	const char *text = arena_text_of(arena, content);
	lines.at = text;
	if (!take_id(&lines, "tree", &commit.tree))
		return err_fail(err, E_GIT_OBJECT, "the commit names no tree");
	bool has_parent = strncmp(lines.at, "parent ", 7) == 0;
	if (has_parent && !take_id(&lines, "parent", &commit.parent))
		return err_fail(err, E_GIT_OBJECT, "the commit's parent is none");
	commit.author = take_line(&lines, "author");
	commit.committer = take_line(&lines, "committer");
	const char *signed_from = lines.at;
	commit.signature = take_folded(&lines, "gpgsig");
	if (!commit.author || !commit.committer || !commit.signature || *lines.at != '\n')
		return err_fail(err, E_GIT_OBJECT,
				"the commit is not as the keeper writes them: one parent at most, "
				"author, committer and one signature");
	size_t before = (size_t)(signed_from - text);
	size_t after = content.size - (size_t)(lines.at - text);
	unsigned char *payload = arena_alloc(arena, before + after);
	memcpy(payload, text, before);
	memcpy(payload + before, lines.at, after);
	commit.payload = bytes_of(payload, before + after);
	commit.message = lines.at + 1;
	*out = commit;
	return true;
}

/* ---- SSHSIG ---- */

static const char armour_begin[] = "-----BEGIN SSH SIGNATURE-----\n";
static const char armour_end[] = "-----END SSH SIGNATURE-----";

/* The base64 between the two lines, its lines joined. */
static bool open_armour(struct arena *arena, const char *armoured, struct bytes *out,
			struct err *err)
{
	size_t begin = sizeof(armour_begin) - 1;
	const char *end = strstr(armoured, armour_end);
	struct text body;

	if (strncmp(armoured, armour_begin, begin) != 0 || !end ||
	    (strcmp(end, armour_end) != 0 && strcmp(end + sizeof(armour_end) - 1, "\n") != 0))
		return err_fail(err, E_SIGNATURE, "the commit's signature is not an SSH signature");
	text_init(&body, arena, LINE_MAX_BYTES);
	for (const char *at = armoured + begin; at < end;) {
		size_t length = strcspn(at, "\n");
		text_add_bytes(&body, bytes_of(at, length));
		at += length + 1;
	}
	if (text_cut(&body) || !decode_base64(arena, body.at, out, err))
		return err_fail(err, E_SIGNATURE, "the commit's signature is not in base64");
	return true;
}

static bool take_string(struct bytes *from, struct bytes *out)
{
	if (from->size < 4)
		return false;
	size_t size = (size_t)from->data[0] << 24 | (size_t)from->data[1] << 16 |
		      (size_t)from->data[2] << 8 | from->data[3];
	if (size > from->size - 4)
		return false;
	*out = bytes_of(from->data + 4, size);
	*from = bytes_of(from->data + 4 + size, from->size - 4 - size);
	return true;
}

static bool take_word(struct bytes *from, const char *word)
{
	struct bytes found;

	return take_string(from, &found) && bytes_equal(found, bytes_of_text(word));
}

/* "ssh-ed25519" and then the value, and nothing more. */
static bool open_pair(struct bytes pair, size_t size, struct bytes *out)
{
	return take_word(&pair, "ssh-ed25519") && take_string(&pair, out) && out->size == size &&
	       pair.size == 0;
}

static void put_string(struct text *out, struct bytes bytes)
{
	unsigned char length[4] = {0, 0, (unsigned char)(bytes.size >> 8),
				   (unsigned char)bytes.size};

	text_add_bytes(out, bytes_of(length, sizeof(length)));
	text_add_bytes(out, bytes);
}

bool gitfile_check_signature(struct arena *arena, const char *armoured, struct bytes payload,
			     struct bytes *spki, struct err *err)
{
	static const unsigned char magic[] = {'S', 'S', 'H', 'S', 'I', 'G', 0, 0, 0, 1};
	struct sha256 digest = digest_sha256(payload);
	struct bytes blob, key_pair, signature_pair, key, signature;
	struct text message;

	if (!open_armour(arena, armoured, &blob, err))
		return false;
	if (blob.size < sizeof(magic) || memcmp(blob.data, magic, sizeof(magic)) != 0)
		return err_fail(err, E_SIGNATURE, "the commit's signature is not an SSH signature");
	blob = bytes_of(blob.data + sizeof(magic), blob.size - sizeof(magic));
	if (!take_string(&blob, &key_pair) || !take_word(&blob, "git") || !take_word(&blob, "") ||
	    !take_word(&blob, "sha256") || !take_string(&blob, &signature_pair) || blob.size != 0 ||
	    !open_pair(key_pair, 32, &key) ||
	    !open_pair(signature_pair, SIGN_ED25519_BYTES, &signature))
		return err_fail(err, E_SIGNATURE,
				"the commit's signature is not of Ed25519 and SHA-256 for git");
	text_init(&message, arena, LINE_MAX_BYTES);
	text_add(&message, "SSHSIG");
	put_string(&message, bytes_of_text("git"));
	put_string(&message, bytes_of_text(""));
	put_string(&message, bytes_of_text("sha256"));
	put_string(&message, bytes_of(digest.at, SHA256_BYTES));
	*spki = sign_spki_of_ed25519_raw(arena, key.data);
	return sign_raw_check(*spki, text_bytes(&message), signature, err);
}
