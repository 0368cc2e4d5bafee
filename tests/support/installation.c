/* SPDX-License-Identifier: Apache-2.0 */
/* A whole installation for tests: keys, configuration, processes, and asking it over HTTP. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/installation.h"

#include "common/encode.h"
#include "common/file.h"
#include "common/wire/trust.h"
#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INSTALLATION_BYTES = 512 * 1024 * 1024, START_SECONDS = 60, STOP_SECONDS = 30 };

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		fail_msg("%s is not set; start this test with `make test T=flow`", name);
	return value;
}

static void run(const char *const argv[])
{
	char output[2048];
	int code = -1;

	if (!process_run(argv, NULL, &code, output, sizeof(output)) || code != 0)
		fail_msg("%s: %s", argv[0], output);
}

/* ---- folders and keys ---- */

static const char *path_of(struct installation *in, const char *name)
{
	return arena_printf(in->arena, "%s/%s", in->dir, name);
}

static void make_folder(const char *path, mode_t mode)
{
	struct err err = {0};

	expect_done(file_make_folders(path, mode, &err), &err);
	assert_int_equal(chmod(path, mode), 0);
}

/* Gives all of a folder to the user of a part. */
static void hand_over(const char *path, const char *part)
{
	char ids[64];
	int code = -1;
	const char *const ask[] = {"tools/as.sh", "--id", part, NULL};

	assert_true(process_run(ask, NULL, &code, ids, sizeof(ids)));
	ids[strcspn(ids, "\n")] = '\0';
	const char *const give[] = {"chown", "-R", ids, path, NULL};
	if (getuid() == 0)
		run(give);
}

static int64_t uid_of(const char *part)
{
	char ids[64];
	int code = -1;
	const char *const ask[] = {"tools/as.sh", "--id", part, NULL};

	assert_true(process_run(ask, NULL, &code, ids, sizeof(ids)));
	return strtoll(ids, NULL, 10);
}

static void copy_file(struct installation *in, const char *from, const char *to)
{
	struct bytes bytes;
	struct err err = {0};

	expect_done(file_read(in->arena, from, 1024 * 1024, &bytes, &err) &&
			    file_replace(to, bytes, 0600, &err),
		    &err);
}

static void load_key(struct installation *in, struct installation_key *out, const char *key,
		     const char *cert)
{
	struct bytes pem;
	struct err err = {0};

	out->key_path = path_of(in, key);
	expect_done(sign_key_new(out->key_path, &out->key, &err), &err);
	if (!cert)
		return;
	out->cert_path = path_of(in, cert);
	expect_done(file_read(in->arena, out->cert_path, 64 * 1024, &pem, &err) &&
			    sign_cert_read(in->arena, pem, &out->cert, &err),
		    &err);
}

static void pki(struct installation *in, const char *what, const char *name, const char *a,
		const char *b)
{
	const char *const argv[] = {"tools/pki.sh", path_of(in, "pki"), what, name, a, b, NULL};
	const char *const all[] = {"tools/pki.sh", path_of(in, "pki"), NULL};

	run(what ? argv : all);
}

static void make_keys(struct installation *in)
{
	static const char *const people[] = {"p-ada", "p-ben", "p-qa", "p-stranger"};

	pki(in, NULL, NULL, NULL, NULL);
	pki(in, "author", "EXAMPLE-author", NULL, NULL);
	pki(in, "keeper", "EXAMPLE-keeper", NULL, NULL);
	for (size_t i = 0; i < 4; i++)
		pki(in, "person", people[i], NULL, NULL);
	pki(in, "ed25519", path_of(in, "keys/lease.key"), NULL, NULL);
	pki(in, "ed25519", path_of(in, "keys/ledger.key"), NULL, NULL);
	pki(in, "ed25519", path_of(in, "keys/git.key"), NULL, NULL);
	load_key(in, &in->roots[0], "pki/root1.key", "pki/root1.pem");
	load_key(in, &in->roots[1], "pki/root2.key", "pki/root2.pem");
	load_key(in, &in->roots[2], "pki/root3.key", "pki/root3.pem");
	load_key(in, &in->author, "keys/author/key.pem", "keys/author/cert.pem");
	load_key(in, &in->keeper_key, "keys/keeper/key.pem", "keys/keeper/cert.pem");
	load_key(in, &in->ada, "keys/people/p-ada/key.pem", "keys/people/p-ada/cert.pem");
	load_key(in, &in->ben, "keys/people/p-ben/key.pem", "keys/people/p-ben/cert.pem");
	load_key(in, &in->qa, "keys/people/p-qa/key.pem", "keys/people/p-qa/cert.pem");
	load_key(in, &in->stranger, "keys/people/p-stranger/key.pem",
		 "keys/people/p-stranger/cert.pem");
}

