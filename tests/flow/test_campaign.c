/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a campaign begin, open, close and end as people with the right roles want it, and by nobody
 * else? And is what a crash leaves half done finished?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fleet.h"

#include "common/encode.h"
#include "common/wire/plan.h"

#include <string.h>
#include <unistd.h>

static struct installation in;

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
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

static const char *path(const char *campaign, const char *verb)
{
	return arena_printf(in.arena, "/v1/campaigns/%s%s", campaign, verb);
}

static struct doc *order(const char *const *devices)
{
	struct doc *body = doc_object(in.arena);
	struct doc *list = doc_array(in.arena);

	for (size_t i = 0; devices[i]; i++)
		doc_add_text(list, devices[i]);
	doc_set_text(body, "name", "EXAMPLE campaign");
	doc_set_text(body, "release", in.release);
	doc_set(body, "devices", list);
	return body;
}

static void ask_close(enum installation_who who, const char *campaign, const char *verb, int status)
{
	struct installation_answer answer = installation_ask(
		&in, in.people[who].token, "POST", path(campaign, verb), fleet_reason(&in), NULL);

	assert_int_equal(answer.status, status);
	if (status == 202)
		assert_false(doc_bool(doc_get(answer.doc, "sealed"), true));
}

/* What a second-by-second job does is awaited. */
static void await_state(const char *campaign, const char *state)
{
	for (int i = 0; i < 200 && strcmp(fleet_campaign_state(&in, campaign), state) != 0; i++)
		clock_sleep(CLOCK_SECOND / 20);
	assert_string_equal(fleet_campaign_state(&in, campaign), state);
}

static void await_deployment(const char *campaign, const char *device, const char *state)
{
	for (int i = 0; i < 200; i++) {
		const struct doc *one = fleet_deployment(&in, campaign, device);
		if (one && strcmp(doc_get_text(one, "state"), state) == 0)
			return;
		clock_sleep(CLOCK_SECOND / 20);
	}
	fleet_expect_state(&in, campaign, device, state);
}

/* ---- drafting ---- */

static void test_draft__makes_the_plan_from_the_directory(void **state)
{
	static const char *const devices[] = {"unit-3", "unit-1", NULL};
	const struct doc *answer = installation_must(&in, in.people[MANAGER].token, "POST",
						     "/v1/campaigns", order(devices));
	const char *campaign = doc_get_text(answer, "campaign");
	struct bytes bytes;
	struct plan plan;
	struct err err = {0};

	(void)state;
	assert_true(decode_base64(in.arena, doc_get_text(answer, "plan"), &bytes, &err));
	assert_true(plan_parse(in.arena, bytes, &plan, &err));
	assert_string_equal(doc_get_text(answer, "plan_sha256"), digest_sha256_hex(bytes).text);
	assert_string_equal(plan.campaign, campaign);
	assert_string_equal(plan.release, in.release);
	assert_string_equal(plan.manifest_sha256.text, digest_sha256_hex(in.manifest).text);
	assert_int_equal(plan.target_count, 2);
	assert_string_equal(plan.targets[0].device, "unit-1");
	assert_string_equal(plan.targets[1].device, "unit-3");
	assert_string_equal(plan.targets[1].hardware, "rev-1");
	assert_string_equal(plan.targets[1].market, "EU");
	assert_string_equal(plan.targets[1].site, "clinic-1");
	assert_true(plan.not_after - plan.not_before == 30 * 86400 * CLOCK_SECOND);
	assert_true(doc_int(doc_get(answer, "index"), -1) > 0);
	assert_string_equal(fleet_campaign_state(&in, campaign), "submitted");
	assert_int_equal(fleet_events(&in, "campaign.drafted", campaign), 1);
	assert_int_equal(fleet_events(&in, "campaign.submitted", campaign), 1);
}

