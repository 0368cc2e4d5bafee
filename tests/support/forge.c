/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger rewritten by who holds its key. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/forge.h"

#include <stdio.h>
#include <string.h>

enum { CASE_BYTES = 512 * 1024 * 1024 };

struct evidence_story forge_story;
const char *forge_whole;
const char *forge_forged;
struct arena *forge_arena;
struct evidence *forge_ledger;

int forge_begin(void **state)
{
	(void)state;
	evidence_story_open(&forge_story);
	forge_whole = evidence_story_export(&forge_story, "package");
	forge_forged = arena_printf(forge_story.in.arena, "%s/forged", forge_story.in.dir);
	return 0;
}

int forge_end(void **state)
{
	(void)state;
	evidence_story_close(&forge_story);
	return 0;
}

int forge_begin_case(void **state)
{
	(void)state;
	forge_arena = arena_new(CASE_BYTES);
	forge_ledger = evidence_read(forge_arena, forge_whole);
	return 0;
}

int forge_end_case(void **state)
{
	(void)state;
	evidence_remove_folder(forge_forged);
	arena_free(forge_arena);
	return 0;
}

struct CMUnitTest forge_case(const char *name, CMUnitTestFunction test, const void *what)
{
	union {
		const void *ours;
		void *theirs;
	} state = {.ours = what};

	return (struct CMUnitTest){name, test, forge_begin_case, forge_end_case, state.theirs};
}

void forge_expect(enum verify_grade grade, const char *words)
{
	evidence_write(forge_ledger, forge_forged, forge_story.in.ledger.key);
	evidence_expect_found(forge_forged, &forge_story.pin, grade, NULL, words);
}

size_t forge_index(enum event_kind kind, size_t n)
{
	return evidence_index(forge_ledger, forge_event(kind, n));
}

struct evidence_event *forge_event(enum event_kind kind, size_t n)
{
	return evidence_find(forge_ledger, kind, n);
}

struct doc *forge_data(enum event_kind kind, size_t n)
{
	return evidence_data(forge_ledger, forge_event(kind, n));
}

const char *forge_said(enum event_kind kind, size_t n, const char *member)
{
	const char *text = doc_get_text(forge_event(kind, n)->event.data, member);

	assert_non_null(text);
	return text;
}

void forge_say(enum event_kind kind, size_t n, const char *member, const char *text)
{
	doc_set_text(forge_data(kind, n), member, text);
}

/* The document that the event names by this member, changed: the event names the new one. */
struct doc *forge_open(enum event_kind kind, size_t n, const char *member)
{
	return evidence_open(forge_ledger,
			     evidence_get_document(forge_ledger, forge_said(kind, n, member)));
}

struct sha256_hex forge_close(enum event_kind kind, size_t n, const char *member,
			      const struct doc *doc)
{
	struct sha256_hex sha256 =
		evidence_document(forge_ledger, evidence_close(forge_ledger, doc));

	forge_say(kind, n, member, sha256.text);
	return sha256;
}

/* A part of a document, to be changed: set again afterwards. */
struct doc *forge_part(struct doc *whole_doc, const char *member)
{
	struct bytes bytes = evidence_close(forge_ledger, doc_get(whole_doc, member));
	struct doc *copy = evidence_open(forge_ledger, bytes);

	doc_set(whole_doc, member, copy);
	return copy;
}

/* A list without its item n; a list with item n replaced. */
struct doc *forge_without(const struct doc *list, size_t n)
{
	struct doc *shorter = doc_array(forge_arena);

	for (size_t i = 0; i < doc_size(list); i++) {
		if (i != n)
			doc_add(shorter, doc_at(list, i));
	}
	return shorter;
}

struct doc *forge_item(struct doc *whole_doc, const char *member, size_t n)
{
	const struct doc *list = doc_get(whole_doc, member);
	struct doc *copy = doc_array(forge_arena);
	struct doc *item = NULL;

	for (size_t i = 0; i < doc_size(list); i++) {
		if (i == n) {
			item = evidence_open(forge_ledger,
					     evidence_close(forge_ledger, doc_at(list, i)));
			doc_add(copy, item);
		} else {
			doc_add(copy, doc_at(list, i));
		}
	}
	assert_non_null(item);
	doc_set(whole_doc, member, copy);
	return item;
}

/* An event of this kind about these streams, at the end, with the time of the event before. */
struct evidence_event *forge_add(enum event_kind kind, const struct doc *data,
				 enum stream_kind stream, const char *id)
{
	clock_us at = forge_ledger->events[forge_ledger->event_count - 1].act.at;
	struct evidence_event *event = evidence_append(forge_ledger, kind, at, data);

	event->event.streams[0] = (struct event_stream){.kind = stream, .id = id};
	event->event.stream_count = 1;
	return event;
}

/* Moves the newest event to in front of index. */
void forge_move_newest(size_t index)
{
	struct evidence_event event = forge_ledger->events[forge_ledger->event_count - 1];

	evidence_remove(forge_ledger, forge_ledger->event_count - 1);
	event.act.at = forge_ledger->events[index].act.at;
	evidence_insert(forge_ledger, index, &event);
}
