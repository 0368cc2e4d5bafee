/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_BOARD_H
#define DEVICE_AGENT_BOARD_H

/*
 * The simulated board: the boot loader of bank_file, with this program as the firmware's agent. It
 * reads the boot record, takes one try from a bank on trial (on disk, before anything else), draws
 * a boot id, and starts `countersign-agent run` with
 *
 *	BANK=A|B         the bank of this boot
 *	BOOT_ID=<uuid>   of this boot: a simulated reboot leaves the kernel's own boot id as it is
 *	BOARD_PID=<pid>  the agent ends when the board does
 *
 * The agent ending with AGENT_REBOOT_STATUS, or by a signal, is a reboot; status 0 and 3 (a single
 * round, done or waiting) and 2 (usage, settings) end the board with it; other statuses are
 * crashes: a reboot after a pause. What it wants in its folder: agent.json. Banks (empty files) and
 * boot record are made when missing.
 */

#include "common/err.h"

#include <stdint.h>

enum { AGENT_REBOOT_STATUS = 85 };

struct board_settings {
	const char *program; /* path of countersign-agent */
	const char *dir;
	bool once; /* each boot runs one round */
};

/* Runs until the agent is done, or SIGTERM or SIGINT; exit status of the program. */
int board_run(const struct board_settings *settings);

/* Called by an agent under a board: ends this process when the board goes. */
void board_bind(void);

#endif
