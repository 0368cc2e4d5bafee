-- SPDX-License-Identifier: Apache-2.0
-- Who there is and what is in force: the keeper's cache of sealed directory acts. Insertable by
-- the keeper alone; `event` names the act's sealed event. Nothing is deleted: ends are columns that only
-- the keeper may set, once.

CREATE TABLE trust_document (
	slot text NOT NULL DEFAULT 'maker' CHECK (slot IN ('maker','site')),
	version bigint NOT NULL CHECK (version > 0),
	sha256 sha256_hex NOT NULL REFERENCES document,
	event uuid NOT NULL REFERENCES event,
	PRIMARY KEY (slot, version)
);

CREATE TABLE directory_statement (
	number bigint PRIMARY KEY CHECK (number > 0),
	sha256 sha256_hex NOT NULL UNIQUE REFERENCES document,
	event uuid NOT NULL REFERENCES event
);

CREATE TABLE person (
	id name64 PRIMARY KEY,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	organisation text NOT NULL CHECK (length(organisation) BETWEEN 1 AND 200),
	event uuid NOT NULL REFERENCES event,
	left_event uuid REFERENCES event
);

-- Readable by the keeper alone.
CREATE TABLE credential (
	person name64 PRIMARY KEY REFERENCES person,
	password text,
	invite_sha256 sha256_hex, -- of the one-time token with which the person sets a password
	invite_expires_at timestamptz,
	changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE role_grant (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	person name64 NOT NULL REFERENCES person,
	role text NOT NULL CHECK (role IN ('author','tester','qa','regulatory','security','clinical','prrc',
		'risk_owner','release_manager','support','site_owner','auditor','admin','policy_owner')),
	product text NOT NULL, -- '*': every product
	event uuid NOT NULL REFERENCES event,
	revoked_event uuid REFERENCES event
);
CREATE UNIQUE INDEX role_grant_live ON role_grant (person, role, product) WHERE revoked_event IS NULL;

CREATE TABLE personal_key (
	key_id sha256_hex PRIMARY KEY,
	person name64 NOT NULL REFERENCES person,
	certificate bytea NOT NULL,
	event uuid NOT NULL REFERENCES event,
	revoked_event uuid REFERENCES event
);

CREATE TABLE product (
	id name64 PRIMARY KEY,
	name text NOT NULL,
	hardware text[] NOT NULL,
	rulesets text[] NOT NULL,
	event uuid NOT NULL REFERENCES event
);

CREATE TABLE ruleset (
	name name64 NOT NULL,
	sha256 sha256_hex NOT NULL REFERENCES document,
	event uuid NOT NULL REFERENCES event,
	adopted_at timestamptz NOT NULL,
	PRIMARY KEY (name, event)
);

CREATE TABLE device (
	id name128 PRIMARY KEY,
	product name64 NOT NULL REFERENCES product,
	serial text NOT NULL,
	hardware text NOT NULL,
	market text NOT NULL,
	site name64 NOT NULL,
	assurance text NOT NULL CHECK (assurance IN ('link-gated','signature-checked','permit-checked')),
	report_key bytea, -- SubjectPublicKeyInfo, Ed25519; null for devices that cannot sign
	event uuid NOT NULL REFERENCES event,
	revoked_event uuid REFERENCES event
);
