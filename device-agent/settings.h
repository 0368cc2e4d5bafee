/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_SETTINGS_H
#define DEVICE_AGENT_SETTINGS_H

/*
 * The agent's settings: a JSON file (common/config.h), paths relative to its folder. The environment
 * is not looked at: a unit's settings lie in one place.
 */

#include "common/arena.h"
#include "common/err.h"
#include "device-agent/health.h"

struct settings {
	const char *url; /* https://host:port, without a path */
	const char *tenant;
	const char *device;
	const char *product;
	const char *hardware;
	const char *dir; /* memory, trust documents, journal */
	const char *bank_a, *bank_b, *boot;
	const char *tls_authority;
	const char *tls_certificate, *tls_key; /* either these, */
	const char *token_file;		       /* or this */
	const char *report_key;
	const char *pins; /* NULL: none, and papers have to be "optional" */
	const char *papers;
	const char *health_word, *health_command;
	int64_t bank_bytes;
	int64_t poll_s; /* 0: as the server says */
	int64_t health_deadline_s;
	int64_t tries;
	bool papers_optional;
	struct health_check health;
};

/* E_CONFIG names what is wrong. */
MUST_CHECK bool settings_read(struct arena *arena, const char *path, struct settings *out,
			      struct err *err);
void settings_print(void); /* one line per setting, for --help */

#endif
