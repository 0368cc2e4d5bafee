/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How does an act come to stand in the record? For every verb that changes something: the one
 * writer of events. Locks the streams, numbers and links the events, keeps their bytes.
 */

#include "audit/log.h"

#include "audit/tree.h"
#include "gen/statements.h"

#include <stdlib.h>
#include <string.h>

/* A stream as it stands while events are added to it. */
struct place {
	enum stream_kind kind;
	const char *id;
	int64_t count;
	struct sha256 leaf; /* of its newest event; zeros before the first */
};

struct places {
	struct place *at;
	size_t count;
};

struct event audit_event(enum event_kind kind, const struct doc *data)
{
	return (struct event){.kind = kind, .data = data, .outcome = OUTCOME_DONE};
}

void audit_stream(struct event *event, enum stream_kind kind, const char *id)
{
	for (size_t i = 0; i < event->stream_count && i < EVENT_STREAMS_MAX; i++) {
		if (event->streams[i].kind == kind && strcmp(event->streams[i].id, id) == 0)
			return;
	}
	/* One too many is counted, so that the event is refused instead of cut. */
	if (event->stream_count < EVENT_STREAMS_MAX)
		event->streams[event->stream_count] = (struct event_stream){.kind = kind, .id = id};
	if (event->stream_count <= EVENT_STREAMS_MAX)
		event->stream_count++;
}

static int compare_streams(const void *left, const void *right)
{
	const struct event_stream *a = left;
	const struct event_stream *b = right;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left;
	const struct place *b = right;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->id, b->id);
}

static struct place *place_of(const struct places *places, enum stream_kind kind, const char *id)
{
	const struct place wanted = {.kind = kind, .id = id};
	return bsearch(&wanted, places->at, places->count, sizeof(wanted), compare_places);
}

/* Every stream that the events name, once, sorted; sorts the events' own lists as well. */
static bool gather(struct arena *arena, struct event *events, size_t count, struct places *out,
		   struct err *err)
{
	size_t all = 0;
	struct places places = {
		.at = arena_array(arena, count * EVENT_STREAMS_MAX + 1, sizeof(*places.at))};
	for (size_t i = 0; i < count; i++) {
		struct event *event = &events[i];
		if (event->stream_count < 1 || event->stream_count > EVENT_STREAMS_MAX)
			return err_fail(err, E_BUG, "%s stands in no stream, or in over %d",
					event_kind_text(event->kind), EVENT_STREAMS_MAX);
		qsort(event->streams, event->stream_count, sizeof(event->streams[0]),
		      compare_streams);
		for (size_t s = 0; s < event->stream_count; s++)
			places.at[all++] = (struct place){.kind = event->streams[s].kind,
							  .id = event->streams[s].id};
	}
	qsort(places.at, all, sizeof(*places.at), compare_places);
	for (size_t i = 0; i < all; i++) {
		if (i == 0 || compare_places(&places.at[places.count - 1], &places.at[i]) != 0)
			places.at[places.count++] = places.at[i];
	}
	*out = places;
	return true;
}

/* Kinds and ids of the places as two lists of parameters. */
static size_t list_places(struct arena *arena, const struct places *places, const char ***kinds,
			  const char ***ids)
{
	*kinds = arena_array(arena, places->count, sizeof(**kinds));
	*ids = arena_array(arena, places->count, sizeof(**ids));
	for (size_t i = 0; i < places->count; i++) {
		(*kinds)[i] = stream_kind_text(places->at[i].kind);
		(*ids)[i] = places->at[i].id;
	}
	return places->count;
}

static bool take_locked(const struct places *places, const struct db_rows *rows, struct err *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct db_row row = db_row_at(rows, i);
		const char *kind = db_get_text(&row, "kind");
		int number = 0;
		while (number < STREAM_KINDS &&
		       strcmp(stream_kind_text((enum stream_kind)number), kind) != 0)
			number++;
		struct place *place =
			place_of(places, (enum stream_kind)number, db_get_text(&row, "id"));
		struct bytes leaf = db_get_bytes(&row, "leaf");
		if (!place || (leaf.size != 0 && leaf.size != SHA256_BYTES))
			return err_fail(err, E_BUG, "the table of streams is damaged");
		place->count = db_get_int(&row, "count");
		if (leaf.size)
			memcpy(place->leaf.at, leaf.data, SHA256_BYTES);
	}
	return true;
}

/*
 * Locks in the order of kind and id, all or none. Where a row is missing, which is so for a stream's
 * first event, rows are made before anything is locked: who makes rows may wait for who locks, never
 * the other way round, and each of the two happens in one order, so no two writers wait for each
 * other.
 */
