/* SPDX-License-Identifier: Apache-2.0 */
/* Is the gate open, and if not: what is missing, and who has to do what? */

#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"

#include <string.h>

enum { EXIT_CLOSED = 1 };

static void show_requirement(struct ctl *ctl, const struct doc *one)
{
	const char *state = doc_get_text(one, "state");
	const char *mark = "?";

	if (!state)
		return;
	if (strcmp(state, "satisfied") == 0)
		mark = "yes";
	else if (strcmp(state, "missing") == 0)
		mark = "NO";
	else if (strcmp(state, "not-applicable") == 0)
		mark = "-";
	const char *cites = show_value(ctl->arena, doc_get(one, "cites"));
	show_line(ctl, "%-4s %s%s%s%s", mark, show_value(ctl->arena, doc_get(one, "id")),
		  cites[0] ? " [" : "", cites, cites[0] ? "]" : "");
	show_line(ctl, "     %s", show_value(ctl->arena, doc_get(one, "why")));
	if (strcmp(state, "missing") == 0)
		show_line(ctl, "     To do: %s", show_value(ctl->arena, doc_get(one, "remedy")));
}

bool ctl_gate_show(struct ctl *ctl, struct err *err)
{
	const char *kind = ctl_get(ctl, "KIND");
	const struct doc *verdict;
	const char *id;

	if (strcmp(kind, "release") != 0 && strcmp(kind, "campaign") != 0)
		return err_fail(err, E_USAGE, "KIND must be release or campaign");
	if (!ctl_get_uuid(ctl, "ID", &id, err) ||
	    !call_get(ctl,
		      call_path(ctl->arena, "v1",
				strcmp(kind, "release") == 0 ? "releases" : "campaigns", id, "gate",
				NULL),
		      &verdict, err))
		return false;
	if (doc_kind(doc_get(verdict, "open")) != DOC_KIND_BOOL)
		return err_fail(err, E_FETCH, "The service did not say whether the gate is open");
	bool open = doc_bool(doc_get(verdict, "open"), false);
	const struct doc *requirements = doc_get(verdict, "requirements");
	show_line(ctl, "The gate of %s %s is %s%s%s", kind, id, open ? "open" : "closed",
		  open ? ", at most until " : "",
		  open ? show_value(ctl->arena, doc_get(verdict, "valid_until")) : "");
	for (size_t i = 0; i < doc_size(requirements); i++)
		show_requirement(ctl, doc_at(requirements, i));
	show_json(ctl, verdict);
	ctl->status = open ? 0 : EXIT_CLOSED;
	return true;
}
