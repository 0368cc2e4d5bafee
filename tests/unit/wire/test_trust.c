/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which trust document is gone by: under which roots, in which order of versions, until when? And
 * what may a key do, according to it?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/wire/trust.h"
#include "tests/support/certs.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024, ROOTS = 6 };
#define DAY (24 * 3600 * CLOCK_SECOND)

static struct arena *arena;
static clock_us now;
static struct root {
	struct sign_key *key;
	struct sign_cert cert;
	struct bytes spki;
} roots[ROOTS], no_root;
static struct bytes author_spki, lease_spki;

static void make_signer(struct root *out, enum sign_role role)
{
	struct certs_recipe recipe = certs_leaf(role);
	EVP_PKEY *key = certs_key(arena, "P-384");
	struct err err = {0};

	out->key = certs_sign_key(arena, key);
	out->spki = sign_key_spki(out->key);
	X509 *x509 = certs_make(arena, &recipe, key, NULL, NULL);
	if (!sign_cert_read(arena, certs_der(arena, x509), &out->cert, &err))
		fail_msg("%s", err.text);
}

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	now = certs_now() * CLOCK_SECOND;
	for (int i = 0; i < ROOTS; i++)
		make_signer(&roots[i], SIGN_ROOT);
	make_signer(&no_root, SIGN_AUTHOR);
	author_spki = certs_spki(arena, certs_key(arena, "P-256"));
	lease_spki = certs_spki(arena, certs_key(arena, "ED25519"));
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* ---- documents ---- */

/* With roots first, first + 1, first + 2, of which two have to sign. */
static struct trust plain(int64_t version, size_t first)
{
	struct bytes *keys = arena_array(arena, 3, sizeof(*keys));
	struct trust_entry *entries = arena_array(arena, 2, sizeof(*entries));
	static const char *const products[] = {"example-pump"};
	static const char *const sites[] = {"example-clinic"};
	struct shape_pair *floors = arena_array(arena, 1, sizeof(*floors));

	for (size_t i = 0; i < 3; i++)
		keys[i] = roots[first + i].spki;
	entries[0] = (struct trust_entry){
		.role = "author",
		.name = "EXAMPLE author",
		.key = {"p256", author_spki},
		.products = {products, 1},
		.sites = {sites, 1},
		.not_before = now - DAY,
		.not_after = now + DAY,
	};
	entries[1] = (struct trust_entry){
		.role = "lease",
		.name = "EXAMPLE keeper",
		.key = {"ed25519", lease_spki},
		.not_before = now - DAY,
		.not_after = now + DAY,
	};
	floors[0] = (struct shape_pair){"example-pump", 19};
	return (struct trust){
		.version = version,
		.issued_at = now,
		.expires_at = now + 10 * DAY,
		.slot = "maker",
		.roots = {2, keys, 3},
		.entries = entries,
		.entry_count = 2,
		.floors = floors,
		.floor_count = 1,
	};
}

static struct bytes written(const struct trust *trust)
{
	struct bytes out = {0};
	struct err err = {0};
	if (!trust_write(arena, trust, &out, &err))
		fail_msg("%s", err.text);
	return out;
}

static struct bytes signed_by(const struct root *root, struct bytes document)
{
	struct bytes cms = {0};
	struct err err = {0};
	if (!sign_cms(arena, root->key, &root->cert, document, &cms, &err))
		fail_msg("%s", err.text);
	return cms;
}

/* Pins roots first, first + 1, first + 2, of which two have to have signed. */
static struct trust_pin pinned(size_t first)
{
	struct sha256_hex *ids = arena_array(arena, 3, sizeof(*ids));
	for (size_t i = 0; i < 3; i++)
		ids[i] = sign_key_id(roots[first + i].spki);
	return (struct trust_pin){.slot = "maker", .roots = {2, ids, 3}};
}

/* Accepts it as signed by these roots ("012"), and says how that went. */
static enum err_code accept(const struct trust_pin *pin, const struct trust *current,
			    struct bytes document, const char *signers, clock_us at,
			    struct trust *out)
{
	struct bytes cms[24];
	size_t count = strlen(signers);
	struct err err = {0};

