/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a command's arguments, checked before anything is sent: for every command. */

#include "service/ctl/ctl.h"

#include "common/id.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

const char *ctl_get(const struct ctl *ctl, const char *name)
{
	const char *value = arguments_find(&ctl->arguments, name);

	return value ? value : "";
}

const char *ctl_find(const struct ctl *ctl, const char *name)
{
	return arguments_find(&ctl->arguments, name);
}

bool ctl_has(const struct ctl *ctl, const char *name)
{
	return arguments_has(&ctl->arguments, name);
}

static bool refuse(const struct ctl *ctl, const char *name, const char *value, const char *what,
		   struct err *err)
{
	return err_fail(err, E_ID, "%s '%s' is not %s", name,
			text_printable(ctl->arena, bytes_of_text(value), 64), what);
}

bool ctl_get_uuid(const struct ctl *ctl, const char *name, const char **out, struct err *err)
{
	const char *value = ctl_get(ctl, name);

	if (!id_uuid_valid(value))
		return refuse(ctl, name, value, "an id as the service gives them (a UUID)", err);
	*out = value;
	return true;
}

bool ctl_get_name(const struct ctl *ctl, const char *name, size_t max, const char **out,
		  struct err *err)
{
	const char *value = ctl_get(ctl, name);

	if (!id_name_valid(value, max))
		return refuse(ctl, name, value, "a name of letters, digits and . _ : -", err);
	*out = value;
	return true;
}

bool ctl_read_time(const char *text, const char *name, clock_us *out, struct err *err)
{
	char whole[64];
	struct err ignored = {0};
	size_t length = strlen(text);

	snprintf(whole, sizeof(whole), "%s", text);
	if (length == strlen("2026-11-23"))
		snprintf(whole, sizeof(whole), "%sT00:00:00.000000Z", text);
	else if (length == strlen("2026-11-23T06:07:03Z"))
		snprintf(whole, sizeof(whole), "%.19s.000000Z", text);
	if (!clock_parse(whole, out, &ignored))
		return err_fail(err, E_USAGE,
				"%s must be a time in UTC such as 2026-11-23 or "
				"2026-11-23T06:07:03Z",
				name);
	return true;
}
