/* SPDX-License-Identifier: Apache-2.0 */
/* Do two banks and their boot record keep the promises of bank.h, also when the power goes? */

#include "common/arena.h"
#include "common/file.h"
#include "device-agent/bank.h"
#include "device-agent/boot_record.h"
#include "device-agent/cut.h"
#include "device-agent/store.h"
#include "tests/support/depot.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static char dir[64];

static const char *in_dir(const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

static int set_up(void **state)
{
	struct err err = {0};

	(void)state;
	arena = arena_new(16 * 1024 * 1024);
	given_folder(dir);
	assert_true(file_replace(in_dir("bank-a"), bytes_of_text("aaaa"), 0600, &err));
	assert_true(file_replace(in_dir("bank-b"), bytes_of_text("bbbbbb"), 0600, &err));
	assert_true(boot_record_make(in_dir("boot"), &err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget_folder(dir);
	arena_free(arena);
	return 0;
}

static struct bank_chain opened(const char *running)
{
	const struct bank_file_settings with = {.bank = {in_dir("bank-a"), in_dir("bank-b")},
						.boot = in_dir("boot"),
						.running = running,
						.grow_bytes = 5};
	struct bank_chain chain;
	struct err err = {0};

	assert_true(bank_file_open(arena, &with, &chain, &err));
	return chain;
}

static struct bank_view seen(const struct bank_chain *chain)
{
	struct bank_view view;
	struct err err = {0};

	if (!chain->describe(chain->self, &view, &err))
		fail_msg("%s", err.text);
	return view;
}

static void test_bank_file__goes_through_a_good_trial(void **state)
{
	struct bank_chain a = opened("A"), b = opened("B");
	struct bank_view view = seen(&a);
	struct err err = {0};
	int fd;

	(void)state;
	assert_int_equal(view.active, BANK_A);
	assert_false(view.on_trial);
	assert_int_equal(view.size_bytes[BANK_A], 4);
	assert_int_equal(view.size_bytes[BANK_B], 6);
	assert_int_equal(view.room_bytes[BANK_A], 5);
	assert_int_equal(view.room_bytes[BANK_B], 6);
	assert_true(a.open_idle(a.self, &fd, &err));
	assert_true(store_write(fd, 2, bytes_of_text("XY"), &err));
	assert_true(store_sync(fd, &err));
	close(fd);
	assert_true(a.arm(a.self, 3, &err));
	view = seen(&a);
	assert_true(view.on_trial);
	assert_int_equal(view.trial, BANK_B);
	assert_int_equal(view.tries, 3);
	assert_int_equal(view.active, BANK_A);
	/* Nothing may be written while either bank may boot. */
	assert_false(a.open_idle(a.self, &fd, &err));
	assert_int_equal(err.code, E_AGENT_BANK_BUSY);
	err_clear(&err);
	assert_false(a.arm(a.self, 3, &err));
	err_clear(&err);
	assert_false(b.open_idle(b.self, &fd, &err));
	err_clear(&err);
	assert_true(b.confirm(b.self, &err));
	assert_true(b.confirm(b.self, &err));
	view = seen(&b);
	assert_int_equal(view.active, BANK_B);
	assert_false(view.on_trial);
	assert_true(b.open_read(b.self, BANK_B, &fd, &err));
	char bytes[6];
	assert_int_equal(pread(fd, bytes, 6, 0), 6);
	assert_memory_equal(bytes, "bbXYbb", 6);
	close(fd);
}

static void test_bank_file__remembers_a_failed_trial_until_the_old_bank_confirms(void **state)
{
	struct bank_chain a = opened("A"), b = opened("B");
	struct bank_view view;
	struct err err = {0};

	(void)state;
	assert_true(a.arm(a.self, 2, &err));
	assert_true(b.give_up(b.self, &err));
	view = seen(&a);
	assert_true(view.on_trial);
	assert_int_equal(view.tries, 0);
	assert_int_equal(view.active, BANK_A);
	assert_true(a.confirm(a.self, &err));
	assert_false(seen(&a).on_trial);
}

static void test_bank_file_open__needs_to_know_which_bank_runs(void **state)
{
	const struct bank_file_settings with = {.bank = {"a", "b"}, .boot = "c", .running = "C"};
	struct bank_chain chain;
	struct err err = {0};

	(void)state;
	assert_false(bank_file_open(arena, &with, &chain, &err));
	assert_int_equal(err.code, E_AGENT_BANK);
}

static void test_boot_record_read__lives_with_one_damaged_copy(void **state)
{
	struct boot_record record, again;
	struct bytes file;
	struct err err = {0};

	(void)state;
	assert_true(boot_record_read(in_dir("boot"), &record, &err));
	record.on_trial = true;
	record.trial = BANK_B;
	record.tries = 2;
	assert_true(boot_record_write(in_dir("boot"), &record, &err));
	assert_true(file_read(arena, in_dir("boot"), 4096, &file, &err));
	for (size_t i = 0; i < file.size; i++) {
		unsigned char *bad = arena_copy(arena, file.data, file.size);

		bad[i] ^= 0x10;
		assert_true(file_replace(in_dir("boot"), bytes_of(bad, file.size), 0600, &err));
		assert_true(boot_record_read(in_dir("boot"), &again, &err));
		assert_true(again.seq == record.seq || again.seq == record.seq - 1);
	}
	assert_true(file_replace(in_dir("boot"), bytes_of(file.data, 10), 0600, &err));
	assert_false(boot_record_read(in_dir("boot"), &again, &err));
	assert_int_equal(err.code, E_AGENT_BANK);
}

/* Runs one replacement in a child whose power goes at operation n; true while it did go. */
static bool cut_at(int n, const char *how, bool synced)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct err err = {0};

		setenv("COUNTERSIGN_CUT_AT", arena_printf(arena, "%d", n), 1);
		setenv("COUNTERSIGN_CUT_HOW", how, 1);
		if (synced) {
			_exit(store_replace(in_dir("file"), bytes_of_text("new content"), 0600,
					    &err)
				      ? 0
				      : 1);
		} else {
			/* What store.c must not do: rename without a sync. */
			int fd = open(in_dir("file.new"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

			if (fd < 0 || !store_write(fd, 0, bytes_of_text("new content"), &err))
				_exit(1);
			cut_point(&(struct cut_point){.kind = CUT_RENAME,
						      .from = in_dir("file.new"),
						      .path = in_dir("file")});
			if (rename(in_dir("file.new"), in_dir("file")) != 0)
				_exit(1);
			cut_point(&(struct cut_point){.kind = CUT_FOLDER, .path = in_dir("file")});
			cut_point(&(struct cut_point){.kind = CUT_FOLDER, .path = in_dir("file")});
			_exit(0);
		}
	}
	while (waitpid(child, &status, 0) < 0)
		;
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CUT_STATUS);
	return WEXITSTATUS(status) == CUT_STATUS;
}

static bool old_or_new(void)
{
	struct bytes file;
	struct err err = {0};

	assert_true(file_read(arena, in_dir("file"), 4096, &file, &err));
	return bytes_equal(file, bytes_of_text("old content")) ||
	       bytes_equal(file, bytes_of_text("new content"));
}

static void test_store_replace__leaves_the_old_or_the_new_file_at_every_cut(void **state)
{
	static const char *const hows[] = {"before", "half", "lost"};
	int cuts = 0;

	(void)state;
	for (size_t h = 0; h < 3; h++)
		for (int n = 1; n < 20; n++) {
			struct err err = {0};

			assert_true(file_replace(in_dir("file"), bytes_of_text("old content"), 0600,
						 &err));
			if (!cut_at(n, hows[h], true))
				break;
			cuts++;
			if (!old_or_new())
				fail_msg("cut %d, %s", n, hows[h]);
		}
	assert_int_equal(cuts,
			 15); /* create, write, sync, rename, sync of the folder; three ways */
}

static void test_cut_point__finds_a_missing_sync(void **state)
{
	bool found = false;

	(void)state;
	for (int n = 1; n < 20; n++) {
		struct err err = {0};

		assert_true(file_replace(in_dir("file"), bytes_of_text("old content"), 0600, &err));
		if (!cut_at(n, "lost", false))
			break;
		found = found || !old_or_new();
	}
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bank_file__goes_through_a_good_trial, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_bank_file__remembers_a_failed_trial_until_the_old_bank_confirms,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bank_file_open__needs_to_know_which_bank_runs,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_boot_record_read__lives_with_one_damaged_copy,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_store_replace__leaves_the_old_or_the_new_file_at_every_cut, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_cut_point__finds_a_missing_sync, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
