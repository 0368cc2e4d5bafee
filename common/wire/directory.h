/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_DIRECTORY_H
#define COMMON_WIRE_DIRECTORY_H

/*
 * The directory statement: acts that say who there is, what they may do, which keys, products,
 * rulesets and
 * devices count. Two admins sign it with personal keys (CMS, role person). Numbers rise by one, and
 * each names the digest of the one before.
 *
 * Each kind of act uses its own members of struct directory_act, listed beside the kind; the
 * others are NULL or zero. Two hardware members: a product has `hardware` (a list), a device
 * `device_hardware`, both called "hardware" in the document.
 */

#include "common/sign.h"
#include "common/wire/shape.h"
#include "common/wire/statement.h"

#define DIRECTORY_TYPE "countersign.directory.v1"
enum { DIRECTORY_ACTS_MAX = 500, DIRECTORY_BYTES_MAX = 1024 * 1024 };

enum directory_kind {
	DIRECTORY_PERSON_ADD,	   /* person, name, organisation */
	DIRECTORY_PERSON_INVITE,   /* person, token_sha256, expires_at */
	DIRECTORY_PERSON_LEAVE,	   /* person */
	DIRECTORY_ROLE_GRANT,	   /* person, role, product ("*": every) */
	DIRECTORY_ROLE_REVOKE,	   /* the same */
	DIRECTORY_KEY_ENROL,	   /* person, certificate */
	DIRECTORY_KEY_REVOKE,	   /* key_id */
	DIRECTORY_PRODUCT_PUT,	   /* product, name, hardware, rulesets */
	DIRECTORY_RULESET_ADOPT,   /* name (a name, not a line), sha256 */
	DIRECTORY_DEVICE_REGISTER, /* device, product, serial, device_hardware, market, site,
				      assurance, report_key? */
	DIRECTORY_DEVICE_REVOKE,   /* device */
	DIRECTORY_KINDS
};
const char *directory_kind_word(enum directory_kind kind); /* "person.add" */

struct directory_act {
	int kind; /* enum directory_kind */
	const char *person;
	const char *name;
	const char *organisation;
	struct sha256_hex token_sha256;
	clock_us expires_at;
	const char *role; /* a word of directory_roles */
	const char *product;
	struct bytes certificate; /* DER */
	struct sha256_hex key_id;
	struct text_list hardware, rulesets;
	struct sha256_hex sha256;
	const char *device;
	const char *serial;
	const char *device_hardware;
	const char *market;
	const char *site;
	const char *assurance;
	struct bytes report_key; /* SubjectPublicKeyInfo, Ed25519; empty: the device cannot sign */
};

struct directory {
	int64_t number;
	struct sha256_hex previous; /* 64 zeros for number 1 */
	clock_us at;
	const char *reason;
	const struct directory_act *acts;
	size_t act_count;
};

extern const char *const directory_roles[]; /* NULL-ended: "author", "tester", "qa", ... */
extern const char *const assurance_words
	[]; /* NULL-ended, weakest first: "link-gated", "signature-checked", "permit-checked" */
int assurance_rank(const char *word); /* 0, 1, 2; -1 if it is none */

MUST_CHECK bool directory_parse(struct arena *arena, struct bytes bytes, struct directory *out,
				struct err *err);
MUST_CHECK bool directory_write(struct arena *arena, const struct directory *directory,
				struct bytes *out, struct err *err);

#endif
