/* SPDX-License-Identifier: Apache-2.0 */
/* Something worth proving: a release on its way to three devices. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/evidence_story.h"

#include "common/file.h"
#include "tests/support/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hold_and_resume(struct installation *in, const char *campaign)
{
	struct doc *body = doc_object(in->arena);
	struct installation_answer answer = installation_ask(
		in, in->people[SUPPORT].token, "POST",
		arena_printf(in->arena, "/v1/campaigns/%s/hold", campaign), fleet_reason(in), NULL);

	assert_int_equal(answer.status, 202);
	const struct doc *signature = installation_must(
		in, in->people[MANAGER].token, "POST", "/v1/signatures",
		installation_signing(in, MANAGER, "resumed", "campaign", campaign, NULL));
	doc_set_text(body, "signature", doc_get_text(signature, "signature"));
	installation_must(in, in->people[MANAGER].token, "POST",
			  arena_printf(in->arena, "/v1/campaigns/%s/resume", campaign), body);
}

/* Offered, leased twice, confirmed by its own signature. */
static void confirm(struct installation *in, const char *campaign, const char *device,
		    const struct sign_key *key)
{
	struct fleet_unit unit = {.in = in, .id = device, .token = fleet_token(in, device)};
	int64_t action = fleet_await_offer(&unit, true, 10000);
	struct papers papers;
	const char *code;

	assert_int_equal(fleet_offer(&unit, action), 200);
	assert_int_equal(fleet_papers(&unit, action, "install", 1, 0, &papers, &code), 200);
	assert_int_equal(fleet_feedback(&unit, action, "download", "none", "begun"), 200);
	assert_int_equal(fleet_feedback(&unit, action, "downloaded", "none", "good"), 200);
	assert_int_equal(fleet_papers(&unit, action, "activate", 1, 1, &papers, &code), 200);
	struct proof proof = fleet_proof(&unit, &papers, "confirmed");
	assert_int_equal(fleet_send_proof(&unit, &proof, key, &code, NULL), 200);
	fleet_expect_state(in, campaign, device, "confirmed");
}

static void claim(struct installation *in, const char *campaign, const char *device)
{
	struct fleet_unit unit = {.in = in, .id = device, .token = fleet_token(in, device)};
	int64_t action = fleet_await_offer(&unit, true, 10000);

	assert_int_equal(fleet_offer(&unit, action), 200);
	assert_int_equal(fleet_feedback(&unit, action, "download", "none", "begun"), 200);
	assert_int_equal(fleet_feedback(&unit, action, "closed", "success", "done"), 200);
	fleet_expect_state(in, campaign, device, "confirmed");
}

static const char *given_story(struct installation *in)
{
	static const char *const devices[] = {"old-1", "unit-1", "unit-2", NULL};

	installation_given_trust(in);
	installation_given_people(in);
	installation_given_image(in);
	installation_given_release(in);
	installation_given_tested(in);
	installation_given_approved(in);
	fleet_register(in, "old-1", "link-gated", NULL);
	const char *campaign = fleet_given_running(in, devices);
	confirm(in, campaign, "unit-1", in->devices[0].key);
	hold_and_resume(in, campaign);
	claim(in, campaign, "old-1");
	installation_refused(in, in->people[QA].token, "POST", "/v1/exports", doc_object(in->arena),
			     403, "access.denied");
	return campaign;
}

/* ---- fetching ---- */

static const struct doc *ask_export(struct installation *in)
{
	struct doc *body = doc_object(in->arena);

	doc_set_text(body, "scope", "all");
	return installation_must(in, in->people[AUDITOR].token, "POST", "/v1/exports", body);
}

static const char *fetch(struct installation *in, const struct doc *export, const char *name)
{
	const char *folder = arena_printf(in->arena, "%s/%s", in->dir, name);
	const struct doc *files = doc_get(export, "files");

	assert_true(doc_size(files) > 20);
	assert_int_equal(doc_size(doc_get(export, "missing")), 0);
	for (size_t i = 0; i < doc_size(files); i++) {
		const struct doc *file = doc_at(files, i);
		struct installation_answer answer = installation_ask(
			in, in->people[AUDITOR].token, "GET",
			arena_printf(in->arena, "/v1/exports/%s/files/%s",
				     doc_get_text(export, "export"), doc_get_text(file, "sha256")),
			NULL, NULL);
		assert_int_equal(answer.status, 200);
		assert_string_equal(digest_sha256_hex(answer.body).text,
				    doc_get_text(file, "sha256"));
		evidence_file_put(folder, doc_get_text(file, "path"), answer.body);
	}
	return folder;
}

/* The git record comes a moment after the acts. */
static void await_history(struct installation *in)
{
	char left[16] = "";

	for (int tries = 0; tries < 100 && strcmp(left, "0") != 0; tries++) {
		read_sql(in->database.owner,
			 "SELECT count(*) FROM event e LEFT JOIN history h ON h.act = e.id WHERE "
			 "e.kind IN ('release.sealed', 'record.added', 'signature.given', "
			 "'ruleset.adopted') AND h.act IS NULL",
			 left, sizeof(left));
		clock_sleep(CLOCK_SECOND / 10);
	}
	assert_string_equal(left, "0");
	installation_settled(in);
}

/* ---- together ---- */

void evidence_story_open(struct evidence_story *story)
{
	struct bytes file = {0};
	struct err err = {0};

	installation_open(&story->in);
	story->campaign = given_story(&story->in);
	await_history(&story->in);
	assert_true(file_read(story->in.arena, story->in.pin, 64 * 1024, &file, &err));
	assert_true(trust_pin_parse(story->in.arena, file, &story->pin, &err));
}

void evidence_story_close(struct evidence_story *story)
{
	installation_close(&story->in);
}

const char *evidence_story_export(struct evidence_story *story, const char *name)
{
	return fetch(&story->in, ask_export(&story->in), name);
}
