/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom does this unit trust, and how does that change? For the judgement on papers (papers.c), which
 * looks at the document in force only.
 */

#include "device-agent/keyring.h"

#include "common/file.h"
#include "common/log.h"
#include "device-agent/store.h"

#include <string.h>

#define STORED_TYPE "countersign.agent-trust.v1"
enum { STORED_MAX = 2 * 1024 * 1024, PINS_MAX = 64 * 1024 };

/* A trust document with its signatures, as stored. */
struct stored {
	struct bytes document;
	const struct bytes *cms;
	size_t cms_count;
};
static const struct shape_field fields[] = {
	SHAPE_BYTES(struct stored, document, 1, TRUST_BYTES_MAX),
	SHAPE_BLOBS(struct stored, cms, cms_count, 1, TRUST_ROOTS_MAX),
};
static const struct shape stored_shape =
	SHAPE(STORED_TYPE, STORED_MAX, struct stored, fields, NULL);

static const char *path_of(struct arena *arena, const struct settings *settings,
			   const struct sha256_hex *sha256)
{
	return arena_printf(arena, "%s/trust-%s", settings->dir, sha256->text);
}

static bool load_pins(struct arena *arena, const struct settings *settings,
		      const struct memory *memory, struct keyring *out, struct err *err)
{
	struct bytes file;

	if (settings->pins == NULL)
		return memory->pinned == 0
			       ? true
			       : err_fail(err, E_CONFIG,
					  "this unit was pinned; set pins, or end that with "
					  "countersign-agent trust reset");
	if (!file_read(arena, settings->pins, PINS_MAX, &file, err) ||
	    !trust_pin_parse(arena, file, &out->pin, err)) {
		err_prefix(err, "pins");
		return false;
	}
	if (strcmp(out->pin.slot, "maker") != 0)
		return err_fail(err, E_CONFIG, "pins has to pin the roots of the maker slot");
	out->pinned = true;
	return true;
}

static bool load_document(struct arena *arena, const struct settings *settings,
			  const struct memory *memory, struct keyring *out, struct err *err)
{
	const char *path = path_of(arena, settings, &memory->trust_sha256);
	struct stored stored;
	struct bytes file;
	struct sha256_hex digest;

	if (!file_read(arena, path, STORED_MAX, &file, err) ||
	    !shape_parse(arena, &stored_shape, file, &stored, err) ||
	    !trust_parse(arena, stored.document, &out->trust, err)) {
		err_prefix(err, "%s", path);
		err->code = E_AGENT_MEMORY;
		return false;
	}
	digest = digest_sha256_hex(stored.document);
	if (strcmp(digest.text, memory->trust_sha256.text) != 0)
		return err_fail(err, E_AGENT_MEMORY, "%s was changed", path);
	out->cms = stored.cms;
	out->cms_count = stored.cms_count;
	out->held = true;
	return true;
}

bool keyring_load(struct arena *arena, const struct settings *settings, const struct memory *memory,
		  struct keyring *out, struct err *err)
{
	struct keyring keyring = {0};

	if (!load_pins(arena, settings, memory, &keyring, err))
		return false;
	if (keyring.pinned && memory->trust_version > 0 &&
	    !load_document(arena, settings, memory, &keyring, err))
		return false;
	*out = keyring;
	return true;
}

/* Stores the document, then makes the memory point at it, then forgets the one before. */
static bool put_in_force(struct arena *arena, const struct settings *settings,
			 const struct papers_trust *brought, const struct trust *trust,
			 struct memory *memory, struct err *err)
{
	struct stored stored = {brought->document, brought->cms, brought->cms_count};
	const char *before =
		memory->trust_version > 0 ? path_of(arena, settings, &memory->trust_sha256) : NULL;
	struct bytes file;

	if (!shape_write(arena, &stored_shape, &stored, &file, err) ||
	    !store_replace(path_of(arena, settings, &trust->sha256), file, 0600, err))
		return false;
	memory->trust_version = trust->version;
	memory->trust_sha256 = trust->sha256;
	memory->pinned = 1;
	/* What time it is at least is never kept beyond the end of the document in force: a wrong
	 * lease could otherwise lock the unit out for good. */
	if (memory->time_min_us > trust->expires_at)
		memory->time_min_us = trust->expires_at;
	if (!memory_save(settings->dir, memory, err))
		return false;
	log_info("trust-taken", LOG_INT("version", trust->version),
		 LOG_TEXT("sha256", trust->sha256.text));
	return before == NULL || store_remove(before, err);
}

static bool take_document(struct arena *arena, const struct settings *settings,
			  const struct papers_trust *brought, struct keyring *keyring,
			  struct memory *memory, struct err *err)
{
	struct trust taken;

	if (!trust_accept(arena, &keyring->pin, keyring->held ? &keyring->trust : NULL,
			  brought->document, brought->cms, brought->cms_count, memory->time_min_us,
			  &taken, err)) {
		err->code = err->code == E_TRUST_VERSION_LOWER ? E_AGENT_TRUST_OLDER
							       : E_AGENT_TRUST_REFUSED;
		return false;
	}
	if (!keyring->held || taken.version > keyring->trust.version) {
		if (!put_in_force(arena, settings, brought, &taken, memory, err))
			return false;
		keyring->cms = brought->cms;
		keyring->cms_count = brought->cms_count;
	}
	keyring->trust = taken;
	keyring->held = true;
	return true;
}

bool keyring_take(struct arena *arena, const struct settings *settings, const struct papers *papers,
		  struct keyring *keyring, struct memory *memory, struct err *err)
{
	for (size_t i = 0; i < papers->trust_count; i++)
		if (strcmp(papers->trust[i].slot, "maker") == 0 &&
		    !take_document(arena, settings, &papers->trust[i], keyring, memory, err))
			return false;
	return keyring->held ? true : err_fail(err, E_AGENT_NO_TRUST, NULL);
}

bool keyring_prove(struct arena *arena, const struct keyring *keyring, struct err *err)
{
	struct trust again;

	if (!keyring->pinned)
		return true;
	if (!keyring->held)
		return err_fail(err, E_AGENT_CANNOT_VERIFY, "there is no trust document");
	if (!trust_accept(arena, &keyring->pin, &keyring->trust, keyring->trust.document,
			  keyring->cms, keyring->cms_count, 0, &again, err)) {
		err->code = E_AGENT_CANNOT_VERIFY;
		return false;
	}
	return true;
}
