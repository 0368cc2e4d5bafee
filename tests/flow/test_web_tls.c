/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a TLS connection, and does everything else work there too? */

#include "common/digest.h"
#include "common/fetch.h"
#include "common/file.h"
#include "tests/support/process.h"
#include "tests/support/tls_files.h"
#include "tests/support/web_case.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>

#include <cmocka.h>

enum { FILE_BYTES = 9 * 1024 * 1024 + 5, ANSWER_MAX = 16 * 1024 * 1024 };

static struct arena *files_arena;
static struct tls_files files;
static const char *big_path;
static unsigned char *big;

/* ---- the program behind the server ---- */

static bool who_get(struct request *request, struct reply *reply, struct err *err)
{
	const struct sha256_hex *fingerprint = web_peer_fingerprint(request);
	struct doc *doc = doc_object(web_arena(request));

	(void)err;
	doc_set_text(doc, "peer", web_peer(request));
	doc_set_text(doc, "fingerprint", fingerprint ? fingerprint->text : NULL);
	doc_set_text(doc, "base", web_base_url(request));
	reply->doc = doc;
	return true;
}

static bool big_get(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	reply->file = open(big_path, O_RDONLY | O_CLOEXEC);
	reply->file_bytes = FILE_BYTES;
	reply->etag = "big";
	return reply->file > 0 || err_fail(err, E_FILE, NULL);
}

static bool sink_begin(struct request *request, void **state, struct err *err)
{
	(void)err;
	*state = arena_alloc(web_arena(request), sizeof(uint64_t));
	return true;
}

static bool sink_data(struct request *request, void *state, struct bytes piece, struct err *err)
{
	uint64_t *at = state;

	(void)request;
	if (memcmp(piece.data, big + *at, piece.size) != 0)
		return err_fail(err, E_INPUT, "these are not the bytes");
	*at += piece.size;
	return true;
}

static bool sink_end(struct request *request, void *state, struct reply *reply, struct err *err)
{
	(void)request;
	(void)err;
	reply->status = *(uint64_t *)state == FILE_BYTES ? 201 : 200;
	return true;
}

static void sink_abort(struct request *request, void *state)
{
	(void)request;
	(void)state;
}

static const struct web_sink sink = {sink_begin, sink_data, sink_end, sink_abort};

#define ROW(m, p, ...)                                                                        \
	{                                                                                     \
		.method = (m), .pattern = (p), .permission = WEB_CASE_PERMISSION, __VA_ARGS__ \
	}
static const struct route routes[] = {
	ROW(WEB_GET, "/who", .handler = who_get),
	ROW(WEB_GET, "/big", .handler = big_get),
	ROW(WEB_PUT, "/big", .body = WEB_BODY_STREAM, .body_max = FILE_BYTES, .sink = &sink),
};

static struct web_settings settings_tls(void)
{
	struct web_settings settings = web_case_settings;

	settings.routes = routes;
	settings.route_count = sizeof(routes) / sizeof(routes[0]);
	settings.tls_certificate = files.server;
	settings.tls_key = files.server_key;
	settings.client_authority = files.client_authority;
	return settings;
}

static int begin_all(void **state)
{
	struct err err = {0};

	(void)state;
	files_arena = arena_new(64 * 1024 * 1024);
	files = tls_files_make(files_arena);
	big = arena_alloc(files_arena, FILE_BYTES);
	random_fill(big, FILE_BYTES);
	big_path = arena_printf(files_arena, "%s/big", files.folder);
	assert_true(file_replace(big_path, bytes_of(big, FILE_BYTES), 0600, &err));
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	tls_files_remove(&files);
	arena_free(files_arena);
	return 0;
}

static int begin(void **state)
{
	struct web_settings settings = settings_tls();

	(void)state;
	arena = arena_new(256 * 1024 * 1024);
	web_case_start(&settings);
	return 0;
}

/* ---- asking ---- */

static const char *url_of(const char *path)
{
	return arena_printf(arena, "https://127.0.0.1:%u%s", web_port(web), path);
}

static struct fetch *client(const char *certificate, const char *key)
{
	struct fetch_settings settings = {
		.authority = files.server_authority, .certificate = certificate, .key = key};
	struct fetch *fetch = NULL;
	struct err err = {0};

	if (!fetch_new(&settings, &fetch, &err))
		fail_msg("%s", err.text);
	return fetch;
}

static const struct doc *who(struct fetch *fetch)
{
	const struct doc *doc = NULL;
	struct err err = {0};

	if (!fetch_json(fetch, arena, "GET", url_of("/who"), NULL, &doc, &err))
		fail_msg("%s", err.text);
	return doc;
}

/* ---- certificates ---- */

