/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_FAKE_DDI_H
#define TESTS_SUPPORT_FAKE_DDI_H

/*
 * A DDI server of a few lines around common/web.h, for tests of the agent: it offers what a test
 * says, gives out papers of the depot, and can lie in every way; it notes what it is told. It is no
 * model of our service, which has gates, leases and a ledger behind it; tests/flow has the real one.
 *
 * Fields above the line may be changed by the test between rounds, those below are read by it.
 */

#include "common/web.h"
#include "common/wire/proof.h"
#include "tests/support/depot.h"

#include <pthread.h>

enum { FAKE_NOTES_MAX = 64 };

struct fake_ddi {
	const struct depot *depot;
	const char *action;  /* offered; NULL: nothing */
	const char *cancel;  /* action that a cancel order names; NULL: none */
	const char *update;  /* NULL: "forced" */
	bool without_papers; /* the link is missing */
	bool wants_attributes;
	bool held;	     /* papers are refused with 409 lease.held */
	bool away;	     /* 503 to everything */
	bool no_ranges;	     /* the artifact is sent whole, whatever was asked for */
	int report_status;   /* 0: 200 */
	int feedback_status; /* 0: 200 */
	struct depot_order order;
	bool sends_trust_always;
	/* A last chance to spoil papers; order is the one they will be made to. */
	void (*spoil)(struct fake_ddi *fake, const char *step, struct depot_order *order);
	bool replays;	   /* every question gets the first answer there was */
	const char *image; /* path of the artifact */
	/* ---- */
	char url[64];
	struct web *web;
	struct arena *arena; /* of the notes */
	pthread_mutex_t lock;
	const char *questions[FAKE_NOTES_MAX]; /* steps asked for */
	size_t question_count;
	struct bytes reports[FAKE_NOTES_MAX]; /* documents inside the envelopes that were taken */
	size_t report_count, report_posts;
	const char *feedbacks[FAKE_NOTES_MAX]; /* "closed success", "proceeding none" */
	size_t feedback_count;
	size_t attributes_count, cancel_answers, downloads;
	const char *range; /* of the last download; NULL: all */
	struct bytes first_answer;
};

void given_fake_ddi(struct fake_ddi *fake, const struct depot *depot);
void forget_fake_ddi(struct fake_ddi *fake);

/* Writes the image into the depot's folder and the order. */
void fake_ddi_offer(struct fake_ddi *fake, struct bytes image);
/* The last report, its signature checked; fails the test when there is none. */
void fake_ddi_last_report(struct fake_ddi *fake, struct arena *arena, struct proof *out);

#endif
