/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */

/* Keys, trust documents and papers for tests of the device; see depot.h. */

#include "tests/support/depot.h"

#include "audit/tree.h"
#include "common/file.h"
#include "tests/support/process.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define CAMPAIGN "7c1f6d0e-5b7a-4c3d-9a51-2f1f3a0f9b10"
#define RELEASE "0e0c7a52-92f5-4d7f-8a35-6c1b8f6b2d11"
#define DAY (86400 * CLOCK_SECOND)

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* ---- folders ---- */

void given_folder(char out[64])
{
	memcpy(out, "/tmp/countersign-depot.XXXXXX", 30);
	assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *is, int kind, struct FTW *walk)
{
	(void)is;
	(void)kind;
	(void)walk;
	return remove(path);
}

void forget_folder(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- keys ---- */

static void pki(const char *const argv[])
{
	char output[4096];
	int status = -1;

	if (!process_run(argv, NULL, &status, output, sizeof(output)) || status != 0)
		fail_msg("tools/pki.sh: %s", output);
}

static void load_key(const struct depot *depot, const char *name, struct sign_key **out)
{
	struct err err = {0};

	if (!sign_key_new(arena_printf(depot->arena, "%s/%s", depot->dir, name), out, &err))
		fail_msg("%s: %s", name, err.text);
}

static void load_signer(const struct depot *depot, const char *name, struct depot_signer *out)
{
	struct bytes file;
	struct err err = {0};

	load_key(depot, arena_printf(depot->arena, "%s.key", name), &out->key);
	assert_true(file_read(depot->arena,
			      arena_printf(depot->arena, "%s/%s.pem", depot->dir, name), 65536,
			      &file, &err));
	assert_true(sign_cert_read(depot->arena, file, &out->cert, &err));
}

static void make_leaf(const struct depot *depot, const char *role, const char *name,
		      struct depot_signer *out)
{
	const char *const argv[] = {"tools/pki.sh",
				    arena_printf(depot->arena, "%s/pki", depot->dir),
				    "leaf",
				    role,
				    arena_printf(depot->arena, "EXAMPLE-%s", name),
				    arena_printf(depot->arena, "%s/%s.key", depot->dir, name),
				    arena_printf(depot->arena, "%s/%s.pem", depot->dir, name),
				    NULL};

	pki(argv);
	load_signer(depot, name, out);
}

static void make_ed25519(const struct depot *depot, const char *name, struct sign_key **out)
{
	const char *file = arena_printf(depot->arena, "%s.key", name);
	const char *const argv[] = {"tools/pki.sh",
				    arena_printf(depot->arena, "%s/pki", depot->dir), "ed25519",
				    arena_printf(depot->arena, "%s/%s", depot->dir, file), NULL};

	pki(argv);
	load_key(depot, file, out);
}

void given_depot(struct depot *depot)
{
	*depot = (struct depot){.arena = arena_new(128 * 1024 * 1024)};
	given_folder(depot->dir);
	const char *const argv[] = {"tools/pki.sh",
				    arena_printf(depot->arena, "%s/pki", depot->dir), NULL};

	pki(argv);
	for (int i = 0; i < 3; i++)
		load_signer(depot, arena_printf(depot->arena, "pki/root%d", i + 1),
			    &depot->root[i]);
	make_leaf(depot, "author", "author", &depot->author);
	make_leaf(depot, "author", "other-author", &depot->other_author);
	make_leaf(depot, "keeper", "keeper", &depot->keeper);
	make_leaf(depot, "keeper", "stranger", &depot->stranger);
	make_ed25519(depot, "lease", &depot->lease);
	make_ed25519(depot, "stranger-lease", &depot->stranger_lease);
	make_ed25519(depot, "report", &depot->report);
	/* Certificates tell whole seconds, and must have begun. */
	depot->now = clock_now() + CLOCK_SECOND;
}

void forget_depot(struct depot *depot)
{
	struct sign_key *keys[] = {depot->root[0].key,	depot->root[1].key, depot->root[2].key,
				   depot->author.key,	depot->keeper.key,  depot->other_author.key,
				   depot->stranger.key, depot->lease,	    depot->stranger_lease,
				   depot->report};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		sign_key_free(keys[i]);
	forget_folder(depot->dir);
	arena_free(depot->arena);
}

/* ---- trust ---- */

const char *depot_pins(const struct depot *depot)
{
	struct sha256_hex roots[3];
	const struct trust_pin pin = {.slot = "maker", .roots = {2, roots, 3}};
	const char *path = arena_printf(depot->arena, "%s/pins", depot->dir);
	struct bytes file;
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		roots[i] = depot->root[i].cert.key_id;
	assert_true(trust_pin_write(depot->arena, &pin, &file, &err));
	assert_true(file_replace(path, file, 0600, &err));
	return path;
}

static struct trust_entry entry(const struct depot *depot, const char *role, const char *name,
				const struct sign_key *key)
{
	return (struct trust_entry){
		.role = role,
		.name = name,
		.key = {sign_alg_word(sign_key_alg(key)), sign_key_spki(key)},
		.not_before = depot->now - DAY,
		.not_after = depot->now + 100 * DAY,
	};
}

void depot_trust(const struct depot *depot, int64_t version, int64_t floor, int signers,
		 struct papers_trust *out)
{
	static const char *const other[] = {"EXAMPLE-other"};
	struct bytes keys[3], *cms = arena_array(depot->arena, 2, sizeof(*cms));
	struct trust_entry entries[] = {
		entry(depot, "author", "EXAMPLE-author", depot->author.key),
		entry(depot, "author", "EXAMPLE-other-author", depot->other_author.key),
		entry(depot, "keeper", "EXAMPLE-keeper", depot->keeper.key),
		entry(depot, "lease", "EXAMPLE-lease", depot->lease),
	};
	const struct shape_pair floors[] = {{"EXAMPLE-pump", floor}};
	struct trust trust = {.version = version,
			      .issued_at = depot->now,
			      .expires_at = depot->now + 100 * DAY,
			      .slot = "maker",
			      .roots = {2, keys, 3},
			      .entries = entries,
			      .entry_count = 4,
			      .floors = floors,
			      .floor_count = floor > 0 ? 1 : 0};
	struct err err = {0};

	entries[1].products = (struct text_list){other, 1};
	for (int i = 0; i < 3; i++)
		keys[i] = sign_key_spki(depot->root[i].key);
	*out = (struct papers_trust){.slot = "maker", .cms = cms, .cms_count = (size_t)signers};
	if (!trust_write(depot->arena, &trust, &out->document, &err))
		fail_msg("trust: %s", err.text);
	for (int i = 0; i < signers; i++)
		assert_true(sign_cms(depot->arena, depot->root[i].key, &depot->root[i].cert,
				     out->document, &cms[i], &err));
}

/* ---- papers ---- */

void depot_order(const struct depot *depot, struct depot_order *out)
{
	*out = (struct depot_order){
		.nonce = "AAAAAAAAAAAAAAAAAAAAAA",
		.step = "install",
		.lease_device = "EXAMPLE-unit",
		.lease_deployment = CAMPAIGN,
		.attempt = 1,
		.for_s = 600,
		.lease_trust_version = 1,
		.issued_at = depot->now,
		.lease_key = depot->lease,
		.campaign = CAMPAIGN,
		.permit_product = "EXAMPLE-pump",
		.number = 3,
		.sequence = 7,
		.permit_trust_version = 1,
		.not_before = depot->now - DAY,
		.not_after = depot->now + DAY,
		.keeper = &depot->keeper,
		.product = "EXAMPLE-pump",
		.version = "2.0.1",
		.manifest_hardware = "r1",
		.manifest_sequence = 7,
		.security_floor = 5,
		.author = &depot->author,
		.image_bytes = 1,
		.device = "EXAMPLE-unit",
		.hardware = "r1",
		.trust_version = 1,
		.trust_signers = 2,
	};
	out->image_sha256 = digest_sha256_hex(bytes_of_text("x"));
}

static struct sha256_hex no_digest(void)
{
	struct sha256_hex out;

	memcpy(out.text, zeros, sizeof(out.text));
	return out;
}

static void make_manifest(const struct depot *depot, const struct depot_order *order,
			  struct arena *arena, struct papers *out)
{
	const struct manifest_artifact image = {"image.uimg", order->image_bytes,
						order->image_sha256};
	const struct manifest manifest = {.product = order->product,
					  .version = order->version,
					  .sequence = order->manifest_sequence,
					  .security_floor = order->security_floor,
					  .hardware = {&order->manifest_hardware, 1},
					  .artifacts = &image,
					  .artifact_count = 1,
					  .made_at = depot->now};
	struct err err = {0};

	if (!manifest_write(arena, &manifest, &out->manifest, &err) ||
	    !sign_cms(arena, order->author->key, &order->author->cert, out->manifest,
		      &out->author_cms, &err))
		fail_msg("manifest: %s", err.text);
}

/* The unit is target 2 before sorting; like the others it gets its place by its leaf's hash. */
static void make_target(const struct depot_order *order, struct arena *arena, struct papers *out,
			struct sha256 *root)
{
	struct sha256 leaves[DEPOT_TARGETS];
	struct bytes documents[DEPOT_TARGETS];
	const struct tree_leaves list = {leaves, DEPOT_TARGETS};
	const struct tree_source source = tree_source_of_leaves(&list);
	struct tree_path path;
	struct err err = {0};
	int64_t at = -1, shown;

	for (int i = 0; i < DEPOT_TARGETS; i++) {
		const struct target target = {
			.campaign = order->campaign,
			.device = i == 2 && !order->not_in_tree
					  ? order->device
					  : arena_printf(arena, "EXAMPLE-unit-%d", i),
			.hardware = order->hardware,
			.market = "EU",
			.site = "EXAMPLE-site",
			.salt = arena_printf(arena, "%032d", i)};
		struct bytes document;
		struct sha256 leaf;
		int place = i;

		assert_true(target_write(arena, &target, &document, &err));
		leaf = tree_leaf(document);
		for (; place > 0 && memcmp(leaves[place - 1].at, leaf.at, SHA256_BYTES) > 0;
		     place--) {
			leaves[place] = leaves[place - 1];
			documents[place] = documents[place - 1];
		}
		leaves[place] = leaf;
		documents[place] = document;
	}
	for (int i = 0; i < DEPOT_TARGETS; i++) {
		struct target target;

		assert_true(target_parse(arena, documents[i], &target, &err));
		if (strcmp(target.device, order->device) == 0 ||
		    (order->not_in_tree && strcmp(target.salt + 31, "2") == 0))
			at = i;
	}
	*root = tree_root(leaves, DEPOT_TARGETS);
	shown = order->leaf_of_other || order->path_of_other ? (at + 1) % DEPOT_TARGETS : at;
	assert_true(tree_prove_inclusion(&source, shown, DEPOT_TARGETS, &path, &err));
	out->target =
		(struct papers_target){.leaf = documents[order->leaf_of_other ? shown : at],
				       .index = shown + (order->index_off ? 1 : 0),
				       .size = DEPOT_TARGETS,
				       .path_count = path.count - (order->path_short ? 1 : 0)};
	if (order->not_in_tree) {
		const struct target target = {.campaign = order->campaign,
					      .device = order->device,
					      .hardware = order->hardware,
					      .market = "EU",
					      .site = "EXAMPLE-site",
					      .salt = arena_printf(arena, "%032d", 2)};

		assert_true(target_write(arena, &target, &out->target.leaf, &err));
	}
	struct sha256_hex *hex = arena_array(arena, path.count, sizeof(*hex));
	for (size_t i = 0; i < path.count; i++)
		hex[i] = digest_hex(&path.at[i]);
	out->target.path = hex;
}

static void make_permit(const struct depot_order *order, struct arena *arena,
			const struct sha256 *root, struct papers *out)
{
	const struct permit permit = {
		.campaign = order->campaign,
		.number = order->number,
		.product = order->permit_product,
		.release = RELEASE,
		.manifest_sha256 = order->permit_names_other_manifest
					   ? digest_sha256_hex(bytes_of_text("other"))
					   : digest_sha256_hex(out->manifest),
		.sequence = order->sequence,
		.release_verdict_sha256 = digest_sha256_hex(bytes_of_text("a")),
		.campaign_verdict_sha256 = digest_sha256_hex(bytes_of_text("b")),
		.opened_index = 17,
		.not_before = order->not_before,
		.not_after = order->not_after,
		.trust_version = {.maker = order->permit_trust_version},
		.target = {digest_hex(root), DEPOT_TARGETS},
		.assurance_min = "permit-checked",
	};
	struct err err = {0};

	if (!permit_write(arena, &permit, &out->permit, &err) ||
	    !sign_cms(arena, order->keeper->key, &order->keeper->cert, out->permit,
		      &out->permit_cms, &err))
		fail_msg("permit: %s", err.text);
}

static void make_lease(const struct depot *depot, const struct depot_order *order,
		       struct arena *arena, struct papers *out)
{
	struct papers_trust trust;
	struct lease lease = {
		.step = order->step,
		.permit_sha256 = order->lease_for_other_permit ? no_digest()
							       : digest_sha256_hex(out->permit),
		.device = order->lease_device,
		.deployment = order->lease_deployment,
		.attempt = order->attempt,
		.nonce = order->nonce,
		.issued_at = order->issued_at,
		.for_s = order->for_s,
		.trust_version = {.maker = order->lease_trust_version},
	};
	struct bytes document;
	struct err err = {0};

	depot_trust(depot, order->lease_trust_version, order->trust_floor, 1, &trust);
	lease.trust_sha256.maker = digest_sha256_hex(trust.document);
	if (!lease_write(arena, &lease, &document, &err) ||
	    !envelope_sign(arena, order->lease_key, LEASE_TYPE, document, &out->lease, &err))
		fail_msg("lease: %s", err.text);
}

void depot_papers(const struct depot *depot, const struct depot_order *order, struct arena *arena,
		  struct papers *out)
{
	struct papers_trust *trust = arena_alloc(arena, sizeof(*trust));
	struct sha256 root;

	*out = (struct papers){.server_time = depot->now};
	if (order->trust_version > 0) {
		depot_trust(depot, order->trust_version, order->trust_floor, order->trust_signers,
			    trust);
		out->trust = trust;
		out->trust_count = 1;
	}
	make_manifest(depot, order, arena, out);
	make_target(order, arena, out, &root);
	make_permit(order, arena, &root, out);
	make_lease(depot, order, arena, out);
}

/* ---- images ---- */

static void put_u32(unsigned char *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(number >> (24 - 8 * i));
}

static size_t put_entry(unsigned char *at, const char *name, const unsigned char *body, size_t size)
{
	char head[111];
	size_t name_size = strlen(name) + 1, end;

	snprintf(head, sizeof(head), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 1U, 0100644U, 0U, 0U, 1U, 0U, (unsigned)size, 0U, 0U, 0U, 0U, (unsigned)name_size,
		 0U);
	memcpy(at, head, 110);
	memcpy(at + 110, name, name_size);
	end = (110 + name_size + 3) / 4 * 4;
	if (size > 0)
		memcpy(at + end, body, size);
	return (end + size + 3) / 4 * 4;
}

static struct bytes make_initrd(struct arena *arena, size_t size)
{
	unsigned char *body = arena_alloc(arena, size + 1);
	unsigned char *cpio = arena_alloc(arena, size + 1024);
	unsigned char *out = arena_alloc(arena, size + size / 8 + 65536);
	z_stream stream = {0};
	size_t at;

	random_fill(body, size);
	at = put_entry(cpio, "init", body, size);
	at += put_entry(cpio + at, "TRAILER!!!", NULL, 0);
	assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, 0), Z_OK);
	stream.next_in = cpio;
	stream.avail_in = (uInt)at;
	stream.next_out = out;
	stream.avail_out = (uInt)(size + size / 8 + 65536);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return bytes_of(out, stream.total_out);
}

struct bytes depot_image(struct arena *arena, size_t initrd_bytes, bool cut)
{
	enum { HEADER = 64, TABLE = 12, KERNEL = 4096 };
	struct bytes initrd = make_initrd(arena, initrd_bytes);
	size_t initrd_size = cut ? initrd.size - initrd.size / 3 : initrd.size;
	size_t data = TABLE + KERNEL + initrd_size;
	unsigned char *image = arena_alloc(arena, HEADER + data);
	unsigned char *at = image + HEADER;

	put_u32(at, KERNEL);
	put_u32(at + 4, (uint32_t)initrd_size);
	memcpy(at + TABLE + 56, "ARM\x64", 4);
	memcpy(at + TABLE + KERNEL, initrd.data, initrd_size);
	put_u32(image, 0x27051956);
	put_u32(image + 12, (uint32_t)data);
	put_u32(image + 24, (uint32_t)crc32(0, at, (uInt)data));
	image[30] = 4;
	put_u32(image + 4, (uint32_t)crc32(0, image, HEADER));
	return bytes_of(image, HEADER + data);
}
