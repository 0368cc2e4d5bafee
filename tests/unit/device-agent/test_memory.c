/* SPDX-License-Identifier: Apache-2.0 */
/* Does the agent remember what it saved, and nothing that was changed behind its back? */

#include "common/file.h"
#include "device-agent/memory.h"
#include "tests/support/depot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define CAMPAIGN "7c1f6d0e-5b7a-4c3d-9a51-2f1f3a0f9b10"
#define BOOT "11111111-2222-4333-8444-555555555555"

static struct arena *arena;
static char dir[64];

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(32 * 1024 * 1024);
	given_folder(dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget_folder(dir);
	arena_free(arena);
	return 0;
}

static void load(struct memory *out)
{
	struct err err = {0};

	if (!memory_load(arena, dir, out, &err))
		fail_msg("%s", err.text);
}

static void save(const struct memory *memory)
{
	struct err err = {0};

	if (!memory_save(dir, memory, &err))
		fail_msg("%s", err.text);
}

static void test_memory_load__of_a_new_unit_draws_an_epoch(void **state)
{
	struct memory first, second;

	(void)state;
	load(&first);
	load(&second);
	assert_int_equal(strlen(first.epoch), PROOF_EPOCH_DIGITS);
	assert_string_not_equal(first.epoch, second.epoch);
	assert_int_equal(memory_step(&first), STEP_NONE);
	save(&first);
	load(&second);
	assert_string_equal(first.epoch, second.epoch);
}

static void test_memory_save__keeps_everything(void **state)
{
	const struct shape_pair floors[] = {{"EXAMPLE-a", 3}, {"EXAMPLE-b", 4}};
	struct memory_permit permits[] = {{CAMPAIGN, 3, digest_sha256_hex(bytes_of_text("p")), 1}};
	struct memory_ended ended[] = {{"11", 2}};
	struct memory kept, memory;

	(void)state;
	load(&memory);
	memory.boots = 7;
	memory.boot_id = BOOT;
	memory.time_min_us = 1234567;
	memory.pinned = 1;
	memory.trust_version = 2;
	memory.trust_sha256 = digest_sha256_hex(bytes_of_text("t"));
	memory.floors = floors;
	memory.floor_count = 2;
	memory.permits = permits;
	memory.permit_count = 1;
	memory.ended = ended;
	memory.ended_count = 1;
	memory.bank_b = (struct memory_bank){"1.2", permits[0].sha256, permits[0].sha256, 99};
	memory.ask = (struct memory_ask){"AAAAAAAAAAAAAAAAAAAAAA", "install", BOOT, 5};
	memory.nonce = "AAAAAAAAAAAAAAAAAAAAAA";
	memory.job = (struct memory_job){.action = "11",
					 .step = "downloading",
					 .bank = "B",
					 .attempt = 2,
					 .campaign = CAMPAIGN,
					 .version = "1.3",
					 .artifact = "image.uimg",
					 .size_bytes = 100,
					 .written_bytes = 50};
	memory.seq = 4;
	memory.prev = permits[0].sha256;
	memory.news = (struct memory_news){bytes_of_text("{}"), "11", "failure", "why"};
	save(&memory);
	load(&kept);
	assert_int_equal(kept.boots, 7);
	assert_string_equal(kept.boot_id, BOOT);
	assert_int_equal(kept.time_min_us, 1234567);
	assert_int_equal(kept.trust_version, 2);
	assert_int_equal(memory_floor(&kept, "EXAMPLE-b"), 4);
	assert_int_equal(memory_floor(&kept, "EXAMPLE-c"), 0);
	assert_int_equal(memory_find_permit(&kept, CAMPAIGN)->number, 3);
	assert_int_equal(memory_next_attempt(&kept, "11"), 3);
	assert_int_equal(memory_next_attempt(&kept, "12"), 1);
	assert_string_equal(memory_bank(&kept, BANK_B)->version, "1.2");
	assert_int_equal(memory_bank(&kept, BANK_A)->size_bytes, 0);
	assert_string_equal(kept.ask.step, "install");
	assert_null(kept.asked_before.nonce);
	assert_int_equal(memory_step(&kept), STEP_DOWNLOADING);
	assert_int_equal(kept.job.written_bytes, 50);
	assert_int_equal(kept.seq, 4);
	assert_string_equal(kept.news.finished, "failure");
	assert_int_equal(kept.news.report.size, 2);
}

