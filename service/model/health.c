/* SPDX-License-Identifier: Apache-2.0 */
/* Are database and keeper there, and where does the ledger stand? For monitors. */

#include "service/model/health.h"

static bool ask_work(struct db_tx *tx, void *context, struct err *err)
{
	bool *writable = context;
	struct db_row row;

	if (!db_one(tx, STMT_DB_ROLE, DB_NOTHING, &row, err))
		return false;
	*writable = db_get_bool(&row, "writable");
	return true;
}

void health_ask(struct model *model, const struct act *act, struct health *out)
{
	struct health health = {0};
	struct keeper_status status;
	struct err none = {0};
	bool writable = false;

	health.database = db_transact(model->pool, act->arena, DB_READ_COMMITTED, ask_work,
				      &writable, &none) &&
			  writable;
	err_clear(&none);
	if (keeper_call_status(model, act, &status, &none)) {
		health.keeper = status.ready;
		health.size = status.size;
		health.checkpoint_size = status.checkpoint_size;
	}
	*out = health;
}

static bool checkpoint_work(struct db_tx *tx, void *context, struct err *err)
{
	const char **note = context;
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_LEDGER_CHECKPOINT, DB_NOTHING, &found, &row, err))
		return false;
	*note = found ? db_get_text(&row, "note") : NULL;
	return true;
}

bool health_checkpoint(struct model *model, const struct act *act, const char **note,
		       struct err *err)
{
	const char *newest = NULL;

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, checkpoint_work, &newest, err))
		return false;
	if (!newest)
		return err_fail(err, E_CHECKPOINT_MISSING, NULL);
	*note = newest;
	return true;
}
