/* SPDX-License-Identifier: Apache-2.0 */
/* What does the verifier tell people and programs? First what was checked, then what was found. */

#include "audit/verify.h"

#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

int verify_exit(const struct verify_report *report)
{
	if (report->gravest == VERIFY_TAMPERED)
		return 1;
	return report->gravest == VERIFY_INCOMPLETE || !report->authenticated ? 2 : 0;
}

const char *verify_word(const struct verify_report *report)
{
	if (report->gravest == VERIFY_TAMPERED)
		return "TAMPERED";
	if (report->gravest == VERIFY_INCOMPLETE)
		return "INCOMPLETE";
	return report->authenticated ? "OK" : "CONSISTENT, NOT AUTHENTICATED";
}

static const char *grade_word(enum verify_grade grade)
{
	switch (grade) {
	case VERIFY_NOTE:
		return "note";
	case VERIFY_INCOMPLETE:
		return "incomplete";
	case VERIFY_TAMPERED:
		break;
	}
	return "tampered";
}

/* "tampered: content/events/000000001, event 300 (permit.issued): the keeper's ...". */
static void add_finding(struct text *out, const struct verify_finding *finding)
{
	text_addf(out, "%s: ", grade_word(finding->grade));
	if (finding->file)
		text_addf(out, "%s%s", finding->file, finding->index >= 0 ? ", " : ": ");
	if (finding->index >= 0)
		text_addf(out, "event %lld (%s): ", (long long)finding->index,
			  finding->kind ? finding->kind : "unreadable");
	text_addf(out, "%s\n", finding->text);
}

static void add_head(struct text *out, const struct verify_report *report)
{
	text_addf(out, "%s\n", verify_word(report));
	if (!report->scope)
		return;
	text_addf(out, "scope %s of %s, %lld events, root %s\n", report->scope, report->origin,
		  (long long)report->size, report->root.text);
	if (report->from)
		text_addf(out, "from %s to %s\n", clock_format(report->from).text,
			  clock_format(report->until).text);
	if (!report->authenticated)
		text_add(out, "No trust file was given: whoever made all of this could have made "
			      "it up. Give the pinned root keys with --trust.\n");
	text_add(out, "\nchecked:\n");
	for (int i = 0; i < VERIFY_COUNTS; i++)
		text_addf(out, "%8lld %s\n", (long long)report->counts[i],
			  verify_count_words((enum verify_count)i));
}

char *verify_text(struct arena *arena, const struct verify_report *report)
{
	struct text out;

	text_init(&out, arena, TEXT_MAX);
	add_head(&out, report);
	if (report->finding_count > 0)
		text_addf(&out, "\nfound:\n");
	for (int grade = VERIFY_TAMPERED; grade >= VERIFY_NOTE; grade--) {
		for (size_t i = 0; i < report->finding_count; i++) {
			if (report->findings[i].grade == (enum verify_grade)grade)
				add_finding(&out, &report->findings[i]);
		}
	}
	if (report->more > 0)
		text_addf(&out, "and %lld findings more\n", (long long)report->more);
	return out.at;
}

struct doc *verify_doc(struct arena *arena, const struct verify_report *report)
{
	struct doc *doc = doc_object(arena);
	struct doc *checked = doc_object(arena);
	struct doc *findings = doc_array(arena);

	doc_set_text(doc, "type", "countersign.verification.v1");
	doc_set_text(doc, "verdict", verify_word(report));
	doc_set_int(doc, "exit", verify_exit(report));
	doc_set_bool(doc, "authenticated", report->authenticated);
	if (report->scope) {
		doc_set_text(doc, "scope", report->scope);
		doc_set_text(doc, "origin", report->origin);
		doc_set_int(doc, "size", report->size);
		doc_set_text(doc, "root", report->root.text);
	}
	for (int i = 0; i < VERIFY_COUNTS; i++)
		doc_set_int(checked, verify_count_key((enum verify_count)i), report->counts[i]);
	doc_set(doc, "checked", checked);
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct verify_finding *finding = &report->findings[i];
		struct doc *item = doc_object(arena);
		doc_set_text(item, "grade", grade_word(finding->grade));
		if (finding->file)
			doc_set_text(item, "file", finding->file);
		if (finding->index >= 0)
			doc_set_int(item, "index", finding->index);
		if (finding->kind)
			doc_set_text(item, "kind", finding->kind);
		doc_set_text(item, "text", finding->text);
		doc_add(findings, item);
	}
	doc_set(doc, "findings", findings);
	doc_set_int(doc, "more", report->more);
	return doc;
}
