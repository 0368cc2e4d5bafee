/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service program: reads its settings, opens, listens, and ends gracefully on SIGTERM or
 * SIGINT: requests under way get their answers. It needs no privilege at all; give it a user of
 * its own, whose uid the keeper knows.
 */

#include "common/config.h"
#include "common/log.h"
#include "common/web.h"
#include "service/identity.h"
#include "service/refusal.h"
#include "service/routes.h"
#include "service/service.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAIN_BYTES = 1024 * 1024 };

#define AT(member) offsetof(struct service_settings, member)

/* clang-format off */
static const struct config_key keys[] = {
	{"listen", CONFIG_TEXT, AT(listen), "127.0.0.1", "numeric address to listen on"},
	{"port", CONFIG_INT, AT(port), "8443", "TCP port; 0: any, the log tells"},
	{"tls_certificate", CONFIG_PATH, AT(tls_certificate), "", "PEM chain; empty: plain HTTP, for a TLS front on the same host"},
	{"tls_key", CONFIG_PATH, AT(tls_key), "", "its PEM key"},
	{"device_authority", CONFIG_PATH, AT(device_authority), "", "PEM of the device CA: client certificates; needs TLS"},
	{"database", CONFIG_TEXT, AT(database), NULL, "libpq connection string of role countersign_service; its password in a passfile"},
	{"database_connections", CONFIG_INT, AT(database_connections), "16", "connections to it, 1 to 500"},
	{"keeper_socket", CONFIG_PATH, AT(keeper_socket), NULL, "Unix socket of countersign-keeper"},
	{"instance", CONFIG_TEXT, AT(instance), "1", "name of this instance, as in the keeper's folder of MAC keys"},
	{"mac_key", CONFIG_PATH, AT(mac_key), NULL, "file of 32 bytes: MAC of this instance's unsealed events"},
	{"artifacts", CONFIG_PATH, AT(artifacts), NULL, "folder of firmware by digest"},
	{"exports", CONFIG_PATH, AT(exports), "", "folder of evidence packages"},
	{"git", CONFIG_PATH, AT(git), "", "bare repository of release records, read for exports"},
	{"base_url", CONFIG_TEXT, AT(base_url), "", "of links handed to devices; empty: from the Host header"},
	{"poll_s", CONFIG_INT, AT(poll_s), "60", "how often devices shall poll, 1 to 86399 seconds"},
	{"workers", CONFIG_INT, AT(workers), "8", "threads for ordinary requests, 1 to 200"},
};
/* clang-format on */
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static int usage(void)
{
	fprintf(stderr, "countersignd --config FILE       serve until SIGTERM\n"
			"\nSettings (JSON file, or COUNTERSIGN_<KEY> in the environment):\n");
	config_print(keys, KEYS);
	return 2;
}

static int say(const struct err *err)
{
	fprintf(stderr, "countersignd: %s [%s]\n", err->text, err_code_text(err->code));
	return err_kind_exit(err_code_kind(err->code));
}

static bool in_range(const char *key, int64_t value, int64_t least, int64_t most, struct err *err)
{
	if (value >= least && value <= most)
		return true;
	return err_fail(err, E_CONFIG, "%s must be from %lld to %lld", key, (long long)least,
			(long long)most);
}

static bool check(const struct service_settings *settings, struct err *err)
{
	return in_range("port", settings->port, 0, 65535, err) &&
	       in_range("database_connections", settings->database_connections, 1, 500, err) &&
	       in_range("poll_s", settings->poll_s, 1, 86399, err) &&
	       in_range("workers", settings->workers, 1, 200, err);
}

static bool listen_for(struct service *service, struct web **out, struct err *err)
{
	const struct service_settings *settings = &service->settings;
	const struct web_settings web = {
		.listen = settings->listen,
		.port = (uint16_t)settings->port,
		.tls_certificate = settings->tls_certificate,
		.tls_key = settings->tls_key,
		.client_authority = settings->device_authority,
		.workers = (size_t)settings->workers,
		.routes = service_routes,
		.route_count = service_route_count,
		.app = service,
		.identify = identity_identify,
		.permit = identity_permit,
		.refused = refusal_take,
	};

	return web_new(&web, out, err);
}

static bool serve(const struct service_settings *settings, struct err *err)
{
	struct service *service = NULL;
	struct web *web = NULL;
	sigset_t stop;
	int signal_number;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (geteuid() == 0)
		log_warn("runs-as-root", LOG_TEXT("advice", "give it a user of its own"));
	bool started = check(settings, err) && service_open(settings, &service, err) &&
		       listen_for(service, &web, err);
	if (started) {
		log_info("started", LOG_TEXT("listen", settings->listen),
			 LOG_INT("port", web_port(web)),
			 LOG_TEXT("tls", settings->tls_certificate ? "yes" : "no"));
		sigwait(&stop, &signal_number);
		log_info("stopping", LOG_INT("signal", signal_number));
	}
	web_free(web);
	service_close(service);
	return started;
}

int main(int count, char **words)
{
	struct service_settings settings = {0};
	struct err err = {0};

	if (count != 3 || strcmp(words[1], "--config") != 0)
		return usage();
	log_start("countersignd", LOG_LEVEL_INFO);
	umask(0077);
	struct arena *arena = arena_new(MAIN_BYTES);
	bool done = config_read(arena, words[2], "COUNTERSIGN_", keys, KEYS, &settings, &err) &&
		    serve(&settings, &err);
	arena_free(arena);
	return done ? 0 : say(&err);
}
