/* SPDX-License-Identifier: Apache-2.0 */
/* Is the session kept as it was, for its owner alone, and refused when it is anything else? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/file.h"
#include "service/ctl/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static char folder[] = "/tmp/countersign-session.XXXXXX";
static const char *path;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	if (!mkdtemp(folder))
		return 1;
	path = arena_printf(arena, "%s/deep/below/session", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(arena_printf(arena, "%s/deep/below", folder));
	rmdir(arena_printf(arena, "%s/deep", folder));
	rmdir(folder);
	arena_free(arena);
	return 0;
}

static void given_session(void)
{
	struct session session = {"https://h:1", "/ca.pem", "example-qa", "secret",
				  INT64_C(1795600000000000)};
	struct err err = {0};

	assert_true(session_save(arena, path, &session, &err));
}

static void test_session_find__gives_back_what_was_saved(void **state)
{
	struct session session;
	struct err err = {0};
	struct stat about;

	(void)state;
	given_session();
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_true(session_find(arena, path, &session, &err));
	assert_string_equal(session.url, "https://h:1");
	assert_string_equal(session.ca, "/ca.pem");
	assert_string_equal(session.person, "example-qa");
	assert_string_equal(session.token, "secret");
	assert_true(session.expires_at == INT64_C(1795600000000000));
	assert_true(session_remove(path, &err));
	assert_true(session_find(arena, path, &session, &err));
	assert_null(session.token);
	assert_true(session_remove(path, &err));
}

static void test_session_find__refuses_a_file_that_others_can_read(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0610, 0601, 0602, 0777};
	struct session session;

	(void)state;
	given_session();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct err err = {0};
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_false(session_find(arena, path, &session, &err));
		assert_int_equal(err.code, E_CONFIG);
	}
	given_session(); /* logging in again mends it */
	assert_true(session_find(arena, path, &session, &(struct err){0}));
}

static void test_session_find__refuses_what_is_no_session(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		"[]",
		"token",
		"{\"url\":\"u\",\"person\":\"p\",\"token\":\"t\"}",
		"{\"url\":\"u\",\"person\":\"p\",\"token\":\"t\",\"expires_at\":\"soon\"}",
		"{\"url\":\"u\",\"person\":\"p\",\"token\":1,"
		"\"expires_at\":\"2026-11-23T06:07:03.123456Z\"}",
	};
	struct session session;

	(void)state;
	given_session();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		assert_true(file_replace(path, bytes_of_text(texts[i]), 0600, &err));
		assert_false(session_find(arena, path, &session, &err));
		assert_non_null(strstr(err.text, "log in again"));
	}
}

static void test_session_default_path__follows_the_environment(void **state)
{
	const char *out;
	struct err err = {0};

	(void)state;
	setenv("HOME", "/home/example", 1);
	setenv("XDG_STATE_HOME", "/state", 1);
	assert_true(session_default_path(arena, &out, &err));
	assert_string_equal(out, "/state/countersign/session");
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_true(session_default_path(arena, &out, &err));
	assert_string_equal(out, "/home/example/.local/state/countersign/session");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_false(session_default_path(arena, &out, &err));
	assert_int_equal(err.code, E_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_find__gives_back_what_was_saved),
		cmocka_unit_test(test_session_find__refuses_a_file_that_others_can_read),
		cmocka_unit_test(test_session_find__refuses_what_is_no_session),
		cmocka_unit_test(test_session_default_path__follows_the_environment),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
