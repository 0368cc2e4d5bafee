/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POLICY_FACTS_H
#define POLICY_FACTS_H

/*
 * Facts: everything a decision may look at, and the time it looks from. The document
 * (countersign.facts.v1, docs/protocol/documents.md) is the fact: it is hashed, stored and replayed;
 * the struct is its parsed view.
 *
 * facts_read takes canonical bytes only and refuses what contradicts itself: lists that are not
 * sorted or name a thing twice, a record whose digest is not that of its document, a superseded
 * version called current, a subject that is not the release or campaign described. Lists are sorted
 * by their first member, then by the next (bytes ascending, integers ascending): rulesets by name,
 * artifacts by name, records by id and version, contributions by person and kind, people by person,
 * their roles, signatures by id, expiries by what and time.
 *
 * facts_write is for the keeper: fill a struct in any order, it sorts, drops exact repeats from
 * contributions, roles, rulesets and expiries, and gives bytes that facts_read accepts.
 *
 * Words ("release", "approved", "personal-key") stay words: the same in SQL, documents and here.
 * Pointers live as long as the arena. Errors: E_FACTS, and those of doc.h for bytes that are not a
 * canonical document of this type.
 */

#include "common/arena.h"
#include "common/clock.h"
#include "common/doc.h"
#include "common/err.h"
#include "common/id.h"

#include <stdint.h>
#include <string.h>

/* Most of each, stated here because the keeper gathers them. */
enum {
	FACTS_RULESETS_MAX = 64,
	FACTS_ARTIFACTS_MAX = 16,
	FACTS_RECORDS_MAX = 1000,
	FACTS_SUBJECTS_MAX = 1000,
	FACTS_CONTRIBUTIONS_MAX = 5000,
	FACTS_PEOPLE_MAX = 5000,
	FACTS_ROLES_MAX = 64,
	FACTS_SIGNATURES_MAX = 5000,
	FACTS_EXPIRIES_MAX = 5000,
	FACTS_WHY_MAX = 240, /* bytes */
};

extern const char *const facts_gates[];		/* release, campaign */
extern const char *const facts_objects[];	/* release, record, campaign */
extern const char *const facts_meanings[];	/* tested, approved, released, resumed */
extern const char *const facts_strengths[];	/* keeper-checked, personal-key: weakest first */
extern const char *const facts_contributions[]; /* author, record, upload, draft */
extern const char *const facts_record_kinds[];	/* test */
extern const char *const facts_results[];	/* passed, failed */

struct facts_object {
	const char *kind;
	const char *id;
};

struct facts_product {
	const char *id;
	const char *const *rulesets; /* names of those that apply to it */
	size_t ruleset_count;
};

struct facts_artifact {
	const char *name;
	struct sha256_hex sha256;
	int64_t size_bytes;
};

struct facts_release {
	const char *id;
	const char *version;
	int64_t sequence;
	struct sha256_hex manifest_sha256;
	struct sha256_hex content_sha256; /* of countersign.release-content.v1 as it is now */
	bool withdrawn;
	const struct facts_artifact *artifacts;
	size_t artifact_count;
};

struct facts_author {
	bool valid; /* the author's CMS over the manifest holds at as_of */
	struct sha256_hex key_id;
	const char *person; /* NULL: the trust document names none */
	const char *why;    /* one clause when not valid, else "" */
};

struct facts_subject {
	const char *name;
	struct sha256_hex sha256;
};

/* What countersign.record.v1 says beyond id, version and kind. */
struct facts_record_body {
	const char *release;
	const char *product;
	const struct facts_subject *subjects;
	size_t subject_count;
	const char *result;
	const char *summary;
	const char *tester;
	clock_us performed_at;
};

struct facts_record {
	const char *id;
	int64_t version;
	const char *kind;
	struct sha256_hex sha256;      /* of document */
	bool current;		       /* the newest version of this record */
	struct bytes document;	       /* canonical countersign.record.v1 */
	struct facts_record_body body; /* by facts_read; facts_write reads it from document */
};

struct facts_contribution {
	const char *person;
	const char *kind;
};

struct facts_person {
	const char *person;
	bool active;		  /* has not left at as_of */
	const char *const *roles; /* held for this product, or for all, at as_of */
	size_t role_count;
};

struct facts_signature {
	const char *id;
	const char *person;
	const char *meaning;
	const char *strength;
	struct facts_object object;
	struct sha256_hex sha256; /* of what was shown */
	bool current;		  /* that is the object's present digest */
	clock_us signed_at;
};

struct facts_campaign {
	const char *id;
	struct sha256_hex plan_sha256;
	bool held;  /* a hold that is not released */
	bool ended; /* aborted, withdrawn, rejected, expired or completed */
	clock_us not_before;
	clock_us not_after;
	int64_t targets; /* how many devices */
};

/* The newest verdict of the release gate that is not stale (its epoch is the present one). */
struct facts_release_verdict {
	struct sha256_hex sha256;
	bool open;
	clock_us valid_until;
};

struct facts_expiry {
	const char *what; /* in words: "certificate of the author's key" */
	clock_us at;
};

struct facts {
	const char *gate;
	clock_us as_of;
	struct facts_object subject; /* gate release: the release; gate campaign: the campaign */
	struct facts_product product;
	struct facts_release release;
	struct facts_author author;
	const struct facts_record *records;
	size_t record_count;
	const struct facts_contribution *contributions;
	size_t contribution_count;
	const struct facts_person *people;
	size_t person_count;
	const struct facts_signature *signatures;
	size_t signature_count;
	/* Both NULL for gate release; for gate campaign the first is given, the second when there
	 * is such a verdict. */
	const struct facts_campaign *campaign;
	const struct facts_release_verdict *release_verdict;
	const struct facts_expiry *expiries;
	size_t expiry_count;
};

MUST_CHECK bool facts_read(struct arena *arena, struct bytes bytes, struct facts *out,
			   struct err *err);
MUST_CHECK bool facts_write(struct arena *arena, const struct facts *facts, struct bytes *out,
			    struct err *err);

/* NULL if the facts name no such person: nothing is known in their favour then. */
const struct facts_person *facts_person_find(const struct facts *facts, const char *person);
bool facts_person_holds(const struct facts_person *person, const char *role);

static inline bool facts_same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool facts_same_sha256(const struct sha256_hex *a, const struct sha256_hex *b)
{
	return facts_same(a->text, b->text);
}

#endif
