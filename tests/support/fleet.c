/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns over REST and devices over DDI, for tests of both. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fleet.h"

#include "common/wire/lease.h"
#include "common/wire/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_done(bool done, const struct err *err)
{
	if (!done)
		fail_msg("%s: %s", err_code_text(err->code), err->text);
}

/* ---- people ---- */

void fleet_register(struct installation *in, const char *device, const char *assurance,
		    const struct installation_key *key)
{
	const struct installation_key *const admins[] = {&in->ada, &in->ben};
	struct doc *acts = doc_array(in->arena);
	struct doc *one = installation_act(in, acts, "device.register");

	doc_set_text(one, "device", device);
	doc_set_text(one, "product", INSTALLATION_PRODUCT);
	doc_set_text(one, "serial", arena_printf(in->arena, "EXAMPLE-%s", device));
	doc_set_text(one, "hardware", "rev-1");
	doc_set_text(one, "market", "EU");
	doc_set_text(one, "site", "clinic-1");
	doc_set_text(one, "assurance", assurance);
	if (key)
		doc_set_bytes(one, "report_key", sign_key_spki(key->key));
	installation_must(in, NULL, "POST", "/v1/directory",
			  installation_statement(in, acts, admins, 2));
}

const char *fleet_token(struct installation *in, const char *device)
{
	struct doc *body = doc_object(in->arena);

	doc_set_bool(body, "token", true);
	const char *token = doc_get_text(
		installation_must(in, in->people[SUPPORT].token, "POST",
				  arena_printf(in->arena, "/v1/devices/%s/access", device), body),
		"token");
	assert_non_null(token);
	return token;
}

const char *fleet_draft(struct installation *in, const char *const *devices)
{
	struct doc *body = doc_object(in->arena);
	struct doc *list = doc_array(in->arena);

	for (size_t i = 0; devices[i]; i++)
		doc_add_text(list, devices[i]);
	doc_set_text(body, "name", "EXAMPLE campaign");
	doc_set_text(body, "release", in->release);
	doc_set(body, "devices", list);
	const char *campaign = doc_get_text(
		installation_must(in, in->people[MANAGER].token, "POST", "/v1/campaigns", body),
		"campaign");
	assert_non_null(campaign);
	return campaign;
}

void fleet_release(struct installation *in, const char *campaign)
{
	installation_must(
		in, in->people[MANAGER].token, "POST", "/v1/signatures",
		installation_signing(in, MANAGER, "released", "campaign", campaign, NULL));
}

void fleet_start(struct installation *in, const char *campaign)
{
	installation_must(in, in->people[MANAGER].token, "POST",
			  arena_printf(in->arena, "/v1/campaigns/%s/start", campaign),
			  doc_object(in->arena));
}

const char *fleet_given_running(struct installation *in, const char *const *devices)
{
	const char *campaign = fleet_draft(in, devices);

	fleet_release(in, campaign);
	fleet_start(in, campaign);
	return campaign;
}

struct doc *fleet_reason(struct installation *in)
{
	struct doc *body = doc_object(in->arena);

	doc_set_text(body, "reason", "EXAMPLE reason");
	return body;
}

const char *fleet_campaign_state(struct installation *in, const char *campaign)
{
	return doc_get_text(installation_must(in, in->people[AUDITOR].token, "GET",
					      arena_printf(in->arena, "/v1/campaigns/%s", campaign),
					      NULL),
			    "state");
}

const struct doc *fleet_deployment(struct installation *in, const char *campaign,
				   const char *device)
{
	const struct doc *items = doc_get(
		installation_must(in, in->people[AUDITOR].token, "GET",
				  arena_printf(in->arena, "/v1/campaigns/%s/devices", campaign),
				  NULL),
		"items");

	for (size_t i = 0; i < doc_size(items); i++) {
		if (strcmp(doc_get_text(doc_at(items, i), "device"), device) == 0)
			return doc_at(items, i);
	}
	return NULL;
}

void fleet_expect_state(struct installation *in, const char *campaign, const char *device,
			const char *state)
{
	const struct doc *deployment = fleet_deployment(in, campaign, device);

	assert_non_null(deployment);
	assert_string_equal(doc_get_text(deployment, "state"), state);
}