	for (size_t i = 0; i < count; i++)
		cms[i] = signed_by(signers[i] == 'x' ? &no_root : &roots[signers[i] - '0'],
				   document);
	bool ok = trust_accept(arena, pin, current, document, cms, count, at, out, &err);
	assert_int_equal(ok, err.code == E_NONE);
	return err.code;
}

/* ---- tests ---- */

static void test_trust_accept__wants_k_distinct_pinned_roots(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust trust = plain(7, 0), out = {0};
	struct bytes document = written(&trust);

	assert_int_equal(accept(&pin, NULL, document, "01", now, &out), E_NONE);
	assert_int_equal(out.version, 7);
	assert_true(bytes_equal(out.document, document));
	assert_string_equal(out.sha256.text, digest_sha256_hex(document).text);
	assert_int_equal(accept(&pin, NULL, document, "21", now, &out), E_NONE);
	assert_int_equal(accept(&pin, NULL, document, "x1053", now, &out), E_NONE);
	/* One root many times does not push another one out. */
	assert_int_equal(accept(&pin, NULL, document, "00000000000000000002", now, &out), E_NONE);

	assert_int_equal(accept(&pin, NULL, document, "", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "0", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "00", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "034", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "0x", now, &out), E_TRUST_QUORUM);
}

static void test_trust_accept__counts_only_signatures_over_these_bytes(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust trust = plain(7, 0), other = plain(8, 0), out;
	struct bytes document = written(&trust), another = written(&other);
	struct bytes cms[] = {signed_by(&roots[0], document), signed_by(&roots[1], another)};
	struct err err = {0};

	assert_false(trust_accept(arena, &pin, NULL, document, cms, 2, now, &out, &err));
	assert_int_equal(err.code, E_TRUST_QUORUM);
	err_clear(&err);
	cms[1] = signed_by(&roots[1], document);
	assert_true(trust_accept(arena, &pin, NULL, document, cms, 2, now, &out, &err));
}

static void test_trust_accept__wants_the_documents_own_roots_too(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust trust = plain(7, 3), out; /* names roots 3, 4, 5 */
	struct bytes document = written(&trust);

	assert_int_equal(accept(&pin, NULL, document, "01", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "013", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "345", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, NULL, document, "0134", now, &out), E_NONE);
}

static void test_trust_accept__goes_up_in_versions_only(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust first = plain(7, 0), lower = plain(6, 0), higher = plain(8, 0);
	struct trust forked = plain(7, 0), current, out = {.version = 99};
	struct bytes document = written(&first);

	forked.expires_at += DAY;
	assert_int_equal(accept(&pin, NULL, document, "01", now, &current), E_NONE);
	assert_int_equal(accept(&pin, &current, written(&lower), "012", now, &out),
			 E_TRUST_VERSION_LOWER);
	assert_int_equal(accept(&pin, &current, written(&forked), "012", now, &out), E_TRUST_FORK);
	assert_int_equal(out.version, 99);
	assert_int_equal(accept(&pin, &current, document, "12", now, &out), E_NONE); /* again */
	assert_int_equal(accept(&pin, &current, written(&higher), "12", now, &out), E_NONE);
	assert_int_equal(out.version, 8);
}

static void test_trust_accept__changes_roots_with_the_old_and_the_new_quorum(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust first = plain(7, 0), moved = plain(8, 2), third = plain(9, 2), current, out;
	struct bytes document = written(&moved); /* names roots 2, 3, 4 */

	assert_int_equal(accept(&pin, NULL, written(&first), "01", now, &current), E_NONE);
	assert_int_equal(accept(&pin, &current, document, "01", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, &current, document, "34", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, &current, document, "0123", now, &out), E_NONE);
	/* Root 2 is in both. */
	assert_int_equal(accept(&pin, &current, document, "023", now, &out), E_NONE);
	/* From then on the pinned roots are not asked any more. */
	current = out;
	document = written(&third);
	assert_int_equal(accept(&pin, &current, document, "01", now, &out), E_TRUST_QUORUM);
	assert_int_equal(accept(&pin, &current, document, "34", now, &out), E_NONE);
}

