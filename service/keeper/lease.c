/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short leave for one device to take one step now. Verdict, permit, hold, target and attempt are
 * looked at in the transaction that records the lease; a trigger looks once more at the insert.
 */

#include "common/wire/lease.h"
#include "common/encode.h"
#include "common/wire/envelope.h"
#include "common/wire/keeper.h"
#include "service/keeper/gather.h"
#include "service/keeper/sequencer.h"

#include <string.h>

enum { GRANT_TRIES = 3 };

struct lease_request {
	const char *request;
	const char *campaign;
	const char *device;
	int64_t attempt;
	const char *step;
	const char *nonce;
	const char *boot_id;
	const struct doc *trust_version;
};

struct lease_work {
	struct keeper *keeper;
	struct act act;
	struct lease_request asked;
	struct sha256_hex permit;
	struct trust trust;
	struct sha256_hex trust_sha256;
	struct envelope envelope;
	struct err refusal;
};

/* Which refusal tells the device best how things stand. */
static bool refuse_by_state(struct lease_work *work, struct db_tx *tx, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_PERMIT_CAMPAIGN_GET, DB(db_text(work->asked.campaign)), &found, &row,
		    err))
		return false;
	const char *state = found ? db_get_text(&row, "state") : "draft";
	if (strcmp(state, "held") == 0)
		return err_fail(err, E_LEASE_HELD, NULL);
	if (found && db_get_bool(&row, "ended"))
		return err_fail(err, E_LEASE_EXPIRED, NULL);
	return err_fail(err, E_LEASE_GATE_CLOSED, NULL);
}

static bool find_permit(struct lease_work *work, struct db_tx *tx, struct err *err)
{
	struct db_row row;
	bool found;

	if (!gather_streams_open(tx, NULL, work->asked.campaign, err) ||
	    !db_opt(tx, STMT_PERMIT_LIVE_GET, DB(db_text(work->asked.campaign)), &found, &row, err))
		return false;
	if (!found)
		return refuse_by_state(work, tx, err);
	return id_sha256_read(db_get_text(&row, "sha256"), &work->permit, err);
}

/* The attempt is the service's word, so it only counts against: it must be the newest one that
 * was granted, or the next; and activation needs an installation granted before. */
static bool check_step(struct lease_work *work, struct db_tx *tx, struct err *err)
{
	const struct lease_request *asked = &work->asked;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_LEASE_TARGET_FIND,
		    DB(db_text(asked->campaign), db_text(asked->device)), &found, &row, err))
		return false;
	if (!found || db_get_bool(&row, "revoked"))
		return err_fail(err, E_LEASE_TARGET, NULL);
	if (db_get_bool(&row, "ended") || db_get_int(&row, "attempt") != asked->attempt)
		return err_fail(err, E_LEASE_STEP, "attempt %lld is not the one that goes on",
				(long long)asked->attempt);
	if (!db_one(tx, STMT_LEASE_BEFORE_FIND,
		    DB(db_text(asked->campaign), db_text(asked->device), db_int(asked->attempt)),
		    &row, err))
		return false;
	int64_t newest = db_get_int(&row, "newest");
	if (asked->attempt != newest && asked->attempt != newest + 1)
		return err_fail(err, E_LEASE_STEP, "attempt %lld does not follow attempt %lld",
				(long long)asked->attempt, (long long)newest);
	if (strcmp(asked->step, "activate") == 0 && !db_get_bool(&row, "installed"))
		return err_fail(err, E_LEASE_STEP, "nothing was granted to be installed yet");
	if (!db_opt(tx, STMT_LEASE_NONCE_FIND, DB(db_text(asked->device), db_text(asked->nonce)),
		    &found, &row, err))
		return false;
	return !found || err_fail(err, E_LEASE_NONCE, NULL);
}

static bool make_lease(struct lease_work *work, struct err *err)
{
	const struct lease_request *asked = &work->asked;
	struct lease lease = {
		.step = asked->step,
		.permit_sha256 = work->permit,
		.device = asked->device,
		.deployment = asked->campaign,
		.attempt = asked->attempt,
		.nonce = asked->nonce,
		.issued_at = work->act.at,
		.for_s = work->keeper->settings.lease_for_s,
		.trust_version = {.maker = work->trust.version},
		.trust_sha256 = {.maker = work->trust_sha256},
	};
	struct bytes document;

	return lease_write(work->act.arena, &lease, &document, err) &&
	       envelope_sign(work->act.arena, work->keeper->lease_key, LEASE_TYPE, document,
			     &work->envelope, err);
}

static struct doc *lease_data(const struct lease_work *work)
{
	struct doc *data = doc_object(work->act.arena);

