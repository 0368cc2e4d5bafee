/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is this device due, and what may it fetch now? For every device protocol. Each verb but the
 * poll is a transaction of its own, which asks the gate itself.
 */

#include "service/model/dispatch.h"

#include "common/text.h"
#include "common/wire/ddi.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

struct deployment dispatch_deployment_of(const struct db_row *row)
{
	return (struct deployment){
		.campaign = db_get_text(row, "campaign"),
		.device = db_get_text(row, "device"),
		.action = db_get_int(row, "action_id"),
		.state = deployment_state_of(db_get_text(row, "state")),
		.attempt = db_get_int(row, "attempt"),
		.progress = db_get_int(row, "progress"),
		.kinds = db_get_int(row, "kinds"),
		.over = db_get_bool(row, "over"),
		.proves = strcmp(db_get_text(row, "assurance"), "permit-checked") == 0,
	};
}

bool dispatch_action_read(const char *text, int64_t *out, struct err *err)
{
	long long number;

	if (!text || !text_int(text, 1, DISPATCH_ACTION_MAX, &number))
		return err_fail(err, E_ACTION_UNKNOWN, NULL);
	*out = number;
	return true;
}

bool dispatch_manifest(struct db_tx *tx, const char *campaign, struct manifest *out,
		       struct db_row *row, struct err *err)
{
	return db_one(tx, STMT_DISPATCH_RELEASE_GET, DB(db_text(campaign)), row, err) &&
	       manifest_parse(db_arena(tx), db_get_bytes(row, "manifest"), out, err);
}

/* ---- events ---- */

struct event dispatch_event_of(struct arena *arena, const struct deployment *from,
			       const struct dispatch_change *change)
{
	struct doc *data = doc_object(arena);
	bool ends = deployment_ended(change->to) && !change->late;

	doc_set_text(data, "campaign", from->campaign);
	doc_set_int(data, "attempt", from->attempt);
	if (ends) {
		doc_set_text(data, "outcome", deployment_state_word(change->to));
	} else {
		doc_set_text(data, "from", deployment_state_word(from->state));
		doc_set_text(data, "to", deployment_state_word(change->to));
	}
	doc_set_int(data, "progress", from->progress);
	if (change->basis)
		doc_set_text(data, "basis", change->basis);
	if (change->code)
		doc_set_text(data, "code", change->code);
	if (change->proof_sha256)
		doc_set_text(data, "proof_sha256", change->proof_sha256);
	if (change->report)
		doc_set_text(data, "report", change->report);
	if (change->late)
		doc_set_bool(data, "late", true);
	struct event event = audit_event(ends ? EV_DEPLOYMENT_ENDED : EV_DEPLOYMENT_MOVED, data);
	audit_stream(&event, STREAM_DEVICE, from->device);
	return event;
}

bool dispatch_move_row(struct db_tx *tx, clock_us at, struct deployment *deployment,
		       const struct dispatch_change *change, struct err *err)
{
	const char *state = deployment_state_word(change->to);
	bool ends = deployment_ended(change->to) && !change->late;
	bool done;

	if (change->proof_sha256)
		done = db_run(tx, STMT_DISPATCH_SETTLE,
			      DB(db_text(deployment->campaign), db_text(deployment->device),
				 db_text(state), db_text(change->basis), db_text(change->code),
				 db_time(at)),
			      NULL, err);
	else
		done = db_run(tx, STMT_DISPATCH_MOVE,
			      DB(db_text(deployment->campaign), db_text(deployment->device),
				 db_text(state), db_text(change->basis), db_int(deployment->kinds),
				 db_text(change->code), db_time(ends ? at : 0), db_time(at)),
			      NULL, err);
	if (!done)
		return false;
	if (ends && !db_run(tx, STMT_DEVICE_ATTRIBUTES_WANT, DB(db_texts(&deployment->device, 1)),
			    NULL, err))
		return false;
	deployment->state = change->to;
	deployment->progress = 0;
	return true;
}

bool dispatch_move(struct db_tx *tx, const struct model *model, const struct act *act,
		   struct deployment *deployment, const struct dispatch_change *change,
		   struct err *err)
{
	struct event event = dispatch_event_of(act->arena, deployment, change);

	return audit_append(tx, &model->writer, act, &event, NULL, err) &&
	       dispatch_move_row(tx, act->at, deployment, change, err);
}

/* ---- poll ---- */

