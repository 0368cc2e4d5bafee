/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices was a release planned for, who opened that, and what did the keeper permit? */

#include "audit/verify_internal.h"

#include "audit/chain.h"
#include "common/wire/permit.h"
#include "common/wire/plan.h"
#include "common/wire/statement.h"
#include "common/wire/target.h"

#include <string.h>

const char *verify_deployment_name(struct arena *arena, const char *campaign, const char *device)
{
	return arena_printf(arena, "%s/%s", campaign, device);
}

struct verify_campaign *verify_campaign_get(struct verify *verify, const char *id)
{
	struct verify_campaign *campaign = names_find(verify->campaigns, id);

	if (!campaign)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "its campaign %.36s was not submitted before", id);
	return campaign;
}

/* ---- the plan ---- */

void verify_campaign_drafted(struct verify *verify)
{
	struct sha256_hex sha256;
	struct bytes unused;

	if (verify_sha256_of(verify, "plan_sha256", &sha256) &&
	    verify_document(verify, sha256.text, &unused))
		return;
}

/* The device as the directory had it, and the release made for it. */
static void check_target(struct verify *verify, const struct verify_campaign *campaign,
			 const struct plan *plan, const struct plan_target *target,
			 const char *path)
{
	const struct verify_device *device = names_find(verify->devices, target->device);
	struct verify_deployment *deployment = arena_alloc(verify->arena, sizeof(*deployment));

	names_put(verify->deployments,
		  verify_deployment_name(verify->work, campaign->id, target->device), deployment);
	if (!device || !verify_lives(verify, &device->life) ||
	    strcmp(device->product, plan->product) != 0 ||
	    strcmp(device->hardware, target->hardware) != 0 ||
	    strcmp(device->market, target->market) != 0 ||
	    strcmp(device->site, target->site) != 0 ||
	    !text_list_holds(&campaign->release->hardware, target->hardware))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the device %.128s was not registered as the plan says, or the "
			    "release is not for its hardware",
			    target->device);
}

static void take_plan(struct verify *verify, struct verify_campaign *campaign,
		      struct bytes document)
{
	const char *path = package_document_path(verify->work, campaign->plan_sha256.text);
	struct err why = {0};
	struct plan plan;

	if (!plan_parse(verify->work, document, &plan, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "it is no plan: %s", why.text);
		return;
	}
	campaign->not_before = plan.not_before;
	campaign->not_after = plan.not_after;
	if (strcmp(plan.campaign, campaign->id) != 0 ||
	    strcmp(plan.release, campaign->release->id) != 0 ||
	    strcmp(plan.product, campaign->release->product) != 0 ||
	    strcmp(plan.manifest_sha256.text, campaign->release->manifest_sha256.text) != 0 ||
	    campaign->targets != (int64_t)plan.target_count)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the event and the plan say different things");
	for (size_t i = 0; i < plan.target_count; i++)
		check_target(verify, campaign, &plan, &plan.targets[i], path);
}

void verify_campaign_submitted(struct verify *verify)
{
	struct verify_campaign *campaign = arena_alloc(verify->arena, sizeof(*campaign));
	struct bytes document;

	*campaign = (struct verify_campaign){
		.id = verify_keep(verify, verify_stream_of(verify, STREAM_CAMPAIGN)),
		.release = names_find(verify->releases, verify_text_of(verify, "release")),
		.targets = verify_int_of(verify, "targets"),
		.opened_index = -1,
	};
	if (!campaign->release) {
		verify_find(verify, VERIFY_TAMPERED, NULL, "its release was not sealed before");
		return;
	}
	if (!verify_sha256_of(verify, "plan_sha256", &campaign->plan_sha256))
		return;
	if (names_find(verify->campaigns, campaign->id))
		verify_find(verify, VERIFY_TAMPERED, NULL, "this campaign was submitted before");
	verify_begin(verify, &campaign->life);
	names_put(verify->campaigns, campaign->id, campaign);
	verify_counted(verify, COUNT_CAMPAIGNS);
	if (verify_document(verify, campaign->plan_sha256.text, &document))
		take_plan(verify, campaign, document);
}

/* ---- opening ---- */

