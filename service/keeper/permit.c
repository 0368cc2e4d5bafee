/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's leave for a campaign: deciding, the target tree, signing, renewing. */

#include "service/keeper/permit.h"

#include "audit/tree.h"
#include "common/encode.h"
#include "common/log.h"
#include "common/wire/directory.h"
#include "common/wire/keeper.h"
#include "common/wire/permit.h"
#include "common/wire/target.h"
#include "service/keeper/sequencer.h"

#include <stdlib.h>
#include <string.h>

#define RENEW_BEFORE (3600 * CLOCK_SECOND)
#define RENEW_PAUSE (600 * CLOCK_SECOND) /* what ends for good is not renewed every second */

/* ---- both gates ---- */

/* A live verdict that lasts beyond the next renewal is as good as a new one. */
static bool decide_one(struct keeper *keeper, struct db_tx *tx, const struct act *act,
		       const char *gate, const char *subject, struct sha256_hex *sha256,
		       clock_us *valid_until, struct err *err)
{
	struct gate_verdict verdict;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_VERDICT_LIVE,
		    DB(db_text(gate), db_text(subject), db_time(act->at + RENEW_BEFORE)), &found,
		    &row, err))
		return false;
	if (found) {
		*valid_until = db_get_time(&row, "valid_until");
		return id_sha256_read(db_get_text(&row, "sha256"), sha256, err);
	}
	if (!gate_decide(keeper, tx, act, gate, subject, false, &verdict, err) ||
	    !gate_demand_open(&verdict.verdict, gate, err))
		return false;
	*sha256 = verdict.verdict.sha256;
	*valid_until = verdict.verdict.valid_until;
	return true;
}

bool permit_decide(struct keeper *keeper, struct db_tx *tx, const struct act *act,
		   const char *release, const char *campaign, struct permit_gates *out,
		   struct err *err)
{
	struct permit_gates gates;
	clock_us campaign_until;

	if (!gather_streams_open(tx, release, campaign, err) ||
	    !decide_one(keeper, tx, act, "release", release, &gates.release_verdict,
			&gates.valid_until, err) ||
	    !decide_one(keeper, tx, act, "campaign", campaign, &gates.campaign_verdict,
			&campaign_until, err))
		return false;
	if (campaign_until < gates.valid_until)
		gates.valid_until = campaign_until;
	*out = gates;
	return true;
}

bool permit_lock(struct db_tx *tx, const char *campaign, clock_us since, bool *live,
		 struct event_id *event, struct err *err)
{
	struct db_rows locked;
	struct db_row row;
	bool found;

	if (!db_many(tx, STMT_PERMIT_LOCK, DB(db_text(campaign)), &locked, err) ||
	    !db_opt(tx, STMT_PERMIT_LIVE_GET, DB(db_text(campaign)), &found, &row, err))
		return false;
	*live = found && db_get_time(&row, "not_before") >= since;
	return !*live || id_uuid_read(db_get_text(&row, "event"), event->text, err);
}

/* ---- the target tree ---- */

struct drawn {
	const char *device;
	struct bytes leaf;
	struct sha256 hash;
};

static int compare_drawn(const void *left, const void *right)
{
	return memcmp(((const struct drawn *)left)->hash.at, ((const struct drawn *)right)->hash.at,
		      SHA256_BYTES);
}

static bool draw_leaf(struct arena *arena, const char *campaign, const struct plan_target *target,
		      struct drawn *out, struct err *err)
{
	unsigned char salt[TARGET_SALT_DIGITS / 2];
	char digits[TARGET_SALT_DIGITS + 1];

	random_fill(salt, sizeof(salt));
	encode_hex_to(salt, sizeof(salt), digits);
	struct target leaf = {.campaign = campaign,
			      .device = target->device,
			      .hardware = target->hardware,
			      .market = target->market,
			      .site = target->site,
			      .salt = digits};
	if (!target_write(arena, &leaf, &out->leaf, err))
		return false;
	out->device = target->device;
	out->hash = tree_leaf(out->leaf);
	return true;
}