static void test_trust_accept__keeps_slots_and_time_apart(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust trust = plain(7, 0), out;
	struct bytes document = written(&trust);

	assert_int_equal(accept(&pin, NULL, document, "01", trust.expires_at - 1, &out), E_NONE);
	assert_int_equal(accept(&pin, NULL, document, "01", trust.expires_at, &out),
			 E_TRUST_EXPIRED);
	assert_int_equal(accept(&pin, NULL, document, "01", 0, &out), E_NONE);
	pin.slot = "site";
	assert_int_equal(accept(&pin, NULL, document, "01", now, &out), E_TRUST_SLOT);
}

static enum err_code find(const struct trust *trust, enum trust_role role, struct bytes spki,
			  const char *product, const char *site, clock_us at)
{
	struct sha256_hex id = sign_key_id(spki);
	const struct trust_entry *entry = NULL;
	struct err err = {0};
	bool ok = trust_find_key(trust, role, &id, product, site, at, &entry, &err);

	assert_int_equal(ok, err.code == E_NONE);
	assert_int_equal(ok, entry != NULL);
	if (ok)
		assert_string_equal(entry->key_id.text, id.text);
	return err.code;
}

static void test_trust_find_key__says_what_is_wrong(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust trust = plain(7, 0), out;

	assert_int_equal(accept(&pin, NULL, written(&trust), "01", now, &out), E_NONE);
	assert_int_equal(
		find(&out, TRUST_AUTHOR, author_spki, "example-pump", "example-clinic", now),
		E_NONE);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, NULL, NULL, 0), E_NONE);
	assert_int_equal(find(&out, TRUST_LEASE, lease_spki, "any", "where", now), E_NONE);
	assert_int_equal(find(&out, TRUST_AUTHOR, no_root.spki, "example-pump", NULL, now),
			 E_TRUST_KEY_UNKNOWN);
	assert_int_equal(find(&out, TRUST_KEEPER, author_spki, "example-pump", NULL, now),
			 E_TRUST_KEY_ROLE);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, "other", NULL, now),
			 E_TRUST_KEY_PRODUCT);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, "example-pump", "other", now),
			 E_TRUST_KEY_SITE);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, NULL, NULL, now - DAY - 1),
			 E_TRUST_KEY_EARLY);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, NULL, NULL, now - DAY), E_NONE);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, NULL, NULL, now + DAY - 1), E_NONE);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, NULL, NULL, now + DAY),
			 E_TRUST_KEY_EXPIRED);
	/* A root key is no key of any role. */
	assert_int_equal(find(&out, TRUST_AUTHOR, roots[0].spki, NULL, NULL, now),
			 E_TRUST_KEY_UNKNOWN);
}

static void test_trust_find_key__knows_no_revoked_key(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0);
	struct trust trust = plain(7, 0), out;
	struct sha256_hex revoked[] = {sign_key_id(author_spki)};

	trust.revoked = revoked;
	trust.revoked_count = 1;
	assert_int_equal(accept(&pin, NULL, written(&trust), "01", now, &out), E_NONE);
	assert_int_equal(find(&out, TRUST_AUTHOR, author_spki, "example-pump", NULL, now),
			 E_TRUST_KEY_REVOKED);
	assert_int_equal(find(&out, TRUST_LEASE, lease_spki, NULL, NULL, now), E_NONE);
}

static void test_trust_floor__is_the_products_own(void **state)
{
	(void)state;
	struct trust trust = plain(7, 0);

	assert_int_equal(trust_floor(&trust, "example-pump"), 19);
	assert_int_equal(trust_floor(&trust, "example-pum"), 0);
}

static void test_trust_role__has_a_word_both_ways(void **state)
{
	(void)state;
	for (int role = TRUST_NONE + 1; role < TRUST_ROLES; role++)
		assert_int_equal(trust_role_of(trust_role_word((enum trust_role)role)), role);
	assert_int_equal(trust_role_of("root"), TRUST_NONE);
	assert_int_equal(trust_role_of(""), TRUST_NONE);
}

