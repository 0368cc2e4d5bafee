-- SPDX-License-Identifier: Apache-2.0
-- Campaigns, permits, leases, deployments. A campaign's state is not stored: it follows from what
-- was recorded (view campaign_state). Holding and ending is anybody's insert; opening and releasing a hold
-- is the keeper's alone.

-- Written by the service: draft.
CREATE TABLE campaign (
	id uuid PRIMARY KEY,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	product name64 NOT NULL,
	release uuid NOT NULL REFERENCES release,
	plan_sha256 sha256_hex NOT NULL REFERENCES document,
	drafted_by text NOT NULL,
	drafted_at timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('campaign');

CREATE TABLE campaign_hold (
	campaign uuid NOT NULL REFERENCES campaign,
	number integer NOT NULL CHECK (number > 0), -- 1, 2, ... per campaign
	held_by text NOT NULL,
	reason text NOT NULL,
	event uuid NOT NULL REFERENCES event,
	PRIMARY KEY (campaign, number)
);
SELECT make_append_only('campaign_hold');

CREATE TABLE campaign_end (
	campaign uuid PRIMARY KEY REFERENCES campaign,
	how text NOT NULL CHECK (how IN ('aborted','withdrawn','rejected','expired','completed')),
	ended_by text NOT NULL,
	reason text NOT NULL,
	event uuid NOT NULL REFERENCES event
);
SELECT make_append_only('campaign_end');

-- ---- keeper only ----

-- A plan handed in for signature, checked by the keeper.
CREATE TABLE campaign_plan (
	campaign uuid PRIMARY KEY REFERENCES campaign,
	release uuid NOT NULL REFERENCES release_seal,
	product name64 NOT NULL,
	plan_sha256 sha256_hex NOT NULL REFERENCES document,
	submitted_by text NOT NULL,
	event uuid NOT NULL REFERENCES event
);
SELECT make_append_only('campaign_plan');

CREATE TABLE campaign_open (
	campaign uuid PRIMARY KEY REFERENCES campaign_plan,
	event uuid NOT NULL REFERENCES event
);
SELECT make_append_only('campaign_open');

CREATE TABLE campaign_hold_release (
	campaign uuid NOT NULL,
	number integer NOT NULL,
	signature uuid NOT NULL REFERENCES signature,
	event uuid NOT NULL REFERENCES event,
	PRIMARY KEY (campaign, number),
	FOREIGN KEY (campaign, number) REFERENCES campaign_hold
);
SELECT make_append_only('campaign_hold_release');

CREATE TABLE permit (
	sha256 sha256_hex PRIMARY KEY REFERENCES document,
	campaign uuid NOT NULL REFERENCES campaign_open,
	number bigint NOT NULL CHECK (number > 0),
	release_verdict sha256_hex NOT NULL REFERENCES verdict,
	campaign_verdict sha256_hex NOT NULL REFERENCES verdict,
	cms bytea NOT NULL,
	not_before timestamptz NOT NULL,
	not_after timestamptz NOT NULL,
	tree_root bytea NOT NULL CHECK (length(tree_root) = 32),
	tree_size bigint NOT NULL CHECK (tree_size > 0),
	event uuid NOT NULL REFERENCES event,
	UNIQUE (campaign, number)
);
SELECT make_append_only('permit');

-- The target tree's leaves, in leaf order. Drawn once per campaign; renewals keep the same tree.
CREATE TABLE target (
	campaign uuid NOT NULL REFERENCES campaign_plan,
	device name128 NOT NULL REFERENCES device,
	leaf_index bigint NOT NULL,
	leaf bytea NOT NULL, -- canonical countersign.target.v1 bytes
	leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
	PRIMARY KEY (campaign, device),
	UNIQUE (campaign, leaf_index)
);
SELECT make_append_only('target');

CREATE TABLE lease (
	id uuid PRIMARY KEY,
	campaign uuid NOT NULL,
	device name128 NOT NULL,
	permit_sha256 sha256_hex NOT NULL REFERENCES permit,
	attempt integer NOT NULL,
	step text NOT NULL CHECK (step IN ('install','activate')),
	nonce text NOT NULL,
	issued_at timestamptz NOT NULL,
	for_s integer NOT NULL CHECK (for_s BETWEEN 1 AND 900),
	document bytea NOT NULL,
	signature bytea NOT NULL,
	event uuid NOT NULL REFERENCES event,
	UNIQUE (device, nonce)
);
SELECT make_append_only('lease');

-- git commits written for acts.
CREATE TABLE history (
	act uuid PRIMARY KEY REFERENCES event,
	ref text NOT NULL,
	commit_id text NOT NULL CHECK (commit_id ~ '^[0-9a-f]{40}$'),
	event uuid NOT NULL REFERENCES event -- history.written
);
SELECT make_append_only('history');

CREATE FUNCTION raise_for_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM gate_epoch_raise(NEW.campaign);
	RETURN NEW;
END $$;
CREATE TRIGGER raise_epoch AFTER INSERT ON campaign_hold FOR EACH ROW EXECUTE FUNCTION raise_for_campaign();
CREATE TRIGGER raise_epoch AFTER INSERT ON campaign_end FOR EACH ROW EXECUTE FUNCTION raise_for_campaign();
CREATE TRIGGER raise_epoch AFTER INSERT ON campaign_hold_release FOR EACH ROW EXECUTE FUNCTION raise_for_campaign();
ALTER TABLE campaign_hold ENABLE ALWAYS TRIGGER raise_epoch;
ALTER TABLE campaign_end ENABLE ALWAYS TRIGGER raise_epoch;
ALTER TABLE campaign_hold_release ENABLE ALWAYS TRIGGER raise_epoch;

-- A signature raises the epoch of what it is about (a record: of its release).
CREATE FUNCTION raise_for_signature() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.object_kind = 'record' THEN
		PERFORM gate_epoch_raise(release) FROM record WHERE id = NEW.object_id LIMIT 1;
	ELSE
		PERFORM gate_epoch_raise(NEW.object_id);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER raise_epoch AFTER INSERT ON signature FOR EACH ROW EXECUTE FUNCTION raise_for_signature();

-- What a campaign is, from what was recorded.
CREATE VIEW campaign_state AS
SELECT c.id, c.name, c.product, c.release, c.plan_sha256, c.drafted_by, c.drafted_at,
	CASE
		WHEN e.campaign IS NOT NULL THEN e.how
		WHEN w.release IS NOT NULL AND o.campaign IS NOT NULL THEN 'held'
		WHEN o.campaign IS NOT NULL AND h.held THEN 'held'
		WHEN o.campaign IS NOT NULL THEN 'running'
		WHEN p.campaign IS NOT NULL AND h.held THEN 'held'
		WHEN p.campaign IS NOT NULL THEN 'submitted'
		ELSE 'draft'
	END AS state
FROM campaign c
LEFT JOIN campaign_plan p ON p.campaign = c.id
LEFT JOIN campaign_open o ON o.campaign = c.id
LEFT JOIN campaign_end e ON e.campaign = c.id
LEFT JOIN release_withdrawal w ON w.release = c.release
CROSS JOIN LATERAL (
	SELECT EXISTS (SELECT FROM campaign_hold h
		LEFT JOIN campaign_hold_release r USING (campaign, number)
		WHERE h.campaign = c.id AND r.campaign IS NULL) AS held
) h;

-- The live permit of a running campaign: newest number, in its time, both verdicts open, in their
-- time and not stale. No row: nothing may be offered.
CREATE VIEW permit_live AS
SELECT DISTINCT ON (p.campaign) p.*
FROM permit p
JOIN campaign_state s ON s.id = p.campaign AND s.state = 'running'
JOIN verdict rv ON rv.sha256 = p.release_verdict
JOIN verdict cv ON cv.sha256 = p.campaign_verdict
LEFT JOIN gate_epoch re ON re.subject = rv.subject
LEFT JOIN gate_epoch ce ON ce.subject = cv.subject
WHERE rv.open AND cv.open
	AND now() >= p.not_before AND now() < p.not_after
	AND now() < rv.valid_until AND now() < cv.valid_until
	AND coalesce(re.epoch, 0) = rv.epoch AND coalesce(ce.epoch, 0) = cv.epoch
ORDER BY p.campaign, p.number DESC;

-- ---- the service's own operation ----

-- One campaign on one device. action_id: what device protocols call it (per device, from 11).
CREATE TABLE deployment (
	campaign uuid NOT NULL REFERENCES campaign,
	device name128 NOT NULL REFERENCES device,
	action_id integer NOT NULL CHECK (action_id >= 11),
	state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued','offered','downloading','downloaded',
		'installing','testing','confirmed','failed','rolled_back','rejected','canceled','timed_out','unproven')),
	basis text CHECK (basis IN ('proof','claim')), -- of confirmed
	attempt integer NOT NULL DEFAULT 0,
	offered_at timestamptz,
	changed_at timestamptz NOT NULL DEFAULT now(),
	ended_at timestamptz,
	code text, -- why it failed
	progress bigint NOT NULL DEFAULT 0, -- reports since the last event, counted in the next one
	PRIMARY KEY (campaign, device),
	UNIQUE (device, action_id)
) WITH (fillfactor = 70);
CREATE INDEX deployment_device ON deployment (device) WHERE ended_at IS NULL;

