/* SPDX-License-Identifier: Apache-2.0 */
/* Are the bytes of an event the documented ones, and is everything else refused? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/event.h"

#include <string.h>

static struct arena *arena;
static struct act act;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(16 * 1024 * 1024);
	act = (struct act){.actor_kind = ACTOR_PERSON,
			   .actor = "anna",
			   .role = "release-manager",
			   .auth = "session",
			   .at = 1795414023123456,
			   .request = "r-1",
			   .arena = arena};
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct event drafted(void)
{
	struct doc *data = doc_object(arena);
	doc_set_text(data, "product", "pump");
	doc_set_int(data, "sequence", 7);
	struct event event = {
		.id = {"3b1f0c86-2b5e-4c59-9d6a-0f5b1e6b9c01"},
		.kind = EV_RELEASE_DRAFTED,
		.streams = {{.kind = STREAM_PRODUCT, .id = "pump", .no = 12},
			    {.kind = STREAM_RELEASE,
			     .id = "9f0e1d2c-0000-4000-8000-000000000001",
			     .no = 1}},
		.stream_count = 2,
		.data = data,
	};
	memset(event.streams[0].prev.at, 0xab, SHA256_BYTES);
	return event;
}

/* Frozen: stored events of this form exist. */
static const char golden[] =
	"{\"actor\":{\"auth\":\"session\",\"id\":\"anna\",\"kind\":\"person\","
	"\"role\":\"release-manager\"},\"at\":\"2026-11-23T06:07:03.123456Z\","
	"\"clock\":\"synchronized\",\"data\":{\"product\":\"pump\",\"sequence\":7},"
	"\"id\":\"3b1f0c86-2b5e-4c59-9d6a-0f5b1e6b9c01\",\"kind\":\"release.drafted\","
	"\"outcome\":\"done\",\"request\":\"r-1\",\"streams\":["
	"{\"id\":\"pump\",\"kind\":\"product\",\"no\":12,\"prev\":"
	"\"abababababababababababababababababababababababababababababababab\"},"
	"{\"id\":\"9f0e1d2c-0000-4000-8000-000000000001\",\"kind\":\"release\",\"no\":1,"
	"\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"}],"
	"\"type\":\"countersign.event.v1\",\"writer\":\"service/1\"}";

static void test_event_write__gives_the_documented_bytes(void **state)
{
	(void)state;
	struct err err = {0};
	struct bytes bytes;
	struct event event = drafted();
	assert_true(event_write(&event, &act, "service/1", "synchronized", &bytes, &err));
	assert_string_equal(arena_text_of(arena, bytes), golden);
}

static void test_event_read__gives_back_what_was_written(void **state)
{
	(void)state;
	struct err err = {0};
	struct event_view view;
	struct bytes bytes;
	struct event event = drafted();
	event.outcome = OUTCOME_REFUSED;
	event.code = "access.denied";
	event.reason = "said \"no\"\n\xc3\xa9";
	act.role = NULL;
	act.auth = NULL;
	assert_true(event_write(&event, &act, "service/a.b-c_1", "unknown", &bytes, &err));
	assert_true(event_read(arena, bytes, &view, &err));
	assert_string_equal(view.event.id.text, event.id.text);
	assert_int_equal(view.event.kind, EV_RELEASE_DRAFTED);
	assert_int_equal(view.event.stream_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(view.event.streams[i].kind, event.streams[i].kind);
		assert_string_equal(view.event.streams[i].id, event.streams[i].id);
		assert_int_equal(view.event.streams[i].no, event.streams[i].no);
		assert_memory_equal(view.event.streams[i].prev.at, event.streams[i].prev.at, 32);
	}
	assert_string_equal(doc_get_text(view.event.data, "product"), "pump");
	assert_int_equal(view.event.outcome, OUTCOME_REFUSED);
	assert_string_equal(view.event.code, "access.denied");
	assert_string_equal(view.event.reason, "said \"no\"\n\xc3\xa9");
	assert_string_equal(view.writer, "service/a.b-c_1");
	assert_int_equal(view.at, act.at);
	assert_string_equal(view.clock, "unknown");
	assert_string_equal(view.actor_kind, "person");
	assert_string_equal(view.actor_id, "anna");
	assert_null(view.role);
	assert_null(view.auth);
	assert_string_equal(view.request, "r-1");
}

