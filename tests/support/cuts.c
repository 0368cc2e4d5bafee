/* SPDX-License-Identifier: Apache-2.0 */
/* An installation, cut and taken up again; see cuts.h. */

#include "tests/support/cuts.h"

#include "common/file.h"
#include "device-agent/boot_record.h"
#include "device-agent/health_uimage.h"
#include "tests/support/fake_ddi.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BANK_BYTES = 4 * 1024 * 1024, IMAGE_BYTES = 2600000, CUT_STATUS = 137, RUNS_MAX = 5 };

extern char **environ;

static struct depot depot;
static struct fake_ddi fake;
static char dir[64];
static struct bytes factory, factory_bank, good_image, bad_image;

static const char *in_dir(const char *name)
{
	return arena_printf(depot.arena, "%s/%s", dir, name);
}

static void write_file(const char *name, struct bytes bytes)
{
	struct err err = {0};

	if (!file_replace(in_dir(name), bytes, 0600, &err))
		fail_msg("%s", err.text);
}

static void write_settings(void)
{
	struct doc *doc = doc_object(depot.arena);
	struct bytes bytes;
	struct err err = {0};

	doc_set_text(doc, "url", fake.url);
	doc_set_text(doc, "device", "EXAMPLE-unit");
	doc_set_text(doc, "product", "EXAMPLE-pump");
	doc_set_text(doc, "hardware", "r1");
	doc_set_text(doc, "token_file", "token");
	doc_set_text(doc, "report_key", arena_printf(depot.arena, "%s/report.key", depot.dir));
	doc_set_text(doc, "pins", depot_pins(&depot));
	doc_set_int(doc, "tries", 3);
	assert_true(doc_canonical(depot.arena, doc, &bytes, &err));
	write_file("agent.json", bytes);
	write_file("token", bytes_of_text("EXAMPLE-token"));
}

int cuts_set_up(void **state)
{
	(void)state;
	given_depot(&depot);
	given_fake_ddi(&fake, &depot);
	given_folder(dir);
	unsigned char *bank = arena_alloc(depot.arena, BANK_BYTES);

	factory = depot_image(depot.arena, 1000, false);
	memcpy(bank, factory.data, factory.size);
	factory_bank = bytes_of(bank, BANK_BYTES);
	good_image = depot_image(depot.arena, IMAGE_BYTES, false);
	bad_image = depot_image(depot.arena, IMAGE_BYTES, true);
	write_settings();
	return 0;
}

int cuts_tear_down(void **state)
{
	(void)state;
	forget_fake_ddi(&fake);
	forget_folder(dir);
	forget_depot(&depot);
	return 0;
}

/* The one trust document that the server gives out. */
static struct sha256_hex trust_digest(void)
{
	static struct sha256_hex digest;
	struct papers_trust trust;

	if (digest.text[0] == '\0') {
		depot_trust(&depot, 1, 0, 2, &trust);
		digest = digest_sha256_hex(trust.document);
	}
	return digest;
}

/* A unit as it left the factory: bank A boots. */
static void given_fresh_unit(void)
{
	static const char *const left[] = {"memory", "memory.new", "boot", "boot.new", "count"};

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		unlink(in_dir(left[i]));
	unlink(in_dir(arena_printf(depot.arena, "trust-%s", trust_digest().text)));
	write_file("bank-a", factory_bank);
	write_file("bank-b", bytes_of_text(""));
	assert_int_equal(truncate(in_dir("bank-b"), BANK_BYTES), 0);
	fake.report_count = fake.report_posts = fake.feedback_count = fake.question_count = 0;
}

