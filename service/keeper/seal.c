/* SPDX-License-Identifier: Apache-2.0 */
/* Which waiting events become part of the ledger, and which are set aside: one batch. */

#include "service/keeper/seal.h"

#include "audit/chain.h"
#include "common/encode.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where one stream stands while the batch goes on. */
struct stream_place {
	const char *kind;
	const char *id;
	int64_t count;
	struct sha256 leaf;
	bool closed;
	bool moved;
};

/* One row of the queue. */
struct candidate {
	int64_t queue_id;
	const char *event;
	struct bytes bytes; /* size 0: there is no such event */
	struct event_view view;
	bool readable;
	char why[160]; /* not empty: set aside */
	struct sha256 leaf;
	bool late;
};

/* The event that tells of a row set aside. */
struct alarm {
	const char *event;
	struct sha256 leaf;
};

struct batch {
	struct keeper *keeper;
	struct tree_frontier head;
	struct sha256 chain;
	clock_us now;
	struct candidate *candidates;
	size_t count;
	struct alarm *alarms; /* of the rows set aside: sealed after the good ones */
	size_t alarm_count;
	struct stream_place *places;
	size_t place_count;
	struct seal_result result;
};

static bool seal_work(struct db_tx *tx, void *context, struct err *err);

bool seal_batch(struct keeper *keeper, struct arena *arena, struct tree_frontier *head,
		struct seal_result *out, struct err *err)
{
	struct batch *batch = arena_alloc(arena, sizeof(*batch));

	batch->keeper = keeper;
	batch->head = *head;
	batch->now = clock_now();
	if (!db_transact(keeper->pool, arena, DB_READ_COMMITTED, seal_work, batch, err))
		return false;
	*head = batch->head;
	*out = batch->result;
	return true;
}

/* ---- is a row what it says it is ---- */

static bool refuse(struct candidate *candidate, const char *why)
{
	snprintf(candidate->why, sizeof(candidate->why), "%s", why);
	return false;
}

/* The HMAC key of the instance that the row names; false when there is none. */
static bool writer_key(struct batch *batch, struct arena *arena, const char *writer,
		       unsigned char key[32])
{
	struct err none = {0};
	struct bytes file;
	bool found;

	if (strcmp(writer, batch->keeper->writer.name) == 0) {
		memcpy(key, batch->keeper->writer.key, 32);
		return true;
	}
	if (strncmp(writer, "service/", 8) != 0 || !id_name_valid(writer + 8, 40))
		return false;
	const char *path = arena_printf(arena, "%s/%s.key",
					batch->keeper->settings.service_mac_keys, writer + 8);
	if (!file_find(arena, path, 64, &found, &file, &none) || !found || file.size != 32)
		return false;
	memcpy(key, file.data, 32);
	return true;
}

static bool check_writer(struct batch *batch, struct arena *arena, struct candidate *candidate,
			 const struct db_row *row)
{
	const char *writer = db_get_text(row, "writer");
	struct bytes mac = db_get_bytes(row, "mac");
	unsigned char key[32];

	if (!writer_key(batch, arena, writer, key))
		return refuse(candidate, "its writer is not known");
	struct sha256 expected = digest_hmac(bytes_of(key, sizeof(key)), candidate->bytes);
	digest_forget(key, sizeof(key));
	if (mac.size != SHA256_BYTES || !digest_equal(mac.data, expected.at, SHA256_BYTES))
		return refuse(candidate, "its MAC does not hold");
	return true;
}

/* Only in streams that are meant for its kind; of the system's, only in its writer's own. */
static bool check_stated(struct candidate *candidate, const char *system)
{
	const struct event *event = &candidate->view.event;
	struct err elsewhere = {0};

	if (!event_check_stated(event, &elsewhere)) {
		snprintf(candidate->why, sizeof(candidate->why), "%.150s", elsewhere.text);
		return false;
	}
	for (size_t s = 0; s < event->stream_count; s++) {
		if (event->streams[s].kind == STREAM_SYSTEM &&
		    strcmp(event->streams[s].id, system) != 0)
			return refuse(candidate,
				      "it stands in a system stream that is not its writer's");
	}
	return true;
}

