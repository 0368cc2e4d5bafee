-- SPDX-License-Identifier: Apache-2.0
--
-- What the keeper's facts are made of. READ COMMITTED; the epoch is read first, so that a change
-- between two of these statements makes the verdict stale. Rows count only once their event is sealed
-- when they help; what counts against counts at once.

-- name: gather_epoch :one
-- The epoch of a release or campaign; 0 when nothing ever raised it.
SELECT coalesce((SELECT epoch FROM gate_epoch WHERE subject = $1::uuid), 0) AS epoch;

-- name: gather_release :opt
-- A sealed release with its manifest and its author's signature.
SELECT rs.release, rs.product, rs.version, rs.sequence, rs.manifest_sha256, rs.author_key_id, rs.author_person,
	rs.author_cms, d.bytes AS manifest, r.drafted_by, e.bytes AS event_bytes, s.leaf AS event_leaf,
	EXISTS (SELECT FROM release_withdrawal w WHERE w.release = rs.release) AS withdrawn
FROM release_seal rs
JOIN release r ON r.id = rs.release
JOIN document d ON d.sha256 = rs.manifest_sha256
JOIN sealed s ON s.event = rs.event
JOIN event e ON e.id = rs.event
WHERE rs.release = $1::uuid;

-- name: gather_product :opt
-- A product and the names of its rulesets.
SELECT p.id, p.name, array_to_string(p.hardware, ' ') AS hardware, array_to_string(p.rulesets, ' ') AS rulesets
FROM product p JOIN sealed s ON s.event = p.event WHERE p.id = $1::text;

-- name: gather_rulesets :many
-- The adopted rulesets of these names: newest sealed adoption of each, and whether there is a newer one
-- that is not sealed.
SELECT DISTINCT ON (r.name) r.name, r.sha256, d.bytes,
	EXISTS (SELECT FROM ruleset n WHERE n.name = r.name AND n.adopted_at >= r.adopted_at
		AND NOT EXISTS (SELECT FROM sealed ns WHERE ns.event = n.event)) AS pending
FROM ruleset r JOIN document d USING (sha256) JOIN sealed s ON s.event = r.event
WHERE r.name = ANY ($1::text[]) ORDER BY r.name, s.index DESC;

-- name: gather_records :many
-- All versions of a release's records.
SELECT r.id, r.version, r.kind, r.sha256, r.added_by, d.bytes, e.bytes AS event_bytes, s.leaf AS event_leaf,
	r.version = max(r.version) OVER (PARTITION BY r.id) AS current
FROM record r JOIN document d USING (sha256) JOIN sealed s ON s.event = r.event JOIN event e ON e.id = r.event
WHERE r.release = $1::uuid ORDER BY r.id, r.version;

-- name: gather_uploads :many
-- Who uploaded these artifacts, as the service says: counts only against.
SELECT DISTINCT stored_by FROM artifact WHERE sha256 = ANY ($1::text[]);

-- name: gather_signatures :many
-- Signatures over a release, its records, and a campaign (null: none).
SELECT g.id, g.person, g.meaning, g.strength, g.object_kind, g.object_id, g.sha256, g.signed_at,
	e.bytes AS event_bytes, s.leaf AS event_leaf
FROM signature g JOIN sealed s ON s.event = g.event JOIN event e ON e.id = g.event
WHERE (g.object_kind = 'release' AND g.object_id = $1::uuid)
	OR (g.object_kind = 'record' AND g.object_id IN (SELECT id FROM record WHERE release = $1::uuid))
	OR (g.object_kind = 'campaign' AND g.object_id = $2::uuid)
ORDER BY g.id;

-- name: gather_people :many
-- These people: whether they are with us, and which roles they hold for a product.
SELECT p.id, p.name, p.left_event IS NULL AS active,
	coalesce((SELECT string_agg(DISTINCT g.role, ' ' ORDER BY g.role) FROM role_grant g JOIN sealed gs ON gs.event = g.event
		WHERE g.person = p.id AND g.revoked_event IS NULL AND g.product IN ('*', $2::text)), '') AS roles
FROM person p JOIN sealed s ON s.event = p.event
WHERE p.id = ANY ($1::text[]) ORDER BY p.id;

-- name: gather_campaign :opt
-- A submitted plan and how the campaign stands.
SELECT c.campaign, c.release, c.product, c.plan_sha256, d.bytes AS plan,
	ev.bytes AS event_bytes, s.leaf AS event_leaf,
	EXISTS (SELECT FROM campaign_end e WHERE e.campaign = c.campaign) AS ended,
	(SELECT max(h.number) FROM campaign_hold h
		LEFT JOIN campaign_hold_release r USING (campaign, number)
		WHERE h.campaign = c.campaign AND r.campaign IS NULL) AS held_number
FROM campaign_plan c JOIN document d ON d.sha256 = c.plan_sha256 JOIN sealed s ON s.event = c.event
JOIN event ev ON ev.id = c.event
WHERE c.campaign = $1::uuid;

-- name: gather_release_verdict :opt
-- The newest verdict of a release's gate that is not stale.
SELECT v.sha256, v.open, v.valid_until
FROM verdict v
LEFT JOIN gate_epoch g ON g.subject = v.subject
WHERE v.gate = 'release' AND v.subject = $1::uuid AND v.epoch = coalesce(g.epoch, 0)
ORDER BY v.decided_at DESC LIMIT 1;

-- name: gather_record_release :opt
-- The release that a record belongs to.
SELECT release FROM record WHERE id = $1::uuid LIMIT 1;

-- name: gather_streams_closed :opt
-- A stream of this campaign (null: none), or of its or this release, that is closed to gate-opening.
SELECT s.kind, s.id
FROM (SELECT 'campaign' AS kind, $1::uuid::text AS id
	UNION ALL SELECT 'release', $2::uuid::text
	UNION ALL SELECT 'release', p.release::text FROM campaign_plan p WHERE p.campaign = $1::uuid) named
JOIN sealed_stream s USING (kind, id)
WHERE s.closed LIMIT 1;

-- name: verdict_insert :none :write
-- A verdict that was given for real.
INSERT INTO verdict (sha256, gate, subject, facts_sha256, open, decided_at, valid_until, epoch, event)
VALUES ($1::text, $2::text, $3::uuid, $4::text, $5::boolean, $6::timestamptz, $7::timestamptz, $8::bigint, $9::uuid);

-- name: verdict_live :opt
-- The newest verdict of a gate that is open, not stale, and lives for longer than until $3.
SELECT v.sha256, v.valid_until
FROM verdict v
LEFT JOIN gate_epoch g ON g.subject = v.subject
JOIN sealed s ON s.event = v.event
WHERE v.gate = $1::text AND v.subject = $2::uuid AND v.open
	AND v.epoch = coalesce(g.epoch, 0) AND v.valid_until > $3::timestamptz
ORDER BY v.decided_at DESC LIMIT 1;
