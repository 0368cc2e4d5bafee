/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is what I am about to sign what I was told? For the person who signs: nothing the service says is
 * taken on trust, everything is recomputed from the bytes that the digest covers.
 */

#include "service/ctl/review.h"

#include "common/digest.h"
#include "common/wire/content.h"
#include "common/wire/manifest.h"
#include "common/wire/plan.h"
#include "common/wire/record.h"

#include <string.h>

enum { DEVICES_SHOWN = 50, RULESET_MAX = 4 * 1024 * 1024, LIFE_MAX_S = 600 };
#define CLOCKS_APART (3600 * CLOCK_SECOND)

struct review {
	struct arena *arena;
	const struct statement *statement;
	const struct review_source *source;
	struct text *words;
	struct err *err;
};

/* ---- the statement ---- */

static bool other(struct err *err, const char *what)
{
	return err_fail(err, E_SIGNATURE,
			"The statement to be signed names another %s than was asked for; nothing "
			"was signed, tell your administrator",
			what);
}

bool review_statement(struct arena *arena, struct bytes bytes, const struct review_asked *asked,
		      struct statement *out, struct err *err)
{
	struct statement statement;

	if (!statement_parse(arena, bytes, &statement, err))
		return false;
	const struct {
		const char *what, *asked, *said;
	} pairs[] = {
		{"challenge", asked->challenge, statement.challenge},
		{"person", asked->person, statement.person},
		{"meaning", asked->meaning, statement.meaning},
		{"kind of object", asked->kind, statement.object.kind},
		{"object", asked->id, statement.object.id},
		{"reason", asked->reason, statement.reason ? statement.reason : ""},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (strcmp(pairs[i].asked, pairs[i].said) != 0)
			return other(err, pairs[i].what);
	}
	clock_us apart = statement.at - asked->now;
	if (apart > CLOCKS_APART || apart < -CLOCKS_APART)
		return err_fail(err, E_SIGNATURE,
				"The statement to be signed is of %s, over an hour from the time "
				"of this machine; nothing was signed",
				clock_format(statement.at).text);
	if (statement.expires_at <= statement.at ||
	    statement.expires_at - statement.at > LIFE_MAX_S * CLOCK_SECOND)
		return err_fail(err, E_SIGNATURE,
				"The statement to be signed is valid for too long; nothing was "
				"signed");
	*out = statement;
	return true;
}

void review_words(const struct statement *statement, struct text *words)
{
	text_addf(words, "Signed by   %s (%s)\n", statement->name, statement->person);
	text_addf(words, "Meaning     %s\n", statement->meaning);
	text_addf(words, "Reason      %s\n",
		  statement->reason && statement->reason[0] ? statement->reason : "-");
	text_addf(words, "Time        %s\n", clock_format(statement->at).text);
	text_addf(words, "Object      %s %s\n", statement->object.kind, statement->object.id);
	text_addf(words, "SHA-256     %s\n", statement->sha256.text);
}

/* ---- documents ---- */

static bool get(const struct review *review, const struct sha256_hex *sha256, size_t max,
		struct bytes *out, const char *what)
{
	struct bytes bytes;

	if (!review->source->get(review->source->context, sha256->text, max, &bytes, review->err))
		return false;
	if (strcmp(digest_sha256_hex(bytes).text, sha256->text) != 0)
		return err_fail(review->err, E_SIGNATURE,
				"The %s that the service sent is not the one of digest %s; nothing "
				"was signed, tell your administrator",
				what, sha256->text);
	*out = bytes;
	return true;
}

/* one and two say the same, or the documents do not belong together. */
static bool same(const struct review *review, const char *one, const char *two, const char *what)
{
	if (strcmp(one, two) == 0)
		return true;
	return err_fail(review->err, E_SIGNATURE,
			"What is to be signed does not fit together: it names another %s; nothing "
			"was signed, tell your administrator",
			what);
}