static bool lock_places(struct db_tx *tx, const struct places *places, struct err *err)
{
	const char **kinds, **ids;
	struct db_rows rows;
	size_t all = list_places(db_arena(tx), places, &kinds, &ids);

	if (!db_many(tx, STMT_AUDIT_STREAMS_LOCK, DB(db_texts(kinds, all), db_texts(ids, all)),
		     &rows, err))
		return false;
	if (rows.count == 0 && (!db_run(tx, STMT_AUDIT_STREAMS_BEGIN,
					DB(db_texts(kinds, all), db_texts(ids, all)), NULL, err) ||
				!db_many(tx, STMT_AUDIT_STREAMS_LOCK,
					 DB(db_texts(kinds, all), db_texts(ids, all)), &rows, err)))
		return false;
	if (rows.count != all)
		return err_fail(err, E_BUG, "a stream vanished while it was begun");
	return take_locked(places, &rows, err);
}

/* Numbers the event in its streams and moves these on. */
static bool write_event(const struct places *places, const struct audit_writer *writer,
			const struct act *act, struct event *event, struct bytes *bytes,
			struct sha256 *leaf, struct err *err)
{
	struct place *at[EVENT_STREAMS_MAX];

	if (!*event->id.text)
		id_uuid_draw(event->id.text);
	for (size_t i = 0; i < event->stream_count; i++) {
		at[i] = place_of(places, event->streams[i].kind, event->streams[i].id);
		event->streams[i].no = at[i]->count + 1;
		event->streams[i].prev = at[i]->leaf;
	}
	if (!event_write(event, act, writer->name, clock_state(), bytes, err))
		return false;
	*leaf = tree_leaf(*bytes);
	for (size_t i = 0; i < event->stream_count; i++) {
		at[i]->count++;
		at[i]->leaf = *leaf;
	}
	return true;
}

/* The columns of audit_events_insert. */
struct batch {
	const char **ids;
	const char **kinds;
	struct bytes *bytes;
	struct bytes *macs;
	size_t count;
};

static bool insert(struct db_tx *tx, const struct audit_writer *writer, const struct batch *batch,
		   const struct places *places, struct err *err)
{
	const char **kinds, **ids;
	struct arena *arena = db_arena(tx);
	size_t all = list_places(arena, places, &kinds, &ids);
	int64_t *counts = arena_array(arena, all, sizeof(*counts));
	struct bytes *leaves = arena_array(arena, all, sizeof(*leaves));
	int64_t moved;

	for (size_t i = 0; i < all; i++) {
		counts[i] = places->at[i].count;
		leaves[i] = bytes_of(places->at[i].leaf.at, SHA256_BYTES);
	}
	if (!db_run(tx, STMT_AUDIT_EVENTS_INSERT,
		    DB(db_text(writer->name), db_texts(batch->ids, batch->count),
		       db_texts(batch->kinds, batch->count), db_blobs(batch->bytes, batch->count),
		       db_blobs(batch->macs, batch->count), db_texts(kinds, all),
		       db_texts(ids, all), db_ints(counts, all), db_blobs(leaves, all)),
		    &moved, err))
		return false;
	if (moved != (int64_t)all)
		return err_fail(err, E_BUG, "a stream was not moved on with its event");
	return true;
}

static bool append(struct db_tx *tx, const struct audit_writer *writer, const struct act *act,
		   struct event *events, size_t count, struct sha256 *last_leaf, struct err *err)
{
	struct places places;
	struct arena *arena = db_arena(tx);
	struct batch batch = {
		.ids = arena_array(arena, count, sizeof(*batch.ids)),
		.kinds = arena_array(arena, count, sizeof(*batch.kinds)),
		.bytes = arena_array(arena, count, sizeof(*batch.bytes)),
		.macs = arena_array(arena, count, sizeof(*batch.macs)),
		.count = count,
	};

	if (!gather(arena, events, count, &places, err) || !lock_places(tx, &places, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!write_event(&places, writer, act, &events[i], &batch.bytes[i], last_leaf, err))
			return false;
		struct sha256 mac =
			digest_hmac(bytes_of(writer->key, sizeof(writer->key)), batch.bytes[i]);
		batch.ids[i] = events[i].id.text;
		batch.kinds[i] = event_kind_text(events[i].kind);
		batch.macs[i] = arena_bytes(arena, bytes_of(mac.at, sizeof(mac.at)));
	}
	if (!insert(tx, writer, &batch, &places, err))
		return false;
	db_mark_recorded(tx);
	return true;
}

bool audit_append(struct db_tx *tx, const struct audit_writer *writer, const struct act *act,
		  struct event *event, struct sha256 *leaf, struct err *err)
{
	struct sha256 mine;
	if (!append(tx, writer, act, event, 1, &mine, err))
		return false;
	if (leaf)
		*leaf = mine;
	return true;
}

bool audit_append_all(struct db_tx *tx, const struct audit_writer *writer, const struct act *act,
		      struct event *events, size_t count, struct err *err)
{
	struct sha256 last;
	if (count == 0)
		return err_fail(err, E_BUG, "no event was given to record");
	return append(tx, writer, act, events, count, &last, err);
}
