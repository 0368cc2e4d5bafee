-- SPDX-License-Identifier: Apache-2.0
--
-- Challenges and signatures.

-- name: challenge_insert :none :write
-- A challenge for one answer.
INSERT INTO challenge (id, person, statement_sha256, expires_at)
VALUES ($1::uuid, $2::text, $3::text, $4::timestamptz);

-- name: challenge_get :opt
-- A challenge with its statement, locked: one answer at a time.
SELECT c.id, c.person, c.statement_sha256, c.expires_at, c.used_at IS NOT NULL AS used, c.failures, d.bytes AS statement
FROM challenge c JOIN document d ON d.sha256 = c.statement_sha256
WHERE c.id = $1::uuid FOR UPDATE OF c;

-- name: challenge_use :none :write
-- Spends a challenge.
UPDATE challenge SET used_at = $2::timestamptz WHERE id = $1::uuid AND used_at IS NULL;

-- name: challenge_wrong :none :write
-- Counts a wrong answer; the one that reaches the limit spends the challenge.
UPDATE challenge SET failures = failures + 1,
	used_at = CASE WHEN failures + 1 >= $2::bigint THEN $3::timestamptz ELSE used_at END
WHERE id = $1::uuid;

-- name: personal_key_find :opt
-- The live personal key with this id, of this person.
SELECT k.key_id, k.certificate FROM personal_key k JOIN sealed s ON s.event = k.event
WHERE k.key_id = $1::text AND k.person = $2::text AND k.revoked_event IS NULL;

-- name: signature_insert :none :write
-- A signature.
INSERT INTO signature (id, challenge, person, meaning, object_kind, object_id, sha256, statement_sha256, strength, key_id, signed_at, event, cms)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::uuid, $7::text, $8::text, $9::text, $10::text, $11::timestamptz, $12::uuid, $13::bytea);

-- name: signature_find :opt
-- A sealed signature by its id.
SELECT g.id, g.person, g.meaning, g.object_kind, g.object_id, g.sha256, g.signed_at
FROM signature g JOIN sealed s ON s.event = g.event WHERE g.id = $1::uuid;