static bool check_form(struct candidate *candidate, const struct db_row *row)
{
	const struct event_view *view = &candidate->view;
	const char *writer = db_get_text(row, "writer");
	int family = strncmp(writer, "keeper/", 7) == 0 ? WRITER_KEEPER : WRITER_SERVICE;

	if (strcmp(view->event.id.text, candidate->event) != 0 ||
	    strcmp(event_kind_text(view->event.kind), db_get_text(row, "kind")) != 0 ||
	    strcmp(view->writer, writer) != 0)
		return refuse(candidate, "its bytes and its row say different things");
	if (!(event_kind_writers(view->event.kind) & family))
		return refuse(candidate, "its writer may not write events of this kind");
	return check_stated(candidate, family == WRITER_KEEPER ? "keeper" : "service");
}

static bool read_candidate(struct batch *batch, struct arena *arena, const struct db_row *row,
			   struct candidate *candidate)
{
	struct err unreadable = {0};

	candidate->queue_id = db_get_int(row, "queue_id");
	candidate->event = db_get_text(row, "event");
	candidate->bytes = db_get_bytes(row, "bytes");
	if (db_get_null(row, "bytes"))
		return refuse(candidate, "there is no such event");
	/* First of all which streams it names: whatever is wrong with it, they are closed. */
	candidate->readable = event_read(arena, candidate->bytes, &candidate->view, &unreadable);
	if (!db_get_null(row, "sealed_index"))
		return refuse(candidate, "it is sealed already");
	if (db_get_bool(row, "again"))
		return refuse(candidate, "it stands in the queue twice");
	if (!candidate->readable) {
		snprintf(candidate->why, sizeof(candidate->why), "its bytes are no event: %.120s",
			 unreadable.text);
		return false;
	}
	candidate->leaf = tree_leaf(candidate->bytes);
	clock_us off = candidate->view.at - batch->now;
	candidate->late = off > SEAL_LATE_S * CLOCK_SECOND || off < -SEAL_LATE_S * CLOCK_SECOND;
	return check_writer(batch, arena, candidate, row) && check_form(candidate, row);
}

/* ---- streams ---- */

static int compare_places(const void *left, const void *right)
{
	const struct stream_place *a = left;
	const struct stream_place *b = right;
	int kinds = strcmp(a->kind, b->kind);

	return kinds ? kinds : strcmp(a->id, b->id);
}

static const struct event_stream alarm_stream = {.kind = STREAM_SYSTEM, .id = "sequencer"};

static struct stream_place *place_of(struct batch *batch, const struct event_stream *stream)
{
	struct stream_place wanted = {.kind = stream_kind_text(stream->kind), .id = stream->id};

	return bsearch(&wanted, batch->places, batch->place_count, sizeof(wanted), compare_places);
}

/* All streams that the batch's events name, and the alarms', once each, sorted. */
static size_t list_places(struct batch *batch, struct stream_place *places)
{
	size_t count = 0;
	size_t unique = 0;

	places[count++] = (struct stream_place){.kind = stream_kind_text(alarm_stream.kind),
						.id = alarm_stream.id};
	for (size_t i = 0; i < batch->count; i++) {
		const struct event *event = &batch->candidates[i].view.event;
		for (size_t s = 0; batch->candidates[i].readable && s < event->stream_count; s++)
			places[count++] = (struct stream_place){
				.kind = stream_kind_text(event->streams[s].kind),
				.id = event->streams[s].id};
	}
	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 0; i < count; i++) {
		if (unique == 0 || compare_places(&places[unique - 1], &places[i]) != 0)
			places[unique++] = places[i];
	}
	return unique;
}