struct poll_work {
	const struct dispatch_poll *polls;
	size_t count;
	const char *const *live;
	size_t live_count;
	const char **devices; /* each once, sorted */
	size_t device_count;
	clock_us at;		     /* the newest of them */
	struct dispatch_poll *found; /* one for each of devices */
	const char **campaigns;	     /* likewise: whose the action is */
};

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void list_devices(struct arena *arena, struct poll_work *work)
{
	work->devices = arena_array(arena, work->count, sizeof(*work->devices));
	for (size_t i = 0; i < work->count; i++) {
		work->devices[i] = work->polls[i].device;
		if (work->polls[i].at > work->at)
			work->at = work->polls[i].at;
	}
	qsort(work->devices, work->count, sizeof(*work->devices), compare_texts);
	for (size_t i = 0; i < work->count; i++) {
		if (i == 0 || strcmp(work->devices[work->device_count - 1], work->devices[i]) != 0)
			work->devices[work->device_count++] = work->devices[i];
	}
}

static struct dispatch_poll *found_of(const struct poll_work *work, const char *device)
{
	const char **at = bsearch(&device, work->devices, work->device_count,
				  sizeof(*work->devices), compare_texts);
	return at ? &work->found[at - work->devices] : NULL;
}

static bool poll_work(struct db_tx *tx, void *context, struct err *err)
{
	struct poll_work *work = context;
	struct db_param devices = db_texts(work->devices, work->device_count);
	struct db_rows seen, due;

	if (!db_many(tx, STMT_DEVICE_SEEN_TOUCH, DB(devices, db_time(work->at)), &seen, err) ||
	    !db_many(tx, STMT_DISPATCH_DUE_LIST,
		     DB(devices, db_texts(work->live, work->live_count)), &due, err))
		return false;
	work->found = arena_array(db_arena(tx), work->device_count, sizeof(*work->found));
	work->campaigns = arena_array(db_arena(tx), work->device_count, sizeof(*work->campaigns));
	for (size_t i = 0; i < seen.count; i++) {
		struct db_row row = db_row_at(&seen, i);
		struct dispatch_poll *found = found_of(work, db_get_text(&row, "device"));
		if (found)
			found->wanted = db_get_bool(&row, "wanted");
	}
	for (size_t i = 0; i < due.count; i++) {
		struct db_row row = db_row_at(&due, i);
		struct dispatch_poll *found = found_of(work, db_get_text(&row, "device"));
		if (!found || !db_get_bool(&row, "live"))
			continue;
		found->action = db_get_int(&row, "action_id");
		found->attempt = db_get_int(&row, "attempt");
		work->campaigns[found - work->found] = db_get_text(&row, "campaign");
	}
	return true;
}

/* The database may have let us wait, and a campaign been held meanwhile. */
static void withhold_stale(struct device_gate *gate, struct arena *arena, struct poll_work *work)
{
	size_t count = gate_watch_list(gate, arena, clock_now(), &work->live);

	for (size_t i = 0; i < work->device_count; i++) {
		bool live = false;
		for (size_t l = 0; l < count && work->campaigns[i] && !live; l++)
			live = strcmp(work->live[l], work->campaigns[i]) == 0;
		if (!live)
			work->found[i].action = work->found[i].attempt = 0;
	}
}

bool dispatch_poll(struct model *model, struct arena *arena, struct device_gate *gate,
		   struct dispatch_poll *polls, size_t count, struct err *err)
{
	struct poll_work work = {.polls = polls, .count = count};

	list_devices(arena, &work);
	work.live_count = gate_watch_list(gate, arena, work.at, &work.live);
	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, poll_work, &work, err))
		return false;
	withhold_stale(gate, arena, &work);
	for (size_t i = 0; i < count; i++) {
		const struct dispatch_poll *found = found_of(&work, polls[i].device);
		if (!found)
			continue;
		polls[i].action = found->action;
		polls[i].attempt = found->attempt;
		polls[i].wanted = found->wanted;
	}
	return true;
}

/* ---- the offer ---- */

struct offer_work {
	struct model *model;
	const struct act *act;
	int64_t action;
	struct dispatch_offer out;
};

/* The deployment that is asked for. Another one that is under way comes first: *busy. */
static bool lock_device(struct db_tx *tx, const struct offer_work *work, struct deployment *out,
			bool *busy, struct err *err)
{
	struct db_rows rows;
	bool found = false;

	if (!db_many(tx, STMT_DISPATCH_DEVICE_LOCK,
		     DB(db_text(work->act->actor), db_int(work->action)), &rows, err))
		return false;
	*busy = false;
	for (size_t i = 0; i < rows.count; i++) {
		struct db_row row = db_row_at(&rows, i);
		struct deployment deployment = dispatch_deployment_of(&row);
		if (deployment.action == work->action) {
			*out = deployment;
			found = true;
		} else if (deployment.attempt > 0 && !deployment.over) {
			*busy = true;
		}
	}
	return found ? true : err_fail(err, E_ACTION_UNKNOWN, NULL);
}

