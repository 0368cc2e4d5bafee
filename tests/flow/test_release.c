/* SPDX-License-Identifier: Apache-2.0 */
/* Do the right people bring a release from real bytes to an open gate, over HTTP and with all
 * programs running; and is everybody else refused on the way? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/installation.h"

#include "common/encode.h"
#include "common/file.h"
#include "tests/support/http.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct installation in;

static int begin(void **state)
{
	(void)state;
	installation_open(&in);
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

static const char *release_path(const char *end)
{
	return arena_printf(in.arena, "/v1/releases/%s%s", in.release, end);
}

static bool gate_open(void)
{
	const struct doc *verdict =
		installation_must(&in, in.people[AUTHOR].token, "GET", release_path("/gate"), NULL);

	return doc_bool(doc_get(verdict, "open"), false);
}

static void expect_count(const char *sql, const char *number)
{
	expect_sql(in.database.owner, sql, number);
}

/* ---- before anybody ---- */

static void test_start__is_ready_and_knows_nobody(void **state)
{
	(void)state;
	installation_must(&in, NULL, "GET", "/health/live", NULL);
	installation_must(&in, NULL, "GET", "/health/ready", NULL);
	const struct doc *status = installation_must(&in, NULL, "GET", "/v1/status", NULL);
	assert_true(doc_bool(doc_get(status, "database"), false));
	assert_true(doc_bool(doc_get(status, "keeper"), false));
	installation_refused(&in, NULL, "GET", "/v1/me", NULL, 401, "access.unidentified");
	installation_refused(&in, "not-a-token", "GET", "/v1/me", NULL, 401, "access.unidentified");
	installation_refused(&in, NULL, "GET", "/v1/trust", NULL, 503, "trust.missing");
}

static void test_trust__is_put_by_the_roots(void **state)
{
	(void)state;
	installation_given_trust(&in);
	const struct doc *trust = installation_must(&in, NULL, "GET", "/v1/trust", NULL);
	assert_int_equal(doc_int(doc_get(trust, "version"), 0), 1);
	assert_int_equal(doc_size(doc_get(trust, "cms")), 2);
}

static void test_directory__is_put_by_two_admins(void **state)
{
	(void)state;
	const struct installation_key *const one[] = {&in.ada};
	const struct installation_key *const strangers[] = {&in.stranger, &in.qa};
	struct doc *acts = doc_array(in.arena);
	struct doc *act = installation_act(&in, acts, "person.add");

	doc_set_text(act, "person", "p-mallory");
	doc_set_text(act, "name", "EXAMPLE mallory");
	doc_set_text(act, "organisation", "EXAMPLE");
	installation_refused(&in, NULL, "POST", "/v1/directory",
			     installation_statement(&in, acts, one, 1), 403,
			     "directory.two-admins");
	expect_count("SELECT count(*)::text FROM document WHERE type = 'countersign.directory.v1'",
		     "1");
	installation_refused(&in, NULL, "POST", "/v1/directory",
			     installation_statement(&in, acts, strangers, 2), 403,
			     "directory.two-admins");
	expect_count("SELECT count(*)::text FROM document WHERE type = 'countersign.directory.v1'",
		     "1");
	installation_given_people(&in);
	const struct doc *next = installation_must(&in, NULL, "GET", "/v1/directory/next", NULL);
	assert_int_equal(doc_int(doc_get(next, "number"), 0), 3);
}

/* ---- sessions ---- */

