/* SPDX-License-Identifier: Apache-2.0 */
/* Does one bad row in the queue stop anything but itself? Every way in which a row can be bad, each
 * against a campaign of its own, while another campaign goes on. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"

#include <stdio.h>
#include <string.h>

static struct office office;
static struct session *service; /* what a hostile service has: its role, its key */
static struct session *owner;
static char running[37]; /* a campaign that goes on whatever happens to others */
static char running_release[37];

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	service = session_new(office.database.service);
	owner = session_new(office.database.owner);
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	office_given_campaign(&office);
	office_given_released(&office);
	office_given_started(&office);
	snprintf(running, sizeof(running), "%s", office.campaign);
	snprintf(running_release, sizeof(running_release), "%s", office.release);
	return 0;
}

static int end(void **state)
{
	(void)state;
	session_free(service);
	session_free(owner);
	office_close(&office);
	return 0;
}

/* ---- what is asked again and again ---- */

static struct doc *open_members(const char *campaign)
{
	struct doc *members = doc_object(office.arena);

	doc_set_text(members, "act", "start");
	doc_set_text(members, "campaign", campaign);
	return members;
}

static struct doc *lease_members(const char *campaign)
{
	struct doc *members = office_lease_members(&office, "unit-1", 1, "install");

	doc_set_text(members, "campaign", campaign);
	return members;
}

static void expect_others_go_on(void)
{
	office_must(&office, "lease", lease_members(running));
}

/* Waits until it is set aside; why must hold these words, and a sealed alarm tells it. */
static void expect_set_aside(const char *event, const char *words)
{
	const char *question = arena_printf(
		office.arena,
		"SELECT a.why FROM event_set_aside a JOIN sealed s ON s.event = a.alarm "
		"JOIN event e ON e.id = a.alarm WHERE a.event = '%s' "
		"AND position(convert_to('%s', 'UTF8') in e.bytes) > 0 ORDER BY queue_id DESC LIMIT 1",
		event, event);
	const char *why = NULL;

	for (int i = 0; i < 200 && !why; i++) {
		why = session_ask(owner, office.arena, question);
		if (!why)
			clock_sleep(CLOCK_SECOND / 40);
	}
	if (!why || !strstr(why, words))
		fail_msg("event %s was not set aside because '%s': %s", event, words,
			 why ? why : "nothing was set aside");
	for (const char *at = why; *at; at++)
		assert_true(*at >= ' ' && *at <= '~');
}

static bool stream_closed(const char *kind, const char *id)
{
	return session_count(owner,
			     arena_printf(office.arena,
					  "SELECT count(*) FROM sealed_stream WHERE kind = '%s' "
					  "AND id = '%s' AND closed",
					  kind, id)) == 1;
}

/* A campaign that everybody signed for and that could be started. */
static void given_ready_campaign(void)
{
	office_given_campaign(&office);
	office_given_released(&office);
}

/* ---- rows ---- */

/* An honest event of the service for the present campaign's stream, not in the queue yet. */
static struct session_forged honest(void)
{
	struct session_forged forged = {.kind = "campaign.held",
					.writer = "service/1",
					.stream_kind = "campaign",
					.stream_id = office.campaign};

	session_stream(service, office.arena, true, &forged);
	return forged;
}

static const char *put(struct session_forged *forged)
{
	struct bytes bytes = session_forge(office.arena, forged);
	struct session_event event = {.id = forged->id,
				      .kind = forged->kind,
				      .writer = forged->writer,
				      .bytes = bytes,
				      .key = office.writer.key};

	if (*session_put_event(service, &event))
		fail_msg("%s", session_why(service));
	return arena_text(office.arena, forged->id);
}

static const char *put_bytes(const struct session_forged *forged, struct bytes bytes)
{
	struct session_event event = {.id = forged->id,
				      .kind = forged->kind,
				      .writer = forged->writer,
				      .bytes = bytes,
				      .key = office.writer.key};

	if (*session_put_event(service, &event))
		fail_msg("%s", session_why(service));
	return arena_text(office.arena, forged->id);
}

