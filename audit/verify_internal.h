/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUDIT_VERIFY_INTERNAL_H
#define AUDIT_VERIFY_INTERNAL_H

/*
 * What the files of the verifier share: the state that grows while the ledger is walked from its
 * first event. verify.c keeps the order; each other file knows one part of the state:
 *
 *	verify_files.c	  what lies in the folder
 *	verify_ledger.c	  events, streams, tree, checkpoints
 *	verify_people.c	  trust documents and the directory
 *	verify_release.c  releases, records, signatures
 *	verify_facts.c	  verdicts, and whether the ledger backs their facts
 *	verify_campaign.c campaigns, permits
 *	verify_device.c	  leases, offers, reports of devices
 *	verify_git.c	  the git record
 *	verify_seal.c	  the seal, and what the auditor knows from outside
 *
 * Two writers append to the ledger at the same time, and what one read may be older than what the
 * other had just written. So what counts against somebody counts only when it was written longer
 * ago than VERIFY_SETTLE (offers and leases after a hold: VERIFY_HOLD); what helps counts only when
 * it stands before, by index.
 *
 * State lives in `arena`; `work` is emptied for each event.
 */

#include "audit/checkpoint.h"
#include "audit/event.h"
#include "audit/names.h"
#include "audit/package.h"
#include "audit/tree.h"
#include "audit/verify.h"
#include "common/wire/directory.h"
#include "common/wire/manifest.h"

#define VERIFY_SETTLE (60 * CLOCK_SECOND)
#define VERIFY_HOLD (2 * CLOCK_SECOND)
enum { VERIFY_SIGNERS_MAX = 32, VERIFY_CMS_MAX = 64 * 1024, VERIFY_DOCUMENT_MAX = 8 * 1024 * 1024 };

/* Since when something is so, and until when; until_index -1: still. */
struct verify_life {
	int64_t since_index, until_index;
	clock_us since_at, until_at;
};

struct verify_stream {
	int64_t count;
	struct sha256 leaf;
	clock_us closed_at; /* a row was set aside; 0: none */
};

/* ---- people ---- */

struct verify_role {
	struct verify_role *next;
	const char *role, *product;
	struct verify_life life;
};
struct verify_person {
	const char *id, *name;
	struct verify_life life;
	struct verify_role *roles;
};
struct verify_key {
	struct verify_person *person;
	struct verify_life life;
};
struct verify_product {
	struct verify_product *before; /* what this one replaced */
	struct text_list hardware, rulesets;
	struct verify_life life;
};
struct verify_ruleset {
	struct verify_ruleset *before;
	struct sha256_hex sha256;
	struct verify_life life;
};
struct verify_device {
	const char *id, *product, *hardware, *market, *site, *assurance;
	struct bytes report_key; /* empty: it cannot sign */
	struct verify_life life;
};
struct verify_reports { /* of a device, in one epoch */
	int64_t seq;
	struct sha256_hex newest;
};

/* ---- releases ---- */

struct verify_version { /* of a record */
	struct verify_version *before;
	int64_t version;
	const char *kind, *added_by, *tester;
	struct sha256_hex sha256;
	struct verify_life life;
};
struct verify_record {
	struct verify_record *next; /* of the same release */
	const char *id;
	struct verify_release *release;
	struct verify_version *newest;
};
struct verify_verdict {
	struct sha256_hex sha256;
	const char *gate, *subject;
	bool open;
	clock_us valid_until;
	struct verify_life life; /* until: a newer one of the same gate */
};
struct verify_contribution {
	struct verify_contribution *next;
	const char *person;
	clock_us at;
};
struct verify_release {
	const char *id, *product, *version;
	int64_t sequence;
	struct sha256_hex manifest_sha256, author_cms_sha256, author_key_id;
	const struct manifest_artifact *artifacts;
	size_t artifact_count;
	struct text_list hardware;
	struct verify_life life; /* until: withdrawn */
	struct verify_record *records;
	struct verify_verdict *verdict; /* newest */
};
struct verify_challenge {
	struct sha256_hex statement;
	bool used;
};
struct verify_signature {
	const char *id, *person, *meaning, *strength, *object_kind, *object_id;
	struct sha256_hex sha256;
	clock_us at;
};

