/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do both sides of the device protocol understand each other, does the service say what foreign
 * clients need, and is what they send understood, however they write it?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/wire/ddi.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct bytes body_of(const struct doc *doc)
{
	struct bytes bytes = {0};
	struct err err = {0};
	if (!doc_canonical(arena, doc, &bytes, &err))
		fail_msg("%s", err.text);
	return bytes;
}

static const char *text_of(const struct doc *doc)
{
	return arena_text_of(arena, body_of(doc));
}

/* ---- poll ---- */

static void test_ddi_poll__is_understood_by_the_agent(void **state)
{
	(void)state;
	const struct ddi_poll poll = {
		.sleep_s = 5,
		.deployment_base = "https://h/DEFAULT/controller/v1/d/deploymentBase/11?c=-7",
		.config_data = "https://h/DEFAULT/controller/v1/d/configData",
	};
	struct ddi_poll read;
	struct err err = {0};
	const struct doc *doc = ddi_poll_doc(arena, &poll);

	assert_string_equal(
		text_of(doc),
		"{\"_links\":{\"configData\":{\"href\":\"https://h/DEFAULT/controller/v1/d/"
		"configData\"},\"deploymentBase\":{\"href\":\"https://h/DEFAULT/controller/"
		"v1/d/deploymentBase/11?c=-7\"}},"
		"\"config\":{\"polling\":{\"sleep\":\"00:00:05\"}}}");
	assert_true(ddi_poll_parse(arena, body_of(doc), &read, &err));
	assert_int_equal(read.sleep_s, 5);
	assert_string_equal(read.deployment_base, poll.deployment_base);
	assert_string_equal(read.config_data, poll.config_data);
	assert_null(read.cancel_action);
	assert_null(read.installed_base);
}

static void test_ddi_poll_doc__writes_sleep_as_clients_read_it(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} times[] = {
		{0, "00:00:01"},     {-5, "00:00:01"},	  {59, "00:00:59"},
		{60, "00:01:00"},    {3661, "01:01:01"},  {43200, "12:00:00"},
		{86399, "23:59:59"}, {86400, "23:59:59"}, {INT64_MAX, "23:59:59"},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct ddi_poll poll = {.sleep_s = times[i].seconds};
		const char *text = text_of(ddi_poll_doc(arena, &poll));
		/* No _links when there is none: an empty object stops some clients. */
		assert_string_equal(
			text, arena_printf(arena, "{\"config\":{\"polling\":{\"sleep\":\"%s\"}}}",
					   times[i].text));
	}
}

static void test_ddi_poll_parse__takes_other_makes_of_servers(void **state)
{
	(void)state;
	struct ddi_poll poll;
	struct err err = {0};

	assert_true(ddi_poll_parse(arena, bytes_of_text("{}"), &poll, &err));
	assert_int_equal(poll.sleep_s, 0);
	assert_true(ddi_poll_parse(
		arena,
		bytes_of_text("{\"config\":{\"polling\":{\"sleep\":\"24:00:00\"}},\"_links\":7}"),
		&poll, &err));
	assert_int_equal(poll.sleep_s, 0);
	assert_null(poll.deployment_base);
	assert_true(ddi_poll_parse(
		arena,
		bytes_of_text(
			"{\"_links\":{\"deploymentBase\":{\"href\":7},\"cancelAction\":{\"href\":\"\"},"
			"\"other\":{\"href\":\"x\"}},\"new\":1.5}"),
		&poll, &err));
	assert_null(poll.deployment_base);
	assert_null(poll.cancel_action);
	assert_false(ddi_poll_parse(arena, bytes_of_text("[]"), &poll, &err));
	err_clear(&err);
	assert_false(ddi_poll_parse(arena, bytes_of_text("<html>"), &poll, &err));
}

/* ---- deploymentBase ---- */

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

