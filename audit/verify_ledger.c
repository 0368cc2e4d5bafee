/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are these the events that the checkpoint was signed over, every one, in order, each written by
 * somebody who may? One walk over the bundles gives each event to the part that knows its kind; a
 * second one, when needed, compares roots at earlier sizes.
 */

#include "audit/verify_internal.h"

#include "audit/chain.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { CLOCK_BACK_S = 300, ARENA_RESERVE = 32 * 1024 * 1024, ROOTS_FIRST = 16 };

typedef void (*event_part)(struct verify *verify);

static void refusal(struct verify *verify)
{
	verify_counted(verify, COUNT_REFUSALS);
}

static void row_set_aside(struct verify *verify);

/* NULL: nothing to look at beyond what holds for every event. */
static const event_part parts[EVENT_KINDS] = {
	[EV_TRUST_ADOPTED] = verify_trust_adopted,
	[EV_DIRECTORY_ACTED] = verify_directory_acted,
	[EV_PERSON_CHANGED] = verify_act_recorded,
	[EV_PRODUCT_CHANGED] = verify_act_recorded,
	[EV_DEVICE_REGISTERED] = verify_act_recorded,
	[EV_DEVICE_REVOKED] = verify_act_recorded,
	[EV_RULESET_ADOPTED] = verify_act_recorded,
	[EV_LOGIN_REFUSED] = refusal,
	[EV_DIRECTORY_REFUSED] = refusal,
	[EV_ARTIFACT_STORED] = verify_artifact_stored,
	[EV_RELEASE_DRAFTED] = verify_release_drafted,
	[EV_RELEASE_SEALED] = verify_release_sealed,
	[EV_RELEASE_REFUSED] = refusal,
	[EV_RELEASE_WITHDRAWN] = verify_release_withdrawn,
	[EV_RECORD_ADDED] = verify_record_added,
	[EV_CHALLENGE_GIVEN] = verify_challenge_given,
	[EV_SIGNATURE_GIVEN] = verify_signature_given,
	[EV_SIGNATURE_REFUSED] = refusal,
	[EV_VERDICT_GIVEN] = verify_verdict_given,
	[EV_HISTORY_WRITTEN] = verify_history_written,
	[EV_CAMPAIGN_DRAFTED] = verify_campaign_drafted,
	[EV_CAMPAIGN_SUBMITTED] = verify_campaign_submitted,
	[EV_CAMPAIGN_OPENED] = verify_campaign_opened,
	[EV_CAMPAIGN_REFUSED] = refusal,
	[EV_CAMPAIGN_HELD] = verify_campaign_held,
	[EV_CAMPAIGN_RESUMED] = verify_campaign_resumed,
	[EV_CAMPAIGN_ENDED] = verify_campaign_ended,
	[EV_PERMIT_ISSUED] = verify_permit_issued,
	[EV_LEASE_ISSUED] = verify_lease_issued,
	[EV_LEASE_REFUSED] = refusal,
	[EV_DEPLOYMENT_OFFERED] = verify_deployment_offered,
	[EV_DEPLOYMENT_MOVED] = verify_deployment_moved,
	[EV_DEPLOYMENT_ENDED] = verify_deployment_ended,
	[EV_PROOF_TAKEN] = verify_proof_taken,
	[EV_PROOF_REFUSED] = refusal,
	[EV_DEVICE_REFUSED] = refusal,
	[EV_ACCESS_REFUSED] = refusal,
	[EV_ROW_SET_ASIDE] = row_set_aside,
};

/* ---- every event ---- */

static const char *stream_name(struct arena *arena, const struct event_stream *stream)
{
	return arena_printf(arena, "%s/%s", stream_kind_text(stream->kind), stream->id);
}

static struct verify_stream *stream_at(struct verify *verify, const char *name)
{
	struct verify_stream *place = names_find(verify->streams, name);

	if (!place) {
		place = arena_alloc(verify->arena, sizeof(*place));
		names_put(verify->streams, name, place);
		verify_counted(verify, COUNT_STREAMS);
	}
	return place;
}