/* Where they stand in the sealed log. */
static bool load_places(struct batch *batch, struct db_tx *tx, struct err *err)
{
	struct arena *arena = db_arena(tx);
	struct stream_place *places =
		arena_array(arena, batch->count * EVENT_STREAMS_MAX + 1, sizeof(*places));
	struct db_rows rows;
	size_t unique = list_places(batch, places);

	const char **kinds = arena_array(arena, unique + 1, sizeof(*kinds));
	const char **ids = arena_array(arena, unique + 1, sizeof(*ids));
	for (size_t i = 0; i < unique; i++) {
		kinds[i] = places[i].kind;
		ids[i] = places[i].id;
	}
	batch->places = places;
	batch->place_count = unique;
	if (!db_many(tx, STMT_SEQUENCER_STREAMS_LIST,
		     DB(db_texts(kinds, unique), db_texts(ids, unique)), &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct stream_place wanted = {.kind = db_get_text(&row, "kind"),
					      .id = db_get_text(&row, "id")};
		struct stream_place *place =
			bsearch(&wanted, places, unique, sizeof(wanted), compare_places);
		struct bytes leaf = db_get_bytes(&row, "leaf");
		if (!place || leaf.size != SHA256_BYTES)
			return err_fail(err, E_BUG, "a stream of the sealed log is damaged");
		place->count = db_get_int(&row, "count");
		memcpy(place->leaf.at, leaf.data, SHA256_BYTES);
		place->closed = db_get_bool(&row, "closed");
	}
	return true;
}

static bool check_streams(struct batch *batch, struct candidate *candidate)
{
	const struct event *event = &candidate->view.event;

	for (size_t s = 0; s < event->stream_count; s++) {
		const struct event_stream *stream = &event->streams[s];
		const struct stream_place *place = place_of(batch, stream);
		if (stream->no != place->count + 1) {
			snprintf(candidate->why, sizeof(candidate->why),
				 "its number in stream %s/%.64s is %lld, the next is %lld",
				 place->kind, place->id, (long long)stream->no,
				 (long long)place->count + 1);
			return false;
		}
		if (!digest_equal(stream->prev.at, place->leaf.at, SHA256_BYTES)) {
			snprintf(candidate->why, sizeof(candidate->why),
				 "its previous hash in stream %s/%.64s is false", place->kind,
				 place->id);
			return false;
		}
	}
	return true;
}

static void move_streams(struct batch *batch, const struct candidate *candidate)
{
	const struct event *event = &candidate->view.event;

	for (size_t s = 0; s < event->stream_count; s++) {
		struct stream_place *place = place_of(batch, &event->streams[s]);
		place->count++;
		place->leaf = candidate->leaf;
		place->moved = true;
	}
}

/* ---- writing ---- */

/* The columns of sequencer_sealed_insert. */
struct sealing {
	int64_t *indices;
	const char **events;
	struct bytes *leaves;
	struct bytes *chains;
	int64_t *late;
	size_t count;
};

static void seal_one(struct batch *batch, struct arena *arena, struct sealing *out,
		     const char *event, const struct sha256 *leaf, bool late)
{
	batch->chain = chain_next(&batch->chain, leaf);
	out->indices[out->count] = batch->head.size;
	out->events[out->count] = event;
	out->leaves[out->count] = bytes_of(leaf->at, SHA256_BYTES);
	out->chains[out->count] =
		bytes_of(arena_copy(arena, batch->chain.at, SHA256_BYTES), SHA256_BYTES);
	out->late[out->count] = late;
	out->count++;
	tree_frontier_add(&batch->head, leaf);
}

static bool write_sealed(struct batch *batch, struct db_tx *tx, struct err *err)
{
	struct arena *arena = db_arena(tx);
	struct sealing out = {
		.indices = arena_array(arena, batch->count, sizeof(*out.indices)),
		.events = arena_array(arena, batch->count, sizeof(*out.events)),
		.leaves = arena_array(arena, batch->count, sizeof(*out.leaves)),
		.chains = arena_array(arena, batch->count, sizeof(*out.chains)),
		.late = arena_array(arena, batch->count, sizeof(*out.late)),
	};
	int64_t size = batch->head.size;
	struct db_row nothing;
	bool found;

	for (size_t i = 0; i < batch->count; i++) {
		const struct candidate *candidate = &batch->candidates[i];
		if (!candidate->why[0])
			seal_one(batch, arena, &out, candidate->event, &candidate->leaf,
				 candidate->late);
	}
	for (size_t i = 0; i < batch->alarm_count; i++)
		seal_one(batch, arena, &out, batch->alarms[i].event, &batch->alarms[i].leaf, false);
	return db_run(tx, STMT_SEQUENCER_SEALED_INSERT,
		      DB(db_ints(out.indices, out.count), db_texts(out.events, out.count),
			 db_blobs(out.leaves, out.count), db_blobs(out.chains, out.count),
			 db_ints(out.late, out.count)),
		      NULL, err) &&
	       db_opt(tx, STMT_SEQUENCER_HEAD_ADVANCE,
		      DB(db_int(size), db_int(batch->head.size),
			 db_bytes(tree_frontier_bytes(arena, &batch->head)),
			 db_bytes(bytes_of(batch->chain.at, SHA256_BYTES))),
		      &found, &nothing, err);
}

static bool write_places(struct batch *batch, struct db_tx *tx, struct err *err)
{
	struct arena *arena = db_arena(tx);
	size_t count = 0;
	const char **kinds = arena_array(arena, batch->place_count + 1, sizeof(*kinds));
	const char **ids = arena_array(arena, batch->place_count + 1, sizeof(*ids));
	int64_t *counts = arena_array(arena, batch->place_count + 1, sizeof(*counts));
	struct bytes *leaves = arena_array(arena, batch->place_count + 1, sizeof(*leaves));
	int64_t *closed = arena_array(arena, batch->place_count + 1, sizeof(*closed));

	for (size_t i = 0; i < batch->place_count; i++) {
		const struct stream_place *place = &batch->places[i];
		if (!place->moved)
			continue;
		kinds[count] = place->kind;
		ids[count] = place->id;
		counts[count] = place->count;
		leaves[count] = bytes_of(place->leaf.at, SHA256_BYTES);
		closed[count++] = place->closed;
	}
	return count == 0 ||
	       db_run(tx, STMT_SEQUENCER_STREAMS_PUT,
		      DB(db_texts(kinds, count), db_texts(ids, count), db_ints(counts, count),
			 db_blobs(leaves, count), db_ints(closed, count)),
		      NULL, err);
}

/* Closes the streams that a bad row named; their names for the alarm. */
static struct doc *close_streams(struct batch *batch, struct arena *arena,
				 const struct candidate *candidate)
{
	const struct event *bad = &candidate->view.event;
	struct doc *names = doc_array(arena);

	for (size_t s = 0; candidate->readable && s < bad->stream_count; s++) {
		struct stream_place *place = place_of(batch, &bad->streams[s]);
		place->closed = true;
		place->moved = true;
		doc_add_text(names, arena_printf(arena, "%s/%s", place->kind, place->id));
	}
	return names;
}

/* An event of the sequencer's own: the next in its stream, by the sealed count. */
static bool append_alarm(struct batch *batch, struct db_tx *tx, const struct doc *data,
			 const char **id, struct err *err)
{
	struct arena *arena = db_arena(tx);
	const struct audit_writer *writer = &batch->keeper->writer;
	struct stream_place *place = place_of(batch, &alarm_stream);
	struct act act = {.actor_kind = ACTOR_KEEPER,
			  .actor = writer->name,
			  .at = batch->now,
			  .request = "sequencer",
			  .arena = arena};
	struct event event = audit_event(EV_ROW_SET_ASIDE, data);
	struct alarm *alarm = &batch->alarms[batch->alarm_count];
	struct bytes bytes;

	event.streams[event.stream_count] = alarm_stream;
	event.streams[event.stream_count].no = place->count + 1;
	event.streams[event.stream_count++].prev = place->leaf;
	id_uuid_draw(event.id.text);
	if (!event_write(&event, &act, writer->name, clock_state(), &bytes, err))
		return false;
	struct sha256 mac = digest_hmac(bytes_of(writer->key, sizeof(writer->key)), bytes);
	alarm->event = arena_text(arena, event.id.text);
	alarm->leaf = tree_leaf(bytes);
	batch->alarm_count++;
	place->count++;
	place->leaf = alarm->leaf;
	place->moved = true;
	*id = alarm->event;
	return db_run(tx, STMT_SEQUENCER_ALARM_INSERT,
		      DB(db_text(alarm->event), db_text(event_kind_text(event.kind)),
			 db_text(writer->name), db_bytes(bytes),
			 db_bytes(bytes_of(mac.at, sizeof(mac.at)))),
		      NULL, err);
}

/* The alarm, the row that names it, and the closing of the streams that the bad row named. */
static bool set_aside(struct batch *batch, struct db_tx *tx, struct candidate *candidate,
		      struct err *err)
{
	struct arena *arena = db_arena(tx);
	struct doc *data = doc_object(arena);
	/* Words about hostile bytes may hold some of them. */
	const char *why =
		text_printable(arena, bytes_of_text(candidate->why), sizeof(candidate->why));
	const char *digest = candidate->bytes.size
				     ? arena_text(arena, digest_sha256_hex(candidate->bytes).text)
				     : NULL;
	const char *alarm;

	doc_set_int(data, "queue_id", candidate->queue_id);
	doc_set_text(data, "event", candidate->event);
	doc_set_text(data, "why", why);
	if (digest)
		doc_set_text(data, "bytes_sha256", digest);
	doc_set(data, "streams", close_streams(batch, arena, candidate));
	log_error("row-set-aside", LOG_INT("queue_id", candidate->queue_id),
		  LOG_TEXT("event", candidate->event), LOG_TEXT("why", why));
	return append_alarm(batch, tx, data, &alarm, err) &&
	       db_run(tx, STMT_SEQUENCER_SET_ASIDE_INSERT,
		      DB(db_int(candidate->queue_id), db_text(candidate->event), db_text(why),
			 db_text(digest), db_text(alarm)),
		      NULL, err);
}

/* ---- the transaction ---- */

static bool take_head(struct batch *batch, struct db_tx *tx, struct err *err)
{
	struct db_row row;

	if (!db_one(tx, STMT_SEQUENCER_HEAD_GET, DB_NOTHING, &row, err))
		return false;
	struct bytes frontier = db_get_bytes(&row, "frontier");
	struct bytes chain = db_get_bytes(&row, "chain");
	if (db_get_int(&row, "size") != batch->head.size ||
	    !bytes_equal(frontier, tree_frontier_bytes(db_arena(tx), &batch->head)) ||
	    chain.size != SHA256_BYTES)
		return err_fail(err, E_LEDGER_ROLLED_BACK,
				"the stored head is at %lld, this keeper's at %lld",
				(long long)db_get_int(&row, "size"), (long long)batch->head.size);
	memcpy(batch->chain.at, chain.data, SHA256_BYTES);
	return true;
}

static bool take_queue(struct batch *batch, struct db_tx *tx, struct err *err)
{
	struct db_rows rows;

	if (!db_many(tx, STMT_SEQUENCER_QUEUE_LIST, DB_NOTHING, &rows, err))
		return false;
	batch->count = rows.count;
	batch->candidates = arena_array(db_arena(tx), rows.count + 1, sizeof(*batch->candidates));
	batch->alarms = arena_array(db_arena(tx), rows.count + 1, sizeof(*batch->alarms));
	batch->alarm_count = 0;
	size_t bytes = 0;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		(void)read_candidate(batch, db_arena(tx), &row, &batch->candidates[i]);
		bytes += batch->candidates[i].bytes.size;
	}
	batch->result.taken = (int64_t)rows.count;
	batch->result.more = rows.count == SEAL_BATCH_MAX || bytes >= SEAL_BATCH_BYTES;
	return true;
}

static bool seal_work(struct db_tx *tx, void *context, struct err *err)
{
	struct batch *batch = context;
	struct tree_frontier head = batch->head;
	int64_t *queue_ids;

	if (!take_head(batch, tx, err) || !take_queue(batch, tx, err))
		return false;
	if (batch->count == 0)
		return true;
	if (!load_places(batch, tx, err))
		return false;
	queue_ids = arena_array(db_arena(tx), batch->count, sizeof(*queue_ids));
	for (size_t i = 0; i < batch->count; i++) {
		struct candidate *candidate = &batch->candidates[i];
		queue_ids[i] = candidate->queue_id;
		if (!candidate->why[0] && check_streams(batch, candidate))
			move_streams(batch, candidate);
		else if (!set_aside(batch, tx, candidate, err))
			return false;
	}
	db_mark_recorded(tx); /* sealing is the record itself */
	if (write_sealed(batch, tx, err) && write_places(batch, tx, err) &&
	    db_run(tx, STMT_SEQUENCER_QUEUE_DELETE, DB(db_ints(queue_ids, batch->count)), NULL,
		   err))
		return true;
	batch->head = head; /* for another run of this transaction */
	return false;
}
