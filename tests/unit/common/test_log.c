/* SPDX-License-Identifier: Apache-2.0 */
/* Is a log line one line, readable by machines, and unforgeable by what stands in its values? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPTURE_BYTES = 1024 * 1024 };

static char captured[CAPTURE_BYTES];
static FILE *capture;
static int kept_stderr;

static void capture_begin(void)
{
	capture = tmpfile();
	assert_non_null(capture);
	fflush(stderr);
	kept_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

static void capture_end(void)
{
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	rewind(capture);
	size_t size = fread(captured, 1, sizeof(captured) - 1, capture);
	captured[size] = '\0';
	fclose(capture);
}

/* The line without its time, which is checked for its form. */
static const char *after_time(void)
{
	struct err err = {0};
	clock_us at;
	char text[CLOCK_TEXT_BYTES];

	assert_memory_equal(captured, "time=", 5);
	memcpy(text, captured + 5, CLOCK_TEXT_BYTES - 1);
	text[CLOCK_TEXT_BYTES - 1] = '\0';
	assert_true(clock_parse(text, &at, &err));
	return captured + 5 + CLOCK_TEXT_BYTES - 1;
}

static void test_log_line__writes_the_documented_line(void **state)
{
	(void)state;
	log_start("countersign-test", LOG_LEVEL_INFO);
	capture_begin();
	log_info("started", LOG_INT("port", 8443), LOG_TEXT("url", "https://localhost/"));
	capture_end();
	assert_string_equal(after_time(), " level=info program=countersign-test event=started "
					  "port=8443 url=https://localhost/\n");
}

static void test_log_line__writes_nothing_below_its_level(void **state)
{
	(void)state;
	log_start("t", LOG_LEVEL_WARN);
	capture_begin();
	log_debug("no", LOG_INT("n", 1));
	log_info("no", LOG_INT("n", 2));
	capture_end();
	assert_string_equal(captured, "");
	capture_begin();
	log_warn("yes", LOG_INT("n", INT64_MIN));
	capture_end();
	assert_string_equal(after_time(),
			    " level=warn program=t event=yes n=-9223372036854775808\n");
}

static void test_log_line__quotes_and_escapes_what_is_not_plain(void **state)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{"plain-1.2/3:4", "plain-1.2/3:4"},
		{"", "\"\""},
		{NULL, "-"},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"say \"x\\y\"", "\"say \\\"x\\\\y\\\"\""},
		{"a\nlevel=error\r\tb", "\"a\\nlevel=error\\r\\tb\""},
		{"\x1b[2J\x7f", "\"\\x1b[2J\\x7f\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		 "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\xc2\x9b", "\"\\xc2\\x9b\""},
		{"\xff\xc3\xa4", "\"\\xff\\xc3\\xa4\""},
	};
	char expected[200];

	(void)state;
	log_start("t", LOG_LEVEL_INFO);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		capture_begin();
		log_error("e", LOG_TEXT("v", cases[i].value));
		capture_end();
		snprintf(expected, sizeof(expected), " level=error program=t event=e v=%s\n",
			 cases[i].written);
		assert_string_equal(after_time(), expected);
	}
}

static void test_log_line__names_code_and_reason_of_an_error(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, E_INPUT, "No such thing");
	log_start("t", LOG_LEVEL_INFO);
	capture_begin();
	log_error("refused", LOG_ERR(&err));
	capture_end();
	assert_string_equal(after_time(), " level=error program=t event=refused "
					  "code=input.invalid why=\"No such thing\"\n");
}

/* Whatever the length and kind of a value, the line is one, of bounded size, with closed quotes. */
static void test_log_line__cuts_long_lines_and_says_so(void **state)
{
	static const char *const fillings[] = {"x", "x ", "\n", "\"", "\xc3\xa4", "\xff"};
	char value[6001];

	(void)state;
	log_start("t", LOG_LEVEL_INFO);
	for (size_t kind = 0; kind < sizeof(fillings) / sizeof(fillings[0]); kind++) {
		size_t step = strlen(fillings[kind]);
		for (size_t length = 900; length + step < sizeof(value); length += 37) {
			size_t used = 0;
			for (; used + step <= length; used += step)
				memcpy(value + used, fillings[kind], step);
			value[used] = '\0';
			capture_begin();
			log_info("e", LOG_TEXT("v", value), LOG_TEXT("w", value));
			capture_end();
			size_t size = strlen(captured);
			assert_true(size <= 4096);
			assert_ptr_equal(strchr(captured, '\n'), captured + size - 1);
			bool cut = strstr(captured, " cut=true\n") != NULL;
			if (length > 4096)
				assert_true(cut);
			if (!cut)
				assert_non_null(strstr(captured, " w="));
			if (cut && fillings[kind][step - 1] == ' ')
				assert_non_null(strstr(captured, "\" cut=true\n"));
		}
	}
}

enum { THREADS = 4, LINES = 300 };

static void *write_lines(void *number)
{
	char filling[120];

	memset(filling, 'a' + *(const int *)number, sizeof(filling));
	filling[sizeof(filling) - 1] = '\0';
	for (int i = 0; i < LINES; i++)
		log_info("e", LOG_TEXT("filling", filling), LOG_INT("last", i));
	return NULL;
}

static void test_log_line__keeps_lines_of_several_threads_apart(void **state)
{
	static int numbers[THREADS];
	pthread_t threads[THREADS];
	size_t lines = 0;

	(void)state;
	log_start("t", LOG_LEVEL_INFO);
	capture_begin();
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	capture_end();
	for (const char *line = captured; *line; lines++) {
		const char *filling = strstr(line, " filling=");
		const char *after = strchr(line, '\n');
		assert_memory_equal(line, "time=", 5);
		assert_true(filling && after && filling < after);
		assert_memory_equal(filling + 9, filling + 10, 118);
		assert_memory_equal(filling + 9 + 119, " last=", 6);
		line = after + 1;
	}
	assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_line__writes_the_documented_line),
		cmocka_unit_test(test_log_line__writes_nothing_below_its_level),
		cmocka_unit_test(test_log_line__quotes_and_escapes_what_is_not_plain),
		cmocka_unit_test(test_log_line__names_code_and_reason_of_an_error),
		cmocka_unit_test(test_log_line__cuts_long_lines_and_says_so),
		cmocka_unit_test(test_log_line__keeps_lines_of_several_threads_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
