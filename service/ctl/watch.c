/* SPDX-License-Identifier: Apache-2.0 */
/* How far is a campaign? For somebody who waits for it, and for scripts that do. */

#include "service/ctl/watch.h"

#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_NOT_CONFIRMED = 1, EXIT_TIME = 3, SECONDS_MAX = 7 * 24 * 3600 };
#define PAUSE CLOCK_SECOND

bool watch_ended(const char *state)
{
	static const char *const going[] = {"queued",	  "offered",	"downloading",
					    "downloaded", "installing", "testing"};

	for (size_t i = 0; i < sizeof(going) / sizeof(going[0]); i++) {
		if (strcmp(going[i], state) == 0)
			return false;
	}
	return true;
}

static const char *text_of(const struct doc *one, const char *key)
{
	const char *text = doc_get_text(one, key);

	return text ? text : "";
}

/* What was seen of this device before; items are few and in the same order, so look there first. */
static const struct doc *same_device(const struct doc *before, size_t hint, const char *device)
{
	if (strcmp(text_of(doc_at(before, hint), "device"), device) == 0)
		return doc_at(before, hint);
	for (size_t i = 0; i < doc_size(before); i++) {
		if (strcmp(text_of(doc_at(before, i), "device"), device) == 0)
			return doc_at(before, i);
	}
	return NULL;
}

void watch_changes(struct arena *arena, const struct doc *before, const struct doc *now,
		   watch_tell tell, void *context)
{
	for (size_t i = 0; i < doc_size(now); i++) {
		const struct doc *one = doc_at(now, i);
		const char *device = text_of(one, "device");
		const char *state = text_of(one, "state");
		const struct doc *old = same_device(before, i, device);
		if (old && strcmp(text_of(old, "state"), state) == 0)
			continue;
		const char *code = show_value(arena, doc_get(one, "code"));
		tell(context, arena_printf(arena, "%s: %s%s%s%s", device, state,
					   code[0] ? " (" : "", code, code[0] ? ")" : ""));
	}
}

bool watch_over(const struct doc *campaign, const struct doc *devices, bool *all_confirmed)
{
	const char *state = text_of(campaign, "state");
	static const char *const over[] = {"aborted",	"completed", "closed",
					   "withdrawn", "rejected",  "expired"};
	bool ended = doc_size(devices) > 0;
	bool confirmed = doc_size(devices) > 0;

	for (size_t i = 0; i < doc_size(devices); i++) {
		const char *one = text_of(doc_at(devices, i), "state");
		ended = ended && watch_ended(one);
		confirmed = confirmed && strcmp(one, "confirmed") == 0;
	}
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
		ended = ended || strcmp(over[i], state) == 0;
	*all_confirmed = confirmed;
	return ended;
}

static void tell_line(void *context, const char *words)
{
	const struct ctl *ctl = context;

	show_line(ctl, "%s %s", clock_format(clock_now()).text, words);
	fflush(stdout);
}

static bool look(struct ctl *ctl, const char *id, const struct doc **campaign,
		 const struct doc **devices, struct err *err)
{
	return call_get(ctl, call_path(ctl->arena, "v1", "campaigns", id, NULL), campaign, err) &&
	       call_list(ctl, call_path(ctl->arena, "v1", "campaigns", id, "devices", NULL),
			 "device", devices, err);
}

/* Two arenas take turns, so that a week of looking needs no more memory than two looks; what is
 * shown at the end lives in the one that is current then. */
static bool follow(struct ctl *ctl, const char *id, struct arena *turns[2], long long seconds,
		   struct err *err)
{
	clock_us until = clock_boot() + seconds * CLOCK_SECOND;
	const struct doc *devices = NULL;
	const char *state = "";
	bool confirmed = false;

	for (int turn = 0;; turn = !turn) {
		const struct doc *before = devices;
		const struct doc *campaign;
		const char *was = state;
		arena_reset(turns[turn]);
		ctl->arena = turns[turn];
		if (!look(ctl, id, &campaign, &devices, err))
			return false;
		state = text_of(campaign, "state");
		if (strcmp(was, state) != 0)
			tell_line(ctl, arena_printf(ctl->arena, "campaign: %s", state));
		watch_changes(ctl->arena, before, devices, tell_line, ctl);
		bool over = watch_over(campaign, devices, &confirmed);
		if (over || (seconds > 0 && clock_boot() >= until)) {
			ctl->status = !over ? EXIT_TIME : confirmed ? 0 : EXIT_NOT_CONFIRMED;
			show_json(ctl, campaign);
			return true;
		}
		clock_sleep(PAUSE);
	}
}

bool ctl_campaign_watch(struct ctl *ctl, struct err *err)
{
	enum { TURN_BYTES = 256 * 1024 * 1024 };
	struct arena *own = ctl->arena;
	const char *campaign;
	long long seconds;

	if (!ctl_get_uuid(ctl, "CAMPAIGN", &campaign, err) ||
	    !arguments_int(&ctl->arguments, "--seconds", 1, SECONDS_MAX, 0, &seconds, err) ||
	    !call_open(ctl, err))
		return false;
	struct arena *turns[2] = {arena_new(TURN_BYTES), arena_new(TURN_BYTES)};
	bool followed = follow(ctl, campaign, turns, seconds, err);
	ctl->arena = own;
	arena_free(turns[0]);
	arena_free(turns[1]);
	return followed;
}
