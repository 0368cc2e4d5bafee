/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_SIGN_H
#define SERVICE_CTL_SIGN_H

/* One signature of the person who is logged in, by --key and --cert or by password, after --yes or
 * their consent on the terminal. */

#include "common/doc.h"
#include "service/ctl/ctl.h"

struct sign_wish {
	const char *kind;
	const char *id;
	const char *meaning;
	const char *reason; /* "" when there is none */
};
/* answer: {signature, strength, event, index}. */
MUST_CHECK bool sign_give(struct ctl *ctl, const struct sign_wish *wish, const struct doc **answer,
			  struct err *err);

#endif
