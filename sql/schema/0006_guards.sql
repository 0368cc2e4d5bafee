-- SPDX-License-Identifier: Apache-2.0
-- What a session with the service's role could turn to its use, and cannot any more.

-- A temporary table is found before ours: a view permit_live of the service's own would have opened
-- deployment_guard. Functions look in public first, whatever the session says.
ALTER FUNCTION refuse_change() SET search_path = public, pg_temp;
ALTER FUNCTION make_append_only(regclass) SET search_path = public, pg_temp;
ALTER FUNCTION ledger_advance(bigint, bigint, bytea, bytea) SET search_path = public, pg_temp;
ALTER FUNCTION raise_for_release() SET search_path = public, pg_temp;
ALTER FUNCTION raise_for_campaign() SET search_path = public, pg_temp;
ALTER FUNCTION raise_for_signature() SET search_path = public, pg_temp;
ALTER FUNCTION deployment_guard() SET search_path = public, pg_temp;
ALTER FUNCTION lease_guard() SET search_path = public, pg_temp;

ALTER TABLE record ENABLE ALWAYS TRIGGER raise_epoch;
ALTER TABLE signature ENABLE ALWAYS TRIGGER raise_epoch;

-- Never changed by anybody, so it may as well be refused.
SELECT make_append_only('trust_document');
SELECT make_append_only('directory_statement');
SELECT make_append_only('ruleset');

-- The number of a queue row is given by who writes it; a second one of the same number must not stop
-- the sequencer. Each row set aside has its own alarm.
ALTER TABLE event_set_aside DROP CONSTRAINT event_set_aside_pkey, ADD PRIMARY KEY (alarm);

-- Holds count 1, 2, 3: after a hold with the greatest number there could never be another.
CREATE FUNCTION campaign_hold_guard() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
	IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM campaign_hold WHERE campaign = NEW.campaign) THEN
		RAISE EXCEPTION 'Holds of a campaign are numbered one after the other';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER campaign_hold_guard BEFORE INSERT ON campaign_hold FOR EACH ROW EXECUTE FUNCTION campaign_hold_guard();
ALTER TABLE campaign_hold ENABLE ALWAYS TRIGGER campaign_hold_guard;
