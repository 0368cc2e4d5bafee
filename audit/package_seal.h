/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_PACKAGE_SEAL_H
#define AUDIT_PACKAGE_SEAL_H

/*
 * The seal of a package: the event export.made, which names the manifest, its size and who made the
 * export, with the proof that it stands in the ledger under a later checkpoint, and the proof that
 * this later ledger begins with the exported one. Every byte of it is covered by the ledger's key.
 *
 *	seal/export.event	the event's bytes
 *	seal/export.proof	C2SP tlog-proof v1: index, inclusion path, the later checkpoint
 *	seal/consistency	hashes from the exported size to the later one, base64, one a line
 */

#include "audit/checkpoint.h"
#include "audit/tree.h"

#define PACKAGE_SEAL_EVENT "seal/export.event"
#define PACKAGE_SEAL_PROOF "seal/export.proof"
#define PACKAGE_SEAL_CONSISTENCY "seal/consistency"

struct package_seal {
	int64_t index; /* of export.made */
	struct tree_path inclusion;
	struct bytes note; /* the later checkpoint */
	struct tree_path consistency;
};

MUST_CHECK bool package_seal_write(struct arena *arena, const struct package_seal *seal,
				   struct bytes *proof, struct bytes *consistency, struct err *err);
/* Their form only. E_PACKAGE. */
MUST_CHECK bool package_seal_read(struct arena *arena, struct bytes proof, struct bytes consistency,
				  struct package_seal *out, struct err *err);

#endif