static void test_draft__refuses_what_does_not_fit(void **state)
{
	static const char *const unknown[] = {"unit-1", "unit-77", NULL};
	static const char *const twice[] = {"unit-1", "unit-1", NULL};
	static const char *const none[] = {NULL};
	static const char *const good[] = {"unit-1", NULL};
	const char *token = in.people[MANAGER].token;
	struct doc *body = order(good);

	(void)state;
	installation_refused(&in, token, "POST", "/v1/campaigns", order(unknown), 409,
			     "campaign.devices");
	installation_refused(&in, token, "POST", "/v1/campaigns", order(twice), 400,
			     "input.invalid");
	installation_refused(&in, token, "POST", "/v1/campaigns", order(none), 400,
			     "document.field");
	doc_set_text(body, "release", "00000000-0000-4000-8000-000000000000");
	installation_refused(&in, token, "POST", "/v1/campaigns", body, 404, "release.unknown");
	body = order(good);
	doc_set_time(body, "not_before", clock_now());
	doc_set_time(body, "not_after", clock_now() - CLOCK_SECOND);
	installation_refused(&in, token, "POST", "/v1/campaigns", body, 400, "document.field");
	installation_refused(&in, in.people[TESTER].token, "POST", "/v1/campaigns", order(good),
			     403, "access.denied");
}

static void test_draft__with_the_keeper_away_changes_nothing(void **state)
{
	static const char *const devices[] = {"unit-1", NULL};
	char before[32], after[32];

	(void)state;
	installation_stop_keeper(&in);
	read_sql(in.database.owner, "SELECT count(*)::text FROM campaign", before, sizeof(before));
	installation_refused(&in, in.people[MANAGER].token, "POST", "/v1/campaigns", order(devices),
			     503, "keeper.unavailable");
	read_sql(in.database.owner, "SELECT count(*)::text FROM campaign", after, sizeof(after));
	assert_string_equal(before, after);
	installation_start_keeper(&in);
}

static void test_draft__with_the_same_key_is_one_campaign(void **state)
{
	static const char *const devices[] = {"unit-1", NULL};
	struct installation_answer first = installation_ask(
		&in, in.people[MANAGER].token, "POST", "/v1/campaigns", order(devices), "key-1");
	struct installation_answer second = installation_ask(
		&in, in.people[MANAGER].token, "POST", "/v1/campaigns", order(devices), "key-1");

	(void)state;
	assert_int_equal(first.status, 200);
	assert_int_equal(second.status, 200);
	assert_string_equal(doc_get_text(first.doc, "campaign"),
			    doc_get_text(second.doc, "campaign"));
	assert_true(doc_bool(doc_get(second.doc, "before"), false));
}

/* ---- opening ---- */

static void test_start__needs_the_signature_over_the_plan(void **state)
{
	static const char *const devices[] = {"unit-1", "unit-2", NULL};
	const char *campaign = fleet_draft(&in, devices);
	const char *manager = in.people[MANAGER].token;

	(void)state;
	installation_refused(&in, manager, "POST", path(campaign, "/start"), doc_object(in.arena),
			     409, "gate.closed");
	assert_int_equal(fleet_events(&in, "campaign.refused", campaign), 1);
	assert_null(fleet_deployment(&in, campaign, "unit-1"));
	const struct doc *verdict =
		installation_must(&in, manager, "GET", path(campaign, "/gate"), NULL);
	assert_false(doc_bool(doc_get(verdict, "open"), true));
	fleet_release(&in, campaign);
	installation_refused(&in, in.people[QA].token, "POST", path(campaign, "/start"),
			     doc_object(in.arena), 403, "access.denied");
	fleet_start(&in, campaign);
	assert_string_equal(fleet_campaign_state(&in, campaign), "running");
	fleet_expect_state(&in, campaign, "unit-1", "queued");
	fleet_expect_state(&in, campaign, "unit-2", "queued");
	assert_int_equal(fleet_events(&in, "deployment.batch", campaign), 1);
	const struct doc *again = installation_must(&in, manager, "POST", path(campaign, "/start"),
						    doc_object(in.arena));
	assert_true(doc_bool(doc_get(again, "before"), false));
	assert_int_equal(fleet_events(&in, "deployment.batch", campaign), 1);
	const struct doc *shown = installation_must(&in, manager, "GET", path(campaign, ""), NULL);
	assert_int_equal(doc_int(doc_get(doc_get(shown, "counts"), "queued"), 0), 2);
	assert_int_equal(doc_int(doc_get(doc_get(shown, "permit"), "number"), 0), 1);
	ask_close(MANAGER, campaign, "/abort", 202);
}

