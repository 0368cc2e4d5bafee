-- SPDX-License-Identifier: Apache-2.0
-- What the service shows of people, statements and trust, and which roles it asks for. READ COMMITTED.

-- name: directory_last :opt
-- The newest directory statement.
SELECT number, sha256 FROM directory_statement ORDER BY number DESC LIMIT 1;

-- name: directory_role_held :one
-- Whether a person who has not left holds one of these roles for this product.
SELECT EXISTS (SELECT FROM role_grant g JOIN person p ON p.id = g.person AND p.left_event IS NULL
	WHERE g.person = $1::text AND g.role = ANY ($2::text[]) AND g.product IN ('*', $3::text)
		AND g.revoked_event IS NULL) AS held;

-- name: directory_persons_list :many
-- People after this id: whether they are with us, their roles as "role@product ...", their live keys.
SELECT p.id, p.name, p.organisation, p.left_event IS NULL AS active,
	coalesce((SELECT string_agg(g.role || '@' || g.product, ' ' ORDER BY g.role, g.product)
		FROM role_grant g WHERE g.person = p.id AND g.revoked_event IS NULL), '') AS grants,
	coalesce((SELECT string_agg(k.key_id, ' ' ORDER BY k.key_id)
		FROM personal_key k WHERE k.person = p.id AND k.revoked_event IS NULL), '') AS keys
FROM person p WHERE p.id COLLATE "C" > $1::text ORDER BY p.id COLLATE "C" LIMIT $2::bigint;

-- name: directory_keys_known :one
-- Whether one of these is the live personal key of somebody.
SELECT EXISTS (SELECT FROM personal_key WHERE key_id = ANY ($1::text[]) AND revoked_event IS NULL) AS known;
