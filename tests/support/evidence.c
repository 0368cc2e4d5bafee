/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence packages that tests make and change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/evidence.h"

#include "audit/chain.h"
#include "audit/package.h"
#include "audit/package_seal.h"
#include "audit/tree.h"
#include "common/file.h"
#include "common/wire/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_ROOM = 64, VERIFY_BYTES = 512 * 1024 * 1024 };

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

/* ---- events ---- */

struct evidence *evidence_new(struct arena *arena, const char *origin)
{
	struct evidence *evidence = arena_alloc(arena, sizeof(*evidence));

	evidence->arena = arena;
	evidence->origin = origin;
	evidence->event_room = FIRST_ROOM;
	evidence->events = arena_array(arena, FIRST_ROOM, sizeof(*evidence->events));
	evidence->file_room = FIRST_ROOM;
	evidence->files = arena_array(arena, FIRST_ROOM, sizeof(*evidence->files));
	return evidence;
}

void evidence_insert(struct evidence *evidence, size_t index, const struct evidence_event *event)
{
	struct evidence_event kept = *event;

	if (evidence->event_count == evidence->event_room) {
		struct evidence_event *more =
			arena_array(evidence->arena, evidence->event_room * 2, sizeof(*more));
		memcpy(more, evidence->events, evidence->event_count * sizeof(*more));
		evidence->events = more;
		evidence->event_room *= 2;
	}
	memmove(&evidence->events[index + 1], &evidence->events[index],
		(evidence->event_count - index) * sizeof(*evidence->events));
	evidence->events[index] = kept;
	evidence->event_count++;
}

void evidence_remove(struct evidence *evidence, size_t index)
{
	evidence->event_count--;
	memmove(&evidence->events[index], &evidence->events[index + 1],
		(evidence->event_count - index) * sizeof(*evidence->events));
}

struct evidence_event *evidence_append(struct evidence *evidence, enum event_kind kind, clock_us at,
				       const struct doc *data)
{
	struct evidence_event event = {
		.event = {.kind = kind, .data = data},
		.act = {.actor_kind = ACTOR_KEEPER,
			.actor = "keeper/1",
			.at = at,
			.request = "test",
			.arena = evidence->arena},
		.writer = event_kind_writers(kind) & WRITER_KEEPER ? "keeper/1" : "service/1",
		.clock = "synchronized",
	};

	id_uuid_draw(event.event.id.text);
	evidence_insert(evidence, evidence->event_count, &event);
	return &evidence->events[evidence->event_count - 1];
}

struct evidence_event *evidence_find(struct evidence *evidence, enum event_kind kind, size_t n)
{
	for (size_t i = 0; i < evidence->event_count; i++) {
		if (evidence->events[i].event.kind == kind && n-- == 0)
			return &evidence->events[i];
	}
	fail_msg("there is no such event %s", event_kind_text(kind));
	return NULL;
}

size_t evidence_index(const struct evidence *evidence, const struct evidence_event *event)
{
	return (size_t)(event - evidence->events);
}

struct doc *evidence_data(struct evidence *evidence, struct evidence_event *event)
{
	struct bytes bytes = {0};
	struct err err = {0};

	expect_done(doc_canonical(evidence->arena, event->event.data, &bytes, &err), &err);
	struct doc *copy = evidence_open(evidence, bytes);
	event->event.data = copy;
	return copy;
}

/* ---- files ---- */

static struct evidence_file *file_of(const struct evidence *evidence, const char *path)
{
	for (size_t i = 0; i < evidence->file_count; i++) {
		if (strcmp(evidence->files[i].path, path) == 0)
			return &evidence->files[i];
	}
	return NULL;
}

struct bytes evidence_get(const struct evidence *evidence, const char *path)
{
	const struct evidence_file *file = file_of(evidence, path);

	if (!file)
		fail_msg("the package has no %s", path);
	return file->bytes;
}

void evidence_put(struct evidence *evidence, const char *path, struct bytes bytes)
{
	struct evidence_file *file = file_of(evidence, path);

	if (file) {
		file->bytes = bytes;
		return;
	}
	if (evidence->file_count == evidence->file_room) {
		struct evidence_file *more =
			arena_array(evidence->arena, evidence->file_room * 2, sizeof(*more));
		memcpy(more, evidence->files, evidence->file_count * sizeof(*more));
		evidence->files = more;
		evidence->file_room *= 2;
	}
	evidence->files[evidence->file_count++] =
		(struct evidence_file){arena_text(evidence->arena, path), bytes};
}

void evidence_take(struct evidence *evidence, const char *path)
{
	struct evidence_file *file = file_of(evidence, path);

	if (!file)
		fail_msg("the package has no %s", path);
	*file = evidence->files[--evidence->file_count];
}

struct sha256_hex evidence_document(struct evidence *evidence, struct bytes bytes)
{
	struct sha256_hex digest = digest_sha256_hex(bytes);

