/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

/*
 * What a running countersignd consists of. Immutable after service_open; every thread may read it.
 * It holds TLS keys and the HMAC key of its own unsealed events; no signing key, no secret of a person.
 *
 * web_app gives the service, service->model is what the verbs of service/model/ take.
 */

#include "service/model/model.h"

#define SERVICE_VERSION "0.1"

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
struct refusals;      /* refusal.h */
struct service_clock; /* service.c: the thread that does what is due */

struct service {
	struct service_settings settings;
	struct model *model;
	struct refusals *refusals;
	struct device_gate *gate;
	struct service_clock *clock;
	struct arena *arena;
};

/* A role that a person holds for a product; "*": for every one. */
struct actor_grant {
	const char *role;
	const char *product;
};

/* Who asks, as identity.c found out: web_actor gives one; NULL on public routes. */
struct actor {
	enum actor_kind kind;
	const char *id;			  /* person or device */
	const char *name;		  /* of a person */
	const char *auth;		  /* "session", "token", "certificate" */
	const struct actor_grant *grants; /* of a person */
	size_t grant_count;
};

/*
 * Order of start: folders, MAC key, database (writes service.started), keeper client, timer. A
 * keeper that is away does not keep the service from starting: it reads, and refuses what is
 * regulated. Frees what it got when it fails.
 */
MUST_CHECK bool service_open(const struct service_settings *settings, struct service **out,
			     struct err *err);
void service_close(struct service *service); /* NULL is fine */

#endif
