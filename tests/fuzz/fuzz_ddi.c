/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices and foreign servers say over DDI: what was understood is said again in our own
 * words, and understood as the same.
 */

#include "tests/fuzz/fuzz.h"

#include "common/wire/ddi.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 * 1024 * 1024 };

static void must(bool condition)
{
	if (!condition)
		abort();
}

static bool same(const char *a, const char *b)
{
	return a ? b && strcmp(a, b) == 0 : !b;
}

static struct bytes written(struct arena *arena, const struct doc *doc)
{
	struct bytes bytes;
	struct err err = {0};

	must(doc_canonical(arena, doc, &bytes, &err));
	return bytes;
}

static void probe_feedback(struct arena *arena, struct bytes bytes)
{
	struct ddi_feedback feedback, again;
	struct err err = {0};

	if (!ddi_feedback_parse(arena, bytes, &feedback, &err))
		return;
	const struct doc *doc = ddi_feedback_doc(arena, "11", &feedback);
	must(ddi_feedback_parse(arena, written(arena, doc), &again, &err));
	must(again.execution == feedback.execution && again.finished == feedback.finished);
	must(again.detail_count == feedback.detail_count && again.code == feedback.code);
	for (size_t i = 0; i < again.detail_count; i++)
		must(strlen(again.details[i]) <= DDI_DETAIL_BYTES);
}

static void probe_config(struct arena *arena, struct bytes bytes)
{
	struct ddi_config config, again;
	struct err err = {0};

	if (!ddi_config_parse(arena, bytes, &config, &err))
		return;
	must(config.attribute_count <= DDI_ATTRIBUTES_MAX);
	const struct doc *doc = ddi_config_doc(arena, &config);
	must(ddi_config_parse(arena, written(arena, doc), &again, &err));
	must(again.mode == config.mode);
}

static void probe_poll(struct arena *arena, struct bytes bytes)
{
	struct ddi_poll poll, again;
	struct err err = {0};

	if (!ddi_poll_parse(arena, bytes, &poll, &err))
		return;
	must(poll.sleep_s >= 0 && poll.sleep_s <= DDI_SLEEP_MAX);
	must(ddi_poll_parse(arena, written(arena, ddi_poll_doc(arena, &poll)), &again, &err));
	must(same(poll.deployment_base, again.deployment_base));
	must(same(poll.cancel_action, again.cancel_action));
	must(same(poll.config_data, again.config_data));
}

static void probe_deployment(struct arena *arena, struct bytes bytes)
{
	struct ddi_deployment deployment, again;
	struct ddi_cancel cancel, second;
	struct err err = {0};

	if (ddi_deployment_parse(arena, bytes, &deployment, &err)) {
		const struct doc *doc = ddi_deployment_doc(arena, &deployment);
		must(ddi_deployment_parse(arena, written(arena, doc), &again, &err));
		must(again.chunk_count == deployment.chunk_count);
		must(same(again.id, deployment.id) && same(again.papers, deployment.papers));
	}
	err_clear(&err);
	if (ddi_cancel_parse(arena, bytes, &cancel, &err)) {
		const struct doc *doc = ddi_cancel_doc(arena, &cancel);
		must(ddi_cancel_parse(arena, written(arena, doc), &second, &err));
		must(same(second.id, cancel.id) && same(second.stop_id, cancel.stop_id));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes bytes = bytes_of(data, size);

	probe_feedback(arena, bytes);
	probe_config(arena, bytes);
	probe_poll(arena, bytes);
	probe_deployment(arena, bytes);
	arena_free(arena);
	return 0;
}
