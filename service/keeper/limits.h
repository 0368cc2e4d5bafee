/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_LIMITS_H
#define SERVICE_KEEPER_LIMITS_H

/*
 * Bounded concurrency of what is expensive: at most KEEPER_PASSWORDS_AT_ONCE password checks run,
 * the others wait their turn; 32 at most wait, one more gets E_BUSY.
 */

#include "common/err.h"

struct keeper_limits;
struct keeper_limits *limits_new(void);
void limits_free(struct keeper_limits *limits);
MUST_CHECK bool limits_password_begin(struct keeper_limits *limits, struct err *err);
void limits_password_end(struct keeper_limits *limits);

#endif
