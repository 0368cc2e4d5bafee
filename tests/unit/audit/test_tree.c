/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are roots and proofs those of RFC 6962, by the known answers of Certificate Transparency, by the
 * recursive definition, and by a second way to check a proof? Is every changed proof refused?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "audit/tree.h"
#include "common/encode.h"

#include <string.h>

enum { ARENA_BYTES = 16 * 1024 * 1024, LEAVES = 260, PAIRS = 70 };

static struct arena *arena;
static struct sha256 leaves[LEAVES];
static struct sha256 roots[LEAVES + 1];

/* ---- the definition, word by word ---- */

static struct sha256 defined_root(const struct sha256 *at, int64_t size)
{
	if (size == 0)
		return digest_sha256(bytes_of("", 0));
	if (size == 1)
		return at[0];
	int64_t left = 1;
	while (left * 2 < size)
		left *= 2;
	struct sha256 a = defined_root(at, left), b = defined_root(at + left, size - left);
	return tree_node(&a, &b);
}

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	for (size_t i = 0; i < LEAVES; i++) {
		unsigned char entry[2] = {(unsigned char)(i >> 8), (unsigned char)i};
		leaves[i] = tree_leaf(bytes_of(entry, sizeof(entry)));
	}
	for (int64_t size = 0; size <= LEAVES; size++)
		roots[size] = defined_root(leaves, size);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct sha256 of_hex(const char *hex)
{
	struct sha256 out = {{0}};
	struct err err = {0};
	assert_true(digest_of_hex(hex, &out, &err));
	return out;
}

static bool same(struct sha256 a, struct sha256 b)
{
	return memcmp(a.at, b.at, SHA256_BYTES) == 0;
}

/* ---- known answers: the leaves and roots of the Certificate Transparency test set ---- */

static const char *const known_leaves[8] = {
	"",
	"00",
	"10",
	"2021",
	"3031",
	"40414243",
	"5051525354555657",
	"606162636465666768696a6b6c6d6e6f",
};
static const char *const known_roots[9] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void known(struct sha256 out[8])
{
	for (size_t i = 0; i < 8; i++) {
		struct bytes entry;
		struct err err = {0};
		assert_true(decode_hex(arena, known_leaves[i], &entry, &err));
		out[i] = tree_leaf(entry);
	}
}

static void test_tree_root__is_the_known_answer(void **state)
{
	(void)state;
	struct sha256 at[8];
	struct tree_frontier frontier = {.size = 0};

	known(at);
	for (int64_t size = 0; size <= 8; size++) {
		assert_true(same(tree_root(at, size), of_hex(known_roots[size])));
		assert_true(same(tree_frontier_root(&frontier), of_hex(known_roots[size])));
		if (size < 8)
			tree_frontier_add(&frontier, &at[size]);
	}
}

static void expect_path(const struct tree_path *path, const char *const *hashes)
{
	size_t count = 0;
	while (hashes[count]) {
		assert_true(count < path->count);
		assert_true(same(path->at[count], of_hex(hashes[count])));
		count++;
	}
	assert_int_equal(path->count, count);
}

static void test_tree_prove__gives_the_known_paths(void **state)
{
	(void)state;
	struct sha256 at[8];
	struct tree_leaves all = {at, 8};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_path path;
	struct err err = {0};

	known(at);
	assert_true(tree_prove_inclusion(&source, 5, 8, &path, &err));
	expect_path(&path,
		    (const char *const[]){
			    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			    known_roots[4], NULL});
	assert_true(tree_prove_inclusion(&source, 6, 7, &path, &err));
	expect_path(&path,
		    (const char *const[]){
			    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			    known_roots[4], NULL});
	assert_true(tree_prove_consistency(&source, 6, 8, &path, &err));
	expect_path(&path,
		    (const char *const[]){
			    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			    known_roots[4], NULL});
}

/* ---- against the definition ---- */

static void test_tree_root__is_the_defined_one_for_every_size(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, LEAVES};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_frontier frontier = {.size = 0};

	for (int64_t size = 0; size <= LEAVES; size++) {
		struct sha256 root;
		struct err err = {0};
		assert_true(same(tree_root(leaves, size), roots[size]));
		assert_true(same(tree_frontier_root(&frontier), roots[size]));
		assert_true(tree_source_root(&source, size, &root, &err));
		assert_true(same(root, roots[size]));
		assert_int_equal(frontier.size, size);
		if (size < LEAVES)
			tree_frontier_add(&frontier, &leaves[size]);
	}
}

