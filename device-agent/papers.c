/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this unit take this step, now? See papers.h for the order of the checks. The agent stands on
 * nothing but this when network, service and gateway lie.
 */

#include "device-agent/papers.h"

#include "audit/tree.h"

#include <string.h>

/* What the steps below share. */
struct check {
	struct arena *arena;
	const struct papers_case *with;
	const struct papers *papers;
	struct papers_found found;
	struct err *err;
};

/* Gives an error from below our own code and keeps its words. */
static bool refuse(struct check *check, enum err_code code)
{
	check->err->code = code;
	return false;
}

static bool read_all(struct check *check)
{
	const struct papers *papers = check->papers;
	struct papers_found *found = &check->found;

	if (!lease_parse(check->arena, papers->lease.document, &found->lease, check->err) ||
	    !permit_parse(check->arena, papers->permit, &found->permit, check->err) ||
	    !manifest_parse(check->arena, papers->manifest, &found->manifest, check->err) ||
	    !target_parse(check->arena, papers->target.leaf, &found->target, check->err))
		return refuse(check, E_AGENT_PAPERS_INVALID);
	found->permit_sha256 = digest_sha256_hex(papers->permit);
	found->manifest_sha256 = digest_sha256_hex(papers->manifest);
	return true;
}

/* The lease first: only once its signature holds is there a time to judge anything else by. */
static bool check_lease_signature(struct check *check)
{
	const struct trust_entry *entry;
	struct papers_found *found = &check->found;
	const struct envelope *lease = &check->papers->lease;

	if (!trust_find_key(check->with->trust, TRUST_LEASE, &lease->key_id, check->with->product,
			    NULL, 0, &entry, check->err) ||
	    !envelope_check(lease, LEASE_TYPE, entry->key.spki, check->err))
		return refuse(check, E_AGENT_LEASE_SIGNATURE);
	found->now = found->lease.issued_at;
	if (found->now < check->with->memory->time_min_us)
		found->now = check->with->memory->time_min_us;
	if (!trust_find_key(check->with->trust, TRUST_LEASE, &lease->key_id, check->with->product,
			    found->target.site, found->now, &entry, check->err))
		return refuse(check, E_AGENT_LEASE_SIGNATURE);
	if (found->now >= check->with->trust->expires_at)
		return err_fail(check->err, E_AGENT_TRUST_EXPIRED, NULL);
	return true;
}

static bool check_permit_signature(struct check *check)
{
	const struct trust_entry *entry;
	struct sign_cert signer;

	if (!sign_cms_check(check->arena, check->papers->permit_cms, check->papers->permit,
			    SIGN_KEEPER, 0, &signer, check->err) ||
	    !trust_find_key(check->with->trust, TRUST_KEEPER, &signer.key_id, check->with->product,
			    check->found.target.site, check->found.now, &entry, check->err))
		return refuse(check, E_AGENT_PERMIT_SIGNATURE);
	return true;
}

/* Both lease and permit say under which trust document they were made. */
static bool check_trust_version(struct check *check, int64_t version, const char *paper)
{
	int64_t held = check->with->trust->version;

	if (version < held)
		return err_fail(check->err, E_AGENT_TRUST_OLDER,
				"the %s rests on trust document %lld, this unit holds %lld", paper,
				(long long)version, (long long)held);
	if (version > held)
		return err_fail(check->err, E_AGENT_TRUST_WITHHELD,
				"the %s rests on trust document %lld, this unit was given %lld",
				paper, (long long)version, (long long)held);
	return true;
}

static bool check_lease_question(struct check *check)
{
	const struct memory_ask *ask = &check->with->memory->ask;
	const struct memory_ask *before = &check->with->memory->asked_before;
	const char *nonce = check->found.lease.nonce;

	if (ask->nonce != NULL && strcmp(nonce, ask->nonce) == 0)
		return strcmp(ask->boot_id, check->with->boot_id) == 0
			       ? true
			       : err_fail(check->err, E_AGENT_LEASE_REBOOT, NULL);
	if (before->nonce != NULL && strcmp(nonce, before->nonce) == 0 &&
	    strcmp(before->boot_id, check->with->boot_id) != 0)
		return err_fail(check->err, E_AGENT_LEASE_REBOOT, NULL);
	return err_fail(check->err, E_AGENT_LEASE_NONCE, NULL);
}

