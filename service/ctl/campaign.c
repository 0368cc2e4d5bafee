/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns: planned, started, held, resumed, ended, and looked at. watch.c follows one. */

#include "common/digest.h"
#include "common/file.h"
#include "common/text.h"
#include "common/wire/plan.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"
#include "service/ctl/sign.h"

#include <string.h>

enum { DEVICES_FILE_MAX = 2 * 1024 * 1024 };

/* ---- create ---- */

/* Adds the devices of a text, separated by any of these characters. */
static bool add_devices(struct ctl *ctl, const char *text, const char *separators, struct doc *list,
			struct err *err)
{
	while (*text) {
		size_t length = strcspn(text, separators);
		const char *device = arena_text_of(ctl->arena, bytes_of(text, length));
		text += length;
		text += strspn(text, separators);
		if (length == 0)
			continue;
		if (!id_name_valid(device, ID_DEVICE_MAX))
			return err_fail(err, E_ID, "'%s' is not the name of a device",
					text_printable(ctl->arena, bytes_of_text(device), 64));
		doc_add_text(list, device);
	}
	return true;
}

static bool read_devices(struct ctl *ctl, struct doc *list, struct err *err)
{
	const char *words = ctl_find(ctl, "--devices");
	const char *path = ctl_find(ctl, "--devices-file");
	struct bytes file;

	if (words && !add_devices(ctl, words, ",", list, err))
		return false;
	if (path && (!file_read(ctl->arena, path, DEVICES_FILE_MAX, &file, err) ||
		     !add_devices(ctl, arena_text_of(ctl->arena, file), " \t\r\n", list, err)))
		return false;
	if (doc_size(list) == 0)
		return err_fail(err, E_USAGE,
				"No device is named; say --devices or --devices-file");
	return true;
}

/* That the plan which the service made is the one that was asked for. */
static bool check_plan(struct ctl *ctl, const struct doc *answer, const struct doc *body,
		       struct err *err)
{
	const struct doc *devices = doc_get(body, "devices");
	const char *campaign = doc_get_text(answer, "campaign");
	const char *sha256 = doc_get_text(answer, "plan_sha256");
	struct bytes bytes;
	struct plan plan;

	if (!campaign || !sha256 || !id_sha256_valid(sha256))
		return err_fail(err, E_FETCH, "The service did not say which campaign it made");
	if (!call_bytes(ctl, call_path(ctl->arena, "v1", "documents", sha256, NULL), PLAN_BYTES_MAX,
			&bytes, err))
		return false;
	if (strcmp(digest_sha256_hex(bytes).text, sha256) != 0 ||
	    !plan_parse(ctl->arena, bytes, &plan, err))
		return err_fail(err, E_SIGNATURE, "The plan that the service made is not one");
	bool same = strcmp(plan.campaign, campaign) == 0 &&
		    strcmp(plan.release, doc_get_text(body, "release")) == 0;
	for (size_t i = 0; i < doc_size(devices) && same; i++)
		same = plan_find_target(&plan, doc_text(doc_at(devices, i))) != NULL;
	if (!same || plan.target_count > doc_size(devices))
		return err_fail(err, E_SIGNATURE,
				"The plan that the service made names another release or other "
				"devices than were asked for; do not sign it");
	show_line(ctl, "%s", campaign);
	return true;
}

static bool read_window(struct ctl *ctl, struct doc *body, struct err *err)
{
	static const struct {
		const char *option, *key;
	} ends[] = {{"--not-before", "not_before"}, {"--not-after", "not_after"}};
	clock_us at;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *text = ctl_find(ctl, ends[i].option);
		if (!text)
			continue;
		if (!ctl_read_time(text, ends[i].option, &at, err))
			return false;
		doc_set_time(body, ends[i].key, at);
	}
	return true;
}

bool ctl_campaign_create(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	struct doc *devices = doc_array(ctl->arena);
	const struct doc *doc;
	const char *release;

	if (!ctl_get_uuid(ctl, "--release", &release, err) || !read_devices(ctl, devices, err) ||
	    !read_window(ctl, body, err))
		return false;
	doc_set_text(body, "name", ctl_get(ctl, "--name"));
	doc_set_text(body, "release", release);
	doc_set(body, "devices", devices);
	if (!call_send(ctl, "POST", call_path(ctl->arena, "v1", "campaigns", NULL), body, &doc,
		       err) ||
	    !check_plan(ctl, doc, body, err))
		return false;
	show_json(ctl, doc);
	return true;
}

