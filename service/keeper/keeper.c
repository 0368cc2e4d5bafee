/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running keeper consists of: opened in order (keys, database, trust, sequencer), closed
 * in reverse. Also what several verbs share: the trust document in force, stored documents, and
 * waiting for the seal.
 */

#include "service/keeper/keeper.h"

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "service/keeper/limits.h"
#include "service/keeper/sequencer.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	KEEPER_LIFE_BYTES = 4 * 1024 * 1024,
	KEEPER_WORK_BYTES = 32 * 1024 * 1024,
	DATABASE_CONNECTIONS = 24,
};

/* The newest trust document, re-read into an arena of its own whenever one is put. */
struct keeper_trust {
	pthread_rwlock_t lock;
	struct arena *arena;
	int64_t version;
	struct bytes document; /* empty before the first */
	struct sha256_hex sha256;
};

static bool load_keys(struct keeper *keeper, struct err *err);
static bool load_writer(struct keeper *keeper, struct err *err);
static bool read_newest_trust(struct db_tx *tx, void *context, struct err *err);

bool keeper_open(const struct keeper_settings *settings, struct keeper **out, struct err *err)
{
	struct arena *arena = arena_new(KEEPER_LIFE_BYTES);
	struct keeper *keeper = arena_alloc(arena, sizeof(*keeper));
	keeper->arena = arena;
	keeper->settings = *settings;
	keeper->trust = arena_alloc(arena, sizeof(*keeper->trust));
	keeper->trust->arena = arena_new(KEEPER_LIFE_BYTES);
	pthread_rwlock_init(&keeper->trust->lock, NULL);
	keeper->limits = limits_new();
	if (!load_writer(keeper, err) || !load_keys(keeper, err) ||
	    !db_pool_new(settings->database, DATABASE_CONNECTIONS, &keeper->pool, err) ||
	    !keeper_trust_load(keeper, err) || !sequencer_new(keeper, &keeper->sequencer, err)) {
		keeper_close(keeper);
		return false;
	}
	*out = keeper;
	return true;
}

void keeper_close(struct keeper *keeper)
{
	if (!keeper)
		return;
	sequencer_free(keeper->sequencer);
	db_pool_free(keeper->pool);
	sign_key_free(keeper->keeper_key);
	sign_key_free(keeper->lease_key);
	sign_key_free(keeper->ledger_key);
	sign_key_free(keeper->git_key);
	limits_free(keeper->limits);
	arena_free(keeper->trust->arena);
	pthread_rwlock_destroy(&keeper->trust->lock);
	digest_forget(keeper->writer.key, sizeof(keeper->writer.key));
	arena_free(keeper->arena);
}

/* ---- that it runs ---- */

static bool start_work(struct db_tx *tx, void *context, struct err *err)
{
	struct keeper *keeper = context;
	struct arena *arena = db_arena(tx);
	struct sequencer_state state;
	struct act act = {.actor_kind = ACTOR_KEEPER,
			  .actor = keeper->writer.name,
			  .at = clock_now(),
			  .request = "start",
			  .arena = arena};
	struct doc *data = doc_object(arena);

	sequencer_state_get(keeper->sequencer, &state);
	doc_set_text(data, "version", KEEPER_VERSION);
	doc_set_int(data, "size", state.size);
	struct event event = audit_event(EV_KEEPER_STARTED, data);
	audit_stream(&event, STREAM_SYSTEM, "keeper");
	return audit_append(tx, &keeper->writer, &act, &event, NULL, err);
}

bool keeper_record_start(struct keeper *keeper, struct err *err)
{
	struct arena *arena = arena_new(KEEPER_WORK_BYTES);

	bool told = sequencer_demand_current(keeper->sequencer, err) &&
		    db_transact(keeper->pool, arena, DB_READ_COMMITTED, start_work, keeper, err);
	arena_free(arena);
	if (told)
		sequencer_wake(keeper->sequencer);
	return told;
}

/* ---- opening ---- */

static bool load_ed25519(const char *source, const char *what, struct sign_key **out,
			 struct err *err)
{
	if (!sign_key_new(source, out, err)) {
		err_prefix(err, "%s key", what);
		return false;
	}
	if (sign_key_alg(*out) != SIGN_ED25519)
		return err_fail(err, E_KEY, "the %s key must be an Ed25519 key", what);
	return true;
}

static bool load_keys(struct keeper *keeper, struct err *err)
{
	const struct keeper_settings *settings = &keeper->settings;
	struct bytes certificate;

	if (!load_ed25519(settings->lease_key, "lease", &keeper->lease_key, err) ||
	    !load_ed25519(settings->ledger_key, "ledger", &keeper->ledger_key, err) ||
	    !load_ed25519(settings->git_key, "git", &keeper->git_key, err))
		return false;
	if (!sign_key_new(settings->keeper_key, &keeper->keeper_key, err)) {
		err_prefix(err, "keeper key");
		return false;
	}
	if (!file_read(keeper->arena, settings->keeper_certificate, 64 * 1024, &certificate, err) ||
	    !sign_cert_read(keeper->arena, certificate, &keeper->keeper_cert, err))
		return false;
	if (!bytes_equal(sign_key_spki(keeper->keeper_key), keeper->keeper_cert.spki))
		return err_fail(err, E_KEY, "the keeper certificate is not of the keeper key");
	return true;
}

