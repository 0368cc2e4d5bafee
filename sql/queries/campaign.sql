-- SPDX-License-Identifier: Apache-2.0
-- Campaigns as the service drafts, holds and ends them. READ COMMITTED: what is unique is so by primary key, and the
-- keeper decides alone what opens.

-- name: campaign_release_find :opt
-- A sealed release that is not withdrawn: what a campaign may be aimed with.
SELECT rs.release, rs.product, rs.version, rs.manifest_sha256
FROM release_seal rs
WHERE rs.release = $1::uuid AND NOT EXISTS (SELECT FROM release_withdrawal w WHERE w.release = rs.release);

-- name: campaign_targets_list :many
-- What the directory says of these devices (at most 10,000), in order of id as bytes.
SELECT id, product, hardware, market, site, revoked_event IS NOT NULL AS revoked
FROM device WHERE id = ANY ($1::text[]) ORDER BY id COLLATE "C" LIMIT 10000;

-- name: campaign_insert :none :write
-- A campaign is drafted.
INSERT INTO campaign (id, name, product, release, plan_sha256, drafted_by, not_after)
VALUES ($1::uuid, $2::text, $3::text, $4::uuid, $5::text, $6::text, $7::timestamptz);

-- name: campaign_find :opt
-- A campaign and how it stands.
SELECT s.id, s.name, s.product, s.release, s.plan_sha256, s.drafted_by, s.drafted_at, s.state,
	p.sha256 AS permit_sha256, p.number AS permit_number, p.not_after AS permit_not_after
FROM campaign_state s LEFT JOIN permit_live p ON p.campaign = s.id
WHERE s.id = $1::uuid;

-- name: campaign_list :many
-- Campaigns after an id, in order of id, at most $2.
SELECT id, name, product, release, plan_sha256, drafted_by, drafted_at, state
FROM campaign_state WHERE $1::text = '' OR id > nullif($1::text, '')::uuid ORDER BY id LIMIT $2::bigint;

-- name: campaign_counts :many
-- How many deployments of a campaign are in each state.
SELECT state, count(*)::int8 AS n FROM deployment WHERE campaign = $1::uuid GROUP BY state ORDER BY state LIMIT 100;

-- name: campaign_holds_list :many
-- The holds of a campaign, the newest 1,000.
SELECT h.number, h.held_by, h.reason, e.stored_at AS held_at, r.number IS NOT NULL AS released
FROM campaign_hold h JOIN event e ON e.id = h.event
LEFT JOIN campaign_hold_release r ON r.campaign = h.campaign AND r.number = h.number
WHERE h.campaign = $1::uuid ORDER BY h.number DESC LIMIT 1000;

-- name: campaign_hold_number :one
-- The number of the next hold. Two at once get the same; the primary key lets one of them try again.
SELECT coalesce(max(number), 0)::int8 + 1 AS number FROM campaign_hold WHERE campaign = $1::uuid;

-- name: campaign_hold_insert :none :write
-- Holds a campaign: from the commit on no permit of it is live.
INSERT INTO campaign_hold (campaign, number, held_by, reason, event)
VALUES ($1::uuid, $2::bigint, $3::text, $4::text, $5::uuid);

-- name: campaign_end_insert :none :write
-- Ends a campaign, for ever.
INSERT INTO campaign_end (campaign, how, ended_by, reason, event)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::uuid);

-- name: campaign_deployments_missing :one
-- How many of the campaign's targets have no deployment yet. The targets are the keeper's.
SELECT count(*)::int8 AS n FROM target t
WHERE t.campaign = $1::uuid
	AND NOT EXISTS (SELECT FROM deployment d WHERE d.campaign = t.campaign AND d.device = t.device);

