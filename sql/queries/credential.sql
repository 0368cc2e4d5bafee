-- SPDX-License-Identifier: Apache-2.0
--
-- Passwords and invitations. Only the keeper's role can read them.

-- name: credential_find :opt
-- A person and the stored password (null: none set yet); gone when the person has left.
SELECT p.id, p.name, c.password
FROM person p LEFT JOIN credential c ON c.person = p.id
WHERE p.id = $1::text AND p.left_event IS NULL;

-- name: credential_roles :many
-- The roles a person holds, by product.
SELECT g.role, g.product FROM role_grant g JOIN sealed s ON s.event = g.event
WHERE g.person = $1::text AND g.revoked_event IS NULL ORDER BY g.role, g.product;

-- name: credential_invite_take :opt :write
-- Sets the password where this invitation stands and lives; the invitation is used up.
UPDATE credential c SET password = $3::text, invite_sha256 = NULL, invite_expires_at = NULL, changed_at = now()
FROM person p
WHERE c.person = $1::text AND c.invite_sha256 = $2::text AND c.invite_expires_at > $4::timestamptz
	AND p.id = c.person AND p.left_event IS NULL
RETURNING c.person;

-- name: credential_invite_put :none :write
-- Invites a person to set a password; an earlier invitation ends.
INSERT INTO credential (person, invite_sha256, invite_expires_at)
VALUES ($1::text, $2::text, $3::timestamptz)
ON CONFLICT (person) DO UPDATE SET invite_sha256 = excluded.invite_sha256, invite_expires_at = excluded.invite_expires_at;