/* ---- looking ---- */

bool ctl_campaign_list(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {{"CAMPAIGN", "campaign"},
						     {"NAME", "name"},
						     {"PRODUCT", "product"},
						     {"STATE", "state"},
						     {"RELEASE", "release"}};
	const struct doc *items;

	if (!call_list(ctl, call_path(ctl->arena, "v1", "campaigns", NULL), "campaign", &items,
		       err))
		return false;
	show_list(ctl, items, columns, SHOW_COUNT(columns), "There is no campaign yet");
	return true;
}

bool ctl_campaign_show(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {
		{"Campaign", "campaign"}, {"Name", "name"},   {"Product", "product"},
		{"Release", "release"},	  {"State", "state"}, {"Plan", "plan_sha256"},
		{"Devices", "counts"},	  {"Holds", "holds"}, {"Permit", "permit"},
	};
	const struct doc *answer;
	const char *campaign;

	if (!ctl_get_uuid(ctl, "CAMPAIGN", &campaign, err) ||
	    !call_get(ctl, call_path(ctl->arena, "v1", "campaigns", campaign, NULL), &answer, err))
		return false;
	show_object(ctl, answer, columns, SHOW_COUNT(columns));
	return true;
}

bool ctl_campaign_devices(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {{"DEVICE", "device"},    {"STATE", "state"},
						     {"ATTEMPT", "attempt"},  {"BASIS", "basis"},
						     {"SINCE", "changed_at"}, {"CODE", "code"}};
	const struct doc *items;
	const char *campaign;

	if (!ctl_get_uuid(ctl, "CAMPAIGN", &campaign, err) ||
	    !call_list(ctl, call_path(ctl->arena, "v1", "campaigns", campaign, "devices", NULL),
		       "device", &items, err))
		return false;
	show_list(ctl, items, columns, SHOW_COUNT(columns), "No device of it was reached yet");
	return true;
}

/* ---- acting ---- */

/* POST .../verb; member and value may be NULL: an empty body. */
static bool act(struct ctl *ctl, const char *verb, const char *member, const char *value,
		const struct doc **answer, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	const char *campaign;

	if (member)
		doc_set_text(body, member, value);
	return ctl_get_uuid(ctl, "CAMPAIGN", &campaign, err) &&
	       call_send(ctl, "POST",
			 call_path(ctl->arena, "v1", "campaigns", campaign, verb, NULL), body,
			 answer, err);
}

bool ctl_campaign_start(struct ctl *ctl, struct err *err)
{
	const struct doc *answer;

	if (!act(ctl, "start", NULL, NULL, &answer, err))
		return false;
	show_line(ctl, "Started: entry %s of the ledger",
		  show_value(ctl->arena, doc_get(answer, "index")));
	show_json(ctl, answer);
	return true;
}

bool ctl_campaign_hold(struct ctl *ctl, struct err *err)
{
	const struct doc *answer;

	if (!act(ctl, "hold", "reason", ctl_get(ctl, "--reason"), &answer, err))
		return false;
	show_line(ctl, "Held: hold number %s; no new offer and no new lease from now on",
		  show_value(ctl->arena, doc_get(answer, "number")));
	show_json(ctl, answer);
	return true;
}

bool ctl_campaign_resume(struct ctl *ctl, struct err *err)
{
	struct sign_wish wish = {
		.kind = "campaign", .meaning = "resumed", .reason = ctl_get(ctl, "--reason")};
	const struct doc *answer;

	if (!ctl_get_uuid(ctl, "CAMPAIGN", &wish.id, err) || !sign_give(ctl, &wish, &answer, err) ||
	    !act(ctl, "resume", "signature", doc_get_text(answer, "signature"), &answer, err))
		return false;
	show_line(ctl, "Resumed: entry %s of the ledger",
		  show_value(ctl->arena, doc_get(answer, "index")));
	show_json(ctl, answer);
	return true;
}

bool ctl_campaign_abort(struct ctl *ctl, struct err *err)
{
	const struct doc *answer;

	if (!act(ctl, "abort", "reason", ctl_get(ctl, "--reason"), &answer, err))
		return false;
	show_line(ctl, "Aborted: the campaign has ended for good");
	show_json(ctl, answer);
	return true;
}
