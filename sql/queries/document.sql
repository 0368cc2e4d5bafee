-- SPDX-License-Identifier: Apache-2.0
-- Documents by digest, and the trust document in force.

-- name: document_put :none :touch
-- Stores a document; one that is there already is left alone. Proves nothing, so it is no event.
INSERT INTO document (sha256, type, bytes) VALUES ($1::text, $2::text, $3::bytea)
ON CONFLICT (sha256) DO NOTHING;

-- name: document_find :opt
-- The bytes of the document with this digest and type.
SELECT bytes FROM document WHERE sha256 = $1::text AND type = $2::text;

-- name: document_any :opt
-- The document with this digest, of whatever type.
SELECT type, bytes FROM document WHERE sha256 = $1::text;

-- name: document_signature_put :none :touch
-- Stores a signature beside a document; the same one again is left alone.
INSERT INTO document_signature (sha256, role, key_id, signature)
VALUES ($1::text, $2::text, $3::text, $4::bytea)
ON CONFLICT DO NOTHING;

-- name: document_signatures_list :many
-- The signatures of one role beside a document, the 64 oldest: anybody may put more.
SELECT key_id, signature FROM document_signature
WHERE sha256 = $1::text AND role = $2::text ORDER BY stored_at, key_id LIMIT 64;

-- name: trust_newest :opt
-- The maker's trust document in force.
SELECT t.version, t.sha256, d.bytes FROM trust_document t JOIN document d USING (sha256)
WHERE t.slot = 'maker' ORDER BY t.version DESC LIMIT 1;

-- name: trust_newest_version :one
-- Its version; 0 before the first.
SELECT coalesce(max(version), 0) AS version FROM trust_document WHERE slot = 'maker';
