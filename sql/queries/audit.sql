-- SPDX-License-Identifier: Apache-2.0
-- What audit_append does. READ COMMITTED or SERIALIZABLE, as the transaction it runs in; the row
-- locks decide who comes first.

-- name: audit_streams_lock :many
-- Where these streams (kinds, ids) stand, each locked until the transaction ends, in the order of
-- kind and id as bytes. If one of them has no row yet, none is returned and none is locked.
SELECT s.kind, s.id, s.count, s.leaf
FROM stream s JOIN unnest($1::text[], $2::text[]) AS wanted (kind, id)
	ON s.kind = wanted.kind AND s.id = wanted.id
WHERE cardinality($1::text[]) = (
	SELECT count(*) FROM stream p JOIN unnest($1::text[], $2::text[]) AS w (kind, id)
		ON p.kind = w.kind AND p.id = w.id)
ORDER BY s.kind COLLATE "C", s.id COLLATE "C" FOR NO KEY UPDATE OF s;

-- name: audit_streams_begin :none :touch
-- Makes the rows of those streams that have none, in the same order; one that somebody else makes
-- meanwhile is waited for and left alone.
INSERT INTO stream (kind, id)
SELECT w.kind, w.id FROM unnest($1::text[], $2::text[]) AS w (kind, id)
WHERE NOT EXISTS (SELECT FROM stream s WHERE s.kind = w.kind AND s.id = w.id)
ORDER BY w.kind COLLATE "C", w.id COLLATE "C"
ON CONFLICT DO NOTHING;

-- name: audit_events_insert :none :write
-- Keeps events of one writer and puts them into the queue in this order (ids, kinds, bytes, MACs),
-- and moves their streams on (kinds, ids, counts, leaves). Counts the streams.
WITH new_event AS (
	INSERT INTO event (id, kind, writer, bytes, mac)
	SELECT id, kind, $1::text, bytes, mac
	FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[]) AS e (id, kind, bytes, mac)
), new_queue AS (
	INSERT INTO event_queue (event)
	SELECT id FROM unnest($2::uuid[]) WITH ORDINALITY AS e (id, number) ORDER BY number
)
UPDATE stream s SET count = n.count, leaf = n.leaf
FROM unnest($6::text[], $7::text[], $8::int8[], $9::bytea[]) AS n (kind, id, count, leaf)
WHERE s.kind = n.kind AND s.id = n.id;