static bool demand_open(struct db_tx *tx, const char *campaign, struct err *err)
{
	struct db_row row;
	bool live;

	if (!db_opt(tx, STMT_DISPATCH_PERMIT_LIVE, DB(db_text(campaign)), &live, &row, err))
		return false;
	return live ? true : err_fail(err, E_OFFER_WITHHELD, NULL);
}

static bool begin_attempt(struct db_tx *tx, const struct offer_work *work,
			  struct deployment *deployment, struct err *err)
{
	struct doc *data = doc_object(work->act->arena);

	doc_set_text(data, "campaign", deployment->campaign);
	doc_set_int(data, "attempt", deployment->attempt + 1);
	doc_set_int(data, "action_id", deployment->action);
	struct event event = audit_event(EV_DEPLOYMENT_OFFERED, data);
	audit_stream(&event, STREAM_DEVICE, deployment->device);
	if (!audit_append(tx, &work->model->writer, work->act, &event, NULL, err) ||
	    !db_run(tx, STMT_DISPATCH_OFFER,
		    DB(db_text(deployment->campaign), db_text(deployment->device),
		       db_time(work->act->at)),
		    NULL, err))
		return false;
	deployment->attempt++;
	deployment->state = DEPLOYMENT_OFFERED;
	return true;
}

/* The digests that foreign clients want, beside what the manifest says. */
static bool list_artifacts(struct db_tx *tx, struct dispatch_offer *offer, struct err *err)
{
	struct arena *arena = db_arena(tx);
	const struct manifest *manifest = &offer->manifest;
	size_t count = manifest->artifact_count;
	const char **digests = arena_array(arena, count, sizeof(*digests));
	struct dispatch_artifact *at = arena_array(arena, count, sizeof(*at));
	struct db_rows rows;

	for (size_t i = 0; i < count; i++)
		digests[i] = manifest->artifacts[i].sha256.text;
	if (!db_many(tx, STMT_DISPATCH_ARTIFACTS_LIST, DB(db_texts(digests, count)), &rows, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		at[i] = (struct dispatch_artifact){.name = manifest->artifacts[i].name,
						   .size_bytes = manifest->artifacts[i].size_bytes,
						   .sha256 = digests[i]};
		for (size_t r = 0; r < rows.count; r++) {
			struct db_row row = db_row_at(&rows, r);
			if (strcmp(db_get_text(&row, "sha256"), digests[i]) != 0)
				continue;
			at[i].sha1 = db_get_text(&row, "sha1");
			at[i].md5 = db_get_text(&row, "md5");
		}
	}
	offer->artifacts = at;
	offer->artifact_count = count;
	return true;
}

static bool offer_work(struct db_tx *tx, void *context, struct err *err)
{
	struct offer_work *work = context;
	struct deployment *deployment = &work->out.deployment;
	struct db_row row;
	bool busy;

	if (!lock_device(tx, work, deployment, &busy, err))
		return false;
	if (deployment_ended(deployment->state) || deployment->over)
		return err_fail(err, E_OFFER_WITHHELD, NULL);
	if (!demand_open(tx, deployment->campaign, err))
		return false;
	if (deployment->state == DEPLOYMENT_QUEUED) {
		if (busy)
			return err_fail(err, E_OFFER_WITHHELD,
					"another deployment of this device has to end first");
		if (!begin_attempt(tx, work, deployment, err))
			return false;
	}
	return dispatch_manifest(tx, deployment->campaign, &work->out.manifest, &row, err) &&
	       list_artifacts(tx, &work->out, err);
}

bool dispatch_offer(struct model *model, const struct act *act, int64_t action,
		    struct dispatch_offer *out, struct err *err)
{
	struct offer_work work = {.model = model, .act = act, .action = action};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, offer_work, &work, err)) {
		/* The gate closed between our look and the trigger's. */
		if (err->code == E_DB_REFUSED)
			err->code = E_OFFER_WITHHELD;
		return false;
	}
	*out = work.out;
	return true;
}

/* ---- bytes ---- */

struct file_work {
	struct model *model;
	const struct act *act;
	int64_t action;
	const char *name;
	struct dispatch_file out;
};

