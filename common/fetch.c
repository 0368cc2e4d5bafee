/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How our programs ask an HTTP server for something: the agent its files and orders, the command
 * line its answers. Everything that comes back is bounded, everything that stalls ends, and a file
 * is continued only from the byte that was asked for.
 */

#include "common/fetch.h"

#include "common/digest.h"
#include "common/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
	JSON_MAX = 8 * 1024 * 1024,
	PROBLEM_MAX = 64 * 1024, /* of the answer to a download that is none */
	UPLOAD_ANSWER_MAX = 1024 * 1024,
	ARENA_MARGIN = 64 * 1024, /* left to the caller's arena when an answer is copied into it */
	CONNECT_MS = 5000,
	EXCHANGE_MS = 60000,
};

struct fetch {
	CURL *curl;
	struct arena *arena;
	struct fetch_settings settings;
	char *authorization; /* changes, so not in the arena */
	char trouble[CURL_ERROR_SIZE];
};

/* One request and what came of it. */
struct exchange {
	struct fetch *fetch;
	struct arena *arena;
	const char *url;
	struct curl_slist *headers;
	struct err *err;
	bool stopped; /* by us; err says why */

	/* an answer that is collected */
	unsigned char *body;
	size_t body_size, body_room, body_max;

	/* a download */
	fetch_sink sink;
	void *sink_context;
	bool judged;  /* status and range were looked at */
	bool refused; /* and they are not what was asked for: the body is a problem, collected */
	uint64_t offset, expected, got;

	/* an upload */
	int file;
	uint64_t file_at, file_bytes;
	fetch_progress progress;
	void *progress_context;
};

/* ---- making one ---- */

static bool global_good;

static void global_start(void)
{
	global_good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static const char *kept(struct arena *arena, const char *text)
{
	return text ? arena_text(arena, text) : NULL;
}

bool fetch_new(const struct fetch_settings *settings, struct fetch **out, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fetch *fetch;

	pthread_once(&once, global_start);
	if ((settings->certificate == NULL) != (settings->key == NULL))
		return err_fail(err, E_CONFIG, "a client certificate and its key go together");
	fetch = calloc(1, sizeof(*fetch));
	if (fetch && global_good)
		fetch->curl = curl_easy_init();
	if (!fetch || !fetch->curl) {
		free(fetch);
		return err_fail(err, E_OS, "the HTTP library could not start");
	}
	fetch->arena = arena_new(1024 * 1024);
	fetch->settings = (struct fetch_settings){
		.authority = kept(fetch->arena, settings->authority),
		.certificate = kept(fetch->arena, settings->certificate),
		.key = kept(fetch->arena, settings->key),
		.user_agent = kept(fetch->arena,
				   settings->user_agent ? settings->user_agent : "countersign"),
		.connect_timeout_ms =
			settings->connect_timeout_ms ? settings->connect_timeout_ms : CONNECT_MS,
		.timeout_ms = settings->timeout_ms ? settings->timeout_ms : EXCHANGE_MS,
	};
	fetch_authorize(fetch, settings->authorization);
	*out = fetch;
	return true;
}

static void forget(char *secret)
{
	if (!secret)
		return;
	digest_forget(secret, strlen(secret));
	free(secret);
}

void fetch_authorize(struct fetch *fetch, const char *authorization)
{
	forget(fetch->authorization);
	fetch->authorization = authorization ? strdup(authorization) : NULL;
}

void fetch_free(struct fetch *fetch)
{
	if (!fetch)
		return;
	curl_easy_cleanup(fetch->curl);
	forget(fetch->authorization);
	arena_free(fetch->arena);
	free(fetch);
}

char *fetch_segment(struct arena *arena, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	struct text out;

	text_init(&out, arena, 3 * strlen(text) + 1);
	for (; *text; text++) {
		if (strchr(plain, *text))
			text_add_bytes(&out, bytes_of(text, 1));
		else
			text_addf(&out, "%%%02X", (unsigned)(unsigned char)*text);
	}
	return out.at;
}

/* ---- setting up a request ---- */

static bool header_add(struct exchange *exchange, const char *line)
{
	if (strpbrk(line, "\r\n"))
		return err_fail(exchange->err, E_INPUT, "a header to be sent holds a line end");
	struct curl_slist *longer = curl_slist_append(exchange->headers, line);
	if (!longer)
		return err_fail(exchange->err, E_OS, "out of memory");
	exchange->headers = longer;
	return true;
}

static bool header_set(struct exchange *exchange, const char *name, const char *value)
{
	if (!value)
		return true;
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = malloc(size);
	if (!line)
		return err_fail(exchange->err, E_OS, "out of memory");
	snprintf(line, size, "%s: %s", name, value);
	bool good = header_add(exchange, line);
	forget(line);
	return good;
}

static void set_security(struct fetch *fetch)
{
	const struct fetch_settings *settings = &fetch->settings;
	CURL *curl = fetch->curl;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (settings->authority) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, settings->authority);
		/* Debian's libcurl would add the folder of the system's authorities. */
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (settings->certificate) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->certificate);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, settings->key);
	}
}

