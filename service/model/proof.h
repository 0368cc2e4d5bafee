/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_PROOF_H
#define SERVICE_MODEL_PROOF_H

/*
 * Signed reports: how an attempt ended, in the device's own hand (common/wire/proof.h). Only one of
 * these confirms a device that checks permits, and it replaces whatever was merely said before.
 *
 * A report is taken once, in order within its epoch, and the same bytes again are "done before".
 * What is refused is an event, proof.refused, with its code:
 *
 *	E_PROOF_KEY	 no report key is registered, or the signature is not of it
 *	E_PROOF_DEVICE	 it is about another device
 *	E_PROOF_FORKED	 another report has its number; E_PROOF_SEQUENCE: it is not the next one
 *	E_PROOF_ATTEMPT	 no such deployment, or not its present attempt
 *	E_PROOF_PERMIT	 a permit or manifest of another campaign; a report of a refusal (rejected, or
 *			 failed before any papers) may name what it was shown
 *	E_PROOF_BANK	 confirmed, but not the bytes and version of the manifest's first artifact
 *
 * A second report about an attempt that one has settled is taken into the chain and marked late; it
 * changes nothing.
 */

#include "service/model/model.h"

/* posted: {document, key_id, signature}; act: of the device. *before may be NULL. */
MUST_CHECK bool proof_take(struct model *model, const struct act *act, const struct doc *posted,
			   bool *before, struct err *err);

#endif
