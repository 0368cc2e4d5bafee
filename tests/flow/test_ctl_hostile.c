/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the command line do with a service that lies, breaks off or talks to the terminal? A
 * canned server says it; a positive control shows that the same words without the lie are taken.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/digest.h"
#include "common/doc.h"
#include "common/file.h"
#include "common/wire/record.h"
#include "common/wire/statement.h"
#include "service/ctl/session.h"
#include "tests/support/canned.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD "00000000-0000-4000-8000-000000000001"
#define RELEASE "00000000-0000-4000-8000-000000000002"
#define CHALLENGE "00000000-0000-4000-8000-000000000004"
#define SIGNATURE "00000000-0000-4000-8000-000000000005"
#define OTHER "00000000-0000-4000-8000-000000000009"
#define PASSWORD "correct horse EXAMPLE"

static struct arena *arena;
static char folder[] = "/tmp/countersign-hostile.XXXXXX";
static const char *session_path, *password_path;
static char output[64 * 1024];

static int begin(void **state)
{
	struct err err = {0};

	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	if (!mkdtemp(folder))
		return 1;
	session_path = arena_printf(arena, "%s/session", folder);
	password_path = arena_printf(arena, "%s/password", folder);
	unsetenv("COUNTERSIGN_URL");
	unsetenv("COUNTERSIGN_CA");
	return !file_replace(password_path, bytes_of_text(PASSWORD "\n"), 0600, &err);
}

static int end(void **state)
{
	(void)state;
	unlink(session_path);
	unlink(password_path);
	rmdir(folder);
	arena_free(arena);
	return 0;
}

/* ---- what the server says ---- */

static const char *answer(const char *status, const char *type, struct bytes body)
{
	return arena_printf(arena,
			    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			    "Connection: close\r\n\r\n%s",
			    status, type, body.size, arena_text_of(arena, body));
}

static const char *answer_doc(const struct doc *doc)
{
	struct bytes bytes;
	struct err err = {0};

	assert_true(doc_canonical(arena, doc, &bytes, &err));
	return answer("200 OK", "application/json", bytes);
}

static const char *problem(const char *code, const char *detail)
{
	struct doc *doc = doc_object(arena);
	struct bytes bytes;
	struct err err = {0};

	doc_set_text(doc, "code", code);
	doc_set_text(doc, "detail", detail);
	assert_true(doc_canonical(arena, doc, &bytes, &err));
	return answer("503 Service Unavailable", "application/problem+json", bytes);
}

static struct record given_record(void)
{
	static const struct record_subject subject = {
		"image.bin", {"e3b92bc59cd3ae755ab8e0a93686c6cd4f998513758bb58158225b36538daeaa"}};

	return (struct record){
		RECORD, 1,	  "test",	 RELEASE,	   "example-pump", &subject,
		1,	"passed", "EXAMPLE run", "example-tester", clock_now(),
	};
}

static struct bytes record_bytes(const struct record *record)
{
	struct bytes bytes = {0};
	struct err err = {0};

	assert_true(record_write(arena, record, &bytes, &err));
	return bytes;
}

static const char *challenge_over(const char *object, struct bytes shown)
{
	struct statement statement = {
		.id = SIGNATURE,
		.challenge = CHALLENGE,
		.person = "example-tester",
		.name = "EXAMPLE Tester",
		.meaning = "tested",
		.object = {"record", object},
		.sha256 = digest_sha256_hex(shown),
		.reason = "",
		.at = clock_now(),
		.expires_at = clock_now() + 120 * CLOCK_SECOND,
	};
	struct doc *doc = doc_object(arena);
	struct bytes bytes;
	struct err err = {0};

	assert_true(statement_write(arena, &statement, &bytes, &err));
	doc_set_text(doc, "challenge", CHALLENGE);
	doc_set_bytes(doc, "statement", bytes);
	doc_set_time(doc, "expires_at", statement.expires_at);
	return answer_doc(doc);
}

static const char *taken(void)
{
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "signature", SIGNATURE);
	doc_set_text(doc, "strength", "keeper-checked");
	return answer_doc(doc);
}

/* ---- asking it ---- */

static void log_in_at(const char *url)
{
	const struct session session = {url, NULL, "example-tester", "session-token-EXAMPLE",
					clock_now() + 3600 * CLOCK_SECOND};
	struct err err = {0};

	assert_true(session_save(arena, session_path, &session, &err));
}

static const char *url_of(const struct canned *canned)
{
	return arena_printf(arena, "http://127.0.0.1:%u", canned_port(canned));
}