static const char *fingerprint_of(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned char digest[32];
	char *text = arena_alloc(arena, 65);

	assert_non_null(file);
	X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	assert_int_equal(X509_digest(x509, EVP_sha256(), digest, NULL), 1);
	X509_free(x509);
	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}

static void test_web_peer__names_a_valid_client_and_checks_it_once_per_connection(void **state)
{
	struct fetch *fetch = client(files.client, files.client_key);

	(void)state;
	for (int i = 0; i < 5; i++) {
		const struct doc *doc = who(fetch);
		assert_string_equal(doc_get_text(doc, "peer"), "unit-1");
		assert_string_equal(doc_get_text(doc, "fingerprint"), fingerprint_of(files.client));
	}
	assert_int_equal(web_peer_checks(web), 1);
	fetch_free(fetch);
	fetch = client(files.client, files.client_key);
	assert_string_equal(doc_get_text(who(fetch), "peer"), "unit-1");
	assert_int_equal(web_peer_checks(web), 2);
	fetch_free(fetch);
}

static void test_web_peer__lets_a_client_without_certificate_in_without_a_name(void **state)
{
	struct fetch *fetch = client(NULL, NULL);
	const struct doc *doc = who(fetch);

	(void)state;
	assert_null(doc_get_text(doc, "peer"));
	assert_null(doc_get_text(doc, "fingerprint"));
	assert_string_equal(doc_get_text(doc, "base"), url_of(""));
	fetch_free(fetch);
}

static const char *peer_with(const char *name, const struct certs_recipe *recipe, bool foreign)
{
	const char *path = tls_files_client(arena, &files, name, recipe, foreign);
	struct fetch *fetch =
		client(arena_printf(arena, "%s.pem", path), arena_printf(arena, "%s.key", path));
	const char *peer = doc_get_text(who(fetch), "peer");

	fetch_free(fetch);
	return peer;
}

static void test_web_peer__gives_no_name_to_certificates_that_do_not_hold(void **state)
{
	struct certs_recipe recipe = tls_files_recipe();
	char long_name[ID_DEVICE_MAX];

	(void)state;
	/* The control: nothing wrong, so the ways below differ by what they name. */
	assert_string_equal(peer_with("good", &recipe, false), "unit-2");
	assert_null(peer_with("foreign", &recipe, true));
	recipe = tls_files_recipe();
	recipe.to = -3600;
	assert_null(peer_with("expired", &recipe, false));
	recipe = tls_files_recipe();
	recipe.from = 24 * 3600;
	assert_null(peer_with("early", &recipe, false));
	recipe = tls_files_recipe();
	recipe.eku = "critical,serverAuth";
	assert_null(peer_with("server", &recipe, false));
	recipe = tls_files_recipe();
	recipe.name = "unit\x02";
	assert_null(peer_with("control", &recipe, false));
	recipe = tls_files_recipe();
	recipe.eku = NULL;
	memset(long_name, 'u', 64);
	long_name[64] = '\0';
	recipe.name = long_name;
	assert_string_equal(peer_with("plain", &recipe, false), long_name);
}

static void test_web_tls__shows_itself_only_to_who_knows_its_authority(void **state)
{
	struct fetch_settings settings = {.authority = files.client_authority};
	const struct doc *doc = NULL;
	struct fetch *fetch = NULL;
	struct err err = {0};

	(void)state;
	assert_true(fetch_new(&settings, &fetch, &err));
	assert_false(fetch_json(fetch, arena, "GET", url_of("/who"), NULL, &doc, &err));
	assert_int_equal(err.code, E_FETCH);
	fetch_free(fetch);
	err_clear(&err);
	/* The system's authorities do not know it either. */
	settings.authority = NULL;
	assert_true(fetch_new(&settings, &fetch, &err));
	assert_false(fetch_json(fetch, arena, "GET", url_of("/who"), NULL, &doc, &err));
	assert_int_equal(err.code, E_FETCH);
	fetch_free(fetch);
}

static bool handshake(const char *version)
{
	const char *const argv[] = {
		"openssl",	   "s_client",
		"-connect",	   arena_printf(arena, "127.0.0.1:%u", web_port(web)),
		version,	   "-cipher",
		"ALL:@SECLEVEL=0", NULL};
	char output[32768];
	int code = -1;

	assert_true(process_run(argv, "Q\n", &code, output, sizeof(output)));
	return strstr(output, "BEGIN CERTIFICATE") != NULL && code == 0;
}

