/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do tools that are not ours say about a record that our keeper made? OpenSSL about the
 * author's manifest and the permit, git about the release record, Go's sumdb about the ledger. Each with something
 * wrong, too, so that we know that the tool looks.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/note.h"
#include "common/encode.h"
#include "common/file.h"
#include "tests/support/office.h"
#include "tests/support/process.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 64 * 1024 };

static struct office office;
static char output[OUTPUT_BYTES];

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	office_given_campaign(&office);
	office_given_released(&office);
	office_given_started(&office);
	office_settled(&office);
	return 0;
}

static int end(void **state)
{
	(void)state;
	office_close(&office);
	return 0;
}

static const char *path_of(const char *name)
{
	return arena_printf(office.arena, "%s/%s", office.dir, name);
}

static const char *write_file(const char *name, struct bytes bytes)
{
	struct err err = {0};

	assert_true(file_replace(path_of(name), bytes, 0600, &err));
	return path_of(name);
}

static int run(const char *const argv[])
{
	int code = -1;

	assert_true(process_run(argv, NULL, &code, output, sizeof(output)));
	return code;
}

/* One value of the database, hex or text, whatever its length. */
static char *value_of(const char *sql)
{
	PGconn *connection = PQconnectdb(office.database.owner);
	PGresult *result = PQexec(connection, sql);

	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	assert_int_equal(PQntuples(result), 1);
	char *value = arena_text(office.arena, PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(connection);
	return value;
}

static struct bytes bytes_value_of(const char *sql)
{
	struct bytes bytes;
	struct err err = {0};

	assert_true(decode_hex(office.arena, value_of(sql), &bytes, &err));
	return bytes;
}

/* ---- openssl ---- */

static int cms_verify(const char *cms, const char *content, enum sign_role role)
{
	const char *const argv[] = {"openssl",
				    "cms",
				    "-verify",
				    "-binary",
				    "-inform",
				    "DER",
				    "-in",
				    cms,
				    "-content",
				    content,
				    "-CAfile",
				    path_of("authority.pem"),
				    "-purpose",
				    "smimesign",
				    "-policy",
				    sign_role_policy(role),
				    "-explicit_policy",
				    "-policy_check",
				    "-out",
				    "/dev/null",
				    NULL};

	return run(argv);
}

static void test_openssl__verifies_the_author_under_its_policy(void **state)
{
	(void)state;
	const char *cms = write_file("author.p7s", office.author_cms);
	const char *content = write_file("manifest.json", office.manifest);
	unsigned char *changed =
		arena_copy(office.arena, office.manifest.data, office.manifest.size);

	assert_int_equal(cms_verify(cms, content, SIGN_AUTHOR), 0);
	assert_int_not_equal(cms_verify(cms, content, SIGN_KEEPER), 0);
	changed[office.manifest.size / 2] ^= 1;
	content = write_file("changed.json", bytes_of(changed, office.manifest.size));
	assert_int_not_equal(cms_verify(cms, content, SIGN_AUTHOR), 0);
}

static void test_openssl__verifies_the_permit_under_its_policy(void **state)
{
	(void)state;
	struct bytes permit = bytes_value_of(
		"SELECT encode(d.bytes, 'hex') FROM permit p JOIN document d USING (sha256)");
	struct bytes signature = bytes_value_of("SELECT encode(cms, 'hex') FROM permit");
	const char *cms = write_file("permit.p7s", signature);
	const char *content = write_file("permit.json", permit);
	unsigned char *changed = arena_copy(office.arena, permit.data, permit.size);

	assert_int_equal(cms_verify(cms, content, SIGN_KEEPER), 0);
	assert_int_not_equal(cms_verify(cms, content, SIGN_AUTHOR), 0);
	changed[permit.size / 2] ^= 1;
	content = write_file("changed.json", bytes_of(changed, permit.size));
	assert_int_not_equal(cms_verify(cms, content, SIGN_KEEPER), 0);
}

/* ---- git ---- */

static const char *signers_file(const char *name, const struct sign_key *key)
{
	unsigned char blob[4 + 11 + 4 + 32] = {0,   0,	 0,   11,  's', 's', 'h', '-', 'e', 'd',
					       '2', '5', '5', '1', '9', 0,   0,	  0,   32};
	struct err err = {0};

	assert_true(sign_spki_ed25519_raw(sign_key_spki(key), blob + 19, &err));
	return write_file(name,
			  bytes_of_text(arena_printf(
				  office.arena,
				  "keeper@countersign.invalid namespaces=\"git\" ssh-ed25519 %s\n",
				  encode_base64(office.arena, bytes_of(blob, sizeof(blob))))));
}

static int git_verify(const char *repository, const char *signers, const char *commit)
{
	const char *const argv[] = {
		"git",
		"-C",
		repository,
		"-c",
		"gpg.format=ssh",
		"-c",
		"safe.directory=*",
		"-c",
		arena_printf(office.arena, "gpg.ssh.allowedSignersFile=%s", signers),
		"verify-commit",
		commit,
		NULL};

	return run(argv);
}

static int git_check(const char *repository)
{
	const char *const argv[] = {"git",  "-C",	repository, "-c", "safe.directory=*",
				    "fsck", "--strict", "--full",   NULL};

	return run(argv);
}

static void test_git__finds_a_whole_record_and_every_signature_good(void **state)
{
	(void)state;
	const char *repository = office.settings.git;
	const char *good = signers_file("signers", office.git);
	const char *other = signers_file("others", office.ledger);
	const char *const list[] = {"git",	"-C",	 repository, "-c", "safe.directory=*",
				    "rev-list", "--all", NULL};

	assert_int_equal(git_check(repository), 0);
	assert_int_equal(run(list), 0);
	char *commits = arena_text(office.arena, output);
	int count = 0;
	for (char *rest, *line = strtok_r(commits, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		assert_int_equal(git_verify(repository, good, line), 0);
		assert_int_not_equal(git_verify(repository, other, line), 0);
		count++;
	}
	/* release, record, three signatures, ruleset */
	assert_int_equal(count, 6);
	expect_sql(office.database.owner, "SELECT count(*)::text FROM history", "6");
}

static void test_git__notices_one_changed_byte(void **state)
{
	(void)state;
	const char *copy = path_of("copy");
	const char *const copying[] = {"cp", "-r", office.settings.git, copy, NULL};
	const char *commit = value_of("SELECT commit_id FROM history ORDER BY commit_id LIMIT 1");
	const char *object =
		arena_printf(office.arena, "%s/objects/%.2s/%s", copy, commit, commit + 2);
	struct bytes bytes;
	struct err err = {0};

	assert_int_equal(run(copying), 0);
	assert_int_equal(git_check(copy), 0);
	assert_true(file_read(office.arena, object, 64 * 1024, &bytes, &err));
	unsigned char *changed = arena_copy(office.arena, bytes.data, bytes.size);
	changed[bytes.size / 2] ^= 1;
	assert_int_equal(unlink(object), 0);
	assert_true(file_replace(object, bytes_of(changed, bytes.size), 0444, &err));
	assert_int_not_equal(git_check(copy), 0);
}

/* ---- go ---- */

static int go_ledger(const char *vkey, const char *note, const char *events)
{
	const char *const argv[] = {path_of("ledger"), vkey, note, events, NULL};

	return run(argv);
}

static void build_go(void)
{
	const char *compiler = access("/usr/bin/go", X_OK) == 0 ? "/usr/bin/go" : "go";
	const char *const argv[] = {
		compiler, "build", "-o", path_of("ledger"), "tests/foreign/golang/ledger.go", NULL};

	setenv("GO111MODULE", "off", 1);
	setenv("GOPATH", "/usr/share/gocode", 1);
	setenv("GOFLAGS", "", 1);
	setenv("GOCACHE", path_of("go-cache"), 1);
	if (run(argv) != 0)
		fail_msg("go: %s", output);
}

static void test_go__takes_the_checkpoint_and_every_inclusion(void **state)
{
	(void)state;
	const char *newest = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1";
	const char *all =
		"SELECT string_agg(replace(encode(e.bytes, 'base64'), E'\\n', ''), E'\\n' ORDER BY s.index) || E'\\n' "
		"FROM sealed s JOIN event e ON e.id = s.event";
	struct note_key key;
	struct note_key foreign;
	struct err err = {0};

	build_go();
	assert_true(note_key_of_spki(office.arena, OFFICE_ORIGIN, sign_key_spki(office.ledger),
				     &key, &err));
	assert_true(note_key_of_spki(office.arena, OFFICE_ORIGIN, sign_key_spki(office.git),
				     &foreign, &err));
	const char *note = write_file("note", bytes_of_text(value_of(newest)));
	char *lines = value_of(all);
	const char *events = write_file("events", bytes_of_text(lines));
	assert_int_equal(go_ledger(note_vkey(office.arena, &key), note, events), 0);
	assert_int_equal(go_ledger(note_vkey(office.arena, &foreign), note, events), 1);
	lines[40] = lines[40] == 'A' ? 'B' : 'A';
	events = write_file("changed", bytes_of_text(lines));
	assert_int_equal(go_ledger(note_vkey(office.arena, &key), note, events), 1);
	assert_non_null(strstr(output, "another root"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl__verifies_the_author_under_its_policy),
		cmocka_unit_test(test_openssl__verifies_the_permit_under_its_policy),
		cmocka_unit_test(test_git__finds_a_whole_record_and_every_signature_good),
		cmocka_unit_test(test_git__notices_one_changed_byte),
		cmocka_unit_test(test_go__takes_the_checkpoint_and_every_inclusion),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