static void test_start__numbers_actions_per_device_and_passes_round_ones_over(void **state)
{
	static const char *const devices[] = {"unit-1", NULL};
	const char *campaign = fleet_given_running(&in, devices);

	(void)state;
	given_sql(in.database.owner,
		  arena_printf(in.arena,
			       "UPDATE deployment SET action_id = 99 WHERE campaign = '%s'",
			       campaign));
	const char *next = fleet_given_running(&in, devices);
	assert_int_equal(doc_int(doc_get(fleet_deployment(&in, next, "unit-1"), "action"), 0), 101);
	ask_close(MANAGER, campaign, "/abort", 202);
	ask_close(MANAGER, next, "/abort", 202);
}

static void test_start__cut_off_before_the_deployments_is_finished_by_itself(void **state)
{
	static const char *const devices[] = {"unit-1", "unit-2", NULL};
	const char *campaign = fleet_given_running(&in, devices);

	(void)state;
	given_sql(in.database.owner,
		  arena_printf(in.arena, "DELETE FROM deployment WHERE campaign = '%s'", campaign));
	await_deployment(campaign, "unit-1", "queued");
	await_deployment(campaign, "unit-2", "queued");
	assert_int_equal(fleet_events(&in, "deployment.batch", campaign), 2);
	ask_close(MANAGER, campaign, "/abort", 202);
}

/* ---- closing ---- */

static void test_hold__is_for_three_roles_and_needs_no_keeper(void **state)
{
	static const char *const devices[] = {"unit-2", NULL};
	const char *campaign = fleet_given_running(&in, devices);

	(void)state;
	ask_close(TESTER, campaign, "/hold", 403);
	ask_close(AUDITOR, campaign, "/hold", 403);
	installation_stop_keeper(&in);
	ask_close(QA, campaign, "/hold", 202);
	assert_string_equal(fleet_campaign_state(&in, campaign), "held");
	ask_close(SUPPORT, campaign, "/hold", 202);
	installation_start_keeper(&in);
	const struct doc *shown =
		installation_must(&in, in.people[QA].token, "GET", path(campaign, ""), NULL);
	assert_int_equal(doc_size(doc_get(shown, "holds")), 2);
	assert_null(doc_get(shown, "permit"));
	assert_int_equal(doc_int(doc_get(doc_at(doc_get(shown, "holds"), 0), "number"), 0), 2);
	ask_close(MANAGER, campaign, "/abort", 202);
}