static void queue(const char *event)
{
	session_must(service, arena_printf(office.arena,
					   "INSERT INTO event_queue (event) VALUES ('%s')", event));
}

static const char *no_such_event(void)
{
	char *id = arena_alloc(office.arena, ID_UUID_BYTES + 1);

	id_uuid_draw(id);
	queue(id);
	return id;
}

static const char *no_json(void)
{
	struct session_forged forged = honest();

	id_uuid_draw(forged.id);
	return put_bytes(&forged, bytes_of_text("no JSON at all"));
}

static const char *not_canonical(void)
{
	struct session_forged forged = honest();
	struct bytes bytes = session_forge(office.arena, &forged);

	return put_bytes(&forged, bytes_of_text(arena_printf(office.arena, " %s",
							     arena_text_of(office.arena, bytes))));
}

static const char *not_utf8(void)
{
	struct session_forged forged = honest();
	unsigned char bytes[] =
		"{\"type\":\"countersign.event.v1\",\"id\":\"\xc3\x28\xff\x1b[2J\"}";

	id_uuid_draw(forged.id);
	return put_bytes(&forged, bytes_of(bytes, sizeof(bytes) - 1));
}

/* The error names the kind: with what a terminal would obey in it. */
static const char *control_characters(void)
{
	struct session_forged forged = honest();

	forged.kind = "evil\x1b[2J\x07\nkind";
	struct bytes bytes = session_forge(office.arena, &forged);
	forged.kind = "campaign.held";
	return put_bytes(&forged, bytes);
}

static const char *wrong_mac(void)
{
	struct session_forged forged = honest();
	struct bytes bytes = session_forge(office.arena, &forged);
	static const unsigned char key[32] = "another key";
	struct session_event event = {.id = forged.id,
				      .kind = forged.kind,
				      .writer = forged.writer,
				      .bytes = bytes,
				      .key = key};

	if (*session_put_event(service, &event))
		fail_msg("%s", session_why(service));
	return arena_text(office.arena, forged.id);
}

static const char *unknown_writer(void)
{
	struct session_forged forged = honest();

	forged.writer = "service/2";
	return put(&forged);
}

/* The keeper's name in row and bytes, with the only key that the service has. */
static const char *keepers_name(void)
{
	struct session_forged forged = honest();

	forged.writer = "keeper/1";
	return put(&forged);
}

static const char *foreign_path(void)
{
	struct session_forged forged = honest();
	struct bytes bytes = session_forge(office.arena, &forged);

	forged.writer = "service/..";
	return put_bytes(&forged, bytes);
}

static const char *keepers_kind(void)
{
	struct session_forged forged = honest();

	forged.kind = "campaign.opened";
	return put(&forged);
}

static const char *number_again(void)
{
	struct session_forged forged = honest();

	forged.no--;
	return put(&forged);
}

static const char *number_too_high(void)
{
	struct session_forged forged = honest();

	forged.no++;
	return put(&forged);
}

static const char *false_previous(void)
{
	struct session_forged forged = honest();

	forged.prev = arena_printf(office.arena, "%064d", 7);
	return put(&forged);
}

static const char *other_kind_in_row(void)
{
	struct session_forged forged = honest();
	struct bytes bytes = session_forge(office.arena, &forged);

	forged.kind = "campaign.ended";
	return put_bytes(&forged, bytes);
}

static const char *other_id_in_row(void)
{
	struct session_forged forged = honest();
	struct bytes bytes = session_forge(office.arena, &forged);

	id_uuid_draw(forged.id);
	return put_bytes(&forged, bytes);
}

static const char *other_writer_in_bytes(void)
{
	struct session_forged forged = honest();

	forged.writer = "service/2";
	struct bytes bytes = session_forge(office.arena, &forged);
	forged.writer = "service/1";
	return put_bytes(&forged, bytes);
}