-- name: campaign_deployments_create :many :write
-- Makes the missing deployments of a campaign, queued, and says which (at most 10,000). An action's number is the device's next one
-- from 11 on; 20, 30, 100 and the like are passed over, because some clients cut the first digit off. Where another
-- campaign takes the same number at the same moment the row is left out and made the next time.
INSERT INTO deployment (campaign, device, action_id)
SELECT n.campaign, n.device, CASE WHEN n.next::text ~ '^[1-9]0+$' THEN n.next + 1 ELSE n.next END
FROM (SELECT t.campaign, t.device,
		coalesce((SELECT max(d.action_id) FROM deployment d WHERE d.device = t.device), 10) + 1 AS next
	FROM target t
	WHERE t.campaign = $1::uuid
		AND NOT EXISTS (SELECT FROM deployment d WHERE d.campaign = t.campaign AND d.device = t.device)
	ORDER BY t.device COLLATE "C" LIMIT 10000) n
ON CONFLICT DO NOTHING
RETURNING device, action_id;

-- name: campaign_deployments_list :many
-- The deployments of a campaign after a device, in order of device, at most $3.
SELECT d.device, v.serial, d.action_id, d.state, d.basis, d.attempt, d.offered_at, d.changed_at, d.ended_at, d.code, d.progress
FROM deployment d JOIN device v ON v.id = d.device
WHERE d.campaign = $1::uuid AND d.device > $2::text ORDER BY d.device LIMIT $3::bigint;

-- name: campaign_unfinished_list :many
-- Running campaigns with targets that have no deployment, at most 100.
SELECT s.id FROM campaign_state s
WHERE s.state = 'running' AND EXISTS (SELECT FROM target t WHERE t.campaign = s.id
	AND NOT EXISTS (SELECT FROM deployment d WHERE d.campaign = t.campaign AND d.device = t.device))
ORDER BY s.drafted_at LIMIT 100;

-- name: campaign_finished_list :many
-- Running campaigns whose deployments (one for each target) have all ended, at most 100.
SELECT s.id FROM campaign_state s
WHERE s.state = 'running' AND EXISTS (SELECT FROM target t WHERE t.campaign = s.id)
	AND NOT EXISTS (SELECT FROM target t LEFT JOIN deployment d ON d.campaign = t.campaign AND d.device = t.device
		WHERE t.campaign = s.id AND d.ended_at IS NULL)
ORDER BY s.drafted_at LIMIT 100;

-- name: campaign_over_list :many
-- Campaigns that were submitted, have not ended, and whose plan is over at $1; at most 100.
SELECT s.id FROM campaign_state s JOIN campaign c ON c.id = s.id
WHERE c.not_after <= $1::timestamptz AND s.state IN ('submitted', 'running', 'held')
ORDER BY c.not_after LIMIT 100;

-- name: campaign_left_list :many
-- Deployments of ended campaigns that nobody has begun, at most 100, in order of device; locked.
SELECT d.campaign, d.device, d.action_id, d.state, d.attempt, d.progress, d.kinds, v.assurance, true AS over
FROM deployment d JOIN campaign_end e ON e.campaign = d.campaign JOIN device v ON v.id = d.device
WHERE d.ended_at IS NULL AND d.state = 'offered'
ORDER BY d.device COLLATE "C" LIMIT 100 FOR UPDATE OF d SKIP LOCKED;

-- name: campaign_left_find :opt
-- An ended campaign with deployments that no device has seen.
SELECT e.campaign FROM campaign_end e
WHERE EXISTS (SELECT FROM deployment d WHERE d.campaign = e.campaign AND d.state = 'queued') LIMIT 1;

-- name: campaign_cancel_queued :many :write
-- Cancels the deployments of a campaign that no device has seen (at most 10,000 by the size of a plan), and says which.
UPDATE deployment SET state = 'canceled', ended_at = $2::timestamptz, changed_at = $2::timestamptz, code = 'campaign.ended'
WHERE campaign = $1::uuid AND state = 'queued'
RETURNING device, action_id;

-- name: campaign_end_find :opt
-- How a campaign ended, and the event that says so.
SELECT how, event FROM campaign_end WHERE campaign = $1::uuid;
