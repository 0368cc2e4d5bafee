/* SPDX-License-Identifier: Apache-2.0 */
/* Is every command of the table found, explained, and in the manual page? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/file.h"
#include "service/ctl/commands.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 256 * 1024, WORDS_MAX = 4 };

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static size_t split(const char *text, const char *words[WORDS_MAX])
{
	size_t count = 0;

	while (*text) {
		size_t length = strcspn(text, " ");
		words[count++] = arena_text_of(arena, bytes_of(text, length));
		text += length + (text[length] == ' ');
	}
	return count;
}

/* What was written to a stream. */
static const char *written(FILE *stream)
{
	char *text = arena_alloc(arena, PAGE_MAX);

	rewind(stream);
	size_t size = fread(text, 1, PAGE_MAX - 1, stream);
	assert_true(size < PAGE_MAX - 1);
	fclose(stream);
	return text;
}

static void test_commands__each_has_words_help_and_function(void **state)
{
	(void)state;
	assert_true(command_count > 40);
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &commands[i];
		size_t line = strcspn(command->help, "\n");
		assert_non_null(command->run);
		assert_true(strlen(command->words) > 0);
		assert_true(line > 10 && line < 90);
		assert_true(command->help[line - 1] != '.');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(commands[j].words, command->words);
	}
}

/* Operands first, values in capitals, each name once, also with the options of every command. */
static void test_commands__each_synopsis_can_be_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		static const char *const words[] = {"--help"};
		struct arguments read;
		struct err err = {0};
		bool options = false;
		assert_true(arguments_read(arena, commands[i].synopsis, COMMAND_OPTIONS, words, 1,
					   &read, &err));
		for (size_t j = 0; j < read.rule_count; j++) {
			const struct argument_rule *rule = &read.rules[j];
			options = options || !rule->operand;
			assert_true(rule->operand != options);
			const char *capitals = rule->operand ? rule->name : rule->value;
			assert_true(!capitals ||
				    strspn(capitals, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=") ==
					    strlen(capitals));
			for (size_t k = 0; k < j; k++)
				assert_string_not_equal(read.rules[k].name, rule->name);
		}
	}
}

static void test_command_find__finds_each_and_the_longest(void **state)
{
	const char *words[WORDS_MAX + 1];
	size_t used;

	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		size_t count = split(commands[i].words, words);
		words[count] = "more";
		assert_ptr_equal(command_find(words, count + 1, &used), &commands[i]);
		assert_int_equal(used, count);
	}
	assert_null(command_find((const char *const[]){"release"}, 1, &used));
	assert_null(command_find((const char *const[]){"releasecreate"}, 1, &used));
	assert_null(command_find((const char *const[]){"release", "creat"}, 2, &used));
	assert_null(command_find((const char *const[]){"Release", "create"}, 2, &used));
}

static void test_command_help__says_words_synopsis_and_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		FILE *stream = tmpfile();
		command_help(stream, &commands[i]);
		const char *text = written(stream);
		const char *first = arena_text_of(
			arena, bytes_of(commands[i].help, strcspn(commands[i].help, "\n")));
		assert_non_null(strstr(text, commands[i].words));
		assert_non_null(strstr(text, commands[i].synopsis));
		assert_non_null(strstr(text, first));
		assert_int_equal(commands[i].needs_session,
				 strstr(text, "Somebody has to be logged in") != NULL);
	}
}

static void test_command_help_all__keeps_to_the_screen_and_lists_each(void **state)
{
	FILE *stream = tmpfile();

	(void)state;
	command_help_all(stream);
	const char *text = written(stream);
	for (size_t i = 0; i < command_count; i++)
		assert_non_null(strstr(text, arena_printf(arena, "\n    %s ", commands[i].words)));
	while (*text) {
		size_t length = strcspn(text, "\n");
		assert_true(length <= 120);
		text += length + (text[length] == '\n');
	}
}

static void test_command_help_group__lists_what_begins_so(void **state)
{
	FILE *stream = tmpfile();

	(void)state;
	assert_true(command_help_group(stream, (const char *const[]){"campaign"}, 1));
	assert_false(command_help_group(stream, (const char *const[]){"campaig"}, 1));
	assert_false(command_help_group(stream, (const char *const[]){"nothing"}, 1));
	assert_false(command_help_group(stream, NULL, 0));
	const char *text = written(stream);
	assert_non_null(strstr(text, "campaign hold"));
	assert_null(strstr(text, "release create"));
}

static void test_command_help_page__is_the_manual_page(void **state)
{
	struct bytes page;
	struct err err = {0};
	FILE *stream = tmpfile();

	(void)state;
	command_help_page(stream);
	assert_true(file_read(arena, "docs/man/countersign.1", PAGE_MAX, &page, &err));
	/* It differs: countersign help --page >docs/man/countersign.1 */
	assert_true(strcmp(written(stream), arena_text_of(arena, page)) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands__each_has_words_help_and_function),
		cmocka_unit_test(test_commands__each_synopsis_can_be_read),
		cmocka_unit_test(test_command_find__finds_each_and_the_longest),
		cmocka_unit_test(test_command_help__says_words_synopsis_and_help),
		cmocka_unit_test(test_command_help_all__keeps_to_the_screen_and_lists_each),
		cmocka_unit_test(test_command_help_group__lists_what_begins_so),
		cmocka_unit_test(test_command_help_page__is_the_manual_page),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