/* pki.sh takes five words for a leaf. */
static void make_other_author(struct installation *in)
{
	const char *const argv[] = {"tools/pki.sh",
				    path_of(in, "pki"),
				    "leaf",
				    "author",
				    "EXAMPLE-other",
				    path_of(in, "keys/other.key"),
				    path_of(in, "keys/other.pem"),
				    NULL};

	run(argv);
	load_key(in, &in->other_author, "keys/other.key", "keys/other.pem");
	load_key(in, &in->lease, "keys/lease.key", NULL);
	load_key(in, &in->ledger, "keys/ledger.key", NULL);
	load_key(in, &in->git, "keys/git.key", NULL);
	for (int i = 0; i < INSTALLATION_DEVICES; i++) {
		const char *name = arena_printf(in->arena, "unit-%d", i + 1);
		pki(in, "device", name, NULL, NULL);
		load_key(in, &in->devices[i],
			 arena_printf(in->arena, "devices/%s/report.key", name), NULL);
	}
}

/* ---- configuration ---- */

static void write_mac(struct installation *in, const char *first, const char *second)
{
	unsigned char key[32];
	struct err err = {0};

	random_fill(key, sizeof(key));
	expect_done(file_replace(path_of(in, first), bytes_of(key, sizeof(key)), 0600, &err), &err);
	if (second)
		expect_done(
			file_replace(path_of(in, second), bytes_of(key, sizeof(key)), 0600, &err),
			&err);
}

static void write_pin(struct installation *in)
{
	struct sha256_hex roots[3];
	struct trust_pin pin = {.slot = "maker",
				.roots = {.k = 2, .spki_sha256 = roots, .spki_sha256_count = 3},
				.ledger_key = sign_key_spki(in->ledger.key),
				.origin = INSTALLATION_ORIGIN};
	struct bytes bytes;
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		roots[i] = in->roots[i].cert.key_id;
	in->pin = path_of(in, "keeper/pin.json");
	expect_done(trust_pin_write(in->arena, &pin, &bytes, &err) &&
			    file_replace(in->pin, bytes, 0600, &err),
		    &err);
}

static const char *write_config(struct installation *in, const char *name, const struct doc *doc)
{
	const char *path = path_of(in, name);
	struct bytes bytes;
	struct err err = {0};

	expect_done(doc_canonical(in->arena, doc, &bytes, &err) &&
			    file_replace(path, bytes, 0600, &err),
		    &err);
	return path;
}

static void configure_keeper(struct installation *in)
{
	struct doc *config = doc_object(in->arena);

	make_folder(path_of(in, "keeper"), 0700);
	make_folder(path_of(in, "keeper/macs"), 0700);
	make_folder(path_of(in, "git"), 0755); /* written by the keeper, read for exports */
	copy_file(in, in->keeper_key.key_path, path_of(in, "keeper/keeper.key"));
	copy_file(in, in->keeper_key.cert_path, path_of(in, "keeper/keeper.pem"));
	copy_file(in, in->lease.key_path, path_of(in, "keeper/lease.key"));
	copy_file(in, in->ledger.key_path, path_of(in, "keeper/ledger.key"));
	copy_file(in, in->git.key_path, path_of(in, "keeper/git.key"));
	write_mac(in, "keeper/keeper.mac", NULL);
	write_mac(in, "keeper/macs/1.key", "service/mac.key");
	write_pin(in);
	doc_set_text(config, "socket", in->keeper_socket);
	doc_set_text(config, "database", in->database.keeper);
	doc_set_text(config, "origin", INSTALLATION_ORIGIN);
	doc_set_text(config, "keeper_key", path_of(in, "keeper/keeper.key"));
	doc_set_text(config, "keeper_certificate", path_of(in, "keeper/keeper.pem"));
	doc_set_text(config, "lease_key", path_of(in, "keeper/lease.key"));
	doc_set_text(config, "ledger_key", path_of(in, "keeper/ledger.key"));
	doc_set_text(config, "git_key", path_of(in, "keeper/git.key"));
	doc_set_text(config, "keeper_mac_key", path_of(in, "keeper/keeper.mac"));
	doc_set_text(config, "service_mac_keys", path_of(in, "keeper/macs"));
	doc_set_text(config, "head_file", path_of(in, "keeper/head"));
	doc_set_text(config, "git", path_of(in, "git"));
	doc_set_text(config, "pin", in->pin);
	doc_set_int(config, "service_uid", uid_of("service"));
	in->keeper_config = write_config(in, "keeper/config.json", config);
}

