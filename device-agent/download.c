/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How do the bytes get into the idle bank? For install.c, which holds the lease for it.
 */

#include "device-agent/download.h"

#include "common/log.h"
#include "device-agent/poll.h"
#include "device-agent/store.h"

#include <string.h>
#include <unistd.h>

struct stream {
	struct agent *agent;
	int fd;
	uint64_t written; /* bytes of the image handed to the bank */
	uint64_t synced;
	unsigned char *piece;
	size_t filled;
	bool broken; /* our side failed, not the network */
};

static bool flush(struct stream *stream, struct err *err)
{
	if (stream->filled == 0)
		return true;
	if (!store_write(stream->fd, stream->written, bytes_of(stream->piece, stream->filled), err))
		return false;
	stream->written += stream->filled;
	stream->filled = 0;
	return true;
}

/* First the bank, then the memory that relies on it. */
static bool checkpoint(struct stream *stream, struct err *err)
{
	if (stream->written == stream->synced)
		return true;
	if (!store_sync(stream->fd, err))
		return false;
	stream->synced = stream->written;
	stream->agent->memory.job.written_bytes = (int64_t)stream->written;
	return agent_save(stream->agent, err);
}

static bool take_piece(void *context, struct bytes piece, struct err *err)
{
	struct stream *stream = context;

	while (piece.size > 0) {
		size_t room = DOWNLOAD_WRITE_BYTES - stream->filled;
		size_t n = piece.size < room ? piece.size : room;

		memcpy(stream->piece + stream->filled, piece.data, n);
		stream->filled += n;
		piece = bytes_of(piece.data + n, piece.size - n);
		if (stream->filled < DOWNLOAD_WRITE_BYTES)
			continue;
		stream->broken = !flush(stream, err) ||
				 (stream->written - stream->synced >= DOWNLOAD_SYNC_BYTES &&
				  !checkpoint(stream, err));
		if (stream->broken)
			return false;
	}
	return true;
}

/* Whatever came is kept, also when the stream broke off. */
static bool fetch_rest(struct stream *stream, const char *href, struct err *err)
{
	struct agent *agent = stream->agent;
	struct fetch_answer answer = {0};
	uint64_t size = (uint64_t)agent->memory.job.size_bytes;
	struct err trouble = {0};

	if (fetch_download(agent->fetch, agent->arena, href, stream->written, size, take_piece,
			   stream, &answer, err))
		return flush(stream, err) && checkpoint(stream, err);
	if (stream->broken)
		return false;
	/* Some servers know no ranges: then there is nothing to build on. */
	if (err->code == E_FETCH_RANGE) {
		agent->memory.job.written_bytes = 0;
		if (!agent_save(agent, &trouble)) {
			*err = trouble;
			return false;
		}
		err->code = E_AGENT_WAITING;
		return false;
	}
	if (!flush(stream, &trouble) || !checkpoint(stream, &trouble)) {
		*err = trouble;
		return false;
	}
	err_prefix(err, "download at %llu of %llu", (unsigned long long)stream->written,
		   (unsigned long long)size);
	err->code = E_AGENT_WAITING;
	return false;
}

bool download_image(struct agent *agent, const char *href, struct err *err)
{
	struct stream stream = {.agent = agent,
				.written = (uint64_t)agent->memory.job.written_bytes,
				.synced = (uint64_t)agent->memory.job.written_bytes};
	bool ok;

	if (agent->memory.job.written_bytes == agent->memory.job.size_bytes)
		return true;
	if (!poll_href_ours(agent, href, err) ||
	    !agent->banks.open_idle(agent->banks.self, &stream.fd, err))
		return false;
	stream.piece = arena_alloc(agent->arena, DOWNLOAD_WRITE_BYTES);
	log_info("download", LOG_TEXT("artifact", agent->memory.job.artifact),
		 LOG_INT("from", agent->memory.job.written_bytes),
		 LOG_INT("of", agent->memory.job.size_bytes));
	ok = fetch_rest(&stream, href, err);
	close(stream.fd);
	return ok;
}
