/* SPDX-License-Identifier: Apache-2.0 */
/* Gate-opening acts on campaigns: start and resume; and holding, which anybody may. */

#include "service/keeper/campaign.h"

#include "common/wire/keeper.h"
#include "common/wire/statement.h"
#include "policy/signatures.h"
#include "service/keeper/permit.h"
#include "service/keeper/sequencer.h"

#include <string.h>

struct open_request {
	const char *request;
	const char *act;
	const char *campaign;
	const char *signature;
};

struct open_work {
	struct keeper *keeper;
	struct act act;
	struct open_request asked;
	struct event_id event;
	struct permit_issued issued;
	bool before;
};

/* ---- start ---- */

static bool start_work(struct db_tx *tx, void *context, struct err *err)
{
	struct open_work *work = context;
	struct permit_gates gates;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_PERMIT_CAMPAIGN_GET, DB(db_text(work->asked.campaign)), &found, &row,
		    err))
		return false;
	if (!found)
		return err_fail(err, E_CAMPAIGN_STATE, "the campaign has no submitted plan");
	if (db_get_bool(&row, "ended"))
		return err_fail(err, E_CAMPAIGN_STATE, "the campaign has ended; draft a new one");
	work->before = !db_get_null(&row, "open_event");
	if (work->before)
		return id_uuid_read(db_get_text(&row, "open_event"), work->event.text, err);
	if (!permit_decide(work->keeper, tx, &work->act, db_get_text(&row, "release"),
			   work->asked.campaign, &gates, err))
		return false;
	struct doc *data = doc_object(work->act.arena);
	doc_set_text(data, "release_verdict", gates.release_verdict.text);
	doc_set_text(data, "campaign_verdict", gates.campaign_verdict.text);
	struct event event = audit_event(EV_CAMPAIGN_OPENED, data);
	audit_stream(&event, STREAM_CAMPAIGN, work->asked.campaign);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_PERMIT_OPEN_INSERT,
		      DB(db_text(work->asked.campaign), db_text(event.id.text)), NULL, err);
}

/* The permit names the sealed index of the opening, so it comes in a transaction of its own. If it
 * fails here, the renewal issues it. */
static bool issue_work(struct db_tx *tx, void *context, struct err *err)
{
	struct open_work *work = context;
	bool live;

	if (!permit_lock(tx, work->asked.campaign, 0, &live, &work->issued.event, err))
		return false;
	if (live)
		return true;
	work->act.at = clock_now();
	return permit_issue(work->keeper, tx, &work->act, work->asked.campaign, &work->issued, err);
}

static bool start(struct open_work *work, struct doc *reply, struct err *err)
{
	struct doc *permitted = doc_object(work->act.arena);

	if (!db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED, start_work, work,
			 err) ||
	    !keeper_finish(work->keeper, &work->event, reply, err))
		return false;
	doc_set_bool(reply, "before", work->before);
	return db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED, issue_work, work,
			   err) &&
	       keeper_finish(work->keeper, &work->issued.event, permitted, err);
}

/* ---- resume ---- */

/* The signature is over this very hold, by somebody who may still resume. */
static bool check_resumption(struct open_work *work, struct db_tx *tx, int64_t *number,
			     struct err *err)
{
	struct facts_object object = {.kind = "campaign", .id = work->asked.campaign};
	struct gathered gathered;
	struct bytes document;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_SIGNATURE_FIND, DB(db_text(work->asked.signature)), &found, &row, err))
		return false;
	if (!found || strcmp(db_get_text(&row, "meaning"), "resumed") != 0 ||
	    strcmp(db_get_text(&row, "object_id"), work->asked.campaign) != 0)
		return err_fail(
			err, E_CAMPAIGN_STATE,
			"resuming needs a signature with meaning resumed over this campaign");
	const char *person = db_get_text(&row, "person");
	if (!gather_facts(work->keeper, tx, "campaign", work->asked.campaign, person, work->act.at,
			  &gathered, err))
		return false;
	struct hold hold = {.campaign = work->asked.campaign,
			    .number = gathered.held_number,
			    .plan_sha256 = gathered.facts.campaign->plan_sha256};
	if (gathered.held_number == 0)
		return err_fail(err, E_CAMPAIGN_STATE, "the campaign is not held");
	if (!policy_may_sign(work->act.arena, gathered.bytes, person, "resumed", &object, err) ||
	    !hold_write(work->act.arena, &hold, &document, err))
		return false;
	if (strcmp(digest_sha256_hex(document).text, db_get_text(&row, "sha256")) != 0)
		return err_fail(err, E_CHALLENGE_STALE,
				"the campaign was held again since; look again and sign anew");
	work->act.actor_kind = ACTOR_PERSON;
	work->act.actor = person;
	work->act.auth = "signature";
	*number = hold.number;
	return true;
}