/* Once per campaign, under a permit that is being issued: salted, sorted by leaf hash. */
static bool draw_tree(struct db_tx *tx, const char *campaign, const struct plan *plan,
		      struct sha256 *root, struct err *err)
{
	struct arena *arena = db_arena(tx);
	size_t count = plan->target_count;
	struct drawn *drawn = arena_array(arena, count, sizeof(*drawn));
	const char **devices = arena_array(arena, count, sizeof(*devices));
	struct bytes *leaves = arena_array(arena, count, sizeof(*leaves));
	struct bytes *hashes = arena_array(arena, count, sizeof(*hashes));
	struct sha256 *tree = arena_array(arena, count, sizeof(*tree));

	for (size_t i = 0; i < count; i++) {
		if (!draw_leaf(arena, campaign, &plan->targets[i], &drawn[i], err))
			return false;
	}
	qsort(drawn, count, sizeof(*drawn), compare_drawn);
	for (size_t i = 0; i < count; i++) {
		devices[i] = drawn[i].device;
		leaves[i] = drawn[i].leaf;
		tree[i] = drawn[i].hash;
		hashes[i] = bytes_of(tree[i].at, SHA256_BYTES);
	}
	*root = tree_root(tree, (int64_t)count);
	return db_run(tx, STMT_PERMIT_TARGETS_INSERT,
		      DB(db_text(campaign), db_texts(devices, count), db_blobs(leaves, count),
			 db_blobs(hashes, count)),
		      NULL, err);
}

/* ---- one permit ---- */

struct permit_making {
	struct keeper *keeper;
	struct db_tx *tx;
	const struct act *act;
	const char *campaign;
	struct gathered facts;
	struct permit_gates gates;
	struct trust trust;
	int64_t opened_index;
	int64_t number;
	struct sha256 root;
};

static bool find_open(struct permit_making *making, const char **release, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(making->tx, STMT_PERMIT_CAMPAIGN_GET, DB(db_text(making->campaign)), &found,
		    &row, err))
		return false;
	if (!found || db_get_null(&row, "opened_index"))
		return err_fail(err, E_CAMPAIGN_STATE,
				"the campaign was never opened; start it first");
	*release = db_get_text(&row, "release");
	making->opened_index = db_get_int(&row, "opened_index");
	return true;
}

/* The tree of the permits before, or a new one. */
static bool find_tree(struct permit_making *making, struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(making->tx, STMT_PERMIT_NEWEST, DB(db_text(making->campaign)), &found, &row,
		    err))
		return false;
	making->number = found ? db_get_int(&row, "number") + 1 : 1;
	if (!found)
		return draw_tree(making->tx, making->campaign, &making->facts.plan, &making->root,
				 err);
	struct bytes root = db_get_bytes(&row, "tree_root");
	memcpy(making->root.at, root.data, SHA256_BYTES);
	return true;
}

/* The weakest assurance among the targets: what this permit can claim for all. */
static bool least_assurance(struct permit_making *making, const char **out, struct err *err)
{
	const struct plan *plan = &making->facts.plan;
	const char **ids = arena_array(making->act->arena, plan->target_count, sizeof(*ids));
	struct db_rows rows;

	for (size_t i = 0; i < plan->target_count; i++)
		ids[i] = plan->targets[i].device;
	if (!db_many(making->tx, STMT_INTAKE_DEVICES_LIST, DB(db_texts(ids, plan->target_count)),
		     &rows, err))
		return false;
	const char *least = "permit-checked";
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		const char *one = db_get_text(&row, "assurance");
		if (assurance_rank(one) < assurance_rank(least))
			least = one;
	}
	*out = least;
	return true;
}

static clock_us earliest(clock_us a, clock_us b)
{
	return a < b ? a : b;
}

static bool permit_end(struct permit_making *making, clock_us *out, struct err *err)
{
	const struct trust_entry *entry;
	struct keeper *keeper = making->keeper;
	clock_us end = making->gates.valid_until;

	if (!trust_find_key(&making->trust, TRUST_KEEPER, &keeper->keeper_cert.key_id,
			    making->facts.manifest.product, NULL, making->act->at, &entry, err)) {
		err_prefix(err, "the keeper's own key");
		return false;
	}
	end = earliest(end, entry->not_after);
	end = earliest(end, making->trust.expires_at);
	end = earliest(end, keeper->keeper_cert.not_after);
	end = earliest(end, making->facts.plan.not_after);
	if (end <= making->act->at)
		return err_fail(err, E_GATE_CLOSED, "what the permit rests on is over");
	*out = end;
	return true;
}

