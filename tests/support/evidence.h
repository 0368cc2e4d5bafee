/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_EVIDENCE_H
#define TESTS_SUPPORT_EVIDENCE_H

/*
 * Evidence packages for tests: read from a folder or begun empty, changed, written again as whoever
 * holds the ledger key could write them. Writing numbers and links the streams anew, makes bundles,
 * root, checkpoint, manifest and seal; so what was changed can only be found by what it says.
 *
 * What goes wrong here fails the running test.
 */

#include "audit/checkpoint.h"
#include "audit/event.h"
#include "audit/names.h"
#include "audit/tree.h"
#include "audit/verify.h"
#include "common/sign.h"

struct evidence_event {
	struct event event;
	struct act act;
	const char *writer, *clock;
	bool raw;	      /* keeps its streams' numbers and links as they are */
	struct bytes instead; /* written in its place, whatever it is; empty: the event */
};

struct evidence_file {
	const char *path; /* below the package; not events, checkpoint, manifest, seal */
	struct bytes bytes;
};

struct evidence {
	struct arena *arena;
	const char *origin;
	struct evidence_event *events;
	size_t event_count, event_room;
	struct evidence_file *files;
	size_t file_count, file_room;
	const char *const *missing; /* said to be missing, NULL-ended; NULL: nothing */
};

/* Opens a package as it lies there; nothing is verified. */
struct evidence *evidence_read(struct arena *arena, const char *folder);
struct evidence *evidence_new(struct arena *arena, const char *origin);
/* Writes it under this ledger key into a folder that must not exist. */
void evidence_write(const struct evidence *evidence, const char *folder,
		    const struct sign_key *ledger);

/* Appends an event of the keeper at this time; streams are given by audit_stream on the result. */
struct evidence_event *evidence_append(struct evidence *evidence, enum event_kind kind, clock_us at,
				       const struct doc *data);
/* Event number n of this kind, from 0; fails the test when there is none. */
struct evidence_event *evidence_find(struct evidence *evidence, enum event_kind kind, size_t n);
size_t evidence_index(const struct evidence *evidence, const struct evidence_event *event);
void evidence_remove(struct evidence *evidence, size_t index);
void evidence_insert(struct evidence *evidence, size_t index, const struct evidence_event *event);
/* A copy of its data, set as its data, to be changed. */
struct doc *evidence_data(struct evidence *evidence, struct evidence_event *event);

/* A file of content/; put replaces, take removes. */
struct bytes evidence_get(const struct evidence *evidence, const char *path);
void evidence_put(struct evidence *evidence, const char *path, struct bytes bytes);
void evidence_take(struct evidence *evidence, const char *path);
/* content/documents/<sha256>.json; the digest. */
struct sha256_hex evidence_document(struct evidence *evidence, struct bytes bytes);
struct bytes evidence_get_document(const struct evidence *evidence, const char *sha256);
/* A document with one member changed: read, changed by hand, canonical again. */
struct doc *evidence_open(const struct evidence *evidence, struct bytes document);
struct bytes evidence_close(const struct evidence *evidence, const struct doc *doc);

/* ---- folders ---- */
void evidence_copy(const char *from,
		   const char *to); /* by hard links; change by evidence_file_put */
void evidence_remove_folder(const char *folder);
struct bytes evidence_file_get(struct arena *arena, const char *folder, const char *path);
void evidence_file_put(const char *folder, const char *path, struct bytes bytes); /* replaces */
/* Paths of all files, sorted. */
const char *const *evidence_list(struct arena *arena, const char *folder, size_t *count);
/* manifest.json made to fit the files that are there; the seal stays as it is. */
void evidence_fit_manifest(const char *folder);

/* ---- expectations ---- */
/* Verifies; the report lives in the arena. */
struct verify_report evidence_verify(struct arena *arena, const char *folder,
				     const struct trust_pin *pin);
/* Exit 0, and no finding graver than a note; prints what was found otherwise. */
void evidence_expect_ok(const char *folder, const struct trust_pin *pin);
/* Exit 1, or 2 when allowed, and a finding whose file, if wanted, is this and whose text holds the words. */
void evidence_expect_found(const char *folder, const struct trust_pin *pin, enum verify_grade grade,
			   const char *file, const char *words);

#endif
