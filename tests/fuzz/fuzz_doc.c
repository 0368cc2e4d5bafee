/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents from anywhere: whatever is read can be written, what was written is read as the same,
 * and the lenient reader takes at least what the strict one takes.
 */

#include "tests/fuzz/fuzz.h"

#include "common/doc.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 * 1024 * 1024 };

struct probe {
	const char *text;
	int64_t number;
	bool flag;
	clock_us time;
	struct sha256_hex sha256;
	struct bytes bytes;
	const struct doc *object, *list;
};

static const struct doc_field fields[] = {
	DOC_TYPE_MEMBER,
	DOC_TEXT_OPT(struct probe, text, 1, 8),
	DOC_INT_OPT(struct probe, number, -5, 5),
	DOC_FLAG_OPT(struct probe, flag),
	DOC_TIME_OPT(struct probe, time),
	DOC_SHA256_OPT(struct probe, sha256),
	DOC_BYTES_OPT(struct probe, bytes, 4),
	DOC_OBJECT_OPT(struct probe, object),
	DOC_LIST_OPT(struct probe, list, 0, 3),
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* Everything that was read must come through writing unchanged. */
static struct bytes written(struct arena *arena, const struct doc *doc)
{
	const struct doc *again = NULL;
	struct bytes first, second;
	struct err err = {0};

	must(doc_canonical(arena, doc, &first, &err));
	must(doc_parse(arena, first, &again, &err));
	must(doc_canonical(arena, again, &second, &err));
	must(bytes_equal(first, second));
	must(doc_parse(arena, bytes_of_text(doc_pretty(arena, doc)), &again, &err));
	must(doc_canonical(arena, again, &second, &err));
	must(bytes_equal(first, second));
	return first;
}

static void probe_signed(struct arena *arena, struct bytes bytes, struct bytes canonical)
{
	const struct doc *doc = NULL;
	struct probe probe;
	struct err err = {0};

	if (!doc_parse_signed(arena, bytes, "t", &doc, &err)) {
		must(err.code == E_DOC_TYPE || !bytes_equal(bytes, canonical));
		return;
	}
	must(bytes_equal(bytes, canonical));
	if (doc_read(arena, doc, fields, DOC_COUNT(fields), &probe, &err))
		must(!probe.text || strlen(probe.text) <= 8);
	else
		must(err.code == E_DOC_FIELD && err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	const struct doc *doc = NULL, *lenient = NULL;
	struct bytes bytes = bytes_of(data, size);
	struct err err = {0}, lenient_err = {0};
	bool exact = doc_parse(arena, bytes, &doc, &err);
	bool loose = doc_parse_lenient(arena, bytes, &lenient, &lenient_err);

	must(loose || !exact);
	must(loose || lenient_err.text[0]);
	if (loose) {
		struct bytes of_lenient = written(arena, lenient);
		if (exact) {
			struct bytes canonical = written(arena, doc);
			must(bytes_equal(canonical, of_lenient));
			probe_signed(arena, bytes, canonical);
		}
	}
	arena_free(arena);
	return 0;
}
