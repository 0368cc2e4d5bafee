-- SPDX-License-Identifier: Apache-2.0
-- The ledger: documents, events, streams, the sealed log, checkpoints.
-- Who may do what stands in sql/roles.sql; append-only tables refuse UPDATE, DELETE and TRUNCATE
-- for everybody through ENABLE ALWAYS triggers.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'The table % is append-only', TG_TABLE_NAME;
END $$;

CREATE FUNCTION make_append_only(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON %s '
		'FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
	EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %s '
		'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_row', name);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_all', name);
END $$;

CREATE DOMAIN sha256_hex AS text CHECK (VALUE ~ '^[0-9a-f]{64}$');
CREATE DOMAIN name64 AS text CHECK (VALUE ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$');
CREATE DOMAIN name128 AS text CHECK (VALUE ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$');

-- Exact bytes by digest. Anybody may add a document; being stored proves nothing.
CREATE TABLE document (
	sha256 sha256_hex PRIMARY KEY,
	type text NOT NULL CHECK (length(type) BETWEEN 1 AND 80),
	bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 2 AND 8388608),
	stored_at timestamptz NOT NULL DEFAULT now(),
	CHECK (encode(sha256(bytes), 'hex') = sha256)
);
SELECT make_append_only('document');

-- A signature over a document: CMS (DER) or raw Ed25519. Checked by whoever uses it.
CREATE TABLE document_signature (
	sha256 sha256_hex NOT NULL REFERENCES document,
	role text NOT NULL CHECK (role IN ('root','author','keeper','person','site','device','lease')),
	key_id sha256_hex NOT NULL,
	signature bytea NOT NULL CHECK (length(signature) BETWEEN 64 AND 65536),
	stored_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (sha256, role, key_id, signature)
);
SELECT make_append_only('document_signature');

-- One audit event: its exact bytes are what is hashed. mac: HMAC-SHA-256 over bytes with the
-- writer instance's key, which is outside the database.
CREATE TABLE event (
	id uuid PRIMARY KEY,
	kind text NOT NULL CHECK (length(kind) BETWEEN 3 AND 64),
	writer text NOT NULL CHECK (writer ~ '^(service|keeper)/[A-Za-z0-9._-]{1,40}$'),
	bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 2 AND 60000),
	mac bytea NOT NULL CHECK (length(mac) = 32),
	stored_at timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('event');

-- Events that wait for their seal. The keeper empties it.
CREATE TABLE event_queue (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event uuid NOT NULL
);

-- Where each stream stands for those who append (audit_append locks its row). leaf: leaf hash of
-- the stream's newest event. The keeper keeps its own truth in sealed_stream.
CREATE TABLE stream (
	kind text NOT NULL CHECK (kind IN ('release','campaign','device','product','person','policy','trust','system')),
	id name128 NOT NULL,
	count bigint NOT NULL DEFAULT 0 CHECK (count >= 0),
	leaf bytea CHECK (length(leaf) = 32),
	PRIMARY KEY (kind, id)
) WITH (fillfactor = 50);

-- ---- keeper only, from here on ----

-- The log. chain = SHA-256(previous chain, leaf); the chain before index 0 is 32 zero bytes.
CREATE TABLE sealed (
	index bigint PRIMARY KEY CHECK (index >= 0),
	event uuid NOT NULL UNIQUE REFERENCES event,
	leaf bytea NOT NULL CHECK (length(leaf) = 32),
	chain bytea NOT NULL CHECK (length(chain) = 32),
	late boolean NOT NULL DEFAULT false,
	sealed_at timestamptz NOT NULL DEFAULT now()
);
SELECT make_append_only('sealed');

CREATE TABLE sealed_stream (
	kind text NOT NULL,
	id text NOT NULL,
	count bigint NOT NULL CHECK (count >= 0), -- 0: closed before its first event was sealed
	leaf bytea NOT NULL CHECK (length(leaf) = 32), -- 32 zero bytes before the first
	closed boolean NOT NULL DEFAULT false, -- to gate-opening, because of a row set aside
	PRIMARY KEY (kind, id)
) WITH (fillfactor = 50);

-- Size, frontier (RFC 6962 compact range: one hash per set bit of size, highest first) and chain.
CREATE TABLE ledger_head (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	size bigint NOT NULL,
	frontier bytea NOT NULL,
	chain bytea NOT NULL CHECK (length(chain) = 32),
	origin text NOT NULL
) WITH (fillfactor = 10);

-- Compare and swap that raises: an UPDATE that hits no row would be no error.
CREATE FUNCTION ledger_advance(old_size bigint, new_size bigint, new_frontier bytea, new_chain bytea)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ledger_head SET size = new_size, frontier = new_frontier, chain = new_chain
	WHERE size = old_size;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'The ledger head is not at % any more', old_size;
	END IF;
END $$;

CREATE TABLE checkpoint (
	size bigint PRIMARY KEY,
	note text NOT NULL,
	signed_at timestamptz NOT NULL
);
SELECT make_append_only('checkpoint');

CREATE TABLE event_set_aside (
	queue_id bigint PRIMARY KEY,
	event uuid NOT NULL,
	why text NOT NULL,
	bytes_sha256 text, -- null: there is no such event
	alarm uuid NOT NULL REFERENCES event
);
SELECT make_append_only('event_set_aside');

-- Acts that get a git commit: found without walking the whole log.
CREATE INDEX event_of_history ON event (id)
WHERE kind IN ('release.sealed', 'record.added', 'signature.given', 'ruleset.adopted');
