/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_RECORD_H
#define SERVICE_MODEL_RECORD_H

/* Records of a release: the service stores the document, the keeper adds it as the next version. */

#include "common/wire/record.h"
#include "service/model/keeper_call.h"

struct record_added {
	struct record record;
	struct sha256_hex sha256;
	struct keeper_place place; /* its event is set on E_LEDGER_NOT_SEALED, too */
};
/* E_RECORD when it is of another release; E_DENIED without the role tester for its product. Regulated. */
MUST_CHECK bool record_add(struct model *model, const struct act *act, const char *release,
			   struct bytes document, struct record_added *out, struct err *err);

#endif
