/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about people, keys, products, rulesets and devices, and the admins who sign them. */

#include "common/wire/directory.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/text.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/entries.h"
#include "service/ctl/show.h"
#include "service/ctl/signing.h"

#include <string.h>

/* ---- draft ---- */

static bool next_statement(struct ctl *ctl, int64_t *number, const char **previous, struct err *err)
{
	const struct doc *answer;
	long long given;

	if (ctl_has(ctl, "--number")) {
		*previous = ctl_get(ctl, "--previous");
		if (!arguments_int(&ctl->arguments, "--number", 1, DOC_INT_MAX, 0, &given, err))
			return false;
		*number = given;
		return true;
	}
	if (!call_get(ctl, call_path(ctl->arena, "v1", "directory", "next", NULL), &answer, err))
		return false;
	*number = doc_int(doc_get(answer, "number"), 0);
	*previous = doc_get_text(answer, "previous");
	return *previous || err_fail(err, E_FETCH, "The service did not say the next number");
}

bool ctl_directory_draft(struct ctl *ctl, struct err *err)
{
	struct doc *statement = doc_object(ctl->arena);
	clock_us now = clock_now();
	struct directory checked;
	const struct doc *acts;
	const char *previous;
	struct bytes bytes;
	int64_t number;

	if (!entries_read_acts(ctl->arena, ctl_get(ctl, "--acts"), now, &acts, err) ||
	    !next_statement(ctl, &number, &previous, err))
		return false;
	doc_set_text(statement, "type", DIRECTORY_TYPE);
	doc_set_int(statement, "number", number);
	doc_set_text(statement, "previous", previous);
	doc_set_time(statement, "at", now);
	doc_set_text(statement, "reason", ctl_get(ctl, "--reason"));
	doc_set(statement, "acts", acts);
	if (!doc_canonical(ctl->arena, statement, &bytes, err) ||
	    !directory_parse(ctl->arena, bytes, &checked, err) ||
	    !file_replace(ctl_get(ctl, "--out"), bytes, 0644, err))
		return false;
	show_line(ctl, "Drafted: statement %lld with %zu acts in %s; two admins sign it",
		  (long long)number, checked.act_count, ctl_get(ctl, "--out"));
	show_json(ctl, statement);
	return true;
}

/* ---- show, sign ---- */

/* One line per act: its members, but for what is bytes. Of a certificate, the key it is of. */
static void show_act(struct ctl *ctl, const struct directory_act *act, const struct doc *doc)
{
	struct err ignored = {0};
	struct sign_cert cert;
	struct text line;
	size_t count;
	const struct doc_pair *pairs = doc_members(ctl->arena, doc, &count);

	text_init(&line, ctl->arena, 8192);
	text_add(&line, directory_kind_word((enum directory_kind)act->kind));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pairs[i].key, "act") == 0 || strcmp(pairs[i].key, "certificate") == 0 ||
		    strcmp(pairs[i].key, "report_key") == 0)
			continue;
		text_addf(&line, " %s=%s", pairs[i].key, show_value(ctl->arena, pairs[i].value));
	}
	if (act->certificate.size > 0 &&
	    sign_cert_read(ctl->arena, act->certificate, &cert, &ignored))
		text_addf(&line, " certificate of %s, key %s", cert.subject_cn, cert.key_id.text);
	else if (act->certificate.size > 0)
		text_add(&line, " A CERTIFICATE THAT CANNOT BE READ");
	if (act->report_key.size > 0)
		text_addf(&line, " report key %s", sign_key_id(act->report_key).text);
	show_line(ctl, "  %s", line.at);
}

static bool show_statement(struct ctl *ctl, struct bytes *bytes, struct err *err)
{
	struct directory directory;
	const struct doc *doc;

	if (!file_read(ctl->arena, ctl_get(ctl, "FILE"), DIRECTORY_BYTES_MAX, bytes, err) ||
	    !directory_parse(ctl->arena, *bytes, &directory, err) ||
	    !doc_parse(ctl->arena, *bytes, &doc, err))
		return false;
	show_json(ctl, doc);
	show_line(ctl, "Statement  %lld of %s", (long long)directory.number,
		  clock_format(directory.at).text);
	show_line(ctl, "Reason     %s", show_value(ctl->arena, doc_get(doc, "reason")));
	show_line(ctl, "Previous   %s", directory.previous.text);
	show_line(ctl, "SHA-256    %s", digest_sha256_hex(*bytes).text);
	for (size_t i = 0; i < directory.act_count; i++)
		show_act(ctl, &directory.acts[i], doc_at(doc_get(doc, "acts"), i));
	return true;
}

bool ctl_directory_show(struct ctl *ctl, struct err *err)
{
	struct bytes bytes;

	return show_statement(ctl, &bytes, err);
}

bool ctl_directory_sign(struct ctl *ctl, struct err *err)
{
	struct bytes bytes;

	return show_statement(ctl, &bytes, err) &&
	       signing_agree(ctl, "Sign this statement?", err) &&
	       signing_file(ctl, ctl_get(ctl, "FILE"), SIGN_PERSON, bytes, err);
}

/* ---- put ---- */

bool ctl_directory_put(struct ctl *ctl, struct err *err)
{
	const struct doc *answer;
	struct doc *body;

	if (!signing_body(ctl, ctl_get(ctl, "FILE"), DIRECTORY_BYTES_MAX, &body, err) ||
	    !call_send(ctl, "POST", call_path(ctl->arena, "v1", "directory", NULL), body, &answer,
		       err))
		return false;
	show_line(ctl, "%s: statement %s, entry %s of the ledger",
		  doc_bool(doc_get(answer, "before"), false) ? "In force already" : "In force",
		  show_value(ctl->arena, doc_get(answer, "number")),
		  show_value(ctl->arena, doc_get(answer, "index")));
	show_json(ctl, answer);
	return true;
}
