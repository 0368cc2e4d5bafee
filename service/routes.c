/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which address leads where, and who may go there? A plain table: one block per file of
 * service/api/, rows in the order of docs/api.md.
 */

#include "service/routes.h"

#include "service/access.h"
#include "service/api/artifacts.h"
#include "service/api/campaigns.h"
#include "service/api/ddi.h"
#include "service/api/devices.h"
#include "service/api/directory.h"
#include "service/api/documents.h"
#include "service/api/exports.h"
#include "service/api/gates.h"
#include "service/api/health.h"
#include "service/api/records.h"
#include "service/api/releases.h"
#include "service/api/sessions.h"
#include "service/api/signatures.h"
#include "service/api/trust.h"

/* Bodies: of at most so many bytes. */
#define EMPTY .body = WEB_BODY_NONE
#define JSON(bytes) .body = WEB_BODY_JSON, .body_max = (bytes)
#define FOREIGN(bytes) .body = WEB_BODY_FOREIGN, .body_max = (bytes)
#define SMALL JSON(16 * 1024)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define ROUTE(verb, path, who, how, call, kind)                                    \
	{                                                                          \
		.method = WEB_##verb, .pattern = (path), .permission = (who), how, \
		.handler = (call), .event = (kind)                                 \
	}
/* The body goes to a sink as it comes. */
#define ROUTE_STREAM(verb, path, who, bytes, into, kind)                                       \
	{                                                                                      \
		.method = WEB_##verb, .pattern = (path), .permission = (who),                  \
		.body = WEB_BODY_STREAM, .body_max = (bytes), .sink = &(into), .event = (kind) \
	}
/* A hot verb: one call for all that wait. */
#define ROUTE_BATCH(verb, path, who, how, call, kind)                              \
	{                                                                          \
		.method = WEB_##verb, .pattern = (path), .permission = (who), how, \
		.batch = (call), .event = (kind)                                   \
	}

/* Of a device: {id} is its own. */
#define DDI "/{tenant}/controller/v1/{id}"