	evidence_put(evidence, package_document_path(evidence->arena, digest.text),
		     arena_bytes(evidence->arena, bytes));
	return digest;
}

struct bytes evidence_get_document(const struct evidence *evidence, const char *sha256)
{
	return evidence_get(evidence, package_document_path(evidence->arena, sha256));
}

/* doc.h gives documents to read; here they are ours to change. */
struct doc *evidence_open(const struct evidence *evidence, struct bytes document)
{
	struct doc *copy = doc_object(evidence->arena);
	const struct doc *doc = NULL;
	struct err err = {0};
	size_t count;

	expect_done(doc_parse(evidence->arena, document, &doc, &err), &err);
	const struct doc_pair *pairs = doc_members(evidence->arena, doc, &count);
	for (size_t i = 0; i < count; i++)
		doc_set(copy, pairs[i].key, pairs[i].value);
	return copy;
}

struct bytes evidence_close(const struct evidence *evidence, const struct doc *doc)
{
	struct bytes bytes = {0};
	struct err err = {0};

	expect_done(doc_canonical(evidence->arena, doc, &bytes, &err), &err);
	return bytes;
}

/* ---- reading ---- */

static enum actor_kind actor_of(const char *word)
{
	static const char *const words[] = {"none",   "person",	 "device",
					    "keeper", "service", "operator"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], word) == 0)
			return (enum actor_kind)i;
	}
	return ACTOR_NONE;
}

static void read_event(struct evidence *evidence, struct bytes bytes)
{
	struct event_view view;
	struct err err = {0};

	expect_done(event_read(evidence->arena, bytes, &view, &err), &err);
	struct evidence_event event = {
		.event = view.event,
		.act = {.actor_kind = actor_of(view.actor_kind),
			.actor = view.actor_id,
			.role = view.role,
			.auth = view.auth,
			.at = view.at,
			.request = view.request,
			.arena = evidence->arena},
		.writer = view.writer,
		.clock = view.clock,
	};
	evidence_insert(evidence, evidence->event_count, &event);
}

struct evidence *evidence_read(struct arena *arena, const char *folder)
{
	struct package package;
	struct err err = {0};

	expect_done(package_open(arena, folder, &package, &err), &err);
	struct evidence *evidence = evidence_new(arena, package.origin);
	for (size_t i = 0; i < package.file_count; i++) {
		const char *path = package.files[i].path;
		const struct bytes *entries = NULL;
		struct bytes bytes = {0};
		size_t count = 0;
		expect_done(package_read(arena, &package, path, PACKAGE_FILE_MAX, &bytes, &err),
			    &err);
		if (strcmp(path, "content/checkpoint") == 0)
			continue;
		if (strncmp(path, "content/events/", 15) != 0) {
			evidence_put(evidence, path, bytes);
			continue;
		}
		expect_done(bundle_read(arena, bytes, &entries, &count, &err), &err);
		for (size_t e = 0; e < count; e++)
			read_event(evidence, entries[e]);
	}
	return evidence;
}

/* ---- writing ---- */

struct place {
	int64_t count;
	struct sha256 leaf;
};

struct writing {
	const struct evidence *evidence;
	struct arena *arena;
	struct names *streams;
	struct bytes *entries;
	struct sha256 *leaves;
	size_t count;
	struct sha256 chain;
	struct package_writer *writer;
	const struct sign_key *ledger;
};

static struct place *place_of(struct writing *writing, const struct event_stream *stream)
{
	const char *name =
		arena_printf(writing->arena, "%s/%s", stream_kind_text(stream->kind), stream->id);
	struct place *place = names_find(writing->streams, name);

	if (!place) {
		place = arena_alloc(writing->arena, sizeof(*place));
		names_put(writing->streams, name, place);
	}
	return place;
}

static struct bytes event_bytes(struct writing *writing, const struct evidence_event *from)
{
	struct evidence_event one = *from;
	struct bytes bytes = one.instead;
	struct err err = {0};

	if (bytes.size > 0)
		return bytes;
	for (size_t i = 0; !one.raw && i < one.event.stream_count; i++) {
		const struct place *place = place_of(writing, &one.event.streams[i]);
		one.event.streams[i].no = place->count + 1;
		one.event.streams[i].prev = place->leaf;
	}
	expect_done(event_write(&one.event, &one.act, one.writer, one.clock, &bytes, &err), &err);
	struct sha256 leaf = tree_leaf(bytes);
	for (size_t i = 0; i < one.event.stream_count; i++) {
		struct place *place = place_of(writing, &one.event.streams[i]);
		place->count = one.event.streams[i].no;
		place->leaf = leaf;
	}
	return bytes;
}

static void add_event(struct writing *writing, const struct evidence_event *event)
{
	writing->entries[writing->count] = event_bytes(writing, event);
	writing->leaves[writing->count] = tree_leaf(writing->entries[writing->count]);
	writing->chain = chain_next(&writing->chain, &writing->leaves[writing->count]);
	writing->count++;
}

