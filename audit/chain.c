/* SPDX-License-Identifier: Apache-2.0 */
/* Is a row of the log missing or changed, by a plain chain; and the log's entries as a file. */

#include "audit/chain.h"

#include <string.h>

struct sha256 chain_start(void)
{
	return (struct sha256){{0}};
}

struct sha256 chain_next(const struct sha256 *before, const struct sha256 *leaf)
{
	return digest_sha256_pair(bytes_of(before->at, SHA256_BYTES),
				  bytes_of(leaf->at, SHA256_BYTES));
}

bool bundle_write(struct arena *arena, const struct bytes *entries, size_t count, struct bytes *out,
		  struct err *err)
{
	size_t size = 0, at = 0;

	if (count > BUNDLE_ENTRIES_MAX)
		return err_fail(err, E_INPUT, "A bundle holds at most %d entries",
				BUNDLE_ENTRIES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (entries[i].size > BUNDLE_ENTRY_MAX)
			return err_fail(err, E_INPUT, "An entry of the log has at most %d bytes",
					BUNDLE_ENTRY_MAX);
		size += 2 + entries[i].size;
	}
	unsigned char *bundle = arena_alloc(arena, size);
	for (size_t i = 0; i < count; i++) {
		bundle[at++] = (unsigned char)(entries[i].size >> 8);
		bundle[at++] = (unsigned char)(entries[i].size & 0xff);
		if (entries[i].size > 0)
			memcpy(bundle + at, entries[i].data, entries[i].size);
		at += entries[i].size;
	}
	*out = bytes_of(bundle, size);
	return true;
}

bool bundle_read(struct arena *arena, struct bytes bundle, const struct bytes **out, size_t *count,
		 struct err *err)
{
	struct bytes *entries = arena_array(arena, BUNDLE_ENTRIES_MAX, sizeof(*entries));
	size_t found = 0, at = 0;

	while (at < bundle.size) {
		if (found == BUNDLE_ENTRIES_MAX)
			return err_fail(err, E_BUNDLE, "A bundle holds at most %d entries",
					BUNDLE_ENTRIES_MAX);
		if (bundle.size - at < 2)
			return err_fail(err, E_BUNDLE, NULL);
		size_t size = (size_t)bundle.data[at] << 8 | bundle.data[at + 1];
		at += 2;
		if (bundle.size - at < size)
			return err_fail(err, E_BUNDLE, NULL);
		entries[found++] = bytes_of(bundle.data + at, size);
		at += size;
	}
	*out = entries;
	*count = found;
	return true;
}
