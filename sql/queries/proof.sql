-- SPDX-License-Identifier: Apache-2.0
-- Signed reports of devices. READ COMMITTED; the deployment's row is locked first, so reports of one device for
-- one campaign come one after the other, and the primary key keeps the rest apart.

-- name: proof_device_find :opt
-- The report key of a device that is not revoked (null: it has none).
SELECT report_key, product, assurance FROM device WHERE id = $1::text AND revoked_event IS NULL;

-- name: proof_find :opt
-- The report of this number in an epoch.
SELECT sha256 FROM proof WHERE device = $1::text AND epoch = $2::text AND seq = $3::bigint;

-- name: proof_newest :opt
-- The newest report of a device in an epoch.
SELECT seq, sha256 FROM proof WHERE device = $1::text AND epoch = $2::text ORDER BY seq DESC LIMIT 1;

-- name: proof_epochs :one
-- Whether a device ever reported, and whether for this campaign and attempt.
SELECT EXISTS (SELECT FROM proof WHERE device = $1::text) AS known,
	EXISTS (SELECT FROM proof WHERE device = $1::text AND campaign = $2::uuid AND attempt = $3::bigint) AS proven;

-- name: proof_permit_fits :one
-- Whether a permit is one of this campaign's, of any number.
SELECT EXISTS (SELECT FROM permit WHERE sha256 = $1::text AND campaign = $2::uuid) AS fits;

-- name: proof_insert :none :write
-- A report is taken, once.
INSERT INTO proof (device, epoch, seq, sha256, campaign, attempt, event)
VALUES ($1::text, $2::text, $3::bigint, $4::text, $5::uuid, $6::bigint, $7::uuid);
