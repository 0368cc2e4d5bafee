/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed and posted documents of every type: what is read is written with exactly the same bytes.
 * The type inside decides which reader gets it.
 */

#include "tests/fuzz/fuzz.h"

#include "common/wire/content.h"
#include "common/wire/directory.h"
#include "common/wire/manifest.h"
#include "common/wire/papers.h"
#include "common/wire/permit.h"
#include "common/wire/plan.h"
#include "common/wire/proof.h"
#include "common/wire/record.h"
#include "common/wire/statement.h"
#include "common/wire/target.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 * 1024 * 1024 };

static void must(bool condition)
{
	if (!condition)
		abort();
}

#define ROUND_TRIP(name)                                                              \
	static void round_##name(struct arena *arena, struct bytes bytes, bool exact) \
	{                                                                             \
		struct name value;                                                    \
		struct bytes again;                                                   \
		struct err err = {0};                                                 \
		if (!name##_parse(arena, bytes, &value, &err)) {                      \
			must(err.code != E_NONE && err.text[0] != '\0');              \
			return;                                                       \
		}                                                                     \
		must(name##_write(arena, &value, &again, &err));                      \
		must(!exact || bytes_equal(bytes, again));                            \
	}

ROUND_TRIP(manifest)
ROUND_TRIP(trust)
ROUND_TRIP(record)
ROUND_TRIP(content)
ROUND_TRIP(plan)
ROUND_TRIP(statement)
ROUND_TRIP(hold)
ROUND_TRIP(directory)
ROUND_TRIP(target)
ROUND_TRIP(permit)
ROUND_TRIP(lease)
ROUND_TRIP(papers)
ROUND_TRIP(proof)
ROUND_TRIP(envelope)
ROUND_TRIP(trust_pin)

static const struct {
	const char *type;
	void (*round)(struct arena *arena, struct bytes bytes, bool exact);
} documents[] = {
	{MANIFEST_TYPE, round_manifest}, {TRUST_TYPE, round_trust},
	{RECORD_TYPE, round_record},	 {CONTENT_TYPE, round_content},
	{PLAN_TYPE, round_plan},	 {STATEMENT_TYPE, round_statement},
	{HOLD_TYPE, round_hold},	 {DIRECTORY_TYPE, round_directory},
	{TARGET_TYPE, round_target},	 {PERMIT_TYPE, round_permit},
	{LEASE_TYPE, round_lease},	 {PAPERS_TYPE, round_papers},
	{PROOF_TYPE, round_proof},
};

static void round_request(struct arena *arena, const struct doc *doc)
{
	struct papers_request request;
	struct bytes again;
	struct err err = {0};

	if (papers_request_read(arena, doc, &request, &err))
		must(papers_request_write(arena, &request, &again, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes bytes = bytes_of(data, size);
	const struct doc *doc = NULL;
	struct err err = {0};

	if (doc_parse(arena, bytes, &doc, &err)) {
		const char *type = doc_get_text(doc, "type");
		for (size_t i = 0; type && i < sizeof(documents) / sizeof(documents[0]); i++) {
			if (strcmp(documents[i].type, type) == 0)
				documents[i].round(arena, bytes, true);
		}
		round_request(arena, doc);
	}
	round_envelope(arena, bytes, false);
	round_trust_pin(arena, bytes, false);
	arena_free(arena);
	return 0;
}
