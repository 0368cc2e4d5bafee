-- SPDX-License-Identifier: Apache-2.0
-- Devices as people see them, and how devices authenticate. READ COMMITTED.

-- name: device_list :many
-- Devices after an id, in order of id, at most $2.
SELECT d.id, d.product, d.serial, d.hardware, d.market, d.site, d.assurance, d.revoked_event IS NOT NULL AS revoked, s.seen_at
FROM device d LEFT JOIN device_seen s ON s.device = d.id
WHERE d.id > $1::text ORDER BY d.id LIMIT $2::bigint;

-- name: device_find :opt
-- A device and what it last said of itself.
SELECT d.id, d.product, d.serial, d.hardware, d.market, d.site, d.assurance, d.report_key, d.revoked_event IS NOT NULL AS revoked,
	s.seen_at, s.attributes
FROM device d LEFT JOIN device_seen s ON s.device = d.id WHERE d.id = $1::text;

-- name: device_deployments_list :many
-- The newest 100 deployments of a device.
SELECT d.campaign, c.release, d.action_id, d.state, d.basis, d.attempt, d.offered_at, d.changed_at, d.ended_at, d.code
FROM deployment d JOIN campaign c ON c.id = d.campaign
WHERE d.device = $1::text ORDER BY d.action_id DESC LIMIT 100;

-- name: device_token_put :none :write
-- Gives a device a new token; the one before ends.
INSERT INTO device_access (device, token_sha256, token_expires_at) VALUES ($1::text, $2::text, $3::timestamptz)
ON CONFLICT (device) DO UPDATE SET token_sha256 = excluded.token_sha256, token_expires_at = excluded.token_expires_at;

-- name: device_certificate_put :none :write
-- Registers a device's client certificate; the one before ends.
INSERT INTO device_access (device, certificate_sha256) VALUES ($1::text, $2::text)
ON CONFLICT (device) DO UPDATE SET certificate_sha256 = excluded.certificate_sha256;

-- name: device_seen_touch :many :touch
-- These devices (each once, at most 1,000) were heard of at that time; says of which attributes are wanted.
INSERT INTO device_seen (device, seen_at)
SELECT w.device, $2::timestamptz FROM unnest($1::text[]) AS w (device) ORDER BY w.device COLLATE "C"
ON CONFLICT (device) DO UPDATE SET seen_at = greatest(device_seen.seen_at, excluded.seen_at)
RETURNING device, attributes_wanted AS wanted;

-- name: device_attributes_lock :opt
-- What a device last said of itself, locked.
SELECT attributes FROM device_seen WHERE device = $1::text FOR UPDATE;

-- name: device_attributes_put :none :touch
-- Keeps what a device says of itself; it is not wanted again until something ends.
INSERT INTO device_seen (device, seen_at, attributes, attributes_wanted) VALUES ($1::text, $3::timestamptz, $2::text, false)
ON CONFLICT (device) DO UPDATE SET seen_at = greatest(device_seen.seen_at, excluded.seen_at),
	attributes = excluded.attributes, attributes_wanted = false;

-- name: device_attributes_want :none :touch
-- Has these devices asked for their attributes again.
UPDATE device_seen SET attributes_wanted = true WHERE device = ANY ($1::text[]);
