/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the real agent on a simulated board and the real service with the real keeper understand each
 * other, from the offer to the signed report?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fleet.h"

#include "common/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AWAIT_SECONDS = 60 };

static struct installation in;
static pid_t boards[INSTALLATION_DEVICES];

static int begin(void **state)
{
	(void)state;
	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	installation_given_image(&in);
	installation_given_release(&in);
	installation_given_tested(&in);
	installation_given_approved(&in);
	return 0;
}

static void stop_board(int number)
{
	int status;

	if (boards[number] == 0)
		return;
	kill(boards[number], SIGTERM);
	waitpid(boards[number], &status, 0);
	boards[number] = 0;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < INSTALLATION_DEVICES; i++)
		stop_board(i);
	installation_close(&in);
	return 0;
}

static const char *dir_of(int number, const char *name)
{
	return arena_printf(in.arena, "%s/board-%d/%s", in.dir, number + 1, name);
}

static void write_file(const char *path, struct bytes bytes)
{
	struct err err = {0};

	if (!file_replace(path, bytes, 0600, &err))
		fail_msg("%s", err.text);
}

/* Its folder with settings and token; started it stays until stop_board. */
static void start_board(int number, const char *health)
{
	struct doc *config = doc_object(in.arena);
	const char *id = arena_printf(in.arena, "unit-%d", number + 1);
	const char *programs = getenv("COUNTERSIGN_TEST_PROGRAMS");
	struct bytes bytes;
	struct err err = {0};

	assert_non_null(programs);
	assert_int_equal(mkdir(dir_of(number, ""), 0700), 0);
	write_file(dir_of(number, "token"), bytes_of_text(fleet_token(&in, id)));
	doc_set_text(config, "url", in.url);
	doc_set_text(config, "device", id);
	doc_set_text(config, "product", INSTALLATION_PRODUCT);
	doc_set_text(config, "hardware", "rev-1");
	doc_set_text(config, "token_file", dir_of(number, "token"));
	doc_set_text(config, "report_key", in.devices[number].key_path);
	doc_set_text(config, "pins", in.pin);
	doc_set_text(config, "health", health);
	assert_true(doc_canonical(in.arena, config, &bytes, &err));
	write_file(dir_of(number, "agent.json"), bytes);
	const char *program = arena_printf(in.arena, "%s/countersign-agent", programs);
	const char *dir = arena_printf(in.arena, "%s/board-%d", in.dir, number + 1);
	int log = open(dir_of(number, "log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(log >= 0);
	boards[number] = fork();
	assert_true(boards[number] >= 0);
	if (boards[number] == 0) {
		if (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
			_exit(127);
		execl(program, program, "board", "--dir", dir, (char *)NULL);
		_exit(127);
	}
	close(log);
}

static const struct doc *await_end(const char *campaign, const char *device, int number)
{
	for (int i = 0; i < AWAIT_SECONDS * 10; i++) {
		const struct doc *one = fleet_deployment(&in, campaign, device);
		if (one && doc_get_text(one, "ended_at"))
			return one;
		clock_sleep(CLOCK_SECOND / 10);
	}
	struct bytes log = {0};
	struct err err = {0};
	if (file_read(in.arena, dir_of(number, "log"), 1024 * 1024, &log, &err))
		print_message("%.*s\n", (int)log.size, (const char *)log.data);
	fail_msg("%s did not end; it is %s", device,
		 doc_get_text(fleet_deployment(&in, campaign, device), "state"));
	return NULL;
}

static void test_agent__installs_and_proves_it(void **state)
{
	static const char *const devices[] = {"unit-1", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	struct bytes bank;
	struct err err = {0};

	(void)state;
	start_board(0, "none");
	const struct doc *one = await_end(campaign, "unit-1", 0);
	assert_string_equal(doc_get_text(one, "state"), "confirmed");
	assert_string_equal(doc_get_text(one, "basis"), "proof");
	assert_int_equal(doc_int(doc_get(one, "attempt"), 0), 1);
	assert_true(file_read(in.arena, dir_of(0, "bank-b"), 16 * 1024 * 1024, &bank, &err));
	assert_true(bank.size >= in.image.size);
	assert_memory_equal(bank.data, in.image.data, in.image.size);
	assert_int_equal(fleet_events(&in, "lease.issued", "unit-1"), 2);
	assert_int_equal(fleet_events(&in, "proof.taken", "unit-1"), 1);
	clock_sleep(2 * CLOCK_SECOND);
	stop_board(0);
	/* The feedback that follows the report agrees with it: no late event. */
	char late[32];
	read_sql(in.database.owner,
		 "SELECT count(*)::text FROM event WHERE kind = 'deployment.moved' AND "
		 "convert_from(bytes, 'UTF8')::jsonb -> 'data' ? 'late'",
		 late, sizeof(late));
	assert_string_equal(late, "0");
}

static void test_agent__goes_back_from_what_does_not_prove_healthy(void **state)
{
	static const char *const devices[] = {"unit-2", NULL};
	const char *campaign = fleet_given_running(&in, devices);

	(void)state;
	start_board(1, "uimage-multi");
	const struct doc *one = await_end(campaign, "unit-2", 1);
	assert_string_equal(doc_get_text(one, "state"), "rolled_back");
	assert_string_equal(doc_get_text(one, "code"), "agent.health");
	assert_int_equal(doc_int(doc_get(one, "attempt"), 0), 1);
	stop_board(1);
}

static void test_agent__waits_for_the_keeper_and_counts_nothing(void **state)
{
	static const char *const devices[] = {"unit-3", NULL};
	const char *campaign = fleet_given_running(&in, devices);

	(void)state;
	installation_stop_keeper(&in);
	start_board(2, "none");
	for (int i = 0; i < 100; i++) {
		const struct doc *one = fleet_deployment(&in, campaign, "unit-3");
		if (strcmp(doc_get_text(one, "state"), "offered") == 0)
			break;
		clock_sleep(CLOCK_SECOND / 10);
	}
	clock_sleep(2 * CLOCK_SECOND);
	fleet_expect_state(&in, campaign, "unit-3", "offered");
	installation_start_keeper(&in);
	const struct doc *one = await_end(campaign, "unit-3", 2);
	assert_string_equal(doc_get_text(one, "state"), "confirmed");
	assert_int_equal(doc_int(doc_get(one, "attempt"), 0), 1);
	assert_int_equal(fleet_events(&in, "deployment.offered", "unit-3"), 1);
	stop_board(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agent__installs_and_proves_it),
		cmocka_unit_test(test_agent__goes_back_from_what_does_not_prove_healthy),
		cmocka_unit_test(test_agent__waits_for_the_keeper_and_counts_nothing),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