static bool write_permit(struct permit_making *making, const struct permit *permit,
			 struct permit_issued *out, struct err *err)
{
	struct keeper *keeper = making->keeper;
	struct arena *arena = making->act->arena;
	struct doc *data = doc_object(arena);
	struct bytes document;
	struct bytes cms;

	if (!permit_write(arena, permit, &document, err) ||
	    !sign_cms(arena, keeper->keeper_key, &keeper->keeper_cert, document, &cms, err) ||
	    !keeper_store_document(making->tx, PERMIT_TYPE, document, &out->sha256, err))
		return false;
	doc_set_int(data, "number", permit->number);
	doc_set_text(data, "sha256", out->sha256.text);
	doc_set_time(data, "not_after", permit->not_after);
	doc_set_text(data, "tree_root", permit->target.root.text);
	doc_set_int(data, "tree_size", permit->target.size);
	struct event event = audit_event(EV_PERMIT_ISSUED, data);
	audit_stream(&event, STREAM_CAMPAIGN, making->campaign);
	if (!audit_append(making->tx, &keeper->writer, making->act, &event, NULL, err))
		return false;
	out->event = event.id;
	out->number = permit->number;
	out->not_after = permit->not_after;
	return db_run(making->tx, STMT_DOCUMENT_SIGNATURE_PUT,
		      DB(db_text(out->sha256.text), db_text("keeper"),
			 db_text(keeper->keeper_cert.key_id.text), db_bytes(cms)),
		      NULL, err) &&
	       db_run(making->tx, STMT_PERMIT_INSERT,
		      DB(db_text(out->sha256.text), db_text(making->campaign),
			 db_int(permit->number), db_text(permit->release_verdict_sha256.text),
			 db_text(permit->campaign_verdict_sha256.text), db_bytes(cms),
			 db_time(permit->not_before), db_time(permit->not_after),
			 db_bytes(bytes_of(making->root.at, SHA256_BYTES)),
			 db_int(permit->target.size), db_text(event.id.text)),
		      NULL, err);
}

bool permit_issue(struct keeper *keeper, struct db_tx *tx, const struct act *act,
		  const char *campaign, struct permit_issued *out, struct err *err)
{
	struct permit_making *making = arena_alloc(act->arena, sizeof(*making));
	const char *release;
	const char *assurance;
	clock_us end;

	*making = (struct permit_making){
		.keeper = keeper, .tx = tx, .act = act, .campaign = campaign};
	if (!find_open(making, &release, err) ||
	    !keeper_trust_get(keeper, act->arena, &making->trust, NULL, err) ||
	    !permit_decide(keeper, tx, act, release, campaign, &making->gates, err) ||
	    !gather_facts(keeper, tx, "campaign", campaign, NULL, act->at, &making->facts, err) ||
	    !find_tree(making, err) || !least_assurance(making, &assurance, err) ||
	    !permit_end(making, &end, err))
		return false;
	struct permit permit = {
		.campaign = campaign,
		.number = making->number,
		.product = making->facts.manifest.product,
		.release = release,
		.manifest_sha256 = making->facts.facts.release.manifest_sha256,
		.sequence = making->facts.manifest.sequence,
		.release_verdict_sha256 = making->gates.release_verdict,
		.campaign_verdict_sha256 = making->gates.campaign_verdict,
		.opened_index = making->opened_index,
		.not_before = act->at,
		.not_after = end,
		.trust_version = {.maker = making->trust.version},
		.target = {.root = digest_hex(&making->root),
			   .size = (int64_t)making->facts.plan.target_count},
		.assurance_min = assurance,
	};
	return write_permit(making, &permit, out, err);
}

/* ---- the verb, and renewing ---- */

struct permit_work {
	struct keeper *keeper;
	struct act act;
	const char *campaign;
	struct permit_issued issued;
	bool before; /* somebody else issued one meanwhile */
};

