/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_FLEET_H
#define TESTS_SUPPORT_FLEET_H

/*
 * Campaigns and devices of an installation, for tests: people's part over REST, the devices' part
 * over DDI with the very headers that swupdate 2022.12 sends. What goes wrong in a function that
 * does not say otherwise fails the running test.
 */

#include "common/wire/papers.h"
#include "common/wire/proof.h"
#include "tests/support/http.h"
#include "tests/support/installation.h"

/* ---- people ---- */
/* A new device of the product, without a report key when key is NULL. */
void fleet_register(struct installation *in, const char *device, const char *assurance,
		    const struct installation_key *key);
const char *fleet_token(struct installation *in, const char *device);
/* Drafted and submitted for these devices (NULL-ended) with the release made last. */
const char *fleet_draft(struct installation *in, const char *const *devices);
void fleet_release(struct installation *in, const char *campaign); /* the manager signs the plan */
void fleet_start(struct installation *in, const char *campaign);
/* All three. */
const char *fleet_given_running(struct installation *in, const char *const *devices);
struct doc *fleet_reason(struct installation *in);
const char *fleet_campaign_state(struct installation *in, const char *campaign);
/* One deployment of a campaign, as GET /v1/campaigns/{campaign}/devices shows it; NULL: none. */
const struct doc *fleet_deployment(struct installation *in, const char *campaign,
				   const char *device);
void fleet_expect_state(struct installation *in, const char *campaign, const char *device,
			const char *state);
/* How many events of this kind stand in the stream of a device or campaign. */
int64_t fleet_events(struct installation *in, const char *kind, const char *stream);

/* ---- devices ---- */
struct fleet_unit {
	struct installation *in;
	const char *id, *token;
};
/* rest: what follows the unit's base address. extra: header lines, each ended by CRLF, or NULL. */
struct http_answer fleet_ask(const struct fleet_unit *unit, const char *method, const char *rest,
			     const char *extra, const char *body);
/* The two halves of fleet_ask, for several at once. */
int fleet_begin(const struct fleet_unit *unit, const char *method, const char *rest,
		const char *extra, const char *body);
struct http_answer fleet_finish(const struct fleet_unit *unit, int socket, bool head);
const struct doc *fleet_json(const struct fleet_unit *unit, const struct http_answer *answer);
/* Polls; the action of the deploymentBase link, 0: none is shown. */
int64_t fleet_poll(const struct fleet_unit *unit);
/* Polls until an action is shown (or none), at most ms milliseconds. */
int64_t fleet_await_offer(const struct fleet_unit *unit, bool shown, int ms);
/* Fetches the offer: status. */
int fleet_offer(const struct fleet_unit *unit, int64_t action);
/* As swupdate writes it; status. */
int fleet_feedback(const struct fleet_unit *unit, int64_t action, const char *execution,
		   const char *finished, const char *detail);
/* Status and code ("": none); papers are read when it is 200. */
int fleet_papers(const struct fleet_unit *unit, int64_t action, const char *step, int64_t attempt,
		 int64_t trust_version, struct papers *out, const char **code);
/* A proof that fits papers and manifest of the release made last; seq 1 of epoch. */
struct proof fleet_proof(const struct fleet_unit *unit, const struct papers *papers,
			 const char *outcome);
/* Posts it under this key: status and code. digest (may be NULL): of the document. */
int fleet_send_proof(const struct fleet_unit *unit, const struct proof *proof,
		     const struct sign_key *key, const char **code, struct sha256_hex *digest);

#endif
