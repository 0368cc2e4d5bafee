/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does a device say of its progress and of itself, in the words of DDI v1: read by the
 * service, leniently, for the clients are of many makes; built by the agent.
 */

#include "common/wire/ddi.h"

#include "common/text.h"

#include <string.h>

enum { BODY_MAX = 1024 * 1024, VALUE_MAX = 128 };

static const char *const executions[DDI_EXECUTIONS] = {
	[DDI_CLOSED] = "closed",       [DDI_PROCEEDING] = "proceeding", [DDI_CANCELED] = "canceled",
	[DDI_SCHEDULED] = "scheduled", [DDI_REJECTED] = "rejected",	[DDI_RESUMED] = "resumed",
	[DDI_DOWNLOAD] = "download",   [DDI_DOWNLOADED] = "downloaded",
};
static const char *const finisheds[DDI_FINISHEDS] = {
	[DDI_SUCCESS] = "success",
	[DDI_FAILURE] = "failure",
	[DDI_FINISHED_NONE] = "none",
};
static const char *const modes[] = {
	[DDI_MERGE] = "merge",
	[DDI_REPLACE] = "replace",
	[DDI_REMOVE] = "remove",
};

const char *ddi_execution_word(enum ddi_execution execution)
{
	return executions[execution];
}

const char *ddi_finished_word(enum ddi_finished finished)
{
	return finisheds[finished];
}

