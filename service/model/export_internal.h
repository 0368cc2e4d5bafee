/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_MODEL_EXPORT_INTERNAL_H
#define SERVICE_MODEL_EXPORT_INTERNAL_H

/*
 * What the files of an export share: export.c (order), export_collect.c (which documents the events
 * name), export_git.c (commits), export_seal.c (proofs that it stands in the ledger).
 *
 * Arenas: `whole` for the whole export, `page` for 256 events, `one` for one file.
 */

#include "audit/names.h"
#include "service/model/export.h"

struct exporting {
	struct model *model;
	const struct act *act;
	const struct export_place *place;
	struct arena *whole, *page, *one;
	const char *id;
	const char *making; /* folder of the export while it is made */
	const char *folder; /* of the package in it */
	struct package_writer *writer;
	struct package head; /* scope, origin, size, root, chain */
	struct bytes note;

	/* leases that wait for their file */
	struct arena *leases;
	struct bytes lease_entries[2 * PACKAGE_LEASES];
	int64_t lease_count;

	struct names *refs; /* ref: id of its newest commit */
};

/* One event: everything it names goes into the package. */
struct export_event {
	int64_t index;
	struct bytes bytes;
	clock_us stored_at;
};
MUST_CHECK bool export_collect(struct exporting *exporting, const struct export_event *event,
			       struct err *err);
/* The last leases. */
MUST_CHECK bool export_flush_leases(struct exporting *exporting, struct err *err);

/* A commit and all it holds that is not there yet. */
MUST_CHECK bool export_commit(struct exporting *exporting, const char *ref, const char *commit,
			      struct err *err);
MUST_CHECK bool export_refs(struct exporting *exporting, struct err *err);

/* The three files of the seal, for the sealed event of this index. */
MUST_CHECK bool export_seal(struct exporting *exporting, const struct event_id *event,
			    int64_t index, struct package_file files[3], struct err *err);

#endif
