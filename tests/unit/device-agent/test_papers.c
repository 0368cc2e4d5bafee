/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this unit take this step? Each case changes one line of papers that are right in every way and
 * expects one code; the first case is the positive control.
 */

#include "device-agent/papers.h"
#include "tests/support/depot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BOOT "11111111-2222-4333-8444-555555555555"
#define EARLIER_BOOT "99999999-2222-4333-8444-555555555555"
#define NONCE "AAAAAAAAAAAAAAAAAAAAAA"
#define OTHER_NONCE "BBBBBBBBBBBBBBBBBBBBBA"
#define OTHER_CAMPAIGN "8d2f6d0e-5b7a-4c3d-9a51-2f1f3a0f9b10"
#define DAY (86400 * CLOCK_SECOND)

static struct depot depot;

/* One judgement: what the papers say, what the unit knows. */
struct scene {
	struct depot_order order;
	struct memory memory;
	struct papers_case with;
	int64_t held_trust, held_floor;
	bool damage_author, damage_permit, damage_lease;
};

static int set_up(void **state)
{
	(void)state;
	given_depot(&depot);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget_depot(&depot);
	return 0;
}

static void given_scene(struct scene *scene)
{
	*scene = (struct scene){.held_trust = 1};
	depot_order(&depot, &scene->order);
	scene->memory.ask = (struct memory_ask){.nonce = NONCE,
						.step = "install",
						.boot_id = BOOT,
						.sent_at_us = 1000 * CLOCK_SECOND};
	scene->with = (struct papers_case){.device = "EXAMPLE-unit",
					   .product = "EXAMPLE-pump",
					   .hardware = "r1",
					   .step = "install",
					   .attempt = 1,
					   .boot_id = BOOT,
					   .boot_now = 1001 * CLOCK_SECOND};
}

static struct bytes with_last_bit_turned(struct arena *arena, struct bytes bytes)
{
	unsigned char *copy = arena_copy(arena, bytes.data, bytes.size);

	copy[bytes.size - 1] ^= 1;
	return bytes_of(copy, bytes.size);
}

static bool judge(struct scene *scene, struct papers_found *found, struct err *err)
{
	struct arena *arena = depot.arena;
	struct papers_trust brought;
	struct trust trust;
	struct papers papers;
	struct bytes wire;

	depot_papers(&depot, &scene->order, arena, &papers);
	if (scene->damage_author)
		papers.author_cms = with_last_bit_turned(arena, papers.author_cms);
	if (scene->damage_permit)
		papers.permit_cms = with_last_bit_turned(arena, papers.permit_cms);
	if (scene->damage_lease)
		papers.lease.signature = with_last_bit_turned(arena, papers.lease.signature);
	/* Over the wire and back. */
	if (!papers_write(arena, &papers, &wire, err) || !papers_parse(arena, wire, &papers, err))
		fail_msg("papers: %s", err->text);
	depot_trust(&depot, scene->held_trust, scene->held_floor, 2, &brought);
	assert_true(trust_parse(arena, brought.document, &trust, err));
	scene->with.trust = &trust;
	scene->with.memory = &scene->memory;
	return papers_check(arena, &scene->with, &papers, found, err);
}

static void expect(struct scene *scene, enum err_code code)
{
	struct papers_found found;
	struct err err = {0};

	assert_false(judge(scene, &found, &err));
	if (err.code != code)
		fail_msg("expected %s, got %s: %s", err_code_text(code), err_code_text(err.code),
			 err.text);
}

static void test_papers_check__takes_what_is_right(void **state)
{
	struct scene scene;
	struct papers_found found;
	struct err err = {0};

	(void)state;
	given_scene(&scene);
	if (!judge(&scene, &found, &err))
		fail_msg("%s: %s", err_code_text(err.code), err.text);
	assert_string_equal(found.manifest.version, "2.0.1");
	assert_int_equal(found.permit.number, 3);
	assert_int_equal(found.lease_until, 1600 * CLOCK_SECOND);
	assert_int_equal(found.now, depot.now);
}

