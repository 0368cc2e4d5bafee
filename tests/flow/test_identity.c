/* SPDX-License-Identifier: Apache-2.0 */
/* Is a device only itself, by token or by certificate, until it is revoked?
 * And a person only while they are with us? Over TLS, with all programs running. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/installation.h"

#include "common/file.h"

#include <string.h>

static struct installation in = {.tls = true};

static int begin(void **state)
{
	(void)state;
	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

static const char *file_of(const char *name)
{
	return arena_printf(in.arena, "%s/%s", in.dir, name);
}

/* What the device's base address answers, with this header (NULL: none) and certificate (likewise:
 * of devices/NAME). */
static int poll_as(const char *device, const char *authorization, const char *certificate)
{
	struct fetch_settings settings = {
		.authority = file_of("pki/tls-ca.pem"),
		.authorization = authorization,
		.user_agent = "test",
	};
	struct fetch_answer answer = {0};
	struct fetch *fetch;
	struct err err = {0};

	if (certificate) {
		settings.certificate =
			file_of(arena_printf(in.arena, "devices/%s/tls.pem", certificate));
		settings.key = file_of(arena_printf(in.arena, "devices/%s/tls.key", certificate));
	}
	assert_true(fetch_new(&settings, &fetch, &err));
	const char *url = arena_printf(in.arena, "%s/DEFAULT/controller/v1/%s", in.url, device);
	bool answered = fetch_exchange(fetch, in.arena, "GET", url, NULL, NULL, (struct bytes){0},
				       65536, &answer, &err);
	fetch_free(fetch);
	if (!answered)
		fail_msg("%s: %s", url, err.text);
	return answer.status;
}

static const char *given_token(const char *device)
{
	struct doc *body = doc_object(in.arena);

	doc_set_bool(body, "token", true);
	const struct doc *answer =
		installation_must(&in, in.people[SUPPORT].token, "POST",
				  arena_printf(in.arena, "/v1/devices/%s/access", device), body);
	return arena_printf(in.arena, "TargetToken %s", doc_get_text(answer, "token"));
}

static void given_certificate(const char *device)
{
	struct doc *body = doc_object(in.arena);
	struct sign_cert cert;
	struct bytes pem;
	struct err err = {0};

	assert_true(file_read(in.arena,
			      file_of(arena_printf(in.arena, "devices/%s/tls.pem", device)),
			      64 * 1024, &pem, &err) &&
		    sign_cert_read(in.arena, pem, &cert, &err));
	doc_set_bytes(body, "certificate", cert.der);
	installation_must(&in, in.people[SUPPORT].token, "POST",
			  arena_printf(in.arena, "/v1/devices/%s/access", device), body);
}

static void test_device__is_known_by_its_own_token(void **state)
{
	(void)state;
	assert_int_equal(poll_as("unit-1", NULL, NULL), 401);
	const char *token = given_token("unit-1");
	assert_int_equal(poll_as("unit-1", token, NULL), 200);
	assert_int_equal(poll_as("unit-2", token, NULL), 401);
	assert_int_equal(poll_as("unit-9", token, NULL), 401);
	given_token("unit-2");
	assert_int_equal(poll_as("unit-2", token, NULL), 401);
	const char *bearer = arena_printf(in.arena, "Bearer %s", strchr(token, ' ') + 1);
	assert_int_equal(poll_as("unit-1", bearer, NULL), 401);
	assert_int_equal(poll_as("unit-1", "TargetToken ", NULL), 401);
	const char *person = arena_printf(in.arena, "TargetToken %s", in.people[SUPPORT].token);
	assert_int_equal(poll_as("unit-1", person, NULL), 401);
}

static void test_device__is_known_by_its_registered_certificate(void **state)
{
	(void)state;
	assert_int_equal(poll_as("unit-3", NULL, "unit-3"), 401);
	given_certificate("unit-3");
	assert_int_equal(poll_as("unit-3", NULL, "unit-3"), 200);
	assert_int_equal(poll_as("unit-3", NULL, "unit-2"), 401);
	assert_int_equal(poll_as("unit-2", NULL, "unit-3"), 401);
}

static void test_device__that_is_no_person_may_nothing_else(void **state)
{
	(void)state;
	const char *token = strchr(given_token("unit-1"), ' ') + 1;

	installation_refused(&in, token, "GET", "/v1/devices", NULL, 401, "access.unidentified");
}

static void test_device__that_is_revoked_is_nobody(void **state)
{
	(void)state;
	const struct installation_key *const admins[] = {&in.ada, &in.ben};
	const char *token = given_token("unit-1");
	struct doc *acts = doc_array(in.arena);

	assert_int_equal(poll_as("unit-1", token, NULL), 200);
	doc_set_text(installation_act(&in, acts, "device.revoke"), "device", "unit-1");
	doc_set_text(installation_act(&in, acts, "device.revoke"), "device", "unit-3");
	installation_must(&in, NULL, "POST", "/v1/directory",
			  installation_statement(&in, acts, admins, 2));
	assert_int_equal(poll_as("unit-1", token, NULL), 401);
	assert_int_equal(poll_as("unit-3", NULL, "unit-3"), 401);
}

static void test_person__who_left_is_nobody_at_once(void **state)
{
	(void)state;
	const struct installation_key *const admins[] = {&in.ada, &in.ben};
	struct doc *acts = doc_array(in.arena);

	installation_must(&in, in.people[AUDITOR].token, "GET", "/v1/me", NULL);
	doc_set_text(installation_act(&in, acts, "person.leave"), "person", "p-auditor");
	struct doc *revoked = installation_act(&in, acts, "role.revoke");
	doc_set_text(revoked, "person", "p-tester");
	doc_set_text(revoked, "role", "tester");
	doc_set_text(revoked, "product", "*");
	installation_must(&in, NULL, "POST", "/v1/directory",
			  installation_statement(&in, acts, admins, 2));
	installation_refused(&in, in.people[AUDITOR].token, "GET", "/v1/me", NULL, 401,
			     "access.unidentified");
	const struct doc *me =
		installation_must(&in, in.people[TESTER].token, "GET", "/v1/me", NULL);
	assert_int_equal(doc_size(doc_get(me, "roles")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device__is_known_by_its_own_token),
		cmocka_unit_test(test_device__is_known_by_its_registered_certificate),
		cmocka_unit_test(test_device__that_is_no_person_may_nothing_else),
		cmocka_unit_test(test_device__that_is_revoked_is_nobody),
		cmocka_unit_test(test_person__who_left_is_nobody_at_once),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
