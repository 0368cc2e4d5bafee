/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WIRE_DDI_H
#define COMMON_WIRE_DDI_H

/*
 * The device protocol DDI v1, both sides: the service builds answers and reads what devices send,
 * the
 * agent reads answers and builds what it sends. Foreign clients speak it too, so what they send is
 * read
 * leniently: unknown members are passed over, odd characters in texts do no harm, and a status is
 * never lost because of its details.
 *
 * Ids of actions are decimal texts. Links are absolute. `update` is never "skip": an offer is
 * withheld by leaving out its link.
 */

#include "common/doc.h"

enum {
	DDI_HREF_MAX = 2000,
	DDI_DETAILS_MAX = 1000,
	DDI_DETAIL_BYTES = 512,
	DDI_ATTRIBUTES_MAX = 128
};
enum { DDI_SLEEP_MIN = 1, DDI_SLEEP_MAX = 86399 };

/* ---- poll: GET {base} ---- */
struct ddi_poll {
	int64_t sleep_s;	     /* "HH:MM:SS" on the wire */
	const char *deployment_base; /* each an address, or NULL */
	const char *cancel_action;   /* without a query */
	const char *config_data;
	const char *installed_base;
};
struct doc *ddi_poll_doc(struct arena *arena, const struct ddi_poll *poll);
MUST_CHECK bool ddi_poll_parse(struct arena *arena, struct bytes body, struct ddi_poll *out,
			       struct err *err);

/* ---- deploymentBase and installedBase ---- */
struct ddi_artifact {
	const char *filename;
	int64_t size;
	const char *sha1, *md5, *sha256; /* hex; sha1 and md5 for foreign clients only */
	const char *href;		 /* sent as download and download-http; read from either */
	const char *md5sum_href;	 /* NULL: none */
};
struct ddi_chunk {
	const char *part; /* "os", "bApp", ... */
	const char *version;
	const char *name;
	const struct ddi_artifact *artifacts;
	size_t artifact_count;
};
struct ddi_deployment {
	const char *id;
	const char *download, *update;	/* "skip", "attempt", "forced" */
	const char *maintenance_window; /* NULL, "available", "unavailable" */
	const struct ddi_chunk *chunks;
	size_t chunk_count;
	const char *papers; /* NULL: another make of server, or no papers */
};
struct doc *ddi_deployment_doc(struct arena *arena, const struct ddi_deployment *deployment);
MUST_CHECK bool ddi_deployment_parse(struct arena *arena, struct bytes body,
				     struct ddi_deployment *out, struct err *err);

/* ---- cancelAction ---- */
struct ddi_cancel {
	const char *id;	     /* of the cancel action */
	const char *stop_id; /* of the action to stop */
};
struct doc *ddi_cancel_doc(struct arena *arena, const struct ddi_cancel *cancel);
MUST_CHECK bool ddi_cancel_parse(struct arena *arena, struct bytes body, struct ddi_cancel *out,
				 struct err *err);

/* ---- feedback on either ---- */
enum ddi_execution {
	DDI_CLOSED,
	DDI_PROCEEDING,
	DDI_CANCELED,
	DDI_SCHEDULED,
	DDI_REJECTED,
	DDI_RESUMED,
	DDI_DOWNLOAD,
	DDI_DOWNLOADED,
	DDI_EXECUTIONS
};
enum ddi_finished { DDI_SUCCESS, DDI_FAILURE, DDI_FINISHED_NONE, DDI_FINISHEDS };
const char *ddi_execution_word(enum ddi_execution execution);
const char *ddi_finished_word(enum ddi_finished finished);

struct ddi_feedback {
	enum ddi_execution execution;
	enum ddi_finished finished;
	int64_t code; /* 0: none */
	int64_t progress_count, progress_of;
	const char *const
		*details; /* printable, cut at DDI_DETAIL_BYTES; the first DDI_DETAILS_MAX */
	size_t detail_count;
};
/* Of a body that is no JSON at all, execution and finished are still found when they stand
 * before the broken part; its details are lost then. */
MUST_CHECK bool ddi_feedback_parse(struct arena *arena, struct bytes body, struct ddi_feedback *out,
				   struct err *err);
struct doc *ddi_feedback_doc(struct arena *arena, const char *action_id,
			     const struct ddi_feedback *feedback);

/* ---- configData ---- */
enum ddi_mode { DDI_MERGE, DDI_REPLACE, DDI_REMOVE };
struct ddi_attribute {
	const char *key;
	const char *value; /* NULL: remove it */
};
struct ddi_config {
	enum ddi_mode mode;
	const struct ddi_attribute *attributes; /* sorted by key */
	size_t attribute_count;
};
MUST_CHECK bool ddi_config_parse(struct arena *arena, struct bytes body, struct ddi_config *out,
				 struct err *err);
struct doc *ddi_config_doc(struct arena *arena, const struct ddi_config *config);

#endif
