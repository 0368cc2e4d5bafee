/* SPDX-License-Identifier: Apache-2.0 */
/* Is reading bounded, and does a replaced file always hold the old or the new, never half? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(8 * 1024 * 1024);
	snprintf(folder, sizeof(folder), "/tmp/countersign-file-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static const char *in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static int end(void **state)
{
	static const char *const names[] = {"a", "a.new", "b", "c/d/e", "c/d", "c"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(in_folder(names[i]));
	int left = rmdir(folder); /* a test that leaves anything else behind is told so */
	arena_free(arena);
	return left;
}

static void replace(const char *name, const char *words)
{
	struct err err = {0};
	if (!file_replace(in_folder(name), bytes_of_text(words), 0600, &err))
		fail_msg("%s", err.text);
}

static void holds(const char *name, const char *words)
{
	struct err err = {0};
	struct bytes out;
	if (!file_read(arena, in_folder(name), 1024, &out, &err))
		fail_msg("%s", err.text);
	assert_true(bytes_equal(out, bytes_of_text(words)));
}

static bool exists(const char *name)
{
	struct stat about;
	return lstat(in_folder(name), &about) == 0;
}

static void test_file_replace__makes_and_replaces_with_the_mode_asked_for(void **state)
{
	struct err err = {0};
	struct stat about;

	(void)state;
	replace("a", "old and long");
	holds("a", "old and long");
	assert_true(file_replace(in_folder("a"), bytes_of_text("new"), 0644, &err));
	holds("a", "new");
	assert_int_equal(stat(in_folder("a"), &about), 0);
	assert_int_equal(about.st_mode & 0777, 0644);
	replace("a", "");
	holds("a", "");
	assert_int_equal(stat(in_folder("a"), &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_false(exists("a.new"));
}

static void test_file_replace__starts_over_what_a_cut_left_behind(void **state)
{
	(void)state;
	replace("a", "old");
	replace("a.new", "half of something longer");
	replace("a", "new");
	holds("a", "new");
	assert_false(exists("a.new"));
}

static void test_file_replace__follows_no_link_at_its_temporary(void **state)
{
	struct err err = {0};

	(void)state;
	replace("b", "not to be touched");
	assert_int_equal(symlink(in_folder("b"), in_folder("a.new")), 0);
	assert_false(file_replace(in_folder("a"), bytes_of_text("new"), 0600, &err));
	assert_int_equal(err.code, E_FILE);
	holds("b", "not to be touched");
}

/* The disk is full, as far as this process can tell. */
static void test_file_replace__leaves_the_old_file_when_writing_fails(void **state)
{
	static unsigned char large[20000];
	struct rlimit before, small;
	struct err err = {0};

	(void)state;
	replace("a", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 10000;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	bool replaced = file_replace(in_folder("a"), bytes_of(large, sizeof(large)), 0600, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, handler);
	assert_false(replaced);
	assert_int_equal(err.code, E_FILE);
	holds("a", "old");
	assert_false(exists("a.new"));
}

enum { WRITERS = 3, ROUNDS = 60, PAYLOAD = 30000 };
static atomic_bool writing;

static void *write_rounds(void *letter)
{
	char path[128];
	unsigned char payload[PAYLOAD];
	struct err err = {0};

	memset(payload, *(const char *)letter, sizeof(payload));
	snprintf(path, sizeof(path), "%s/a", folder);
	for (int i = 0; i < ROUNDS; i++) {
		if (!file_replace(path, bytes_of(payload, sizeof(payload)), 0600, &err))
			return letter;
	}
	return NULL;
}

static void *read_rounds(void *context)
{
	struct arena *own = arena_new((size_t)PAYLOAD * 4);
	char path[128];
	void *bad = NULL;

	snprintf(path, sizeof(path), "%s/a", folder);
	while (atomic_load(&writing)) {
		struct err err = {0};
		struct bytes out = {0};
		arena_reset(own);
		bool read = file_read(own, path, (size_t)PAYLOAD * 2, &out, &err);
		if (!read || out.size != PAYLOAD ||
		    memcmp(out.data, out.data + 1, PAYLOAD - 1) != 0)
			bad = context;
	}
	arena_free(own);
	return bad;
}

static void test_file_replace__shows_readers_whole_files_of_one_writer(void **state)
{
	static char letters[] = "ABC";
	pthread_t writers[WRITERS], reader;
	void *bad = NULL;

	(void)state;
	assert_null(write_rounds(letters));
	atomic_store(&writing, true);
	assert_int_equal(pthread_create(&reader, NULL, read_rounds, letters), 0);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_rounds, letters + i), 0);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i], &bad);
		assert_null(bad);
	}
	atomic_store(&writing, false);
	pthread_join(reader, &bad);
	assert_null(bad);
	assert_false(exists("a.new"));
}

