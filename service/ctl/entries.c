/* SPDX-License-Identifier: Apache-2.0 */
/* What did the administrator write, with the files that it names read in? For trust and directory. */

#include "service/ctl/entries.h"

#include "common/digest.h"
#include "common/encode.h"
#include "common/file.h"
#include "common/text.h"
#include "service/ctl/files.h"

#include <string.h>

enum { FILE_MAX = 1024 * 1024, KEY_FILE_MAX = 64 * 1024, TOKEN_BYTES = 24, HOURS_MAX = 24 * 365 };
#define HOUR (3600 * CLOCK_SECOND)

static const char public_begin[] = "-----BEGIN PUBLIC KEY-----";
static const char public_end[] = "-----END PUBLIC KEY-----";

/* ---- keys ---- */

static void free_key(void *key)
{
	sign_key_free(key);
}

/* The base64 between the two lines (RFC 7468), taken together. */
static bool read_public_pem(struct arena *arena, const char *text, struct bytes *out,
			    struct err *err)
{
	const char *at = strstr(text, public_begin) + strlen(public_begin);
	const char *end = strstr(at, public_end);
	enum sign_alg alg;
	struct text digits;

	if (!end)
		return err_fail(err, E_KEY, "the public key is cut");
	text_init(&digits, arena, KEY_FILE_MAX);
	for (; at < end; at++) {
		if (!strchr(" \t\r\n", *at))
			text_add_bytes(&digits, bytes_of(at, 1));
	}
	return decode_base64(arena, digits.at, out, err) && sign_spki_alg(*out, &alg, err);
}

static bool read_private(struct arena *arena, const char *path, struct bytes *out, struct err *err)
{
	struct sign_key *key;

	if (!sign_key_new(path, &key, err))
		return false;
	arena_defer(arena, free_key, key);
	*out = sign_key_spki(key);
	return true;
}

bool entries_read_key(struct arena *arena, const char *path, struct bytes *spki,
		      clock_us *not_before, clock_us *not_after, struct err *err)
{
	struct err ignored = {0};
	struct sign_cert cert;
	struct bytes file;

	*not_before = *not_after = 0;
	if (!file_read(arena, path, KEY_FILE_MAX, &file, err))
		return false;
	if (sign_cert_read(arena, file, &cert, &ignored)) {
		*spki = cert.spki;
		*not_before = cert.not_before;
		*not_after = cert.not_after;
		return true;
	}
	const char *text = arena_text_of(arena, file);
	if (strstr(text, public_begin) ? read_public_pem(arena, text, spki, err)
				       : read_private(arena, path, spki, err))
		return true;
	err_prefix(err, "%s", path);
	return false;
}

static bool read_list(struct arena *arena, const char *path, const struct doc **out,
		      struct err *err)
{
	struct bytes file;

	if (!file_read(arena, path, FILE_MAX, &file, err))
		return false;
	if (!doc_parse(arena, file, out, err)) {
		err_prefix(err, "%s", path);
		return false;
	}
	if (doc_kind(*out) != DOC_KIND_ARRAY)
		return err_fail(err, E_DOC_FIELD, "%s must hold a JSON list", path);
	return true;
}

/* ---- entries of the trust document ---- */

struct entry_words {
	const char *role, *name, *person, *cert, *key;
	const struct doc *products, *sites;
	const char *not_before, *not_after;
};
static const struct doc_field entry_fields[] = {
	DOC_TEXT(struct entry_words, role, 1, 64),
	DOC_TEXT(struct entry_words, name, 1, 200),
	DOC_TEXT_OPT(struct entry_words, person, 1, ID_NAME_MAX),
	DOC_TEXT_OPT(struct entry_words, cert, 1, 4096),
	DOC_TEXT_OPT(struct entry_words, key, 1, 4096),
	DOC_LIST_OPT(struct entry_words, products, 0, 100),
	DOC_LIST_OPT(struct entry_words, sites, 0, 100),
	DOC_TEXT_OPT(struct entry_words, not_before, 1, 40),
	DOC_TEXT_OPT(struct entry_words, not_after, 1, 40),
};

/* The trust document's own reader judges the names. */
static struct text_list names_of(struct arena *arena, const struct doc *list)
{
	const char **at = arena_array(arena, doc_size(list) + 1, sizeof(*at));

	for (size_t i = 0; i < doc_size(list); i++) {
		const char *name = doc_text(doc_at(list, i));
		at[i] = name ? name : "";
	}
	return (struct text_list){at, doc_size(list)};
}

static bool read_entry(struct arena *arena, const char *path, const struct doc *doc,
		       clock_us issued_at, clock_us expires_at, struct trust_entry *out,
		       struct err *err)
{
	struct entry_words words;
	enum sign_alg alg;

	if (!doc_read(arena, doc, entry_fields, DOC_COUNT(entry_fields), &words, err))
		return false;
	if (!words.cert == !words.key)
		return err_fail(err, E_DOC_FIELD, "%s needs either cert or key", words.name);
	const char *file = files_beside(arena, path, words.cert ? words.cert : words.key);
	*out = (struct trust_entry){
		.role = words.role,
		.name = words.name,
		.person = words.person,
		.products = names_of(arena, words.products),
		.sites = names_of(arena, words.sites),
	};
	if (!entries_read_key(arena, file, &out->key.spki, &out->not_before, &out->not_after,
			      err) ||
	    !sign_spki_alg(out->key.spki, &alg, err))
		return false;
	out->key.alg = sign_alg_word(alg);
	if (out->not_after == 0) {
		out->not_before = issued_at;
		out->not_after = expires_at;
	}
	return (!words.not_before ||
		ctl_read_time(words.not_before, "not_before", &out->not_before, err)) &&
	       (!words.not_after ||
		ctl_read_time(words.not_after, "not_after", &out->not_after, err));
}