/* An open verdict of this gate and subject, in its time. */
static void check_verdict(struct verify *verify, const char *sha256, const char *gate,
			  const char *subject)
{
	const struct verify_verdict *verdict = names_find(verify->verdicts, sha256);

	if (!verdict || strcmp(verdict->gate, gate) != 0 || strcmp(verdict->subject, subject) != 0)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "it names a verdict of the %s gate that was not given before", gate);
	else if (!verdict->open)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "the verdict of the %s gate that it names is closed", gate);
	else if (verdict->valid_until <= verify->view->at)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "the verdict of the %s gate that it names was over", gate);
	else if (!verify_lives(verify, &verdict->life))
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "a newer verdict of the %s gate stood than the one it names", gate);
}

static void check_alive(struct verify *verify, const struct verify_campaign *campaign)
{
	if (verify_over(verify, &campaign->life))
		verify_find(verify, VERIFY_TAMPERED, NULL, "the campaign had ended");
	if (verify_over(verify, &campaign->release->life))
		verify_find(verify, VERIFY_TAMPERED, NULL, "the release had been withdrawn");
}

void verify_campaign_opened(struct verify *verify)
{
	struct verify_campaign *campaign =
		verify_campaign_get(verify, verify_stream_of(verify, STREAM_CAMPAIGN));

	if (!campaign)
		return;
	if (campaign->opened_index >= 0)
		verify_find(verify, VERIFY_TAMPERED, NULL, "this campaign was opened before");
	else
		campaign->opened_index = verify->index;
	check_verdict(verify, verify_text_of(verify, "release_verdict"), "release",
		      campaign->release->id);
	check_verdict(verify, verify_text_of(verify, "campaign_verdict"), "campaign", campaign->id);
	check_alive(verify, campaign);
}

/* ---- holds ---- */

int64_t verify_held(const struct verify *verify, const struct verify_campaign *campaign,
		    clock_us by)
{
	(void)verify;
	for (const struct verify_hold *hold = campaign->holds; hold; hold = hold->next) {
		if (hold->life.until_index < 0 && hold->life.since_at < by)
			return hold->number;
	}
	return 0;
}

/* Also of a campaign that is a draft: that is no mistake. */
void verify_campaign_held(struct verify *verify)
{
	struct verify_campaign *campaign =
		names_find(verify->campaigns, verify_stream_of(verify, STREAM_CAMPAIGN));
	struct verify_hold *hold;

	verify_counted(verify, COUNT_HOLDS);
	if (!campaign)
		return;
	hold = arena_alloc(verify->arena, sizeof(*hold));
	*hold = (struct verify_hold){.next = campaign->holds,
				     .number = verify_int_of(verify, "number")};
	verify_begin(verify, &hold->life);
	if (campaign->holds && hold->number <= campaign->holds->number)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "it is not the campaign's next hold by its number");
	campaign->holds = hold;
}

static void check_resumption(struct verify *verify, const struct verify_campaign *campaign,
			     int64_t number)
{
	const struct verify_signature *signature =
		names_find(verify->signatures, verify_text_of(verify, "signature"));
	struct hold hold = {
		.campaign = campaign->id, .number = number, .plan_sha256 = campaign->plan_sha256};
	struct err none = {0};
	struct bytes document;

	if (!signature || strcmp(signature->meaning, "resumed") != 0 ||
	    strcmp(signature->object_id, campaign->id) != 0 ||
	    !hold_write(verify->work, &hold, &document, &none) ||
	    strcmp(digest_sha256_hex(document).text, signature->sha256.text) != 0)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "no signature with the meaning resumed over this hold stands before");
}

void verify_campaign_resumed(struct verify *verify)
{
	struct verify_campaign *campaign =
		verify_campaign_get(verify, verify_stream_of(verify, STREAM_CAMPAIGN));
	int64_t number = verify_int_of(verify, "number");
	struct verify_hold *hold = campaign ? campaign->holds : NULL;

	if (!campaign)
		return;
	while (hold && hold->number != number)
		hold = hold->next;
	if (!hold || hold->life.until_index >= 0)
		verify_find(verify, VERIFY_TAMPERED, NULL,
			    "there was no such hold, or it was released before");
	else
		verify_end(verify, &hold->life);
	check_resumption(verify, campaign, number);
}

void verify_campaign_ended(struct verify *verify)
{
	struct verify_campaign *campaign =
		names_find(verify->campaigns, verify_stream_of(verify, STREAM_CAMPAIGN));

	if (campaign && campaign->life.until_index < 0)
		verify_end(verify, &campaign->life);
}

