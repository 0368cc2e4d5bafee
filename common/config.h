/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

/*
 * Settings: one table per program, in the program's own file; read from a JSON file of that
 * program and, over it, from environment variables (prefix and upper-case key: COUNTERSIGN_PORT).
 * Members that are not in the table are refused. Relative paths are taken from the folder of the
 * file. Secrets are never settings: a setting names the file that holds one.
 *
 *	static const struct config_key keys[] = {
 *		{"port", CONFIG_INT, offsetof(struct settings, port), "8443", "TCP port of the API"},
 *		{"artifacts", CONFIG_PATH, offsetof(struct settings, artifacts), NULL, "folder of firmware"},
 *	};
 */

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>

enum config_kind {
	CONFIG_TEXT, /* const char * */
	CONFIG_PATH, /* const char *, made absolute */
	CONFIG_INT,  /* int64_t, 0 to 2^53 - 1 */
	CONFIG_FLAG, /* bool, true or false */
};

struct config_key {
	const char *key;
	enum config_kind kind;
	size_t offset;
	/* Default as text; NULL: must be given; "" with TEXT or PATH: NULL. */
	const char *otherwise;
	const char *help;
};

/* path NULL: no file, and relative paths are taken from the current folder; env_prefix NULL: no
 * environment. '-' and '.' of a key are '_' in its variable. Before threads begin. */
MUST_CHECK bool config_read(struct arena *arena, const char *path, const char *env_prefix,
			    const struct config_key *keys, size_t count, void *out,
			    struct err *err);
/* One line per key for --help and the man page. */
void config_print(const struct config_key *keys, size_t count);

#endif
