/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does the agent know when it wakes up? The one file that survives cuts and reboots, its form,
 * and the few rules about what may be forgotten.
 */

#include "device-agent/memory.h"

#include "common/digest.h"
#include "common/encode.h"
#include "common/file.h"
#include "common/wire/lease.h"
#include "device-agent/store.h"

#include <string.h>

enum { DIGEST_LINE = 65 }; /* hex digest and end of line */
enum { SAVE_ARENA_BYTES = 8 * 1024 * 1024 };

/* Shape fields that are absent as long as they are empty. */
#define LINE_OPT(s, m, hi)                                                  \
	{                                                                   \
		SHAPE_FIELD(s, m, SHAPE_KIND_LINE, 1, hi), .optional = true \
	}
#define UUID_OPT(s, m)                                                     \
	{                                                                  \
		SHAPE_FIELD(s, m, SHAPE_KIND_UUID, 0, 0), .optional = true \
	}
#define HEX_OPT(s, m, n)                                                  \
	{                                                                 \
		SHAPE_FIELD(s, m, SHAPE_KIND_HEX, n, n), .optional = true \
	}
#define NONCE_OPT(s, m)                                                     \
	{                                                                   \
		SHAPE_FIELD(s, m, SHAPE_KIND_NONCE, 0, 0), .optional = true \
	}
#define WORD_OPT(s, m, list)                                                                \
	{                                                                                   \
		SHAPE_FIELD(s, m, SHAPE_KIND_WORD, 0, 0), .words = (list), .optional = true \
	}
#define MAP_OPT(s, m, n, hi)                                                              \
	{                                                                                 \
		SHAPE_FIELD(s, m, SHAPE_KIND_MAP, 1, hi), .count_offset = offsetof(s, n), \
							  .optional = true                \
	}

static const char *const bank_words[] = {"A", "B", NULL};
static const char *const finished_words[] = {"success", "failure", NULL};

static const struct shape_field bank_fields[] = {
	LINE_OPT(struct memory_bank, version, VERSION_MAX),
	SHAPE_SHA256_OPT(struct memory_bank, manifest_sha256),
	SHAPE_SHA256_OPT(struct memory_bank, sha256),
	SHAPE_INT_OPT(struct memory_bank, size_bytes, DOC_INT_MAX),
};
static const struct shape bank_shape = SHAPE_PART(struct memory_bank, bank_fields, NULL);

static const struct shape_field permit_fields[] = {
	SHAPE_UUID(struct memory_permit, campaign),
	SHAPE_INT(struct memory_permit, number, 1, DOC_INT_MAX),
	SHAPE_SHA256(struct memory_permit, sha256),
	SHAPE_TIME(struct memory_permit, not_after),
};
static const struct shape permit_shape = SHAPE_PART(struct memory_permit, permit_fields, NULL);

static const struct shape_field ended_fields[] = {
	SHAPE_NAME(struct memory_ended, action, ID_NAME_MAX),
	SHAPE_INT(struct memory_ended, attempt, 1, ATTEMPT_MAX),
};
static const struct shape ended_shape = SHAPE_PART(struct memory_ended, ended_fields, NULL);

static const struct shape_field ask_fields[] = {
	NONCE_OPT(struct memory_ask, nonce),
	WORD_OPT(struct memory_ask, step, lease_steps),
	UUID_OPT(struct memory_ask, boot_id),
	SHAPE_INT_OPT(struct memory_ask, sent_at_us, DOC_INT_MAX),
};
static const struct shape ask_shape = SHAPE_PART(struct memory_ask, ask_fields, NULL);

static const struct shape_field job_fields[] = {
	SHAPE_NAME_OPT(struct memory_job, action, ID_NAME_MAX),
	WORD_OPT(struct memory_job, step, states_words),
	WORD_OPT(struct memory_job, bank, bank_words),
	SHAPE_INT_OPT(struct memory_job, attempt, ATTEMPT_MAX),
	SHAPE_INT_OPT(struct memory_job, plain, 1),
	UUID_OPT(struct memory_job, campaign),
	SHAPE_SHA256_OPT(struct memory_job, permit_sha256),
	SHAPE_SHA256_OPT(struct memory_job, manifest_sha256),
	LINE_OPT(struct memory_job, version, VERSION_MAX),
	SHAPE_INT_OPT(struct memory_job, security_floor, DOC_INT_MAX),
	LINE_OPT(struct memory_job, artifact, 1024),
	SHAPE_SHA256_OPT(struct memory_job, sha256),
	SHAPE_INT_OPT(struct memory_job, size_bytes, DOC_INT_MAX),
	SHAPE_INT_OPT(struct memory_job, written_bytes, DOC_INT_MAX),
	SHAPE_INT_OPT(struct memory_job, restarts, 100),
	LINE_OPT(struct memory_job, code, PROOF_CODE_MAX),
	LINE_OPT(struct memory_job, why, ERR_TEXT_BYTES),
};
static const struct shape job_shape = SHAPE_PART(struct memory_job, job_fields, NULL);

