/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_OFFICE_H
#define TESTS_SUPPORT_OFFICE_H

/*
 * A keeper at work in the test's own process, over a real database, with invented people (EXAMPLE)
 * and real keys: what stands on the service's side of the socket is the test itself. It has all that a
 * hijacked service would have: the service's database role, its MAC key, the socket.
 *
 * People: admins p-ada and p-ben (in the trust document), author p-author, tester p-tester, QA p-qa
 * with a personal key, release manager p-manager. Product pump-a, hardware rev-1, devices unit-1 to
 * unit-3. Every password is OFFICE_PASSWORD. What goes wrong in a given_ function fails the test.
 */

#include "common/wire/keeper.h"
#include "common/wire/trust.h"
#include "service/keeper/desk.h"
#include "service/keeper/history.h"
#include "service/keeper/keeper.h"
#include "service/keeper/renewal.h"
#include "tests/support/certs.h"
#include "tests/support/database.h"

#define OFFICE_PASSWORD "correct horse EXAMPLE"
#define OFFICE_PRODUCT "pump-a"
#define OFFICE_ORIGIN "office.example/ledger"

struct office_key {
	EVP_PKEY *raw;
	struct sign_key *key;
	struct sign_cert cert;
};

struct office {
	struct arena *arena;
	struct database database;
	char dir[64]; /* of keys, socket, head file, git; below the system's temporary folder */
	struct keeper_settings settings;
	struct keeper *keeper;
	struct history *history;
	struct renewal *renewal;
	struct desk *desk;
	struct keeper_client *client; /* the service's side of the socket */
	struct db_pool *service;      /* the service's role */
	struct audit_writer writer;   /* service/1 */
	X509 *authority;	      /* of all keys but the roots; dir/authority.pem */
	EVP_PKEY *authority_key;
	struct office_key roots[3], author, other_author, keeper_key, ada, ben, qa, stranger;
	struct sign_key *lease, *ledger, *git;
	struct sign_key *devices[3]; /* report keys of unit-1 to unit-3 */
	int64_t trust_version;
	int64_t statement_number; /* of the last directory statement */
	struct sha256_hex statement_sha256;
	int64_t sequence;
	/* of office_given_release and office_given_campaign */
	struct bytes manifest, author_cms;
	char release[37], record[37], campaign[37];
	struct sha256_hex record_sha256, plan_sha256;
};

/* Keys, database, a running keeper with an empty ledger. office_close ends and removes it all. */
void office_open(struct office *office);
void office_close(struct office *office);
/* Ends the keeper and starts it again over the same database and files. */
void office_stop_keeper(struct office *office);
bool office_start_keeper(struct office *office, struct err *err);

/* One verb over the socket. members may be NULL. */
bool office_call(struct office *office, const char *verb, struct doc *members,
		 const struct doc **reply, struct err *err);
/* Must be done, or the test fails with the reason. */
const struct doc *office_must(struct office *office, const char *verb, struct doc *members);
/* Must be refused with this code. */
void office_refused(struct office *office, const char *verb, struct doc *members,
		    enum err_code code);

/* As the service would: stores a document, and SQL of the test's own under the service's role. */
struct sha256_hex office_store(struct office *office, const char *type, struct bytes bytes);

/* ---- stories, each on top of the one before ---- */
void office_given_trust(struct office *office); /* version 1, signed by roots 1 and 2 */
void office_given_people(
	struct office *office); /* statement 1: people, product, ruleset, devices; passwords set */
void office_given_release(struct office *office); /* drafted, sealed; a passed test record added */
void office_given_tested(struct office *office);  /* p-tester signs the record with the password */
void office_given_approved(
	struct office *office); /* p-qa signs the release with the personal key */
void office_given_campaign(struct office *office); /* drafted and submitted for unit-1 and unit-2 */
void office_given_released(struct office *office); /* p-manager signs the plan with the password */
void office_given_started(struct office *office);

/* ---- pieces ---- */
struct bytes office_cms(struct office *office, const struct office_key *key, struct bytes content);
/* A put of a statement with these acts (a list of objects), signed by these keys. */
struct doc *office_statement(struct office *office, struct doc *acts,
			     const struct office_key *const *signers, size_t count);
struct doc *office_challenge_members(struct office *office, const char *person, const char *meaning,
				     const char *kind, const char *id);
/* Challenge and answer; cms with key, or the password when key is NULL. */
struct doc *office_answer(struct office *office, const char *person, const char *meaning,
			  const char *kind, const char *id, const struct office_key *key);
struct doc *office_lease_members(struct office *office, const char *device, int64_t attempt,
				 const char *step);
struct trust office_trust(struct office *office, int64_t version);
struct doc *office_put_trust(struct office *office, const struct trust *trust,
			     const struct office_key *const *roots, size_t count);
/* Waits until every event is sealed or set aside and every act stands in git: 10 s at most. */
void office_settled(struct office *office);
/* Is the gate open, by a dry run. */
bool office_gate_open(struct office *office, const char *gate, const char *subject);

#endif