static void test_memory_load__refuses_a_damaged_file(void **state)
{
	const char *path = arena_printf(arena, "%s/memory", dir);
	struct bytes file;
	struct memory memory;
	struct err err = {0};

	(void)state;
	load(&memory);
	save(&memory);
	assert_true(file_read(arena, path, 65536, &file, &err));
	for (size_t i = 0; i < file.size; i += 7) {
		unsigned char *bad = arena_copy(arena, file.data, file.size);

		bad[i] ^= 1;
		assert_true(file_replace(path, bytes_of(bad, file.size), 0600, &err));
		assert_false(memory_load(arena, dir, &memory, &err));
		assert_int_equal(err.code, E_AGENT_MEMORY);
		err_clear(&err);
		assert_true(file_replace(path, bytes_of(file.data, i), 0600, &err));
		assert_false(memory_load(arena, dir, &memory, &err));
		assert_int_equal(err.code, E_AGENT_MEMORY);
		err_clear(&err);
	}
	assert_true(file_replace(path, file, 0600, &err));
	load(&memory);
}

static void test_memory_raise_floor__never_goes_down(void **state)
{
	struct memory memory = {0};
	struct err err = {0};

	(void)state;
	assert_true(memory_raise_floor(arena, &memory, "EXAMPLE-b", 5, &err));
	assert_true(memory_raise_floor(arena, &memory, "EXAMPLE-a", 2, &err));
	assert_true(memory_raise_floor(arena, &memory, "EXAMPLE-b", 4, &err));
	assert_int_equal(memory_floor(&memory, "EXAMPLE-b"), 5);
	assert_true(memory_raise_floor(arena, &memory, "EXAMPLE-b", 6, &err));
	assert_int_equal(memory_floor(&memory, "EXAMPLE-b"), 6);
	assert_string_equal(memory.floors[0].key, "EXAMPLE-a");
	for (int i = 2; i < MEMORY_FLOORS_MAX; i++)
		assert_true(
			memory_raise_floor(arena, &memory, arena_printf(arena, "p%d", i), 1, &err));
	assert_false(memory_raise_floor(arena, &memory, "one-more", 1, &err));
}

static void test_memory_keep_permit__forgets_what_is_over_first(void **state)
{
	struct memory memory = {0};

	(void)state;
	for (int i = 0; i < MEMORY_PERMITS_MAX + 3; i++) {
		struct memory_permit permit = {
			.campaign = arena_printf(arena, "7c1f6d0e-5b7a-4c3d-9a51-%012d", i),
			.number = 1,
			.not_after = 1000 + i};

		memory_keep_permit(arena, &memory, &permit, i == MEMORY_PERMITS_MAX ? 1010 : 0);
	}
	assert_true(memory.permit_count <= MEMORY_PERMITS_MAX);
	assert_null(memory_find_permit(&memory, "7c1f6d0e-5b7a-4c3d-9a51-000000000010"));
	assert_non_null(memory_find_permit(&memory, "7c1f6d0e-5b7a-4c3d-9a51-000000000011"));
	assert_non_null(memory_find_permit(&memory, "7c1f6d0e-5b7a-4c3d-9a51-000000000066"));
}

static void test_memory_keep_ended__keeps_the_newest(void **state)
{
	struct memory memory = {0};

	(void)state;
	for (int i = 0; i < MEMORY_ENDED_MAX + 5; i++)
		memory_keep_ended(arena, &memory, arena_printf(arena, "%d", 11 + i), 1);
	memory_keep_ended(arena, &memory, "47", 2);
	assert_int_equal(memory.ended_count, MEMORY_ENDED_MAX);
	assert_int_equal(memory_next_attempt(&memory, "47"), 3);
	assert_int_equal(memory_next_attempt(&memory, "11"), 1);
	assert_int_equal(memory_next_attempt(&memory, "46"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory_load__of_a_new_unit_draws_an_epoch,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_save__keeps_everything, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_memory_load__refuses_a_damaged_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_memory_raise_floor__never_goes_down, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_memory_keep_permit__forgets_what_is_over_first,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_keep_ended__keeps_the_newest, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
