/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/*
 * Log lines for operators: one line each on standard error, key=value, values quoted where needed,
 * control characters escaped:
 *
 *	time=2026-11-23T06:07:03.123456Z level=info program=countersignd event=started port=8443
 *
 *	log_info("started", LOG_INT("port", port), LOG_TEXT("url", url));
 *
 * The log is not the audit trail and carries no secrets: no passwords, tokens, codes or bodies.
 * Safe from any thread.
 */

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
	const char *key;
	const char *text; /* NULL: number */
	int64_t number;
};
/* A function, because compilers warn of arrays that are compared with NULL. */
static inline struct log_field log_field_text(const char *key, const char *text)
{
	return (struct log_field){.key = key, .text = text ? text : "-"};
}
#define LOG_TEXT(k, v) log_field_text((k), (v))
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (v)})
#define LOG_ERR(e) LOG_TEXT("code", err_code_text((e)->code)), LOG_TEXT("why", (e)->text)

void log_start(const char *program, enum log_level least);
void log_line(enum log_level level, const char *event, const struct log_field *fields,
	      size_t count);
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__})
#define LOG_CALL(level, event, ...)                         \
	log_line((level), (event), LOG_FIELDS(__VA_ARGS__), \
		 sizeof(LOG_FIELDS(__VA_ARGS__)) / sizeof(struct log_field))
#define log_debug(event, ...) LOG_CALL(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_CALL(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_CALL(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_CALL(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
