/* SPDX-License-Identifier: Apache-2.0 */
/* Does this signed report hold, and what does it end? For the one route that takes them. */

#include "service/model/proof.h"

#include "common/log.h"
#include "common/wire/proof.h"
#include "service/model/dispatch.h"
#include "service/model/meter.h"

#include <string.h>

struct proof_work {
	struct model *model;
	const struct act *act;
	struct envelope envelope;
	struct sha256_hex sha256;
	struct proof proof;
	struct deployment deployment;
	bool before;
	bool proven;	/* this attempt was settled by a report already */
	bool new_epoch; /* of a device that has reported under another one */
};

/* ---- whose is it ---- */

static bool check_key(struct db_tx *tx, struct proof_work *work, struct err *err)
{
	struct db_row row;
	struct err flaw = {0};
	bool found;

	if (!db_opt(tx, STMT_PROOF_DEVICE_FIND, DB(db_text(work->act->actor)), &found, &row, err))
		return false;
	if (!found || db_get_null(&row, "report_key"))
		return err_fail(err, E_PROOF_KEY, "No report key is registered for this device");
	if (!envelope_check(&work->envelope, PROOF_TYPE, db_get_bytes(&row, "report_key"), &flaw))
		return err_fail(err, E_PROOF_KEY, NULL);
	return true;
}

static bool read_proof(struct proof_work *work, struct err *err)
{
	if (!proof_parse(work->act->arena, work->envelope.document, &work->proof, err))
		return false;
	if (strcmp(work->proof.device, work->act->actor) != 0)
		return err_fail(err, E_PROOF_DEVICE, NULL);
	return true;
}

/* ---- its place in the chain ---- */

static bool check_chain(struct db_tx *tx, struct proof_work *work, struct err *err)
{
	const struct proof *proof = &work->proof;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_PROOF_NEWEST, DB(db_text(proof->device), db_text(proof->epoch)),
		    &found, &row, err))
		return false;
	int64_t next = found ? db_get_int(&row, "seq") + 1 : 1;
	if (proof->seq != next)
		return err_fail(err, E_PROOF_SEQUENCE,
				"The next report of this epoch has the number %lld, this one %lld",
				(long long)next, (long long)proof->seq);
	if (found && strcmp(db_get_text(&row, "sha256"), proof->prev.text) != 0)
		return err_fail(err, E_PROOF_SEQUENCE,
				"The report names another one as the one before it");
	if (!db_one(tx, STMT_PROOF_EPOCHS,
		    DB(db_text(proof->device), db_text(proof->deployment), db_int(proof->attempt)),
		    &row, err))
		return false;
	work->new_epoch = !found && db_get_bool(&row, "known");
	work->proven = db_get_bool(&row, "proven");
	return true;
}

/* The same bytes were taken before: nothing is to be done. Other bytes of that number: a fork. */
static bool find_before(struct db_tx *tx, struct proof_work *work, struct err *err)
{
	const struct proof *proof = &work->proof;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_PROOF_FIND,
		    DB(db_text(proof->device), db_text(proof->epoch), db_int(proof->seq)), &found,
		    &row, err))
		return false;
	if (found && strcmp(db_get_text(&row, "sha256"), work->sha256.text) != 0)
		return err_fail(err, E_PROOF_FORKED, NULL);
	work->before = found;
	return true;
}

/* ---- what it is about ---- */

static bool lock_deployment(struct db_tx *tx, struct proof_work *work, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DISPATCH_DEPLOYMENT_LOCK,
		    DB(db_text(work->proof.deployment), db_text(work->proof.device)), &found, &row,
		    err))
		return false;
	if (!found)
		return err_fail(err, E_PROOF_ATTEMPT, NULL);
	work->deployment = dispatch_deployment_of(&row);
	return true;
}

static bool no_digest(const struct sha256_hex *digest)
{
	return strspn(digest->text, "0") == sizeof(digest->text) - 1;
}