static const struct ddi_artifact artifact = {
	.filename = "image.bin",
	.size = 13,
	.sha1 = SHA1,
	.md5 = MD5,
	.sha256 = SHA256,
	.href = "https://h/x/image.bin",
	.md5sum_href = "https://h/x/image.bin.MD5SUM",
};
static const struct ddi_chunk chunk = {"os", "2.1", "EXAMPLE pump", &artifact, 1};
static const struct ddi_deployment deployment = {
	.id = "11",
	.download = "forced",
	.update = "forced",
	.chunks = &chunk,
	.chunk_count = 1,
	.papers = "https://h/DEFAULT/controller/v1/d/papers/11",
};

static void test_ddi_deployment__is_understood_by_the_agent(void **state)
{
	(void)state;
	struct ddi_deployment read;
	struct err err = {0};

	assert_true(ddi_deployment_parse(arena, body_of(ddi_deployment_doc(arena, &deployment)),
					 &read, &err));
	assert_string_equal(read.id, "11");
	assert_string_equal(read.update, "forced");
	assert_null(read.maintenance_window);
	assert_string_equal(read.papers, deployment.papers);
	assert_int_equal(read.chunk_count, 1);
	assert_string_equal(read.chunks[0].part, "os");
	assert_int_equal(read.chunks[0].artifact_count, 1);
	assert_string_equal(read.chunks[0].artifacts[0].sha256, SHA256);
	assert_string_equal(read.chunks[0].artifacts[0].href, artifact.href);
	assert_string_equal(read.chunks[0].artifacts[0].md5sum_href, artifact.md5sum_href);
	assert_int_equal(read.chunks[0].artifacts[0].size, 13);
}

/* What SWUpdate, rauc-hawkbit-updater and Zephyr look for: shared names, both links, id a text. */
static void test_ddi_deployment_doc__has_what_foreign_clients_need(void **state)
{
	(void)state;
	const struct doc *doc = ddi_deployment_doc(arena, &deployment);
	const struct doc *inner = doc_get(doc, "deployment");
	const struct doc *first = doc_at(doc_get(inner, "chunks"), 0);
	const struct doc *one = doc_at(doc_get(first, "artifacts"), 0);
	const struct doc *links = doc_get(one, "_links");

	assert_string_equal(doc_get_text(doc, "id"), "11");
	assert_string_equal(doc_get_text(inner, "download"), "forced");
	assert_string_equal(doc_get_text(first, "version"), "2.1");
	assert_string_equal(doc_get_text(doc_get(one, "hashes"), "sha1"), SHA1);
	assert_int_equal(doc_int(doc_get(one, "size"), 0), 13);
	assert_string_equal(doc_get_text(doc_get(links, "download"), "href"), artifact.href);
	assert_string_equal(doc_get_text(doc_get(links, "download-http"), "href"), artifact.href);
	assert_non_null(doc_get(links, "md5sum-http"));
}

static bool offer_taken(const char *artifact_members, const char *top_members)
{
	struct ddi_deployment read;
	struct err err = {0};
	char *body =
		arena_printf(arena,
			     "{%s\"deployment\":{\"download\":\"attempt\",\"update\":\"attempt\","
			     "\"chunks\":[{\"part\":\"os\",\"version\":\"1\",\"name\":\"n\","
			     "\"artifacts\":[{%s}]}]}}",
			     top_members, artifact_members);
	return ddi_deployment_parse(arena, bytes_of_text(body), &read, &err);
}

static void test_ddi_deployment_parse__wants_what_the_agent_needs(void **state)
{
	(void)state;
	static const char link[] = "\"filename\":\"f\",\"size\":1,"
				   "\"_links\":{\"download-http\":{\"href\":\"http://h/f\"}}";

	assert_true(offer_taken(link, "\"id\":\"8\","));
	assert_true(offer_taken(link, "\"id\":8,\"actionHistory\":{},"));
	assert_false(offer_taken(link, ""));
	assert_false(offer_taken(link, "\"id\":[],"));
	assert_false(offer_taken("\"filename\":\"f\",\"size\":1", "\"id\":\"8\","));
	assert_false(offer_taken("\"filename\":\"f\",\"_links\":{\"download\":{\"href\":\"x\"}}",
				 "\"id\":\"8\","));
	assert_false(offer_taken("\"size\":1,\"_links\":{\"download\":{\"href\":\"x\"}}",
				 "\"id\":\"8\","));
	assert_false(offer_taken("\"filename\":\"f\",\"size\":-1,"
				 "\"_links\":{\"download\":{\"href\":\"x\"}}",
				 "\"id\":\"8\","));
}

