/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_REPORT_H
#define SERVICE_MODEL_REPORT_H

/*
 * What devices say of their progress, many at once, in words that prove nothing.
 *
 * What changes the state is an event, and so is the first report of each kind in an attempt; later
 * ones are counted, and the count stands in the next event. Text of the device is not kept. After
 * the end nothing changes any more: the first late report that contradicts it is an event marked
 * late, and all are answered well, because some clients repeat a refused one for ever.
 */

#include "common/wire/ddi.h"
#include "service/model/dispatch.h"

struct report {
	struct act act; /* of the device */
	int64_t action;
	const struct ddi_feedback *feedback;
	/* done */
	bool ok;
	struct err err;
};

/* Up to DISPATCH_BATCH_MAX, in the order in which they came. One that cannot be taken
 * (E_ACTION_UNKNOWN, ...) leaves the others alone. */
void report_take(struct model *model, struct arena *arena, struct report *reports, size_t count);

#endif