/* ---- campaigns ---- */

struct verify_hold {
	struct verify_hold *next;
	int64_t number;
	struct verify_life life; /* until: resumed */
};
struct verify_permit {
	struct sha256_hex sha256;
	struct verify_permit *before;
	int64_t number;
	clock_us not_before, not_after;
	struct sha256_hex root;
};
struct verify_campaign {
	const char *id;
	struct verify_release *release;
	struct sha256_hex plan_sha256;
	clock_us not_before, not_after;
	int64_t targets;
	struct verify_life life;       /* since: submitted, until: ended */
	int64_t opened_index;	       /* -1: not yet */
	struct verify_hold *holds;     /* newest first */
	struct verify_permit *permits; /* newest first */
	struct verify_verdict *verdict;
	bool tree_checked;
};
struct verify_deployment {
	int64_t attempt;
	bool ended;
	int64_t installed;	/* newest attempt with a lease to install; 0: none */
	int64_t proven_attempt; /* of the newest signed report; 0: none */
	bool proven_good;	/* it says confirmed */
	struct sha256_hex report;
};

/* ---- git ---- */

struct verify_act { /* that has to get a commit */
	int64_t index;
	clock_us at;
	const char *actor;
	enum event_kind kind;
	const char *ref;
	const char *release; /* NULL: policy */
	const char *paths[3];
	const char *documents[3]; /* paths in the package */
	size_t count;
	bool written;
};
/* A root that the tree must have at some size. */
struct verify_root {
	int64_t size;
	struct sha256 root;
	const char *whose; /* "the checkpoint of commit ..." */
	const char *file;
};

struct verify {
	struct arena *arena, *work;
	struct package package;
	const struct trust_pin *pin;
	struct verify_report *report;
	struct verify_finding *findings;
	struct names *said; /* what was found once and is not repeated */

	/* where the walk stands */
	int64_t index; /* -1 outside of events */
	const struct event_view *view;
	struct sha256 leaf;
	bool walked; /* all events, to the stated size */
	struct tree_frontier frontier;
	struct sha256 chain;
	clock_us newest;
	struct names *streams;

	/* trust: in force, and what it replaced */
	struct trust *trust, *trust_before;
	clock_us trust_at;
	struct note_key *ledger_keys;
	size_t ledger_key_count, ledger_key_room;

	/* directory */
	int64_t statement;
	struct sha256_hex statement_sha256;
	struct directory *acts; /* of the newest statement */
	bool *acts_seen;
	struct names *persons, *keys, *products, *rulesets, *devices;

	/* releases */
	struct names *drafts, *uploads; /* release, artifact: struct verify_contribution */
	struct names *releases, *records, *challenges, *signatures, *verdicts;
	struct names *versions; /* "product/version", "product/sequence" */

	/* campaigns */
	struct names *campaigns, *permits;
	struct names *deployments; /* "campaign/device" */
	struct names *reports;	   /* "device/epoch" */
	int64_t lease_count;
	struct arena *lease_arena;
	const struct bytes *lease_entries; /* of the file at hand: document, signature, ... */
	size_t lease_entry_count;
	int64_t lease_file; /* its number, -1: none */

	/* git */
	struct names *acts_by_event, *refs;
	struct verify_root *roots;
	size_t root_count, root_room;
};

/* ---- findings ---- */

