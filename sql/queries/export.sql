-- SPDX-License-Identifier: Apache-2.0
-- What goes into an evidence package. Everything read here is append-only and asked for by index or digest, so READ
-- COMMITTED and many small transactions give the same as one large one. Signatures that were stored
-- after the event that rests on them are left out: the same range gives the same package.

-- name: export_checkpoint_find :opt
-- The newest stored checkpoint, and the chain value of the last event it covers.
SELECT c.size, c.note, s.chain FROM checkpoint c JOIN sealed s ON s.index = c.size - 1
ORDER BY c.size DESC LIMIT 1;

-- name: export_events_list :many
-- 256 sealed events from an index on, none at or beyond the second.
SELECT s.index, e.bytes, e.stored_at FROM sealed s JOIN event e ON e.id = s.event
WHERE s.index >= $1::bigint AND s.index < $2::bigint ORDER BY s.index LIMIT 256;

-- name: export_signatures_list :many
-- The signatures of a role beside a document that were stored by a time: the oldest of each key.
SELECT DISTINCT ON (key_id) key_id, signature FROM document_signature
WHERE sha256 = $1::text AND role = $2::text AND stored_at <= $3::timestamptz
ORDER BY key_id, stored_at, signature LIMIT 32;

-- name: export_signature_find :opt
-- A key's signature of a role beside a document: the oldest, or the one of this digest (null: any).
SELECT signature FROM document_signature
WHERE sha256 = $1::text AND role = $2::text AND key_id = $3::text
	AND ($4::text IS NULL OR encode(sha256(signature), 'hex') = $4::text)
ORDER BY stored_at, signature LIMIT 1;

-- name: export_lease_find :opt
-- The lease that answered a device's nonce.
SELECT document, signature FROM lease WHERE device = $1::text AND nonce = $2::text;

-- name: export_targets_list :many
-- 1,000 leaves of a campaign's target tree from a place on.
SELECT leaf FROM target WHERE campaign = $1::uuid AND leaf_index >= $2::bigint ORDER BY leaf_index LIMIT 1000;

-- name: export_leaves_list :many
-- Leaf hashes of the log from an index on, at most $2.
SELECT leaf FROM sealed WHERE index >= $1::bigint ORDER BY index LIMIT $2::bigint;

-- name: export_event_get :one
-- The bytes of an event.
SELECT bytes FROM event WHERE id = $1::uuid;

-- name: export_checkpoint_after :opt
-- The first stored checkpoint that covers an index.
SELECT size, note FROM checkpoint WHERE size > $1::bigint ORDER BY size LIMIT 1;
