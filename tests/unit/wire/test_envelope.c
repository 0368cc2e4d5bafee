/* SPDX-License-Identifier: Apache-2.0 */
/* Is an envelope taken exactly when this key signed this document as this type? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/wire/envelope.h"
#include "tests/support/certs.h"

#include <string.h>

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(16 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_envelope_check__takes_what_this_key_signed_as_this_type(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct sign_key *other = certs_sign_key(arena, certs_key(arena, "ED25519"));
	struct envelope envelope, again;
	struct bytes text;
	struct err err = {0};

	assert_true(envelope_sign(arena, key, "t.v1", bytes_of_text("{}"), &envelope, &err));
	assert_true(envelope_write(arena, &envelope, &text, &err));
	assert_true(envelope_parse(arena, text, &again, &err));
	assert_true(envelope_check(&again, "t.v1", sign_key_spki(key), &err));

	assert_false(envelope_check(&again, "t.v2", sign_key_spki(key), &err));
	assert_int_equal(err.code, E_SIGNATURE);
	err_clear(&err);
	assert_false(envelope_check(&again, "t.v1", sign_key_spki(other), &err));
	assert_int_equal(err.code, E_SIGNATURE);
	err_clear(&err);
	struct envelope wrong = again; /* the key id of another key */
	wrong.key_id = sign_key_id(sign_key_spki(other));
	assert_false(envelope_check(&wrong, "t.v1", sign_key_spki(key), &err));
	err_clear(&err);
	assert_false(envelope_check(&wrong, "t.v1", sign_key_spki(other), &err));
	err_clear(&err);
	wrong = again;
	wrong.document = bytes_of_text("{ }");
	assert_false(envelope_check(&wrong, "t.v1", sign_key_spki(key), &err));
}

static void test_envelope_sign__wants_an_ed25519_key(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "P-256"));
	struct envelope envelope = {.key_id = {"before"}};
	struct err err = {0};

	assert_false(envelope_sign(arena, key, "t.v1", bytes_of_text("{}"), &envelope, &err));
	assert_string_equal(envelope.key_id.text, "before");
}

static void test_envelope_parse__keeps_its_limits(void **state)
{
	(void)state;
	struct sign_key *key = certs_sign_key(arena, certs_key(arena, "ED25519"));
	unsigned char *large = arena_alloc(arena, ENVELOPE_DOCUMENT_MAX + 1);
	struct envelope envelope, again;
	struct bytes text;
	struct err err = {0};

	memset(large, ' ', ENVELOPE_DOCUMENT_MAX + 1);
	assert_true(envelope_sign(arena, key, "t.v1", bytes_of(large, ENVELOPE_DOCUMENT_MAX),
				  &envelope, &err));
	assert_true(envelope_write(arena, &envelope, &text, &err));
	assert_true(envelope_parse(arena, text, &again, &err));
	assert_true(envelope_sign(arena, key, "t.v1", bytes_of(large, ENVELOPE_DOCUMENT_MAX + 1),
				  &envelope, &err));
	assert_false(envelope_write(arena, &envelope, &text, &err));
	assert_int_equal(err.code, E_DOC_FIELD);
	err_clear(&err);
	assert_false(envelope_parse(arena,
				    bytes_of(arena_alloc(arena, 2 * ENVELOPE_DOCUMENT_MAX + 1),
					     2 * ENVELOPE_DOCUMENT_MAX + 1),
				    &again, &err));
	assert_int_equal(err.code, E_DOC_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope_check__takes_what_this_key_signed_as_this_type),
		cmocka_unit_test(test_envelope_sign__wants_an_ed25519_key),
		cmocka_unit_test(test_envelope_parse__keeps_its_limits),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
