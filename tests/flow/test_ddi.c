/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do devices of any make get what they are due, and nothing else? A client that speaks as swupdate
 * does, and one that checks permits, against the whole installation.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fleet.h"

#include "audit/tree.h"
#include "common/wire/lease.h"
#include "common/wire/permit.h"

#include <stdio.h>
#include <string.h>

static struct installation in;
static struct fleet_unit swu, unit1, unit2, unit3;

static struct fleet_unit unit_of(const char *id)
{
	return (struct fleet_unit){.in = &in, .id = id, .token = fleet_token(&in, id)};
}

static int begin(void **state)
{
	(void)state;
	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	installation_given_image(&in);
	installation_given_release(&in);
	installation_given_tested(&in);
	installation_given_approved(&in);
	fleet_register(&in, "swu-1", "link-gated", NULL);
	swu = unit_of("swu-1");
	unit1 = unit_of("unit-1");
	unit2 = unit_of("unit-2");
	unit3 = unit_of("unit-3");
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

static const char *rest(const char *format, int64_t action)
{
	return arena_printf(in.arena, "/%s/%lld/%s",
			    strstr(format, "artifacts") ? "softwaremodules" : "deploymentBase",
			    (long long)action, format);
}

static const char *header(const struct http_answer *answer, const char *name)
{
	const char *value = http_header(in.arena, answer, name);

	return value ? value : "";
}

/* ---- who ---- */

static void test_identity__knows_no_other_token_and_no_other_path(void **state)
{
	struct fleet_unit unknown = {.in = &in, .id = "unit-9", .token = unit1.token};
	struct fleet_unit wrong = {
		.in = &in, .id = "unit-1", .token = "AAAAAAAAAAAAAAAAAAAAAAAAAAA"};
	struct fleet_unit other = {.in = &in, .id = "unit-2", .token = unit1.token};
	struct fleet_unit nobody = {.in = &in, .id = "unit-1"};

	(void)state;
	assert_int_equal(fleet_ask(&unknown, "GET", "", NULL, NULL).status, 401);
	assert_int_equal(fleet_ask(&wrong, "GET", "", NULL, NULL).status, 401);
	assert_int_equal(fleet_ask(&other, "GET", "", NULL, NULL).status, 401);
	assert_int_equal(fleet_ask(&nobody, "GET", "", NULL, NULL).status, 401);
	assert_int_equal(fleet_ask(&unit1, "GET", "", NULL, NULL).status, 200);
}

static void test_identity__ends_a_token_with_the_next(void **state)
{
	struct fleet_unit before = unit3;

	(void)state;
	unit3.token = fleet_token(&in, "unit-3");
	assert_int_equal(fleet_ask(&before, "GET", "", NULL, NULL).status, 401);
	assert_int_equal(fleet_ask(&unit3, "GET", "", NULL, NULL).status, 200);
	assert_int_equal(fleet_events(&in, "device.access-set", "unit-3"), 2);
}

static void test_action__that_is_none_is_refused_and_recorded(void **state)
{
	int64_t before = fleet_events(&in, "device.refused", "unit-1");
	const char *code;

	(void)state;
	assert_int_equal(fleet_offer(&unit1, 999), 404);
	assert_int_equal(fleet_feedback(&unit1, 999, "proceeding", "none", "-"), 404);
	assert_int_equal(fleet_papers(&unit1, 999, "install", 1, 0, NULL, &code), 404);
	assert_string_equal(code, "device.action-unknown");
	assert_int_equal(
		fleet_ask(&unit1, "GET", rest("artifacts/image.bin", 999), NULL, NULL).status, 404);
	assert_int_equal(fleet_ask(&unit1, "GET", "/deploymentBase/99999999999", NULL, NULL).status,
			 404);
	assert_int_equal(fleet_events(&in, "device.refused", "unit-1"), before + 5);
}

/* ---- a client as swupdate ---- */

static const struct doc *poll_links(const struct fleet_unit *unit)
{
	struct http_answer answer = fleet_ask(unit, "GET", "", NULL, NULL);

	assert_int_equal(answer.status, 200);
	const struct doc *doc = fleet_json(unit, &answer);
	assert_string_equal(doc_get_text(doc_get(doc_get(doc, "config"), "polling"), "sleep"),
			    "00:00:01");
	return doc_get(doc, "_links");
}

static void expect_attributes_asked_once(void)
{
	const char *body =
		"{ \"id\": \"\", \"time\": \"20261123T004714\", \"status\": { \"result\": "
		"{ \"finished\": \"success\" }, \"execution\": \"closed\", \"details\" : [ "
		"\"\" ] }, \"data\" : { \"serial\": \"dev-001\",\"hwRevision\": \"1.0\" } }";

	assert_non_null(doc_get(poll_links(&swu), "configData"));
	struct http_answer answer = fleet_ask(&swu, "PUT", "/configData", NULL, body);
	assert_int_equal(answer.status, 200);
	assert_string_equal(header(&answer, "Content-Length"), "0");
	assert_null(doc_get(poll_links(&swu), "configData"));
	const struct doc *device =
		installation_must(&in, in.people[SUPPORT].token, "GET", "/v1/devices/swu-1", NULL);
	assert_string_equal(doc_get_text(doc_get(device, "attributes"), "serial"), "dev-001");
}

static void expect_offer_is_what_swupdate_needs(int64_t action)
{
	struct http_answer answer = fleet_ask(&swu, "GET", rest("", action), NULL, NULL);
	const char *path = arena_printf(in.arena, "/deploymentBase/%lld?c=1", (long long)action);

	assert_int_equal(answer.status, 404); /* with a slash behind it: another address */
	answer = fleet_ask(&swu, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	const struct doc *doc = fleet_json(&swu, &answer);
	const struct doc *inner = doc_get(doc, "deployment");
	const struct doc *chunk = doc_at(doc_get(inner, "chunks"), 0);
	const struct doc *artifact = doc_at(doc_get(chunk, "artifacts"), 0);
	const struct doc *links = doc_get(artifact, "_links");
	const char *href = doc_get_text(doc_get(links, "download"), "href");
	assert_string_equal(doc_get_text(doc, "id"),
			    arena_printf(in.arena, "%lld", (long long)action));
	assert_string_equal(doc_get_text(inner, "update"), "forced");
	assert_string_equal(doc_get_text(inner, "download"), "forced");
	assert_int_equal(doc_size(doc_get(inner, "chunks")), 1);
	assert_string_equal(doc_get_text(chunk, "part"), "os");
	assert_string_equal(doc_get_text(artifact, "filename"), "image.bin");
	assert_int_equal(doc_int(doc_get(artifact, "size"), 0), in.image.size);
	assert_int_equal(strlen(doc_get_text(doc_get(artifact, "hashes"), "sha1")), 40);
	assert_int_equal(strlen(doc_get_text(doc_get(artifact, "hashes"), "md5")), 32);
	assert_string_equal(doc_get_text(doc_get(artifact, "hashes"), "sha256"),
			    in.image_sha256.text);
	assert_string_equal(href, doc_get_text(doc_get(links, "download-http"), "href"));
	assert_string_equal(href, arena_printf(in.arena,
					       "http://127.0.0.1:%u/DEFAULT/controller/v1/swu-1/"
					       "softwaremodules/%lld/artifacts/image.bin",
					       in.port, (long long)action));
	assert_non_null(doc_get(doc_get(doc, "_links"), "papers"));
}

static void expect_bytes(const char *campaign, int64_t action)
{
	const char *path = rest("artifacts/image.bin", action);
	struct http_answer answer = fleet_ask(&swu, "HEAD", path, NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(header(&answer, "Content-Length"),
			    arena_printf(in.arena, "%zu", in.image.size));
	fleet_expect_state(&in, campaign, "swu-1", "offered");
	answer = fleet_ask(&swu, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_true(bytes_equal(answer.body, in.image));
	fleet_expect_state(&in, campaign, "swu-1", "downloading");
	int64_t events = fleet_events(&in, "deployment.moved", "swu-1");
	answer = fleet_ask(&swu, "GET", path, "Range: bytes=299990-\r\n", NULL);
	assert_int_equal(answer.status, 206);
	assert_string_equal(header(&answer, "Content-Range"), "bytes 299990-299999/300000");
	assert_true(bytes_equal(answer.body, bytes_of(in.image.data + 299990, 10)));
	assert_int_equal(fleet_ask(&swu, "GET", path, "Range: bytes=300000-\r\n", NULL).status,
			 416);
	assert_int_equal(
		fleet_ask(&swu, "GET", rest("artifacts/other.bin", action), NULL, NULL).status,
		404);
	assert_int_equal(fleet_events(&in, "deployment.moved", "swu-1"), events);
}

static void expect_claim_and_silence_after_it(const char *campaign, int64_t action)
{
	/* What swupdate was seen to send: a line break inside a text. */
	const char *torn =
		"{ \"id\": 11, \"status\": { \"result\": { \"finished\": \"none\" }, "
		"\"execution\": \"proceeding\", \"details\" : [ \"a \"quoted\" line\n\" ] } }";

	assert_int_equal(fleet_ask(&swu, "POST", rest("feedback", action), NULL, torn).status, 200);
	assert_int_equal(
		fleet_feedback(&swu, action, "proceeding", "none", "All Chunks Installed."), 200);
	assert_int_equal(fleet_poll(&swu), action); /* stays open over the restart */
	assert_int_equal(fleet_feedback(&swu, action, "closed", "success", "Update Installed."),
			 200);
	const struct doc *deployment = fleet_deployment(&in, campaign, "swu-1");
	assert_string_equal(doc_get_text(deployment, "state"), "confirmed");
	assert_string_equal(doc_get_text(deployment, "basis"), "claim");
	assert_int_equal(doc_int(doc_get(deployment, "attempt"), 0), 1);
	const struct doc *links = poll_links(&swu);
	assert_null(doc_get(links, "deploymentBase"));
	assert_non_null(doc_get(links, "configData"));
	int64_t events = fleet_events(&in, "deployment.moved", "swu-1");
	for (int i = 0; i < 3; i++)
		assert_int_equal(fleet_feedback(&swu, action, "closed", "failure", "late"), 200);
	assert_int_equal(fleet_events(&in, "deployment.moved", "swu-1"), events + 1);
	fleet_expect_state(&in, campaign, "swu-1", "confirmed");
	assert_int_equal(fleet_offer(&swu, action), 404);
}

static void test_swupdate__installs_resumes_and_is_confirmed_by_its_claim(void **state)
{
	static const char *const devices[] = {"swu-1", NULL};
	const char *campaign = fleet_given_running(&in, devices);

	(void)state;
	expect_attributes_asked_once();
	int64_t action = fleet_await_offer(&swu, true, 5000);
	assert_int_equal(action, 11);
	expect_offer_is_what_swupdate_needs(action);
	assert_int_equal(fleet_offer(&swu, action), 200);
	assert_int_equal(fleet_events(&in, "deployment.offered", "swu-1"), 1);
	assert_int_equal(fleet_feedback(&swu, action, "proceeding", "none",
					"Installing Update Chunk Artifacts."),
			 200);
	expect_bytes(campaign, action);
	expect_claim_and_silence_after_it(campaign, action);
	assert_int_equal(fleet_events(&in, "deployment.ended", "swu-1"), 1);
}

static void test_claim__without_a_byte_fetched_is_unproven(void **state)
{
	static const char *const devices[] = {"swu-1", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	int64_t action = fleet_await_offer(&swu, true, 5000);

	(void)state;
	assert_int_equal(fleet_offer(&swu, action), 200);
	assert_int_equal(fleet_feedback(&swu, action, "closed", "success", "Skipped Update."), 200);
	fleet_expect_state(&in, campaign, "swu-1", "unproven");
}

static void test_poll__is_not_sent_twice_to_who_has_it(void **state)
{
	struct http_answer answer = fleet_ask(&swu, "GET", "", NULL, NULL);
	const char *etag = header(&answer, "ETag");

	(void)state;
	assert_true(etag[0] == '"');
	answer = fleet_ask(&swu, "GET", "", arena_printf(in.arena, "If-None-Match: %s\r\n", etag),
			   NULL);
	assert_int_equal(answer.status, 304);
	assert_int_equal(answer.body.size, 0);
	answer = fleet_ask(&swu, "GET", "", "If-None-Match: \"other\"\r\n", NULL);
	assert_int_equal(answer.status, 200);
}

/* ---- a client that checks permits ---- */

static void expect_papers_hold(const struct papers *papers)
{
	struct sha256 leaf = tree_leaf(papers->target.leaf), path[PAPERS_PATH_MAX], root;
	struct permit permit;
	struct sign_cert signer;
	struct err err = {0};

	assert_true(envelope_check(&papers->lease, LEASE_TYPE, sign_key_spki(in.lease.key), &err));
	assert_true(permit_parse(in.arena, papers->permit, &permit, &err));
	assert_true(sign_cms_check(in.arena, papers->permit_cms, papers->permit, SIGN_KEEPER, 0,
				   &signer, &err));
	assert_string_equal(signer.key_id.text, in.keeper_key.cert.key_id.text);
	assert_true(bytes_equal(papers->manifest, in.manifest));
	assert_true(sign_cms_check(in.arena, papers->author_cms, papers->manifest, SIGN_AUTHOR, 0,
				   &signer, &err));
	for (size_t i = 0; i < papers->target.path_count; i++)
		assert_true(digest_of_hex(papers->target.path[i].text, &path[i], &err));
	assert_true(digest_of_hex(permit.target.root.text, &root, &err));
	assert_int_equal(permit.target.size, papers->target.size);
	assert_true(tree_check_inclusion(&leaf, papers->target.index, papers->target.size, path,
					 papers->target.path_count, &root, &err));
}

static int64_t attempt_of(const char *campaign, const char *device)
{
	return doc_int(doc_get(fleet_deployment(&in, campaign, device), "attempt"), -1);
}

static void expect_refused_proofs(const struct fleet_unit *unit, const struct proof *good)
{
	struct proof bad = *good;
	const char *code;
	int64_t before = fleet_events(&in, "proof.refused", unit->id);

	assert_int_equal(fleet_send_proof(unit, good, in.devices[1].key, &code, NULL), 422);
	assert_string_equal(code, "proof.key");
	bad.device = "unit-2";
	assert_int_equal(fleet_send_proof(unit, &bad, in.devices[0].key, &code, NULL), 422);
	assert_string_equal(code, "proof.device");
	bad = *good;
	bad.attempt = 2;
	assert_int_equal(fleet_send_proof(unit, &bad, in.devices[0].key, &code, NULL), 422);
	assert_string_equal(code, "proof.attempt");
	bad = *good;
	bad.permit_sha256 = bad.manifest_sha256;
	assert_int_equal(fleet_send_proof(unit, &bad, in.devices[0].key, &code, NULL), 422);
	assert_string_equal(code, "proof.permit");
	bad = *good;
	bad.bank_sha256 = bad.permit_sha256;
	assert_int_equal(fleet_send_proof(unit, &bad, in.devices[0].key, &code, NULL), 422);
	assert_string_equal(code, "proof.bank");
	bad = *good;
	bad.seq = 2;
	bad.prev = bad.permit_sha256;
	assert_int_equal(fleet_send_proof(unit, &bad, in.devices[0].key, &code, NULL), 409);
	assert_string_equal(code, "proof.sequence");
	assert_int_equal(fleet_events(&in, "proof.refused", unit->id), before + 6);
}

static void expect_chain_goes_on(const struct fleet_unit *unit, const struct proof *first,
				 const struct sha256_hex *digest)
{
	struct proof next = *first;
	const char *code;

	assert_int_equal(fleet_send_proof(unit, first, in.devices[0].key, &code, NULL), 200);
	next.boot_count++;
	assert_int_equal(fleet_send_proof(unit, &next, in.devices[0].key, &code, NULL), 409);
	assert_string_equal(code, "proof.forked");
	next.epoch = "fedcba9876543210fedcba9876543210";
	next.outcome = "failed";
	next.code = "agent.health";
	assert_int_equal(fleet_send_proof(unit, &next, in.devices[0].key, &code, NULL), 200);
	next = *first;
	next.seq = 2;
	next.prev = *digest;
	assert_int_equal(fleet_send_proof(unit, &next, in.devices[0].key, &code, NULL), 200);
	assert_int_equal(fleet_events(&in, "proof.taken", unit->id), 3);
	assert_int_equal(fleet_events(&in, "deployment.ended", unit->id), 1);
}

static void test_proof__alone_confirms_a_device_that_checks_permits(void **state)
{
	static const char *const devices[] = {"unit-2", "unit-1", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	int64_t action = fleet_await_offer(&unit1, true, 5000);
	struct papers papers;
	struct sha256_hex digest;
	const char *code;

	(void)state;
	assert_int_equal(fleet_papers(&unit1, action, "install", 1, 0, &papers, &code), 409);
	assert_string_equal(code, "lease.step"); /* nothing was offered yet */
	assert_int_equal(fleet_offer(&unit1, action), 200);
	assert_int_equal(fleet_offer(&unit1, action), 200);
	assert_int_equal(attempt_of(campaign, "unit-1"), 1);
	assert_int_equal(fleet_papers(&unit1, action, "install", 1, 0, &papers, &code), 200);
	assert_int_equal(papers.trust_count, 1);
	expect_papers_hold(&papers);
	assert_int_equal(fleet_papers(&unit1, action, "install", 2, 1, &papers, &code), 409);
	assert_string_equal(code, "lease.step");
	fleet_expect_state(&in, campaign, "unit-1", "offered");
	assert_int_equal(fleet_feedback(&unit1, action, "download", "none", "begun"), 200);
	assert_int_equal(fleet_feedback(&unit1, action, "downloaded", "none", "good"), 200);
	assert_int_equal(fleet_papers(&unit1, action, "activate", 1, 1, &papers, &code), 200);
	assert_int_equal(papers.trust_count, 0);
	assert_int_equal(fleet_feedback(&unit1, action, "proceeding", "none", "installing"), 200);
	fleet_expect_state(&in, campaign, "unit-1", "installing");
	assert_int_equal(fleet_feedback(&unit1, action, "closed", "success", "I say so"), 200);
	fleet_expect_state(&in, campaign, "unit-1", "testing");

	struct proof proof = fleet_proof(&unit1, &papers, "confirmed");
	expect_refused_proofs(&unit1, &proof);
	fleet_expect_state(&in, campaign, "unit-1", "testing");
	assert_int_equal(fleet_send_proof(&unit1, &proof, in.devices[0].key, &code, &digest), 200);
	expect_chain_goes_on(&unit1, &proof, &digest);
	const struct doc *deployment = fleet_deployment(&in, campaign, "unit-1");
	assert_string_equal(doc_get_text(deployment, "state"), "confirmed");
	assert_string_equal(doc_get_text(deployment, "basis"), "proof");
	int64_t events = fleet_events(&in, "deployment.moved", "unit-1");
	assert_int_equal(fleet_feedback(&unit1, action, "closed", "success", "after it"), 200);
	assert_int_equal(fleet_events(&in, "deployment.moved", "unit-1"), events);
	assert_int_equal(fleet_poll(&unit1), 0);
	assert_int_equal(fleet_papers(&unit1, action, "activate", 1, 1, &papers, &code), 409);
	assert_string_equal(code, "lease.step");
}

static void test_failure__that_was_only_said_gives_way_to_the_signed_report(void **state)
{
	int64_t action = fleet_await_offer(&unit2, true, 5000);
	struct papers papers;
	const char *code;

	(void)state;
	assert_int_equal(fleet_offer(&unit2, action), 200);
	assert_int_equal(fleet_papers(&unit2, action, "install", 1, 1, &papers, &code), 200);
	struct proof proof = fleet_proof(&unit2, &papers, "rolled_back");
	assert_int_equal(fleet_feedback(&unit2, action, "closed", "failure", "it is lost"), 200);
	const struct doc *device =
		installation_must(&in, in.people[SUPPORT].token, "GET", "/v1/devices/unit-2", NULL);
	const struct doc *deployment = doc_at(doc_get(device, "deployments"), 0);
	assert_string_equal(doc_get_text(deployment, "state"), "failed");
	assert_string_equal(doc_get_text(deployment, "code"), "device.said-failure");
	assert_int_equal(fleet_send_proof(&unit2, &proof, in.devices[1].key, &code, NULL), 200);
	device =
		installation_must(&in, in.people[SUPPORT].token, "GET", "/v1/devices/unit-2", NULL);
	deployment = doc_at(doc_get(device, "deployments"), 0);
	assert_string_equal(doc_get_text(deployment, "state"), "rolled_back");
	assert_string_equal(doc_get_text(deployment, "code"), "agent.health");
	assert_int_equal(fleet_poll(&unit2), 0); /* no second attempt by itself */
}

/* ---- gates and keeper ---- */

static void hold(const char *campaign)
{
	struct installation_answer answer = installation_ask(
		&in, in.people[SUPPORT].token, "POST",
		arena_printf(in.arena, "/v1/campaigns/%s/hold", campaign), fleet_reason(&in), NULL);

	assert_int_equal(answer.status, 202);
	assert_false(doc_bool(doc_get(answer.doc, "sealed"), true));
}

static void resume(const char *campaign)
{
	struct doc *body = doc_object(in.arena);
	const struct doc *signature = installation_must(
		&in, in.people[MANAGER].token, "POST", "/v1/signatures",
		installation_signing(&in, MANAGER, "resumed", "campaign", campaign, NULL));

	doc_set_text(body, "signature", doc_get_text(signature, "signature"));
	installation_must(&in, in.people[MANAGER].token, "POST",
			  arena_printf(in.arena, "/v1/campaigns/%s/resume", campaign), body);
}

static void test_hold__withholds_link_offer_and_lease_within_a_second(void **state)
{
	static const char *const devices[] = {"unit-3", "swu-1", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	int64_t action = fleet_await_offer(&unit3, true, 5000);
	int64_t other = fleet_await_offer(&swu, true, 5000);
	struct papers papers;
	const char *code;

	(void)state;
	assert_true(action > 0 && other > 0);
	assert_int_equal(fleet_offer(&unit3, action), 200);
	hold(campaign);
	assert_int_equal(fleet_offer(&unit3, action), 404);
	assert_int_equal(fleet_offer(&swu, other), 404);
	assert_int_equal(
		fleet_ask(&unit3, "GET", rest("artifacts/image.bin", action), NULL, NULL).status,
		404);
	assert_int_equal(fleet_papers(&unit3, action, "install", 1, 1, &papers, &code), 409);
	assert_string_equal(code, "lease.held");
	assert_int_equal(fleet_await_offer(&unit3, false, 1000), 0);
	assert_int_equal(fleet_poll(&swu), 0);
	fleet_expect_state(&in, campaign, "swu-1", "queued");
	resume(campaign);
	assert_int_equal(fleet_await_offer(&unit3, true, 10000), action);
	assert_int_equal(fleet_offer(&unit3, action), 200);
	assert_int_equal(attempt_of(campaign, "unit-3"), 1);
	assert_int_equal(fleet_papers(&unit3, action, "install", 1, 1, &papers, &code), 200);
}

static void test_keeper_away__makes_the_device_wait_and_counts_nothing(void **state)
{
	int64_t action = fleet_await_offer(&unit3, true, 5000);
	int64_t refused = fleet_events(&in, "lease.refused", "unit-3");
	struct papers papers;
	const char *code;

	(void)state;
	installation_stop_keeper(&in);
	assert_int_equal(fleet_papers(&unit3, action, "activate", 1, 1, &papers, &code), 503);
	assert_string_equal(code, "keeper.unavailable");
	assert_int_equal(fleet_feedback(&unit3, action, "download", "none", "begun"), 200);
	assert_int_equal(fleet_events(&in, "lease.refused", "unit-3"), refused);
	installation_start_keeper(&in);
	assert_int_equal(fleet_papers(&unit3, action, "activate", 1, 1, &papers, &code), 200);
	const struct doc *device =
		installation_must(&in, in.people[SUPPORT].token, "GET", "/v1/devices/unit-3", NULL);
	const struct doc *deployment = doc_at(doc_get(device, "deployments"), 0);
	assert_int_equal(doc_int(doc_get(deployment, "attempt"), 0), 1);
	assert_string_equal(doc_get_text(deployment, "state"), "downloading");
}

/* Whatever else waits for these devices is called off, so that this campaign's turn has come. */
static void call_off_others(const char *campaign)
{
	const struct doc *items = doc_get(
		installation_must(&in, in.people[MANAGER].token, "GET", "/v1/campaigns", NULL),
		"items");

	for (size_t i = 0; i < doc_size(items); i++) {
		const char *id = doc_get_text(doc_at(items, i), "campaign");
		const char *is = doc_get_text(doc_at(items, i), "state");
		if (strcmp(id, campaign) != 0 &&
		    (strcmp(is, "running") == 0 || strcmp(is, "held") == 0))
			installation_must(&in, in.people[MANAGER].token, "POST",
					  arena_printf(in.arena, "/v1/campaigns/%s/abort", id),
					  fleet_reason(&in));
	}
}

/* Many reports at once share a transaction; each has an answer of its own, and none is lost. */
static void test_feedback__of_many_at_once_is_taken_one_by_one(void **state)
{
	enum { ROUNDS = 20, UNITS = 3 };
	static const char *const devices[] = {"unit-1", "unit-2", "swu-1", NULL};
	const char *body =
		"{\"status\":{\"execution\":\"resumed\",\"result\":{\"finished\":\"none\"}}}";
	struct fleet_unit *units[UNITS] = {&swu, &unit1, &unit2};
	int64_t actions[UNITS];
	int sockets[ROUNDS][UNITS + 1];

	(void)state;
	const char *campaign = fleet_given_running(&in, devices);
	call_off_others(campaign);
	for (int u = 0; u < UNITS; u++) {
		actions[u] = fleet_await_offer(units[u], true, 10000);
		assert_int_equal(fleet_offer(units[u], actions[u]), 200);
	}
	for (int r = 0; r < ROUNDS; r++) {
		for (int u = 0; u < UNITS; u++)
			sockets[r][u] = fleet_begin(units[u], "POST", rest("feedback", actions[u]),
						    NULL, body);
		sockets[r][UNITS] = fleet_begin(&unit1, "POST", rest("feedback", 999), NULL, body);
	}
	for (int r = 0; r < ROUNDS; r++) {
		for (int u = 0; u < UNITS; u++)
			assert_int_equal(fleet_finish(units[u], sockets[r][u], false).status, 200);
		assert_int_equal(fleet_finish(&unit1, sockets[r][UNITS], false).status, 404);
	}
	for (int u = 0; u < UNITS; u++) {
		const struct doc *one = fleet_deployment(&in, campaign, units[u]->id);
		assert_int_equal(doc_int(doc_get(one, "progress"), 0), ROUNDS - 1);
		assert_string_equal(doc_get_text(one, "state"), "offered");
	}
}

static void test_bodies__that_make_no_sense_change_nothing(void **state)
{
	static const char *const bodies[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"status\":{}}",
		"{\"status\":{\"execution\":\"closed\"}}",
		"{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"maybe\"}}}",
		"{\"document\":1}",
		"{\"nonce\":\"x\",\"step\":\"install\"}",
		"\xff\xfe",
	};
	int64_t action = fleet_await_offer(&unit3, true, 5000);
	static const char *const posts[] = {"feedback", "papers"};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		for (size_t p = 0; p < 2; p++) {
			struct http_answer answer =
				fleet_ask(&unit3, "POST", rest(posts[p], action), NULL, bodies[i]);
			assert_in_range(answer.status, 400, 499);
			assert_non_null(doc_get(fleet_json(&unit3, &answer), "code"));
		}
		struct http_answer answer = fleet_ask(&unit3, "POST", "/proof", NULL, bodies[i]);
		assert_in_range(answer.status, 400, 499);
		answer = fleet_ask(&unit3, "PUT", "/configData", NULL, bodies[i]);
		assert_in_range(answer.status, 400, 499);
	}
	assert_int_equal(fleet_poll(&unit3), action);
}

static void test_ledger__seals_all_that_devices_did(void **state)
{
	(void)state;
	installation_settled(&in);
	expect_sql(in.database.owner, "SELECT count(*)::text FROM event_set_aside", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity__knows_no_other_token_and_no_other_path),
		cmocka_unit_test(test_identity__ends_a_token_with_the_next),
		cmocka_unit_test(test_action__that_is_none_is_refused_and_recorded),
		cmocka_unit_test(test_swupdate__installs_resumes_and_is_confirmed_by_its_claim),
		cmocka_unit_test(test_claim__without_a_byte_fetched_is_unproven),
		cmocka_unit_test(test_poll__is_not_sent_twice_to_who_has_it),
		cmocka_unit_test(test_proof__alone_confirms_a_device_that_checks_permits),
		cmocka_unit_test(test_failure__that_was_only_said_gives_way_to_the_signed_report),
		cmocka_unit_test(test_hold__withholds_link_offer_and_lease_within_a_second),
		cmocka_unit_test(test_keeper_away__makes_the_device_wait_and_counts_nothing),
		cmocka_unit_test(test_bodies__that_make_no_sense_change_nothing),
		cmocka_unit_test(test_feedback__of_many_at_once_is_taken_one_by_one),
		cmocka_unit_test(test_ledger__seals_all_that_devices_did),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
