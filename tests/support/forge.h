/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_FORGE_H
#define TESTS_SUPPORT_FORGE_H

/*
 * For tests in which somebody who holds the ledger key rewrites what an installation wrote. A group
 * opens one story; each case begins with its ledger as it was, changes it, writes it as `forged`.
 */

#include "tests/support/evidence_story.h"

extern struct evidence_story forge_story;
extern const char *forge_whole;	  /* the package as it was fetched */
extern const char *forge_forged;  /* where a case writes its own */
extern struct arena *forge_arena; /* of one case */
extern struct evidence *forge_ledger;

int forge_begin(void **state);
int forge_end(void **state);
int forge_begin_case(void **state);
int forge_end_case(void **state);
/* A test of this name that gets `what` as its state. */
struct CMUnitTest forge_case(const char *name, CMUnitTestFunction test, const void *what);

/* Writes the forged package and expects this finding under the pinned roots. */
void forge_expect(enum verify_grade grade, const char *words);

/* Event number n of a kind: itself, its data to be changed, a text of its data. */
struct evidence_event *forge_event(enum event_kind kind, size_t n);
size_t forge_index(enum event_kind kind, size_t n);
struct doc *forge_data(enum event_kind kind, size_t n);
const char *forge_said(enum event_kind kind, size_t n, const char *member);
void forge_say(enum event_kind kind, size_t n, const char *member, const char *text);
/* An event at the end, at the time of the last; in front of index, at the time of the one there. */
struct evidence_event *forge_add(enum event_kind kind, const struct doc *data,
				 enum stream_kind stream, const char *id);
void forge_move_newest(size_t index);

/* The document that an event names by this member, to be changed; then the event names the new one. */
struct doc *forge_open(enum event_kind kind, size_t n, const char *member);
struct sha256_hex forge_close(enum event_kind kind, size_t n, const char *member,
			      const struct doc *doc);
/* Parts of a document, copied into it to be changed: a member, an item of a list. */
struct doc *forge_part(struct doc *whole, const char *member);
struct doc *forge_item(struct doc *whole, const char *member, size_t n);
struct doc *forge_without(const struct doc *list, size_t n);

#endif
