/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can people do their whole work with the command line, against all programs and over TLS: from the
 * first trust document to a campaign that ends? And does it refuse, with a sentence and its exit code,
 * what has to be refused?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/installation.h"

#include "common/file.h"
#include "common/text.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 256 * 1024, WORDS_MAX = 40, IMAGE_BYTES = 3 * 1024 * 1024 };

static struct installation in;
static char output[OUTPUT_BYTES];
static const char *ctl_path;
static const char *release, *record, *campaign, *image_sha256;

static const char *at(const char *name)
{
	return arena_printf(in.arena, "%s/%s", in.dir, name);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
	struct err err = {0};

	if (!file_replace(at(name), bytes_of_text(text), mode, &err))
		fail_msg("%s", err.text);
}

/* ---- running it ---- */

/* The words of a shell line: blanks separate, 'quotes' hold together, "@name" is a file of ours. */
static void split(const char *line, const char *words[WORDS_MAX], size_t *count)
{
	while (*line) {
		bool quoted = *line == '\'';
		size_t length = quoted ? strcspn(++line, "'") : strcspn(line, " ");
		const char *word = arena_text_of(in.arena, bytes_of(line, length));
		assert_true(*count < WORDS_MAX);
		words[(*count)++] = word[0] == '@' ? at(word + 1) : word;
		line += length + quoted;
		line += strspn(line, " ");
	}
}

