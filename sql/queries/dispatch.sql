-- SPDX-License-Identifier: Apache-2.0
-- What devices are offered and what they report. READ COMMITTED with row locks: of a device's deployments first (in
-- order of device and action), then of its stream; so no two writers wait for each other.

-- name: dispatch_gate_read :many
-- The campaigns that may be shown now, oldest permit first, at most 1,000.
SELECT campaign, sha256, not_after FROM permit_live ORDER BY not_before, campaign LIMIT 1000;

-- name: dispatch_due_list :many
-- What each of these devices is to be shown: what it has begun, else the oldest campaign with a live gate that waits for it. Live: $2.
SELECT DISTINCT ON (d.device) d.device, d.campaign, d.action_id, d.attempt, d.campaign = ANY ($2::uuid[]) AS live
FROM deployment d JOIN campaign c ON c.id = d.campaign
WHERE d.device = ANY ($1::text[]) AND d.ended_at IS NULL
	AND (d.campaign = ANY ($2::uuid[]) OR d.attempt > 0)
	AND NOT EXISTS (SELECT FROM campaign_end e WHERE e.campaign = d.campaign)
ORDER BY d.device, d.attempt > 0 DESC, c.drafted_at, c.id LIMIT 1000;

-- name: dispatch_device_lock :many
-- A device's deployments that have not ended, and that of this action, locked.
SELECT d.campaign, d.device, d.action_id, d.state, d.attempt, d.progress, d.kinds, v.assurance,
	EXISTS (SELECT FROM campaign_end e WHERE e.campaign = d.campaign) AS over
FROM deployment d JOIN device v ON v.id = d.device
WHERE d.device = $1::text AND (d.ended_at IS NULL OR d.action_id = $2::bigint)
ORDER BY d.action_id LIMIT 200 FOR UPDATE OF d;

-- name: dispatch_reports_lock :many
-- The deployments of these devices and actions, each once, locked in order.
SELECT d.campaign, d.device, d.action_id, d.state, d.attempt, d.progress, d.kinds, v.assurance,
	EXISTS (SELECT FROM campaign_end e WHERE e.campaign = d.campaign) AS over
FROM deployment d JOIN device v ON v.id = d.device
JOIN unnest($1::text[], $2::bigint[]) AS w (device, action) ON w.device = d.device AND w.action = d.action_id
ORDER BY d.device COLLATE "C", d.action_id LIMIT 1000 FOR UPDATE OF d;

-- name: dispatch_deployment_lock :opt
-- A campaign's deployment on a device, locked.
SELECT d.campaign, d.device, d.action_id, d.state, d.attempt, d.progress, d.kinds, v.assurance,
	EXISTS (SELECT FROM campaign_end e WHERE e.campaign = d.campaign) AS over
FROM deployment d JOIN device v ON v.id = d.device
WHERE d.campaign = $1::uuid AND d.device = $2::text FOR UPDATE OF d;

-- name: dispatch_action_find :opt
-- The deployment that a device calls by this action.
SELECT d.campaign, d.device, d.action_id, d.state, d.attempt, d.progress, d.kinds, v.assurance,
	EXISTS (SELECT FROM campaign_end e WHERE e.campaign = d.campaign) AS over
FROM deployment d JOIN device v ON v.id = d.device
WHERE d.device = $1::text AND d.action_id = $2::bigint;

-- name: dispatch_permit_live :opt
-- The live permit of a campaign; none: its gate is closed.
SELECT sha256, not_after FROM permit_live WHERE campaign = $1::uuid;

-- name: dispatch_release_get :one
-- The sealed release of a campaign, its manifest and its author's signature.
SELECT rs.product, rs.version, rs.manifest_sha256, rs.author_cms, m.bytes AS manifest
FROM campaign c JOIN release_seal rs ON rs.release = c.release JOIN document m ON m.sha256 = rs.manifest_sha256
WHERE c.id = $1::uuid;

-- name: dispatch_artifacts_list :many
-- The digests that foreign clients want, of these artifacts.
SELECT sha256, sha1, md5 FROM artifact WHERE sha256 = ANY ($1::text[]) LIMIT 16;

-- name: dispatch_offer :none :write
-- A device fetched its offer: a new attempt begins. Refused by a trigger without a live permit, and before the last attempt ended.
UPDATE deployment SET state = 'offered', attempt = attempt + 1, offered_at = $3::timestamptz, changed_at = $3::timestamptz,
	progress = 0, kinds = 0
WHERE campaign = $1::uuid AND device = $2::text;

-- name: dispatch_move :none :write
-- A deployment goes to another state, or says something for the first time. $4 basis and $6 code: null leaves what stands; $7: when it ended, or null.
UPDATE deployment SET state = $3::text, basis = coalesce($4::text, basis), progress = 0, kinds = $5::bigint,
	code = coalesce($6::text, code), ended_at = coalesce($7::timestamptz, ended_at), changed_at = $8::timestamptz
WHERE campaign = $1::uuid AND device = $2::text;

-- name: dispatch_settle :none :write
-- A signed report says how an attempt ended; it replaces what was only said.
UPDATE deployment SET state = $3::text, basis = $4::text, code = $5::text, progress = 0,
	ended_at = $6::timestamptz, changed_at = $6::timestamptz
WHERE campaign = $1::uuid AND device = $2::text;

-- name: dispatch_progress_put :none :touch
-- Reports that were only counted: how many since the last event, per deployment (campaigns, devices, counts; at most 1,000).
UPDATE deployment d SET progress = n.progress
FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS n (campaign, device, progress)
WHERE d.campaign = n.campaign AND d.device = n.device;

-- name: dispatch_permit_get :one
-- A permit's document and the keeper's signature.
SELECT p.campaign, p.cms, d.bytes FROM permit p JOIN document d USING (sha256) WHERE p.sha256 = $1::text;

-- name: dispatch_target_find :opt
-- The leaf of a device in a campaign's target tree.
SELECT leaf_index, leaf FROM target WHERE campaign = $1::uuid AND device = $2::text;

-- name: dispatch_leaves_list :many
-- All leaf hashes of a campaign's target tree (at most 10,000), in order.
SELECT leaf_hash FROM target WHERE campaign = $1::uuid ORDER BY leaf_index LIMIT 10000;

-- name: dispatch_trust_find :opt
-- The maker's trust document of this version.
SELECT t.sha256, d.bytes FROM trust_document t JOIN document d USING (sha256)
WHERE t.slot = 'maker' AND t.version = $1::bigint;
