/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do those get who send too much, say too much, or wait for somebody who hangs? Against the
 * whole installation: nothing is lost, nobody else suffers, and the ledger stays readable.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/model/meter.h"
#include "tests/support/fleet.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct installation in;
static struct fleet_unit unit1, unit2;
static const char *campaign;

static int begin(void **state)
{
	(void)state;
	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	installation_given_image(&in);
	installation_given_release(&in);
	installation_given_tested(&in);
	installation_given_approved(&in);
	unit1 = (struct fleet_unit){&in, "unit-1", fleet_token(&in, "unit-1")};
	unit2 = (struct fleet_unit){&in, "unit-2", fleet_token(&in, "unit-2")};
	campaign = fleet_given_running(&in, (const char *const[]){"unit-1", "unit-2", NULL});
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

static int64_t milliseconds(clock_us since)
{
	return (clock_boot() - since) / 1000;
}

/* Sent on a connection of its own; the answer is not waited for. */
static int send_off(const char *head, const char *body)
{
	int socket = http_connect(in.port);
	const char *text = arena_printf(in.arena,
					"%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
					"application/json\r\nContent-Length: %zu\r\n\r\n%s",
					head, strlen(body), body);

	assert_true(http_send_text(socket, text));
	return socket;
}

static const char *as(const char *head, const char *token)
{
	return arena_printf(in.arena, "%s HTTP/1.1\r\nAuthorization: Bearer %s", head, token);
}

/* ---- what a request says about itself ---- */

/* It becomes a name in events and frames; another one must not make an act fail. */
static void test_request_id__that_is_no_name_is_not_taken(void **state)
{
	static const char wrong[] = "{\"password\":\"wrong wrong\",\"person\":\"p-qa\"}";
	static const char *const ids[] = {"---", ".", "_a", ":", "a b", "a/b"};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct http_answer answer = http_ask(
			in.arena, in.port,
			arena_printf(
				in.arena,
				"POST /v1/sessions HTTP/1.1\r\nHost: h\r\nX-Request-Id: %s\r\n"
				"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				ids[i], strlen(wrong), wrong));
		assert_int_equal(answer.status, 401);
		assert_string_not_equal(http_header(in.arena, &answer, "X-Request-Id"), ids[i]);
	}
}

static void test_credentials__that_are_two_are_none(void **state)
{
	const char *token = in.people[QA].token;
	struct http_answer answer = http_ask(
		in.arena, in.port,
		arena_printf(in.arena,
			     "GET /v1/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n"
			     "authorization: Bearer nobody\r\n\r\n",
			     token));

	(void)state;
	assert_int_equal(answer.status, 400);
	installation_must(&in, token, "GET", "/v1/me", NULL);
}

/* ---- floods of one unit ---- */

static void test_refusals__of_one_unit_do_not_fill_the_ledger(void **state)
{
	int64_t before = fleet_events(&in, "device.refused", "unit-1");

	(void)state;
	for (int64_t action = 1000; action < 1030; action++) {
		assert_int_equal(fleet_offer(&unit1, action), 404);
		assert_int_equal(fleet_feedback(&unit1, action, "closed", "success", "-"), 404);
	}
	assert_int_equal(fleet_events(&in, "device.refused", "unit-1"), before + METER_REFUSALS);
	/* Nobody else is passed over. */
	before = fleet_events(&in, "device.refused", "unit-2");
	assert_int_equal(fleet_offer(&unit2, 1000), 404);
	assert_int_equal(fleet_events(&in, "device.refused", "unit-2"), before + 1);
}

static void test_papers__are_given_so_often_in_a_minute(void **state)
{
	int64_t action = fleet_await_offer(&unit1, true, 5000);
	struct papers papers;
	const char *code;
	int given = 0;

	(void)state;
	assert_int_equal(fleet_offer(&unit1, action), 200);
	for (int i = 0; i < METER_PAPERS + 10; i++) {
		int status = fleet_papers(&unit1, action, "install", 1, 0, &papers, &code);
		given += status == 200;
		if (status != 200) {
			assert_int_equal(status, 409);
			assert_string_equal(code, "lease.rate");
		}
	}
	assert_int_equal(given, METER_PAPERS);
	assert_int_equal(fleet_events(&in, "lease.issued", "unit-1"), METER_PAPERS);
}

static void test_reports__are_taken_so_often_in_a_minute(void **state)
{
	static const char garbage[] = "{\"document\":\"e30=\",\"key_id\":\"\",\"signature\":\"\"}";
	int64_t before = fleet_events(&in, "proof.refused", "unit-2");
	int refused = 0;

	(void)state;
	for (int i = 0; i < METER_PROOFS + 5; i++) {
		struct http_answer answer = fleet_ask(
			&unit2, "POST", "/proof", "Content-Type: application/json\r\n", garbage);
		refused += answer.status == 503;
		if (answer.status == 503)
			assert_non_null(http_header(in.arena, &answer, "Retry-After"));
	}
	assert_int_equal(refused, 5);
	assert_in_range(fleet_events(&in, "proof.refused", "unit-2"), before,
			before + METER_REFUSALS);
}

/* ---- access to units of another product ---- */

static void test_access__is_given_by_who_holds_the_role_for_the_product(void **state)
{
	const struct installation_key *const admins[] = {&in.ada, &in.ben};
	struct doc *acts = doc_array(in.arena);
	struct doc *body = doc_object(in.arena);
	struct doc *act = installation_act(&in, acts, "role.revoke");

	(void)state;
	doc_set_text(act, "person", "p-support");
	doc_set_text(act, "role", "support");
	doc_set_text(act, "product", "*");
	act = installation_act(&in, acts, "role.grant");
	doc_set_text(act, "person", "p-support");
	doc_set_text(act, "role", "support");
	doc_set_text(act, "product", "pump-b");
	installation_must(&in, NULL, "POST", "/v1/directory",
			  installation_statement(&in, acts, admins, 2));
	doc_set_bool(body, "token", true);
	installation_refused(&in, in.people[SUPPORT].token, "POST", "/v1/devices/unit-1/access",
			     body, 403, "access.denied");
	assert_int_equal(fleet_ask(&unit1, "GET", "", NULL, NULL).status, 200);
}

/* ---- those who hang ---- */

/* Logging in costs the keeper a tenth of a second; a crowd of guessers must not stop the rest. */
static void test_logins__by_a_crowd_leave_room_for_others(void **state)
{
	static const char wrong[] = "{\"password\":\"wrong wrong\",\"person\":\"p-qa\"}";
	int sockets[16];
	int busy = 0;

	(void)state;
	for (int i = 0; i < 16; i++)
		sockets[i] = send_off("POST /v1/sessions", wrong);
	clock_us began = clock_boot();
	installation_must(&in, in.people[QA].token, "GET", "/v1/me", NULL);
	assert_in_range(milliseconds(began), 0, 2500);
	for (int i = 0; i < 16; i++) {
		int status = http_read(sockets[i], in.arena, false, NULL).status;
		assert_true(status == 401 || status == 503);
		busy += status == 503;
		close(sockets[i]);
	}
	assert_in_range(busy, 1, 15);
}

/* A hold needs no keeper, so a keeper that hangs must not keep one from being made. */
static void test_hold__goes_through_while_the_keeper_hangs(void **state)
{
	static const char login[] = "{\"password\":\"wrong wrong\",\"person\":\"p-qa\"}";
	const char *path = arena_printf(in.arena, "/v1/campaigns/%s/hold", campaign);
	int sockets[16];

	(void)state;
	assert_int_equal(kill(in.keeper, SIGSTOP), 0);
	for (int i = 0; i < 16; i++)
		sockets[i] = send_off("POST /v1/sessions", login);
	clock_us began = clock_boot();
	struct installation_answer answer = installation_ask(&in, in.people[MANAGER].token, "POST",
							     path, fleet_reason(&in), NULL);
	int64_t took = milliseconds(began);
	assert_int_equal(fleet_ask(&unit2, "GET", "", NULL, NULL).status, 200);
	assert_int_equal(kill(in.keeper, SIGCONT), 0);
	assert_int_equal(answer.status, 202);
	assert_in_range(took, 0, 2500);
	for (int i = 0; i < 16; i++) {
		assert_in_range(http_read(sockets[i], in.arena, false, NULL).status, 400, 503);
		close(sockets[i]);
	}
}

/* ---- files that change under our hands ---- */

static void test_artifact__that_is_cut_while_it_is_sent_ends_the_connection_only(void **state)
{
	enum { BYTES = 24 * 1024 * 1024 };
	unsigned char *bytes = arena_alloc(in.arena, BYTES);
	struct bytes image = bytes_of(bytes, BYTES);

	(void)state;
	random_fill(bytes, BYTES);
	struct sha256_hex digest = digest_sha256_hex(image);
	assert_int_equal(
		installation_upload(&in, in.people[AUTHOR].token, digest.text, image).status, 200);
	int socket = http_connect(in.port);
	assert_true(http_send_text(
		socket, arena_printf(in.arena, "%s\r\nHost: h\r\n\r\n",
				     as(arena_printf(in.arena, "GET /v1/artifacts/%s", digest.text),
					in.people[AUTHOR].token))));
	clock_sleep(CLOCK_SECOND / 4);
	const char *path =
		arena_printf(in.arena, "%s/%.2s/%s", in.artifacts, digest.text, digest.text);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 4096), 0);
	struct http_answer answer = http_read(socket, in.arena, false, NULL);
	assert_true(answer.cut);
	close(socket);
	installation_refused(&in, in.people[AUTHOR].token, "GET",
			     arena_printf(in.arena, "/v1/artifacts/%s", digest.text), NULL, 422,
			     "artifact.damaged");
}

