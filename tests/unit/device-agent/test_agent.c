/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a unit do over whole installations? The real rounds against a DDI server of a few lines;
 * the test is the boot loader. First what goes right, then each way in which papers can lie, then
 * what waits.
 */

#include "common/encode.h"
#include "common/file.h"
#include "device-agent/agent.h"
#include "device-agent/boot_record.h"
#include "device-agent/show.h"
#include "tests/support/fake_ddi.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BANK_BYTES = 8 * 1024 * 1024, IMAGE_BYTES = 3 * 1024 * 1024, BOOTS_MAX = 12 };

static struct depot depot;
static struct bytes good_image, next_image, bad_image;

struct unit {
	char dir[64];
	struct settings settings;
	struct arena *life;
	struct agent agent;
	bool on;
	struct fake_ddi fake;
	int boots;
};

static int set_up(void **state)
{
	(void)state;
	given_depot(&depot);
	good_image = depot_image(depot.arena, IMAGE_BYTES, false);
	next_image = depot_image(depot.arena, IMAGE_BYTES / 2, false);
	bad_image = depot_image(depot.arena, IMAGE_BYTES, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget_depot(&depot);
	return 0;
}

static const char *in_unit(struct unit *unit, const char *name)
{
	return arena_printf(unit->life, "%s/%s", unit->dir, name);
}

static void given_unit(struct unit *unit)
{
	struct err err = {0};

	*unit = (struct unit){.life = arena_new(8 * 1024 * 1024)};
	given_folder(unit->dir);
	given_fake_ddi(&unit->fake, &depot);
	unit->settings = (struct settings){
		.url = unit->fake.url,
		.tenant = "DEFAULT",
		.device = "EXAMPLE-unit",
		.product = "EXAMPLE-pump",
		.hardware = "r1",
		.dir = unit->dir,
		.bank_a = in_unit(unit, "bank-a"),
		.bank_b = in_unit(unit, "bank-b"),
		.boot = in_unit(unit, "boot"),
		.token_file = in_unit(unit, "token"),
		.report_key = arena_printf(unit->life, "%s/report.key", depot.dir),
		.pins = depot_pins(&depot),
		.health = {.kind = HEALTH_UIMAGE_MULTI},
		.health_deadline_s = 5,
		.tries = 2,
	};
	assert_true(file_replace(unit->settings.token_file, bytes_of_text("EXAMPLE-token\n"), 0600,
				 &err));
	assert_true(file_replace(unit->settings.bank_a, bytes_of_text(""), 0600, &err));
	assert_true(file_replace(unit->settings.bank_b, bytes_of_text(""), 0600, &err));
	assert_int_equal(truncate(unit->settings.bank_a, BANK_BYTES), 0);
	assert_int_equal(truncate(unit->settings.bank_b, BANK_BYTES), 0);
	assert_true(boot_record_make(unit->settings.boot, &err));
}

static void switch_off(struct unit *unit)
{
	if (unit->on)
		agent_close(&unit->agent);
	unit->on = false;
}

static void forget_unit(struct unit *unit)
{
	switch_off(unit);
	forget_fake_ddi(&unit->fake);
	forget_folder(unit->dir);
	arena_free(unit->life);
}

/* As board.c does it. */
static void boot(struct unit *unit)
{
	struct boot_record record;
	char boot_id[ID_UUID_BYTES + 1];
	enum bank_name bank;
	struct err err = {0};

	switch_off(unit);
	assert_true(unit->boots++ < BOOTS_MAX);
	assert_true(boot_record_read(unit->settings.boot, &record, &err));
	bank = record.active;
	if (record.on_trial && record.tries > 0) {
		record.tries--;
		assert_true(boot_record_write(unit->settings.boot, &record, &err));
		bank = record.trial;
	}
	id_uuid_draw(boot_id);
	setenv("BANK", bank_word(bank), 1);
	setenv("BOOT_ID", boot_id, 1);
	if (!agent_open(unit->life, &unit->settings, &unit->agent, &err))
		fail_msg("agent_open: %s", err.text);
	unit->on = true;
}

/* Rounds and reboots until there is nothing to do, or something to wait for. */
static enum agent_outcome run(struct unit *unit)
{
	enum agent_outcome outcome = AGENT_AGAIN;
	struct err err = {0};

	if (!unit->on)
		boot(unit);
	for (int i = 0; i < 40; i++) {
		if (!agent_round(&unit->agent, &outcome, &err))
			fail_msg("round: %s: %s", err_code_text(err.code), err.text);
		if (outcome == AGENT_REBOOT)
			boot(unit);
		else if (outcome != AGENT_AGAIN)
			return outcome;
	}
	fail_msg("the unit does not come to rest");
	return outcome;
}

static enum agent_outcome run_to_reboot(struct unit *unit)
{
	enum agent_outcome outcome = AGENT_AGAIN;
	struct err err = {0};

	if (!unit->on)
		boot(unit);
	while (outcome == AGENT_AGAIN)
		assert_true(agent_round(&unit->agent, &outcome, &err));
	return outcome;
}

static void expect_report(struct unit *unit, const char *outcome, const char *code)
{
	struct proof proof;

	fake_ddi_last_report(&unit->fake, unit->life, &proof);
	if (strcmp(proof.outcome, outcome) != 0 || strcmp(proof.code, code) != 0)
		fail_msg("expected %s %s, got %s %s", outcome, code, proof.outcome, proof.code);
	assert_string_equal(proof.device, "EXAMPLE-unit");
}

static void expect_active(struct unit *unit, enum bank_name bank)
{
	struct boot_record record;
	struct err err = {0};

	assert_true(boot_record_read(unit->settings.boot, &record, &err));
	assert_false(record.on_trial);
	assert_int_equal(record.active, bank);
}

static void load(struct unit *unit, struct memory *out)
{
	struct err err = {0};

	if (!memory_load(unit->life, unit->dir, out, &err))
		fail_msg("memory: %s", err.text);
}

/* ---- what goes right ---- */

static void test_agent_round__installs_confirms_and_reports(void **state)
{
	static const char *const told[] = {"download none", "downloaded none", "proceeding none",
					   "closed success"};
	struct unit unit;
	struct memory memory;
	struct proof proof;

	(void)state;
	given_unit(&unit);
	unit.fake.wants_attributes = true;
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "confirmed", "");
	expect_active(&unit, BANK_B);
	fake_ddi_last_report(&unit.fake, unit.life, &proof);
	assert_string_equal(proof.bank, "B");
	assert_string_equal(proof.bank_sha256.text, unit.fake.order.image_sha256.text);
	assert_int_equal(proof.bank_size_bytes, good_image.size);
	assert_string_equal(proof.version, "2.0.1");
	assert_int_equal(proof.seq, 1);
	assert_int_equal(proof.boot_count, 2);
	assert_int_equal(unit.fake.question_count, 2);
	assert_string_equal(unit.fake.questions[0], "install");
	assert_string_equal(unit.fake.questions[1], "activate");
	assert_int_equal(unit.fake.feedback_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(unit.fake.feedbacks[i], told[i]);
	assert_int_equal(unit.fake.attributes_count, 1);
	load(&unit, &memory);
	assert_int_equal(memory_floor(&memory, "EXAMPLE-pump"), 5);
	assert_int_equal(memory_step(&memory), STEP_NONE);
	assert_int_equal(memory.trust_version, 1);
	forget_unit(&unit);
}

static void test_agent_round__installs_the_next_one_back_into_the_first_bank(void **state)
{
	struct unit unit;
	struct proof first, second;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	run(&unit);
	fake_ddi_last_report(&unit.fake, unit.life, &first);
	fake_ddi_offer(&unit.fake, next_image);
	unit.fake.action = "12";
	unit.fake.order.version = "2.0.2";
	unit.fake.order.manifest_sequence = unit.fake.order.sequence = 8;
	unit.fake.order.number = 4;
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "confirmed", "");
	expect_active(&unit, BANK_A);
	fake_ddi_last_report(&unit.fake, unit.life, &second);
	assert_int_equal(second.seq, 2);
	assert_string_equal(second.epoch, first.epoch);
	assert_string_equal(second.prev.text, digest_sha256_hex(unit.fake.reports[0]).text);
	forget_unit(&unit);
}

