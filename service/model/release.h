/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_RELEASE_H
#define SERVICE_MODEL_RELEASE_H

/*
 * Releases. An author drafts one (manifest and signature, checked here once and by the keeper
 * again) and has it sealed; who approved stands in the gate; anybody with the role may withdraw it,
 * without the keeper, for ever.
 */

#include "common/wire/manifest.h"
#include "service/model/keeper_call.h"

struct release_drafted {
	const char *release;
	bool before; /* this manifest was drafted before */
};
/*
 * Checks form, author's signature and key under the trust document in force, the artifacts, and
 * the person's role for the product. A refusal for the signature's sake is the event release.refused.
 * E_DOC_*, E_SIGNATURE*, E_TRUST_*, E_RELEASE_MANIFEST, E_ARTIFACT_*, E_DENIED.
 */
MUST_CHECK bool release_draft(struct model *model, const struct act *act, struct bytes manifest,
			      struct bytes author_cms, struct release_drafted *out,
			      struct err *err);

/* Regulated. E_RELEASE_UNKNOWN. */
MUST_CHECK bool release_seal(struct model *model, const struct act *act, const char *release,
			     struct keeper_place *place, struct err *err);
/* Needs no keeper; a second time says before. */
MUST_CHECK bool release_withdraw(struct model *model, const struct act *act, const char *release,
				 const char *reason, struct keeper_place *place, struct err *err);

/* ---- looking ---- */

struct release {
	const char *id;
	const char *product, *version;
	int64_t sequence;
	const char *state; /* "draft", "sealed", "withdrawn" */
	const char *manifest_sha256;
	const char *drafted_by;
	clock_us drafted_at;
};
MUST_CHECK bool release_list(struct model *model, const struct act *act, const struct page *page,
			     const struct release **out, size_t *count, bool *more,
			     struct err *err);

struct release_record {
	const char *id;
	int64_t version;
	const char *kind, *sha256, *added_by;
	bool current;
};
struct release_signature {
	const char *id, *person, *meaning, *strength, *object_kind, *object_id, *sha256,
		*statement_sha256;
	clock_us signed_at;
};
struct release_event {
	const char *event, *kind;
	int64_t index;
	clock_us sealed_at;
	const char *commit; /* NULL: none yet */
};
struct release_view {
	struct release release;
	struct manifest manifest;
	struct sha256_hex content_sha256; /* "": not sealed yet */
	const struct release_record *records;
	size_t record_count;
	const struct release_signature *signatures;
	size_t signature_count;
	const struct release_event *history;
	size_t history_count;
};
/* E_RELEASE_UNKNOWN. */
MUST_CHECK bool release_get(struct model *model, const struct act *act, const char *release,
			    struct release_view *out, struct err *err);

#endif
