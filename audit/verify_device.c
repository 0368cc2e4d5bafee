/* SPDX-License-Identifier: Apache-2.0 */
/* What was a device offered and allowed, and what did it say with its own key? */

#include "audit/verify_internal.h"

#include "audit/chain.h"
#include "common/encode.h"
#include "common/wire/lease.h"
#include "common/wire/proof.h"

#include <string.h>

static struct verify_deployment *deployment_of(struct verify *verify, const char *campaign,
					       const char *device)
{
	struct verify_deployment *deployment = names_find(
		verify->deployments, verify_deployment_name(verify->work, campaign, device));

	if (!deployment)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "the device %.128s is no target of campaign %.36s", device, campaign);
	return deployment;
}

static bool registered(struct verify *verify, const char *id, const struct verify_device **out)
{
	const struct verify_device *device = names_find(verify->devices, id);

	if (!device || !verify_lives(verify, &device->life))
		return verify_tampered(verify, NULL, "the device %.128s was not registered then",
				       id);
	*out = device;
	return true;
}

/* Nothing begins while the campaign is held or over. */
static void check_going(struct verify *verify, const struct verify_campaign *campaign,
			const char *what)
{
	clock_us by = verify->view->at - VERIFY_HOLD;
	int64_t hold = verify_held(verify, campaign, by);

	if (hold > 0)
		verify_find(verify, VERIFY_TAMPERED, NULL, "%s while hold %lld stood", what,
			    (long long)hold);
	if (campaign->life.until_index >= 0 && campaign->life.until_at < by)
		verify_find(verify, VERIFY_TAMPERED, NULL, "%s after the campaign had ended", what);
	if (campaign->release->life.until_index >= 0 && campaign->release->life.until_at < by)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "%s after the release had been withdrawn", what);
}

/* ---- offers ---- */

void verify_deployment_offered(struct verify *verify)
{
	const char *device = verify_stream_of(verify, STREAM_DEVICE);
	struct verify_campaign *campaign =
		verify_campaign_get(verify, verify_text_of(verify, "campaign"));
	struct verify_deployment *deployment =
		campaign ? deployment_of(verify, campaign->id, device) : NULL;
	int64_t attempt = verify_int_of(verify, "attempt");
	const struct verify_device *unused;

	verify_counted(verify, COUNT_OFFERS);
	if (!deployment || !registered(verify, device, &unused))
		return;
	if (campaign->opened_index < 0 || !campaign->permits ||
	    campaign->permits->not_after <= verify->view->at)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "no permit of the campaign stood when it was offered");
	check_going(verify, campaign, "it was offered");
	bool repeated = attempt == deployment->attempt && !deployment->ended && attempt > 0;
	bool next = attempt == deployment->attempt + 1 &&
		    (deployment->attempt == 0 || deployment->ended);
	if (!repeated && !next)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "attempt %lld begins without a recorded end of attempt %lld",
			    (long long)attempt, (long long)deployment->attempt);
	if (!repeated)
		deployment->ended = false;
	deployment->attempt = attempt;
}

static bool ends(const char *state)
{
	static const char *const ended[] = {"confirmed", "failed",    "rolled_back", "rejected",
					    "canceled",	 "timed_out", "unproven"};

	for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++) {
		if (strcmp(state, ended[i]) == 0)
			return true;
	}
	return false;
}

static struct verify_deployment *deployment_at_hand(struct verify *verify)
{
	const char *device = verify_stream_of(verify, STREAM_DEVICE);
	struct verify_deployment *deployment =
		deployment_of(verify, verify_text_of(verify, "campaign"), device);
	int64_t attempt = verify_int_of(verify, "attempt");

	if (deployment && attempt != deployment->attempt)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "it is about attempt %lld; the present one is %lld", (long long)attempt,
			    (long long)deployment->attempt);
	return deployment;
}

void verify_deployment_moved(struct verify *verify)
{
	const char *from = verify_text_of(verify, "from");
	const char *to = verify_text_of(verify, "to");

	if (deployment_at_hand(verify) && ends(to) && strcmp(from, to) != 0)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "it ends the deployment, and is not recorded as its end");
}