static void test_agent_round__goes_back_from_firmware_that_cannot_boot(void **state)
{
	struct unit unit;
	struct proof proof;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	run(&unit);
	fake_ddi_offer(&unit.fake, bad_image);
	unit.fake.action = "12";
	unit.fake.order.number = 4;
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rolled_back", "agent.health");
	expect_active(&unit, BANK_B);
	fake_ddi_last_report(&unit.fake, unit.life, &proof);
	assert_string_equal(proof.bank_sha256.text, digest_sha256_hex(good_image).text);
	assert_string_equal(unit.fake.feedbacks[unit.fake.feedback_count - 1], "closed failure");
	forget_unit(&unit);
}

static void test_agent_round__reports_what_the_boot_loader_took_back(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(run_to_reboot(&unit), AGENT_REBOOT);
	/* Both tries end before the agent gets anywhere. */
	boot(&unit);
	boot(&unit);
	boot(&unit);
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rolled_back", "agent.boot-failed");
	expect_active(&unit, BANK_A);
	forget_unit(&unit);
}

/* Leaves one signature of two beside the trust document that the unit holds. */
static void given_a_lost_root_signature(struct unit *unit)
{
	struct memory memory;
	struct bytes file;
	const struct doc *stored;
	struct doc *less = doc_object(unit->life), *cms = doc_array(unit->life);
	const char *path;
	struct err err = {0};

	load(unit, &memory);
	path = in_unit(unit, arena_printf(unit->life, "trust-%s", memory.trust_sha256.text));
	assert_true(file_read(unit->life, path, 65536, &file, &err));
	assert_true(doc_parse(unit->life, file, &stored, &err));
	doc_add(cms, doc_at(doc_get(stored, "cms"), 0));
	doc_set(less, "type", doc_get(stored, "type"));
	doc_set(less, "document", doc_get(stored, "document"));
	doc_set(less, "cms", cms);
	assert_true(doc_canonical(unit->life, less, &file, &err));
	assert_true(file_replace(path, file, 0600, &err));
}