static void test_ddi_cancel__is_understood_by_the_agent(void **state)
{
	(void)state;
	struct ddi_cancel cancel = {"12", "11"}, read;
	struct err err = {0};
	const struct doc *doc = ddi_cancel_doc(arena, &cancel);

	assert_string_equal(text_of(doc), "{\"cancelAction\":{\"stopId\":\"11\"},\"id\":\"12\"}");
	assert_true(ddi_cancel_parse(arena, body_of(doc), &read, &err));
	assert_string_equal(read.id, "12");
	assert_string_equal(read.stop_id, "11");
	assert_true(ddi_cancel_parse(arena, bytes_of_text("{\"id\":\"12\"}"), &read, &err));
	assert_string_equal(read.stop_id, "12");
	assert_false(ddi_cancel_parse(arena, bytes_of_text("{}"), &read, &err));
}

/* ---- feedback ---- */

static void test_ddi_feedback__is_understood_by_the_service(void **state)
{
	(void)state;
	static const char *const details[] = {"one", "two"};
	struct ddi_feedback read;
	struct err err = {0};

	for (int execution = 0; execution < DDI_EXECUTIONS; execution++) {
		for (int finished = 0; finished < DDI_FINISHEDS; finished++) {
			struct ddi_feedback feedback = {
				.execution = (enum ddi_execution)execution,
				.finished = (enum ddi_finished)finished,
				.code = 200,
				.progress_count = 1,
				.progress_of = 2,
				.details = details,
				.detail_count = 2,
			};
			const struct doc *doc = ddi_feedback_doc(arena, "11", &feedback);
			assert_true(ddi_feedback_parse(arena, body_of(doc), &read, &err));
			assert_int_equal(read.execution, execution);
			assert_int_equal(read.finished, finished);
			assert_int_equal(read.code, 200);
			assert_int_equal(read.progress_of, 2);
			assert_int_equal(read.detail_count, 2);
			assert_string_equal(read.details[1], "two");
		}
	}
}

/* As swupdate 2022.12 sends it: id a number, "cnt" beyond "of", markup in details. */
static void test_ddi_feedback_parse__takes_what_clients_send(void **state)
{
	(void)state;
	struct ddi_feedback read;
	struct err err = {0};

	assert_true(ddi_feedback_parse(
		arena,
		bytes_of_text(
			"{ \"id\": 11, \"time\": \"20261123T004718\", \"status\": { \"result\": "
			"{ \"progress\": { \"cnt\" : 7, \"of\" : 0 }, \"finished\": \"none\" }, "
			"\"execution\": \"proceeding\", \"details\" : [ \"a <b> c\",\"\", 7 ] } }"),
		&read, &err));
	assert_int_equal(read.execution, DDI_PROCEEDING);
	assert_int_equal(read.finished, DDI_FINISHED_NONE);
	assert_int_equal(read.progress_count, 7);
	assert_int_equal(read.progress_of, 0);
	assert_int_equal(read.detail_count, 2);
	assert_string_equal(read.details[0], "a <b> c");
}

/* The final failure of swupdate holds a raw new line; a status lost is an update begun again. */
static void test_ddi_feedback_parse__takes_control_characters(void **state)
{
	(void)state;
	struct ddi_feedback read;
	struct err err = {0};

	assert_true(ddi_feedback_parse(
		arena,
		bytes_of_text(
			"{\"id\":\"11\",\"status\":{\"result\":{\"finished\":\"failure\"},"
			"\"execution\":\"closed\",\"details\":[\"Got malformed JSON.\n\x1b[1m\"]}}"),
		&read, &err));
	assert_int_equal(read.execution, DDI_CLOSED);
	assert_int_equal(read.finished, DDI_FAILURE);
	assert_string_equal(read.details[0], "Got malformed JSON.??[1m");
}

