/* SPDX-License-Identifier: Apache-2.0 */
/* A DDI server that tests of the agent can make lie; see fake_ddi.h. */

#include "tests/support/fake_ddi.h"

#include "common/file.h"
#include "common/wire/ddi.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { PERMISSION_ANY = 1, BODY_MAX = 256 * 1024, IMAGE_MAX = 32 * 1024 * 1024 };

/* Everything the handlers do is done under the one lock. */
static struct fake_ddi *enter(struct request *request)
{
	struct fake_ddi *fake = web_app(request);

	pthread_mutex_lock(&fake->lock);
	return fake;
}

static bool leave(struct fake_ddi *fake, bool ok)
{
	pthread_mutex_unlock(&fake->lock);
	return ok;
}

static const char *address(struct request *request, struct fake_ddi *fake, const char *tail)
{
	return arena_printf(web_arena(request), "%s/DEFAULT/controller/v1/EXAMPLE-unit/%s",
			    fake->url, tail);
}

static bool answer_away(struct fake_ddi *fake, struct reply *reply)
{
	reply->status = 503;
	reply->bytes = bytes_of_text("{}");
	reply->content_type = "application/json";
	return leave(fake, true);
}

static bool handle_poll(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct arena *arena = web_arena(request);
	struct ddi_poll poll = {.sleep_s = 1};

	(void)err;
	if (fake->away)
		return answer_away(fake, reply);
	if (fake->cancel != NULL)
		poll.cancel_action = address(request, fake,
					     arena_printf(arena, "cancelAction/%s", fake->cancel));
	else if (fake->action != NULL)
		poll.deployment_base = address(
			request, fake, arena_printf(arena, "deploymentBase/%s?c=1", fake->action));
	if (fake->wants_attributes)
		poll.config_data = address(request, fake, "configData");
	reply->doc = ddi_poll_doc(arena, &poll);
	return leave(fake, true);
}

static bool handle_attributes(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct ddi_config config;

	reply->status = 200;
	reply->no_body_type = true;
	fake->wants_attributes = false;
	fake->attributes_count++;
	return leave(fake, ddi_config_parse(web_arena(request), web_raw(request), &config, err));
}

static bool handle_offer(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct arena *arena = web_arena(request);
	const struct ddi_artifact artifact = {
		.filename = "image.uimg",
		.size = fake->order.image_bytes,
		.sha1 = "0000000000000000000000000000000000000000",
		.md5 = "00000000000000000000000000000000",
		.sha256 = fake->order.image_sha256.text,
		.href = address(request, fake, "softwaremodules/1/artifacts/image.uimg"),
	};
	const struct ddi_chunk chunk = {.part = "os",
					.version = fake->order.version,
					.name = "EXAMPLE firmware",
					.artifacts = &artifact,
					.artifact_count = 1};
	const char *id = web_param(request, "action");
	const struct ddi_deployment deployment = {
		.id = id,
		.download = "forced",
		.update = fake->update != NULL ? fake->update : "forced",
		.chunks = &chunk,
		.chunk_count = 1,
		.papers = fake->without_papers
				  ? NULL
				  : address(request, fake,
					    arena_printf(arena, "deploymentBase/%s/papers", id)),
	};

	(void)err;
	if (fake->away)
		return answer_away(fake, reply);
	reply->doc = ddi_deployment_doc(arena, &deployment);
	return leave(fake, true);
}

static bool answer_held(struct request *request, struct fake_ddi *fake, struct reply *reply)
{
	struct doc *problem = doc_object(web_arena(request));

	doc_set_text(problem, "code", "lease.held");
	doc_set_text(problem, "detail", "the campaign is held");
	doc_set_int(problem, "retry_after_s", 1);
	reply->status = 409;
	reply->doc = problem;
	return leave(fake, true);
}

