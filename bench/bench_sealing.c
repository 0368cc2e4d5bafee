/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast does the keeper seal: a backlog that a whole fleet left, and one act that somebody waits
 * for? A real keeper over a real database, in this process.
 */

#include "bench/bare_log.h"
#include "bench/measure.h"
#include "service/keeper/sequencer.h"
#include "tests/support/ledger.h"
#include "tests/support/office.h"

#include <stdio.h>
#include <string.h>

enum {
	RUNS = 5,
	BACKLOG = 20000,
	AT_ONCE = 1000,
	DEVICES = 500,
	ACTS = 400,
	EVENT_BYTES = 400,
	WRITE_BYTES = 768 * 1024 * 1024,
	ACT_BYTES = 1024 * 1024,
	WAIT_MS = 60000,
};

static struct office office;

/* ---- a backlog ---- */

static void make_events(struct arena *arena, struct event *events, size_t from)
{
	char reason[32];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	for (size_t i = 0; i < AT_ONCE; i++) {
		events[i] = audit_event(EV_DEVICE_REFUSED, NULL);
		events[i].reason = arena_text(arena, reason);
		audit_stream(&events[i], STREAM_DEVICE,
			     arena_printf(arena, "bench-%03zu", (from + i) % DEVICES));
	}
}

/* All in one transaction: the sequencer sees nothing of it, and then everything. */
static bool write_backlog(struct db_tx *tx, void *context, struct err *err)
{
	struct arena *arena = db_arena(tx);
	struct act act = {.actor_kind = ACTOR_SERVICE,
			  .actor = "bench",
			  .at = clock_now(),
			  .request = "bench",
			  .arena = arena};

	(void)context;
	for (size_t i = 0; i < BACKLOG; i += AT_ONCE) {
		struct event *events = arena_array(arena, AT_ONCE, sizeof(*events));
		make_events(arena, events, i);
		if (!audit_append_all(tx, &office.writer, &act, events, AT_ONCE, err))
			return false;
	}
	return true;
}

static void await_sealed(int64_t size)
{
	struct sequencer_state state = {0};
	double until = measure_now() + WAIT_MS / 1e3;

	while (state.checkpoint_size < size) {
		clock_sleep(CLOCK_SECOND / 1000);
		sequencer_state_get(office.keeper->sequencer, &state);
		measure_must(state.healthy && measure_now() < until,
			     "the sequencer did not seal the backlog");
	}
}

static double seal_backlog(void)
{
	struct arena *arena = arena_new(WRITE_BYTES);
	struct sequencer_state state;
	struct err err = {0};

	sequencer_state_get(office.keeper->sequencer, &state);
	measure_must(
		db_transact(office.service, arena, DB_READ_COMMITTED, write_backlog, NULL, &err),
		err.text);
	/* As autovacuum would a minute later: plans made for empty tables are not what is measured. */
	given_sql(office.database.owner, "ANALYZE");
	double began = measure_now();
	sequencer_wake(office.keeper->sequencer);
	await_sealed(state.size + BACKLOG);
	double took = measure_now() - began;
	arena_free(arena);
	return took;
}

static void measure_backlog(struct bare_log *bare)
{
	struct measure_pair pair = {.runs = RUNS};
	char bytes[32];

	for (size_t i = 0; i < RUNS; i++) {
		pair.ours[i] = BACKLOG / seal_backlog();
		double began = measure_now();
		bare_log_write(bare, BACKLOG, EVENT_BYTES);
		pair.limit[i] = BACKLOG / (measure_now() - began);
	}
	read_sql(office.database.owner, "SELECT avg(length(bytes))::int FROM event", bytes,
		 sizeof(bytes));
	printf("Sealing a backlog of %d events of %s bytes, to the signed checkpoint\n", BACKLOG,
	       bytes);
	measure_tell_rate("keeper: checked, sealed, checkpoint", "events/s",
			  "bare libpq writer, unnest, 1,000 a commit", &pair);
}

/* ---- single acts ---- */

static double seal_one(struct arena *arena)
{
	struct sequencer_place place;
	struct err err = {0};
	struct event_id event = ledger_write_one(&office, "bench-one");
	double began = measure_now();

	measure_must(sequencer_wait(office.keeper->sequencer, &event, WAIT_MS, arena, &place, &err),
		     err.text);
	double took = measure_now() - began;
	arena_reset(arena);
	return took;
}

static void measure_acts(struct bare_log *bare)
{
	static double ours[ACTS], limit[ACTS];
	struct arena *arena = arena_new(ACT_BYTES);

	for (size_t i = 0; i < ACTS; i++) {
		ours[i] = seal_one(arena);
		double began = measure_now();
		bare_log_seal_one(bare, EVENT_BYTES);
		limit[i] = measure_now() - began;
	}
	printf("One act that somebody waits for, from its commit to the signed checkpoint (%d acts)\n",
	       ACTS);
	measure_tell_time("keeper, half of the acts within", measure_part(ours, ACTS, 0.5),
			  "two bare commits, a signature, an fsync",
			  measure_part(limit, ACTS, 0.5));
	measure_tell_time("keeper, 99 of 100 acts within", measure_part(ours, ACTS, 0.99),
			  "two bare commits, a signature, an fsync",
			  measure_part(limit, ACTS, 0.99));
	arena_free(arena);
}

int main(void)
{
	office_open(&office);
	struct bare_log *bare = bare_log_new(office.database.owner, office.dir);
	measure_acts(bare);
	measure_backlog(bare);
	bare_log_free(bare);
	office_close(&office);
	return 0;
}