static void test_ddi_feedback_parse__reads_what_stands_before_torn_details(void **state)
{
	(void)state;
	struct ddi_feedback read;
	struct err err = {0};
	static const char torn[] =
		"{ \"id\": 11, \"status\": { \"result\": { \"finished\" : \"failure\" }, "
		"\"execution\":\t\"closed\", \"details\" : [ \"field \"size\" \"execution\":\"proceeding\"";

	assert_true(ddi_feedback_parse(arena, bytes_of_text(torn), &read, &err));
	assert_int_equal(read.execution, DDI_CLOSED);
	assert_int_equal(read.finished, DDI_FAILURE);
	assert_int_equal(read.detail_count, 0);
}

static void test_ddi_feedback_parse__refuses_what_says_no_status(void **state)
{
	(void)state;
	struct ddi_feedback read = {.code = 77};
	static const char *const wrong[] = {
		"",
		"{}",
		"[]",
		"{\"status\":{\"execution\":\"closed\"}}",
		"{\"status\":{\"result\":{\"finished\":\"success\"}}}",
		"{\"status\":{\"execution\":\"Closed\",\"result\":{\"finished\":\"success\"}}}",
		"{\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"\"}}}",
		"{\"status\":{\"execution\":7,\"result\":{\"finished\":\"success\"}}}",
		"\"execution\":\"closed\"",
		"\"execution\" \"closed\", \"finished\":\"success\"",
		"{\"details\":[\"\"execution\":\"closed\",\"finished\":\"success\"",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err err = {0};
		if (ddi_feedback_parse(arena, bytes_of_text(wrong[i]), &read, &err))
			fail_msg("%s was taken", wrong[i]);
		assert_int_equal(err.code, E_DDI_BODY);
		assert_int_equal(read.code, 77);
	}
}

static void test_ddi_feedback_parse__cuts_details_and_keeps_the_status(void **state)
{
	(void)state;
	struct ddi_feedback read;
	struct err err = {0};
	char *detail = arena_alloc(arena, DDI_DETAIL_BYTES + 9);
	memset(detail, 'x', DDI_DETAIL_BYTES + 8);
	struct doc *details = doc_array(arena);
	for (int i = 0; i < DDI_DETAILS_MAX + 5; i++)
		doc_add_text(details, i == 0 ? detail : "y");
	struct ddi_feedback feedback = {.execution = DDI_CLOSED, .finished = DDI_SUCCESS};
	struct doc *status = doc_object(arena);
	struct doc *doc = doc_object(arena);
	doc_set_text(status, "execution", ddi_execution_word(feedback.execution));
	struct doc *result = doc_object(arena);
	doc_set_text(result, "finished", ddi_finished_word(feedback.finished));
	doc_set(status, "result", result);
	doc_set(status, "details", details);
	doc_set(doc, "status", status);

	assert_true(ddi_feedback_parse(arena, body_of(doc), &read, &err));
	assert_int_equal(read.execution, DDI_CLOSED);
	assert_int_equal(read.detail_count, DDI_DETAILS_MAX);
	assert_int_equal(strlen(read.details[0]), DDI_DETAIL_BYTES);
}

/* ---- configData ---- */

static void test_ddi_config__is_understood_by_the_service(void **state)
{
	(void)state;
	const struct ddi_attribute attributes[] = {{"a", "1"}, {"b", NULL}};
	const struct ddi_config config = {DDI_REPLACE, attributes, 2};
	struct ddi_config read;
	struct err err = {0};
	const struct doc *doc = ddi_config_doc(arena, &config);

	assert_string_equal(text_of(doc),
			    "{\"data\":{\"a\":\"1\",\"b\":null},\"mode\":\"replace\"}");
	assert_true(ddi_config_parse(arena, body_of(doc), &read, &err));
	assert_int_equal(read.mode, DDI_REPLACE);
	assert_int_equal(read.attribute_count, 2);
	assert_string_equal(read.attributes[0].value, "1");
	assert_null(read.attributes[1].value);
}

