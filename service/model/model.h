/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_MODEL_H
#define SERVICE_MODEL_MODEL_H

/*
 * What the verbs of the service stand on: database, keeper, the writer of its events, the folder of
 * firmware. Immutable once made, for all threads; what changes has a lock of its own.
 *
 * A verb takes the model, the act (audit/act.h: who, when, for which request, whose arena), its
 * inputs and outputs. Whether the caller's role allows it was decided by the route; whether it
 * holds for this product the verb asks with directory_demand_role.
 */

#include "audit/log.h"
#include "common/db.h"
#include "common/wire/keeper.h"

struct artifact_checks; /* artifact.c: which files were found whole */
struct meter;		/* meter.c: who asks how often */
struct target_trees;	/* target_tree.c: those asked for last */
struct keeper_load;	/* keeper_call.c: who waits for the keeper */

struct model {
	struct db_pool *pool;
	struct keeper_client *keeper;
	struct audit_writer writer;
	/* For digests of what a guesser could try out: passwords in bodies, addresses. Derived from
	 * the writer's key, so outside the database. */
	unsigned char digest_key[SHA256_BYTES];
	const char *artifacts; /* folder */
	const char *incoming;  /* folder below it: uploads of this instance, not yet whole */
	struct artifact_checks *checks;
	struct meter *meter;
	struct keeper_load *load;
	struct target_trees *trees;
	struct arena *arena; /* of the whole life */
};

/* A page of a list: what comes after this id, at most limit. */
enum { PAGE_DEFAULT = 100, PAGE_MAX = 500 };
struct page {
	const char *after; /* "": from the beginning */
	int64_t limit;
};

#endif