static void configure_tls(struct installation *in, struct doc *config)
{
	pki(in, "tls", NULL, NULL, NULL);
	copy_file(in, path_of(in, "keys/service/tls.key"), path_of(in, "service/tls.key"));
	copy_file(in, path_of(in, "keys/service/tls.pem"), path_of(in, "service/tls.pem"));
	copy_file(in, path_of(in, "pki/device-ca.pem"), path_of(in, "service/device-ca.pem"));
	doc_set_text(config, "tls_certificate", path_of(in, "service/tls.pem"));
	doc_set_text(config, "tls_key", path_of(in, "service/tls.key"));
	doc_set_text(config, "device_authority", path_of(in, "service/device-ca.pem"));
}

static void configure_service(struct installation *in)
{
	struct doc *config = doc_object(in->arena);

	in->artifacts = path_of(in, "service/artifacts");
	if (in->tls)
		configure_tls(in, config);
	doc_set_int(config, "port", 0);
	doc_set_text(config, "database", in->database.service);
	doc_set_text(config, "keeper_socket", in->keeper_socket);
	doc_set_text(config, "mac_key", path_of(in, "service/mac.key"));
	doc_set_text(config, "artifacts", in->artifacts);
	doc_set_text(config, "exports", path_of(in, "service/exports"));
	doc_set_text(config, "git", path_of(in, "git"));
	doc_set_int(config, "poll_s", 1);
	in->service_config = write_config(in, "service/config.json", config);
}

/* ---- processes ---- */

static pid_t start_program(struct installation *in, const char *part, const char *program,
			   const char *verb, const char *config, const char *log)
{
	const char *as = arena_printf(in->arena, "%s/as.sh", variable("COUNTERSIGN_TEST_TOOLS"));
	const char *path =
		arena_printf(in->arena, "%s/%s", variable("COUNTERSIGN_TEST_PROGRAMS"), program);
	/* The keeper's words begin with a verb, the service's do not. */
	const char *const words[] = {as,
				     part,
				     "--",
				     path,
				     verb ? verb : "--config",
				     verb ? "--config" : config,
				     verb ? config : NULL,
				     NULL};
	union {
		const char *const *ours;
		char *const *theirs;
	} arguments = {.ours = words};
	int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(file >= 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Stays in our group: the runner ends what a dead test leaves behind. */
		if (dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0)
			_exit(127);
		execv(as, arguments.theirs);
		_exit(127);
	}
	close(file);
	return pid;
}

static char *read_log(struct installation *in, const char *path)
{
	struct bytes bytes = {0};
	struct err err = {0};

	expect_done(file_read(in->arena, path, 4 * 1024 * 1024, &bytes, &err), &err);
	return arena_text_of(in->arena, bytes);
}

static const char *tail_of(const char *log)
{
	size_t length = strlen(log);

	return length > 1500 ? log + length - 1500 : log;
}

/* The line that says that it started. */
static const char *await_start(struct installation *in, pid_t pid, const char *log)
{
	for (int i = 0; i < START_SECONDS * 20; i++) {
		char *text = read_log(in, log);
		const char *line = strstr(text, "event=started");
		if (line && strchr(line, '\n'))
			return line;
		int status;
		if (waitpid(pid, &status, WNOHANG) == pid)
			fail_msg("a program ended at start:\n%s", tail_of(text));
		clock_sleep(CLOCK_SECOND / 20);
	}
	fail_msg("a program did not start:\n%s", tail_of(read_log(in, log)));
	return "";
}