static void test_ddi_config_parse__takes_what_clients_send(void **state)
{
	(void)state;
	struct ddi_config read;
	struct err err = {0};

	assert_true(ddi_config_parse(
		arena,
		bytes_of_text(
			"{ \"id\": \"\", \"time\": \"20261123T004714\", \"status\": { \"result\": { "
			"\"finished\": \"success\" }, \"execution\": \"closed\", \"details\" : [ "
			"\"\" ] }, \"data\" : { \"serial\": \"dev-001\",\"hwRevision\": \"1.0\", "
			"\"number\": 7, \"flag\": true, \"list\": [] } }"),
		&read, &err));
	assert_int_equal(read.mode, DDI_MERGE);
	assert_int_equal(read.attribute_count, 5);
	assert_string_equal(read.attributes[0].key, "flag");
	assert_string_equal(read.attributes[0].value, "true");
	assert_string_equal(read.attributes[1].value, "1.0");
	assert_null(read.attributes[2].value); /* a list is no value */
	assert_string_equal(read.attributes[3].value, "7");

	assert_false(ddi_config_parse(arena, bytes_of_text("{}"), &read, &err));
	err_clear(&err);
	assert_false(ddi_config_parse(arena, bytes_of_text("{\"data\":[]}"), &read, &err));
	err_clear(&err);
	assert_false(ddi_config_parse(arena, bytes_of_text("{\"data\":{},\"mode\":\"drop\"}"),
				      &read, &err));
	err_clear(&err);
	assert_false(
		ddi_config_parse(arena, bytes_of_text("{\"data\":{},\"mode\":7}"), &read, &err));
	assert_int_equal(err.code, E_DDI_BODY);
}

static void test_ddi_config_parse__keeps_its_limits(void **state)
{
	(void)state;
	struct ddi_config read;
	struct err err = {0};
	struct doc *data = doc_object(arena);
	struct doc *doc = doc_object(arena);
	char *value = arena_alloc(arena, 300);

	memset(value, 'v', 299);
	for (int i = 0; i < DDI_ATTRIBUTES_MAX + 20; i++)
		doc_set_text(data, arena_printf(arena, "k%03d", i), value);
	doc_set(doc, "data", data);
	assert_true(ddi_config_parse(arena, body_of(doc), &read, &err));
	assert_int_equal(read.attribute_count, DDI_ATTRIBUTES_MAX);
	assert_int_equal(strlen(read.attributes[0].value), 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ddi_poll__is_understood_by_the_agent),
		cmocka_unit_test(test_ddi_poll_doc__writes_sleep_as_clients_read_it),
		cmocka_unit_test(test_ddi_poll_parse__takes_other_makes_of_servers),
		cmocka_unit_test(test_ddi_deployment__is_understood_by_the_agent),
		cmocka_unit_test(test_ddi_deployment_doc__has_what_foreign_clients_need),
		cmocka_unit_test(test_ddi_deployment_parse__wants_what_the_agent_needs),
		cmocka_unit_test(test_ddi_cancel__is_understood_by_the_agent),
		cmocka_unit_test(test_ddi_feedback__is_understood_by_the_service),
		cmocka_unit_test(test_ddi_feedback_parse__takes_what_clients_send),
		cmocka_unit_test(test_ddi_feedback_parse__takes_control_characters),
		cmocka_unit_test(test_ddi_feedback_parse__reads_what_stands_before_torn_details),
		cmocka_unit_test(test_ddi_feedback_parse__refuses_what_says_no_status),
		cmocka_unit_test(test_ddi_feedback_parse__cuts_details_and_keeps_the_status),
		cmocka_unit_test(test_ddi_config__is_understood_by_the_service),
		cmocka_unit_test(test_ddi_config_parse__takes_what_clients_send),
		cmocka_unit_test(test_ddi_config_parse__keeps_its_limits),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
