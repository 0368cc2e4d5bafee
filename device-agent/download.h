/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_DOWNLOAD_H
#define DEVICE_AGENT_DOWNLOAD_H

/*
 * Streams the bank image into the idle bank, from where the job's synced bytes end. Every
 * DOWNLOAD_SYNC_BYTES the bank is synced and the memory says so; a cut costs at most that much.
 */

#include "device-agent/agent.h"

enum { DOWNLOAD_WRITE_BYTES = 256 * 1024, DOWNLOAD_SYNC_BYTES = 2 * 1024 * 1024 };

/* True: the whole image is in the bank and synced. E_AGENT_WAITING: the network or the server
 * ended it; what came is kept. */
MUST_CHECK bool download_image(struct agent *agent, const char *href, struct err *err);

#endif