/* ---- the target tree ---- */

struct targets {
	const struct verify_campaign *campaign;
	const char *path;
	struct tree_frontier frontier;
	struct sha256 last;
	struct names *seen;
};

static bool take_leaf(struct verify *verify, struct targets *targets, struct bytes leaf)
{
	struct sha256 hash = tree_leaf(leaf);
	struct err why = {0};
	struct target target;

	if (!target_parse(verify->work, leaf, &target, &why))
		return verify_tampered(verify, targets->path, "a target is none: %s", why.text);
	if (targets->frontier.size > 0 && memcmp(targets->last.at, hash.at, SHA256_BYTES) >= 0)
		return verify_tampered(verify, targets->path, "the targets are not sorted");
	const struct verify_device *device = names_find(verify->devices, target.device);
	const char *name =
		verify_deployment_name(verify->work, targets->campaign->id, target.device);
	if (strcmp(target.campaign, targets->campaign->id) != 0 ||
	    !names_find(verify->deployments, name) || names_find(targets->seen, name) || !device ||
	    strcmp(device->hardware, target.hardware) != 0 ||
	    strcmp(device->market, target.market) != 0 || strcmp(device->site, target.site) != 0)
		return verify_tampered(verify, targets->path,
				       "the tree holds the device %.128s, which the plan does "
				       "not, or twice, or otherwise",
				       target.device);
	names_put(targets->seen, name, targets);
	tree_frontier_add(&targets->frontier, &hash);
	targets->last = hash;
	verify_counted(verify, COUNT_TARGETS);
	return true;
}

/* The permit's tree is that of the plan's devices, leaf by leaf; once per campaign. */
static void check_tree(struct verify *verify, struct verify_campaign *campaign,
		       const struct permit *permit)
{
	struct targets targets = {
		.campaign = campaign,
		.path = package_target_path(verify->work, campaign->id),
		.seen = names_new(verify->work),
	};
	struct bytes file;

	campaign->tree_checked = true;
	if (!verify_listed_file(verify, targets.path, PACKAGE_FILE_MAX, &file))
		return;
	while (file.size >= 2) {
		size_t size = (size_t)file.data[0] << 8 | file.data[1];
		if (size > file.size - 2)
			break;
		if (!take_leaf(verify, &targets, bytes_of(file.data + 2, size)))
			return;
		file = bytes_of(file.data + 2 + size, file.size - 2 - size);
	}
	struct sha256 root = tree_frontier_root(&targets.frontier);
	if (file.size != 0 || targets.frontier.size != campaign->targets ||
	    strcmp(digest_hex(&root).text, permit->target.root.text) != 0)
		verify_find(verify, VERIFY_TAMPERED, targets.path,
			    "these targets do not make the tree that the permit is for");
}

/* ---- the permit ---- */

static bool check_keeper(struct verify *verify, const struct permit *permit, const char *path,
			 const char *sha256, struct bytes document)
{
	struct bytes cms[VERIFY_SIGNERS_MAX];
	size_t count = verify_signatures(verify, sha256, "keeper", cms);
	struct err why = {0};

	if (count == 0)
		return verify_incomplete(verify, path, "the keeper's signature over it is missing");
	for (size_t i = 0; i < count; i++) {
		const struct trust_entry *entry;
		struct sign_cert signer;
		err_clear(&why);
		if (!sign_cms_check(verify->work, cms[i], document, SIGN_KEEPER, verify->view->at,
				    &signer, &why) ||
		    !verify_trust_key(verify, TRUST_KEEPER, &signer.key_id, permit->product, &entry,
				      &why))
			return verify_tampered(verify, path,
					       "the keeper's signature over it does not hold: %s",
					       why.text);
		if (permit->not_after > entry->not_after || permit->not_after > signer.not_after)
			return verify_tampered(verify, path, "it outlives the keeper's key");
	}
	return true;
}