static const char *stream_of_another_kind(void)
{
	struct session_forged forged = honest();

	forged.kind = "artifact.stored";
	return put(&forged);
}

/* Twice in one batch: the first is as good as any. */
static const char *twice(void)
{
	struct session_forged forged = honest();
	struct bytes bytes = session_forge(office.arena, &forged);
	struct session_event event = {.id = forged.id,
				      .kind = forged.kind,
				      .writer = forged.writer,
				      .bytes = bytes,
				      .key = office.writer.key,
				      .no_queue = true};

	if (*session_put_event(service, &event))
		fail_msg("%s", session_why(service));
	session_must(service, arena_printf(office.arena,
					   "INSERT INTO event_queue (event) VALUES ('%s'), ('%s')",
					   forged.id, forged.id));
	return arena_text(office.arena, forged.id);
}

/* An old event of the keeper's own, in the campaign's stream. */
static const char *sealed_already(void)
{
	const char *event = session_ask(
		owner, office.arena,
		arena_printf(office.arena,
			     "SELECT event::text FROM campaign_plan WHERE campaign = '%s'",
			     office.campaign));

	queue(event);
	return event;
}

static const struct bad_row {
	const char *(*make)(void);
	const char *words;
	bool unreadable; /* what streams it belongs to cannot be known */
} bad_rows[] = {
	{no_such_event, "there is no such event", true},
	{no_json, "its bytes are no event", true},
	{not_canonical, "its bytes are no event", true},
	{not_utf8, "its bytes are no event", true},
	{control_characters, "is not known to this version", true},
	{wrong_mac, "its MAC does not hold", false},
	{unknown_writer, "its writer is not known", false},
	{keepers_name, "its MAC does not hold", false},
	{foreign_path, "its writer is not known", false},
	{keepers_kind, "may not write events of this kind", false},
	{number_again, "its number in stream campaign/", false},
	{number_too_high, "its number in stream campaign/", false},
	{false_previous, "its previous hash in stream campaign/", false},
	{other_kind_in_row, "say different things", false},
	{other_id_in_row, "say different things", false},
	{other_writer_in_bytes, "say different things", false},
	{stream_of_another_kind, "needs a stream of system", false},
	{twice, "it stands in the queue twice", false},
	{sealed_already, "it is sealed already", false},
};

/* ---- one bad row ---- */

static void test_seal__sets_each_bad_row_aside_and_others_go_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad_row *row = &bad_rows[i];
		given_ready_campaign();
		ledger_settled(&office);
		const char *event = row->make();
		expect_set_aside(event, row->words);
		if (stream_closed("campaign", office.campaign) == row->unreadable)
			fail_msg("%s: the campaign's stream is %s", row->words,
				 row->unreadable ? "closed" : "not closed");
		if (row->unreadable)
			office_must(&office, "open", open_members(office.campaign));
		else
			office_refused(&office, "open", open_members(office.campaign),
				       E_LEDGER_STREAM_CLOSED);
		expect_others_go_on();
		assert_true(
			doc_bool(doc_get(office_must(&office, "status", NULL), "ready"), false));
	}
	ledger_must_hold(&office);
}

static void test_seal__takes_an_honest_row(void **state)
{
	(void)state;
	struct event_id event = ledger_write_one(&office, "unit-2");
	struct doc *members = doc_object(office.arena);
	struct doc *events = doc_array(office.arena);

	doc_add_text(events, event.text);
	doc_set(members, "events", events);
	const struct doc *reply = office_must(&office, "seal", members);
	const struct doc *place = doc_at(doc_get(reply, "events"), 0);
	assert_string_equal(doc_get_text(place, "event"), event.text);
	assert_true(doc_int(doc_get(reply, "checkpoint_size"), 0) >
		    doc_int(doc_get(place, "index"), -1));
	/* By hand as well: what the other tests forge is refused for what they changed, no more. */
	given_ready_campaign();
	ledger_settled(&office);
	struct session_forged forged = honest();
	const char *id = put(&forged);
	ledger_settled(&office);
	assert_int_equal(session_count(owner, arena_printf(office.arena,
							   "SELECT count(*) FROM sealed WHERE "
							   "event = '%s'",
							   id)),
			 1);
}