static void test_agent_round__never_confirms_what_cannot_verify(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(run_to_reboot(&unit), AGENT_REBOOT);
	given_a_lost_root_signature(&unit);
	boot(&unit);
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rolled_back", "agent.cannot-verify");
	expect_active(&unit, BANK_A);
	forget_unit(&unit);
}

/* The bank takes no more than this many bytes of any file from here on; -1: all. */
static void limit_files(long long bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_agent_round__resumes_and_keeps_the_attempt(void **state)
{
	struct unit unit;
	struct memory memory;
	enum agent_outcome outcome;
	struct err err = {0};
	struct proof proof;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	boot(&unit);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(2500000);
	assert_false(agent_round(&unit.agent, &outcome, &err));
	limit_files(-1);
	assert_int_equal(err.code, E_FILE);
	load(&unit, &memory);
	assert_int_equal(memory_step(&memory), STEP_DOWNLOADING);
	assert_int_equal(memory.job.written_bytes, 2 * 1024 * 1024);
	unit.fake.order.number++; /* renewed in the meantime: accepted */
	boot(&unit);
	assert_int_equal(run(&unit), AGENT_IDLE);
	assert_string_equal(unit.fake.range, "bytes=2097152-");
	expect_report(&unit, "confirmed", "");
	fake_ddi_last_report(&unit.fake, unit.life, &proof);
	assert_int_equal(proof.attempt, 1);
	forget_unit(&unit);
}

/* Some servers know none: what was fetched is of no use then. */
static void test_agent_round__begins_again_where_ranges_are_not_known(void **state)
{
	struct unit unit;
	enum agent_outcome outcome;
	struct err err = {0};

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	boot(&unit);
	limit_files(2500000);
	assert_false(agent_round(&unit.agent, &outcome, &err));
	limit_files(-1);
	unit.fake.no_ranges = true;
	boot(&unit);
	assert_int_equal(run(&unit), AGENT_WAITING);
	assert_string_equal(unit.fake.range, "bytes=2097152-");
	assert_int_equal(run(&unit), AGENT_IDLE);
	assert_null(unit.fake.range);
	expect_report(&unit, "confirmed", "");
	forget_unit(&unit);
}

/* ---- what waits ---- */

static void test_agent_round__waits_without_a_lease_and_keeps_its_bytes(void **state)
{
	struct unit unit;
	struct memory memory;
	size_t downloads;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	unit.fake.held = true;
	assert_int_equal(run(&unit), AGENT_WAITING);
	assert_int_equal(unit.agent.retry_after_s, 1);
	assert_int_equal(unit.fake.downloads, 0);
	unit.fake.held = false;
	assert_int_equal(run_to_reboot(&unit), AGENT_REBOOT);
	assert_int_equal(run(&unit), AGENT_IDLE);
	/* Held between the bytes and the activation. */
	fake_ddi_offer(&unit.fake, next_image);
	unit.fake.action = "12";
	unit.fake.order.number = 4;
	unit.fake.update = "skip";
	assert_int_equal(run(&unit), AGENT_IDLE);
	unit.fake.update = NULL;
	unit.fake.held = true;
	downloads = unit.fake.downloads;
	assert_int_equal(run(&unit), AGENT_WAITING);
	unit.fake.away = true;
	assert_int_equal(run(&unit), AGENT_WAITING);
	load(&unit, &memory);
	assert_int_equal(memory_step(&memory), STEP_DOWNLOADED);
	assert_int_equal(memory.job.attempt, 1);
	assert_int_equal(unit.fake.report_count, 1);
	unit.fake.held = unit.fake.away = false;
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "confirmed", "");
	assert_int_equal(unit.fake.downloads, downloads);
	forget_unit(&unit);
}

