/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_SIGNING_H
#define SERVICE_CTL_SIGNING_H

/*
 * Personal, author's and root keys at work on this machine: the options --key and --cert, and
 * signatures in files beside what they sign.
 */

#include "common/sign.h"
#include "service/ctl/ctl.h"

/* By the key (PEM file or PKCS#11 URI) and certificate of these names. The certificate must be of
 * this role and of this key. The arena frees the key. */
MUST_CHECK bool signing_open(struct ctl *ctl, const char *key, const char *cert,
			     enum sign_role role, struct sign_key **out_key,
			     struct sign_cert *out_cert, struct err *err);
/* A detached CMS over content. */
MUST_CHECK bool signing_cms(struct ctl *ctl, const char *key, const char *cert, enum sign_role role,
			    struct bytes content, struct bytes *out, struct err *err);
/* The same by the options --key and --cert into the file of --out, or path.p7s; and says so. */
MUST_CHECK bool signing_file(struct ctl *ctl, const char *path, enum sign_role role,
			     struct bytes content, struct err *err);
/* Asks on the terminal unless --yes was said; E_INPUT: the person said no. */
MUST_CHECK bool signing_agree(struct ctl *ctl, const char *question, struct err *err);

/* {document: base64, cms: [base64]} of a file and the files of --cms. */
struct doc;
MUST_CHECK bool signing_body(struct ctl *ctl, const char *path, size_t max, struct doc **out,
			     struct err *err);

enum { SIGNING_CMS_MAX = 64 * 1024, SIGNING_FILE_MAX = 8 * 1024 * 1024 };

#endif
