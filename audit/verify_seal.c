/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Was this very package taken from the ledger, by whom, and does it fit what the auditor knows from
 * elsewhere: an earlier checkpoint, the scope they asked for?
 */

#include "audit/verify_internal.h"

#include "audit/package_seal.h"

#include <string.h>

/* ---- the seal ---- */

struct sealing {
	struct verify *verify;
	struct bytes event;
	struct event_view view;
	struct package_seal seal;
	struct checkpoint checkpoint;
};

static bool read_part(struct verify *verify, const char *path, size_t max, struct bytes *out)
{
	struct err why = {0};

	if (!package_read(verify->work, &verify->package, path, max, out, &why))
		return verify_incomplete(verify, path, "the seal of the package is not whole: %s",
					 why.text);
	return true;
}

static bool open_seal(struct sealing *at)
{
	struct verify *verify = at->verify;
	struct bytes proof, consistency;
	struct err why = {0};

	if (!read_part(verify, PACKAGE_SEAL_EVENT, EVENT_BYTES_MAX, &at->event) ||
	    !read_part(verify, PACKAGE_SEAL_PROOF, 2 * NOTE_BYTES_MAX, &proof) ||
	    !read_part(verify, PACKAGE_SEAL_CONSISTENCY, NOTE_BYTES_MAX, &consistency))
		return false;
	if (!event_read(verify->work, at->event, &at->view, &why))
		return verify_tampered(verify, PACKAGE_SEAL_EVENT, "it is no event: %s", why.text);
	if (!package_seal_read(verify->work, proof, consistency, &at->seal, &why))
		return verify_tampered(verify,
				       strstr(why.text, "consistency") ? PACKAGE_SEAL_CONSISTENCY
								       : PACKAGE_SEAL_PROOF,
				       "%s", why.text);
	if (!verify_open_checkpoint(verify, at->seal.note, &at->checkpoint, &why))
		return verify_tampered(verify, PACKAGE_SEAL_PROOF,
				       "its checkpoint is not signed for this ledger: %s",
				       why.text);
	return true;
}

/* The event stands in a ledger that begins with the exported one. */
static void check_proofs(struct sealing *at)
{
	const struct package_seal *seal = &at->seal;
	struct sha256 leaf = tree_leaf(at->event);
	struct sha256 root = tree_frontier_root(&at->verify->frontier);
	struct err why = {0};

	if (seal->index < at->verify->package.size)
		verify_find(at->verify, VERIFY_TAMPERED, PACKAGE_SEAL_PROOF,
			    "the export stands before the end of what was exported");
	if (!tree_check_inclusion(&leaf, seal->index, at->checkpoint.size, seal->inclusion.at,
				  seal->inclusion.count, &at->checkpoint.root, &why))
		verify_find(at->verify, VERIFY_TAMPERED, PACKAGE_SEAL_PROOF,
			    "%s is not shown to stand in the ledger: %s", PACKAGE_SEAL_EVENT,
			    why.text);
	err_clear(&why);
	if (!tree_check_consistency(at->verify->package.size, &root, at->checkpoint.size,
				    &at->checkpoint.root, seal->consistency.at,
				    seal->consistency.count, &why))
		verify_find(at->verify, VERIFY_TAMPERED, PACKAGE_SEAL_CONSISTENCY,
			    "the later ledger is not shown to begin with the exported one: %s",
			    why.text);
}

static void check_event(struct sealing *at)
{
	const struct package *package = &at->verify->package;
	const struct doc *data = at->view.event.data;
	const char *scope = doc_get_text(data, "scope");
	const char *root = doc_get_text(data, "root");
	const char *manifest = doc_get_text(data, "manifest_sha256");

	if (at->view.event.kind != EV_EXPORT_MADE || at->view.event.outcome != OUTCOME_DONE) {
		verify_find(at->verify, VERIFY_TAMPERED, PACKAGE_SEAL_EVENT,
			    "it is not the event of an export");
		return;
	}
	if (!scope || strcmp(scope, package->scope) != 0 || !root ||
	    strcmp(root, package->root.text) != 0 ||
	    doc_int(doc_get(data, "size"), -1) != package->size)
		verify_find(at->verify, VERIFY_TAMPERED, PACKAGE_SEAL_EVENT,
			    "it is the event of another export");
	if (!manifest || strcmp(manifest, package->sha256.text) != 0)
		verify_find(at->verify, VERIFY_TAMPERED, "manifest.json",
			    "it is not the manifest that %s names", PACKAGE_SEAL_EVENT);
}

void verify_seal(struct verify *verify)
{
	struct sealing *at = arena_alloc(verify->arena, sizeof(*at));

	at->verify = verify;
	if (open_seal(at)) {
		check_event(at);
		check_proofs(at);
	}
	arena_reset(verify->work);
}

/* ---- what the auditor knows ---- */

static void check_last(struct verify *verify, const char *note)
{
	struct checkpoint last;
	struct err why = {0};

	if (!verify_open_checkpoint(verify, bytes_of_text(note), &last, &why)) {
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "the last checkpoint of the trust file is not signed for this ledger "
			    "by a key that is trusted: %s",
			    why.text);
		return;
	}
	if (last.size > verify->package.size) {
		verify_find(verify, VERIFY_INCOMPLETE, NULL,
			    "not fresh: it ends after %lld events, and the last checkpoint of the "
			    "trust file is over %lld",
			    (long long)verify->package.size, (long long)last.size);
		return;
	}
	verify_expect_root(verify, &last, "the last checkpoint of the trust file", NULL);
}

/* The scope is "all" so far; a trust file that asks for less is answered with more. */
static void check_scope(struct verify *verify, const struct doc *scope)
{
	const char *wanted = doc_get_text(scope, "scope");

	if (wanted && strcmp(wanted, verify->package.scope) != 0)
		verify_find(verify, VERIFY_INCOMPLETE, NULL,
			    "the trust file expects the scope %.60s, and this package has %s",
			    wanted, verify->package.scope);
}

void verify_pinned(struct verify *verify)
{
	const struct trust_pin *pin = verify->pin;

	if (!pin)
		return;
	if (pin->origin && strcmp(pin->origin, verify->package.origin) != 0)
		verify_find(verify, VERIFY_TAMPERED, "manifest.json",
			    "it is of the ledger %.100s, and the trust file expects %.100s",
			    verify->package.origin, pin->origin);
	if (pin->last_checkpoint)
		check_last(verify, pin->last_checkpoint);
	if (pin->scope)
		check_scope(verify, pin->scope);
	arena_reset(verify->work);
}
