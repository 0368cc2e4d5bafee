/* SPDX-License-Identifier: Apache-2.0 */
/* Who may talk to the keeper, and can one visitor keep it from the others? Peers of other uids, more
 * connections than places, frames that never end, are too long, or are none. */

#define _GNU_SOURCE /* setresuid */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, SERVICE_UID = 65533, WAIT_MS = 5000 };

static struct office office;
/* Of a program that was started as another user (see as_uid), too. */
static struct arena *arena;
static const char *socket_path;

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	arena = office.arena;
	socket_path = office.settings.socket;
	return 0;
}

static int end(void **state)
{
	(void)state;
	office_close(&office);
	return 0;
}

/* ---- a visitor by hand ---- */

static int visit(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* What the keeper does next: 'r' a reply (or a part of one) is there, 'e' it ended the connection, 't' neither
 * in time. */
static char await(int fd, int ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	unsigned char byte;

	if (poll(&poller, 1, ms) <= 0)
		return 't';
	return recv(fd, &byte, 1, MSG_PEEK) == 1 ? 'r' : 'e';
}

static bool send_bytes(int fd, const void *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static struct bytes frame_of(const char *verb)
{
	struct bytes body;
	struct err err = {0};

	if (!doc_canonical(arena, keeper_request_new(arena, verb, "test"), &body, &err))
		abort();
	return body;
}

static struct bytes with_length(struct bytes body, size_t length)
{
	unsigned char *frame = arena_alloc(arena, body.size + 4);

	for (int i = 0; i < 4; i++)
		frame[i] = (unsigned char)(length >> (24 - 8 * i));
	memcpy(frame + 4, body.data, body.size);
	return bytes_of(frame, body.size + 4);
}

static bool status_answers(void)
{
	const struct doc *reply;
	struct err err = {0};

	return office_call(&office, "status", NULL, &reply, &err);
}

/* ---- verbs before there is trust ---- */

static void test_verbs__are_refused_before_trust_exists(void **state)
{
	(void)state;
	char id[37];
	struct doc *members = doc_object(office.arena);

	id_uuid_draw(id);
	doc_set_text(members, "gate", "release");
	doc_set_text(members, "subject", id);
	doc_set_bool(members, "dry", true);
	office_refused(&office, "decide", members, E_TRUST_MISSING);
	members = doc_object(office.arena);
	doc_set_text(members, "what", "seal-release");
	doc_set_text(members, "release", id);
	office_refused(&office, "put", members, E_TRUST_MISSING);
	snprintf(office.campaign, sizeof(office.campaign), "%s", id);
	office_refused(&office, "lease", office_lease_members(&office, "unit-1", 1, "install"),
		       E_TRUST_MISSING);
	const struct office_key *const admins[] = {&office.ada, &office.ben};
	struct doc *acts = doc_array(office.arena);
	struct doc *act = doc_object(office.arena);
	doc_set_text(act, "act", "person.add");
	doc_set_text(act, "person", "p-mallory");
	doc_set_text(act, "name", "EXAMPLE mallory");
	doc_set_text(act, "organisation", "EXAMPLE");
	doc_add(acts, act);
	office_refused(&office, "put", office_statement(&office, acts, admins, 2), E_TRUST_MISSING);
	const struct doc *reply = office_must(&office, "status", NULL);
	assert_true(doc_bool(doc_get(reply, "ready"), false));
	assert_int_equal(doc_int(doc_get(reply, "trust_version"), -1), 0);
}

/* ---- frames ---- */

static void test_frames__that_are_none_end_their_connection_only(void **state)
{
	(void)state;
	static const char huge[] = "\x00\x01\x00\x01";
	static const char most[] = "\xff\xff\xff\xff";
	static const char none[] = "\x00\x00\x00\x00";
	const struct bytes endings[] = {
		bytes_of(huge, 4),
		bytes_of(most, 4),
		bytes_of(none, 4),
		bytes_of_text("GET / HTTP/1.1\r\n\r\n"),
	};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		int fd = visit();
		assert_true(fd >= 0);
		assert_true(send_bytes(fd, endings[i].data, endings[i].size));
		assert_int_equal(await(fd, WAIT_MS), 'e');
		close(fd);
		assert_true(status_answers());
	}
}

/* What is framed well and says nothing sensible gets an answer, and the connection goes on. */
static void test_frames__of_garbage_are_answered(void **state)
{
	(void)state;
	static const unsigned char binary[] = {0xff, 0xfe, 0x00, 0x01};
	const struct bytes bodies[] = {
		bytes_of(binary, sizeof(binary)),
		bytes_of_text("[]"),
		bytes_of_text("null"),
		bytes_of_text("{\"type\":\"countersign.keeper.status.v1\"}"),
		bytes_of_text(" {\"request\":\"x\",\"type\":\"countersign.keeper.status.v1\"}"),
		bytes_of_text("{\"request\":\"x\",\"type\":\"countersign.keeper.STATUS.v1\"}"),
		bytes_of_text(
			"{\"request\":\"\\u0000\",\"type\":\"countersign.keeper.status.v1\"}"),
		bytes_of_text(
			"{\"request\":\"x\",\"request\":\"y\",\"type\":\"countersign.keeper.status.v1\"}"),
	};
	int fd = visit();

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct bytes frame = with_length(bodies[i], bodies[i].size);
		struct bytes answer;
		const struct doc *reply;
		bool closed = false;
		struct err err = {0};
		assert_true(send_bytes(fd, frame.data, frame.size));
		assert_true(keeper_frame_read(office.arena, fd, WAIT_MS * 1000, &closed, &answer,
					      &err));
		assert_false(closed);
		assert_false(keeper_reply_parse(office.arena, answer, &reply, &err));
		if (err_code_kind(err.code) != ERR_INVALID)
			fail_msg("%zu: %s", i, err_code_text(err.code));
	}
	struct bytes good = frame_of("status");
	good = with_length(good, good.size);
	assert_true(send_bytes(fd, good.data, good.size));
	assert_int_equal(await(fd, WAIT_MS), 'r');
	close(fd);
}

