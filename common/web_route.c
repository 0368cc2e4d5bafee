/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which row of the route table an address means, and what stands in its parameters. Pure: texts
 * in, texts out. The strictness is for those who use parameters and query values further down:
 * they get UTF-8 without control characters, and segments without slashes.
 */

#include "common/text.h"
#include "common/web_internal.h"

static const struct {
	const char *text;
	enum web_method method;
} methods[] = {
	{"GET", WEB_GET},   {"HEAD", WEB_GET},	    {"PUT", WEB_PUT},
	{"POST", WEB_POST}, {"DELETE", WEB_DELETE},
};

/* ---- the table ---- */

static bool route_takes(const struct route *route, struct err *err)
{
	if (route->permission == 0)
		return err_fail(err, E_BUG, "the route %s names no permission", route->pattern);
	bool stream = route->body == WEB_BODY_STREAM;
	int takers = (route->handler != NULL) + (route->sink != NULL) + (route->batch != NULL);
	if (takers != 1 || (route->sink != NULL) != stream)
		return err_fail(err, E_BUG, "the route %s needs one handler, sink or batch",
				route->pattern);
	if (stream &&
	    (!route->sink->begin || !route->sink->data || !route->sink->end || !route->sink->abort))
		return err_fail(err, E_BUG, "the route %s has half a sink", route->pattern);
	if ((route->body == WEB_BODY_NONE) != (route->body_max == 0))
		return err_fail(err, E_BUG, "the route %s must state the maximum of its body",
				route->pattern);
	if (route->body != WEB_BODY_NONE && !stream && route->body_max > WEB_COLLECT_MAX)
		return err_fail(err, E_BUG, "the route %s collects over %d bytes; use a stream",
				route->pattern, (int)WEB_COLLECT_MAX);
	return true;
}

static bool segment_read(const char *at, size_t size, struct web_segment *out)
{
	if (size == 0)
		return false;
	*out = (struct web_segment){.at = at, .size = size};
	if (at[0] != '{')
		return memchr(at, '{', size) == NULL && memchr(at, '}', size) == NULL;
	*out = (struct web_segment){.at = at + 1, .size = size - 2, .param = true};
	return size > 2 && at[size - 1] == '}';
}

bool web_route_compile(const struct route *route, struct web_pattern *out, struct err *err)
{
	struct web_pattern pattern = {.route = route};
	const char *at = route->pattern;

	if (!route_takes(route, err))
		return false;
	if (at[0] != '/')
		return err_fail(err, E_BUG, "the route %s does not begin with a slash", at);
	while (at[0] == '/' && (at[1] != '\0' || pattern.count > 0)) {
		size_t size = strcspn(++at, "/");
		if (pattern.count == WEB_SEGMENTS_MAX ||
		    !segment_read(at, size, &pattern.segments[pattern.count]))
			return err_fail(err, E_BUG, "the route %s is not well formed",
					route->pattern);
		pattern.count++;
		at += size;
	}
	*out = pattern;
	return true;
}

/* ---- an address ---- */

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

static bool decode(struct arena *arena, const char *at, size_t size, bool plus_is_blank,
		   const char **out, struct err *err)
{
	char *text = arena_alloc(arena, size + 1);
	size_t length = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)at[i];
		if (byte == '%') {
			int high = i + 2 < size ? hex_value(at[i + 1]) : -1;
			int low = i + 2 < size ? hex_value(at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return err_fail(
					err, E_URL,
					"a %% in the address is not followed by two hex digits");
			byte = (unsigned char)(high * 16 + low);
			i += 2;
			if (byte < 0x20 || byte == 0x7f)
				return err_fail(err, E_URL,
						"the address holds a control character");
		} else if (byte == '+' && plus_is_blank) {
			byte = ' ';
		}
		text[length++] = (char)byte;
	}
	text[length] = '\0';
	if (!text_utf8_valid(bytes_of(text, length)))
		return err_fail(err, E_URL, "the address is not UTF-8 when decoded");
	*out = text;
	return true;
}

