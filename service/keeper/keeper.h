/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_KEEPER_KEEPER_H
#define SERVICE_KEEPER_KEEPER_H

/*
 * What a running keeper consists of. Immutable after keeper_open, but for what has a lock of its own (trust, sequencer).
 *
 * The keeper is the only holder of the keeper, lease, ledger and git keys. It opens no network
 * port: requests come over a Unix socket (desk.h), one thread per connection, at most
 * KEEPER_CONNECTIONS; data comes from the database under its own role. It believes bytes signed
 * with keys the service does not hold, passwords it checks itself, and its own computation; nothing else
 * helps (design: "what the keeper believes").
 */

#include "audit/log.h"
#include "common/db.h"
#include "common/sign.h"
#include "common/wire/trust.h"

#define KEEPER_VERSION "0.1"

enum {
	KEEPER_CONNECTIONS = 64,
	KEEPER_LEASE_FOR_S = 300,
	KEEPER_CHALLENGE_S = 120,
	KEEPER_CHALLENGE_FAILURES = 5,
	KEEPER_SEAL_WAIT_MS = 5000,
	KEEPER_PASSWORDS_AT_ONCE = 2, /* scrypt runs: 32 MiB each */
};

struct keeper_settings {
	const char *socket;   /* path of the desk's socket */
	const char *database; /* conninfo of the keeper role */
	const char *origin;   /* of the ledger, and name of its key: "countersign.example/ledger" */
	const char *keeper_key, *keeper_certificate; /* CMS: permits. PEM file or pkcs11 URI; PEM */
	const char *lease_key, *ledger_key, *git_key; /* Ed25519 */
	const char *keeper_mac_key; /* file of 32 bytes: events of writer keeper/1 */
	const char *
		service_mac_keys; /* folder of <instance>.key files, 32 bytes each: events of service/<instance> */
	const char *head_file; /* the last signed checkpoint, fsynced, outside the database */
	const char *git;       /* bare repository */
	const char *pin;       /* trust pin: root keys and quorum (wire/trust.h) */
	int64_t service_uid;   /* who may use every verb */
	int64_t lease_for_s;
};

struct sequencer;

struct keeper {
	struct keeper_settings settings;
	struct db_pool *pool;
	struct audit_writer writer; /* "keeper/1" */
	struct sign_key *keeper_key, *lease_key, *ledger_key, *git_key;
	struct sign_cert keeper_cert;
	struct sequencer *sequencer;
	struct keeper_trust *trust;   /* the document in force, behind a lock: keeper_trust_get */
	struct arena *arena;	      /* of the whole life */
	struct keeper_limits *limits; /* semaphores: passwords at once */
};

/* The trust document in force, copied into the arena; E_TRUST_MISSING before the first was put.
 * sha256 may be NULL. */
MUST_CHECK bool keeper_trust_get(struct keeper *keeper, struct arena *arena, struct trust *out,
				 struct sha256_hex *sha256, struct err *err);
/* Called by `put trust` once the row is committed; reads the newest document again. */
MUST_CHECK bool keeper_trust_load(struct keeper *keeper, struct err *err);
/* Inside a transaction: what keeper_trust_get gives from now on is at least as new as what this
 * transaction sees. Whoever judges by the trust document calls it first. */
MUST_CHECK bool keeper_trust_refresh(struct keeper *keeper, struct db_tx *tx, struct err *err);

/* Order of start: settings, keys, database, trust, sequencer. Frees what it got when it fails. */
MUST_CHECK bool keeper_open(const struct keeper_settings *settings, struct keeper **out,
			    struct err *err);
void keeper_close(struct keeper *keeper);
/* Puts keeper.started on the record, once the desk is open. */
MUST_CHECK bool keeper_record_start(struct keeper *keeper, struct err *err);

/* One verb of the desk. request: the whole frame; reply: an object that already has type and ok;
 * the verb sets its members. act: actor_kind ACTOR_SERVICE, replaced by the verb where it established
 * a person. */
typedef bool (*keeper_verb)(struct keeper *keeper, const struct act *act, const struct doc *request,
			    struct doc *reply, struct err *err);

/* Waits until this event is sealed under a signed checkpoint and puts event, index and
 * checkpoint_size into the reply; E_LEDGER_NOT_SEALED (503 ledger.not-sealed-yet) after KEEPER_SEAL_WAIT_MS, then with event
 * only. The last step of every regulated verb, outside its transaction. */
MUST_CHECK bool keeper_finish(struct keeper *keeper, const struct event_id *event,
			      struct doc *reply, struct err *err);

/* Stores a document if it is not there, inside the transaction. */
MUST_CHECK bool keeper_store_document(struct db_tx *tx, const char *type, struct bytes bytes,
				      struct sha256_hex *out, struct err *err);
/* The bytes of a stored document of this type (its digest is checked again); E_DOC_MISSING. */
MUST_CHECK bool keeper_load_document(struct db_tx *tx, const char *sha256, const char *type,
				     struct bytes *out, struct err *err);

/* The verbs, by file. */
bool verb_status(struct keeper *, const struct act *, const struct doc *, struct doc *,
		 struct err *); /* desk.c */
bool verb_seal(struct keeper *, const struct act *, const struct doc *, struct doc *,
	       struct err *); /* desk.c */
bool verb_login(struct keeper *, const struct act *, const struct doc *, struct doc *,
		struct err *); /* credential.c */
bool verb_put_password(struct keeper *, const struct act *, const struct doc *, struct doc *,
		       struct err *); /* credential.c */
bool verb_challenge(struct keeper *, const struct act *, const struct doc *, struct doc *,
		    struct err *); /* signing.c */
bool verb_sign(struct keeper *, const struct act *, const struct doc *, struct doc *,
	       struct err *); /* signing.c */
bool verb_put_trust(struct keeper *, const struct act *, const struct doc *, struct doc *,
		    struct err *); /* directory.c */
bool verb_put_directory(struct keeper *, const struct act *, const struct doc *, struct doc *,
			struct err *); /* directory.c */
bool verb_put_seal_release(struct keeper *, const struct act *, const struct doc *, struct doc *,
			   struct err *); /* intake.c */
bool verb_put_record(struct keeper *, const struct act *, const struct doc *, struct doc *,
		     struct err *); /* intake.c */
bool verb_put_plan(struct keeper *, const struct act *, const struct doc *, struct doc *,
		   struct err *); /* intake.c */
bool verb_decide(struct keeper *, const struct act *, const struct doc *, struct doc *,
		 struct err *); /* gate.c */
bool verb_open(struct keeper *, const struct act *, const struct doc *, struct doc *,
	       struct err *); /* campaign.c */
bool verb_hold(struct keeper *, const struct act *, const struct doc *, struct doc *,
	       struct err *); /* campaign.c */
bool verb_permit(struct keeper *, const struct act *, const struct doc *, struct doc *,
		 struct err *); /* permit.c */
bool verb_lease(struct keeper *, const struct act *, const struct doc *, struct doc *,
		struct err *); /* lease.c */

/* Renews verdicts and permits of running campaigns that end within the next hour (or went stale while their facts still open the
 * gate). Called by the keeper's own timer every second. */
MUST_CHECK bool keeper_renew(struct keeper *keeper, struct err *err); /* permit.c */

#endif
