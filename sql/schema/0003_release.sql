-- SPDX-License-Identifier: Apache-2.0
-- Releases, records, signatures, verdicts.

-- Written by the service: what somebody uploaded. Proves nothing by itself.
CREATE TABLE artifact (
	sha256 sha256_hex PRIMARY KEY,
	size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
	sha1 text NOT NULL CHECK (sha1 ~ '^[0-9a-f]{40}$'), -- for foreign clients only
	md5 text NOT NULL CHECK (md5 ~ '^[0-9a-f]{32}$'),
	stored_at timestamptz NOT NULL DEFAULT now(),
	stored_by text NOT NULL
);
SELECT make_append_only('artifact');

CREATE TABLE release (
	id uuid PRIMARY KEY,
	product name64 NOT NULL,
	version text NOT NULL CHECK (length(version) BETWEEN 1 AND 64),
	sequence bigint NOT NULL CHECK (sequence > 0),
	manifest_sha256 sha256_hex NOT NULL REFERENCES document,
	drafted_by text NOT NULL,
	drafted_at timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('release');

-- The service can only close: a withdrawal ends a release.
CREATE TABLE release_withdrawal (
	release uuid PRIMARY KEY REFERENCES release,
	withdrawn_by text NOT NULL,
	reason text NOT NULL,
	event uuid NOT NULL REFERENCES event
);
SELECT make_append_only('release_withdrawal');

-- ---- keeper only ----

CREATE TABLE release_seal (
	release uuid PRIMARY KEY REFERENCES release,
	product name64 NOT NULL REFERENCES product,
	version text NOT NULL,
	sequence bigint NOT NULL,
	manifest_sha256 sha256_hex NOT NULL REFERENCES document,
	author_key_id sha256_hex NOT NULL,
	author_person text, -- from the trust document
	author_cms bytea NOT NULL,
	event uuid NOT NULL REFERENCES event,
	UNIQUE (product, version),
	UNIQUE (product, sequence)
);
SELECT make_append_only('release_seal');

CREATE TABLE record (
	id uuid NOT NULL,
	version integer NOT NULL CHECK (version > 0),
	release uuid NOT NULL REFERENCES release_seal,
	kind text NOT NULL,
	sha256 sha256_hex NOT NULL REFERENCES document,
	added_by text NOT NULL, -- as the service says: counts only against
	event uuid NOT NULL REFERENCES event,
	PRIMARY KEY (id, version)
);
SELECT make_append_only('record');

CREATE TABLE challenge (
	id uuid PRIMARY KEY,
	person name64 NOT NULL REFERENCES person,
	statement_sha256 sha256_hex NOT NULL REFERENCES document,
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	failures integer NOT NULL DEFAULT 0
);

CREATE TABLE signature (
	id uuid PRIMARY KEY,
	challenge uuid NOT NULL UNIQUE REFERENCES challenge, -- one challenge, at most one signature
	person name64 NOT NULL REFERENCES person,
	meaning text NOT NULL CHECK (meaning IN ('tested','approved','released','resumed')),
	object_kind text NOT NULL CHECK (object_kind IN ('release','record','campaign')),
	object_id uuid NOT NULL,
	sha256 sha256_hex NOT NULL, -- digest of what was shown
	statement_sha256 sha256_hex NOT NULL REFERENCES document,
	strength text NOT NULL CHECK (strength IN ('keeper-checked','personal-key')),
	key_id sha256_hex, -- of the personal key
	signed_at timestamptz NOT NULL,
	event uuid NOT NULL REFERENCES event
);
SELECT make_append_only('signature');
CREATE INDEX signature_object ON signature (object_kind, object_id);

CREATE TABLE verdict (
	sha256 sha256_hex PRIMARY KEY REFERENCES document,
	gate text NOT NULL CHECK (gate IN ('release','campaign')),
	subject uuid NOT NULL,
	facts_sha256 sha256_hex NOT NULL REFERENCES document,
	open boolean NOT NULL,
	decided_at timestamptz NOT NULL,
	valid_until timestamptz NOT NULL,
	epoch bigint NOT NULL, -- of gate_epoch for its subject when the facts were read
	event uuid NOT NULL REFERENCES event
);
SELECT make_append_only('verdict');
CREATE INDEX verdict_subject ON verdict (gate, subject, decided_at);

-- Raised, in the same transaction, by any change of a row that a verdict of this subject covers: a verdict with an
-- older epoch is stale, and stale is closed. Subject: release or campaign id.
CREATE TABLE gate_epoch (
	subject uuid PRIMARY KEY,
	epoch bigint NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION gate_epoch_raise(which uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
	INSERT INTO gate_epoch (subject, epoch) VALUES (which, 1)
	ON CONFLICT (subject) DO UPDATE SET epoch = gate_epoch.epoch + 1
$$;

-- Signatures and records raise the epoch too: the next decision will look at them.
CREATE FUNCTION raise_for_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM gate_epoch_raise(NEW.release);
	RETURN NEW;
END $$;
CREATE TRIGGER raise_epoch AFTER INSERT ON record FOR EACH ROW EXECUTE FUNCTION raise_for_release();
CREATE TRIGGER raise_epoch AFTER INSERT ON release_withdrawal FOR EACH ROW EXECUTE FUNCTION raise_for_release();
ALTER TABLE release_withdrawal ENABLE ALWAYS TRIGGER raise_epoch;
