/* SPDX-License-Identifier: Apache-2.0 */
/* The trust document: made in the key ceremony, signed by roots, put into force, looked at. */

#include "common/wire/trust.h"
#include "common/encode.h"
#include "common/file.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/entries.h"
#include "service/ctl/show.h"
#include "service/ctl/signing.h"

#include <string.h>

enum { CERT_MAX = 64 * 1024, DAYS_MAX = 3650 };
#define DAY (24 * 3600 * CLOCK_SECOND)

struct root {
	const char *path; /* of the certificate */
	struct sign_cert cert;
};

struct ceremony {
	struct root roots[TRUST_ROOTS_MAX];
	size_t root_count;
	const char *keys[TRUST_ROOTS_MAX]; /* those that sign here and now */
	size_t key_count;
	struct trust trust;
	struct bytes document;
};

/* ---- init: what is given ---- */

static bool add_root(struct ctl *ctl, struct ceremony *ceremony, const char *path, struct err *err)
{
	struct root *root = &ceremony->roots[ceremony->root_count];
	struct bytes file;

	if (ceremony->root_count == TRUST_ROOTS_MAX)
		return err_fail(err, E_USAGE, "There are more than %d roots", TRUST_ROOTS_MAX);
	if (!file_read(ctl->arena, path, CERT_MAX, &file, err) ||
	    !sign_cert_read(ctl->arena, file, &root->cert, err))
		return false;
	if (root->cert.role != SIGN_ROOT)
		return err_fail(err, E_CERT, "%s is no certificate of a root", path);
	root->path = path;
	ceremony->root_count++;
	return true;
}

/* root1.pem, root1.key, ... of a folder that tools/pki.sh made. */
static bool add_pki(struct ctl *ctl, struct ceremony *ceremony, long long roots, long long k,
		    struct err *err)
{
	const char *folder = ctl_find(ctl, "--pki");

	for (long long i = 1; folder && i <= roots; i++) {
		if (!add_root(ctl, ceremony, arena_printf(ctl->arena, "%s/root%lld.pem", folder, i),
			      err))
			return false;
		if (i <= k)
			ceremony->keys[ceremony->key_count++] =
				arena_printf(ctl->arena, "%s/root%lld.key", folder, i);
	}
	return true;
}

static bool read_roots(struct ctl *ctl, struct ceremony *ceremony, struct err *err)
{
	long long roots;
	long long k;
	size_t count;

	if (!arguments_int(&ctl->arguments, "--roots", 1, TRUST_ROOTS_MAX, 3, &roots, err) ||
	    !arguments_int(&ctl->arguments, "--k", 1, TRUST_ROOTS_MAX, 2, &k, err) ||
	    !add_pki(ctl, ceremony, roots, k, err))
		return false;
	const char *const *words = arguments_list(ctl->arena, &ctl->arguments, "--root", &count);
	for (size_t i = 0; i < count; i++) {
		if (!add_root(ctl, ceremony, words[i], err))
			return false;
	}
	words = arguments_list(ctl->arena, &ctl->arguments, "--key", &count);
	for (size_t i = 0; i < count; i++) {
		if (ceremony->key_count == TRUST_ROOTS_MAX)
			return err_fail(err, E_USAGE, "There are too many --key");
		ceremony->keys[ceremony->key_count++] = words[i];
	}
	if (ceremony->root_count == 0)
		return err_fail(err, E_USAGE, "No root is named; say --root CERT or --pki DIR");
	ceremony->trust.roots.k = k;
	return true;
}

/* ---- init: what is made ---- */

static bool make_document(struct ctl *ctl, struct ceremony *ceremony, struct err *err)
{
	struct trust *trust = &ceremony->trust;
	struct bytes *keys = arena_array(ctl->arena, ceremony->root_count, sizeof(*keys));
	long long days;

	if (!arguments_int(&ctl->arguments, "--days", 1, DAYS_MAX, 365, &days, err))
		return false;
	for (size_t i = 0; i < ceremony->root_count; i++)
		keys[i] = ceremony->roots[i].cert.spki;
	trust->version = 1;
	trust->issued_at = clock_now();
	trust->expires_at = trust->issued_at + days * DAY;
	trust->slot = "maker";
	trust->roots.keys = keys;
	trust->roots.key_count = ceremony->root_count;
	return entries_read_trust(ctl->arena, ctl_get(ctl, "--entries"), trust->issued_at,
				  trust->expires_at, &trust->entries, &trust->entry_count, err) &&
	       trust_write(ctl->arena, trust, &ceremony->document, err);
}

