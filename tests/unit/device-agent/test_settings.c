/* SPDX-License-Identifier: Apache-2.0 */
/* Are settings that cannot work refused before the agent does anything? */

#include "common/doc.h"
#include "common/file.h"
#include "device-agent/settings.h"
#include "tests/support/depot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena *arena;
static char dir[64];

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 * 1024 * 1024);
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

static struct doc *good(void)
{
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "url", "https://updates.example:8443/");
	doc_set_text(doc, "device", "EXAMPLE-unit");
	doc_set_text(doc, "product", "EXAMPLE-pump");
	doc_set_text(doc, "hardware", "r1");
	doc_set_text(doc, "token_file", "token");
	doc_set_text(doc, "report_key", "report.key");
	doc_set_text(doc, "pins", "/etc/pins");
	return doc;
}

static bool read(const struct doc *doc, struct settings *out, struct err *err)
{
	const char *path = arena_printf(arena, "%s/agent.json", dir);
	struct bytes bytes;

	assert_true(doc_canonical(arena, doc, &bytes, err));
	assert_true(file_replace(path, bytes, 0600, err));
	return settings_read(arena, path, out, err);
}

static void expect_refused(const struct doc *doc, const char *word)
{
	struct settings settings;
	struct err err = {0};

	assert_false(read(doc, &settings, &err));
	assert_int_equal(err.code, E_CONFIG);
	if (strstr(err.text, word) == NULL)
		fail_msg("expected '%s' in '%s'", word, err.text);
}

static void test_settings_read__takes_what_can_work(void **state)
{
	struct settings settings;
	struct doc *doc = good();
	struct err err = {0};

	(void)state;
	if (!read(doc, &settings, &err))
		fail_msg("%s", err.text);
	assert_string_equal(settings.url, "https://updates.example:8443");
	assert_string_equal(settings.tenant, "DEFAULT");
	assert_string_equal(settings.token_file, arena_printf(arena, "%s/token", dir));
	assert_string_equal(settings.pins, "/etc/pins");
	assert_int_equal(settings.health.kind, HEALTH_UIMAGE_MULTI);
	assert_int_equal(settings.tries, 3);
	assert_false(settings.papers_optional);
	doc_set_text(doc, "health", "command");
	doc_set_text(doc, "health_command", "[\"/bin/true\",\"-x\"]");
	assert_true(read(doc, &settings, &err));
	assert_string_equal(settings.health.argv[1], "-x");
	assert_null(settings.health.argv[2]);
}

static void test_settings_read__refuses_what_cannot(void **state)
{
	static const char *const cases[][3] = {
		{"url", "updates.example", "url"},
		{"url", "https://", "url"},
		{"url", "https://updates.example/path", "url"},
		{"device", "a b", "device"},
		{"papers", "perhaps", "papers"},
		{"health", "magic", "health"},
		{"health", "command", "health_command"},
		{"tls_key", "tls.key", "tls_certificate"},
		{"hardware", "", "hardware"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doc *doc = good();

		doc_set_text(doc, cases[i][0], cases[i][1]);
		expect_refused(doc, cases[i][2]);
	}
}

static void test_settings_read__demands_what_papers_need(void **state)
{
	struct settings settings;
	struct doc *doc = doc_object(arena);
	struct err err = {0};

	(void)state;
	doc_set_text(doc, "url", "http://127.0.0.1:1");
	doc_set_text(doc, "device", "EXAMPLE-unit");
	doc_set_text(doc, "product", "EXAMPLE-pump");
	doc_set_text(doc, "hardware", "r1");
	doc_set_text(doc, "token_file", "token");
	expect_refused(doc, "pins");
	doc_set_text(doc, "papers", "optional");
	assert_true(read(doc, &settings, &err));
	doc_set_int(doc, "tries", 10);
	expect_refused(doc, "tries");
	doc_set_int(doc, "tries", 1);
	doc_set_text(doc, "health", "command");
	doc_set_text(doc, "health_command", "[\"relative\"]");
	expect_refused(doc, "absolute");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settings_read__takes_what_can_work, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_settings_read__refuses_what_cannot, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_settings_read__demands_what_papers_need,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