static bool get_manifest(const struct review *review, const struct sha256_hex *sha256,
			 const char *product, struct manifest *out)
{
	struct bytes bytes;

	if (!get(review, sha256, MANIFEST_BYTES_MAX, &bytes, "manifest") ||
	    !manifest_parse(review->arena, bytes, out, review->err) ||
	    !same(review, out->product, product, "product"))
		return false;
	text_addf(review->words, "Product     %s\n", out->product);
	text_addf(review->words, "Version     %s, sequence %lld, security floor %lld\n",
		  out->version, (long long)out->sequence, (long long)out->security_floor);
	text_add(review->words, "Hardware   ");
	for (size_t i = 0; i < out->hardware.count; i++)
		text_addf(review->words, " %s", out->hardware.at[i]);
	text_addf(review->words, "\nManifest    %s\n", sha256->text);
	for (size_t i = 0; i < out->artifact_count; i++)
		text_addf(review->words, "Artifact    %s, %lld bytes\n            SHA-256 %s\n",
			  out->artifacts[i].name, (long long)out->artifacts[i].size_bytes,
			  out->artifacts[i].sha256.text);
	return true;
}

/* ---- a record ---- */

static void tell_record(const struct review *review, const struct record *record,
			const struct sha256_hex *sha256)
{
	struct text *words = review->words;

	text_addf(words, "Record      %s version %lld: %s %s\n", record->id,
		  (long long)record->version, record->kind, record->result);
	text_addf(words, "            SHA-256 %s\n", sha256->text);
	text_addf(words, "            by %s at %s\n", record->tester,
		  clock_format(record->performed_at).text);
	/* Every line of the summary indented, so that it cannot look like one of ours. */
	for (const char *at = record->summary; *at;) {
		int length = (int)strcspn(at, "\n");
		text_addf(words, "            | %.*s\n", length, at);
		at += length + (at[length] == '\n');
	}
}

static bool get_record(const struct review *review, const struct sha256_hex *sha256,
		       struct record *out)
{
	struct bytes bytes;

	if (!get(review, sha256, RECORD_BYTES_MAX, &bytes, "record") ||
	    !record_parse(review->arena, bytes, out, review->err))
		return false;
	tell_record(review, out, sha256);
	return true;
}

static bool review_record(const struct review *review)
{
	const struct statement *statement = review->statement;
	struct record record;

	if (!get_record(review, &statement->sha256, &record) ||
	    !same(review, record.id, statement->object.id, "record") ||
	    !same(review, record.tester, statement->person, "tester"))
		return false;
	text_addf(review->words, "Release     %s of %s\n", record.release, record.product);
	for (size_t i = 0; i < record.subject_count; i++)
		text_addf(review->words, "Tested      %s\n            SHA-256 %s\n",
			  record.subjects[i].name, record.subjects[i].sha256.text);
	return true;
}

/* ---- a release ---- */

/* An approver has to see it when what was tested is not what ships. */
static void tell_uncovered(const struct review *review, const struct manifest *manifest,
			   const struct record *record)
{
	for (size_t i = 0; i < manifest->artifact_count; i++) {
		const struct manifest_artifact *artifact = &manifest->artifacts[i];
		bool covered = false;
		for (size_t j = 0; j < record->subject_count; j++)
			covered |=
				strcmp(record->subjects[j].sha256.text, artifact->sha256.text) == 0;
		if (!covered)
			text_addf(review->words, "            DOES NOT COVER %s\n", artifact->name);
	}
}

static bool review_records(const struct review *review, const struct content *content,
			   const struct manifest *manifest)
{
	for (size_t i = 0; i < content->record_count; i++) {
		const struct content_record *named = &content->records[i];
		struct record record;
		if (!get_record(review, &named->sha256, &record) ||
		    !same(review, record.id, named->id, "record") ||
		    !same(review, record.kind, named->kind, "kind of record") ||
		    !same(review, record.release, content->release, "release"))
			return false;
		if (record.version != named->version)
			return same(review, "", "another", "version of a record");
		tell_uncovered(review, manifest, &record);
	}
	if (content->record_count == 0)
		text_add(review->words, "Records     none\n");
	return true;
}