static void test_papers_check__takes_an_activate_lease_for_activation(void **state)
{
	struct scene scene;
	struct papers_found found;
	struct err err = {0};

	(void)state;
	given_scene(&scene);
	scene.order.step = "activate";
	scene.with.step = "activate";
	assert_true(judge(&scene, &found, &err));
}

static void test_papers_check__refuses_each_wrong_lease_by_its_code(void **state)
{
	struct scene scene;

	(void)state;
	given_scene(&scene);
	scene.order.lease_device = "EXAMPLE-unit-1";
	expect(&scene, E_AGENT_LEASE_DEVICE);
	given_scene(&scene);
	scene.with.step = "activate";
	expect(&scene, E_AGENT_LEASE_STEP);
	given_scene(&scene);
	scene.order.lease_deployment = OTHER_CAMPAIGN;
	expect(&scene, E_AGENT_LEASE_DEPLOYMENT);
	given_scene(&scene);
	scene.order.attempt = 2;
	expect(&scene, E_AGENT_LEASE_DEPLOYMENT);
	given_scene(&scene);
	scene.order.lease_for_other_permit = true;
	expect(&scene, E_AGENT_LEASE_PERMIT);
	given_scene(&scene);
	scene.order.nonce = OTHER_NONCE;
	expect(&scene, E_AGENT_LEASE_NONCE);
	given_scene(&scene);
	scene.order.lease_key = depot.stranger_lease;
	expect(&scene, E_AGENT_LEASE_SIGNATURE);
	given_scene(&scene);
	scene.damage_lease = true;
	expect(&scene, E_AGENT_LEASE_SIGNATURE);
}

static void test_papers_check__refuses_a_lease_that_came_too_late(void **state)
{
	struct scene scene;
	struct papers_found found;
	struct err err = {0};

	(void)state;
	given_scene(&scene);
	scene.with.boot_now = 1000 * CLOCK_SECOND + 600 * CLOCK_SECOND;
	expect(&scene, E_AGENT_LEASE_EXPIRED);
	scene.with.boot_now -= 1;
	assert_true(judge(&scene, &found, &err));
	/* A boot clock from before the question is no clock to count by. */
	scene.with.boot_now = 900 * CLOCK_SECOND;
	expect(&scene, E_AGENT_LEASE_EXPIRED);
}

static void test_papers_check__refuses_a_lease_from_before_the_reboot(void **state)
{
	struct scene scene;

	(void)state;
	given_scene(&scene);
	scene.memory.ask.boot_id = EARLIER_BOOT;
	expect(&scene, E_AGENT_LEASE_REBOOT);
	/* The question was asked anew since, and the old answer comes. */
	given_scene(&scene);
	scene.memory.asked_before = scene.memory.ask;
	scene.memory.asked_before.boot_id = EARLIER_BOOT;
	scene.memory.ask.nonce = OTHER_NONCE;
	expect(&scene, E_AGENT_LEASE_REBOOT);
	/* Nothing was asked at all. */
	given_scene(&scene);
	scene.memory.ask = (struct memory_ask){0};
	expect(&scene, E_AGENT_LEASE_NONCE);
}

