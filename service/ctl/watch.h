/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_CTL_WATCH_H
#define SERVICE_CTL_WATCH_H

/* What changed between two looks at a campaign, and whether it is over. Pure. */

#include "common/doc.h"

/* Of a deployment: nothing more comes. A state that is not known counts as ended. */
bool watch_ended(const char *state);

typedef void (*watch_tell)(void *context, const char *words);
/* One call per device whose state is another than before; before NULL: each. */
void watch_changes(struct arena *arena, const struct doc *before, const struct doc *now,
		   watch_tell tell, void *context);
/* The campaign has ended, or each of its devices has. */
bool watch_over(const struct doc *campaign, const struct doc *devices, bool *all_confirmed);

#endif