static const struct shape_field news_fields[] = {
	SHAPE_BYTES_OPT(struct memory_news, report, 32 * 1024),
	SHAPE_NAME_OPT(struct memory_news, feedback_action, ID_NAME_MAX),
	WORD_OPT(struct memory_news, finished, finished_words),
	LINE_OPT(struct memory_news, detail, 500),
};
static const struct shape news_shape = SHAPE_PART(struct memory_news, news_fields, NULL);

static const struct shape_field fields[] = {
	SHAPE_INT(struct memory, boots, 0, DOC_INT_MAX),
	UUID_OPT(struct memory, boot_id),
	SHAPE_INT_OPT(struct memory, time_min_us, DOC_INT_MAX),
	SHAPE_INT_OPT(struct memory, pinned, 1),
	SHAPE_INT_OPT(struct memory, trust_resets, DOC_INT_MAX),
	SHAPE_INT_OPT(struct memory, trust_version, DOC_INT_MAX),
	SHAPE_SHA256_OPT(struct memory, trust_sha256),
	MAP_OPT(struct memory, floors, floor_count, MEMORY_FLOORS_MAX),
	SHAPE_LIST_OPT(struct memory, permits, permit_count, &permit_shape, MEMORY_PERMITS_MAX),
	SHAPE_LIST_OPT(struct memory, ended, ended_count, &ended_shape, MEMORY_ENDED_MAX),
	SHAPE_OBJECT(struct memory, bank_a, &bank_shape),
	SHAPE_OBJECT(struct memory, bank_b, &bank_shape),
	SHAPE_OBJECT(struct memory, ask, &ask_shape),
	SHAPE_OBJECT(struct memory, asked_before, &ask_shape),
	NONCE_OPT(struct memory, nonce),
	SHAPE_OBJECT(struct memory, job, &job_shape),
	SHAPE_HEX(struct memory, epoch, PROOF_EPOCH_DIGITS),
	SHAPE_INT(struct memory, seq, 0, DOC_INT_MAX),
	SHAPE_SHA256_OPT(struct memory, prev),
	SHAPE_OBJECT(struct memory, news, &news_shape),
};
static const struct shape memory_shape =
	SHAPE(MEMORY_TYPE, MEMORY_BYTES_MAX, struct memory, fields, NULL);

static void begin_new(struct arena *arena, struct memory *out)
{
	unsigned char epoch[PROOF_EPOCH_DIGITS / 2];

	random_fill(epoch, sizeof(epoch));
	*out = (struct memory){.epoch = encode_hex(arena, bytes_of(epoch, sizeof(epoch)))};
}

static bool read_file(struct arena *arena, struct bytes file, struct memory *out, struct err *err)
{
	struct sha256_hex digest;
	struct bytes rest;
	struct memory read = {0};

	if (file.size <= DIGEST_LINE)
		return err_fail(err, E_AGENT_MEMORY, NULL);
	rest = bytes_of(file.data + DIGEST_LINE, file.size - DIGEST_LINE);
	digest = digest_sha256_hex(rest);
	if (file.data[DIGEST_LINE - 1] != '\n' ||
	    memcmp(file.data, digest.text, DIGEST_LINE - 1) != 0)
		return err_fail(err, E_AGENT_MEMORY, NULL);
	if (!shape_parse(arena, &memory_shape, rest, &read, err)) {
		err_prefix(err, "memory");
		err->code = E_AGENT_MEMORY;
		return false;
	}
	*out = read;
	return true;
}

bool memory_load(struct arena *arena, const char *dir, struct memory *out, struct err *err)
{
	const char *path = arena_printf(arena, "%s/memory", dir);
	struct bytes file;
	bool found;

	if (!file_find(arena, path, MEMORY_BYTES_MAX, &found, &file, err))
		return false;
	if (!found) {
		begin_new(arena, out);
		return true;
	}
	if (!read_file(arena, file, out, err)) {
		err_prefix(err, "%s", path);
		return false;
	}
	return true;
}

static bool write_file(struct arena *arena, const char *dir, const struct memory *memory,
		       struct err *err)
{
	struct bytes json;
	struct sha256_hex digest;
	unsigned char *file;

	if (!shape_write(arena, &memory_shape, memory, &json, err))
		return false;
	digest = digest_sha256_hex(json);
	file = arena_alloc(arena, DIGEST_LINE + json.size);
	memcpy(file, digest.text, DIGEST_LINE - 1);
	file[DIGEST_LINE - 1] = '\n';
	memcpy(file + DIGEST_LINE, json.data, json.size);
	return store_replace(arena_printf(arena, "%s/memory", dir),
			     bytes_of(file, DIGEST_LINE + json.size), 0600, err);
}