static void test_seal__waits_in_vain_for_a_row_set_aside(void **state)
{
	(void)state;
	struct doc *members = doc_object(office.arena);
	struct doc *events = doc_array(office.arena);

	given_ready_campaign();
	doc_add_text(events, keepers_kind());
	doc_set(members, "events", events);
	office_refused(&office, "seal", members, E_LEDGER_SET_ASIDE);
}

static void test_lease__stops_when_a_row_of_its_campaign_is_set_aside(void **state)
{
	(void)state;
	given_ready_campaign();
	office_given_started(&office);
	office_must(&office, "lease", lease_members(office.campaign));
	ledger_settled(&office);
	expect_set_aside(wrong_mac(), "MAC");
	office_refused(&office, "lease", lease_members(office.campaign), E_LEDGER_STREAM_CLOSED);
	expect_others_go_on();
}

/* What a campaign rests on is its release's record, too. */
static void test_lease__stops_when_a_row_of_its_release_is_set_aside(void **state)
{
	(void)state;
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	given_ready_campaign();
	office_given_started(&office);
	office_must(&office, "lease", lease_members(office.campaign));
	ledger_settled(&office);
	struct session_forged forged = {.kind = "release.withdrawn",
					.writer = "service/1",
					.stream_kind = "release",
					.stream_id = office.release,
					.no = 1};
	expect_set_aside(put(&forged), "its number in stream release/");
	office_refused(&office, "lease", lease_members(office.campaign), E_LEDGER_STREAM_CLOSED);
	given_ready_campaign();
	office_refused(&office, "open", open_members(office.campaign), E_LEDGER_STREAM_CLOSED);
	expect_others_go_on();
}

/* Numbers of queue rows are not the service's to give; and were they, two of one number do no harm. */
static void test_seal__goes_on_after_a_second_row_of_one_number(void **state)
{
	(void)state;
	char first[37];
	char second[37];

	id_uuid_draw(first);
	id_uuid_draw(second);
	const char *claim = arena_printf(office.arena,
					 "INSERT INTO event_queue (id, event) OVERRIDING SYSTEM "
					 "VALUE VALUES (1, '%s')",
					 first);
	session_refused(service, claim, "42501");
	session_must(owner, claim);
	expect_set_aside(first, "there is no such event");
	session_must(owner, arena_printf(office.arena,
					 "INSERT INTO event_queue (id, event) OVERRIDING SYSTEM "
					 "VALUE VALUES (1, '%s')",
					 second));
	expect_set_aside(second, "there is no such event");
	expect_others_go_on();
}

/* Where the next event goes is asked of a table that the service may write. Alarms must not depend on
 * it: else the alarm about a bad alarm would be bad. */
static void test_alarms__do_not_breed_when_the_streams_table_lies(void **state)
{
	(void)state;
	struct doc *members = doc_object(office.arena);
	struct doc *cms = doc_array(office.arena);
	static const char count[] = "SELECT count(*) FROM event_set_aside";

	session_must(service, "INSERT INTO stream (kind, id) VALUES ('system', 'keeper'), "
			      "('system', 'sequencer') ON CONFLICT DO NOTHING");
	session_must(service, "UPDATE stream SET count = 1000000, leaf = sha256('x') "
			      "WHERE kind = 'system' AND id IN ('keeper', 'sequencer')");
	/* A refusal that the keeper records in system/keeper, and so in vain. */
	doc_set_text(members, "what", "directory");
	doc_set_text(members, "sha256", arena_printf(office.arena, "%064d", 1));
	doc_add_text(cms, "AAAA");
	doc_set(members, "cms", cms);
	office_refused(&office, "put", members, E_DOC_MISSING);
	ledger_settled(&office);
	int64_t before = session_count(owner, count);
	expect_set_aside(no_such_event(), "there is no such event");
	clock_sleep(CLOCK_SECOND / 2);
	assert_int_equal(session_count(owner, count), before + 1);
	ledger_must_hold(&office);
	session_must(service,
		     "UPDATE stream s SET count = t.count, leaf = t.leaf FROM sealed_stream t "
		     "WHERE s.kind = t.kind AND s.id = t.id AND s.kind = 'system'");
}

