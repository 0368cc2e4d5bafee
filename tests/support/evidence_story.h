/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_EVIDENCE_STORY_H
#define TESTS_SUPPORT_EVIDENCE_STORY_H

/*
 * A story over a whole installation, and the evidence package that its auditor fetches: a release
 * tested and approved, a campaign of three devices started, held, resumed; unit-1 confirms by its
 * signature, old-1 by its word, unit-2 is never heard of.
 */

#include "tests/support/evidence.h"
#include "tests/support/installation.h"

struct evidence_story {
	struct installation in;
	struct trust_pin pin;
	const char *campaign;
};

void evidence_story_open(struct evidence_story *story);
void evidence_story_close(struct evidence_story *story);
/* A new export, fetched file by file into a folder of the installation; its path. */
const char *evidence_story_export(struct evidence_story *story, const char *name);

#endif