static void test_event_write__takes_an_act_without_data_actor_and_request(void **state)
{
	(void)state;
	struct err err = {0};
	struct event_view view;
	struct bytes bytes;
	struct act bare = {.at = 1, .arena = arena};
	struct event event = {.id = {"3b1f0c86-2b5e-4c59-9d6a-0f5b1e6b9c01"},
			      .kind = EV_KEEPER_STARTED,
			      .streams = {{.kind = STREAM_SYSTEM, .id = "keeper", .no = 1}},
			      .stream_count = 1};
	assert_true(event_write(&event, &bare, "keeper/1", "unknown", &bytes, &err));
	assert_true(event_read(arena, bytes, &view, &err));
	assert_string_equal(view.actor_kind, "none");
	assert_string_equal(view.actor_id, "-");
	assert_string_equal(view.request, "-");
	assert_int_equal(doc_size(view.event.data), 0);
	assert_null(view.event.code);
	assert_null(view.event.reason);
}

static enum err_code written(const struct event *event, const char *writer)
{
	struct err err = {0};
	struct bytes bytes;
	bool good = event_write(event, &act, writer, "unknown", &bytes, &err);
	assert_int_equal(good, err.code == E_NONE);
	return err.code;
}

static void test_event_write__refuses_streams_that_events_def_does_not_state(void **state)
{
	(void)state;
	struct event event = drafted();
	assert_int_equal(written(&event, "service/1"), E_NONE);
	event.stream_count = 1; /* no release */
	assert_int_equal(written(&event, "service/1"), E_BUG);
	event = drafted();
	event.streams[1].kind = STREAM_TRUST; /* another instead */
	assert_int_equal(written(&event, "service/1"), E_BUG);
	event = drafted();
	event.streams[2] = (struct event_stream){.kind = STREAM_TRUST, .id = "maker", .no = 1};
	event.stream_count = 3; /* another besides */
	assert_int_equal(written(&event, "service/1"), E_BUG);
	event = drafted();
	event.stream_count = 0;
	assert_int_equal(written(&event, "service/1"), E_BUG);
	event.stream_count = EVENT_STREAMS_MAX + 1;
	assert_int_equal(written(&event, "service/1"), E_BUG);

	/* Alternatives: a verdict is about a release or a campaign. */
	struct event verdict = drafted();
	verdict.kind = EV_VERDICT_GIVEN;
	verdict.streams[0] = verdict.streams[1];
	verdict.stream_count = 1;
	assert_int_equal(written(&verdict, "keeper/1"), E_NONE);
	verdict.streams[0].kind = STREAM_CAMPAIGN;
	assert_int_equal(written(&verdict, "keeper/1"), E_NONE);
	verdict.streams[0].kind = STREAM_DEVICE;
	assert_int_equal(written(&verdict, "keeper/1"), E_BUG);
}

static void test_event_write__refuses_what_is_not_sorted_or_numbered(void **state)
{
	(void)state;
	struct event event = drafted();
	struct event_stream first = event.streams[0];
	event.streams[0] = event.streams[1];
	event.streams[1] = first;
	assert_int_equal(written(&event, "service/1"), E_BUG);
	event = drafted();
	event.streams[0].no = 0;
	assert_int_equal(written(&event, "service/1"), E_BUG);
	event = drafted();
	event.streams[0].id = "no id";
	assert_int_equal(written(&event, "service/1"), E_BUG);
}

static void test_event_write__refuses_a_writer_who_may_not(void **state)
{
	(void)state;
	struct event event = drafted();
	assert_int_equal(written(&event, "keeper/1"), E_BUG);
	event.kind = EV_RELEASE_SEALED;
	assert_int_equal(written(&event, "keeper/1"), E_NONE);
	assert_int_equal(written(&event, "service/1"), E_BUG);
	assert_int_equal(written(&event, "someone/1"), E_BUG);
	assert_int_equal(written(&event, "keeper/"), E_BUG);
}

static void test_event_write__refuses_more_than_60000_bytes(void **state)
{
	(void)state;
	struct event event = drafted();
	char *reason = arena_alloc(arena, 60001);
	memset(reason, 'x', 60000);
	event.reason = reason;
	assert_int_equal(written(&event, "service/1"), E_EVENT_LIMIT);
	reason[59000] = 0;
	assert_int_equal(written(&event, "service/1"), E_NONE);
}

