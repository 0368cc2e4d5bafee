/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arrives on the keeper's socket, cut into frames as it would be: a request or reply that is
 * taken is canonical.
 */

#include "tests/fuzz/fuzz.h"

#include "common/wire/keeper.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARENA_MAX = 256 * 1024 * 1024, INPUT_MAX = 32 * 1024 };

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void probe_frame(struct arena *arena, struct bytes frame)
{
	struct keeper_request request;
	const struct doc *reply = NULL;
	struct bytes again;
	struct err err = {0};

	if (keeper_request_parse(arena, frame, &request, &err)) {
		must(keeper_frame_of(arena, request.doc, &again, &err));
		must(bytes_equal(frame, again));
	}
	err_clear(&err);
	bool ok = keeper_reply_parse(arena, frame, &reply, &err);
	must(ok == (err.code == E_NONE));
	must(!ok || reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes frame;
	struct err err = {0};
	bool closed = false;
	int fds[2];

	if (size <= INPUT_MAX && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0) {
		must(send(fds[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
		close(fds[0]);
		while (keeper_frame_read(arena, fds[1], CLOCK_SECOND, &closed, &frame, &err) &&
		       !closed)
			probe_frame(arena, frame);
		close(fds[1]);
	}
	probe_frame(arena, bytes_of(data, size));
	arena_free(arena);
	return 0;
}
