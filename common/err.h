/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/*
 * The one way to fail.
 *
 * A function that can fail returns bool, is marked MUST_CHECK and takes a struct err as its last
 * parameter. The caller owns the struct (on its stack, `struct err err = {0};`). The first cause
 * stays: a second err_fail on a struct that already holds an error changes nothing; a caller may
 * put words in front of it with err_prefix. Outputs are written only on success.
 *
 *	if (size > limit)
 *		return err_fail(err, E_BODY_TOO_LARGE, "the body is over %zu bytes; send less", limit);
 *
 * Codes ("room.reason-in-words") stand in errors.def with their kind and their default sentence.
 * A kind decides HTTP status, process exit code, log level and audit outcome.
 */

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum err_kind {
	ERR_NONE,
	ERR_INVALID,	     /* the input is wrong: 400 */
	ERR_UNIDENTIFIED,    /* who asks is not known: 401 */
	ERR_DENIED,	     /* known, and may not: 403 */
	ERR_UNKNOWN,	     /* no such thing: 404 */
	ERR_CONFLICT,	     /* not in this state: 409 */
	ERR_TOO_MUCH,	     /* over a stated limit: 413 */
	ERR_RETRY,	     /* lost a race; the same call may work: 409 with Retry-After */
	ERR_UNAVAILABLE,     /* something we need is away: 503 */
	ERR_BROKEN_EVIDENCE, /* a signature, digest or proof does not hold: 422 */
	ERR_INTERNAL,	     /* the machine failed us (disk, memory, library): 500 */
	ERR_BUG,	     /* we failed: 500 */
};

enum err_code {
	E_NONE,
#define ERROR(name, text, kind, sentence) name,
#include "common/errors.def"
#undef ERROR
	E_CODES
};

enum { ERR_TEXT_BYTES = 240 };

struct err {
	enum err_code code;
	char text[ERR_TEXT_BYTES]; /* one clear sentence that says what to do, no final stop */
};

/* Sets err and is false: `return err_fail(...)`. NULL format: the sentence of errors.def. A macro
 * ending in the literal, so that analyzers know that it never is true. */
#define err_fail(err, code, ...) (err_set((err), (code), __VA_ARGS__), false)

void err_set(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "words: " in front of the text of an error that is set; cuts the end if it gets too long. */
void err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes back an error, so that the struct can be used again. */
void err_clear(struct err *err);

/* Of a code: "room.reason-in-words", its kind, its sentence. */
const char *err_code_text(enum err_code code);
enum err_kind err_code_kind(enum err_code code);
const char *err_code_sentence(enum err_code code);

/* The code with this text, E_NONE if none is: for errors that crossed a wire. */
enum err_code err_code_of(const char *text);

/* Of a kind: HTTP status, exit code of a program (1 = refused or failed, 2 = usage or input, 3 = unavailable, 70 = bug), and
 * audit outcome ("refused" or "failed"). */
int err_kind_status(enum err_kind kind);
int err_kind_exit(enum err_kind kind);
const char *err_kind_outcome(enum err_kind kind);

#endif
