-- SPDX-License-Identifier: Apache-2.0
-- What the statements of tests/db/queries work on: tables that stand for nothing, and one that
-- fails in every way a server can.

CREATE TABLE scratch (
	id text PRIMARY KEY,
	n bigint NOT NULL CONSTRAINT scratch_n_positive CHECK (n >= 0),
	parent text REFERENCES scratch
);
GRANT SELECT ON scratch TO countersign_service;

-- An insert raises what it is told to: at once, or when the transaction commits.
CREATE TABLE scratch_fault (
	state text NOT NULL,
	message text NOT NULL,
	late boolean NOT NULL
);

CREATE FUNCTION scratch_fault_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.state = 'die' THEN
		PERFORM pg_terminate_backend(pg_backend_pid());
		PERFORM pg_sleep(5);
	ELSIF NEW.state = 'hang' THEN
		PERFORM pg_sleep(0.6);
	ELSIF NEW.state = 'warn' THEN
		RAISE WARNING '%', NEW.message;
	ELSE
		RAISE EXCEPTION '%', NEW.message USING ERRCODE = NEW.state;
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER scratch_fault_now AFTER INSERT ON scratch_fault
	FOR EACH ROW WHEN (NOT NEW.late) EXECUTE FUNCTION scratch_fault_now();
CREATE CONSTRAINT TRIGGER scratch_fault_late AFTER INSERT ON scratch_fault
	DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.late) EXECUTE FUNCTION scratch_fault_now();