static bool read_live(struct permit_work *work, struct db_tx *tx, struct err *err)
{
	struct db_row row;

	if (!db_one(tx, STMT_PERMIT_LIVE_GET, DB(db_text(work->campaign)), &row, err))
		return false;
	work->issued.number = db_get_int(&row, "number");
	work->issued.not_after = db_get_time(&row, "not_after");
	return id_sha256_read(db_get_text(&row, "sha256"), &work->issued.sha256, err);
}

static bool permit_work(struct db_tx *tx, void *context, struct err *err)
{
	struct permit_work *work = context;

	if (!permit_lock(tx, work->campaign, work->act.at, &work->before, &work->issued.event, err))
		return false;
	if (work->before)
		return read_live(work, tx, err);
	return permit_issue(work->keeper, tx, &work->act, work->campaign, &work->issued, err);
}

struct permit_request {
	const char *request;
	const char *campaign;
};

bool verb_permit(struct keeper *keeper, const struct act *act, const struct doc *request,
		 struct doc *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		KEEPER_REQUEST_FIELDS(struct permit_request),
		DOC_TEXT(struct permit_request, campaign, ID_UUID_BYTES, ID_UUID_BYTES),
	};
	struct permit_request asked;

	if (!doc_read(act->arena, request, fields, DOC_COUNT(fields), &asked, err))
		return false;
	if (!id_uuid_valid(asked.campaign))
		return err_fail(err, E_ID, "campaign must be an id as the service gave it");
	struct permit_work work = {.keeper = keeper, .act = *act, .campaign = asked.campaign};
	if (!db_transact(keeper->pool, act->arena, DB_READ_COMMITTED, permit_work, &work, err))
		return false;
	doc_set_text(reply, "permit_sha256", work.issued.sha256.text);
	doc_set_int(reply, "number", work.issued.number);
	doc_set_time(reply, "not_after", work.issued.not_after);
	return keeper_finish(keeper, &work.issued.event, reply, err);
}

struct renewals {
	clock_us now;
	const char **campaigns;
	size_t count;
};

static bool list_renewals(struct db_tx *tx, void *context, struct err *err)
{
	struct renewals *renewals = context;
	struct db_rows rows;

	if (!db_many(
		    tx, STMT_PERMIT_RENEWALS_LIST,
		    DB(db_time(renewals->now + RENEW_BEFORE), db_time(renewals->now - RENEW_PAUSE)),
		    &rows, err))
		return false;
	renewals->campaigns = arena_array(db_arena(tx), rows.count + 1, sizeof(char *));
	renewals->count = rows.count;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		renewals->campaigns[i] = db_get_text(&row, "id");
	}
	return true;
}

static bool renew_one(struct keeper *keeper, struct arena *arena, const char *campaign,
		      struct err *err)
{
	struct permit_work work = {
		.keeper = keeper,
		.act = {.actor_kind = ACTOR_KEEPER,
			.actor = keeper->writer.name,
			.at = clock_now(),
			.request = "renewal",
			.arena = arena},
		.campaign = campaign,
	};

	if (!db_transact(keeper->pool, arena, DB_READ_COMMITTED, permit_work, &work, err))
		return false;
	if (work.before)
		return true;
	sequencer_wake(keeper->sequencer);
	log_info("permit-renewed", LOG_TEXT("campaign", campaign),
		 LOG_INT("number", work.issued.number));
	return true;
}

bool keeper_renew(struct keeper *keeper, struct err *err)
{
	struct renewals renewals = {.now = clock_now()};

	if (!sequencer_demand_current(keeper->sequencer, err))
		return false;
	struct arena *arena = arena_new(64 * 1024 * 1024);
	bool listed =
		db_transact(keeper->pool, arena, DB_READ_COMMITTED, list_renewals, &renewals, err);
	for (size_t i = 0; listed && i < renewals.count; i++) {
		struct arena *one = arena_new(64 * 1024 * 1024);
		struct err closed = {0};
		if (!renew_one(keeper, one, renewals.campaigns[i], &closed) &&
		    err_code_kind(closed.code) != ERR_CONFLICT)
			log_warn("renewal-failed", LOG_TEXT("campaign", renewals.campaigns[i]),
				 LOG_ERR(&closed));
		arena_free(one);
	}
	arena_free(arena);
	return listed;
}
