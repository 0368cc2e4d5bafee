/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this trust document the one to go by, and may this key do that: for devices, keeper and
 * verifier, which all pin root keys and take everything else from here.
 */

#include "common/wire/trust.h"

#include <string.h>

/* ---- roles ---- */

enum { CMS_KEY, NOTE_KEY, ANY_KEY }; /* which algorithms a role's key may have */

static const struct {
	const char *word;
	int keys;
} roles[TRUST_ROLES] = {
	[TRUST_AUTHOR] = {"author", CMS_KEY},
	[TRUST_KEEPER] = {"keeper", CMS_KEY},
	[TRUST_LEASE] = {"lease", NOTE_KEY},
	[TRUST_LEDGER] = {"ledger", NOTE_KEY},
	[TRUST_GIT] = {"git", NOTE_KEY},
	[TRUST_ADMIN] = {"admin", CMS_KEY},
	[TRUST_APPROVER_CA] = {"approver-ca", CMS_KEY},
	[TRUST_DEVICE_CA] = {"device-ca", CMS_KEY},
	[TRUST_TSA] = {"tsa", CMS_KEY},
	[TRUST_WITNESS] = {"witness", ANY_KEY},
	[TRUST_SITE] = {"site", CMS_KEY},
};
static const char *const role_words[] = {
	"author",      "keeper",    "lease", "ledger",	"git",	"admin",
	"approver-ca", "device-ca", "tsa",   "witness", "site", NULL,
};

const char *trust_role_word(enum trust_role role)
{
	return roles[role].word;
}

enum trust_role trust_role_of(const char *word)
{
	for (int role = TRUST_NONE + 1; role < TRUST_ROLES; role++) {
		if (strcmp(roles[role].word, word) == 0)
			return (enum trust_role)role;
	}
	return TRUST_NONE;
}

/* ---- the document's tables ---- */

enum { SPKI_MAX = 1024 };

static const char *const slots[] = {"maker", "site", NULL};
static const char *const algs[] = {"ed25519", "p256", "p384", "rsa", NULL};

static const struct shape_field roots_fields[] = {
	SHAPE_INT(struct trust_roots, k, 1, TRUST_ROOTS_MAX),
	SHAPE_BLOBS(struct trust_roots, keys, key_count, 1, TRUST_ROOTS_MAX),
};
static const struct shape roots_shape = SHAPE_PART(struct trust_roots, roots_fields, NULL);

static const struct shape_field key_fields[] = {
	SHAPE_WORD(struct trust_key, alg, algs),
	SHAPE_BYTES(struct trust_key, spki, 1, SPKI_MAX),
};
static const struct shape key_shape = SHAPE_PART(struct trust_key, key_fields, NULL);

static const struct shape_field entry_fields[] = {
	SHAPE_WORD(struct trust_entry, role, role_words),
	SHAPE_LINE(struct trust_entry, name, 1, 200),
	SHAPE_NAME_OPT(struct trust_entry, person, ID_NAME_MAX),
	SHAPE_OBJECT(struct trust_entry, key, &key_shape),
	SHAPE_NAMES(struct trust_entry, products, 0, 100),
	SHAPE_NAMES(struct trust_entry, sites, 0, 100),
	SHAPE_TIME(struct trust_entry, not_before),
	SHAPE_TIME(struct trust_entry, not_after),
};

static bool check_entry(const void *value, struct err *err);
static const struct shape entry_shape = SHAPE_PART(struct trust_entry, entry_fields, check_entry);

static const struct shape_field fields[] = {
	SHAPE_INT(struct trust, version, 1, DOC_INT_MAX),
	SHAPE_TIME(struct trust, issued_at),
	SHAPE_TIME(struct trust, expires_at),
	SHAPE_WORD(struct trust, slot, slots),
	SHAPE_OBJECT(struct trust, roots, &roots_shape),
	SHAPE_LIST(struct trust, entries, entry_count, &entry_shape, 0, TRUST_ENTRIES_MAX),
	SHAPE_DIGESTS(struct trust, revoked, revoked_count, 0, TRUST_REVOKED_MAX),
	SHAPE_MAP(struct trust, floors, floor_count, TRUST_FLOORS_MAX),
};

static bool check(const void *value, struct err *err);
static const struct shape shape = SHAPE(TRUST_TYPE, TRUST_BYTES_MAX, struct trust, fields, check);

/* ---- what the tables cannot say ---- */

static bool alg_fits(const char *word, int keys, struct bytes spki, struct err *err)
{
	enum sign_alg alg;

	if (!sign_spki_alg(spki, &alg, err))
		return false;
	if (word && strcmp(word, sign_alg_word(alg)) != 0)
		return err_fail(err, E_DOC_FIELD, "A key is of another algorithm than is said");
	if (keys != ANY_KEY && (alg == SIGN_ED25519) != (keys == NOTE_KEY))
		return err_fail(err, E_DOC_FIELD, "A key of this role has to be %s",
				keys == NOTE_KEY ? "an Ed25519 key" : "an ECDSA or RSA key");
	return true;
}

