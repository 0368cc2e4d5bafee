-- SPDX-License-Identifier: Apache-2.0
-- Firmware that was uploaded. The bytes lie in files; a row says that they were whole when they came.

-- name: artifact_find :opt
-- What is known of the artifact with this digest.
SELECT sha256, size_bytes, sha1, md5, stored_by FROM artifact WHERE sha256 = $1::text;

-- name: artifact_insert :none :write
-- An artifact was stored.
INSERT INTO artifact (sha256, size_bytes, sha1, md5, stored_by)
VALUES ($1::text, $2::bigint, $3::text, $4::text, $5::text);
