/* SPDX-License-Identifier: Apache-2.0 */
/* May this device take this step, and what does it get to check that with? */

#include "service/model/papers.h"

#include "common/log.h"
#include "service/model/dispatch.h"
#include "service/model/keeper_call.h"
#include "service/model/meter.h"
#include "service/model/target_tree.h"

#include <string.h>

struct papers_work {
	struct model *model;
	const struct act *act;
	int64_t action;
	const struct papers_request *request;
	struct deployment deployment;
	struct lease lease;
	struct papers papers;
	enum err_code refused; /* by us, without the keeper */
	int64_t omitted;
};

/* ---- which deployment ---- */

static bool find_work(struct db_tx *tx, void *context, struct err *err)
{
	struct papers_work *work = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DISPATCH_ACTION_FIND,
		    DB(db_text(work->act->actor), db_int(work->action)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_ACTION_UNKNOWN, NULL);
	work->deployment = dispatch_deployment_of(&row);
	return true;
}

static bool refuse_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct papers_work *work = context;
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "campaign", work->deployment.campaign);
	doc_set_int(data, "attempt", work->request->attempt);
	doc_set_text(data, "step", work->request->step);
	doc_set_text(data, "code", err_code_text(work->refused));
	meter_note(data, work->omitted);
	struct event event = audit_event(EV_LEASE_REFUSED, data);
	event.outcome = OUTCOME_REFUSED;
	event.code = err_code_text(work->refused);
	audit_stream(&event, STREAM_DEVICE, work->act->actor);
	return audit_append(tx, &work->model->writer, work->act, &event, NULL, err);
}

static void record_refusal(struct papers_work *work, enum err_code code)
{
	struct err failed = {0};

	work->refused = code;
	if (!meter_refusal(work->model, work->act->actor, &work->omitted))
		return;
	if (!db_transact(work->model->pool, work->act->arena, DB_READ_COMMITTED, refuse_work, work,
			 &failed))
		log_error("refusal-not-recorded", LOG_TEXT("device", work->act->actor),
			  LOG_ERR(&failed));
}

/* What the keeper need not be asked: every lease is a row and an event, so they have a rate. */
static bool check_rate(struct papers_work *work, struct err *err)
{
	if (meter_take(work->model->meter, METER_ASKED, work->act->actor, METER_PAPERS, NULL))
		return true;
	record_refusal(work, E_LEASE_RATE);
	return err_fail(err, E_LEASE_RATE, NULL);
}

/* Nor this: an attempt that is over, or is none of this device's. */
static bool check_attempt(struct papers_work *work, struct err *err)
{
	const struct deployment *deployment = &work->deployment;

	if (deployment->attempt > 0 && deployment->attempt == work->request->attempt &&
	    !deployment_ended(deployment->state))
		return true;
	record_refusal(work, E_LEASE_STEP);
	return err_fail(err, E_LEASE_STEP,
			"Attempt %lld of this deployment is not under way; poll again",
			(long long)work->request->attempt);
}

/* ---- the lease ---- */

static bool ask_keeper(struct papers_work *work, struct err *err)
{
	struct arena *arena = work->act->arena;
	const struct papers_request *request = work->request;
	struct doc *members = doc_object(arena);
	struct doc *trust = doc_object(arena);
	const struct doc *reply;
	const struct doc *lease;

	doc_set_int(trust, "maker", request->trust_version.maker);
	doc_set_text(members, "campaign", work->deployment.campaign);
	doc_set_text(members, "device", work->act->actor);
	doc_set_int(members, "attempt", request->attempt);
	doc_set_text(members, "step", request->step);
	doc_set_text(members, "nonce", request->nonce);
	doc_set_text(members, "boot_id", request->boot_id);
	doc_set(members, "trust_version", trust);
	if (!keeper_load_begin(work->model, err))
		return false;
	bool given = keeper_call(work->model, work->act, "lease", members, &reply, err);
	keeper_load_end(work->model);
	if (!given)
		return false;
	lease = doc_get(reply, "lease");
	if (!lease)
		return err_fail(err, E_KEEPER_FRAME, "the keeper's answer holds no lease");
	return envelope_read(arena, lease, &work->papers.lease, err) &&
	       lease_parse(arena, work->papers.lease.document, &work->lease, err);
}

