/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

/*
 * Does this evidence package prove what it says? Everything in it is computed again: digests, the
 * ledger's tree and streams, who was trusted with what at every event, each signature, each verdict,
 * permits, leases, device reports, the git record. No database, no network, no clock: events are
 * judged at their own time. docs/verify.md says what that proves and what not.
 *
 * Memory grows with what there is (people, releases, deployments, verdicts), not with the number of
 * events. Nothing the package holds can make this fail: what is wrong becomes a finding.
 */

#include "common/wire/trust.h"

enum verify_grade {
	VERIFY_NOTE,	   /* worth knowing, nothing is wrong */
	VERIFY_INCOMPLETE, /* something is not there to be checked */
	VERIFY_TAMPERED,   /* something does not hold */
};

struct verify_finding {
	enum verify_grade grade;
	const char *file; /* of the package; NULL when it is about none */
	int64_t index;	  /* of the event; -1: none */
	const char *kind; /* of the event, NULL: none or unreadable */
	const char *text; /* one sentence without its stop */
};

/* What was checked, how often. */
enum verify_count {
#define VERIFY_COUNT(name, words) name,
#include "audit/verify_counts.def"
#undef VERIFY_COUNT
	VERIFY_COUNTS
};
const char *verify_count_words(enum verify_count count); /* "signatures by personal keys" */
const char *verify_count_key(enum verify_count count);	 /* "COUNT_..." in lower case, for JSON */

enum { VERIFY_FINDINGS_MAX = 1000 };

struct verify_report {
	bool authenticated; /* an outside trust file was given */
	const char *scope;  /* NULL when there is no readable manifest */
	const char *origin;
	int64_t size;
	struct sha256_hex root;
	clock_us from, until; /* times of the first and last event */
	int64_t counts[VERIFY_COUNTS];
	const struct verify_finding *findings;
	size_t finding_count;
	int64_t more;		   /* findings beyond VERIFY_FINDINGS_MAX */
	enum verify_grade gravest; /* of all findings; VERIFY_NOTE also when there are none */
};

/* pin NULL: no outside trust; then it is only found whether the package fits itself. E_FILE when
 * there is no such folder. */
MUST_CHECK bool verify_package(struct arena *arena, const char *folder, const struct trust_pin *pin,
			       struct verify_report *out, struct err *err);

/* 0 ok; 1 tampered; 2 incomplete, not fresh, or consistent but not authenticated. */
int verify_exit(const struct verify_report *report);
/* "OK", "TAMPERED", "INCOMPLETE", "CONSISTENT, NOT AUTHENTICATED" */
const char *verify_word(const struct verify_report *report);
/* For people: what was checked, then the findings, one a line. */
char *verify_text(struct arena *arena, const struct verify_report *report);
struct doc *verify_doc(struct arena *arena, const struct verify_report *report);

#endif
