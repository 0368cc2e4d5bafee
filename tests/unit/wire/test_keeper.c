/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do frames arrive whole or not at all, and does the client never ask twice what may have been
 * done? The other side is a thread that speaks the protocol, or breaks it in one way.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/wire/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ARENA_BYTES = 8 * 1024 * 1024, CLIENTS = 8, CALLS = 25 };
#define SECOND CLOCK_SECOND

static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_new(ARENA_BYTES);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* ---- frames over a pair of sockets ---- */

static void pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void put(int fd, const void *data, size_t size)
{
	assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void test_keeper_frame__arrives_as_it_was_sent(void **state)
{
	(void)state;
	int fds[2];
	bool closed = true;
	struct bytes frame, largest;
	struct err err = {0};
	unsigned char *data = arena_alloc(arena, KEEPER_FRAME_MAX);

	pair(fds);
	assert_true(keeper_frame_write(fds[0], bytes_of_text("{}"), SECOND, &err));
	assert_true(keeper_frame_read(arena, fds[1], SECOND, &closed, &frame, &err));
	assert_false(closed);
	assert_true(bytes_equal(frame, bytes_of_text("{}")));
	memset(data, 'x', KEEPER_FRAME_MAX);
	largest = bytes_of(data, KEEPER_FRAME_MAX);
	assert_true(keeper_frame_write(fds[0], largest, SECOND, &err));
	assert_true(keeper_frame_read(arena, fds[1], SECOND, &closed, &frame, &err));
	assert_true(bytes_equal(frame, largest));
	close(fds[0]);
	assert_true(keeper_frame_read(arena, fds[1], SECOND, &closed, &frame, &err));
	assert_true(closed);
	close(fds[1]);
}

static void test_keeper_frame_write__refuses_what_no_frame_holds(void **state)
{
	(void)state;
	int fds[2];
	struct err err = {0};
	unsigned char *data = arena_alloc(arena, KEEPER_FRAME_MAX + 1);

	pair(fds);
	assert_false(
		keeper_frame_write(fds[0], bytes_of(data, KEEPER_FRAME_MAX + 1), SECOND, &err));
	assert_int_equal(err.code, E_KEEPER_FRAME);
	err_clear(&err);
	assert_false(keeper_frame_write(fds[0], bytes_of(NULL, 0), SECOND, &err));
	close(fds[0]);
	close(fds[1]);
}

static enum err_code reads(const char *data, size_t size, bool close_after)
{
	int fds[2];
	bool closed = false;
	struct bytes frame;
	struct err err = {0};

	pair(fds);
	put(fds[0], data, size);
	if (close_after)
		close(fds[0]);
	bool ok = keeper_frame_read(arena, fds[1], 30000, &closed, &frame, &err);
	assert_int_equal(ok, err.code == E_NONE);
	if (!close_after)
		close(fds[0]);
	close(fds[1]);
	return err.code;
}

static void test_keeper_frame_read__refuses_lengths_out_of_range(void **state)
{
	(void)state;
	assert_int_equal(reads("\0\0\0\2{}", 6, true), E_NONE);
	assert_int_equal(reads("\0\0\0\0", 4, true), E_KEEPER_FRAME);
	assert_int_equal(reads("\0\1\0\1", 4, true), E_KEEPER_FRAME);
	assert_int_equal(reads("\xff\xff\xff\xff", 4, true), E_KEEPER_FRAME);
}

static void test_keeper_frame_read__refuses_a_cut_frame(void **state)
{
	(void)state;
	assert_int_equal(reads("\0\0\0\3{}", 6, true), E_KEEPER_AWAY);
	assert_int_equal(reads("\0\0\0\3", 4, true), E_KEEPER_AWAY);
	assert_int_equal(reads("\0\0", 2, true), E_KEEPER_AWAY);
}

static void test_keeper_frame_read__does_not_wait_beyond_its_time(void **state)
{
	(void)state;
	clock_us before = clock_boot();

	assert_int_equal(reads("\0\0\0\3{}", 6, false), E_KEEPER_AWAY);
	assert_int_equal(reads("\0", 1, false), E_KEEPER_AWAY);
	assert_true(clock_boot() - before >= 60000);
	assert_true(clock_boot() - before < 10 * CLOCK_SECOND);
}

/* ---- requests ---- */

static bool parses(const char *frame, struct keeper_request *out)
{
	struct err err = {0};
	return keeper_request_parse(arena, bytes_of_text(frame), out, &err);
}

static void test_keeper_request_parse__refuses_every_other_form(void **state)
{
	(void)state;
	struct keeper_request request;
	static const char *const wrong[] = {
		"",
		"[]",
		"{}",
		"{\"request\":\"r\"}",
		"{\"request\":\"r\",\"type\":\"countersign.keeper..v1\"}",
		"{\"request\":\"r\",\"type\":\"countersign.keeper.status.v2\"}",
		"{\"request\":\"r\",\"type\":\"countersign.lease.status.v1\"}",
		"{\"request\":\"r\",\"type\":\"countersign.keeper.STATUS.v1\"}",
		"{\"request\":\"r\",\"type\":7}",
		"{\"request\":\"\",\"type\":\"countersign.keeper.status.v1\"}",
		"{\"request\":\"a b\",\"type\":\"countersign.keeper.status.v1\"}",
		"{\"request\":7,\"type\":\"countersign.keeper.status.v1\"}",
		"{\"type\":\"countersign.keeper.status.v1\"}",
		"{\"type\":\"countersign.keeper.status.v1\",\"request\":\"r\"}", /* order */
		"{ \"request\":\"r\",\"type\":\"countersign.keeper.status.v1\"}",
	};

	assert_true(
		parses("{\"request\":\"r\",\"type\":\"countersign.keeper.status.v1\"}", &request));
	assert_string_equal(request.verb, "status");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parses(wrong[i], &request))
			fail_msg("%s was taken", wrong[i]);
	}
}

