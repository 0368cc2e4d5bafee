/* SPDX-License-Identifier: Apache-2.0 */
/* Do settings come from default, file, environment in this order, and are wrong ones refused? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/config.h"
#include "common/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	int64_t port;
	bool sealed;
	const char *url;
	const char *artifacts;
	const char *trust_file;
};

static const struct config_key keys[] = {
	{"port", CONFIG_INT, offsetof(struct settings, port), "8443", "TCP port"},
	{"sealed", CONFIG_FLAG, offsetof(struct settings, sealed), "true", "refuse more"},
	{"url", CONFIG_TEXT, offsetof(struct settings, url), "", "address"},
	{"artifacts", CONFIG_PATH, offsetof(struct settings, artifacts), NULL, "folder"},
	{"trust-file", CONFIG_PATH, offsetof(struct settings, trust_file), "trust.json", "trust"},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static char folder[64];
static char path[96];
static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
	snprintf(folder, sizeof(folder), "/tmp/countersign-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/program.json", folder);
	return 0;
}

static int end(void **state)
{
	static const char *const names[] = {"PORT", "SEALED", "URL", "ARTIFACTS", "TRUST_FILE"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(arena_printf(arena, "CSTEST_%s", names[i]));
	unlink(path);
	arena_free(arena);
	return rmdir(folder);
}

static bool read_from(const char *json, struct settings *out, struct err *err)
{
	struct err writing = {0};
	assert_true(file_replace(path, bytes_of_text(json), 0600, &writing));
	return config_read(arena, path, "CSTEST", keys, KEYS, out, err);
}

static void test_config_read__takes_defaults_for_what_is_not_said(void **state)
{
	struct settings settings = {0};
	struct err err = {0};

	(void)state;
	assert_true(read_from("{\"artifacts\":\"store\"}", &settings, &err));
	assert_int_equal(settings.port, 8443);
	assert_true(settings.sealed);
	assert_null(settings.url);
	assert_string_equal(settings.artifacts, arena_printf(arena, "%s/store", folder));
	assert_string_equal(settings.trust_file, arena_printf(arena, "%s/trust.json", folder));
}

static void test_config_read__lets_the_file_win_over_defaults(void **state)
{
	struct settings settings = {0};
	struct err err = {0};

	(void)state;
	assert_true(read_from("{\"artifacts\":\"/srv/store\",\"port\":0,\"sealed\":false,"
			      "\"url\":\"https://a/\",\"trust-file\":\"../t\"}",
			      &settings, &err));
	assert_int_equal(settings.port, 0);
	assert_false(settings.sealed);
	assert_string_equal(settings.url, "https://a/");
	assert_string_equal(settings.artifacts, "/srv/store");
	assert_string_equal(settings.trust_file, arena_printf(arena, "%s/../t", folder));
}

static void test_config_read__lets_the_environment_win_over_the_file(void **state)
{
	struct settings settings = {0};
	struct err err = {0};

	(void)state;
	setenv("CSTEST_PORT", "9007199254740991", 1);
	setenv("CSTEST_SEALED", "false", 1);
	setenv("CSTEST_URL", "", 1);
	setenv("CSTEST_TRUST_FILE", "/t", 1);
	assert_true(read_from("{\"artifacts\":\"s\",\"port\":1,\"sealed\":true,\"url\":\"u\"}",
			      &settings, &err));
	assert_true(settings.port == INT64_C(9007199254740991));
	assert_false(settings.sealed);
	assert_null(settings.url);
	assert_string_equal(settings.trust_file, "/t");
}

static void test_config_read__takes_paths_from_the_current_folder_without_a_file(void **state)
{
	struct settings settings = {0};
	struct err err = {0};
	char here[512];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	setenv("CSTEST_ARTIFACTS", "store", 1);
	assert_true(config_read(arena, NULL, "CSTEST_", keys, KEYS, &settings, &err));
	assert_string_equal(settings.artifacts, arena_printf(arena, "%s/store", here));
	assert_int_equal(settings.port, 8443);
	assert_false(config_read(arena, NULL, NULL, keys, KEYS, &settings, &err));
	assert_int_equal(err.code, E_CONFIG);
	assert_non_null(strstr(err.text, "artifacts"));
}

static void test_config_read__refuses_what_is_wrong_and_names_it(void **state)
{
	static const struct {
		const char *json;
		enum err_code code;
		const char *names;
	} wrong[] = {
		{"{}", E_CONFIG, "artifacts"},
		{"{\"artifacts\":null}", E_CONFIG, "artifacts"},
		{"{\"artifacts\":\"\"}", E_CONFIG, "artifacts"},
		{"{\"artifacts\":1}", E_CONFIG, "artifacts"},
		{"{\"artifacts\":\"a\",\"port\":\"1\"}", E_CONFIG, "port"},
		{"{\"artifacts\":\"a\",\"port\":-1}", E_CONFIG, "port"},
		{"{\"artifacts\":\"a\",\"sealed\":\"true\"}", E_CONFIG, "sealed"},
		{"{\"artifacts\":\"a\",\"sealed\":1}", E_CONFIG, "sealed"},
		{"{\"artifacts\":\"a\",\"prot\":1}", E_CONFIG, "prot"},
		{"{\"artifacts\":\"a\",\"Port\":1}", E_CONFIG, "Port"},
		{"{\"artifacts\":\"a\",\"trust-file\":\"\"}", E_CONFIG, "trust-file"},
		{"{\"artifacts\":\"a\",\"port\":1.5}", E_DOC_SYNTAX, "program.json"},
		{"{\"artifacts\":\"a\"", E_DOC_SYNTAX, "program.json"},
		{"[]", E_CONFIG, "program.json"},
		{"", E_DOC_SYNTAX, "program.json"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct settings settings = {.port = 7};
		struct err err = {0};
		if (read_from(wrong[i].json, &settings, &err))
			fail_msg("%s was taken", wrong[i].json);
		assert_int_equal(err.code, wrong[i].code);
		if (!strstr(err.text, wrong[i].names))
			fail_msg("'%s' does not name %s", err.text, wrong[i].names);
		assert_int_equal(settings.port, 7);
	}
}

static void test_config_read__refuses_wrong_variables_without_showing_them(void **state)
{
	static const struct {
		const char *name, *value;
	} wrong[] = {
		{"CSTEST_PORT", "hunter2"}, {"CSTEST_PORT", "-5"},
		{"CSTEST_PORT", ""},	    {"CSTEST_PORT", "9007199254740992"},
		{"CSTEST_PORT", "08443"},   {"CSTEST_SEALED", "yes"},
		{"CSTEST_SEALED", ""},	    {"CSTEST_ARTIFACTS", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct settings settings = {.port = 7};
		struct err err = {0};
		setenv(wrong[i].name, wrong[i].value, 1);
		if (read_from("{\"artifacts\":\"a\"}", &settings, &err))
			fail_msg("%s=%s was taken", wrong[i].name, wrong[i].value);
		assert_int_equal(err.code, E_CONFIG);
		assert_null(strstr(err.text, "hunter2"));
		assert_int_equal(settings.port, 7);
		unsetenv(wrong[i].name);
	}
}

static void test_config_read__refuses_a_file_that_is_not_there(void **state)
{
	struct settings settings = {0};
	struct err err = {0};

	(void)state;
	assert_false(
		config_read(arena, "/nowhere/program.json", NULL, keys, KEYS, &settings, &err));
	assert_int_equal(err.code, E_FILE);
	assert_non_null(strstr(err.text, "/nowhere/program.json"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_config_read__takes_defaults_for_what_is_not_said),
		TEST(test_config_read__lets_the_file_win_over_defaults),
		TEST(test_config_read__lets_the_environment_win_over_the_file),
		TEST(test_config_read__takes_paths_from_the_current_folder_without_a_file),
		TEST(test_config_read__refuses_what_is_wrong_and_names_it),
		TEST(test_config_read__refuses_wrong_variables_without_showing_them),
		TEST(test_config_read__refuses_a_file_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