static void test_file_read__refuses_more_than_the_maximum(void **state)
{
	struct bytes out = bytes_of("before", 6);
	struct err err = {0};

	(void)state;
	replace("a", "0123456789");
	assert_true(file_read(arena, in_folder("a"), 10, &out, &err));
	assert_int_equal(out.size, 10);
	assert_false(file_read(arena, in_folder("a"), 9, &out, &err));
	assert_int_equal(err.code, E_FILE_LIMIT);
	assert_int_equal(out.size, 10);
	/* Of this file the system says that its size is 0, so only reading tells. */
	err_clear(&err);
	assert_false(file_read(arena, "/proc/self/status", 100, &out, &err));
	assert_int_equal(err.code, E_FILE_LIMIT);
	err_clear(&err);
	assert_true(file_read(arena, "/proc/self/status", 100000, &out, &err));
	assert_true(out.size > 100);
}

static void test_file_read__turns_a_small_arena_into_an_error(void **state)
{
	struct arena *small = arena_new(100);
	char words[200];
	struct bytes out;
	struct err err = {0};

	(void)state;
	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	replace("a", words);
	assert_false(file_read(small, in_folder("a"), 1000, &out, &err));
	assert_int_equal(err.code, E_FILE_LIMIT);
	arena_free(small);
}

static void test_file_find__tells_absence_from_failure(void **state)
{
	struct bytes out = bytes_of("before", 6);
	struct err err = {0};
	bool found = true;

	(void)state;
	assert_true(file_find(arena, in_folder("a"), 10, &found, &out, &err));
	assert_false(found);
	assert_int_equal(out.size, 6);
	assert_false(file_read(arena, in_folder("a"), 10, &out, &err));
	assert_int_equal(err.code, E_FILE);
	err_clear(&err);
	replace("a", "x");
	assert_true(file_find(arena, in_folder("a"), 10, &found, &out, &err));
	assert_true(found);
	assert_int_equal(out.size, 1);
	assert_false(file_find(arena, folder, 10, &found, &out, &err)); /* a folder */
	assert_int_equal(err.code, E_FILE);
}

static void test_file_read_line__takes_one_line_and_its_end_off(void **state)
{
	static const struct {
		const char *words, *line; /* NULL: refused */
	} cases[] = {
		{"secret", "secret"},
		{"secret\n", "secret"},
		{"secret\r\n", "secret"},
		{" se cret ", " se cret "},
		{"", NULL},
		{"\n", NULL},
		{"one\ntwo\n", NULL},
		{"one\n\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		char *line = NULL;
		replace("a", cases[i].words);
		bool read = file_read_line(arena, in_folder("a"), &line, &err);
		assert_int_equal(read, cases[i].line != NULL);
		if (read)
			assert_string_equal(line, cases[i].line);
		else
			assert_int_equal(err.code, E_INPUT);
	}
	struct err err = {0};
	char *line = NULL;
	assert_true(file_replace(in_folder("a"), bytes_of("a\0b", 3), 0600, &err));
	assert_false(file_read_line(arena, in_folder("a"), &line, &err));
	assert_null(line);
}

static void test_file_read_all__refuses_a_file_that_ends_early(void **state)
{
	struct err err = {0};
	char out[8] = {0};

	(void)state;
	replace("a", "1234");
	int fd = open(in_folder("a"), O_RDONLY);
	assert_true(fd >= 0);
	assert_true(file_read_all(fd, out, 3, &err));
	assert_string_equal(out, "123");
	assert_false(file_read_all(fd, out, 2, &err));
	assert_int_equal(err.code, E_FILE);
	close(fd);
	err_clear(&err);
	assert_false(file_write_all(fd, bytes_of_text("x"), &err));
	assert_int_equal(err.code, E_FILE);
}

static void test_file_make_folders__makes_all_and_accepts_what_is_there(void **state)
{
	struct err err = {0};
	struct stat about;

	(void)state;
	assert_true(file_make_folders(in_folder("c//d/"), 0750, &err));
	assert_true(file_make_folders(in_folder("c/d"), 0700, &err));
	assert_int_equal(stat(in_folder("c/d"), &about), 0);
	assert_true(S_ISDIR(about.st_mode));
	assert_true(file_sync_folder(in_folder("c/d"), &err));
	replace("a", "a file");
	assert_false(file_make_folders(in_folder("a/b"), 0700, &err));
	assert_int_equal(err.code, E_FILE);
	err_clear(&err);
	assert_false(file_make_folders(in_folder("a"), 0700, &err));
	err_clear(&err);
	assert_false(file_make_folders("", 0700, &err));
	err_clear(&err);
	assert_false(file_sync_folder(in_folder("a"), &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_replace__makes_and_replaces_with_the_mode_asked_for),
		TEST(test_file_replace__starts_over_what_a_cut_left_behind),
		TEST(test_file_replace__follows_no_link_at_its_temporary),
		TEST(test_file_replace__leaves_the_old_file_when_writing_fails),
		TEST(test_file_replace__shows_readers_whole_files_of_one_writer),
		TEST(test_file_read__refuses_more_than_the_maximum),
		TEST(test_file_read__turns_a_small_arena_into_an_error),
		TEST(test_file_find__tells_absence_from_failure),
		TEST(test_file_read_line__takes_one_line_and_its_end_off),
		TEST(test_file_read_all__refuses_a_file_that_ends_early),
		TEST(test_file_make_folders__makes_all_and_accepts_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