/* The place of a word in a list; false: it is not there. */
static bool find_word(const char *const *words, size_t count, const char *word, size_t *out)
{
	for (size_t i = 0; word && i < count; i++) {
		if (strcmp(words[i], word) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool set_status(const char *execution, const char *finished, struct ddi_feedback *out,
		       struct err *err)
{
	size_t first, second;

	if (!find_word(executions, DDI_EXECUTIONS, execution, &first))
		return err_fail(err, E_DDI_BODY,
				"status.execution is missing or none of its words");
	if (!find_word(finisheds, DDI_FINISHEDS, finished, &second))
		return err_fail(err, E_DDI_BODY,
				"status.result.finished is missing or none of its words");
	out->execution = (enum ddi_execution)first;
	out->finished = (enum ddi_finished)second;
	return true;
}

/* ---- feedback: read ---- */

static void read_details(struct arena *arena, const struct doc *list, struct ddi_feedback *out)
{
	size_t count = list && doc_kind(list) == DOC_KIND_ARRAY ? doc_size(list) : 0;
	if (count > DDI_DETAILS_MAX)
		count = DDI_DETAILS_MAX;
	const char **at = arena_array(arena, count, sizeof(*at));
	out->details = at;
	for (size_t i = 0; i < count; i++) {
		const char *text = doc_text(doc_at(list, i));
		if (text)
			at[out->detail_count++] =
				text_printable(arena, bytes_of_text(text), DDI_DETAIL_BYTES);
	}
}

static bool read_feedback(struct arena *arena, const struct doc *doc, struct ddi_feedback *out,
			  struct err *err)
{
	const struct doc *status = doc_get(doc, "status");
	const struct doc *result = doc_get(status, "result");
	const struct doc *progress = doc_get(result, "progress");

	if (!set_status(doc_get_text(status, "execution"), doc_get_text(result, "finished"), out,
			err))
		return false;
	out->code = doc_int(doc_get(status, "code"), 0);
	out->progress_count = doc_int(doc_get(progress, "cnt"), 0);
	out->progress_of = doc_int(doc_get(progress, "of"), 0);
	read_details(arena, doc_get(status, "details"), out);
	return true;
}

/* The text behind `"key" :` in what is no JSON; NULL: not there. */
static const char *torn_text(struct arena *arena, const char *body, const char *key)
{
	const char *at = strstr(body, key);
	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, " \t\r\n");
	if (*at++ != ':')
		return NULL;
	at += strspn(at, " \t\r\n");
	if (*at++ != '"')
		return NULL;
	return arena_text_of(arena, bytes_of(at, strspn(at, "abcdefghijklmnopqrstuvwxyz")));
}

/* Some clients put log lines into details without escaping them; what stands before is sound. */
static bool read_torn(struct arena *arena, struct bytes body, struct ddi_feedback *out,
		      struct err *err)
{
	char *text = arena_text_of(arena, body);
	char *details = strstr(text, "\"details\"");
	if (details)
		*details = '\0';
	return set_status(torn_text(arena, text, "\"execution\""),
			  torn_text(arena, text, "\"finished\""), out, err);
}

bool ddi_feedback_parse(struct arena *arena, struct bytes body, struct ddi_feedback *out,
			struct err *err)
{
	struct ddi_feedback read = {.code = 0};
	struct err torn = {0};
	const struct doc *doc = NULL;

	if (body.size > BODY_MAX)
		return err_fail(err, E_DOC_LIMIT, "Feedback has at most %d bytes", BODY_MAX);
	if (!(doc_parse_lenient(arena, body, &doc, &torn) ? read_feedback(arena, doc, &read, err)
							  : read_torn(arena, body, &read, err)))
		return false;
	*out = read;
	return true;
}

/* ---- feedback: built ---- */

struct doc *ddi_feedback_doc(struct arena *arena, const char *action_id,
			     const struct ddi_feedback *feedback)
{
	struct doc *result = doc_object(arena);
	struct doc *status = doc_object(arena);
	struct doc *out = doc_object(arena);

	doc_set_text(result, "finished", finisheds[feedback->finished]);
	if (feedback->progress_of > 0) {
		struct doc *progress = doc_object(arena);
		doc_set_int(progress, "cnt", feedback->progress_count);
		doc_set_int(progress, "of", feedback->progress_of);
		doc_set(result, "progress", progress);
	}
	doc_set_text(status, "execution", executions[feedback->execution]);
	doc_set(status, "result", result);
	if (feedback->code != 0)
		doc_set_int(status, "code", feedback->code);
	if (feedback->detail_count > 0) {
		struct doc *details = doc_array(arena);
		for (size_t i = 0; i < feedback->detail_count; i++)
			doc_add_text(details, feedback->details[i]);
		doc_set(status, "details", details);
	}
	doc_set_text(out, "id", action_id);
	doc_set(out, "status", status);
	return out;
}

/* ---- configData ---- */

/* Texts, numbers and flags as text; NULL for null and for what is no plain value. */
static const char *value_of(struct arena *arena, const struct doc *value)
{
	if (doc_text(value))
		return text_printable(arena, bytes_of_text(doc_text(value)), VALUE_MAX);
	if (doc_kind(value) == DOC_KIND_INT)
		return arena_printf(arena, "%lld", (long long)doc_int(value, 0));
	if (doc_kind(value) == DOC_KIND_BOOL)
		return doc_bool(value, false) ? "true" : "false";
	return NULL;
}

bool ddi_config_parse(struct arena *arena, struct bytes body, struct ddi_config *out,
		      struct err *err)
{
	const struct doc *doc;
	size_t count, mode = DDI_MERGE;

	if (body.size > BODY_MAX)
		return err_fail(err, E_DOC_LIMIT, "configData has at most %d bytes", BODY_MAX);
	if (!doc_parse_lenient(arena, body, &doc, err))
		return false;
	const struct doc *data = doc_get(doc, "data");
	if (!data || doc_kind(data) != DOC_KIND_OBJECT)
		return err_fail(err, E_DDI_BODY, "Member 'data' is missing or no object");
	const struct doc *word = doc_get(doc, "mode");
	if (word && doc_kind(word) != DOC_KIND_NULL &&
	    !find_word(modes, sizeof(modes) / sizeof(modes[0]), doc_text(word), &mode))
		return err_fail(err, E_DDI_BODY, "Member 'mode' is none of its words");
	const struct doc_pair *pairs = doc_members(arena, data, &count);
	if (count > DDI_ATTRIBUTES_MAX)
		count = DDI_ATTRIBUTES_MAX;
	struct ddi_attribute *at = arena_array(arena, count, sizeof(*at));
	for (size_t i = 0; i < count; i++) {
		at[i].key = text_printable(arena, bytes_of_text(pairs[i].key), VALUE_MAX);
		at[i].value = value_of(arena, pairs[i].value);
	}
	*out = (struct ddi_config){(enum ddi_mode)mode, at, count};
	return true;
}

struct doc *ddi_config_doc(struct arena *arena, const struct ddi_config *config)
{
	struct doc *data = doc_object(arena);
	struct doc *out = doc_object(arena);

	for (size_t i = 0; i < config->attribute_count; i++)
		doc_set_text(data, config->attributes[i].key, config->attributes[i].value);
	doc_set_text(out, "mode", modes[config->mode]);
	doc_set(out, "data", data);
	return out;
}