/* By one key, whichever root's it is. */
static bool sign_document_by(struct ctl *ctl, const struct ceremony *ceremony, const char *source,
			     const char *dir, struct err *err)
{
	struct sign_key *key;
	struct bytes spki;
	struct bytes cms;
	clock_us from;
	clock_us to;

	if (strncmp(source, "pkcs11:", strlen("pkcs11:")) == 0)
		return err_fail(err, E_USAGE,
				"A root key in a token signs with trust sign, after trust init");
	if (!entries_read_key(ctl->arena, source, &spki, &from, &to, err))
		return false;
	for (size_t i = 0; i < ceremony->root_count; i++) {
		const struct root *root = &ceremony->roots[i];
		struct sign_cert cert;
		if (!bytes_equal(root->cert.spki, spki))
			continue;
		const char *path = arena_printf(ctl->arena, "%s/trust.json.%zu.p7s", dir, i + 1);
		if (!signing_open(ctl, source, root->path, SIGN_ROOT, &key, &cert, err) ||
		    !sign_cms(ctl->arena, key, &cert, ceremony->document, &cms, err) ||
		    !file_replace(path, cms, 0644, err))
			return false;
		show_line(ctl, "Signed: %s", path);
		return true;
	}
	return err_fail(err, E_KEY, "%s is the key of none of the roots", source);
}

static bool write_pin(struct ctl *ctl, const struct ceremony *ceremony, const char *path,
		      struct err *err)
{
	const struct trust *trust = &ceremony->trust;
	struct sha256_hex *ids = arena_array(ctl->arena, ceremony->root_count, sizeof(*ids));
	struct trust_pin pin = {.slot = trust->slot, .origin = ctl_get(ctl, "--origin")};
	struct bytes bytes;
	size_t ledgers = 0;

	for (size_t i = 0; i < ceremony->root_count; i++)
		ids[i] = ceremony->roots[i].cert.key_id;
	pin.roots = (struct trust_pin_roots){trust->roots.k, ids, ceremony->root_count};
	for (size_t i = 0; i < trust->entry_count; i++) {
		if (strcmp(trust->entries[i].role, trust_role_word(TRUST_LEDGER)) == 0) {
			pin.ledger_key = trust->entries[i].key.spki;
			ledgers++;
		}
	}
	if (ledgers != 1)
		pin.ledger_key = (struct bytes){0}; /* taken from the trust document then */
	return trust_pin_write(ctl->arena, &pin, &bytes, err) &&
	       file_replace(path, bytes, 0644, err);
}

bool ctl_trust_init(struct ctl *ctl, struct err *err)
{
	struct ceremony *ceremony = arena_alloc(ctl->arena, sizeof(*ceremony));
	const char *dir = ctl_get(ctl, "--dir");
	const char *document = arena_printf(ctl->arena, "%s/trust.json", dir);
	const char *pin = arena_printf(ctl->arena, "%s/trust-pin.json", dir);

	if (!read_roots(ctl, ceremony, err) || !make_document(ctl, ceremony, err) ||
	    !file_make_folders(dir, 0755, err) ||
	    !file_replace(document, ceremony->document, 0644, err))
		return false;
	show_line(ctl, "Made: %s, version 1 with %zu entries", document,
		  ceremony->trust.entry_count);
	for (size_t i = 0; i < ceremony->key_count; i++) {
		if (!sign_document_by(ctl, ceremony, ceremony->keys[i], dir, err))
			return false;
	}
	if (!write_pin(ctl, ceremony, pin, err))
		return false;
	show_line(ctl, "Made: %s, to be brought to devices, keeper and verifiers by a safe way",
		  pin);
	if ((int64_t)ceremony->key_count < ceremony->trust.roots.k)
		show_line(ctl, "%lld more root keys have to sign it: countersign trust sign %s",
			  (long long)ceremony->trust.roots.k - (long long)ceremony->key_count,
			  document);
	struct doc *made = doc_object(ctl->arena);
	doc_set_text(made, "sha256", digest_sha256_hex(ceremony->document).text);
	show_json(ctl, made);
	return true;
}

/* ---- show, sign ---- */

static void show_entry(struct ctl *ctl, const struct trust_entry *entry, const struct doc *doc)
{
	const char *products = show_value(ctl->arena, doc_get(doc, "products"));
	const char *sites = show_value(ctl->arena, doc_get(doc, "sites"));

	show_line(ctl, "  %-11s %s%s%s%s, %s key %s", entry->role, entry->name,
		  entry->person ? " (" : "", entry->person ? entry->person : "",
		  entry->person ? ")" : "", entry->key.alg, entry->key_id.text);
	show_line(ctl, "              products: %s; sites: %s; %s to %s",
		  products[0] ? products : "all", sites[0] ? sites : "all",
		  clock_format(entry->not_before).text, clock_format(entry->not_after).text);
}

