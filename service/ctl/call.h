/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_CALL_H
#define SERVICE_CTL_CALL_H

/*
 * Asking the service (docs/api.md). Answers are documents in ctl's arena; a problem becomes the
 * error with its own code and sentence.
 *
 * The session's token goes only to the address that gave it, and never over plain HTTP to another
 * machine.
 */

#include "common/doc.h"
#include "service/ctl/ctl.h"

/* call_path(arena, "v1", "releases", id, NULL): "/v1/releases/ID", each part percent-encoded. */
const char *call_path_of(struct arena *arena, const char *const *parts);
#define call_path(arena, ...) call_path_of((arena), (const char *const[]){__VA_ARGS__})

/* The connection, made at the first call. E_CONFIG: no address is known. */
MUST_CHECK bool call_open(struct ctl *ctl, struct err *err);
void call_close(struct ctl *ctl);

MUST_CHECK bool call_get(struct ctl *ctl, const char *path, const struct doc **out,
			 struct err *err);
/* A change: with an idempotency key, and sent again under the same key while the service says that
 * the act is not sealed yet, still runs, or lost a race; for at most a minute. body NULL: {}. */
MUST_CHECK bool call_send(struct ctl *ctl, const char *method, const char *path,
			  const struct doc *body, const struct doc **out, struct err *err);
/* As call_send, once and without a key: what must not be kept on the server (passwords, tokens). */
MUST_CHECK bool call_send_once(struct ctl *ctl, const char *method, const char *path,
			       const struct doc *body, const struct doc **out, struct err *err);
/* Exact bytes, at most max. */
MUST_CHECK bool call_bytes(struct ctl *ctl, const char *path, size_t max, struct bytes *out,
			   struct err *err);
/* All pages of a list as one array; id: the member that the next page begins after. */
MUST_CHECK bool call_list(struct ctl *ctl, const char *path, const char *id, const struct doc **out,
			  struct err *err);
/* Turns the answer of an upload into the document that it is, or into an error. */
struct fetch_answer;
MUST_CHECK bool call_judge(struct ctl *ctl, const struct fetch_answer *answer,
			   const struct doc **out, struct err *err);
/* The full address of a path. */
const char *call_url(struct ctl *ctl, const char *path);

#endif
