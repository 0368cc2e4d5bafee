/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_COMMANDS_H
#define SERVICE_CTL_COMMANDS_H

/*
 * The table of commands: a row says how a command is called, what it does, whether somebody has to
 * be logged in, and which function does it. Parser (arguments.h), help and manual page are made from
 * it. Functions are called ctl_<noun>_<verb> and stand in <noun>.c; they return false with err, or
 * set ctl->status.
 */

#include "service/ctl/ctl.h"

#include <stdio.h>

typedef bool (*command_function)(struct ctl *ctl, struct err *err);

struct command {
	const char *words;    /* "release create" */
	const char *synopsis; /* operands first, then options: arguments.h */
	const char *help;     /* the first line says what it does; then paragraphs */
	bool needs_session;
	command_function run;
};
extern const struct command commands[];
extern const size_t command_count;

/* Options of every command, as a synopsis. */
#define COMMAND_OPTIONS "[--url URL] [--ca FILE] [--session FILE] [--json] [--help]"

/* The command that these words begin with, the longest; used: how many words. NULL: none. */
const struct command *command_find(const char *const *words, size_t count, size_t *used);
/* Help of one command; of all whose words begin with these, by line; of everything. */
void command_help(FILE *stream, const struct command *command);
/* False: there is none. */
bool command_help_group(FILE *stream, const char *const *words, size_t count);
void command_help_all(FILE *stream);
/* The manual page, in man(7). docs/man/countersign.1 is this text. */
void command_help_page(FILE *stream);

bool ctl_help(struct ctl *ctl, struct err *err);

/* account.c */
bool ctl_login(struct ctl *ctl, struct err *err);
bool ctl_logout(struct ctl *ctl, struct err *err);
bool ctl_whoami(struct ctl *ctl, struct err *err);
bool ctl_status(struct ctl *ctl, struct err *err);
bool ctl_password_set(struct ctl *ctl, struct err *err);
bool ctl_person_list(struct ctl *ctl, struct err *err);
/* trust.c */
bool ctl_trust_init(struct ctl *ctl, struct err *err);
bool ctl_trust_sign(struct ctl *ctl, struct err *err);
bool ctl_trust_put(struct ctl *ctl, struct err *err);
bool ctl_trust_show(struct ctl *ctl, struct err *err);
/* directory.c */
bool ctl_directory_draft(struct ctl *ctl, struct err *err);
bool ctl_directory_show(struct ctl *ctl, struct err *err);
bool ctl_directory_sign(struct ctl *ctl, struct err *err);
bool ctl_directory_put(struct ctl *ctl, struct err *err);
/* document.c */
bool ctl_document_put(struct ctl *ctl, struct err *err);
bool ctl_document_get(struct ctl *ctl, struct err *err);
/* manifest.c */
bool ctl_manifest_make(struct ctl *ctl, struct err *err);
bool ctl_manifest_sign(struct ctl *ctl, struct err *err);
bool ctl_manifest_show(struct ctl *ctl, struct err *err);
/* artifact.c */
bool ctl_artifact_put(struct ctl *ctl, struct err *err);
bool ctl_artifact_get(struct ctl *ctl, struct err *err);
/* release.c */
bool ctl_release_create(struct ctl *ctl, struct err *err);
bool ctl_release_list(struct ctl *ctl, struct err *err);
bool ctl_release_show(struct ctl *ctl, struct err *err);
bool ctl_release_seal(struct ctl *ctl, struct err *err);
bool ctl_release_withdraw(struct ctl *ctl, struct err *err);
bool ctl_record_add(struct ctl *ctl, struct err *err);
/* sign.c */
bool ctl_sign(struct ctl *ctl, struct err *err);
/* gate.c */
bool ctl_gate_show(struct ctl *ctl, struct err *err);
/* campaign.c */
bool ctl_campaign_create(struct ctl *ctl, struct err *err);
bool ctl_campaign_list(struct ctl *ctl, struct err *err);
bool ctl_campaign_show(struct ctl *ctl, struct err *err);
bool ctl_campaign_devices(struct ctl *ctl, struct err *err);
bool ctl_campaign_start(struct ctl *ctl, struct err *err);
bool ctl_campaign_hold(struct ctl *ctl, struct err *err);
bool ctl_campaign_resume(struct ctl *ctl, struct err *err);
bool ctl_campaign_abort(struct ctl *ctl, struct err *err);
bool ctl_campaign_watch(struct ctl *ctl, struct err *err);
/* device.c */
bool ctl_device_list(struct ctl *ctl, struct err *err);
bool ctl_device_show(struct ctl *ctl, struct err *err);
bool ctl_device_access(struct ctl *ctl, struct err *err);
/* audit.c */
bool ctl_audit_checkpoint(struct ctl *ctl, struct err *err);
bool ctl_audit_export(struct ctl *ctl, struct err *err);

#endif
