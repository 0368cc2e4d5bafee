/* SPDX-License-Identifier: Apache-2.0 */
/* In which order is a package verified, and what was found? For countersign-verify and its tests. */

#include "audit/verify_internal.h"

#include "audit/chain.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	WORK_BYTES = 512 * 1024 * 1024, /* a plan of 8 MiB, read and written again */
	FINDING_TEXT = 400,
};

/* ---- counts ---- */

static const struct {
	const char *key;
	const char *words;
} counts[VERIFY_COUNTS] = {
#define VERIFY_COUNT(name, words) [name] = {#name, words},
#include "audit/verify_counts.def"
#undef VERIFY_COUNT
};

const char *verify_count_words(enum verify_count count)
{
	return counts[count].words;
}

const char *verify_count_key(enum verify_count count)
{
	return counts[count].key;
}

void verify_counted(struct verify *verify, enum verify_count count)
{
	verify->report->counts[count]++;
}

/* ---- findings ---- */

static void keep_finding(struct verify *verify, enum verify_grade grade, const char *file,
			 const char *words)
{
	struct verify_report *report = verify->report;

	if (grade > report->gravest)
		report->gravest = grade;
	if (report->finding_count == VERIFY_FINDINGS_MAX) {
		report->more++;
		return;
	}
	verify->findings[report->finding_count++] = (struct verify_finding){
		.grade = grade,
		.file = file ? verify_keep(verify, file) : NULL,
		.index = verify->index,
		.kind = verify->view ? event_kind_text(verify->view->event.kind) : NULL,
		.text = words,
	};
}

void verify_find(struct verify *verify, enum verify_grade grade, const char *file,
		 const char *format, ...)
{
	char words[FINDING_TEXT];
	va_list more;

	va_start(more, format);
	vsnprintf(words, sizeof(words), format, more);
	va_end(more);
	/* What names bytes of a package may hold some of them. */
	const char *text = text_printable(verify->arena, bytes_of_text(words), sizeof(words));
	if (file && verify->index < 0) {
		const char *key = arena_printf(verify->arena, "%s: %s", file, text);
		if (names_find(verify->said, key))
			return;
		names_put(verify->said, key, verify);
	}
	keep_finding(verify, grade, file, text);
}

const char *verify_keep(struct verify *verify, const char *text)
{
	return arena_text(verify->arena, text);
}

/* ---- the event at hand ---- */

const char *verify_text_of(struct verify *verify, const char *key)
{
	const char *text = doc_get_text(verify->view->event.data, key);

	if (!text)
		verify_find(verify, VERIFY_TAMPERED, NULL, "its data says no %s", key);
	return text ? text : "";
}

int64_t verify_int_of(struct verify *verify, const char *key)
{
	const struct doc *member = doc_get(verify->view->event.data, key);

	if (!member || doc_kind(member) != DOC_KIND_INT)
		verify_find(verify, VERIFY_TAMPERED, NULL, "its data says no %s", key);
	return doc_int(member, 0);
}

bool verify_sha256_of(struct verify *verify, const char *key, struct sha256_hex *out)
{
	struct err none = {0};

	if (!id_sha256_read(verify_text_of(verify, key), out, &none))
		return verify_tampered(verify, NULL, "its %s is not a digest", key);
	return true;
}

const char *verify_stream_of(struct verify *verify, enum stream_kind kind)
{
	const struct event *event = &verify->view->event;

	for (size_t i = 0; i < event->stream_count; i++) {
		if (event->streams[i].kind == kind)
			return event->streams[i].id;
	}
	verify_find(verify, VERIFY_TAMPERED, NULL, "it stands in no stream of a %s",
		    stream_kind_text(kind));
	return "";
}

bool verify_settled(const struct verify *verify, clock_us at)
{
	return at < verify->view->at - VERIFY_SETTLE;
}

bool verify_lives(const struct verify *verify, const struct verify_life *life)
{
	return life->until_index < 0 || !verify_settled(verify, life->until_at);
}

bool verify_over(const struct verify *verify, const struct verify_life *life)
{
	return life->until_index >= 0 && verify_settled(verify, life->until_at);
}

void verify_begin(const struct verify *verify, struct verify_life *life)
{
	*life = (struct verify_life){
		.since_index = verify->index, .since_at = verify->view->at, .until_index = -1};
}

void verify_end(const struct verify *verify, struct verify_life *life)
{
	life->until_index = verify->index;
	life->until_at = verify->view->at;
}

/* ---- the order ---- */

static void release_arena(void *arena)
{
	arena_free(arena);
}

static struct arena *arena_inside(struct arena *arena, size_t max)
{
	struct arena *made = arena_new(max);

	arena_defer(arena, release_arena, made);
	return made;
}

static void begin(struct verify *verify, struct arena *arena, const struct trust_pin *pin,
		  struct verify_report *report)
{
	struct names **tables[] = {
		&verify->said,		&verify->streams,    &verify->persons,
		&verify->keys,		&verify->products,   &verify->rulesets,
		&verify->devices,	&verify->drafts,     &verify->uploads,
		&verify->releases,	&verify->records,    &verify->challenges,
		&verify->versions,	&verify->signatures, &verify->verdicts,
		&verify->campaigns,	&verify->permits,    &verify->deployments,
		&verify->acts_by_event, &verify->refs,	     &verify->reports,
	};

	*verify = (struct verify){
		.arena = arena, .pin = pin, .report = report, .index = -1, .lease_file = -1};
	verify->work = arena_inside(arena, WORK_BYTES);
	verify->lease_arena = arena_inside(arena, WORK_BYTES);
	verify->findings = arena_array(arena, VERIFY_FINDINGS_MAX, sizeof(*verify->findings));
	verify->chain = chain_start();
	report->findings = verify->findings;
	report->authenticated = pin != NULL;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		*tables[i] = names_new(arena);
	memset(verify->statement_sha256.text, '0', sizeof(verify->statement_sha256.text) - 1);
}

static bool open_manifest(struct verify *verify, const char *folder, struct err *err)
{
	struct verify_report *report = verify->report;

	if (!package_open(verify->arena, folder, &verify->package, err))
		return false;
	report->scope = verify->package.scope;
	report->origin = verify->package.origin;
	report->size = verify->package.size;
	report->root = verify->package.root;
	for (size_t i = 0; i < verify->package.missing_count; i++)
		verify_find(verify, VERIFY_INCOMPLETE, verify->package.missing[i].path,
			    "the manifest says that it was missing when the package was made");
	return true;
}

bool verify_package(struct arena *arena, const char *folder, const struct trust_pin *pin,
		    struct verify_report *out, struct err *err)
{
	struct verify *verify = arena_alloc(arena, sizeof(*verify));
	struct err why = {0};

	*out = (struct verify_report){0};
	begin(verify, arena, pin, out);
	if (!verify_folder_there(folder, err))
		return false;
	if (!open_manifest(verify, folder, &why)) {
		verify_find(verify, why.code == E_FILE ? VERIFY_INCOMPLETE : VERIFY_TAMPERED,
			    "manifest.json", "it cannot be read: %s", why.text);
		return true;
	}
	verify_files(verify);
	verify_ledger_walk(verify);
	if (verify->walked) {
		verify_directory_end(verify);
		verify_device_end(verify);
		verify_ledger_head(verify);
		verify_git_end(verify);
		verify_seal(verify);
		verify_pinned(verify);
		verify_ledger_roots(verify);
	}
	return true;
}