-- No offer without a live verdict and permit, whoever writes; attempts rise by one, after a recorded end.
CREATE FUNCTION deployment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF NEW.state <> 'queued' OR NEW.attempt <> 0 THEN
			RAISE EXCEPTION 'A deployment begins queued, before its first attempt';
		END IF;
		RETURN NEW;
	END IF;
	IF NEW.attempt <> OLD.attempt THEN
		IF NEW.attempt <> OLD.attempt + 1 OR (OLD.attempt > 0 AND OLD.ended_at IS NULL) THEN
			RAISE EXCEPTION 'A second attempt needs a recorded end of the first';
		END IF;
	END IF;
	IF NEW.state = 'offered' AND OLD.state IS DISTINCT FROM 'offered'
		AND NOT EXISTS (SELECT FROM permit_live WHERE campaign = NEW.campaign) THEN
		RAISE EXCEPTION 'The gate of campaign % is closed', NEW.campaign;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER deployment_guard BEFORE INSERT OR UPDATE ON deployment FOR EACH ROW EXECUTE FUNCTION deployment_guard();
ALTER TABLE deployment ENABLE ALWAYS TRIGGER deployment_guard;

CREATE FUNCTION lease_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM permit_live WHERE campaign = NEW.campaign AND sha256 = NEW.permit_sha256) THEN
		RAISE EXCEPTION 'The gate of campaign % is closed', NEW.campaign;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER lease_guard BEFORE INSERT ON lease FOR EACH ROW EXECUTE FUNCTION lease_guard();