static bool handle_papers(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct arena *arena = web_arena(request);
	struct depot_order order = fake->order;
	struct papers_request asked;
	struct papers papers;

	if (fake->away)
		return answer_away(fake, reply);
	if (!papers_request_read(arena, web_doc(request), &asked, err))
		return leave(fake, false);
	fake->questions[fake->question_count++ % FAKE_NOTES_MAX] =
		arena_text(fake->arena, asked.step);
	if (fake->held)
		return answer_held(request, fake, reply);
	order.nonce = asked.nonce;
	order.step = asked.step;
	order.attempt = asked.attempt;
	order.issued_at = clock_now();
	if (asked.trust_version.maker >= order.trust_version && !fake->sends_trust_always)
		order.trust_version = 0;
	if (fake->spoil != NULL)
		fake->spoil(fake, asked.step, &order);
	depot_papers(fake->depot, &order, arena, &papers);
	if (!papers_write(arena, &papers, &reply->bytes, err))
		return leave(fake, false);
	if (fake->first_answer.size == 0)
		fake->first_answer = arena_bytes(fake->arena, reply->bytes);
	else if (fake->replays)
		reply->bytes = fake->first_answer;
	reply->content_type = "application/json";
	return leave(fake, true);
}

static bool handle_feedback(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct ddi_feedback feedback;

	if (fake->away)
		return answer_away(fake, reply);
	if (!ddi_feedback_parse(web_arena(request), web_raw(request), &feedback, err))
		return leave(fake, false);
	fake->feedbacks[fake->feedback_count++ % FAKE_NOTES_MAX] =
		arena_printf(fake->arena, "%s %s", ddi_execution_word(feedback.execution),
			     ddi_finished_word(feedback.finished));
	reply->status = fake->feedback_status != 0 ? fake->feedback_status : 200;
	reply->no_body_type = true;
	if (feedback.execution == DDI_CLOSED && reply->status == 200)
		fake->action = NULL;
	return leave(fake, true);
}

static bool handle_cancel(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	const struct ddi_cancel order = {web_param(request, "action"), fake->cancel};

	(void)err;
	reply->doc = ddi_cancel_doc(web_arena(request), &order);
	return leave(fake, true);
}

static bool handle_cancel_answer(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);

	(void)err;
	fake->cancel_answers++;
	fake->cancel = fake->action = NULL;
	reply->status = 200;
	reply->no_body_type = true;
	return leave(fake, true);
}

static bool handle_report(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct envelope envelope;

	if (fake->away)
		return answer_away(fake, reply);
	fake->report_posts++;
	if (!envelope_parse(web_arena(request), web_raw(request), &envelope, err) ||
	    !envelope_check(&envelope, PROOF_TYPE, sign_key_spki(fake->depot->report), err))
		return leave(fake, false);
	reply->status = fake->report_status != 0 ? fake->report_status : 200;
	reply->doc = doc_object(web_arena(request));
	if (reply->status == 200)
		fake->reports[fake->report_count++ % FAKE_NOTES_MAX] =
			arena_bytes(fake->arena, envelope.document);
	return leave(fake, true);
}

static bool handle_artifact(struct request *request, struct reply *reply, struct err *err)
{
	struct fake_ddi *fake = enter(request);
	struct stat is;

	if (fake->away)
		return answer_away(fake, reply);
	fake->downloads++;
	fake->range = web_header(request, "Range") != NULL
			      ? arena_text(fake->arena, web_header(request, "Range"))
			      : NULL;
	reply->content_type = "application/octet-stream";
	if (fake->no_ranges)
		return leave(fake, file_read(web_arena(request), fake->image, IMAGE_MAX,
					     &reply->bytes, err));
	reply->file = open(fake->image, O_RDONLY | O_CLOEXEC);
	if (reply->file < 0 || fstat(reply->file, &is) != 0)
		return leave(fake, err_fail(err, E_FILE, NULL));
	reply->file_bytes = (uint64_t)is.st_size;
	return leave(fake, true);
}

