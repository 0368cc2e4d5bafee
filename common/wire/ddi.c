/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the server offer, in the words of DDI v1: built by the service, read by the agent. What
 * devices send back stands in ddi_report.c.
 */

#include "common/wire/ddi.h"

#include "common/text.h"

#include <string.h>

enum { BODY_MAX = 1024 * 1024, CHUNKS_MAX = 16, ARTIFACTS_MAX = 64, WORDS_MAX = 256 };
enum { MINUTE = 60, HOUR = 3600 };

/* ---- common steps ---- */

static bool parse_body(struct arena *arena, struct bytes body, const struct doc **out,
		       struct err *err)
{
	if (body.size > BODY_MAX)
		return err_fail(err, E_DOC_LIMIT, "The answer has more than %d bytes", BODY_MAX);
	if (!doc_parse_lenient(arena, body, out, err))
		return false;
	if (doc_kind(*out) != DOC_KIND_OBJECT)
		return err_fail(err, E_DDI_BODY, "The body is no object");
	return true;
}

/* A text of 1 to max bytes, or NULL. */
static const char *text_of(const struct doc *object, const char *key, size_t max)
{
	const char *text = doc_get_text(object, key);
	return text && text[0] != '\0' && strlen(text) <= max ? text : NULL;
}

static const char *link_of(const struct doc *object, const char *rel)
{
	const struct doc *link = doc_get(doc_get(object, "_links"), rel);
	return text_of(link, "href", DDI_HREF_MAX);
}

static void set_link(struct arena *arena, struct doc *links, const char *rel, const char *href)
{
	if (!href)
		return;
	struct doc *link = doc_object(arena);
	doc_set_text(link, "href", href);
	doc_set(links, rel, link);
}

static void set_links(struct doc *object, const struct doc *links)
{
	if (doc_size(links) > 0)
		doc_set(object, "_links", links);
}

/* Ids are texts here and there numbers; as text, or NULL. */
static const char *id_of(struct arena *arena, const struct doc *object, const char *key)
{
	const struct doc *id = doc_get(object, key);
	if (id && doc_kind(id) == DOC_KIND_INT)
		return arena_printf(arena, "%lld", (long long)doc_int(id, 0));
	return text_of(object, key, ID_NAME_MAX);
}

/* ---- poll ---- */

static bool two_digits(const char *at, int64_t limit, int64_t *out)
{
	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
		return false;
	*out = (at[0] - '0') * 10 + (at[1] - '0');
	return *out < limit;
}

/* "HH:MM:SS" in seconds; 0 when it is not that. */
static int64_t sleep_of(const char *text)
{
	int64_t hours, minutes, seconds;

	if (!text || strlen(text) != 8 || text[2] != ':' || text[5] != ':' ||
	    !two_digits(text, 24, &hours) || !two_digits(text + 3, 60, &minutes) ||
	    !two_digits(text + 6, 60, &seconds))
		return 0;
	return hours * HOUR + minutes * MINUTE + seconds;
}

static const char *sleep_text(struct arena *arena, int64_t seconds)
{
	if (seconds < DDI_SLEEP_MIN)
		seconds = DDI_SLEEP_MIN;
	if (seconds > DDI_SLEEP_MAX)
		seconds = DDI_SLEEP_MAX;
	return arena_printf(arena, "%02d:%02d:%02d", (int)(seconds / HOUR),
			    (int)(seconds % HOUR / MINUTE), (int)(seconds % MINUTE));
}

struct doc *ddi_poll_doc(struct arena *arena, const struct ddi_poll *poll)
{
	struct doc *polling = doc_object(arena);
	struct doc *config = doc_object(arena);
	struct doc *links = doc_object(arena);
	struct doc *out = doc_object(arena);

	doc_set_text(polling, "sleep", sleep_text(arena, poll->sleep_s));
	doc_set(config, "polling", polling);
	doc_set(out, "config", config);
	set_link(arena, links, "deploymentBase", poll->deployment_base);
	set_link(arena, links, "cancelAction", poll->cancel_action);
	set_link(arena, links, "configData", poll->config_data);
	set_link(arena, links, "installedBase", poll->installed_base);
	set_links(out, links);
	return out;
}

