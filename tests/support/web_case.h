/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_WEB_CASE_H
#define TESTS_SUPPORT_WEB_CASE_H

/*
 * A small program behind a real server, and asking it. Each test begins with a fresh server and
 * arena. Who sends "Authorization: nobody" is not identified, "guest" is not permitted; the steps
 * of all requests are noted in one trace. Requests to /gated and /hot wait at the gate.
 */

#include "common/web_internal.h"
#include "tests/support/http.h"

#define HOST "Host: localhost\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"

enum { WEB_CASE_PERMISSION = 1, WEB_CASE_BODY_MAX = 4096 };

extern struct arena *arena;
extern struct web *web;
extern const struct web_settings web_case_settings;

int web_case_begin(void **state);
int web_case_end(void **state);
void web_case_start(const struct web_settings *settings);
void web_case_trace_clear(void);
void expect_trace(const char *words);

struct http_answer ask(const char *text);
const char *post(const char *path, const char *headers, const char *body);
const struct doc *doc_of(const struct http_answer *answer);
const char *answer_member(const struct http_answer *answer, const char *key);
/* Status, code, and all members that a problem must have. */
void expect_problem(const struct http_answer *answer, int status, const char *code);

#endif
