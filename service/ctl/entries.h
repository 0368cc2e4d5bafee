/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_ENTRIES_H
#define SERVICE_CTL_ENTRIES_H

/*
 * Lists that administrators write by hand, with names of files instead of their bytes: entries of
 * the trust document and acts of a directory statement.
 */

#include "common/wire/directory.h"
#include "common/wire/trust.h"
#include "service/ctl/ctl.h"

/* The key in a PEM or DER certificate, a PEM public key, or a PEM private key of our own. A
 * certificate's time is given, too; 0 and 0 for others. */
MUST_CHECK bool entries_read_key(struct arena *arena, const char *path, struct bytes *spki,
				 clock_us *not_before, clock_us *not_after, struct err *err);

/* A JSON list of {role, name, person?, cert or key, products?, sites?, not_before?, not_after?}. */
MUST_CHECK bool entries_read_trust(struct arena *arena, const char *path, clock_us issued_at,
				   clock_us expires_at, struct trust_entry **out, size_t *count,
				   struct err *err);

/* A JSON list of acts; what names a file is replaced by what the file holds. Draws the one-time
 * tokens of invitations whose file does not exist yet. */
MUST_CHECK bool entries_read_acts(struct arena *arena, const char *path, clock_us now,
				  const struct doc **out, struct err *err);

#endif
