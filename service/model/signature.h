/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_SIGNATURE_H
#define SERVICE_MODEL_SIGNATURE_H

/*
 * Signatures of people: the keeper makes the challenge and checks the answer; the service carries
 * both. The person is the session's, who also stands in the statement.
 */

#include "service/model/keeper_call.h"

struct signature_challenge {
	const char *challenge;
	const char *statement; /* base64 */
	const char *expires_at;
};
MUST_CHECK bool signature_ask(struct model *model, const struct act *act, const char *meaning,
			      const struct doc *object, const char *reason,
			      struct signature_challenge *out, struct err *err);

struct signature_given {
	const char *signature;
	const char *strength;
	struct keeper_place place; /* its event is set on E_LEDGER_NOT_SEALED, too */
};
/* Either password or cms (base64); the other is NULL. Regulated. */
MUST_CHECK bool signature_give(struct model *model, const struct act *act, const char *challenge,
			       const char *password, const char *cms, struct signature_given *out,
			       struct err *err);

#endif
