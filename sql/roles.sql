-- SPDX-License-Identifier: Apache-2.0
-- Who may do what. Applied after every migration; the roles themselves are made by tools/cluster.sh.
-- Read together with sql/schema: "keeper only" there means: no INSERT for the service here.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO countersign_service, countersign_keeper, countersign_reports, countersign_verifier;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_epoch_raise(uuid) TO countersign_service, countersign_keeper;
GRANT EXECUTE ON FUNCTION ledger_advance(bigint, bigint, bytea, bytea) TO countersign_keeper;

-- Both write documents and events.
-- No column that the database fills: neither the place in the queue nor the time may be claimed.
REVOKE INSERT ON document, document_signature, event, event_queue FROM countersign_service, countersign_keeper;
GRANT SELECT ON document, document_signature, event, event_queue TO countersign_service, countersign_keeper;
GRANT INSERT (sha256, type, bytes) ON document TO countersign_service, countersign_keeper;
GRANT INSERT (sha256, role, key_id, signature) ON document_signature TO countersign_service, countersign_keeper;
GRANT INSERT (id, kind, writer, bytes, mac) ON event TO countersign_service, countersign_keeper;
GRANT INSERT (event) ON event_queue TO countersign_service, countersign_keeper;
GRANT SELECT, INSERT, UPDATE ON stream TO countersign_service, countersign_keeper;

-- The service: what it makes, what it may close, what it operates.
GRANT SELECT, INSERT ON artifact, release, release_withdrawal, campaign, campaign_hold, campaign_end, proof TO countersign_service;
GRANT SELECT, INSERT, UPDATE ON deployment, device_access, device_seen TO countersign_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON session, idempotency TO countersign_service;
GRANT SELECT ON sealed, sealed_stream, ledger_head, checkpoint, event_set_aside,
	trust_document, directory_statement, person, role_grant, personal_key, product, ruleset, device,
	release_seal, record, signature, verdict, gate_epoch,
	campaign_plan, campaign_open, campaign_hold_release, permit, target, lease, history,
	campaign_state, permit_live TO countersign_service;

-- The keeper: everything that opens.
GRANT DELETE ON event_queue TO countersign_keeper;
GRANT SELECT, INSERT ON sealed, checkpoint, event_set_aside,
	trust_document, directory_statement, ruleset,
	release_seal, record, signature, verdict,
	campaign_plan, campaign_open, campaign_hold_release, permit, target, lease, history,
	campaign_hold, campaign_end TO countersign_keeper;
GRANT SELECT, INSERT, UPDATE ON sealed_stream, ledger_head, person, credential, role_grant, personal_key,
	product, device, challenge TO countersign_keeper;
GRANT SELECT ON artifact, release, release_withdrawal, campaign, deployment, proof, gate_epoch,
	campaign_state, permit_live TO countersign_keeper;

-- Reports read; never credentials, sessions or challenges.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO countersign_reports;
REVOKE ALL ON credential, session, challenge, idempotency, device_access, event_queue FROM countersign_reports;

-- The verifier reads what a proof needs.
GRANT SELECT ON document, document_signature, event, sealed, sealed_stream, ledger_head, checkpoint, event_set_aside,
	trust_document, directory_statement, history TO countersign_verifier;