static void test_session__is_of_one_person_and_ends(void **state)
{
	(void)state;
	struct doc *body = doc_object(in.arena);
	const char *token = installation_login(&in, "p-qa");
	const struct doc *me = installation_must(&in, token, "GET", "/v1/me", NULL);

	assert_string_equal(doc_get_text(me, "person"), "p-qa");
	assert_string_equal(doc_get_text(doc_at(doc_get(me, "roles"), 0), "role"), "qa");
	installation_must(&in, token, "DELETE", "/v1/sessions/current", NULL);
	installation_refused(&in, token, "GET", "/v1/me", NULL, 401, "access.unidentified");
	doc_set_text(body, "person", "p-qa");
	doc_set_text(body, "password", "wrong horse EXAMPLE");
	installation_refused(&in, NULL, "POST", "/v1/sessions", body, 401, "login.refused");
	token = installation_login(&in, "p-support");
	given_sql(
		in.database.service,
		"UPDATE session SET expires_at = now() - interval '1 second' WHERE person = 'p-support'");
	installation_refused(&in, token, "GET", "/v1/me", NULL, 401, "access.unidentified");
	in.people[SUPPORT].token = installation_login(&in, "p-support");
	expect_count("SELECT count(*)::text FROM session WHERE token_sha256 !~ '^[0-9a-f]{64}$'",
		     "0");
}

static void test_persons__are_paged(void **state)
{
	(void)state;
	const char *token = in.people[QA].token;
	const struct doc *first = installation_must(&in, token, "GET", "/v1/persons?limit=5", NULL);
	const struct doc *items = doc_get(first, "items");

	assert_int_equal(doc_size(items), 5);
	assert_true(doc_bool(doc_get(first, "more"), false));
	const struct doc *second =
		installation_must(&in, token, "GET",
				  arena_printf(in.arena, "/v1/persons?limit=5&after=%s",
					       doc_get_text(doc_at(items, 4), "person")),
				  NULL);
	assert_int_equal(doc_size(doc_get(second, "items")), INSTALLATION_PEOPLE - 5);
	assert_false(doc_bool(doc_get(second, "more"), true));
	installation_refused(&in, token, "GET", "/v1/persons?limit=501", NULL, 400,
			     "input.invalid");
	installation_refused(&in, token, "GET", "/v1/persons?after=..%20x", NULL, 400,
			     "input.invalid");
}

static void test_refusals__become_events(void **state)
{
	(void)state;
	installation_refused(&in, in.people[TESTER].token, "POST", "/v1/releases",
			     doc_object(in.arena), 403, "access.denied");
	expect_count("SELECT convert_from(bytes, 'UTF8')::jsonb -> 'data' ->> 'route' FROM event "
		     "WHERE kind = 'access.refused'",
		     "POST /v1/releases");
}

/* ---- firmware ---- */