static bool check_lease(struct check *check)
{
	const struct lease *lease = &check->found.lease;
	const struct papers_case *with = check->with;
	clock_us sent_at = with->memory->ask.sent_at_us;

	if (strcmp(lease->device, with->device) != 0)
		return err_fail(check->err, E_AGENT_LEASE_DEVICE, "the lease is for %s",
				lease->device);
	if (strcmp(lease->step, with->step) != 0)
		return err_fail(check->err, E_AGENT_LEASE_STEP, "the lease is for %s, not %s",
				lease->step, with->step);
	if (strcmp(lease->deployment, check->found.permit.campaign) != 0 ||
	    lease->attempt != with->attempt)
		return err_fail(check->err, E_AGENT_LEASE_DEPLOYMENT, NULL);
	if (strcmp(lease->permit_sha256.text, check->found.permit_sha256.text) != 0)
		return err_fail(check->err, E_AGENT_LEASE_PERMIT, NULL);
	if (!check_trust_version(check, lease->trust_version.maker, "lease"))
		return false;
	if (strcmp(lease->trust_sha256.maker.text, with->trust->sha256.text) != 0)
		return err_fail(check->err, E_AGENT_TRUST_REFUSED,
				"the lease rests on another trust document of the same version");
	if (!check_lease_question(check))
		return false;
	check->found.lease_until = sent_at + lease->for_s * CLOCK_SECOND;
	if (with->boot_now >= check->found.lease_until || with->boot_now < sent_at - 1)
		return err_fail(check->err, E_AGENT_LEASE_EXPIRED,
				"the lease was for %lld s from the question on and came later",
				(long long)lease->for_s);
	return true;
}

static bool check_permit(struct check *check)
{
	const struct permit *permit = &check->found.permit;
	const struct memory_permit *known =
		memory_find_permit(check->with->memory, permit->campaign);

	if (known != NULL && permit->number < known->number)
		return err_fail(check->err, E_AGENT_PERMIT_OLDER,
				"permit %lld of this campaign came after permit %lld",
				(long long)permit->number, (long long)known->number);
	if (known != NULL && permit->number == known->number &&
	    strcmp(known->sha256.text, check->found.permit_sha256.text) != 0)
		return err_fail(check->err, E_AGENT_PERMIT_CHANGED, NULL);
	if (strcmp(permit->product, check->with->product) != 0)
		return err_fail(check->err, E_AGENT_PERMIT_PRODUCT, "the permit is for %s",
				permit->product);
	if (!check_trust_version(check, permit->trust_version.maker, "permit"))
		return false;
	if (check->found.now < permit->not_before || check->found.now >= permit->not_after)
		return err_fail(check->err, E_AGENT_PERMIT_TIME, NULL);
	return true;
}

static bool check_author(struct check *check)
{
	const struct trust_entry *entry;
	struct sign_cert signer;

	if (!sign_cms_check(check->arena, check->papers->author_cms, check->papers->manifest,
			    SIGN_AUTHOR, 0, &signer, check->err))
		return refuse(check, E_AGENT_AUTHOR_UNKNOWN);
	if (!trust_find_key(check->with->trust, TRUST_AUTHOR, &signer.key_id, check->with->product,
			    check->found.target.site, check->found.now, &entry, check->err))
		return refuse(check, check->err->code == E_TRUST_KEY_PRODUCT
					     ? E_AGENT_AUTHOR_PRODUCT
					     : E_AGENT_AUTHOR_UNKNOWN);
	return true;
}