/* Confirmed is what was proven, or, for devices that cannot prove, claimed and called so. */
static void check_confirmed(struct verify *verify, const struct verify_deployment *deployment,
			    const char *device_id)
{
	const struct doc *data = verify->view->event.data;
	const char *basis = verify_text_of(verify, "basis");
	const char *proof = doc_get_text(data, "proof_sha256");
	const struct verify_device *device;

	if (!registered(verify, device_id, &device))
		return;
	if (strcmp(basis, "proof") == 0) {
		if (!proof || !deployment->proven_good ||
		    deployment->proven_attempt != deployment->attempt ||
		    strcmp(deployment->report.text, proof) != 0)
			verify_find(verify, VERIFY_TAMPERED, NULL,
				    "no signed report of this attempt that says confirmed stands "
				    "before");
		verify_counted(verify, COUNT_CONFIRMED);
	} else if (strcmp(basis, "claim") == 0) {
		if (strcmp(device->assurance, "permit-checked") == 0)
			verify_find(verify, VERIFY_TAMPERED, NULL,
				    "a device that has to prove is confirmed by a claim");
		verify_counted(verify, COUNT_CLAIMED);
	} else {
		verify_find(verify, VERIFY_TAMPERED, NULL, "its basis %.20s is none", basis);
	}
}

void verify_deployment_ended(struct verify *verify)
{
	const char *outcome = verify_text_of(verify, "outcome");
	struct verify_deployment *deployment = deployment_at_hand(verify);

	if (!deployment)
		return;
	bool proven = doc_get_text(verify->view->event.data, "proof_sha256") != NULL;
	if (!ends(outcome))
		verify_find(verify, VERIFY_TAMPERED, NULL, "the outcome %.20s is no end", outcome);
	if (deployment->ended && !proven)
		verify_find(verify, VERIFY_TAMPERED, NULL, "this attempt had ended before");
	if (strcmp(outcome, "confirmed") == 0)
		check_confirmed(verify, deployment, verify_stream_of(verify, STREAM_DEVICE));
	deployment->ended = true;
}

/* ---- leases ---- */

/* Document and signature of the next lease event. */
static bool next_lease(struct verify *verify, struct bytes *document, struct bytes *signature)
{
	int64_t number = verify->lease_count / PACKAGE_LEASES;
	size_t place = (size_t)(verify->lease_count % PACKAGE_LEASES) * 2;
	const char *path = package_lease_path(verify->work, number);
	struct err why = {0};
	struct bytes file;

	verify->lease_count++;
	if (verify->lease_file != number) {
		arena_reset(verify->lease_arena);
		verify->lease_file = number;
		verify->lease_entry_count = 0;
		if (!verify_listed_file(verify, path, PACKAGE_FILE_MAX, &file))
			return false;
		file = arena_bytes(verify->lease_arena, file);
		if (!bundle_read(verify->lease_arena, file, &verify->lease_entries,
				 &verify->lease_entry_count, &why))
			return verify_tampered(verify, path, "%s", why.text);
	}
	if (place + 1 >= verify->lease_entry_count || verify->lease_entries[place].size == 0)
		return verify_incomplete(verify, path, "the lease of this event is missing");
	*document = verify->lease_entries[place];
	*signature = verify->lease_entries[place + 1];
	return true;
}

/* Under a lease key that was trusted then. */
static bool lease_signed(struct verify *verify, struct bytes document, struct bytes signature)
{
	const struct trust *trusts[] = {verify->trust, verify->trust_before};

	for (size_t t = 0; t < 2; t++) {
		for (size_t i = 0; trusts[t] && i < trusts[t]->entry_count; i++) {
			const struct trust_entry *entry = &trusts[t]->entries[i];
			const struct trust_entry *unused;
			struct err none = {0};
			if (entry->role_id == TRUST_LEASE &&
			    verify_trust_key(verify, TRUST_LEASE, &entry->key_id, NULL, &unused,
					     &none) &&
			    sign_document_check(entry->key.spki, LEASE_TYPE, document, signature,
						&none))
				return true;
		}
	}
	return false;
}

