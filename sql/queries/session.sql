-- SPDX-License-Identifier: Apache-2.0
-- Who is logged in, and which devices may speak: what identify asks before every request. READ COMMITTED.

-- name: session_insert :none :touch
-- A person logged in.
INSERT INTO session (token_sha256, person, expires_at) VALUES ($1::text, $2::text, $3::timestamptz);

-- name: session_find :opt
-- The person of a live session who has not left, and their roles as "role@product ...".
SELECT p.id, p.name,
	coalesce((SELECT string_agg(g.role || '@' || g.product, ' ' ORDER BY g.role, g.product)
		FROM role_grant g WHERE g.person = p.id AND g.revoked_event IS NULL), '') AS grants
FROM session s JOIN person p ON p.id = s.person AND p.left_event IS NULL
WHERE s.token_sha256 = $1::text AND s.expires_at > $2::timestamptz;

-- name: session_end :none :touch
-- A person logs out.
DELETE FROM session WHERE token_sha256 = $1::text;

-- name: session_end_all :none :touch
-- A person has a new password: who came in with the old one is out.
DELETE FROM session WHERE person = $1::text;

-- name: session_sweep :none :touch
-- Forgets sessions that are over.
DELETE FROM session WHERE expires_at <= $1::timestamptz;

-- name: session_device_find :opt
-- How a device that is not revoked authenticates: digests of its token (null: none, or over) and its certificate.
SELECT d.id, a.certificate_sha256,
	CASE WHEN a.token_expires_at IS NULL OR a.token_expires_at > $2::timestamptz THEN a.token_sha256 END AS token_sha256
FROM device d JOIN device_access a ON a.device = d.id
WHERE d.id = $1::text AND d.revoked_event IS NULL;