static void test_keeper_reply_parse__turns_refusals_into_errors(void **state)
{
	(void)state;
	static const struct {
		const char *frame;
		enum err_code code;
		bool doc;
	} replies[] = {
		{"{\"ok\":true,\"type\":\"countersign.keeper.reply.v1\"}", E_NONE, true},
		{"{\"code\":\"trust.quorum\",\"detail\":\"d\",\"ok\":false,"
		 "\"type\":\"countersign.keeper.reply.v1\"}",
		 E_TRUST_QUORUM, true},
		{"{\"code\":\"what.is-this\",\"detail\":\"d\",\"ok\":false,"
		 "\"type\":\"countersign.keeper.reply.v1\"}",
		 E_KEEPER_REFUSED, true},
		{"{\"ok\":false,\"type\":\"countersign.keeper.reply.v1\"}", E_KEEPER_FRAME, true},
		{"{\"ok\":1,\"type\":\"countersign.keeper.reply.v1\"}", E_KEEPER_FRAME, false},
		{"{\"type\":\"countersign.keeper.reply.v1\"}", E_KEEPER_FRAME, false},
		{"{\"ok\":true,\"type\":\"countersign.keeper.reply.v2\"}", E_KEEPER_FRAME, false},
		{"[]", E_KEEPER_FRAME, false},
		{"x", E_DOC_SYNTAX, false},
	};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		const struct doc *doc = NULL;
		struct err err = {0};
		bool ok = keeper_reply_parse(arena, bytes_of_text(replies[i].frame), &doc, &err);
		assert_int_equal(err.code, replies[i].code);
		assert_int_equal(ok, replies[i].code == E_NONE);
		assert_int_equal(doc != NULL, replies[i].doc);
	}
}

/* ---- a keeper that is a thread ---- */

enum manner {
	ANSWERS,
	REFUSES,
	ENDS_UNREAD,	/* ends each connection at once */
	ENDS_AFTER,	/* reads a request and ends */
	ENDS_AFTER_ONE, /* answers one request on each connection, and ends it */
	SAYS_NOTHING,
};

struct keeper {
	char path[64];
	int listener;
	enum manner manner;
	pthread_t thread;
	atomic_int connections, requests;
};

/* Without cmocka's assertions: they belong to the main thread. */
static bool answer(int fd, struct keeper *keeper)
{
	struct arena *own = arena_new(1024 * 1024);
	struct keeper_request request;
	struct bytes frame;
	struct err err = {0}, refusal = {0};
	bool closed = true;
	bool ok = keeper_frame_read(own, fd, 5 * SECOND, &closed, &frame, &err) && !closed &&
		  keeper_request_parse(own, frame, &request, &err);

	if (ok) {
		struct doc *reply = keeper_reply_new(own);
		atomic_fetch_add(&keeper->requests, 1);
		doc_set_text(reply, "echo", doc_get_text(request.doc, "word"));
		err_set(&refusal, E_DENIED, "not for you");
		ok = keeper->manner != ENDS_AFTER && keeper->manner != SAYS_NOTHING &&
		     keeper_frame_of(own,
				     keeper->manner == REFUSES
					     ? keeper_reply_error(own, &refusal, "an-event")
					     : reply,
				     &frame, &err) &&
		     keeper_frame_write(fd, frame, SECOND, &err);
	}
	if (keeper->manner == SAYS_NOTHING)
		clock_sleep(SECOND / 2);
	arena_free(own);
	return ok && keeper->manner != ENDS_AFTER_ONE;
}

struct visit {
	struct keeper *keeper;
	int fd;
};

static void *serve_one(void *context)
{
	struct visit visit = *(struct visit *)context;

	free(context);
	while (answer(visit.fd, visit.keeper))
		;
	close(visit.fd);
	return NULL;
}

