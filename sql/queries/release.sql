-- SPDX-License-Identifier: Apache-2.0
-- Releases: drafts and withdrawals, which the service makes, and what it shows of the rest. SERIALIZABLE where a
-- draft looks whether its manifest stands already, READ COMMITTED otherwise.

-- name: release_by_manifest :opt
-- The release of this manifest.
SELECT id FROM release WHERE manifest_sha256 = $1::text ORDER BY drafted_at LIMIT 1;

-- name: release_insert :none :write
-- A release was drafted.
INSERT INTO release (id, product, version, sequence, manifest_sha256, drafted_by)
VALUES ($1::uuid, $2::text, $3::text, $4::bigint, $5::text, $6::text);

-- name: release_product_exists :one
-- Whether there is such a product.
SELECT EXISTS (SELECT FROM product WHERE id = $1::text) AS known;

-- name: release_find :opt
-- A release, its manifest, and as far as it is sealed the digest of its author's signature.
SELECT r.id, r.product, r.version, r.sequence, r.manifest_sha256, r.drafted_by, r.drafted_at, d.bytes AS manifest,
	CASE WHEN w.release IS NOT NULL THEN 'withdrawn' WHEN s.release IS NOT NULL THEN 'sealed' ELSE 'draft' END AS state,
	encode(sha256(s.author_cms), 'hex') AS author_cms_sha256
FROM release r
JOIN document d ON d.sha256 = r.manifest_sha256
LEFT JOIN release_seal s ON s.release = r.id
LEFT JOIN release_withdrawal w ON w.release = r.id
WHERE r.id = $1::uuid;

-- name: release_list :many
-- Releases after this id (null: from the first).
SELECT r.id, r.product, r.version, r.sequence, r.manifest_sha256, r.drafted_by, r.drafted_at,
	CASE WHEN w.release IS NOT NULL THEN 'withdrawn' WHEN s.release IS NOT NULL THEN 'sealed' ELSE 'draft' END AS state
FROM release r
LEFT JOIN release_seal s ON s.release = r.id
LEFT JOIN release_withdrawal w ON w.release = r.id
WHERE $1::uuid IS NULL OR r.id > $1::uuid
ORDER BY r.id LIMIT $2::bigint;

-- name: release_records :many
-- All versions of a release's records whose event is sealed, sorted by id and version.
SELECT r.id, r.version, r.kind, r.sha256, r.added_by, r.version = max(r.version) OVER (PARTITION BY r.id) AS current
FROM record r JOIN sealed s ON s.event = r.event
WHERE r.release = $1::uuid ORDER BY r.id, r.version LIMIT 2000;

-- name: release_rulesets :many
-- The rulesets in force for a product, sorted by name.
SELECT DISTINCT ON (r.name COLLATE "C") r.name, r.sha256
FROM product p
JOIN ruleset r ON r.name = ANY (p.rulesets)
JOIN sealed s ON s.event = r.event
WHERE p.id = $1::text ORDER BY r.name COLLATE "C", s.index DESC LIMIT 100;

-- name: release_signatures :many
-- Signatures over a release and its records, in the order of the ledger.
SELECT g.id, g.person, g.meaning, g.strength, g.object_kind, g.object_id, g.sha256, g.statement_sha256, g.signed_at
FROM signature g JOIN sealed s ON s.event = g.event
WHERE (g.object_kind = 'release' AND g.object_id = $1::uuid)
	OR (g.object_kind = 'record' AND g.object_id IN (SELECT id FROM record WHERE release = $1::uuid))
ORDER BY s.index LIMIT 2000;

-- name: release_history :many
-- The acts on a release that are sealed, in order, and the commit that tells of each (null: none yet).
SELECT e.id AS event, e.kind, s.index, s.sealed_at, h.commit_id
FROM (SELECT event FROM release_seal WHERE release = $1::uuid
	UNION SELECT event FROM record WHERE release = $1::uuid
	UNION SELECT event FROM verdict WHERE gate = 'release' AND subject = $1::uuid
	UNION SELECT event FROM release_withdrawal WHERE release = $1::uuid
	UNION SELECT g.event FROM signature g WHERE (g.object_kind = 'release' AND g.object_id = $1::uuid)
		OR (g.object_kind = 'record' AND g.object_id IN (SELECT id FROM record WHERE release = $1::uuid))) acts
JOIN event e ON e.id = acts.event
JOIN sealed s ON s.event = acts.event
LEFT JOIN history h ON h.act = acts.event
ORDER BY s.index LIMIT 2000;

-- name: release_withdrawal_find :opt
-- The event of a withdrawal.
SELECT event FROM release_withdrawal WHERE release = $1::uuid;

-- name: release_withdraw :none :write
-- A release is withdrawn.
INSERT INTO release_withdrawal (release, withdrawn_by, reason, event)
VALUES ($1::uuid, $2::text, $3::text, $4::uuid);