static bool review_rulesets(const struct review *review, const struct content *content)
{
	struct bytes bytes;

	for (size_t i = 0; i < content->ruleset_count; i++) {
		if (!get(review, &content->rulesets[i].sha256, RULESET_MAX, &bytes, "ruleset"))
			return false;
		text_addf(review->words, "Ruleset     %s\n            SHA-256 %s\n",
			  content->rulesets[i].name, content->rulesets[i].sha256.text);
	}
	return true;
}

static bool review_release(const struct review *review)
{
	const struct statement *statement = review->statement;
	struct manifest manifest;
	struct content content;
	struct bytes bytes;

	if (!get(review, &statement->sha256, CONTENT_BYTES_MAX, &bytes, "content of the release") ||
	    !content_parse(review->arena, bytes, &content, review->err) ||
	    !same(review, content.release, statement->object.id, "release") ||
	    !get_manifest(review, &content.manifest_sha256, content.product, &manifest) ||
	    !same(review, manifest.version, content.version, "version"))
		return false;
	if (manifest.sequence != content.sequence)
		return same(review, "", "another", "sequence number");
	text_addf(review->words, "Author's signature\n            SHA-256 %s\n",
		  content.author_cms_sha256.text);
	return review_records(review, &content, &manifest) && review_rulesets(review, &content);
}

/* ---- a campaign ---- */

static bool review_plan(const struct review *review, const struct sha256_hex *sha256)
{
	struct manifest manifest;
	struct bytes bytes;
	struct plan plan;

	if (!get(review, sha256, PLAN_BYTES_MAX, &bytes, "plan") ||
	    !plan_parse(review->arena, bytes, &plan, review->err) ||
	    !same(review, plan.campaign, review->statement->object.id, "campaign"))
		return false;
	text_addf(review->words, "Campaign    %s\n", plan.name);
	text_addf(review->words, "Plan        %s\n", sha256->text);
	text_addf(review->words, "From, to    %s, %s\n", clock_format(plan.not_before).text,
		  clock_format(plan.not_after).text);
	text_addf(review->words, "Release     %s\n", plan.release);
	if (!get_manifest(review, &plan.manifest_sha256, plan.product, &manifest))
		return false;
	text_addf(review->words, "Devices     %zu\n", plan.target_count);
	for (size_t i = 0; i < plan.target_count && i < DEVICES_SHOWN; i++)
		text_addf(review->words, "            %s, %s, market %s, site %s\n",
			  plan.targets[i].device, plan.targets[i].hardware, plan.targets[i].market,
			  plan.targets[i].site);
	if (plan.target_count > DEVICES_SHOWN)
		text_addf(review->words,
			  "            and %zu more; document get shows the plan with all\n",
			  plan.target_count - DEVICES_SHOWN);
	return true;
}

static bool review_campaign(const struct review *review)
{
	const struct statement *statement = review->statement;
	struct bytes bytes;
	struct hold hold;

	if (strcmp(statement->meaning, "resumed") != 0)
		return review_plan(review, &statement->sha256);
	if (!get(review, &statement->sha256, STATEMENT_BYTES_MAX, &bytes, "hold") ||
	    !hold_parse(review->arena, bytes, &hold, review->err) ||
	    !same(review, hold.campaign, statement->object.id, "campaign"))
		return false;
	text_addf(review->words, "Takes back  hold number %lld\n", (long long)hold.number);
	return review_plan(review, &hold.plan_sha256);
}

bool review_object(struct arena *arena, const struct statement *statement,
		   const struct review_source *source, struct text *words, struct err *err)
{
	struct review review = {arena, statement, source, words, err};
	bool good;

	if (strcmp(statement->object.kind, "record") == 0)
		good = review_record(&review);
	else if (strcmp(statement->object.kind, "release") == 0)
		good = review_release(&review);
	else
		good = review_campaign(&review);
	if (good && text_cut(words))
		return err_fail(err, E_DOC_LIMIT, "What is to be signed is too long to be shown");
	return good;
}