static void stop_program(struct installation *in, pid_t *pid, const char *log, int signal_number)
{
	int status = 0;

	if (*pid == 0)
		return;
	kill(*pid, signal_number);
	for (int i = 0; i < STOP_SECONDS * 50; i++) {
		if (waitpid(*pid, &status, WNOHANG) == *pid) {
			*pid = 0;
			if (signal_number != SIGKILL && (!WIFEXITED(status) || WEXITSTATUS(status)))
				fail_msg("a program ended with status %d:\n%s", status,
					 tail_of(read_log(in, log)));
			return;
		}
		clock_sleep(CLOCK_SECOND / 50);
	}
	kill(*pid, SIGKILL);
	waitpid(*pid, &status, 0);
	*pid = 0;
	fail_msg("a program did not stop:\n%s", tail_of(read_log(in, log)));
}

void installation_start_keeper(struct installation *in)
{
	in->keeper = start_program(in, "keeper", "countersign-keeper", "run", in->keeper_config,
				   in->keeper_log);
	await_start(in, in->keeper, in->keeper_log);
}

void installation_stop_keeper(struct installation *in)
{
	stop_program(in, &in->keeper, in->keeper_log, SIGTERM);
}

void installation_kill_keeper(struct installation *in)
{
	stop_program(in, &in->keeper, in->keeper_log, SIGKILL);
}

void installation_start_service(struct installation *in)
{
	struct fetch_settings settings = {.user_agent = "test"};
	struct err err = {0};

	in->service = start_program(in, "service", "countersignd", NULL, in->service_config,
				    in->service_log);
	const char *line = await_start(in, in->service, in->service_log);
	const char *port = strstr(line, "port=");
	assert_non_null(port);
	in->port = (uint16_t)strtoul(port + 5, NULL, 10);
	in->url =
		arena_printf(in->arena, "%s://127.0.0.1:%u", in->tls ? "https" : "http", in->port);
	fetch_free(in->fetch);
	in->fetch = NULL;
	if (in->tls)
		settings.authority = path_of(in, "pki/tls-ca.pem");
	expect_done(fetch_new(&settings, &in->fetch, &err), &err);
}

void installation_stop_service(struct installation *in)
{
	stop_program(in, &in->service, in->service_log, SIGTERM);
}

void installation_kill_service(struct installation *in)
{
	stop_program(in, &in->service, in->service_log, SIGKILL);
}

/* ---- open and close ---- */

void installation_open(struct installation *in)
{
	static unsigned count;
	static const struct installation_person people[INSTALLATION_PEOPLE] = {
		[ADA] = {"p-ada", "admin", NULL},
		[BEN] = {"p-ben", "admin", NULL},
		[AUTHOR] = {"p-author", "author", NULL},
		[TESTER] = {"p-tester", "tester", NULL},
		[QA] = {"p-qa", "qa", NULL},
		[MANAGER] = {"p-manager", "release_manager", NULL},
		[SUPPORT] = {"p-support", "support", NULL},
		[AUDITOR] = {"p-auditor", "auditor", NULL},
	};
	bool tls = in->tls;

	*in = (struct installation){.arena = arena_new(INSTALLATION_BYTES), .tls = tls};
	memcpy(in->people, people, sizeof(people));
	given_database(&in->database);
	in->dir = arena_printf(in->arena, "%s/i%ld-%u", variable("COUNTERSIGN_TEST_HOME"),
			       (long)getpid(), ++count);
	in->keeper_socket =
		arena_printf(in->arena, "%s/keeper/i%ld-%u", variable("COUNTERSIGN_TEST_RUNTIME"),
			     (long)getpid(), count);
	in->keeper_log = path_of(in, "keeper.log");
	in->service_log = path_of(in, "service.log");
	make_folder(in->dir, 0711);
	make_folder(path_of(in, "service"), 0700);
	make_keys(in);
	make_other_author(in);
	configure_keeper(in);
	configure_service(in);
	hand_over(path_of(in, "keeper"), "keeper");
	hand_over(path_of(in, "git"), "keeper");
	hand_over(path_of(in, "service"), "service");
	installation_start_keeper(in);
	installation_start_service(in);
}