static void test_web_tls__speaks_1_2_and_1_3_only(void **state)
{
	(void)state;
	assert_true(handshake("-tls1_3"));
	assert_true(handshake("-tls1_2"));
	assert_false(handshake("-tls1_1"));
	assert_false(handshake("-tls1"));
	/* And no plain HTTP. */
	struct http_answer answer = ask("GET /who HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(answer.status, 0);
}

static void test_web_new__refuses_tls_files_that_do_not_fit(void **state)
{
	struct web_settings settings = settings_tls();
	struct web *other = NULL;
	struct err err = {0};

	(void)state;
	settings.tls_key = files.client_key;
	assert_false(web_new(&settings, &other, &err));
	assert_int_equal(err.code, E_CONFIG);
	err_clear(&err);
	settings = settings_tls();
	settings.client_authority = big_path;
	assert_false(web_new(&settings, &other, &err));
	err_clear(&err);
	settings = settings_tls();
	settings.client_authority = files.client_key;
	assert_false(web_new(&settings, &other, &err));
	assert_int_equal(err.code, E_CONFIG);
	err_clear(&err);
	settings = settings_tls();
	settings.tls_key = NULL;
	assert_false(web_new(&settings, &other, &err));
	assert_int_equal(err.code, E_CONFIG);
	assert_null(other);
}

/* ---- files and streams ---- */

static struct fetch_answer get_big(struct fetch *fetch, const char *range)
{
	const char *const headers[] = {range, NULL};
	struct fetch_answer answer = {0};
	struct err err = {0};

	if (!fetch_exchange(fetch, arena, "GET", url_of("/big"), headers, NULL, bytes_of(NULL, 0),
			    ANSWER_MAX, &answer, &err))
		fail_msg("%s", err.text);
	return answer;
}

static void test_web_tls__sends_files_and_ranges(void **state)
{
	static const struct {
		const char *range;
		size_t first, size;
	} cases[] = {{"Range: bytes=0-0", 0, 1},
		     {"Range: bytes=4095-4097", 4095, 3},
		     {"Range: bytes=4096-", 4096, FILE_BYTES - 4096},
		     {"Range: bytes=1000001-3000000", 1000001, 2000000},
		     {"Range: bytes=-5", FILE_BYTES - 5, 5}};
	struct fetch *fetch = client(NULL, NULL);
	struct fetch_answer answer = get_big(fetch, NULL);

	(void)state;
	assert_int_equal(answer.status, 200);
	assert_true(bytes_equal(answer.body, bytes_of(big, FILE_BYTES)));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer = get_big(fetch, cases[i].range);
		assert_int_equal(answer.status, 206);
		assert_true(
			bytes_equal(answer.body, bytes_of(big + cases[i].first, cases[i].size)));
	}
	answer = get_big(fetch, "Range: bytes=99999999-");
	assert_int_equal(answer.status, 416);
	fetch_free(fetch);
}

static void test_web_tls__takes_streams_and_tells_who_may_not(void **state)
{
	struct fetch *fetch = client(NULL, NULL);
	int file = open(big_path, O_RDONLY | O_CLOEXEC);
	struct fetch_answer answer = {0};
	struct err err = {0};

	(void)state;
	assert_true(fetch_upload(fetch, arena, "PUT", url_of("/big"), NULL, file, FILE_BYTES, NULL,
				 NULL, &answer, &err));
	assert_int_equal(answer.status, 201);
	fetch_authorize(fetch, "nobody");
	assert_true(fetch_upload(fetch, arena, "PUT", url_of("/big"), NULL, file, FILE_BYTES, NULL,
				 NULL, &answer, &err));
	assert_int_equal(answer.status, 401);
	close(file);
	fetch_free(fetch);
	/* curl, told not to wait for leave: it sends into a connection that has already answered. */
	const char *const argv[] = {"curl", "-sS",	 "--cacert",	 files.server_authority,
				    "-H",   "Expect:",	 "-H",		 "Authorization: nobody",
				    "-T",   big_path,	 "-w",		 "%{http_code}",
				    "-o",   "/dev/null", url_of("/big"), NULL};
	char output[1024];
	int code = -1;
	assert_true(process_run(argv, NULL, &code, output, sizeof(output)));
	assert_non_null(strstr(output, "401"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, web_case_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_web_peer__names_a_valid_client_and_checks_it_once_per_connection),
		TEST(test_web_peer__lets_a_client_without_certificate_in_without_a_name),
		TEST(test_web_peer__gives_no_name_to_certificates_that_do_not_hold),
		TEST(test_web_tls__shows_itself_only_to_who_knows_its_authority),
		TEST(test_web_tls__speaks_1_2_and_1_3_only),
		TEST(test_web_new__refuses_tls_files_that_do_not_fit),
		TEST(test_web_tls__sends_files_and_ranges),
		TEST(test_web_tls__takes_streams_and_tells_who_may_not),
	};
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
