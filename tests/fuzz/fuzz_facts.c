/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts from anywhere, as a verifier meets them in a package: what is read is written as the same
 * bytes, and a decision over it has no way to fail.
 */

#include "tests/fuzz/fuzz.h"

#include "policy/decide.h"

#include <stdlib.h>

enum { ARENA_MAX = 256 * 1024 * 1024 };

static const char ruleset[] =
	"{\"name\":\"baseline\",\"requirements\":["
	"{\"cites\":[],\"demand\":\"d\",\"gate\":\"release\",\"id\":\"baseline.a\","
	"\"remedy\":\"{release}\",\"rule\":\"author-signature\"},"
	"{\"cites\":[],\"demand\":\"d\",\"gate\":\"release\",\"id\":\"baseline.b\","
	"\"remedy\":\"{product}\",\"rule\":\"record-signed\",\"with\":{\"kind\":\"test\","
	"\"not_author\":true,\"result\":\"passed\",\"role\":\"tester\","
	"\"subjects\":\"every-artifact\"}},"
	"{\"cites\":[],\"demand\":\"d\",\"gate\":\"campaign\",\"id\":\"baseline.c\","
	"\"remedy\":\"{campaign}\",\"rule\":\"signature\",\"with\":{\"count\":2,"
	"\"independent\":true,\"meaning\":\"released\",\"role\":\"release_manager\","
	"\"strength\":\"personal-key\"}}],"
	"\"status\":\"EXAMPLE\",\"title\":\"t\",\"type\":\"countersign.ruleset.v1\",\"version\":1}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes bytes = bytes_of(data, size);
	struct bytes rulesets[] = {bytes_of_text(ruleset)};
	struct bytes again;
	struct facts facts;
	struct policy_verdict verdict;
	struct err err = {0};

	if (facts_read(arena, bytes, &facts, &err)) {
		/* The reason from outside is the one text that writing may tidy up. */
		bool tidy = facts_same(facts.author.why, "");
		if (!facts_write(arena, &facts, &again, &err) ||
		    (tidy && !bytes_equal(bytes, again)) ||
		    !policy_decide(arena, bytes, rulesets, 1, &verdict, &err))
			abort();
	} else if (err.code == E_NONE) {
		abort();
	}
	arena_free(arena);
	return 0;
}