bool ddi_poll_parse(struct arena *arena, struct bytes body, struct ddi_poll *out, struct err *err)
{
	const struct doc *doc;

	if (!parse_body(arena, body, &doc, err))
		return false;
	const struct doc *polling = doc_get(doc_get(doc, "config"), "polling");
	*out = (struct ddi_poll){
		.sleep_s = sleep_of(doc_get_text(polling, "sleep")),
		.deployment_base = link_of(doc, "deploymentBase"),
		.cancel_action = link_of(doc, "cancelAction"),
		.config_data = link_of(doc, "configData"),
		.installed_base = link_of(doc, "installedBase"),
	};
	return true;
}

/* ---- deploymentBase: built ---- */

static struct doc *artifact_doc(struct arena *arena, const struct ddi_artifact *artifact)
{
	struct doc *hashes = doc_object(arena);
	struct doc *links = doc_object(arena);
	struct doc *out = doc_object(arena);

	doc_set_text(hashes, "sha1", artifact->sha1);
	doc_set_text(hashes, "md5", artifact->md5);
	doc_set_text(hashes, "sha256", artifact->sha256);
	doc_set_text(out, "filename", artifact->filename);
	doc_set_int(out, "size", artifact->size);
	doc_set(out, "hashes", hashes);
	/* Clients look for one or the other, whatever the scheme is. */
	set_link(arena, links, "download", artifact->href);
	set_link(arena, links, "download-http", artifact->href);
	set_link(arena, links, "md5sum", artifact->md5sum_href);
	set_link(arena, links, "md5sum-http", artifact->md5sum_href);
	set_links(out, links);
	return out;
}

static struct doc *chunk_doc(struct arena *arena, const struct ddi_chunk *chunk)
{
	struct doc *artifacts = doc_array(arena);
	struct doc *out = doc_object(arena);

	for (size_t i = 0; i < chunk->artifact_count; i++)
		doc_add(artifacts, artifact_doc(arena, &chunk->artifacts[i]));
	doc_set_text(out, "part", chunk->part);
	doc_set_text(out, "version", chunk->version);
	doc_set_text(out, "name", chunk->name);
	doc_set(out, "artifacts", artifacts);
	return out;
}

struct doc *ddi_deployment_doc(struct arena *arena, const struct ddi_deployment *deployment)
{
	struct doc *chunks = doc_array(arena);
	struct doc *inner = doc_object(arena);
	struct doc *links = doc_object(arena);
	struct doc *out = doc_object(arena);

	for (size_t i = 0; i < deployment->chunk_count; i++)
		doc_add(chunks, chunk_doc(arena, &deployment->chunks[i]));
	doc_set_text(inner, "download", deployment->download);
	doc_set_text(inner, "update", deployment->update);
	if (deployment->maintenance_window)
		doc_set_text(inner, "maintenanceWindow", deployment->maintenance_window);
	doc_set(inner, "chunks", chunks);
	doc_set_text(out, "id", deployment->id);
	doc_set(out, "deployment", inner);
	set_link(arena, links, "papers", deployment->papers);
	set_links(out, links);
	return out;
}

/* ---- deploymentBase: read ---- */

static const char *hex_of(const struct doc *object, const char *key, size_t digits)
{
	const char *text = text_of(object, key, digits);
	if (!text || strlen(text) != digits || strspn(text, "0123456789abcdef") != digits)
		return NULL;
	return text;
}

static bool read_artifact(const struct doc *doc, struct ddi_artifact *out, struct err *err)
{
	const struct doc *hashes = doc_get(doc, "hashes");
	const char *href = link_of(doc, "download");

	*out = (struct ddi_artifact){
		.filename = text_of(doc, "filename", WORDS_MAX),
		.size = doc_int(doc_get(doc, "size"), -1),
		.sha1 = hex_of(hashes, "sha1", 40),
		.md5 = hex_of(hashes, "md5", 32),
		.sha256 = hex_of(hashes, "sha256", 64),
		.href = href ? href : link_of(doc, "download-http"),
		.md5sum_href = link_of(doc, "md5sum"),
	};
	if (!out->md5sum_href)
		out->md5sum_href = link_of(doc, "md5sum-http");
	if (!out->filename || out->size < 0 || !out->href)
		return err_fail(err, E_DDI_BODY,
				"An artifact has no filename, size or download link");
	return true;
}

