/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_AGENT_H
#define DEVICE_AGENT_AGENT_H

/*
 * One unit at work. A round reads the memory, brings boot record and memory together, sends what is
 * to be acknowledged, and only then asks for something new; main.c repeats it. One process, one
 * thread, no state but the memory: it can be killed at any instant.
 */

#include "common/fetch.h"
#include "common/wire/ddi.h"
#include "device-agent/bank.h"
#include "device-agent/keyring.h"
#include "device-agent/memory.h"
#include "device-agent/papers.h"
#include "device-agent/settings.h"

struct agent {
	const struct settings *settings;
	const char *boot_id;
	const char *base; /* of this unit's addresses: {url}/{tenant}/controller/v1/{device} */
	struct fetch *fetch;
	struct sign_key *report_key; /* NULL only while nothing demands papers */
	struct bank_chain banks;
	clock_us started; /* boot clock */
	int lock;

	/* Of one round. */
	struct arena *arena;
	struct memory memory;
	struct bank_view view;
	struct keyring keyring;

	/* What the server wished; 0: nothing. */
	int64_t sleep_s, retry_after_s;
	bool epoch_redrawn; /* once per process, after the server refused our chain of reports */
	bool verified;	    /* this process read the idle bank back */
};

enum agent_outcome {
	AGENT_AGAIN,   /* there is more to do at once */
	AGENT_IDLE,    /* nothing to do until the next poll */
	AGENT_WAITING, /* something to do, and no leave or no server: ask again with back-off */
	AGENT_REBOOT,  /* the boot loader is to choose */
};

/* What lives as long as the process goes into life. E_CONFIG, E_KEY, E_FILE; E_AGENT_BANK; or the unit
 * is in use by another process. */
MUST_CHECK bool agent_open(struct arena *life, const struct settings *settings, struct agent *out,
			   struct err *err);
void agent_close(struct agent *agent);

/* False: the process should end; whoever started it starts it again. */
MUST_CHECK bool agent_round(struct agent *agent, enum agent_outcome *out, struct err *err);

/* For the modules of a round: makes the memory last. */
MUST_CHECK bool agent_save(struct agent *agent, struct err *err);

/* The lock that agent, reset and no one else hold while they change the memory; closing the
 * descriptor releases it. E_AGENT_BUSY */
MUST_CHECK bool agent_lock(const char *dir, int *fd, struct err *err);

#endif