	doc_set_text(data, "campaign", work->asked.campaign);
	doc_set_int(data, "attempt", work->asked.attempt);
	doc_set_text(data, "step", work->asked.step);
	return data;
}

static bool record_lease(struct lease_work *work, struct db_tx *tx, struct err *err)
{
	const struct lease_request *asked = &work->asked;
	struct doc *data = lease_data(work);
	struct lease_id {
		char text[ID_UUID_BYTES + 1];
	} id;

	id_uuid_draw(id.text);
	doc_set_text(data, "permit_sha256", work->permit.text);
	doc_set_text(data, "lease_sha256", digest_sha256_hex(work->envelope.document).text);
	doc_set_text(data, "nonce", asked->nonce);
	doc_set_int(data, "for_s", work->keeper->settings.lease_for_s);
	struct event event = audit_event(EV_LEASE_ISSUED, data);
	audit_stream(&event, STREAM_DEVICE, asked->device);
	return audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err) &&
	       db_run(tx, STMT_LEASE_INSERT,
		      DB(db_text(id.text), db_text(asked->campaign), db_text(asked->device),
			 db_text(work->permit.text), db_int(asked->attempt), db_text(asked->step),
			 db_text(asked->nonce), db_time(work->act.at),
			 db_int(work->keeper->settings.lease_for_s),
			 db_bytes(work->envelope.document), db_bytes(work->envelope.signature),
			 db_text(event.id.text)),
		      NULL, err);
}

static bool lease_work(struct db_tx *tx, void *context, struct err *err)
{
	struct lease_work *work = context;

	return find_permit(work, tx, err) && check_step(work, tx, err) && make_lease(work, err) &&
	       record_lease(work, tx, err);
}

static bool refuse_work(struct db_tx *tx, void *context, struct err *err)
{
	struct lease_work *work = context;
	struct doc *data = lease_data(work);

	doc_set_text(data, "code", err_code_text(work->refusal.code));
	struct event event = audit_event(EV_LEASE_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = err_code_text(work->refusal.code);
	audit_stream(&event, STREAM_DEVICE, work->asked.device);
	return audit_append(tx, &work->keeper->writer, &work->act, &event, NULL, err);
}

static bool read_request(struct lease_work *work, const struct doc *request, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct lease_request),
		DOC_TEXT(struct lease_request, campaign, ID_UUID_BYTES, ID_UUID_BYTES),
		DOC_TEXT(struct lease_request, device, 1, ID_DEVICE_MAX),
		DOC_INT(struct lease_request, attempt, 1, ATTEMPT_MAX),
		DOC_WORD(struct lease_request, step, lease_steps),
		DOC_TEXT(struct lease_request, nonce, 22, 22),
		DOC_TEXT(struct lease_request, boot_id, 1, 64),
		DOC_OBJECT(struct lease_request, trust_version),
	};
	struct bytes nonce;

	if (!doc_read(work->act.arena, request, fields, DOC_COUNT(fields), &work->asked, err))
		return false;
	if (!id_uuid_valid(work->asked.campaign) ||
	    !id_name_valid(work->asked.device, ID_DEVICE_MAX))
		return err_fail(err, E_ID,
				"campaign and device must be ids as the service gave them");
	return decode_base64url(work->act.arena, work->asked.nonce, &nonce, err);
}

/* Between finding the permit and recording the lease a renewal may have come, and the trigger takes
 * only the newest permit: then it is looked for again. If the gate did close, that says so. */
static bool grant(struct lease_work *work)
{
	bool granted = false;

	for (int tries = 0; tries < GRANT_TRIES && !granted; tries++) {
		if (tries > 0 && work->refusal.code != E_DB_REFUSED)
			break;
		err_clear(&work->refusal);
		granted = db_transact(work->keeper->pool, work->act.arena, DB_READ_COMMITTED,
				      lease_work, work, &work->refusal);
	}
	return granted;
}

bool verb_lease(struct keeper *keeper, const struct act *act, const struct doc *request,
		struct doc *reply, struct err *err)
{
	struct lease_work *work = arena_alloc(act->arena, sizeof(*work));
	struct err unwritten = {0};

	work->keeper = keeper;
	work->act = *act;
	if (!read_request(work, request, err) ||
	    !keeper_trust_get(keeper, act->arena, &work->trust, &work->trust_sha256, err))
		return false;
	work->act.actor_kind = ACTOR_DEVICE;
	work->act.actor = work->asked.device;
	if (grant(work)) {
		sequencer_wake(keeper->sequencer);
		doc_set(reply, "lease", envelope_doc(act->arena, &work->envelope));
		return true;
	}
	if (err_code_kind(work->refusal.code) == ERR_CONFLICT &&
	    db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, refuse_work, work, &unwritten))
		sequencer_wake(keeper->sequencer);
	*err = work->refusal;
	return false;
}
