/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes is an audit event? For audit_append, which makes them, and for the keeper, the
 * verifier and every report, which read them. Pure: no database, no clock.
 */

#include "audit/event.h"

#include <string.h>

static const char event_type[] = "countersign.event.v1";

static const struct {
	const char *text;
	bool regulated;
	int writers;
	const char *streams;
} kinds[EVENT_KINDS] = {
#define EVENT(name, text, regulated, writers, streams, data) \
	[name] = {text, (regulated) != 0, writers, streams},
#include "audit/events.def"
#undef EVENT
};

/* Ended by NULL, for doc_field. */
static const char *const stream_words[STREAM_KINDS + 1] = {
	[STREAM_CAMPAIGN] = "campaign", [STREAM_DEVICE] = "device",   [STREAM_PERSON] = "person",
	[STREAM_POLICY] = "policy",	[STREAM_PRODUCT] = "product", [STREAM_RELEASE] = "release",
	[STREAM_SYSTEM] = "system",	[STREAM_TRUST] = "trust",
};
static const char *const actor_words[] = {
	[ACTOR_NONE] = "none",	     [ACTOR_PERSON] = "person",	  [ACTOR_DEVICE] = "device",
	[ACTOR_KEEPER] = "keeper",   [ACTOR_SERVICE] = "service", [ACTOR_OPERATOR] = "operator",
	[ACTOR_OPERATOR + 1] = NULL,
};
static const char *const outcome_words[] = {
	[OUTCOME_DONE] = "done",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_FAILED + 1] = NULL,
};
static const char *const clock_words[] = {"synchronized", "unsynchronized", "unknown", NULL};

/* ---- kinds ---- */

const char *event_kind_text(enum event_kind kind)
{
	return kinds[kind].text;
}

int event_kind_writers(enum event_kind kind)
{
	return kinds[kind].writers;
}

bool event_kind_regulated(enum event_kind kind)
{
	return kinds[kind].regulated;
}

bool event_kind_find(const char *text, enum event_kind *out)
{
	for (int kind = 0; kind < EVENT_KINDS; kind++) {
		if (strcmp(kinds[kind].text, text) == 0) {
			*out = (enum event_kind)kind;
			return true;
		}
	}
	return false;
}

const char *stream_kind_text(enum stream_kind kind)
{
	return stream_words[kind];
}

/* The place of a word in a list that holds it. */
static int word_index(const char *const *words, const char *word)
{
	int at = 0;
	while (words[at] && strcmp(words[at], word) != 0)
		at++;
	return at;
}

/* ---- what every event keeps to ---- */

static int compare_streams(const struct event_stream *left, const struct event_stream *right)
{
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return strcmp(left->id, right->id);
}

static bool check_streams(const struct event *event, enum err_code code, struct err *err)
{
	if (event->stream_count < 1 || event->stream_count > EVENT_STREAMS_MAX)
		return err_fail(err, code, "an event stands in 1 to %d streams, %s in %zu",
				EVENT_STREAMS_MAX, kinds[event->kind].text, event->stream_count);
	for (size_t i = 0; i < event->stream_count; i++) {
		const struct event_stream *stream = &event->streams[i];
		if (!id_name_valid(stream->id, ID_DEVICE_MAX))
			return err_fail(err, code, "a stream of %s has an id that is none",
					kinds[event->kind].text);
		if (i > 0 && compare_streams(stream - 1, stream) >= 0)
			return err_fail(err, code,
					"the streams of %s are not sorted, or not once each",
					kinds[event->kind].text);
		if (stream->no < 1 || stream->no > DOC_INT_MAX)
			return err_fail(err, code, "a stream of %s is not numbered",
					kinds[event->kind].text);
	}
	return true;
}