int64_t fleet_events(struct installation *in, const char *kind, const char *stream)
{
	char number[32];

	read_sql(in->database.owner,
		 arena_printf(in->arena,
			      "SELECT count(*)::text FROM event e WHERE e.kind = '%s' AND EXISTS "
			      "(SELECT FROM jsonb_array_elements(convert_from(e.bytes, "
			      "'UTF8')::jsonb -> 'streams') s WHERE s ->> 'id' = '%s')",
			      kind, stream),
		 number, sizeof(number));
	return strtoll(number, NULL, 10);
}

/* ---- devices ---- */

int fleet_begin(const struct fleet_unit *unit, const char *method, const char *rest,
		const char *extra, const char *body)
{
	struct arena *arena = unit->in->arena;
	const char *length =
		body ? arena_printf(arena, "Content-Length: %zu\r\n", strlen(body)) : "";
	const char *token =
		unit->token ? arena_printf(arena, "Authorization: TargetToken %s\r\n", unit->token)
			    : "";
	const char *text = arena_printf(
		arena,
		"%s /default/controller/v1/%s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
		"User-Agent: libcurl-agent/1.0\r\nContent-Type: application/json\r\n"
		"Accept: application/json\r\ncharsets: utf-8\r\ncharsets: utf-8\r\n%s%s%s\r\n%s",
		method, unit->id, rest, unit->in->port, token, length, extra ? extra : "",
		body ? body : "");
	int socket = http_connect(unit->in->port);

	assert_true(http_send_text(socket, text));
	return socket;
}

struct http_answer fleet_finish(const struct fleet_unit *unit, int socket, bool head)
{
	struct http_answer answer = http_read(socket, unit->in->arena, head, NULL);

	close(socket);
	return answer;
}

struct http_answer fleet_ask(const struct fleet_unit *unit, const char *method, const char *rest,
			     const char *extra, const char *body)
{
	int socket = fleet_begin(unit, method, rest, extra, body);

	return fleet_finish(unit, socket, strcmp(method, "HEAD") == 0);
}

const struct doc *fleet_json(const struct fleet_unit *unit, const struct http_answer *answer)
{
	const struct doc *doc = NULL;
	struct err err = {0};

	expect_done(doc_parse(unit->in->arena, answer->body, &doc, &err), &err);
	return doc;
}

static const char *link_of(const struct doc *doc, const char *rel)
{
	return doc_get_text(doc_get(doc_get(doc, "_links"), rel), "href");
}

int64_t fleet_poll(const struct fleet_unit *unit)
{
	struct http_answer answer = fleet_ask(unit, "GET", "", NULL, NULL);
	const char *mark = "/deploymentBase/";

	assert_int_equal(answer.status, 200);
	const char *href = link_of(fleet_json(unit, &answer), "deploymentBase");
	if (!href)
		return 0;
	const char *at = strstr(href, mark);
	assert_non_null(at);
	return strtoll(at + strlen(mark), NULL, 10);
}

int64_t fleet_await_offer(const struct fleet_unit *unit, bool shown, int ms)
{
	clock_us until = clock_boot() + (clock_us)ms * 1000;
	int64_t action = fleet_poll(unit);

	while ((action != 0) != shown && clock_boot() < until) {
		clock_sleep(CLOCK_SECOND / 50);
		action = fleet_poll(unit);
	}
	return action;
}

int fleet_offer(const struct fleet_unit *unit, int64_t action)
{
	return fleet_ask(
		       unit, "GET",
		       arena_printf(unit->in->arena, "/deploymentBase/%lld?c=1", (long long)action),
		       NULL, NULL)
		.status;
}

