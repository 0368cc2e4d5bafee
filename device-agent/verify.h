/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_AGENT_VERIFY_H
#define DEVICE_AGENT_VERIFY_H

/*
 * What is really in a bank: SHA-256 over its first size bytes, read back from the device.
 */

#include "common/id.h"
#include "device-agent/bank.h"

/* E_AGENT_BANK when the bank ends earlier or cannot be read. */
MUST_CHECK bool verify_digest(const struct bank_chain *banks, enum bank_name bank, uint64_t size,
			      struct sha256_hex *out, struct err *err);

#endif