bool entries_read_trust(struct arena *arena, const char *path, clock_us issued_at,
			clock_us expires_at, struct trust_entry **out, size_t *count,
			struct err *err)
{
	const struct doc *list;

	if (!read_list(arena, path, &list, err))
		return false;
	struct trust_entry *entries = arena_array(arena, doc_size(list) + 1, sizeof(*entries));
	for (size_t i = 0; i < doc_size(list); i++) {
		if (!read_entry(arena, path, doc_at(list, i), issued_at, expires_at, &entries[i],
				err)) {
			err_prefix(err, "%s, entry %zu", path, i + 1);
			return false;
		}
	}
	*out = entries;
	*count = doc_size(list);
	return true;
}

/* ---- acts of a directory statement ---- */

static bool put_certificate(struct arena *arena, const char *file, struct doc *act, struct err *err)
{
	struct sign_cert cert;
	struct bytes bytes;

	if (!file_read(arena, file, KEY_FILE_MAX, &bytes, err) ||
	    !sign_cert_read(arena, bytes, &cert, err))
		return false;
	doc_set_bytes(act, "certificate", cert.der);
	return true;
}

static bool put_report_key(struct arena *arena, const char *file, struct doc *act, struct err *err)
{
	struct bytes spki;
	clock_us from;
	clock_us to;

	if (!entries_read_key(arena, file, &spki, &from, &to, err))
		return false;
	doc_set_bytes(act, "report_key", spki);
	return true;
}

/* The digest of the canonical form, which is what document put stores. */
static bool put_ruleset(struct arena *arena, const char *file, struct doc *act, struct err *err)
{
	const struct doc *ruleset;
	struct bytes bytes;

	if (!file_read(arena, file, FILE_MAX, &bytes, err) ||
	    !doc_parse(arena, bytes, &ruleset, err) || !doc_canonical(arena, ruleset, &bytes, err))
		return false;
	const char *name = doc_get_text(ruleset, "name");
	if (!name)
		return err_fail(err, E_DOC_FIELD, "%s is no ruleset: it has no name", file);
	doc_set_text(act, "name", name);
	doc_set_text(act, "sha256", digest_sha256_hex(bytes).text);
	return true;
}

static bool put_token(struct arena *arena, const char *file, struct doc *act, struct err *err)
{
	struct bytes bytes;
	bool found;
	char *token;

	if (!file_find(arena, file, KEY_FILE_MAX, &found, &bytes, err))
		return false;
	if (!found) {
		token = random_token(arena, TOKEN_BYTES);
		char *line = arena_printf(arena, "%s\n", token);
		if (!file_replace(file, bytes_of_text(line), 0600, err))
			return false;
	} else if (!file_read_line(arena, file, &token, err)) {
		return false;
	}
	doc_set_text(act, "token_sha256", digest_sha256_hex(bytes_of_text(token)).text);
	return true;
}

static const struct {
	const char *key;
	bool (*put)(struct arena *arena, const char *file, struct doc *act, struct err *err);
} from_files[] = {
	{"certificate_file", put_certificate},
	{"report_key_file", put_report_key},
	{"ruleset_file", put_ruleset},
	{"token_file", put_token},
};

static bool put_member(struct arena *arena, const char *path, clock_us now,
		       const struct doc_pair *pair, struct doc *act, struct err *err)
{
	const char *text = doc_text(pair->value);

	for (size_t i = 0; i < sizeof(from_files) / sizeof(from_files[0]); i++) {
		if (strcmp(from_files[i].key, pair->key) != 0)
			continue;
		if (!text)
			return err_fail(err, E_DOC_FIELD, "%s must name a file", pair->key);
		return from_files[i].put(arena, files_beside(arena, path, text), act, err);
	}
	if (strcmp(pair->key, "valid_hours") == 0) {
		int64_t hours = doc_int(pair->value, 0);
		if (hours < 1 || hours > HOURS_MAX)
			return err_fail(err, E_DOC_FIELD, "valid_hours must be from 1 to %d",
					HOURS_MAX);
		doc_set_time(act, "expires_at", now + hours * HOUR);
		return true;
	}
	doc_set(act, pair->key, pair->value);
	return true;
}

static bool read_act(struct arena *arena, const char *path, clock_us now, const struct doc *doc,
		     struct doc *out, struct err *err)
{
	size_t count;

	if (doc_kind(doc) != DOC_KIND_OBJECT)
		return err_fail(err, E_DOC_FIELD, "an act is an object");
	const struct doc_pair *pairs = doc_members(arena, doc, &count);
	for (size_t i = 0; i < count; i++) {
		if (!put_member(arena, path, now, &pairs[i], out, err))
			return false;
	}
	return true;
}

bool entries_read_acts(struct arena *arena, const char *path, clock_us now, const struct doc **out,
		       struct err *err)
{
	struct doc *acts = doc_array(arena);
	const struct doc *list;

	if (!read_list(arena, path, &list, err))
		return false;
	for (size_t i = 0; i < doc_size(list); i++) {
		struct doc *act = doc_object(arena);
		if (!read_act(arena, path, now, doc_at(list, i), act, err)) {
			err_prefix(err, "%s, act %zu", path, i + 1);
			return false;
		}
		doc_add(acts, act);
	}
	*out = acts;
	return true;
}
