/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_NAMES_H
#define AUDIT_NAMES_H

/*
 * A table of things by name, in an arena: grows, never forgets, keeps the order in which names came.
 * For what the verifier has to remember of a ledger: people, keys, releases, deployments.
 */

#include "common/arena.h"

#include <stdbool.h>

struct names;

struct names *names_new(struct arena *arena);
/* NULL if there is no such name. */
void *names_find(const struct names *names, const char *name);
/* The name is copied; one that is there already gets the new value. */
void names_put(struct names *names, const char *name, void *value);
size_t names_count(const struct names *names);
/* Number i in the order of coming, from 0. */
const char *names_at(const struct names *names, size_t i, void **value);

#endif
