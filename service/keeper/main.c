/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper program: `run` serves the desk until it is told to stop; `hold` and `status` ask a
 * running keeper over its socket, for operators on its host.
 */

#include "common/config.h"
#include "common/log.h"
#include "common/wire/keeper.h"
#include "service/keeper/desk.h"
#include "service/keeper/history.h"
#include "service/keeper/keeper.h"
#include "service/keeper/renewal.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAIN_BYTES = 1024 * 1024 };

/* clang-format off */
static const struct config_key keys[] = {
	{"socket", CONFIG_PATH, offsetof(struct keeper_settings, socket), NULL, "Unix socket that the service talks to"},
	{"database", CONFIG_TEXT, offsetof(struct keeper_settings, database), NULL, "libpq connection string of role countersign_keeper; its password in a passfile"},
	{"origin", CONFIG_TEXT, offsetof(struct keeper_settings, origin), NULL, "name of the ledger and of its key, such as example.com/countersign"},
	{"keeper_key", CONFIG_TEXT, offsetof(struct keeper_settings, keeper_key), NULL, "key that signs permits: PEM file or pkcs11 URI"},
	{"keeper_certificate", CONFIG_PATH, offsetof(struct keeper_settings, keeper_certificate), NULL, "its certificate, PEM"},
	{"lease_key", CONFIG_TEXT, offsetof(struct keeper_settings, lease_key), NULL, "Ed25519 key that signs leases"},
	{"ledger_key", CONFIG_TEXT, offsetof(struct keeper_settings, ledger_key), NULL, "Ed25519 key that signs checkpoints"},
	{"git_key", CONFIG_TEXT, offsetof(struct keeper_settings, git_key), NULL, "Ed25519 key that signs commits"},
	{"keeper_mac_key", CONFIG_PATH, offsetof(struct keeper_settings, keeper_mac_key), NULL, "file of 32 bytes: MAC of the keeper's unsealed events"},
	{"service_mac_keys", CONFIG_PATH, offsetof(struct keeper_settings, service_mac_keys), NULL, "folder of <instance>.key files of 32 bytes"},
	{"head_file", CONFIG_PATH, offsetof(struct keeper_settings, head_file), NULL, "file that keeps the last signed checkpoint outside the database"},
	{"git", CONFIG_PATH, offsetof(struct keeper_settings, git), NULL, "bare git repository of release records"},
	{"pin", CONFIG_PATH, offsetof(struct keeper_settings, pin), NULL, "trust pin: root keys and quorum"},
	{"service_uid", CONFIG_INT, offsetof(struct keeper_settings, service_uid), NULL, "user id of countersignd"},
	{"lease_for_s", CONFIG_INT, offsetof(struct keeper_settings, lease_for_s), "300", "how long a lease lives, 1 to 900 seconds"},
};
/* clang-format on */

static int usage(void)
{
	fprintf(stderr,
		"countersign-keeper run --config FILE             serve until SIGTERM\n"
		"countersign-keeper hold CAMPAIGN --config FILE --reason TEXT\n"
		"countersign-keeper status --config FILE\n"
		"\nSettings (JSON file, or COUNTERSIGN_KEEPER_<KEY> in the environment):\n");
	config_print(keys, sizeof(keys) / sizeof(keys[0]));
	return 2;
}

static int say(const struct err *err)
{
	fprintf(stderr, "countersign-keeper: %s [%s]\n", err->text, err_code_text(err->code));
	return err_kind_exit(err_code_kind(err->code));
}

static bool serve(const struct keeper_settings *settings, struct err *err)
{
	struct keeper *keeper = NULL;
	struct history *history = NULL;
	struct renewal *renewal = NULL;
	struct desk *desk = NULL;
	sigset_t stop;
	int signal_number;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	bool started = keeper_open(settings, &keeper, err) && history_new(keeper, &history, err) &&
		       renewal_new(keeper, &renewal, err) && desk_new(keeper, &desk, err);
	if (started) {
		struct err untold = {0};
		log_info("started", LOG_TEXT("socket", settings->socket));
		if (!keeper_record_start(keeper, &untold))
			log_warn("start-not-recorded", LOG_ERR(&untold));
		sigwait(&stop, &signal_number);
		log_info("stopping", LOG_INT("signal", signal_number));
	}
	desk_free(desk);
	renewal_free(renewal);
	history_free(history);
	keeper_close(keeper);
	return started;
}

/* Asks the running keeper, and prints its answer as one line of JSON. */
static bool ask(struct arena *arena, const struct keeper_settings *settings, const char *verb,
		const char *campaign, const char *reason, struct err *err)
{
	struct keeper_client *client;
	const struct doc *reply;
	struct bytes line;
	struct doc *members = doc_object(arena);

	if (campaign) {
		doc_set_text(members, "campaign", campaign);
		doc_set_text(members, "by", "operator");
		doc_set_text(members, "reason", reason);
	}
	client = keeper_client_new(settings->socket, 1, 0);
	bool done = keeper_client_call(client, arena, verb, "operator", members, &reply, err) &&
		    doc_canonical(arena, reply, &line, err);
	keeper_client_free(client);
	if (done)
		printf("%.*s\n", (int)line.size, (const char *)line.data);
	return done;
}

int main(int count, char **words)
{
	struct err err = {0};
	struct keeper_settings settings = {0};
	const char *config = NULL;
	const char *reason = NULL;
	const char *verb = NULL;
	const char *object = NULL;

	for (int i = 1; i < count; i++) {
		if (strcmp(words[i], "--config") == 0 && i + 1 < count)
			config = words[++i];
		else if (strcmp(words[i], "--reason") == 0 && i + 1 < count)
			reason = words[++i];
		else if (words[i][0] == '-' || object)
			return usage();
		else if (!verb)
			verb = words[i];
		else
			object = words[i];
	}
	bool holding = verb && strcmp(verb, "hold") == 0;
	if (!verb || !config || (holding && (!object || !reason)))
		return usage();
	log_start("countersign-keeper", LOG_LEVEL_INFO);
	umask(0022); /* the git record may be read; what may not has its own mode */
	struct arena *arena = arena_new(MAIN_BYTES);
	bool done = config_read(arena, config, "COUNTERSIGN_KEEPER_", keys,
				sizeof(keys) / sizeof(keys[0]), &settings, &err);
	if (done && strcmp(verb, "run") == 0)
		done = serve(&settings, &err);
	else if (done && (holding || strcmp(verb, "status") == 0))
		done = ask(arena, &settings, verb, holding ? object : NULL, reason, &err);
	else if (done)
		done = err_fail(&err, E_USAGE,
				"there is no verb %.40s; call without words for help", verb);
	arena_free(arena);
	return done ? 0 : say(&err);
}