/* ---- everything else ---- */

static bool add_trust(struct db_tx *tx, struct papers_work *work, struct err *err)
{
	struct papers *papers = &work->papers;
	struct papers_trust *trust = arena_alloc(db_arena(tx), sizeof(*trust));
	struct db_rows rows;
	struct db_row row;
	bool found;

	if (work->lease.trust_version.maker <= work->request->trust_version.maker)
		return true;
	if (!db_opt(tx, STMT_DISPATCH_TRUST_FIND, DB(db_int(work->lease.trust_version.maker)),
		    &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_TRUST_MISSING, NULL);
	if (!db_many(tx, STMT_DOCUMENT_SIGNATURES_LIST,
		     DB(db_text(db_get_text(&row, "sha256")), db_text("root")), &rows, err))
		return false;
	struct bytes *cms = arena_array(db_arena(tx), rows.count, sizeof(*cms));
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row one = db_row_at(&rows, i);
		cms[i] = db_get_bytes(&one, "signature");
	}
	*trust = (struct papers_trust){
		.slot = "maker",
		.document = db_get_bytes(&row, "bytes"),
		.cms = cms,
		.cms_count = rows.count < TRUST_ROOTS_MAX ? rows.count : TRUST_ROOTS_MAX,
	};
	papers->trust = trust;
	papers->trust_count = 1;
	return true;
}

static bool add_target(struct db_tx *tx, struct papers_work *work, struct err *err)
{
	struct papers_target *target = &work->papers.target;
	struct tree_path path;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DISPATCH_TARGET_FIND,
		    DB(db_text(work->deployment.campaign), db_text(work->act->actor)), &found, &row,
		    err))
		return false;
	if (!found)
		return err_fail(err, E_LEASE_TARGET, NULL);
	target->leaf = db_get_bytes(&row, "leaf");
	target->index = db_get_int(&row, "leaf_index");
	if (!target_tree_prove(work->model->trees, tx, work->deployment.campaign, target->index,
			       &path, &target->size, err))
		return false;
	struct sha256_hex *hashes = arena_array(db_arena(tx), path.count, sizeof(*hashes));
	for (size_t i = 0; i < path.count; i++)
		hashes[i] = digest_hex(&path.at[i]);
	target->path = hashes;
	target->path_count = path.count;
	return true;
}

static bool assemble_work(struct db_tx *tx, void *context, struct err *err)
{
	struct papers_work *work = context;
	struct papers *papers = &work->papers;
	struct db_row row;

	papers->trust_count = 0;
	if (!add_trust(tx, work, err) ||
	    !db_one(tx, STMT_DISPATCH_PERMIT_GET, DB(db_text(work->lease.permit_sha256.text)), &row,
		    err))
		return false;
	papers->permit = db_get_bytes(&row, "bytes");
	papers->permit_cms = db_get_bytes(&row, "cms");
	if (!db_one(tx, STMT_DISPATCH_RELEASE_GET, DB(db_text(work->deployment.campaign)), &row,
		    err))
		return false;
	papers->manifest = db_get_bytes(&row, "manifest");
	papers->author_cms = db_get_bytes(&row, "author_cms");
	return add_target(tx, work, err);
}

bool papers_give(struct model *model, const struct act *act, int64_t action,
		 const struct papers_request *request, struct bytes *out, struct err *err)
{
	struct papers_work work = {
		.model = model, .act = act, .action = action, .request = request};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, find_work, &work, err) ||
	    !check_rate(&work, err) || !check_attempt(&work, err) || !ask_keeper(&work, err) ||
	    !db_transact(model->pool, act->arena, DB_READ_COMMITTED, assemble_work, &work, err))
		return false;
	work.papers.server_time = act->at;
	return papers_write(act->arena, &work.papers, out, err);
}