static bool read_chunk(struct arena *arena, const struct doc *doc, struct ddi_chunk *out,
		       struct err *err)
{
	const struct doc *list = doc_get(doc, "artifacts");
	size_t count = doc_size(list);

	out->part = text_of(doc, "part", WORDS_MAX);
	out->version = text_of(doc, "version", WORDS_MAX);
	out->name = text_of(doc, "name", WORDS_MAX);
	if (!out->part || !out->version || !out->name)
		return err_fail(err, E_DDI_BODY, "A chunk has no part, version or name");
	if (!list || doc_kind(list) != DOC_KIND_ARRAY || count > ARTIFACTS_MAX)
		return err_fail(err, E_DDI_BODY, "A chunk has no artifacts, or over %d",
				ARTIFACTS_MAX);
	struct ddi_artifact *at = arena_array(arena, count, sizeof(*at));
	for (size_t i = 0; i < count; i++) {
		if (!read_artifact(doc_at(list, i), &at[i], err))
			return false;
	}
	out->artifacts = at;
	out->artifact_count = count;
	return true;
}

static bool read_chunks(struct arena *arena, const struct doc *inner, struct ddi_deployment *out,
			struct err *err)
{
	const struct doc *list = doc_get(inner, "chunks");
	size_t count = doc_size(list);

	if (!list || doc_kind(list) != DOC_KIND_ARRAY || count > CHUNKS_MAX)
		return err_fail(err, E_DDI_BODY, "A deployment has no chunks, or over %d",
				CHUNKS_MAX);
	struct ddi_chunk *at = arena_array(arena, count, sizeof(*at));
	for (size_t i = 0; i < count; i++) {
		if (!read_chunk(arena, doc_at(list, i), &at[i], err))
			return false;
	}
	out->chunks = at;
	out->chunk_count = count;
	return true;
}

bool ddi_deployment_parse(struct arena *arena, struct bytes body, struct ddi_deployment *out,
			  struct err *err)
{
	struct ddi_deployment read = {0};
	const struct doc *doc;

	if (!parse_body(arena, body, &doc, err))
		return false;
	const struct doc *inner = doc_get(doc, "deployment");
	read.id = id_of(arena, doc, "id");
	read.download = text_of(inner, "download", WORDS_MAX);
	read.update = text_of(inner, "update", WORDS_MAX);
	read.maintenance_window = text_of(inner, "maintenanceWindow", WORDS_MAX);
	read.papers = link_of(doc, "papers");
	if (!read.id || !read.download || !read.update)
		return err_fail(err, E_DDI_BODY, "The offer has no id, download or update");
	if (!read_chunks(arena, inner, &read, err))
		return false;
	*out = read;
	return true;
}

/* ---- cancelAction ---- */

struct doc *ddi_cancel_doc(struct arena *arena, const struct ddi_cancel *cancel)
{
	struct doc *inner = doc_object(arena);
	struct doc *out = doc_object(arena);

	doc_set_text(inner, "stopId", cancel->stop_id);
	doc_set_text(out, "id", cancel->id);
	doc_set(out, "cancelAction", inner);
	return out;
}

bool ddi_cancel_parse(struct arena *arena, struct bytes body, struct ddi_cancel *out,
		      struct err *err)
{
	const struct doc *doc;

	if (!parse_body(arena, body, &doc, err))
		return false;
	const char *id = id_of(arena, doc, "id");
	const char *stop = id_of(arena, doc_get(doc, "cancelAction"), "stopId");
	if (!id)
		return err_fail(err, E_DDI_BODY, "The cancel action has no id");
	*out = (struct ddi_cancel){id, stop ? stop : id};
	return true;
}