static void test_tree_frontier_read__goes_on_where_it_was_stored(void **state)
{
	(void)state;
	struct tree_frontier frontier = {.size = 0}, again;
	struct err err = {0};

	for (int64_t size = 0; size < LEAVES; size++) {
		struct bytes stored = tree_frontier_bytes(arena, &frontier);
		assert_true(tree_frontier_read(size, stored, &again, &err));
		assert_true(same(tree_frontier_root(&again), roots[size]));
		frontier = again;
		tree_frontier_add(&frontier, &leaves[size]);
	}
	struct bytes stored = tree_frontier_bytes(arena, &frontier);
	assert_int_equal(stored.size, 2 * SHA256_BYTES); /* 260 = 256 + 4 */
	assert_false(tree_frontier_read(LEAVES + 1, stored, &again, &err));
	assert_int_equal(err.code, E_TREE_PROOF);
	err_clear(&err);
	assert_false(
		tree_frontier_read(LEAVES, bytes_of(stored.data, stored.size - 1), &again, &err));
	err_clear(&err);
	assert_false(tree_frontier_read(-1, bytes_of(NULL, 0), &again, &err));
	assert_int_equal(err.code, E_TREE_RANGE);
}

/* ---- a second way to check inclusion: by the number of hashes on either side ---- */

static int bits(int64_t number)
{
	int count = 0;
	for (; number; number >>= 1)
		count++;
	return count;
}

static bool second_check(const struct sha256 *leaf, int64_t index, int64_t size,
			 const struct sha256 *path, size_t count, const struct sha256 *root)
{
	if (index < 0 || index >= size)
		return false;
	int inner = bits(index ^ (size - 1));
	int border = __builtin_popcountll((unsigned long long)(index >> inner));
	struct sha256 hash = *leaf;
	if (count != (size_t)(inner + border))
		return false;
	for (int i = 0; i < inner; i++)
		hash = (index >> i) & 1 ? tree_node(&path[i], &hash) : tree_node(&hash, &path[i]);
	for (size_t i = (size_t)inner; i < count; i++)
		hash = tree_node(&path[i], &hash);
	return same(hash, *root);
}

static bool checks(const struct sha256 *leaf, int64_t index, int64_t size,
		   const struct tree_path *path, const struct sha256 *root)
{
	struct err err = {0};
	bool ok = tree_check_inclusion(leaf, index, size, path->at, path->count, root, &err);
	assert_int_equal(err.code, ok ? E_NONE : E_TREE_PROOF);
	assert_int_equal(ok, second_check(leaf, index, size, path->at, path->count, root));
	return ok;
}

/* Everything that can be wrong with one good inclusion proof. */
static void refuse_changes(int64_t index, int64_t size, const struct tree_path *path)
{
	const struct sha256 *leaf = &leaves[index], *root = &roots[size];
	struct tree_path wrong;
	struct sha256 bent = *root;

	for (size_t i = 0; i < path->count; i++) {
		wrong = *path;
		wrong.at[i].at[i % SHA256_BYTES] ^= 0x10;
		assert_false(checks(leaf, index, size, &wrong, root));
		wrong = *path; /* one left out */
		memmove(&wrong.at[i], &wrong.at[i + 1],
			(path->count - i - 1) * sizeof(wrong.at[0]));
		wrong.count--;
		assert_false(checks(leaf, index, size, &wrong, root));
	}
	for (size_t i = 0; i <= path->count; i++) { /* one put in */
		wrong = *path;
		memmove(&wrong.at[i + 1], &wrong.at[i], (path->count - i) * sizeof(wrong.at[0]));
		wrong.at[i] = leaves[0];
		wrong.count++;
		assert_false(checks(leaf, index, size, &wrong, root));
	}
	for (size_t i = 1; i < path->count; i++) { /* two exchanged */
		wrong = *path;
		wrong.at[i] = path->at[i - 1];
		wrong.at[i - 1] = path->at[i];
		assert_false(checks(leaf, index, size, &wrong, root));
	}
	assert_false(checks(leaf, index + 1, size, path, root));
	assert_false(checks(leaf, index - 1, size, path, root));
	assert_false(checks(leaf, index + size, size, path, root));
	assert_false(checks(&leaves[LEAVES - 1], index, size, path, root));
	bent.at[31] ^= 1;
	assert_false(checks(leaf, index, size, path, &bent));
}

static void test_tree_check_inclusion__takes_every_leaf_and_no_changed_proof(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, LEAVES};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_path path;
	struct err err = {0};

	for (int64_t size = 1; size <= PAIRS; size++) {
		for (int64_t index = 0; index < size; index++) {
			assert_true(tree_prove_inclusion(&source, index, size, &path, &err));
			assert_true(checks(&leaves[index], index, size, &path, &roots[size]));
			refuse_changes(index, size, &path);
		}
	}
	for (int64_t index = 0; index < LEAVES; index++) {
		assert_true(tree_prove_inclusion(&source, index, LEAVES, &path, &err));
		assert_true(checks(&leaves[index], index, LEAVES, &path, &roots[LEAVES]));
	}
}

