/* SPDX-License-Identifier: Apache-2.0 */
/* Is this gate open, and why not: the verb decide, and what the other verbs need of it. */

#include "service/keeper/gate.h"

#include "common/wire/keeper.h"

#include <string.h>

static bool write_verdict(struct keeper *keeper, struct db_tx *tx, const struct act *act,
			  const struct gathered *gathered, struct gate_verdict *out,
			  struct err *err)
{
	const struct policy_verdict *verdict = &out->verdict;
	const char *gate = gathered->facts.gate;
	const char *subject = gathered->facts.subject.id;
	struct doc *data = doc_object(act->arena);

	doc_set_text(data, "gate", gate);
	doc_set_text(data, "sha256", verdict->sha256.text);
	doc_set_text(data, "facts_sha256", verdict->facts_sha256.text);
	doc_set_bool(data, "open", verdict->open);
	doc_set_time(data, "valid_until", verdict->valid_until);
	struct event event = audit_event(EV_VERDICT_GIVEN, data);
	audit_stream(&event, strcmp(gate, "release") == 0 ? STREAM_RELEASE : STREAM_CAMPAIGN,
		     subject);
	if (!audit_append(tx, &keeper->writer, act, &event, NULL, err) ||
	    !db_run(tx, STMT_VERDICT_INSERT,
		    DB(db_text(verdict->sha256.text), db_text(gate), db_text(subject),
		       db_text(verdict->facts_sha256.text), db_bool(verdict->open),
		       db_time(gathered->facts.as_of), db_time(verdict->valid_until),
		       db_int(gathered->epoch), db_text(event.id.text)),
		    NULL, err))
		return false;
	out->event = event.id;
	return true;
}

/* Whoever asks how things stand before a start wants to know how the release gate would decide: its
 * verdict is given for real only then. */
static bool suppose_release_verdict(struct keeper *keeper, struct db_tx *tx, const struct act *act,
				    struct gathered *gathered, struct err *err)
{
	struct facts_release_verdict *supposed = arena_alloc(act->arena, sizeof(*supposed));
	struct gate_verdict release;

	if (!gathered->facts.campaign || gathered->facts.release_verdict)
		return true;
	if (!gate_decide(keeper, tx, act, "release", gathered->facts.release.id, true, &release,
			 err))
		return false;
	*supposed = (struct facts_release_verdict){.sha256 = release.verdict.sha256,
						   .open = release.verdict.open,
						   .valid_until = release.verdict.valid_until};
	gathered->facts.release_verdict = supposed;
	return facts_write(act->arena, &gathered->facts, &gathered->bytes, err);
}

bool gate_decide(struct keeper *keeper, struct db_tx *tx, const struct act *act, const char *gate,
		 const char *subject, bool dry, struct gate_verdict *out, struct err *err)
{
	struct gathered gathered;
	struct sha256_hex digest;

	*out = (struct gate_verdict){0};
	return gather_facts(keeper, tx, gate, subject, NULL, act->at, &gathered, err) &&
	       (!dry || suppose_release_verdict(keeper, tx, act, &gathered, err)) &&
	       policy_decide(act->arena, gathered.bytes, gathered.rulesets, gathered.ruleset_count,
			     &out->verdict, err) &&
	       keeper_store_document(tx, "countersign.facts.v1", gathered.bytes, &digest, err) &&
	       keeper_store_document(tx, CONTENT_TYPE, gathered.content, &digest, err) &&
	       keeper_store_document(tx, "countersign.verdict.v1", out->verdict.document, &digest,
				     err) &&
	       (dry || write_verdict(keeper, tx, act, &gathered, out, err));
}

bool gate_demand_open(const struct policy_verdict *verdict, const char *gate, struct err *err)
{
	if (verdict->open)
		return true;
	for (size_t i = 0; i < verdict->finding_count; i++) {
		const struct policy_finding *finding = &verdict->findings[i];
		if (finding->state == POLICY_MISSING)
			return err_fail(err, E_GATE_CLOSED,
					"the %s gate is closed by %.60s: %.140s", gate, finding->id,
					finding->why);
	}
	return err_fail(err, E_GATE_CLOSED, "the %s gate is closed", gate);
}

/* ---- the verb ---- */

struct decide_request {
	const char *request;
	const char *gate;
	const char *subject;
	bool dry;
};

struct decide_work {
	struct keeper *keeper;
	const struct act *act;
	struct decide_request asked;
	struct gate_verdict verdict;
};

static bool decide_work(struct db_tx *tx, void *context, struct err *err)
{
	struct decide_work *work = context;

	return gate_decide(work->keeper, tx, work->act, work->asked.gate, work->asked.subject,
			   work->asked.dry, &work->verdict, err);
}

bool verb_decide(struct keeper *keeper, const struct act *act, const struct doc *request,
		 struct doc *reply, struct err *err)
{
	static const char *const gates[] = {"release", "campaign", NULL};
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct decide_request),
		DOC_WORD(struct decide_request, gate, gates),
		DOC_TEXT(struct decide_request, subject, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_FLAG(struct decide_request, dry),
	};
	struct decide_work work = {.keeper = keeper, .act = act};

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work.asked, err))
		return false;
	if (!id_uuid_valid(work.asked.subject))
		return err_fail(err, E_ID, "subject must be a release or campaign id");
	if (!db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, decide_work, &work, err))
		return false;
	doc_set_bool(reply, "open", work.verdict.verdict.open);
	doc_set_time(reply, "valid_until", work.verdict.verdict.valid_until);
	doc_set_text(reply, "verdict_sha256", work.verdict.verdict.sha256.text);
	return work.asked.dry || keeper_finish(keeper, &work.verdict.event, reply, err);
}
