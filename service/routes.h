/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_ROUTES_H
#define SERVICE_ROUTES_H

/*
 * Everything countersignd answers, one row each: who may, how large a body, which handler, which
 * event a change makes. docs/api.md describes the same rows; tests/flow/test_routes.c compares.
 */

#include "common/web.h"

/* For rows that change only marks which are no events (a session ended, a document stored). */
#define ROUTE_NO_EVENT "-"

extern const struct route service_routes[];
extern const size_t service_route_count;

#endif