/* Who may write in a table may lock it, too: acts wait then and are refused, but not the sealing. */
static void test_seal__goes_on_while_the_streams_table_is_locked(void **state)
{
	(void)state;
	struct session *locking = session_new(office.database.service);

	ledger_settled(&office);
	session_must(locking, "BEGIN; LOCK TABLE stream IN ACCESS EXCLUSIVE MODE");
	expect_set_aside(no_such_event(), "there is no such event");
	session_must(locking, "ROLLBACK");
	session_free(locking);
	expect_others_go_on();
}

/* Streams of the directory and of the system are not the service's to write in. */
static void test_seal__keeps_the_service_out_of_the_keepers_streams(void **state)
{
	(void)state;
	static const char *const streams[][3] = {
		{"policy", "directory", "stands in a stream"},
		{"trust", "maker", "stands in a stream"},
		{"system", "keeper", "not its writer's"},
		{"system", "sequencer", "not its writer's"},
	};

	for (size_t i = 0; i < 4; i++) {
		struct session_forged forged = {.kind = "artifact.stored",
						.writer = "service/1",
						.stream_kind = streams[i][0],
						.stream_id = streams[i][1]};
		ledger_settled(&office);
		session_stream(service, office.arena, true, &forged);
		expect_set_aside(put(&forged), i < 2 ? "needs a stream of" : streams[i][2]);
	}
	ledger_must_hold(&office);
	expect_others_go_on();
}

/* Events as large as they may be, of as many values as they can hold: in small batches. */
static void test_seal__takes_a_flood_of_large_events_in_small_batches(void **state)
{
	(void)state;
	struct session_forged forged = {.kind = "device.refused",
					.writer = "service/1",
					.stream_kind = "device",
					.stream_id = "unit-3",
					.no = 1};
	struct doc *data = doc_object(office.arena);
	struct doc *list = doc_array(office.arena);

	for (int i = 0; i < 19000; i++)
		doc_add(list, doc_array(office.arena));
	doc_set(data, "list", list);
	forged.data = data;
	session_must(service, "BEGIN");
	for (int i = 0; i < 80; i++) {
		forged.no += i > 0;
		put(&forged);
	}
	session_must(service, "COMMIT");
	ledger_settled(&office);
	expect_others_go_on();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal__takes_an_honest_row),
		cmocka_unit_test(test_seal__sets_each_bad_row_aside_and_others_go_on),
		cmocka_unit_test(test_seal__waits_in_vain_for_a_row_set_aside),
		cmocka_unit_test(test_lease__stops_when_a_row_of_its_campaign_is_set_aside),
		cmocka_unit_test(test_lease__stops_when_a_row_of_its_release_is_set_aside),
		cmocka_unit_test(test_seal__goes_on_after_a_second_row_of_one_number),
		cmocka_unit_test(test_alarms__do_not_breed_when_the_streams_table_lies),
		cmocka_unit_test(test_seal__goes_on_while_the_streams_table_is_locked),
		cmocka_unit_test(test_seal__keeps_the_service_out_of_the_keepers_streams),
		cmocka_unit_test(test_seal__takes_a_flood_of_large_events_in_small_batches),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