static void check_lease(struct verify *verify, struct bytes document, struct bytes signature)
{
	const char *path =
		package_lease_path(verify->work, (verify->lease_count - 1) / PACKAGE_LEASES);
	struct err why = {0};
	struct lease lease;

	if (strcmp(digest_sha256_hex(document).text, verify_text_of(verify, "lease_sha256")) != 0) {
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the lease is not the one that the event names");
		return;
	}
	if (!lease_parse(verify->work, document, &lease, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "it is no lease: %s", why.text);
		return;
	}
	if (strcmp(lease.device, verify_stream_of(verify, STREAM_DEVICE)) != 0 ||
	    strcmp(lease.deployment, verify_text_of(verify, "campaign")) != 0 ||
	    strcmp(lease.step, verify_text_of(verify, "step")) != 0 ||
	    strcmp(lease.nonce, verify_text_of(verify, "nonce")) != 0 ||
	    strcmp(lease.permit_sha256.text, verify_text_of(verify, "permit_sha256")) != 0 ||
	    lease.attempt != verify_int_of(verify, "attempt") ||
	    lease.for_s != verify_int_of(verify, "for_s") || lease.issued_at != verify->view->at)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event and the lease say different things");
	if (!lease_signed(verify, document, signature))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "no lease key that was trusted then signed it");
	else
		verify_counted(verify, COUNT_LEASES);
}

static void check_lease_permit(struct verify *verify, const struct verify_campaign *campaign)
{
	const char *sha256 = verify_text_of(verify, "permit_sha256");
	const struct verify_permit *permit = campaign->permits;

	while (permit && strcmp(permit->sha256.text, sha256) != 0)
		permit = permit->before;
	if (!permit)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "no such permit of its campaign was issued before");
	else if (permit->not_after <= verify->view->at)
		verify_find(verify, VERIFY_TAMPERED, NULL, "its permit was over");
}

static void check_step(struct verify *verify, struct verify_deployment *deployment)
{
	int64_t attempt = verify_int_of(verify, "attempt");
	const char *step = verify_text_of(verify, "step");

	if (attempt != deployment->attempt || deployment->ended)
		verify_find(verify, VERIFY_TAMPERED, NULL, "attempt %lld was not under way",
			    (long long)attempt);
	if (strcmp(step, "install") == 0)
		deployment->installed = attempt;
	else if (deployment->installed != attempt)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "nothing was granted to be installed in this attempt");
}

void verify_lease_issued(struct verify *verify)
{
	const char *device = verify_stream_of(verify, STREAM_DEVICE);
	struct verify_campaign *campaign =
		verify_campaign_get(verify, verify_text_of(verify, "campaign"));
	struct verify_deployment *deployment;
	const struct verify_device *unused;
	struct bytes document, signature;

	if (next_lease(verify, &document, &signature))
		check_lease(verify, document, signature);
	if (!campaign || !registered(verify, device, &unused))
		return;
	check_lease_permit(verify, campaign);
	check_going(verify, campaign, "it was issued");
	deployment = deployment_of(verify, campaign->id, device);
	if (deployment)
		check_step(verify, deployment);
}

/* No lease more than there are events. */
void verify_device_end(struct verify *verify)
{
	int64_t files = (verify->lease_count + PACKAGE_LEASES - 1) / PACKAGE_LEASES;
	const char *beyond = package_lease_path(verify->work, files);
	int64_t in_last = verify->lease_count - (files - 1) * PACKAGE_LEASES;

	if (package_find(&verify->package, beyond))
		verify_find(verify, VERIFY_TAMPERED, beyond, "it holds leases of no event");
	if (files > 0 && verify->lease_file == files - 1 && verify->lease_entry_count > 0 &&
	    verify->lease_entry_count != (size_t)in_last * 2)
		verify_find(verify, VERIFY_TAMPERED, package_lease_path(verify->work, files - 1),
			    "it holds more leases than there are events");
}

/* ---- signed reports ---- */

struct reporting {
	const struct verify_device *device;
	struct sha256_hex sha256;
	struct proof proof;
	struct bytes document;
	const char *path;
};

static bool signed_by_device(struct verify *verify, const struct reporting *at)
{
	struct sha256_hex key_id;
	struct err why = {0};
	struct bytes signature;

	if (at->device->report_key.size == 0)
		return verify_tampered(verify, at->path, "the device has no report key");
	key_id = sign_key_id(at->device->report_key);
	if (strcmp(key_id.text, verify_text_of(verify, "key_id")) != 0)
		return verify_tampered(verify, at->path,
				       "the event names another key than the device's");
	if (!decode_base64(verify->work, verify_text_of(verify, "signature"), &signature, &why) ||
	    !sign_document_check(at->device->report_key, PROOF_TYPE, at->document, signature, &why))
		return verify_tampered(verify, at->path, "the device's signature does not hold: %s",
				       why.text);
	return true;
}