static bool split_path(struct arena *arena, struct web_target *target, struct err *err)
{
	const char *at = target->path;

	while (at[0] == '/' && (at[1] != '\0' || target->count > 0)) {
		size_t size = strcspn(++at, "/");
		if (size == 0 || target->count == WEB_SEGMENTS_MAX) {
			target->unmatchable = true;
			if (size == 0 && at[0] == '\0')
				break;
			at += size;
			continue;
		}
		const char *segment = NULL;
		if (!decode(arena, at, size, false, &segment, err))
			return false;
		if (strchr(segment, '/'))
			return err_fail(err, E_URL, "the address holds an escaped slash");
		if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
			return err_fail(err, E_URL, "the address holds a dot segment");
		target->segments[target->count++] = segment;
		at += size;
	}
	return true;
}

static bool split_query(struct arena *arena, const char *at, struct web_target *target,
			struct err *err)
{
	target->pairs = arena_array(arena, WEB_PAIRS_MAX, sizeof(*target->pairs));
	while (*at) {
		size_t size = strcspn(at, "&");
		size_t name_size = strcspn(at, "=&");
		if (size > 0) {
			if (target->pair_count == WEB_PAIRS_MAX)
				return err_fail(err, E_URL, "the address has over %d query members",
						(int)WEB_PAIRS_MAX);
			struct web_pair *pair = &target->pairs[target->pair_count++];
			size_t value_at = name_size < size ? name_size + 1 : size;
			if (!decode(arena, at, name_size, true, &pair->name, err) ||
			    !decode(arena, at + value_at, size - value_at, true, &pair->value, err))
				return false;
		}
		at += size;
		if (*at == '&')
			at++;
	}
	return true;
}

bool web_route_split(struct arena *arena, const char *target, struct web_target *out,
		     struct err *err)
{
	size_t size = strlen(target);
	struct web_target parts = {0};

	if (size > WEB_URL_MAX)
		return err_fail(err, E_URL_LIMIT, "the address is over %d bytes", (int)WEB_URL_MAX);
	for (size_t i = 0; i < size; i++) {
		if (target[i] <= 0x20 || target[i] >= 0x7f)
			return err_fail(err, E_URL,
					"the address holds a byte that must be escaped");
	}
	if (target[0] != '/')
		return err_fail(err, E_URL, "the address does not begin with a slash");
	size_t path_size = strcspn(target, "?");
	parts.path = arena_text_of(arena, bytes_of(target, path_size));
	if (!split_path(arena, &parts, err))
		return false;
	if (target[path_size] == '?' && !split_query(arena, target + path_size + 1, &parts, err))
		return false;
	*out = parts;
	return true;
}

/* ---- matching ---- */

bool web_route_method(const char *text, enum web_method *out)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].text, text) == 0) {
			*out = methods[i].method;
			return true;
		}
	}
	return false;
}

static bool path_fits(const struct web_pattern *pattern, const struct web_target *target)
{
	if (pattern->count != target->count)
		return false;
	for (size_t i = 0; i < pattern->count; i++) {
		const struct web_segment *segment = &pattern->segments[i];
		const char *own = target->segments[i];
		if (!segment->param &&
		    (strncmp(segment->at, own, segment->size) != 0 || own[segment->size] != '\0'))
			return false;
	}
	return true;
}

const struct web_pattern *web_route_find(const struct web_pattern *patterns, size_t count,
					 bool method_known, enum web_method method,
					 const struct web_target *target, unsigned *allowed)
{
	*allowed = 0;
	if (target->unmatchable)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!path_fits(&patterns[i], target))
			continue;
		if (method_known && patterns[i].route->method == method)
			return &patterns[i];
		*allowed |= 1u << patterns[i].route->method;
	}
	return NULL;
}

const char *web_route_param(const struct web_pattern *pattern, const struct web_target *target,
			    const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < pattern->count; i++) {
		const struct web_segment *segment = &pattern->segments[i];
		if (segment->param && segment->size == size && memcmp(segment->at, name, size) == 0)
			return target->segments[i];
	}
	return NULL;
}

const char *web_route_allow(struct arena *arena, unsigned allowed)
{
	struct text text;

	text_init(&text, arena, 64);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!(allowed & 1u << methods[i].method))
			continue;
		if (text.length)
			text_add(&text, ", ");
		text_add(&text, methods[i].text);
	}
	return text.at;
}