static void free_keys(struct installation *in)
{
	struct installation_key *const keys[] = {
		&in->roots[0],	   &in->roots[1],   &in->roots[2],   &in->author,
		&in->other_author, &in->keeper_key, &in->ada,	     &in->ben,
		&in->qa,	   &in->stranger,   &in->lease,	     &in->ledger,
		&in->git,	   &in->devices[0], &in->devices[1], &in->devices[2],
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		sign_key_free(keys[i]->key);
}

void installation_close(struct installation *in)
{
	const char *const remove[] = {"rm", "-rf", "--", in->dir, NULL};

	installation_stop_service(in);
	installation_stop_keeper(in);
	fetch_free(in->fetch);
	free_keys(in);
	drop_database(&in->database);
	run(remove);
	arena_free(in->arena);
}

/* ---- asking ---- */

static struct installation_answer answer_of(struct installation *in,
					    const struct fetch_answer *from)
{
	struct installation_answer answer = {
		.status = from->status, .code = "", .body = from->body};
	struct err none = {0};

	if (from->content_type && strstr(from->content_type, "json") &&
	    doc_parse(in->arena, from->body, &answer.doc, &none) &&
	    doc_get_text(answer.doc, "code") && from->status >= 400)
		answer.code = doc_get_text(answer.doc, "code");
	return answer;
}

static void authorize(struct installation *in, const char *token)
{
	fetch_authorize(in->fetch, token ? arena_printf(in->arena, "Bearer %s", token) : NULL);
}

struct installation_answer installation_ask(struct installation *in, const char *token,
					    const char *method, const char *path,
					    const struct doc *body, const char *key)
{
	const char *headers[2] = {NULL, NULL};
	struct fetch_answer answer;
	struct bytes bytes = {0};
	struct err err = {0};

	if (key)
		headers[0] = arena_printf(in->arena, "Idempotency-Key: %s", key);
	if (body)
		expect_done(doc_canonical(in->arena, body, &bytes, &err), &err);
	authorize(in, token);
	expect_done(fetch_exchange(in->fetch, in->arena, method,
				   arena_printf(in->arena, "%s%s", in->url, path), headers,
				   body ? "application/json" : NULL, bytes, 16 * 1024 * 1024,
				   &answer, &err),
		    &err);
	return answer_of(in, &answer);
}

const struct doc *installation_must(struct installation *in, const char *token, const char *method,
				    const char *path, const struct doc *body)
{
	struct installation_answer answer = installation_ask(in, token, method, path, body, NULL);

	if (answer.status < 200 || answer.status > 299)
		fail_msg("%s %s: %d %.*s", method, path, answer.status, (int)answer.body.size,
			 (const char *)answer.body.data);
	return answer.doc;
}

struct installation_answer installation_refused(struct installation *in, const char *token,
						const char *method, const char *path,
						const struct doc *body, int status,
						const char *code)
{
	struct installation_answer answer = installation_ask(in, token, method, path, body, NULL);

	if (answer.status != status || strcmp(answer.code, code) != 0)
		fail_msg("%s %s: expected %d %s, got %d %.*s", method, path, status, code,
			 answer.status, (int)answer.body.size, (const char *)answer.body.data);
	return answer;
}

struct installation_answer installation_upload(struct installation *in, const char *token,
					       const char *sha256, struct bytes bytes)
{
	struct fetch_answer answer;
	struct err err = {0};

	authorize(in, token);
	expect_done(fetch_exchange(in->fetch, in->arena, "PUT",
				   arena_printf(in->arena, "%s/v1/artifacts/%s", in->url, sha256),
				   NULL, "application/octet-stream", bytes, 1024 * 1024, &answer,
				   &err),
		    &err);
	return answer_of(in, &answer);
}

const char *installation_login(struct installation *in, const char *person)
{
	struct doc *body = doc_object(in->arena);

	doc_set_text(body, "person", person);
	doc_set_text(body, "password", INSTALLATION_PASSWORD);
	return doc_get_text(installation_must(in, NULL, "POST", "/v1/sessions", body), "token");
}

void installation_settled(struct installation *in)
{
	for (int i = 0; i < 200; i++) {
		char waiting[64];
		const struct doc *status = installation_must(in, NULL, "GET", "/v1/status", NULL);
		int64_t size = doc_int(doc_get(status, "size"), -1);
		read_sql(in->database.owner, "SELECT count(*)::text FROM event_queue", waiting,
			 sizeof(waiting));
		if (size > 0 && size == doc_int(doc_get(status, "checkpoint_size"), -2) &&
		    strcmp(waiting, "0") == 0)
			return;
		clock_sleep(CLOCK_SECOND / 20);
	}
	fail_msg("not all events were sealed");
}