ALTER TABLE lease ENABLE ALWAYS TRIGGER lease_guard;

-- What a device's signed reports said, in order, once.
CREATE TABLE proof (
	device name128 NOT NULL REFERENCES device,
	epoch text NOT NULL,
	seq bigint NOT NULL,
	sha256 sha256_hex NOT NULL REFERENCES document,
	campaign uuid NOT NULL,
	attempt integer NOT NULL,
	event uuid NOT NULL REFERENCES event,
	PRIMARY KEY (device, epoch, seq)
);
SELECT make_append_only('proof');

-- How devices authenticate, and what they last said of themselves. Marks, no events.
CREATE TABLE device_access (
	device name128 PRIMARY KEY REFERENCES device,
	token_sha256 sha256_hex UNIQUE,
	token_expires_at timestamptz,
	certificate_sha256 sha256_hex UNIQUE
);
CREATE TABLE device_seen (
	device name128 PRIMARY KEY REFERENCES device,
	seen_at timestamptz NOT NULL,
	attributes text, -- JSON as sent, bounded
	attributes_wanted boolean NOT NULL DEFAULT true
) WITH (fillfactor = 50);

CREATE TABLE session (
	token_sha256 sha256_hex PRIMARY KEY,
	person name64 NOT NULL,
	expires_at timestamptz NOT NULL
);

-- Answers to requests that carried an Idempotency-Key, for 24 hours.
CREATE TABLE idempotency (
	person text NOT NULL,
	key text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
	request_sha256 sha256_hex NOT NULL,
	status integer, -- null: still running or lost
	body text,
	made_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (person, key)
);