/* ---- a new password ---- */

static void test_password__that_is_new_ends_all_sessions(void **state)
{
	static const char token[] = "EXAMPLE-one-time-token-0123456789";
	const struct installation_key *const admins[] = {&in.ada, &in.ben};
	struct sha256_hex digest = digest_sha256_hex(bytes_of_text(token));
	struct doc *acts = doc_array(in.arena);
	struct doc *body = doc_object(in.arena);
	struct doc *act = installation_act(&in, acts, "person.invite");

	(void)state;
	doc_set_text(act, "person", "p-auditor");
	doc_set_text(act, "token_sha256", digest.text);
	doc_set_time(act, "expires_at", clock_now() + 3600 * CLOCK_SECOND);
	installation_must(&in, NULL, "POST", "/v1/directory",
			  installation_statement(&in, acts, admins, 2));
	installation_must(&in, in.people[AUDITOR].token, "GET", "/v1/me", NULL);
	doc_set_text(body, "person", "p-auditor");
	doc_set_text(body, "token", token);
	doc_set_text(body, "password", INSTALLATION_PASSWORD);
	installation_must(&in, NULL, "POST", "/v1/passwords", body);
	installation_refused(&in, in.people[AUDITOR].token, "GET", "/v1/me", NULL, 401,
			     "access.unidentified");
	installation_must(&in, installation_login(&in, "p-auditor"), "GET", "/v1/me", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_id__that_is_no_name_is_not_taken),
		cmocka_unit_test(test_credentials__that_are_two_are_none),
		cmocka_unit_test(test_refusals__of_one_unit_do_not_fill_the_ledger),
		cmocka_unit_test(test_papers__are_given_so_often_in_a_minute),
		cmocka_unit_test(test_reports__are_taken_so_often_in_a_minute),
		cmocka_unit_test(test_access__is_given_by_who_holds_the_role_for_the_product),
		cmocka_unit_test(test_logins__by_a_crowd_leave_room_for_others),
		cmocka_unit_test(test_hold__goes_through_while_the_keeper_hangs),
		cmocka_unit_test(
			test_artifact__that_is_cut_while_it_is_sent_ends_the_connection_only),
		cmocka_unit_test(test_password__that_is_new_ends_all_sessions),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