/* The next report of its epoch, linked to the one before. */
static void check_order(struct verify *verify, const struct reporting *at)
{
	const char *name = arena_printf(verify->work, "%s/%s", at->proof.device, at->proof.epoch);
	struct verify_reports *reports = names_find(verify->reports, name);

	if (at->proof.seq != (reports ? reports->seq + 1 : 1) ||
	    (reports && strcmp(at->proof.prev.text, reports->newest.text) != 0))
		verify_find(verify, VERIFY_TAMPERED, at->path,
			    "it is not the device's next report");
	if (!reports) {
		reports = arena_alloc(verify->arena, sizeof(*reports));
		names_put(verify->reports, name, reports);
	}
	reports->seq = at->proof.seq;
	reports->newest = at->sha256;
}

static bool nothing(const struct sha256_hex *digest)
{
	return strspn(digest->text, "0") == 64;
}

/* The permit and firmware it reports on are those of the campaign. */
static void check_about(struct verify *verify, const struct reporting *at,
			const struct verify_campaign *campaign)
{
	const struct verify_release *release = campaign->release;
	const struct proof *proof = &at->proof;
	bool rejected = strcmp(proof->outcome, "rejected") == 0;
	bool early = strcmp(proof->outcome, "failed") == 0 && nothing(&proof->permit_sha256);

	if (!rejected && !early &&
	    (names_find(verify->permits, proof->permit_sha256.text) != campaign ||
	     strcmp(proof->manifest_sha256.text, release->manifest_sha256.text) != 0))
		verify_find(verify, VERIFY_TAMPERED, at->path,
			    "it names a permit or manifest that is not of its campaign");
	if (strcmp(proof->outcome, "confirmed") == 0 &&
	    (release->artifact_count == 0 ||
	     strcmp(proof->bank_sha256.text, release->artifacts[0].sha256.text) != 0 ||
	     proof->bank_size_bytes != release->artifacts[0].size_bytes ||
	     strcmp(proof->version, release->version) != 0))
		verify_find(verify, VERIFY_TAMPERED, at->path,
			    "it says confirmed, and the running bank is not what the manifest "
			    "names");
}

static void check_report(struct verify *verify, const struct reporting *at)
{
	const struct proof *proof = &at->proof;

	if (strcmp(proof->device, at->device->id) != 0 ||
	    strcmp(proof->deployment, verify_text_of(verify, "campaign")) != 0 ||
	    strcmp(proof->outcome, verify_text_of(verify, "outcome")) != 0 ||
	    strcmp(proof->epoch, verify_text_of(verify, "epoch")) != 0 ||
	    proof->attempt != verify_int_of(verify, "attempt") ||
	    proof->seq != verify_int_of(verify, "seq"))
		verify_find(verify, VERIFY_TAMPERED, at->path,
			    "the event and the report say different things");
	if (signed_by_device(verify, at))
		verify_counted(verify, COUNT_PROOFS);
	check_order(verify, at);
}

static void keep_report(struct verify *verify, const struct reporting *at)
{
	struct verify_deployment *deployment =
		deployment_of(verify, at->proof.deployment, at->device->id);

	if (!deployment)
		return;
	if (at->proof.attempt != deployment->attempt)
		verify_find(verify, VERIFY_TAMPERED, at->path,
			    "it is about attempt %lld; the present one is %lld",
			    (long long)at->proof.attempt, (long long)deployment->attempt);
	deployment->proven_attempt = at->proof.attempt;
	deployment->proven_good = strcmp(at->proof.outcome, "confirmed") == 0;
	deployment->report = at->sha256;
}

void verify_proof_taken(struct verify *verify)
{
	struct reporting at;
	struct err why = {0};

	if (!registered(verify, verify_stream_of(verify, STREAM_DEVICE), &at.device) ||
	    !verify_sha256_of(verify, "sha256", &at.sha256) ||
	    !verify_document(verify, at.sha256.text, &at.document))
		return;
	at.path = package_document_path(verify->work, at.sha256.text);
	if (!proof_parse(verify->work, at.document, &at.proof, &why)) {
		verify_find(verify, VERIFY_TAMPERED, at.path, "it is no report: %s", why.text);
		return;
	}
	const struct verify_campaign *campaign = verify_campaign_get(verify, at.proof.deployment);
	check_report(verify, &at);
	if (!campaign)
		return;
	check_about(verify, &at, campaign);
	keep_report(verify, &at);
}