static bool resume_work(struct db_tx *tx, void *context, struct err *err)
{
	struct open_work *work = context;
	struct doc *data = doc_object(work->act.arena);
	int64_t number;

	if (!gather_streams_open(tx, NULL, work->asked.campaign, err) ||
	    !check_resumption(work, tx, &number, err))
		return false;
	doc_set_int(data, "number", number);
	doc_set_text(data, "signature", work->asked.signature);
	struct event event = audit_event(EV_CAMPAIGN_RESUMED, data);
	audit_stream(&event, STREAM_CAMPAIGN, work->asked.campaign);
	if (!audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err))
		return false;
	work->event = event.id;
	return db_run(tx, STMT_PERMIT_HOLD_RELEASE,
		      DB(db_text(work->asked.campaign), db_int(number),
			 db_text(work->asked.signature), db_text(event.id.text)),
		      NULL, err);
}

static bool resume(struct open_work *work, struct doc *reply, struct err *err)
{
	struct err closed = {0};

	if (!work->asked.signature || !id_uuid_valid(work->asked.signature))
		return err_fail(err, E_ID, "resume takes the id of a signature");
	if (!db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED, resume_work, work,
			 err) ||
	    !keeper_finish(work->keeper, &work->event, reply, err))
		return false;
	/* The hold made the verdicts stale. If a gate is closed now, resuming stands all the same. */
	if (db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED, issue_work, work,
			&closed))
		sequencer_wake(work->keeper->sequencer);
	return true;
}

bool verb_open(struct keeper *keeper, const struct act *act, const struct doc *request,
	       struct doc *reply, struct err *err)
{
	static const char *const acts[] = {"start", "resume", NULL};
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct open_request),
		DOC_WORD(struct open_request, act, acts),
		DOC_TEXT(struct open_request, campaign, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_TEXT_OPT(struct open_request, signature, ID_UUID_BYTES, ID_UUID_BYTES),
	};
	struct open_work *work = arena_alloc(act->arena, sizeof(*work));

	work->keeper = keeper;
	work->act = *act;
	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work->asked, err))
		return false;
	if (!id_uuid_valid(work->asked.campaign))
		return err_fail(err, E_ID, "campaign must be an id as the service gave it");
	return strcmp(work->asked.act, "start") == 0 ? start(work, reply, err)
						     : resume(work, reply, err);
}

/* ---- hold ---- */

struct hold_request {
	const char *request;
	const char *campaign;
	const char *by;
	const char *reason;
};

struct hold_work {
	struct keeper *keeper;
	struct act act;
	struct hold_request asked;
	struct event_id event;
	int64_t number;
};

bool campaign_hold(struct keeper *keeper, struct db_tx *tx, const struct act *act,
		   const char *campaign, const char *by, const char *reason, int64_t *number,
		   struct event_id *event_id, struct err *err)
{
	struct doc *data = doc_object(act->arena);
	struct db_row row;

	if (!db_one(tx, STMT_PERMIT_HOLD_NUMBER, DB(db_text(campaign)), &row, err))
		return false;
	int64_t next = db_get_int(&row, "next");
	doc_set_int(data, "number", next);
	struct event event = audit_event(EV_CAMPAIGN_HELD, data);
	event.reason = reason;
	audit_stream(&event, STREAM_CAMPAIGN, campaign);
	if (!audit_append(tx, &keeper->writer, act, &event, NULL, err) ||
	    !db_run(tx, STMT_PERMIT_HOLD_INSERT,
		    DB(db_text(campaign), db_int(next), db_text(by), db_text(reason),
		       db_text(event.id.text)),
		    NULL, err))
		return false;
	if (number)
		*number = next;
	if (event_id)
		*event_id = event.id;
	return true;
}

static bool hold_work(struct db_tx *tx, void *context, struct err *err)
{
	struct hold_work *work = context;

	return campaign_hold(work->keeper, tx, &work->act, work->asked.campaign, work->asked.by,
			     work->asked.reason, &work->number, &work->event, err);
}

/* Answers at commit: a hold waits for nothing. */
bool verb_hold(struct keeper *keeper, const struct act *act, const struct doc *request,
	       struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct hold_request),
		DOC_TEXT(struct hold_request, campaign, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_TEXT(struct hold_request, by, 1, ID_NAME_MAX),
		DOC_TEXT(struct hold_request, reason, 1, REASON_MAX),
	};
	struct hold_work work = {.keeper = keeper, .act = *act};

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &work.asked, err))
		return false;
	if (!id_uuid_valid(work.asked.campaign))
		return err_fail(err, E_ID, "campaign must be an id as the service gave it");
	if (!db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, hold_work, &work, err))
		return false;
	sequencer_wake(keeper->sequencer);
	doc_set_text(reply, "event", work.event.text);
	doc_set_int(reply, "number", work.number);
	return true;
}