/* What is under way goes on while the gate is closed: the unit finishes or goes back. */
static bool demand_fetchable(struct db_tx *tx, const struct deployment *deployment, struct err *err)
{
	if (deployment->attempt == 0 || deployment->over || deployment_ended(deployment->state))
		return err_fail(err, E_OFFER_WITHHELD, NULL);
	return deployment->state != DEPLOYMENT_OFFERED ||
	       demand_open(tx, deployment->campaign, err);
}

static bool file_work(struct db_tx *tx, void *context, struct err *err)
{
	struct file_work *work = context;
	struct deployment deployment;
	struct manifest manifest;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DISPATCH_ACTION_FIND,
		    DB(db_text(work->act->actor), db_int(work->action)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_ACTION_UNKNOWN, NULL);
	deployment = dispatch_deployment_of(&row);
	if (!demand_fetchable(tx, &deployment, err) ||
	    !dispatch_manifest(tx, deployment.campaign, &manifest, &row, err))
		return false;
	const struct manifest_artifact *artifact = manifest_find_artifact(&manifest, work->name);
	if (!artifact)
		return err_fail(err, E_ACTION_UNKNOWN, "This action has no file of that name");
	work->out.artifact = *artifact;
	work->out.begins = deployment.state == DEPLOYMENT_OFFERED;
	return true;
}

bool dispatch_find_file(struct model *model, const struct act *act, int64_t action,
			const char *name, struct dispatch_file *out, struct err *err)
{
	struct file_work work = {.model = model, .act = act, .action = action, .name = name};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, file_work, &work, err))
		return false;
	*out = work.out;
	return true;
}

static bool download_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct offer_work *work = context;
	struct deployment deployment;
	bool busy;

	if (!lock_device(tx, work, &deployment, &busy, err) ||
	    !demand_fetchable(tx, &deployment, err))
		return false;
	struct dispatch_change change = {.to = dispatch_next(deployment.state, DISPATCH_FETCHED)};
	return change.to == deployment.state ||
	       dispatch_move(tx, work->model, work->act, &deployment, &change, err);
}

bool dispatch_download(struct model *model, const struct act *act, int64_t action, struct err *err)
{
	struct offer_work work = {.model = model, .act = act, .action = action};

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, download_work, &work, err);
}

/* ---- attributes ---- */

struct attributes_work {
	const struct act *act;
	const struct ddi_config *config;
};

/* What stands, changed by what is sent; sorted by key when it is written. */
static bool merge(struct arena *arena, const struct doc *before, const struct ddi_config *config,
		  struct bytes *out, struct err *err)
{
	struct doc *after = doc_object(arena);
	size_t count;
	const struct doc_pair *pairs = doc_members(arena, before, &count);

	for (size_t i = 0; config->mode != DDI_REPLACE && i < count; i++) {
		bool named = false;
		for (size_t a = 0; a < config->attribute_count; a++)
			named |= strcmp(config->attributes[a].key, pairs[i].key) == 0;
		if (!named)
			doc_set(after, pairs[i].key, pairs[i].value);
	}
	for (size_t a = 0; config->mode != DDI_REMOVE && a < config->attribute_count; a++) {
		if (config->attributes[a].value)
			doc_set_text(after, config->attributes[a].key, config->attributes[a].value);
	}
	if (!doc_canonical(arena, after, out, err))
		return false;
	if (doc_size(after) > DDI_ATTRIBUTES_MAX || out->size > DISPATCH_ATTRIBUTES_BYTES)
		return err_fail(err, E_ATTRIBUTES_LIMIT, NULL);
	return true;
}

static bool attributes_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct attributes_work *work = context;
	struct arena *arena = db_arena(tx);
	const struct doc *before = doc_object(arena);
	struct bytes after;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DEVICE_ATTRIBUTES_LOCK, DB(db_text(work->act->actor)), &found, &row,
		    err))
		return false;
	const char *stored = found ? db_get_text(&row, "attributes") : NULL;
	if (stored && !doc_parse(arena, bytes_of_text(stored), &before, err))
		return false;
	return merge(arena, before, work->config, &after, err) &&
	       db_run(tx, STMT_DEVICE_ATTRIBUTES_PUT,
		      DB(db_text(work->act->actor), db_text(arena_text_of(arena, after)),
			 db_time(work->act->at)),
		      NULL, err);
}

bool dispatch_attributes(struct model *model, const struct act *act,
			 const struct ddi_config *config, struct err *err)
{
	struct attributes_work work = {.act = act, .config = config};

	return db_transact(model->pool, act->arena, DB_READ_COMMITTED, attributes_work, &work, err);
}
