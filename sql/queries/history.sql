-- SPDX-License-Identifier: Apache-2.0
--
-- The git record: which acts still need a commit, and what goes into it.

-- name: history_pending :many
-- Acts without a commit, in order, each with the first stored checkpoint that covers it.
SELECT s.index, e.id, e.kind, e.bytes, c.size AS checkpoint_size, c.note
FROM event e
JOIN sealed s ON s.event = e.id
LEFT JOIN history h ON h.act = e.id
CROSS JOIN LATERAL (SELECT size, note FROM checkpoint WHERE size > s.index ORDER BY size LIMIT 1) c
WHERE e.kind IN ('release.sealed', 'record.added', 'signature.given', 'ruleset.adopted')
	AND h.act IS NULL
ORDER BY s.index LIMIT 20;

-- name: history_release_find :opt
-- Product, version and author's signature of a release, or of a campaign's release.
SELECT r.release, r.product, r.version, r.author_cms FROM release_seal r
WHERE r.release = $1::uuid
	OR r.release = (SELECT p.release FROM campaign_plan p WHERE p.campaign = $1::uuid);

-- name: history_signature_find :opt
-- The CMS that a signature was given with; null: a password.
SELECT cms FROM signature WHERE id = $1::uuid;

-- name: history_tip_find :opt
-- The newest recorded commit of a ref.
SELECT h.commit_id FROM history h JOIN sealed s ON s.event = h.act
WHERE h.ref = $1::text ORDER BY s.index DESC LIMIT 1;

-- name: history_tips_list :many
-- Every ref with its newest recorded commit.
SELECT DISTINCT ON (h.ref) h.ref, h.commit_id FROM history h JOIN sealed s ON s.event = h.act
ORDER BY h.ref, s.index DESC;

-- name: history_insert :none :write
-- A commit was written for an act.
INSERT INTO history (act, ref, commit_id, event) VALUES ($1::uuid, $2::text, $3::text, $4::uuid);

-- name: history_campaigns_list :many
-- Running campaigns whose release stands in a ref that no longer fits the record.
SELECT DISTINCT s.id FROM campaign_state s
JOIN release_seal r ON r.release = s.release
JOIN history h ON h.ref = $1::text AND h.act = r.event
WHERE s.state = 'running';
