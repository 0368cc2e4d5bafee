-- SPDX-License-Identifier: Apache-2.0
-- Answers to requests that carried an Idempotency-Key. Marks, no events. READ COMMITTED: the primary key decides
-- which of two equal requests runs.

-- name: idempotency_begin :opt :touch
-- Takes the key for this request, if nobody has it, or if who had it never answered since $5.
INSERT INTO idempotency (person, key, request_sha256, made_at)
VALUES ($1::text, $2::text, $3::text, $4::timestamptz)
ON CONFLICT (person, key) DO UPDATE SET made_at = excluded.made_at
WHERE idempotency.request_sha256 = excluded.request_sha256
	AND idempotency.status IS NULL AND idempotency.made_at < $5::timestamptz
RETURNING key;

-- name: idempotency_find :opt
-- What is known of a key: whose request, and how it was answered (null: not yet).
SELECT request_sha256, status, body FROM idempotency WHERE person = $1::text AND key = $2::text;

-- name: idempotency_answer :none :touch
-- Keeps the answer.
UPDATE idempotency SET status = $3::bigint, body = $4::text WHERE person = $1::text AND key = $2::text;

-- name: idempotency_forget :none :touch
-- The request was refused: it may be tried again.
DELETE FROM idempotency WHERE person = $1::text AND key = $2::text;

-- name: idempotency_sweep :none :touch
-- Forgets what is older than $1.
DELETE FROM idempotency WHERE made_at < $1::timestamptz;

-- name: idempotency_event :opt
-- The bytes of an event: what an act that was done before did.
SELECT kind, bytes FROM event WHERE id = $1::uuid;
