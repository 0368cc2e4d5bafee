/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says about itself: its framing, checked before anything is believed, and the
 * questions handlers ask of it. Headers may be read by a worker, because libmicrohttpd leaves a
 * suspended connection alone.
 */

#include "common/log.h"
#include "common/web_internal.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

struct request *web_request_new(struct web *web, const char *target)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->web = web;
	request->arena = arena_new(WEB_ARENA_MAX);
	request->stage = STAGE_MATCH;
	request->content_length = UINT64_MAX;
	if (target && strlen(target) <= WEB_URL_MAX)
		request->sent_target = arena_text(request->arena, target);
	return request;
}

void web_request_free(struct request *request)
{
	if (request->response)
		MHD_destroy_response(request->response);
	free(request->buffer);
	arena_free(request->arena);
	free(request);
}

/* ---- headers ---- */

struct framing {
	unsigned lengths, encodings, hosts, credentials;
	const char *length, *encoding, *host;
};

static enum MHD_Result framing_count(void *at, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	struct framing *framing = at;

	(void)kind;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
		framing->lengths++;
		framing->length = value;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		framing->encodings++;
		framing->encoding = value;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
		framing->hosts++;
		framing->host = value;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0) {
		framing->credentials++;
	}
	return MHD_YES;
}

static bool host_valid(const char *host)
{
	size_t size = strlen(host);
	size_t name;

	if (size == 0 || size > 255)
		return false;
	if (host[0] == '[') {
		name = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
		if (name == 1 || host[name] != ']')
			return false;
		name++;
	} else {
		name = strspn(host,
			      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
		if (name == 0)
			return false;
	}
	if (host[name] == '\0')
		return true;
	size_t digits = host[name] == ':' ? strspn(host + name + 1, "0123456789") : 0;
	return digits > 0 && digits <= 5 && host[name + 1 + digits] == '\0';
}

static bool length_read(const char *text, uint64_t *out)
{
	uint64_t value = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	*out = value;
	return true;
}

/* A request that two programs could cut in different places is refused: the next one on this
 * connection would begin somewhere else for a proxy than for us (RFC 9112, 6.1 and 11.2). */
static bool framing_read(struct request *request, struct err *err)
{
	struct framing framing = {0};

	MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, framing_count, &framing);
	request->broken = true;
	if (framing.lengths > 1 || framing.encodings > 1 || (framing.lengths && framing.encodings))
		return err_fail(err, E_INPUT, "the length of the body is stated more than once");
	if (framing.encoding && strcasecmp(framing.encoding, "chunked") != 0)
		return err_fail(err, E_INPUT, "the only Transfer-Encoding taken here is chunked");
	if (framing.length && !length_read(framing.length, &request->content_length))
		return err_fail(err, E_INPUT, "the Content-Length is not a number in range");
	if (framing.hosts > 1 || (framing.host && !host_valid(framing.host)))
		return err_fail(err, E_INPUT, "the Host header is not a host and a port");
	request->broken = false;
	/* A proxy in front may have looked at the other one. */
	if (framing.credentials > 1)
		return err_fail(err, E_INPUT, "the Authorization header is there more than once");
	request->host = framing.host;
	request->has_body = framing.encoding || (framing.length && request->content_length > 0);
	if (!framing.encoding && !framing.length)
		request->content_length = 0;
	return true;
}

bool web_request_open(struct request *request, struct err *err)
{
	const char *id = web_header(request, "X-Request-Id");
	const char *expect = web_header(request, MHD_HTTP_HEADER_EXPECT);

	request->now = clock_now();
	/* It goes into events and to the keeper, as a name. */
	if (id && id_name_valid(id, WEB_ID_MAX))
		snprintf(request->id, sizeof(request->id), "%s", id);
	else
		id_uuid_draw(request->id);
	request->expects = expect && strcasecmp(expect, "100-continue") == 0;
	return framing_read(request, err);
}

bool web_request_match(struct request *request, struct err *err)
{
	struct web *web = request->web;
	enum web_method method = WEB_GET;
	bool known = web_route_method(request->method, &method);

	request->head = strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0;
	if (!request->sent_target)
		return err_fail(err, E_URL_LIMIT, NULL);
	if (!web_route_split(request->arena, request->sent_target, &request->target, err))
		return false;
	request->pattern = web_route_find(web->patterns, web->settings.route_count, known, method,
					  &request->target, &request->allowed);
	if (request->pattern)
		return true;
	return request->allowed ? err_fail(err, E_METHOD, NULL) : err_fail(err, E_ROUTE, NULL);
}