static void test_hold__of_many_at_once_all_stand(void **state)
{
	enum { MANY = 8 };
	static const char *const devices[] = {"unit-2", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	const char *body = "{\"reason\":\"EXAMPLE\"}";
	const char *text = arena_printf(
		in.arena,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		path(campaign, "/hold"), in.port, in.people[QA].token, strlen(body), body);
	int sockets[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		sockets[i] = http_connect(in.port);
		assert_true(http_send_text(sockets[i], text));
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(http_read(sockets[i], in.arena, false, NULL).status, 202);
		close(sockets[i]);
	}
	assert_int_equal(fleet_events(&in, "campaign.held", campaign), MANY);
	ask_close(MANAGER, campaign, "/abort", 202);
}

static void test_resume__needs_a_signature_over_this_very_hold(void **state)
{
	static const char *const devices[] = {"unit-2", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	const char *manager = in.people[MANAGER].token;
	struct doc *body = doc_object(in.arena);

	(void)state;
	ask_close(MANAGER, campaign, "/hold", 202);
	doc_set_text(body, "signature", "00000000-0000-4000-8000-000000000000");
	installation_refused(&in, manager, "POST", path(campaign, "/resume"), body, 409,
			     "campaign.state");
	const char *first =
		doc_get_text(installation_must(&in, manager, "POST", "/v1/signatures",
					       installation_signing(&in, MANAGER, "resumed",
								    "campaign", campaign, NULL)),
			     "signature");
	ask_close(QA, campaign, "/hold", 202);
	doc_set_text(body, "signature", first);
	installation_refused(&in, manager, "POST", path(campaign, "/resume"), body, 409,
			     "challenge.stale");
	assert_string_equal(fleet_campaign_state(&in, campaign), "held");
	assert_int_equal(fleet_events(&in, "campaign.refused", campaign), 2);
	doc_set_text(
		body, "signature",
		doc_get_text(installation_must(&in, manager, "POST", "/v1/signatures",
					       installation_signing(&in, MANAGER, "resumed",
								    "campaign", campaign, NULL)),
			     "signature"));
	installation_must(&in, manager, "POST", path(campaign, "/resume"), body);
	assert_string_equal(fleet_campaign_state(&in, campaign), "running");
	ask_close(MANAGER, campaign, "/abort", 202);
}

static void test_abort__ends_for_ever_and_calls_off_what_nobody_began(void **state)
{
	static const char *const devices[] = {"unit-1", "unit-2", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	struct fleet_unit unit = {.in = &in, .id = "unit-1", .token = fleet_token(&in, "unit-1")};
	int64_t action = fleet_await_offer(&unit, true, 5000);

	(void)state;
	assert_int_equal(fleet_offer(&unit, action), 200);
	ask_close(SUPPORT, campaign, "/abort", 403);
	ask_close(MANAGER, campaign, "/abort", 202);
	struct installation_answer again =
		installation_ask(&in, in.people[MANAGER].token, "POST", path(campaign, "/abort"),
				 fleet_reason(&in), NULL);
	assert_true(doc_bool(doc_get(again.doc, "before"), false));
	assert_string_equal(fleet_campaign_state(&in, campaign), "aborted");
	await_deployment(campaign, "unit-2", "canceled");
	await_deployment(campaign, "unit-1", "canceled");
	assert_int_equal(fleet_events(&in, "deployment.ended", "unit-1"), 1);
	assert_int_equal(fleet_poll(&unit), 0);
	ask_close(MANAGER, campaign, "/hold", 409);
	installation_refused(&in, in.people[MANAGER].token, "POST", path(campaign, "/start"),
			     doc_object(in.arena), 409, "campaign.state");
}

/* ---- ends ---- */

static void test_end__comes_when_every_deployment_has_ended(void **state)
{
	static const char *const devices[] = {"unit-3", NULL};
	const char *campaign = fleet_given_running(&in, devices);
	struct fleet_unit unit = {.in = &in, .id = "unit-3", .token = fleet_token(&in, "unit-3")};
	int64_t action = fleet_await_offer(&unit, true, 5000);

	(void)state;
	assert_int_equal(fleet_offer(&unit, action), 200);
	assert_int_equal(fleet_feedback(&unit, action, "closed", "failure", "EXAMPLE"), 200);
	await_state(campaign, "completed");
	assert_int_equal(fleet_events(&in, "campaign.ended", campaign), 1);
}

static void test_end__comes_when_the_time_of_the_plan_is_over(void **state)
{
	static const char *const devices[] = {"unit-3", NULL};
	struct doc *body = order(devices);

	(void)state;
	doc_set_time(body, "not_after", clock_now() + 2 * CLOCK_SECOND);
	const char *campaign = doc_get_text(
		installation_must(&in, in.people[MANAGER].token, "POST", "/v1/campaigns", body),
		"campaign");
	await_state(campaign, "expired");
}

static void test_device__with_two_campaigns_takes_the_older_one_first(void **state)
{
	static const char *const devices[] = {"unit-2", NULL};
	const char *older = fleet_given_running(&in, devices);
	const char *newer = fleet_given_running(&in, devices);
	struct fleet_unit unit = {.in = &in, .id = "unit-2", .token = fleet_token(&in, "unit-2")};
	int64_t first = doc_int(doc_get(fleet_deployment(&in, older, "unit-2"), "action"), 0);
	int64_t second = doc_int(doc_get(fleet_deployment(&in, newer, "unit-2"), "action"), 0);

	(void)state;
	assert_int_equal(fleet_await_offer(&unit, true, 5000), first);
	assert_int_equal(fleet_offer(&unit, first), 200);
	assert_int_equal(fleet_offer(&unit, second), 404); /* one attempt at a time */
	ask_close(QA, older, "/hold", 202);
	clock_sleep(CLOCK_SECOND);
	assert_int_equal(fleet_poll(&unit), 0); /* begun, and held */
	ask_close(MANAGER, older, "/abort", 202);
	for (int i = 0; i < 100 && fleet_poll(&unit) != second; i++)
		clock_sleep(CLOCK_SECOND / 20);
	assert_int_equal(fleet_poll(&unit), second);
	assert_int_equal(fleet_offer(&unit, second), 200);
}

/* ---- looking ---- */

static void test_lists__come_in_pages(void **state)
{
	const char *token = in.people[AUDITOR].token;
	const struct doc *page =
		installation_must(&in, token, "GET", "/v1/campaigns?limit=2", NULL);
	const struct doc *items = doc_get(page, "items");
	const char *last = doc_get_text(doc_at(items, 1), "campaign");

	(void)state;
	assert_int_equal(doc_size(items), 2);
	assert_true(doc_bool(doc_get(page, "more"), false));
	page = installation_must(&in, token, "GET",
				 arena_printf(in.arena, "/v1/campaigns?limit=500&after=%s", last),
				 NULL);
	assert_false(doc_bool(doc_get(page, "more"), true));
	assert_true(strcmp(doc_get_text(doc_at(doc_get(page, "items"), 0), "campaign"), last) > 0);
	installation_refused(&in, token, "GET", "/v1/campaigns?after=unit-1", NULL, 400,
			     "input.invalid");
	page = installation_must(&in, token, "GET", "/v1/devices?limit=2", NULL);
	assert_int_equal(doc_size(doc_get(page, "items")), 2);
	page = installation_must(&in, token, "GET", "/v1/devices?after=unit-2", NULL);
	assert_string_equal(doc_get_text(doc_at(doc_get(page, "items"), 0), "device"), "unit-3");
	installation_refused(&in, token, "GET",
			     "/v1/campaigns/00000000-0000-4000-8000-000000000000", NULL, 404,
			     "campaign.unknown");
	installation_refused(&in, token, "GET", "/v1/devices/unit-77", NULL, 404, "device.unknown");
}

static void test_access__takes_a_token_or_a_certificate_and_not_both(void **state)
{
	const char *token = in.people[SUPPORT].token;
	struct doc *body = doc_object(in.arena);

	(void)state;
	installation_refused(&in, token, "POST", "/v1/devices/unit-1/access", body, 400,
			     "document.field");
	doc_set_bytes(body, "certificate", in.qa.cert.der);
	const struct doc *answer =
		installation_must(&in, token, "POST", "/v1/devices/unit-1/access", body);
	assert_string_equal(doc_get_text(answer, "certificate_sha256"),
			    digest_sha256_hex(in.qa.cert.der).text);
	installation_refused(&in, token, "POST", "/v1/devices/unit-2/access", body, 409,
			     "device.certificate-taken");
	doc_set_bool(body, "token", true);
	installation_refused(&in, token, "POST", "/v1/devices/unit-1/access", body, 400,
			     "document.field");
	body = doc_object(in.arena);
	doc_set_bool(body, "token", true);
	installation_refused(&in, token, "POST", "/v1/devices/unit-77/access", body, 404,
			     "device.unknown");
	installation_refused(&in, in.people[QA].token, "POST", "/v1/devices/unit-1/access", body,
			     403, "access.denied");
}

static void test_ledger__seals_all_of_it(void **state)
{
	(void)state;
	installation_settled(&in);
	expect_sql(in.database.owner, "SELECT count(*)::text FROM event_set_aside", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draft__makes_the_plan_from_the_directory),
		cmocka_unit_test(test_draft__refuses_what_does_not_fit),
		cmocka_unit_test(test_draft__with_the_keeper_away_changes_nothing),
		cmocka_unit_test(test_draft__with_the_same_key_is_one_campaign),
		cmocka_unit_test(test_start__needs_the_signature_over_the_plan),
		cmocka_unit_test(test_start__numbers_actions_per_device_and_passes_round_ones_over),
		cmocka_unit_test(test_start__cut_off_before_the_deployments_is_finished_by_itself),
		cmocka_unit_test(test_hold__is_for_three_roles_and_needs_no_keeper),
		cmocka_unit_test(test_hold__of_many_at_once_all_stand),
		cmocka_unit_test(test_resume__needs_a_signature_over_this_very_hold),
		cmocka_unit_test(test_abort__ends_for_ever_and_calls_off_what_nobody_began),
		cmocka_unit_test(test_end__comes_when_every_deployment_has_ended),
		cmocka_unit_test(test_end__comes_when_the_time_of_the_plan_is_over),
		cmocka_unit_test(test_device__with_two_campaigns_takes_the_older_one_first),
		cmocka_unit_test(test_lists__come_in_pages),
		cmocka_unit_test(test_access__takes_a_token_or_a_certificate_and_not_both),
		cmocka_unit_test(test_ledger__seals_all_of_it),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
