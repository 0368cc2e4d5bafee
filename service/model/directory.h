/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_DIRECTORY_H
#define SERVICE_MODEL_DIRECTORY_H

/*
 * Who there is and what is in force, as the keeper let it in: directory statements (two admins),
 * trust documents (the root keys). The signatures are the permission, also before there is anybody to
 * log in. The service looks whether they hold and whether one of the keys is known at all, so that
 * strangers cannot fill the table of documents; the keeper decides.
 */

#include "common/wire/directory.h"
#include "common/wire/trust.h"
#include "service/model/keeper_call.h"

enum { DIRECTORY_CMS_MAX = 16 };

struct directory_next {
	int64_t number;
	struct sha256_hex previous; /* 64 zeros for number 1 */
};
MUST_CHECK bool directory_next_get(struct model *model, const struct act *act,
				   struct directory_next *out, struct err *err);

/* cms: list of base64 texts, as the keeper takes it. Regulated. */
MUST_CHECK bool directory_put(struct model *model, const struct act *act, struct bytes document,
			      const struct doc *cms, int64_t *number, struct keeper_place *place,
			      struct err *err);
MUST_CHECK bool directory_trust_put(struct model *model, const struct act *act,
				    struct bytes document, const struct doc *cms, int64_t *version,
				    struct keeper_place *place, struct err *err);

/* The maker's trust document in force; E_TRUST_MISSING. */
struct directory_trust {
	struct trust trust; /* with its bytes */
	const struct bytes *cms;
	size_t cms_count;
};
MUST_CHECK bool directory_trust_get(struct model *model, const struct act *act,
				    struct directory_trust *out, struct err *err);

struct directory_person {
	const char *id, *name, *organisation;
	bool active;
	const char *grants; /* "role@product role@product" */
	const char *keys;   /* "key_id key_id" */
};
MUST_CHECK bool directory_persons_list(struct model *model, const struct act *act,
				       const struct page *page, const struct directory_person **out,
				       size_t *count, bool *more, struct err *err);

/* That the acting person holds one of these roles (NULL-ended) for this product; E_DENIED. */
MUST_CHECK bool directory_demand_role(struct model *model, const struct act *act,
				      const char *const *roles, const char *product,
				      struct err *err);

#endif
