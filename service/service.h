/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

/*
 * What a running countersignd consists of. Immutable after service_open; every thread may read it.
 * It holds TLS keys and the HMAC key of its own unsealed events; no signing key, no secret of a person.
 */

#include "audit/log.h"
#include "common/db.h"
#include "common/wire/keeper.h"

struct service_settings {
	const char *listen;
	int64_t port;
	const char *tls_certificate, *tls_key; /* NULL: plain HTTP (tests, behind a TLS front) */
	const char *device_authority;	       /* PEM of the device CA: client certificates */
	const char *database;		       /* conninfo of the service role */
	int64_t database_connections;
	const char *keeper_socket;
	const char *instance;  /* "1": writer is service/1 */
	const char *mac_key;   /* file of 32 bytes */
	const char *artifacts; /* folder: firmware by digest */
	const char *exports;   /* folder of evidence packages */
	const char *git;       /* the bare repository, read for exports */
	const char *base_url;  /* of links handed to devices; NULL: from the Host header */
	int64_t poll_s;	       /* told to devices: 1 to 86,399 */
	int64_t workers;
};

struct device_gate;   /* model/dispatch: epoch and link cache */

struct service {
	struct service_settings settings;
	struct db_pool *pool;
	struct keeper_client *keeper;
	struct audit_writer writer;
	struct device_gate *gate;
	struct arena *arena;
};

/* Who asks, as identity.c found out: web_actor gives one. */
struct actor {
	enum actor_kind kind;
	const char *id;	  /* person or device */
	const char *name; /* of a person */
	const char *auth; /* "session", "token", "certificate" */
	const char *const *roles; /* of a person, for any product; NULL-ended */
};

/* The act of a request: who, when, request id, arena. */
struct request;
struct act service_act(struct request *request);

/* Regulated calls: asks the keeper for `status` first (down: E_KEEPER_AWAY, nothing changed). */
MUST_CHECK bool service_keeper_ready(struct service *service, const struct act *act, struct err *err);
/* Has events that this service wrote sealed now; fills index of the last. E_LEDGER_NOT_SEALED after 5 s. */
MUST_CHECK bool service_seal(struct service *service, const struct act *act,
			     const struct event_id *events, size_t count, int64_t *index,
			     struct err *err);
/* Tells the keeper that there is something to seal, without waiting or failing. */
void service_seal_soon(struct service *service, const struct act *act, const struct event_id *event);

MUST_CHECK bool service_open(const struct service_settings *settings, struct service **out,
			     struct err *err);
void service_close(struct service *service);

#endif