/* The keeper set a row of these streams aside: nothing may be opened for them any more. */
static void row_set_aside(struct verify *verify)
{
	const struct doc *streams = doc_get(verify->view->event.data, "streams");

	verify_counted(verify, COUNT_SET_ASIDE);
	verify_find(verify, VERIFY_NOTE, NULL, "the keeper set a row aside: %.200s",
		    verify_text_of(verify, "why"));
	for (size_t i = 0; i < doc_size(streams); i++) {
		const char *name = doc_text(doc_at(streams, i));
		if (name && stream_at(verify, name)->closed_at == 0)
			stream_at(verify, name)->closed_at = verify->view->at;
	}
}

static void check_streams(struct verify *verify)
{
	const struct event *event = &verify->view->event;

	for (size_t i = 0; i < event->stream_count; i++) {
		const struct event_stream *stream = &event->streams[i];
		const char *name = stream_name(verify->work, stream);
		struct verify_stream *place = stream_at(verify, name);
		if (stream->no != place->count + 1)
			verify_find(verify, VERIFY_TAMPERED, NULL,
				    "its number in stream %s is %lld, and %lld would be the next",
				    name, (long long)stream->no, (long long)place->count + 1);
		else if (!digest_equal(stream->prev.at, place->leaf.at, SHA256_BYTES))
			verify_find(verify, VERIFY_TAMPERED, NULL,
				    "it does not follow the event before it in stream %s", name);
		place->count = stream->no;
		place->leaf = verify->leaf;
	}
}

static void check_writer(struct verify *verify)
{
	const struct event_view *view = verify->view;
	bool keeper = strncmp(view->writer, "keeper/", 7) == 0;

	if (!(event_kind_writers(view->event.kind) & (keeper ? WRITER_KEEPER : WRITER_SERVICE)))
		verify_find(verify, VERIFY_TAMPERED, NULL, "%s may not write events of this kind",
			    view->writer);
	if (!keeper)
		return;
	if (view->at < verify->newest - CLOCK_BACK_S * CLOCK_SECOND)
		verify_find(verify, VERIFY_NOTE, NULL,
			    "the keeper's clock went back by more than five minutes");
	if (view->at > verify->newest)
		verify->newest = view->at;
}

/* Gates of what had a row set aside stay closed. */
static void check_closed(struct verify *verify)
{
	const struct event *event = &verify->view->event;
	enum event_kind kind = event->kind;

	if (kind != EV_CAMPAIGN_OPENED && kind != EV_CAMPAIGN_RESUMED && kind != EV_PERMIT_ISSUED)
		return;
	for (size_t i = 0; i < event->stream_count; i++) {
		const struct verify_stream *place =
			stream_at(verify, stream_name(verify->work, &event->streams[i]));
		if (place->closed_at && verify_settled(verify, place->closed_at))
			verify_find(verify, VERIFY_TAMPERED, NULL,
				    "it opens something whose stream was closed, because a row of "
				    "it was set aside");
	}
}

static void walk_event(struct verify *verify, struct bytes entry)
{
	struct event_view view;
	struct err why = {0};

	verify->leaf = tree_leaf(entry);
	verify->chain = chain_next(&verify->chain, &verify->leaf);
	tree_frontier_add(&verify->frontier, &verify->leaf);
	if (!event_read(verify->work, entry, &view, &why)) {
		verify_find(verify, VERIFY_TAMPERED,
			    package_bundle_path(verify->work, verify->index / PACKAGE_ENTRIES),
			    "its bytes are no event: %s", why.text);
		return;
	}
	verify->view = &view;
	if (verify->index == 0)
		verify->report->from = view.at;
	verify->report->until = view.at;
	verify_counted(verify, COUNT_EVENTS);
	check_writer(verify);
	check_streams(verify);
	check_closed(verify);
	if (parts[view.event.kind])
		parts[view.event.kind](verify);
	verify->view = NULL;
}

/* ---- the bundles ---- */