static bool load_writer(struct keeper *keeper, struct err *err)
{
	struct bytes key;

	if (!file_read(keeper->arena, keeper->settings.keeper_mac_key, 64, &key, err))
		return false;
	if (key.size != sizeof(keeper->writer.key))
		return err_fail(err, E_KEY, "the keeper's MAC key must be 32 bytes");
	memcpy(keeper->writer.key, key.data, key.size);
	keeper->writer.name = "keeper/1";
	return true;
}

/* ---- trust ---- */

struct trust_reading {
	bool found;
	int64_t version;
	struct bytes document;
	struct sha256_hex sha256;
};

static bool read_newest_trust(struct db_tx *tx, void *context, struct err *err)
{
	struct trust_reading *reading = context;
	struct db_row row;

	if (!db_opt(tx, STMT_TRUST_NEWEST, DB_NOTHING, &reading->found, &row, err))
		return false;
	if (!reading->found)
		return true;
	reading->version = db_get_int(&row, "version");
	reading->document = db_get_bytes(&row, "bytes");
	return id_sha256_read(db_get_text(&row, "sha256"), &reading->sha256, err);
}

/* Never back to an older one: another thread may have read later than we did. Takes the arena. */
static void hold_trust(struct keeper_trust *held, struct arena *arena,
		       const struct trust_reading *reading)
{
	struct arena *unused = arena;

	pthread_rwlock_wrlock(&held->lock);
	if (reading->version > held->version) {
		unused = held->arena;
		held->arena = arena;
		held->version = reading->version;
		held->document = reading->document;
		held->sha256 = reading->sha256;
	}
	pthread_rwlock_unlock(&held->lock);
	arena_free(unused);
}

bool keeper_trust_load(struct keeper *keeper, struct err *err)
{
	struct arena *arena = arena_new(KEEPER_LIFE_BYTES);
	struct trust_reading reading = {0};

	if (!db_transact(keeper->pool, arena, DB_READ_COMMITTED, read_newest_trust, &reading,
			 err)) {
		arena_free(arena);
		return false;
	}
	hold_trust(keeper->trust, arena, &reading);
	return true;
}

bool keeper_trust_refresh(struct keeper *keeper, struct db_tx *tx, struct err *err)
{
	struct keeper_trust *held = keeper->trust;
	struct trust_reading reading = {0};
	struct db_row row;

	if (!db_one(tx, STMT_TRUST_NEWEST_VERSION, DB_NOTHING, &row, err))
		return false;
	pthread_rwlock_rdlock(&held->lock);
	bool current = held->version >= db_get_int(&row, "version");
	pthread_rwlock_unlock(&held->lock);
	if (current)
		return true;
	if (!read_newest_trust(tx, &reading, err))
		return false;
	struct arena *arena = arena_new(KEEPER_LIFE_BYTES);
	reading.document = arena_bytes(arena, reading.document);
	hold_trust(held, arena, &reading);
	return true;
}

bool keeper_trust_get(struct keeper *keeper, struct arena *arena, struct trust *out,
		      struct sha256_hex *sha256, struct err *err)
{
	struct keeper_trust *held = keeper->trust;

	pthread_rwlock_rdlock(&held->lock);
	struct bytes document = arena_bytes(arena, held->document);
	struct sha256_hex digest = held->sha256;
	pthread_rwlock_unlock(&held->lock);
	if (document.size == 0)
		return err_fail(err, E_TRUST_MISSING, NULL);
	if (!trust_parse(arena, document, out, err))
		return false;
	if (sha256)
		*sha256 = digest;
	return true;
}

/* ---- shared by the verbs ---- */

bool keeper_finish(struct keeper *keeper, const struct event_id *event, struct doc *reply,
		   struct err *err)
{
	struct sequencer_place place;
	struct arena *arena = arena_new(KEEPER_WORK_BYTES);

	doc_set_text(reply, "event", event->text);
	bool sealed =
		sequencer_wait(keeper->sequencer, event, KEEPER_SEAL_WAIT_MS, arena, &place, err);
	arena_free(arena);
	if (!sealed)
		return false;
	doc_set_int(reply, "index", place.index);
	doc_set_int(reply, "checkpoint_size", place.checkpoint_size);
	return true;
}

bool keeper_store_document(struct db_tx *tx, const char *type, struct bytes bytes,
			   struct sha256_hex *out, struct err *err)
{
	struct sha256_hex digest = digest_sha256_hex(bytes);

	if (!db_run(tx, STMT_DOCUMENT_PUT, DB(db_text(digest.text), db_text(type), db_bytes(bytes)),
		    NULL, err))
		return false;
	*out = digest;
	return true;
}

bool keeper_load_document(struct db_tx *tx, const char *sha256, const char *type, struct bytes *out,
			  struct err *err)
{
	struct db_row row;
	bool found;

	if (!db_opt(tx, STMT_DOCUMENT_FIND, DB(db_text(sha256), db_text(type)), &found, &row, err))
		return false;
	if (!found)
		return err_fail(err, E_DOC_MISSING,
				"there is no %s document with digest %.64s; upload it first", type,
				sha256);
	struct bytes bytes = db_get_bytes(&row, "bytes");
	if (strcmp(digest_sha256_hex(bytes).text, sha256) != 0)
		return err_fail(err, E_SIGNATURE,
				"the stored document %.64s does not have that digest", sha256);
	*out = bytes;
	return true;
}
