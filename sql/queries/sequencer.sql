-- SPDX-License-Identifier: Apache-2.0
-- What the keeper's sequencer does: take the queue, seal, sign. READ COMMITTED; the head's
-- compare-and-swap decides between two sequencers.

-- name: sequencer_queue_list :many
-- The oldest visible queue rows with their events, at most 1,000 and not much over 2 MiB; event columns are
-- null when there is no such event.
SELECT queue_id, event, kind, writer, bytes, mac, sealed_index, again
FROM (SELECT q.id AS queue_id, q.event, e.kind, e.writer, e.bytes, e.mac,
		s.index AS sealed_index, q.place > 1 AS again,
		sum(coalesce(length(e.bytes), 0)) OVER (ORDER BY q.id) - coalesce(length(e.bytes), 0) AS before
	FROM (SELECT id, event, row_number() OVER (PARTITION BY event ORDER BY id) AS place
		FROM (SELECT id, event FROM event_queue ORDER BY id LIMIT 1000) oldest) q
	LEFT JOIN event e ON e.id = q.event
	LEFT JOIN sealed s ON s.event = q.event) taken
WHERE before < 2097152
ORDER BY queue_id;

-- name: sequencer_head_get :one
-- The head of the log, locked against a second sequencer until this transaction ends.
SELECT size, frontier, chain, origin FROM ledger_head FOR UPDATE;

-- name: sequencer_head_find :opt
-- The head of the log, if the log was begun.
SELECT size, frontier, chain, origin FROM ledger_head;

-- name: sequencer_head_begin :none :write
-- Begins an empty log of this origin.
INSERT INTO ledger_head (size, frontier, chain, origin)
VALUES (0, ''::bytea, decode(repeat('00', 32), 'hex'), $1::text);

-- name: sequencer_streams_list :many
-- Where these streams (kinds, ids) stand in the sealed log.
SELECT s.kind, s.id, s.count, s.leaf, s.closed
FROM unnest($1::text[], $2::text[]) AS wanted (kind, id)
JOIN sealed_stream s USING (kind, id);

-- name: sequencer_sealed_insert :none :write
-- Seals these events: indices, events, leaves, chain values, lateness.
INSERT INTO sealed (index, event, leaf, chain, late)
SELECT i, e, l, c, late <> 0 FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bigint[]) AS t (i, e, l, c, late);

-- name: sequencer_streams_put :none :write
-- Moves these streams on: kinds, ids, counts, leaves, closed. Closed stays closed.
INSERT INTO sealed_stream (kind, id, count, leaf, closed)
SELECT k, s, n, l, closed <> 0 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::bigint[]) AS t (k, s, n, l, closed)
ON CONFLICT (kind, id) DO UPDATE
SET count = excluded.count, leaf = excluded.leaf, closed = sealed_stream.closed OR excluded.closed;

-- name: sequencer_queue_delete :none :write
-- Takes these rows out of the queue.
DELETE FROM event_queue WHERE id = ANY ($1::bigint[]);

-- name: sequencer_head_advance :opt :write
-- Moves the head from one size to the next; raises when it is not there any more.
SELECT ledger_advance($1::bigint, $2::bigint, $3::bytea, $4::bytea) AS nothing;

-- name: sequencer_alarm_insert :none :write
-- An event of the sequencer's own, which is sealed in the same transaction and never queued.
INSERT INTO event (id, kind, writer, bytes, mac)
VALUES ($1::uuid, $2::text, $3::text, $4::bytea, $5::bytea);

-- name: sequencer_set_aside_insert :none :write
-- Remembers a queue row that was not sealed, and the alarm event that tells of it.
INSERT INTO event_set_aside (queue_id, event, why, bytes_sha256, alarm)
VALUES ($1::bigint, $2::uuid, $3::text, $4::text, $5::uuid);

-- name: sequencer_place_find :opt
-- Where an event is sealed, and the newest checkpoint that covers it (null: none yet).
SELECT s.index, (SELECT max(c.size) FROM checkpoint c WHERE c.size > s.index) AS checkpoint_size
FROM sealed s WHERE s.event = $1::uuid;

-- name: sequencer_set_aside_find :opt
-- Why an event was set aside, if it was.
SELECT why FROM event_set_aside WHERE event = $1::uuid ORDER BY queue_id LIMIT 1;

-- name: sequencer_checkpoint_insert :none :write
-- Stores a signed checkpoint; a size that stands already is left alone.
INSERT INTO checkpoint (size, note, signed_at) VALUES ($1::bigint, $2::text, $3::timestamptz)
ON CONFLICT (size) DO NOTHING;

-- name: sequencer_checkpoint_newest :opt
-- The newest stored checkpoint.
SELECT size, note, signed_at FROM checkpoint ORDER BY size DESC LIMIT 1;

-- name: sequencer_leaves_list :many
-- Leaf hashes from an index on, in order, at most $2: for rebuilding the frontier.
SELECT leaf FROM sealed WHERE index >= $1::bigint ORDER BY index LIMIT $2::bigint;