/* Half a frame, and then nothing: others are served meanwhile; it ends after its time. */
static void test_frames__that_stall_keep_nobody_waiting(void **state)
{
	(void)state;
	struct bytes body = frame_of("status");
	struct bytes frame = with_length(body, body.size);
	int stalled[8];

	for (size_t i = 0; i < 8; i++) {
		stalled[i] = visit();
		assert_true(stalled[i] >= 0);
		assert_true(send_bytes(stalled[i], frame.data, 1 + i * 6));
	}
	clock_us began = clock_boot();
	for (int i = 0; i < 20; i++)
		assert_true(status_answers());
	assert_true(clock_boot() - began < 2 * CLOCK_SECOND);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(await(stalled[i], 15000), 'e');
		close(stalled[i]);
	}
}

/* ---- places ---- */

static int ask_status(void)
{
	struct bytes body = frame_of("status");
	struct bytes frame = with_length(body, body.size);
	int fd = visit();

	if (fd < 0)
		return 'c';
	char answer = send_bytes(fd, frame.data, frame.size) ? await(fd, WAIT_MS) : 'e';
	close(fd);
	return answer;
}

/* 'p': refused because of who asks; 'o': answered, or refused for another reason. */
static int ask_login(void)
{
	struct doc *members = doc_object(arena);
	struct keeper_client *client = keeper_client_new(socket_path, 1, 0);
	const struct doc *reply;
	struct err err = {0};

	doc_set_text(members, "person", "p-qa");
	doc_set_text(members, "password", OFFICE_PASSWORD);
	doc_set_text(members, "remote", "x");
	bool done = keeper_client_call(client, arena, "login", "test", members, &reply, &err);
	keeper_client_free(client);
	if (!done && err.code != E_KEEPER_PEER && err.code != E_LOGIN)
		fprintf(stderr, "# login: %s: %s\n", err_code_text(err.code), err.text);
	return !done && err.code == E_KEEPER_PEER ? 'p' : 'o';
}

/* Takes every place it gets, says how many, and stays until its input ends. */
static int take_places(void)
{
	struct bytes body = frame_of("status");
	struct bytes frame = with_length(body, body.size);
	char taken = 0;
	char end;

	for (int i = 0; i < KEEPER_CONNECTIONS + 16; i++) {
		int fd = visit();
		if (fd >= 0 && send_bytes(fd, frame.data, frame.size) && await(fd, WAIT_MS) == 'r')
			taken++;
	}
	if (send(STDIN_FILENO, &taken, 1, 0) != 1)
		return 1;
	while (recv(STDIN_FILENO, &end, 1, 0) > 0)
		continue;
	return 0;
}

/* ---- this program, started again as another user ---- */

static const struct errand {
	const char *name;
	int (*run)(void);
} errands[] = {{"status", ask_status}, {"login", ask_login}, {"places", take_places}};

static int run_errand(const char *name, const char *path)
{
	arena = arena_new(4 * 1024 * 1024);
	socket_path = path;
	for (size_t i = 0; i < sizeof(errands) / sizeof(errands[0]); i++) {
		if (strcmp(errands[i].name, name) == 0)
			_exit(errands[i].run());
	}
	return 98;
}