static int power_on(long long cut_at, const char *how)
{
	const char *programs = getenv("COUNTERSIGN_TEST_PROGRAMS");
	char *argv[] = {arena_printf(depot.arena, "%s/countersign-agent",
				     programs != NULL ? programs : "build/san/bin"),
			arena_text(depot.arena, "board"),
			arena_text(depot.arena, "--dir"),
			dir,
			arena_text(depot.arena, "--once"),
			NULL};
	posix_spawn_file_actions_t actions;
	pid_t child;
	int status;

	setenv("COUNTERSIGN_CUT_AT", arena_printf(depot.arena, "%lld", cut_at), 1);
	setenv("COUNTERSIGN_CUT_HOW", how, 1);
	setenv("COUNTERSIGN_CUT_COUNT", in_dir("count"), 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, in_dir("log"), O_WRONLY | O_CREAT | O_APPEND,
					 0600);
	if (posix_spawn(&child, argv[0], &actions, NULL, argv, environ) != 0)
		fail_msg("%s does not start", argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	while (waitpid(child, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void show_log(const char *what, const char *how, long long at)
{
	struct bytes log;
	struct err err = {0};

	if (file_read(depot.arena, in_dir("log"), 1 << 20, &log, &err))
		fprintf(stderr, "%.*s\n", (int)log.size, (const char *)log.data);
	fail_msg("%s (cut %s operation %lld)", what, how, at);
}

/* What is true at every instant: the bank that the boot loader would take if it were bad luck all the
 * way holds firmware that boots. */
static bool fallback_boots(void)
{
	struct boot_record record;
	struct err err = {0};
	bool ok;
	int fd;

	if (!boot_record_read(in_dir("boot"), &record, &err))
		return access(in_dir("boot"), F_OK) != 0; /* the factory had not made it yet */
	fd = open(in_dir(record.active == BANK_A ? "bank-a" : "bank-b"), O_RDONLY | O_CLOEXEC);
	ok = fd >= 0 && health_uimage(fd, BANK_BYTES, &err);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool one_report(void)
{
	for (size_t i = 1; i < fake.report_count; i++)
		if (!bytes_equal(fake.reports[i], fake.reports[0]))
			return false;
	return fake.report_count > 0;
}

static bool report_is_true(bool good)
{
	struct boot_record record;
	struct proof proof;
	/* The factory's image is not the agent's: it reports all of that bank. */
	struct bytes image = good ? good_image : factory_bank;
	struct err err = {0};

	fake_ddi_last_report(&fake, depot.arena, &proof);
	if (!boot_record_read(in_dir("boot"), &record, &err) || record.on_trial)
		return false;
	if (record.active != (good ? BANK_B : BANK_A) ||
	    strcmp(proof.bank, good ? "B" : "A") != 0 || proof.attempt != 1 || proof.seq != 1)
		return false;
	return strcmp(proof.outcome, good ? "confirmed" : "rolled_back") == 0 &&
	       proof.bank_size_bytes == (int64_t)image.size &&
	       strcmp(proof.bank_sha256.text, digest_sha256_hex(image).text) == 0;
}

/* False: the installation ended before operation `at` came. */
static bool cut_once(bool good, const char *how, long long at)
{
	int status;

	unlink(in_dir("log"));
	given_fresh_unit();
	fake_ddi_offer(&fake, good ? good_image : bad_image);
	status = power_on(at, how);
	if (status != CUT_STATUS && status != 0)
		show_log("the board did not come through", how, at);
	for (int i = 0; status == CUT_STATUS; i++) {
		if (!fallback_boots())
			show_log("no bank boots", how, at);
		if (i == RUNS_MAX)
			show_log("the unit does not come to rest", how, at);
		status = power_on(0, how);
	}
	if (status != 0)
		show_log("the unit did not recover", how, at);
	if (!fallback_boots())
		show_log("no bank boots in the end", how, at);
	if (!one_report())
		show_log("there is not exactly one report", how, at);
	if (!report_is_true(good))
		show_log("the report is not true", how, at);
	return true;
}

static long long count_operations(bool good)
{
	struct bytes count;
	long long operations;
	struct err err = {0};

	cut_once(good, "before", 1000000000);
	assert_true(file_read(depot.arena, in_dir("count"), sizeof(operations), &count, &err));
	memcpy(&operations, count.data, sizeof(operations));
	return operations;
}

void cuts_try(bool good, const char *how, int from, int stride, struct cuts_result *out)
{
	*out = (struct cuts_result){.operations = count_operations(good)};
	assert_true(out->operations > 50);
	for (long long at = from; at <= out->operations; at += stride) {
		cut_once(good, how, at);
		out->cuts++;
	}
}
