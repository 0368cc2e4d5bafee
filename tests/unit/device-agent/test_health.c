/* SPDX-License-Identifier: Apache-2.0 */
/* Is firmware that cannot boot told from firmware that can, by its bytes alone? */

#include "common/file.h"
#include "device-agent/cpio.h"
#include "device-agent/health.h"
#include "tests/support/depot.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static struct arena *arena;
static char dir[64];
static const char *bank;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	given_folder(dir);
	bank = arena_printf(arena, "%s/bank", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget_folder(dir);
	arena_free(arena);
	return 0;
}

static bool judge(struct bytes image, struct err *err)
{
	const struct health_check check = {.kind = HEALTH_UIMAGE_MULTI};
	int fd;
	bool ok;

	assert_true(file_replace(bank, image, 0600, err));
	fd = open(bank, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ok = health_judge(&check, bank, fd, image.size, err);
	close(fd);
	return ok;
}

static void expect_bad(struct bytes image, const char *words)
{
	struct err err = {0};

	assert_false(judge(image, &err));
	assert_int_equal(err.code, E_AGENT_HEALTH);
	if (strstr(err.text, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, err.text);
}

static void put_u32(unsigned char *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(number >> (24 - 8 * i));
}

/* Makes both CRCs right again after a change, as mkimage would have. */
static struct bytes sealed(unsigned char *image, size_t size)
{
	put_u32(image + 12, (uint32_t)(size - 64));
	put_u32(image + 24, (uint32_t)crc32(0, image + 64, (uInt)(size - 64)));
	put_u32(image + 4, 0);
	put_u32(image + 4, (uint32_t)crc32(0, image, 64));
	return bytes_of(image, size);
}

static void test_health_judge__takes_a_complete_image(void **state)
{
	struct err err = {0};

	(void)state;
	if (!judge(depot_image(arena, 1000000, false), &err))
		fail_msg("%s", err.text);
	assert_true(judge(depot_image(arena, 0, false), &err));
}

static void test_health_judge__refuses_a_truncated_initrd(void **state)
{
	(void)state;
	expect_bad(depot_image(arena, 1000000, true), "cut off");
	expect_bad(depot_image(arena, 100, true), "initrd");
}

static void test_health_judge__refuses_each_kind_of_damage(void **state)
{
	struct bytes good = depot_image(arena, 200000, false);
	unsigned char *image;

	(void)state;
	image = arena_copy(arena, good.data, good.size);
	image[0] ^= 1;
	expect_bad(bytes_of(image, good.size), "U-Boot");
	image = arena_copy(arena, good.data, good.size);
	image[40] ^= 1;
	expect_bad(bytes_of(image, good.size), "header");
	image = arena_copy(arena, good.data, good.size);
	image[good.size - 1] ^= 1;
	expect_bad(bytes_of(image, good.size), "data");
	expect_bad(bytes_of(good.data, good.size - 1), "longer");
	expect_bad(bytes_of(good.data, 63), "shorter");
	/* With right CRCs around them. */
	image = arena_copy(arena, good.data, good.size);
	image[64 + 12 + 56] ^= 1;
	expect_bad(sealed(image, good.size), "no kernel");
	image = arena_copy(arena, good.data, good.size);
	image[64 + 12 + 4096] ^= 1;
	expect_bad(sealed(image, good.size), "no gzip");
	image = arena_copy(arena, good.data, good.size);
	image[good.size - 6] ^= 1; /* the CRC inside the gzip trailer */
	expect_bad(sealed(image, good.size), "damaged");
	image = arena_copy(arena, good.data, good.size);
	put_u32(image + 64, 0); /* no parts at all */
	expect_bad(sealed(image, good.size), "kernel and initrd");
	image = arena_copy(arena, good.data, good.size);
	put_u32(image + 64 + 4, 0x7fffffff);
	expect_bad(sealed(image, good.size), "longer than the image");
	image = arena_copy(arena, good.data, good.size);
	image[30] = 2;
	expect_bad(sealed(image, good.size), "multi");
}

static void test_health_judge__runs_the_program_it_is_given(void **state)
{
	const char *const yes[] = {"/bin/sh", "-c", "test -f \"$BANK\" && test \"$BANK_BYTES\" = 5",
				   NULL};
	const char *const no[] = {"/bin/sh", "-c", "exit 3", NULL};
	const char *const slow[] = {"/bin/sleep", "20", NULL};
	const char *const none[] = {"/nonexistent", NULL};
	struct health_check check = {.kind = HEALTH_COMMAND, .argv = yes, .time_limit_ms = 5000};
	struct err err = {0};
	clock_us began;

	(void)state;
	assert_true(file_replace(bank, bytes_of_text("hello"), 0600, &err));
	assert_true(health_judge(&check, bank, -1, 5, &err));
	assert_false(health_judge(&check, bank, -1, 6, &err));
	err_clear(&err);
	check.argv = no;
	assert_false(health_judge(&check, bank, -1, 5, &err));
	err_clear(&err);
	check.argv = none;
	assert_false(health_judge(&check, bank, -1, 5, &err));
	err_clear(&err);
	check.argv = slow;
	check.time_limit_ms = 100;
	began = clock_boot();
	assert_false(health_judge(&check, bank, -1, 5, &err));
	assert_true(clock_boot() - began < 5 * CLOCK_SECOND);
	assert_non_null(strstr(err.text, "longer"));
}

static void test_cpio_add__takes_any_pieces(void **state)
{
	static const char archive[] =
		"0707010000000100000000000000000000000000000001000000000000000500000000000000000000"
		"0000000000000000000500000000init\0\0hello\0\0\0"
		"0707010000000100000000000000000000000000000001000000000000000000000000000000000000"
		"0000000000000000000B00000000TRAILER!!!\0\0\0\0";
	struct err err = {0};

	(void)state;
	for (size_t piece = 1; piece < sizeof(archive); piece++) {
		struct cpio cpio = {0};

		for (size_t at = 0; at < sizeof(archive) - 1; at += piece) {
			size_t left = sizeof(archive) - 1 - at;

			if (!cpio_add(&cpio, bytes_of(archive + at, left < piece ? left : piece),
				      &err))
				fail_msg("pieces of %zu: %s", piece, err.text);
		}
		assert_int_equal(cpio.entries, 1);
		assert_true(cpio_end(&cpio, &err));
	}
	for (size_t size = 0; size < sizeof(archive) - 20; size += 3) {
		struct cpio cpio = {0};

		if (cpio_add(&cpio, bytes_of(archive, size), &err))
			assert_false(cpio_end(&cpio, &err));
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_health_judge__takes_a_complete_image, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_health_judge__refuses_a_truncated_initrd,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_health_judge__refuses_each_kind_of_damage,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_health_judge__runs_the_program_it_is_given,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cpio_add__takes_any_pieces, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