/* clang-format off */
const struct route service_routes[] = {
	/* health.c */
	ROUTE(GET,    "/v1/status", PERM_PUBLIC, EMPTY, api_status, NULL),
	ROUTE(GET,    "/health/live", PERM_PUBLIC, EMPTY, api_health_live, NULL),
	ROUTE(GET,    "/health/ready", PERM_PUBLIC, EMPTY, api_health_ready, NULL),
	ROUTE(GET,    "/v1/ledger/checkpoint", PERM_PUBLIC, EMPTY, api_checkpoint, NULL),

	/* sessions.c */
	ROUTE(POST,   "/v1/sessions", PERM_PUBLIC, SMALL, api_session_begin, "login.succeeded"),
	ROUTE(DELETE, "/v1/sessions/current", PERM_PERSON, EMPTY, api_session_end, ROUTE_NO_EVENT),
	ROUTE(GET,    "/v1/me", PERM_PERSON, EMPTY, api_session_me, NULL),
	ROUTE(POST,   "/v1/passwords", PERM_PUBLIC, SMALL, api_password_set, "password.set"),

	/* documents.c */
	ROUTE(POST,   "/v1/documents", PERM_PERSON, JSON(6 * MIB), api_document_put, ROUTE_NO_EVENT),
	ROUTE(GET,    "/v1/documents/{sha256}", PERM_PERSON, EMPTY, api_document_get, NULL),

	/* directory.c */
	ROUTE(GET,    "/v1/directory/next", PERM_PUBLIC, EMPTY, api_directory_next, NULL),
	ROUTE(POST,   "/v1/directory", PERM_PUBLIC, JSON(2 * MIB), api_directory_put, "directory.acted"),
	ROUTE(GET,    "/v1/persons", PERM_PERSON, EMPTY, api_persons, NULL),

	/* trust.c */
	ROUTE(POST,   "/v1/trust", PERM_PUBLIC, JSON(1 * MIB), api_trust_put, "trust.adopted"),
	ROUTE(GET,    "/v1/trust", PERM_PUBLIC, EMPTY, api_trust_get, NULL),

	/* artifacts.c */
	ROUTE_STREAM(PUT, "/v1/artifacts/{sha256}", PERM_AUTHOR, 4 * GIB, api_artifact_sink, "artifact.stored"),
	ROUTE(GET,    "/v1/artifacts/{sha256}", PERM_PERSON, EMPTY, api_artifact_get, NULL),

	/* releases.c */
	ROUTE(POST,   "/v1/releases", PERM_AUTHOR, JSON(256 * KIB), api_release_draft, "release.drafted"),
	ROUTE(GET,    "/v1/releases", PERM_PERSON, EMPTY, api_releases, NULL),
	ROUTE(GET,    "/v1/releases/{release}", PERM_PERSON, EMPTY, api_release_get, NULL),
	ROUTE(POST,   "/v1/releases/{release}/seal", PERM_AUTHOR, SMALL, api_release_seal, "release.sealed"),
	ROUTE(POST,   "/v1/releases/{release}/withdraw", PERM_QA | PERM_RELEASE_MANAGER, SMALL, api_release_withdraw, "release.withdrawn"),

	/* records.c */
	ROUTE(POST,   "/v1/releases/{release}/records", PERM_TESTER, JSON(128 * KIB), api_record_add, "record.added"),

	/* gates.c */
	ROUTE(GET,    "/v1/releases/{release}/gate", PERM_PERSON, EMPTY, api_release_gate, NULL),

	/* signatures.c */
	ROUTE(POST,   "/v1/challenges", PERM_PERSON, SMALL, api_challenge, "challenge.given"),
	ROUTE(POST,   "/v1/signatures", PERM_PERSON, JSON(64 * KIB), api_signature_give, "signature.given"),

	/* campaigns.c */
	ROUTE(POST,   "/v1/campaigns", PERM_RELEASE_MANAGER, JSON(2 * MIB), api_campaign_draft, "campaign.drafted"),
	ROUTE(GET,    "/v1/campaigns", PERM_PERSON, EMPTY, api_campaigns, NULL),
	ROUTE(GET,    "/v1/campaigns/{campaign}", PERM_PERSON, EMPTY, api_campaign_get, NULL),
	ROUTE(GET,    "/v1/campaigns/{campaign}/devices", PERM_PERSON, EMPTY, api_campaign_devices, NULL),
	ROUTE(GET,    "/v1/campaigns/{campaign}/gate", PERM_PERSON, EMPTY, api_campaign_gate, NULL),
	ROUTE(POST,   "/v1/campaigns/{campaign}/start", PERM_RELEASE_MANAGER, SMALL, api_campaign_start, "campaign.opened"),
	ROUTE(POST,   "/v1/campaigns/{campaign}/hold", PERM_RELEASE_MANAGER | PERM_QA | PERM_SUPPORT, SMALL, api_campaign_hold, "campaign.held"),
	ROUTE(POST,   "/v1/campaigns/{campaign}/resume", PERM_RELEASE_MANAGER, SMALL, api_campaign_resume, "campaign.resumed"),
	ROUTE(POST,   "/v1/campaigns/{campaign}/abort", PERM_RELEASE_MANAGER, SMALL, api_campaign_abort, "campaign.ended"),

	/* devices.c */
	ROUTE(GET,    "/v1/devices", PERM_PERSON, EMPTY, api_devices, NULL),
	ROUTE(GET,    "/v1/devices/{device}", PERM_PERSON, EMPTY, api_device_get, NULL),
	ROUTE(POST,   "/v1/devices/{device}/access", PERM_SUPPORT | PERM_ADMIN, JSON(32 * KIB), api_device_access, "device.access-set"),

	/* exports.c */
	ROUTE(POST,   "/v1/exports", PERM_AUDITOR, SMALL, api_export_make, "export.made"),
	ROUTE(GET,    "/v1/exports/{export}/files/{sha256}", PERM_AUDITOR, EMPTY, api_export_file, NULL),

	/* ddi.c */
	ROUTE_BATCH(GET, DDI, PERM_DEVICE_SELF, EMPTY, api_ddi_poll, NULL),
	ROUTE(PUT,    DDI "/configData", PERM_DEVICE_SELF, FOREIGN(DDI_CONFIG_BODY), api_ddi_config, ROUTE_NO_EVENT),
	ROUTE(GET,    DDI "/deploymentBase/{action}", PERM_DEVICE_SELF, EMPTY, api_ddi_deployment, "deployment.offered"),
	ROUTE_BATCH(POST, DDI "/deploymentBase/{action}/feedback", PERM_DEVICE_SELF, FOREIGN(DDI_FEEDBACK_BODY), api_ddi_feedback, "deployment.moved"),
	ROUTE(POST,   DDI "/deploymentBase/{action}/papers", PERM_DEVICE_SELF, JSON(8 * KIB), api_ddi_papers, "lease.issued"),
	ROUTE(POST,   DDI "/proof", PERM_DEVICE_SELF, JSON(64 * KIB), api_ddi_proof, "proof.taken"),
	ROUTE(GET,    DDI "/softwaremodules/{module}/artifacts/{filename}", PERM_DEVICE_SELF, EMPTY, api_ddi_artifact, "deployment.moved"),
};
/* clang-format on */
const size_t service_route_count = sizeof(service_routes) / sizeof(service_routes[0]);