static int cli(const char *const *words)
{
	const char *argv[24] = {
		arena_printf(arena, "%s/countersign", getenv("COUNTERSIGN_TEST_PROGRAMS"))};
	size_t count = 1;
	int code = -1;

	for (; *words; words++)
		argv[count++] = *words;
	argv[count++] = "--session";
	argv[count++] = session_path;
	argv[count] = NULL;
	assert_true(process_run(argv, NULL, &code, output, sizeof(output)));
	return code;
}

static const char *const sign_words[] = {"sign",   "record", RECORD, "--meaning",
					 "tested", "--yes",  NULL};

/* Signs the record by password with these answers. */
static int sign(struct canned *canned)
{
	const char *words[12];
	size_t count = 0;

	log_in_at(url_of(canned));
	for (; sign_words[count]; count++)
		words[count] = sign_words[count];
	words[count++] = "--password-file";
	words[count++] = password_path;
	words[count] = NULL;
	return cli(words);
}

/* ---- signing ---- */

static void test_sign__answers_an_honest_challenge(void **state)
{
	struct record record = given_record();
	struct bytes bytes = record_bytes(&record);
	const char *const answers[] = {challenge_over(RECORD, bytes),
				       answer("200 OK", "application/json", bytes), taken(), NULL};
	struct canned *canned = canned_new(answers);

	(void)state;
	assert_int_equal(sign(canned), 0);
	assert_int_equal(canned_served(canned), 3);
	assert_non_null(strstr(canned_request(canned), "POST /v1/signatures"));
	assert_non_null(strstr(canned_request(canned), "\"password\":\"" PASSWORD "\""));
	assert_non_null(strstr(canned_request(canned), "Bearer session-token-EXAMPLE"));
	canned_free(canned);
}

