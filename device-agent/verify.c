/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is really in a bank? For the read-back after a download, and for reports, which name what
 * runs and not what was sent.
 */

#include "device-agent/verify.h"

#include "common/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 128 * 1024 };

static bool add_all(int fd, uint64_t size, struct digest *digest, struct err *err)
{
	unsigned char piece[PIECE_BYTES];

	for (uint64_t done = 0; done < size;) {
		size_t want = size - done < PIECE_BYTES ? (size_t)(size - done) : PIECE_BYTES;
		ssize_t n = pread(fd, piece, want, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_fail(err, E_AGENT_BANK, "reading back at %llu: %s",
					(unsigned long long)done,
					n < 0 ? strerror(errno) : "the bank ends there");
		digest_add(digest, bytes_of(piece, (size_t)n));
		done += (uint64_t)n;
	}
	return true;
}

bool verify_digest(const struct bank_chain *banks, enum bank_name bank, uint64_t size,
		   struct sha256_hex *out, struct err *err)
{
	struct digest *digest;
	struct sha256 sum;
	int fd;
	bool ok;

	if (!banks->open_read(banks->self, bank, &fd, err))
		return false;
	/* Not from memory: what counts is what the device gives back. Advice only. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	digest = digest_new(DIGEST_SHA256);
	ok = add_all(fd, size, digest, err);
	digest_so_far(digest, sum.at);
	digest_free(digest);
	close(fd);
	if (ok)
		*out = digest_hex(&sum);
	return ok;
}