/* Sizes are part of what is proven, where another size means another shape of the proof. */
static void test_tree_check_inclusion__refuses_a_size_of_another_shape(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, LEAVES};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_path path;
	struct err err = {0};

	assert_true(tree_prove_inclusion(&source, 4, 5, &path, &err));
	assert_int_equal(path.count, 1);
	assert_true(checks(&leaves[4], 4, 5, &path, &roots[5]));
	assert_false(checks(&leaves[4], 4, 6, &path, &roots[5]));
	assert_false(checks(&leaves[4], 4, 4, &path, &roots[5]));
	assert_false(checks(&leaves[4], 4, 0, &path, &roots[5]));
	assert_false(checks(&leaves[4], 4, -5, &path, &roots[5]));
	assert_false(checks(&leaves[0], -1, 5, &path, &roots[5]));
}

static bool grows(int64_t from, const struct sha256 *from_root, int64_t to,
		  const struct sha256 *to_root, const struct tree_path *path)
{
	struct err err = {0};
	bool ok = tree_check_consistency(from, from_root, to, to_root, path->at, path->count, &err);
	assert_int_equal(err.code, ok ? E_NONE : E_TREE_PROOF);
	return ok;
}

static void refuse_other_growth(int64_t from, int64_t to, const struct tree_path *path)
{
	struct tree_path wrong;
	struct sha256 bent = roots[from];

	for (size_t i = 0; i < path->count; i++) {
		wrong = *path;
		wrong.at[i].at[31 - i % SHA256_BYTES] ^= 0x01;
		assert_false(grows(from, &roots[from], to, &roots[to], &wrong));
		wrong = *path;
		memmove(&wrong.at[i], &wrong.at[i + 1],
			(path->count - i - 1) * sizeof(wrong.at[0]));
		wrong.count--;
		assert_false(grows(from, &roots[from], to, &roots[to], &wrong));
	}
	for (size_t i = 0; i <= path->count; i++) {
		wrong = *path;
		memmove(&wrong.at[i + 1], &wrong.at[i], (path->count - i) * sizeof(wrong.at[0]));
		wrong.at[i] = leaves[1];
		wrong.count++;
		assert_false(grows(from, &roots[from], to, &roots[to], &wrong));
	}
	bent.at[0] ^= 0x80;
	if (from > 0)
		assert_false(grows(from, &bent, to, &roots[to], path));
	bent = roots[to];
	bent.at[0] ^= 0x80;
	if (from > 0)
		assert_false(grows(from, &roots[from], to, &bent, path));
	if (from != to)
		assert_false(grows(to, &roots[to], from, &roots[from], path));
}

static void test_tree_check_consistency__takes_every_growth_and_no_changed_proof(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, LEAVES};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_path path;
	struct err err = {0};

	for (int64_t to = 0; to <= PAIRS; to++) {
		for (int64_t from = 0; from <= to; from++) {
			assert_true(tree_prove_consistency(&source, from, to, &path, &err));
			if (from == 0 || from == to)
				assert_int_equal(path.count, 0);
			assert_true(grows(from, &roots[from], to, &roots[to], &path));
			refuse_other_growth(from, to, &path);
		}
	}
}

/* The tree's past may not change: leaf 3 is another one in the grown tree. */
static void test_tree_check_consistency__refuses_a_rewritten_past(void **state)
{
	(void)state;
	struct sha256 forged[8];
	struct tree_leaves all = {forged, 8};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_path path;
	struct err err = {0};

	memcpy(forged, leaves, sizeof(forged));
	forged[3] = leaves[200];
	struct sha256 root = tree_root(forged, 8);
	for (int64_t from = 4; from < 8; from++) {
		assert_true(tree_prove_consistency(&source, from, 8, &path, &err));
		assert_false(grows(from, &roots[from], 8, &root, &path));
	}
}

/* The empty tree begins every tree, and has one root. */
static void test_tree_check_consistency__knows_the_empty_tree(void **state)
{
	(void)state;
	struct tree_path none = {.count = 0}, one = {.count = 1};

	assert_true(grows(0, &roots[0], 0, &roots[0], &none));
	assert_true(grows(0, &roots[0], 9, &roots[9], &none));
	assert_false(grows(0, &roots[1], 9, &roots[9], &none));
	assert_false(grows(0, &roots[0], 0, &roots[1], &none));
	assert_false(grows(0, &roots[0], 9, &roots[9], &one));
	assert_false(grows(9, &roots[9], 9, &roots[9], &one));
	assert_false(grows(9, &roots[9], 9, &roots[8], &none));
}