static void test_papers_check__refuses_each_wrong_permit_by_its_code(void **state)
{
	struct memory_permit known = {.number = 4};
	struct scene scene;

	(void)state;
	given_scene(&scene);
	known.campaign = scene.order.campaign;
	scene.memory.permits = &known;
	scene.memory.permit_count = 1;
	expect(&scene, E_AGENT_PERMIT_OLDER);
	known.number = 3;
	known.sha256 = digest_sha256_hex(bytes_of_text("another permit 3"));
	expect(&scene, E_AGENT_PERMIT_CHANGED);
	given_scene(&scene);
	scene.order.permit_product = "EXAMPLE-other";
	expect(&scene, E_AGENT_PERMIT_PRODUCT);
	given_scene(&scene);
	scene.order.sequence = 8;
	expect(&scene, E_AGENT_PERMIT_PRODUCT);
	given_scene(&scene);
	scene.order.not_after = depot.now;
	expect(&scene, E_AGENT_PERMIT_TIME);
	given_scene(&scene);
	scene.order.not_before = depot.now + 1;
	expect(&scene, E_AGENT_PERMIT_TIME);
	given_scene(&scene);
	scene.order.keeper = &depot.stranger;
	expect(&scene, E_AGENT_PERMIT_SIGNATURE);
	given_scene(&scene);
	scene.order.keeper = &depot.author;
	expect(&scene, E_AGENT_PERMIT_SIGNATURE);
	given_scene(&scene);
	scene.damage_permit = true;
	expect(&scene, E_AGENT_PERMIT_SIGNATURE);
}

static void test_papers_check__takes_a_renewed_permit_for_bytes_it_holds(void **state)
{
	struct memory_permit known = {.number = 2};
	struct scene scene;
	struct papers_found found;
	struct err err = {0};

	(void)state;
	given_scene(&scene);
	assert_true(judge(&scene, &found, &err));
	known.campaign = scene.order.campaign;
	known.sha256 = digest_sha256_hex(bytes_of_text("permit 2"));
	scene.memory.permits = &known;
	scene.memory.permit_count = 1;
	scene.memory.job = (struct memory_job){.action = "11",
					       .campaign = scene.order.campaign,
					       .manifest_sha256 = found.manifest_sha256,
					       .permit_sha256 = known.sha256};
	assert_true(judge(&scene, &found, &err));
	/* The same number again is the same permit. */
	known.number = 3;
	known.sha256 = found.permit_sha256;
	assert_true(judge(&scene, &found, &err));
	scene.memory.job.manifest_sha256 = digest_sha256_hex(bytes_of_text("another"));
	expect(&scene, E_AGENT_MANIFEST_CHANGED);
	scene.memory.job.campaign = OTHER_CAMPAIGN;
	expect(&scene, E_AGENT_MANIFEST_CHANGED);
}

static void test_papers_check__refuses_each_wrong_manifest_by_its_code(void **state)
{
	struct scene scene;

	(void)state;
	given_scene(&scene);
	scene.order.permit_names_other_manifest = true;
	expect(&scene, E_AGENT_MANIFEST_DIGEST);
	given_scene(&scene);
	scene.order.author = &depot.other_author;
	expect(&scene, E_AGENT_AUTHOR_PRODUCT);
	given_scene(&scene);
	scene.order.author = &depot.keeper;
	expect(&scene, E_AGENT_AUTHOR_UNKNOWN);
	given_scene(&scene);
	scene.damage_author = true;
	expect(&scene, E_AGENT_AUTHOR_UNKNOWN);
	given_scene(&scene);
	scene.order.product = "EXAMPLE-other";
	expect(&scene, E_AGENT_PERMIT_PRODUCT);
	given_scene(&scene);
	scene.order.manifest_hardware = "r2";
	expect(&scene, E_AGENT_HARDWARE);
}

static void test_papers_check__refuses_another_units_target(void **state)
{
	struct scene scene;

	(void)state;
	given_scene(&scene);
	scene.order.leaf_of_other = true;
	expect(&scene, E_AGENT_PERMIT_TARGET);
	given_scene(&scene);
	scene.order.path_of_other = true;
	expect(&scene, E_AGENT_PERMIT_TARGET);
	given_scene(&scene);
	scene.order.not_in_tree = true;
	expect(&scene, E_AGENT_PERMIT_TARGET);
	given_scene(&scene);
	scene.order.index_off = true;
	expect(&scene, E_AGENT_PERMIT_TARGET);
	given_scene(&scene);
	scene.order.path_short = true;
	expect(&scene, E_AGENT_PERMIT_TARGET);
	given_scene(&scene);
	scene.order.hardware = "r2";
	expect(&scene, E_AGENT_PERMIT_TARGET);
}