/* It may not outlive what it rests on. */
static void check_end(struct verify *verify, const struct verify_campaign *campaign,
		      const struct permit *permit, const char *path)
{
	const struct verify_verdict *verdicts[] = {
		names_find(verify->verdicts, permit->release_verdict_sha256.text),
		names_find(verify->verdicts, permit->campaign_verdict_sha256.text),
	};
	bool outlives = permit->not_after > campaign->not_after;

	for (size_t i = 0; i < 2; i++)
		outlives =
			outlives || (verdicts[i] && permit->not_after > verdicts[i]->valid_until);
	if (verify->trust && verify_settled(verify, verify->trust_at))
		outlives = outlives || permit->not_after > verify->trust->expires_at;
	if (outlives)
		verify_find(verify, VERIFY_TAMPERED, path, "it outlives what it rests on");
	if (permit->not_before < verify->view->at - VERIFY_SETTLE)
		verify_find(verify, VERIFY_TAMPERED, path, "it begins before it was issued");
}

static bool trust_fits(const struct verify *verify, const struct permit *permit)
{
	int64_t version = permit->trust_version.maker;

	if (!verify->trust)
		return false;
	return version == verify->trust->version ||
	       (verify->trust_before && version == verify->trust_before->version &&
		!verify_settled(verify, verify->trust_at));
}

static void check_permit(struct verify *verify, const struct verify_campaign *campaign,
			 const struct permit *permit, const char *path)
{
	const struct verify_release *release = campaign->release;

	if (strcmp(permit->campaign, campaign->id) != 0 ||
	    strcmp(permit->release, release->id) != 0 ||
	    strcmp(permit->product, release->product) != 0 ||
	    strcmp(permit->manifest_sha256.text, release->manifest_sha256.text) != 0 ||
	    permit->sequence != release->sequence ||
	    permit->number != verify_int_of(verify, "number") ||
	    strcmp(permit->target.root.text, verify_text_of(verify, "tree_root")) != 0 ||
	    permit->target.size != verify_int_of(verify, "tree_size") ||
	    permit->target.size != campaign->targets ||
	    strcmp(clock_format(permit->not_after).text, verify_text_of(verify, "not_after")) != 0)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "the permit, its event, its campaign and its release say different "
			    "things");
	if (campaign->opened_index < 0 || permit->opened_index != campaign->opened_index)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it names event %lld as the opening of the campaign, which it is not",
			    (long long)permit->opened_index);
	if (!trust_fits(verify, permit))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it names a trust document that was not in force");
	check_verdict(verify, permit->release_verdict_sha256.text, "release", release->id);
	check_verdict(verify, permit->campaign_verdict_sha256.text, "campaign", campaign->id);
	check_end(verify, campaign, permit, path);
}

static void keep_permit(struct verify *verify, struct verify_campaign *campaign,
			const struct permit *permit, const struct sha256_hex *sha256,
			const char *path)
{
	struct verify_permit *kept = arena_alloc(verify->arena, sizeof(*kept));

	*kept = (struct verify_permit){
		.sha256 = *sha256,
		.before = campaign->permits,
		.number = permit->number,
		.not_before = permit->not_before,
		.not_after = permit->not_after,
		.root = permit->target.root,
	};
	if (kept->number != (kept->before ? kept->before->number + 1 : 1) ||
	    (kept->before && strcmp(kept->before->root.text, kept->root.text) != 0))
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it is not the next permit of its campaign, or is for another tree");
	campaign->permits = kept;
	names_put(verify->permits, sha256->text, campaign);
}

void verify_permit_issued(struct verify *verify)
{
	struct verify_campaign *campaign =
		verify_campaign_get(verify, verify_stream_of(verify, STREAM_CAMPAIGN));
	struct sha256_hex sha256;
	struct permit permit;
	struct bytes document;
	struct err why = {0};

	if (!campaign || !verify_sha256_of(verify, "sha256", &sha256) ||
	    !verify_document(verify, sha256.text, &document))
		return;
	const char *path = package_document_path(verify->work, sha256.text);
	if (!permit_parse(verify->work, document, &permit, &why)) {
		verify_find(verify, VERIFY_TAMPERED, path, "it is no permit: %s", why.text);
		return;
	}
	check_permit(verify, campaign, &permit, path);
	check_alive(verify, campaign);
	if (verify_held(verify, campaign, verify->view->at - VERIFY_SETTLE) > 0)
		verify_find(verify, VERIFY_TAMPERED, path,
			    "it was issued while the campaign was "
			    "held");
	if (check_keeper(verify, &permit, path, sha256.text, document))
		verify_counted(verify, COUNT_PERMITS);
	if (!campaign->tree_checked)
		check_tree(verify, campaign, &permit);
	keep_permit(verify, campaign, &permit, &sha256, path);
}