static bool check_permit(struct db_tx *tx, const struct proof_work *work,
			 const struct db_row *release, struct err *err)
{
	const struct proof *proof = &work->proof;
	struct db_row row;

	/* What a device rejected may have been anything; what failed early was shown nothing. */
	if (strcmp(proof->outcome, "rejected") == 0 ||
	    (strcmp(proof->outcome, "failed") == 0 && no_digest(&proof->permit_sha256)))
		return true;
	if (!db_one(tx, STMT_PROOF_PERMIT_FITS,
		    DB(db_text(proof->permit_sha256.text), db_text(proof->deployment)), &row, err))
		return false;
	if (!db_get_bool(&row, "fits") ||
	    strcmp(proof->manifest_sha256.text, db_get_text(release, "manifest_sha256")) != 0)
		return err_fail(err, E_PROOF_PERMIT, NULL);
	return true;
}

static bool check_bank(const struct proof *proof, const struct manifest *manifest, struct err *err)
{
	const struct manifest_artifact *image = &manifest->artifacts[0];

	if (strcmp(proof->outcome, "confirmed") != 0)
		return true;
	if (strcmp(proof->bank_sha256.text, image->sha256.text) != 0 ||
	    proof->bank_size_bytes != image->size_bytes ||
	    strcmp(proof->version, manifest->version) != 0)
		return err_fail(err, E_PROOF_BANK, NULL);
	return true;
}

static bool check_content(struct db_tx *tx, const struct proof_work *work, struct err *err)
{
	struct manifest manifest;
	struct db_row row;

	if (work->proof.attempt != work->deployment.attempt)
		return err_fail(err, E_PROOF_ATTEMPT,
				"The report is about attempt %lld; the present one is %lld",
				(long long)work->proof.attempt,
				(long long)work->deployment.attempt);
	return dispatch_manifest(tx, work->proof.deployment, &manifest, &row, err) &&
	       check_permit(tx, work, &row, err) && check_bank(&work->proof, &manifest, err);
}

/* ---- taking it ---- */

static enum dispatch_event outcome_event(const struct proof *proof)
{
	static const struct {
		const char *outcome;
		enum dispatch_event event;
	} outcomes[] = {
		{"confirmed", DISPATCH_PROVED_CONFIRMED},
		{"failed", DISPATCH_PROVED_FAILED},
		{"rolled_back", DISPATCH_PROVED_ROLLED_BACK},
		{"rejected", DISPATCH_PROVED_REJECTED},
	};

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if (strcmp(outcomes[i].outcome, proof->outcome) == 0)
			return outcomes[i].event;
	}
	return DISPATCH_REMARK;
}

static struct event taken_event(const struct proof_work *work)
{
	struct doc *data = doc_object(work->act->arena);
	const struct proof *proof = &work->proof;

	doc_set_text(data, "campaign", proof->deployment);
	doc_set_int(data, "attempt", proof->attempt);
	doc_set_text(data, "outcome", proof->outcome);
	doc_set_text(data, "sha256", work->sha256.text);
	doc_set_text(data, "key_id", work->envelope.key_id.text);
	doc_set_bytes(data, "signature", work->envelope.signature);
	doc_set_text(data, "epoch", proof->epoch);
	doc_set_int(data, "seq", proof->seq);
	if (work->new_epoch)
		doc_set_bool(data, "new_epoch", true);
	if (work->proven)
		doc_set_bool(data, "late", true);
	struct event event = audit_event(EV_PROOF_TAKEN, data);
	audit_stream(&event, STREAM_DEVICE, proof->device);
	return event;
}

static bool store(struct db_tx *tx, const struct proof_work *work, const struct event_id *event,
		  struct err *err)
{
	const struct proof *proof = &work->proof;

	return db_run(tx, STMT_DOCUMENT_PUT,
		      DB(db_text(work->sha256.text), db_text(PROOF_TYPE),
			 db_bytes(work->envelope.document)),
		      NULL, err) &&
	       db_run(tx, STMT_DOCUMENT_SIGNATURE_PUT,
		      DB(db_text(work->sha256.text), db_text("device"),
			 db_text(work->envelope.key_id.text), db_bytes(work->envelope.signature)),
		      NULL, err) &&
	       db_run(tx, STMT_PROOF_INSERT,
		      DB(db_text(proof->device), db_text(proof->epoch), db_int(proof->seq),
			 db_text(work->sha256.text), db_text(proof->deployment),
			 db_int(proof->attempt), db_text(event->text)),
		      NULL, err);
}