/* A keeper's threads run in this process: after fork only what is safe in a signal handler. */
static pid_t start_as(uid_t uid, const char *errand, int input)
{
	char *const words[] = {arena_text(arena, "test_desk"), arena_text(arena, errand),
			       arena_text(arena, socket_path), NULL};
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if ((input >= 0 && dup2(input, STDIN_FILENO) < 0) || setresuid(uid, uid, uid) != 0)
			_exit(99);
		execv("/proc/self/exe", words);
		_exit(97);
	}
	return child;
}

static int as_uid(uid_t uid, const char *errand)
{
	int status = 0;
	pid_t child = start_as(uid, errand, -1);

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void restart_for(int64_t uid)
{
	struct err err = {0};

	office_stop_keeper(&office);
	office.settings.service_uid = uid;
	assert_true(office_start_keeper(&office, &err));
	assert_int_equal(chmod(office.dir, 0711), 0);
}

static void test_peer__of_another_uid_is_shown_the_door(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	restart_for(SERVICE_UID);
	assert_int_equal(as_uid(NOBODY, "status"), 'e');
	assert_int_equal(as_uid(SERVICE_UID, "status"), 'r');
	assert_int_equal(as_uid(NOBODY, "status"), 'e');
	/* Root is an operator here, no service. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask_status(), 'r');
		assert_int_equal(ask_login(), 'p');
	}
	assert_int_equal(as_uid(SERVICE_UID, "login"), 'o');
	restart_for(getuid());
}

static void test_operator__finds_a_place_when_the_service_took_all(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	char taken = 0;
	int status = 0;
	int ends[2];

	restart_for(SERVICE_UID);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t child = start_as(SERVICE_UID, "places", ends[0]);
	close(ends[0]);
	assert_int_equal(recv(ends[1], &taken, 1, 0), 1);
	assert_in_range(taken, KEEPER_CONNECTIONS / 2, KEEPER_CONNECTIONS - 1);
	assert_int_equal(as_uid(SERVICE_UID, "status"), 'e');
	assert_int_equal(ask_status(), 'r');
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	/* And when they are gone, the service finds places again. */
	int answer = 'e';
	for (int i = 0; i < 50 && answer != 'r'; i++)
		answer = as_uid(SERVICE_UID, "status");
	assert_int_equal(answer, 'r');
	restart_for(getuid());
}

/* More visitors than places: those beyond are turned away, and all is well when they have left. */
static void test_places__are_bounded_and_come_back(void **state)
{
	(void)state;
	int fds[KEEPER_CONNECTIONS * 2];
	int taken = 0;
	struct bytes body = frame_of("status");
	struct bytes frame = with_length(body, body.size);

	for (size_t i = 0; i < KEEPER_CONNECTIONS * 2; i++) {
		fds[i] = visit();
		assert_true(fds[i] >= 0);
		/* A refused one is closed at once, perhaps before we send. */
		(void)send_bytes(fds[i], frame.data, frame.size);
		taken += await(fds[i], WAIT_MS) == 'r';
	}
	assert_in_range(taken, KEEPER_CONNECTIONS - 4, KEEPER_CONNECTIONS);
	for (size_t i = 0; i < KEEPER_CONNECTIONS * 2; i++)
		close(fds[i]);
	bool answered = false;
	for (int i = 0; i < 50 && !answered; i++) {
		answered = status_answers();
		clock_sleep(CLOCK_SECOND / 20);
	}
	assert_true(answered);
}

/* A visitor that never reads its answers fills its own buffer, not the keeper. */
static void test_reader__that_never_reads_harms_itself(void **state)
{
	(void)state;
	struct bytes body = frame_of("status");
	struct bytes frame = with_length(body, body.size);
	int fd = visit();
	size_t sent = 0;

	assert_true(fd >= 0);
	while (sent < 20000 &&
	       send(fd, frame.data, frame.size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)frame.size)
		sent++;
	assert_true(status_answers());
	close(fd);
	assert_true(status_answers());
}

int main(int count, char **words)
{
	if (count == 3)
		return run_errand(words[1], words[2]);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs__are_refused_before_trust_exists),
		cmocka_unit_test(test_frames__that_are_none_end_their_connection_only),
		cmocka_unit_test(test_frames__of_garbage_are_answered),
		cmocka_unit_test(test_frames__that_stall_keep_nobody_waiting),
		cmocka_unit_test(test_places__are_bounded_and_come_back),
		cmocka_unit_test(test_reader__that_never_reads_harms_itself),
		cmocka_unit_test(test_peer__of_another_uid_is_shown_the_door),
		cmocka_unit_test(test_operator__finds_a_place_when_the_service_took_all),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