/* Nothing is said twice about the same file without an event. */
void verify_find(struct verify *verify, enum verify_grade grade, const char *file,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* `return verify_tampered(verify, NULL, "...")`: false, with a finding. */
#define verify_tampered(verify, file, ...) \
	(verify_find((verify), VERIFY_TAMPERED, (file), __VA_ARGS__), false)
#define verify_incomplete(verify, file, ...) \
	(verify_find((verify), VERIFY_INCOMPLETE, (file), __VA_ARGS__), false)
void verify_counted(struct verify *verify, enum verify_count count);

/* ---- the event at hand ---- */

/* Members of its data; without one a finding, and "" or 0. */
const char *verify_text_of(struct verify *verify, const char *key);
int64_t verify_int_of(struct verify *verify, const char *key);
bool verify_sha256_of(struct verify *verify, const char *key, struct sha256_hex *out);
/* Id of its stream of this kind; "" with a finding. */
const char *verify_stream_of(struct verify *verify, enum stream_kind kind);

/* Was it so long before the event at hand that the event must take it into account? */
bool verify_settled(const struct verify *verify, clock_us at);
/* Does it help the event at hand: was it so, and not over for longer than a race explains? */
bool verify_lives(const struct verify *verify, const struct verify_life *life);
bool verify_over(const struct verify *verify, const struct verify_life *life);
void verify_begin(const struct verify *verify, struct verify_life *life);
void verify_end(const struct verify *verify, struct verify_life *life);
const char *verify_keep(struct verify *verify, const char *text); /* into the state */

/* ---- files (verify_files.c) ---- */

MUST_CHECK bool verify_folder_there(const char *folder, struct err *err);
void verify_files(struct verify *verify);
/* A document by its digest, in work. A finding when it is missing or changed. */
MUST_CHECK bool verify_document(struct verify *verify, const char *sha256, struct bytes *out);
/* All signatures of a role beside a document; the count may be 0. */
size_t verify_signatures(struct verify *verify, const char *sha256, const char *role,
			 struct bytes out[VERIFY_SIGNERS_MAX]);
MUST_CHECK bool verify_listed_file(struct verify *verify, const char *path, size_t max,
				   struct bytes *out);

/* ---- parts ---- */

void verify_ledger_walk(struct verify *verify);
void verify_ledger_head(struct verify *verify);
/* Puts a root on the list that verify_ledger_roots compares in one more walk. */
void verify_expect_root(struct verify *verify, const struct checkpoint *checkpoint,
			const char *whose, const char *file);
void verify_ledger_roots(struct verify *verify);
/* A checkpoint under a ledger key that is trusted, of the package's origin. */
MUST_CHECK bool verify_open_checkpoint(struct verify *verify, struct bytes note,
				       struct checkpoint *out, struct err *err);

void verify_trust_adopted(struct verify *verify);
void verify_directory_acted(struct verify *verify);
void verify_act_recorded(struct verify *verify);
void verify_directory_end(struct verify *verify);
/* By the trust document in force, or the one it has just replaced. */
MUST_CHECK bool verify_trust_key(struct verify *verify, enum trust_role role,
				 const struct sha256_hex *key_id, const char *product,
				 const struct trust_entry **out, struct err *err);
bool verify_holds_role(struct verify *verify, const struct verify_person *person, const char *role,
		       const char *product);

void verify_artifact_stored(struct verify *verify);
void verify_release_drafted(struct verify *verify);
void verify_release_sealed(struct verify *verify);
void verify_release_withdrawn(struct verify *verify);
void verify_record_added(struct verify *verify);
void verify_challenge_given(struct verify *verify);
void verify_signature_given(struct verify *verify);

void verify_verdict_given(struct verify *verify);

void verify_campaign_drafted(struct verify *verify);
void verify_campaign_submitted(struct verify *verify);
void verify_campaign_opened(struct verify *verify);
void verify_campaign_held(struct verify *verify);
void verify_campaign_resumed(struct verify *verify);
void verify_campaign_ended(struct verify *verify);
void verify_permit_issued(struct verify *verify);
/* The campaign of this id with a finding when there is none. */
struct verify_campaign *verify_campaign_get(struct verify *verify, const char *id);
/* A hold that stood `by` before the event at hand and was not released, 0: none. */
int64_t verify_held(const struct verify *verify, const struct verify_campaign *campaign,
		    clock_us by);
const char *verify_deployment_name(struct arena *arena, const char *campaign, const char *device);

void verify_lease_issued(struct verify *verify);
void verify_deployment_offered(struct verify *verify);
void verify_deployment_moved(struct verify *verify);
void verify_deployment_ended(struct verify *verify);
void verify_proof_taken(struct verify *verify);
void verify_device_end(struct verify *verify);

/* Remembers that the event at hand has to get a commit. */
void verify_git_expect(struct verify *verify, const struct verify_act *act);
char *verify_git_ref(struct arena *arena, const char *product, const char *version);
void verify_history_written(struct verify *verify);
void verify_git_end(struct verify *verify);

void verify_seal(struct verify *verify);
void verify_pinned(struct verify *verify);

#endif