static void write_events(struct writing *writing)
{
	struct err err = {0};

	for (size_t i = 0; i < writing->evidence->event_count; i++)
		add_event(writing, &writing->evidence->events[i]);
	for (size_t from = 0; from < writing->count; from += PACKAGE_ENTRIES) {
		size_t left = writing->count - from;
		struct bytes bundle = {0};
		expect_done(bundle_write(writing->arena, writing->entries + from,
					 left < PACKAGE_ENTRIES ? left : PACKAGE_ENTRIES, &bundle,
					 &err),
			    &err);
		expect_done(package_add(writing->writer,
					package_bundle_path(writing->arena,
							    (int64_t)(from / PACKAGE_ENTRIES)),
					bundle, &err),
			    &err);
	}
}

static struct bytes sign_checkpoint(struct writing *writing, int64_t size)
{
	struct checkpoint checkpoint = {
		.origin = writing->evidence->origin,
		.size = size,
		.root = tree_root(writing->leaves, size),
	};
	struct bytes note = {0};
	struct err err = {0};

	expect_done(checkpoint_sign(writing->arena, &checkpoint, writing->ledger, &note, &err),
		    &err);
	return note;
}

/* The export's own event comes right after what is exported. */
static void write_seal(struct writing *writing, const struct package *package, const char *folder)
{
	int64_t size = (int64_t)writing->count;
	struct tree_leaves leaves = {.at = writing->leaves, .count = size + 1};
	struct tree_source source = tree_source_of_leaves(&leaves);
	struct package_seal seal = {.index = size};
	struct doc *data = doc_object(writing->arena);
	struct evidence_event event = {
		.event = {.kind = EV_EXPORT_MADE, .data = data},
		.act = {.actor_kind = ACTOR_PERSON,
			.actor = "p-auditor",
			.at = clock_now(),
			.request = "test",
			.arena = writing->arena},
		.writer = "service/1",
		.clock = "synchronized",
	};
	struct bytes proof = {0}, consistency = {0};
	struct err err = {0};

	doc_set_text(data, "scope", package->scope);
	doc_set_int(data, "size", package->size);
	doc_set_text(data, "root", package->root.text);
	doc_set_text(data, "manifest_sha256", package->sha256.text);
	id_uuid_draw(event.event.id.text);
	event.event.streams[0] = (struct event_stream){.kind = STREAM_SYSTEM, .id = "service"};
	event.event.stream_count = 1;
	add_event(writing, &event);
	seal.note = sign_checkpoint(writing, size + 1);
	expect_done(
		tree_prove_inclusion(&source, size, size + 1, &seal.inclusion, &err) &&
			tree_prove_consistency(&source, size, size + 1, &seal.consistency, &err) &&
			package_seal_write(writing->arena, &seal, &proof, &consistency, &err) &&
			package_put_seal(folder, PACKAGE_SEAL_EVENT, writing->entries[size],
					 &err) &&
			package_put_seal(folder, PACKAGE_SEAL_PROOF, proof, &err) &&
			package_put_seal(folder, PACKAGE_SEAL_CONSISTENCY, consistency, &err),
		&err);
}

void evidence_write(const struct evidence *evidence, const char *folder,
		    const struct sign_key *ledger)
{
	struct arena *arena = arena_new(VERIFY_BYTES);
	struct writing writing = {
		.evidence = evidence,
		.arena = arena,
		.streams = names_new(arena),
		.entries = arena_array(arena, evidence->event_count + 1, sizeof(struct bytes)),
		.leaves = arena_array(arena, evidence->event_count + 1, sizeof(struct sha256)),
		.chain = chain_start(),
		.ledger = ledger,
	};
	struct package package;
	struct err err = {0};

	expect_done(package_begin(arena, folder, &writing.writer, &err), &err);
	for (size_t i = 0; i < evidence->file_count; i++)
		expect_done(package_add(writing.writer, evidence->files[i].path,
					evidence->files[i].bytes, &err),
			    &err);
	for (size_t i = 0; evidence->missing && evidence->missing[i]; i++)
		expect_done(package_miss(writing.writer, evidence->missing[i], &err), &err);
	write_events(&writing);
	int64_t size = (int64_t)writing.count;
	struct sha256 root = tree_root(writing.leaves, size);
	struct package head = {.scope = "all",
			       .origin = evidence->origin,
			       .size = size,
			       .root = digest_hex(&root),
			       .chain = digest_hex(&writing.chain)};
	expect_done(package_add(writing.writer, "content/checkpoint",
				sign_checkpoint(&writing, size), &err) &&
			    package_finish(writing.writer, &head, &package, &err),
		    &err);
	write_seal(&writing, &package, folder);
	arena_free(arena);
}