/* The golden bytes with one piece replaced, spelt so that they stay canonical. */
static enum err_code read_with(const char *old, const char *new)
{
	struct err err = {0};
	struct event_view view;
	const char *at = strstr(golden, old);
	assert_non_null(at);
	char *text =
		arena_printf(arena, "%.*s%s%s", (int)(at - golden), golden, new, at + strlen(old));
	bool good = event_read(arena, bytes_of_text(text), &view, &err);
	assert_int_equal(good, err.code == E_NONE);
	return err.code;
}

static void test_event_read__refuses_whatever_is_not_such_an_event(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"release.drafted", "release.invented"},
		{"countersign.event.v1", "countersign.event.v2"},
		{"\"service/1\"", "\"service\""},
		{"\"service/1\"", "\"nobody/1\""},
		{"\"no\":12", "\"no\":0"},
		{"\"no\":12", "\"no\":\"12\""},
		{"\"product\",\"no\"", "\"release\",\"no\""}, /* not sorted by id any more */
		{"\"product\",\"no\"", "\"produkt\",\"no\""},
		{"\"id\":\"pump\"", "\"id\":\"pu mp\""},
		{"\"prev\":\"ab", "\"prev\":\"AB"},
		{"\"prev\":\"ab", "\"prev\":\""},
		{"\"outcome\":\"done\"", "\"outcome\":\"perhaps\""},
		{"\"kind\":\"person\"", "\"kind\":\"committee\""},
		{"\"synchronized\"", "\"wrong\""},
		{"06:07:03.123456Z", "06:07:03Z"},
		{"3b1f0c86", "3B1F0C86"},
		{"\"request\":\"r-1\",", ""},
		{"\"outcome\":\"done\",", "\"outcome\":\"done\",\"reason\":null,"},
		{"\"outcome\":\"done\",", "\"more\":1,\"outcome\":\"done\","},
		{"\"auth\":\"session\",", "\"auth\":null,"},
		{"{\"actor\"", "{ \"actor\""},
		{"\"data\":{\"product\":\"pump\",\"sequence\":7}", "\"data\":[]"},
	};
	/* Control: replaced by something else that is right, it is read. */
	assert_int_equal(read_with("\"no\":12", "\"no\":13"), E_NONE);
	assert_int_equal(
		read_with("\"outcome\":\"done\",", "\"outcome\":\"done\",\"reason\":\"because\","),
		E_NONE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (read_with(cases[i][0], cases[i][1]) == E_NONE)
			fail_msg("case %zu was read: %s", i, cases[i][1]);
	}
}

static void test_event_read__refuses_other_bytes_at_every_cut(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(golden) - 1; size++) {
		struct err err = {0};
		struct event_view view;
		assert_false(event_read(arena, bytes_of(golden, size), &view, &err));
	}
}

static void test_event_kind__finds_every_kind_by_its_text(void **state)
{
	(void)state;
	enum event_kind kind;
	for (int i = 0; i < EVENT_KINDS; i++) {
		assert_true(event_kind_find(event_kind_text((enum event_kind)i), &kind));
		assert_int_equal(kind, i);
		assert_in_range(event_kind_writers(kind), 1, WRITER_SERVICE | WRITER_KEEPER);
		/* What the service alone could write would prove nothing about a regulated act. */
		if (event_kind_regulated(kind))
			assert_int_equal(event_kind_writers(kind), WRITER_KEEPER);
	}
	assert_false(event_kind_find("no.such", &kind));
	assert_false(event_kind_find("", &kind));
}

static void test_stream_kind_text__is_in_the_order_of_the_alphabet(void **state)
{
	(void)state;
	for (int i = 1; i < STREAM_KINDS; i++)
		assert_true(strcmp(stream_kind_text((enum stream_kind)(i - 1)),
				   stream_kind_text((enum stream_kind)i)) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_event_write__gives_the_documented_bytes),
		TEST(test_event_read__gives_back_what_was_written),
		TEST(test_event_write__takes_an_act_without_data_actor_and_request),
		TEST(test_event_write__refuses_streams_that_events_def_does_not_state),
		TEST(test_event_write__refuses_what_is_not_sorted_or_numbered),
		TEST(test_event_write__refuses_a_writer_who_may_not),
		TEST(test_event_write__refuses_more_than_60000_bytes),
		TEST(test_event_read__refuses_whatever_is_not_such_an_event),
		TEST(test_event_read__refuses_other_bytes_at_every_cut),
		TEST(test_event_kind__finds_every_kind_by_its_text),
		TEST(test_stream_kind_text__is_in_the_order_of_the_alphabet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