/* Opens bundle `number` in the arena; false with a finding. */
static bool open_bundle(struct verify *verify, struct arena *arena, int64_t number,
			const struct bytes **entries, size_t *count)
{
	const char *path = package_bundle_path(arena, number);
	int64_t left = verify->package.size - number * PACKAGE_ENTRIES;
	struct err why = {0};
	struct bytes bundle;

	if (!package_find(&verify->package, path))
		return verify_incomplete(verify, path, "this bundle of events is missing");
	if (!package_read(arena, &verify->package, path, PACKAGE_FILE_MAX, &bundle, &why))
		return verify_incomplete(verify, path, "it cannot be read: %s", why.text);
	if (!bundle_read(arena, bundle, entries, count, &why))
		return verify_tampered(verify, path, "%s", why.text);
	if (*count != (size_t)(left < PACKAGE_ENTRIES ? left : PACKAGE_ENTRIES))
		return verify_tampered(
			verify, path, "it holds %zu events, and %lld belong there", *count,
			(long long)(left < PACKAGE_ENTRIES ? left : PACKAGE_ENTRIES));
	return true;
}

static bool walk_bundle(struct verify *verify, struct arena *arena, int64_t number)
{
	const struct bytes *entries;
	size_t count;

	if (!open_bundle(verify, arena, number, &entries, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (arena_left(verify->arena) < ARENA_RESERVE)
			return verify_incomplete(verify, NULL,
						 "the ledger names more people, "
						 "devices and documents than this "
						 "program remembers");
		verify->index = number * PACKAGE_ENTRIES + (int64_t)i;
		walk_event(verify, entries[i]);
		verify->index = -1;
		arena_reset(verify->work);
	}
	return true;
}

void verify_ledger_walk(struct verify *verify)
{
	int64_t bundles = (verify->package.size + PACKAGE_ENTRIES - 1) / PACKAGE_ENTRIES;
	struct arena *arena = arena_new(PACKAGE_FILE_MAX + 1024 * 1024);
	bool whole = true;

	for (int64_t number = 0; whole && number < bundles; number++) {
		whole = walk_bundle(verify, arena, number);
		arena_reset(arena);
	}
	arena_free(arena);
	verify->walked = whole;
}

/* ---- the checkpoint ---- */

static bool key_revoked(const struct verify *verify, const struct note_key *key)
{
	struct sha256_hex id = sign_key_id(key->spki);

	for (size_t i = 0; verify->trust && i < verify->trust->revoked_count; i++) {
		if (strcmp(verify->trust->revoked[i].text, id.text) == 0)
			return true;
	}
	return false;
}

/* The pinned ledger key, else those of all trust documents that are not revoked. */
static bool ledger_keys(struct verify *verify, struct note_key **keys, size_t *count,
			struct err *err)
{
	const struct trust_pin *pin = verify->pin;
	bool pinned = pin && pin->ledger_key.size > 0;
	size_t room = pinned ? 1 : verify->ledger_key_count;
	struct note_key *list = arena_array(verify->work, room + 1, sizeof(*list));
	size_t found = 0;

	if (pinned &&
	    !note_key_of_spki(verify->work, verify->package.origin, pin->ledger_key, &list[0], err))
		return false;
	for (size_t i = 0; i < room; i++) {
		struct note_key key = pinned ? list[0] : verify->ledger_keys[i];
		if (!key_revoked(verify, &key))
			list[found++] = key;
	}
	if (found == 0)
		return err_fail(err, E_SIGNATURE,
				"there is no ledger key that is trusted and not "
				"revoked");
	*keys = list;
	*count = found;
	return true;
}

bool verify_open_checkpoint(struct verify *verify, struct bytes bytes, struct checkpoint *out,
			    struct err *err)
{
	struct note_key *keys;
	struct note note;
	size_t count;

	if (!ledger_keys(verify, &keys, &count, err) ||
	    !note_parse(verify->work, bytes, &note, err) ||
	    !note_check(&note, keys, count, NULL, err) ||
	    !checkpoint_text_parse(verify->work, note.text, out, err))
		return false;
	if (strcmp(out->origin, verify->package.origin) != 0)
		return err_fail(err, E_CHECKPOINT, "it is a checkpoint of the ledger %.100s",
				out->origin);
	return true;
}

static void check_chain(struct verify *verify)
{
	const struct package *package = &verify->package;
	struct sha256 root = tree_frontier_root(&verify->frontier);

	if (strcmp(digest_hex(&root).text, package->root.text) != 0)
		verify_find(verify, VERIFY_TAMPERED, "manifest.json",
			    "the events have the root %s, and the manifest says %s",
			    digest_hex(&root).text, package->root.text);
	if (strcmp(digest_hex(&verify->chain).text, package->chain.text) != 0)
		verify_find(verify, VERIFY_TAMPERED, "manifest.json",
			    "the chain of the events ends in %s, and the manifest says %s",
			    digest_hex(&verify->chain).text, package->chain.text);
}

void verify_ledger_head(struct verify *verify)
{
	static const char path[] = "content/checkpoint";
	struct sha256 root = tree_frontier_root(&verify->frontier);
	struct checkpoint checkpoint;
	struct err why = {0};
	struct bytes note;

	check_chain(verify);
	if (!verify->trust)
		verify_find(verify, VERIFY_INCOMPLETE, NULL,
			    "the ledger adopts no trust document that holds, so no key in it is "
			    "known");
	if (!verify_listed_file(verify, path, NOTE_BYTES_MAX, &note))
		return;
	if (!verify_open_checkpoint(verify, note, &checkpoint, &why))
		verify_find(verify, VERIFY_TAMPERED, path, "it is not signed for this ledger: %s",
			    why.text);
	else if (checkpoint.size != verify->package.size)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it is signed over %lld events, and the package holds %lld",
			    (long long)checkpoint.size, (long long)verify->package.size);
	else if (!digest_equal(checkpoint.root.at, root.at, SHA256_BYTES))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it is signed over the root %s, and the events of the package have "
			    "another",
			    digest_hex(&checkpoint.root).text);
	arena_reset(verify->work);
}