static void test_sign__keeps_the_password_from_a_lie(void **state)
{
	struct record record = given_record();
	struct record failed = record;
	struct record foreign = record;

	(void)state;
	failed.result = "failed";
	foreign.id = OTHER;
	struct bytes bytes = record_bytes(&record);
	struct bytes other = record_bytes(&failed);
	struct bytes another = record_bytes(&foreign);
	const struct {
		const char *what, *challenge;
		struct bytes document;
		size_t served;
	} cases[] = {
		{"a challenge for another record", challenge_over(OTHER, another), another, 1},
		{"another document than the digest names", challenge_over(RECORD, bytes), other, 2},
		{"a digest of another record", challenge_over(RECORD, another), another, 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const answers[] = {
			cases[i].challenge, answer("200 OK", "application/json", cases[i].document),
			taken(), NULL};
		struct canned *canned = canned_new(answers);
		print_message("# %s\n", cases[i].what);
		assert_int_equal(sign(canned), 1);
		assert_non_null(strstr(output, "signature.invalid"));
		assert_non_null(strstr(output, "nothing was signed"));
		assert_int_equal(canned_served(canned), cases[i].served);
		assert_null(strstr(canned_request(canned), PASSWORD));
		canned_free(canned);
	}
}

/* ---- answers ---- */

static void test_answers__cannot_speak_to_the_terminal(void **state)
{
	const char *const answers[] = {
		problem("release.unknown", "gone \033[2J\033]0;x\007 \xe2\x80\xae here"), NULL};
	struct canned *canned = canned_new(answers);

	(void)state;
	log_in_at(url_of(canned));
	assert_int_equal(cli((const char *const[]){"release", "show", RELEASE, NULL}), 1);
	assert_non_null(strstr(output, "gone ?[2J"));
	assert_null(strchr(output, '\033'));
	assert_null(strchr(output, '\007'));
	assert_null(strstr(output, "\xe2\x80\xae"));
	canned_free(canned);
}

static void test_answers__are_shown_without_their_control_characters(void **state)
{
	struct doc *page = doc_object(arena);
	struct doc *items = doc_array(arena);
	struct doc *one = doc_object(arena);

	(void)state;
	doc_set_text(one, "release", RELEASE);
	doc_set_text(one, "product", "pump\033[1A\nforged line");
	doc_add(items, one);
	doc_set(page, "items", items);
	doc_set_bool(page, "more", false);
	const char *const answers[] = {answer_doc(page), NULL};
	struct canned *canned = canned_new(answers);
	log_in_at(url_of(canned));
	assert_int_equal(cli((const char *const[]){"release", "list", NULL}), 0);
	assert_non_null(strstr(output, "pump?[1A?forged line"));
	canned_free(canned);
}

static void test_list__ends_when_the_service_goes_in_circles(void **state)
{
	struct doc *page = doc_object(arena);
	struct doc *items = doc_array(arena);
	struct doc *one = doc_object(arena);

	(void)state;
	doc_set_text(one, "release", RELEASE);
	doc_add(items, one);
	doc_set(page, "items", items);
	doc_set_bool(page, "more", true);
	const char *const answers[] = {answer_doc(page), NULL};
	struct canned *canned = canned_new(answers);
	log_in_at(url_of(canned));
	assert_int_equal(cli((const char *const[]){"release", "list", NULL}), 3);
	assert_non_null(strstr(output, "cannot be followed"));
	assert_int_equal(canned_served(canned), 2);
	assert_non_null(strstr(canned_request(canned), "limit=500&after=" RELEASE));
	canned_free(canned);
}

static void test_call__is_no_success_when_it_is_none(void **state)
{
	const struct {
		const char *answer;
		int status;
		const char *said;
	} cases[] = {
		{answer("200 OK", "text/html", bytes_of_text("<p>hotel</p>")), 3, "something else"},
		{answer("404 Not Found", "text/html", bytes_of_text("<p>")), 3, "status 404"},
		{answer("302 Found\r\nLocation: http://127.0.0.1:1/", "text/html",
			bytes_of_text("")),
		 3, "status 302"},
		{answer("200 OK", "application/json", bytes_of_text("{\"open\":1}")), 3,
		 "did not say whether"},
		{answer("200 OK", "application/json", bytes_of_text("{")), 2, "answer of the"},
		{answer("200 OK", "application/json", bytes_of_text("{}")), 3,
		 "did not say whether"},
		{"", 3, "fetch.failed"},
		{problem("gate.of-tomorrow", "later"), 3, "gate.of-tomorrow"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		struct canned *canned = canned_new(answers);
		log_in_at(url_of(canned));
		int code = cli((const char *const[]){"gate", "show", "release", RELEASE, NULL});
		print_message("# %s", output);
		assert_int_equal(code, cases[i].status);
		assert_non_null(strstr(output, cases[i].said));
		canned_free(canned);
	}
}

static void test_call__is_repeated_until_it_is_sealed(void **state)
{
	struct doc *done = doc_object(arena);

	(void)state;
	doc_set_int(done, "index", 7);
	const char *const answers[] = {problem("ledger.not-sealed-yet", "wait"),
				       problem("idempotency.running", "wait"), answer_doc(done),
				       NULL};
	struct canned *canned = canned_new(answers);
	log_in_at(url_of(canned));
	assert_int_equal(cli((const char *const[]){"release", "seal", RELEASE, NULL}), 0);
	assert_non_null(strstr(output, "entry 7 of the ledger"));
	assert_int_equal(canned_served(canned), 3);
	assert_non_null(strstr(canned_request(canned), "Idempotency-Key: "));
	canned_free(canned);
}

/* ---- the token ---- */

static void test_token__is_sent_to_the_address_that_gave_it(void **state)
{
	struct doc *doc = doc_object(arena);

	(void)state;
	doc_set_bool(doc, "database", true);
	doc_set_bool(doc, "keeper", true);
	const char *const answers[] = {answer_doc(doc), NULL};
	struct canned *canned = canned_new(answers);
	const char *url = url_of(canned);
	log_in_at(url);
	assert_int_equal(cli((const char *const[]){"status", NULL}), 0);
	assert_non_null(strstr(canned_request(canned), "session-token-EXAMPLE"));
	log_in_at("https://service.example");
	assert_int_equal(cli((const char *const[]){"status", "--url", url, NULL}), 0);
	assert_null(strstr(canned_request(canned), "session-token-EXAMPLE"));
	assert_int_equal(cli((const char *const[]){"whoami", "--url", url, NULL}), 1);
	assert_int_equal(canned_served(canned), 2);
	canned_free(canned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign__answers_an_honest_challenge),
		cmocka_unit_test(test_sign__keeps_the_password_from_a_lie),
		cmocka_unit_test(test_answers__cannot_speak_to_the_terminal),
		cmocka_unit_test(test_answers__are_shown_without_their_control_characters),
		cmocka_unit_test(test_list__ends_when_the_service_goes_in_circles),
		cmocka_unit_test(test_call__is_no_success_when_it_is_none),
		cmocka_unit_test(test_call__is_repeated_until_it_is_sealed),
		cmocka_unit_test(test_token__is_sent_to_the_address_that_gave_it),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