static bool settle(struct db_tx *tx, struct proof_work *work, struct err *err)
{
	const struct proof *proof = &work->proof;
	const struct dispatch_change change = {
		.to = dispatch_next(work->deployment.state, outcome_event(proof)),
		.basis = strcmp(proof->outcome, "confirmed") == 0 ? "proof" : NULL,
		.code = proof->code[0] ? proof->code : NULL,
		.proof_sha256 = work->sha256.text,
	};
	struct event events[2] = {taken_event(work)};
	size_t count = 1;

	if (!work->proven)
		events[count++] = dispatch_event_of(work->act->arena, &work->deployment, &change);
	return audit_append_all(tx, &work->model->writer, work->act, events, count, err) &&
	       store(tx, work, &events[0].id, err) &&
	       (work->proven ||
		dispatch_move_row(tx, work->act->at, &work->deployment, &change, err));
}

static bool take_work(struct db_tx *tx, void *context, struct err *err)
{
	struct proof_work *work = context;

	work->before = false;
	if (!check_key(tx, work, err) || !read_proof(work, err) ||
	    !lock_deployment(tx, work, err) || !find_before(tx, work, err))
		return false;
	if (work->before)
		return true;
	return check_chain(tx, work, err) && check_content(tx, work, err) && settle(tx, work, err);
}

/* ---- refusing it ---- */

struct refusal {
	const struct proof_work *work;
	const char *code;
	int64_t omitted;
};

static bool refuse_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct refusal *refusal = context;
	const struct proof_work *work = refusal->work;
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "code", refusal->code);
	doc_set_text(data, "sha256", work->sha256.text);
	meter_note(data, refusal->omitted);
	struct event event = audit_event(EV_PROOF_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = refusal->code;
	audit_stream(&event, STREAM_DEVICE, work->act->actor);
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err);
}

/* What failed because of us is no refusal. */
static void record_refusal(const struct proof_work *work, const struct err *cause)
{
	enum err_kind kind = err_code_kind(cause->code);
	struct refusal refusal = {.work = work, .code = err_code_text(cause->code)};
	struct err err = {0};

	if (kind == ERR_UNAVAILABLE || kind == ERR_INTERNAL || kind == ERR_BUG || kind == ERR_RETRY)
		return;
	if (!meter_refusal(work->model, work->act->actor, &refusal.omitted))
		return;
	if (!db_transact(work->model->pool, work->act->arena, DB_READ_COMMITTED, refuse_work,
			 &refusal, &err))
		log_error("refusal-not-recorded", LOG_TEXT("device", work->act->actor),
			  LOG_TEXT("refused", refusal.code), LOG_ERR(&err));
}

bool proof_take(struct model *model, const struct act *act, const struct doc *posted, bool *before,
		struct err *err)
{
	struct proof_work work = {.model = model, .act = act};

	/* Every report is kept for ever, and a unit can sign as many as it likes. */
	if (!meter_take(model->meter, METER_REPORTED, act->actor, METER_PROOFS, NULL))
		return err_fail(err, E_DEVICE_RATE, NULL);
	if (!envelope_read(act->arena, posted, &work.envelope, err))
		return false;
	work.sha256 = digest_sha256_hex(work.envelope.document);
	bool taken = db_transact(model->pool, act->arena, DB_READ_COMMITTED, take_work, &work, err);
	if (!taken && err->code == E_DB_DUPLICATE) {
		/* Somebody took the number between our look and our insert: look again. */
		err_clear(err);
		taken = db_transact(model->pool, act->arena, DB_READ_COMMITTED, take_work, &work,
				    err);
	}
	if (!taken) {
		record_refusal(&work, err);
		return false;
	}
	if (before)
		*before = work.before;
	return true;
}