static void test_agent_round__sends_its_report_until_it_is_taken(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	unit.fake.report_status = 503;
	assert_int_equal(run(&unit), AGENT_WAITING);
	boot(&unit);
	assert_int_equal(run(&unit), AGENT_WAITING);
	assert_int_equal(unit.fake.report_count, 0);
	assert_int_equal(unit.fake.report_posts, 2);
	unit.fake.report_status = 0;
	unit.fake.feedback_status = 503;
	assert_int_equal(run(&unit), AGENT_WAITING);
	unit.fake.feedback_status = 0;
	assert_int_equal(run(&unit), AGENT_IDLE);
	assert_int_equal(unit.fake.report_count, 1);
	expect_report(&unit, "confirmed", "");
	forget_unit(&unit);
}

static void test_agent_round__begins_a_new_epoch_when_its_chain_is_refused(void **state)
{
	struct unit unit;
	struct memory memory;
	struct proof proof;
	const char *epoch;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	run(&unit);
	load(&unit, &memory);
	epoch = memory.epoch;
	fake_ddi_offer(&unit.fake, next_image);
	unit.fake.action = "12";
	unit.fake.order.number = 4;
	unit.fake.report_status = 409;
	assert_int_equal(run(&unit), AGENT_WAITING);
	unit.fake.report_status = 0;
	assert_int_equal(run(&unit), AGENT_IDLE);
	fake_ddi_last_report(&unit.fake, unit.life, &proof);
	assert_string_not_equal(proof.epoch, epoch);
	assert_int_equal(proof.seq, 1);
	forget_unit(&unit);
}

static void test_agent_round__drops_what_is_canceled(void **state)
{
	struct unit unit;
	struct memory memory;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	unit.fake.update = "skip";
	assert_int_equal(run(&unit), AGENT_IDLE);
	load(&unit, &memory);
	assert_int_equal(memory_step(&memory), STEP_DOWNLOADED);
	unit.fake.cancel = "11";
	assert_int_equal(run(&unit), AGENT_IDLE);
	load(&unit, &memory);
	assert_int_equal(memory_step(&memory), STEP_NONE);
	assert_int_equal(unit.fake.cancel_answers, 1);
	assert_int_equal(memory_next_attempt(&memory, "11"), 2);
	forget_unit(&unit);
}

/* ---- what is refused ---- */

/* One offer that is refused for good before a byte is fetched. */
static void expect_rejected(struct unit *unit, const char *code)
{
	fake_ddi_offer(&unit->fake, good_image);
	assert_int_equal(run(unit), AGENT_IDLE);
	expect_report(unit, "rejected", code);
	expect_active(unit, BANK_A);
	assert_int_equal(unit->fake.downloads, 0);
	assert_string_equal(unit->fake.feedbacks[unit->fake.feedback_count - 1], "closed failure");
	forget_unit(unit);
}

static void test_agent_round__refuses_another_units_lease(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	unit.fake.order.lease_device = "EXAMPLE-unit-1";
	expect_rejected(&unit, "agent.lease-foreign-device");
}

