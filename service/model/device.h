/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_DEVICE_H
#define SERVICE_MODEL_DEVICE_H

/*
 * Units as people see them, and how they authenticate. What a device is (product, hardware, report
 * key) stands in the directory, which only two admins change through the keeper; the service gives
 * it the means to speak: a token, or a registered client certificate.
 */

#include "service/model/model.h"

enum {
	DEVICE_TOKEN_BYTES = 20, /* 160 bits; 27 characters: some clients have room for 31 */
	DEVICE_TOKEN_DAYS = 365,
};

struct device {
	const char *id, *product, *serial, *hardware, *market, *site, *assurance;
	bool revoked;
	clock_us seen_at;	      /* 0: never */
	const struct doc *attributes; /* as it said; NULL: never, or not asked for */
};
struct device_deployment {
	const char *campaign, *release, *state, *basis, *code;
	int64_t action, attempt;
	clock_us offered_at, changed_at, ended_at; /* 0: not yet */
};

MUST_CHECK bool device_list(struct model *model, struct arena *arena, const struct page *page,
			    const struct device **out, size_t *count, bool *more, struct err *err);
/* The newest 100 deployments. E_DEVICE_UNKNOWN. */
MUST_CHECK bool device_get(struct model *model, struct arena *arena, const char *id,
			   struct device *out, const struct device_deployment **deployments,
			   size_t *count, struct err *err);

/* A fresh token, told this once; only its SHA-256 is kept. The one before ends. */
MUST_CHECK bool device_give_token(struct model *model, const struct act *act, const char *id,
				  const char **token, clock_us *expires_at, struct err *err);
/* Registers a client certificate (DER). That an authority issued it is asked when it connects. E_CERT,
 * E_DEVICE_TAKEN. */
MUST_CHECK bool device_register_certificate(struct model *model, const struct act *act,
					    const char *id, struct bytes certificate,
					    struct sha256_hex *out, struct err *err);

/* A device asked for what it may not have: the event device.refused. Never fails the request. */
void device_refused(struct model *model, const struct act *act, const char *route,
		    const struct err *cause);

#endif
