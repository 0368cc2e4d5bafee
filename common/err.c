/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in one struct that the caller owns: setting, prefixing, and the two tables. */

#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text;
	enum err_kind kind;
	const char *sentence;
} codes[E_CODES] = {
	[E_NONE] = {"none", ERR_NONE, "No error"},
#define ERROR(name, text, kind, sentence) [name] = {text, kind, sentence},
#include "common/errors.def"
#undef ERROR
};

static const struct {
	int status;
	int exit;
	const char *outcome;
} kinds[] = {
	[ERR_NONE] = {200, 0, "done"},
	[ERR_INVALID] = {400, 2, "refused"},
	[ERR_UNIDENTIFIED] = {401, 1, "refused"},
	[ERR_DENIED] = {403, 1, "refused"},
	[ERR_UNKNOWN] = {404, 1, "refused"},
	[ERR_CONFLICT] = {409, 1, "refused"},
	[ERR_TOO_MUCH] = {413, 2, "refused"},
	[ERR_RETRY] = {409, 1, "refused"},
	[ERR_UNAVAILABLE] = {503, 3, "failed"},
	[ERR_BROKEN_EVIDENCE] = {422, 1, "refused"},
	[ERR_INTERNAL] = {500, 1, "failed"},
	[ERR_BUG] = {500, 70, "failed"},
};

void err_set(struct err *err, enum err_code code, const char *format, ...)
{
	if (err->code != E_NONE)
		return;
	err->code = code;
	if (!format) {
		snprintf(err->text, sizeof(err->text), "%s", codes[code].sentence);
		return;
	}
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
}

void err_prefix(struct err *err, const char *format, ...)
{
	char words[ERR_TEXT_BYTES];
	char old[ERR_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	memcpy(old, err->text, sizeof(old));
	size_t used = strlen(words);
	size_t left = sizeof(err->text) - 1 - used;
	memcpy(err->text, words, used);
	snprintf(err->text + used, left + 1, ": %.*s", left > 2 ? (int)(left - 2) : 0, old);
}

void err_clear(struct err *err)
{
	*err = (struct err){0};
}

const char *err_code_text(enum err_code code)
{
	return codes[code].text;
}

enum err_kind err_code_kind(enum err_code code)
{
	return codes[code].kind;
}

const char *err_code_sentence(enum err_code code)
{
	return codes[code].sentence;
}

enum err_code err_code_of(const char *text)
{
	for (int code = E_NONE + 1; code < E_CODES; code++) {
		if (strcmp(codes[code].text, text) == 0)
			return (enum err_code)code;
	}
	return E_NONE;
}

int err_kind_status(enum err_kind kind)
{
	return kinds[kind].status;
}

int err_kind_exit(enum err_kind kind)
{
	return kinds[kind].exit;
}

const char *err_kind_outcome(enum err_kind kind)
{
	return kinds[kind].outcome;
}