static bool show_trust(struct ctl *ctl, struct bytes document, struct err *err)
{
	const struct doc *doc;
	struct trust trust;

	if (!trust_parse(ctl->arena, document, &trust, err) ||
	    !doc_parse(ctl->arena, document, &doc, err))
		return false;
	show_json(ctl, doc);
	show_line(ctl, "Trust document of the %s, version %lld", trust.slot,
		  (long long)trust.version);
	show_line(ctl, "Issued %s, expires %s", clock_format(trust.issued_at).text,
		  clock_format(trust.expires_at).text);
	show_line(ctl, "SHA-256 %s", trust.sha256.text);
	show_line(ctl, "%lld of these roots have to sign:", (long long)trust.roots.k);
	for (size_t i = 0; i < trust.roots.key_count; i++)
		show_line(ctl, "  %s", sign_key_id(trust.roots.keys[i]).text);
	show_line(ctl, "Entries:");
	for (size_t i = 0; i < trust.entry_count; i++)
		show_entry(ctl, &trust.entries[i], doc_at(doc_get(doc, "entries"), i));
	for (size_t i = 0; i < trust.revoked_count; i++)
		show_line(ctl, "Revoked: key %s", trust.revoked[i].text);
	for (size_t i = 0; i < trust.floor_count; i++)
		show_line(ctl, "Floor: %s, sequence %lld", trust.floors[i].key,
			  (long long)trust.floors[i].value);
	return true;
}

bool ctl_trust_sign(struct ctl *ctl, struct err *err)
{
	struct bytes document;

	return file_read(ctl->arena, ctl_get(ctl, "FILE"), TRUST_BYTES_MAX, &document, err) &&
	       show_trust(ctl, document, err) &&
	       signing_agree(ctl, "Sign this trust document?", err) &&
	       signing_file(ctl, ctl_get(ctl, "FILE"), SIGN_ROOT, document, err);
}

/* {document, cms} as the service or files have them. */
static bool get_trust(struct ctl *ctl, const struct doc **out, struct err *err)
{
	struct doc *body;

	if (!ctl_has(ctl, "--document"))
		return call_get(ctl, call_path(ctl->arena, "v1", "trust", NULL), out, err);
	if (!signing_body(ctl, ctl_get(ctl, "--document"), TRUST_BYTES_MAX, &body, err))
		return false;
	doc_set_int(body, "version", 0);
	*out = body;
	return true;
}

struct trust_answer {
	int64_t version;
	struct bytes document;
	const struct doc *cms;
};

static bool check_pin(struct ctl *ctl, const struct trust_answer *answer, struct err *err)
{
	size_t count = doc_size(answer->cms);
	struct bytes *cms = arena_array(ctl->arena, count + 1, sizeof(*cms));
	struct trust_pin pin;
	struct trust trust;
	struct bytes file;

	for (size_t i = 0; i < count; i++) {
		const char *text = doc_text(doc_at(answer->cms, i));
		if (!text || !decode_base64(ctl->arena, text, &cms[i], err))
			return err_fail(err, E_FETCH, "A signature of the answer is not base64");
	}
	if (!file_read(ctl->arena, ctl_get(ctl, "--pin"), CERT_MAX, &file, err) ||
	    !trust_pin_parse(ctl->arena, file, &pin, err) ||
	    !trust_accept(ctl->arena, &pin, NULL, answer->document, cms, count, clock_now(), &trust,
			  err))
		return false;
	show_line(ctl, "The pinned roots have signed it");
	return true;
}

bool ctl_trust_show(struct ctl *ctl, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_INT(struct trust_answer, version, 0, DOC_INT_MAX),
		DOC_BYTES(struct trust_answer, document, TRUST_BYTES_MAX),
		DOC_LIST(struct trust_answer, cms, 0, 64),
	};
	struct trust_answer answer;
	const struct doc *doc;

	return get_trust(ctl, &doc, err) &&
	       doc_read(ctl->arena, doc, fields, DOC_COUNT(fields), &answer, err) &&
	       show_trust(ctl, answer.document, err) &&
	       (!ctl_has(ctl, "--pin") || check_pin(ctl, &answer, err));
}

bool ctl_trust_put(struct ctl *ctl, struct err *err)
{
	const struct doc *answer;
	struct doc *body;

	if (!signing_body(ctl, ctl_get(ctl, "--document"), TRUST_BYTES_MAX, &body, err) ||
	    !call_send(ctl, "POST", call_path(ctl->arena, "v1", "trust", NULL), body, &answer, err))
		return false;
	show_line(ctl, "In force: version %s of the trust document, entry %s of the ledger",
		  show_value(ctl->arena, doc_get(answer, "version")),
		  show_value(ctl->arena, doc_get(answer, "index")));
	show_json(ctl, answer);
	return true;
}