bool memory_save(const char *dir, const struct memory *memory, struct err *err)
{
	struct arena *arena = arena_new(SAVE_ARENA_BYTES);
	bool ok = write_file(arena, dir, memory, err);

	arena_free(arena);
	return ok;
}

enum step memory_step(const struct memory *memory)
{
	return states_of(memory->job.step);
}

bool memory_turn(struct memory *memory, enum turn turn, struct err *err)
{
	enum step next;

	if (!states_next(memory_step(memory), turn, &next, err))
		return false;
	memory->job.step = states_word(next);
	return true;
}

struct memory_bank *memory_bank(struct memory *memory, enum bank_name bank)
{
	return bank == BANK_A ? &memory->bank_a : &memory->bank_b;
}

int64_t memory_floor(const struct memory *memory, const char *product)
{
	for (size_t i = 0; i < memory->floor_count; i++)
		if (strcmp(memory->floors[i].key, product) == 0)
			return memory->floors[i].value;
	return 0;
}

bool memory_raise_floor(struct arena *arena, struct memory *memory, const char *product,
			int64_t sequence, struct err *err)
{
	struct shape_pair *floors =
		arena_array(arena, memory->floor_count + 1, sizeof(struct shape_pair));
	size_t at = 0;

	if (memory_floor(memory, product) >= sequence)
		return true;
	while (at < memory->floor_count && strcmp(memory->floors[at].key, product) < 0)
		at++;
	if (at < memory->floor_count && strcmp(memory->floors[at].key, product) == 0) {
		memcpy(floors, memory->floors, memory->floor_count * sizeof(*floors));
		floors[at].value = sequence;
		memory->floors = floors;
		return true;
	}
	if (memory->floor_count == MEMORY_FLOORS_MAX)
		return err_fail(err, E_AGENT_MEMORY, "floors of more than %d products",
				MEMORY_FLOORS_MAX);
	for (size_t i = 0; i < memory->floor_count; i++)
		floors[i < at ? i : i + 1] = memory->floors[i];
	floors[at] = (struct shape_pair){.key = product, .value = sequence};
	memory->floors = floors;
	memory->floor_count++;
	return true;
}

const struct memory_permit *memory_find_permit(const struct memory *memory, const char *campaign)
{
	for (size_t i = 0; i < memory->permit_count; i++)
		if (strcmp(memory->permits[i].campaign, campaign) == 0)
			return &memory->permits[i];
	return NULL;
}

/* A permit that is over is refused for its time; its number need not be known any more. When all are
 * still in their time the one that ends first goes. */
static void forget_one_permit(struct memory *memory)
{
	size_t first = 0;

	for (size_t i = 1; i < memory->permit_count; i++)
		if (memory->permits[i].not_after < memory->permits[first].not_after)
			first = i;
	memory->permit_count--;
	memory->permits[first] = memory->permits[memory->permit_count];
}

void memory_keep_permit(struct arena *arena, struct memory *memory,
			const struct memory_permit *permit, clock_us now)
{
	struct memory_permit *permits =
		arena_array(arena, memory->permit_count + 1, sizeof(*permits));
	size_t count = 0;

	for (size_t i = 0; i < memory->permit_count; i++)
		if (strcmp(memory->permits[i].campaign, permit->campaign) != 0 &&
		    memory->permits[i].not_after > now)
			permits[count++] = memory->permits[i];
	memory->permits = permits;
	memory->permit_count = count;
	if (count == MEMORY_PERMITS_MAX)
		forget_one_permit(memory);
	memory->permits[memory->permit_count++] = *permit;
}

int64_t memory_next_attempt(const struct memory *memory, const char *action)
{
	for (size_t i = 0; i < memory->ended_count; i++)
		if (strcmp(memory->ended[i].action, action) == 0)
			return memory->ended[i].attempt + 1;
	return 1;
}

void memory_keep_ended(struct arena *arena, struct memory *memory, const char *action,
		       int64_t attempt)
{
	struct memory_ended *ended = arena_array(arena, memory->ended_count + 1, sizeof(*ended));
	size_t count = 0, drop;

	for (size_t i = 0; i < memory->ended_count; i++)
		if (strcmp(memory->ended[i].action, action) != 0)
			ended[count++] = memory->ended[i];
	drop = count == MEMORY_ENDED_MAX ? 1 : 0; /* the oldest stands first */
	memmove(ended, ended + drop, (count - drop) * sizeof(*ended));
	count -= drop;
	ended[count++] = (struct memory_ended){.action = action, .attempt = attempt};
	memory->ended = ended;
	memory->ended_count = count;
}
