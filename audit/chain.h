/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

/*
 * The plain hash chain beside the tree: chain_i = SHA-256(chain_{i-1}, leaf_i), 32 zero bytes
 * before
 * index 0. It proves nothing that the tree does not; it can be walked with psql and sha256sum. And
 * entry bundles (C2SP tlog-tiles): entries one after the other, each behind its length (u16 big-
 * endian).
 */

#include "common/arena.h"
#include "common/digest.h"
#include "common/err.h"

#include <stdint.h>

enum { BUNDLE_ENTRY_MAX = 65535, BUNDLE_ENTRIES_MAX = 256 };

struct sha256 chain_start(void);
struct sha256 chain_next(const struct sha256 *before, const struct sha256 *leaf);

/* E_INPUT: more than 256 entries, or one longer than 65,535 bytes. */
MUST_CHECK bool bundle_write(struct arena *arena, const struct bytes *entries, size_t count,
			     struct bytes *out, struct err *err);
/* The entries point into bundle. E_BUNDLE: cut, or more than 256 entries. */
MUST_CHECK bool bundle_read(struct arena *arena, struct bytes bundle, const struct bytes **out,
			    size_t *count, struct err *err);

#endif