static void *serve(void *context)
{
	struct keeper *keeper = context;
	pthread_t threads[64];
	size_t count = 0;

	for (;;) {
		int fd = accept(keeper->listener, NULL, NULL);
		if (fd < 0)
			break;
		atomic_fetch_add(&keeper->connections, 1);
		struct visit *visit = malloc(sizeof(*visit));
		if (keeper->manner == ENDS_UNREAD || !visit || count == 64) {
			free(visit);
			close(fd);
			continue;
		}
		*visit = (struct visit){keeper, fd};
		pthread_create(&threads[count++], NULL, serve_one, visit);
	}
	while (count > 0)
		pthread_join(threads[--count], NULL);
	return NULL;
}

/* Callers connect, and nobody answers. */
static void keeper_listen(struct keeper *keeper)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(keeper->path, sizeof(keeper->path), "/tmp/countersign-keeper-%d", (int)getpid());
	unlink(keeper->path);
	memcpy(address.sun_path, keeper->path, sizeof(keeper->path));
	keeper->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(keeper->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(keeper->listener, 64), 0);
}

static void keeper_begin(struct keeper *keeper, enum manner manner)
{
	*keeper = (struct keeper){.manner = manner};
	keeper_listen(keeper);
	assert_int_equal(pthread_create(&keeper->thread, NULL, serve, keeper), 0);
}

/* After the client is freed: its connections have ended then. */
static void keeper_end(struct keeper *keeper)
{
	shutdown(keeper->listener, SHUT_RDWR);
	pthread_join(keeper->thread, NULL);
	close(keeper->listener);
	unlink(keeper->path);
}

static enum err_code ask(struct keeper_client *client, const char *word, const struct doc **reply)
{
	struct doc *members = doc_object(arena);
	struct err err = {0};

	doc_set_text(members, "word", word);
	bool ok = keeper_client_call(client, arena, "status", "r-1", members, reply, &err);
	assert_int_equal(ok, err.code == E_NONE);
	return err.code;
}

static void test_keeper_client_call__keeps_its_connection(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;

	keeper_begin(&keeper, ANSWERS);
	struct keeper_client *client = keeper_client_new(keeper.path, 3, 5 * SECOND);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(client, "hello", &reply), E_NONE);
		assert_string_equal(doc_get_text(reply, "echo"), "hello");
	}
	keeper_client_free(client);
	keeper_end(&keeper);
	assert_int_equal(keeper.connections, 1);
	assert_int_equal(keeper.requests, 5);
}

static void test_keeper_client_call__hands_over_the_refusal(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;

	keeper_begin(&keeper, REFUSES);
	struct keeper_client *client = keeper_client_new(keeper.path, 1, 5 * SECOND);
	assert_int_equal(ask(client, "hello", &reply), E_DENIED);
	assert_string_equal(doc_get_text(reply, "event"), "an-event");
	assert_int_equal(ask(client, "hello", &reply), E_DENIED);
	keeper_client_free(client);
	keeper_end(&keeper);
	assert_int_equal(keeper.connections, 1); /* a refusal breaks nothing */
}

static void test_keeper_client_call__connects_again_when_the_keeper_restarted(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;

	keeper_begin(&keeper, ENDS_AFTER_ONE);
	struct keeper_client *client = keeper_client_new(keeper.path, 1, 5 * SECOND);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ask(client, "hello", &reply), E_NONE);
		clock_sleep(20000); /* so that the end of the connection has arrived */
	}
	keeper_client_free(client);
	keeper_end(&keeper);
	assert_int_equal(keeper.connections, 4);
	assert_int_equal(keeper.requests, 4);
}

/* A request that was sent may have been done: it must not be sent a second time. */
static void test_keeper_client_call__never_sends_twice(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;

	keeper_begin(&keeper, ENDS_AFTER);
	struct keeper_client *client = keeper_client_new(keeper.path, 1, 5 * SECOND);
	assert_int_equal(ask(client, "hello", &reply), E_KEEPER_AWAY);
	assert_null(reply);
	keeper_client_free(client);
	keeper_end(&keeper);
	assert_int_equal(keeper.requests, 1);
	assert_int_equal(keeper.connections, 1);
}

static void test_keeper_client_call__says_that_the_keeper_is_away(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;
	char long_path[200];

	struct keeper_client *client = keeper_client_new("/nonexistent/socket", 1, SECOND);
	assert_int_equal(ask(client, "hello", &reply), E_KEEPER_AWAY);
	assert_null(reply);
	keeper_client_free(client);

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	client = keeper_client_new(long_path, 1, SECOND);
	assert_int_equal(ask(client, "hello", &reply), E_KEEPER_AWAY);
	keeper_client_free(client);

	keeper_begin(&keeper, ENDS_UNREAD);
	client = keeper_client_new(keeper.path, 1, SECOND);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(client, "hello", &reply), E_KEEPER_AWAY);
	keeper_client_free(client);
	keeper_end(&keeper);
	assert_int_equal(keeper.requests, 0);
}