/* ---- roots at earlier sizes ---- */

void verify_expect_root(struct verify *verify, const struct checkpoint *checkpoint,
			const char *whose, const char *file)
{
	if (verify->root_count == verify->root_room) {
		size_t room = verify->root_room ? verify->root_room * 2 : ROOTS_FIRST;
		struct verify_root *more = arena_array(verify->arena, room, sizeof(*more));
		if (verify->root_count > 0)
			memcpy(more, verify->roots, verify->root_count * sizeof(*more));
		verify->roots = more;
		verify->root_room = room;
	}
	verify->roots[verify->root_count++] =
		(struct verify_root){.size = checkpoint->size,
				     .root = checkpoint->root,
				     .whose = verify_keep(verify, whose),
				     .file = file ? verify_keep(verify, file) : NULL};
}

static int compare_roots(const void *left, const void *right)
{
	const struct verify_root *a = left;
	const struct verify_root *b = right;

	return a->size < b->size ? -1 : a->size > b->size;
}

/* Compares all expected roots of the size that the frontier has now. */
static size_t compare_reached(struct verify *verify, const struct tree_frontier *frontier,
			      size_t next)
{
	for (; next < verify->root_count && verify->roots[next].size == frontier->size; next++) {
		const struct verify_root *expected = &verify->roots[next];
		struct sha256 root = tree_frontier_root(frontier);
		if (!digest_equal(root.at, expected->root.at, SHA256_BYTES))
			verify_find(verify, VERIFY_TAMPERED, expected->file,
				    "%s is signed over another beginning of this ledger than its "
				    "first %lld events",
				    expected->whose, (long long)expected->size);
	}
	return next;
}

void verify_ledger_roots(struct verify *verify)
{
	struct arena *arena = arena_new(PACKAGE_FILE_MAX + 1024 * 1024);
	struct tree_frontier frontier = {0};
	size_t next;

	if (verify->root_count > 1)
		qsort(verify->roots, verify->root_count, sizeof(*verify->roots), compare_roots);
	next = compare_reached(verify, &frontier, 0);
	while (next < verify->root_count && frontier.size < verify->package.size) {
		const struct bytes *entries;
		size_t count;
		if (!open_bundle(verify, arena, frontier.size / PACKAGE_ENTRIES, &entries, &count))
			break;
		for (size_t i = 0; i < count; i++) {
			struct sha256 leaf = tree_leaf(entries[i]);
			tree_frontier_add(&frontier, &leaf);
			next = compare_reached(verify, &frontier, next);
		}
		arena_reset(arena);
	}
	for (; next < verify->root_count; next++)
		verify_find(verify, VERIFY_TAMPERED, verify->roots[next].file,
			    "%s is signed over %lld events, more than there are",
			    verify->roots[next].whose, (long long)verify->roots[next].size);
	arena_free(arena);
}