static void test_agent_round__refuses_another_products_author(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	unit.fake.order.author = &depot.other_author;
	expect_rejected(&unit, "agent.author-not-for-product");
}

static void test_agent_round__refuses_a_permit_for_other_targets(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	unit.fake.order.not_in_tree = true;
	expect_rejected(&unit, "agent.permit-not-in-target");
}

static void test_agent_round__refuses_a_trust_document_of_too_few_roots(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	unit.fake.order.trust_signers = 1;
	expect_rejected(&unit, "agent.trust-refused");
}

static void test_agent_round__refuses_a_lower_trust_document(void **state)
{
	struct unit unit;
	struct memory memory;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	unit.fake.order.trust_version = unit.fake.order.lease_trust_version =
		unit.fake.order.permit_trust_version = 2;
	run(&unit);
	expect_report(&unit, "confirmed", "");
	unit.fake.order.trust_version = unit.fake.order.lease_trust_version =
		unit.fake.order.permit_trust_version = 1;
	unit.fake.sends_trust_always = true;
	unit.fake.action = "12";
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rejected", "agent.trust-older");
	load(&unit, &memory);
	assert_int_equal(memory.trust_version, 2);
	forget_unit(&unit);
}

static void test_agent_round__refuses_an_older_permit(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	run(&unit);
	unit.fake.action = "12";
	unit.fake.order.number = 2;
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rejected", "agent.permit-older");
	forget_unit(&unit);
}

static void test_agent_round__refuses_what_lies_below_its_floor(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	run(&unit);
	unit.fake.action = "12";
	unit.fake.order.number = 4;
	unit.fake.order.manifest_sequence = unit.fake.order.sequence = 4;
	unit.fake.order.security_floor = 4;
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rejected", "agent.downgrade");
	forget_unit(&unit);
}

static void spoil_activation(struct fake_ddi *fake, const char *step, struct depot_order *order)
{
	(void)fake;
	if (strcmp(step, "activate") == 0)
		order->step = "install";
}

static void test_agent_round__never_activates_under_an_install_lease(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	unit.fake.spoil = spoil_activation;
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rejected", "agent.lease-wrong-step");
	expect_active(&unit, BANK_A);
	forget_unit(&unit);
}

static void test_agent_round__asks_again_when_an_old_answer_comes_after_a_reboot(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	unit.fake.update = "skip";
	/* The first answer is used, and then comes again after a reboot, for the next attempt. */
	run(&unit);
	unit.fake.cancel = "11";
	run(&unit);
	unit.fake.action = "12";
	unit.fake.replays = true;
	boot(&unit);
	assert_int_equal(run(&unit), AGENT_WAITING);
	assert_int_equal(unit.fake.report_count, 0);
	unit.fake.replays = false;
	unit.fake.update = NULL;
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "confirmed", "");
	forget_unit(&unit);
}

static void test_agent_round__refuses_an_offer_without_papers(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	unit.fake.without_papers = true;
	unit.settings.papers_optional = true; /* pinned all the same */
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(run(&unit), AGENT_IDLE);
	assert_int_equal(unit.fake.downloads, 0);
	assert_int_equal(unit.fake.feedback_count, 1);
	assert_string_equal(unit.fake.feedbacks[0], "closed failure");
	expect_active(&unit, BANK_A);
	forget_unit(&unit);
}

static void test_agent_round__refuses_a_swapped_image(void **state)
{
	struct unit unit;
	unsigned char *other = arena_copy(depot.arena, good_image.data, good_image.size);
	struct err err = {0};

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	other[good_image.size / 2] ^= 1;
	assert_true(file_replace(unit.fake.image, bytes_of(other, good_image.size), 0600, &err));
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "rejected", "agent.artifact-digest");
	assert_int_equal(unit.fake.downloads, 2);
	expect_active(&unit, BANK_A);
	forget_unit(&unit);
}

static void test_agent_round__reports_an_image_that_does_not_fit(void **state)
{
	struct unit unit;

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(truncate(unit.settings.bank_b, 4096), 0);
	assert_int_equal(run(&unit), AGENT_IDLE);
	expect_report(&unit, "failed", "agent.bank-too-small");
	forget_unit(&unit);
}

