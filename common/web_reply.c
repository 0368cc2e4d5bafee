/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes back: a document, bytes, a file or a part of it, or the problem that stood in the way.
 * Made by workers, so that epoll threads only send. Conditions and ranges follow RFC 9110 (13.2.2,
 * 14.2) for one range; a list of ranges is answered with the whole file, as that section allows.
 * Problems are RFC 9457.
 */

#include "common/log.h"
#include "common/text.h"
#include "common/web_internal.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADERS_MAX = 16, SEND_BYTES = 64 * 1024 };

/* An answer while it is put together. */
struct answer {
	struct request *request;
	unsigned status;
	struct bytes bytes;
	int file; /* -1: bytes */
	uint64_t offset, size;
	size_t header_count;
	struct {
		const char *name, *value;
	} headers[HEADERS_MAX];
};

static void header_add(struct answer *answer, const char *name, const char *value)
{
	if (!value || answer->header_count == HEADERS_MAX)
		return;
	answer->headers[answer->header_count].name = name;
	answer->headers[answer->header_count].value = value;
	answer->header_count++;
}

/* ---- conditions and ranges ---- */

/* Tags are compared without quotes and without the mark of weakness: ours change with the bytes. */
static struct bytes tag_core(const char *at, size_t size)
{
	while (size && (at[0] == ' ' || at[0] == '\t'))
		at++, size--;
	while (size && (at[size - 1] == ' ' || at[size - 1] == '\t'))
		size--;
	if (size >= 2 && at[0] == 'W' && at[1] == '/')
		at += 2, size -= 2;
	if (size >= 2 && at[0] == '"' && at[size - 1] == '"')
		at++, size -= 2;
	return bytes_of(at, size);
}

static bool tag_listed(const char *list, const char *etag)
{
	struct bytes own = tag_core(etag, strlen(etag));

	while (*list) {
		size_t size = strcspn(list, ",");
		struct bytes tag = tag_core(list, size);
		if (bytes_equal(tag, own) || bytes_equal(tag, bytes_of_text("*")))
			return true;
		list += size;
		if (*list == ',')
			list++;
	}
	return false;
}

/* Digits up to the end or a '-'; a number too large to hold is as good as the largest. */
static bool range_number(const char **at, uint64_t *out)
{
	uint64_t value = 0;
	const char *start = *at;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		uint64_t digit = (uint64_t)(**at - '0');
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
	}
	*out = value;
	return *at != start;
}

