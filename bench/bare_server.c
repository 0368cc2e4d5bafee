/* SPDX-License-Identifier: Apache-2.0 */
/* How fast can libmicrohttpd answer at all, with nothing behind it? */

#include "bench/bare_server.h"

#include "bench/measure.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2 }; /* as countersignd's settings have it on two processors */

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **state)
{
	static int begun;

	(void)url;
	(void)method;
	(void)version;
	(void)data;
	(void)size;
	if (!*state) {
		*state = &begun;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, context);
}

static void serve(int out, struct bytes body, const char *certificate, const char *key)
{
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
		body.size, (void *)(uintptr_t)body.data, NULL);
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_THREAD_POOL_SIZE, THREADS, NULL},
		{certificate ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
		 (void *)(uintptr_t)certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | (certificate ? MHD_USE_TLS : 0);

	measure_must(response != NULL, "no answer for the bare server");
	MHD_add_response_header(response, "Content-Type", "application/json");
	struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, response,
						     MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	measure_must(daemon != NULL, "the bare server does not start");
	uint16_t port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	measure_must(write(out, &port, sizeof(port)) == sizeof(port), "the bare server is alone");
	while (true)
		pause();
}

struct bare_server bare_server_start(struct bytes body, const char *certificate, const char *key)
{
	struct bare_server server = {0};
	int way[2];

	measure_must(pipe(way) == 0, "no pipe");
	server.pid = fork();
	measure_must(server.pid >= 0, "no process for the bare server");
	if (server.pid == 0) {
		close(way[0]);
		serve(way[1], body, certificate, key);
	}
	close(way[1]);
	measure_must(read(way[0], &server.port, sizeof(server.port)) == sizeof(server.port),
		     "the bare server said nothing");
	close(way[0]);
	return server;
}

void bare_server_stop(const struct bare_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}
