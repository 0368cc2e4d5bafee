-- SPDX-License-Identifier: Apache-2.0
--
-- Opening campaigns, permits and leases.

-- name: permit_campaign_get :opt
-- How a submitted campaign stands, with its release.
SELECT s.state, p.release, p.plan_sha256, o.event AS open_event, os.index AS opened_index,
	e.how IS NOT NULL AS ended
FROM campaign_state s
JOIN campaign_plan p ON p.campaign = s.id
LEFT JOIN campaign_open o ON o.campaign = s.id
LEFT JOIN sealed os ON os.event = o.event
LEFT JOIN campaign_end e ON e.campaign = s.id
WHERE s.id = $1::uuid;

-- name: permit_open_insert :none :write
-- Opens a campaign.
INSERT INTO campaign_open (campaign, event) VALUES ($1::uuid, $2::uuid);

-- name: permit_hold_number :one
-- The number of a campaign's next hold, and of its newest one that is not released.
SELECT coalesce(max(h.number), 0) + 1 AS next,
	coalesce(max(h.number) FILTER (WHERE r.campaign IS NULL), 0) AS held
FROM campaign_hold h LEFT JOIN campaign_hold_release r USING (campaign, number)
WHERE h.campaign = $1::uuid;

-- name: permit_hold_insert :none :write
-- Holds a campaign.
INSERT INTO campaign_hold (campaign, number, held_by, reason, event)
VALUES ($1::uuid, $2::bigint, $3::text, $4::text, $5::uuid);

-- name: permit_hold_release :none :write
-- Releases every hold up to this number.
INSERT INTO campaign_hold_release (campaign, number, signature, event)
SELECT h.campaign, h.number, $3::uuid, $4::uuid
FROM campaign_hold h LEFT JOIN campaign_hold_release r USING (campaign, number)
WHERE h.campaign = $1::uuid AND h.number <= $2::bigint AND r.campaign IS NULL;

-- name: permit_newest :opt
-- The newest permit of a campaign.
SELECT sha256, number, tree_root, tree_size, not_after FROM permit WHERE campaign = $1::uuid
ORDER BY number DESC LIMIT 1;

-- name: permit_live_get :opt
-- The permit under which a campaign's devices may act now.
SELECT sha256, number, not_before, not_after, event FROM permit_live WHERE campaign = $1::uuid;

-- name: permit_lock :many
-- One permit at a time per campaign, until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0)) IS NULL AS nothing;

-- name: permit_insert :none :write
-- Issues a permit.
INSERT INTO permit (sha256, campaign, number, release_verdict, campaign_verdict, cms, not_before, not_after, tree_root, tree_size, event)
VALUES ($1::text, $2::uuid, $3::bigint, $4::text, $5::text, $6::bytea, $7::timestamptz, $8::timestamptz, $9::bytea, $10::bigint, $11::uuid);

-- name: permit_targets_insert :none :write
-- Draws a campaign's target tree: devices, leaves and leaf hashes in leaf order.
INSERT INTO target (campaign, device, leaf_index, leaf, leaf_hash)
SELECT $1::uuid, d, n - 1, l, h
FROM unnest($2::text[], $3::bytea[], $4::bytea[]) WITH ORDINALITY AS t (d, l, h, n);

-- name: permit_renewals_list :many
-- Running campaigns without a live permit, or with one that ends before $1 and began before $2; 100 by lot, so
-- that those whose gate stays closed do not keep the others waiting.
SELECT s.id FROM campaign_state s
JOIN campaign_open o ON o.campaign = s.id
JOIN sealed os ON os.event = o.event
WHERE s.state = 'running' AND NOT EXISTS (
	SELECT FROM permit_live l WHERE l.campaign = s.id
		AND (l.not_after > $1::timestamptz OR l.not_before > $2::timestamptz))
ORDER BY random() LIMIT 100;

-- name: lease_target_find :opt
-- A device's place in a campaign's target tree, and whether it is still registered.
SELECT t.leaf_index, d.revoked_event IS NOT NULL AS revoked, dep.attempt, dep.ended_at IS NOT NULL AS ended
FROM target t JOIN device d ON d.id = t.device
LEFT JOIN deployment dep ON dep.campaign = t.campaign AND dep.device = t.device
WHERE t.campaign = $1::uuid AND t.device = $2::text;

-- name: lease_before_find :one
-- What was granted to a device in a campaign: the newest attempt, and whether this attempt had an install lease.
SELECT coalesce(max(attempt), 0) AS newest,
	coalesce(bool_or(step = 'install' AND attempt = $3::bigint), false) AS installed
FROM lease WHERE campaign = $1::uuid AND device = $2::text;

-- name: lease_nonce_find :opt
-- Whether a device used this nonce before.
SELECT id FROM lease WHERE device = $1::text AND nonce = $2::text;

-- name: lease_insert :none :write
-- Issues a lease.
INSERT INTO lease (id, campaign, device, permit_sha256, attempt, step, nonce, issued_at, for_s, document, signature, event)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::bigint, $6::text, $7::text, $8::timestamptz, $9::bigint, $10::bytea, $11::bytea, $12::uuid);