/* False: the range lies outside. A header that is not one well-formed range asks for everything. */
static bool range_apply(const char *text, struct answer *answer)
{
	uint64_t first = 0, last = 0, total = answer->size;

	if (strncasecmp(text, "bytes=", 6) != 0)
		return true;
	text += 6;
	bool has_first = range_number(&text, &first);
	if (*text++ != '-')
		return true;
	bool has_last = range_number(&text, &last);
	if (*text != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
		return true;
	if (!has_first) {
		if (last == 0 || total == 0)
			return false;
		first = last < total ? total - last : 0;
		last = total - 1;
	} else if (first >= total) {
		return false;
	} else if (!has_last || last >= total) {
		last = total - 1;
	}
	answer->status = MHD_HTTP_PARTIAL_CONTENT;
	answer->offset = first;
	answer->size = last - first + 1;
	header_add(answer, MHD_HTTP_HEADER_CONTENT_RANGE,
		   arena_printf(answer->request->arena, "bytes %llu-%llu/%llu",
				(unsigned long long)first, (unsigned long long)last,
				(unsigned long long)total));
	return true;
}

static bool conditions_apply(struct answer *answer, const char *etag, struct err *err)
{
	struct request *request = answer->request;
	const char *match = web_header(request, MHD_HTTP_HEADER_IF_MATCH);
	const char *none = web_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
	const char *range = web_header(request, MHD_HTTP_HEADER_RANGE);
	const char *if_range = web_header(request, MHD_HTTP_HEADER_IF_RANGE);

	if (answer->status != MHD_HTTP_OK || request->pattern->route->method != WEB_GET)
		return true;
	if (match && etag && !tag_listed(match, etag))
		return err_fail(err, E_PRECONDITION, NULL);
	if (none && etag && tag_listed(none, etag)) {
		answer->status = MHD_HTTP_NOT_MODIFIED;
		answer->bytes = bytes_of(NULL, 0);
		return true;
	}
	if (answer->file < 0 || !range || request->head)
		return true;
	if (if_range && (!etag || !tag_listed(if_range, etag)))
		return true;
	uint64_t total = answer->size;
	if (range_apply(range, answer))
		return true;
	header_add(answer, MHD_HTTP_HEADER_CONTENT_RANGE,
		   arena_printf(request->arena, "bytes */%llu", (unsigned long long)total));
	return err_fail(err, E_RANGE, NULL);
}

/* ---- what a handler gave ---- */

static const char *quoted_tag(struct arena *arena, const char *etag)
{
	if (!etag || etag[0] == '"' || strncmp(etag, "W/\"", 3) == 0)
		return etag;
	return arena_printf(arena, "\"%s\"", etag);
}

static const char *disposition(struct arena *arena, const char *filename)
{
	if (!filename)
		return NULL;
	char *safe = arena_text(arena, filename);
	for (char *at = safe; *at; at++) {
		if (*at <= 0x20 || *at > 0x7e || strchr("\"\\/;%", *at))
			*at = '_';
	}
	return arena_printf(arena, "attachment; filename=\"%s\"", safe);
}

static bool file_take(struct answer *answer, const struct reply *reply, struct err *err)
{
	struct stat stat;

	answer->file = reply->file;
	answer->size = reply->file_bytes;
	if (fstat(reply->file, &stat) != 0 || !S_ISREG(stat.st_mode) ||
	    (uint64_t)stat.st_size < reply->file_bytes)
		return err_fail(err, E_FILE, "a file to be sent is shorter than recorded");
	header_add(answer, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	return true;
}

static bool answer_take(struct answer *answer, const struct reply *reply, struct err *err)
{
	struct arena *arena = answer->request->arena;
	const char *type = reply->content_type;

	if (reply->doc) {
		if (!doc_canonical(arena, reply->doc, &answer->bytes, err))
			return false;
		type = type ? type : "application/json";
	} else {
		answer->bytes = reply->bytes;
	}
	if (reply->file > 0) {
		type = type ? type : "application/octet-stream";
		if (!file_take(answer, reply, err))
			return false;
	}
	bool empty = answer->file < 0 && answer->bytes.size == 0;
	answer->status = reply->status				  ? (unsigned)reply->status
			 : empty && !reply->no_body_type && !type ? MHD_HTTP_NO_CONTENT
								  : MHD_HTTP_OK;
	if (!conditions_apply(answer, reply->etag, err))
		return false;
	if (answer->status != MHD_HTTP_NOT_MODIFIED) {
		header_add(answer, MHD_HTTP_HEADER_CONTENT_TYPE, type);
		header_add(answer, MHD_HTTP_HEADER_CONTENT_DISPOSITION,
			   disposition(arena, reply->filename));
	}
	header_add(answer, MHD_HTTP_HEADER_ETAG, quoted_tag(arena, reply->etag));
	return true;
}

/* ---- problems ---- */

static unsigned status_of(const struct reply *reply, enum err_code code)
{
	static const struct {
		enum err_code code;
		unsigned status;
	} own[] = {
		{E_METHOD, MHD_HTTP_METHOD_NOT_ALLOWED},
		{E_URL_LIMIT, MHD_HTTP_URI_TOO_LONG},
		{E_BODY_TYPE, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE},
		{E_RANGE, MHD_HTTP_RANGE_NOT_SATISFIABLE},
		{E_PRECONDITION, MHD_HTTP_PRECONDITION_FAILED},
	};

	if (reply->status >= 400)
		return (unsigned)reply->status;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (own[i].code == code)
			return own[i].status;
	}
	return (unsigned)err_kind_status(err_code_kind(code));
}

/* What failed inside is for the log; who asked gets the sentence of the code. */
static bool kind_inner(enum err_kind kind)
{
	return kind == ERR_INTERNAL || kind == ERR_BUG;
}

static const struct doc *problem_doc(struct answer *answer, const struct reply *reply,
				     const struct err *err)
{
	struct request *request = answer->request;
	struct arena *arena = request->arena;
	struct doc *doc = doc_object(arena);
	const char *detail =
		kind_inner(err_code_kind(err->code)) ? err_code_sentence(err->code) : err->text;

	for (size_t i = 0; reply->problem_members && i < doc_size(reply->problem_members); i++) {
		const struct doc *value = NULL;
		const char *key = doc_member(arena, reply->problem_members, i, &value);
		doc_set(doc, key, value);
	}
	doc_set_text(doc, "type", "about:blank");
	doc_set_text(doc, "title", MHD_get_reason_phrase_for(answer->status));
	doc_set_int(doc, "status", answer->status);
	doc_set_text(doc, "code", err_code_text(err->code));
	doc_set_text(doc, "detail", text_printable(arena, bytes_of_text(detail), ERR_TEXT_BYTES));
	doc_set_text(doc, "request_id", request->id);
	return doc;
}

static void problem_log(const struct request *request, unsigned status, const struct err *err)
{
	enum log_level level = kind_inner(err_code_kind(err->code)) ? LOG_LEVEL_ERROR
			       : status >= 500			    ? LOG_LEVEL_WARN
								    : LOG_LEVEL_DEBUG;
	LOG_CALL(level, "request-refused", LOG_TEXT("request", request->id), LOG_ERR(err),
		 LOG_INT("status", status));
}

static void answer_problem(struct answer *answer, const struct reply *reply, const struct err *err)
{
	struct request *request = answer->request;
	enum err_kind kind = err_code_kind(err->code);
	struct err trouble = {0};

	answer->file = -1;
	answer->status = status_of(reply, err->code);
	problem_log(request, answer->status, err);
	if (!doc_canonical(request->arena, problem_doc(answer, reply, err), &answer->bytes,
			   &trouble))
		answer->bytes = bytes_of_text("{}");
	header_add(answer, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json");
	if (err->code == E_METHOD)
		header_add(answer, MHD_HTTP_HEADER_ALLOW,
			   web_route_allow(request->arena, request->allowed));
	if (answer->status == MHD_HTTP_UNAUTHORIZED)
		header_add(answer, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (reply->retry_after_s <= 0 && (kind == ERR_RETRY || err->code == E_BUSY))
		header_add(answer, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

/* ---- the response ---- */

struct sending {
	int file;
	uint64_t offset;
};

static ssize_t sending_read(void *cls, uint64_t at, char *out, size_t size)
{
	const struct sending *sending = cls;
	ssize_t got;

	do
		got = pread(sending->file, out, size, (off_t)(sending->offset + at));
	while (got < 0 && errno == EINTR);
	/* It is shorter than it was: the connection ends before the stated length, which says so. */
	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void sending_free(void *cls)
{
	struct sending *sending = cls;

	close(sending->file);
	free(sending);
}

/* Under TLS libmicrohttpd reads a descriptor 4 KiB at a time, and encrypts each for itself; with
 * blocks of our own size it makes full records. Takes the file. */
static struct MHD_Response *response_read(const struct answer *answer)
{
	struct sending *sending = malloc(sizeof(*sending));
	struct MHD_Response *response = NULL;

	if (sending) {
		*sending = (struct sending){.file = answer->file, .offset = answer->offset};
		response = MHD_create_response_from_callback(answer->size, SEND_BYTES, sending_read,
							     sending, sending_free);
	}
	if (!response) {
		free(sending);
		close(answer->file);
	}
	return response;
}

static struct MHD_Response *response_of_bytes(struct bytes bytes)
{
	void *data = NULL;

	/* The bytes live in the request's arena, longer than the sending. */
	memcpy(&data, &bytes.data, sizeof(data));
	return MHD_create_response_from_buffer(bytes.size, data, MHD_RESPMEM_PERSISTENT);
}

/* Takes answer->file: it is closed, or belongs to the response. */
static struct MHD_Response *response_of(const struct answer *answer)
{
	struct MHD_Response *response;

	if (answer->file < 0)
		return response_of_bytes(answer->bytes);
	bool tls = answer->request->web->settings.tls_certificate != NULL;
	if (!tls && answer->size > 0) {
		response = MHD_create_response_from_fd_at_offset64(answer->size, answer->file,
								   answer->offset);
		if (!response)
			close(answer->file);
		return response;
	}
	if (answer->size > 0)
		return response_read(answer);
	close(answer->file);
	return response_of_bytes(bytes_of(NULL, 0));
}

static bool response_add_headers(struct MHD_Response *response, const struct answer *answer)
{
	for (size_t i = 0; i < answer->header_count; i++) {
		if (MHD_add_response_header(response, answer->headers[i].name,
					    answer->headers[i].value) != MHD_YES)
			return false;
	}
	return true;
}

static void headers_for_all(struct answer *answer, const struct reply *reply)
{
	struct request *request = answer->request;

	header_add(answer, "X-Request-Id", request->id);
	header_add(answer, "X-Content-Type-Options", "nosniff");
	header_add(answer, MHD_HTTP_HEADER_CACHE_CONTROL,
		   reply->cache_control ? reply->cache_control : "no-store");
	header_add(answer, MHD_HTTP_HEADER_LOCATION, reply->location);
	if (reply->retry_after_s > 0)
		header_add(answer, MHD_HTTP_HEADER_RETRY_AFTER,
			   arena_printf(request->arena, "%lld", (long long)reply->retry_after_s));
}

static bool response_make(struct answer *answer, const struct reply *reply)
{
	struct request *request = answer->request;
	struct MHD_Response *response = response_of(answer);

	if (!response)
		return false;
	headers_for_all(answer, reply);
	if (!response_add_headers(response, answer)) {
		MHD_destroy_response(response);
		return false;
	}
	request->response = response;
	request->status = answer->status;
	return true;
}

void web_reply_make(struct request *request, struct reply *reply, struct err *err)
{
	struct answer answer = {.request = request, .file = -1};
	struct reply bare = {.retry_after_s = reply->retry_after_s};

	bool good = err->code == E_NONE && answer_take(&answer, reply, err);
	if (!good) {
		if (reply->file > 0)
			close(reply->file);
		/* Of what was gathered before the error only the range is worth sending. */
		answer.header_count = err->code == E_RANGE ? answer.header_count : 0;
		answer_problem(&answer, reply, err);
	} else if (reply->file > 0 && answer.status == MHD_HTTP_NOT_MODIFIED) {
		close(reply->file);
		answer.file = -1;
	}
	if (response_make(&answer, good ? reply : &bare))
		return;
	struct err bug = {0};
	err_set(&bug, E_BUG, "a reply could not be made: a header holds a line end, or no memory");
	answer = (struct answer){.request = request, .file = -1};
	answer_problem(&answer, &bare, &bug);
	if (!response_make(&answer, &bare))
		request->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}
