/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_MEMORY_H
#define DEVICE_AGENT_MEMORY_H

/*
 * What the agent must not forget, in one small file: <dir>/memory. It is read again for each round
 * and replaced by write, sync, rename before each irreversible step. First line: SHA-256 of the
 * rest in hex; the rest: one canonical JSON document of type countersign.agent-memory.v1. A file
 * that does not fit its digest is E_AGENT_MEMORY: the agent then does nothing at all, because a
 * guess could go below a floor or repeat a number; a bank on trial goes back by itself.
 *
 * Texts are NULL and numbers 0 where nothing is known.
 */

#include "common/wire/proof.h"
#include "common/wire/trust.h"
#include "device-agent/bank.h"
#include "device-agent/states.h"

#define MEMORY_TYPE "countersign.agent-memory.v1"
enum { MEMORY_PERMITS_MAX = 64, MEMORY_ENDED_MAX = 32, MEMORY_FLOORS_MAX = 16 };
enum { MEMORY_BYTES_MAX = 128 * 1024 };

/* What a bank holds; size_bytes 0: not installed by this agent, or being overwritten. */
struct memory_bank {
	const char *version;
	struct sha256_hex manifest_sha256, sha256;
	int64_t size_bytes;
};

/* The highest permit that a campaign has shown; forgotten when it is over anyway. */
struct memory_permit {
	const char *campaign;
	int64_t number;
	struct sha256_hex sha256;
	clock_us not_after;
};

/* How often an action came to an end here: the next attempt at it is one more. */
struct memory_ended {
	const char *action;
	int64_t attempt;
};

/* A question for papers, on disk before it is sent. */
struct memory_ask {
	const char *nonce; /* NULL: none, or answered */
	const char *step;
	const char *boot_id;
	int64_t sent_at_us; /* CLOCK_BOOTTIME + 1, so that 0 is none */
};

/* The attempt under way. */
struct memory_job {
	const char *action; /* DDI's id; NULL: none */
	const char *step;   /* a word of states.def; memory_step, memory_turn */
	const char *bank;   /* "A", "B": where it goes */
	int64_t attempt;
	int64_t plain; /* 1: from a server without papers */
	const char *campaign;
	struct sha256_hex permit_sha256, manifest_sha256;
	const char *version;
	int64_t security_floor;
	const char *artifact; /* file name */
	struct sha256_hex sha256;
	int64_t size_bytes;
	int64_t written_bytes; /* synced; a resumed download goes on from here */
	int64_t restarts;      /* downloads begun again because the read-back did not fit */
	const char *code;      /* why it goes back */
	const char *why;       /* the same in words */
};

/* What is still to be acknowledged: first the report (if there is one), then the feedback. */
struct memory_news {
	struct bytes report; /* an envelope, as posted */
	const char *feedback_action;
	const char *finished; /* "success", "failure" */
	const char *detail;
};

struct memory {
	int64_t boots;
	const char *boot_id;
	int64_t time_min_us; /* the least the time can be; never beyond the trust document's end */
	int64_t pinned;	     /* 1: papers-less mode is over until a reset */
	int64_t trust_resets;
	int64_t trust_version; /* of the maker's trust document held; 0: none */
	struct sha256_hex trust_sha256;
	const struct shape_pair *floors; /* product: least sequence, risen at confirmations */
	size_t floor_count;
	struct memory_permit *permits;
	size_t permit_count;
	struct memory_ended *ended;
	size_t ended_count;
	struct memory_bank bank_a, bank_b;
	struct memory_ask ask, asked_before;
	const char *nonce; /* last sent */
	struct memory_job job;
	const char *epoch; /* of reports */
	int64_t seq;	   /* of the last report made */
	struct sha256_hex prev;
	struct memory_news news;
};

/* Reads <dir>/memory; a missing file is a new unit, with a fresh epoch, not saved yet. */
MUST_CHECK bool memory_load(struct arena *arena, const char *dir, struct memory *out,
			    struct err *err);
MUST_CHECK bool memory_save(const char *dir, const struct memory *memory, struct err *err);

enum step memory_step(const struct memory *memory);
/* Changes the step in the struct; memory_save makes it last. E_BUG: it cannot follow. */
MUST_CHECK bool memory_turn(struct memory *memory, enum turn turn, struct err *err);

struct memory_bank *memory_bank(struct memory *memory, enum bank_name bank);
int64_t memory_floor(const struct memory *memory, const char *product);
/* Never down. E_AGENT_MEMORY: more than MEMORY_FLOORS_MAX products. */
MUST_CHECK bool memory_raise_floor(struct arena *arena, struct memory *memory, const char *product,
				   int64_t sequence, struct err *err);
const struct memory_permit *memory_find_permit(const struct memory *memory, const char *campaign);
/* now: permits that are over by then may be forgotten. */
void memory_keep_permit(struct arena *arena, struct memory *memory,
			const struct memory_permit *permit, clock_us now);
/* 1 + how often this action ended. */
int64_t memory_next_attempt(const struct memory *memory, const char *action);
void memory_keep_ended(struct arena *arena, struct memory *memory, const char *action,
		       int64_t attempt);

#endif
