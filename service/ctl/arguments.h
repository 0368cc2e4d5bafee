/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_ARGUMENTS_H
#define SERVICE_CTL_ARGUMENTS_H

/*
 * The arguments of a command, read by its synopsis, so that help and parser cannot disagree:
 *
 *	"RELEASE --cms FILE... [--reason TEXT] [--yes]"
 *
 * Words in capitals are operands, taken in order; "--name VALUE" is an option with a value and
 * "--name" one without; "..." means more than once, brackets mean that it may be left out, and what
 * stands in one pair of brackets is given or left out together. Operands stand before all options, so
 * that none looks like the value of one. On the command line options may stand anywhere, also as --name=VALUE; after "--" everything is an operand.
 * A value never begins with "--" unless it is given as --name=VALUE.
 */

#include "common/arena.h"
#include "common/err.h"

enum { ARGUMENTS_RULES_MAX = 32, ARGUMENTS_VALUES_MAX = 1024 };

struct argument_rule {
	const char *name; /* "--cms", or "RELEASE" for an operand */
	const char
		*value; /* what help calls the value; NULL: an option without one, or an operand */
	bool operand, many;
	size_t group; /* which pair of brackets, from 1; 0: must be given */
};

struct arguments {
	struct argument_rule rules[ARGUMENTS_RULES_MAX];
	size_t rule_count;
	struct argument_given {
		size_t rule;
		const char *value; /* "" for an option without one */
	} * given;
	size_t given_count;
};

/* E_USAGE names what is unknown, missing or given twice. `more` is a second synopsis of options that
 * every command takes. argv lives as long as what is read. */
MUST_CHECK bool arguments_read(struct arena *arena, const char *synopsis, const char *more,
			       const char *const *argv, size_t count, struct arguments *out,
			       struct err *err);

/* By the name that the synopsis uses. A name that is not in it is a defect of ours and ends the
 * program; so the table of commands and the code cannot drift apart. */
const char *arguments_find(const struct arguments *arguments,
			   const char *name); /* NULL: not given */
bool arguments_has(const struct arguments *arguments, const char *name);
const char *const *arguments_list(struct arena *arena, const struct arguments *arguments,
				  const char *name, size_t *count);
/* A whole number; E_USAGE names the option. */
MUST_CHECK bool arguments_int(const struct arguments *arguments, const char *name, long long min,
			      long long max, long long otherwise, long long *out, struct err *err);

#endif
