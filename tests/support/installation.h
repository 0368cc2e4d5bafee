/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_INSTALLATION_H
#define TESTS_SUPPORT_INSTALLATION_H

/*
 * A whole installation for tests: a database of its own, keys by tools/pki.sh, a trust document, and
 * the real programs countersign-keeper and countersignd as processes, each under its own user when
 * the test runs as root. Everything goes over HTTP, as people do it. What goes wrong in a function
 * that returns nothing fails the running test.
 *
 * People (EXAMPLE): admins p-ada and p-ben, who also stand in the trust document with their
 * personal keys; p-author, p-tester, p-qa (with a personal key), p-manager, p-support, p-auditor.
 * Every password is INSTALLATION_PASSWORD. Product pump-a (hardware rev-1) under the ruleset
 * baseline; devices unit-1 to unit-3 with report keys. Product pump-b has an author of its own.
 */

#include "common/doc.h"
#include "common/fetch.h"
#include "common/sign.h"
#include "tests/support/database.h"

#include <sys/types.h>

#define INSTALLATION_PASSWORD "correct horse EXAMPLE"
#define INSTALLATION_PRODUCT "pump-a"
#define INSTALLATION_ORIGIN "installation.example/ledger"
enum { INSTALLATION_DEVICES = 3 };

struct installation_key {
	const char *key_path, *cert_path; /* PEM; NULL: made without a certificate */
	struct sign_key *key;
	struct sign_cert cert;
};

struct installation_person {
	const char *id, *role;
	const char *token; /* of a session; NULL: not logged in */
};
enum installation_who {
	ADA,
	BEN,
	AUTHOR,
	TESTER,
	QA,
	MANAGER,
	SUPPORT,
	AUDITOR,
	INSTALLATION_PEOPLE
};

struct installation {
	struct arena *arena;
	struct database database;
	const char *dir; /* pki/ keys/ keeper/ service/ */
	bool tls; /* set before installation_open: HTTPS, client certificates by pki/device-ca */
	const char *keeper_socket, *keeper_log, *service_log, *artifacts;
	const char *keeper_config, *service_config, *pin;
	pid_t keeper, service; /* 0: not running */
	uint16_t port;
	const char *url; /* http://127.0.0.1:PORT */
	struct fetch *fetch;
	struct installation_key roots[3], author, other_author, keeper_key, ada, ben, qa, stranger;
	struct installation_key lease, ledger, git, devices[INSTALLATION_DEVICES];
	struct installation_person people[INSTALLATION_PEOPLE];
	/* of the release made last */
	struct bytes image, manifest, author_cms;
	struct sha256_hex image_sha256;
	const char *release, *record;
	int64_t sequence;
};

/* Everything but trust and people; both programs run. */
void installation_open(struct installation *in);
void installation_close(struct installation *in);

/* Stopping asks kindly, waits, and demands exit status 0. */
void installation_start_keeper(struct installation *in);
void installation_stop_keeper(struct installation *in);
void installation_start_service(struct installation *in);
void installation_stop_service(struct installation *in);
/* SIGKILL, and no questions. */
void installation_kill_service(struct installation *in);
void installation_kill_keeper(struct installation *in);

/* ---- asking ---- */

struct installation_answer {
	int status;
	const struct doc *doc; /* NULL: no JSON */
	const char *code;      /* of a problem, "" otherwise */
	struct bytes body;
};
/* token NULL: nobody. body NULL: none. key: Idempotency-Key, NULL: none. */
struct installation_answer installation_ask(struct installation *in, const char *token,
					    const char *method, const char *path,
					    const struct doc *body, const char *key);
/* Must be 200 to 299. */
const struct doc *installation_must(struct installation *in, const char *token, const char *method,
				    const char *path, const struct doc *body);
/* Must be this status and code. */
struct installation_answer installation_refused(struct installation *in, const char *token,
						const char *method, const char *path,
						const struct doc *body, int status,
						const char *code);
/* PUT of bytes. */
struct installation_answer installation_upload(struct installation *in, const char *token,
					       const char *sha256, struct bytes bytes);
/* Session token of a person, with INSTALLATION_PASSWORD. */
const char *installation_login(struct installation *in, const char *person);

/* ---- pieces ---- */

struct bytes installation_cms(struct installation *in, const struct installation_key *key,
			      struct bytes content);
/* {document, cms} with these acts (a list of objects) as the next statement. */
struct doc *installation_statement(struct installation *in, const struct doc *acts,
				   const struct installation_key *const *signers, size_t count);
struct doc *installation_act(struct installation *in, struct doc *acts, const char *act);
/* {manifest, author_cms} of the product, with the image as only artifact. */
struct doc *installation_draft(struct installation *in, const char *product,
			       const struct installation_key *author);
/* {document}: a passed test of the release by the tester, signed by nobody yet; draws in->record. */
struct doc *installation_record(struct installation *in, int64_t version);
/* A challenge, answered with the password or the key: members of POST /v1/signatures. */
struct doc *installation_signing(struct installation *in, enum installation_who who,
				 const char *meaning, const char *kind, const char *id,
				 const struct installation_key *key);

/* ---- the story, each step on top of the one before ---- */

void installation_given_trust(struct installation *in);
void installation_given_people(struct installation *in); /* statement 1, passwords, all logged in */
void installation_given_image(struct installation *in);	 /* some random bytes, uploaded */
void installation_given_release(struct installation *in); /* drafted and sealed */
void installation_given_tested(struct installation *in);  /* record added, signed by its tester */
void installation_given_approved(struct installation *in);

/* All that is written is sealed, at most 10 s. */
void installation_settled(struct installation *in);

#endif