/* As this person (each has a session file), and the exit code it must have. */
static const char *cli(const char *person, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static const char *cli(const char *person, int status, const char *format, ...)
{
	char line[4096];
	const char *words[WORDS_MAX + 3] = {ctl_path};
	size_t count = 1;
	int code = -1;
	va_list values;

	va_start(values, format);
	vsnprintf(line, sizeof(line), format, values);
	va_end(values);
	split(line, words, &count);
	words[count++] = "--session";
	words[count++] = at(arena_printf(in.arena, "sessions/%s", person));
	words[count] = NULL;
	if (!process_run(words, NULL, &code, output, sizeof(output)))
		fail_msg("%s: %s", line, output);
	if (code != status)
		fail_msg("%s: exit code %d instead of %d: %s", line, code, status, output);
	return output;
}

static void expect_said(const char *words)
{
	if (!strstr(output, words))
		fail_msg("'%s' is not in: %s", words, output);
}

/* The output's one line. */
static const char *line_of(const char *text)
{
	return arena_text_of(in.arena, bytes_of(text, strcspn(text, "\n")));
}

/* ---- the installation ---- */

static int begin(void **state)
{
	const char *programs = getenv("COUNTERSIGN_TEST_PROGRAMS");

	(void)state;
	in.tls = true;
	installation_open(&in);
	assert_non_null(programs);
	ctl_path = arena_printf(in.arena, "%s/countersign", programs);
	setenv("COUNTERSIGN_URL", in.url, 1);
	setenv("COUNTERSIGN_CA", at("pki/tls-ca.pem"), 1);
	write_text("password", INSTALLATION_PASSWORD "\n", 0600);
	write_text("wrong-password", "battery staple EXAMPLE\n", 0600);
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

/* ---- before anybody ---- */

static void test_status__is_for_everybody(void **state)
{
	(void)state;
	cli("nobody", 0, "status");
	expect_said("Keeper       yes");
	cli("nobody", 1, "whoami");
	expect_said("access.unidentified");
	cli("nobody", 1, "login p-ada --password-file @password");
	expect_said("login.refused");
	cli("nobody", 3, "trust show");
	expect_said("trust.missing");
}

static void test_connection__is_checked_against_the_authority(void **state)
{
	(void)state;
	cli("nobody", 3, "status --ca @pki/device-ca.pem");
	expect_said("fetch.failed");
	cli("nobody", 2, "status --url http://service.example");
	expect_said("https://");
	cli("nobody", 2, "status --url ftp://127.0.0.1");
	cli("nobody", 3, "status --url https://127.0.0.1:1");
}

static void test_trust__is_made_and_put(void **state)
{
	(void)state;
	write_text("entries.json",
		   "[{\"role\":\"author\",\"name\":\"EXAMPLE author\",\"person\":\"p-author\","
		   "\"cert\":\"keys/author/cert.pem\",\"products\":[\"pump-a\"]},"
		   "{\"role\":\"keeper\",\"name\":\"EXAMPLE keeper\","
		   "\"cert\":\"keys/keeper/cert.pem\"},"
		   "{\"role\":\"lease\",\"name\":\"EXAMPLE lease\",\"key\":\"keys/lease.pub\"},"
		   "{\"role\":\"ledger\",\"name\":\"EXAMPLE ledger\",\"key\":\"keys/ledger.pub\"},"
		   "{\"role\":\"git\",\"name\":\"EXAMPLE git\",\"key\":\"keys/git.pub\"},"
		   "{\"role\":\"admin\",\"name\":\"EXAMPLE Ada\",\"person\":\"p-ada\","
		   "\"cert\":\"keys/people/p-ada/cert.pem\"},"
		   "{\"role\":\"admin\",\"name\":\"EXAMPLE Ben\",\"person\":\"p-ben\","
		   "\"cert\":\"keys/people/p-ben/cert.pem\"}]",
		   0600);
	cli("nobody", 0,
	    "trust init --dir @trust --entries @entries.json --origin " INSTALLATION_ORIGIN
	    " --root @pki/root1.pem --root @pki/root2.pem --root @pki/root3.pem "
	    "--key @pki/root1.key");
	expect_said("1 more root keys have to sign it");
	cli("nobody", 1, "trust put --document @trust/trust.json --cms @trust/trust.json.1.p7s");
	expect_said("trust.quorum");
	cli("nobody", 0,
	    "trust sign @trust/trust.json --key @pki/root3.key --cert @pki/root3.pem --yes "
	    "--out @trust/trust.json.3.p7s");
	cli("nobody", 0,
	    "trust put --document @trust/trust.json --cms @trust/trust.json.1.p7s "
	    "--cms @trust/trust.json.3.p7s");
	expect_said("version 1 of the trust document");
	cli("nobody", 0, "trust show --pin @trust/trust-pin.json");
	expect_said("The pinned roots have signed it");
	expect_said("EXAMPLE Ada (p-ada)");
}

/* ---- people ---- */

static void write_people(void)
{
	struct text acts;

	text_init(&acts, in.arena, 16 * 1024);
	text_add(&acts, "[");
	for (int i = 0; i < INSTALLATION_PEOPLE; i++) {
		const struct installation_person *one = &in.people[i];
		text_addf(&acts,
			  "{\"act\":\"person.add\",\"person\":\"%s\",\"name\":\"EXAMPLE %s\","
			  "\"organisation\":\"EXAMPLE\"},"
			  "{\"act\":\"role.grant\",\"person\":\"%s\",\"role\":\"%s\","
			  "\"product\":\"*\"},"
			  "{\"act\":\"person.invite\",\"person\":\"%s\","
			  "\"token_file\":\"%s.token\",\"valid_hours\":1},",
			  one->id, one->id, one->id, one->role, one->id, one->id);
	}
	text_add(&acts, "{\"act\":\"key.enrol\",\"person\":\"p-qa\","
			"\"certificate_file\":\"keys/people/p-qa/cert.pem\"}]");
	write_text("people.json", acts.at, 0600);
}

static void sign_and_put(const char *statement)
{
	cli("nobody", 0,
	    "directory sign @%s --key @keys/people/p-ada/key.pem "
	    "--cert @keys/people/p-ada/cert.pem --yes --out @%s.ada.p7s",
	    statement, statement);
	cli("nobody", 0,
	    "directory sign @%s --key @keys/people/p-ben/key.pem "
	    "--cert @keys/people/p-ben/cert.pem --yes --out @%s.ben.p7s",
	    statement, statement);
	cli("nobody", 0, "directory put @%s --cms @%s.ada.p7s --cms @%s.ben.p7s", statement,
	    statement, statement);
}

static void test_directory__brings_people_by_two_admins(void **state)
{
	struct stat about;

	(void)state;
	write_people();
	cli("nobody", 0,
	    "directory draft --acts @people.json --reason 'EXAMPLE first people' --out @d1.json");
	expect_said("statement 1 with 25 acts");
	assert_int_equal(stat(at("p-qa.token"), &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	cli("nobody", 0, "directory show @d1.json");
	expect_said("key.enrol person=p-qa certificate of p-qa, key ");
	cli("nobody", 0,
	    "directory sign @d1.json --key @keys/people/p-ada/key.pem "
	    "--cert @keys/people/p-ada/cert.pem --yes");
	cli("nobody", 1, "directory put @d1.json --cms @d1.json.p7s --cms @d1.json.p7s");
	expect_said("directory.two-admins");
	sign_and_put("d1.json");
	expect_said("In force: statement 1");
	cli("nobody", 0, "directory put @d1.json --cms @d1.json.ada.p7s --cms @d1.json.ben.p7s");
	expect_said("In force already: statement 1");
}

static void test_login__takes_the_password_that_was_set(void **state)
{
	struct stat about;

	(void)state;
	for (int i = 0; i < INSTALLATION_PEOPLE; i++) {
		const char *id = in.people[i].id;
		cli(id, 0, "password set %s --token-file @%s.token --password-file @password", id,
		    id);
		cli(id, 1, "login %s --password-file @wrong-password", id);
		expect_said("login.refused");
		cli(id, 0, "login %s --password-file @password", id);
		cli(id, 0, "whoami");
		expect_said(in.people[i].role);
	}
	cli("p-qa", 1, "password set p-qa --token-file @p-qa.token --password-file @password");
	expect_said("password.invite");
	assert_int_equal(stat(at("sessions/p-qa"), &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
}

static void test_session__goes_to_no_other_address(void **state)
{
	(void)state;
	cli("p-qa", 1, "whoami --url https://localhost:%u", in.port);
	expect_said("not at https://localhost");
}

static void test_directory__adopts_the_ruleset(void **state)
{
	struct bytes ruleset;
	struct err err = {0};

	(void)state;
	assert_true(
		file_read(in.arena, "policy/rulesets/baseline.json", 1024 * 1024, &ruleset, &err));
	write_text("baseline.json", arena_text_of(in.arena, ruleset), 0600);
	write_text("product.json",
		   "[{\"act\":\"ruleset.adopt\",\"ruleset_file\":\"baseline.json\"},"
		   "{\"act\":\"product.put\",\"product\":\"pump-a\",\"name\":\"EXAMPLE pump\","
		   "\"hardware\":[\"rev-1\"],\"rulesets\":[\"baseline\"]},"
		   "{\"act\":\"device.register\",\"device\":\"unit-1\",\"product\":\"pump-a\","
		   "\"serial\":\"EXAMPLE-1\",\"hardware\":\"rev-1\",\"market\":\"EU\","
		   "\"site\":\"clinic-1\",\"assurance\":\"permit-checked\","
		   "\"report_key_file\":\"devices/unit-1/report.pub\"}]",
		   0600);
	cli("p-ada", 0, "document put @baseline.json");
	const char *sha256 = arena_text(in.arena, strstr(output, "SHA-256 ") + 8);
	cli("p-qa", 0, "document get %s --out @again.json", line_of(sha256));
	cli("p-ada", 0, "directory draft --acts @product.json --reason EXAMPLE --out @d2.json");
	expect_said("statement 2");
	sign_and_put("d2.json");
}

/* ---- a release ---- */

static void make_image(void)
{
	unsigned char *image = arena_alloc(in.arena, IMAGE_BYTES);
	struct err err = {0};

	random_fill(image, IMAGE_BYTES);
	struct bytes bytes = bytes_of(image, IMAGE_BYTES);
	assert_true(file_replace(at("image.bin"), bytes, 0600, &err));
	image_sha256 = arena_text(in.arena, digest_sha256_hex(bytes).text);
}

static void test_release__is_made_from_its_files(void **state)
{
	(void)state;
	make_image();
	cli("p-author", 0,
	    "manifest make --product pump-a --version 1.0.0 --sequence 1 --hardware rev-1 "
	    "--artifact image.bin=%s --out @m.json",
	    at("image.bin"));
	cli("p-author", 1,
	    "manifest sign @m.json --key @keys/author/key.pem --cert @keys/keeper/cert.pem");
	expect_said("certificate.invalid");
	cli("p-author", 0,
	    "manifest sign @m.json --key @keys/author/key.pem --cert @keys/author/cert.pem");
	cli("p-author", 2, "release create --manifest @image.bin --cms @m.json.p7s");
	cli("p-author", 1, "release create --manifest @m.json --cms @m.json.p7s");
	cli("p-qa", 1, "artifact put @image.bin");
	expect_said("access.denied");
	cli("p-author", 0, "artifact put @image.bin");
	expect_said(image_sha256);
	cli("p-author", 0, "artifact put @image.bin");
	expect_said("was there already");
	release =
		line_of(cli("p-author", 0, "release create --manifest @m.json --cms @m.json.p7s"));
	cli("p-author", 0, "release seal %s", release);
	cli("p-qa", 0, "release show %s", release);
	expect_said("State     sealed");
	cli("p-qa", 0, "release list");
	expect_said(release);
	cli("p-qa", 2, "release show ../../status");
	expect_said("input.id");
}

/* Cut off in the middle, then gone on with; cut off and spoilt, then thrown away. */
static void test_artifact_get__goes_on_and_checks(void **state)
{
	struct bytes image;
	struct bytes again;
	struct err err = {0};

	(void)state;
	assert_true(file_read(in.arena, at("image.bin"), IMAGE_BYTES, &image, &err));
	assert_true(
		file_replace(at("got.part"), bytes_of(image.data, IMAGE_BYTES / 2), 0600, &err));
	cli("p-qa", 0, "artifact get %s --out @got", image_sha256);
	assert_true(file_read(in.arena, at("got"), IMAGE_BYTES, &again, &err));
	assert_true(bytes_equal(image, again));
	unlink(at("got"));
	assert_true(file_replace(at("got.part"), bytes_of(again.data + 1, IMAGE_BYTES / 2), 0600,
				 &err));
	cli("p-qa", 1, "artifact get %s --out @got", image_sha256);
	expect_said("signature.invalid");
	assert_int_equal(access(at("got"), F_OK), -1);
	assert_int_equal(access(at("got.part"), F_OK), -1);
	cli("p-qa", 0, "artifact get %s --out @got", image_sha256);
}

/* ---- signing ---- */

static void test_gate__says_what_is_missing(void **state)
{
	(void)state;
	cli("p-qa", 1, "gate show release %s", release);
	expect_said("is closed");
	expect_said("NO   baseline.test-record");
	expect_said("yes  baseline.author-signature");
	expect_said("To do: Add a passed test record");
	cli("p-qa", 1, "gate show release %s --json", release);
	expect_said("\"open\": false");
}

static void test_sign__opens_the_gate_with_test_and_approval(void **state)
{
	(void)state;
	record = line_of(cli("p-tester", 0,
			     "record add %s --kind test --result passed --summary 'EXAMPLE run'",
			     release));
	cli("p-tester", 1, "sign record %s --meaning tested --password-file @wrong-password --yes",
	    record);
	expect_said("challenge.answer");
	cli("p-tester", 0, "sign record %s --meaning tested --password-file @password --yes",
	    record);
	expect_said("Every digest was recomputed here");
	expect_said("strength keeper-checked");
	cli("p-author", 1, "sign release %s --meaning approved --password-file @password --yes",
	    release);
	expect_said("signature.");
	cli("p-qa", 2, "sign release %s --meaning approved --key @keys/people/p-qa/key.pem --yes",
	    release);
	cli("p-qa", 1,
	    "sign release %s --meaning approved --key @keys/people/p-stranger/key.pem "
	    "--cert @keys/people/p-stranger/cert.pem --yes",
	    release);
	expect_said("signature.key-not-enrolled");
	cli("p-qa", 0,
	    "sign release %s --meaning approved --reason 'EXAMPLE is well' "
	    "--key @keys/people/p-qa/key.pem --cert @keys/people/p-qa/cert.pem --yes",
	    release);
	expect_said("strength personal-key");
	expect_said(image_sha256);
	expect_said("| EXAMPLE run");
	cli("p-qa", 0, "gate show release %s", release);
	expect_said("is open");
}

/* ---- a campaign ---- */

static void test_campaign__is_planned_signed_and_started(void **state)
{
	(void)state;
	cli("p-manager", 2, "campaign create --name EXAMPLE --release %s --devices unit-1,../x",
	    release);
	campaign = line_of(cli("p-manager", 0,
			       "campaign create --name 'EXAMPLE autumn' --release %s "
			       "--devices unit-1",
			       release));
	cli("p-manager", 1, "gate show campaign %s", campaign);
	cli("p-manager", 1, "campaign start %s", campaign);
	expect_said("gate.closed");
	cli("p-manager", 0, "sign campaign %s --meaning released --password-file @password --yes",
	    campaign);
	expect_said("unit-1, rev-1, market EU, site clinic-1");
	cli("p-manager", 0, "campaign start %s", campaign);
	cli("p-manager", 0, "gate show campaign %s", campaign);
	cli("p-qa", 0, "campaign show %s", campaign);
	expect_said("State     running");
	cli("p-qa", 0, "campaign devices %s", campaign);
	expect_said("unit-1");
	cli("p-qa", 3, "campaign watch %s --seconds 1", campaign);
	expect_said("campaign: running");
}

static void test_campaign__is_held_resumed_and_aborted(void **state)
{
	(void)state;
	cli("p-support", 0, "campaign hold %s --reason 'EXAMPLE smoke'", campaign);
	expect_said("hold number 1");
	cli("p-qa", 0, "campaign show %s", campaign);
	expect_said("State     held");
	cli("p-support", 1,
	    "campaign resume %s --reason 'EXAMPLE over' --password-file @password --yes", campaign);
	cli("p-manager", 0,
	    "campaign resume %s --reason 'EXAMPLE over' --password-file @password --yes", campaign);
	expect_said("hold number 1");
	expect_said("Resumed: entry");
	cli("p-manager", 0, "campaign abort %s --reason 'EXAMPLE enough'", campaign);
	cli("p-qa", 1, "campaign watch %s", campaign);
	expect_said("campaign: aborted");
	cli("p-qa", 0, "campaign list");
	expect_said("EXAMPLE autumn");
}

/* ---- devices, ledger, end ---- */

static void test_device__gets_its_token(void **state)
{
	struct stat about;
	char *token;
	struct err err = {0};

	(void)state;
	cli("p-qa", 0, "device list");
	expect_said("unit-1");
	cli("p-qa", 0, "device show unit-1");
	expect_said("EXAMPLE-1");
	cli("p-qa", 1, "device access unit-1 --token-file @unit-1.token");
	expect_said("access.denied");
	cli("p-support", 2, "device access unit-1");
	cli("p-support", 0, "device access unit-1 --token-file @unit-1.token");
	assert_int_equal(stat(at("unit-1.token"), &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_true(file_read_line(in.arena, at("unit-1.token"), &token, &err));
	assert_null(strstr(output, token));
	cli("p-support", 0, "device access unit-1 --certificate @devices/unit-1/tls.pem --json");
	expect_said("certificate_sha256");
}

static void test_audit_checkpoint__is_a_note_of_the_ledger(void **state)
{
	(void)state;
	cli("nobody", 0, "audit checkpoint");
	expect_said(INSTALLATION_ORIGIN "\n");
	expect_said("\xe2\x80\x94 " INSTALLATION_ORIGIN " ");
}

/* Interrupted, gone on with, and taken away whole; never into a folder that is there. */
static void test_audit_export__is_whole_and_goes_on(void **state)
{
	const char *verify = arena_printf(in.arena, "%s/countersign-verify",
					  getenv("COUNTERSIGN_TEST_PROGRAMS"));
	const char *const words[] = {verify, "--trust", at("trust/trust-pin.json"), at("package"),
				     NULL};
	struct bytes list;
	struct err err = {0};
	int code = -1;

	(void)state;
	cli("p-qa", 1, "audit export @package");
	expect_said("access.denied");
	assert_int_equal(access(at("package.export"), F_OK), -1);
	cli("p-auditor", 0, "audit export @package");
	assert_int_equal(access(at("package.export"), F_OK), -1);
	assert_true(process_run(words, NULL, &code, output, sizeof(output)));
	if (code != 0)
		fail_msg("%s", output);
	cli("p-auditor", 2, "audit export @package");
	expect_said("is there already");
	/* An interrupted call left its list, and one file is not what it should be. */
	cli("p-auditor", 0, "audit export @second --json");
	assert_true(file_read(in.arena, at("second/manifest.json"), 16 * 1024 * 1024, &list, &err));
	const char *export = strstr(output, "\"export\": \"");
	assert_non_null(export);
	write_text("second.export",
		   arena_printf(in.arena,
				"{\"export\":\"%.36s\",\"files\":[{\"path\":\"manifest.json\","
				"\"sha256\":\"%s\",\"size_bytes\":%zu}],\"size\":1}",
				export + strlen("\"export\": \""), digest_sha256_hex(list).text,
				list.size),
		   0600);
	write_text("second/manifest.json", "{}", 0600);
	cli("p-auditor", 0, "audit export @second");
	expect_said("Going on with the export");
	struct bytes again;
	assert_true(
		file_read(in.arena, at("second/manifest.json"), 16 * 1024 * 1024, &again, &err));
	assert_true(bytes_equal(list, again));
	/* A list that would leave the folder. */
	write_text("second.export",
		   "{\"export\":\"00000000-0000-4000-8000-000000000001\",\"files\":[{\"path\":"
		   "\"../outside\",\"sha256\":"
		   "\"0000000000000000000000000000000000000000000000000000000000000000\","
		   "\"size_bytes\":1}],\"size\":1}",
		   0600);
	cli("p-auditor", 3, "audit export @second");
	expect_said("'../outside'; it is not fetched");
}

static void test_logout__ends_the_session(void **state)
{
	struct bytes session;
	struct err err = {0};

	(void)state;
	assert_true(file_read(in.arena, at("sessions/p-qa"), 4096, &session, &err));
	cli("p-qa", 0, "logout");
	cli("p-qa", 1, "whoami");
	expect_said("Nobody is logged in");
	/* The token that somebody copied is worth nothing now. */
	assert_true(file_replace(at("sessions/p-qa"), session, 0600, &err));
	cli("p-qa", 1, "whoami");
	expect_said("access.unidentified");
	cli("p-qa", 0, "logout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status__is_for_everybody),
		cmocka_unit_test(test_connection__is_checked_against_the_authority),
		cmocka_unit_test(test_trust__is_made_and_put),
		cmocka_unit_test(test_directory__brings_people_by_two_admins),
		cmocka_unit_test(test_login__takes_the_password_that_was_set),
		cmocka_unit_test(test_session__goes_to_no_other_address),
		cmocka_unit_test(test_directory__adopts_the_ruleset),
		cmocka_unit_test(test_release__is_made_from_its_files),
		cmocka_unit_test(test_artifact_get__goes_on_and_checks),
		cmocka_unit_test(test_gate__says_what_is_missing),
		cmocka_unit_test(test_sign__opens_the_gate_with_test_and_approval),
		cmocka_unit_test(test_campaign__is_planned_signed_and_started),
		cmocka_unit_test(test_campaign__is_held_resumed_and_aborted),
		cmocka_unit_test(test_device__gets_its_token),
		cmocka_unit_test(test_audit_checkpoint__is_a_note_of_the_ledger),
		cmocka_unit_test(test_audit_export__is_whole_and_goes_on),
		cmocka_unit_test(test_logout__ends_the_session),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