static bool check_entry(const void *value, struct err *err)
{
	const struct trust_entry *entry = value;
	enum trust_role role = trust_role_of(entry->role);

	if (role == TRUST_ADMIN && !entry->person)
		return err_fail(err, E_DOC_FIELD, "An admin's entry has to name the person");
	if (entry->not_before >= entry->not_after)
		return err_fail(err, E_DOC_FIELD, "The time of %s ends before it begins",
				entry->name);
	return alg_fits(entry->key.alg, roles[role].keys, entry->key.spki, err);
}

static bool check(const void *value, struct err *err)
{
	const struct trust *trust = value;
	const struct trust_roots *own = &trust->roots;

	if (trust->issued_at >= trust->expires_at)
		return err_fail(err, E_DOC_FIELD, "The document expires before it is issued");
	if (own->k > (int64_t)own->key_count)
		return err_fail(err, E_DOC_FIELD, "More roots have to sign than there are");
	for (size_t i = 0; i < own->key_count; i++) {
		if (!alg_fits(NULL, CMS_KEY, own->keys[i], err))
			return false;
		for (size_t j = 0; j < i; j++) {
			if (bytes_equal(own->keys[i], own->keys[j]))
				return err_fail(err, E_DOC_FIELD, "A root key stands twice");
		}
	}
	return true;
}

/* ---- reading and writing ---- */

/* Fills what follows from the keys; one key has one role, root among them. */
static bool identify(struct trust *trust, struct err *err)
{
	struct sha256_hex root[TRUST_ROOTS_MAX];

	for (size_t i = 0; i < trust->roots.key_count; i++)
		root[i] = sign_key_id(trust->roots.keys[i]);
	for (size_t i = 0; i < trust->entry_count; i++) {
		struct trust_entry *entry = &trust->entries[i];
		bool twice = false;
		entry->role_id = trust_role_of(entry->role);
		entry->key_id = sign_key_id(entry->key.spki);
		for (size_t j = 0; j < trust->roots.key_count; j++)
			twice |= strcmp(root[j].text, entry->key_id.text) == 0;
		for (size_t j = 0; j < i; j++)
			twice |= strcmp(trust->entries[j].key_id.text, entry->key_id.text) == 0;
		if (twice)
			return err_fail(err, E_DOC_FIELD, "The key of %s stands twice",
					entry->name);
	}
	return true;
}

bool trust_parse(struct arena *arena, struct bytes bytes, struct trust *out, struct err *err)
{
	struct trust trust;

	if (!shape_parse(arena, &shape, bytes, &trust, err) || !identify(&trust, err))
		return false;
	trust.document = arena_bytes(arena, bytes);
	trust.sha256 = digest_sha256_hex(bytes);
	*out = trust;
	return true;
}

bool trust_write(struct arena *arena, const struct trust *trust, struct bytes *out, struct err *err)
{
	struct trust again;
	struct bytes bytes;

	if (!shape_write(arena, &shape, trust, &bytes, err) ||
	    !trust_parse(arena, bytes, &again, err))
		return false;
	*out = bytes;
	return true;
}

/* ---- accepting ---- */

/* Root keys that have signed a document; each counts once. */
struct signers {
	struct sha256_hex key_id[TRUST_ROOTS_MAX];
	size_t count;
};

static bool signed_by(const struct signers *signers, const char *key_id)
{
	for (size_t i = 0; i < signers->count; i++) {
		if (strcmp(signers->key_id[i].text, key_id) == 0)
			return true;
	}
	return false;
}

/* Signatures that do not hold, or come from elsewhere, do no harm: they do not count. */
static void find_signers(struct arena *arena, const struct trust *trust, const struct bytes *cms,
			 size_t cms_count, struct signers *out)
{
	for (size_t i = 0; i < cms_count && out->count < TRUST_ROOTS_MAX; i++) {
		struct sign_cert signer;
		struct err why = {0};
		if (sign_cms_check(arena, cms[i], trust->document, SIGN_ROOT, trust->issued_at,
				   &signer, &why) &&
		    !signed_by(out, signer.key_id.text))
			out->key_id[out->count++] = signer.key_id;
	}
}

static bool quorum_of_pin(const struct trust_pin *pin, const struct signers *signers)
{
	int64_t found = 0;
	for (size_t i = 0; i < pin->roots.spki_sha256_count; i++)
		found += signed_by(signers, pin->roots.spki_sha256[i].text);
	return found >= pin->roots.k;
}

static bool quorum_of_roots(const struct trust_roots *own, const struct signers *signers)
{
	int64_t found = 0;
	for (size_t i = 0; i < own->key_count; i++)
		found += signed_by(signers, sign_key_id(own->keys[i]).text);
	return found >= own->k;
}

