/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_REVIEW_H
#define SERVICE_CTL_REVIEW_H

/*
 * What does a person sign? The service and the keeper say it in a statement; this looks at it again
 * with nothing but the bytes: that it says what was asked for, and that its digest is the digest of
 * documents that speak of the object the person named. Every document that the digest covers is
 * fetched, its digest recomputed, and its content told in words.
 */

#include "common/text.h"
#include "common/wire/statement.h"

/* What was asked for. */
struct review_asked {
	const char *challenge;
	const char *person;
	const char *meaning;
	const char *kind; /* "release", "record", "campaign" */
	const char *id;
	const char *reason;
	clock_us now; /* of this machine; the statement's time may be an hour away from it */
};

/* Where the exact bytes of a digest come from. They are checked here. */
struct review_source {
	bool (*get)(void *context, const char *sha256, size_t max, struct bytes *out,
		    struct err *err);
	void *context;
};

/* E_SIGNATURE: it says something else than what was asked for; nothing may be signed. */
MUST_CHECK bool review_statement(struct arena *arena, struct bytes bytes,
				 const struct review_asked *asked, struct statement *out,
				 struct err *err);
/* Words for people, of what the statement's digest covers. E_SIGNATURE: the digest is not of what
 * the source has, or that speaks of another object. */
MUST_CHECK bool review_object(struct arena *arena, const struct statement *statement,
			      const struct review_source *source, struct text *words,
			      struct err *err);
/* The statement itself in words. */
void review_words(const struct statement *statement, struct text *words);

enum { REVIEW_WORDS_MAX = 1024 * 1024 };

#endif
