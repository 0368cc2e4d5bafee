/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_KEYRING_H
#define DEVICE_AGENT_KEYRING_H

/*
 * Whom this unit trusts: the pinned roots (a file of the unit's maker), and the newest trust
 * document that they and its predecessors vouch for. Documents lie in <dir>/trust-<sha256>; the
 * memory says which one counts, so a cut leaves the old one or the new one in force.
 */

#include "common/wire/papers.h"
#include "device-agent/memory.h"
#include "device-agent/settings.h"

struct keyring {
	bool pinned; /* papers are demanded */
	struct trust_pin pin;
	bool held; /* there is a trust document */
	struct trust trust;
	const struct bytes *cms;
	size_t cms_count;
};

/* E_AGENT_MEMORY: the document that the memory names is gone or changed. E_CONFIG: the unit was
 * pinned once and has no pins any more; `trust reset` is what ends that. */
MUST_CHECK bool keyring_load(struct arena *arena, const struct settings *settings,
			     const struct memory *memory, struct keyring *out, struct err *err);

/* Takes the maker's trust document out of papers, if there is one: checked against pins and the one
 * held, stored, and then in force whatever becomes of the rest of the papers. E_AGENT_TRUST_OLDER,
 * E_AGENT_TRUST_REFUSED, E_AGENT_NO_TRUST. */
MUST_CHECK bool keyring_take(struct arena *arena, const struct settings *settings,
			     const struct papers *papers, struct keyring *keyring,
			     struct memory *memory, struct err *err);

/* Could this agent check papers? Goes through pins and signatures of what it holds once more, so that
 * firmware under which that does not work is never confirmed. E_AGENT_CANNOT_VERIFY. */
MUST_CHECK bool keyring_prove(struct arena *arena, const struct keyring *keyring, struct err *err);

#endif
