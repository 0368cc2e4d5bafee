-- SPDX-License-Identifier: Apache-2.0
--
-- What the keeper takes in: seals of releases, records, plans.

-- name: intake_draft :opt
-- A drafted release with its manifest.
SELECT r.id, r.product, r.version, r.sequence, r.manifest_sha256, d.bytes AS manifest
FROM release r JOIN document d ON d.sha256 = r.manifest_sha256 WHERE r.id = $1::uuid;

-- name: intake_seal_find :opt
-- The event that sealed a release.
SELECT event, manifest_sha256 FROM release_seal WHERE release = $1::uuid;

-- name: intake_artifact_find :opt
-- The size of a stored artifact.
SELECT size_bytes FROM artifact WHERE sha256 = $1::text;

-- name: intake_seal_insert :none :write
-- Seals a release.
INSERT INTO release_seal (release, product, version, sequence, manifest_sha256, author_key_id, author_person, author_cms, event)
VALUES ($1::uuid, $2::text, $3::text, $4::bigint, $5::text, $6::text, $7::text, $8::bytea, $9::uuid);

-- name: intake_record_newest :opt
-- The newest version of a record, and its release.
SELECT r.version, r.release, r.sha256, r.event FROM record r WHERE r.id = $1::uuid
ORDER BY r.version DESC LIMIT 1;

-- name: intake_record_insert :none :write
-- Adds a version of a record.
INSERT INTO record (id, version, release, kind, sha256, added_by, event)
VALUES ($1::uuid, $2::bigint, $3::uuid, $4::text, $5::text, $6::text, $7::uuid);

-- name: intake_campaign_draft :opt
-- A drafted campaign with its plan.
SELECT c.id, c.product, c.release, c.plan_sha256, c.drafted_by, d.bytes AS plan
FROM campaign c JOIN document d ON d.sha256 = c.plan_sha256 WHERE c.id = $1::uuid;

-- name: intake_plan_find :opt
-- The event that submitted a campaign's plan.
SELECT event, plan_sha256 FROM campaign_plan WHERE campaign = $1::uuid;

-- name: intake_devices_list :many
-- What the directory says of these devices, in order of id.
SELECT d.id, d.product, d.hardware, d.market, d.site, d.assurance, d.revoked_event IS NOT NULL AS revoked
FROM device d JOIN sealed s ON s.event = d.event WHERE d.id = ANY ($1::text[]) ORDER BY d.id COLLATE "C";

-- name: intake_plan_insert :none :write
-- Takes a campaign's plan.
INSERT INTO campaign_plan (campaign, release, product, plan_sha256, submitted_by, event)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::uuid);