/* ---- without papers ---- */

static void test_agent_round__takes_plain_offers_only_where_nothing_is_pinned(void **state)
{
	struct unit unit;
	struct memory memory;

	(void)state;
	given_unit(&unit);
	unit.settings.papers_optional = true;
	unit.settings.pins = NULL;
	unit.fake.without_papers = true;
	fake_ddi_offer(&unit.fake, good_image);
	assert_int_equal(run(&unit), AGENT_IDLE);
	assert_int_equal(unit.fake.report_count, 0);
	assert_string_equal(unit.fake.feedbacks[unit.fake.feedback_count - 1], "closed success");
	expect_active(&unit, BANK_B);
	load(&unit, &memory);
	assert_int_equal(memory.pinned, 0);
	forget_unit(&unit);
}

static void test_show_reset_trust__is_the_only_way_back_to_no_papers(void **state)
{
	struct unit unit;
	struct memory memory;
	struct bytes journal;
	enum agent_outcome outcome;
	struct err err = {0};

	(void)state;
	given_unit(&unit);
	fake_ddi_offer(&unit.fake, good_image);
	run(&unit);
	/* Somebody takes the pins out of the settings. */
	unit.settings.papers_optional = true;
	unit.settings.pins = NULL;
	assert_false(agent_round(&unit.agent, &outcome, &err));
	assert_int_equal(err.code, E_CONFIG);
	err_clear(&err);
	switch_off(&unit);
	assert_true(show_reset_trust(&unit.settings, "EXAMPLE: changed hands", &err));
	load(&unit, &memory);
	assert_int_equal(memory.pinned, 0);
	assert_int_equal(memory.trust_resets, 1);
	assert_int_equal(memory_floor(&memory, "EXAMPLE-pump"), 5);
	assert_true(file_read(unit.life, in_unit(&unit, "journal"), 4096, &journal, &err));
	assert_non_null(strstr(arena_text_of(unit.life, journal), "trust.reset"));
	assert_int_equal(run(&unit), AGENT_IDLE);
	forget_unit(&unit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agent_round__installs_confirms_and_reports),
		cmocka_unit_test(test_agent_round__installs_the_next_one_back_into_the_first_bank),
		cmocka_unit_test(test_agent_round__goes_back_from_firmware_that_cannot_boot),
		cmocka_unit_test(test_agent_round__reports_what_the_boot_loader_took_back),
		cmocka_unit_test(test_agent_round__never_confirms_what_cannot_verify),
		cmocka_unit_test(test_agent_round__resumes_and_keeps_the_attempt),
		cmocka_unit_test(test_agent_round__begins_again_where_ranges_are_not_known),
		cmocka_unit_test(test_agent_round__waits_without_a_lease_and_keeps_its_bytes),
		cmocka_unit_test(test_agent_round__sends_its_report_until_it_is_taken),
		cmocka_unit_test(test_agent_round__begins_a_new_epoch_when_its_chain_is_refused),
		cmocka_unit_test(test_agent_round__drops_what_is_canceled),
		cmocka_unit_test(test_agent_round__refuses_another_units_lease),
		cmocka_unit_test(test_agent_round__refuses_another_products_author),
		cmocka_unit_test(test_agent_round__refuses_a_permit_for_other_targets),
		cmocka_unit_test(test_agent_round__refuses_a_trust_document_of_too_few_roots),
		cmocka_unit_test(test_agent_round__refuses_a_lower_trust_document),
		cmocka_unit_test(test_agent_round__refuses_an_older_permit),
		cmocka_unit_test(test_agent_round__refuses_what_lies_below_its_floor),
		cmocka_unit_test(test_agent_round__never_activates_under_an_install_lease),
		cmocka_unit_test(
			test_agent_round__asks_again_when_an_old_answer_comes_after_a_reboot),
		cmocka_unit_test(test_agent_round__refuses_an_offer_without_papers),
		cmocka_unit_test(test_agent_round__refuses_a_swapped_image),
		cmocka_unit_test(test_agent_round__reports_an_image_that_does_not_fit),
		cmocka_unit_test(test_agent_round__takes_plain_offers_only_where_nothing_is_pinned),
		cmocka_unit_test(test_show_reset_trust__is_the_only_way_back_to_no_papers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