void web_request_check_peer(struct request *request)
{
	struct web_connection *connection = request->connection;
	const union MHD_ConnectionInfo *info;

	if (connection->peer_checked || !request->web->settings.client_authority)
		return;
	connection->peer_checked = true;
	pthread_mutex_lock(&request->web->lock);
	request->web->peer_checks++;
	pthread_mutex_unlock(&request->web->lock);
	info = MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info && info->tls_session)
		web_peer_check(connection, info->tls_session);
}

/* ---- questions of handlers ---- */

struct arena *web_arena(struct request *request)
{
	return request->arena;
}

void *web_app(struct request *request)
{
	return request->web->settings.app;
}

const char *web_request_id(struct request *request)
{
	return request->id;
}

clock_us web_now(struct request *request)
{
	return request->now;
}

const char *web_path(struct request *request)
{
	return request->target.path ? request->target.path : "";
}

bool web_head(struct request *request)
{
	return request->head;
}

const char *web_param(struct request *request, const char *name)
{
	return web_route_param(request->pattern, &request->target, name);
}

const char *web_query(struct request *request, const char *name)
{
	for (size_t i = 0; i < request->target.pair_count; i++) {
		if (strcmp(request->target.pairs[i].name, name) == 0)
			return request->target.pairs[i].value;
	}
	return NULL;
}

const char *web_header(struct request *request, const char *name)
{
	if (!request->mhd)
		return NULL;
	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

static const char *address_text(struct arena *arena, const struct sockaddr *address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN] = "";

	if (address->sa_family == AF_INET) {
		struct sockaddr_in four;
		memcpy(&four, address, sizeof(four));
		inet_ntop(AF_INET, &four.sin_addr, text, sizeof(text));
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 six;
		memcpy(&six, address, sizeof(six));
		if (memcmp(&six.sin6_addr, mapped, sizeof(mapped)) == 0)
			inet_ntop(AF_INET, (const unsigned char *)&six.sin6_addr + sizeof(mapped),
				  text, sizeof(text));
		else
			inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text));
	}
	return arena_text(arena, text);
}

const char *web_remote(struct request *request)
{
	const union MHD_ConnectionInfo *info;

	if (request->remote)
		return request->remote;
	if (!request->mhd)
		return "";
	info = MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	request->remote =
		info && info->client_addr ? address_text(request->arena, info->client_addr) : "";
	return request->remote;
}

const struct doc *web_doc(struct request *request)
{
	return request->doc;
}

struct bytes web_raw(struct request *request)
{
	return bytes_of(request->buffer, request->buffer_used);
}

uint64_t web_content_length(struct request *request)
{
	return request->content_length;
}

static bool peer_valid(const struct request *request)
{
	const struct web_connection *connection = request->connection;

	return connection && connection->peer[0] && request->now < connection->peer_until;
}

const char *web_peer(struct request *request)
{
	return peer_valid(request) ? request->connection->peer : NULL;
}

const struct sha256_hex *web_peer_fingerprint(struct request *request)
{
	return peer_valid(request) ? &request->connection->fingerprint : NULL;
}

const char *web_base_url(struct request *request)
{
	const struct web_settings *settings = &request->web->settings;
	const char *scheme = settings->tls_certificate ? "https" : "http";

	if (request->host)
		return arena_printf(request->arena, "%s://%s", scheme, request->host);
	bool six = strchr(settings->listen, ':') != NULL;
	return arena_printf(request->arena, "%s://%s%s%s:%u", scheme, six ? "[" : "",
			    settings->listen, six ? "]" : "", request->web->port);
}

void web_set_actor(struct request *request, const void *actor)
{
	request->actor = actor;
}

const void *web_actor(struct request *request)
{
	return request->actor;
}

uint64_t web_peer_checks(struct web *web)
{
	pthread_mutex_lock(&web->lock);
	uint64_t checks = web->peer_checks;
	pthread_mutex_unlock(&web->lock);
	return checks;
}

uint64_t web_batches(struct web *web)
{
	pthread_mutex_lock(&web->lock);
	uint64_t batches = web->batches;
	pthread_mutex_unlock(&web->lock);
	return batches;
}
