/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands in a request line: an address is refused, or its parts keep their promises. */

#include "tests/fuzz/fuzz.h"

#include "common/text.h"
#include "common/web_internal.h"

#include <stdlib.h>

enum { INPUT_MAX = 8192 };

static bool handler(struct request *request, struct reply *reply, struct err *err)
{
	(void)request;
	(void)reply;
	(void)err;
	return true;
}

static const struct route rows[] = {
	{.method = WEB_GET, .pattern = "/", .permission = 1, .handler = handler},
	{.method = WEB_GET, .pattern = "/v1/things/{thing}", .permission = 1, .handler = handler},
	{.method = WEB_GET, .pattern = "/{a}/{b}/{c}", .permission = 1, .handler = handler},
	{.method = WEB_POST, .pattern = "/{a}", .permission = 1, .handler = handler},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void demand(bool good)
{
	if (!good)
		abort();
}

static void check_text(const char *text)
{
	demand(text_utf8_valid(bytes_of_text(text)));
	for (; *text; text++)
		demand((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_target(struct arena *arena, const struct web_pattern *patterns,
			 const struct web_target *target)
{
	unsigned allowed = 0;

	demand(target->count <= WEB_SEGMENTS_MAX && target->pair_count <= WEB_PAIRS_MAX);
	for (size_t i = 0; i < target->count; i++) {
		check_text(target->segments[i]);
		demand(target->segments[i][0] != '\0' && !strchr(target->segments[i], '/'));
	}
	for (size_t i = 0; i < target->pair_count; i++) {
		check_text(target->pairs[i].name);
		check_text(target->pairs[i].value);
	}
	const struct web_pattern *found =
		web_route_find(patterns, ROWS, true, WEB_GET, target, &allowed);
	if (found == &patterns[2])
		demand(web_route_param(found, target, "c") == target->segments[2]);
	(void)web_route_allow(arena, allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct web_pattern patterns[ROWS];
	struct arena *arena = arena_new(4 * 1024 * 1024);
	struct web_target target = {0};
	struct err err = {0};

	for (size_t i = 0; i < ROWS; i++)
		demand(web_route_compile(&rows[i], &patterns[i], &err));
	if (size <= INPUT_MAX) {
		char *address = arena_text_of(arena, bytes_of(data, size));
		if (web_route_split(arena, address, &target, &err))
			check_target(arena, patterns, &target);
		else
			demand(err.code == E_URL || err.code == E_URL_LIMIT);
	}
	arena_free(arena);
	return 0;
}