static void test_keeper_client_call__does_not_wait_beyond_its_time(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;
	clock_us before = clock_boot();

	keeper_begin(&keeper, SAYS_NOTHING);
	struct keeper_client *client = keeper_client_new(keeper.path, 1, SECOND / 10);
	assert_int_equal(ask(client, "hello", &reply), E_KEEPER_AWAY);
	assert_true(clock_boot() - before < SECOND / 2);
	keeper_client_free(client);
	keeper_end(&keeper);
}

static void test_keeper_client_call__learns_soon_that_a_keeper_hangs(void **state)
{
	(void)state;
	struct keeper keeper = {0};
	const struct doc *reply;
	clock_us before = clock_boot();

	keeper_listen(&keeper);
	struct keeper_client *client = keeper_client_new(keeper.path, 1, 0);
	assert_int_equal(ask(client, "hello", &reply), E_KEEPER_AWAY); /* a status */
	assert_in_range(clock_boot() - before, 2 * SECOND, 8 * SECOND);
	keeper_client_free(client);
	close(keeper.listener);
	unlink(keeper.path);
}

static void test_keeper_client_call__refuses_what_no_frame_holds(void **state)
{
	(void)state;
	struct keeper keeper;
	const struct doc *reply;
	char *word = arena_alloc(arena, KEEPER_FRAME_MAX + 1);

	memset(word, 'x', KEEPER_FRAME_MAX);
	keeper_begin(&keeper, ANSWERS);
	struct keeper_client *client = keeper_client_new(keeper.path, 1, SECOND);
	assert_int_equal(ask(client, word, &reply), E_DOC_LIMIT);
	assert_int_equal(ask(client, "hello", &reply), E_NONE);
	keeper_client_free(client);
	keeper_end(&keeper);
}

/* ---- many threads ---- */

struct caller {
	struct keeper_client *client;
	int number;
	int good;
};

static void *call_often(void *context)
{
	struct caller *caller = context;
	struct arena *own = arena_new(8 * 1024 * 1024);

	for (int i = 0; i < CALLS; i++) {
		struct doc *members = doc_object(own);
		const struct doc *reply;
		struct err err = {0};
		char *word = arena_printf(own, "%d-%d", caller->number, i);
		doc_set_text(members, "word", word);
		if (keeper_client_call(caller->client, own, "status", "r", members, &reply, &err) &&
		    strcmp(doc_get_text(reply, "echo"), word) == 0)
			caller->good++;
	}
	arena_free(own);
	return NULL;
}

static void test_keeper_client_call__answers_each_thread_its_own(void **state)
{
	(void)state;
	struct keeper keeper;
	struct caller callers[CLIENTS];
	pthread_t threads[CLIENTS];

	keeper_begin(&keeper, ANSWERS);
	struct keeper_client *client = keeper_client_new(keeper.path, 3, 20 * SECOND);
	for (int i = 0; i < CLIENTS; i++) {
		callers[i] = (struct caller){client, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(callers[i].good, CALLS);
	}
	keeper_client_free(client);
	keeper_end(&keeper);
	assert_int_equal(keeper.requests, CLIENTS * CALLS);
	assert_true(keeper.connections <= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeper_frame__arrives_as_it_was_sent),
		cmocka_unit_test(test_keeper_frame_write__refuses_what_no_frame_holds),
		cmocka_unit_test(test_keeper_frame_read__refuses_lengths_out_of_range),
		cmocka_unit_test(test_keeper_frame_read__refuses_a_cut_frame),
		cmocka_unit_test(test_keeper_frame_read__does_not_wait_beyond_its_time),
		cmocka_unit_test(test_keeper_request_parse__refuses_every_other_form),
		cmocka_unit_test(test_keeper_reply_parse__turns_refusals_into_errors),
		cmocka_unit_test(test_keeper_client_call__keeps_its_connection),
		cmocka_unit_test(test_keeper_client_call__hands_over_the_refusal),
		cmocka_unit_test(test_keeper_client_call__connects_again_when_the_keeper_restarted),
		cmocka_unit_test(test_keeper_client_call__never_sends_twice),
		cmocka_unit_test(test_keeper_client_call__says_that_the_keeper_is_away),
		cmocka_unit_test(test_keeper_client_call__does_not_wait_beyond_its_time),
		cmocka_unit_test(test_keeper_client_call__learns_soon_that_a_keeper_hangs),
		cmocka_unit_test(test_keeper_client_call__refuses_what_no_frame_holds),
		cmocka_unit_test(test_keeper_client_call__answers_each_thread_its_own),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