static void test_papers_check__keeps_the_highest_floor(void **state)
{
	const struct shape_pair floors[] = {{"EXAMPLE-pump", 8}};
	struct scene scene;

	(void)state;
	given_scene(&scene);
	scene.memory.floors = floors;
	scene.memory.floor_count = 1;
	expect(&scene, E_AGENT_DOWNGRADE);
	given_scene(&scene);
	scene.order.trust_floor = scene.held_floor = 9;
	expect(&scene, E_AGENT_DOWNGRADE);
}

static void test_papers_check__judges_by_the_trust_document_it_holds(void **state)
{
	struct scene scene;
	struct papers_found found;
	struct err err = {0};

	(void)state;
	given_scene(&scene);
	scene.held_trust = 2;
	expect(&scene, E_AGENT_TRUST_OLDER);
	scene.order.lease_trust_version = 2;
	expect(&scene, E_AGENT_TRUST_OLDER);
	scene.order.permit_trust_version = 2;
	assert_true(judge(&scene, &found, &err));
	scene.held_trust = 1;
	expect(&scene, E_AGENT_TRUST_WITHHELD);
	/* The same version and other content: somebody signed two. */
	given_scene(&scene);
	scene.held_floor = 1;
	expect(&scene, E_AGENT_TRUST_REFUSED);
}

static void test_papers_check__takes_the_time_from_the_lease_and_never_back(void **state)
{
	struct scene scene;
	struct papers_found found;
	struct err err = {0};

	(void)state;
	given_scene(&scene);
	scene.memory.time_min_us = depot.now + 3600 * CLOCK_SECOND;
	assert_true(judge(&scene, &found, &err));
	assert_int_equal(found.now, depot.now + 3600 * CLOCK_SECOND);
	scene.memory.time_min_us = depot.now + 2 * DAY;
	expect(&scene, E_AGENT_PERMIT_TIME);
	scene.memory.time_min_us = depot.now + 100 * DAY;
	expect(&scene, E_AGENT_LEASE_SIGNATURE);
}

static void test_papers_refusal_is_final__but_for_what_time_heals(void **state)
{
	(void)state;
	assert_true(papers_refusal_is_final(E_AGENT_LEASE_DEVICE));
	assert_true(papers_refusal_is_final(E_AGENT_PERMIT_OLDER));
	assert_false(papers_refusal_is_final(E_AGENT_LEASE_EXPIRED));
	assert_false(papers_refusal_is_final(E_AGENT_LEASE_REBOOT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_papers_check__takes_what_is_right),
		cmocka_unit_test(test_papers_check__takes_an_activate_lease_for_activation),
		cmocka_unit_test(test_papers_check__refuses_each_wrong_lease_by_its_code),
		cmocka_unit_test(test_papers_check__refuses_a_lease_that_came_too_late),
		cmocka_unit_test(test_papers_check__refuses_a_lease_from_before_the_reboot),
		cmocka_unit_test(test_papers_check__refuses_each_wrong_permit_by_its_code),
		cmocka_unit_test(test_papers_check__takes_a_renewed_permit_for_bytes_it_holds),
		cmocka_unit_test(test_papers_check__refuses_each_wrong_manifest_by_its_code),
		cmocka_unit_test(test_papers_check__refuses_another_units_target),
		cmocka_unit_test(test_papers_check__keeps_the_highest_floor),
		cmocka_unit_test(test_papers_check__judges_by_the_trust_document_it_holds),
		cmocka_unit_test(test_papers_check__takes_the_time_from_the_lease_and_never_back),
		cmocka_unit_test(test_papers_refusal_is_final__but_for_what_time_heals),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