static bool check_version(const struct trust *current, const struct trust *offered, struct err *err)
{
	if (offered->version < current->version)
		return err_fail(err, E_TRUST_VERSION_LOWER,
				"Version %lld of the trust document is older than version %lld, "
				"which is in force",
				(long long)offered->version, (long long)current->version);
	if (offered->version == current->version &&
	    strcmp(offered->sha256.text, current->sha256.text) != 0)
		return err_fail(err, E_TRUST_FORK, NULL);
	return true;
}

bool trust_accept(struct arena *arena, const struct trust_pin *pin, const struct trust *current,
		  struct bytes document, const struct bytes *cms, size_t cms_count, clock_us now,
		  struct trust *out, struct err *err)
{
	struct trust trust;
	struct signers signers = {.count = 0};

	if (!trust_parse(arena, document, &trust, err))
		return false;
	if (strcmp(trust.slot, pin->slot) != 0)
		return err_fail(err, E_TRUST_SLOT, NULL);
	find_signers(arena, &trust, cms, cms_count, &signers);
	if (!(current ? quorum_of_roots(&current->roots, &signers) : quorum_of_pin(pin, &signers)))
		return err_fail(err, E_TRUST_QUORUM,
				"Too few of the root keys that are trusted here have signed "
				"version %lld of the trust document",
				(long long)trust.version);
	if (!quorum_of_roots(&trust.roots, &signers))
		return err_fail(err, E_TRUST_QUORUM,
				"Too few of the root keys that version %lld of the trust document "
				"names have signed it",
				(long long)trust.version);
	if (current && !check_version(current, &trust, err))
		return false;
	if (now != 0 && now >= trust.expires_at)
		return err_fail(err, E_TRUST_EXPIRED, NULL);
	*out = trust;
	return true;
}

/* ---- asking ---- */

static bool is_revoked(const struct trust *trust, const struct sha256_hex *key_id)
{
	for (size_t i = 0; i < trust->revoked_count; i++) {
		if (strcmp(trust->revoked[i].text, key_id->text) == 0)
			return true;
	}
	return false;
}

static const struct trust_entry *entry_of(const struct trust *trust,
					  const struct sha256_hex *key_id)
{
	for (size_t i = 0; i < trust->entry_count; i++) {
		if (strcmp(trust->entries[i].key_id.text, key_id->text) == 0)
			return &trust->entries[i];
	}
	return NULL;
}

static bool covers(const struct text_list *list, const char *name)
{
	return !name || list->count == 0 || text_list_holds(list, name);
}

bool trust_find_key(const struct trust *trust, enum trust_role role,
		    const struct sha256_hex *key_id, const char *product, const char *site,
		    clock_us at, const struct trust_entry **out, struct err *err)
{
	if (is_revoked(trust, key_id))
		return err_fail(err, E_TRUST_KEY_REVOKED, NULL);
	const struct trust_entry *entry = entry_of(trust, key_id);
	if (!entry)
		return err_fail(err, E_TRUST_KEY_UNKNOWN, NULL);
	if (entry->role_id != role)
		return err_fail(err, E_TRUST_KEY_ROLE,
				"The trust document names the key of %s as %s key, not %s key",
				entry->name, entry->role, trust_role_word(role));
	if (!covers(&entry->products, product))
		return err_fail(err, E_TRUST_KEY_PRODUCT, "The key of %s is not for product %s",
				entry->name, product);
	if (!covers(&entry->sites, site))
		return err_fail(err, E_TRUST_KEY_SITE, "The key of %s is not for site %s",
				entry->name, site);
	if (at != 0 && at < entry->not_before)
		return err_fail(err, E_TRUST_KEY_EARLY, NULL);
	if (at != 0 && at >= entry->not_after)
		return err_fail(err, E_TRUST_KEY_EXPIRED, NULL);
	*out = entry;
	return true;
}

int64_t trust_floor(const struct trust *trust, const char *product)
{
	for (size_t i = 0; i < trust->floor_count; i++) {
		if (strcmp(trust->floors[i].key, product) == 0)
			return trust->floors[i].value;
	}
	return 0;
}

/* ---- as other documents name it ---- */

static const struct shape_field versions_fields[] = {
	SHAPE_INT(struct trust_versions, maker, 0, DOC_INT_MAX),
	SHAPE_INT_OPT(struct trust_versions, site, DOC_INT_MAX),
};
const struct shape trust_versions_shape = SHAPE_PART(struct trust_versions, versions_fields, NULL);

static const struct shape_field digests_fields[] = {
	SHAPE_SHA256(struct trust_digests, maker),
	SHAPE_SHA256_OPT(struct trust_digests, site),
};
const struct shape trust_digests_shape = SHAPE_PART(struct trust_digests, digests_fields, NULL);