#define PIN_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PIN_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void test_trust_pin_parse__takes_a_file_written_by_hand(void **state)
{
	(void)state;
	struct trust_pin pin;
	struct err err = {0};
	static const char file[] = "{\n  \"roots\": {\"k\": 1, \"spki_sha256\": [\"" PIN_B
				   "\",\n    \"" PIN_A "\"]}\n}\n";

	assert_true(trust_pin_parse(arena, bytes_of_text(file), &pin, &err));
	assert_string_equal(pin.slot, "maker");
	assert_int_equal(pin.roots.spki_sha256_count, 2);
	assert_string_equal(pin.roots.spki_sha256[0].text, PIN_B);
	assert_null(pin.origin);
	assert_int_equal(pin.ledger_key.size, 0);
}

static void test_trust_pin_parse__refuses_what_pins_nothing(void **state)
{
	(void)state;
	struct trust_pin pin;
	static const char *const wrong[] = {
		"",
		"{}",
		"[]",
		"{\"roots\":{\"k\":0,\"spki_sha256\":[\"" PIN_A "\"]}}",
		"{\"roots\":{\"k\":2,\"spki_sha256\":[\"" PIN_A "\"]}}",
		"{\"roots\":{\"k\":2,\"spki_sha256\":[\"" PIN_A "\",\"" PIN_A "\"]}}",
		"{\"roots\":{\"k\":1,\"spki_sha256\":[]}}",
		"{\"roots\":{\"k\":1,\"spki_sha256\":[\"AA\"]}}",
		"{\"roots\":{\"k\":1,\"spki_sha256\":[\"" PIN_A "\"],\"more\":1}}",
		"{\"roots\":{\"k\":1,\"spki_sha256\":[\"" PIN_A "\"]},\"more\":1}",
		"{\"roots\":{\"k\":1,\"spki_sha256\":[\"" PIN_A "\"]},\"slot\":\"other\"}",
		"{\"roots\":{\"k\":1,\"spki_sha256\":[\"" PIN_A "\"]},\"ledger_key\":\"AAAA\"}",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (trust_pin_parse(arena, bytes_of_text(wrong[i]), &pin, &err))
			fail_msg("%s was taken", wrong[i]);
		assert_int_equal(err.code, E_TRUST_PIN);
	}
}

static void test_trust_pin_parse__wants_an_ed25519_ledger_key(void **state)
{
	(void)state;
	struct trust_pin pin = pinned(0), again;
	struct bytes file;
	struct err err = {0};

	pin.ledger_key = lease_spki;
	assert_true(trust_pin_write(arena, &pin, &file, &err));
	assert_true(trust_pin_parse(arena, file, &again, &err));
	assert_true(bytes_equal(again.ledger_key, lease_spki));
	pin.ledger_key = author_spki;
	assert_false(trust_pin_write(arena, &pin, &file, &err));
	assert_int_equal(err.code, E_TRUST_PIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust_accept__wants_k_distinct_pinned_roots),
		cmocka_unit_test(test_trust_accept__counts_only_signatures_over_these_bytes),
		cmocka_unit_test(test_trust_accept__wants_the_documents_own_roots_too),
		cmocka_unit_test(test_trust_accept__goes_up_in_versions_only),
		cmocka_unit_test(test_trust_accept__changes_roots_with_the_old_and_the_new_quorum),
		cmocka_unit_test(test_trust_accept__keeps_slots_and_time_apart),
		cmocka_unit_test(test_trust_find_key__says_what_is_wrong),
		cmocka_unit_test(test_trust_find_key__knows_no_revoked_key),
		cmocka_unit_test(test_trust_floor__is_the_products_own),
		cmocka_unit_test(test_trust_role__has_a_word_both_ways),
		cmocka_unit_test(test_trust_pin_parse__takes_a_file_written_by_hand),
		cmocka_unit_test(test_trust_pin_parse__refuses_what_pins_nothing),
		cmocka_unit_test(test_trust_pin_parse__wants_an_ed25519_ledger_key),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
