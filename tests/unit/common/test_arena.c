/* SPDX-License-Identifier: Apache-2.0 */
/* Is memory from an arena zeroed, aligned, bounded, and are deferred releases run once, last first? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char released[16];
static size_t released_count;

static void note_release(void *object)
{
	assert_true(released_count < sizeof(released));
	released[released_count++] = *(const char *)object;
}

static void given_no_releases(void)
{
	memset(released, 0, sizeof(released));
	released_count = 0;
}

static void test_arena_alloc__gives_zeroed_aligned_memory_of_every_size(void **state)
{
	(void)state;
	struct arena *arena = arena_new(4 * 1024 * 1024);

	for (size_t size = 0; size < 20000; size = size * 3 / 2 + 1) {
		unsigned char *memory = arena_alloc(arena, size);
		assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 0xff, size);
	}
	arena_free(arena);
}

static void test_arena_alloc__never_gives_the_same_bytes_twice(void **state)
{
	(void)state;
	enum { COUNT = 500 };
	struct arena *arena = arena_new(8 * 1024 * 1024);
	unsigned char *given[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		size_t size =
			1 + i * 37 % 6000; /* small and larger than a block's quarter, mixed */
		given[i] = arena_alloc(arena, size);
		memset(given[i], (int)(i % 251), size);
	}
	for (size_t i = 0; i < COUNT; i++) {
		size_t size = 1 + i * 37 % 6000;
		for (size_t at = 0; at < size; at++)
			assert_int_equal(given[i][at], i % 251);
	}
	arena_free(arena);
}

static void test_arena_reset__memory_is_zeroed_again(void **state)
{
	(void)state;
	struct arena *arena = arena_new(1024);

	for (int round = 0; round < 3; round++) {
		char *memory = arena_alloc(arena, 1000);
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(memory[i], 0);
		memset(memory, 'x', 1000);
		arena_reset(arena);
		assert_int_equal(arena_used(arena), 0);
	}
	arena_free(arena);
}

static void test_arena_left__is_what_may_still_be_asked(void **state)
{
	(void)state;
	struct arena *arena = arena_new(1000);

	assert_int_equal(arena_left(arena), 1000);
	assert_non_null(arena_alloc(arena, 300));
	assert_int_equal(arena_used(arena) + arena_left(arena), 1000);
	assert_non_null(arena_alloc(arena, arena_left(arena)));
	assert_int_equal(arena_left(arena), 0);
	arena_free(arena);
}

static void ask_over_the_maximum(struct arena *arena)
{
	(void)arena_alloc(arena, 101);
}

static void ask_over_the_maximum_in_two_steps(struct arena *arena)
{
	(void)arena_alloc(arena, 60);
	(void)arena_alloc(arena, 60);
}

static void ask_for_an_array_that_overflows(struct arena *arena)
{
	(void)arena_array(arena, SIZE_MAX / 2, 4);
}

static void ask_for_everything(struct arena *arena)
{
	(void)arena_alloc(arena, 1);
	(void)arena_alloc(arena, SIZE_MAX);
}

static void ask_within_the_maximum(struct arena *arena)
{
	(void)arena_alloc(arena, 100);
}

/* The signal that ended a child which asked so; 0 if it came to its end. */
static int signal_after(void (*ask)(struct arena *arena))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit none = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)close(STDERR_FILENO);
		ask(arena_new(100));
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_arena_alloc__over_the_maximum_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(signal_after(ask_over_the_maximum), SIGABRT);
	assert_int_equal(signal_after(ask_over_the_maximum_in_two_steps), SIGABRT);
	assert_int_equal(signal_after(ask_for_an_array_that_overflows), SIGABRT);
	assert_int_equal(signal_after(ask_for_everything), SIGABRT);
	assert_int_equal(signal_after(ask_within_the_maximum), 0);
}

static void test_arena_copy__copies_bytes_and_texts(void **state)
{
	(void)state;
	struct arena *arena = arena_new(4096);
	char source[] = "ab\0cd";

	char *copy = arena_copy(arena, source, sizeof(source));
	struct bytes bytes = arena_bytes(arena, bytes_of(source, sizeof(source)));
	char *text = arena_text(arena, source);
	char *cut = arena_text_of(arena, bytes_of("xyz", 2));
	memset(source, '!', sizeof(source));
	assert_memory_equal(copy, "ab\0cd", 6);
	assert_int_equal(bytes.size, 6);
	assert_memory_equal(bytes.data, "ab\0cd", 6);
	assert_string_equal(text, "ab");
	assert_string_equal(cut, "xy");
	arena_free(arena);
}

static void test_arena_copy__takes_an_empty_run_without_data(void **state)
{
	(void)state;
	struct arena *arena = arena_new(4096);

	assert_int_equal(arena_bytes(arena, bytes_of(NULL, 0)).size, 0);
	assert_string_equal(arena_text_of(arena, bytes_of(NULL, 0)), "");
	arena_free(arena);
}

static void test_arena_printf__formats_any_length(void **state)
{
	(void)state;
	struct arena *arena = arena_new(1024 * 1024);

	assert_string_equal(arena_printf(arena, "%s-%04d", "unit", 7), "unit-0007");
	assert_string_equal(arena_printf(arena, "%s", ""), "");
	char *wide = arena_printf(arena, "%50000d", 1);
	assert_int_equal(strlen(wide), 50000);
	assert_int_equal(wide[49999], '1');
	arena_free(arena);
}

static void test_arena_defer__runs_releases_once_and_last_first(void **state)
{
	(void)state;
	struct arena *arena = arena_new(4096);

	given_no_releases();
	arena_defer(arena, note_release, arena_text(arena, "a"));
	arena_defer(arena, note_release, arena_text(arena, "b"));
	assert_string_equal(released, "");
	arena_reset(arena);
	assert_string_equal(released, "ba");
	arena_defer(arena, note_release, arena_text(arena, "c"));
	arena_free(arena);
	assert_string_equal(released, "bac");
}

static void test_arena_free__takes_null(void **state)
{
	(void)state;
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_alloc__gives_zeroed_aligned_memory_of_every_size),
		cmocka_unit_test(test_arena_alloc__never_gives_the_same_bytes_twice),
		cmocka_unit_test(test_arena_reset__memory_is_zeroed_again),
		cmocka_unit_test(test_arena_left__is_what_may_still_be_asked),
		cmocka_unit_test(test_arena_alloc__over_the_maximum_ends_the_program),
		cmocka_unit_test(test_arena_copy__copies_bytes_and_texts),
		cmocka_unit_test(test_arena_copy__takes_an_empty_run_without_data),
		cmocka_unit_test(test_arena_printf__formats_any_length),
		cmocka_unit_test(test_arena_defer__runs_releases_once_and_last_first),
		cmocka_unit_test(test_arena_free__takes_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