static void test_tree_check__refuses_sizes_out_of_range(void **state)
{
	(void)state;
	struct tree_path none = {.count = 0};

	assert_false(grows(-1, &roots[1], 1, &roots[1], &none));
	assert_false(grows(1, &roots[1], TREE_SIZE_MAX + 1, &roots[1], &none));
	assert_false(checks(&leaves[0], INT64_MIN, 1, &none, &leaves[0]));
	struct err err = {0};
	assert_false(tree_check_inclusion(&leaves[0], 0, TREE_SIZE_MAX + 1, none.at, 0, &leaves[0],
					  &err));
	assert_int_equal(err.code, E_TREE_PROOF);
}

/* Answers `answers` ranges, then no more. */
static bool few_ranges(void *context, int64_t start, int level, struct sha256 *out, struct err *err)
{
	int *answers = context;
	(void)start;
	(void)level;
	*out = leaves[0];
	return (*answers)-- > 0 || err_fail(err, E_DB, "the table went away");
}

static void test_tree_prove__ends_where_its_source_ends(void **state)
{
	(void)state;
	struct tree_path path;

	for (int enough = 0; enough < 4; enough++) {
		int answers = enough;
		struct tree_source source = {&answers, few_ranges};
		struct err err = {0};
		assert_false(tree_prove_consistency(&source, 6, 15, &path, &err)); /* asks for 5 */
		assert_int_equal(err.code, E_DB);
	}
	for (int enough = 0; enough < 3; enough++) {
		int answers = enough;
		struct tree_source source = {&answers, few_ranges};
		struct err err = {0};
		assert_false(tree_prove_consistency(&source, 6, 8, &path, &err)); /* asks for 3 */
		assert_int_equal(err.code, E_DB);
	}
}

static bool no_range(void *context, int64_t start, int level, struct sha256 *out, struct err *err)
{
	(void)context;
	(void)start;
	(void)level;
	(void)out;
	return err_fail(err, E_DB, "the table is away");
}

static void test_tree_prove__refuses_what_is_not_there(void **state)
{
	(void)state;
	struct tree_leaves all = {leaves, 10};
	struct tree_source source = tree_source_of_leaves(&all);
	struct tree_source away = {NULL, no_range};
	struct tree_path path = {.count = 99};
	struct sha256 root;
	struct err err = {0};

	assert_false(tree_prove_inclusion(&source, 10, 10, &path, &err));
	assert_int_equal(err.code, E_TREE_RANGE);
	err_clear(&err);
	assert_false(tree_prove_inclusion(&source, -1, 10, &path, &err));
	err_clear(&err);
	assert_false(tree_prove_inclusion(&source, 0, 11, &path, &err)); /* more than there are */
	assert_int_equal(err.code, E_TREE_RANGE);
	err_clear(&err);
	assert_false(tree_prove_consistency(&source, 5, 4, &path, &err));
	err_clear(&err);
	assert_false(tree_prove_consistency(&away, 3, 7, &path, &err));
	assert_int_equal(err.code, E_DB);
	err_clear(&err);
	assert_false(tree_source_root(&away, 1, &root, &err));
	err_clear(&err);
	assert_false(tree_source_root(&source, TREE_SIZE_MAX + 1, &root, &err));
	err_clear(&err);
	assert_false(tree_source_root(&source, -1, &root, &err));
	err_clear(&err);
	assert_false(tree_prove_inclusion(&source, 0, TREE_SIZE_MAX + 1, &path, &err));
	err_clear(&err);
	assert_false(tree_prove_consistency(&source, -1, 4, &path, &err));
	err_clear(&err);
	assert_false(tree_prove_consistency(&source, 1, TREE_SIZE_MAX + 1, &path, &err));
	assert_int_equal(err.code, E_TREE_RANGE);
	assert_int_equal(path.count, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_root__is_the_known_answer),
		cmocka_unit_test(test_tree_prove__gives_the_known_paths),
		cmocka_unit_test(test_tree_root__is_the_defined_one_for_every_size),
		cmocka_unit_test(test_tree_frontier_read__goes_on_where_it_was_stored),
		cmocka_unit_test(test_tree_check_inclusion__takes_every_leaf_and_no_changed_proof),
		cmocka_unit_test(test_tree_check_inclusion__refuses_a_size_of_another_shape),
		cmocka_unit_test(
			test_tree_check_consistency__takes_every_growth_and_no_changed_proof),
		cmocka_unit_test(test_tree_check_consistency__refuses_a_rewritten_past),
		cmocka_unit_test(test_tree_check_consistency__knows_the_empty_tree),
		cmocka_unit_test(test_tree_check__refuses_sizes_out_of_range),
		cmocka_unit_test(test_tree_prove__ends_where_its_source_ends),
		cmocka_unit_test(test_tree_prove__refuses_what_is_not_there),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