#define UNIT "/{tenant}/controller/v1/{device}"
/* clang-format off */
static const struct route routes[] = {
	{.method = WEB_GET, .pattern = UNIT, .permission = PERMISSION_ANY, .handler = handle_poll},
	{.method = WEB_PUT, .pattern = UNIT "/configData", .permission = PERMISSION_ANY,
	 .body = WEB_BODY_FOREIGN, .body_max = BODY_MAX, .handler = handle_attributes, .event = "-"},
	{.method = WEB_GET, .pattern = UNIT "/deploymentBase/{action}", .permission = PERMISSION_ANY,
	 .handler = handle_offer},
	{.method = WEB_POST, .pattern = UNIT "/deploymentBase/{action}/papers", .permission = PERMISSION_ANY,
	 .body = WEB_BODY_JSON, .body_max = BODY_MAX, .handler = handle_papers, .event = "-"},
	{.method = WEB_POST, .pattern = UNIT "/deploymentBase/{action}/feedback", .permission = PERMISSION_ANY,
	 .body = WEB_BODY_FOREIGN, .body_max = BODY_MAX, .handler = handle_feedback, .event = "-"},
	{.method = WEB_GET, .pattern = UNIT "/cancelAction/{action}", .permission = PERMISSION_ANY,
	 .handler = handle_cancel},
	{.method = WEB_POST, .pattern = UNIT "/cancelAction/{action}/feedback", .permission = PERMISSION_ANY,
	 .body = WEB_BODY_FOREIGN, .body_max = BODY_MAX, .handler = handle_cancel_answer, .event = "-"},
	{.method = WEB_POST, .pattern = UNIT "/proof", .permission = PERMISSION_ANY,
	 .body = WEB_BODY_FOREIGN, .body_max = BODY_MAX, .handler = handle_report, .event = "-"},
	{.method = WEB_GET, .pattern = UNIT "/softwaremodules/{module}/artifacts/{name}",
	 .permission = PERMISSION_ANY, .handler = handle_artifact},
};
/* clang-format on */

static bool let_in(struct request *request, const struct route *route, struct err *err)
{
	(void)request;
	(void)route;
	(void)err;
	return true;
}

void given_fake_ddi(struct fake_ddi *fake, const struct depot *depot)
{
	const struct web_settings settings = {.listen = "127.0.0.1",
					      .io_threads = 1,
					      .workers = 2,
					      .routes = routes,
					      .route_count = sizeof(routes) / sizeof(routes[0]),
					      .app = fake,
					      .identify = let_in,
					      .permit = let_in};
	struct err err = {0};

	*fake = (struct fake_ddi){.depot = depot, .arena = arena_new(64 * 1024 * 1024)};
	depot_order(depot, &fake->order);
	pthread_mutex_init(&fake->lock, NULL);
	if (!web_new(&settings, &fake->web, &err))
		fail_msg("web_new: %s", err.text);
	snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%u",
		 (unsigned)web_port(fake->web));
}

void forget_fake_ddi(struct fake_ddi *fake)
{
	web_free(fake->web);
	pthread_mutex_destroy(&fake->lock);
	arena_free(fake->arena);
}

void fake_ddi_offer(struct fake_ddi *fake, struct bytes image)
{
	struct err err = {0};

	fake->image = arena_printf(fake->arena, "%s/image", fake->depot->dir);
	fake->order.image_bytes = (int64_t)image.size;
	fake->order.image_sha256 = digest_sha256_hex(image);
	assert_true(file_replace(fake->image, image, 0600, &err));
	fake->action = "11";
}

void fake_ddi_last_report(struct fake_ddi *fake, struct arena *arena, struct proof *out)
{
	struct err err = {0};

	assert_int_not_equal(fake->report_count, 0);
	if (!proof_parse(arena, fake->reports[(fake->report_count - 1) % FAKE_NOTES_MAX], out,
			 &err))
		fail_msg("report: %s", err.text);
}
