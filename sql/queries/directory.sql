-- SPDX-License-Identifier: Apache-2.0
--
-- Directory acts and trust documents: who there is and what is in force.

-- name: trust_insert :none :write
-- A trust document comes into force.
INSERT INTO trust_document (slot, version, sha256, event) VALUES ($1::text, $2::bigint, $3::text, $4::uuid);

-- name: trust_event_find :opt
-- The event that adopted this trust document.
SELECT event FROM trust_document WHERE sha256 = $1::text;

-- name: directory_newest :opt
-- The newest directory statement; its number is a key, so of two next ones the second is refused.
SELECT number, sha256 FROM directory_statement ORDER BY number DESC LIMIT 1;

-- name: directory_find :opt
-- The number and event of a statement that was done.
SELECT number, event FROM directory_statement WHERE sha256 = $1::text;

-- name: directory_insert :none :write
-- A statement was done.
INSERT INTO directory_statement (number, sha256, event) VALUES ($1::bigint, $2::text, $3::uuid);

-- name: directory_admin_find :opt
-- The person of a live personal key who is an admin for every product and has not left.
SELECT k.person FROM personal_key k
JOIN person p ON p.id = k.person AND p.left_event IS NULL
JOIN role_grant g ON g.person = k.person AND g.role = 'admin' AND g.product = '*' AND g.revoked_event IS NULL
JOIN sealed ks ON ks.event = k.event
JOIN sealed gs ON gs.event = g.event
WHERE k.key_id = $1::text AND k.revoked_event IS NULL LIMIT 1;

-- name: directory_has_left :one
-- Whether a person of this id has left.
SELECT EXISTS (SELECT FROM person WHERE id = $1::text AND left_event IS NOT NULL) AS gone;

-- name: person_insert :none :write
-- A person joins; ids are never used again.
INSERT INTO person (id, name, organisation, event) VALUES ($1::text, $2::text, $3::text, $4::uuid);

-- name: person_leave :none :write
-- A person leaves.
UPDATE person SET left_event = $2::uuid WHERE id = $1::text AND left_event IS NULL;

-- name: role_insert :none :write
-- A role is granted.
INSERT INTO role_grant (person, role, product, event) VALUES ($1::text, $2::text, $3::text, $4::uuid);

-- name: role_revoke :none :write
-- A role is revoked.
UPDATE role_grant SET revoked_event = $4::uuid
WHERE person = $1::text AND role = $2::text AND product = $3::text AND revoked_event IS NULL;

-- name: personal_key_insert :none :write
-- A personal key is enrolled.
INSERT INTO personal_key (key_id, person, certificate, event) VALUES ($1::text, $2::text, $3::bytea, $4::uuid);

-- name: personal_key_revoke :none :write
-- A personal key is revoked.
UPDATE personal_key SET revoked_event = $2::uuid WHERE key_id = $1::text AND revoked_event IS NULL;

-- name: product_put :none :write
-- A product, new or changed.
INSERT INTO product (id, name, hardware, rulesets, event)
VALUES ($1::text, $2::text, $3::text[], $4::text[], $5::uuid)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, hardware = excluded.hardware,
	rulesets = excluded.rulesets, event = excluded.event;

-- name: ruleset_insert :none :write
-- A ruleset is adopted.
INSERT INTO ruleset (name, sha256, event, adopted_at) VALUES ($1::text, $2::text, $3::uuid, $4::timestamptz);

-- name: device_insert :none :write
-- A device is registered.
INSERT INTO device (id, product, serial, hardware, market, site, assurance, report_key, event)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::bytea, $9::uuid);

-- name: device_revoke :none :write
-- A device is revoked.
UPDATE device SET revoked_event = $2::uuid WHERE id = $1::text AND revoked_event IS NULL;

-- name: epoch_raise_all :many :write
-- Makes every verdict stale, also one that is being given just now and that nobody can see yet: who or
-- what is in force changed under it.
SELECT gate_epoch_raise(subject) AS nothing
FROM (SELECT release AS subject FROM release_seal
	UNION ALL SELECT p.campaign FROM campaign_plan p
	WHERE NOT EXISTS (SELECT FROM campaign_end e WHERE e.campaign = p.campaign)) every;