/* streams: they may take as long as they like while they move. */
static void set_times(struct fetch *fetch, bool stream)
{
	const struct fetch_settings *settings = &fetch->settings;
	CURL *curl = fetch->curl;
	int64_t stall_s = (settings->timeout_ms + 999) / 1000;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
	if (!stream) {
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)stall_s);
}

static size_t take(char *data, size_t unit, size_t count, void *at);

/* Keeps the connection of the last request, forgets its options. */
static bool exchange_begin(struct exchange *exchange, const char *method, bool stream,
			   const char *const *headers)
{
	struct fetch *fetch = exchange->fetch;
	CURL *curl = fetch->curl;

	curl_easy_reset(curl);
	fetch->trouble[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetch->trouble);
	curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, fetch->settings.user_agent);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	set_security(fetch);
	set_times(fetch, stream);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	for (; headers && *headers; headers++) {
		if (!header_add(exchange, *headers))
			return false;
	}
	return header_set(exchange, "Authorization", fetch->authorization);
}

/* ---- what comes back ---- */

static const char *answer_header(struct fetch *fetch, const char *name)
{
	struct curl_header *header = NULL;

	if (curl_easy_header(fetch->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

static long answer_status(struct fetch *fetch)
{
	long status = 0;

	curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool stop(struct exchange *exchange)
{
	exchange->stopped = true;
	return false;
}

static bool collect(struct exchange *exchange, const void *data, size_t size)
{
	if (size > exchange->body_max - exchange->body_size) {
		err_set(exchange->err, E_FETCH_LIMIT, "the answer is over %zu bytes",
			exchange->body_max);
		return stop(exchange);
	}
	size_t room = exchange->body_room ? exchange->body_room : 4096;
	while (room < exchange->body_size + size)
		room *= 2;
	if (room != exchange->body_room) {
		unsigned char *longer = realloc(exchange->body, room);
		if (!longer) {
			err_set(exchange->err, E_OS, "out of memory");
			return stop(exchange);
		}
		exchange->body = longer;
		exchange->body_room = room;
	}
	memcpy(exchange->body + exchange->body_size, data, size);
	exchange->body_size += size;
	return true;
}

/* "bytes 5-9/10": from where we asked to the end, of the size we know. */
static bool range_fits(const struct exchange *exchange)
{
	const char *text = answer_header(exchange->fetch, "Content-Range");
	unsigned long long first, last, total;
	int end = 0;

	if (!text || strncasecmp(text, "bytes ", 6) != 0)
		return false;
	text += 6;
	if (sscanf(text, "%20llu-%20llu/%20llu%n", &first, &last, &total, &end) != 3 ||
	    text[end] != '\0' || first != exchange->offset || last + 1 != total)
		return false;
	return exchange->expected == UINT64_MAX || total == exchange->expected;
}

/* Is this the file we asked for? Decided at its first byte, or at the end if none came. */
static bool download_judge(struct exchange *exchange)
{
	long status = answer_status(exchange->fetch);
	curl_off_t length = -1;

	exchange->judged = true;
	curl_easy_getinfo(exchange->fetch->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status != 200 && status != 206) {
		exchange->refused = true;
		return true;
	}
	if (exchange->offset > 0 && (status != 206 || !range_fits(exchange))) {
		err_set(exchange->err, E_FETCH_RANGE,
			"the server does not continue the file at byte %llu; fetch it from its beginning",
			(unsigned long long)exchange->offset);
		return stop(exchange);
	}
	if (exchange->offset == 0 && status == 206) {
		err_set(exchange->err, E_FETCH, "the server sent a part where all was asked for");
		return stop(exchange);
	}
	if (length >= 0 && exchange->expected != UINT64_MAX &&
	    (uint64_t)length != exchange->expected - exchange->offset) {
		err_set(exchange->err, E_FETCH,
			"the file on the server has another size than recorded: %lld bytes to come",
			(long long)length);
		return stop(exchange);
	}
	return true;
}

static bool download_take(struct exchange *exchange, const void *data, size_t size)
{
	if (!exchange->judged && !download_judge(exchange))
		return false;
	if (exchange->refused)
		return collect(exchange, data, size);
	if (exchange->expected != UINT64_MAX &&
	    size > exchange->expected - exchange->offset - exchange->got) {
		err_set(exchange->err, E_FETCH_LIMIT, "the file is longer than recorded");
		return stop(exchange);
	}
	if (!exchange->sink(exchange->sink_context, bytes_of(data, size), exchange->err))
		return stop(exchange);
	exchange->got += size;
	return true;
}

static size_t take(char *data, size_t unit, size_t count, void *at)
{
	struct exchange *exchange = at;
	size_t size = unit * count;
	bool good = exchange->sink ? download_take(exchange, data, size)
				   : collect(exchange, data, size);

	/* Anything but size ends the exchange; 0 would not, were the piece empty. */
	return good ? size : size + 1;
}

/* ---- performing ---- */

/* A peer that went away must not end the program, whatever it does with SIGPIPE. */
static CURLcode perform_quietly(CURL *curl)
{
	const struct timespec now = {0};
	sigset_t pipe, before, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	CURLcode code = curl_easy_perform(curl);
	if (!sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static bool trouble_tell(const struct exchange *exchange, CURLcode code)
{
	const char *why = exchange->fetch->trouble;
	const char *url = exchange->url;
	int shown = (int)strcspn(url, "?");

	if (exchange->stopped) {
		err_set(exchange->err, E_BUG, "an exchange was stopped without a reason");
		return false;
	}
	shown = shown > 100 ? 100 : shown;
	why = why[0] ? why : curl_easy_strerror(code);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_fail(exchange->err, E_INPUT, "%.*s is not an http or https address",
				shown, url);
	return err_fail(exchange->err, E_FETCH, "%.*s: %s", shown, url, why);
}

static bool exchange_perform(struct exchange *exchange)
{
	CURL *curl = exchange->fetch->curl;

	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
	CURLcode code = perform_quietly(curl);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	return code == CURLE_OK || trouble_tell(exchange, code);
}

static const char *answer_text(struct exchange *exchange, const char *name)
{
	const char *value = answer_header(exchange->fetch, name);

	return value ? text_printable(exchange->arena, bytes_of_text(value), 256) : NULL;
}

static bool answer_fill(struct exchange *exchange, struct fetch_answer *out)
{
	const char *retry = answer_header(exchange->fetch, "Retry-After");
	curl_off_t length = -1;
	long long seconds = 0;

	if (exchange->body_size > arena_left(exchange->arena) ||
	    arena_left(exchange->arena) - exchange->body_size < ARENA_MARGIN)
		return err_fail(exchange->err, E_FETCH_LIMIT,
				"the answer is larger than the memory set aside for it");
	curl_easy_getinfo(exchange->fetch->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (retry && !text_int(retry, 0, 365 * 24 * 3600, &seconds))
		seconds = 0; /* a date: rare, and only a hint */
	*out = (struct fetch_answer){
		.status = (int)answer_status(exchange->fetch),
		.body = arena_bytes(exchange->arena, bytes_of(exchange->body, exchange->body_size)),
		.content_type = answer_text(exchange, "Content-Type"),
		.request_id = answer_text(exchange, "X-Request-Id"),
		.retry_after_s = seconds,
		.content_length = length < 0 ? UINT64_MAX : (uint64_t)length,
	};
	return true;
}

static void exchange_end(struct exchange *exchange)
{
	/* The list holds the Authorization header. */
	for (struct curl_slist *line = exchange->headers; line; line = line->next)
		digest_forget(line->data, strlen(line->data));
	curl_slist_free_all(exchange->headers);
	free(exchange->body);
}

/* ---- exchanges ---- */

static void body_set(struct exchange *exchange, const char *method, struct bytes body)
{
	CURL *curl = exchange->fetch->curl;
	bool bare = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
		    strcmp(method, "DELETE") == 0;

	if (bare && body.size == 0)
		return;
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.size ? (const char *)body.data : "");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

bool fetch_exchange(struct fetch *fetch, struct arena *arena, const char *method, const char *url,
		    const char *const *headers, const char *content_type, struct bytes body,
		    size_t max, struct fetch_answer *out, struct err *err)
{
	struct exchange exchange = {
		.fetch = fetch, .arena = arena, .url = url, .err = err, .body_max = max};

	bool good = exchange_begin(&exchange, method, false, headers) &&
		    (content_type ? header_set(&exchange, "Content-Type", content_type)
				  : header_add(&exchange, "Content-Type:"));
	if (good)
		body_set(&exchange, method, body);
	good = good && exchange_perform(&exchange) && answer_fill(&exchange, out);
	exchange_end(&exchange);
	return good;
}

static bool type_is(const struct fetch_answer *answer, const char *type)
{
	size_t size = strlen(type);

	return answer->content_type && strncasecmp(answer->content_type, type, size) == 0 &&
	       (answer->content_type[size] == '\0' || answer->content_type[size] == ';' ||
		answer->content_type[size] == ' ');
}

/* Turns an answer that is not a success into an error; *problem is filled when it was ours. */
static bool answer_refuse(struct arena *arena, const struct fetch_answer *answer,
			  const struct doc **problem, struct err *err)
{
	const struct doc *doc = NULL;
	struct err trouble = {0};

	if (!type_is(answer, "application/problem+json") ||
	    !doc_parse(arena, answer->body, &doc, &trouble))
		return err_fail(err, E_FETCH, "the server answered with status %d", answer->status);
	const char *code_text = doc_get_text(doc, "code");
	const char *detail = doc_get_text(doc, "detail");
	enum err_code code = code_text ? err_code_of(code_text) : E_NONE;
	if (problem)
		*problem = doc;
	if (code == E_NONE)
		return err_fail(err, E_FETCH, "the server answered with status %d%s%s",
				answer->status, detail ? ": " : "", detail ? detail : "");
	return detail ? err_fail(err, code, "%s", detail) : err_fail(err, code, NULL);
}

bool fetch_json(struct fetch *fetch, struct arena *arena, const char *method, const char *url,
		const struct doc *body, const struct doc **out, struct err *err)
{
	static const char *const headers[] = {"Accept: application/json, application/problem+json",
					      NULL};
	struct bytes bytes = {0};
	struct fetch_answer answer;

	*out = NULL;
	if (body && !doc_canonical(arena, body, &bytes, err))
		return false;
	if (!fetch_exchange(fetch, arena, method, url, headers, body ? "application/json" : NULL,
			    bytes, JSON_MAX, &answer, err))
		return false;
	if (answer.status < 200 || answer.status > 299)
		return answer_refuse(arena, &answer, out, err);
	if (answer.body.size == 0)
		return true;
	if (doc_parse(arena, answer.body, out, err))
		return true;
	err_prefix(err, "the answer of the server");
	return false;
}

/* ---- files ---- */

static bool download_check(struct exchange *exchange, struct fetch_answer *out)
{
	if (!exchange->judged && !download_judge(exchange))
		return false;
	if (!answer_fill(exchange, out))
		return false;
	if (exchange->refused)
		return answer_refuse(exchange->arena, out, NULL, exchange->err);
	if (exchange->expected != UINT64_MAX &&
	    exchange->got != exchange->expected - exchange->offset)
		return err_fail(exchange->err, E_FETCH, "the file ended early; fetch the rest");
	return true;
}

bool fetch_download(struct fetch *fetch, struct arena *arena, const char *url, uint64_t offset,
		    uint64_t expected_bytes, fetch_sink sink, void *context,
		    struct fetch_answer *out, struct err *err)
{
	struct exchange exchange = {.fetch = fetch,
				    .arena = arena,
				    .url = url,
				    .err = err,
				    .body_max = PROBLEM_MAX,
				    .sink = sink,
				    .sink_context = context,
				    .offset = offset,
				    .expected = expected_bytes};
	char range[32];

	if (offset > expected_bytes)
		return err_fail(err, E_INPUT, "there are more bytes than the file has");
	if (offset == expected_bytes && offset > 0) {
		*out = (struct fetch_answer){.status = 206};
		return true;
	}
	bool good = exchange_begin(&exchange, "GET", true, NULL);
	if (offset > 0) {
		snprintf(range, sizeof(range), "%llu-", (unsigned long long)offset);
		curl_easy_setopt(fetch->curl, CURLOPT_RANGE, range);
	}
	good = good && exchange_perform(&exchange) && download_check(&exchange, out);
	exchange_end(&exchange);
	return good;
}

static size_t give(char *data, size_t unit, size_t count, void *at)
{
	struct exchange *exchange = at;
	uint64_t left = exchange->file_bytes - exchange->file_at;
	size_t size = unit * count < left ? unit * count : (size_t)left;
	ssize_t got;

	if (size == 0)
		return 0;
	do
		got = pread(exchange->file, data, size, (off_t)exchange->file_at);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		err_set(exchange->err, E_FILE, "the file to be sent ends before its stated size");
		stop(exchange);
		return CURL_READFUNC_ABORT;
	}
	exchange->file_at += (uint64_t)got;
	if (exchange->progress)
		exchange->progress(exchange->progress_context, exchange->file_at,
				   exchange->file_bytes);
	return (size_t)got;
}

/* libcurl begins again when a kept connection turns out to be dead. */
static int give_again(void *at, curl_off_t offset, int origin)
{
	struct exchange *exchange = at;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > exchange->file_bytes)
		return CURL_SEEKFUNC_FAIL;
	exchange->file_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

bool fetch_upload(struct fetch *fetch, struct arena *arena, const char *method, const char *url,
		  const char *content_type, int file, uint64_t file_bytes, fetch_progress progress,
		  void *context, struct fetch_answer *out, struct err *err)
{
	struct exchange exchange = {.fetch = fetch,
				    .arena = arena,
				    .url = url,
				    .err = err,
				    .body_max = UPLOAD_ANSWER_MAX,
				    .file = file,
				    .file_bytes = file_bytes,
				    .progress = progress,
				    .progress_context = context};
	CURL *curl = fetch->curl;

	bool good = exchange_begin(&exchange, method, true, NULL) &&
		    header_set(&exchange, "Content-Type", content_type);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)file_bytes);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, &exchange);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, give_again);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, &exchange);
	good = good && exchange_perform(&exchange) && answer_fill(&exchange, out);
	exchange_end(&exchange);
	return good;
}