int fleet_feedback(const struct fleet_unit *unit, int64_t action, const char *execution,
		   const char *finished, const char *detail)
{
	struct arena *arena = unit->in->arena;
	const char *body = arena_printf(
		arena,
		"{ \"id\": %lld, \"time\": \"20261123T004718\", \"status\": { \"result\": { "
		"\"progress\": { \"cnt\" : 1, \"of\" : 0 }, \"finished\": \"%s\" }, "
		"\"execution\": \"%s\", \"details\" : [ \"%s\" ] } }",
		(long long)action, finished, execution, detail);
	struct http_answer answer =
		fleet_ask(unit, "POST",
			  arena_printf(arena, "/deploymentBase/%lld/feedback", (long long)action),
			  NULL, body);

	if (answer.status == 200) {
		assert_int_equal(answer.body.size, 0);
		assert_string_equal(http_header(arena, &answer, "Content-Length"), "0");
	}
	return answer.status;
}

static const char *code_of(const struct fleet_unit *unit, const struct http_answer *answer)
{
	if (answer->status < 400)
		return "";
	const char *code = doc_get_text(fleet_json(unit, answer), "code");
	return code ? code : "";
}

int fleet_papers(const struct fleet_unit *unit, int64_t action, const char *step, int64_t attempt,
		 int64_t trust_version, struct papers *out, const char **code)
{
	struct arena *arena = unit->in->arena;
	const struct papers_request request = {
		.nonce = random_token(arena, 16),
		.step = step,
		.attempt = attempt,
		.trust_version = {.maker = trust_version},
		.boot_id = "boot-1",
	};
	struct bytes body = {0};
	struct err err = {0};

	expect_done(papers_request_write(arena, &request, &body, &err), &err);
	struct http_answer answer = fleet_ask(
		unit, "POST", arena_printf(arena, "/deploymentBase/%lld/papers", (long long)action),
		NULL, arena_text_of(arena, body));
	if (answer.status == 200)
		expect_done(papers_parse(arena, answer.body, out, &err), &err);
	if (answer.status == 409 || answer.status == 503) {
		assert_non_null(http_header(arena, &answer, "Retry-After"));
		assert_true(doc_int(doc_get(fleet_json(unit, &answer), "retry_after_s"), 0) > 0);
	}
	*code = code_of(unit, &answer);
	return answer.status;
}

struct proof fleet_proof(const struct fleet_unit *unit, const struct papers *papers,
			 const char *outcome)
{
	struct installation *in = unit->in;
	struct manifest manifest;
	struct lease lease;
	struct err err = {0};

	expect_done(manifest_parse(in->arena, papers->manifest, &manifest, &err), &err);
	expect_done(lease_parse(in->arena, papers->lease.document, &lease, &err), &err);
	struct proof proof = {
		.device = unit->id,
		.deployment = lease.deployment,
		.attempt = lease.attempt,
		.permit_sha256 = digest_sha256_hex(papers->permit),
		.manifest_sha256 = digest_sha256_hex(papers->manifest),
		.outcome = outcome,
		.code = strcmp(outcome, "confirmed") == 0 ? "" : "agent.health",
		.bank = "B",
		.bank_sha256 = manifest.artifacts[0].sha256,
		.bank_size_bytes = manifest.artifacts[0].size_bytes,
		.version = manifest.version,
		.boot_count = 2,
		.nonce = lease.nonce,
		.epoch = "0123456789abcdef0123456789abcdef",
		.seq = 1,
		.at = clock_now(),
		.clock = "lease",
	};
	memset(proof.prev.text, '0', sizeof(proof.prev.text) - 1);
	return proof;
}

int fleet_send_proof(const struct fleet_unit *unit, const struct proof *proof,
		     const struct sign_key *key, const char **code, struct sha256_hex *digest)
{
	struct arena *arena = unit->in->arena;
	struct bytes document = {0}, body = {0};
	struct envelope envelope;
	struct err err = {0};

	expect_done(proof_write(arena, proof, &document, &err) &&
			    envelope_sign(arena, key, PROOF_TYPE, document, &envelope, &err) &&
			    envelope_write(arena, &envelope, &body, &err),
		    &err);
	struct http_answer answer =
		fleet_ask(unit, "POST", "/proof", NULL, arena_text_of(arena, body));
	if (digest)
		*digest = digest_sha256_hex(document);
	*code = code_of(unit, &answer);
	return answer.status;
}
