/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many devices can ask for work? A whole installation with all programs running, and clients
 * on the same processors.
 */

#include "bench/bare_server.h"
#include "bench/load.h"
#include "bench/measure.h"
#include "tests/support/fleet.h"

#include <stdio.h>

enum { RUNS = 5 };
static const double seconds = 2;

static struct installation in;

static const char *name_of(int number)
{
	return arena_printf(in.arena, "poll-%02d", number);
}

/* A device for each connection, by one statement of the admins. */
static void given_devices(void)
{
	const struct installation_key *const admins[] = {&in.ada, &in.ben};
	struct doc *acts = doc_array(in.arena);

	for (int i = 0; i < LOAD_CONNECTIONS; i++) {
		struct doc *one = installation_act(&in, acts, "device.register");
		doc_set_text(one, "device", name_of(i));
		doc_set_text(one, "product", INSTALLATION_PRODUCT);
		doc_set_text(one, "serial", arena_printf(in.arena, "EXAMPLE-%s", name_of(i)));
		doc_set_text(one, "hardware", "rev-1");
		doc_set_text(one, "market", "EU");
		doc_set_text(one, "site", "clinic-1");
		doc_set_text(one, "assurance", "link-gated");
	}
	installation_must(&in, NULL, "POST", "/v1/directory",
			  installation_statement(&in, acts, admins, 2));
}

static const char *request_of(int number)
{
	return arena_printf(in.arena,
			    "GET /default/controller/v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			    "Authorization: TargetToken %s\r\nAccept: application/json\r\n\r\n",
			    name_of(number), fleet_token(&in, name_of(number)));
}

int main(void)
{
	const char *requests[LOAD_CONNECTIONS];
	struct measure_pair pair = {.runs = RUNS};

	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	given_devices();
	for (int i = 0; i < LOAD_CONNECTIONS; i++)
		requests[i] = request_of(i);
	struct http_answer answer = http_ask(in.arena, in.port, requests[0]);
	measure_must(answer.status == 200, "the service does not answer a poll");
	struct bare_server bare = bare_server_start(answer.body, NULL, NULL);
	for (size_t i = 0; i < RUNS; i++) {
		pair.ours[i] = load_run(in.port, requests, LOAD_CONNECTIONS, seconds);
		pair.limit[i] = load_run(bare.port, requests, LOAD_CONNECTIONS, seconds);
	}
	bare_server_stop(&bare);
	printf("Polls of %d devices with nothing to do, connections kept alive, %zu bytes\n",
	       LOAD_CONNECTIONS, answer.body.size);
	measure_tell_rate("countersignd: identified, looked up, answered", "polls/s",
			  "bare libmicrohttpd, the same bytes from memory", &pair);
	installation_close(&in);
	return 0;
}