static void test_artifact__is_kept_only_whole(void **state)
{
	(void)state;
	const char *token = in.people[AUTHOR].token;
	struct bytes bytes = bytes_of_text("some firmware EXAMPLE");
	struct bytes other = bytes_of_text("other firmware EXAMPLE");
	struct sha256_hex name = digest_sha256_hex(bytes);

	struct installation_answer answer = installation_upload(&in, token, name.text, other);
	assert_int_equal(answer.status, 422);
	assert_string_equal(answer.code, "artifact.digest");
	expect_count("SELECT count(*)::text FROM artifact", "0");
	answer = installation_upload(&in, token, name.text, bytes);
	assert_int_equal(answer.status, 200);
	assert_false(doc_bool(doc_get(answer.doc, "before"), true));
	answer = installation_upload(&in, token, name.text, bytes);
	assert_true(doc_bool(doc_get(answer.doc, "before"), false));
	expect_count("SELECT count(*)::text FROM artifact", "1");
	answer = installation_upload(&in, in.people[TESTER].token, name.text, bytes);
	assert_int_equal(answer.status, 403);
	answer =
		installation_ask(&in, in.people[TESTER].token, "GET",
				 arena_printf(in.arena, "/v1/artifacts/%s", name.text), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_true(bytes_equal(answer.body, bytes));
}

static void test_artifact__that_was_swapped_is_refused_until_sent_again(void **state)
{
	(void)state;
	const char *token = in.people[AUTHOR].token;
	struct bytes bytes = bytes_of_text("firmware to be swapped EXAMPLE");
	struct bytes evil = bytes_of_text("firmware that was swapped EXAM");
	struct sha256_hex name = digest_sha256_hex(bytes);
	const char *path = arena_printf(in.arena, "/v1/artifacts/%s", name.text);
	const char *file = arena_printf(in.arena, "%s/%.2s/%s", in.artifacts, name.text, name.text);
	struct stat before;
	struct err err = {0};

	assert_int_equal(installation_upload(&in, token, name.text, bytes).status, 200);
	installation_ask(&in, token, "GET", path, NULL, NULL);
	assert_int_equal(stat(file, &before), 0);
	assert_int_equal(evil.size, bytes.size);
	assert_true(file_replace(file, evil, 0444, &err));
	const struct timespec times[2] = {before.st_atim, before.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
	installation_refused(&in, token, "GET", path, NULL, 422, "artifact.damaged");
	installation_refused(&in, token, "GET", path, NULL, 422, "artifact.damaged");
	expect_count("SELECT count(*)::text FROM event WHERE kind = 'artifact.damaged'", "1");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/etc/hostname", file), 0);
	installation_refused(&in, token, "GET", path, NULL, 422, "artifact.damaged");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(installation_upload(&in, token, name.text, bytes).status, 200);
	struct installation_answer answer = installation_ask(&in, token, "GET", path, NULL, NULL);
	assert_true(bytes_equal(answer.body, bytes));
}

static size_t count_incoming(void)
{
	size_t count = 0;
	struct dirent *entry;
	DIR *folder = opendir(arena_printf(in.arena, "%s/incoming/1", in.artifacts));

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void test_artifact__whose_sender_goes_away_leaves_nothing(void **state)
{
	(void)state;
	struct sha256_hex name = digest_sha256_hex(bytes_of_text("EXAMPLE"));
	const char *head = arena_printf(in.arena,
					"PUT /v1/artifacts/%s HTTP/1.1\r\nHost: localhost\r\n"
					"Authorization: Bearer %s\r\nContent-Length: ",
					name.text, in.people[AUTHOR].token);
	char *piece = arena_alloc(in.arena, 600 * 1000);
	int socket = http_connect(in.port);

	memset(piece, 'x', 600 * 1000);
	assert_true(http_send_text(socket, arena_printf(in.arena, "%s1000000\r\n\r\n", head)));
	assert_true(http_send(socket, piece, 600 * 1000));
	for (int i = 0; i < 200 && count_incoming() == 0; i++)
		clock_sleep(CLOCK_SECOND / 50);
	assert_int_equal(count_incoming(), 1);
	close(socket);
	for (int i = 0; i < 200 && count_incoming() > 0; i++)
		clock_sleep(CLOCK_SECOND / 50);
	assert_int_equal(count_incoming(), 0);
	struct http_answer answer =
		http_ask(in.arena, in.port, arena_printf(in.arena, "%s4294967297\r\n\r\n", head));
	assert_int_equal(answer.status, 413);
	answer = http_ask(in.arena, in.port, arena_printf(in.arena, "%s0\r\n\r\n", head));
	assert_int_equal(answer.status, 400);
	assert_int_equal(count_incoming(), 0);
}

static void test_artifact__of_a_dead_upload_is_swept_at_start(void **state)
{
	(void)state;
	const char *left = arena_printf(in.arena, "%s/incoming/1/left-behind", in.artifacts);
	struct err err = {0};

	assert_true(file_replace(left, bytes_of_text("half"), 0600, &err));
	installation_stop_service(&in);
	installation_start_service(&in);
	assert_int_equal(access(left, F_OK), -1);
}

/* ---- a release ---- */

static void test_draft__needs_an_author_of_this_product(void **state)
{
	(void)state;
	const char *token = in.people[AUTHOR].token;
	struct doc *draft;

	installation_given_image(&in);
	draft = installation_draft(&in, INSTALLATION_PRODUCT, &in.other_author);
	installation_refused(&in, token, "POST", "/v1/releases", draft, 422,
			     "trust.key-wrong-product");
	draft = installation_draft(&in, INSTALLATION_PRODUCT, &in.qa);
	installation_refused(&in, token, "POST", "/v1/releases", draft, 422, "certificate.invalid");
	draft = installation_draft(&in, INSTALLATION_PRODUCT, &in.author);
	doc_set_bytes(draft, "author_cms",
		      installation_cms(&in, &in.author, bytes_of_text("another manifest")));
	installation_refused(&in, token, "POST", "/v1/releases", draft, 422, "signature.invalid");
	expect_count("SELECT count(*)::text FROM event WHERE kind = 'release.refused'", "3");
	expect_count("SELECT count(*)::text FROM release", "0");
}

static void test_draft__stands_once(void **state)
{
	(void)state;
	const char *token = in.people[AUTHOR].token;
	struct doc *draft = installation_draft(&in, INSTALLATION_PRODUCT, &in.author);
	const struct doc *first = installation_must(&in, token, "POST", "/v1/releases", draft);
	const struct doc *second = installation_must(&in, token, "POST", "/v1/releases", draft);

	assert_false(doc_bool(doc_get(first, "before"), true));
	assert_true(doc_bool(doc_get(second, "before"), false));
	assert_string_equal(doc_get_text(first, "release"), doc_get_text(second, "release"));
	expect_count("SELECT count(*)::text FROM release", "1");
}

static void test_key__is_for_one_request(void **state)
{
	(void)state;
	const char *token = in.people[AUTHOR].token;
	struct doc *draft = installation_draft(&in, INSTALLATION_PRODUCT, &in.author);
	struct installation_answer first =
		installation_ask(&in, token, "POST", "/v1/releases", draft, "key-1");
	struct installation_answer again =
		installation_ask(&in, token, "POST", "/v1/releases", draft, "key-1");

	assert_int_equal(first.status, 200);
	assert_int_equal(again.status, 200);
	assert_string_equal(doc_get_text(first.doc, "release"), doc_get_text(again.doc, "release"));
	assert_true(doc_bool(doc_get(again.doc, "before"), false));
	draft = installation_draft(&in, INSTALLATION_PRODUCT, &in.author);
	again = installation_ask(&in, token, "POST", "/v1/releases", draft, "key-1");
	assert_int_equal(again.status, 409);
	assert_string_equal(again.code, "idempotency.other-request");
	again = installation_ask(&in, token, "POST", "/v1/releases", draft, "no blanks");
	assert_int_equal(again.status, 400);
	/* A refusal does not use the key up. */
	again = installation_ask(&in, in.people[QA].token, "POST", "/v1/challenges",
				 doc_object(in.arena), "key-2");
	assert_int_equal(again.status, 400);
	expect_count("SELECT count(*)::text FROM idempotency WHERE key = 'key-2'", "0");
	/* Another request of the same person is still running. */
	given_sql(in.database.service, "UPDATE idempotency SET status = NULL WHERE key = 'key-1'");
	draft = doc_object(in.arena);
	again = installation_ask(&in, token, "POST", "/v1/releases", draft, "key-1");
	assert_string_equal(again.code, "idempotency.other-request");
}

static void test_release__opens_with_test_and_approval(void **state)
{
	(void)state;
	installation_given_release(&in);
	assert_false(gate_open());
	installation_given_tested(&in);
	assert_false(gate_open());
	installation_given_approved(&in);
	assert_true(gate_open());
}

static void test_release__is_not_approved_by_its_author(void **state)
{
	(void)state;
	struct doc *object = doc_object(in.arena);
	struct doc *asked = doc_object(in.arena);

	doc_set_text(object, "kind", "release");
	doc_set_text(object, "id", in.release);
	doc_set_text(asked, "meaning", "approved");
	doc_set(asked, "object", object);
	doc_set_text(asked, "reason", "mine");
	installation_refused(&in, in.people[AUTHOR].token, "POST", "/v1/challenges", asked, 403,
			     "signature.own-work");
	installation_refused(&in, in.people[MANAGER].token, "POST", "/v1/challenges", asked, 403,
			     "signature.role-missing");
}

static void test_release__shows_all_of_itself(void **state)
{
	(void)state;
	const char *token = in.people[AUDITOR].token;
	const struct doc *verdict =
		installation_must(&in, token, "GET", release_path("/gate"), NULL);
	const struct doc *release = installation_must(&in, token, "GET", release_path(""), NULL);
	const struct doc *facts = installation_must(
		&in, token, "GET",
		arena_printf(in.arena, "/v1/documents/%s", doc_get_text(verdict, "facts_sha256")),
		NULL);

	assert_string_equal(doc_get_text(release, "state"), "sealed");
	assert_int_equal(doc_size(doc_get(release, "artifacts")), 1);
	assert_int_equal(doc_size(doc_get(release, "records")), 1);
	assert_int_equal(doc_size(doc_get(release, "signatures")), 2);
	assert_true(doc_size(doc_get(release, "history")) >= 4);
	/* What the service computes for show is what the keeper had approved. */
	assert_string_equal(doc_get_text(release, "content_sha256"),
			    doc_get_text(doc_get(facts, "release"), "content_sha256"));
	const struct doc *list = installation_must(&in, token, "GET", "/v1/releases?limit=1", NULL);
	assert_int_equal(doc_size(doc_get(list, "items")), 1);
}

static void test_record__next_version_closes_the_gate_again(void **state)
{
	(void)state;
	struct doc *second = installation_record(&in, 2);

	installation_must(&in, in.people[TESTER].token, "POST", release_path("/records"), second);
	assert_false(gate_open());
	installation_refused(&in, in.people[TESTER].token, "POST", release_path("/records"),
			     installation_record(&in, 7), 409, "record.invalid");
	installation_must(&in, in.people[TESTER].token, "POST", "/v1/signatures",
			  installation_signing(&in, TESTER, "tested", "record", in.record, NULL));
	installation_given_approved(&in);
	assert_true(gate_open());
}

/* ---- without the keeper ---- */

static void test_keeper_away__changes_nothing_that_is_regulated(void **state)
{
	(void)state;
	struct doc *answer =
		installation_signing(&in, QA, "approved", "release", in.release, &in.qa);

	installation_stop_keeper(&in);
	installation_refused(&in, in.people[QA].token, "POST", "/v1/signatures", answer, 503,
			     "keeper.unavailable");
	installation_refused(&in, NULL, "GET", "/health/ready", NULL, 503, "keeper.unavailable");
	installation_must(&in, in.people[QA].token, "GET", release_path(""), NULL);
	installation_start_keeper(&in);
	installation_must(&in, in.people[QA].token, "POST", "/v1/signatures", answer);
}

static void test_not_sealed__is_done_before_when_sent_again(void **state)
{
	(void)state;
	struct doc *answer =
		installation_signing(&in, QA, "approved", "release", in.release, &in.qa);
	const char *token = in.people[QA].token;

	/* The head is locked, so the sequencer waits and the act is recorded without a seal. */
	given_sql(
		in.database.owner,
		"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
		"RAISE EXCEPTION 'not now'; END $$; "
		"CREATE TRIGGER slow BEFORE UPDATE ON ledger_head FOR EACH ROW EXECUTE FUNCTION slow()");
	struct installation_answer first =
		installation_ask(&in, token, "POST", "/v1/signatures", answer, "key-3");
	assert_int_equal(first.status, 503);
	given_sql(in.database.owner, "DROP TRIGGER slow ON ledger_head; DROP FUNCTION slow()");
	assert_string_equal(first.code, "ledger.not-sealed-yet");
	const char *event = doc_get_text(first.doc, "event");
	assert_non_null(event);
	struct installation_answer again = {0};
	for (int i = 0; i < 10 && again.status != 200; i++)
		again = installation_ask(&in, token, "POST", "/v1/signatures", answer, "key-3");
	assert_int_equal(again.status, 200);
	assert_string_equal(doc_get_text(again.doc, "event"), event);
	assert_true(doc_bool(doc_get(again.doc, "before"), false));
	assert_true(doc_int(doc_get(again.doc, "index"), -1) > 0);
	assert_string_equal(doc_get_text(again.doc, "strength"), "personal-key");
	assert_non_null(doc_get_text(again.doc, "signature"));
}

static void test_withdraw__needs_no_keeper_and_closes_for_ever(void **state)
{
	(void)state;
	struct doc *body = doc_object(in.arena);

	doc_set_text(body, "reason", "EXAMPLE defect");
	installation_refused(&in, in.people[AUTHOR].token, "POST", release_path("/withdraw"), body,
			     403, "access.denied");
	installation_stop_keeper(&in);
	struct installation_answer answer = installation_ask(&in, in.people[QA].token, "POST",
							     release_path("/withdraw"), body, NULL);
	assert_int_equal(answer.status, 202);
	assert_false(doc_bool(doc_get(answer.doc, "sealed"), true));
	installation_start_keeper(&in);
	assert_false(gate_open());
	const struct doc *release =
		installation_must(&in, in.people[QA].token, "GET", release_path(""), NULL);
	assert_string_equal(doc_get_text(release, "state"), "withdrawn");
}

/* ---- at the end ---- */

static void test_stop__writes_what_was_counted_and_all_is_sealed(void **state)
{
	(void)state;
	installation_refused(&in, NULL, "GET", "/v1/me", NULL, 401, "access.unidentified");
	installation_stop_service(&in);
	installation_start_service(&in);
	installation_settled(&in);
	expect_count("SELECT (count(*) > 0)::text FROM event WHERE kind = 'access.counted'",
		     "true");
	expect_count("SELECT count(*)::text FROM event WHERE kind = 'access.counted' AND "
		     "convert_from(bytes, 'UTF8') LIKE '%127.0.0.1%'",
		     "0");
	expect_count("SELECT count(*)::text FROM event_set_aside", "0");
	expect_count("SELECT (count(*) = (SELECT count(*) FROM sealed))::text FROM event", "true");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start__is_ready_and_knows_nobody),
		cmocka_unit_test(test_trust__is_put_by_the_roots),
		cmocka_unit_test(test_directory__is_put_by_two_admins),
		cmocka_unit_test(test_session__is_of_one_person_and_ends),
		cmocka_unit_test(test_persons__are_paged),
		cmocka_unit_test(test_refusals__become_events),
		cmocka_unit_test(test_artifact__is_kept_only_whole),
		cmocka_unit_test(test_artifact__that_was_swapped_is_refused_until_sent_again),
		cmocka_unit_test(test_artifact__whose_sender_goes_away_leaves_nothing),
		cmocka_unit_test(test_artifact__of_a_dead_upload_is_swept_at_start),
		cmocka_unit_test(test_draft__needs_an_author_of_this_product),
		cmocka_unit_test(test_draft__stands_once),
		cmocka_unit_test(test_key__is_for_one_request),
		cmocka_unit_test(test_release__opens_with_test_and_approval),
		cmocka_unit_test(test_release__is_not_approved_by_its_author),
		cmocka_unit_test(test_release__shows_all_of_itself),
		cmocka_unit_test(test_record__next_version_closes_the_gate_again),
		cmocka_unit_test(test_keeper_away__changes_nothing_that_is_regulated),
		cmocka_unit_test(test_not_sealed__is_done_before_when_sent_again),
		cmocka_unit_test(test_withdraw__needs_no_keeper_and_closes_for_ever),
		cmocka_unit_test(test_stop__writes_what_was_counted_and_all_is_sealed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