static bool check_manifest(struct check *check)
{
	const struct papers_found *found = &check->found;
	const struct memory_job *job = &check->with->memory->job;

	if (strcmp(found->manifest_sha256.text, found->permit.manifest_sha256.text) != 0)
		return err_fail(check->err, E_AGENT_MANIFEST_DIGEST, NULL);
	if (!check_author(check))
		return false;
	if (strcmp(found->manifest.product, check->with->product) != 0 ||
	    found->manifest.sequence != found->permit.sequence)
		return err_fail(check->err, E_AGENT_PERMIT_PRODUCT,
				"the manifest's product or sequence is not the permit's");
	if (!text_list_holds(&found->manifest.hardware, check->with->hardware))
		return err_fail(check->err, E_AGENT_HARDWARE, "the firmware is not made for %s",
				check->with->hardware);
	if (job->campaign != NULL &&
	    (strcmp(job->campaign, found->permit.campaign) != 0 ||
	     strcmp(job->manifest_sha256.text, found->manifest_sha256.text) != 0))
		return err_fail(check->err, E_AGENT_MANIFEST_CHANGED, NULL);
	return true;
}

/* That the leaf is in the permit's tree (RFC 6962), and that the leaf is this unit. */
static bool check_target(struct check *check)
{
	const struct papers_target *place = &check->papers->target;
	const struct target *target = &check->found.target;
	const struct permit_target *tree = &check->found.permit.target;
	struct sha256 leaf = tree_leaf(place->leaf), root, path[PAPERS_PATH_MAX];

	if (strcmp(target->device, check->with->device) != 0 ||
	    strcmp(target->hardware, check->with->hardware) != 0 ||
	    strcmp(target->campaign, check->found.permit.campaign) != 0)
		return err_fail(check->err, E_AGENT_PERMIT_TARGET,
				"the target is %s of hardware %s", target->device,
				target->hardware);
	if (place->size != tree->size || place->path_count > PAPERS_PATH_MAX)
		return err_fail(check->err, E_AGENT_PERMIT_TARGET, NULL);
	for (size_t i = 0; i < place->path_count; i++)
		if (!digest_of_hex(place->path[i].text, &path[i], check->err))
			return refuse(check, E_AGENT_PERMIT_TARGET);
	if (!digest_of_hex(tree->root.text, &root, check->err) ||
	    !tree_check_inclusion(&leaf, place->index, tree->size, path, place->path_count, &root,
				  check->err))
		return refuse(check, E_AGENT_PERMIT_TARGET);
	return true;
}

static bool check_floor(struct check *check)
{
	int64_t stored = memory_floor(check->with->memory, check->with->product);
	int64_t trusted = trust_floor(check->with->trust, check->with->product);
	int64_t floor = stored > trusted ? stored : trusted;

	if (check->found.manifest.sequence < floor)
		return err_fail(check->err, E_AGENT_DOWNGRADE,
				"sequence %lld lies below the floor %lld of this unit",
				(long long)check->found.manifest.sequence, (long long)floor);
	return true;
}

bool papers_check(struct arena *arena, const struct papers_case *with, const struct papers *papers,
		  struct papers_found *out, struct err *err)
{
	struct check check = {.arena = arena, .with = with, .papers = papers, .err = err};

	if (!read_all(&check) || !check_lease_signature(&check) ||
	    !check_permit_signature(&check) || !check_lease(&check) || !check_permit(&check) ||
	    !check_manifest(&check) || !check_target(&check) || !check_floor(&check))
		return false;
	*out = check.found;
	return true;
}

const char *papers_claimed_campaign(struct arena *arena, const struct papers *papers)
{
	const struct doc *permit;
	struct err ignored = {0};
	const char *campaign = NULL;

	if (doc_parse(arena, papers->permit, &permit, &ignored))
		campaign = doc_get_text(permit, "campaign");
	return campaign != NULL && id_uuid_valid(campaign) ? campaign : NULL;
}

bool papers_refusal_is_final(enum err_code code)
{
	static const enum err_code again[] = {E_AGENT_LEASE_EXPIRED, E_AGENT_LEASE_REBOOT,
					      E_AGENT_TRUST_OLDER,   E_AGENT_NO_TRUST,
					      E_AGENT_LEASE_NONCE,   E_AGENT_TRUST_WITHHELD,
					      E_AGENT_TRUST_EXPIRED, E_AGENT_PERMIT_TIME};

	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
		if (again[i] == code)
			return false;
	return true;
}