/* "service/1", "keeper/a.b-c": what the column event.writer takes. */
static int writer_family(const char *writer)
{
	const char *name = strchr(writer, '/');
	if (!name || strlen(name + 1) < 1 || strlen(name + 1) > 40 ||
	    strspn(name + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") !=
		    strlen(name + 1))
		return 0;
	if (strncmp(writer, "service/", 8) == 0)
		return WRITER_SERVICE;
	return strncmp(writer, "keeper/", 7) == 0 ? WRITER_KEEPER : 0;
}

/* ---- writing ---- */

/* Does one of the alternatives "release|campaign" (up to a blank) name this stream's kind? */
static bool item_names(const char *item, size_t length, enum stream_kind kind)
{
	const char *word = stream_words[kind];
	size_t word_length = strlen(word);
	const char *end = item + length;

	while (item < end) {
		const char *bar = memchr(item, '|', (size_t)(end - item));
		size_t size = (size_t)((bar ? bar : end) - item);
		if (size == word_length && memcmp(item, word, size) == 0)
			return true;
		item += size + 1;
	}
	return false;
}

/* The streams that events.def states for this kind: each item once at least, and no other kind. */
static bool check_stated(const struct event *event, enum err_code code, struct err *err)
{
	size_t stated = 0;
	for (const char *item = kinds[event->kind].streams; *item;) {
		size_t length = strcspn(item, " ");
		size_t here = 0;
		for (size_t i = 0; i < event->stream_count; i++)
			here += item_names(item, length, event->streams[i].kind);
		if (here == 0)
			return err_fail(err, code, "%s needs a stream of %.*s",
					kinds[event->kind].text, (int)length, item);
		stated += here;
		item += length;
		item += strspn(item, " ");
	}
	if (stated != event->stream_count)
		return err_fail(err, code, "%s stands in a stream that events.def does not state",
				kinds[event->kind].text);
	return true;
}

bool event_check_stated(const struct event *event, struct err *err)
{
	return check_stated(event, E_EVENT, err);
}

static struct doc *doc_of_actor(const struct act *act)
{
	struct doc *doc = doc_object(act->arena);
	doc_set_text(doc, "kind", actor_words[act->actor_kind]);
	doc_set_text(doc, "id", act->actor ? act->actor : "-");
	if (act->role)
		doc_set_text(doc, "role", act->role);
	if (act->auth)
		doc_set_text(doc, "auth", act->auth);
	return doc;
}

static struct doc *doc_of_streams(const struct event *event, struct arena *arena)
{
	struct doc *list = doc_array(arena);
	for (size_t i = 0; i < event->stream_count; i++) {
		struct doc *stream = doc_object(arena);
		doc_set_text(stream, "kind", stream_words[event->streams[i].kind]);
		doc_set_text(stream, "id", event->streams[i].id);
		doc_set_int(stream, "no", event->streams[i].no);
		doc_set_text(stream, "prev", digest_hex(&event->streams[i].prev).text);
		doc_add(list, stream);
	}
	return list;
}

bool event_write(const struct event *event, const struct act *act, const char *writer,
		 const char *clock_state, struct bytes *out, struct err *err)
{
	struct bytes bytes;

	if (!check_streams(event, E_BUG, err) || !check_stated(event, E_BUG, err))
		return false;
	if (!(writer_family(writer) & kinds[event->kind].writers))
		return err_fail(err, E_BUG, "%s may not write %s", writer, kinds[event->kind].text);
	struct doc *doc = doc_object(act->arena);
	doc_set_text(doc, "type", event_type);
	doc_set_text(doc, "id", event->id.text);
	doc_set_text(doc, "kind", kinds[event->kind].text);
	doc_set_time(doc, "at", act->at);
	doc_set_text(doc, "clock", clock_state);
	doc_set_text(doc, "writer", writer);
	doc_set(doc, "actor", doc_of_actor(act));
	doc_set(doc, "streams", doc_of_streams(event, act->arena));
	doc_set(doc, "data", event->data ? event->data : doc_object(act->arena));
	doc_set_text(doc, "outcome", outcome_words[event->outcome]);
	if (event->code)
		doc_set_text(doc, "code", event->code);
	if (event->reason)
		doc_set_text(doc, "reason", event->reason);
	doc_set_text(doc, "request", act->request ? act->request : "-");
	if (!doc_canonical(act->arena, doc, &bytes, err))
		return false;
	if (bytes.size > EVENT_BYTES_MAX)
		return err_fail(err, E_EVENT_LIMIT,
				"The record of this act would take %zu bytes; "
				"at most %d are kept, so send shorter texts",
				bytes.size, EVENT_BYTES_MAX);
	*out = bytes;
	return true;
}

/* ---- reading ---- */

struct raw_event {
	const char *id, *kind, *clock, *writer, *outcome, *code, *reason, *request;
	clock_us at;
	const struct doc *actor, *streams, *data;
};

struct raw_actor {
	const char *kind, *id, *role, *auth;
};

struct raw_stream {
	const char *kind, *id;
	int64_t no;
	struct sha256_hex prev;
};

/* Texts may be as long as a whole event: what is too long was refused by the doors before. */
static const struct doc_field event_fields[] = {
	DOC_TYPE_MEMBER,
	DOC_TEXT(struct raw_event, id, ID_UUID_BYTES, ID_UUID_BYTES),
	DOC_TEXT(struct raw_event, kind, 3, 64),
	DOC_TIME(struct raw_event, at),
	DOC_WORD(struct raw_event, clock, clock_words),
	DOC_TEXT(struct raw_event, writer, 3, 64),
	DOC_OBJECT(struct raw_event, actor),
	DOC_LIST(struct raw_event, streams, 1, EVENT_STREAMS_MAX),
	DOC_OBJECT(struct raw_event, data),
	DOC_WORD(struct raw_event, outcome, outcome_words),
	DOC_TEXT_OPT(struct raw_event, code, 0, EVENT_BYTES_MAX),
	DOC_TEXT_OPT(struct raw_event, reason, 0, EVENT_BYTES_MAX),
	DOC_TEXT(struct raw_event, request, 0, EVENT_BYTES_MAX),
};

static const struct doc_field actor_fields[] = {
	DOC_WORD(struct raw_actor, kind, actor_words),
	DOC_TEXT(struct raw_actor, id, 0, EVENT_BYTES_MAX),
	DOC_TEXT_OPT(struct raw_actor, role, 0, EVENT_BYTES_MAX),
	DOC_TEXT_OPT(struct raw_actor, auth, 0, EVENT_BYTES_MAX),
};

static const struct doc_field stream_fields[] = {
	DOC_WORD(struct raw_stream, kind, stream_words),
	DOC_TEXT(struct raw_stream, id, 1, ID_DEVICE_MAX),
	DOC_INT(struct raw_stream, no, 1, DOC_INT_MAX),
	DOC_SHA256(struct raw_stream, prev),
};

/* An optional member is left out, not null: else one event would have two spellings. */
static bool no_null(const struct doc *object, const char *key, struct err *err)
{
	const struct doc *member = doc_get(object, key);
	if (member && doc_kind(member) == DOC_KIND_NULL)
		return err_fail(err, E_EVENT, "the member %s is null instead of absent", key);
	return true;
}

static bool read_streams(struct arena *arena, const struct doc *list, struct event *event,
			 struct err *err)
{
	event->stream_count = doc_size(list);
	for (size_t i = 0; i < event->stream_count; i++) {
		struct raw_stream raw;
		struct event_stream *stream = &event->streams[i];
		if (!doc_read(arena, doc_at(list, i), stream_fields, DOC_COUNT(stream_fields), &raw,
			      err))
			return false;
		stream->kind = (enum stream_kind)word_index(stream_words, raw.kind);
		stream->id = raw.id;
		stream->no = raw.no;
		if (!digest_of_hex(raw.prev.text, &stream->prev, err))
			return false;
	}
	return check_streams(event, E_EVENT, err);
}

static bool read_actor(struct arena *arena, const struct doc *doc, struct event_view *view,
		       struct err *err)
{
	struct raw_actor raw;
	if (!doc_read(arena, doc, actor_fields, DOC_COUNT(actor_fields), &raw, err) ||
	    !no_null(doc, "role", err) || !no_null(doc, "auth", err))
		return false;
	view->actor_kind = raw.kind;
	view->actor_id = raw.id;
	view->role = raw.role;
	view->auth = raw.auth;
	return true;
}

bool event_read(struct arena *arena, struct bytes bytes, struct event_view *out, struct err *err)
{
	struct event_view view = {0};
	struct raw_event raw;
	const struct doc *doc;

	if (bytes.size > EVENT_BYTES_MAX)
		return err_fail(err, E_EVENT, "it is longer than %d bytes", EVENT_BYTES_MAX);
	if (!doc_parse_signed(arena, bytes, event_type, &doc, err) ||
	    !doc_read(arena, doc, event_fields, DOC_COUNT(event_fields), &raw, err) ||
	    !no_null(doc, "code", err) || !no_null(doc, "reason", err))
		return false;
	if (!event_kind_find(raw.kind, &view.event.kind))
		return err_fail(err, E_EVENT, "its kind %s is not known to this version", raw.kind);
	if (!writer_family(raw.writer))
		return err_fail(err, E_EVENT, "its writer is neither a service nor a keeper");
	if (!id_uuid_read(raw.id, view.event.id.text, err) ||
	    !read_actor(arena, raw.actor, &view, err) ||
	    !read_streams(arena, raw.streams, &view.event, err))
		return false;
	view.event.data = raw.data;
	view.event.outcome = (enum event_outcome)word_index(outcome_words, raw.outcome);
	view.event.code = raw.code;
	view.event.reason = raw.reason;
	view.writer = raw.writer;
	view.at = raw.at;
	view.clock = raw.clock;
	view.request = raw.request;
	*out = view;
	return true;
}
